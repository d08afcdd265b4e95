//! Reading the inputs of cases: ages, rules, pods.

use serde_json::Value;

use crate::control::hpa::normalise::{Remembered, ScaleEvent};
use crate::control::hpa::{
    Behavior, HpaSettings, MetricFailure, PartialRules, PodSeen, PolicySelect, Sample,
    ScalingPolicy, ScalingPolicyKind, SeenPhase, sample_usage,
};
use crate::unit::{Duration, SimTime};
use crate::vocabulary::KubernetesVersion;

/// The instant of every case; ages count back from it.
pub(super) const NOW: SimTime = SimTime::from_secs(2_000_000_000);

pub(super) fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

pub(super) fn count(value: &Value) -> u32 {
    value.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

pub(super) fn real(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

pub(super) fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or(0))
}

/// The instant of an age in seconds; `None` for null.
pub(super) fn ago(age: &Value) -> Option<SimTime> {
    age.as_u64().map(|age| NOW.saturating_sub(Duration::from_secs(age)))
}

/// Whether a case is of the newest controller.
pub(super) fn is_newest(source_file: &str) -> bool {
    source_file.contains("mid-2026")
}

/// The settings of a case: the newest controller where the case says so, else 1.28.
pub(super) fn settings(source_file: &str, given: &Value) -> HpaSettings {
    let minor = if is_newest(source_file) { 37 } else { 28 };
    let mut settings = HpaSettings::of(KubernetesVersion { minor });
    settings.cpu_initialization = seconds(&given["cpu_initialization_period_s"]);
    settings.initial_readiness_delay = seconds(&given["initial_readiness_delay_s"]);
    settings
}

pub(super) fn thousandths(value: &Value) -> Option<i64> {
    value.as_f64().map(|value| (value * 1_000.0).round() as i64)
}

pub(super) fn select(value: &Value) -> Option<PolicySelect> {
    match value.as_str()? {
        "Min" => Some(PolicySelect::Min),
        "Disabled" => Some(PolicySelect::Disabled),
        _ => Some(PolicySelect::Max),
    }
}

/// One side of `behavior`; `None` for null.
pub(super) fn rules(value: &Value) -> Option<PartialRules> {
    value.as_object()?;
    let policy = |policy: &Value| ScalingPolicy {
        kind: match text(&policy["type"]) {
            "Pods" => ScalingPolicyKind::Pods,
            _ => ScalingPolicyKind::Percent,
        },
        value: int(&policy["value"]) as i32,
        period: seconds(&policy["period_s"]),
    };
    Some(PartialRules {
        stabilization: value["stabilization_s"].as_u64().map(Duration::from_secs),
        select: select(&value["select"]),
        policies: value["policies"].as_array().map(|list| list.iter().map(policy).collect()),
        tolerance_milli: thousandths(&value["tolerance"]),
    })
}

pub(super) fn behavior(value: &Value) -> Option<Behavior> {
    value.as_object()?;
    Some(Behavior::with_defaults(rules(&value["up"]), rules(&value["down"])))
}

pub(super) fn history(value: &Value) -> Option<Vec<Remembered>> {
    let entry = |entry: &Value| Remembered {
        at: ago(&entry["age_s"]).unwrap_or(NOW),
        replicas: count(&entry["value"]),
    };
    Some(value.as_array()?.iter().map(entry).collect())
}

pub(super) fn events(value: &Value) -> Vec<ScaleEvent> {
    let event = |event: &Value| ScaleEvent {
        at: ago(&event["age_s"]).unwrap_or(NOW),
        change: count(&event["change"]),
    };
    list(value).iter().map(event).collect()
}

/// A pod without its sample; `only`: the container asked for.
pub(super) fn pod(value: &Value, only: Option<usize>) -> PodSeen {
    let requests = value["container_requests_milli"].as_array();
    let request = requests.and_then(|requests| match only {
        Some(index) => requests.get(index)?.as_i64(),
        // A pod whose containers say nothing has no request, not one of 0.
        None if requests.is_empty() => None,
        None => requests.iter().map(Value::as_i64).sum(),
    });
    let transition = ago(&value["ready_transition_age_s"]).unwrap_or(SimTime::ZERO);
    PodSeen {
        phase: match text(&value["phase"]) {
            "Pending" => SeenPhase::Pending,
            "Succeeded" => SeenPhase::Succeeded,
            "Failed" => SeenPhase::Failed,
            _ => SeenPhase::Running,
        },
        deleting: flag(&value["deleting"]),
        started: ago(&value["start_age_s"]),
        ready: value["ready_condition"].as_str().map(|status| (status == "True", transition)),
        request,
        sample: None,
    }
}

/// A sample: of one value, or of containers.
pub(super) fn sample(value: &Value, only: Option<usize>) -> Result<Sample, MetricFailure> {
    let usage = match value["container_usage_milli"].as_array() {
        Some(containers) => {
            let containers: Vec<i64> = containers.iter().map(int).collect();
            sample_usage(&containers, only)?
        }
        None => int(&value["value_milli"]),
    };
    let at = ago(&value["age_s"]).unwrap_or(NOW);
    Ok(Sample { usage, at, window: seconds(&value["window_s"]) })
}

/// Pods with their samples, and the number of samples of other pods. The newest controller leaves a
/// pod whose sample lacks the container without one; 1.28 fails (`getContainerMetrics`).
pub(super) fn pods(
    pods: &Value,
    samples: &Value,
    only: Option<usize>,
    newest: bool,
) -> Result<(Vec<PodSeen>, u32), MetricFailure> {
    let mut seen: Vec<PodSeen> = list(pods).iter().map(|value| pod(value, only)).collect();
    let mut unmatched = 0;
    for value in list(samples) {
        let sample = match sample(value, only) {
            Err(MetricFailure::NoContainer) if newest => continue,
            read => read?,
        };
        match list(pods).iter().position(|pod| pod["name"] == value["pod"]) {
            Some(index) => seen[index].sample = Some(sample),
            None => unmatched += 1,
        }
    }
    Ok((seen, unmatched))
}
