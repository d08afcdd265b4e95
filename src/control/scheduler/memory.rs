//! The scheduler's memory, and the facts it is told. It changes nothing itself: the simulation
//! applies what [`Scheduler::cycle`] decides, and tells it what happened.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::hint::{Hints, PodEvent};
use super::memo::{Placed, ShapeMemo};
use super::nominate::Nominations;
use super::profile::Profiles;
use super::queue::{Group, QueueSettings, SchedulingQueue};
use super::score::ImageScore;
use super::seats::Seats;
use super::view::SchedulerView;
use crate::control::scheduler::SchedulerSpec;
use crate::model::PodShape;
use crate::rules::{PlacedPod, PluginSet, WellKnown};
use crate::unit::{NodeId, PodId, ShapeId, SimTime};

/// Shapes remembered at most; the one unused for longest is forgotten first.
const MEMOS_MAX: usize = 256;

/// The kube-scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub(super) queue: SchedulingQueue,
    pub(super) seats: Seats,
    pub(super) profiles: Profiles,
    well_known: WellKnown,
    pub(super) nominations: Nominations,
    /// Victims that are not gone yet.
    pub(super) preempted: FxHashSet<PodId>,
    /// By shape; a memo is out while its shape is being placed.
    memos: Vec<Option<Box<ShapeMemo>>>,
    /// The shapes that have a memo, in order of creation.
    remembered: Vec<ShapeId>,
    /// Those of them that count placed pods.
    counting: Vec<ShapeId>,
    /// By placed shape: which of `counting` count its pods. Known once asked for.
    counted_by: Vec<Option<Box<[ShapeId]>>>,
    placed: Placed,
    priorities: BTreeMap<i32, u32>,
    /// Bumped with each fact on which a filter depends.
    pub(super) changes: u64,
    /// Where the next search starts (`nextStartNodeIndex`).
    pub(super) start: usize,
    pub(super) cycles: u64,
    pub(super) feasible: Vec<u32>,
    pub(super) totals: Vec<i32>,
    pub(super) raws: Vec<i64>,
    pub(super) sums: Vec<f64>,
    pub(super) images: ImageScore,
}

impl Scheduler {
    /// A scheduler that knows no nodes and no pods.
    pub fn new(spec: &SchedulerSpec, well_known: WellKnown) -> Self {
        Self {
            queue: SchedulingQueue::new(QueueSettings::from(spec)),
            seats: Seats::default(),
            profiles: Profiles::new(spec, well_known),
            well_known,
            nominations: Nominations::default(),
            preempted: FxHashSet::default(),
            memos: Vec::new(),
            remembered: Vec::new(),
            counting: Vec::new(),
            counted_by: Vec::new(),
            placed: Placed::default(),
            priorities: BTreeMap::new(),
            changes: 0,
            start: 0,
            cycles: 0,
            feasible: Vec::new(),
            totals: Vec::new(),
            raws: Vec::new(),
            sums: Vec::new(),
            images: ImageScore::default(),
        }
    }

    /// When a cycle or a timer could next do something; `None` while idle.
    pub fn next_wake(&mut self, now: SimTime) -> Option<SimTime> {
        self.queue.next_wake(now)
    }

    /// Whether a pod waits here.
    #[cfg(test)]
    pub(super) fn knows(&self, pod: PodId) -> bool {
        self.queue.contains(pod)
    }

    /// Pods that wait, gated ones too.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// A pod was created, not bound. A DaemonSet pod has its node set to the one it is made for.
    /// One whose `schedulerName` no profile has is another scheduler's: it is left alone
    /// (`eventhandlers.go`, `responsibleForPod`).
    pub fn pod_added(&mut self, view: SchedulerView<'_>, pod: PodId, now: SimTime) {
        let row = &view.cluster.pods[pod];
        if !view.spec.schedules(view.shape(pod).scheduler) {
            return;
        }
        let group = Group { shape: row.shape, pinned: row.node, rejectors: PluginSet::default() };
        let shape = view.shape(pod);
        let gated = shape.gated && self.profiles.of(shape).gates;
        self.queue.add(pod, group, view.priority(pod), gated, now);
    }

    /// A pod that was not bound is deleted.
    pub fn pod_deleted(&mut self, pod: PodId) {
        self.queue.remove(pod);
        self.nominations.drop_pod(pod);
    }

    /// A pod holds room on a node: the simulation has carried out `Bind`, or a pod was there from
    /// the start.
    pub fn pod_assumed(&mut self, view: SchedulerView<'_>, pod: PodId, node: NodeId, now: SimTime) {
        self.queue.remove(pod);
        self.nominations.drop_pod(pod);
        *self.priorities.entry(view.priority(pod)).or_insert(0) += 1;
        self.count_placed(view, view.shape(pod), 1);
        self.pod_moved(view, pod, node, PodEvent::Placed, false, now);
    }

    /// A pod that holds room was told to stop.
    pub fn pod_terminating(&mut self, view: SchedulerView<'_>, pod: PodId) {
        let Some(node) = view.cluster.pods[pod].node else { return };
        let Some(slot) = self.seats.slot(node) else { return };
        let (shape, facts) = (view.shape(pod), view.facts(node));
        self.changes += 1;
        self.tell_counting(view, view.cluster.pods[pod].shape, |memo| {
            memo.pod_terminates(slot, view, shape, &facts);
        });
    }

    /// A pod gave its room back (it is over, or deleted); the cluster has it off the node already.
    pub fn pod_left_node(
        &mut self,
        view: SchedulerView<'_>,
        pod: PodId,
        node: NodeId,
        now: SimTime,
    ) {
        self.preempted.remove(&pod);
        let priority = view.priority(pod);
        if let Some(pods) = self.priorities.get_mut(&priority) {
            *pods -= 1;
            if *pods == 0 {
                self.priorities.remove(&priority);
            }
        }
        self.count_placed(view, view.shape(pod), -1);
        let terminating = view.cluster.pods[pod].terminating != SimTime::NEVER;
        self.pod_moved(view, pod, node, PodEvent::Left, terminating, now);
    }

    /// A Node object appeared.
    pub fn node_added(&mut self, view: SchedulerView<'_>, node: NodeId, now: SimTime) {
        self.changes += 1;
        let known = self.well_known;
        let slot = self.seats.add(node, &view.cluster.nodes[node], &known);
        let seat = self.seats.get(slot);
        for memo in self.memos.iter_mut().flatten() {
            memo.node_in(slot, view, seat);
        }
        let hints = Hints { view, profiles: &self.profiles };
        self.queue.wake(now, |group| hints.after_node(group, node, None));
    }

    /// Labels, taints, `unschedulable`, allocatable or images of a node may have changed; what did
    /// is found here.
    pub fn node_changed(&mut self, view: SchedulerView<'_>, node: NodeId, now: SimTime) {
        self.changes += 1;
        let row = &view.cluster.nodes[node];
        let known = self.well_known;
        let Some((slot, before)) = self.seats.change(node, row, &known) else { return };
        if before.labels != row.labels || before.taints != row.taints {
            let seat = self.seats.get(slot);
            for memo in self.memos.iter_mut().flatten() {
                memo.node_out(slot);
                memo.node_in(slot, view, seat);
            }
        }
        let hints = Hints { view, profiles: &self.profiles };
        self.queue.wake(now, |group| hints.after_node(group, node, Some(&before)));
    }

    /// An image came to a node, or was collected there. Cheaper than [`Scheduler::node_changed`];
    /// no waiting pod is helped by it.
    pub fn node_images_changed(&mut self, view: SchedulerView<'_>, node: NodeId) {
        let images = &view.cluster.nodes[node].images;
        self.seats.change_images(node, images);
        let Some(slot) = self.seats.slot(node) else { return };
        for memo in self.memos.iter_mut().flatten() {
            memo.images_changed(slot, view, images);
        }
    }

    /// A Node object is gone. Pods that were on it are told of one by one, when they go.
    pub fn node_removed(&mut self, view: SchedulerView<'_>, node: NodeId, now: SimTime) {
        let Some(slot) = self.seats.slot(node) else { return };
        self.changes += 1;
        let seat = self.seats.get(slot).clone();
        for memo in self.memos.iter_mut().flatten() {
            memo.node_out(slot);
        }
        self.seats.remove(node);
        let hints = Hints { view, profiles: &self.profiles };
        self.queue.wake(now, |group| hints.after_node_gone(group, &seat));
    }

    fn pod_moved(
        &mut self,
        view: SchedulerView<'_>,
        pod: PodId,
        node: NodeId,
        event: PodEvent,
        terminating: bool,
        now: SimTime,
    ) {
        if let Some(slot) = self.seats.slot(node) {
            self.seats.touch(slot);
            let placed = PlacedPod { shape: view.shape(pod), terminating };
            let facts = view.facts(node);
            let delta = if event == PodEvent::Placed { 1 } else { -1 };
            self.changes += 1;
            self.tell_counting(view, view.cluster.pods[pod].shape, |memo| {
                memo.pod_changed(slot, view, &placed, &facts, delta);
            });
        }
        let hints = Hints { view, profiles: &self.profiles };
        self.queue.wake(now, |group| hints.after_pod(group, pod, event));
    }

    /// Tells the memos that count pods of the placed shape.
    fn tell_counting(
        &mut self,
        view: SchedulerView<'_>,
        placed: ShapeId,
        mut tell: impl FnMut(&mut ShapeMemo),
    ) {
        if self.counting.is_empty() {
            return;
        }
        let index = usize::from(placed);
        if self.counted_by.len() <= index {
            self.counted_by.resize(index + 1, None);
        }
        let other = &view.cluster.shapes[placed];
        let memos = &mut self.memos;
        let counting = self.counted_by[index].get_or_insert_with(|| {
            let counts = |shape: &ShapeId| {
                let memo = memos[usize::from(*shape)].as_ref();
                memo.is_some_and(|memo| memo.counts(view, other))
            };
            self.counting.iter().copied().filter(counts).collect()
        });
        for &shape in counting.iter() {
            if let Some(memo) = &mut memos[usize::from(shape)] {
                tell(memo);
            }
        }
    }

    /// Keeps count of placed pods whose terms concern every shape; the first and the last of them
    /// change what has to be counted.
    fn count_placed(&mut self, view: SchedulerView<'_>, shape: &PodShape, sign: i32) {
        let before = self.placed;
        let terms = &shape.pod_affinity;
        if !terms.anti_required.is_empty() {
            self.placed.anti_affinity = self.placed.anti_affinity.wrapping_add_signed(sign);
        }
        if !(terms.required.is_empty()
            && terms.preferred.is_empty()
            && terms.anti_preferred.is_empty())
        {
            self.placed.affinity = self.placed.affinity.wrapping_add_signed(sign);
        }
        if before.kinds() != self.placed.kinds() {
            for memo in self.memos.iter_mut().flatten() {
                memo.forget_counts();
            }
            self.find_counting(view);
        }
    }

    /// Finds the memos that may count placed pods at all.
    fn find_counting(&mut self, view: SchedulerView<'_>) {
        let everybody = self.placed.kinds() != (false, false);
        let may_count = |shape: &ShapeId| everybody || counts_pods(&view.cluster.shapes[*shape]);
        self.counting.clear();
        self.counting.extend(self.remembered.iter().copied().filter(may_count));
        self.counted_by.clear();
    }

    /// Whether any placed pod has a lower priority.
    pub(super) fn has_lower(&self, priority: i32) -> bool {
        self.priorities.first_key_value().is_some_and(|(&lowest, _)| lowest < priority)
    }

    /// Takes the memo of a shape out, up to date; it is put back by [`Scheduler::remember`].
    pub(super) fn recall(&mut self, view: SchedulerView<'_>, shape: ShapeId) -> Box<ShapeMemo> {
        let index = usize::from(shape);
        if self.memos.len() <= index {
            self.memos.resize(index + 1, None);
        }
        let mut memo = match self.memos[index].take() {
            Some(memo) => memo,
            None => self.new_memo(view, shape),
        };
        memo.last_used = self.cycles;
        let profile = self.profiles.of(&view.cluster.shapes[shape]);
        memo.refresh(view, &mut self.seats, profile, self.placed);
        memo
    }

    /// Puts a memo back.
    pub(super) fn remember(&mut self, shape: ShapeId, memo: Box<ShapeMemo>) {
        self.memos[usize::from(shape)] = Some(memo);
    }

    fn new_memo(&mut self, view: SchedulerView<'_>, shape: ShapeId) -> Box<ShapeMemo> {
        let forgotten = self.forget_oldest();
        self.remembered.push(shape);
        let everybody = self.placed.kinds() != (false, false);
        let counts = |shape: ShapeId| everybody || counts_pods(&view.cluster.shapes[shape]);
        if counts(shape) || forgotten.is_some_and(counts) {
            self.find_counting(view);
        }
        let profile = self.profiles.of(&view.cluster.shapes[shape]);
        Box::new(ShapeMemo::new(shape, view, &mut self.seats, profile))
    }

    fn forget_oldest(&mut self) -> Option<ShapeId> {
        if self.remembered.len() < MEMOS_MAX {
            return None;
        }
        let used = |shape: ShapeId| self.memos[usize::from(shape)].as_ref().map(|m| m.last_used);
        let oldest = (0..self.remembered.len()).min_by_key(|&at| used(self.remembered[at]))?;
        let shape = self.remembered.remove(oldest);
        self.memos[usize::from(shape)] = None;
        Some(shape)
    }
}

/// Whether filters or scores of a shape count placed pods, whatever those are.
fn counts_pods(shape: &PodShape) -> bool {
    !shape.spread.is_empty() || shape.default_spread.is_some() || !shape.pod_affinity.is_empty()
}
