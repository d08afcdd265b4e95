//! One iteration of the autoscaler, in upstream's order (`pkg/core/static_autoscaler.go`,
//! `RunOnce`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::action::{Action, DeleteReason, Ending, Fate, GrowReason, Scan};
use super::backoff::FailureKind;
use super::clean_up::{instances, or_all, reading, sizes_to_fix, unregistered_to_delete};
use super::drain::{is_daemon, is_recreatable};
use super::memory::Autoscaler;
use super::placement::{Candidate, PlaceOptions, place};
use super::pods::{all_are_new, classify, is_expendable, is_old_enough};
use super::scale_up::{Increase, ScaleUp, ScaleUpContext, scale_up, scale_up_to_min};
use super::snapshot::{Held, Origin, Snapshot};
use super::spec::AutoscalerSpec;
use super::state::{GroupSize, NodeClass, NodeReading, StateLimits};
use super::template::templates;
use super::view::{GroupView, Template, View};
use crate::model::PodPhase;
use crate::unit::{Lots, NodeId, PodId, PoolId, SimTime};

/// One loop.
pub fn run_once(
    spec: &AutoscalerSpec,
    view: &View<'_>,
    memory: &mut Autoscaler,
    now: SimTime,
    lots: Lots,
) -> Scan {
    let mut scan = Scan::default();
    let snapshot = Snapshot::of(spec, *view);
    let seen = view.cluster.registered.iter().zip(snapshot.glances());
    let readings: Vec<NodeReading> = seen.map(|(&id, seen)| reading(id, seen)).collect();
    let limits = StateLimits::of(spec);
    Run { spec, limits, view, memory, now, lots, readings: &readings }.all(&mut scan, snapshot);
    memory.rest(spec, view, &scan, now);
    scan
}

/// A loop under way.
pub(super) struct Run<'r, 'v> {
    pub(super) spec: &'r AutoscalerSpec,
    pub(super) limits: StateLimits,
    pub(super) view: &'r View<'v>,
    pub(super) memory: &'r mut Autoscaler,
    pub(super) now: SimTime,
    pub(super) lots: Lots,
    /// Of the registered nodes, in the order of their positions in the snapshot.
    pub(super) readings: &'r [NodeReading],
}

impl Run<'_, '_> {
    fn all(&mut self, scan: &mut Scan, mut snapshot: Snapshot<'_>) {
        let ready = self.readings.iter().filter(|reading| reading.ready).count();
        if ready == 0 && !self.spec.scale_up_from_zero {
            scan.ending = Ending::NoNodes;
            return;
        }
        let classes = classify(self.spec, self.view);
        for &id in &classes.nominated {
            let pod = &self.view.cluster.pods[id];
            if let Some(slot) = pod.nominated.and_then(|node| snapshot.slot_of(node)) {
                let held = Held { shape: pod.shape, pod: Some(id), terminating: false };
                snapshot.place(slot, held);
            }
        }
        let templates = templates(self.spec, self.view, &mut self.memory.templates, self.now);
        let kept = &self.memory.templates.used;
        self.memory.hints.forget_upcoming(kept);
        self.memory.planner.injection_hints.forget_upcoming(kept);
        self.update_state(scan, &snapshot);
        if !self.clean_up(scan) {
            scan.fates.extend(classes.candidates.iter().map(|&pod| (pod, Fate::Held)));
            return;
        }
        // What could not be created is deleted by now, and counts no more (`Recalculate`).
        let groups = groups_after(self.view.groups, &scan.actions);
        let view = View { groups: &groups, ..*self.view };
        let mut snapshot = snapshot.with_groups(&groups);
        let mut run = self.seeing(&view);
        if matches!(groups, Cow::Owned(_)) {
            run.memory.state.update_ranges(&sizes(&groups));
        }
        let not_started = run.add_upcoming(&mut snapshot, &templates);
        scan.snapshot_nodes = snapshot.nodes();
        let all_new = run.scale_up(scan, &mut snapshot, &templates, &classes.candidates, ready);
        // What was asked for counts at once.
        let groups = groups_after(self.view.groups, &scan.actions);
        let view = View { groups: &groups, ..*self.view };
        let mut snapshot = snapshot.with_groups(&groups);
        let mut run = self.seeing(&view);
        if run.spec.scale_down_enabled {
            run.scale_down(scan, &mut snapshot, &not_started, all_new);
        }
        if run.spec.enforce_min_size {
            run.enforce_min(scan, &snapshot, &templates);
        }
    }

    /// The same loop, now that sizes have changed.
    fn seeing<'s>(&'s mut self, view: &'s View<'s>) -> Run<'s, 's> {
        Run {
            spec: self.spec,
            limits: self.limits,
            view,
            memory: &mut *self.memory,
            now: self.now,
            lots: self.lots,
            readings: self.readings,
        }
    }

    fn update_state(&mut self, scan: &mut Scan, snapshot: &Snapshot<'_>) {
        let (spec, view) = (self.spec, self.view);
        let nodes = self.readings.iter().copied();
        let state = &mut self.memory.state;
        let instances = instances(spec, view, snapshot);
        scan.failures = state.update(&self.limits, &sizes(view.groups), nodes, instances, self.now);
        if self.limits.requests_rule {
            let late = scan.failures.iter().filter(|f| f.kind == FailureKind::Timeout);
            let back = late.map(|f| Action::DecreaseTarget { pool: f.pool, by: f.nodes as u32 });
            scan.actions.extend(back);
        }
    }

    /// Deletes what never became a node and corrects sizes; whether the loop goes on.
    fn clean_up(&mut self, scan: &mut Scan) -> bool {
        let (spec, state) = (self.spec, &self.memory.state);
        let force = spec.force_delete_unregistered;
        let view = self.view;
        let all = |pool: PoolId| {
            let whole = spec.version.at_least(32);
            whole.then(|| view.cluster.pools[pool].instances.as_slice())
        };
        let old = unregistered_to_delete(state, view.groups, all, &self.limits, force, self.now);
        scan.actions.extend(old.into_iter().map(|(pool, nodes)| {
            let why = DeleteReason::Unregistered;
            Action::DeleteInstances { pool, nodes, why, force }
        }));
        if !state.is_cluster_healthy(&self.limits) {
            self.memory.planner.unneeded.clear();
            scan.ending = Ending::Unhealthy;
            return false;
        }
        let mut failed: BTreeMap<PoolId, Vec<NodeId>> = BTreeMap::new();
        for (node, pool) in state.failed_instances() {
            failed.entry(pool).or_default().push(node);
        }
        scan.actions.extend(failed.into_iter().map(|(pool, nodes)| {
            let group = view.groups.iter().find(|group| group.pool == pool);
            let nodes = match group {
                Some(group) => or_all(group, nodes, &view.cluster.pools[pool].instances),
                None => nodes,
            };
            let (why, force) = (DeleteReason::CreationFailed, spec.force_delete_failed);
            Action::DeleteInstances { pool, nodes, why, force }
        }));
        let fixes = sizes_to_fix(state, self.view.groups, self.limits.provision, self.now);
        if !fixes.is_empty() {
            let fixes = fixes.into_iter().map(|(pool, by)| Action::DecreaseTarget { pool, by });
            scan.actions.extend(fixes);
            scan.ending = Ending::FixedSizes;
            return false;
        }
        true
    }

    /// Puts copies of templates into the snapshot for nodes that are coming, in place of those that
    /// have not started; returns the latter.
    fn add_upcoming(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        templates: &[Option<Template>],
    ) -> BTreeSet<NodeId> {
        let mut not_started = BTreeSet::new();
        for (group, template) in self.view.groups.iter().zip(templates) {
            let state = &self.memory.state;
            let count = state.upcoming(group.pool, &self.limits, self.now);
            let Some(template) = template.as_ref().filter(|_| count > 0) else { continue };
            if state.readiness(group.pool).is_some_and(|seen| seen.not_started > 0) {
                for &id in &self.view.cluster.pools[group.pool].instances {
                    let young = snapshot.slot_of(id).filter(|&slot| {
                        let class = self.readings[slot].class(self.limits.startup, self.now);
                        class == NodeClass::NotStarted
                    });
                    if let Some(slot) = young {
                        snapshot.remove(slot);
                        not_started.insert(id);
                    }
                }
            }
            for number in 0..count {
                snapshot.add(Origin::Upcoming(group.pool, number), template);
            }
        }
        not_started
    }

    /// Pods to help: unschedulable ones, and those of nodes that are being drained.
    fn candidates(&self, pods: &[PodId]) -> Vec<Candidate> {
        let cluster = self.view.cluster;
        let drained = self.memory.ongoing.iter().filter(|(_, own)| own.drain);
        let drained = drained.flat_map(|(&node, _)| cluster.nodes[node].used.pods.iter());
        // Expendable pods are not in the snapshot that upstream takes them from.
        let drained = drained.copied().filter(|&id| {
            let shape = cluster.shape(id);
            cluster.pods[id].phase != PodPhase::Terminating
                && is_recreatable(shape)
                && !is_expendable(shape.priority, self.spec.expendable_cutoff)
        });
        let all = pods.iter().copied().chain(drained);
        let mut candidates: Vec<Candidate> = all
            .map(|pod| {
                let row = &cluster.pods[pod];
                Candidate { pod, shape: row.shape, workload: row.workload }
            })
            .collect();
        let priority = |c: &Candidate| cluster.shapes[c.shape].priority.unwrap_or(0);
        candidates.sort_by_key(|candidate| std::cmp::Reverse(priority(candidate)));
        candidates
    }

    /// Whether pods are so new that nothing is deleted in this loop.
    fn scale_up(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        templates: &[Option<Template>],
        pods: &[PodId],
        ready: usize,
    ) -> bool {
        let candidates = self.candidates(pods);
        let mut left = self.filter_out_schedulable(scan, snapshot, candidates);
        // A new node is of no use to pods of DaemonSets: each was made for one that is there
        // (`core/podlistprocessor/filter_out_daemon_sets.go`).
        left.retain(|own| !is_daemon(&self.view.cluster.shapes[own.shape]));
        let left = self.filter_out_young(scan, left);
        if left.is_empty() {
            return false;
        }
        let total = self.spec.max_nodes_total as usize;
        let note = |scan: &mut Scan, fate: Fate| {
            scan.fates.extend(left.iter().map(|candidate| (candidate.pod, fate)));
        };
        if total > 0 && ready >= total {
            note(scan, Fate::MaxNodes);
            return false;
        }
        let cluster = self.view.cluster;
        let ages = left.iter().map(|candidate| {
            let gpu = self
                .view
                .gpu
                .is_some_and(|gpu| cluster.shapes[candidate.shape].requests.extended(gpu) > 0);
            (cluster.pods[candidate.pod].created, gpu)
        });
        if self.spec.bypassed_schedulers.is_empty() && all_are_new(ages, self.now) {
            note(scan, Fate::AllNew);
            return true;
        }
        self.salvo(scan, snapshot, templates, left);
        false
    }

    /// One scale-up, or with `salvo-scale-up` as many as help pods, each on top of those before
    /// (`pkg/core/static_autoscaler.go`, `runScaleUpSalvo`, 1.36).
    fn salvo(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        templates: &[Option<Template>],
        mut left: Vec<Candidate>,
    ) {
        let mut grown = vec![0; self.view.groups.len()];
        for round in 0.. {
            let lots = if round == 0 { self.lots } else { self.lots.of(round) };
            let context = ScaleUpContext { grown: &grown, lots, ..self.context(templates) };
            let mut robin = self.memory.robin;
            let decision = scale_up(&context, snapshot, &left, &mut robin);
            self.memory.robin = robin;
            let helped: FxHashSet<PodId> = decision.triggered.iter().copied().collect();
            let served: Vec<Candidate>;
            (served, left) = left.into_iter().partition(|own| helped.contains(&own.pod));
            let goes_on = self.spec.salvo
                && !(helped.is_empty() || left.is_empty())
                && self.add_grown(snapshot, templates, &decision.increases, &served);
            decision.increases.iter().for_each(|increase| grown[increase.group] += increase.by);
            self.apply(scan, decision, !goes_on);
            if !goes_on {
                return;
            }
        }
    }

    /// Puts the nodes of a scale-up into the snapshot, and its pods on them; whether all found room
    /// (`addLatestScaleUpResultsToClusterSnapshot`).
    fn add_grown(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        templates: &[Option<Template>],
        increases: &[Increase],
        pods: &[Candidate],
    ) -> bool {
        let first = snapshot.slots();
        for increase in increases {
            let Some(template) = templates[increase.group].as_ref() else { return false };
            let pool = self.view.groups[increase.group].pool;
            for _ in 0..increase.by {
                // No node that is coming has this number: there are fewer than positions.
                snapshot.add(Origin::Upcoming(pool, snapshot.slots() as u32), template);
            }
        }
        let all = first..snapshot.slots();
        pods.iter().all(|own| {
            let found = self.memory.robin.find(snapshot, own.shape, all.clone(), |_, _| true);
            let held = Held { shape: own.shape, pod: Some(own.pod), terminating: false };
            found.map(|slot| snapshot.place(slot, held)).is_some()
        })
    }

    fn context<'c>(&'c self, templates: &'c [Option<Template>]) -> ScaleUpContext<'c> {
        ScaleUpContext {
            spec: self.spec,
            limits: &self.limits,
            templates,
            state: &self.memory.state,
            priorities: &self.memory.priorities,
            now: self.now,
            lots: self.lots,
            all_or_nothing: false,
            grown: &[],
            limit_estimates: true,
        }
    }

    fn filter_out_schedulable(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        mut candidates: Vec<Candidate>,
    ) -> Vec<Candidate> {
        let options =
            PlaceOptions { break_on_failure: false, hinted_first: self.spec.version.at_least(37) };
        let memory = &mut *self.memory;
        let (hints, robin) = (&mut memory.hints, &mut memory.robin);
        let placed = place(snapshot, &candidates, hints, robin, options, |_, _| true);
        hints.drop_old();
        if placed.is_empty() {
            return candidates;
        }
        let mut gone = rustc_hash::FxHashSet::default();
        for (pod, slot) in placed {
            gone.insert(pod);
            scan.fates.push((
                pod,
                match snapshot.origin(slot) {
                    Origin::Real(node) => Fate::FitsNode(node),
                    Origin::Upcoming(pool, _) => Fate::FitsUpcoming(pool),
                    Origin::Estimated(_) => unreachable!("estimates leave no nodes behind"),
                },
            ));
        }
        candidates.retain(|candidate| !gone.contains(&candidate.pod));
        candidates
    }

    fn filter_out_young(&self, scan: &mut Scan, mut pods: Vec<Candidate>) -> Vec<Candidate> {
        let cluster = self.view.cluster;
        pods.retain(|candidate| {
            let created = cluster.pods[candidate.pod].created;
            let own = cluster.shapes[candidate.shape].annotations.scale_up_delay;
            let old = is_old_enough(created, own, self.spec.new_pod_delay, self.now);
            if !old {
                scan.fates.push((candidate.pod, Fate::TooYoung));
            }
            old
        });
        pods
    }

    /// Carries a decision into the loop's result; only the last of several speaks of pods that it
    /// does not help.
    fn apply(&mut self, scan: &mut Scan, decision: ScaleUp, last: bool) {
        let pool = |group: usize| self.view.groups[group].pool;
        scan.scale_up = Some(decision.result);
        scan.chosen = decision.chosen.map(pool).or(scan.chosen);
        let offers = decision.offers.iter();
        scan.offers.extend(offers.map(|&(group, nodes, pods)| (pool(group), nodes, pods)));
        let helped: FxHashSet<PodId> = decision.triggered.iter().copied().collect();
        for (index, group) in decision.groups.iter().enumerate() {
            for &pod in &group.pods {
                let fate = match scan.chosen {
                    Some(chosen) if helped.contains(&pod) => Fate::Helped(chosen),
                    _ if !last => continue,
                    _ => Fate::NotHelped(index as u32),
                };
                scan.fates.push((pod, fate));
            }
        }
        scan.rejections = decision.rejections;
        let reason = GrowReason::Pods(decision.triggered.len() as u32);
        self.grow(scan, &decision.increases, reason);
    }

    fn grow(&mut self, scan: &mut Scan, increases: &[Increase], reason: GrowReason) {
        for increase in increases {
            let pool = self.view.groups[increase.group].pool;
            scan.actions.push(Action::IncreaseSize { pool, by: increase.by, reason });
            let state = &mut self.memory.state;
            state.register_scale_up(pool, increase.by.into(), &self.limits, self.now);
        }
        if !increases.is_empty() && self.memory.last_scale_up != Some(self.now) {
            self.memory.before_last_scale_up = self.memory.last_scale_up;
            self.memory.last_scale_up = Some(self.now);
        }
    }

    fn enforce_min(
        &mut self,
        scan: &mut Scan,
        snapshot: &Snapshot<'_>,
        templates: &[Option<Template>],
    ) {
        let increases = scale_up_to_min(&self.context(templates), snapshot);
        self.grow(scan, &increases, GrowReason::MinSize);
    }
}

fn sizes(groups: &[GroupView]) -> Vec<GroupSize> {
    groups.iter().map(|group| GroupSize { pool: group.pool, target: group.target }).collect()
}

/// The groups with the sizes that the provider's cache has after these actions: what is asked for,
/// and the deletion of what could not be created, count at once; that of instances that never
/// became nodes is left to the next reading (`azure_scale_set.go`, `IncreaseSize`, `DeleteNodes`,
/// `DeleteInstances`).
fn groups_after<'g>(groups: &'g [GroupView], actions: &[Action]) -> Cow<'g, [GroupView]> {
    let mut groups = Cow::Borrowed(groups);
    let at = |groups: &[GroupView], of: PoolId| groups.iter().position(|own| own.pool == of);
    for action in actions {
        match *action {
            Action::IncreaseSize { pool, by, .. } => {
                if let Some(at) = at(&groups, pool) {
                    groups.to_mut()[at].target += by;
                }
            }
            Action::DeleteInstances {
                pool,
                ref nodes,
                why: DeleteReason::CreationFailed,
                force,
            } => {
                let at = at(&groups, pool);
                let may = |at: &usize| force || groups[*at].target > groups[*at].min;
                if let Some(at) = at.filter(may) {
                    let target = &mut groups.to_mut()[at].target;
                    *target = target.saturating_sub(nodes.len() as u32);
                }
            }
            _ => {}
        }
    }
    groups
}
