//! Preemption: which pods would have to go, and from which node.
//!
//! Source: kubernetes `pkg/scheduler/framework/preemption/preemption.go` and
//! `plugins/defaultpreemption/default_preemption.go`, v1.36.2.

use std::cmp::Reverse;

use super::nominate::Nominations;
use super::view::SchedulerView;
use crate::model::Usage;
use crate::rules::{
    ClusterWide, FilterOptions, NodeFacts, PlacedPod, matches_labels, node_failure,
};
use crate::unit::{Lots, NodeId, PodId, SimTime};

/// A node and the pods that would have to leave it, the most important first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// The pods.
    pub victims: Vec<PodId>,
    /// How many of them a disruption budget would protect.
    pub violations: u32,
}

/// What became of an earlier preemption by the same pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The filters now call the nominated node unresolvable.
    pub unresolvable: bool,
    /// A pod of lower priority that was preempted there is still terminating.
    pub still_terminating: bool,
}

/// Whether a pod that found no node may preempt others.
pub fn may_preempt(never_preempts: bool, earlier: Option<Earlier>) -> bool {
    !never_preempts
        && earlier.is_none_or(|earlier| earlier.unresolvable || !earlier.still_terminating)
}

/// How many candidates end the search among `nodes`.
pub fn candidates_wanted(nodes: usize) -> usize {
    (nodes * 10 / 100).max(100).min(nodes)
}

/// A pod that wants room, and what its filters know.
#[derive(Clone, Copy, Debug)]
pub struct Preemptor<'a> {
    /// The view.
    pub view: SchedulerView<'a>,
    /// The pod.
    pub pod: PodId,
    /// State of its filters over the cluster.
    pub wide: &'a ClusterWide,
    /// Settings of the filters.
    pub options: &'a FilterOptions,
    /// Who else has been promised room.
    pub nominations: &'a Nominations,
}

/// One node while pods are taken off and put back.
struct Trial<'a> {
    preemptor: Preemptor<'a>,
    node: NodeId,
    used: Usage,
    wide: ClusterWide,
}

impl Trial<'_> {
    fn change(&mut self, pod: PodId, delta: i64) {
        let Preemptor { view, pod: own, .. } = self.preemptor;
        let facts = view.facts(self.node);
        let placed = view.placed(pod);
        if delta > 0 {
            self.used.add(pod, placed.shape);
        } else {
            self.used.remove(pod, placed.shape);
        }
        self.wide.pod_changed(view.shape(own), &placed, &facts, delta, &view.names());
    }

    /// Whether the preemptor fits, with and without the pods that have been promised this node.
    fn fits(&mut self) -> bool {
        let Preemptor { view, pod, options, nominations, .. } = self.preemptor;
        let shape = view.shape(pod);
        let fits = |used: &Usage, wide: &ClusterWide| {
            let facts = NodeFacts::with_usage(&view.cluster.nodes[self.node], used);
            node_failure(shape, &facts, &view.cluster.symbols, options).is_none()
                && wide.failure(shape, &facts).is_none()
        };
        let promised = nominations.rivals(view, self.node, pod);
        if !promised.is_empty() {
            let (mut used, mut wide) = (self.used.clone(), self.wide.clone());
            for rival in promised {
                let rival_shape = view.shape(rival);
                used.add(rival, rival_shape);
                let placed = PlacedPod { shape: rival_shape, terminating: false };
                wide.pod_changed(shape, &placed, &view.facts(self.node), 1, &view.names());
            }
            if !fits(&used, &wide) {
                return false;
            }
        }
        fits(&self.used, &self.wide)
    }
}

/// Importance: priority, then age.
fn importance(view: SchedulerView<'_>, pod: PodId) -> (Reverse<i32>, SimTime, PodId) {
    (Reverse(view.priority(pod)), view.cluster.pods[pod].bound, pod)
}

/// The pods that would have to leave `node` for the preemptor; `None` if even all pods of lower
/// priority would not do.
pub fn victims_on(preemptor: Preemptor<'_>, node: NodeId) -> Option<Candidate> {
    let Preemptor { view, pod, wide, .. } = preemptor;
    let priority = view.priority(pod);
    let on_node = &view.cluster.nodes[node].used;
    let mut lower: Vec<PodId> = on_node.pods.clone();
    lower.retain(|&other| view.priority(other) < priority);
    if lower.is_empty() {
        return None;
    }
    let mut trial = Trial { preemptor, node, used: on_node.clone(), wide: wide.clone() };
    for &other in &lower {
        trial.change(other, -1);
    }
    if !trial.fits() {
        return None;
    }
    lower.sort_by_key(|&other| importance(view, other));
    let (violating, others) = split_by_budgets(view, &lower);
    let mut candidate = Candidate { node, victims: Vec::new(), violations: 0 };
    for (pods, violates) in [(violating, 1), (others, 0)] {
        for other in pods {
            trial.change(other, 1);
            if !trial.fits() {
                trial.change(other, -1);
                candidate.victims.push(other);
                candidate.violations += violates;
            }
        }
    }
    candidate.victims.sort_by_key(|&other| importance(view, other));
    Some(candidate)
}

/// Splits pods into those whose eviction a budget would forbid and the others, in order.
fn split_by_budgets(view: SchedulerView<'_>, pods: &[PodId]) -> (Vec<PodId>, Vec<PodId>) {
    let mut allowed: Vec<i64> = view.cluster.budgets.iter().map(|budget| budget.allowed).collect();
    pods.iter().copied().partition(|&pod| {
        let shape = view.shape(pod);
        let mut violates = false;
        for (id, budget) in view.budgets.enumerate() {
            let covered = budget.namespace == shape.namespace
                && !shape.labels.is_empty()
                && budget.selector.as_ref().is_some_and(|selector| {
                    !selector.requirements.is_empty()
                        && matches_labels(selector, &shape.labels, &view.cluster.symbols)
                });
            let disrupted = &view.cluster.budgets[id].disrupted;
            if covered && !disrupted.iter().any(|&(other, _)| other == pod) {
                let left = &mut allowed[usize::from(id)];
                *left -= 1;
                violates |= *left < 0;
            }
        }
        violates
    })
}

/// Candidates among `nodes` (those whose failure preemption could resolve), from a random offset,
/// until enough are found; those without violations first.
pub fn dry_run(preemptor: Preemptor<'_>, nodes: &[NodeId], lots: Lots) -> Vec<Candidate> {
    let wanted = candidates_wanted(nodes.len());
    let offset = lots.below(nodes.len());
    let (mut harmless, mut violating) = (Vec::new(), Vec::new());
    for &node in nodes[offset..].iter().chain(&nodes[..offset]) {
        if let Some(candidate) = victims_on(preemptor, node) {
            if candidate.violations == 0 { &mut harmless } else { &mut violating }.push(candidate);
            if !harmless.is_empty() && harmless.len() + violating.len() >= wanted {
                break;
            }
        }
    }
    harmless.append(&mut violating);
    harmless
}

/// The candidate to take: fewest violations, lowest top priority, lowest sum of priorities, fewest
/// pods, latest start among those of top priority, first.
pub fn choose_candidate(view: SchedulerView<'_>, candidates: &[Candidate]) -> Option<usize> {
    let key = |candidate: &Candidate| {
        let priorities = || candidate.victims.iter().map(|&pod| i64::from(view.priority(pod)));
        let top = priorities().max().unwrap_or(i64::MIN);
        let sum: i64 = priorities().map(|priority| priority + (1 << 31)).sum();
        let started = candidate
            .victims
            .iter()
            .filter(|&&pod| i64::from(view.priority(pod)) == top)
            .map(|&pod| view.cluster.pods[pod].bound)
            .min();
        (candidate.violations, top, sum, candidate.victims.len(), Reverse(started))
    };
    (0..candidates.len()).min_by_key(|&index| key(&candidates[index]))
}
