//! DaemonSets: one pod on every node that it fits.
//!
//! kubernetes 1.36 `pkg/controller/daemon/daemon_controller.go` (`podsShouldBeOnNode`) and
//! `update.go` (`rollingUpdate`, `updatedDesiredNodeCounts`).

use crate::rules::IntOrPercent;
use crate::unit::{NodeId, PodId};

/// `maxSurge` and `maxUnavailable` by default (`pkg/apis/apps/v1/defaults.go`).
pub const MAX_SURGE: IntOrPercent = IntOrPercent::Int(0);
/// See [`MAX_SURGE`].
pub const MAX_UNAVAILABLE: IntOrPercent = IntOrPercent::Int(1);

/// The pods of one node that have not been told to stop, one of each version at most, and whether
/// they are available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePods {
    /// Of an older version.
    pub old: Option<(PodId, bool)>,
    /// Of the newest version.
    pub new: Option<(PodId, bool)>,
}

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

/// One step of a rolling update over all nodes that should run a pod, ascending: both numbers are
/// rounded up, and one pod may be missing where both are zero.
pub fn update(
    nodes: &[(NodeId, NodePods)],
    max_surge: IntOrPercent,
    max_unavailable: IntOrPercent,
) -> DaemonSetPlan {
    let count = |most: IntOrPercent| most.of_rounded_up(nodes.len() as i64).max(0) as usize;
    match (count(max_surge), count(max_unavailable)) {
        (0, missing) => replace(nodes, missing.max(1)),
        (surge, _) => surge_over(nodes, surge),
    }
}

/// Old pods go first, as many as may be missing.
fn replace(nodes: &[(NodeId, NodePods)], missing: usize) -> DaemonSetPlan {
    let (mut plan, mut candidates, mut unavailable) = (DaemonSetPlan::default(), Vec::new(), 0);
    for (_, pods) in nodes {
        match (pods.old, pods.new) {
            (None, Some((_, true))) => {}
            // An old pod that is not available may go whatever else is missing.
            (Some((pod, false)), None) => plan.delete.push(pod),
            (Some((pod, true)), None) => candidates.push(pod),
            _ => unavailable += 1,
        }
    }
    plan.delete.extend(candidates.into_iter().take(missing.saturating_sub(unavailable)));
    plan
}

/// New pods come first, as many as there may be above one a node; an old one goes when the new one
/// beside it is available.
fn surge_over(nodes: &[(NodeId, NodePods)], surge: usize) -> DaemonSetPlan {
    let (mut plan, mut candidates, mut surging) = (DaemonSetPlan::default(), Vec::new(), 0);
    for &(node, pods) in nodes {
        match (pods.old, pods.new) {
            (None, _) => {}
            (Some((_, false)), None) => plan.create.push(node),
            (Some((_, true)), None) => candidates.push(node),
            (Some(_), Some((_, false))) => surging += 1,
            (Some((pod, _)), Some((_, true))) => plan.delete.push(pod),
        }
    }
    plan.create.extend(candidates.into_iter().take(surge.saturating_sub(surging)));
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes 0, 1, …: `o` an old pod, `n` a new one, upper case if it is available; the old pod of
    /// node i is pod i.
    fn nodes(words: &[&str]) -> Vec<(NodeId, NodePods)> {
        let node = |(index, word): (u32, &&str)| {
            let pod = |letter: char, pod| {
                let there = word.chars().find(|other| other.eq_ignore_ascii_case(&letter));
                there.map(|other| (PodId(pod), other.is_uppercase()))
            };
            (NodeId(index), NodePods { old: pod('o', index), new: pod('n', 100 + index) })
        };
        (0..).zip(words).map(node).collect()
    }

    #[test]
    fn old_pods_go_as_far_as_pods_may_be_missing() {
        let (none, one, half) = (MAX_SURGE, MAX_UNAVAILABLE, IntOrPercent::Percent(50));
        for (words, missing, delete) in [
            (["O", "O", "O"], one, vec![0]),
            (["", "O", "O"], one, vec![]),
            (["n", "O", "O"], one, vec![]),
            (["N", "O", "O"], one, vec![1]),
            // Rounded up.
            (["O", "O", "O"], half, vec![0, 1]),
            // One that is not available anyway costs nothing.
            (["n", "O", "o"], one, vec![2]),
            (["O", "O", "O"], none, vec![0]),
            (["N", "N", "N"], one, vec![]),
        ] {
            let plan = update(&nodes(&words), none, missing);
            assert_eq!(plan.delete, delete.into_iter().map(PodId).collect::<Vec<_>>(), "{words:?}");
            assert_eq!(plan.create, [], "{words:?}");
        }
    }

    #[test]
    fn with_a_surge_new_pods_come_before_old_ones_go() {
        let (none, one) = (MAX_SURGE, IntOrPercent::Int(1));
        for (words, create, delete) in [
            (["O", "O", "O"], vec![0], vec![]),
            (["On", "O", "O"], vec![], vec![]),
            (["ON", "O", "O"], vec![1], vec![0]),
            (["N", "O", "O"], vec![1], vec![]),
            (["On", "o", "O"], vec![1], vec![]),
        ] {
            let plan = update(&nodes(&words), one, none);
            assert_eq!(
                plan.create,
                create.into_iter().map(NodeId).collect::<Vec<_>>(),
                "{words:?}"
            );
            assert_eq!(plan.delete, delete.into_iter().map(PodId).collect::<Vec<_>>(), "{words:?}");
        }
    }

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
