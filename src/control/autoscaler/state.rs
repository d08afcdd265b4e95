//! ClusterState: which nodes of which group are there, coming, late or broken
//! (`pkg/clusterstate/clusterstate.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::backoff::{Backoff, BackoffTimes, FailureKind};
use super::spec::AutoscalerSpec;
use crate::unit::{Duration, NodeId, PoolId, SimTime};

/// A scale-down request is forgotten after this.
pub const MAX_SCALE_DOWN_TIME: Duration = Duration::from_mins(5);

/// Settings that the state depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StateLimits {
    /// `ok-total-unready-count`
    pub ok_unready: u32,
    /// `max-total-unready-percentage`
    pub max_unready_percent: f64,
    /// `max-node-provision-time`
    pub provision: Duration,
    /// `max-node-startup-time`
    pub startup: Duration,
    /// Backoff.
    pub backoff: BackoffTimes,
    /// Upcoming nodes need an active request, and a timeout takes its increase back (1.36).
    pub requests_rule: bool,
}

impl StateLimits {
    /// From the settings.
    pub fn of(spec: &AutoscalerSpec) -> Self {
        Self {
            ok_unready: spec.ok_unready,
            max_unready_percent: spec.max_unready_percent,
            provision: spec.max_node_provision_time,
            startup: spec.max_node_startup_time,
            backoff: BackoffTimes {
                initial: spec.initial_backoff,
                max: spec.max_backoff,
                reset: spec.backoff_reset,
            },
            requests_rule: spec.version.at_least(36),
        }
    }
}

/// A group's size at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSize {
    /// Group.
    pub pool: PoolId,
    /// Target size.
    pub target: u32,
}

/// What is read of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReading {
    /// Node.
    pub node: NodeId,
    /// Its group.
    pub pool: Option<PoolId>,
    /// It is ready.
    pub ready: bool,
    /// Creation; `None` if unknown: long ago.
    pub created: Option<SimTime>,
    /// The Node exists, its instance does not.
    pub deleted: bool,
    /// Its instance is stopped.
    pub suspended: bool,
}

/// What is read of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceReading {
    /// The node that it is or becomes.
    pub node: NodeId,
    /// Its group.
    pub pool: PoolId,
    /// A Node exists.
    pub has_node: bool,
    /// It is being deleted.
    pub deleting: bool,
    /// Error information of an instance that is being created.
    pub error: Option<FailureKind>,
}

/// The class of a registered node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeClass {
    /// Its instance is gone.
    Deleted,
    /// Its instance is stopped.
    Suspended,
    /// Ready.
    Ready,
    /// Not ready, and young.
    NotStarted,
    /// Not ready.
    Unready,
}

impl NodeReading {
    /// The node's class; the first that fits.
    pub fn class(&self, startup: Duration, now: SimTime) -> NodeClass {
        if self.deleted {
            NodeClass::Deleted
        } else if self.suspended {
            NodeClass::Suspended
        } else if self.ready {
            NodeClass::Ready
        } else if self.created.is_some_and(|created| created + startup > now) {
            NodeClass::NotStarted
        } else {
            NodeClass::Unready
        }
    }
}

/// Nodes by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Nodes that exist.
    pub registered: u32,
    /// Ready ones.
    pub ready: u32,
    /// Unready ones.
    pub unready: u32,
    /// Stopped ones.
    pub suspended: u32,
    /// Young unready ones.
    pub not_started: u32,
    /// Those without an instance.
    pub deleted: u32,
    /// Instances without a node.
    pub unregistered: u32,
    /// The same for too long.
    pub long_unregistered: u32,
}

impl Readiness {
    fn count(&mut self, class: NodeClass) {
        self.registered += 1;
        *match class {
            NodeClass::Deleted => &mut self.deleted,
            NodeClass::Suspended => &mut self.suspended,
            NodeClass::Ready => &mut self.ready,
            NodeClass::NotStarted => &mut self.not_started,
            NodeClass::Unready => &mut self.unready,
        } += 1;
    }

    /// Nodes that still have to come to reach `target`.
    pub fn missing(&self, target: u32) -> u32 {
        target.saturating_sub(self.ready + self.unready + self.suspended + self.long_unregistered)
    }
}

/// A scale-up under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleUpRequest {
    /// Nodes asked for.
    pub increase: i64,
    /// Last positive increase.
    pub time: SimTime,
    /// When they should be there.
    pub expected: SimTime,
}

/// Sizes between which a group is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptableRange {
    /// Least.
    pub min: i64,
    /// Most.
    pub max: i64,
    /// Target.
    pub target: i64,
}

impl AcceptableRange {
    /// The range of a group.
    pub fn of(target: u32, readiness: &Readiness, increase: i64, scale_downs: usize) -> Self {
        let target = i64::from(target);
        Self {
            min: target - i64::from(readiness.long_unregistered) - increase,
            max: target + scale_downs as i64,
            target,
        }
    }
}

/// A group whose registered nodes do not match its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncorrectSize {
    /// Registered nodes.
    pub current: u32,
    /// Target.
    pub expected: u32,
    /// Since when both are as they are.
    pub first_observed: SimTime,
}

impl IncorrectSize {
    /// The mismatch of a group now, given the one seen before.
    pub fn of(
        target: u32,
        readiness: &Readiness,
        previous: Option<&Self>,
        now: SimTime,
    ) -> Option<Self> {
        let current = readiness.registered;
        let on_the_way = readiness.unregistered + readiness.long_unregistered;
        let wrong = current > target || current + on_the_way < target;
        let same = |seen: &&Self| seen.current == current && seen.expected == target;
        wrong.then(|| Self {
            current,
            expected: target,
            first_observed: previous.filter(same).map_or(now, |seen| seen.first_observed),
        })
    }
}

/// A failed scale-up, for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedScaleUp {
    /// Group.
    pub pool: PoolId,
    /// Why.
    pub kind: FailureKind,
    /// Nodes that will not come.
    pub nodes: i64,
    /// End of the backoff.
    pub until: SimTime,
}

/// An instance without a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unregistered {
    /// Group.
    pub pool: PoolId,
    /// First sight.
    pub since: SimTime,
}

/// What is known of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupState {
    readiness: Option<Readiness>,
    range: AcceptableRange,
    pub(super) incorrect: Option<IncorrectSize>,
    pub(super) request: Option<ScaleUpRequest>,
    pub(super) last_scale_up: Option<SimTime>,
    pub(super) last_scale_down: Option<SimTime>,
    pub(super) last_failed_scale_down: Option<SimTime>,
}

/// Memory about nodes and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    pub(super) groups: BTreeMap<PoolId, GroupState>,
    total: Readiness,
    nodes: u32,
    pub(super) scale_downs: Vec<(PoolId, NodeId, SimTime)>,
    pub(super) backoff: Backoff,
    pub(super) unregistered: BTreeMap<NodeId, Unregistered>,
    pub(super) failed_instances: BTreeMap<NodeId, (PoolId, FailureKind)>,
    autoscaled: (u32, u32),
}

impl ClusterState {
    /// A scale-up of a group by `delta` was asked for; a negative one takes some back.
    pub fn register_scale_up(
        &mut self,
        pool: PoolId,
        delta: i64,
        limits: &StateLimits,
        now: SimTime,
    ) {
        let group = self.groups.entry(pool).or_default();
        let fresh = ScaleUpRequest { increase: 0, time: now, expected: now + limits.provision };
        let mut request = group.request.unwrap_or(fresh);
        request.increase += delta;
        if delta > 0 {
            request = ScaleUpRequest { increase: request.increase, ..fresh };
            group.last_scale_up = Some(now);
        }
        group.request = (request.increase > 0).then_some(request);
    }

    /// The deletion of a node was asked for.
    pub fn register_scale_down(
        &mut self,
        pool: PoolId,
        node: NodeId,
        expected: SimTime,
        now: SimTime,
    ) {
        self.scale_downs.push((pool, node, expected));
        self.groups.entry(pool).or_default().last_scale_down = Some(now);
    }

    /// The provider refused a deletion.
    pub fn register_failed_scale_down(&mut self, pool: PoolId, now: SimTime) {
        self.groups.entry(pool).or_default().last_failed_scale_down = Some(now);
    }

    /// A scale-up failed: the group is backed off.
    pub fn register_failed_scale_up(
        &mut self,
        pool: PoolId,
        kind: FailureKind,
        limits: &StateLimits,
        now: SimTime,
    ) -> SimTime {
        self.backoff.failed(pool, kind, &limits.backoff, now)
    }

    /// Reads the cluster. Returns the scale-ups that failed; from 1.36 on the target of those that
    /// timed out is to be decreased by their nodes.
    pub fn update(
        &mut self,
        limits: &StateLimits,
        sizes: &[GroupSize],
        nodes: impl IntoIterator<Item = NodeReading>,
        instances: impl IntoIterator<Item = InstanceReading>,
        now: SimTime,
    ) -> Vec<FailedScaleUp> {
        self.groups.values_mut().for_each(|group| group.readiness = None);
        for size in sizes {
            self.groups.entry(size.pool).or_default();
        }
        let known_failures = std::mem::take(&mut self.failed_instances);
        self.count_nodes(limits, sizes, nodes, now);
        self.count_instances(limits, instances, now);
        self.update_ranges(sizes);
        let mut failed = self.expire_requests(limits, now);
        self.notice_failed_instances(&known_failures, limits, now, &mut failed);
        self.update_ranges(sizes);
        for size in sizes {
            let group = self.groups.entry(size.pool).or_default();
            let (seen, before) = (group.readiness.as_ref(), group.incorrect.as_ref());
            group.incorrect =
                seen.and_then(|seen| IncorrectSize::of(size.target, seen, before, now));
        }
        failed
    }

    fn count_nodes(
        &mut self,
        limits: &StateLimits,
        sizes: &[GroupSize],
        nodes: impl IntoIterator<Item = NodeReading>,
        now: SimTime,
    ) {
        self.total = Readiness::default();
        self.nodes = 0;
        self.autoscaled = (0, sizes.iter().map(|size| size.target).sum());
        for reading in nodes {
            let class = reading.class(limits.startup, now);
            self.nodes += 1;
            self.total.count(class);
            if let Some(group) = reading.pool.and_then(|pool| self.groups.get_mut(&pool)) {
                group.readiness.get_or_insert_default().count(class);
                self.autoscaled.0 += u32::from(class != NodeClass::NotStarted);
            }
        }
    }

    fn count_instances(
        &mut self,
        limits: &StateLimits,
        instances: impl IntoIterator<Item = InstanceReading>,
        now: SimTime,
    ) {
        let mut without_node = BTreeMap::new();
        for instance in instances {
            if let Some(kind) = instance.error {
                self.failed_instances.insert(instance.node, (instance.pool, kind));
            } else if !instance.has_node && !instance.deleting {
                let since = self.unregistered.get(&instance.node).map_or(now, |known| known.since);
                let Some(group) = self.groups.get_mut(&instance.pool) else { continue };
                let readiness = group.readiness.get_or_insert_default();
                if since + limits.provision < now {
                    readiness.long_unregistered += 1;
                    self.total.long_unregistered += 1;
                } else {
                    readiness.unregistered += 1;
                    self.total.unregistered += 1;
                }
                without_node.insert(instance.node, Unregistered { pool: instance.pool, since });
            }
        }
        self.unregistered = without_node;
    }

    /// Reads changed targets alone (`Recalculate`).
    pub fn update_ranges(&mut self, sizes: &[GroupSize]) {
        for size in sizes {
            let downs = self.scale_downs.iter().filter(|(pool, ..)| *pool == size.pool).count();
            let group = self.groups.entry(size.pool).or_default();
            let readiness = group.readiness.clone().unwrap_or_default();
            let increase = group.request.map_or(0, |request| request.increase);
            group.range = AcceptableRange::of(size.target, &readiness, increase, downs);
        }
    }

    /// Ends requests that are served or late.
    fn expire_requests(&mut self, limits: &StateLimits, now: SimTime) -> Vec<FailedScaleUp> {
        self.backoff.drop_stale(&limits.backoff, now);
        let mut failed = Vec::new();
        for (&pool, group) in &mut self.groups {
            let Some(request) = group.request else { continue };
            if !group.is_waiting(limits) {
                group.request = None;
            } else if request.expected < now {
                let until = self.backoff.failed(pool, FailureKind::Timeout, &limits.backoff, now);
                let kind = FailureKind::Timeout;
                failed.push(FailedScaleUp { pool, kind, nodes: request.increase, until });
                group.request = None;
            }
        }
        self.expire_scale_downs(now);
        failed
    }

    /// Forgets deletions that should be over.
    pub fn expire_scale_downs(&mut self, now: SimTime) {
        self.scale_downs.retain(|&(.., expected)| expected > now);
    }

    /// Instances that newly report an error shrink the request and back the group off.
    fn notice_failed_instances(
        &mut self,
        known: &BTreeMap<NodeId, (PoolId, FailureKind)>,
        limits: &StateLimits,
        now: SimTime,
        failed: &mut Vec<FailedScaleUp>,
    ) {
        let mut fresh: Vec<(PoolId, FailureKind, i64)> = Vec::new();
        for (node, &(pool, kind)) in &self.failed_instances {
            if known.contains_key(node) {
                continue;
            }
            match fresh.iter_mut().find(|(at, why, _)| *at == pool && *why == kind) {
                Some((.., count)) => *count += 1,
                None => fresh.push((pool, kind, 1)),
            }
        }
        for (pool, kind, nodes) in fresh {
            if self.is_scaling_up(pool, limits) {
                self.register_scale_up(pool, -nodes, limits, now);
                let until = self.register_failed_scale_up(pool, kind, limits, now);
                failed.push(FailedScaleUp { pool, kind, nodes, until });
            }
        }
    }

    /// Whether a group has an active request and nodes to wait for.
    pub fn is_scaling_up(&self, pool: PoolId, limits: &StateLimits) -> bool {
        let group = self.groups.get(&pool);
        group.is_some_and(|group| group.request.is_some() && group.is_waiting(limits))
    }

    /// Whether the cluster is healthy enough to do anything.
    pub fn is_cluster_healthy(&self, limits: &StateLimits) -> bool {
        let unready = self.total.unready;
        unready <= limits.ok_unready
            || f64::from(unready) <= limits.max_unready_percent / 100.0 * f64::from(self.nodes)
    }

    /// Whether a group is healthy enough to grow.
    pub fn is_group_healthy(&self, pool: PoolId, limits: &StateLimits) -> bool {
        let Some(group) = self.groups.get(&pool) else { return false };
        let range = &group.range;
        let Some(seen) = &group.readiness else {
            return range.target == 0 || (range.min == 0 && range.target > 0);
        };
        let missing = (range.min - i64::from(seen.ready + seen.suspended)).max(0);
        let all = seen.ready + seen.unready + seen.not_started + seen.suspended;
        missing <= i64::from(limits.ok_unready)
            || missing as f64 <= limits.max_unready_percent / 100.0 * f64::from(all)
    }

    /// Whether a group may grow now: healthy and not backed off.
    pub fn is_safe_to_scale_up(&self, pool: PoolId, limits: &StateLimits, now: SimTime) -> bool {
        self.is_group_healthy(pool, limits) && self.backoff.active(pool, now).is_none()
    }

    /// Nodes of a group that are coming.
    pub fn upcoming(&self, pool: PoolId, limits: &StateLimits, now: SimTime) -> u32 {
        let Some(group) = self.groups.get(&pool) else { return 0 };
        if limits.requests_rule
            && (!self.is_scaling_up(pool, limits) || self.backoff.active(pool, now).is_some())
        {
            return 0;
        }
        let none = Readiness::default();
        group.readiness.as_ref().unwrap_or(&none).missing(group.range.target as u32)
    }

    /// Instances that have been without a node for too long.
    pub fn old_unregistered(
        &self,
        limits: &StateLimits,
        now: SimTime,
    ) -> impl Iterator<Item = (NodeId, PoolId)> + '_ {
        let provision = limits.provision;
        self.unregistered
            .iter()
            .filter(move |(_, seen)| seen.since + provision < now)
            .map(|(&node, seen)| (node, seen.pool))
    }

    /// Instances that could not be created and are still there.
    pub fn failed_instances(&self) -> impl Iterator<Item = (NodeId, PoolId)> + '_ {
        self.failed_instances.iter().map(|(&node, &(pool, _))| (node, pool))
    }

    /// Instances without a node.
    pub fn unregistered(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.unregistered.keys().copied()
    }

    /// The mismatch of a group's size.
    pub fn incorrect_size(&self, pool: PoolId) -> Option<&IncorrectSize> {
        self.groups.get(&pool)?.incorrect.as_ref()
    }

    /// The range of a group.
    pub fn range(&self, pool: PoolId) -> Option<AcceptableRange> {
        self.groups.get(&pool).map(|group| group.range)
    }

    /// The active request of a group.
    pub fn request(&self, pool: PoolId) -> Option<&ScaleUpRequest> {
        self.groups.get(&pool)?.request.as_ref()
    }

    /// Nodes of the cluster by class.
    pub fn total(&self) -> &Readiness {
        &self.total
    }

    /// Nodes of a group by class; `None` if it has neither nodes nor instances.
    pub fn readiness(&self, pool: PoolId) -> Option<&Readiness> {
        self.groups.get(&pool)?.readiness.as_ref()
    }

    /// Nodes of all groups that have started, and the groups' targets.
    pub fn autoscaled_size(&self) -> (u32, u32) {
        self.autoscaled
    }

    /// Deletions that are not over.
    pub fn scale_down_requests(&self) -> usize {
        self.scale_downs.len()
    }

    /// Backoffs.
    pub fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Last scale-up, deletion and failed deletion of a group.
    pub fn last_events(&self, pool: PoolId) -> [Option<SimTime>; 3] {
        self.groups.get(&pool).map_or([None; 3], |group| {
            [group.last_scale_up, group.last_scale_down, group.last_failed_scale_down]
        })
    }

    /// The next instant at which the state would change by itself.
    pub fn next_timer(&self, limits: &StateLimits, now: SimTime) -> Option<SimTime> {
        let requests = self.groups.values().filter_map(|group| group.request).map(|r| r.expected);
        let instances = self.unregistered.values().map(|seen| seen.since + limits.provision);
        let sizes = self.groups.values().filter_map(|group| group.incorrect.as_ref());
        let sizes = sizes.map(|size| size.first_observed + limits.provision);
        let downs = self.scale_downs.iter().map(|&(.., expected)| expected);
        let timers = requests.chain(instances).chain(sizes).chain(downs);
        timers.chain(self.backoff.next_end(now)).filter(|&at| at >= now).min()
    }

    /// Pools that are remembered.
    pub fn pools(&self) -> BTreeSet<PoolId> {
        self.groups.keys().copied().collect()
    }
}

impl GroupState {
    /// Whether nodes are still to come: all that have not started; from 1.36 on the missing ones.
    fn is_waiting(&self, limits: &StateLimits) -> bool {
        let target = self.range.target as u32;
        self.readiness.as_ref().map_or(target, |seen| match limits.requests_rule {
            true => seen.missing(target),
            false => target.saturating_sub(seen.registered - seen.not_started),
        }) > 0
    }
}
