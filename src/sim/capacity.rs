//! The autoscaler, the provider, and what lies between them.

use rustc_hash::FxHashMap;

use crate::cloud::{PoolKey, PoolSpec, Region, ScaleSet};
use crate::control::autoscaler::azure::CachedSize;
use crate::control::autoscaler::{
    Autoscaler, BudgetView, Deletion, GroupOverrides, GroupView, Sight, Template, View, Words,
};
use crate::model::{Cluster, Labels, ProvisioningFailure, Usage};
use crate::plan::{Plan, WorkloadKind};
use crate::rules::{FilterOptions, NodeFacts, WellKnown, fits_node_affinity, untolerated};
use crate::sim::names::key;
use crate::sim::world::World;
use crate::unit::{ExtendedId, IdVec, NodeId, PodId, PoolId, ShapeId, SimTime, Symbol, Symbols};

/// Name of the provider's GPU resource.
const GPU: &str = "nvidia.com/gpu";

/// The provider's state and the autoscaler's memory.
pub struct Capacity {
    /// What the autoscaler remembers.
    pub autoscaler: Autoscaler,
    /// What it knows of autoscaled pools; targets are filled in for each scan.
    pub groups: Vec<GroupView>,
    /// Sizes of scale sets as it holds them.
    pub sizes: IdVec<PoolId, CachedSize>,
    /// Names that it knows.
    pub words: Words,
    /// What it reads of each node, kept as rows change; true while a scan runs.
    pub sights: Vec<Sight>,
    /// Settings of the filters that it simulates.
    pub filters: FilterOptions,
    /// Disruption budgets.
    pub budgets: Vec<BudgetView>,
    /// Workloads whose pods have a controller each.
    pub lone: Vec<bool>,
    /// The provider's GPU resource.
    pub gpu: Option<ExtendedId>,
    /// Nodes that the autoscaler is deleting, and how far it is.
    pub deletions: FxHashMap<NodeId, Deletion>,
    /// When the batch of deletions of each pool that was opened last is over.
    pub batches: IdVec<PoolId, SimTime>,
    /// When the next scan is due.
    pub next_scan: SimTime,
    /// When the last one began; [`SimTime::NEVER`] before the first.
    pub scan_began: SimTime,
    /// A pod that becomes unschedulable makes it come sooner.
    pub scan_on_unschedulable: bool,
    /// What the provider said last when a pool could not grow.
    pub walls: IdVec<PoolId, Option<ProvisioningFailure>>,
    /// Scale sets.
    pub scale_sets: IdVec<PoolId, ScaleSet>,
    /// Node of each instance of a scale set, by instance number.
    pub nodes_of: IdVec<PoolId, Vec<NodeId>>,
    /// Addresses, quotas, outages.
    pub region: Region,
    /// What the provider said of instances that failed.
    pub failures: FxHashMap<NodeId, ProvisioningFailure>,
    /// Pods that wait for a node that is coming, by node; some may wait for another one by now.
    pub waiting_for: FxHashMap<NodeId, Vec<PodId>>,
    /// Nodes outside pools.
    pub given: Vec<NodeId>,
}

impl Capacity {
    /// Nothing runs yet.
    pub fn new(plan: &Plan, symbols: &mut Symbols, well_known: WellKnown, seed: u64) -> Self {
        let taints = plan.pools.iter().flat_map(|pool| {
            pool.taints.iter().chain(&pool.initialization_taints).map(|taint| taint.key)
        });
        let words = Words::new(symbols, &plan.autoscaler, taints);
        let gpu = plan.extended.iter().position(|name| name == GPU);
        Self {
            autoscaler: Autoscaler::new(&plan.autoscaler, SimTime::ZERO),
            groups: groups(plan, symbols),
            sizes: plan.pools.iter().map(|_| CachedSize::default()).collect(),
            words,
            sights: Vec::new(),
            filters: FilterOptions::of_version(plan.version.minor, well_known),
            budgets: plan
                .budgets
                .iter()
                .map(|budget| BudgetView {
                    namespace: budget.namespace,
                    selector: budget.selector.clone(),
                })
                .collect(),
            lone: plan
                .workloads
                .iter()
                .map(|workload| workload.kind == WorkloadKind::ScaledJob)
                .collect(),
            gpu: gpu.map(|index| ExtendedId(index as u8)),
            deletions: FxHashMap::default(),
            batches: plan.pools.iter().map(|_| SimTime::ZERO).collect(),
            next_scan: SimTime::NEVER,
            scan_began: SimTime::NEVER,
            scan_on_unschedulable: plan.autoscaler.frequent_loops,
            walls: plan.pools.iter().map(|_| None).collect(),
            scale_sets: plan
                .pools
                .enumerate()
                .map(|(pool, spec)| {
                    let text = |symbol| plan.symbols.text(symbol);
                    let of = |kind, first, second| PoolKey(key(kind, first, second) as u32);
                    let market = |zone| of("market", text(spec.size.name), zone);
                    let markets: Vec<PoolKey> = match spec.zones.as_slice() {
                        [] => vec![market("")],
                        zones => zones.iter().map(|&zone| market(text(zone))).collect(),
                    };
                    ScaleSet::new(pool, of("pool", text(spec.name), ""), &markets, spec, seed)
                })
                .collect(),
            nodes_of: plan.pools.iter().map(|_| Vec::new()).collect(),
            region: Region::new(
                seed,
                plan.network,
                &plan.subnets,
                &plan.quotas,
                &plan.refusals,
                &plan.timing,
            ),
            failures: FxHashMap::default(),
            waiting_for: FxHashMap::default(),
            given: Vec::new(),
        }
    }
}

impl Capacity {
    /// Reads the sizes of the autoscaled scale sets, those that are due.
    pub fn read_sizes(&mut self, cluster: &Cluster, now: SimTime, at_once: bool) {
        for group in &mut self.groups {
            let size = &mut self.sizes[group.pool];
            if at_once {
                size.forget();
            }
            group.target = size.read(cluster.pools[group.pool].target, now);
            group.listed = size.seen_at();
        }
    }
}

impl World<'_> {
    /// Reads again what changed of nodes since the last scan.
    pub fn look_at_nodes(&mut self) {
        let touched = self.cluster.nodes.take_touched();
        let view = autoscaler_view(&self.cluster, &self.capacity);
        let sight = |id: &NodeId| Sight::of(&view, &self.cluster.nodes[*id]);
        let mut sights: Vec<Sight> = touched.iter().map(sight).collect();
        let kept = &mut self.capacity.sights;
        // Nodes are numbered in the order of their creation, and new ones are among those touched.
        for (id, seen) in touched.iter().zip(sights.drain(..)) {
            match kept.get_mut(usize::from(*id)) {
                Some(known) => *known = seen,
                None => kept.push(seen),
            }
        }
    }
}

/// What the autoscaler is shown.
pub fn autoscaler_view<'v>(cluster: &'v Cluster, capacity: &'v Capacity) -> View<'v> {
    View {
        cluster,
        words: &capacity.words,
        filters: &capacity.filters,
        groups: &capacity.groups,
        budgets: &capacity.budgets,
        quotas: &[],
        lone: &capacity.lone,
        gpu: capacity.gpu,
        failures: &capacity.failures,
        sights: None,
    }
}

/// The autoscaled pools as node groups, with the template that an empty one has.
fn groups(plan: &Plan, symbols: &mut Symbols) -> Vec<GroupView> {
    let zone = symbols.intern("topology.kubernetes.io/zone");
    let none = symbols.intern("0");
    plan.pools
        .enumerate()
        .filter(|(_, spec)| spec.autoscaled)
        .map(|(pool, spec)| {
            let mut labels = spec.template_labels.clone();
            // Azure's template has one of the pool's zones, whichever (`azure_template.go`).
            labels.set(zone, spec.zones.first().copied().unwrap_or(none));
            let pods = daemon_shapes(plan, &labels, spec, symbols);
            GroupView {
                pool,
                id: spec.group_id,
                min: spec.min,
                max: spec.max,
                template: Some(Template {
                    capacity: spec.template_capacity,
                    allocatable: spec.template_capacity,
                    labels,
                    taints: [spec.taints.as_slice(), &spec.tags.taints].concat(),
                    pods,
                    max_data_disks: spec.size.max_data_disks,
                }),
                overrides: GroupOverrides {
                    utilization_threshold: spec.tags.utilization_threshold,
                    gpu_utilization_threshold: spec.tags.gpu_utilization_threshold,
                    unneeded_time: spec.tags.unneeded_time,
                    unready_time: spec.tags.unready_time,
                },
                deletion_delay: spec.annotations.deletion_delay,
                ..GroupView::default()
            }
        })
        .collect()
}

/// Shapes of the DaemonSets whose pods a node with these labels and the pool's taints gets.
fn daemon_shapes(plan: &Plan, labels: &Labels, spec: &PoolSpec, symbols: &Symbols) -> Vec<ShapeId> {
    let used = Usage::default();
    let facts = NodeFacts {
        name: Symbol::EMPTY,
        labels,
        taints: &spec.taints,
        unschedulable: false,
        allocatable: &spec.template_capacity,
        used: &used,
        max_data_disks: spec.size.max_data_disks,
    };
    plan.workloads
        .iter()
        .filter(|workload| workload.kind == WorkloadKind::DaemonSet)
        .map(|workload| workload.shape)
        .filter(|&shape| {
            let shape = &plan.shapes[shape];
            fits_node_affinity(shape, &facts, symbols)
                && untolerated(facts.taints, &shape.tolerations).is_none()
        })
        .collect()
}
