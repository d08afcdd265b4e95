//! What the autoscaler reads of a pool's tags and of annotations on its nodes.
//!
//! Source: kubernetes/autoscaler @ 55c37cd `cloudprovider/azure/azure_template.go` and
//! `azure_manager.go`; kubernetes-sigs/cluster-autoscaler @ 33c3f97
//! `pkg/core/scaledown/actuation/delay.go`.

use super::pool::PoolReader;
use crate::cloud::{PoolAnnotations, PoolTags};
use crate::control::autoscaler::azure::{
    OPTION_TAG, Tags, labels_from_tags, resources_from_tags, taints_from_tags,
};
use crate::control::autoscaler::duration_of;
use crate::model::{Labels, Taint};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::unit::{Duration, Quantity, Resources};

const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
const DELAY_DELETION: &str = "delay-deletion.cluster-autoscaler.kubernetes.io/";

/// What an empty pool's template has that tags may change.
pub(super) struct Template {
    pub(super) labels: Labels,
    pub(super) room: Resources,
}

impl PoolReader<'_, '_, '_> {
    /// Reads the tags; those for labels and resources go into the template at once.
    pub(super) fn tags(&mut self, template: &mut Template) -> PoolTags {
        let given = self.given.tags.iter().flat_map(|given| &given.value);
        let all: Vec<(&str, &str)> =
            given.clone().map(|(key, at)| (key.as_str(), at.value.0.as_str())).collect();
        let mut tags = PoolTags { taints: self.template_taints(&all), ..PoolTags::default() };
        for (key, value) in labels_from_tags(&all) {
            let tables = &mut self.lowering.tables;
            template.labels.set(tables.intern(&key), tables.intern(&value));
        }
        for (name, quantity) in resources_from_tags(&all) {
            self.template_resource(&mut template.room, &name, quantity);
        }
        for (key, at) in given {
            let Some(name) = key.strip_prefix(OPTION_TAG) else { continue };
            if option(&mut tags, name, &at.value.0).is_none() {
                let message = format!("the autoscaler reads nothing of the tag `{key}`");
                let found = Diagnostic::warning(code::AUTOSCALER_SETTING, message);
                self.lowering.report(found.at(at.span, "no such setting, or no value of it"));
            }
        }
        tags
    }

    fn template_taints(&mut self, tags: Tags<'_>) -> Vec<Taint> {
        let tables = &mut self.lowering.tables;
        let taints = taints_from_tags(tags).into_iter();
        let taints = taints.map(|text| Taint {
            key: tables.intern(&text.key),
            value: tables.intern(&text.value),
            effect: text.effect,
        });
        taints.collect()
    }

    /// A quantity that does not fit is left out, as upstream leaves out one that it cannot read.
    fn template_resource(&mut self, room: &mut Resources, name: &str, quantity: Quantity) {
        let Ok(units) = quantity.units() else { return };
        match name {
            "cpu" => room.cpu_milli = quantity.milli().unwrap_or(room.cpu_milli),
            "memory" => room.memory = units,
            "ephemeral-storage" => room.ephemeral = units,
            "pods" => room.pods = units,
            other => {
                if let Some(id) = self.lowering.tables.extended(other) {
                    room.extended[usize::from(id.0)] = units;
                }
            }
        }
    }

    /// Reads the annotations.
    pub(super) fn annotations(&self) -> PoolAnnotations {
        let mut annotations = PoolAnnotations::default();
        for (key, at) in self.given.annotations.iter().flat_map(|given| &given.value) {
            let text = at.value.0.trim();
            if key == SCALE_DOWN_DISABLED {
                annotations.scale_down_disabled = text == "true";
            } else if key.starts_with(DELAY_DELETION) {
                let delay = duration_of(text).unwrap_or(Duration::MAX);
                let longest = annotations.deletion_delay.unwrap_or_default().max(delay);
                annotations.deletion_delay = Some(longest);
            }
        }
        annotations
    }
}

/// One of the four settings that a pool may have of its own. Upstream warns of a value that it
/// cannot read, and goes on without it.
fn option(tags: &mut PoolTags, name: &str, text: &str) -> Option<()> {
    let text = text.trim().to_ascii_lowercase();
    let share = || text.parse::<f64>().ok().filter(|share| share.is_finite());
    match name {
        "scaledownutilizationthreshold" => tags.utilization_threshold = Some(share()?),
        "scaledowngpuutilizationthreshold" => tags.gpu_utilization_threshold = Some(share()?),
        "scaledownunneededtime" => tags.unneeded_time = Some(duration_of(&text)?),
        "scaledownunreadytime" => tags.unready_time = Some(duration_of(&text)?),
        _ => return None,
    }
    Some(())
}
