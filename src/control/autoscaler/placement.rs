//! Trying to place pods one at a time, with hints and without scoring
//! (`pkg/simulator/scheduling`, `pkg/core/podlistprocessor/filter_out_schedulable.go`).

use rustc_hash::{FxHashMap, FxHashSet};

use super::drain::is_daemon;
use super::round_robin::RoundRobin;
use super::snapshot::{Held, Origin, Snapshot};
use crate::model::{OwnerKind, PodPhase};
use crate::unit::{NodeId, PodId, PoolId, ShapeId, WorkloadId};

/// Different specifications of one controller that are remembered as failed.
const MAX_SIMILAR: usize = 10;

/// Where pods were placed in the last two passes.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub(super) current: FxHashMap<PodId, Origin>,
    pub(super) previous: FxHashMap<PodId, Origin>,
    /// The last pass left what the one before it had left.
    pub(super) settled: bool,
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

    /// Nodes that are coming have the name of their template, and a template that is made anew has
    /// a new one: only those of these groups are found again (`simulator/node_info_utils.go`,
    /// `SanitizedTemplateNodeInfoFromNodeInfo`).
    pub fn forget_upcoming(&mut self, but: &[PoolId]) {
        let stays = |origin: &Origin| match origin {
            Origin::Upcoming(pool, _) => but.contains(pool),
            _ => true,
        };
        self.current.retain(|_, origin| stays(origin));
        self.previous.retain(|_, origin| stays(origin));
    }

    /// Ends a pass: what was not used in it or the one before is forgotten.
    pub fn drop_old(&mut self) {
        self.settled = self.current == self.previous;
        self.previous = std::mem::take(&mut self.current);
    }
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
    let mut batch = Batch::new(snapshot, hints, robin);
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

/// Pods that all have to find room, less on one node.
#[derive(Clone, Copy, Debug)]
pub struct AllPods<'p> {
    /// The pods.
    pub pods: &'p [Candidate],
    /// The node that they leave.
    pub excluded: usize,
    /// The pods of a priority go together, hinted ones first (1.37).
    pub hinted_first: bool,
}

/// Places all pods or stops, remembering shapes that no node but an excluded one takes.
pub fn place_all(
    snapshot: &mut Snapshot<'_>,
    all: AllPods<'_>,
    hints: &mut Hints,
    robin: &mut RoundRobin,
    failures: &mut Failures,
    acceptable: impl Fn(&Snapshot<'_>, usize) -> bool,
) -> bool {
    let hinted = |snapshot: &mut Snapshot<'_>, hints: &mut Hints, pod: &Candidate| {
        Batch::new(snapshot, hints, &mut RoundRobin::default()).try_hint(pod, &acceptable).is_some()
    };
    let mut placed = false;
    if !all.hinted_first {
        return all.pods.iter().all(|pod| {
            let found = hinted(snapshot, hints, pod) || {
                let batch = Batch::new(snapshot, hints, robin);
                failures.search(batch, pod, all.excluded, placed, &acceptable)
            };
            placed |= found;
            found
        });
    }
    let priority = |pod: &Candidate, snapshot: &Snapshot<'_>| {
        snapshot.view().cluster.shapes[pod.shape].priority.unwrap_or(0)
    };
    let mut pods = all.pods.to_vec();
    pods.sort_by_key(|pod| std::cmp::Reverse(priority(pod, snapshot)));
    while let Some(first) = pods.first() {
        let level = priority(first, snapshot);
        let end = pods.iter().position(|pod| priority(pod, snapshot) != level);
        let rest = pods.split_off(end.unwrap_or(pods.len()));
        let before = pods.len();
        pods.retain(|pod| !hinted(snapshot, hints, pod));
        placed |= pods.len() < before;
        for pod in &pods {
            let batch = Batch::new(snapshot, hints, robin);
            if !failures.search(batch, pod, all.excluded, placed, &acceptable) {
                return false;
            }
            placed = true;
        }
        pods = rest;
    }
    true
}

impl Failures {
    /// Places a pod where it fits; `placed`: whether another one was before.
    fn search(
        &mut self,
        mut batch: Batch<'_, '_>,
        pod: &Candidate,
        excluded: usize,
        placed: bool,
        acceptable: &impl Fn(&Snapshot<'_>, usize) -> bool,
    ) -> bool {
        if let Some(&spared) = self.shapes.get(&pod.shape) {
            let slot = spared.filter(|&slot| {
                slot != excluded
                    && batch.snapshot.is_there(slot)
                    && !batch.snapshot.facts(slot).unschedulable
                    && acceptable(batch.snapshot, slot)
                    && batch.snapshot.fits(pod.shape, slot)
            });
            if let Some(slot) = slot {
                batch.robin.found(batch.snapshot, slot);
                batch.put(pod, slot);
            } else if !placed {
                self.shapes.insert(pod.shape, Some(excluded));
            }
            return slot.is_some();
        }
        let found = batch.search(pod, acceptable).is_some();
        if !found && !placed && batch.snapshot.is_trivial(pod.shape) {
            self.shapes.insert(pod.shape, Some(excluded));
        }
        found
    }
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

impl<'b, 'a> Batch<'b, 'a> {
    fn new(
        snapshot: &'b mut Snapshot<'a>,
        hints: &'b mut Hints,
        robin: &'b mut RoundRobin,
    ) -> Self {
        let (failed, similar) = (FxHashSet::default(), Similar::default());
        Self { snapshot, hints, robin, failed, similar }
    }

    fn put(&mut self, pod: &Candidate, slot: usize) {
        let held = Held { shape: pod.shape, pod: Some(pod.pod), terminating: false };
        self.snapshot.place(slot, held);
        self.hints.set(pod.pod, self.snapshot.origin(slot));
    }

    /// The node that a pod of a DaemonSet was made for, if it is not bound: the only one that its
    /// affinity allows.
    fn made_for(&self, pod: &Candidate) -> Option<NodeId> {
        let cluster = self.snapshot.view().cluster;
        let row = &cluster.pods[pod.pod];
        let waits = row.phase == PodPhase::Pending && is_daemon(&cluster.shapes[pod.shape]);
        row.node.filter(|_| waits)
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
        if let Some(node) = self.made_for(pod) {
            let slot = self.snapshot.slot_of(node)?;
            if !acceptable(self.snapshot, slot) || !self.snapshot.takes(pod.shape, slot) {
                return None;
            }
            self.robin.found(self.snapshot, slot);
            self.put(pod, slot);
            return Some(slot);
        }
        if self.failed.contains(&pod.shape) || self.is_similar_failed(pod) {
            return None;
        }
        let all = 0..self.snapshot.slots();
        let found = self.robin.find(self.snapshot, pod.shape, all, acceptable);
        let Some(slot) = found else {
            if self.snapshot.is_trivial(pod.shape) {
                self.failed.insert(pod.shape);
            } else {
                self.remember_failure(pod);
            }
            return None;
        };
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
