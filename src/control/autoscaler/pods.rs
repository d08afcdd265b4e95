//! Sorting pods into classes, and the rules on their age and priority.

use super::{AutoscalerSpec, View};
use crate::model::{Pod, PodPhase, PodShape};
use crate::unit::{Duration, PodId, SimTime};

/// Beyond its grace, a pod that still has not gone is not expected to need its room.
pub const LONG_TERMINATING_EXTRA: Duration = Duration::from_secs(30);
/// Default `terminationGracePeriodSeconds`.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// Pods younger than this may be the first of many.
const UNSCHEDULABLE_TIME_BUFFER: Duration = Duration::from_secs(2);
/// The same for pods that ask for a GPU.
const UNSCHEDULABLE_GPU_TIME_BUFFER: Duration = Duration::from_secs(30);

/// Whether a pod is expendable: it has a priority, and it is under the cutoff
/// (`pkg/core/utils/expendable.go`).
pub const fn is_expendable(priority: Option<i32>, cutoff: i32) -> bool {
    matches!(priority, Some(priority) if priority < cutoff)
}

/// Whether a pod has been terminating longer than its grace and 30 s
/// (`pkg/simulator/drainability/rules/longterminating`). `deletion` is its deletionTimestamp, which
/// includes the grace once.
pub fn is_long_terminating(
    deletion: Option<SimTime>,
    grace: Option<Duration>,
    now: SimTime,
) -> bool {
    deletion.is_some_and(|deletion| {
        deletion + grace.unwrap_or(DEFAULT_GRACE) + LONG_TERMINATING_EXTRA < now
    })
}

/// A pod's deletionTimestamp.
pub fn deletion_timestamp(pod: &Pod, shape: &PodShape) -> Option<SimTime> {
    (pod.terminating != SimTime::NEVER && pod.phase == PodPhase::Terminating)
        .then(|| pod.terminating + shape.grace)
}

/// Whether a pod is old enough to be helped: strictly older than the delay. An annotation counts
/// where it is no shorter than the flag.
pub fn is_old_enough(
    created: SimTime,
    annotation: Option<Duration>,
    flag: Duration,
    now: SimTime,
) -> bool {
    let delay = annotation.filter(|&own| own >= flag).unwrap_or(flag);
    created + delay < now
}

/// Whether the oldest of the pods, or of those that ask for GPUs, is so young that more may be
/// about to come (`static_autoscaler.go`, `allPodsAreNew`).
pub fn all_are_new(pods: impl IntoIterator<Item = (SimTime, bool)>, now: SimTime) -> bool {
    let (mut oldest, mut oldest_gpu) = (SimTime::NEVER, None);
    for (created, wants_gpu) in pods {
        oldest = oldest.min(created);
        if wants_gpu {
            oldest_gpu = Some(oldest_gpu.unwrap_or(created).min(created));
        }
    }
    oldest + UNSCHEDULABLE_TIME_BUFFER > now
        || oldest_gpu.is_some_and(|oldest: SimTime| oldest + UNSCHEDULABLE_GPU_TIME_BUFFER > now)
}

/// Unbound pods by class (`pkg/utils/kubernetes/listers.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodClasses {
    /// To be helped, in order of creation.
    pub candidates: Vec<PodId>,
    /// Expected on their nominated node.
    pub nominated: Vec<PodId>,
}

/// Sorts the pods that are not bound; expendable ones are left out of both lists.
pub fn classify(spec: &AutoscalerSpec, view: &View<'_>) -> PodClasses {
    let mut classes = PodClasses::default();
    for &id in &view.cluster.pending {
        let pod = &view.cluster.pods[id];
        let shape = &view.cluster.shapes[pod.shape];
        if pod.phase != PodPhase::Pending || is_expendable(shape.priority, spec.expendable_cutoff) {
            continue;
        }
        if pod.nominated.is_some() {
            classes.nominated.push(id);
        } else if !view.words.is_allowed(shape.scheduler) {
            continue;
        } else if pod.unschedulable || (!pod.gated && view.words.is_bypassed(shape.scheduler)) {
            classes.candidates.push(id);
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_new_by_the_oldest_and_gpu_pods_by_their_own_oldest() {
        let cases: &[(&[(u64, bool)], bool)] = &[
            (&[(99, false)], true),
            (&[(98, false), (100, false)], false),
            (&[(75, true)], true),
            (&[(70, true), (99, true)], false),
            // An older pod that asks for none does not make GPU pods old.
            (&[(0, false), (75, true)], true),
            (&[(0, false), (70, true)], false),
        ];
        for &(pods, new) in cases {
            let ages = pods.iter().map(|&(created, gpu)| (SimTime::from_secs(created), gpu));
            assert_eq!(all_are_new(ages, SimTime::from_secs(100)), new, "{pods:?}");
        }
    }
}
