//! The attach/detach controller: one disk, which one node has at a time.
//!
//! kubernetes v1.36.2 `pkg/controller/volume/attachdetach/reconciler/reconciler.go`: a disk that is
//! attached elsewhere is not attached (`Multi-Attach error`); one that no pod of its node wants any
//! more is detached as soon as the kubelet has unmounted it, or, from a node that is not healthy,
//! after `maxWaitForUnmountDuration`.

use crate::unit::{Duration, NodeId, PodId, SimTime};

/// `DefaultTimerConfig.ReconcilerMaxWaitForUnmountDuration` of the controller.
pub const MAX_WAIT_FOR_UNMOUNT: Duration = Duration::from_mins(6);

/// Where a disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// No node has it.
    #[default]
    Free,
    /// A node has it, or will from an instant on.
    On(NodeId, SimTime),
    /// A node still has it, and it is being taken away.
    Leaving(NodeId),
}

/// A disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Where it is.
    pub place: Place,
    /// Pods on its node that use it.
    users: Vec<PodId>,
    /// Pods on other nodes that wait for it, the first to come first, with their epochs.
    waiting: Vec<(PodId, u16)>,
}

impl Disk {
    /// A pod's kubelet wants the disk: when its node has it, or `None` while another one does.
    /// `ready` says when an attachment that begins now is done.
    pub fn ask(&mut self, pod: PodId, epoch: u16, node: NodeId, ready: SimTime) -> Option<SimTime> {
        self.waiting.retain(|&(other, _)| other != pod);
        let there = match self.place {
            Place::On(of, since) if of == node => since,
            Place::Free => ready,
            Place::On(..) | Place::Leaving(_) => {
                self.waiting.push((pod, epoch));
                return None;
            }
        };
        self.place = Place::On(node, there);
        if !self.users.contains(&pod) {
            self.users.push(pod);
        }
        Some(there)
    }

    /// A pod is over. If it was the last on the disk's node, the disk leaves it: after how long its
    /// detachment begins, which depends on the health of the node.
    pub fn release(&mut self, pod: PodId, healthy: bool) -> Option<Duration> {
        self.waiting.retain(|&(other, _)| other != pod);
        let users = self.users.len();
        self.users.retain(|&other| other != pod);
        let Place::On(node, _) = self.place else { return None };
        if users == 0 || !self.users.is_empty() {
            return None;
        }
        self.place = Place::Leaving(node);
        Some(if healthy { Duration::ZERO } else { MAX_WAIT_FOR_UNMOUNT })
    }

    /// The disk has been detached: who waits for it, in order.
    pub fn detached(&mut self) -> Vec<(PodId, u16)> {
        self.place = Place::Free;
        std::mem::take(&mut self.waiting)
    }

    /// The node that keeps the disk from others.
    pub fn holder(&self) -> Option<NodeId> {
        match self.place {
            Place::Free => None,
            Place::On(node, _) | Place::Leaving(node) => Some(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [NodeId; 2] = [NodeId(0), NodeId(1)];
    const PODS: [PodId; 3] = [PodId(0), PodId(1), PodId(2)];

    fn at(seconds: u64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    #[test]
    fn one_node_has_the_disk_and_the_next_waits_until_it_is_detached() {
        let mut disk = Disk::default();
        assert_eq!(disk.ask(PODS[0], 0, NODES[0], at(20)), Some(at(20)));
        // A second pod on the same node finds it there.
        assert_eq!(disk.ask(PODS[1], 0, NODES[0], at(30)), Some(at(20)));
        assert_eq!(disk.ask(PODS[2], 4, NODES[1], at(40)), None);
        assert_eq!(disk.holder(), Some(NODES[0]));
        assert_eq!(disk.release(PODS[0], true), None);
        assert_eq!(disk.release(PODS[1], true), Some(Duration::ZERO));
        // On its way off, it is there for nobody.
        assert_eq!(disk.ask(PODS[1], 1, NODES[0], at(50)), None);
        assert_eq!(disk.detached(), [(PODS[2], 4), (PODS[1], 1)]);
        assert_eq!(disk.ask(PODS[2], 4, NODES[1], at(60)), Some(at(60)));
    }

    #[test]
    fn a_node_that_is_not_healthy_keeps_it_for_six_minutes() {
        for (healthy, wait) in [(true, Duration::ZERO), (false, Duration::from_mins(6))] {
            let mut disk = Disk::default();
            disk.ask(PODS[0], 0, NODES[0], at(20));
            assert_eq!(disk.release(PODS[0], healthy), Some(wait), "{healthy}");
            assert_eq!(disk.release(PODS[0], healthy), None, "once");
        }
    }

    #[test]
    fn a_pod_that_ends_waits_no_more() {
        let mut disk = Disk::default();
        disk.ask(PODS[0], 0, NODES[0], at(20));
        disk.ask(PODS[1], 0, NODES[1], at(30));
        assert_eq!(disk.release(PODS[1], true), None);
        disk.release(PODS[0], true);
        assert_eq!(disk.detached(), []);
    }
}
