//! Planned events of the scenario.

use crate::chance::{Purpose, Stream};
use crate::model::NodePhase;
use crate::plan::{Controller, InjectKind};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::step::Loop;
use crate::sim::world::World;
use crate::unit::{NodeId, PoolId, SimTime};

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
            InjectKind::ZoneDown { zone, length } => {
                self.capacity.region.zone_down(*zone, self.now + *length);
                let lost: Vec<NodeId> = self
                    .cluster
                    .nodes
                    .enumerate()
                    .filter(|&(id, row)| {
                        self.can_be_lost(id) && row.labels.get(self.names.zone) == Some(*zone)
                    })
                    .map(|(id, _)| id)
                    .collect();
                let name = plan.symbols.text(*zone);
                self.note(
                    Actor::Scenario,
                    "zone-down",
                    Object::Cluster,
                    "",
                    Some((lost.len() as i64, 0)),
                    || format!("zone {name} is lost, with {} nodes", lost.len()),
                );
                for node in lost {
                    self.lose_node(node);
                }
            }
            InjectKind::NodeDown { pool, index } => {
                let node = self.live_nodes(*pool).into_iter().nth(*index as usize);
                if let Some(node) = node {
                    self.note_step(Actor::Scenario, "node-down", Object::Node(node));
                    self.lose_node(node);
                }
            }
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
            InjectKind::ControllerRestart { controller } => self.restart_controller(*controller),
        }
    }

    /// Nodes of a pool whose VM exists and runs, in order of request.
    pub fn live_nodes(&self, pool: PoolId) -> Vec<NodeId> {
        self.cluster.pools[pool]
            .instances
            .iter()
            .copied()
            .filter(|&node| self.record.nodes[node].billed_from.is_some() && self.can_be_lost(node))
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

    fn evict_share(&mut self, pool: PoolId, fraction: f64, index: usize) {
        let mut nodes = self.live_nodes(pool);
        let wanted = ((nodes.len() as f64 * fraction).ceil() as usize).min(nodes.len());
        let mut stream = Stream::keyed(self.seed, Purpose::Inject, index as u64, 0);
        for chosen in 0..wanted {
            let other = chosen + stream.below(nodes.len() - chosen);
            nodes.swap(chosen, other);
        }
        nodes.truncate(wanted);
        nodes.sort_unstable();
        self.note(
            Actor::Scenario,
            "evict",
            Object::Pool(pool),
            "",
            Some((wanted as i64, 0)),
            || format!("{wanted} nodes are told that they will be evicted"),
        );
        for node in nodes {
            self.spot_notice(node);
        }
    }

    /// A VM is lost without warning and does not come back.
    pub fn lose_node(&mut self, node: NodeId) {
        self.record.nodes[node].end = "lost";
        self.provider_lost(node);
        self.vm_gone(node, false);
    }

    /// A controller restarts: what it remembered is gone.
    fn restart_controller(&mut self, controller: Controller) {
        match controller {
            Controller::ControllerManager => {
                for workload in self.plan.workloads.ids() {
                    self.wake_loop(workload, Loop::Syncs);
                    self.scaling[workload].hpa = Default::default();
                }
            }
            Controller::Keda => self.restart_keda(),
            Controller::Autoscaler => self.restart_autoscaler(),
        }
    }
}
