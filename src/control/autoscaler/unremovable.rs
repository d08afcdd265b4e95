//! Why nodes stay, and for how long that is not asked again
//! (`pkg/core/scaledown/unremovable/nodes.go`, `pkg/simulator/cluster.go`).

use std::collections::BTreeMap;

use super::drain::Blocker;
use crate::unit::{NodeId, PodId, SimTime};

/// Why a node is not removed, with upstream's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A removal was simulated in vain not long ago.
    RecentlyUnremovable,
    /// It is being deleted.
    CurrentlyBeingDeleted,
    /// Its annotation forbids it.
    ScaleDownDisabledAnnotation,
    /// No group of the autoscaler's.
    NotAutoscaled,
    /// Its utilisation cannot be told, or it is not in the snapshot.
    UnexpectedError,
    /// It is unready, and those are not removed.
    ScaleDownUnreadyDisabled,
    /// It is used too much.
    NotUnderutilized,
    /// Not for long enough.
    NotUnneededLongEnough,
    /// Not for long enough; it is unready.
    NotUnreadyLongEnough,
    /// Its group would fall under its minimum.
    NodeGroupMinSizeReached,
    /// The cluster would fall under a minimum.
    MinimalResourceLimitExceeded,
    /// Its pods find no room.
    NoPlaceToMovePods,
    /// It is not in the snapshot.
    NoNodeInfo,
    /// A pod keeps it.
    BlockedByPod(PodId, Blocker),
    /// A pod's completion is waited for.
    BlockedByOnCompletionPod,
    /// Another node of its atomic group stays.
    AtomicScaleDownFailed,
    /// Enough nodes were found in this loop.
    NotReached,
}

impl Reason {
    /// Those that say nothing more than their name.
    pub const SIMPLE: [Self; 16] = [
        Self::RecentlyUnremovable,
        Self::CurrentlyBeingDeleted,
        Self::ScaleDownDisabledAnnotation,
        Self::NotAutoscaled,
        Self::UnexpectedError,
        Self::ScaleDownUnreadyDisabled,
        Self::NotUnderutilized,
        Self::NotUnneededLongEnough,
        Self::NotUnreadyLongEnough,
        Self::NodeGroupMinSizeReached,
        Self::MinimalResourceLimitExceeded,
        Self::NoPlaceToMovePods,
        Self::NoNodeInfo,
        Self::BlockedByOnCompletionPod,
        Self::AtomicScaleDownFailed,
        Self::NotReached,
    ];

    /// Upstream's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecentlyUnremovable => "RecentlyUnremovable",
            Self::CurrentlyBeingDeleted => "CurrentlyBeingDeleted",
            Self::ScaleDownDisabledAnnotation => "ScaleDownDisabledAnnotation",
            Self::NotAutoscaled => "NotAutoscaled",
            Self::UnexpectedError => "UnexpectedError",
            Self::ScaleDownUnreadyDisabled => "ScaleDownUnreadyDisabled",
            Self::NotUnderutilized => "NotUnderutilized",
            Self::NotUnneededLongEnough => "NotUnneededLongEnough",
            Self::NotUnreadyLongEnough => "NotUnreadyLongEnough",
            Self::NodeGroupMinSizeReached => "NodeGroupMinSizeReached",
            Self::MinimalResourceLimitExceeded => "MinimalResourceLimitExceeded",
            Self::NoPlaceToMovePods => "NoPlaceToMovePods",
            Self::NoNodeInfo => "NoNodeInfo",
            Self::BlockedByPod(..) => "BlockedByPod",
            Self::BlockedByOnCompletionPod => "BlockedByOnCompletionPod",
            Self::AtomicScaleDownFailed => "AtomicScaleDownFailed",
            Self::NotReached => "NotReached",
        }
    }
}

/// Nodes whose removal was simulated in vain, until when that holds.
#[derive(Clone, Debug, Default)]
pub struct Unremovable {
    pub(super) until: BTreeMap<NodeId, (SimTime, Reason)>,
}

impl Unremovable {
    /// Forgets nodes that are gone or whose time is over.
    pub fn update(&mut self, is_there: impl Fn(NodeId) -> bool, now: SimTime) {
        self.until.retain(|&node, &mut (until, _)| until > now && is_there(node));
    }

    /// Remembers a node.
    pub fn add(&mut self, node: NodeId, until: SimTime, reason: Reason) {
        self.until.insert(node, (until, reason));
    }

    /// Why and until when a node is left alone.
    pub fn get(&self, node: NodeId) -> Option<(SimTime, Reason)> {
        self.until.get(&node).copied()
    }

    /// Nodes remembered.
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }

    /// The next instant at which a node is looked at again.
    pub fn next_timer(&self) -> Option<SimTime> {
        self.until.values().map(|&(until, _)| until).min()
    }
}
