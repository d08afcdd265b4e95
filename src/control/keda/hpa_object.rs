//! The HPA that KEDA makes for a ScaledObject.
//!
//! kedacore/keda @ 8b4f083c, `controllers/keda/hpa.go`, `apis/keda/v1alpha1/scaledobject_types.go`.

use super::{MetricType, ScaledObjectSpec, ScalerSpec, Trigger};
use crate::control::hpa::{Behavior, HpaMetric, HpaSpec, MetricTarget, PolicySelect};
use crate::vocabulary::KedaVersion;

/// The HPA of a ScaledObject: min 0 becomes 1; one External metric per external trigger, or one
/// composite; cpu and memory as resource metrics. A directional pause makes `behavior` non-nil.
pub fn hpa_spec(spec: &ScaledObjectSpec, version: KedaVersion) -> HpaSpec {
    let mut metrics: Vec<HpaMetric> = Vec::with_capacity(spec.triggers.len());
    if let Some(modifiers) = &spec.modifiers {
        let target = target(modifiers.metric_type, modifiers.target_milli);
        metrics.push(HpaMetric::Composite(target));
    }
    for (index, trigger) in spec.triggers.iter().enumerate() {
        match trigger.scaler {
            ScalerSpec::Cpu => metrics.push(HpaMetric::Cpu(resource_target(trigger))),
            ScalerSpec::Memory => metrics.push(HpaMetric::Memory(resource_target(trigger))),
            _ if spec.modifiers.is_some() => {}
            _ => {
                let target = target(trigger.metric_type, trigger.target_milli);
                metrics.push(HpaMetric::Trigger { index, target });
            }
        }
    }
    let mut behavior = spec.behavior.clone();
    if version.at_least(18) && (spec.paused_scale_in || spec.paused_scale_out) {
        let behavior = behavior.get_or_insert_with(|| Behavior::with_defaults(None, None));
        if spec.paused_scale_in {
            behavior.down.select = PolicySelect::Disabled;
        }
        if spec.paused_scale_out {
            behavior.up.select = PolicySelect::Disabled;
        }
    }
    HpaSpec {
        min_replicas: spec.min_replicas.max(1),
        max_replicas: spec.max_replicas,
        metrics,
        behavior,
    }
}

/// The target of an External metric. Utilization is refused when a trigger is read.
fn target(metric_type: MetricType, target_milli: i64) -> MetricTarget {
    match metric_type {
        MetricType::Value => MetricTarget::Value(target_milli),
        _ => MetricTarget::AverageValue(target_milli),
    }
}

/// The target of a resource metric: whole percent, or millicores or bytes a pod.
fn resource_target(trigger: &Trigger) -> MetricTarget {
    let whole = trigger.target_milli / 1_000;
    match trigger.metric_type {
        MetricType::Utilization => MetricTarget::Utilization(whole),
        _ => MetricTarget::AverageValue(whole),
    }
}
