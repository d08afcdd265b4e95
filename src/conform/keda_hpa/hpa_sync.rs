//! Cases of whole syncs of an HPA.

use serde_json::{Map, Value, json};

use super::super::case::Case;
use super::reader::{
    NOW, behavior, count, flag, history, int, is_newest, list, pods, seconds, settings, text,
    thousandths,
};
use crate::control::hpa::{
    HpaDecision, HpaMemory, HpaMetric, HpaSeen, HpaSettings, HpaSpec, MetricFailure, MetricReading,
    MetricTarget, Outcome, PodSeen, PodSums, Sample, sync,
};
use crate::unit::Duration;

pub(super) fn run(case: &Case) -> Option<Value> {
    match case.area.as_str() {
        "hpa.reconcile" => Some(reconcile(case)),
        "hpa.scale_to_zero" => Some(scale_to_zero(&case.given)),
        _ => None,
    }
}

fn reconcile(case: &Case) -> Value {
    let given = &case.given;
    let mut settings = settings(text(&case.raw["source_file"]), given);
    settings.tolerance_milli = thousandths(&given["default_tolerance"]).unwrap_or(100);
    settings.downscale_window = seconds(&given["downscale_window_s"]);
    settings.configurable_tolerance = flag(&given["configurable_tolerance"]);
    let metrics = list(&given["metrics"]);
    let newest = is_newest(text(&case.raw["source_file"]));
    let readings: Vec<MetricReading> =
        metrics.iter().map(|metric| reading(&settings, given, metric, newest)).collect();
    let spec = HpaSpec {
        min_replicas: count(&given["min"]),
        max_replicas: count(&given["max"]),
        metrics: metrics.iter().map(metric).collect(),
        behavior: behavior(&given["behavior"]),
    };
    let ready = list(&given["pods"])
        .iter()
        .filter(|pod| pod["ready_condition"] == "True" && pod["phase"] == "Running");
    let mut memory = HpaMemory { history: history(&given["history"]), ..HpaMemory::default() };
    let seen = HpaSeen {
        replicas: count(&given["spec_replicas"]),
        status_replicas: count(&given["status_replicas"]),
        pods: list(&given["pods"]).len() as u32,
        ready: ready.count() as u32,
        readings: &readings,
    };
    let decision = sync(&settings, &spec, &mut memory, &seen, NOW);
    let gate = settings.scale_to_zero;
    answer(&decision, metrics, seen.replicas, spec.behavior.is_some(), gate.then_some(&memory))
}

fn scale_to_zero(given: &Value) -> Value {
    let mut settings = settings("mid-2026", given);
    settings.scale_to_zero = flag(&given["scale_to_zero_gate"]);
    let metrics = std::slice::from_ref(&given["metric"]);
    let spec = HpaSpec {
        min_replicas: count(&given["min"]),
        max_replicas: count(&given["max"]),
        metrics: metrics.iter().map(metric).collect(),
        behavior: None,
    };
    let replicas = count(&given["spec_replicas"]);
    let status_replicas = count(&given["status_replicas"]);
    let readings = [reading(&settings, given, &given["metric"], true)];
    let seen = HpaSeen {
        replicas,
        status_replicas,
        pods: status_replicas,
        ready: if flag(&given["all_pods_ready"]) { status_replicas } else { 0 },
        readings: &readings,
    };
    let mut memory = HpaMemory {
        history: history(&given["history"]),
        scaled_to_zero: flag(&given["scaled_to_zero_condition_before"]),
        ..HpaMemory::default()
    };
    let decision = sync(&settings, &spec, &mut memory, &seen, NOW);
    answer(&decision, metrics, replicas, false, settings.scale_to_zero.then_some(&memory))
}

fn metric(metric: &Value) -> HpaMetric {
    let target = match metric["target_average_milli"].as_i64() {
        Some(average) => MetricTarget::AverageValue(average),
        None => MetricTarget::Value(int(&metric["target_value_milli"])),
    };
    let used = match metric["target_utilization_pct"].as_i64() {
        Some(percent) => MetricTarget::Utilization(percent),
        None => target,
    };
    match text(&metric["source"]) {
        "resource" if metric["resource"] == "memory" => HpaMetric::Memory(used),
        "resource" => HpaMetric::Cpu(used),
        "container_resource" => HpaMetric::ContainerCpu(used),
        "pods" => HpaMetric::Pods(int(&metric["target_average_milli"])),
        _ => HpaMetric::Value(target),
    }
}

fn reading(settings: &HpaSettings, given: &Value, metric: &Value, newest: bool) -> MetricReading {
    if flag(&metric["fetch_fails"]) {
        return MetricReading::Failed(MetricFailure::NotRead);
    }
    let only = metric["container_index"].as_u64().map(|index| index as usize);
    match text(&metric["source"]) {
        "resource" | "container_resource" => {
            match pods(&given["pods"], &given["pod_cpu_samples"], only, newest) {
                Err(failure) => MetricReading::Failed(failure),
                Ok((seen, unmatched)) => {
                    let cpu = metric["resource"] != "memory";
                    let sums = PodSums::group(&seen, cpu, settings, NOW);
                    MetricReading::Pods(PodSums { unmatched, ..sums })
                }
            }
        }
        "pods" => {
            let values = list(&given["pod_custom_samples_milli"]);
            let pods = list(&given["pods"]).iter().enumerate();
            let seen: Vec<_> = pods
                .map(|(index, pod)| {
                    let window = Duration::from_secs(60);
                    let sample = |value| Sample { usage: int(value), at: NOW, window };
                    PodSeen {
                        sample: values.get(index).map(sample),
                        ..super::reader::pod(pod, None)
                    }
                })
                .collect();
            MetricReading::Pods(PodSums::group(&seen, false, settings, NOW))
        }
        "external" | "object" => {
            MetricReading::Total(list(&metric["values_milli"]).iter().map(int).sum())
        }
        _ => MetricReading::Failed(MetricFailure::InvalidSource),
    }
}

/// The decision as upstream's conditions; `zero`: the memory of an HPA that may scale to zero.
fn answer(
    decision: &HpaDecision,
    metrics: &[Value],
    current: u32,
    has_behavior: bool,
    zero: Option<&HpaMemory>,
) -> Value {
    let mut conditions = Map::new();
    let mut put = |name: &str, status: bool, reason: &str| {
        let status = if status { "True" } else { "False" };
        conditions.insert(name.to_owned(), json!([status, reason]));
    };
    match decision.outcome {
        Outcome::Disabled => {
            put("AbleToScale", true, "SucceededGetScale");
            put("ScalingActive", false, "ScalingDisabled");
        }
        Outcome::Corrected => put("AbleToScale", true, "SucceededRescale"),
        Outcome::NoMetric(index, failure) => {
            put("AbleToScale", true, "SucceededGetScale");
            put(
                "ScalingActive",
                false,
                failure_reason(
                    failure,
                    metrics.get(index).map_or("", |metric| text(&metric["source"])),
                ),
            );
        }
        Outcome::Recommended => {
            let wanted = decision.recommendation;
            let able = if decision.replicas.is_some() {
                "SucceededRescale"
            } else if decision.stabilised == wanted {
                "ReadyForNewScale"
            } else if has_behavior && wanted >= Some(current) {
                "ScaleUpStabilized"
            } else {
                "ScaleDownStabilized"
            };
            put("AbleToScale", true, able);
            put("ScalingActive", true, "ValidMetricFound");
            let limited = decision.stabilised != Some(decision.desired);
            put("ScalingLimited", limited, decision.bound.name());
        }
    }
    // Without the gate the condition is not kept.
    match zero {
        Some(memory) if memory.scaled_to_zero => put("ScaledToZero", true, "ScaledToZero"),
        Some(_) if decision.replicas.is_some() => put("ScaledToZero", false, "NotScaledToZero"),
        _ => {}
    }
    json!({"replicas": decision.desired, "conditions": conditions})
}

fn failure_reason(failure: MetricFailure, source: &str) -> &'static str {
    match (failure, source) {
        (MetricFailure::InvalidSource, _) => "InvalidMetricSourceType",
        (_, "resource") => "FailedGetResourceMetric",
        (_, "container_resource") => "FailedGetContainerResourceMetric",
        (_, "pods") => "FailedGetPodsMetric",
        (_, "object") => "FailedGetObjectMetric",
        _ => "FailedGetExternalMetric",
    }
}
