//! KEDA: the scale loop of a ScaledObject, what the HPA reads from it, and ScaledJobs.

pub mod annotation;
pub mod catalogue;
mod cron;
pub mod encode;
pub mod fallback;
mod formula;
mod hpa_object;
mod poll;
pub mod scaled_job;
pub mod scaler;
mod spec;
pub mod trigger;

pub use cron::CronDraft;
pub use fallback::{Health, Scale, SourceError};
pub use formula::{Formula, FormulaError};
pub use hpa_object::hpa_spec;
pub use poll::{
    KedaMemory, ObjectState, PollDecision, PollReason, PollSeen, Read, Reading, bounds_are_valid,
    composite_for_hpa, cooled_down_after, decide, formula_input, metric_for_hpa, poll, quiet_until,
    reads_live, state,
};
pub use scaled_job::{JobTemplate, PodCondition};
pub use spec::{
    CronWindows, FallbackBehavior, FallbackSpec, MetricType, Modifiers, QueueSource, ScaledJobSpec,
    ScaledObjectSpec, ScalerSpec, ScalingStrategy, Trigger, TriggerCombination,
};
