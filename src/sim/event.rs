//! The closed set of events, and the lanes that order them inside one instant.

use crate::unit::{NodeId, PodId, PoolId, QueueId, WorkloadId};

/// The order inside one instant: facts, then each controller, then observers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// What happens by itself: arrivals, completions, VMs, pods.
    Fact,
    /// Workload controllers.
    Workload,
    /// KEDA.
    Keda,
    /// HPA.
    Hpa,
    /// kube-scheduler.
    Scheduler,
    /// Cluster autoscaler.
    Autoscaler,
    /// Samples and ends: they see the instant complete.
    Observer,
}

/// What can happen. An event names its entity's epoch where it can become void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A consumer slot's service ends, or its lock is lost.
    Service { queue: QueueId, slot: u32, epoch: u32 },
    /// Locks of dead consumers run out.
    LockExpiry(QueueId),
    /// Messages that wait have reached the end of their time to live.
    MessagesExpire(QueueId),
    /// The partitions of a queue are dealt out to the consumers that are there.
    Rebalance(QueueId),
    /// Partitions that stood still can be worked on.
    LanesOpen(QueueId),
    /// The laboratory's scaler counts what waits.
    InstantScale(QueueId),
    /// The off delay of the laboratory's idle server is over.
    ServerOff { queue: QueueId, slot: u32, epoch: u32 },
    /// A binding has reached the node.
    PodBound(PodId, u16),
    /// A kubelet has refused a pod, and the API says so.
    PodRefused(PodId, u16),
    /// A pod's current start stage ends.
    PodStage(PodId, u16),
    /// The soonest image pull of a node is complete (version of its pulls).
    PullDone(NodeId, u32),
    /// The kubelet of a node whose disk is too full collects images.
    ImageGc(NodeId, u16),
    /// A disk has been detached (position among all disks).
    DiskDetached(u32),
    /// A container of a pod exits.
    ContainerExit(PodId, u16),
    /// A pod has done its work.
    PodFinished(PodId, u16),
    /// A terminating pod's grace is over.
    PodKilled(PodId, u16),
    /// Pods of a Node that is gone are garbage collected.
    PodsCollected(NodeId),
    /// A VM runs.
    VmRunning(NodeId, u16),
    /// A VM's creation has failed.
    VmFailed(NodeId, u16),
    /// A kubelet registers.
    NodeRegistered(NodeId, u16),
    /// The cloud node manager has initialised a node.
    NodeInitialized(NodeId, u16),
    /// An agent removes a node's initialization taints.
    NodePrepared(NodeId, u16),
    /// A node becomes Ready.
    NodeReady(NodeId, u16),
    /// A node's GPUs become allocatable.
    NodeGpus(NodeId, u16),
    /// A VM is gone.
    VmGone(NodeId, u16),
    /// A node's silence is noticed: Ready=Unknown.
    NodeUnreachable(NodeId, u16),
    /// A VM that had stopped runs again, and its kubelet reports.
    NodeBack(NodeId, u16),
    /// AKS repairs a node that is still NotReady.
    NodeRepair(NodeId, u16),
    /// The next node gets its NoExecute taint.
    NodeEvictions,
    /// The stay of pods on a tainted node is over.
    TaintEviction(NodeId, u16),
    /// The Node object of a VM that is gone is deleted.
    NodeDeleted(NodeId, u16),
    /// A spot VM is told that it will be taken.
    SpotNotice(NodeId, u16),
    /// The drain that follows a notice begins.
    SpotDrain(NodeId, u16),
    /// A spot VM is taken.
    SpotKill(NodeId, u16),
    /// A batch of spot evictions in a pool.
    SpotBatch(PoolId),
    /// The spot price changes in some zone of a pool.
    SpotPrice(PoolId),
    /// A planned event begins (index into the plan).
    Inject(u32),
    /// A workload controller works on its object.
    WorkloadSync(WorkloadId),
    /// The Job controller works on the Jobs of a ScaledJob.
    JobSync(WorkloadId),
    /// `activeDeadlineSeconds` of a Job of a ScaledJob have passed.
    JobDeadline(WorkloadId, u32),
    /// KEDA polls.
    KedaPoll(WorkloadId),
    /// Laboratory: a cooldown that runs from the last completion may be over.
    CooldownEnd(WorkloadId),
    /// The HPA syncs.
    HpaSync(WorkloadId),
    /// The scheduler takes its next pod, or flushes.
    SchedulerCycle,
    /// The autoscaler scans.
    AutoscalerScan,
    /// A node's deletion by the autoscaler goes one step on.
    DeletionStep(NodeId),
    /// The upgrade of a pool goes on.
    UpgradeStep(PoolId),
    /// Warm-up is over.
    WarmupEnd,
    /// The metrics server scrapes.
    MetricsScrape,
    /// The Vertical Pod Autoscaler recommends, and evicts.
    VpaRound,
    /// A row of the series.
    Sample,
    /// Arrivals stop.
    End,
}

const _: () = assert!(size_of::<Event>() <= 16, "events stay small: the heap moves them");

impl Event {
    /// The rank in its lane of a tick: ticks of one instant follow the order of workloads, however
    /// many were left out before.
    pub const fn rank(self) -> Option<u32> {
        match self {
            Self::KedaPoll(workload) | Self::CooldownEnd(workload) | Self::HpaSync(workload) => {
                Some(workload.0)
            }
            _ => None,
        }
    }

    /// The lane of this kind of event.
    pub const fn lane(self) -> Lane {
        match self {
            Self::WorkloadSync(_)
            | Self::JobSync(_)
            | Self::JobDeadline(..)
            | Self::NodeEvictions
            | Self::Rebalance(_)
            | Self::InstantScale(_)
            | Self::VpaRound => Lane::Workload,
            Self::KedaPoll(_) | Self::CooldownEnd(_) => Lane::Keda,
            Self::HpaSync(_) => Lane::Hpa,
            Self::SchedulerCycle => Lane::Scheduler,
            Self::AutoscalerScan | Self::DeletionStep(_) => Lane::Autoscaler,
            Self::WarmupEnd | Self::Sample | Self::End => Lane::Observer,
            _ => Lane::Fact,
        }
    }
}
