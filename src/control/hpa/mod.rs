//! The HorizontalPodAutoscaler: what its metrics ask for, and what it makes of that.

mod defaults;
pub mod normalise;
mod pods;
pub mod recommend;
mod settings;
mod spec;
mod sync;

#[cfg(test)]
mod tests;

pub use defaults::{MAX_POLICY_PERIOD, MAX_STABILIZATION, PartialRules};
pub use pods::{
    ContainerRequest, PodGroup, PodSeen, PodSums, Sample, SeenPhase, pod_request, sample_usage,
};
pub use recommend::{MetricFailure, Recommendation, Tolerance};
pub use settings::HpaSettings;
pub use spec::{
    Behavior, HpaMetric, HpaSpec, MetricTarget, PolicySelect, ScalingPolicy, ScalingPolicyKind,
    ScalingRules,
};
pub use sync::{
    HoldBack, HpaDecision, HpaMemory, HpaSeen, Limit, MetricReading, Outcome, held_back_by,
    is_idle, peek, quiet_until, reads_metrics, sync, unlimited,
};
