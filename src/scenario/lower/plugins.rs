//! `plugins` of a scheduler profile: which plugins filter and score, and with which weight.
//!
//! A set at one extension point goes before `multiPoint`, and that before the default profile:
//! kubernetes v1.36.2 `pkg/scheduler/apis/config/v1/default_plugins.go` (`mergePluginSet`) and
//! `pkg/scheduler/framework/runtime/framework.go` (`expandMultiPointPlugins`,
//! `getScoreWeights`: a weight of 0 counts as 1).

use super::lowering::Lowering;
use super::scheduler::whole;
use crate::control::scheduler::{ProfileSpec, Weights};
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
/// Plugins whose filter can be turned off here.
const OPTIONAL_FILTERS: [&str; 2] = ["PodTopologySpread", "InterPodAffinity"];
/// Plugins of the default profile that filter always.
const FIXED_FILTERS: [&str; 8] = [
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "NodeVolumeLimits",
    "VolumeBinding",
];
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
        if !["score", "filter", "multiPoint"].contains(&key.text.as_str()) {
            let reason = "plugins are switched at `score`, `filter` and `multiPoint`";
            lowering.not_built("schedulerConfiguration.profiles.plugins", key.span, reason);
        }
        check(lowering, &key.text, set);
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
    let filters = |plugin| {
        let said =
            said(sets.get("filter"), plugin).or_else(|| said(sets.get("multiPoint"), plugin));
        said != Some(Word::Off)
    };
    (spec.filters_spread, spec.filters_pod_affinity) =
        (filters("PodTopologySpread"), filters("InterPodAffinity"));
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
fn check(lowering: &mut Lowering<'_, '_>, point: &str, set: &Node) {
    for (list, items) in set.entries() {
        let off = list.text == "disabled";
        if !off && list.text != "enabled" {
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
            let filters = off && point != "score";
            let kept = filters && (plugin == "*" || FIXED_FILTERS.contains(&plugin));
            let known = plugin == "*"
                || SCORING.contains(&plugin)
                || OPTIONAL_FILTERS.contains(&plugin)
                || FIXED_FILTERS.contains(&plugin);
            if kept {
                let reason = "of the filters, PodTopologySpread and InterPodAffinity can be off";
                lowering.not_built("schedulerConfiguration.profiles.plugins", place, reason);
            } else if !known {
                let reason = format!("the plugin `{plugin}` is not simulated");
                lowering.not_built("schedulerConfiguration.profiles.plugins", place, &reason);
            }
        }
    }
}
