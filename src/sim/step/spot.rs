//! Spot evictions: notice, drain as far as the notice lasts, and the kill.

use crate::model::{NodePhase, Taint, TaintEffect};
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{Duration, NodeId, PodId, PoolId, SimTime};

/// The AKS node problem detector polls Azure's scheduled events; its auto-drain begins this long
/// after the notice (azure-aks-docs `node-auto-drain.md` gives no figure; 2-15 s are seen in the
/// field: an assumption).
const DRAIN_DETECTION: Duration = Duration::from_secs(5);

impl World<'_> {
    /// Schedules the events of the spot market.
    pub fn start_spot(&mut self) {
        for pool in self.plan.pools.ids() {
            self.next_spot_batch(pool);
            self.next_spot_price(pool);
        }
    }

    fn next_spot_batch(&mut self, pool: PoolId) {
        let spec = &self.plan.pools[pool];
        if let Some(at) = self.capacity.scale_sets[pool].next_spot_event(spec) {
            self.at(at, Event::SpotBatch(pool));
        }
    }

    fn next_spot_price(&mut self, pool: PoolId) {
        let spec = &self.plan.pools[pool];
        let curves = spec.spot_market.iter().flat_map(|market| &market.prices);
        if let Some(at) = curves.filter_map(|curve| curve.next_change(self.now)).min() {
            self.at(at, Event::SpotPrice(pool));
        }
    }

    /// The spot price changes in some zone of a pool: what runs there is billed at the new one.
    pub fn spot_price(&mut self, pool: PoolId) {
        for index in 0..self.cluster.pools[pool].instances.len() {
            self.bill_at_new_price(self.cluster.pools[pool].instances[index]);
        }
        let (plan, now) = (self.plan, self.now);
        let curves = plan.pools[pool].spot_market.iter().flat_map(|market| &market.prices);
        self.note(Actor::Azure, "spot-price", Object::Pool(pool), "", None, || {
            let prices: Vec<String> =
                curves.map(|curve| format!("{}/h", curve.at(now).units())).collect();
            format!("a VM costs {} from now on", prices.join(", by zone "))
        });
        self.next_spot_price(pool);
    }

    /// The spot market takes several VMs of a pool.
    pub fn spot_batch(&mut self, pool: PoolId) {
        let plan = self.plan;
        let spec = &plan.pools[pool];
        for eviction in self.capacity.scale_sets[pool].spot_event(spec, self.now) {
            let node = self.capacity.nodes_of[pool][eviction.instance.0 as usize];
            let epoch = self.cluster.nodes[node].epoch;
            self.at(eviction.notice_at, Event::SpotNotice(node, epoch));
        }
        self.next_spot_batch(pool);
    }

    /// A VM is told that it will be taken. AKS cordons the node and drains it for as long as the
    /// notice lasts (best effort).
    pub fn spot_notice(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        if row.gone != SimTime::NEVER || self.record.nodes[node].end == "evicted" {
            return;
        }
        let (epoch, instance) = (row.epoch, row.instance);
        self.record.nodes[node].end = "evicted";
        self.fingerprint.add(self.now, 16, u64::from(node.0), 0);
        let (spec, capacity) = (&self.plan.pools[pool], &mut self.capacity);
        let set = &mut capacity.scale_sets[pool];
        set.tell(spec, instance, self.now, &mut capacity.region);
        let (taken_at, dear) = (set.taken_at(instance), set.is_priced_out(instance, self.now));
        let notice = taken_at.since(self.now);
        let name = self.node_name(node);
        self.note(Actor::Azure, "spot-notice", Object::Node(node), "azure.Preempt", None, || {
            let why = if dear { ": its price is above spotMaxPrice" } else { "" };
            format!("{name} will be taken in {notice}{why}")
        });
        self.at(taken_at, Event::SpotKill(node, epoch));
        if DRAIN_DETECTION < notice {
            self.at(self.now + DRAIN_DETECTION, Event::SpotDrain(node, epoch));
        }
    }

    /// The drain that follows a notice: cordon, then evict what the budgets allow.
    pub fn spot_drain(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool.filter(|_| row.phase == NodePhase::Ready) else { return };
        let taken_at = self.capacity.scale_sets[pool].taken_at(row.instance);
        let left = taken_at.since(self.now);
        self.cordon(node);
        for pod in self.drainable_pods(node) {
            let grace = self.cluster.shape(pod).grace.min(left);
            self.evict_pod(pod, grace, Actor::Azure);
        }
    }

    /// Pods that a drain evicts: all but those of DaemonSets and those already stopping.
    pub fn drainable_pods(&self, node: NodeId) -> Vec<PodId> {
        self.cluster.nodes[node]
            .used
            .pods
            .iter()
            .copied()
            .filter(|&pod| !self.is_daemon_pod(pod) && self.cluster.pods[pod].phase.is_active())
            .collect()
    }

    /// Whether a DaemonSet owns the pod: drains leave it.
    pub fn is_daemon_pod(&self, pod: PodId) -> bool {
        self.plan.workloads[self.cluster.pods[pod].workload].kind == WorkloadKind::DaemonSet
    }

    /// Makes a node schedulable again.
    pub fn uncordon(&mut self, node: NodeId) {
        let unschedulable = self.names.lifecycle.unschedulable;
        let row = &mut self.cluster.nodes[node];
        row.unschedulable = false;
        row.taints.retain(|taint| taint.key != unschedulable);
        self.node_spec_changed(node);
    }

    /// Makes a node unschedulable.
    pub fn cordon(&mut self, node: NodeId) {
        let row = &mut self.cluster.nodes[node];
        if row.unschedulable {
            return;
        }
        row.unschedulable = true;
        row.taints.push(Taint {
            key: self.names.lifecycle.unschedulable,
            value: Default::default(),
            effect: TaintEffect::NoSchedule,
        });
        self.node_spec_changed(node);
    }

    /// The VM is taken: what still ran on it is lost.
    pub fn spot_kill(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        self.record.pools[pool].evicted += u64::from(self.counts());
        self.record.evictions_flow += 1;
        self.note_step(Actor::Azure, "spot-kill", Object::Node(node));
        self.vm_taken(node);
    }

    /// Asks the eviction API for a pod on somebody's behalf; returns whether it was granted.
    pub fn evict_pod(&mut self, pod: PodId, grace: Duration, by: Actor) -> bool {
        self.record.counters.evictions += 1;
        if !self.eviction_granted(pod) {
            return false;
        }
        self.pod_stops(pod, Stop::Evicted, by, false);
        self.stop_pod(pod, grace, Stop::Evicted);
        true
    }
}
