//! `plugins` of a scheduler profile: which plugins filter and score, and with which weight.
//!
//! A set at one extension point goes before `multiPoint`, and that before the default profile:
//! kubernetes v1.36.2 `pkg/scheduler/apis/config/v1/default_plugins.go` (`mergePluginSet`) and
//! `pkg/scheduler/framework/runtime/framework.go` (`expandMultiPointPlugins`,
//! `getScoreWeights`: a weight of 0 counts as 1).

use super::lowering::Lowering;
use super::scheduler::whole;
use crate::control::scheduler::{ProfileSpec, Weights};
use crate::rules::Plugin;
use crate::scenario::code;
use crate::scenario::node::Node;

/// Plugins that score, in the order of the default profile.
const SCORING: [&str; 7] = [
    "TaintToleration",
    "NodeAffinity",
    "NodeResourcesFit",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
];
/// Plugins of the default profile that neither filter nor score here: their work is not simulated,
/// or cannot be left out.
const SILENT: [&str; 8] = [
    "PrioritySort",
    "DefaultBinder",
    "SchedulingGates",
    "VolumeRestrictions",
    "VolumeZone",
    "DynamicResources",
    "NodeDeclaredFeatures",
    "GangScheduling",
];
/// What finds room for a pod among those of lower priority.
const PREEMPTION: &str = "DefaultPreemption";
/// Totals stay within their numbers up to this weight.
const MAX_WEIGHT: i64 = 1_000_000;

/// What one extension point says of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// `enabled`, with its weight.
    On(i64),
    /// `disabled`, by name or as `*`.
    Off,
}

/// Applies the sets of a profile.
pub fn switch(lowering: &mut Lowering<'_, '_>, sets: &Node, spec: &mut ProfileSpec) {
    for (key, set) in sets.entries() {
        if !["score", "filter", "postFilter", "multiPoint"].contains(&key.text.as_str()) {
            let reason = "plugins are switched at `filter`, `postFilter`, `score` and `multiPoint`";
            lowering.not_built("schedulerConfiguration.profiles.plugins", key.span, reason);
        }
        check(lowering, set);
    }
    let defaults = Weights::default();
    for plugin in SCORING {
        let said = said(sets.get("score"), plugin).or_else(|| said(sets.get("multiPoint"), plugin));
        let (mut usual, weights) = (defaults, &mut spec.weights);
        let (Some(weight), Some(usual)) = (weights.of(plugin), usual.of(plugin)) else { continue };
        *weight = match said {
            Some(Word::On(weight)) => weight.max(1),
            Some(Word::Off) => 0,
            None => *usual,
        };
    }
    let off = |point: &str, plugin: &str| {
        let said = said(sets.get(point), plugin).or_else(|| said(sets.get("multiPoint"), plugin));
        said == Some(Word::Off)
    };
    for plugin in Plugin::ALL {
        if off("filter", plugin.name()) {
            spec.filters_off.insert(plugin);
        }
    }
    spec.preempts = !off("postFilter", PREEMPTION);
    spec.gates = !off("multiPoint", "SchedulingGates");
    for plugin in &SILENT[..2] {
        if off("multiPoint", plugin) {
            let message = format!("a profile does not work without `{plugin}`");
            let at = sets.get("multiPoint").map_or(sets.span, |set| set.span);
            lowering.error(code::CONTRADICTION, message, at, "it is disabled here");
        }
    }
}

/// What a set says of a plugin; of one that is both disabled and enabled, the latter holds.
fn said(set: Option<&Node>, plugin: &str) -> Option<Word> {
    let named = |list: &str| set?.get(list)?.items().iter().find(|item| name(item) == plugin);
    if let Some(item) = named("enabled") {
        return Some(Word::On(item.get("weight").and_then(whole).unwrap_or(0)));
    }
    let all = || set?.get("disabled")?.items().iter().find(|item| name(item) == "*");
    named("disabled").or_else(all).map(|_| Word::Off)
}

fn name(item: &Node) -> &str {
    item.get("name").and_then(Node::text).unwrap_or_default()
}

/// Refuses what cannot be, and what is not simulated.
fn check(lowering: &mut Lowering<'_, '_>, set: &Node) {
    for (list, items) in set.entries() {
        if !["enabled", "disabled"].contains(&list.text.as_str()) {
            let message = "a set of plugins has `enabled` and `disabled`";
            lowering.error(code::BAD_VALUE, message, list.span, "");
        }
        for item in items.items() {
            let (plugin, place) = (name(item), item.span);
            if let Some(weight) = item.get("weight")
                && !whole(weight).is_some_and(|weight| (0..=MAX_WEIGHT).contains(&weight))
            {
                let message = format!("a weight is from 1 to {MAX_WEIGHT}");
                lowering.error(code::BAD_VALUE, message, weight.span, "");
            }
            let known = plugin == "*"
                || plugin == PREEMPTION
                || SCORING.contains(&plugin)
                || SILENT.contains(&plugin)
                || Plugin::ALL.iter().any(|filter| filter.name() == plugin);
            if !known {
                let reason = format!("the plugin `{plugin}` is not simulated");
                lowering.not_built("schedulerConfiguration.profiles.plugins", place, &reason);
            }
        }
    }
}
