//! The checked scenario: the specifications of all parts, tied by dense ids. No strings on hot
//! paths, no parsing. `Send + Sync`, shared by all runs of a study.

mod assumption;
mod inject;
mod threshold;
mod workload;

pub use assumption::Assumption;
pub use inject::{Controller, CrashSpec, Inject, InjectKind, NodeTarget, Outage, RolloutSpec};
pub use threshold::{Comparison, Threshold};
pub use workload::{
    ArrivalSpec, Beside, DisruptionBudgetSpec, PodTimes, ScalerKind, UseSpec, WorkloadAdmission,
    WorkloadKind, WorkloadSpec,
};

pub use crate::rules::IntOrPercent;

use crate::chance::Dist;
use crate::cloud::container_group::ContainerGroupSpec;
use crate::cloud::{
    CapacityRefusal, NetworkSpec, PoolSpec, PriceSpec, QuotaSpec, SubnetSpec, Tier, TimingSpec,
};
use crate::control::admission::ResourceQuotaSpec;
use crate::control::autoscaler::AutoscalerSpec;
use crate::control::kubelet::ImageDisk;
use crate::control::scheduler::SchedulerSpec;
use crate::model::{Labels, PodShape, Taint};
use crate::queue::QueueSpec;
use crate::unit::{
    DisruptionBudgetId, Duration, IdVec, ImageId, NamespaceQuotaId, PoolId, QueueId, QuotaId,
    Resources, ShapeId, SimTime, StreamId, SubnetId, Symbol, Symbols, WorkloadId,
};
use crate::vocabulary::{KedaVersion, KubernetesVersion};

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `metadata.name`
    pub name: String,
    /// `metadata.description`
    pub description: String,
    /// The run itself.
    pub simulation: SimulationSpec,
    /// Laboratory switches.
    pub lab: LabSpec,
    /// Interned strings.
    pub symbols: Symbols,
    /// Names of extended resources, by [`crate::unit::ExtendedId`].
    pub extended: Vec<String>,
    /// Kubernetes version.
    pub version: KubernetesVersion,
    /// KEDA version.
    pub keda: KedaVersion,
    /// Control-plane tier.
    pub tier: Tier,
    /// Network.
    pub network: NetworkSpec,
    /// Subnets.
    pub subnets: IdVec<SubnetId, SubnetSpec>,
    /// vCPU counters that have a limit.
    pub quotas: IdVec<QuotaId, QuotaSpec>,
    /// Node pools.
    pub pools: IdVec<PoolId, PoolSpec>,
    /// Nodes outside any pool, present from the start.
    pub nodes: Vec<GivenNode>,
    /// The node behind which Azure Container Instances run pods.
    pub virtual_node: Option<VirtualNode>,
    /// Labels of namespaces.
    pub namespaces: Vec<(Symbol, Labels)>,
    /// ResourceQuotas of namespaces.
    pub namespace_quotas: IdVec<NamespaceQuotaId, ResourceQuotaSpec>,
    /// Scheduler.
    pub scheduler: SchedulerSpec,
    /// Autoscaler; it runs if any pool is autoscaled.
    pub autoscaler: AutoscalerSpec,
    /// Pod specifications.
    pub shapes: IdVec<ShapeId, PodShape>,
    /// Images: name and compressed size in bytes.
    pub images: IdVec<ImageId, (Symbol, u64)>,
    /// The disk that holds a node's images, by pool; `None` where all images fit at once.
    pub image_disks: IdVec<PoolId, Option<ImageDisk>>,
    /// Workloads, in the scenario's order; system ones first.
    pub workloads: IdVec<WorkloadId, WorkloadSpec>,
    /// Disruption budgets.
    pub budgets: IdVec<DisruptionBudgetId, DisruptionBudgetSpec>,
    /// Queues.
    pub queues: IdVec<QueueId, QueueSpec>,
    /// Arrival streams and where they go.
    pub streams: IdVec<StreamId, ArrivalSpec>,
    /// Times of the provider and the API machinery.
    pub timing: TimingSpec,
    /// Planned refusals of capacity.
    pub refusals: Vec<CapacityRefusal>,
    /// Planned events, ascending.
    pub injects: Vec<Inject>,
    /// Prices.
    pub prices: PriceSpec,
    /// Thresholds of the scenario.
    pub thresholds: Vec<Threshold>,
    /// Every defaulted value and where it comes from.
    pub assumptions: Vec<Assumption>,
    /// What the user's files say and this model does not do.
    pub not_modelled: Vec<String>,
    /// Every input read: name as given, and its SHA-256 (hex) or empty where unknown.
    pub inputs: Vec<(String, String)>,
}

/// `simulation:`
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationSpec {
    /// Start, seconds since the epoch.
    pub start_epoch: i64,
    /// Length.
    pub duration: Duration,
    /// What arrived before this does not count.
    pub warmup: Duration,
    /// Go on after `duration` without arrivals until no message and no finite pod is left.
    pub drain: bool,
    /// Start with everything Ready and bound.
    pub warm: bool,
    /// Row distance of `series.csv`.
    pub sample: Duration,
    /// First seed.
    pub seed: u64,
    /// Seeds seed, seed+1, …
    pub replications: u32,
}

/// `lab:` switches for theory and teaching.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabSpec {
    /// Pods find room at once.
    pub infinite_nodes: bool,
    /// Scheduler, controller manager and autoscaler act at once, and loops begin at time zero.
    pub zero_control_delay: bool,
    /// KEDA counts its cooldown from the last completion.
    pub cooldown_from_completion: bool,
    /// Arrivals are lost when all consumers are busy.
    pub reject_when_full: bool,
    /// One server per waiting message instead of KEDA and the HPA: how long an idle one stays.
    pub instant_scaler: Option<Dist>,
    /// The instant scaler cancels a boot whose demand is gone, the youngest first.
    pub cancel_idle_boot: bool,
}

/// A node outside any pool.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenNode {
    /// Name.
    pub name: Symbol,
    /// Labels, hostname included.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Size and room.
    pub capacity: Resources,
    /// What pods may reserve.
    pub allocatable: Resources,
}

/// The virtual node of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualNode {
    /// The node.
    pub node: GivenNode,
    /// What its pods are.
    pub groups: ContainerGroupSpec,
}

impl Plan {
    /// End of arrivals.
    pub fn end(&self) -> SimTime {
        SimTime::ZERO + self.simulation.duration
    }
}
