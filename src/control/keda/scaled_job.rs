//! ScaledJobs: Jobs made straight from the length of a queue; never scaled in.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scaling/executor/scale_jobs.go`,
//! `pkg/scaling/scaledjob/metrics.go`, `apis/keda/v1alpha1/scaledjob_types.go`.

use super::{Read, ScaledJobSpec, ScalingStrategy, TriggerCombination};
use crate::control::workload::job::BACKOFF_LIMIT;
use crate::unit::{Duration, SimTime};

/// `jobTargetRef` less its pods: what each Job is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobTemplate {
    /// `parallelism`, default 1.
    pub parallelism: u32,
    /// `completions`; unset with a given parallelism: until the first pod has succeeded.
    pub completions: Option<u32>,
    /// `backoffLimit`, default 6.
    pub backoff_limit: u32,
    /// `activeDeadlineSeconds`
    pub active_deadline: Option<Duration>,
}

impl Default for JobTemplate {
    /// kubernetes `pkg/apis/batch/v1/defaults.go`.
    fn default() -> Self {
        Self {
            parallelism: 1,
            completions: Some(1),
            backoff_limit: BACKOFF_LIMIT,
            active_deadline: None,
        }
    }
}

/// A condition of pods in `pendingPodConditions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCondition {
    /// `PodScheduled`: it is bound.
    PodScheduled,
    /// `Initialized`: its init containers are done.
    Initialized,
    /// `ContainersReady`
    ContainersReady,
    /// `Ready`
    Ready,
}

/// What a poll of a ScaledJob sees.
#[derive(Clone, Copy, Debug)]
pub struct JobsSeen<'a> {
    /// One per trigger, in order; those of cpu and memory are not looked at.
    pub readings: &'a [Read],
    /// Its Jobs that are neither Complete nor Failed.
    pub running: u32,
    /// Of those, the ones without a running or succeeded pod.
    pub pending: u32,
}

/// What a poll of a ScaledJob decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobsDecision {
    /// Jobs to make.
    pub creates: u32,
    /// Whether some trigger is active.
    pub active: bool,
    /// Whether some trigger could not be read.
    pub error: bool,
}

/// What the triggers of a ScaledJob ask for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whether one is active, or minReplicaCount is above 0.
    pub active: bool,
    /// Length of the queue, rounded up.
    pub queue_length: i64,
    /// Jobs for it, at most the effective maximum, rounded up.
    pub max_scale: i64,
}

/// A trigger's part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobTrigger {
    /// Sum of its values.
    pub queue_length: f64,
    /// Its target per Job.
    pub target: f64,
    /// Whether it is active.
    pub active: bool,
}

impl ScaledJobSpec {
    /// (minimum, maximum) that the strategies work with: the maximum leaves the minimum out
    /// (`MaxReplicaCount`, `MinReplicaCount`).
    pub fn effective_bounds(&self) -> (i64, i64) {
        let min = i64::from(self.min_replicas);
        match self.max_replicas.map(i64::from) {
            None => (min, 100),
            Some(max) if min > max => (max, max),
            Some(max) => (min, max - min),
        }
    }
}

impl ScalingStrategy {
    /// Reads `scalingStrategy`. A custom strategy without a percentage that can be read is the
    /// default one, whatever its deduction; `eager` came with 2.15.
    pub fn read(name: &str, deduction: Option<i64>, percentage: Option<&str>) -> Self {
        match name {
            "custom" => match percentage.and_then(|text| text.parse::<f64>().ok()) {
                Some(percentage) => Self::Custom { deduction: deduction.unwrap_or(0), percentage },
                None => Self::Default,
            },
            "accurate" => Self::Accurate,
            "eager" => Self::Eager,
            _ => Self::Default,
        }
    }

    /// (effective scale, limit by queue length) of a strategy; `running` without the minimum.
    pub fn effective(
        self,
        max_scale: i64,
        running: i64,
        pending: i64,
        max: i64,
        scale_to: i64,
    ) -> (i64, i64) {
        match self {
            Self::Default => (max_scale - running, scale_to),
            Self::Custom { deduction, percentage } => {
                let share = (running as f64 * percentage) as i64;
                ((max_scale - deduction - share).min(max), scale_to)
            }
            Self::Accurate if max_scale + running - pending > max => (max - running, scale_to),
            Self::Accurate => (max_scale - pending, scale_to),
            Self::Eager => ((max - running - pending).min(max_scale), max),
        }
    }
}

/// Combines the active triggers (`IsScaledJobActive`, `CalculateQueueLengthAndMaxValue`).
pub fn combine(spec: &ScaledJobSpec, triggers: impl Iterator<Item = JobTrigger>) -> Wanted {
    let (_, max) = spec.effective_bounds();
    let max = max as f64;
    let (mut queue, mut jobs, mut counted) = (0.0, 0.0, 0.0);
    for trigger in triggers.filter(|trigger| trigger.active) {
        let length = trigger.queue_length;
        let per_target = if trigger.target == 0.0 { 0.0 } else { length / trigger.target };
        let wanted = per_target.min(max);
        match spec.combination {
            TriggerCombination::Max if length <= queue => continue,
            // 0 is taken as "not set yet", as upstream does.
            TriggerCombination::Min if queue != 0.0 && length >= queue => continue,
            TriggerCombination::Max | TriggerCombination::Min => (queue, jobs) = (length, wanted),
            TriggerCombination::Avg | TriggerCombination::Sum => {
                (queue, jobs) = (queue + length, jobs + wanted);
            }
        }
        counted += 1.0;
    }
    if spec.combination == TriggerCombination::Avg && counted > 0.0 {
        (queue, jobs) = (queue / counted, jobs / counted);
    }
    Wanted {
        active: counted > 0.0 || spec.min_replicas > 0,
        queue_length: queue.ceil() as i64,
        max_scale: jobs.min(max).ceil() as i64,
    }
}

/// (effective scale, limit by queue length) for what runs: the minimum is filled up first.
pub fn effective_scale(
    spec: &ScaledJobSpec,
    running: i64,
    pending: i64,
    max_scale: i64,
    scale_to: i64,
) -> (i64, i64) {
    let (min, max) = spec.effective_bounds();
    if running < min {
        return (min - running, min - running);
    }
    spec.strategy.effective(max_scale, running - min, pending, max, scale_to)
}

/// One poll: how many Jobs to make. O(triggers), nothing allocated.
pub fn poll(spec: &ScaledJobSpec, seen: &JobsSeen<'_>) -> JobsDecision {
    let read = |(trigger, read): (&super::Trigger, &Read)| {
        let reading = (*read).ok().filter(|_| !trigger.is_resource())?;
        Some(JobTrigger {
            queue_length: reading.value_milli as f64 / 1_000.0,
            target: trigger.target_milli as f64 / 1_000.0,
            active: reading.active,
        })
    };
    let pairs = || spec.triggers.iter().zip(seen.readings);
    let wanted = combine(spec, pairs().filter_map(read));
    let (running, pending) = (i64::from(seen.running), i64::from(seen.pending));
    let (scale, scale_to) =
        effective_scale(spec, running, pending, wanted.max_scale, wanted.queue_length);
    let creates = if wanted.active && scale > 0 { scale_to.min(scale) } else { 0 };
    JobsDecision {
        creates: u32::try_from(creates).unwrap_or(0),
        active: wanted.active,
        error: pairs().any(|(trigger, read)| !trigger.is_resource() && read.is_err()),
    }
}

/// Whether a Job is pending: no pod of it has begun. `begun` says for each pod whether it runs or
/// has succeeded or, with `pendingPodConditions`, whether all those conditions hold.
pub fn is_pending(begun: impl IntoIterator<Item = bool>) -> bool {
    !begun.into_iter().any(|begun| begun)
}

/// Positions of the finished Jobs to delete so that the newest `limit` are left; oldest first,
/// those without a completion time before all others, ties by position.
pub fn history_to_delete(completed: &[Option<SimTime>], limit: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..completed.len()).collect();
    order.sort_by_key(|&index| (completed[index], index));
    order.truncate(completed.len().saturating_sub(limit));
    order
}

/// Default of `successfulJobsHistoryLimit` and `failedJobsHistoryLimit`.
pub const HISTORY_LIMIT: u32 = 100;
