//! Stand-in.
use std::collections::BTreeSet;
use super::{SchedulerSpec, SchedulerView};
use crate::model::{Cluster, NodePhase};
use crate::rules::{FilterOptions, NodeFacts, WellKnown, node_failure};
use crate::unit::*;
pub struct Scheduler { opts: FilterOptions, active: BTreeSet<PodId>, failed: BTreeSet<PodId> }
#[derive(Debug)]
pub struct Preemption { pub node: NodeId, pub victims: Vec<PodId> }
pub enum CycleResult { Bind(NodeId), Unschedulable { preemption: Option<Preemption> } }
pub enum NodeChange { Taints, Allocatable }
impl Scheduler {
    pub fn new(spec: &SchedulerSpec, s: &mut Symbols) -> Self { let w = WellKnown::new(s); Self { opts: FilterOptions::of_version(spec.version.minor, w), active: BTreeSet::new(), failed: BTreeSet::new() } }
    fn wake(&mut self) { let f = std::mem::take(&mut self.failed); self.active.extend(f); }
    pub fn pod_added(&mut self, _: &Cluster, p: PodId, _: SimTime) { self.active.insert(p); }
    pub fn pod_deleted(&mut self, _: &Cluster, p: PodId, _: SimTime) { self.active.remove(&p); self.failed.remove(&p); }
    pub fn pod_assumed(&mut self, _: &Cluster, _: PodId, _: NodeId, _: SimTime) {}
    pub fn pod_terminating(&mut self, _: &Cluster, _: PodId, _: SimTime) {}
    pub fn pod_left(&mut self, _: &Cluster, _: PodId, _: NodeId, _: SimTime) { self.wake() }
    pub fn node_added(&mut self, _: &Cluster, _: NodeId, _: SimTime) { self.wake() }
    pub fn node_removed(&mut self, _: &Cluster, _: NodeId, _: SimTime) { }
    pub fn node_changed(&mut self, _: &Cluster, _: NodeId, _: NodeChange, _: SimTime) { self.wake() }
    pub fn next_wake(&self, now: SimTime) -> Option<SimTime> { (!self.active.is_empty()).then_some(now) }
    pub fn cycle(&mut self, v: &SchedulerView, _now: SimTime, _l: Lots) -> Option<(PodId, CycleResult)> {
        let pod = self.active.pop_first()?;
        let shape = v.cluster.shape(pod);
        let row = &v.cluster.pods[pod];
        let mut best = None;
        for &n in &v.cluster.registered {
            let node = &v.cluster.nodes[n];
            if row.node.is_some_and(|p| p != n) || node.phase == NodePhase::Gone { continue; }
            if node_failure(shape, &NodeFacts::of(node), &v.cluster.symbols, &self.opts).is_none() {
                let free = (node.allocatable.cpu_milli - node.used.requests.cpu_milli) * 100 / node.allocatable.cpu_milli.max(1);
                if best.is_none_or(|(b, _)| free > b) { best = Some((free, n)); }
            }
        }
        match best { Some((_, n)) => Some((pod, CycleResult::Bind(n))), None => { self.failed.insert(pod); Some((pod, CycleResult::Unschedulable { preemption: None })) } }
    }
}
