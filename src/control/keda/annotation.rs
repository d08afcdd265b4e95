//! The annotations `autoscaling.keda.sh/…` of a ScaledObject.
//!
//! kedacore/keda @ 8b4f083c, `apis/keda/v1alpha1/scaledobject_types.go`, `pkg/util/parse_bool.go`.

use super::ScaledObjectSpec;

/// Prefix of all of them.
pub const PREFIX: &str = "autoscaling.keda.sh/";

/// A boolean annotation: absent is false, and what is no boolean counts as true.
pub fn switch(value: Option<&str>) -> bool {
    match value {
        None => false,
        Some(text) => !matches!(text, "0" | "f" | "F" | "false" | "FALSE" | "False"),
    }
}

/// `paused-replicas`.
///
/// # Errors
/// The text, if it is not a number of replicas.
pub fn paused_replicas(value: Option<&str>) -> Result<Option<u32>, String> {
    value.map(|text| text.parse().map_err(|_| text.to_owned())).transpose()
}

impl ScaledObjectSpec {
    /// Takes over the annotations; `get` finds one by its name without the prefix.
    ///
    /// # Errors
    /// The text of `paused-replicas` where it is no number.
    pub fn annotate<'a>(&mut self, get: impl Fn(&str) -> Option<&'a str>) -> Result<(), String> {
        self.paused_replicas = paused_replicas(get("paused-replicas"))?;
        self.paused = switch(get("paused"));
        self.paused_scale_in = switch(get("paused-scale-in"));
        self.paused_scale_out = switch(get("paused-scale-out"));
        self.force_activation = switch(get("force-activation"));
        Ok(())
    }
}
