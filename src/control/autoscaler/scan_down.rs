//! The second half of a loop: which nodes go, and soft taints.

use std::collections::BTreeSet;

use super::action::{Action, Scan};
use super::deletion_budget::{DeletionLimits, GroupNodes, crop};
use super::drain::DrainOptions;
use super::planner::{Emptiness, Ongoing, PlanContext, candidate_key, emptiness, is_delayed};
use super::scan::Run;
use super::snapshot::Snapshot;
use super::unneeded::Removable;
use crate::unit::{NodeId, PoolId};

impl Run<'_, '_> {
    pub(super) fn scale_down(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        not_started: &BTreeSet<NodeId>,
        forbidden: bool,
    ) {
        let candidates = self.scale_down_candidates(scan, snapshot, not_started);
        let memory = &mut *self.memory;
        let context =
            PlanContext { spec: self.spec, ongoing: &memory.ongoing, evicted: &[], now: self.now };
        let (planner, robin) = (&mut memory.planner, &mut memory.robin);
        scan.unremovable.extend(planner.update(&context, snapshot, &candidates, robin));
        scan.in_cooldown = forbidden || self.memory.in_cooldown(self.spec, self.now);
        if !scan.in_cooldown && scan.candidates > 0 {
            self.delete(scan);
        }
        self.soft_taints(scan, snapshot, not_started);
    }

    /// The candidates whose removal is worth simulating, in the order in which it is; why the
    /// others are not. Upstream sorts all candidates first; as a verdict depends on no other node,
    /// only those that pass need their place in the order.
    fn scale_down_candidates(
        &self,
        scan: &mut Scan,
        snapshot: &Snapshot<'_>,
        not_started: &BTreeSet<NodeId>,
    ) -> Vec<NodeId> {
        let (spec, view) = (self.spec, self.view);
        let delays = [spec.delay_after_add, spec.delay_after_delete, spec.delay_after_failure];
        let delayed = |id: NodeId| {
            spec.delay_type_local
                && view.cluster.nodes[id].pool.is_some_and(|pool| {
                    is_delayed(self.memory.state.last_events(pool), delays, self.now)
                })
        };
        let options = DrainOptions::of(spec, view.words.kube_system);
        let memory = &*self.memory;
        let context = PlanContext { spec, ongoing: &memory.ongoing, evicted: &[], now: self.now };
        let mut candidates = Vec::new();
        // Nodes of no group, and of groups that are at their minimum, are no candidates: they get
        // no timer (`processors/nodes/pre_filtering_processor.go`).
        let may_shrink = |group: u32| {
            let group = &view.groups[group as usize];
            group.target > group.min
        };
        let all = view.cluster.registered.iter().copied().zip(snapshot.glances());
        let all = all.filter(|(_, seen)| seen.group.is_some_and(may_shrink)).map(|(id, _)| id);
        for id in all.filter(|id| !not_started.contains(id) && !delayed(*id)) {
            scan.candidates += 1;
            if memory.ongoing.contains_key(&id) {
                continue;
            }
            if let Err(reason) = memory.planner.eligibility(&context, snapshot, id) {
                scan.unremovable.push((id, reason));
                continue;
            }
            let empty = snapshot
                .slot_of(id)
                .map_or(Emptiness::Occupied, |slot| emptiness(&options, snapshot, slot, self.now));
            candidates.push((candidate_key(empty, memory.planner.unneeded.contains(id)), id));
        }
        candidates.sort_by_key(|&(key, _)| key);
        candidates.into_iter().map(|(_, id)| id).collect()
    }

    fn delete(&mut self, scan: &mut Scan) {
        let memory = &*self.memory;
        let context =
            PlanContext { spec: self.spec, ongoing: &memory.ongoing, evicted: &[], now: self.now };
        let (chosen, refused) = memory.planner.nodes_to_delete(&context, self.view);
        scan.unremovable.extend(refused);
        let limits = DeletionLimits {
            parallelism: self.spec.max_scale_down_parallelism as usize,
            drain_parallelism: self.spec.max_drain_parallelism as usize,
            empty_in_progress: memory.ongoing.values().filter(|own| !own.drain).count(),
            drain_in_progress: memory.ongoing.values().filter(|own| own.drain).count(),
        };
        let (empty, drain): (Vec<_>, Vec<_>) = chosen.into_iter().partition(Removable::is_empty);
        let view = self.view;
        let registered = |pool: PoolId| {
            let nodes = view.cluster.registered.iter();
            nodes.filter(|&&id| view.cluster.nodes[id].pool == Some(pool)).count()
        };
        let sizes = |group: usize| {
            let own = &view.groups[group];
            (own.target as usize, registered(own.pool))
        };
        let (empty, drain) = crop(&limits, self.by_group(empty), self.by_group(drain), sizes);
        for (groups, drain) in [(empty, false), (drain, true)] {
            for node in groups.into_iter().flat_map(|group| group.nodes) {
                let pool = view.cluster.nodes[node].pool.expect("candidates have a group");
                let started = self.now;
                self.memory.ongoing.insert(node, Ongoing { pool, drain, started });
                self.memory.last_delete = Some(self.now);
                scan.actions.push(Action::StartDeletion { node, drain });
            }
        }
    }

    fn by_group(&self, nodes: Vec<Removable>) -> Vec<GroupNodes<NodeId>> {
        let mut groups: Vec<GroupNodes<NodeId>> = Vec::new();
        for removable in nodes {
            let node = &self.view.cluster.nodes[removable.node];
            let Some(group) = self.view.group_of(node) else { continue };
            match groups.iter_mut().find(|own| own.group == group) {
                Some(own) => own.nodes.push(removable.node),
                None => groups.push(GroupNodes {
                    group,
                    atomic: self.view.groups[group].atomic,
                    nodes: vec![removable.node],
                }),
            }
        }
        groups
    }

    /// Soft taints follow the timers, so many a loop, removals first. Nodes that have not started
    /// are left alone.
    fn soft_taints(
        &self,
        scan: &mut Scan,
        snapshot: &Snapshot<'_>,
        not_started: &BTreeSet<NodeId>,
    ) {
        let mut budget = self.spec.max_soft_taints as usize;
        let (view, memory) = (self.view, &*self.memory);
        let key = view.words.deletion_candidate;
        let tainted = |id: NodeId| view.cluster.nodes[id].taints.iter().any(|t| t.key == key);
        let is_unneeded = |id: NodeId| memory.planner.unneeded.contains(id);
        for (&node, seen) in view.cluster.registered.iter().zip(snapshot.glances()) {
            if budget == 0 {
                break;
            }
            let may = seen.group.is_some() && seen.tainted && !not_started.contains(&node);
            if may && tainted(node) && !is_unneeded(node) {
                scan.actions.push(Action::SoftUntaint { node });
                budget -= 1;
            }
        }
        for (node, _) in memory.planner.unneeded.iter() {
            if budget > 0 && !tainted(node) && !memory.ongoing.contains_key(&node) {
                scan.actions.push(Action::SoftTaint { node });
                budget -= 1;
            }
        }
    }
}
