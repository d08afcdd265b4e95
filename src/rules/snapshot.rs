//! What filters need to see of a cluster, real or imagined.

use crate::model::{Labels, Node, PodShape, Taint, Usage};
use crate::unit::{Resources, Symbol, Symbols};

/// Names that rules know, interned once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WellKnown {
    /// `kubernetes.io/hostname`
    pub hostname: Symbol,
    /// `topology.kubernetes.io/region`
    pub region: Symbol,
    /// `topology.kubernetes.io/zone`
    pub zone: Symbol,
    /// `node.kubernetes.io/unschedulable`
    pub unschedulable: Symbol,
    /// `0.0.0.0`
    pub every_address: Symbol,
}

impl WellKnown {
    /// Interns the names.
    pub fn new(symbols: &mut Symbols) -> Self {
        Self {
            hostname: symbols.intern("kubernetes.io/hostname"),
            region: symbols.intern("topology.kubernetes.io/region"),
            zone: symbols.intern("topology.kubernetes.io/zone"),
            unschedulable: symbols.intern("node.kubernetes.io/unschedulable"),
            every_address: symbols.intern("0.0.0.0"),
        }
    }
}

/// What selectors are read against.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Interned strings (`Gt` and `Lt` compare their numbers).
    pub symbols: &'a Symbols,
    /// Labels of namespaces; one that is not listed has none.
    pub namespaces: &'a [(Symbol, Labels)],
}

impl<'a> Names<'a> {
    /// Labels of a namespace.
    pub fn namespace_labels(&self, namespace: Symbol) -> Option<&'a Labels> {
        self.namespaces.iter().find(|(name, _)| *name == namespace).map(|(_, labels)| labels)
    }
}

/// What filters see of a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeFacts<'a> {
    /// Name.
    pub name: Symbol,
    /// Labels.
    pub labels: &'a Labels,
    /// Taints.
    pub taints: &'a [Taint],
    /// `spec.unschedulable`
    pub unschedulable: bool,
    /// What pods may reserve.
    pub allocatable: &'a Resources,
    /// What pods have reserved.
    pub used: &'a Usage,
    /// Data disks that can be attached; 0 is no limit.
    pub max_data_disks: u16,
}

impl<'a> NodeFacts<'a> {
    /// A node as the cluster has it.
    pub fn of(node: &'a Node) -> Self {
        Self::with_usage(node, &node.used)
    }

    /// A node with another usage laid over it.
    pub fn with_usage(node: &'a Node, used: &'a Usage) -> Self {
        Self {
            name: node.name,
            labels: &node.labels,
            taints: &node.taints,
            unschedulable: node.unschedulable,
            allocatable: &node.allocatable,
            used,
            max_data_disks: node.max_data_disks,
        }
    }
}

/// A pod that holds room on a node.
#[derive(Clone, Copy, Debug)]
pub struct PlacedPod<'a> {
    /// Its specification.
    pub shape: &'a PodShape,
    /// Told to stop: it holds room, but does not count for topology spread.
    pub terminating: bool,
}

/// All nodes and their pods.
pub trait Snapshot {
    /// How many nodes there are.
    fn node_count(&self) -> usize;
    /// A node by index below [`Snapshot::node_count`].
    fn node(&self, index: usize) -> NodeFacts<'_>;
    /// The pods that hold room on a node.
    fn pods(&self, index: usize) -> impl Iterator<Item = PlacedPod<'_>>;
}
