//! What can be simulated but was probably not meant.

use rustc_hash::FxHashMap;

use crate::plan::{ArrivalSpec, Plan, ScalerKind};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::Scenario;
use crate::scenario::reading::Reading;
use crate::unit::Symbol;

/// All lints.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    unread_queues(reading, scenario, plan);
    overload(reading, scenario, plan);
    replicas(reading, scenario, plan);
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
