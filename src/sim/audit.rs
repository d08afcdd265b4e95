//! The slow twin: recomputes from scratch what the model keeps as running counts, and stops on a
//! difference. `--audit` runs it now and then.

use crate::control::autoscaler::Sight;
use crate::model::PodPhase;
use crate::sim::capacity::autoscaler_view;
use crate::sim::world::World;
use crate::unit::{NodeId, Resources};

impl World<'_> {
    /// Recomputes everything that is kept as a running sum.
    ///
    /// # Panics
    /// On any difference: that is a bug in the simulation.
    pub fn audit(&self) {
        self.audit_nodes();
        self.audit_sights();
        self.audit_workloads();
        self.audit_quotas();
        self.audit_queues();
        self.audit_pools();
    }

    /// What arrivals see is compared with what time sees.
    pub fn look_at_queues(&mut self) {
        if let Some(pasta) = &mut self.pasta {
            pasta.look(&self.work.consumers, self.now);
        }
    }

    fn audit_nodes(&self) {
        for (id, node) in self.cluster.nodes.enumerate() {
            let (mut requests, mut scoring) = (Resources::ZERO, Resources::ZERO);
            let (mut sharing, mut terminating) = (0, 0);
            for &pod in &node.used.pods {
                let row = &self.cluster.pods[pod];
                assert_eq!(row.node, Some(id), "pod {} is on the node that lists it", pod.0);
                assert!(row.phase.holds_room(), "pod {} holds room: {:?}", pod.0, row.phase);
                let shape = &self.cluster.shapes[row.shape];
                requests += &shape.requests;
                scoring += &shape.scoring;
                sharing += usize::from(shape.device_share.is_some());
                terminating += u32::from(row.phase == PodPhase::Terminating);
            }
            for (share, number, taken) in node.used.shared.taken() {
                assert!(taken <= 1_000, "device {number} of node {}: {taken}", id.0);
                requests.extended[usize::from(share.kind.0)] += 1;
            }
            assert_eq!(sharing, node.used.shared.pods(), "pods that share devices, {}", id.0);
            assert_eq!(terminating, node.used.terminating, "pods that stop on {}", id.0);
            assert_eq!(requests, node.used.requests, "requests on node {}", id.0);
            assert_eq!(scoring, node.used.scoring, "scoring requests on node {}", id.0);
            assert!(
                requests.is_non_negative()
                    && (requests.fits_in(&node.allocatable)
                        || !self.plan.scheduler.leaves_nothing_out()),
                "node {} is within its allocatable",
                id.0
            );
        }
    }

    fn audit_sights(&self) {
        let view = autoscaler_view(&self.cluster, &self.capacity);
        for (index, seen) in self.capacity.sights.iter().enumerate() {
            let id = NodeId::from(index);
            if !self.cluster.nodes.is_touched(id) {
                let node = &self.cluster.nodes[id];
                assert_eq!(*seen, Sight::of(&view, node), "what is kept of node {}", id.0);
            }
        }
    }

    fn audit_workloads(&self) {
        let mut active = vec![0u32; self.cluster.workloads.len()];
        let mut ready = active.clone();
        let mut pending = 0;
        for (pod, row) in self.cluster.pods.enumerate() {
            active[row.workload.0 as usize] += u32::from(row.phase.is_active());
            ready[row.workload.0 as usize] += u32::from(row.phase == PodPhase::Ready);
            if row.phase == PodPhase::Pending {
                pending += 1;
                assert!(self.cluster.pending.contains(&pod), "pod {} is pending", pod.0);
            }
        }
        assert_eq!(pending, self.cluster.pending.len(), "pending pods");
        for (id, workload) in self.cluster.workloads.enumerate() {
            assert_eq!(workload.active, active[id.0 as usize], "active pods of {}", id.0);
            assert_eq!(workload.ready, ready[id.0 as usize], "ready pods of {}", id.0);
        }
    }

    fn audit_queues(&self) {
        for queue in self.work.queues.iter() {
            assert!(queue.is_conserved(), "every message is in exactly one place");
        }
    }

    /// The queues' clocks against the waits of the single messages: to the last start of service,
    /// to the dead letter, or to the end.
    ///
    /// # Panics
    /// On a difference.
    pub fn audit_waits(&self) {
        let mut total = self.record.ended_waits;
        for (id, queue) in self.work.queues.enumerate() {
            let held =
                self.work.consumers[id].held().map(|held| (held.message.arrived, held.taken));
            let orphans = queue.orphans().map(|(message, _)| message.arrived);
            let open = queue.waiting_since().chain(orphans).map(|arrived| (arrived, self.now));
            total += held
                .chain(open)
                .filter(|&(arrived, _)| queue.counts(arrived))
                .map(|(arrived, until)| u128::from(until.since(arrived).micros()))
                .sum::<u128>();
        }
        assert_eq!(self.record.messages.wait_total, total, "waiting of all messages");
    }

    fn audit_pools(&self) {
        for (id, pool) in self.cluster.pools.enumerate() {
            let there = pool
                .instances
                .iter()
                .filter(|&&node| self.cluster.nodes[node].pool == Some(id))
                .count();
            assert_eq!(there, pool.instances.len(), "instances of pool {}", id.0);
            let billed =
                pool.instances.iter().filter(|&&node| self.record.nodes[node].is_billed()).count();
            let counted = self.record.pools[id].billed.level();
            assert_eq!(billed as i64, counted, "billed instances of pool {}", id.0);
        }
    }
}
