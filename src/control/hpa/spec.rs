//! What can be configured of an HPA (kubernetes `autoscaling/v2`).

use crate::unit::Duration;

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// `minReplicas`, default 1.
    pub min_replicas: u32,
    /// `maxReplicas`
    pub max_replicas: u32,
    /// `metrics`
    pub metrics: Vec<HpaMetric>,
    /// `behavior`; `None` selects the older normalisation path.
    pub behavior: Option<Behavior>,
}

impl HpaSpec {
    /// Whether some metric is an Object or External one.
    pub fn has_totals(&self) -> bool {
        self.metrics.iter().any(|metric| {
            matches!(
                metric,
                HpaMetric::Trigger { .. } | HpaMetric::Composite(_) | HpaMetric::Value(_)
            )
        })
    }
}

/// A metric of an HPA.
#[derive(Clone, Debug, PartialEq)]
pub enum HpaMetric {
    /// `Resource` cpu: percent of request, or milli-cores a pod.
    Cpu(MetricTarget),
    /// `Resource` memory: percent of request, or bytes a pod.
    Memory(MetricTarget),
    /// `External` or `Object`: trigger `index` of the ScaledObject that owns this HPA, or source
    /// `index` of an HPA of the user's own.
    Trigger { index: usize, target: MetricTarget },
    /// `External`: the composite of the owning ScaledObject's scaling modifiers.
    Composite(MetricTarget),
    /// `ContainerResource` of cpu.
    ContainerCpu(MetricTarget),
    /// `ContainerResource` of memory.
    ContainerMemory(MetricTarget),
    /// `Pods`: average per pod, in thousandths.
    Pods(i64),
    /// `Object`, or `External` of a metrics server that is not simulated (cases of `conform`).
    Value(MetricTarget),
}

/// A metric's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTarget {
    /// Percent of the request.
    Utilization(i64),
    /// Per pod, in thousandths.
    AverageValue(i64),
    /// In total, in thousandths.
    Value(i64),
}

/// `behavior`, with the API server's defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// `scaleUp`
    pub up: ScalingRules,
    /// `scaleDown`
    pub down: ScalingRules,
}

/// One side of `behavior`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`; `None` on the way down: the controller's 300 s.
    pub stabilization: Option<Duration>,
    /// `selectPolicy`
    pub select: PolicySelect,
    /// `policies`
    pub policies: Vec<ScalingPolicy>,
    /// `tolerance` in thousandths (1.35 on by default), else the controller's 100.
    pub tolerance_milli: Option<i64>,
}

/// `selectPolicy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicySelect {
    /// The policy that allows the most change.
    #[default]
    Max,
    /// The policy that allows the least change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// Pods or percent.
    pub kind: ScalingPolicyKind,
    /// `value`
    pub value: i32,
    /// `periodSeconds`
    pub period: Duration,
}

/// `type` of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingPolicyKind {
    /// `Pods`
    Pods,
    /// `Percent`
    Percent,
}
