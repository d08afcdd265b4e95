//! New nodes and the taints that they lose on their way: the cloud provider's, and the pool's own.
//!
//! kubernetes v1.36.2 `k8s.io/cloud-provider/controllers/node/node_controller.go`
//! (`uninitialized` goes when addresses, zone and size are set); azure-aks-docs
//! `use-node-taints.md` @ fb060ab (initialization taints are put on each new or upgraded node, and
//! are not put back when they have been removed).

use crate::chance::Purpose;
use crate::model::{Taint, TaintEffect};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::names::key;
use crate::sim::world::World;
use crate::unit::{Duration, NodeId, Symbol};

impl World<'_> {
    /// A node registers with taints that are not there for long.
    pub fn begin_initialization(&mut self, node: NodeId) {
        let length = self.initialization_time(node, false);
        if !length.is_zero() {
            let name = self.names.lifecycle.uninitialized;
            let taint = Taint { key: name, value: Symbol::EMPTY, effect: TaintEffect::NoSchedule };
            self.cluster.nodes[node].taints.push(taint);
            let epoch = self.cluster.nodes[node].epoch;
            self.at(self.now + length, Event::NodeInitialized(node, epoch));
        }
        self.put_initialization_taints(node);
    }

    /// The pool's initialization taints, on a node that is new or has a new OS disk.
    pub fn put_initialization_taints(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        for taint in &self.plan.pools[pool].initialization_taints {
            let taints = &mut self.cluster.nodes[node].taints;
            if !taints.contains(taint) {
                taints.push(*taint);
            }
        }
    }

    /// A node is Ready: the agent that removes its initialization taints goes to work.
    pub fn watch_initialization_taints(&mut self, node: NodeId) {
        if self.initialization_taints_on(node).is_empty() {
            return;
        }
        let length = self.initialization_time(node, true);
        let epoch = self.cluster.nodes[node].epoch;
        self.at(self.now + length, Event::NodePrepared(node, epoch));
    }

    fn initialization_taints_on(&self, node: NodeId) -> Vec<Taint> {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return Vec::new() };
        let own = &self.plan.pools[pool].initialization_taints;
        row.taints.iter().copied().filter(|taint| own.contains(taint)).collect()
    }

    fn initialization_time(&self, node: NodeId, agent: bool) -> Duration {
        let timing = &self.plan.timing;
        let dist = if agent { &timing.taints_removed } else { &timing.cloud_initialization };
        let row = &self.cluster.nodes[node];
        let name = row.pool.map_or("", |pool| self.plan.symbols.text(self.plan.pools[pool].name));
        let entity = key("initialization", name, "");
        let ordinal = u64::from(row.instance.0) << 1 | u64::from(agent);
        dist.sample_keyed(self.seed, Purpose::NodeInitialization, entity, ordinal)
    }

    /// The cloud node manager has initialised a node.
    pub fn node_initialized(&mut self, node: NodeId) {
        let name = self.names.lifecycle.uninitialized;
        self.lose_taints(node, |taint| taint.key == name);
        self.note_step(Actor::NodeController, "node-initialized", Object::Node(node));
    }

    /// The pool's agent has prepared a node.
    pub fn node_prepared(&mut self, node: NodeId) {
        let own = self.initialization_taints_on(node);
        if own.is_empty() {
            return;
        }
        self.lose_taints(node, |taint| own.contains(taint));
        let name = self.node_name(node);
        self.note(Actor::Kubelet, "node-prepared", Object::Node(node), "", None, || {
            format!("an agent on {name} has removed its initialization taints")
        });
    }

    /// Taints go; DaemonSets that they kept away come, and pods may.
    fn lose_taints(&mut self, node: NodeId, gone: impl Fn(&Taint) -> bool) {
        self.cluster.nodes[node].taints.retain(|taint| !gone(taint));
        self.node_spec_changed(node);
        self.wake_daemon_sets();
    }
}
