//! What must hold in every cluster at any time.

use super::World;
use crate::model::PodPhase;
use crate::rules::Plugin;
use crate::unit::Resources;

impl World {
    /// No node is over its allocatable in any resource, unless a profile does without that
    /// filter, and every pod is in exactly one state: it waits and the scheduler knows it, or one
    /// node lists it, or it is over and nobody does.
    pub fn audit(&self) {
        let filter =
            |plugin| self.spec.profiles.iter().all(|profile| !profile.filters_off.contains(plugin));
        let ignored = self.spec.profiles.iter().any(|profile| profile.ignored_extended > 0);
        let (fits, limits) =
            (filter(Plugin::NodeResourcesFit) && !ignored, filter(Plugin::NodeVolumeLimits));
        let mut listed = vec![0; self.cluster.pods.len()];
        for (id, node) in self.cluster.nodes.enumerate() {
            let (mut requests, mut disks) = (Resources::ZERO, 0);
            for &pod in &node.used.pods {
                assert_eq!(self.cluster.pods[pod].node, Some(id));
                listed[pod.0 as usize] += 1;
                requests += &self.cluster.shape(pod).requests;
                disks += u32::from(self.cluster.shape(pod).volumes.data_disks);
            }
            for (share, number, taken) in node.used.shared.taken() {
                assert!(taken <= 1_000, "device {number} of node {}: {taken}", id.0);
                requests.extended[usize::from(share.kind.0)] += 1;
            }
            assert_eq!(requests, node.used.requests);
            assert!(!fits || requests.fits_in(&node.allocatable), "node {} is overfull", id.0);
            let limit = u32::from(node.max_data_disks);
            assert!(!limits || limit == 0 || disks <= limit, "node {} has its disks", id.0);
        }
        let mut waiting = 0;
        for (pod, row) in self.cluster.pods.enumerate() {
            let waits = row.phase == PodPhase::Pending;
            waiting += usize::from(waits);
            assert_eq!(waits, self.cluster.pending.contains(&pod), "pod {}: {row:?}", pod.0);
            assert_eq!(waits, self.scheduler.knows(pod), "pod {}: {row:?}", pod.0);
            let holds = usize::from(row.phase.holds_room());
            assert_eq!(listed[pod.0 as usize], holds, "pod {}: {row:?}", pod.0);
        }
        assert_eq!(waiting, self.cluster.pending.len());
        let owned = self.cluster.workloads.iter().map(|owner| owner.pods.len()).sum::<usize>();
        let alive = self.cluster.pods.iter().filter(|row| !row.phase.is_over()).count();
        assert_eq!(owned, alive);
    }
}
