//! Planned events of the scenario.

use crate::chance::Purpose;
use crate::model::NodePhase;
use crate::plan::{Controller, InjectKind, NodeTarget, Outage};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::step::Loop;
use crate::sim::world::World;
use crate::unit::{Duration, Lots, NodeId, PoolId, SimTime, Symbol};

impl World<'_> {
    /// Schedules the planned events.
    pub fn start_injects(&mut self) {
        for index in 0..self.plan.injects.len() {
            self.at(self.plan.injects[index].at, Event::Inject(index as u32));
        }
    }

    /// A planned event begins.
    pub fn inject_begins(&mut self, index: usize) {
        let plan = self.plan;
        self.fingerprint.add(self.now, 20, index as u64, 0);
        match &plan.injects[index].kind {
            InjectKind::Evict { pool, fraction } => self.evict_share(*pool, *fraction, index),
            InjectKind::ZoneDown { zone, length } => self.zone_down(*zone, *length),
            InjectKind::NodeDown { node, outage } => self.node_down(*node, *outage),
            InjectKind::SourceFail { queue, length } => {
                self.work.fail_source(*queue, self.now + *length);
                self.wake_readers(*queue);
                self.note(Actor::Scenario, "source-fail", Object::Queue(*queue), "", None, || {
                    format!("the queue's metric cannot be read for {length}")
                });
            }
            InjectKind::Crash(spec) => self.crash_begins(index as u32, spec),
            InjectKind::RegistryDown { length } => {
                let until = self.now + *length;
                let down = &mut self.kubelets.registry_down_until;
                *down = (*down).max(until);
                self.note(Actor::Scenario, "registry-down", Object::Cluster, "", None, || {
                    format!("no image can be pulled for {length}")
                });
            }
            InjectKind::SetReplicas { workload, replicas } => {
                self.set_replicas(*workload, *replicas, Actor::Scenario, "scenario.inject", || {
                    "set by the scenario".to_owned()
                });
            }
            InjectKind::Rollout(spec) => self.begin_rollout(spec),
            InjectKind::Upgrade { pool, spec } => self.begin_upgrade(*pool, *spec),
            InjectKind::ControllerRestart { controller } => self.restart_controller(*controller),
        }
    }

    /// A zone fails: VMs that run stop until it is back, those on their way are lost.
    fn zone_down(&mut self, zone: Symbol, length: Duration) {
        self.capacity.region.zone_down(zone, self.now + length);
        let hit: Vec<NodeId> = self
            .cluster
            .nodes
            .enumerate()
            .filter(|&(id, row)| {
                self.can_be_lost(id) && row.labels.get(self.names.zone) == Some(zone)
            })
            .map(|(id, _)| id)
            .collect();
        let name = self.plan.symbols.text(zone);
        let change = Some((hit.len() as i64, 0));
        self.note(Actor::Scenario, "zone-down", Object::Cluster, "", change, || {
            format!("zone {name} is down for {length}, with {} nodes", hit.len())
        });
        for node in hit {
            if self.cluster.nodes[node].ready == SimTime::NEVER {
                self.lose_node(node);
            } else {
                self.vm_stops(node, Some(length), None);
            }
        }
    }

    /// A VM stops; a node that is not there any more cannot.
    fn node_down(&mut self, target: NodeTarget, outage: Outage) {
        let node = match target {
            NodeTarget::OfPool(pool, index) => {
                self.live_nodes(pool).into_iter().nth(index as usize)
            }
            NodeTarget::Given(name) => {
                let named = |node: &NodeId| self.cluster.nodes[*node].name == name;
                self.cluster.registered.iter().copied().find(named)
            }
        };
        let Some(node) = node else {
            let missing = || "there is no such node now".to_owned();
            self.note(Actor::Scenario, "node-down", Object::Cluster, "none", None, missing);
            return;
        };
        let name = self.node_name(node);
        self.note(Actor::Scenario, "node-down", Object::Node(node), "", None, || match outage {
            Outage::Lost => format!("{name} is lost"),
            Outage::For(length) => format!("{name} stops for {length}"),
            Outage::NotReady(length) => format!("the kubelet of {name} says for {length} NotReady"),
            Outage::RepairedBy(repair) => {
                format!("{name} stops until AKS mends it ({})", repair.word())
            }
        });
        let running = self.cluster.nodes[node].ready != SimTime::NEVER;
        match outage {
            Outage::For(length) if running => self.vm_stops(node, Some(length), None),
            Outage::NotReady(length) => self.kubelet_not_ready(node, length),
            Outage::RepairedBy(repair) if running => self.vm_stops(node, None, Some(repair)),
            _ => self.lose_node(node),
        }
    }

    /// Nodes of a pool whose VM exists and runs, in order of request.
    pub fn live_nodes(&self, pool: PoolId) -> Vec<NodeId> {
        self.cluster.pools[pool]
            .instances
            .iter()
            .copied()
            .filter(|&node| self.record.nodes[node].is_billed() && self.can_be_lost(node))
            .collect()
    }

    /// Whether a node has a VM to lose: an instance that failed has none, and one that is being
    /// deleted is counted out of its pool's size already.
    fn can_be_lost(&self, node: NodeId) -> bool {
        let row = &self.cluster.nodes[node];
        row.gone == SimTime::NEVER
            && row.phase != NodePhase::Deleting
            && !self.capacity.failures.contains_key(&node)
    }

    /// The provider takes a share of the VMs that run and have not been told to go yet.
    fn evict_share(&mut self, pool: PoolId, fraction: f64, index: usize) {
        let plan = self.plan;
        let lots = Lots::new(self.seed).of(Purpose::Inject as u64).of(index as u64);
        let set = &mut self.capacity.scale_sets[pool];
        let evictions = set.evict_share(&plan.pools[pool], fraction, self.now, lots);
        let count = evictions.len();
        self.note(
            Actor::Scenario,
            "evict",
            Object::Pool(pool),
            "",
            Some((count as i64, 0)),
            || format!("{count} nodes are told that they will be evicted"),
        );
        for eviction in evictions {
            let node = self.capacity.nodes_of[pool][eviction.instance.0 as usize];
            self.spot_notice(node);
        }
    }

    /// A VM is lost without warning and does not come back.
    pub fn lose_node(&mut self, node: NodeId) {
        self.record.nodes[node].end = "lost";
        self.vm_taken(node);
    }

    /// A controller restarts: what it remembered is gone.
    fn restart_controller(&mut self, controller: Controller) {
        match controller {
            Controller::ControllerManager => {
                for workload in self.plan.workloads.ids() {
                    self.wake_loop(workload, Loop::Syncs);
                    self.scaling[workload].hpa = Default::default();
                    // What it would do next may be held back by something else now.
                    self.refresh_consumed_queue(workload);
                }
            }
            Controller::Keda => self.restart_keda(),
            Controller::Autoscaler => self.restart_autoscaler(),
        }
    }
}
