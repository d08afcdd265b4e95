//! What the scheduler is shown.

use crate::control::disruption::DisruptionBudgetSpec;
use crate::control::scheduler::SchedulerSpec;
use crate::model::{Cluster, PodPhase, PodShape};
use crate::rules::{Names, NodeFacts, PlacedPod, Snapshot};
use crate::unit::{DisruptionBudgetId, IdVec, ImageId, NodeId, PodId, Symbol};

/// The scheduler's view of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct SchedulerView<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Settings.
    pub spec: &'a SchedulerSpec,
    /// Images: name and size in bytes.
    pub images: &'a IdVec<ImageId, (Symbol, u64)>,
    /// Disruption budgets (their status is in the cluster).
    pub budgets: &'a IdVec<DisruptionBudgetId, DisruptionBudgetSpec>,
}

impl<'a> SchedulerView<'a> {
    /// What selectors are read against.
    pub fn names(&self) -> Names<'a> {
        Names { symbols: &self.cluster.symbols, namespaces: &self.cluster.namespaces }
    }

    /// What filters see of a node.
    pub fn facts(&self, node: NodeId) -> NodeFacts<'a> {
        NodeFacts::of(&self.cluster.nodes[node])
    }

    /// The shape of a pod.
    pub fn shape(&self, pod: PodId) -> &'a PodShape {
        self.cluster.shape(pod)
    }

    /// Priority of a pod.
    pub fn priority(&self, pod: PodId) -> i32 {
        self.shape(pod).priority.unwrap_or(0)
    }

    /// A pod that holds room.
    pub fn placed(&self, pod: PodId) -> PlacedPod<'a> {
        PlacedPod {
            shape: self.shape(pod),
            terminating: self.cluster.pods[pod].phase == PodPhase::Terminating,
        }
    }

    /// Pods that hold room on a node.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = PlacedPod<'a>> + Clone + use<'a> {
        let view = *self;
        self.cluster.nodes[node].used.pods.iter().map(move |&pod| view.placed(pod))
    }
}

/// Some nodes of the cluster with their pods.
#[derive(Clone, Copy, Debug)]
pub struct NodesOf<'a, 'n> {
    /// The view.
    pub view: SchedulerView<'a>,
    /// The nodes.
    pub nodes: &'n [NodeId],
}

impl Snapshot for NodesOf<'_, '_> {
    fn node_count(&self) -> usize {
        self.nodes.len()
    }

    fn node(&self, index: usize) -> NodeFacts<'_> {
        self.view.facts(self.nodes[index])
    }

    fn pods(&self, index: usize) -> impl Iterator<Item = PlacedPod<'_>> {
        self.view.pods_on(self.nodes[index])
    }
}
