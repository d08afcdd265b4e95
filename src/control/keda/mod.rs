//! KEDA: the scale loop of a ScaledObject, what the HPA reads from it, and ScaledJobs.

pub mod catalogue;
mod cron;
pub mod encode;
mod spec;
pub mod trigger;

pub use cron::CronDraft;
pub use spec::{
    CountSource, CronWindows, FallbackBehavior, FallbackSpec, MetricType, ScaledJobSpec,
    ScaledObjectSpec, ScalerSpec, ScalingStrategy, Trigger, TriggerCombination,
};
