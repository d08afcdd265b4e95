//! Since when nodes are not needed, and which may go now (`pkg/core/scaledown/unneeded/nodes.go`).

use std::collections::BTreeMap;

use super::quota::QuotaTracker;
use super::unremovable::Reason;
use crate::unit::{Duration, NodeId, PodId, PoolId, Resources, SimTime};

/// A node whose removal was simulated with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removable {
    /// Node.
    pub node: NodeId,
    /// Pods that have to move.
    pub moved: Vec<PodId>,
    /// DaemonSet pods.
    pub daemons: Vec<PodId>,
    /// Pods whose completion is waited for.
    pub awaited: Vec<PodId>,
    /// A disruption budget does not allow all its pods at once.
    pub risky: bool,
}

impl Removable {
    /// Whether nothing has to move or is waited for.
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }
}

/// A node's timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Since when it is not needed.
    pub since: SimTime,
    /// How long that must last.
    pub threshold: Duration,
    /// The simulation that says so.
    pub removable: Removable,
}

/// A node's side of the decision whether it may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNow {
    /// It is ready.
    pub ready: bool,
    /// Its annotation forbids scale-down.
    pub disabled: bool,
    /// Its group, if autoscaled.
    pub pool: Option<PoolId>,
    /// unneeded-time of its group; `None`: it could not be read.
    pub unneeded_time: Option<Duration>,
    /// unready-time of its group.
    pub unready_time: Option<Duration>,
    /// Size.
    pub capacity: Resources,
}

/// A group's side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupNow {
    /// Smallest size.
    pub min: i64,
    /// Target size less deletions in progress.
    pub size: i64,
}

/// Timers of all nodes that are not needed.
#[derive(Clone, Debug, Default)]
pub struct Unneeded {
    pub(super) timers: BTreeMap<NodeId, Timer>,
}

impl Unneeded {
    /// Takes over the removable nodes of this loop: their timers go on, all others are lost.
    pub fn update(
        &mut self,
        removable: impl IntoIterator<Item = (Removable, Duration)>,
        now: SimTime,
    ) {
        let mut timers = BTreeMap::new();
        for (removable, threshold) in removable {
            let since = self.timers.get(&removable.node).map_or(now, |timer| timer.since);
            timers.insert(removable.node, Timer { since, threshold, removable });
        }
        self.timers = timers;
    }

    /// Starts a timer as it was before a restart (candidate taint younger than the limit).
    pub fn restore(&mut self, node: NodeId, tainted: SimTime, ttl: Duration, now: SimTime) {
        if tainted + ttl >= now {
            let removable = Removable {
                node,
                moved: Vec::new(),
                daemons: Vec::new(),
                awaited: Vec::new(),
                risky: false,
            };
            let timer = Timer { since: tainted, threshold: Duration::ZERO, removable };
            self.timers.insert(node, timer);
        }
    }

    /// Forgets all timers.
    pub fn clear(&mut self) {
        self.timers.clear();
    }

    /// Whether a node is not needed.
    pub fn contains(&self, node: NodeId) -> bool {
        self.timers.contains_key(&node)
    }

    /// How many are not needed.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether all are needed.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Timers by node.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Timer)> {
        self.timers.iter().map(|(&node, timer)| (node, timer))
    }

    /// The next instant at which a node may have waited long enough.
    pub fn next_timer(&self, now: SimTime) -> Option<SimTime> {
        let ends = self.timers.values().map(|timer| timer.since + timer.threshold);
        ends.filter(|&at| at >= now).min()
    }

    /// Nodes that may go now, empty ones first, and why the others may not. `groups` gives and
    /// takes a group's numbers.
    pub fn removable_at(
        &self,
        node: impl Fn(NodeId) -> NodeNow,
        groups: &mut BTreeMap<PoolId, GroupNow>,
        quota: &mut QuotaTracker,
        now: SimTime,
    ) -> (Vec<Removable>, Vec<(NodeId, Reason)>) {
        let mut chosen = Vec::new();
        let mut refused = Vec::new();
        let empty = self.timers.iter().filter(|(_, timer)| timer.removable.is_empty());
        let drain = self.timers.iter().filter(|(_, timer)| !timer.removable.is_empty());
        for (&id, timer) in empty.chain(drain) {
            match may_go(timer, &node(id), groups, quota, now) {
                Ok(()) => chosen.push(timer.removable.clone()),
                Err(reason) => refused.push((id, reason)),
            }
        }
        // Risky ones last, else in order.
        chosen.sort_by_key(|removable| !removable.is_empty() && removable.risky);
        (chosen, refused)
    }
}

fn may_go(
    timer: &Timer,
    node: &NodeNow,
    groups: &mut BTreeMap<PoolId, GroupNow>,
    quota: &mut QuotaTracker,
    now: SimTime,
) -> Result<(), Reason> {
    let (threshold, young) = if node.ready {
        (node.unneeded_time, Reason::NotUnneededLongEnough)
    } else {
        (node.unready_time, Reason::NotUnreadyLongEnough)
    };
    // Whoever is in no group has none.
    let threshold = match node.pool {
        None => Duration::ZERO,
        Some(_) => threshold.ok_or(Reason::UnexpectedError)?,
    };
    if node.disabled {
        return Err(Reason::ScaleDownDisabledAnnotation);
    }
    if !threshold.is_zero() && timer.since + threshold >= now {
        return Err(young);
    }
    let pool = node.pool.ok_or(Reason::NotAutoscaled)?;
    let group = groups.get_mut(&pool).ok_or(Reason::NotAutoscaled)?;
    if group.size <= group.min {
        return Err(Reason::NodeGroupMinSizeReached);
    }
    let (allowed, _) = quota.allowed(pool, &node.capacity, 1);
    if allowed < 1 {
        return Err(Reason::MinimalResourceLimitExceeded);
    }
    quota.take(pool, &node.capacity, 1);
    group.size -= 1;
    Ok(())
}
