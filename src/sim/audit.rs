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

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::plan::Plan;
    use crate::scenario::{MemoryFiles, load};
    use crate::sim::world::RunOptions;
    use crate::unit::{NamespaceQuotaId, PodId, PoolId, WorkloadId};

    const SCENARIO: &str = "
apiVersion: forescale/v1
kind: Scenario
metadata: {name: audited}
simulation: {duration: 1h}
cluster:
  agentPoolProfiles:
  - {name: apps, mode: System, vmSize: Standard_D8s_v5, minCount: 2, maxCount: 3}
namespaces: {team: {resourceQuota: {hard: {pods: 9}}}}
queues: {orders: {arrivals: [{poisson: {rate: 2/s}}]}}
workloads:
- {name: web, namespace: team, replicas: 4, requests: {cpu: 1, memory: 1Gi},
   consumes: {queue: orders, serviceTime: 1s}}
- {name: large, replicas: 1, requests: {cpu: 7, memory: 1Gi}}
- {name: larger, replicas: 1, requests: {cpu: 7500m, memory: 1Gi}}
";

    type Corruption = fn(&mut World<'_>);

    /// A world that has run for a while.
    fn running(plan: &Plan) -> World<'_> {
        let mut world = World::new(plan, 1, RunOptions { audit: true, ..RunOptions::default() });
        world.start();
        for _ in 0..200 {
            let (time, event) = world.events.pop().expect("loops go on");
            world.now = time;
            world.step(event);
        }
        world
    }

    /// What an audit says after a corruption.
    fn verdict(plan: &Plan, corrupt: Corruption) -> Result<(), String> {
        let mut world = running(plan);
        corrupt(&mut world);
        let audit = || {
            world.audit();
            world.audit_waits();
        };
        catch_unwind(AssertUnwindSafe(audit)).map_err(|why| match why.downcast::<String>() {
            Ok(text) => *text,
            Err(why) => (*why.downcast::<&str>().expect("a panic has a text")).to_owned(),
        })
    }

    const NODE: NodeId = NodeId(0);

    /// What is wrong in the world, and what the audit must say of it.
    const CORRUPTIONS: [(&str, Corruption); 12] = [
        ("requests on node", |world| world.cluster.nodes[NODE].used.requests.cpu_milli -= 1),
        ("scoring requests", |world| world.cluster.nodes[NODE].used.scoring.memory += 1),
        ("pods that stop", |world| world.cluster.nodes[NODE].used.terminating += 1),
        ("requests on node", |world| {
            world.cluster.nodes[NODE].used.pods.pop();
        }),
        ("is on the node that lists it", |world| {
            let pod = world.cluster.nodes[NODE].used.pods[0];
            world.cluster.pods[pod].node = Some(NodeId(1));
        }),
        ("what is kept of node", |world| {
            world.cluster.nodes.take_touched();
            world.capacity.sights[0].unschedulable ^= true;
        }),
        ("active pods", |world| world.cluster.workloads[WorkloadId(0)].active += 1),
        ("ready pods", |world| world.cluster.workloads[WorkloadId(0)].ready -= 1),
        ("pending", |world| {
            world.cluster.pending.insert(PodId(0));
        }),
        ("usage of resource quotas", |world| {
            world.admission.used[NamespaceQuotaId(0)][0] += 1;
        }),
        ("billed instances of pool", |world| {
            let now = world.now;
            world.record.pools[PoolId(0)].billed.add(1, now);
        }),
        ("waiting of all messages", |world| world.record.messages.wait_total += 1),
    ];

    #[test]
    fn an_audit_finds_each_corruption_and_none_where_there_is_none() {
        let files = MemoryFiles::new().with("audited.yaml", SCENARIO);
        let loaded = load("audited.yaml", &[], &files);
        let plan = loaded.plan.expect("a scenario");
        assert_eq!(verdict(&plan, |_| ()), Ok(()));
        for (number, (expected, corrupt)) in CORRUPTIONS.into_iter().enumerate() {
            let said = verdict(&plan, corrupt).expect_err(expected);
            assert!(said.contains(expected), "{number}: {said}, not {expected}");
        }
    }
}
