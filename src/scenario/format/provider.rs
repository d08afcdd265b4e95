//! `timing:`, `spotMarket:`, `quota:` and `prices:`.

use indexmap::IndexMap;

use super::distribution::Distribution;
use super::reader::section;
use super::value::{
    Amount, Bandwidth, Bytes, Count, Hazard, Length, Rate, Share, Switch, Text, words,
};
use super::workload::Align;

section! {
    /// Times of the provider and the control plane.
    pub struct Timing {
        /// Creation of a VM, before factors for disk, GPU and operating system.
        "vmProvision" vm_provision: Distribution;
        /// From running VM to Ready node.
        "nodeReady" node_ready: Distribution;
        /// From Ready to GPUs that can be used.
        "gpuReady" gpu_ready: Distribution;
        /// From a node's registration until the cloud node manager has initialised it and removes
        /// `node.cloudprovider.kubernetes.io/uninitialized`.
        "cloudInitialization" cloud_initialization: Distribution;
        /// From a node's Ready until an agent removes its `nodeInitializationTaints`.
        "taintsRemoved" taints_removed: Distribution;
        /// Deletion of a VM.
        "vmDelete" vm_delete: Distribution;
        /// A VM that fails is reported this long after its request.
        "failureAfter" failure_after: Distribution;
        /// The Node object goes this long after its VM.
        "nodeRemoval" node_removal: Length;
        /// Pulling images.
        "imagePull" image_pull: ImagePull;
        /// Restarts of containers that exit again and again.
        "crashLoopBackOff" crash_loop: CrashLoop;
        /// Sandbox and container start.
        "containerStart" container_start: Distribution;
        /// On the virtual node: from the request for a container group until it pulls its images.
        "containerGroupStart" container_group_start: Distribution;
        /// Start of the application until it is Ready.
        "appStart" app_start: Distribution;
        /// Attaching a disk.
        "volumeAttach" volume_attach: Distribution;
        /// Detaching a disk, once nobody on its node uses it.
        "volumeDetach" volume_detach: Distribution;
        /// kube-scheduler.
        "scheduler" scheduler: SchedulerTiming;
        /// kube-controller-manager.
        "controllerManager" controller_manager: ControllerTiming;
        /// `fast`: failed instances are deleted at once; `slow`: after max-node-provision-time.
        "failureDetection" failure_detection: FailureDetectionName;
        /// Phases of the control loops.
        "phases" phases: Phases = "random", "own default";
        /// Times of single pools.
        "pools" pools: IndexMap<String, PoolTiming>;
    }
}

section! {
    /// Times of one pool.
    pub struct PoolTiming {
        /// Creation of a VM, all factors included.
        "vmProvision" vm_provision: Distribution;
        /// From running VM to Ready node.
        "nodeReady" node_ready: Distribution;
        /// From Ready to GPUs that can be used.
        "gpuReady" gpu_ready: Distribution;
    }
}

section! {
    /// Pulling images.
    pub struct ImagePull {
        /// Compressed bytes a second that a node gets, shared by its pulls.
        "bandwidth" bandwidth: Bandwidth;
        /// Kubelet: one pull at a time; AKS up to 1.30.
        "serializeImagePulls" serialize: Switch;
        /// Kubelet: pulls at a time; absent: no limit.
        "maxParallelImagePulls" parallel: Count;
        /// Kubelet: pulls a second, beyond which a pull fails; 0 is unlimited.
        "registryPullQPS" queries: Count = "5", "kubelet default";
        /// Kubelet: pulls beyond that at once.
        "registryBurst" query_burst: Count = "10", "kubelet default";
        /// What the registry grants to all nodes together; absent: everything.
        "registry" registry: Registry;
        /// Bytes on a node's disk for a compressed byte of an image.
        "diskFactor" disk_factor: Amount;
        /// Bytes of a node's disk that its own software takes.
        "systemDisk" system_disk: Bytes;
    }
}

section! {
    /// Limits of a registry: what comes beyond is refused (429) and tried again by the kubelet.
    pub struct Registry {
        /// Pulls a second.
        "rate" rate: Rate, required;
        /// Pulls beyond that at once.
        "burst" burst: Count = "1", "own default";
    }
}

section! {
    /// Restarts of containers that exit again and again.
    pub struct CrashLoop {
        /// Longest delay, 1 s to 300 s (from 1.35).
        "maxContainerRestartPeriod" longest: Length = "300s", "kubelet default";
    }
}

section! {
    /// kube-scheduler.
    pub struct SchedulerTiming {
        /// Serial part of a cycle.
        "cycle" cycle: Length = "1ms", "assumption: scheduler_perf throughput";
        /// Calls of its API client a second, bindings and pods' conditions; 0/s is unlimited.
        "bindRate" bind_rate: Rate = "50/s", "kube-scheduler --kube-api-qps";
        /// Burst of calls.
        "bindBurst" bind_burst: Count = "100", "kube-scheduler --kube-api-burst";
    }
}

section! {
    /// kube-controller-manager.
    pub struct ControllerTiming {
        /// Writes a second; 0/s is unlimited.
        "rate" rate: Rate = "20/s", "kube-controller-manager --kube-api-qps";
        /// Burst of writes.
        "burst" burst: Count = "30", "kube-controller-manager --kube-api-burst";
    }
}

words! {
    /// When the autoscaler learns of failed instances.
    pub enum FailureDetectionName {
        /// At once.
        "fast" Fast,
        /// After max-node-provision-time.
        "slow" Slow,
    }
}

words! {
    /// Phases of the control loops.
    pub enum Phases {
        /// Uniform in their period.
        "random" Random,
        /// All zero, for tests.
        "zero" Zero,
    }
}

section! {
    /// Evictions of spot nodes.
    pub struct SpotMarket {
        /// Probability of eviction per node and hour.
        "evictionRate" eviction_rate: Hazard;
        /// Time from a VM's start to its eviction, not a rate.
        "lifetime" lifetime: Distribution;
        /// Notice before the kill.
        "notice" notice: Length;
        /// Evictions come in batches.
        "batch" batch: Batch;
        /// How long the refill is refused after an eviction.
        "refillBlocked" refill_blocked: Distribution;
        /// Recorded evictions.
        "trace" trace: SpotTrace;
        /// Recorded prices.
        "priceTrace" price_trace: PriceTrace;
        /// Values of single pools.
        "pools" pools: IndexMap<String, PoolMarket>;
    }
}

section! {
    /// Evictions of one pool.
    pub struct PoolMarket {
        /// Probability of eviction per node and hour.
        "evictionRate" eviction_rate: Hazard;
        /// Time from a VM's start to its eviction, not a rate.
        "lifetime" lifetime: Distribution;
        /// Notice before the kill.
        "notice" notice: Length;
        /// Evictions come in batches.
        "batch" batch: Batch;
        /// How long the refill is refused after an eviction.
        "refillBlocked" refill_blocked: Distribution;
        /// Recorded evictions.
        "trace" trace: SpotTrace;
        /// Recorded prices.
        "priceTrace" price_trace: PriceTrace;
    }
}

section! {
    /// Evictions in batches per zone.
    pub struct Batch {
        /// Share of the zone's nodes that one event takes.
        "share" share: Share, required;
    }
}

section! {
    /// Recorded evictions: milliseconds since the start, `add` or `remove`, node.
    pub struct SpotTrace {
        /// CSV file.
        "file" file: Text, required;
        /// Whether its first row names the columns.
        "header" header: Switch = "true", "own default";
    }
}

section! {
    /// Recorded spot prices: each holds until the next row of its size, zone and pool. The bill
    /// follows them; above a pool's `spotMaxPrice` its VMs are evicted and none is made.
    pub struct PriceTrace {
        /// CSV file.
        "file" file: Text, required;
        /// Column with times.
        "time" time: Text, required;
        /// Column with prices an hour.
        "price" price: Text, required;
        /// Column with VM sizes; without it, or where it is empty, a row is of all sizes.
        "vmSize" vm_size: Text;
        /// Column with zones (1, 2, 3); without it, or where it is empty, a row is of all zones.
        "zone" zone: Text;
        /// Column with pools; without it, or where it is empty, a row is of all pools.
        "pool" pool: Text;
        /// `start`: row 1 is the start of the simulation; `absolute`: times are dates.
        "align" align: Align = "start", "own default";
    }
}
