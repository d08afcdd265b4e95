//! What the autoscaler can see.

use rustc_hash::FxHashMap;

use super::{Sight, Words};
use crate::model::{Cluster, LabelSelector, Labels, Node, NodePhase, ProvisioningFailure, Taint};
use crate::rules::{FilterOptions, Names};
use crate::unit::{Duration, ExtendedId, NodeId, PoolId, Resources, ShapeId, SimTime, Symbol};

/// Everything that one scan looks at. The simulation fills it; nothing in it is changed by a scan.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The API server's and the provider's objects.
    pub cluster: &'a Cluster,
    /// Interned names.
    pub words: &'a Words,
    /// Settings of the scheduler's filters.
    pub filters: &'a FilterOptions,
    /// Autoscaled pools, in the provider's order.
    pub groups: &'a [GroupView],
    /// Disruption budgets by [`crate::unit::DisruptionBudgetId`]; their status is the cluster's.
    pub budgets: &'a [BudgetView],
    /// Limits on resources beside `cores-total` and `memory-total`.
    pub quotas: &'a [Quota],
    /// By [`crate::unit::WorkloadId`]: each pod has a controller of its own (ScaledJob). May be
    /// shorter than the list of workloads.
    pub lone: &'a [bool],
    /// The provider's GPU resource.
    pub gpu: Option<ExtendedId>,
    /// Why instances that are there could not be created; one that is not listed gives no reason.
    pub failures: &'a FxHashMap<NodeId, ProvisioningFailure>,
    /// What is read of each node, by identifier, if somebody keeps that; else rows are read.
    pub sights: Option<&'a [Sight]>,
}

/// A node group: an autoscaled pool.
#[derive(Clone, Debug, Default)]
pub struct GroupView {
    /// Pool.
    pub pool: PoolId,
    /// The scale set's name, what the priority expander matches.
    pub id: Symbol,
    /// `minCount`
    pub min: u32,
    /// `maxCount`
    pub max: u32,
    /// Target size as the provider caches it (`sku.capacity`).
    pub target: u32,
    /// When the provider has last listed the instances: those that went before are no group's.
    pub listed: SimTime,
    /// All or nothing: size is 0 or max (`ZeroOrMaxNodeScaling`).
    pub atomic: bool,
    /// What a node would be if the pool is empty.
    pub template: Option<Template>,
    /// Overrides by tags of the scale set.
    pub overrides: GroupOverrides,
    /// A component holds up deletions by an annotation on its nodes
    /// (`delay-deletion.cluster-autoscaler.kubernetes.io/…`), which it takes off so long after the
    /// ToBeDeleted taint; [`Duration::MAX`]: never.
    pub deletion_delay: Option<Duration>,
}

/// Settings of one group (tags of the scale set).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupOverrides {
    /// Utilisation threshold.
    pub utilization_threshold: Option<f64>,
    /// The same for GPU nodes.
    pub gpu_utilization_threshold: Option<f64>,
    /// Unneeded time.
    pub unneeded_time: Option<Duration>,
    /// Unready time.
    pub unready_time: Option<Duration>,
}

/// A node that does not exist yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// Size, by which resource limits and waste are counted.
    pub capacity: Resources,
    /// What pods may reserve.
    pub allocatable: Resources,
    /// Labels, less the hostname.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Pods that come with it: DaemonSets and static pods.
    pub pods: Vec<ShapeId>,
    /// Data disks that can be attached.
    pub max_data_disks: u16,
}

/// The fixed part of a disruption budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetView {
    /// Namespace.
    pub namespace: Symbol,
    /// Which pods; `None` covers none.
    pub selector: Option<LabelSelector>,
}

/// A limit on resources over some groups (`pkg/resourcequotas`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Pools it applies to; `None`: all nodes of the cluster.
    pub pools: Option<Vec<PoolId>>,
    /// Cores.
    pub cores: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
    /// Nodes.
    pub nodes: Option<i64>,
}

/// State of an instance as the provider tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Being created.
    Creating,
    /// Could not be created; reported with error information.
    Failed,
    /// Running, or failed and not reported as such.
    Running,
    /// Being deleted.
    Deleting,
}

impl<'a> View<'a> {
    /// What selectors are read against.
    pub fn names(&self) -> Names<'a> {
        Names { symbols: &self.cluster.symbols, namespaces: &self.cluster.namespaces }
    }

    /// The group of a pool.
    pub fn group(&self, pool: PoolId) -> Option<usize> {
        // Pools are few and usually in order of their identifiers.
        match self.groups.get(usize::from(pool)) {
            Some(group) if group.pool == pool => Some(usize::from(pool)),
            _ => self.groups.iter().position(|group| group.pool == pool),
        }
    }

    /// The group of a node.
    pub fn group_of(&self, node: &Node) -> Option<usize> {
        self.group_of_vm(node.pool, node.gone)
    }

    /// The group of a node of this pool whose VM went then. Once the provider lists a VM no more,
    /// its Node is of no group, if it is still there (`azure_cache.go`, `FindForInstance`).
    pub fn group_of_vm(&self, pool: Option<PoolId>, gone: SimTime) -> Option<usize> {
        let group = pool.and_then(|pool| self.group(pool))?;
        (gone > self.groups[group].listed).then_some(group)
    }

    /// Whether a node is a GPU node: by label or by resource.
    pub fn is_gpu(&self, labels: &Labels, allocatable: &Resources) -> bool {
        self.words.accelerators.iter().any(|&key| labels.get(key).is_some())
            || self.gpu.is_some_and(|gpu| allocatable.extended(gpu) > 0)
    }

    /// Whether a node counts as ready: its condition, its taints, and its GPUs are there.
    /// Startup taints and missing GPUs make a ready node count as unready
    /// (`utils/taints`, `processors/customresources/gpu_processor.go`).
    pub fn is_ready(&self, node: &Node) -> bool {
        // A VM that is being deleted keeps its Node's condition until the kubelet is silent.
        let going = node.phase == NodePhase::Deleting && node.ready != SimTime::NEVER;
        let ready = node.phase == NodePhase::Ready || going;
        let conditions = Conditions { ready, ..Conditions::FINE };
        conditions.are_ready(node.taints.iter().map(|taint| taint.key), self.words)
            && !node.taints.iter().any(|taint| self.words.startup_taints.contains(&taint.key))
            && !self.lacks_gpus(node)
    }

    /// Whether a node should have GPUs, by its label, and has none yet.
    fn lacks_gpus(&self, node: &Node) -> bool {
        let there = self.gpu.is_some_and(|gpu| node.allocatable.extended(gpu) > 0);
        !there && self.words.accelerators.iter().any(|&key| node.labels.get(key).is_some())
    }
}

/// Conditions of a node that decide whether it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// `Ready=True`
    pub ready: bool,
    /// `DiskPressure=True`
    pub disk_pressure: bool,
    /// `NetworkUnavailable=True`
    pub network_unavailable: bool,
}

impl Conditions {
    /// A healthy node.
    pub const FINE: Self = Self { ready: true, disk_pressure: false, network_unavailable: false };

    /// Readiness (`pkg/utils/kubernetes/ready.go`): memory and PID pressure do not count.
    pub fn are_ready(&self, taints: impl IntoIterator<Item = Symbol>, words: &Words) -> bool {
        let bad = [words.not_ready, words.disk_pressure, words.network_unavailable];
        self.ready
            && !self.disk_pressure
            && !self.network_unavailable
            && !taints.into_iter().any(|key| bad.contains(&key))
    }
}

/// What the provider says of an instance in this phase. With fast failure detection a failed one is
/// reported with its error, else it counts as running and is seen as unregistered.
pub fn instance_state(phase: NodePhase, fast_failure_detection: bool) -> Option<InstanceState> {
    Some(match phase {
        NodePhase::Creating => InstanceState::Creating,
        NodePhase::Failed if fast_failure_detection => InstanceState::Failed,
        NodePhase::Deleting => InstanceState::Deleting,
        NodePhase::Gone => return None,
        _ => InstanceState::Running,
    })
}
