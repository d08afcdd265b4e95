//! One iteration of the autoscaler, in upstream's order (`pkg/core/static_autoscaler.go`,
//! `RunOnce`).

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, DeleteReason, Ending, Fate, GrowReason, Scan};
use super::backoff::FailureKind;
<<<<<<< HEAD
use super::clean_up::{instances, reading, sizes_to_fix, unregistered_to_delete};
use super::drain::is_recreatable;
use super::memory::Autoscaler;
use super::placement::{Candidate, PlaceOptions, place};
=======
use super::deletion_budget::{DeletionLimits, GroupNodes, crop};
use super::drain::{DrainOptions, is_recreatable};
use super::expander::Priorities;
use super::placement::{Candidate, Hints, PlaceOptions, RoundRobin, place};
use super::planner::{Ongoing, PlanContext, Planner, candidate_key, emptiness, is_delayed};
>>>>>>> report
use super::pods::{all_are_new, classify, is_old_enough};
use super::scale_up::{Increase, ScaleUp, ScaleUpContext, scale_up, scale_up_to_min};
use super::snapshot::{Held, Origin, Snapshot};
use super::spec::AutoscalerSpec;
<<<<<<< HEAD
use super::state::{GroupSize, NodeClass, StateLimits};
use super::template::templates;
use super::view::{Template, View};
use crate::model::PodPhase;
use crate::unit::{Lots, NodeId, PodId, PoolId, SimTime};
=======
use super::state::{
    ClusterState, FailedScaleUp, GroupSize, InstanceReading, MAX_SCALE_DOWN_TIME, NodeClass,
    NodeReading, StateLimits,
};
use super::template::{TemplateCache, templates};
use super::unneeded::Removable;
use super::unremovable::Reason;
use super::view::{GroupView, InstanceState, Template, View, instance_state};
use crate::model::{Node, NodePhase, PodPhase};
use crate::unit::{Duration, Lots, NodeId, PodId, PoolId, SimTime};

/// How long a loop takes that is followed by another one at once: an assumption; upstream's
/// loops take as long as they take.
pub const LOOP_TIME: Duration = Duration::from_millis(100);
/// Cooldowns are counted from this long before the start.
const INITIAL_AGE: Duration = Duration::from_mins(60);
/// While loops are slow, deletions happen in every so-manieth one (1.37, off by default).
const DEGRADED_SCALE_DOWN_EVERY: u32 = 4;

/// Why a group grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowReason {
    /// For so many pods.
    Pods(u32),
    /// Up to its minimum.
    MinSize,
}

/// Why instances are deleted without a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteReason {
    /// No node for too long.
    Unregistered,
    /// They could not be created.
    CreationFailed,
}

/// What the autoscaler does. Increases are carried out in order; if one fails at once, the ones
/// after it are not tried unless parallel-scale-up is on: tell [`Autoscaler::scale_up_failed`] and
/// [`Autoscaler::scale_up_withdrawn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Asks the provider for more nodes.
    IncreaseSize {
        /// Pool.
        pool: PoolId,
        /// Nodes.
        by: u32,
        /// Why.
        reason: GrowReason,
    },
    /// Takes back nodes that did not come. On Azure the call only refreshes caches.
    DecreaseTarget {
        /// Pool.
        pool: PoolId,
        /// Nodes.
        by: u32,
    },
    /// Deletes instances that have no working node.
    DeleteInstances {
        /// Pool.
        pool: PoolId,
        /// Instances.
        nodes: Vec<NodeId>,
        /// Why.
        why: DeleteReason,
        /// Below the minimum too.
        force: bool,
    },
    /// Starts the deletion of a node: see [`super::Deletion`].
    StartDeletion {
        /// Node.
        node: NodeId,
        /// Its pods are evicted first.
        drain: bool,
    },
    /// Puts the soft taint on a node that is not needed.
    SoftTaint {
        /// Node.
        node: NodeId,
    },
    /// Takes the soft taint off.
    SoftUntaint {
        /// Node.
        node: NodeId,
    },
}

/// What happened to a pod that the autoscaler saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fits a node that is there.
    FitsNode(NodeId),
    /// It fits a node that is coming.
    FitsUpcoming(PoolId),
    /// Younger than the new-pod delay.
    TooYoung,
    /// All pods are so new that more may come: next loop.
    AllNew,
    /// The group that grows for it.
    Helped(PoolId),
    /// Not helped in this loop; the index is into [`Scan::rejections`].
    NotHelped(u32),
    /// `max-nodes-total` is reached.
    MaxNodes,
    /// The cluster is unhealthy, or nothing is done in this loop.
    Held,
}

/// Why a loop ended early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It did not.
    #[default]
    Complete,
    /// There are no ready nodes, and scale-up-from-zero is off.
    NoNodes,
    /// Too many nodes are unready.
    Unhealthy,
    /// Sizes of groups were corrected.
    FixedSizes,
}

/// What one loop did, and why.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// To be carried out, in order.
    pub actions: Vec<Action>,
    /// Pods that were seen.
    pub fates: Vec<(PodId, Fate)>,
    /// Why pods were not helped: per kind of pod, each pool with its reason.
    pub rejections: Vec<Vec<(PoolId, Rejection)>>,
    /// Why candidates stay, beside those with a timer.
    pub unremovable: Vec<(NodeId, Reason)>,
    /// Scale-ups that failed since the last loop.
    pub failures: Vec<FailedScaleUp>,
    /// What the expander chose from: pool, nodes, pods.
    pub offers: Vec<(PoolId, u32, usize)>,
    /// The pool that it chose.
    pub chosen: Option<PoolId>,
    /// What came of the scale-up, if one was tried.
    pub scale_up: Option<ScaleUpResult>,
    /// Deletions were held back by a cooldown.
    pub in_cooldown: bool,
    /// Whether it ended early.
    pub ending: Ending,
    /// Nodes in the snapshot, upcoming ones included.
    pub snapshot_nodes: usize,
    /// Candidates of the scale-down.
    pub candidates: usize,
}

impl Scan {
    /// Whether a scale-up or a deletion was started: with frequent loops the next one follows at
    /// once.
    pub fn acted(&self) -> bool {
        self.actions.iter().any(|action| {
            matches!(action, Action::IncreaseSize { .. } | Action::StartDeletion { .. })
        })
    }
}

/// Memory of the autoscaler.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// Nodes, requests, backoffs.
    pub state: ClusterState,
    /// Timers of nodes.
    pub planner: Planner,
    /// Deletions in progress.
    pub ongoing: BTreeMap<NodeId, Ongoing>,
    hints: Hints,
    robin: RoundRobin,
    templates: TemplateCache,
    priorities: Priorities,
    started: SimTime,
    last_scale_up: Option<SimTime>,
    before_last_scale_up: Option<SimTime>,
    last_delete: Option<SimTime>,
    last_failure: Option<SimTime>,
    quiet: Quiet,
}

/// What the last loops saw, to tell whether the next one could do anything else.
#[derive(Clone, Debug, Default)]
struct Quiet {
    change: u64,
    targets: Vec<u32>,
    loops: u32,
    next_timer: Option<SimTime>,
}

/// Loops with equal input after which memory is at rest.
const LOOPS_TO_REST: u32 = 3;

impl Autoscaler {
    /// A process that starts now.
    pub fn new(spec: &AutoscalerSpec, now: SimTime) -> Self {
        Self {
            state: ClusterState::default(),
            planner: Planner::default(),
            ongoing: BTreeMap::new(),
            hints: Hints::default(),
            robin: RoundRobin::default(),
            templates: TemplateCache::default(),
            priorities: Priorities::new(&spec.priorities),
            started: now,
            last_scale_up: None,
            before_last_scale_up: None,
            last_delete: None,
            last_failure: None,
            quiet: Quiet::default(),
        }
    }

    /// The provider refused an increase at once: it is taken back and the group backed off.
    pub fn scale_up_failed(
        &mut self,
        spec: &AutoscalerSpec,
        pool: PoolId,
        by: u32,
        kind: FailureKind,
        now: SimTime,
    ) -> SimTime {
        self.scale_up_withdrawn(spec, pool, by, now);
        self.state.register_failed_scale_up(pool, kind, &StateLimits::of(spec), now)
    }

    /// An increase was not tried because one before it failed.
    pub fn scale_up_withdrawn(
        &mut self,
        spec: &AutoscalerSpec,
        pool: PoolId,
        by: u32,
        now: SimTime,
    ) {
        self.state.register_scale_up(pool, -i64::from(by), &StateLimits::of(spec), now);
        self.last_scale_up = self.before_last_scale_up;
        self.quiet.loops = 0;
    }

    /// A deletion came to its end: the provider was asked to delete the instance.
    pub fn deletion_done(&mut self, node: NodeId, now: SimTime) {
        if let Some(ongoing) = self.ongoing.remove(&node) {
            let expected = now + MAX_SCALE_DOWN_TIME;
            self.state.register_scale_down(ongoing.pool, node, expected, now);
        }
        self.quiet.loops = 0;
    }

    /// A deletion was given up. `at_once`: the taint or the provider's call failed, which starts the
    /// cooldown after failures; a drain that timed out does not.
    pub fn deletion_failed(&mut self, node: NodeId, at_once: bool, now: SimTime) {
        if let Some(ongoing) = self.ongoing.remove(&node)
            && at_once
        {
            self.last_failure = Some(now);
            self.state.register_failed_scale_down(ongoing.pool, now);
        }
        self.quiet.loops = 0;
    }

    /// Whether deletions wait for an earlier event.
    fn in_cooldown(&self, spec: &AutoscalerSpec, now: SimTime) -> bool {
        !spec.delay_type_local && self.cooldowns(spec).into_iter().any(|until| until > now)
    }

    /// Ends of the cooldowns.
    fn cooldowns(&self, spec: &AutoscalerSpec) -> [SimTime; 3] {
        let until = |last: Option<SimTime>, delay: Duration| match last {
            Some(last) => last + delay,
            // As if it had happened an hour before the start.
            None => self.started + delay.saturating_sub(INITIAL_AGE),
        };
        [
            until(self.last_scale_up, spec.delay_after_add),
            until(self.last_failure, spec.delay_after_failure),
            until(self.last_delete, spec.delay_after_delete),
        ]
    }

    /// Whether a loop now would see what the last ones saw, do nothing and change nothing, so that
    /// it can be counted without being run. O(pools).
    pub fn is_idle(&self, view: &View<'_>, now: SimTime) -> bool {
        self.quiet.loops >= LOOPS_TO_REST
            && self.quiet.change == view.cluster.change
            && self.quiet.next_timer.is_none_or(|at| now < at)
            && self.quiet.targets.iter().copied().eq(view.groups.iter().map(|g| g.target))
    }

    /// The instant from which on [`Autoscaler::is_idle`] does not hold even if nothing changes.
    pub fn next_timer(&self) -> Option<SimTime> {
        self.quiet.next_timer
    }
}

/// When the next loop starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextScan {
    /// At the latest.
    pub at: SimTime,
    /// A pod that becomes unschedulable starts it sooner.
    pub on_unschedulable: bool,
}

/// When the loop after one that started at `started` starts.
pub fn next_scan(spec: &AutoscalerSpec, started: SimTime, scan: &Scan) -> NextScan {
    let at = if spec.frequent_loops && scan.acted() {
        started + LOOP_TIME.min(spec.scan_interval)
    } else {
        started + spec.scan_interval
    };
    NextScan { at, on_unschedulable: spec.frequent_loops }
}

/// Whether a loop deletes nodes while loops take too long (`enable-graceful-degradation`, 1.37).
pub const fn degraded_loop_scales_down(enabled: bool, degraded_loops: u32) -> bool {
    !enabled || degraded_loops.is_multiple_of(DEGRADED_SCALE_DOWN_EVERY)
}

/// Groups whose target has been above their registered nodes for too long, and by how much.
pub fn sizes_to_fix(
    state: &ClusterState,
    groups: &[GroupView],
    provision: Duration,
    now: SimTime,
) -> Vec<(PoolId, u32)> {
    groups
        .iter()
        .filter(|group| !group.atomic)
        .filter_map(|group| {
            let size = state.incorrect_size(group.pool)?;
            let old = size.first_observed + provision < now;
            let by = size.expected.saturating_sub(size.current);
            (old && by > 0).then_some((group.pool, by))
        })
        .collect()
}

/// Instances without a node that are to be deleted: no group falls under its minimum, unless forced.
pub fn unregistered_to_delete(
    state: &ClusterState,
    groups: &[GroupView],
    limits: &StateLimits,
    force: bool,
    now: SimTime,
) -> Vec<(PoolId, Vec<NodeId>)> {
    let mut of_pool: BTreeMap<PoolId, Vec<NodeId>> = BTreeMap::new();
    for (node, pool) in state.old_unregistered(limits, now) {
        of_pool.entry(pool).or_default().push(node);
    }
    of_pool
        .into_iter()
        .filter_map(|(pool, mut nodes)| {
            let group = groups.iter().find(|group| group.pool == pool)?;
            if !force {
                nodes.truncate(group.target.saturating_sub(group.min) as usize);
            }
            (!nodes.is_empty()).then_some((pool, nodes))
        })
        .collect()
}

/// What is read of a node.
fn reading(view: &View<'_>, id: NodeId) -> NodeReading {
    let node = &view.cluster.nodes[id];
    NodeReading {
        node: id,
        pool: view.group_of(node).and(node.pool),
        ready: view.is_ready(node),
        created: (node.registered != SimTime::NEVER).then_some(node.registered),
        deleted: node.phase == NodePhase::Gone,
        suspended: node.phase == NodePhase::Deallocated,
    }
}

fn instances<'v>(
    spec: &'v AutoscalerSpec,
    view: &'v View<'_>,
) -> impl Iterator<Item = InstanceReading> + 'v {
    view.groups.iter().flat_map(move |group| {
        let ids = &view.cluster.pools[group.pool].instances;
        ids.iter().filter_map(move |&id| {
            let node: &Node = &view.cluster.nodes[id];
            let state = instance_state(node.phase, spec.fast_failure_detection)?;
            Some(InstanceReading {
                node: id,
                pool: group.pool,
                has_node: node.phase.has_node(),
                deleting: state == InstanceState::Deleting,
                error: (state == InstanceState::Failed).then_some(FailureKind::Other),
            })
        })
    })
}
>>>>>>> report

/// One loop.
pub fn run_once(
    spec: &AutoscalerSpec,
    view: &View<'_>,
    memory: &mut Autoscaler,
    now: SimTime,
    lots: Lots,
) -> Scan {
    let mut scan = Scan::default();
    Run { spec, limits: StateLimits::of(spec), view, memory, now, lots }.all(&mut scan);
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
}

impl Run<'_, '_> {
    fn all(&mut self, scan: &mut Scan) {
        let registered = &self.view.cluster.registered;
        let ready = registered
            .iter()
            .filter(|&&id| self.view.is_ready(&self.view.cluster.nodes[id]))
            .count();
        if ready == 0 && !self.spec.scale_up_from_zero {
            scan.ending = Ending::NoNodes;
            return;
        }
        let classes = classify(self.spec, self.view);
        let mut snapshot = Snapshot::of(self.spec, *self.view);
        for &id in &classes.nominated {
            let pod = &self.view.cluster.pods[id];
            if let Some(slot) = pod.nominated.and_then(|node| snapshot.slot_of(node)) {
                let held = Held { shape: pod.shape, pod: Some(id), terminating: false };
                snapshot.place(slot, held);
            }
        }
        let templates = templates(self.spec, self.view, &mut self.memory.templates, self.now);
        self.update_state(scan);
        if !self.clean_up(scan) {
            scan.fates.extend(classes.candidates.iter().map(|&pod| (pod, Fate::Held)));
            return;
        }
        let not_started = self.add_upcoming(&mut snapshot, &templates);
        scan.snapshot_nodes = snapshot.nodes();
        let grown = self.scale_up(scan, &mut snapshot, &templates, &classes.candidates, ready);
        if self.spec.scale_down_enabled {
            self.scale_down(scan, &mut snapshot, &not_started, grown.all_new);
        }
        if self.spec.enforce_min_size && !grown.failed {
            self.enforce_min(scan, &snapshot, &templates);
        }
    }

    fn update_state(&mut self, scan: &mut Scan) {
        let (spec, view) = (self.spec, self.view);
        let sizes: Vec<GroupSize> = view
            .groups
            .iter()
            .map(|group| GroupSize { pool: group.pool, target: group.target })
            .collect();
        let nodes = view.cluster.registered.iter().map(|&id| reading(view, id));
        let state = &mut self.memory.state;
        scan.failures = state.update(&self.limits, &sizes, nodes, instances(spec, view), self.now);
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
        let old = unregistered_to_delete(state, self.view.groups, &self.limits, force, self.now);
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
                    let young = snapshot.slot_of(id).filter(|_| {
                        let own = reading(self.view, id);
                        own.class(self.limits.startup, self.now) == NodeClass::NotStarted
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
        let drained = drained.copied().filter(|&id| {
            cluster.pods[id].phase != PodPhase::Terminating && is_recreatable(cluster.shape(id))
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

    fn scale_up(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        templates: &[Option<Template>],
        pods: &[PodId],
        ready: usize,
    ) -> Grown {
        let candidates = self.candidates(pods);
        let left = self.filter_out_schedulable(scan, snapshot, candidates);
        let left = self.filter_out_young(scan, left);
        if left.is_empty() {
            return Grown::default();
        }
        let total = self.spec.max_nodes_total as usize;
        let note = |scan: &mut Scan, fate: Fate| {
            scan.fates.extend(left.iter().map(|candidate| (candidate.pod, fate)));
        };
        if total > 0 && ready >= total {
            note(scan, Fate::MaxNodes);
            return Grown::default();
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
            return Grown { all_new: true, failed: false };
        }
        let context = self.context(templates);
        let mut robin = self.memory.robin;
        let decision = scale_up(&context, snapshot, &left, &mut robin);
        self.memory.robin = robin;
        self.apply(scan, decision);
        Grown::default()
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

    fn apply(&mut self, scan: &mut Scan, decision: ScaleUp) {
        let pool = |group: usize| self.view.groups[group].pool;
        scan.scale_up = Some(decision.result);
        scan.chosen = decision.chosen.map(pool);
        scan.offers = decision
            .offers
            .iter()
            .map(|&(group, nodes, pods)| (pool(group), nodes, pods))
            .collect();
        let helped: rustc_hash::FxHashSet<PodId> = decision.triggered.iter().copied().collect();
        for (index, group) in decision.groups.iter().enumerate() {
            for &pod in &group.pods {
                let fate = match scan.chosen {
                    Some(chosen) if helped.contains(&pod) => Fate::Helped(chosen),
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
        let already: BTreeSet<PoolId> = scan
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::IncreaseSize { pool, .. } => Some(*pool),
                _ => None,
            })
            .collect();
        let mut increases = scale_up_to_min(&self.context(templates), snapshot);
        increases.retain(|increase| !already.contains(&self.view.groups[increase.group].pool));
        self.grow(scan, &increases, GrowReason::MinSize);
    }
<<<<<<< HEAD
=======

    fn scale_down(
        &mut self,
        scan: &mut Scan,
        snapshot: &mut Snapshot<'_>,
        not_started: &BTreeSet<NodeId>,
        forbidden: bool,
    ) {
        let candidates = self.scale_down_candidates(snapshot, not_started);
        scan.candidates = candidates.len();
        let memory = &mut *self.memory;
        let context =
            PlanContext { spec: self.spec, ongoing: &memory.ongoing, evicted: &[], now: self.now };
        let (planner, robin) = (&mut memory.planner, &mut memory.robin);
        scan.unremovable = planner.update(&context, snapshot, &candidates, robin);
        scan.in_cooldown = forbidden || self.memory.in_cooldown(self.spec, self.now);
        if !scan.in_cooldown && !candidates.is_empty() {
            self.delete(scan);
        }
        self.soft_taints(scan);
    }

    fn scale_down_candidates(
        &self,
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
        let all = view.cluster.registered.iter().copied();
        let mut candidates: Vec<_> = all
            .filter(|id| !not_started.contains(id) && !delayed(*id))
            .map(|id| {
                let empty =
                    snapshot.slot_of(id).map_or(super::planner::Emptiness::Occupied, |slot| {
                        emptiness(&options, snapshot, slot, self.now)
                    });
                (candidate_key(empty, self.memory.planner.unneeded.contains(id)), id)
            })
            .collect();
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

    /// Soft taints follow the timers, so many a loop, removals first.
    fn soft_taints(&self, scan: &mut Scan) {
        let mut budget = self.spec.max_soft_taints as usize;
        let (view, memory) = (self.view, &*self.memory);
        let key = view.words.deletion_candidate;
        let tainted = |id: NodeId| view.cluster.nodes[id].taints.iter().any(|t| t.key == key);
        let is_unneeded = |id: NodeId| memory.planner.unneeded.contains(id);
        for &node in &view.cluster.registered {
            let autoscaled = view.group_of(&view.cluster.nodes[node]).is_some();
            if budget > 0 && autoscaled && tainted(node) && !is_unneeded(node) {
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

    /// Notes what this loop saw, for [`Autoscaler::is_idle`].
    fn rest(&mut self, scan: &Scan) {
        let (view, now) = (self.view, self.now);
        let cluster = view.cluster;
        let targets: Vec<u32> = view.groups.iter().map(|group| group.target).collect();
        let same =
            self.memory.quiet.change == cluster.change && self.memory.quiet.targets == targets;
        let still = scan.actions.is_empty() && scan.fates.is_empty() && scan.failures.is_empty();
        let quiet = &mut self.memory.quiet;
        quiet.loops = if still && same { quiet.loops.saturating_add(1) } else { u32::from(still) };
        quiet.change = cluster.change;
        quiet.targets = targets;
        if quiet.loops < LOOPS_TO_REST {
            return;
        }
        let nodes = cluster.registered.iter().flat_map(|&id| {
            let node = &cluster.nodes[id];
            [node.registered + self.limits.startup, node.condition_changed + Duration::from_mins(1)]
        });
        let pods = cluster.registered.iter().flat_map(|&id| &cluster.nodes[id].used.pods);
        let pods = pods.map(|&id| &cluster.pods[id]);
        let pods = pods.filter(|pod| pod.phase == PodPhase::Terminating);
        let pods = pods.map(|pod| {
            let grace = cluster.shapes[pod.shape].grace;
            pod.terminating + grace + grace + super::pods::LONG_TERMINATING_EXTRA
        });
        let memory = &*self.memory;
        let ongoing = memory.ongoing.values().map(|own| own.started + Duration::from_mins(5));
        let timers = nodes
            .chain(pods)
            .chain(ongoing)
            .chain(memory.cooldowns(self.spec))
            .chain(memory.state.next_timer(&self.limits, now))
            .chain(memory.planner.unneeded.next_timer(now))
            .chain(memory.planner.unremovable.next_timer());
        self.memory.quiet.next_timer = timers.filter(|&at| at >= now).min();
    }
>>>>>>> report
}

/// What a scale-up means for the rest of the loop.
#[derive(Clone, Copy, Debug, Default)]
struct Grown {
    /// Pods are so new that nothing is deleted in this loop.
    all_new: bool,
    /// It failed.
    failed: bool,
}
