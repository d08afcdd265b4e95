//! `cluster.schedulerConfiguration`: how kube-scheduler scores nodes, from its own configuration,
//! one profile or more.
//!
//! kubernetes v1.36.2 `pkg/scheduler/apis/config/{types,types_pluginargs}.go` and `validation`;
//! azure-aks-docs @ fb060ab `concepts-scheduler-configuration.md`.

use super::lowering::{Lowering, value};
use super::{arguments, plugins};
use crate::control::scheduler::{FitStrategy, ProfileSpec, SchedulerSpec};
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
        "NodeResourcesFit" => &["scoringStrategy"],
        "NodeAffinity" => &["addedAffinity"],
        "PodTopologySpread" => &["defaultConstraints", "defaultingType"],
        "InterPodAffinity" => &["hardPodAffinityWeight"],
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
        "scoringStrategy" => spec.fit = fit(lowering, args).unwrap_or(spec.fit.clone()),
        "addedAffinity" => arguments::added_affinity(lowering, args, spec),
        "defaultConstraints" => arguments::default_constraints(lowering, args, spec),
        _ => arguments::hard_weight(lowering, args, spec),
    }
}

/// `scoringStrategy` of NodeResourcesFit.
fn fit(lowering: &mut Lowering<'_, '_>, args: &Node) -> Option<FitStrategy> {
    let strategy = args.get("scoringStrategy")?;
    let (mut cpu, mut memory) = (1, 1);
    if let Some(resources) = strategy.get("resources") {
        (cpu, memory) = (0, 0);
        for item in resources.items() {
            let weight = item.get("weight").map_or(Some(1), whole);
            let weight = weight.filter(|weight| (1..=100).contains(weight));
            let Some(weight) = weight else {
                lowering.error(code::BAD_VALUE, "a weight is from 1 to 100", item.span, "");
                continue;
            };
            match item.get("name").and_then(Node::text) {
                Some("cpu") => cpu = weight,
                Some("memory") => memory = weight,
                _ => {
                    let reason = "only `cpu` and `memory` are scored";
                    lowering.not_built("scoringStrategy.resources", item.span, reason);
                }
            }
        }
    }
    match strategy.get("type").and_then(Node::text).unwrap_or("LeastAllocated") {
        "LeastAllocated" => Some(FitStrategy::LeastAllocated { cpu, memory }),
        "MostAllocated" => Some(FitStrategy::MostAllocated { cpu, memory }),
        "RequestedToCapacityRatio" => {
            let shape = shape(lowering, strategy)?;
            Some(FitStrategy::RequestedToCapacityRatio { cpu, memory, shape })
        }
        other => {
            let message = format!(
                "`{other}` is no scoring strategy: LeastAllocated, MostAllocated, \
                 RequestedToCapacityRatio"
            );
            lowering.error(code::BAD_VALUE, message, strategy.span, "");
            None
        }
    }
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
    fine
}

pub(super) fn whole(node: &Node) -> Option<i64> {
    node.text()?.parse().ok()
}
