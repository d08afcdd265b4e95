//! `cluster.schedulerConfiguration`: how kube-scheduler scores nodes, from its own configuration,
//! one profile or more.
//!
//! kubernetes v1.36.2 `pkg/scheduler/apis/config/{types,types_pluginargs}.go` and `validation`;
//! azure-aks-docs @ fb060ab `concepts-scheduler-configuration.md`.

use super::lowering::{Lowering, value};
use super::{arguments, plugins};
use crate::control::scheduler::score::{Curve, FitScoring, ResourceKind};
use crate::control::scheduler::{ProfileSpec, SchedulerSpec};
use crate::scenario::code;
use crate::scenario::format::{
    At, Count, PluginConfig, SchedulerConfiguration, SchedulerProfile, Text,
};
use crate::scenario::node::Node;
use crate::scenario::source::Span;
use crate::unit::{Duration, Symbol};

/// The profile of pods that name none.
pub const DEFAULT_SCHEDULER: &str = "default-scheduler";
/// The profile that users cannot define.
const RESERVED: &str = "aks-system";
/// Scores of a shape's points (`MaxCustomPriorityScore`).
const BEST: i64 = 10;

/// Applies the configuration of the scenario.
pub fn configure(lowering: &mut Lowering<'_, '_>, spec: &mut SchedulerSpec) {
    let cluster = value(&lowering.scenario.cluster);
    let Some(at) = cluster.and_then(|cluster| cluster.scheduler.as_ref()) else {
        spec.profiles.push(ProfileSpec::default());
        return;
    };
    if !lowering.version.at_least(33) {
        let message = "AKS takes a scheduler configuration from Kubernetes 1.33 on";
        lowering.error(code::CONTRADICTION, message, at.span, "");
    }
    let given = &at.value;
    configure_pace(lowering, given, at.span, spec);
    let global = given.percentage.as_ref().map_or(0, |at| percentage(lowering, at));
    for profile in value(&given.profiles).into_iter().flatten() {
        let read = profile_of(lowering, profile, global);
        if spec.schedules(read.name) {
            let message = format!("two profiles are called `{}`", name_of(profile));
            lowering.error(code::CONTRADICTION, message, profile.span, "");
        }
        spec.profiles.push(read);
    }
    // AKS keeps its own default profile beside those of the user.
    if !spec.schedules(Symbol::EMPTY) {
        let usual = ProfileSpec { percentage_of_nodes: global, ..ProfileSpec::default() };
        spec.profiles.insert(0, usual);
    }
}

/// Back-offs, which all profiles share.
fn configure_pace(
    lowering: &mut Lowering<'_, '_>,
    given: &SchedulerConfiguration,
    place: Span,
    spec: &mut SchedulerSpec,
) {
    let seconds = |count: u32| Duration::from_secs(u64::from(count));
    if let Some(initial) = &given.initial_backoff {
        spec.initial_backoff = seconds(initial.value.0);
    }
    if let Some(max) = &given.max_backoff {
        spec.max_backoff = seconds(max.value.0);
    }
    if spec.initial_backoff.is_zero() || spec.max_backoff < spec.initial_backoff {
        let message = "`podInitialBackoffSeconds` must be at least 1 and no more than the maximum";
        lowering.error(code::BAD_VALUE, message, place, "");
    }
}

fn percentage(lowering: &mut Lowering<'_, '_>, at: &At<Count>) -> u32 {
    if at.value.0 > 100 {
        lowering.error(code::BAD_VALUE, "a percentage is at most 100", at.span, "");
    }
    at.value.0
}

fn profile_of(
    lowering: &mut Lowering<'_, '_>,
    given: &At<SchedulerProfile>,
    global: u32,
) -> ProfileSpec {
    let name = name_of(given);
    if name == RESERVED {
        let message = format!("`{RESERVED}` is the scheduler of AKS add-ons: choose another name");
        lowering.error(code::BAD_VALUE, message, given.span, "");
    }
    let symbol = if name == DEFAULT_SCHEDULER { "" } else { name };
    let own = given.value.percentage.as_ref();
    let mut spec = ProfileSpec {
        name: lowering.tables.intern(symbol),
        percentage_of_nodes: own.map_or(global, |at| percentage(lowering, at)),
        ..ProfileSpec::default()
    };
    if let Some(sets) = &given.value.sets {
        plugins::switch(lowering, &sets.value.0, &mut spec);
    }
    for plugin in value(&given.value.plugins).into_iter().flatten() {
        plugin_config(lowering, plugin, &mut spec);
    }
    spec
}

fn name_of(profile: &At<SchedulerProfile>) -> &str {
    value(&profile.value.name).map_or(DEFAULT_SCHEDULER, |name: &Text| &name.0)
}

fn plugin_config(
    lowering: &mut Lowering<'_, '_>,
    plugin: &At<PluginConfig>,
    spec: &mut ProfileSpec,
) {
    let Some(name) = &plugin.value.name else { return };
    let known: &[&str] = match name.value.0.as_str() {
        "NodeResourcesFit" => &["scoringStrategy", "ignoredResources"],
        "NodeResourcesBalancedAllocation" => &["resources"],
        "NodeAffinity" => &["addedAffinity"],
        "PodTopologySpread" => &["defaultConstraints", "defaultingType"],
        "InterPodAffinity" => &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"],
        _ => {
            let reason = "arguments of this plugin are not simulated";
            return lowering.not_built("pluginConfig", name.span, reason);
        }
    };
    let Some(args) = plugin.value.args.as_ref().map(|args| &args.value.0) else { return };
    for (key, _) in args.entries() {
        let text = key.text.as_str();
        if !["apiVersion", "kind"].contains(&text) && !known.contains(&text) {
            let reason = format!("of `{}`, {} is simulated", name.value.0, known.join(" and "));
            lowering.not_built("pluginConfig.args", key.span, &reason);
        }
    }
    match known[0] {
        "scoringStrategy" => {
            spec.fit = fit(lowering, args).unwrap_or(spec.fit.clone());
            arguments::ignored_resources(lowering, args, spec);
        }
        "resources" => balanced(lowering, args, spec),
        "addedAffinity" => arguments::added_affinity(lowering, args, spec),
        "defaultConstraints" => arguments::default_constraints(lowering, args, spec),
        _ => arguments::inter_pod_affinity(lowering, args, spec),
    }
}

/// `scoringStrategy` of NodeResourcesFit.
fn fit(lowering: &mut Lowering<'_, '_>, args: &Node) -> Option<FitScoring> {
    let strategy = args.get("scoringStrategy")?;
    let resources = strategy.get("resources").map(|list| resources(lowering, list, 1..=100));
    let curve = match strategy.get("type").and_then(Node::text).unwrap_or("LeastAllocated") {
        "LeastAllocated" => Curve::Least,
        "MostAllocated" => Curve::Most,
        "RequestedToCapacityRatio" => Curve::Ratio(shape(lowering, strategy)?),
        other => {
            let message = format!(
                "`{other}` is no scoring strategy: LeastAllocated, MostAllocated, \
                 RequestedToCapacityRatio"
            );
            lowering.error(code::BAD_VALUE, message, strategy.span, "");
            return None;
        }
    };
    let usual = vec![(ResourceKind::Cpu, 1), (ResourceKind::Memory, 1)];
    FitScoring::new(curve, resources.unwrap_or(usual)).ok()
}

/// `resources` of NodeResourcesBalancedAllocation, all of weight 1.
fn balanced(lowering: &mut Lowering<'_, '_>, args: &Node, spec: &mut ProfileSpec) {
    if let Some(list) = args.get("resources") {
        let read = resources(lowering, list, 1..=1);
        spec.balanced = read.into_iter().map(|(kind, _)| kind).collect();
    }
}

/// Resources with their weights.
fn resources(
    lowering: &mut Lowering<'_, '_>,
    list: &Node,
    weights: std::ops::RangeInclusive<i64>,
) -> Vec<(ResourceKind, i64)> {
    let mut read = Vec::new();
    for item in list.items() {
        let weight = item.get("weight").map_or(Some(1), whole);
        let Some(weight) = weight.filter(|weight| weights.contains(weight)) else {
            let (least, most) = (weights.start(), weights.end());
            let message = match least == most {
                true => format!("a weight is {least} here"),
                false => format!("a weight is from {least} to {most}"),
            };
            lowering.error(code::BAD_VALUE, message, item.span, "");
            continue;
        };
        match item.get("name").and_then(Node::text).and_then(|name| resource(lowering, name)) {
            Some(kind) => read.push((kind, weight)),
            None => {
                let message = "a scored resource is `cpu`, `memory`, `ephemeral-storage` or one \
                               of at most 8 extended ones";
                lowering.error(code::BAD_VALUE, message, item.span, "");
            }
        }
    }
    read
}

fn resource(lowering: &mut Lowering<'_, '_>, name: &str) -> Option<ResourceKind> {
    Some(match name {
        "cpu" => ResourceKind::Cpu,
        "memory" => ResourceKind::Memory,
        "ephemeral-storage" => ResourceKind::Ephemeral,
        // Extended resources have a domain (`IsExtendedResourceName`).
        other if !other.contains('/') => return None,
        other => ResourceKind::Extended(lowering.tables.extended(other)?),
    })
}

/// Points of `requestedToCapacityRatio`: utilisation ascending within 0-100, scores within 0-10.
fn shape(lowering: &mut Lowering<'_, '_>, strategy: &Node) -> Option<Vec<(i64, i64)>> {
    let points = strategy.at(&["requestedToCapacityRatio", "shape"]).map_or(&[][..], Node::items);
    let read = points.iter().map(|point| {
        let number = |key: &str| point.get(key).and_then(whole);
        Some((number("utilization")?, number("score")?))
    });
    let read: Option<Vec<_>> = read.collect();
    let fine = read.filter(|points| {
        !points.is_empty()
            && points.iter().all(|(at, score)| (0..=100).contains(at) && (0..=BEST).contains(score))
            && points.windows(2).all(|pair| pair[0].0 < pair[1].0)
    });
    if fine.is_none() {
        let message = "`requestedToCapacityRatio.shape` needs points of ascending `utilization` \
                       (0 to 100), each with a `score` (0 to 10)";
        lowering.error(code::BAD_VALUE, message, strategy.span, "");
    }
    // Scores up to 10 become such up to 100.
    fine.map(|points| points.into_iter().map(|(at, score)| (at, score * 10)).collect())
}

pub(super) fn whole(node: &Node) -> Option<i64> {
    node.text()?.parse().ok()
}
