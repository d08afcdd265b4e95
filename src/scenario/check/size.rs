//! What is well formed and larger than any run can be.

use super::fit::place;
use crate::demand::SourceSpec;
use crate::plan::{ArrivalSpec, Plan, ScalerKind};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::Scenario;
use crate::scenario::reading::Reading;
use crate::scenario::source::Span;
use crate::unit::Duration;

/// More runs than anybody waits for.
const REPLICATIONS: u32 = 10_000;
/// Rows of `series.csv`.
const SAMPLES: u64 = 10_000_000;
/// Pods that a workload has from the start; an AKS cluster holds 5,000 nodes of 250.
const REPLICAS: u32 = 1_250_000;
/// Messages that one pod takes at a time.
const CONCURRENCY: u32 = 100_000;
/// Messages and pods that arrive in one run.
const ARRIVALS: f64 = 1e10;

/// Reports what is too large; whether all can be run.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) -> bool {
    let found = [simulation(scenario, plan), workloads(scenario, plan), arrivals(scenario, plan)];
    let found: Vec<_> = found.into_iter().flatten().collect();
    let fits = found.is_empty();
    for (message, place, help) in found {
        let error = Diagnostic::error(code::TOO_MUCH, message).help(help);
        reading.report(match place {
            Some(place) => error.at(place, ""),
            None => error,
        });
    }
    fits
}

type Found = Vec<(String, Option<Span>, &'static str)>;

fn simulation(scenario: &Scenario, plan: &Plan) -> Found {
    let mut found = Found::new();
    let given = scenario.simulation.as_ref().map(|at| &at.value);
    if plan.simulation.replications > REPLICATIONS {
        let place = given.and_then(|given| given.replications.as_ref()).map(|at| at.span);
        let message = format!("`replications` must not be above {REPLICATIONS}");
        found.push((message, place, "a few hundred give narrow intervals"));
    }
    let samples = plan.simulation.duration.micros() / plan.simulation.sample.micros().max(1);
    if samples > SAMPLES {
        let place = given.and_then(|given| given.sample.as_ref()).map(|at| at.span);
        let message = format!("`sample` makes {samples} rows, of at most {SAMPLES}");
        found.push((message, place, "make `sample` longer, or `duration` shorter"));
    }
    found
}

fn workloads(scenario: &Scenario, plan: &Plan) -> Found {
    let mut found = Found::new();
    for workload in plan.workloads.iter() {
        let name = plan.symbols.text(workload.name);
        let least = match &workload.scaler {
            Some(ScalerKind::ScaledObject(spec)) => spec.min_replicas,
            Some(ScalerKind::Hpa { spec, .. }) => spec.min_replicas,
            _ => workload.replicas,
        };
        if least > REPLICAS {
            let message = format!("`{name}` has at least {least} replicas, of at most {REPLICAS}");
            found.push((message, place(scenario, name), "a cluster holds 5,000 nodes of 250 pods"));
        }
        let slots = workload.consumes.as_ref().map_or(0, |spec| spec.concurrency);
        if slots > CONCURRENCY {
            let message = format!("`concurrency` of `{name}` must not be above {CONCURRENCY}");
            found.push((message, place(scenario, name), "it counts messages in work in one pod"));
        }
    }
    found
}

fn arrivals(scenario: &Scenario, plan: &Plan) -> Found {
    let length = plan.simulation.duration;
    let expected = plan.streams.iter().map(|stream| match stream {
        ArrivalSpec::Messages { source, .. } | ArrivalSpec::Pods { source, .. } => {
            count(source, length)
        }
        ArrivalSpec::PodTrace { .. } => 0.0,
    });
    let expected: f64 = expected.sum();
    if expected <= ARRIVALS {
        return Found::new();
    }
    let message = format!("{expected:.2e} messages and pods would arrive, of at most {ARRIVALS:e}");
    let place = scenario.queues.as_ref().map(|at| at.span);
    vec![(message, place, "lower the rates, or make `duration` shorter")]
}

/// Arrivals of a source in a run of this length, about.
fn count(source: &SourceSpec, run: Duration) -> f64 {
    let run = run.as_secs_f64();
    match source {
        SourceSpec::Poisson { rate } => rate * run,
        SourceSpec::Diurnal { mean, .. } => mean * run,
        SourceSpec::Burst { length, every, rate, .. } => {
            let length = length.as_secs_f64();
            let share = every.map_or(1.0, |every| length / every.as_secs_f64().max(1e-6));
            rate * every.map_or(length.min(run), |_| run * share.min(1.0))
        }
        SourceSpec::Counts(trace) => trace.counts.iter().map(|count| *count as f64).sum(),
        SourceSpec::Instants(times) => times.len() as f64,
    }
}
