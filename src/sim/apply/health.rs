//! Health of nodes: VMs that stop and come back, NoExecute taints at their pace, and the pods that
//! must leave by taint.
//!
//! The rules are those of `control/node`; a run in which no node falls silent never comes here.

use std::collections::{BTreeMap, VecDeque};

use crate::chance::{Purpose, Stream};
use crate::control::node::{
    Condition, EvictionPace, LEASE_RENEWAL, REPAIR_AFTER, Repair, ZoneState, condition_taints,
    eviction_time, evictions_milli, grace_period, silence_noticed, zone_state,
};
use crate::model::{NodePhase, PodPhase, TaintEffect};
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::names::key;
use crate::sim::world::World;
use crate::unit::{Duration, NodeId, PodId, SimTime, Symbol};
use crate::vocabulary::Cause;

/// What is known of nodes that are not well.
#[derive(Debug, Default)]
pub struct Health {
    /// VMs that have stopped and may come back.
    silent: BTreeMap<NodeId, Silence>,
    /// Nodes whose silence will be noticed, and when.
    unnoticed: BTreeMap<NodeId, SimTime>,
    /// Nodes whose kubelets say that they are not Ready, and until when.
    unwell: BTreeMap<NodeId, SimTime>,
    /// Since when nodes have had the lifecycle controller's NoExecute taint.
    tainted: BTreeMap<NodeId, SimTime>,
    /// Nodes that are to get it, by zone.
    zones: BTreeMap<Symbol, Zone>,
    /// When the next pass of NoExecute tainting is due; `None` if none is.
    due: Option<SimTime>,
    /// Phase of the pod garbage collector.
    pub gc_phase: Duration,
    /// Phase of the lifecycle controller's look at nodes.
    pub monitor_phase: Duration,
}

/// A VM that has stopped.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// The repair that mends it; `None`: it comes back by itself.
    mended_by: Option<Repair>,
    /// Repairs tried.
    attempts: u32,
}

/// Nodes of a zone that wait for their NoExecute taint, in order.
#[derive(Debug, Default)]
struct Zone {
    waiting: VecDeque<NodeId>,
    pace: EvictionPace,
}

impl World<'_> {
    /// Whether nothing runs on the node: its VM has stopped or is gone.
    pub fn is_silent(&self, node: NodeId) -> bool {
        self.cluster.nodes[node].gone != SimTime::NEVER || self.health.silent.contains_key(&node)
    }

    /// A VM stops with everything on it and is back after `length`, or when AKS has done the repair
    /// that mends it. Its Node and its pods are still in the API.
    pub fn vm_stops(&mut self, node: NodeId, length: Option<Duration>, mended_by: Option<Repair>) {
        if self.is_silent(node) {
            return;
        }
        let silence = Silence { mended_by, attempts: 0 };
        self.health.silent.insert(node, silence);
        self.fingerprint.add(self.now, 17, u64::from(node.0), 0);
        for pod in self.cluster.nodes[node].used.pods.clone() {
            self.consumer_gone(pod);
            self.restart_over(pod);
            let row = &mut self.cluster.pods[pod];
            // What was under way on the node is void.
            row.epoch = row.epoch.wrapping_add(1);
            self.set_pod_cause(pod, Some(Cause::NodeReady));
        }
        self.kubelets.forget(node);
        let epoch = self.cluster.nodes[node].epoch;
        self.await_silence(node);
        if let Some(length) = length {
            self.at(self.now + length, Event::NodeBack(node, epoch));
        }
    }

    /// A kubelet says that its node is not Ready. What runs there runs on; nothing new comes, and
    /// what does not tolerate it for long must go.
    pub fn kubelet_not_ready(&mut self, node: NodeId, length: Duration) {
        if self.cluster.nodes[node].phase != NodePhase::Ready || self.is_silent(node) {
            return;
        }
        let until = self.now + length;
        self.health.unwell.insert(node, until);
        self.node_turns_bad(node, Condition::NotReady);
        let epoch = self.cluster.nodes[node].epoch;
        self.at(until, Event::NodeBack(node, epoch));
    }

    /// A kubelet says again that its node is Ready, and so are its pods.
    fn kubelet_ready(&mut self, node: NodeId) {
        let name = self.node_name(node);
        self.note(Actor::Kubelet, "node-well", Object::Node(node), "", None, || {
            format!("{name} is Ready again, and so are the pods that are still there")
        });
        self.forget_taints(node);
        self.node_ready(node);
        for pod in self.cluster.nodes[node].used.pods.clone() {
            let runs = self.cluster.pods[pod].phase == PodPhase::NotReady
                && !self.kubelets.crashed.get(&pod).is_some_and(|crashed| crashed.waits);
            if runs {
                self.cluster.set_ready(pod, self.now);
                self.refresh_consumed_queue(self.cluster.pods[pod].workload);
                self.budgets_changed(pod);
            }
        }
        self.wake_evictions(self.now);
    }

    /// The Ready condition of a node is not True any more: it is tainted, its pods are not Ready,
    /// and in time they are evicted.
    fn node_turns_bad(&mut self, node: NodeId, condition: Condition) {
        for pod in self.cluster.nodes[node].used.pods.clone() {
            self.cluster.set_not_ready(pod, self.now);
            self.refresh_consumed_queue(self.cluster.pods[pod].workload);
            self.budgets_changed(pod);
        }
        self.count_ready(node, false);
        self.cluster.set_node_phase(node, NodePhase::NotReady, self.now);
        self.set_condition_taints(node, condition, false);
        let zone = self.zone_of(node);
        self.health.zones.entry(zone).or_default().waiting.push_back(node);
        self.wake_evictions(self.now);
    }

    /// The Ready condition of a node that is not well.
    fn condition_of(&self, node: NodeId) -> Condition {
        if self.is_silent(node) { Condition::Unknown } else { Condition::NotReady }
    }

    /// The silence of a kubelet will be noticed. A VM that is lost while it stands still was silent
    /// before.
    pub fn await_silence(&mut self, node: NodeId) {
        let (lease, monitor) = (self.lease_phase(node), self.health.monitor_phase);
        let noticed = silence_noticed(self.now, lease, monitor, self.plan.version);
        let at = *self.health.unnoticed.entry(node).or_insert(noticed);
        let epoch = self.cluster.nodes[node].epoch;
        self.at(at, Event::NodeUnreachable(node, epoch));
    }

    /// Phase of a kubelet's renewals of its lease: U(0, period) keyed by the node's name.
    fn lease_phase(&self, node: NodeId) -> Duration {
        if !self.plan.timing.random_phases || self.plan.lab.zero_control_delay {
            return Duration::ZERO;
        }
        let entity = key("lease", &self.node_name(node), "");
        let mut stream = Stream::keyed(self.seed, Purpose::Phase, entity, 0);
        LEASE_RENEWAL.scaled(stream.open_unit())
    }

    /// The VM of a node has gone: it does not come back.
    pub fn never_back(&mut self, node: NodeId) {
        self.health.silent.remove(&node);
        self.health.unwell.remove(&node);
    }

    /// The node's silence is noticed: not Ready, tainted; its pods are not Ready. If its VM is
    /// gone, the cloud controller deletes the Node; if it has stopped, AKS may repair it.
    pub fn node_unreachable(&mut self, node: NodeId) {
        if self.health.unnoticed.get(&node) != Some(&self.now) {
            self.record.counters.stale_events += 1;
            return;
        }
        self.health.unwell.remove(&node);
        self.forget_taints(node);
        self.node_turns_bad(node, Condition::Unknown);
        let (name, grace) = (self.node_name(node), grace_period(self.plan.version));
        let object = Object::Node(node);
        self.note(Actor::NodeController, "node-unreachable", object, "", None, || {
            format!("{name} has been silent for node-monitor-grace-period {grace}")
        });
        let epoch = self.cluster.nodes[node].epoch;
        if self.cluster.nodes[node].gone != SimTime::NEVER {
            let removal = self.plan.timing.node_removal;
            self.at(self.now + removal, Event::NodeDeleted(node, epoch));
        } else if self.health.silent.get(&node).is_some_and(|silence| silence.mended_by.is_some()) {
            self.at(self.now + REPAIR_AFTER, Event::NodeRepair(node, epoch));
        }
    }

    /// AKS repairs a node that is still NotReady.
    pub fn node_repair(&mut self, node: NodeId) {
        let Some(silence) = self.health.silent.get_mut(&node) else { return };
        let Some(action) = Repair::attempt(silence.attempts) else { return };
        silence.attempts += 1;
        let mended = silence.mended_by == Some(action);
        let name = self.node_name(node);
        self.note(Actor::Azure, action.word(), Object::Node(node), "aks.repair", None, || {
            format!("{name} has been NotReady for {REPAIR_AFTER}")
        });
        if action == Repair::Reimage {
            self.cluster.nodes[node].images.clear();
            self.put_initialization_taints(node);
        }
        let epoch = self.cluster.nodes[node].epoch;
        let done = self.now + action.length();
        if mended {
            self.at(done, Event::NodeBack(node, epoch));
        } else {
            self.at(done + REPAIR_AFTER, Event::NodeRepair(node, epoch));
        }
    }

    /// The VM runs again and its kubelet reports: pods that were deleted meanwhile end, those that
    /// are still bound start again.
    pub fn node_back(&mut self, node: NodeId) {
        if self.health.silent.remove(&node).is_none() {
            if self.health.unwell.get(&node) == Some(&self.now) {
                self.health.unwell.remove(&node);
                self.kubelet_ready(node);
            }
            return;
        }
        self.fingerprint.add(self.now, 18, u64::from(node.0), 0);
        let name = self.node_name(node);
        self.note(Actor::Kubelet, "node-back", Object::Node(node), "", None, || {
            format!("{name} reports again; pods that are still bound to it start again")
        });
        self.forget_taints(node);
        if self.cluster.nodes[node].phase == NodePhase::NotReady {
            self.node_ready(node);
        }
        for pod in self.cluster.nodes[node].used.pods.clone() {
            match self.cluster.pods[pod].phase {
                PodPhase::Terminating => self.end_pod(pod, Stop::Evicted),
                PodPhase::Starting | PodPhase::Ready | PodPhase::NotReady => {
                    self.restart_pod(pod);
                }
                _ => {}
            }
        }
        self.wake_evictions(self.now);
    }

    /// The kubelet starts all containers of a pod again.
    fn restart_pod(&mut self, pod: PodId) {
        let was_ready = self.cluster.pods[pod].ready != SimTime::NEVER;
        self.cluster.pods[pod].started = 0;
        self.cluster.container_exited(pod, self.now);
        self.starts_again(pod, was_ready);
        let workload = self.cluster.pods[pod].workload;
        self.budgets_changed(pod);
        self.refresh_consumed_queue(workload);
        self.begin_start(pod);
    }

    /// Puts the lifecycle controller's taints for a condition on a node, in place of those it had.
    pub fn set_condition_taints(&mut self, node: NodeId, condition: Condition, evicting: bool) {
        let names = &self.names.lifecycle;
        let row = &mut self.cluster.nodes[node];
        row.taints.retain(|taint| !names.owns(taint));
        row.taints.extend(condition_taints(names, condition, row.unschedulable, evicting));
        self.node_spec_changed(node);
    }

    /// The lifecycle controller forgets a node that is well again or gone.
    pub fn forget_taints(&mut self, node: NodeId) {
        self.health.tainted.remove(&node);
        self.health.unnoticed.remove(&node);
        for zone in self.health.zones.values_mut() {
            zone.waiting.retain(|&other| other != node);
        }
    }

    fn zone_of(&self, node: NodeId) -> Symbol {
        self.cluster.nodes[node].labels.get(self.names.zone).unwrap_or(Symbol::EMPTY)
    }

    /// The states of zones may have changed, or a node may be next: a pass is due.
    pub fn wake_evictions(&mut self, at: SimTime) {
        let idle = self.health.tainted.is_empty()
            && self.health.zones.values().all(|zone| zone.waiting.is_empty());
        if idle || self.health.due.is_some_and(|due| due <= at) {
            return;
        }
        self.health.due = Some(at);
        self.at(at, Event::NodeEvictions);
    }

    /// One pass of NoExecute tainting: in each zone as many nodes as its state allows.
    pub fn node_evictions(&mut self) {
        if self.health.due != Some(self.now) {
            self.record.counters.stale_events += 1;
            return;
        }
        self.health.due = None;
        let counts = self.zone_counts();
        let state = |zone: &Symbol| {
            let (bad, nodes) = counts.get(zone).copied().unwrap_or_default();
            (zone_state(bad, nodes), nodes)
        };
        let every_zone_down = counts.keys().all(|zone| state(zone).0 == ZoneState::Down);
        if every_zone_down {
            self.stop_evictions();
        }
        let mut next = SimTime::NEVER;
        for zone in self.health.zones.keys().copied().collect::<Vec<_>>() {
            let (state, nodes) = state(&zone);
            let rate = evictions_milli(state, nodes, every_zone_down);
            while let Some((node, at)) = self.next_eviction(zone, rate) {
                if at > self.now {
                    next = next.min(at);
                    break;
                }
                self.taint_no_execute(zone, node);
            }
        }
        if next != SimTime::NEVER {
            self.wake_evictions(next);
        }
    }

    fn next_eviction(&self, zone: Symbol, rate: u64) -> Option<(NodeId, SimTime)> {
        let zone = &self.health.zones[&zone];
        Some((*zone.waiting.front()?, zone.pace.next(self.now, rate)))
    }

    /// Bad and all nodes of each zone. O(nodes), at most once an instant.
    fn zone_counts(&self) -> BTreeMap<Symbol, (usize, usize)> {
        let mut counts: BTreeMap<Symbol, (usize, usize)> = BTreeMap::new();
        for &node in &self.cluster.registered {
            let bad = matches!(
                self.cluster.nodes[node].phase,
                NodePhase::NotReady | NodePhase::Registered
            );
            let count = counts.entry(self.zone_of(node)).or_default();
            count.0 += usize::from(bad);
            count.1 += 1;
        }
        counts
    }

    /// Every zone is down: the fault is taken to be the controller's own. NoExecute taints go, and
    /// their nodes wait again.
    fn stop_evictions(&mut self) {
        for (node, _) in std::mem::take(&mut self.health.tainted) {
            self.set_condition_taints(node, self.condition_of(node), false);
            let zone = self.zone_of(node);
            self.health.zones.entry(zone).or_default().waiting.push_back(node);
        }
    }

    fn taint_no_execute(&mut self, zone: Symbol, node: NodeId) {
        if let Some(zone) = self.health.zones.get_mut(&zone) {
            zone.waiting.pop_front();
            zone.pace.take(self.now);
        }
        self.health.tainted.insert(node, self.now);
        self.set_condition_taints(node, self.condition_of(node), true);
        let name = self.node_name(node);
        self.note(Actor::NodeController, "taint", Object::Node(node), "NoExecute", None, || {
            format!("pods leave {name} when their tolerationSeconds are over")
        });
        let pods = &self.cluster.nodes[node].used.pods;
        let mut times: Vec<SimTime> =
            pods.iter().filter_map(|&pod| self.leaves_by_taint(pod)).collect();
        times.sort_unstable();
        times.dedup();
        let epoch = self.cluster.nodes[node].epoch;
        for time in times {
            self.at(time, Event::TaintEviction(node, epoch));
        }
    }

    /// When a bound pod must leave its node because of a NoExecute taint.
    fn leaves_by_taint(&self, pod: PodId) -> Option<SimTime> {
        let row = &self.cluster.pods[pod];
        let node = row.node.filter(|_| row.phase.is_active() && row.bound != SimTime::NEVER)?;
        let tainted = self.health.tainted.get(&node).copied().unwrap_or(SimTime::ZERO);
        let tolerations = &self.cluster.shape(pod).tolerations;
        eviction_time(&self.cluster.nodes[node].taints, tolerations, tainted.max(row.bound))
    }

    /// A pod has been bound: a NoExecute taint of its node may limit its stay.
    pub fn watch_taints(&mut self, pod: PodId) {
        let Some(node) = self.cluster.pods[pod].node else { return };
        let row = &self.cluster.nodes[node];
        if row.taints.iter().all(|taint| taint.effect != TaintEffect::NoExecute) {
            return;
        }
        let epoch = row.epoch;
        if let Some(time) = self.leaves_by_taint(pod) {
            self.at(time, Event::TaintEviction(node, epoch));
        }
    }

    /// Pods whose stay on a tainted node is over are deleted, budgets or not.
    pub fn taint_evictions(&mut self, node: NodeId) {
        for pod in self.cluster.nodes[node].used.pods.clone() {
            if self.leaves_by_taint(pod).is_some_and(|time| time <= self.now) {
                let grace = self.cluster.shape(pod).grace;
                self.pod_stops(pod, Stop::Evicted, Actor::NodeController, false);
                self.stop_pod(pod, grace, Stop::Evicted);
            }
        }
    }
}
