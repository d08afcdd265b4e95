//! What is remembered per shape: verdict and score of each node by slot, and counts over the
//! cluster. Everything here could be computed anew from the view; a test does so and compares.

use super::cycle::Failures;
use super::in_order::InOrder;
use super::profile::Profile;
use super::score::{ImagesThere, PodAffinityScores, SpreadScores};
use super::seats::{Seat, Seats};
use super::view::{NodesOf, SchedulerView};
use crate::model::PodShape;
use crate::rules::{
    ClusterWide, NodeFacts, PlacedPod, Plugin, intolerable_preferences, node_failure, preference,
};
use crate::unit::{ImageId, ShapeId};

/// What is known of a node for a shape: the score of fit and balance if the node passes the
/// filters that look at it alone, or a negative code. One comparison with zero tells them apart,
/// so that a search runs over many nodes at once.
pub type Verdict = i32;

/// Not known.
pub const STALE: Verdict = Verdict::MIN;
/// Before any version of the node order.
const NO_VERSION: u64 = 0;
/// Set in failures that preemption cannot resolve.
const UNRESOLVABLE: Verdict = 0x80;

/// A failure as a verdict.
pub const fn failed(plugin: Plugin, unresolvable: bool) -> Verdict {
    !(plugin as Verdict | if unresolvable { UNRESOLVABLE } else { 0 })
}

/// Whether a node passes.
pub const fn is_feasible(verdict: Verdict) -> bool {
    verdict >= 0
}

/// The plugin of a failure.
pub const fn plugin_index(failure: Verdict) -> usize {
    (!failure & !UNRESOLVABLE) as usize
}

/// Whether preemption cannot resolve a failure.
pub const fn is_unresolvable(verdict: Verdict) -> bool {
    !is_feasible(verdict) && !verdict & UNRESOLVABLE != 0
}

/// What is remembered of one shape.
#[derive(Clone, Debug)]
pub struct ShapeMemo {
    shape: ShapeId,
    cursor: u64,
    /// By slot.
    known: Vec<Verdict>,
    /// The same in node order, which searches run along.
    in_order: InOrder,
    order_version: u64,
    taint: Vec<i32>,
    preferred: Vec<i32>,
    images: Vec<ImagesThere>,
    /// Any node has had untolerated preferences since the memo was made.
    pub has_taint_scores: bool,
    wide: ClusterWide,
    affinity_scores: Option<PodAffinityScores>,
    counts_are_stale: bool,
    /// How the nodes failed when they were last looked at in vain, and at which change that was.
    rejected: Option<(u64, Failures)>,
    /// Soft spread.
    pub spread: Option<SpreadScores>,
    /// The last cycle that used the memo.
    pub last_used: u64,
}

/// Which counts placed pods make necessary for every shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Placed pods with required anti-affinity.
    pub anti_affinity: u32,
    /// Placed pods with any affinity terms that score.
    pub affinity: u32,
}

impl Placed {
    /// Whether there are any of either kind.
    pub fn kinds(self) -> (bool, bool) {
        (self.anti_affinity > 0, self.affinity > 0)
    }
}

impl ShapeMemo {
    /// A memo that knows nothing.
    pub fn new(
        shape: ShapeId,
        view: SchedulerView<'_>,
        seats: &mut Seats,
        profile: &Profile,
    ) -> Self {
        let row = &view.cluster.shapes[shape];
        let scores = profile.weights.spread > 0;
        let spread = scores.then(|| SpreadScores::new(row, &profile.options.well_known));
        let mut spread = spread.flatten();
        if let Some(spread) = &mut spread {
            for slot in seats.order().to_vec() {
                let node = seats.get(slot).node;
                let (facts, pods) = (view.facts(node), view.pods_on(node));
                spread.node_in(slot as usize, row, &facts, pods, &view.cluster.symbols);
            }
        }
        Self {
            shape,
            cursor: seats.log_end(),
            known: vec![STALE; seats.slots()],
            in_order: InOrder::default(),
            order_version: NO_VERSION,
            taint: vec![0; seats.slots()],
            preferred: vec![0; seats.slots()],
            images: vec![ImagesThere::default(); seats.slots()],
            has_taint_scores: false,
            wide: ClusterWide::default(),
            affinity_scores: None,
            counts_are_stale: true,
            rejected: None,
            spread,
            last_used: 0,
        }
    }

    /// Brings the memo up to date with the log, and counts anew what nodes have made stale.
    pub fn refresh(
        &mut self,
        view: SchedulerView<'_>,
        seats: &mut Seats,
        profile: &Profile,
        placed: Placed,
    ) {
        for column in [&mut self.taint, &mut self.preferred] {
            column.resize(seats.slots(), 0);
        }
        self.images.resize(seats.slots(), ImagesThere::default());
        self.known.resize(seats.slots(), STALE);
        let order = seats.take_order();
        match seats.changed_since(self.cursor) {
            Some(changed) => {
                let ordered = self.order_version == seats.order_version();
                for &slot in changed {
                    self.known[slot as usize] = STALE;
                    if let Some(place) = seats.place(slot).filter(|_| ordered) {
                        self.in_order.set(place, STALE);
                    }
                }
            }
            None => {
                self.known.fill(STALE);
                self.order_version = NO_VERSION;
            }
        }
        if self.order_version != seats.order_version() {
            self.order_version = seats.order_version();
            self.in_order.renew(order.iter().map(|&slot| self.known[slot as usize]));
        }
        seats.put_order(order);
        self.cursor = seats.log_end();
        if !self.counts_are_stale {
            return;
        }
        self.counts_are_stale = false;
        let row = &view.cluster.shapes[self.shape];
        let anti_affinity_placed = placed.anti_affinity > 0;
        let counts_affinity = profile.scores_pod_affinity(row, placed.affinity > 0);
        let nodes = seats.nodes();
        let snapshot = NodesOf { view, nodes: &nodes };
        let wide = ClusterWide::of(row, &snapshot, &view.names(), anti_affinity_placed);
        self.wide = profile.filtering(wide);
        let weight = profile.hard_affinity_weight;
        self.affinity_scores =
            counts_affinity.then(|| PodAffinityScores::of(row, &snapshot, &view.names(), weight));
    }

    /// What the filters that look at a node alone say of it.
    #[inline]
    pub fn verdict(
        &mut self,
        slot: u32,
        view: SchedulerView<'_>,
        seats: &Seats,
        profile: &Profile,
    ) -> Verdict {
        let known = self.known[slot as usize];
        if known == STALE { self.judge(slot, view, seats, profile) } else { known }
    }

    /// Every node failed at this change of the cluster.
    pub fn note_rejection(&mut self, change: u64, failures: Failures) {
        self.rejected = Some((change, failures));
    }

    /// How every node failed, if that was at this very change.
    pub fn rejection_at(&self, change: u64) -> Option<Failures> {
        self.rejected.filter(|&(then, _)| then == change).map(|(_, failures)| failures)
    }

    /// Verdicts in node order; some may not be known ([`ShapeMemo::verdict`] finds them).
    pub fn in_order(&self) -> &InOrder {
        &self.in_order
    }

    #[cold]
    fn judge(
        &mut self,
        slot: u32,
        view: SchedulerView<'_>,
        seats: &Seats,
        profile: &Profile,
    ) -> Verdict {
        let row = &view.cluster.shapes[self.shape];
        let seat = seats.get(slot);
        let facts = view.facts(seat.node);
        let symbols = &view.cluster.symbols;
        let failure = node_failure(row, &facts, symbols, &profile.options);
        let verdict = match failure {
            Some(failure) => failed(failure.plugin, failure.unresolvable),
            None => {
                let added = &profile.options.added_affinity;
                let preferred = preference(&row.node_affinity, &facts, symbols)
                    + preference(added, &facts, symbols);
                let taints = intolerable_preferences(facts.taints, &row.tolerations);
                self.preferred[slot as usize] = preferred as i32;
                self.images[slot as usize] = ImagesThere::of(row, &seat.images);
                self.taint[slot as usize] = taints as i32;
                self.has_taint_scores |= taints > 0;
                profile.local_score(row, &facts) as Verdict
            }
        };
        self.known[slot as usize] = verdict;
        if let Some(place) = seats.place(slot) {
            self.in_order.set(place, verdict);
        }
        verdict
    }

    /// The filters that look at the cluster.
    pub fn wide(&self) -> &ClusterWide {
        &self.wide
    }

    /// Inter-pod affinity scores, if any node could have one.
    pub fn affinity_scores(&self) -> Option<&PodAffinityScores> {
        self.affinity_scores.as_ref().filter(|scores| !scores.is_flat())
    }

    /// Raw taint score of a feasible node.
    pub fn taint(&self, slot: u32) -> i64 {
        i64::from(self.taint[slot as usize])
    }

    /// Raw node affinity score of a feasible node.
    pub fn preferred(&self, slot: u32) -> i64 {
        i64::from(self.preferred[slot as usize])
    }

    /// The images of a feasible node.
    pub fn images(&self, slot: u32) -> ImagesThere {
        self.images[slot as usize]
    }

    /// A node has other images.
    pub fn images_changed(&mut self, slot: u32, view: SchedulerView<'_>, images: &[ImageId]) {
        if let Some(there) = self.images.get_mut(slot as usize) {
            *there = ImagesThere::of(&view.cluster.shapes[self.shape], images);
        }
    }

    /// Counts over the cluster are to be made anew.
    pub fn forget_counts(&mut self) {
        self.counts_are_stale = true;
    }

    /// A node came, or changed in what counts depend on.
    pub fn node_in(&mut self, slot: u32, view: SchedulerView<'_>, seat: &Seat) {
        self.forget_counts();
        if let Some(spread) = &mut self.spread {
            let row = &view.cluster.shapes[self.shape];
            let (facts, pods) = (view.facts(seat.node), view.pods_on(seat.node));
            spread.node_in(slot as usize, row, &facts, pods, &view.cluster.symbols);
        }
    }

    /// A node went, or is about to come back changed.
    pub fn node_out(&mut self, slot: u32) {
        self.forget_counts();
        if let Some(spread) = &mut self.spread {
            spread.node_out(slot as usize);
        }
    }

    /// Whether pods of another shape count for anything here. It depends on the two shapes alone.
    pub fn counts(&self, view: SchedulerView<'_>, other: &PodShape) -> bool {
        let row = &view.cluster.shapes[self.shape];
        let names = view.names();
        ClusterWide::counts(row, other, &names)
            || PodAffinityScores::counts(row, other, &names)
            || self.spread.as_ref().is_some_and(|spread| spread.counts(row, other, names.symbols))
    }

    /// A pod came to (`delta` 1) or left (-1) a slot.
    pub fn pod_changed(
        &mut self,
        slot: u32,
        view: SchedulerView<'_>,
        pod: &PlacedPod<'_>,
        facts: &NodeFacts<'_>,
        delta: i64,
    ) {
        let row = &view.cluster.shapes[self.shape];
        if let Some(spread) = &mut self.spread {
            spread.pod_changed(slot as usize, row, pod, delta, &view.cluster.symbols);
        }
        if self.counts_are_stale {
            return;
        }
        self.wide.pod_changed(row, pod, facts, delta, &view.names());
        if let Some(scores) = &mut self.affinity_scores {
            scores.pod_changed(row, pod.shape, facts, delta, &view.names());
        }
    }

    /// A pod on a slot starts terminating: it counts for spread no more.
    pub fn pod_terminates(
        &mut self,
        slot: u32,
        view: SchedulerView<'_>,
        pod: &PodShape,
        facts: &NodeFacts<'_>,
    ) {
        let row = &view.cluster.shapes[self.shape];
        if let Some(spread) = &mut self.spread {
            let running = PlacedPod { shape: pod, terminating: false };
            spread.pod_changed(slot as usize, row, &running, -1, &view.cluster.symbols);
        }
        if !self.counts_are_stale {
            self.wide.pod_terminates(row, pod, facts, &view.names());
        }
    }
}
