//! Which nodes are not needed (`pkg/core/scaledown/planner/planner.go`,
//! `pkg/core/scaledown/eligibility/eligibility.go`, `pkg/simulator/cluster.go`).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::allowance::Allowance;
use super::drain::{Controller, Drain, DrainOptions, PodFacts, drain, is_daemon, is_recreatable};
use super::placement::{AllPods, Candidate, Failures, Hints, PlaceOptions, place, place_all};
use super::pods::{deletion_timestamp, is_long_terminating};
use super::quota::QuotaTracker;
use super::round_robin::RoundRobin;
use super::snapshot::{Held, Origin, Snapshot};
use super::spec::AutoscalerSpec;
use super::unneeded::{GroupNow, NodeNow, Removable, Unneeded};
use super::unremovable::{Reason, Unremovable};
use super::utilization::{
    UtilizationNode, UtilizationOptions, UtilizationPod, larger_share, utilization, utilization_of,
};
use super::view::View;
use crate::model::{OwnerKind, Pod, PodShape, SafeToEvict};
use crate::unit::{Duration, NodeId, PodId, PoolId, Resources, SimTime};

/// A ToBeDeleted taint counts this long.
const DELETION_TAINT_TTL: Duration = Duration::from_mins(5);

/// What is known of deletions that are in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ongoing {
    /// Its group.
    pub pool: PoolId,
    /// It is drained first.
    pub drain: bool,
    /// Start.
    pub started: SimTime,
}

/// Memory of the planner.
#[derive(Clone, Debug, Default)]
pub struct Planner {
    /// Timers.
    pub unneeded: Unneeded,
    /// Simulated in vain.
    pub unremovable: Unremovable,
    pub(super) removal_hints: Hints,
    pub(super) injection_hints: Hints,
    pub(super) latest: Option<SimTime>,
    pub(super) smallest_interval: Option<Duration>,
}

/// What the planner works with in one loop.
#[derive(Debug)]
pub struct PlanContext<'c> {
    /// Settings.
    pub spec: &'c AutoscalerSpec,
    /// Deletions in progress.
    pub ongoing: &'c BTreeMap<NodeId, Ongoing>,
    /// Pods evicted not long ago.
    pub evicted: &'c [PodId],
    /// Loop time.
    pub now: SimTime,
}

/// Order of candidates: empty ones, those that wait for completions, then the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emptiness {
    /// Nothing would have to move.
    Empty,
    /// Only completions would be waited for.
    OnCompletion,
    /// Pods would have to move, or that is not known.
    Occupied,
}

/// Key by which candidates are sorted; equal ones keep their order
/// (`pkg/processors/scaledowncandidates`).
pub const fn candidate_key(emptiness: Emptiness, previously_unneeded: bool) -> (Emptiness, bool) {
    (emptiness, !previously_unneeded)
}

/// Most unneeded nodes worth looking for.
pub fn unneeded_limit(
    previously: usize,
    parallelism: usize,
    unneeded_time: Duration,
    interval: Duration,
) -> usize {
    let interval = interval.max(Duration::from_micros(1));
    let time = unneeded_time.max(interval);
    let loops = (time.micros() / interval.micros()) as usize;
    (previously + 2 * parallelism).min(parallelism * loops + parallelism)
}

/// Whether a group is still inside one of its own delays after a scale-up, a deletion, a failed one
/// (`scale-down-delay-type-local`).
pub fn is_delayed(last: [Option<SimTime>; 3], delays: [Duration; 3], now: SimTime) -> bool {
    last.iter().zip(delays).any(|(last, delay)| last.is_some_and(|last| last + delay > now))
}

/// Pods that still have to be made again by their controllers, of those evicted.
pub fn not_yet_recreated(view: &View<'_>, evicted: &[PodId]) -> Vec<Candidate> {
    let mut added: BTreeMap<_, u32> = BTreeMap::new();
    let mut left = Vec::new();
    for &id in evicted {
        let pod = &view.cluster.pods[id];
        let shape = &view.cluster.shapes[pod.shape];
        if !is_recreatable(shape) {
            continue;
        }
        let known = !matches!(shape.owner, OwnerKind::None | OwnerKind::Other);
        if known {
            let owner = &view.cluster.workloads[pod.workload];
            let count = added.entry(pod.workload).or_default();
            if *count >= owner.replicas.saturating_sub(owner.active) {
                continue;
            }
            *count += 1;
        }
        left.push(Candidate { pod: id, shape: pod.shape, workload: pod.workload });
    }
    left
}

impl Planner {
    /// Finds the nodes that are not needed. Returns why each other candidate is.
    pub fn update(
        &mut self,
        context: &PlanContext<'_>,
        snapshot: &mut Snapshot<'_>,
        candidates: &[NodeId],
        robin: &mut RoundRobin,
    ) -> Vec<(NodeId, Reason)> {
        let PlanContext { spec, now, .. } = *context;
        let interval = self.latest.map_or(spec.unneeded_time, |latest| now.since(latest));
        let smallest = self.smallest_interval.unwrap_or(spec.unneeded_time).min(interval);
        self.smallest_interval = Some(smallest);
        self.latest = Some(now);
        let fork = snapshot.fork();
        let injected = not_yet_recreated(snapshot.view(), context.evicted);
        let hinted_first = spec.version.at_least(37);
        let options = PlaceOptions { break_on_failure: true, hinted_first };
        let by_priority = |own: &Candidate| {
            Reverse(snapshot.view().cluster.shapes[own.shape].priority.unwrap_or(0))
        };
        let mut injected = injected;
        if hinted_first {
            injected.sort_by_key(by_priority);
        }
        place(snapshot, &injected, &mut self.injection_hints, robin, options, |_, _| true);
        let reasons = self.categorize(context, snapshot, candidates, smallest, robin);
        snapshot.revert(fork);
        self.removal_hints.drop_old();
        self.injection_hints.drop_old();
        reasons
    }

    fn categorize(
        &mut self,
        context: &PlanContext<'_>,
        snapshot: &mut Snapshot<'_>,
        candidates: &[NodeId],
        interval: Duration,
        robin: &mut RoundRobin,
    ) -> Vec<(NodeId, Reason)> {
        let PlanContext { spec, ongoing, now, .. } = *context;
        self.unremovable.update(|node| snapshot.slot_of(node).is_some(), now);
        let mut reasons = Vec::new();
        let mut eligible = Vec::new();
        for &node in candidates.iter().filter(|node| !ongoing.contains_key(node)) {
            match self.eligibility(context, snapshot, node) {
                Ok(()) => eligible.push(node),
                Err(reason) => reasons.push((node, reason)),
            }
        }
        let parallelism = spec.max_scale_down_parallelism as usize;
        let limit = unneeded_limit(self.unneeded.len(), parallelism, spec.unneeded_time, interval);
        let mut removal = Removal {
            options: DrainOptions::of(spec, snapshot.view().words.kube_system),
            ghosts: spec.version.at_least(32),
            hinted_first: spec.version.at_least(37),
            ongoing,
            allowance: Allowance::of(snapshot.view()),
            hints: std::mem::take(&mut self.removal_hints),
            failures: Failures::default(),
            now,
        };
        let (mut removable, mut singles) = (Vec::new(), 0);
        for (index, &node) in eligible.iter().enumerate() {
            if singles >= limit {
                reasons.extend(eligible[index..].iter().map(|&node| (node, Reason::NotReached)));
                break;
            }
            let row = &snapshot.view().cluster.nodes[node];
            let group = snapshot.view().group_of(row).expect("eligible nodes have a group");
            let own = &snapshot.view().groups[group];
            let threshold = if snapshot.view().is_ready(row) {
                own.overrides.unneeded_time.unwrap_or(spec.unneeded_time)
            } else {
                own.overrides.unready_time.unwrap_or(spec.unready_time)
            };
            let single = usize::from(!own.atomic);
            match removal.simulate(snapshot, node, robin) {
                Ok(found) => {
                    singles += single;
                    removable.push((found, threshold));
                }
                Err(reason) => {
                    self.unremovable.add(node, now + spec.unremovable_recheck, reason);
                    reasons.push((node, reason));
                }
            }
        }
        self.removal_hints = removal.hints;
        self.unneeded.update(removable, now);
        reasons
    }

    /// Whether a node's removal is worth simulating.
    pub fn eligibility(
        &self,
        context: &PlanContext<'_>,
        snapshot: &Snapshot<'_>,
        id: NodeId,
    ) -> Result<(), Reason> {
        let PlanContext { spec, now, .. } = *context;
        let view = snapshot.view();
        let slot = snapshot.slot_of(id).ok_or(Reason::UnexpectedError)?;
        let seen = &snapshot.glances()[slot];
        if self.unremovable.get(id).is_some_and(|(until, _)| until > now) {
            return Err(Reason::RecentlyUnremovable);
        }
        if seen.tainted && is_being_deleted(view, id, now) {
            return Err(Reason::CurrentlyBeingDeleted);
        }
        if seen.disabled {
            return Err(Reason::ScaleDownDisabledAnnotation);
        }
        let group = seen.group.ok_or(Reason::NotAutoscaled)?;
        let used = node_utilization(spec, snapshot, slot, seen.gpu, now);
        let used = used.ok_or(Reason::UnexpectedError)?;
        if !spec.scale_down_unready_enabled && !seen.ready {
            return Err(Reason::ScaleDownUnreadyDisabled);
        }
        let own = &view.groups[group as usize].overrides;
        let threshold = if seen.gpu {
            own.gpu_utilization_threshold.unwrap_or(spec.gpu_utilization_threshold)
        } else {
            own.utilization_threshold.unwrap_or(spec.utilization_threshold)
        };
        if used > threshold { Err(Reason::NotUnderutilized) } else { Ok(()) }
    }

    /// Nodes that may go now: empty ones, then those to drain; and why the others may not.
    pub fn nodes_to_delete(
        &self,
        context: &PlanContext<'_>,
        view: &View<'_>,
    ) -> (Vec<Removable>, Vec<(NodeId, Reason)>) {
        let PlanContext { spec, ongoing, now, .. } = *context;
        let cluster = view.cluster;
        let mut groups: BTreeMap<PoolId, GroupNow> = view
            .groups
            .iter()
            .map(|group| {
                let going = ongoing.values().filter(|own| own.pool == group.pool).count();
                let size = i64::from(group.target) - going as i64;
                (group.pool, GroupNow { min: group.min.into(), size })
            })
            .collect();
        let nodes = cluster.registered.iter().map(|&id| &cluster.nodes[id]);
        let counted = nodes.filter(|node| view.words.is_counted(&node.labels));
        let capacities = counted.map(|node| &node.capacity);
        let mut quota = QuotaTracker::lower(spec, capacities);
        let node = |id: NodeId| node_now(spec, view, id);
        let (chosen, mut refused) = self.unneeded.removable_at(node, &mut groups, &mut quota, now);
        let pool = |node: NodeId| cluster.nodes[node].pool;
        let atomic = |node: NodeId| {
            let group = view.group_of(&cluster.nodes[node])?;
            view.groups[group].atomic.then_some(&view.groups[group])
        };
        let registered =
            |of: PoolId| cluster.registered.iter().filter(|&&node| pool(node) == Some(of)).count();
        let mut allowed = Vec::new();
        for removable in &chosen {
            if let Some(group) = atomic(removable.node) {
                let own = chosen.iter().filter(|other| pool(other.node) == Some(group.pool));
                let count = own.count();
                if count != group.target as usize && count != registered(group.pool) {
                    refused.push((removable.node, Reason::AtomicScaleDownFailed));
                    continue;
                }
            }
            if removable.awaited.is_empty() {
                allowed.push(removable.clone());
            } else {
                refused.push((removable.node, Reason::BlockedByOnCompletionPod));
            }
        }
        (allowed, refused)
    }
}

fn node_now(spec: &AutoscalerSpec, view: &View<'_>, id: NodeId) -> NodeNow {
    let node = &view.cluster.nodes[id];
    let group = view.group_of(node).map(|group| &view.groups[group]);
    let own = group.map(|group| group.overrides).unwrap_or_default();
    NodeNow {
        ready: view.is_ready(node),
        disabled: node.scale_down_disabled,
        pool: group.map(|group| group.pool),
        unneeded_time: Some(own.unneeded_time.unwrap_or(spec.unneeded_time)),
        unready_time: Some(own.unready_time.unwrap_or(spec.unready_time)),
        capacity: node.capacity,
    }
}

/// Whether a node has had the ToBeDeleted taint for less than five minutes.
fn is_being_deleted(view: &View<'_>, id: NodeId, now: SimTime) -> bool {
    let taints = &view.cluster.nodes[id].taints;
    let Some(taint) = taints.iter().find(|taint| taint.key == view.words.to_be_deleted) else {
        return false;
    };
    let since = view.cluster.symbols.number(taint.value).and_then(|s| u64::try_from(s).ok());
    since.map_or(now, SimTime::from_secs) + DELETION_TAINT_TTL > now
}

/// Utilisation of a node as it is in the snapshot, pending pods that were placed there included.
fn node_utilization(
    spec: &AutoscalerSpec,
    snapshot: &Snapshot<'_>,
    slot: usize,
    gpu: bool,
    now: SimTime,
) -> Option<f64> {
    let view = snapshot.view();
    let options = UtilizationOptions {
        ignore_daemonsets: spec.ignore_daemonsets_utilization,
        ignore_mirror_pods: spec.ignore_mirror_pods_utilization,
    };
    let low = spec.utilization_threshold.min(spec.gpu_utilization_threshold);
    if options == UtilizationOptions::default() && !gpu {
        // Nothing but pods that should be gone can make it less than the running sum.
        let load = snapshot.load(slot);
        let most = larger_share(&load)?;
        if !load.terminating || most <= low {
            return Some(most);
        }
    }
    let facts = snapshot.facts(slot);
    let node = UtilizationNode {
        allocatable: facts.allocatable,
        gpu: gpu.then_some(view.gpu),
        devices: &[],
    };
    if options == UtilizationOptions::default() {
        let most = utilization_of(&node, &facts.used.requests, &Resources::ZERO)?.value;
        if facts.used.terminating == 0 || most <= low {
            return Some(most);
        }
    }
    let pods = snapshot.held(slot).map(|held| {
        let shape = &view.cluster.shapes[held.shape];
        let row = held.pod.map(|pod| &view.cluster.pods[pod]);
        let deletion = row.and_then(|row| deletion_timestamp(row, shape));
        UtilizationPod { shape, deletion, grace: Some(shape.grace) }
    });
    utilization(&node, pods, options, now).map(|used| used.value)
}

/// What drainability looks at.
pub fn pod_facts<'a>(
    view: &View<'a>,
    pod: &Pod,
    shape: &'a PodShape,
    budgets: Option<i64>,
) -> PodFacts<'a> {
    let replicas = view.cluster.workloads.get(pod.workload).map(|owner| owner.replicas);
    PodFacts {
        shape,
        created: Some(pod.created),
        deletion: deletion_timestamp(pod, shape),
        grace: Some(shape.grace),
        terminal: false,
        controller: match shape.owner {
            OwnerKind::None | OwnerKind::Other | OwnerKind::Mirror => Controller::Unknown,
            _ => Controller::Found(replicas),
        },
        budgets,
    }
}

/// The pods of a node by what happens to them when it is drained.
pub fn drain_of(
    view: &View<'_>,
    held: impl Iterator<Item = Held>,
    allowance: &mut Allowance,
    options: &DrainOptions,
    now: SimTime,
) -> Drain<PodId> {
    let pods = held.filter_map(|held| held.pod).map(|id| {
        let pod = &view.cluster.pods[id];
        let shape = &view.cluster.shapes[pod.shape];
        let covering = allowance.covering(view, pod.shape).to_vec();
        let budgets = covering.iter().map(|&budget| allowance.left(budget)).min();
        (id, pod_facts(view, pod, shape, budgets))
    });
    drain(pods, options, now)
}

/// How empty a node is, for the order of candidates. Stops at the first pod that would have to
/// move.
pub fn emptiness(
    options: &DrainOptions,
    snapshot: &Snapshot<'_>,
    slot: usize,
    now: SimTime,
) -> Emptiness {
    let view = snapshot.view();
    let mut emptiness = Emptiness::Empty;
    for held in snapshot.held(slot) {
        let shape = &view.cluster.shapes[held.shape];
        let row = held.pod.map(|pod| &view.cluster.pods[pod]);
        let deletion = row.and_then(|row| deletion_timestamp(row, shape));
        if shape.owner == OwnerKind::Mirror
            || is_daemon(shape)
            || is_long_terminating(deletion, Some(shape.grace), now)
        {
            continue;
        }
        if options.on_completion && shape.annotations.safe_to_evict == SafeToEvict::OnCompletion {
            emptiness = Emptiness::OnCompletion;
        } else {
            return Emptiness::Occupied;
        }
    }
    emptiness
}

/// Simulates removals one after the other: what one moves takes room from the next.
#[derive(Debug)]
pub struct Removal<'r> {
    /// Settings of the drainability rules.
    pub options: DrainOptions,
    /// The node stays as a tainted ghost while its pods are placed (1.32).
    pub ghosts: bool,
    /// Its pods are placed by priority, hinted ones first (1.37).
    pub hinted_first: bool,
    /// Deletions in progress: no destinations.
    pub ongoing: &'r BTreeMap<NodeId, Ongoing>,
    /// What budgets allow.
    pub allowance: Allowance,
    /// Where pods were placed before.
    pub hints: Hints,
    /// Shapes that found no room.
    pub failures: Failures,
    /// Loop time.
    pub now: SimTime,
}

impl Removal<'_> {
    /// Simulates the removal of a node; if it works, the snapshot stays changed.
    pub fn simulate(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        node: NodeId,
        robin: &mut RoundRobin,
    ) -> Result<Removable, Reason> {
        let slot = snapshot.slot_of(node).ok_or(Reason::NoNodeInfo)?;
        let view = *snapshot.view();
        let held = snapshot.held(slot);
        let found = drain_of(&view, held, &mut self.allowance, &self.options, self.now);
        if let Some((pod, blocker)) = found.blocked {
            return Err(Reason::BlockedByPod(pod, blocker));
        }
        let fork = snapshot.fork();
        snapshot.empty(slot);
        if self.ghosts {
            snapshot.make_ghost(slot);
        } else {
            snapshot.remove(slot);
        }
        let moved: Vec<Candidate> = found
            .moved
            .iter()
            .map(|&pod| {
                let row = &view.cluster.pods[pod];
                Candidate { pod, shape: row.shape, workload: row.workload }
            })
            .collect();
        let ongoing = self.ongoing;
        let acceptable = |snapshot: &Snapshot<'_>, slot: usize| match snapshot.origin(slot) {
            Origin::Real(node) => !ongoing.contains_key(&node),
            _ => false,
        };
        let (hints, failures) = (&mut self.hints, &mut self.failures);
        let batch = AllPods { pods: &moved, excluded: slot, hinted_first: self.hinted_first };
        if !place_all(snapshot, batch, hints, robin, failures, acceptable) {
            snapshot.revert(fork);
            return Err(Reason::NoPlaceToMovePods);
        }
        if self.ghosts {
            snapshot.remove(slot);
        }
        let risky = self.take_allowance(&view, &moved);
        Ok(Removable {
            node,
            moved: found.moved,
            daemons: found.daemons,
            awaited: found.awaited,
            risky,
        })
    }

    /// Counts the disruptions; whether they are too many at once.
    fn take_allowance(&mut self, view: &View<'_>, moved: &[Candidate]) -> bool {
        let covering: Vec<Vec<u32>> =
            moved.iter().map(|pod| self.allowance.covering(view, pod.shape).to_vec()).collect();
        let check = self.allowance.check(covering.iter().map(Vec::as_slice));
        for budgets in &covering {
            self.allowance.take(budgets);
        }
        !check.in_parallel
    }
}
