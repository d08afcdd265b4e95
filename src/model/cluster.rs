//! The cluster: every entity, and the indices over them.

use crate::model::Labels;
use crate::model::{DisruptionBudget, Node, Pod, PodPhase, PodShape, Pool, Usage, Workload};
use crate::unit::{
    DisruptionBudgetId, IdVec, NodeId, PodId, PoolId, ShapeId, Symbol, Symbols, WorkloadId,
};

/// All facts that controllers can see, and some that only the provider knows.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Interned strings, growing with node names.
    pub symbols: Symbols,
    /// Labels of namespaces.
    pub namespaces: Vec<(Symbol, Labels)>,
    /// Pod specifications.
    pub shapes: IdVec<ShapeId, PodShape>,
    /// Pods, over ones too.
    pub pods: IdVec<PodId, Pod>,
    /// Nodes, gone ones too.
    pub nodes: IdVec<NodeId, Node>,
    /// Nodes that have a Node object, in order of registration.
    pub registered: Vec<NodeId>,
    /// Node pools.
    pub pools: IdVec<PoolId, Pool>,
    /// Workloads.
    pub workloads: IdVec<WorkloadId, Workload>,
    /// Disruption budgets.
    pub budgets: IdVec<DisruptionBudgetId, DisruptionBudget>,
    /// Pods that are not bound and not over, in order of creation.
    pub pending: Vec<PodId>,
    /// Bumped whenever room may have appeared.
    pub capacity_epoch: u64,
}

impl Cluster {
    /// The shape of a pod.
    pub fn shape(&self, pod: PodId) -> &PodShape {
        &self.shapes[self.pods[pod].shape]
    }

    /// Puts a pod's requests on a node: from here on it holds room. O(1) amortised.
    pub fn take_room(&mut self, pod: PodId, node: NodeId) {
        debug_assert!(self.pods[pod].phase < PodPhase::Binding);
        let shape = &self.shapes[self.pods[pod].shape];
        self.nodes[node].used.add(pod, shape);
        self.pods[pod].node = Some(node);
        self.pods[pod].phase = PodPhase::Binding;
    }

    /// Takes a pod's requests off its node. O(pods on the node).
    pub fn give_room(&mut self, pod: PodId) {
        let Some(node) = self.pods[pod].node else { return };
        let shape = &self.shapes[self.pods[pod].shape];
        self.nodes[node].used.remove(pod, shape);
        self.capacity_epoch += 1;
    }
}

impl Usage {
    /// Counts a pod in.
    pub fn add(&mut self, pod: PodId, shape: &PodShape) {
        self.requests += &shape.requests;
        self.scoring += &shape.scoring;
        self.ports.extend_from_slice(&shape.host_ports);
        self.pods.push(pod);
    }

    /// Counts a pod out. O(pods on the node).
    ///
    /// # Panics
    /// If the pod is not there: a pod leaves a node once.
    pub fn remove(&mut self, pod: PodId, shape: &PodShape) {
        let at = self.pods.iter().position(|&p| p == pod).expect("the pod is on this node");
        self.pods.remove(at);
        self.requests -= &shape.requests;
        self.scoring -= &shape.scoring;
        for port in &shape.host_ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
    }
}
