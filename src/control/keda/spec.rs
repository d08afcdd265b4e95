//! What can be configured of KEDA (kedacore/keda @ 8b4f083c, `apis/keda/v1alpha1`).

use std::sync::Arc;

use super::Formula;
use super::scaled_job::{HISTORY_LIMIT, JobTemplate, PodCondition};
use super::scaler::azure::Operation;
use super::scaler::source::{Counted, Reads};
use crate::control::hpa::Behavior;
use crate::unit::{Duration, QueueId, SimTime, Symbol};

/// A ScaledObject.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledObjectSpec {
    /// Name.
    pub name: Symbol,
    /// `pollingInterval`, default 30 s.
    pub polling_interval: Duration,
    /// `cooldownPeriod`, default 300 s.
    pub cooldown: Duration,
    /// `initialCooldownPeriod`, default 0 s.
    pub initial_cooldown: Duration,
    /// `idleReplicaCount`
    pub idle_replicas: Option<u32>,
    /// `minReplicaCount`, default 0.
    pub min_replicas: u32,
    /// `maxReplicaCount`, default 100.
    pub max_replicas: u32,
    /// `fallback`
    pub fallback: Option<FallbackSpec>,
    /// `triggers`
    pub triggers: Vec<Trigger>,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`
    pub behavior: Option<Behavior>,
    /// `advanced.scalingModifiers`
    pub modifiers: Option<Modifiers>,
    /// Annotation `autoscaling.keda.sh/paused`
    pub paused: bool,
    /// Annotation `autoscaling.keda.sh/paused-replicas`
    pub paused_replicas: Option<u32>,
    /// Annotation `autoscaling.keda.sh/paused-scale-in`
    pub paused_scale_in: bool,
    /// Annotation `autoscaling.keda.sh/paused-scale-out`
    pub paused_scale_out: bool,
    /// Annotation `autoscaling.keda.sh/force-activation`
    pub force_activation: bool,
}

/// `advanced.scalingModifiers` of a ScaledObject.
#[derive(Clone, Debug, PartialEq)]
pub struct Modifiers {
    /// `formula`, its variables resolved to positions in `triggers`.
    pub formula: Arc<Formula>,
    /// `target` in thousandths.
    pub target_milli: i64,
    /// `activationTarget` in thousandths.
    pub activation_milli: i64,
    /// `metricType`: AverageValue or Value.
    pub metric_type: MetricType,
}

/// `fallback` of a ScaledObject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FallbackSpec {
    /// `failureThreshold`
    pub failure_threshold: u32,
    /// `replicas`
    pub replicas: u32,
    /// `behavior`
    pub behavior: FallbackBehavior,
}

/// `fallback.behavior`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// `static`
    #[default]
    Static,
    /// `currentReplicas` (2.17)
    CurrentReplicas,
    /// `currentReplicasIfHigher` (2.17)
    CurrentReplicasIfHigher,
    /// `currentReplicasIfLower` (2.17)
    CurrentReplicasIfLower,
    /// `scalingModifiers` (2.20)
    ScalingModifiers,
}

/// How a metric is compared with its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricType {
    /// Divided by the number of pods.
    #[default]
    AverageValue,
    /// As it is.
    Value,
    /// Percent of the request (cpu and memory).
    Utilization,
}

impl MetricType {
    /// Reads `metricType`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "AverageValue" => Some(Self::AverageValue),
            "Value" => Some(Self::Value),
            "Utilization" => Some(Self::Utilization),
            _ => None,
        }
    }
}

impl ScaledObjectSpec {
    /// A ScaledObject with upstream's defaults and the given triggers.
    pub fn with_defaults(name: Symbol, triggers: Vec<Trigger>) -> Self {
        Self {
            name,
            polling_interval: Duration::from_secs(30),
            cooldown: Duration::from_secs(300),
            initial_cooldown: Duration::ZERO,
            idle_replicas: None,
            min_replicas: 0,
            max_replicas: 100,
            fallback: None,
            triggers,
            behavior: None,
            modifiers: None,
            paused: false,
            paused_replicas: None,
            paused_scale_in: false,
            paused_scale_out: false,
            force_activation: false,
        }
    }
}

impl ScaledJobSpec {
    /// A ScaledJob with upstream's defaults and the given triggers.
    pub fn with_defaults(name: Symbol, triggers: Vec<Trigger>) -> Self {
        Self {
            name,
            polling_interval: Duration::from_secs(30),
            min_replicas: 0,
            max_replicas: None,
            strategy: ScalingStrategy::Default,
            combination: TriggerCombination::Max,
            pending_conditions: Vec::new(),
            successful_history: HISTORY_LIMIT,
            failed_history: HISTORY_LIMIT,
            template: JobTemplate::default(),
            paused: false,
            triggers,
        }
    }
}

impl Trigger {
    /// Whether the HPA reads the metric itself (KEDA has no value for it).
    pub fn is_resource(&self) -> bool {
        matches!(self.scaler, ScalerSpec::Cpu | ScalerSpec::Memory)
    }

    /// The queues that it reads.
    pub fn queues(&self) -> &[QueueId] {
        match &self.scaler {
            ScalerSpec::Queues(source) => &source.queues,
            ScalerSpec::Cron(_) | ScalerSpec::Cpu | ScalerSpec::Memory => &[],
        }
    }
}

/// A trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// `name`, empty if none.
    pub name: Symbol,
    /// The scaler.
    pub scaler: ScalerSpec,
    /// `metricType`
    pub metric_type: MetricType,
    /// Target in thousandths.
    pub target_milli: i64,
    /// Activation threshold in thousandths; active is strictly above.
    pub activation_milli: i64,
    /// `useCachedMetrics`
    pub use_cached_metrics: bool,
}

/// A scaler and what it reads.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalerSpec {
    /// A number read of queues: a count of messages, RabbitMQ's rates, an age.
    Queues(QueueSource),
    /// `cron`: desired replicas inside windows, already unrolled over the run.
    Cron(Arc<CronWindows>),
    /// `cpu`: the HPA's resource metric (target: percent or milli-cores).
    Cpu,
    /// `memory`: the HPA's resource metric (target: percent or bytes).
    Memory,
}

/// What is read of which queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSource {
    /// The queues (simulated ones or given depth curves).
    pub queues: Arc<[QueueId]>,
    /// How several become one.
    pub operation: Operation,
    /// What is read of each.
    pub reads: Reads,
}

impl QueueSource {
    /// The depth of one queue, as its product counts it.
    pub fn depth_of(queue: QueueId) -> Self {
        let reads = Reads::Count(Counted::Product);
        Self { queues: [queue].into(), operation: Operation::Sum, reads }
    }
}

/// The windows of a cron trigger as sorted edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronWindows {
    /// (instant, active from here on), ascending; the first is at or before time 0.
    pub edges: Vec<(SimTime, bool)>,
    /// `desiredReplicas`
    pub desired: u32,
}

/// A ScaledJob.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledJobSpec {
    /// Name.
    pub name: Symbol,
    /// `pollingInterval`, default 30 s.
    pub polling_interval: Duration,
    /// `minReplicaCount`, default 0.
    pub min_replicas: u32,
    /// `maxReplicaCount`; unset means 100.
    pub max_replicas: Option<u32>,
    /// `scalingStrategy.strategy`
    pub strategy: ScalingStrategy,
    /// `scalingStrategy.multipleScalersCalculation`
    pub combination: TriggerCombination,
    /// `scalingStrategy.pendingPodConditions`
    pub pending_conditions: Vec<PodCondition>,
    /// `successfulJobsHistoryLimit`, default 100.
    pub successful_history: u32,
    /// `failedJobsHistoryLimit`, default 100.
    pub failed_history: u32,
    /// `jobTargetRef`
    pub template: JobTemplate,
    /// Annotation `autoscaling.keda.sh/paused`
    pub paused: bool,
    /// `triggers`
    pub triggers: Vec<Trigger>,
}

/// `scalingStrategy` of a ScaledJob.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ScalingStrategy {
    /// `default`
    #[default]
    Default,
    /// `custom` with `customScalingQueueLengthDeduction` and `customScalingRunningJobPercentage`.
    Custom { deduction: i64, percentage: f64 },
    /// `accurate`
    Accurate,
    /// `eager` (2.15)
    Eager,
}

/// `multipleScalersCalculation`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TriggerCombination {
    /// `max`
    #[default]
    Max,
    /// `min`
    Min,
    /// `avg`
    Avg,
    /// `sum`
    Sum,
}
