//! Pods that preempted others and have been promised the room (`status.nominatedNodeName`).

use std::collections::BTreeMap;

use super::view::SchedulerView;
use crate::unit::{NodeId, PodId};

/// Who has been promised which node. Few at any time.
#[derive(Clone, Debug, Default)]
pub struct Nominations {
    node_of: BTreeMap<PodId, NodeId>,
}

impl Nominations {
    /// Promises a node.
    pub fn promise(&mut self, pod: PodId, node: NodeId) {
        self.node_of.insert(pod, node);
    }

    /// Takes a promise back.
    pub fn drop_pod(&mut self, pod: PodId) {
        if !self.node_of.is_empty() {
            self.node_of.remove(&pod);
        }
    }

    /// The node that a pod has been promised.
    pub fn of(&self, pod: PodId) -> Option<NodeId> {
        self.node_of.get(&pod).copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.node_of.is_empty()
    }

    /// Whether anybody has been promised this node.
    pub fn any_on(&self, node: NodeId) -> bool {
        self.node_of.values().any(|&other| other == node)
    }

    /// Other pods of at least this pod's priority that have been promised `node`.
    pub fn rivals(&self, view: SchedulerView<'_>, node: NodeId, pod: PodId) -> Vec<PodId> {
        let priority = view.priority(pod);
        self.on(node).filter(|&other| other != pod && view.priority(other) >= priority).collect()
    }

    /// Pods of lower priority that have been promised `node`.
    pub fn lower(&self, view: SchedulerView<'_>, node: NodeId, pod: PodId) -> Vec<PodId> {
        let priority = view.priority(pod);
        self.on(node).filter(|&other| view.priority(other) < priority).collect()
    }

    fn on(&self, node: NodeId) -> impl Iterator<Item = PodId> + '_ {
        self.node_of.iter().filter(move |&(_, &other)| other == node).map(|(&pod, _)| pod)
    }
}
