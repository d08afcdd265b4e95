//! Upgrades of pools: what they decide is carried out every few seconds, as AKS looks.

use crate::control::node::{
    DRAIN_RETRY, NodeState, Repair, Upgrade, UpgradeAction, UpgradeSpec, surge_nodes,
};
use crate::model::NodePhase;
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{NodeId, PoolId, SimTime};

/// From this minor version on AKS tries again with one surge node if it cannot have all of them
/// (AKS release notes 2026-01-04).
const SURGE_FALLBACK: u16 = 35;

impl World<'_> {
    /// AKS begins to upgrade a pool. The autoscaler leaves its nodes alone meanwhile.
    pub fn begin_upgrade(&mut self, pool: PoolId, spec: UpgradeSpec) {
        let object = Object::Pool(pool);
        if self.upgrades.contains_key(&pool) {
            self.note(Actor::Azure, "refuse", object, "aks.upgrading", None, || {
                "the pool is being upgraded already".to_owned()
            });
            return;
        }
        let mut nodes = self.live_nodes(pool);
        nodes.retain(|&node| self.cluster.nodes[node].ready != SimTime::NEVER);
        let count = nodes.len() as u32;
        let surge = surge_nodes(&spec, count);
        let Some(surge) = self.request_surge(pool, surge, &spec) else {
            self.note(Actor::Azure, "fail-upgrade", object, "aks.surge", None, || {
                "there is no room for surge nodes".to_owned()
            });
            return;
        };
        let change = Some((i64::from(count), i64::from(count) + surge.len() as i64));
        self.note(Actor::Azure, "upgrade", object, "", change, || {
            format!("{count} nodes by means of {} surge nodes", surge.len())
        });
        for &node in nodes.iter().chain(&surge) {
            self.cluster.nodes[node].scale_down_disabled = true;
        }
        self.upgrades.insert(pool, Upgrade::new(spec, nodes, surge));
        self.at(self.now, Event::UpgradeStep(pool));
    }

    /// Asks for the surge nodes; `None` if the upgrade cannot go on without them.
    fn request_surge(
        &mut self,
        pool: PoolId,
        surge: u32,
        spec: &UpgradeSpec,
    ) -> Option<Vec<NodeId>> {
        let before = self.cluster.pools[pool].instances.len();
        let mut got = surge == 0 || self.request_nodes(pool, surge).is_ok();
        if !got && self.plan.version.at_least(SURGE_FALLBACK) {
            got = (surge > 1 && self.request_nodes(pool, 1).is_ok())
                || spec.max_unavailable.of_rounded_up(100) > 0;
        }
        got.then(|| self.cluster.pools[pool].instances[before..].to_vec())
    }

    /// The upgrade of a pool goes as far as it can.
    pub fn upgrade_step(&mut self, pool: PoolId) {
        let Some(mut upgrade) = self.upgrades.remove(&pool) else { return };
        let actions = upgrade.step(self.now, |node| self.node_state(node));
        for action in actions {
            self.carry_out_upgrade(pool, action);
        }
        if upgrade.is_over() {
            for node in self.cluster.pools[pool].instances.clone() {
                let own = self.plan.pools[pool].annotations.scale_down_disabled;
                self.cluster.nodes[node].scale_down_disabled = own;
            }
            return;
        }
        self.upgrades.insert(pool, upgrade);
        self.at(self.now + DRAIN_RETRY, Event::UpgradeStep(pool));
    }

    fn node_state(&self, node: NodeId) -> NodeState {
        let row = &self.cluster.nodes[node];
        let over = matches!(row.phase, NodePhase::Failed | NodePhase::Deleting | NodePhase::Gone);
        if over || row.gone != SimTime::NEVER {
            NodeState::Gone
        } else if row.phase != NodePhase::Ready || self.is_silent(node) {
            NodeState::NotReady
        } else if row.used.pods.iter().all(|&pod| self.is_daemon_pod(pod)) {
            NodeState::Empty
        } else {
            NodeState::Occupied
        }
    }

    fn carry_out_upgrade(&mut self, pool: PoolId, action: UpgradeAction) {
        match action {
            UpgradeAction::Cordon(node) => {
                self.note_upgrade("drain", node, "aks.upgrade");
                self.cordon(node);
            }
            UpgradeAction::Evict(node) => {
                for pod in self.drainable_pods(node) {
                    let grace = self.cluster.shape(pod).grace;
                    self.evict_pod(pod, grace, Actor::Azure);
                }
            }
            UpgradeAction::Reimage(node) => {
                self.note_upgrade("reimage", node, "aks.upgrade");
                self.cluster.nodes[node].images.clear();
                self.put_initialization_taints(node);
                self.vm_stops(node, Some(Repair::Reimage.length()), None);
            }
            UpgradeAction::Uncordon(node) => {
                self.note_upgrade("uncordon", node, "aks.upgrade");
                self.uncordon(node);
            }
            UpgradeAction::Quarantine(node) => {
                self.note_upgrade("quarantine", node, "aks.drain-timeout");
            }
            UpgradeAction::DeleteSurge(node) => {
                self.note_upgrade("delete-node", node, "aks.surge");
                self.delete_instance(node, "surge");
            }
            UpgradeAction::Fail(node) => {
                let name = self.node_name(node);
                let object = Object::Pool(pool);
                self.note(Actor::Azure, "fail-upgrade", object, "aks.drain-timeout", None, || {
                    format!("{name} could not be drained in drainTimeoutInMinutes")
                });
            }
            UpgradeAction::Finish => {
                let done = || "all nodes are upgraded".to_owned();
                self.note(Actor::Azure, "upgraded", Object::Pool(pool), "", None, done);
            }
        }
    }

    fn note_upgrade(&mut self, action: &'static str, node: NodeId, reason: &'static str) {
        self.fingerprint.add(self.now, 21, u64::from(node.0), action.len() as u64);
        self.note(Actor::Azure, action, Object::Node(node), reason, None, String::new);
    }
}
