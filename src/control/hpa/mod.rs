//! The HorizontalPodAutoscaler.

mod spec;

pub use spec::{
    Behavior, HpaMetric, HpaSpec, MetricTarget, PolicySelect, ScalingPolicy, ScalingPolicyKind,
    ScalingRules,
};
