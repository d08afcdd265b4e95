//! `inject:` planned events.

use super::cluster::UndrainableName;
use super::kinds::kinds;
use super::moment::Moment;
use super::reader::section;
use super::value::{Bytes, Count, Length, Share, Text, words};

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
        /// A kubelet says that its node is not Ready; all goes on running.
        "nodeNotReady" NodeNotReady(NodeNotReady),
        /// A queue's metric cannot be read.
        "sourceFail" SourceFail(SourceFail),
        /// The pods of a workload crash.
        "crash" Crash(CrashEvent),
        /// The registry answers no pull.
        "registryDown" RegistryDown(RegistryDown),
        /// Replicas are set by hand.
        "setReplicas" SetReplicas(SetReplicas),
        /// A new version is rolled out.
        "rollout" Rollout(Rollout),
        /// A pool is upgraded.
        "upgrade" Upgrade(Upgrade),
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
        /// How long its VM stands still; its kubelet reports again at the end. Without it and
        /// `repairedBy` the VM is lost.
        "for" length: Length;
        /// The node is broken until AKS's auto-repair has done this.
        "repairedBy" repaired_by: RepairName;
    }
}

section! {
    /// A kubelet says that its node is not Ready (its runtime or network is not): the n-th node of
    /// a pool, or one of `nodes` by name.
    pub struct NodeNotReady {
        /// Pool.
        "pool" pool: Text;
        /// Which of its live nodes, from 0.
        "index" index: Count;
        /// A node outside pools.
        "node" node: Text;
        /// When.
        "at" at: Moment, required;
        /// How long it says so.
        "for" length: Length, required;
    }
}

words! {
    /// What AKS does to a node that stays NotReady.
    pub enum RepairName {
        /// Restart of the VM.
        "reboot" Reboot,
        /// A new OS disk, after a reboot has not helped.
        "reimage" Reimage,
        /// Other hardware, after a reimage has not helped.
        "redeploy" Redeploy,
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
    /// A new version of a Deployment, a StatefulSet or a DaemonSet.
    pub struct Rollout {
        /// Workload.
        "workload" workload: Text, required;
        /// When its template changes.
        "at" at: Moment, required;
        /// New image of its first container; without it an image of the same size that no node has.
        "image" image: Text;
        /// Compressed size of the new image; without it that of the old one.
        "imageSize" image_size: Bytes;
        /// How new pods take the place of old ones; without it as the Deployment says
        /// (RollingUpdate).
        "strategy" strategy: RolloutStrategy;
        /// Pods above the desired number, a number or percent; without it 25% (a DaemonSet: 0).
        "maxSurge" max_surge: Text;
        /// Pods that may be missing, a number or percent; without it 25% (a DaemonSet: 1).
        "maxUnavailable" max_unavailable: Text;
        /// Window of BlueGreen and Canary: how long both versions run side by side.
        "for" length: Length;
        /// Share of new pods during a Canary's window.
        "share" share: Share;
        /// After so long without a step forward the rollout is called stuck; without it 600.
        "progressDeadlineSeconds" deadline: Length;
    }
}

words! {
    /// How a new version takes the place of the old one.
    pub enum RolloutStrategy {
        /// Step by step.
        "RollingUpdate" RollingUpdate,
        /// The old pods go before the new ones come.
        "Recreate" Recreate,
        /// All new pods beside all old ones, then the switch.
        "BlueGreen" BlueGreen,
        /// A share of new pods for a while, then a rolling update.
        "Canary" Canary,
        /// Only what is deleted by others is made anew (DaemonSets and StatefulSets).
        "OnDelete" OnDelete,
    }
}

section! {
    /// A pool is upgraded: new Kubernetes version or node image.
    pub struct Upgrade {
        /// Pool.
        "pool" pool: Text, required;
        /// When.
        "at" at: Moment, required;
        /// Nodes above the count; without it as the pool's `upgradeSettings` say (10%).
        "maxSurge" max_surge: Text;
        /// Nodes that may be missing; without it as the pool says (0).
        "maxUnavailable" max_unavailable: Text;
        /// How long a drain may take; without it as the pool says (30).
        "drainTimeoutInMinutes" drain_timeout: Count;
        /// How long a drained node stays empty; without it as the pool says (0).
        "nodeSoakDurationInMinutes" soak: Count;
        /// What happens to a node that cannot be drained; without it as the pool says (Schedule).
        "undrainableNodeBehavior" undrainable: UndrainableName;
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
