//! `inject:` planned events.

use super::kinds::kinds;
use super::moment::Moment;
use super::reader::{Raw, section};
use super::value::{Count, Length, Share, Text, words};

kinds! {
    /// A planned event.
    pub enum Injection, "planned event" {
        /// Spot eviction of a share of a pool's nodes.
        "evict" Evict(Evict),
        /// The provider refuses new VMs.
        "denyCapacity" DenyCapacity(DenyCapacity),
        /// A zone is lost.
        "zoneDown" ZoneDown(ZoneDown),
        /// A node is lost.
        "nodeDown" NodeDown(NodeDown),
        /// A queue's metric cannot be read.
        "sourceFail" SourceFail(SourceFail),
        /// The pods of a workload crash.
        "crash" Crash(CrashEvent),
        /// The registry answers no pull.
        "registryDown" RegistryDown(RegistryDown),
        /// Replicas are set by hand.
        "setReplicas" SetReplicas(SetReplicas),
        /// A new version is rolled out.
        "rollout" Rollout(Raw),
        /// A pool is upgraded.
        "upgrade" Upgrade(Raw),
        /// A controller restarts and loses its memory.
        "controllerRestart" ControllerRestart(ControllerRestart),
    }
}

section! {
    /// Spot eviction.
    pub struct Evict {
        /// Pool.
        "pool" pool: Text, required;
        /// Share of its nodes.
        "fraction" fraction: Share, required;
        /// When.
        "at" at: Moment, required;
    }
}

section! {
    /// The provider refuses new VMs.
    pub struct DenyCapacity {
        /// Pool.
        "pool" pool: Text, required;
        /// Begin.
        "from" from: Moment, required;
        /// Length.
        "for" length: Length, required;
        /// Error that Azure gives.
        "error" error: CapacityError = "AllocationFailed", "own default";
    }
}

words! {
    /// Error that Azure gives.
    pub enum CapacityError {
        /// No capacity in the region.
        "AllocationFailed" AllocationFailed,
        /// No capacity in the zone.
        "ZonalAllocationFailed" ZonalAllocationFailed,
        /// The size is not offered.
        "SkuNotAvailable" SkuNotAvailable,
        /// Too many constraints.
        "OverconstrainedAllocationRequest" Overconstrained,
    }
}

section! {
    /// A zone is lost.
    pub struct ZoneDown {
        /// Zone: "1", "2" or "3".
        "zone" zone: Text, required;
        /// When.
        "at" at: Moment, required;
        /// Length.
        "for" length: Length, required;
    }
}

section! {
    /// A node is lost: the n-th of a pool, or one of `nodes` by name.
    pub struct NodeDown {
        /// Pool.
        "pool" pool: Text;
        /// Which of its live nodes, from 0.
        "index" index: Count;
        /// A node outside pools.
        "node" node: Text;
        /// When.
        "at" at: Moment, required;
        /// Length; a lost VM does not come back, so it is refused.
        "for" length: Length;
    }
}

section! {
    /// A queue's metric cannot be read.
    pub struct SourceFail {
        /// Queue.
        "queue" queue: Text, required;
        /// When.
        "at" at: Moment, required;
        /// Length.
        "for" length: Length, required;
    }
}

section! {
    /// Containers of a workload exit.
    pub struct CrashEvent {
        /// Workload.
        "workload" workload: Text, required;
        /// When.
        "at" at: Moment, required;
        /// Containers that start within this time exit too; absent: once.
        "for" length: Length;
        /// How long a container runs before it exits, where `for` is given.
        "after" after: Length = "0s", "own default";
        /// Probability of each container to exit.
        "probability" probability: Share = "1", "own default";
    }
}

section! {
    /// The registry answers no pull.
    pub struct RegistryDown {
        /// When.
        "at" at: Moment, required;
        /// Length.
        "for" length: Length, required;
    }
}

section! {
    /// Replicas are set by hand.
    pub struct SetReplicas {
        /// Workload.
        "workload" workload: Text, required;
        /// Replicas.
        "replicas" replicas: Count, required;
        /// When.
        "at" at: Moment, required;
    }
}

section! {
    /// A controller restarts.
    pub struct ControllerRestart {
        /// Which.
        "controller" controller: ControllerName, required;
        /// When.
        "at" at: Moment, required;
    }
}

words! {
    /// A controller.
    pub enum ControllerName {
        /// kube-controller-manager.
        "kube-controller-manager" ControllerManager,
        /// KEDA operator.
        "keda" Keda,
        /// kube-scheduler.
        "kube-scheduler" Scheduler,
        /// cluster autoscaler.
        "cluster-autoscaler" Autoscaler,
    }
}
