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

/// Whether the oldest of the pods is so young that more may be about to come.
pub fn all_are_new(pods: impl IntoIterator<Item = (SimTime, bool)>, now: SimTime) -> bool {
    let (mut oldest, mut gpu) = (SimTime::NEVER, false);
    for (created, wants_gpu) in pods {
        oldest = oldest.min(created);
        gpu |= wants_gpu;
    }
    let buffer = if gpu { UNSCHEDULABLE_GPU_TIME_BUFFER } else { UNSCHEDULABLE_TIME_BUFFER };
    oldest + buffer > now
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
        } else if pod.unschedulable || (!shape.gated && view.words.is_bypassed(shape.scheduler)) {
            classes.candidates.push(id);
        }
    }
    classes
}
