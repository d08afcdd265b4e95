//! Trying to place pods one at a time, with hints and without scoring
//! (`pkg/simulator/scheduling`, `pkg/core/podlistprocessor/filter_out_schedulable.go`).

use rustc_hash::{FxHashMap, FxHashSet};

use super::snapshot::{Held, Origin, Snapshot};
use crate::model::OwnerKind;
use crate::unit::{PodId, ShapeId, WorkloadId};

/// Different specifications of one controller that are remembered as failed.
const MAX_SIMILAR: usize = 10;

/// Where pods were placed in the last two passes.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub(super) current: FxHashMap<PodId, Origin>,
    pub(super) previous: FxHashMap<PodId, Origin>,
}

impl Hints {
    /// Where the pod was placed.
    pub fn get(&self, pod: PodId) -> Option<Origin> {
        self.current.get(&pod).or_else(|| self.previous.get(&pod)).copied()
    }

    /// Remembers where the pod was placed.
    pub fn set(&mut self, pod: PodId, origin: Origin) {
        self.current.insert(pod, origin);
    }

    /// Ends a pass: what was not used in it or the one before is forgotten.
    pub fn drop_old(&mut self) {
        self.previous = std::mem::take(&mut self.current);
    }
}

/// Memory of placing: the round-robin position goes on between calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundRobin {
    /// Position of the last node found.
    pub last: usize,
}

/// A pod to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Pod.
    pub pod: PodId,
    /// Specification.
    pub shape: ShapeId,
    /// Owner.
    pub workload: WorkloadId,
}

/// A shape that no acceptable node takes, seen while nothing was placed: as long as room only
/// shrinks, it stays so, except on the node that was excluded then.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    shapes: FxHashMap<ShapeId, Option<usize>>,
}

/// How to place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceOptions {
    /// All or nothing is wanted: stop at the first failure.
    pub break_on_failure: bool,
    /// Hinted pods of a priority go first (1.37).
    pub hinted_first: bool,
}

/// Places pods in order where they fit; they stay there. Returns where, in order of placing.
pub fn place(
    snapshot: &mut Snapshot<'_>,
    pods: &[Candidate],
    hints: &mut Hints,
    robin: &mut RoundRobin,
    options: PlaceOptions,
    acceptable: impl Fn(&Snapshot<'_>, usize) -> bool,
) -> Vec<(PodId, usize)> {
    let mut batch =
        Batch { snapshot, hints, robin, failed: FxHashSet::default(), similar: Similar::default() };
    let mut placed = Vec::new();
    if !options.hinted_first {
        for pod in pods {
            match batch.try_hint(pod, &acceptable).or_else(|| batch.search(pod, &acceptable)) {
                Some(slot) => placed.push((pod.pod, slot)),
                None if options.break_on_failure => break,
                None => {}
            }
        }
        return placed;
    }
    let priority = |pod: &Candidate, snapshot: &Snapshot<'_>| {
        snapshot.view().cluster.shapes[pod.shape].priority.unwrap_or(0)
    };
    let mut rest = pods;
    while let Some(first) = rest.first() {
        let level = priority(first, batch.snapshot);
        let end = rest.iter().position(|pod| priority(pod, batch.snapshot) != level);
        let (group, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        let mut left = Vec::with_capacity(group.len());
        for pod in group {
            match batch.try_hint(pod, &acceptable) {
                Some(slot) => placed.push((pod.pod, slot)),
                None => left.push(*pod),
            }
        }
        for pod in &left {
            match batch.search(pod, &acceptable) {
                Some(slot) => placed.push((pod.pod, slot)),
                None if options.break_on_failure => return placed,
                None => {}
            }
        }
    }
    placed
}

/// Places all pods or stops, remembering shapes that no node but an excluded one takes.
pub fn place_all(
    snapshot: &mut Snapshot<'_>,
    pods: &[Candidate],
    hints: &mut Hints,
    robin: &mut RoundRobin,
    failures: &mut Failures,
    excluded: usize,
    acceptable: impl Fn(&Snapshot<'_>, usize) -> bool,
) -> bool {
    for (index, pod) in pods.iter().enumerate() {
        let mut batch = Batch {
            snapshot,
            hints,
            robin,
            failed: FxHashSet::default(),
            similar: Similar::default(),
        };
        if batch.try_hint(pod, &acceptable).is_some() {
            continue;
        }
        if let Some(&spared) = failures.shapes.get(&pod.shape) {
            let slot = spared.filter(|&slot| {
                slot != excluded
                    && batch.snapshot.is_there(slot)
                    && !batch.snapshot.facts(slot).unschedulable
                    && acceptable(batch.snapshot, slot)
                    && batch.snapshot.fits(pod.shape, slot)
            });
            match slot {
                Some(slot) => {
                    batch.robin.last = slot;
                    batch.put(pod, slot);
                    continue;
                }
                None => {
                    if index == 0 {
                        failures.shapes.insert(pod.shape, Some(excluded));
                    }
                    return false;
                }
            }
        }
        if batch.search(pod, &acceptable).is_none() {
            if index == 0 && batch.snapshot.is_trivial(pod.shape) {
                failures.shapes.insert(pod.shape, Some(excluded));
            }
            return false;
        }
    }
    true
}

/// Failed specifications per controller.
#[derive(Debug, Default)]
struct Similar {
    failed: FxHashMap<WorkloadId, Vec<ShapeId>>,
}

struct Batch<'b, 'a> {
    snapshot: &'b mut Snapshot<'a>,
    hints: &'b mut Hints,
    robin: &'b mut RoundRobin,
    /// Shapes whose verdict depends on the node alone, and that no node takes.
    failed: FxHashSet<ShapeId>,
    similar: Similar,
}

impl Batch<'_, '_> {
    fn put(&mut self, pod: &Candidate, slot: usize) {
        let held = Held { shape: pod.shape, pod: Some(pod.pod), terminating: false };
        self.snapshot.place(slot, held);
        self.hints.set(pod.pod, self.snapshot.origin(slot));
    }

    fn try_hint(
        &mut self,
        pod: &Candidate,
        acceptable: &impl Fn(&Snapshot<'_>, usize) -> bool,
    ) -> Option<usize> {
        let slot = self.snapshot.slot_of_origin(self.hints.get(pod.pod)?)?;
        if !acceptable(self.snapshot, slot) || !self.snapshot.fits(pod.shape, slot) {
            return None;
        }
        self.put(pod, slot);
        Some(slot)
    }

    fn search(
        &mut self,
        pod: &Candidate,
        acceptable: &impl Fn(&Snapshot<'_>, usize) -> bool,
    ) -> Option<usize> {
        if self.failed.contains(&pod.shape) || self.is_similar_failed(pod) {
            return None;
        }
        let all = 0..self.snapshot.slots();
        let found = self.snapshot.first_fit(pod.shape, self.robin.last, all, acceptable);
        let Some(slot) = found else {
            if self.snapshot.is_trivial(pod.shape) {
                self.failed.insert(pod.shape);
            } else {
                self.remember_failure(pod);
            }
            return None;
        };
        self.robin.last = slot;
        self.put(pod, slot);
        Some(slot)
    }

    fn has_controller(&self, pod: &Candidate) -> bool {
        let view = self.snapshot.view();
        let lone = view.lone.get(usize::from(pod.workload)).copied().unwrap_or(false);
        view.cluster.shapes[pod.shape].owner != OwnerKind::None && !lone
    }

    fn is_similar_failed(&self, pod: &Candidate) -> bool {
        self.has_controller(pod)
            && self.similar.failed.get(&pod.workload).is_some_and(|s| s.contains(&pod.shape))
    }

    fn remember_failure(&mut self, pod: &Candidate) {
        if self.has_controller(pod) {
            let shapes = self.similar.failed.entry(pod.workload).or_default();
            if shapes.len() < MAX_SIMILAR {
                shapes.push(pod.shape);
            }
        }
    }
}
