//! What can be configured of the provider.

use std::sync::Arc;

use super::commitment::CommitmentSpec;
use super::item::ItemSpec;
use super::spot_price::PriceCurve;
use crate::chance::Dist;
use crate::model::{Labels, ProvisioningFailure, Taint};
use crate::rules::IntOrPercent;
use crate::unit::{
    Duration, HourlyRate, IdVec, PoolId, QuotaId, Resources, SimTime, SubnetId, Symbol,
};

/// A node pool: one VM scale set of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// Name as in `agentPoolProfiles[].name`.
    pub name: Symbol,
    /// The scale set's name, what the autoscaler's priority expander matches
    /// (`aks-<pool>-<hash>-vmss`).
    pub group_id: Symbol,
    /// `mode: System`
    pub system: bool,
    /// `count`: nodes at the start.
    pub count: u32,
    /// `enableAutoScaling`
    pub autoscaled: bool,
    /// `minCount`
    pub min: u32,
    /// `maxCount`
    pub max: u32,
    /// `maxPods`
    pub max_pods: u32,
    /// `upgradeSettings.maxSurge`: nodes that an upgrade adds for its time.
    pub max_surge: IntOrPercent,
    /// VM size.
    pub size: VmSizeSpec,
    /// What a VM has.
    pub capacity: Resources,
    /// What pods may reserve on a real node.
    pub allocatable: Resources,
    /// Capacity = allocatable of the autoscaler's template when the pool is empty (Azure's template
    /// subtracts no reservations and counts 110 pods).
    pub template_capacity: Resources,
    /// Labels of every node, less hostname and zone.
    pub labels: Labels,
    /// Labels that the autoscaler's template for an empty pool has, less hostname and zone.
    pub template_labels: Labels,
    /// Taints of every node.
    pub taints: Vec<Taint>,
    /// `nodeInitializationTaints`: taints of a new node, which somebody on it removes.
    pub initialization_taints: Vec<Taint>,
    /// Zone label values (`westeurope-1`), in order; empty: no zones (label value `0`).
    pub zones: Vec<Symbol>,
    /// `scaleSetPriority: Spot`
    pub spot: bool,
    /// `scaleSetEvictionPolicy`
    pub eviction_policy: EvictionPolicy,
    /// `scaleDownMode`
    pub scale_down_mode: ScaleDownMode,
    /// `osDiskType`
    pub os_disk: OsDisk,
    /// `kubeletConfig`: when images are collected.
    pub image_gc: ImageGcSpec,
    /// `osType`
    pub os: OsType,
    /// `vnetSubnetID`: where nodes take addresses.
    pub subnet: SubnetId,
    /// `podSubnetID`: where pods take addresses in the pod-subnet modes; `None`: from `subnet` too.
    pub pod_subnet: Option<SubnetId>,
    /// What the autoscaler reads of the scale set's tags.
    pub tags: PoolTags,
    /// What it reads of annotations on the pool's nodes.
    pub annotations: PoolAnnotations,
    /// Instances a scale set of this size may have (1,000 on Azure, `limits::SCALE_SET_INSTANCES`);
    /// `None`: a size of the scenario's own, for which neither this limit nor the cluster's nor
    /// throttling holds.
    pub instance_limit: Option<u32>,
    /// vCPU counters that a node of this pool draws on (regional and family, or spot).
    pub quotas: Vec<QuotaId>,
    /// Creation of a VM, factors for disk, GPU and operating system included.
    pub vm_provision: Dist,
    /// From running VM to Ready node.
    pub node_ready: Dist,
    /// Delay of GPU capacity after Ready.
    pub gpu_ready: Dist,
    /// What a running node costs; of spot VMs the list price.
    pub price: HourlyRate,
    /// What a node of the same size costs on demand (equal to `price` off spot).
    pub price_on_demand: HourlyRate,
    /// What its OS disk costs, running or deallocated.
    pub disk_price: HourlyRate,
    /// Spot behaviour of the pool.
    pub spot_market: Option<SpotSpec>,
}

impl PoolSpec {
    /// What a running node of a zone (by index) costs, its disk included.
    pub fn price_at(&self, zone: usize, now: SimTime) -> HourlyRate {
        let spot = self.prices(zone).map_or(self.price, |curve| curve.at(now));
        spot + self.disk_price
    }

    /// The spot prices of a zone (by index).
    pub fn prices(&self, zone: usize) -> Option<&PriceCurve> {
        self.spot_market.as_ref()?.prices.get(zone)
    }
}

/// Tags of a scale set that the autoscaler's Azure provider reads, beside those for labels and
/// resources, which are in the pool's template already (`azure_template.go`,
/// `extractAutoscalingOptionsFromScaleSetTags`, kubernetes/autoscaler @ 55c37cd).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolTags {
    /// `…_autoscaling-options_scaledownutilizationthreshold`
    pub utilization_threshold: Option<f64>,
    /// `…_autoscaling-options_scaledowngpuutilizationthreshold`
    pub gpu_utilization_threshold: Option<f64>,
    /// `…_autoscaling-options_scaledownunneededtime`
    pub unneeded_time: Option<Duration>,
    /// `…_autoscaling-options_scaledownunreadytime`
    pub unready_time: Option<Duration>,
    /// `…_taint_KEY`: taints that the template of an empty pool has.
    pub taints: Vec<Taint>,
}

/// Annotations that components put on each node of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolAnnotations {
    /// `cluster-autoscaler.kubernetes.io/scale-down-disabled: "true"`
    pub scale_down_disabled: bool,
    /// `delay-deletion.cluster-autoscaler.kubernetes.io/…`: how long after the ToBeDeleted taint
    /// the last one is taken off; [`Duration::MAX`]: never.
    pub deletion_delay: Option<Duration>,
}

/// A VM size.
#[derive(Clone, Debug, PartialEq)]
pub struct VmSizeSpec {
    /// Name, for example `Standard_D8s_v5`.
    pub name: Symbol,
    /// vCPUs.
    pub vcpus: u32,
    /// Data disks that can be attached.
    pub max_data_disks: u16,
    /// GPUs.
    pub gpus: u32,
}

/// `scaleSetEvictionPolicy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionPolicy {
    /// The instance is removed.
    #[default]
    Delete,
    /// The instance stays, stopped; it counts in the pool and against quota.
    Deallocate,
}

/// `scaleDownMode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScaleDownMode {
    /// The VM is deleted.
    #[default]
    Delete,
    /// The VM is stopped and kept with its disk.
    Deallocate,
}

/// `osDiskType`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OsDisk {
    /// A managed disk, billed.
    #[default]
    Managed,
    /// On the VM's own storage, free.
    Ephemeral,
}

/// `kubeletConfig`, as far as images are concerned: percent of the disk that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageGcSpec {
    /// `imageGcHighThreshold`: from here on images are collected.
    pub high: u32,
    /// `imageGcLowThreshold`: down to here.
    pub low: u32,
}

impl Default for ImageGcSpec {
    /// kubernetes `pkg/kubelet/apis/config/v1beta1/defaults.go`, v1.36.2.
    fn default() -> Self {
        Self { high: 85, low: 80 }
    }
}

/// `osType`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OsType {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
}

/// How pods get addresses (specification aks §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// Azure CNI node subnet: 1 + maxPods addresses of the subnet per node, at creation.
    Flat,
    /// Azure CNI pod subnet, dynamic batches of 16.
    PodSubnetDynamic,
    /// Azure CNI pod subnet, static blocks of 16.
    PodSubnetStatic,
    /// Azure CNI overlay: 1 address per node, a /24 of the pod CIDR each.
    Overlay,
    /// kubenet: 1 address per node, at most 400 nodes.
    Kubenet,
    /// No plugin: 1 address per node.
    None,
}

/// The cluster's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Mode.
    pub mode: NetworkMode,
    /// Nodes that the mode allows (overlay: /24s in the pod CIDR; kubenet: 400; else 5,000).
    pub max_nodes: u32,
}

/// A subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// Name.
    pub name: Symbol,
    /// Usable addresses: size less those Azure keeps less those others use; `None`: not given,
    /// never full.
    pub capacity: Option<u64>,
}

/// A vCPU counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Name as `az vm list-usage` has it (`cores`, `lowPriorityCores`, `standardDSv5Family`).
    pub name: Symbol,
    /// vCPUs allowed.
    pub limit: u64,
}

/// Spot behaviour of one pool.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotSpec {
    /// Time from a VM's start to its eviction by capacity; `None`: never.
    pub lifetime: Option<Dist>,
    /// Evictions come in batches per zone: the share of the zone's nodes of the pool that one event
    /// takes (0: each node on its own).
    pub batch_share: f64,
    /// How long the refill is refused after an eviction.
    pub refill_blocked: Dist,
    /// Notice before the kill.
    pub notice: Duration,
    /// Given evictions: (instant, how many), ascending.
    pub trace: Arc<[(SimTime, u32)]>,
    /// What its VMs cost, by index of the pool's zones (one without zones).
    pub prices: Vec<PriceCurve>,
}

/// Planned refusals of capacity (`inject.denyCapacity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityRefusal {
    /// Pool.
    pub pool: PoolId,
    /// From.
    pub from: SimTime,
    /// Until (exclusive).
    pub until: SimTime,
    /// Error that Azure gives.
    pub error: ProvisioningFailure,
}

/// When the autoscaler learns of failed instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureDetection {
    /// AKS deletes failed instances at once.
    Fast,
    /// Seen after max-node-provision-time.
    Slow,
}

/// Control-plane tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// `Free`
    #[default]
    Free,
    /// `Standard`
    Standard,
    /// `Premium`
    Premium,
}

/// Times that the provider and the API machinery take.
#[derive(Clone, Debug, PartialEq)]
pub struct TimingSpec {
    /// Deletion of a VM.
    pub vm_delete: Dist,
    /// From a node's registration until the cloud node manager has initialised it.
    pub cloud_initialization: Dist,
    /// From a node's Ready until its initialization taints are removed.
    pub taints_removed: Dist,
    /// Node object disappears after its VM is gone (cloud controller's period).
    pub node_removal: Duration,
    /// A failed VM is reported as failed this long after the request.
    pub failure_after: Dist,
    /// API writes of controllers a second (thousandths), 0 unlimited; and burst.
    pub controller_rate_milli: u64,
    /// Burst.
    pub controller_burst: u64,
    /// Whether loops start at random phases.
    pub random_phases: bool,
    /// Image pulls.
    pub pull: PullSpec,
    /// Longest delay of a crash loop.
    pub max_restart_period: Duration,
}

/// How nodes pull images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullSpec {
    /// Compressed bytes a second that a node gets, shared by its pulls.
    pub bytes_per_second: u64,
    /// Pulls at a time on a node: 1 where `serializeImagePulls`, else `maxParallelImagePulls`.
    pub slots: u32,
    /// `registryPullQPS` in thousandths, 0 unlimited.
    pub queries_milli: u64,
    /// `registryBurst`
    pub query_burst: u64,
    /// What the registry grants to all nodes together: pulls a second in thousandths, and burst.
    pub registry: Option<(u64, u64)>,
}

/// Times of a pod's start.
#[derive(Clone, Debug, PartialEq)]
pub struct PodStartSpec {
    /// Sandbox and container start.
    pub container_start: Dist,
    /// Application start until Ready.
    pub app_start: Dist,
    /// Attaching one disk.
    pub volume_attach: Dist,
    /// Detaching one disk.
    pub volume_detach: Dist,
}

/// Prices, less what a VM costs on demand or as spot ([`PoolSpec::price`]).
#[derive(Clone, Debug, PartialEq)]
pub struct PriceSpec {
    /// Currency code.
    pub currency: Symbol,
    /// Control-plane tier per hour.
    pub control_plane: HourlyRate,
    /// Other items, while the cluster runs.
    pub items: Vec<ItemSpec>,
    /// What commitments can replace, by pool.
    pub pools: IdVec<PoolId, PoolPrices>,
    /// Reservations and savings plans.
    pub commitments: Vec<CommitmentSpec>,
    /// Labels of pods whose values share the bill, beside workloads and namespaces.
    pub charge_labels: Vec<Symbol>,
    /// Every price in the bill with its date and source: what, price, date, source.
    pub sources: Vec<[String; 4]>,
    /// What is not in the bill, and how to put it there.
    pub not_priced: Vec<String>,
}

/// Prices of a pool's VM size under commitments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolPrices {
    /// What a commitment can replace: the VM on demand without Windows licence and disk; `None`:
    /// nothing (spot).
    pub compute: Option<HourlyRate>,
    /// Reserved, by term.
    pub reserved: [Option<HourlyRate>; 2],
}

impl SpotSpec {
    /// Notice before a kill that Azure promises at least (azure-compute-docs `spot-vms.md`).
    pub const NOTICE: Duration = Duration::from_secs(30);
}
