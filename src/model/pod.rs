//! Pods: one row each.

use crate::unit::{NodeId, ShapeId, SimTime, WorkloadId};

/// Where a pod is in its life. The order is the order of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodPhase {
    /// Created, not bound (waiting to be scheduled).
    Pending,
    /// Assumed onto a node, its binding is on the way.
    Binding,
    /// Bound: volumes, image, containers, application start.
    Starting,
    /// Running and Ready.
    Ready,
    /// Running, but not Ready (its node is unreachable, or it crashed).
    NotReady,
    /// Told to stop; still holds its room.
    Terminating,
    /// Completed by itself.
    Succeeded,
    /// Gone: deleted, evicted, or lost with its node.
    Removed,
}

impl PodPhase {
    /// Whether the pod holds room on its node.
    pub fn holds_room(self) -> bool {
        matches!(
            self,
            Self::Binding | Self::Starting | Self::Ready | Self::NotReady | Self::Terminating
        )
    }

    /// Whether the pod's life is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Removed)
    }

    /// Whether the owning controller counts the pod among its replicas.
    pub fn is_active(self) -> bool {
        self < Self::Terminating
    }
}

/// A pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its specification.
    pub shape: ShapeId,
    /// Its owner.
    pub workload: WorkloadId,
    /// Number within its owner, never used twice (keys its draws).
    pub ordinal: u32,
    /// Number in its name: a StatefulSet's ordinal, used again; elsewhere the same as `ordinal`.
    pub index: u32,
    /// Where it is in its life.
    pub phase: PodPhase,
    /// Bumped when events already under way for the pod become void.
    pub epoch: u16,
    /// Container restarts.
    pub restarts: u16,
    /// Containers that have started (or run to their end), in the order of the shape.
    pub started: u16,
    /// Its node, from binding (or, for a DaemonSet pod, the node it is made for).
    pub node: Option<NodeId>,
    /// `status.nominatedNodeName`.
    pub nominated: Option<NodeId>,
    /// `schedulingGates` that nobody has removed yet.
    pub gated: bool,
    /// Whether the API says `PodScheduled=False, Unschedulable`: what the autoscaler can see.
    pub unschedulable: bool,
    /// Creation.
    pub created: SimTime,
    /// When the Unschedulable condition was last set.
    pub unschedulable_since: SimTime,
    /// Binding; [`SimTime::NEVER`] before.
    pub bound: SimTime,
    /// First Ready; [`SimTime::NEVER`] before.
    pub ready: SimTime,
    /// Last transition of the Ready condition; [`SimTime::NEVER`] before binding.
    pub condition_changed: SimTime,
    /// Told to stop (`deletionTimestamp` less grace); [`SimTime::NEVER`] before.
    pub terminating: SimTime,
}
