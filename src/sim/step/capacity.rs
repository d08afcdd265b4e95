//! Scans of the cluster autoscaler. (stand-in)
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::NodeId;
use crate::vocabulary::Cause;

impl World<'_> {
    pub fn autoscaler_scan(&mut self) {
        self.record.counters.autoscaler_scans += 1;
        self.at(self.now + self.plan.autoscaler.scan_interval, Event::AutoscalerScan);
        let unsched: Vec<_> = self.cluster.pending.iter().copied().filter(|&p| self.cluster.pods[p].unschedulable).collect();
        if unsched.is_empty() { return; }
        for pool in self.plan.pools.ids() {
            let s = &self.plan.pools[pool];
            if s.autoscaled && s.spot && self.cluster.pools[pool].target < s.max && self.record.pools[pool].coming == 0 {
                let by = (s.max - self.cluster.pools[pool].target).min(unsched.len() as u32 / 6 + 1);
                let _ = self.request_nodes(pool, by);
                break;
            }
        }
        for p in unsched { self.set_pod_cause(p, Some(Cause::VmProvision)); }
    }
    pub fn autoscaler_deletion_ended(&mut self, _node: NodeId, _done: bool) {}
    pub fn autoscaler_sees_pod(&mut self) {}
    pub fn unschedulable_cause(&self) -> Cause { Cause::CaScan }
    pub fn restart_autoscaler(&mut self) {}
}
