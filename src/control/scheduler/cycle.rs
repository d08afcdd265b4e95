//! One scheduling cycle: take the next pod, look at nodes, decide.
//!
//! Source: kubernetes `pkg/scheduler/schedule_one.go`, v1.36.2. The cycle is an instant; what it
//! costs is for the simulation to say (`SchedulerSpec::cycle`).

use super::in_order::{WORD, places, within};
use super::memo::{ShapeMemo, Verdict, failed, is_feasible, is_unresolvable, plugin_index};
use super::memory::Scheduler;
use super::order::choose;
use super::preempt::{Earlier, Preemptor, choose_candidate, dry_run, may_preempt};
use super::profile::Profile;
use super::score::{
    ImagesThere, highest_is_best, lowest_is_best, normalise_pod_affinity, normalise_spread,
};
use super::view::SchedulerView;
use crate::control::scheduler::TieBreak;
use crate::model::{PodPhase, PodShape};
use crate::rules::{NodeFacts, PlacedPod, Plugin, PluginSet, first_failure};
use crate::unit::{Lots, NodeId, PodId, SimTime};

/// What a cycle came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The pod.
    pub pod: PodId,
    /// Number of this attempt.
    pub attempt: u32,
    /// Nodes looked at.
    pub looked_at: u32,
    /// Of these, the feasible ones.
    pub feasible: u32,
    /// The decision.
    pub decision: Decision,
    /// The pod's status has to be written: its condition or its nomination has changed.
    pub writes_status: bool,
}

/// The decision of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Place the pod: `Cluster::assume`, then [`Scheduler::pod_assumed`].
    Bind {
        /// The node.
        node: NodeId,
    },
    /// No node will do; the API gets `PodScheduled=False, Unschedulable`. The pod is back in the
    /// queue already.
    Unschedulable {
        /// Why, by plugin.
        failures: Failures,
        /// Pods to delete for it.
        preemption: Option<Preemption>,
    },
}

/// How many nodes failed by which plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Nodes in the cluster.
    pub nodes: u32,
    /// Nodes by the plugin that rejected them first, indexed as [`Plugin::ALL`].
    pub by_plugin: [u32; Plugin::ALL.len()],
}

impl Failures {
    /// Plugins that rejected nodes, and how many each.
    pub fn iter(&self) -> impl Iterator<Item = (Plugin, u32)> + '_ {
        Plugin::ALL.into_iter().zip(self.by_plugin).filter(|&(_, nodes)| nodes > 0)
    }

    fn count(&mut self, failure: Verdict) {
        self.by_plugin[plugin_index(failure)] += 1;
    }

    fn rejectors(&self) -> PluginSet {
        let mut set = PluginSet::default();
        for (plugin, _) in self.iter() {
            set.insert(plugin);
        }
        set
    }
}

/// Pods to delete, each with its own grace period, so that a pod finds room. Disruption budgets are
/// a preference only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// The node that the pod is nominated for.
    pub node: NodeId,
    /// The victims, the most important first.
    pub victims: Vec<PodId>,
    /// How many of them a disruption budget would have protected.
    pub violations: u32,
    /// Pods of lower priority that lose their nomination for the node.
    pub cleared: Vec<PodId>,
}

/// A pod in its cycle.
struct Attempt<'a> {
    view: SchedulerView<'a>,
    pod: PodId,
    shape: &'a PodShape,
}

impl Scheduler {
    /// Takes the next pod from the queue and decides; `None` if nobody is to be tried at `now`.
    pub fn cycle(&mut self, view: SchedulerView<'_>, now: SimTime, lots: Lots) -> Option<Cycle> {
        let (pod, attempt) = self.queue.pop(now)?;
        self.cycles += 1;
        let row = &view.cluster.pods[pod];
        let lots = lots.of(u64::from(pod.0)).of(u64::from(attempt));
        let nodes = self.seats.order().len();
        let mut failures = Failures { nodes: nodes as u32, ..Failures::default() };
        let mut cycle = Cycle {
            pod,
            attempt,
            looked_at: 0,
            feasible: 0,
            decision: Decision::Unschedulable { failures, preemption: None },
            writes_status: false,
        };
        if nodes == 0 {
            // `ErrNoNodesAvailable`: no plugin rejected the pod, so it counts as an error.
            self.queue.fail(pod, now);
            cycle.writes_status = self.queue.tell(pod, failures);
            return Some(cycle);
        }
        let own = Attempt { view, pod, shape: view.shape(pod) };
        let mut memo = self.recall(view, row.shape);
        let among_all = self.nominations.is_empty() && self.narrowed(&own).is_none();
        match memo.rejection_at(self.changes).filter(|_| among_all) {
            // Since a pod of this shape looked everywhere in vain, nothing has changed.
            Some(known) => {
                failures = known;
                self.feasible.clear();
                cycle.looked_at = nodes as u32;
            }
            None => {
                cycle.looked_at = self.filter(&own, &mut memo, &mut failures);
                if self.feasible.is_empty() && among_all {
                    memo.note_rejection(self.changes, failures);
                }
            }
        }
        cycle.feasible = self.feasible.len() as u32;
        cycle.decision = if self.feasible.is_empty() {
            let preemption = self.preempt(&own, &mut memo, lots);
            self.queue.reject(pod, failures.rejectors(), now);
            cycle.writes_status = self.queue.tell(pod, failures) || preemption.is_some();
            Decision::Unschedulable { failures, preemption }
        } else {
            let slot = self.best(&own, &mut memo, lots);
            Decision::Bind { node: self.seats.get(slot).node }
        };
        self.remember(row.shape, memo);
        Some(cycle)
    }

    /// Fills `feasible` and, for what is scored, `totals` with the scores of fit and balance;
    /// returns how many nodes were looked at.
    fn filter(&mut self, own: &Attempt<'_>, memo: &mut ShapeMemo, failures: &mut Failures) -> u32 {
        self.feasible.clear();
        self.totals.clear();
        let promised = self.nominations.of(own.pod).and_then(|node| self.seats.slot(node));
        if let Some(slot) = promised {
            let verdict = self.verdict(own, memo, slot);
            if is_feasible(verdict) {
                self.admit(slot, verdict);
                return 1;
            }
        }
        let order = self.seats.take_order();
        let total = order.len();
        let alone = memo.wide().is_trivial() && self.nominations.is_empty();
        let looked_at = match self.narrowed(own) {
            Some(slots) => {
                let others = (total - slots.len()) as u32;
                failures.by_plugin[Plugin::NodeAffinity as usize] += others;
                self.search(own, memo, &slots, failures)
            }
            None if alone => self.sweep(own, memo, &order, failures),
            None => self.search(own, memo, &order, failures),
        };
        self.seats.put_order(order);
        self.start = (self.start + looked_at) % total;
        looked_at as u32
    }

    fn profile(&self, own: &Attempt<'_>) -> &Profile {
        self.profiles.of(own.shape)
    }

    fn admit(&mut self, slot: u32, verdict: Verdict) {
        self.feasible.push(slot);
        self.totals.push(verdict);
    }

    /// Looks at nodes from the rotating start until enough are feasible.
    fn search(
        &mut self,
        own: &Attempt<'_>,
        memo: &mut ShapeMemo,
        order: &[u32],
        failures: &mut Failures,
    ) -> usize {
        let wanted = self.profile(own).nodes_to_find(order.len());
        let start = if order.is_empty() { 0 } else { self.start % order.len() };
        let mut looked_at = 0;
        for &slot in order[start..].iter().chain(&order[..start]) {
            let verdict = self.verdict(own, memo, slot);
            looked_at += 1;
            if !is_feasible(verdict) {
                failures.count(verdict);
                continue;
            }
            self.admit(slot, verdict);
            if self.feasible.len() == wanted {
                break;
            }
        }
        looked_at
    }

    /// The same over all nodes where each is judged alone: those that failed are passed over, and
    /// counted only if no other is left.
    fn sweep(
        &mut self,
        own: &Attempt<'_>,
        memo: &mut ShapeMemo,
        order: &[u32],
        failures: &mut Failures,
    ) -> usize {
        let wanted = self.profile(own).nodes_to_find(order.len());
        let start = self.start % order.len();
        for part in [start..order.len(), 0..start] {
            for word in part.start / WORD..part.end.div_ceil(WORD) {
                let mask = within(word, part.start, part.end);
                if let Some(last) = self.take_feasible(own, memo, order, word, mask, wanted) {
                    return if last < start { order.len() - start + last } else { last - start }
                        + 1;
                }
            }
        }
        if self.feasible.is_empty() {
            memo.in_order().verdicts().iter().for_each(|&verdict| failures.count(verdict));
        }
        order.len()
    }

    /// Takes the feasible nodes of a word of the order; returns the place of the last one wanted.
    fn take_feasible(
        &mut self,
        own: &Attempt<'_>,
        memo: &mut ShapeMemo,
        order: &[u32],
        word: usize,
        mask: u64,
        wanted: usize,
    ) -> Option<usize> {
        for place in places(word, memo.in_order().stale(word) & mask) {
            let profile = self.profiles.of(own.shape);
            memo.verdict(order[place], own.view, &self.seats, profile);
        }
        let found = memo.in_order().feasible(word) & mask;
        let verdicts = memo.in_order().verdicts();
        let missing = wanted - self.feasible.len();
        if found == u64::MAX && missing > WORD {
            let all = word * WORD..(word + 1) * WORD;
            self.feasible.extend_from_slice(&order[all.clone()]);
            self.totals.extend_from_slice(&verdicts[all]);
            return None;
        }
        let mut last = None;
        for place in places(word, found).take(missing) {
            self.feasible.push(order[place]);
            self.totals.push(verdicts[place]);
            last = Some(place);
        }
        last.filter(|_| self.feasible.len() == wanted)
    }

    /// The only slots to look at, if the pod is made for one node or pins names.
    fn narrowed(&self, own: &Attempt<'_>) -> Option<Vec<u32>> {
        if let Some(node) = own.view.cluster.pods[own.pod].node {
            return Some(self.seats.slot(node).into_iter().collect());
        }
        let names = self.profile(own).narrows(own.shape)?;
        Some(names.into_iter().filter_map(|name| self.seats.named(name)).collect())
    }

    /// All filters on one node, with and without pods of at least equal priority that have been
    /// promised it.
    fn verdict(&self, own: &Attempt<'_>, memo: &mut ShapeMemo, slot: u32) -> Verdict {
        let node = self.seats.get(slot).node;
        if self.nominations.any_on(node) {
            let rivals = self.nominations.rivals(own.view, node, own.pod);
            if let Some(failure) = self.failure_beside(own, memo, node, &rivals) {
                return failure;
            }
        }
        let profile = self.profile(own);
        let alone = memo.verdict(slot, own.view, &self.seats, profile);
        if !is_feasible(alone) || memo.wide().is_trivial() {
            return alone;
        }
        let failure = memo.wide().failure(own.shape, &own.view.facts(node));
        failure.map_or(alone, |failure| failed(failure.plugin, failure.unresolvable))
    }

    /// All filters on one node with these pods added.
    fn failure_beside(
        &self,
        own: &Attempt<'_>,
        memo: &ShapeMemo,
        node: NodeId,
        rivals: &[PodId],
    ) -> Option<Verdict> {
        if rivals.is_empty() {
            return None;
        }
        let row = &own.view.cluster.nodes[node];
        let (mut used, mut wide) = (row.used.clone(), memo.wide().clone());
        for &rival in rivals {
            let shape = own.view.shape(rival);
            used.add(rival, shape);
            let placed = PlacedPod { shape, terminating: false };
            wide.pod_changed(own.shape, &placed, &own.view.facts(node), 1, &own.view.names());
        }
        let facts = NodeFacts::with_usage(row, &used);
        let symbols = &own.view.cluster.symbols;
        first_failure(own.shape, &facts, &wide, symbols, &self.profile(own).options)
            .map(|failure| failed(failure.plugin, failure.unresolvable))
    }

    /// The slot to take among the feasible ones.
    fn best(&mut self, own: &Attempt<'_>, memo: &mut ShapeMemo, lots: Lots) -> u32 {
        if let [only] = self.feasible[..] {
            return only;
        }
        self.score(own, memo);
        let by_version =
            if own.view.spec.version.at_least(35) { TieBreak::First } else { TieBreak::Random };
        let tie_break = own.view.spec.tie_break.unwrap_or(by_version);
        self.feasible[choose(&self.totals, tie_break, lots)]
    }

    /// Adds to `totals` what the other plugins say of the feasible nodes. Scores that are the same
    /// for all are left out.
    fn score(&mut self, own: &Attempt<'_>, memo: &mut ShapeMemo) {
        let Self { feasible, totals, raws, sums, seats, images, profiles, .. } = self;
        let profile = profiles.of(own.shape);
        let weights = profile.weights;
        let nodes = seats.order().len();
        images.refresh(
            own.shape,
            |image| own.view.images.get(image).map_or(0, |&(_, size)| size as i64),
            |image| seats.nodes_with(image),
            nodes,
        );
        if !images.is_flat() && own.shape.containers.len() <= ImagesThere::MOST {
            // Most nodes have the same.
            let (mut there, mut score) = (ImagesThere::default(), 0);
            let scores = feasible.iter().map(|&slot| {
                if there != memo.images(slot) {
                    there = memo.images(slot);
                    score = images.of_those(there);
                }
                score
            });
            add(totals, scores, weights.image);
        } else if !images.is_flat() {
            let of = |&slot: &u32| images.of(&seats.get(slot).images);
            add(totals, feasible.iter().map(of), weights.image);
        }
        if memo.has_taint_scores {
            let raw = || feasible.iter().map(|&slot| memo.taint(slot));
            let highest = raw().max().unwrap_or(0);
            add(totals, raw().map(|raw| lowest_is_best(raw, highest)), weights.taint);
        }
        let added = &profile.options.added_affinity.preferred;
        if !own.shape.node_affinity.preferred.is_empty() || !added.is_empty() {
            let raw = || feasible.iter().map(|&slot| memo.preferred(slot));
            let highest = raw().max().unwrap_or(0);
            let scores = raw().map(|raw| highest_is_best(raw, highest));
            add(totals, scores, weights.node_affinity);
        }
        if let Some(scores) = memo.affinity_scores() {
            raws.clear();
            raws.extend(feasible.iter().map(|&slot| scores.of_node(&seats.get(slot).labels)));
            let lowest = raws.iter().copied().min().unwrap_or(0);
            let highest = raws.iter().copied().max().unwrap_or(0);
            let normal = raws.iter().map(|&raw| normalise_pod_affinity(raw, lowest, highest));
            add(totals, normal, weights.pod_affinity);
        }
        if let Some(scores) = &mut memo.spread {
            scores.weigh(feasible);
            scores.raw(feasible, sums, raws);
            normalise_spread(raws);
            add(totals, raws.iter().copied(), weights.spread);
        }
    }

    /// Finds pods to preempt, if the pod may.
    fn preempt(
        &mut self,
        own: &Attempt<'_>,
        memo: &mut ShapeMemo,
        lots: Lots,
    ) -> Option<Preemption> {
        let (view, pod) = (own.view, own.pod);
        let priority = view.priority(pod);
        if !self.profile(own).preempts || !self.has_lower(priority) {
            return None;
        }
        let earlier = self.nominations.of(pod).map(|node| Earlier {
            unresolvable: self
                .seats
                .slot(node)
                .is_none_or(|slot| is_unresolvable(self.verdict(own, memo, slot))),
            still_terminating: view.cluster.nodes[node].used.pods.iter().any(|other| {
                self.preempted.contains(other)
                    && view.cluster.pods[*other].phase == PodPhase::Terminating
                    && view.priority(*other) < priority
            }),
        });
        if !may_preempt(own.shape.never_preempts, earlier) {
            return None;
        }
        let order = self.narrowed(own).unwrap_or_else(|| self.seats.order().to_vec());
        let nodes: Vec<NodeId> = order
            .into_iter()
            .filter(|&slot| !is_unresolvable(self.verdict(own, memo, slot)))
            .map(|slot| self.seats.get(slot).node)
            .collect();
        let preemptor = Preemptor {
            view,
            pod,
            wide: memo.wide(),
            options: &self.profile(own).options,
            nominations: &self.nominations,
        };
        let mut candidates = dry_run(preemptor, &nodes, lots);
        let Some(chosen) = choose_candidate(view, &candidates) else {
            self.nominations.drop_pod(pod);
            return None;
        };
        let chosen = candidates.swap_remove(chosen);
        let cleared = self.nominations.lower(view, chosen.node, pod);
        for &other in &cleared {
            self.nominations.drop_pod(other);
        }
        self.nominations.promise(pod, chosen.node);
        self.preempted.extend(&chosen.victims);
        Some(Preemption {
            node: chosen.node,
            victims: chosen.victims,
            violations: chosen.violations,
            cleared,
        })
    }
}

/// Adds the scores of a plugin to the totals.
fn add(totals: &mut [i32], scores: impl Iterator<Item = i64>, weight: i64) {
    for (total, score) in totals.iter_mut().zip(scores) {
        *total += (score * weight) as i32;
    }
}
