//! What a node costs while it runs, split into what pods requested and what nobody did.

use crate::model::{Node, PodShape};
use crate::plan::WorkloadKind;
use crate::record::Integral;
use crate::sim::world::World;
use crate::unit::{HourlyRate, NodeId, PodId, PoolId};

/// The part of a node's price that a pod's requests take: the mean of its shares of the node's
/// allocatable CPU and memory. The parts of all pods and the idle rest add up to the price.
fn requested_rate(price: HourlyRate, node: &Node, shape: &PodShape) -> i64 {
    let part = |asked: i64, room: i64| {
        if room <= 0 {
            return 0;
        }
        (i128::from(price.0) * i128::from(asked) / (2 * i128::from(room))) as i64
    };
    part(shape.requests.cpu_milli, node.allocatable.cpu_milli)
        + part(shape.requests.memory, node.allocatable.memory)
}

impl World<'_> {
    /// A VM runs: the bill begins.
    pub fn billing_begins(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        self.disk_goes(node);
        let price = self.price_of(node, pool);
        let record = &mut self.record.nodes[node];
        record.billed_from = Some(self.now);
        record.price = price;
        let pools = &mut self.record.pools[pool];
        pools.billed.add(1, self.now);
        pools.rate.add(price.0, self.now);
        pools.idle.add(price.0, self.now);
    }

    /// What a VM that runs costs now, its disk included.
    fn price_of(&self, node: NodeId, pool: PoolId) -> HourlyRate {
        let zone = self.capacity.scale_sets[pool].zone_of(self.cluster.nodes[node].instance);
        self.plan.pools[pool].price_at(zone, self.now)
    }

    /// The price of a VM may be another from now on: its bill is split anew.
    pub fn bill_at_new_price(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool.filter(|_| self.record.nodes[node].is_billed()) else { return };
        let price = self.price_of(node, pool);
        let mut used = (0, 0);
        for &pod in &row.used.pods {
            let part = requested_rate(price, row, self.cluster.shape(pod));
            used.0 += part;
            used.1 += if self.is_systems(pod) { part } else { 0 };
        }
        let record = &mut self.record.nodes[node];
        let by = price.0 - record.price.0;
        let (idle, system) = (by - (used.0 - record.used.0), used.1 - record.used.1);
        let old = record.price;
        (record.price, record.used) = (price, used);
        self.charge_all(node, pool, old, -1);
        self.charge_all(node, pool, price, 1);
        let pools = &mut self.record.pools[pool];
        pools.rate.add(by, self.now);
        pools.idle.add(idle, self.now);
        pools.system.add(system, self.now);
    }

    /// Whether AKS itself or a DaemonSet owns the pod.
    fn is_systems(&self, pod: PodId) -> bool {
        let owner = &self.plan.workloads[self.cluster.pods[pod].workload];
        owner.system || owner.kind == WorkloadKind::DaemonSet
    }

    /// A VM is gone or stopped: the bill ends.
    pub fn billing_ends(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        let record = &mut self.record.nodes[node];
        if !record.is_billed() {
            return;
        }
        record.billed_until = Some(self.now);
        let (price, (used, system)) = (record.price, record.used);
        record.used = (0, 0);
        self.charge_all(node, pool, price, -1);
        let pools = &mut self.record.pools[pool];
        pools.billed.add(-1, self.now);
        pools.rate.add(-price.0, self.now);
        pools.idle.add(used - price.0, self.now);
        pools.system.add(-system, self.now);
    }

    /// A VM is stopped and keeps its disk, which goes on being billed.
    pub fn disk_stays(&mut self, node: NodeId) {
        if !self.record.nodes[node].disk_stays {
            self.record.nodes[node].disk_stays = true;
            self.bill_disk(node, 1);
        }
    }

    /// The disk of a stopped VM is deleted, or billed as part of a running VM again.
    pub fn disk_goes(&mut self, node: NodeId) {
        if std::mem::take(&mut self.record.nodes[node].disk_stays) {
            self.bill_disk(node, -1);
        }
    }

    /// A stopped VM is started under a new row: the row takes over its disk.
    pub fn disk_passes(&mut self, from: NodeId, to: NodeId) {
        let stays = std::mem::take(&mut self.record.nodes[from].disk_stays);
        self.record.nodes[to].disk_stays = stays;
    }

    fn bill_disk(&mut self, node: NodeId, sign: i64) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        let price = sign * self.plan.pools[pool].disk_price.0;
        let sums = &mut self.record.pools[pool];
        sums.rate.add(price, self.now);
        sums.idle.add(price, self.now);
        sums.disks.add(price, self.now);
    }

    /// A pod's requests were put on a node.
    pub fn usage_joins(&mut self, node: NodeId, pod: PodId) {
        self.shift_usage(node, pod, 1);
        let pods = u32::try_from(self.cluster.nodes[node].used.pods.len()).unwrap_or(u32::MAX);
        let peak = &mut self.record.nodes[node].pods_peak;
        *peak = (*peak).max(pods);
    }

    /// A pod's requests are taken off a node.
    pub fn usage_leaves(&mut self, node: NodeId, pod: PodId) {
        self.shift_usage(node, pod, -1);
    }

    fn shift_usage(&mut self, node: NodeId, pod: PodId, sign: i64) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        let (shape, is_systems) = (self.cluster.shape(pod), self.is_systems(pod));
        let record = &mut self.record.nodes[node];
        if record.counted_ready {
            let sums = &mut self.record.pools[pool];
            sums.cpu.1.add(sign * shape.requests.cpu_milli, self.now);
            sums.memory.1.add(sign * shape.requests.memory, self.now);
        }
        // After the bill has ended nothing is split any more.
        if !record.is_billed() {
            return;
        }
        let part = sign * requested_rate(record.price, row, shape);
        record.used.0 += part;
        let sums = &mut self.record.pools[pool];
        sums.idle.add(-part, self.now);
        if is_systems {
            record.used.1 += part;
            sums.system.add(part, self.now);
        }
        self.charge(pod, pool, part);
    }

    /// The parts of all pods of a node at a price come or go.
    fn charge_all(&mut self, node: NodeId, pool: PoolId, price: HourlyRate, sign: i64) {
        for index in 0..self.cluster.nodes[node].used.pods.len() {
            let row = &self.cluster.nodes[node];
            let pod = row.used.pods[index];
            let part = requested_rate(price, row, self.cluster.shape(pod));
            self.charge(pod, pool, sign * part);
        }
    }

    /// A pod's part of a node's price is its workload's, unless it counts as `system`.
    fn charge(&mut self, pod: PodId, pool: PoolId, part: i64) {
        if self.is_systems(pod) {
            return;
        }
        let workload = self.cluster.pods[pod].workload;
        let charged = &mut self.record.workloads[workload].charged;
        let index = usize::from(pool);
        if charged.len() <= index {
            charged.resize_with(index + 1, Integral::default);
        }
        charged[index].add(part, self.now);
    }

    /// A node becomes Ready or ceases to be: its room enters or leaves its pool's sums.
    pub fn count_ready(&mut self, node: NodeId, ready: bool) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        let record = &mut self.record.nodes[node];
        if record.counted_ready == ready {
            return;
        }
        record.counted_ready = ready;
        let sign = if ready { 1 } else { -1 };
        let sums = &mut self.record.pools[pool];
        sums.cpu.0.add(sign * row.allocatable.cpu_milli, self.now);
        sums.cpu.1.add(sign * row.used.requests.cpu_milli, self.now);
        sums.memory.0.add(sign * row.allocatable.memory, self.now);
        sums.memory.1.add(sign * row.used.requests.memory, self.now);
        sums.ready = sums.ready.checked_add_signed(sign as i32).expect("ready nodes are counted");
        sums.peak = sums.peak.max(sums.ready);
    }
}
