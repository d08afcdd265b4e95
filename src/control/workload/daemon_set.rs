//! DaemonSets: one pod on every node that it fits.
//!
//! kubernetes 1.36 `pkg/controller/daemon/daemon_controller.go` (`podsShouldBeOnNode`).

use crate::unit::{NodeId, PodId};

/// What one sync does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonSetPlan {
    /// Nodes that lack their pod, ascending.
    pub create: Vec<NodeId>,
    /// Pods on nodes that should have none, and all but the oldest where there are several.
    pub delete: Vec<PodId>,
}

/// Compares the nodes that should run a pod (ascending) with the pods that exist (by node, then by
/// age, oldest first). O(nodes + pods), one walk.
pub fn sync(wanted: &[NodeId], pods: &[(NodeId, PodId)]) -> DaemonSetPlan {
    let mut plan = DaemonSetPlan::default();
    let mut rest = pods.iter().peekable();
    for &node in wanted {
        while let Some(&(_, pod)) = rest.next_if(|(of, _)| *of < node) {
            plan.delete.push(pod);
        }
        if rest.next_if(|(of, _)| *of == node).is_none() {
            plan.create.push(node);
        }
        while let Some(&(_, pod)) = rest.next_if(|(of, _)| *of == node) {
            plan.delete.push(pod);
        }
    }
    plan.delete.extend(rest.map(|&(_, pod)| pod));
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wanted_node_gets_exactly_one() {
        let nodes = [1, 2, 4].map(NodeId);
        let pods =
            [(0, 10), (2, 11), (2, 12), (3, 13), (5, 14)].map(|(n, p)| (NodeId(n), PodId(p)));
        let plan = sync(&nodes, &pods);
        assert_eq!(plan.create, [1, 4].map(NodeId));
        assert_eq!(plan.delete, [10, 12, 13, 14].map(PodId));
    }
}
