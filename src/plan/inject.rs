//! Planned events.

use crate::control::node::{Repair, UpgradeSpec};
use crate::control::workload::deployment::Strategy;
use crate::unit::{Duration, PoolId, QueueId, ShapeId, SimTime, Symbol, WorkloadId};

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
    /// All VMs of a zone stop for a while, and nothing new starts there.
    ZoneDown { zone: Symbol, length: Duration },
    /// A VM stops.
    NodeDown { node: NodeTarget, outage: Outage },
    /// A queue's metric cannot be read for a while.
    SourceFail { queue: QueueId, length: Duration },
    /// Containers of a workload exit.
    Crash(CrashSpec),
    /// The registry answers no pull for a while.
    RegistryDown { length: Duration },
    /// A workload's replicas are set by hand.
    SetReplicas { workload: WorkloadId, replicas: u32 },
    /// A new version of a workload.
    Rollout(RolloutSpec),
    /// A pool is upgraded.
    Upgrade { pool: PoolId, spec: UpgradeSpec },
    /// A controller restarts and loses its memory.
    ControllerRestart { controller: Controller },
}

/// A new version of a Deployment, a StatefulSet or a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RolloutSpec {
    /// Workload.
    pub workload: WorkloadId,
    /// Specification of the new pods.
    pub shape: ShapeId,
    /// How they take the place of the old ones; a StatefulSet has its own way.
    pub strategy: Strategy,
    /// After so long without a step forward the rollout is called stuck.
    pub progress_deadline: Duration,
}

/// Which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeTarget {
    /// The n-th of a pool's live nodes, from 0.
    OfPool(PoolId, u32),
    /// One outside pools, by name.
    Given(Symbol),
}

/// How a VM that has stopped comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It is lost.
    Lost,
    /// By itself, after this long.
    For(Duration),
    /// When AKS has done this repair.
    RepairedBy(Repair),
    /// It runs on all the while; its kubelet says for this long that the node is not Ready.
    NotReady(Duration),
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
