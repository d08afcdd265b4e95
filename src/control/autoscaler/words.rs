//! Names that the autoscaler knows, interned once.

use crate::model::Labels;
use crate::unit::{Symbol, Symbols};

/// Taints, labels and namespaces by symbol.
#[derive(Clone, Debug)]
pub struct Words {
    /// `ToBeDeletedByClusterAutoscaler`
    pub to_be_deleted: Symbol,
    /// `DeletionCandidateOfClusterAutoscaler`
    pub deletion_candidate: Symbol,
    /// `node.kubernetes.io/not-ready`
    pub not_ready: Symbol,
    /// `node.kubernetes.io/disk-pressure`
    pub disk_pressure: Symbol,
    /// `node.kubernetes.io/network-unavailable`
    pub network_unavailable: Symbol,
    /// `kube-system`
    pub kube_system: Symbol,
    /// `kubernetes.io/hostname`
    pub hostname: Symbol,
    /// `kubernetes.azure.com/accelerator` and its older name.
    pub accelerators: [Symbol; 2],
    /// `agentpool` and `kubernetes.azure.com/agentpool`.
    pub agent_pools: [Symbol; 2],
    /// Key prefixes and names of taints that a node loses by itself while it starts, or that
    /// describe its condition: templates do not have them.
    pub node_conditions: Vec<Symbol>,
    /// `startup-taint` and the keys with the reserved prefixes.
    pub startup_taints: Vec<Symbol>,
    /// Labels that never count when pools are compared.
    pub ignored_labels: Vec<Symbol>,
    /// `balancing-label`
    pub balancing_labels: Vec<Symbol>,
    /// `default-scheduler`
    pub default_scheduler: Symbol,
    /// `bypassed-scheduler-names`
    pub bypassed_schedulers: Vec<Symbol>,
    /// `allowed-scheduler-names`; empty: all are.
    pub allowed_schedulers: Vec<Symbol>,
    /// `type=virtual-kubelet`: nodes that quotas do not count (`pkg/resourcequotas`).
    pub virtual_kubelet: Option<(Symbol, Symbol)>,
    /// Whether pods of the default scheduler are bypassed.
    pub default_bypassed: bool,
}

/// Taints that describe a node's condition (upstream `taints.go`, `NodeConditionTaints`).
const CONDITION_TAINTS: &[&str] = &[
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/pid-pressure",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cloudprovider.kubernetes.io/shutdown",
];

/// Labels that differ between nodes of similar pools, on any provider
/// (`nodegroupset/compare_nodegroups.go`, `BasicIgnoredLabels`).
pub const BASIC_IGNORED_LABELS: &[&str] = &[
    "kubernetes.io/hostname",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "beta.kubernetes.io/fluentd-ds-ready",
    "kops.k8s.io/instancegroup",
];

/// What Azure adds to them (`nodegroupset/azure_nodegroups.go`).
pub const AZURE_IGNORED_LABELS: &[&str] = &[
    "agentpool",
    "kubernetes.azure.com/agentpool",
    "topology.disk.csi.azure.com/zone",
    "aksEngineVersion",
    "creationSource",
    "poolName",
    "resourceNameSuffix",
    "kubernetes.azure.com/node-image-version",
    "kubernetes.azure.com/consolidated-additional-properties",
];

/// The scheduler of pods that name none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// Keys with these prefixes are startup taints.
const STARTUP_PREFIXES: &[&str] = &[
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
];

impl Words {
    /// Interns the names, those of the settings too. `taints` are the keys of all taints in the
    /// scenario, among which those with a reserved prefix are found.
    pub fn new(
        symbols: &mut Symbols,
        spec: &super::AutoscalerSpec,
        taints: impl IntoIterator<Item = Symbol>,
    ) -> Self {
        let reserved = |symbols: &Symbols, key: Symbol| {
            STARTUP_PREFIXES.iter().any(|prefix| symbols.text(key).starts_with(prefix))
        };
        let mut startup_taints: Vec<Symbol> =
            taints.into_iter().filter(|&key| reserved(symbols, key)).collect();
        startup_taints.extend(spec.startup_taints.iter().map(|name| symbols.intern(name)));
        let fixed = BASIC_IGNORED_LABELS.iter().chain(AZURE_IGNORED_LABELS).copied();
        let own = spec.balancing_ignore_labels.iter().map(String::as_str);
        let virtual_kubelet = symbols.find("type").zip(symbols.find("virtual-kubelet"));
        let mut all = |names: &mut dyn Iterator<Item = &str>| -> Vec<Symbol> {
            names.map(|name| symbols.intern(name)).collect()
        };
        Self {
            virtual_kubelet,
            node_conditions: all(&mut CONDITION_TAINTS.iter().copied()),
            startup_taints,
            ignored_labels: all(&mut fixed.chain(own)),
            balancing_labels: all(&mut spec.balancing_labels.iter().map(String::as_str)),
            bypassed_schedulers: all(&mut spec.bypassed_schedulers.iter().map(String::as_str)),
            allowed_schedulers: all(&mut spec.allowed_schedulers.iter().map(String::as_str)),
            default_scheduler: symbols.intern(DEFAULT_SCHEDULER),
            default_bypassed: spec.bypassed_schedulers.iter().any(|n| n == DEFAULT_SCHEDULER),
            to_be_deleted: symbols.intern("ToBeDeletedByClusterAutoscaler"),
            deletion_candidate: symbols.intern("DeletionCandidateOfClusterAutoscaler"),
            not_ready: symbols.intern("node.kubernetes.io/not-ready"),
            disk_pressure: symbols.intern("node.kubernetes.io/disk-pressure"),
            network_unavailable: symbols.intern("node.kubernetes.io/network-unavailable"),
            kube_system: symbols.intern("kube-system"),
            hostname: symbols.intern("kubernetes.io/hostname"),
            accelerators: ["kubernetes.azure.com/accelerator", "accelerator"]
                .map(|name| symbols.intern(name)),
            agent_pools: ["agentpool", "kubernetes.azure.com/agentpool"]
                .map(|name| symbols.intern(name)),
        }
    }

    /// Whether quotas count a node with these labels.
    pub fn is_counted(&self, labels: &Labels) -> bool {
        self.virtual_kubelet.is_none_or(|(key, value)| labels.get(key) != Some(value))
    }

    /// Whether pods of this scheduler are seen at all.
    pub fn is_allowed(&self, scheduler: Symbol) -> bool {
        let name = if scheduler == Symbol::EMPTY { self.default_scheduler } else { scheduler };
        self.allowed_schedulers.is_empty() || self.allowed_schedulers.contains(&name)
    }

    /// Whether pods of this scheduler are seen before it has rejected them.
    pub fn is_bypassed(&self, scheduler: Symbol) -> bool {
        if scheduler == Symbol::EMPTY {
            self.default_bypassed
        } else {
            self.bypassed_schedulers.contains(&scheduler)
        }
    }
}
