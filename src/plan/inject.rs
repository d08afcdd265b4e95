//! Planned events.

use crate::unit::{Duration, PoolId, QueueId, SimTime, Symbol, WorkloadId};

/// A planned event.
#[derive(Clone, Debug, PartialEq)]
pub struct Inject {
    /// When.
    pub at: SimTime,
    /// What.
    pub kind: InjectKind,
}

/// Kinds of planned events (`inject:`). Refusals of capacity are [`crate::cloud::CapacityRefusal`].
#[derive(Clone, Debug, PartialEq)]
pub enum InjectKind {
    /// Spot eviction of a share of a pool's nodes.
    Evict { pool: PoolId, fraction: f64 },
    /// All nodes of a zone are lost for a while, and nothing new starts there.
    ZoneDown { zone: Symbol, length: Duration },
    /// A VM is lost and does not come back: the n-th of the pool's live ones, from 0.
    NodeDown { pool: PoolId, index: u32 },
    /// A queue's metric cannot be read for a while.
    SourceFail { queue: QueueId, length: Duration },
    /// Containers of a workload exit.
    Crash(CrashSpec),
    /// The registry answers no pull for a while.
    RegistryDown { length: Duration },
    /// A workload's replicas are set by hand.
    SetReplicas { workload: WorkloadId, replicas: u32 },
    /// A controller restarts and loses its memory.
    ControllerRestart { controller: Controller },
}

/// Containers of a workload exit, once or for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrashSpec {
    /// Workload.
    pub workload: WorkloadId,
    /// Containers that start within this time exit too.
    pub length: Option<Duration>,
    /// From a container's start to its exit.
    pub after: Duration,
    /// Of each container, to exit.
    pub probability: f64,
}

/// A controller that can be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// kube-controller-manager (HPA history is lost).
    ControllerManager,
    /// KEDA operator.
    Keda,
    /// cluster autoscaler (timers and backoff are lost).
    Autoscaler,
}
