//! What can be simulated but was probably not meant.

use rustc_hash::FxHashMap;

use super::linter::surge;
use crate::cloud::{NetworkMode, PoolSpec, address};
use crate::plan::{ArrivalSpec, Plan, ScalerKind};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::Scenario;
use crate::scenario::reading::Reading;
use crate::unit::{SubnetId, Symbol};

/// All lints.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    subnets(reading, scenario, plan);
    growth(reading, scenario, plan);
    unread_queues(reading, scenario, plan);
    overload(reading, scenario, plan);
    replicas(reading, scenario, plan);
}

/// A subnet that fills before its pools reach their maximum.
fn subnets(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let place = scenario
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.value.network.as_ref())
        .and_then(|network| network.value.subnet.as_ref().map(|at| at.span));
    let static_pods = plan.network.mode == NetworkMode::Flat;
    for (index, subnet) in plan.subnets.iter().enumerate() {
        let Some(capacity) = subnet.capacity else { continue };
        let id = SubnetId(index as u32);
        let per_node = |max_pods: u32| address::NodeNeed::of(plan.network.mode, max_pods).node;
        let pools = plan.pools.iter().filter(|pool| pool.subnet == id);
        let pools = pools.map(|pool| (pool, per_node(pool.max_pods)));
        let needed: u64 = pools.clone().map(|(pool, each)| u64::from(pool.max) * each).sum();
        let surge = surge(pools.clone());
        if needed.saturating_add(surge) <= capacity {
            continue;
        }
        let nodes: u64 = pools.clone().map(|(pool, _)| u64::from(pool.max)).sum();
        let largest = pools.map(|(_, each)| each).max().unwrap_or(1).max(1);
        let name = plan.symbols.text(subnet.name);
        let wall = format!(
            "the subnet `{name}` has {capacity} addresses, its pools at maximum need {needed}"
        );
        let found = if needed > capacity {
            Diagnostic::warning(code::SMALL_SUBNET, wall)
        } else {
            let message = format!("{wall} and the surge nodes of an upgrade {surge}");
            Diagnostic::note(code::SURGE_ROOM, message)
        };
        let found = found.help(format!(
            "{nodes} nodes at up to {largest} addresses; about {} fit{}",
            capacity / largest,
            if static_pods { ": use overlay, fewer `maxPods`, or a larger prefix" } else { "" }
        ));
        reading.report(match place {
            Some(place) => found.at(
                place,
                if needed > capacity { "the pools stop growing at this wall" } else { "" },
            ),
            None => found,
        });
    }
}

/// How long addresses last if every pool needs more nodes month by month.
fn growth(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let cluster = scenario.cluster.as_ref();
    let network = cluster.and_then(|cluster| cluster.value.network.as_ref());
    let Some(growth) = network.and_then(|network| network.value.growth.as_ref()) else { return };
    let mode = plan.network.mode;
    let mut walls: Vec<(String, Option<u32>)> = Vec::new();
    for (id, subnet) in plan.subnets.enumerate() {
        let Some(capacity) = subnet.capacity else { continue };
        let need = |pool: &PoolSpec| {
            let need = address::NodeNeed::of(mode, pool.max_pods);
            let node = if pool.subnet == id { need.node } else { 0 };
            let pods = if pool.pod_subnet == Some(id) { need.pods } else { 0 };
            (pool.count, node + pods)
        };
        let pools: Vec<_> = plan.pools.iter().map(need).filter(|(_, each)| *each > 0).collect();
        let months = address::months_until_full(&pools, capacity, growth.value.0);
        walls.push((format!("subnet `{}`", plan.symbols.text(subnet.name)), months));
    }
    let nodes: Vec<_> = plan.pools.iter().map(|pool| (pool.count, 1)).collect();
    let limit = plan.network.max_nodes;
    let months = address::months_until_full(&nodes, u64::from(limit), growth.value.0);
    walls.push((format!("limit of {limit} nodes"), months));
    for (wall, months) in walls {
        let message = match months {
            Some(0) => format!("the {wall} is exhausted at the start"),
            Some(1) => format!("the {wall} is exhausted in 1 month"),
            Some(months) => format!("the {wall} is exhausted in {months} months"),
            None => format!("the {wall} lasts for ten years and more"),
        };
        let found = Diagnostic::note(code::MONTHS_TO_EXHAUSTION, message);
        reading.report(found.at(growth.span, "from the `count` of each pool, in whole nodes"));
    }
}

/// Messages that arrive where nobody takes them.
fn unread_queues(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    for (index, (name, queue)) in scenario.queues.iter().flat_map(|at| &at.value).enumerate() {
        let id = crate::unit::QueueId(index as u32);
        let fed = plan
            .streams
            .iter()
            .any(|stream| matches!(stream, ArrivalSpec::Messages { queue, .. } if *queue == id));
        let read = plan
            .workloads
            .iter()
            .any(|workload| workload.consumes.as_ref().is_some_and(|spec| spec.queue == id));
        if fed && !read {
            reading.report(
                Diagnostic::warning(
                    code::UNREAD_QUEUE,
                    format!("nobody consumes the queue `{name}`"),
                )
                .at(queue.span, "its messages wait for ever")
                .help("give a workload `consumes`, or the queue a `depth` curve"),
            );
        }
    }
}

/// A mean load that all replicas together cannot carry.
fn overload(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    for workload in plan.workloads.iter() {
        let Some(consumer) = &workload.consumes else { continue };
        let most = match &workload.scaler {
            Some(ScalerKind::ScaledObject(spec)) => spec.max_replicas,
            Some(ScalerKind::Hpa { spec, .. }) => spec.max_replicas,
            Some(ScalerKind::ScaledJob(_)) => continue,
            None => workload.replicas,
        };
        let rate: f64 = plan
            .streams
            .iter()
            .filter_map(|stream| match stream {
                ArrivalSpec::Messages { queue, source } if *queue == consumer.queue => {
                    steady_rate(source)
                }
                _ => None,
            })
            .sum();
        let Some(service) = mean_seconds(&consumer.service) else { continue };
        let busy = rate * service;
        let room = f64::from(most) * f64::from(consumer.concurrency);
        if busy <= room {
            continue;
        }
        let name = plan.symbols.text(workload.name);
        let message = format!(
            "`{name}` needs {busy:.1} consumers on average and may have {room:.0}: its queue grows"
        );
        let found = Diagnostic::warning(code::OVERLOAD, message)
            .help("raise `maxReplicaCount` or `concurrency`, or expect an ever longer queue");
        reading.report(match super::fit::place(scenario, name) {
            Some(place) => found.at(place, ""),
            None => found,
        });
    }
}

fn steady_rate(source: &crate::demand::SourceSpec) -> Option<f64> {
    use crate::demand::SourceSpec;
    match source {
        SourceSpec::Poisson { rate } => Some(*rate),
        SourceSpec::Diurnal { mean, .. } => Some(*mean),
        _ => None,
    }
}

/// Mean of the simple shapes, seconds.
fn mean_seconds(dist: &crate::chance::Dist) -> Option<f64> {
    use crate::chance::{Dist, maths};
    match dist {
        Dist::Constant(length) => Some(length.as_secs_f64()),
        Dist::Exponential { mean }
        | Dist::Gamma { mean, .. }
        | Dist::HyperExponential { mean, .. } => Some(*mean),
        Dist::LogNormal { mu, sigma } => Some(maths::exp(mu + sigma * sigma / 2.0)),
        Dist::Uniform { min, max } => Some((min + max) / 2.0),
        _ => None,
    }
}

/// Replicas that a scaler overrules at once.
fn replicas(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let scaled = plan.workloads.iter().rev();
    let scalers: FxHashMap<Symbol, &ScalerKind> =
        scaled.filter_map(|one| Some((one.name, one.scaler.as_ref()?))).collect();
    for given in scenario.workloads.iter().flat_map(|at| &at.value) {
        let (Some(replicas), Some(name)) = (&given.value.replicas, &given.value.name) else {
            continue;
        };
        let scaler = plan.symbols.find(&name.value.0).and_then(|name| scalers.get(&name));
        let most = match scaler {
            Some(ScalerKind::ScaledObject(spec)) => spec.max_replicas,
            Some(ScalerKind::Hpa { spec, .. }) => spec.max_replicas,
            _ => continue,
        };
        if replicas.value.0 > most {
            reading.report(
                Diagnostic::warning(
                    code::COUNT_OUTSIDE,
                    format!("`replicas` {} is above what its scaler allows", replicas.value.0),
                )
                .at(replicas.span, format!("at most {most}"))
                .help("leave `replicas` out: the scaler decides"),
            );
        }
    }
}
