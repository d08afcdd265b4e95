//! KEDA: the scale loop of a ScaledObject, what the HPA reads from it, and ScaledJobs.

mod spec;

pub use spec::{
    CountSource, CronWindows, FallbackBehavior, FallbackSpec, MetricType, ScaledJobSpec,
    ScaledObjectSpec, ScalerSpec, ScalingStrategy, Trigger, TriggerCombination,
};
