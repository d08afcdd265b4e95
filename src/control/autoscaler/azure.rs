//! What the Azure provider tells of nodes that do not exist yet and of instances
//! (kubernetes/autoscaler @ 55c37cd `cluster-autoscaler/cloudprovider/azure`).

use crate::model::TaintEffect;
use crate::unit::{Duration, Quantity, SimTime};

const LABEL_TAG: &str = "k8s.io_cluster-autoscaler_node-template_label_";
const TAINT_TAG: &str = "k8s.io_cluster-autoscaler_node-template_taint_";
/// What precedes the name of a pool's own setting.
pub const OPTION_TAG: &str = "k8s.io_cluster-autoscaler_node-template_autoscaling-options_";
const RESOURCE_TAG: &str = "k8s.io_cluster-autoscaler_node-template_resources_";
/// The disk driver's zone label.
pub const DISK_ZONE: &str = "topology.disk.csi.azure.com/zone";

/// How long a scale set's size is believed (`AZURE_VMSS_CACHE_TTL`, 1 min if not given).
const SIZE_TTL: Duration = Duration::from_mins(1);

/// A scale set's size (`sku.capacity`) as the provider holds it: what others do to the scale set is
/// seen when the size is read again, the autoscaler's own calls at once (`azure_scale_set.go`,
/// `getCurSize`, `createOrUpdateInstances`, `DeleteInstances`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CachedSize {
    size: u32,
    read_at: Option<SimTime>,
}

impl CachedSize {
    /// The size that the autoscaler sees now, where it is really `actual`.
    pub fn read(&mut self, actual: u32, now: SimTime) -> u32 {
        if self.read_at.is_none_or(|at| at + SIZE_TTL <= now) {
            self.set(actual, now);
        }
        self.size
    }

    /// What was seen last.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// When it was.
    pub fn seen_at(&self) -> SimTime {
        self.read_at.unwrap_or_default()
    }

    /// A call of the autoscaler's own was accepted: the size is known, and believed anew.
    pub const fn set(&mut self, size: u32, now: SimTime) {
        *self = Self { size, read_at: Some(now) };
    }

    /// The next look reads it: an operation has failed, or the process is new.
    pub const fn forget(&mut self) {
        self.read_at = None;
    }
}

/// A taint by text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaintText {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// Effect.
    pub effect: TaintEffect,
}

/// Tags of a scale set, in order.
pub type Tags<'t> = &'t [(&'t str, &'t str)];

/// In tag names `_` stands for `/` and `~2` for `_`.
fn untag(name: &str) -> String {
    name.replace('_', "/").replace("~2", "_")
}

/// Labels from tags; a tag without a value gives none.
pub fn labels_from_tags(tags: Tags<'_>) -> Vec<(String, String)> {
    tags.iter()
        .filter_map(|(name, value)| Some((untag(name.strip_prefix(LABEL_TAG)?), *value)))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key, value.to_owned()))
        .collect()
}

fn effect(text: &str) -> Option<TaintEffect> {
    Some(match text {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        _ => return None,
    })
}

/// `value:Effect`
fn taint(key: String, text: &str) -> Option<TaintText> {
    let (value, tail) = text.split_once(':')?;
    Some(TaintText { key, value: value.to_owned(), effect: effect(tail)? })
}

/// Taints from tags; those without an effect are left out.
pub fn taints_from_tags(tags: Tags<'_>) -> Vec<TaintText> {
    tags.iter()
        .filter_map(|(name, text)| taint(untag(name.strip_prefix(TAINT_TAG)?), text))
        .collect()
}

/// Taints from `key=value:Effect,…`; parts that are none are left out, repeated ones count once.
pub fn taints_from_spec(text: &str) -> Vec<TaintText> {
    let mut taints: Vec<TaintText> = Vec::new();
    for part in text.split(',') {
        let Some((key, rest)) = part.split_once('=') else { continue };
        if let Some(taint) = taint(key.to_owned(), rest)
            && !taints.contains(&taint)
        {
            taints.push(taint);
        }
    }
    taints
}

/// Labels and taints of a pool's template: the pool's own, then those of the autoscaler's settings,
/// whose labels win (`azure_template.go`, `buildNodeTemplateFromVMPool`).
pub fn pool_template(
    labels: Vec<(String, String)>,
    taints: &[String],
    spec_labels: Vec<(String, String)>,
    spec_taints: &str,
) -> (Vec<(String, String)>, Vec<TaintText>) {
    let mut merged = labels;
    for (key, value) in spec_labels {
        merged.retain(|(known, _)| *known != key);
        merged.push((key, value));
    }
    let all = taints.join(",") + "," + spec_taints;
    (merged, taints_from_spec(&all))
}

/// Resources that tags override: name, and quantity.
pub fn resources_from_tags(tags: Tags<'_>) -> Vec<(String, Quantity)> {
    tags.iter()
        .filter_map(|(name, value)| {
            let name = untag(name.strip_prefix(RESOURCE_TAG)?);
            Some((name, Quantity::parse(value).ok()?))
        })
        .collect()
}

/// Labels that every node of a size has.
pub fn generic_labels(arch: &str, os: &str, size: &str, region: &str) -> Vec<(String, String)> {
    let region = &region.to_lowercase();
    [
        ("beta.kubernetes.io/arch", arch),
        ("kubernetes.io/arch", arch),
        ("beta.kubernetes.io/os", os),
        ("kubernetes.io/os", os),
        ("beta.kubernetes.io/instance-type", size),
        ("node.kubernetes.io/instance-type", size),
        ("failure-domain.beta.kubernetes.io/region", region),
        ("topology.kubernetes.io/region", region),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

/// The zone of a template, one of these by chance: its labels without a size's
/// ([`generic_labels`]). Without zones the zone is `0`, and the disk driver's is empty.
pub fn zone_labels(region: &str, zones: &[&str]) -> Vec<[(&'static str, String); 3]> {
    let labels = |zone: String, disk: String| {
        [
            ("failure-domain.beta.kubernetes.io/zone", zone.clone()),
            ("topology.kubernetes.io/zone", zone),
            (DISK_ZONE, disk),
        ]
    };
    if zones.is_empty() {
        return vec![labels("0".to_owned(), String::new())];
    }
    let all = zones.iter().map(|zone| format!("{}-{zone}", region.to_lowercase()));
    all.map(|zone| labels(zone.clone(), zone)).collect()
}

/// `provisioningState` of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisioningState {
    /// `Creating`
    Creating,
    /// `Updating`: keeps what is cached.
    Updating,
    /// `Deleting`
    Deleting,
    /// `Failed`
    Failed,
    /// Any other.
    Succeeded,
}

/// What the provider says of an instance: its state, and whether it reports an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedState {
    /// Running.
    Running,
    /// Being created.
    Creating,
    /// Being deleted.
    Deleting,
    /// Being created, with an error (out of resources).
    CreatingWithError,
}

/// State of an instance (`azure_scale_set_instance_cache.go`). `running`: the power state is
/// running or starting; every other one, unknown too, is not.
pub fn reported_state(
    state: ProvisioningState,
    running: bool,
    fast_delete: bool,
    cached: ReportedState,
) -> ReportedState {
    match state {
        ProvisioningState::Creating => ReportedState::Creating,
        ProvisioningState::Deleting => ReportedState::Deleting,
        ProvisioningState::Updating => cached,
        ProvisioningState::Failed if fast_delete && !running => ReportedState::CreatingWithError,
        _ => ReportedState::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_zones_the_disk_driver_s_zone_is_empty() {
        let of = |zones: &[&str]| -> Vec<[String; 2]> {
            let all = zone_labels("WestUS", zones);
            all.into_iter().map(|[_, (_, zone), (_, disk)]| [zone, disk]).collect()
        };
        assert_eq!(of(&[]), [["0", ""]]);
        assert_eq!(of(&["1", "3"]), [["westus-1", "westus-1"], ["westus-3", "westus-3"]]);
    }

    #[test]
    fn labels_of_the_settings_win_over_the_pool_s() {
        let own = |value: &str| vec![("team".to_owned(), value.to_owned())];
        let (labels, taints) =
            pool_template(own("pool"), &["a=b:NoSchedule".into()], own("flag"), "");
        assert_eq!(labels, own("flag"));
        assert_eq!(taints.len(), 1);
    }

    #[test]
    fn a_size_is_believed_for_a_minute() {
        let second = SimTime::from_secs;
        let mut size = CachedSize::default();
        assert_eq!(size.read(5, second(0)), 5, "never read before");
        assert_eq!(size.read(3, second(59)), 5, "two were evicted, and nobody has looked");
        assert_eq!(size.read(3, second(60)), 3);
        size.set(7, second(90));
        assert_eq!(size.read(6, second(149)), 7, "its own call counts for a minute of its own");
        assert_eq!(size.read(6, second(150)), 6);
        size.forget();
        assert_eq!(size.read(4, second(151)), 4, "an operation failed: it is read at once");
    }
}
