//! Nodes: the VM runs, the kubelet registers, Ready, silent, gone.

use crate::control::node::{Condition, condition_taints, garbage_collected};
use crate::model::{NodePhase, PodPhase};
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::rules::{NodeFacts, fits_node_affinity, untolerated};
use crate::sim::apply::pods::Stop;
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{NodeId, PodId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

impl World<'_> {
    /// The VM runs. Pods that wait for it now wait for its node.
    pub fn vm_running(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        self.fingerprint.add(self.now, 10, u64::from(node.0), 0);
        self.billing_begins(node);
        self.record.pools[pool].created += u64::from(self.counts());
        self.note_step(Actor::Azure, "vm-running", Object::Node(node));
        // In order of creation; a pod that came back to this node is listed twice.
        let mut waiting = self.capacity.waiting_for.remove(&node).unwrap_or_default();
        waiting.sort_unstable();
        waiting.dedup();
        for pod in waiting {
            let waits = self.record.pod_clocks[pod].coming == Some(node);
            if waits && self.cluster.pending.contains(&pod) {
                self.set_pod_wait(pod, Some(Cause::NodeReady), Some(pool), Some(node));
            }
        }
    }

    /// The kubelet registers: a Node object with the not-ready taint. DaemonSet pods are made
    /// first.
    pub fn node_registered(&mut self, node: NodeId) {
        self.cluster.register_node(node, self.now);
        let names = &self.names.lifecycle;
        let row = &mut self.cluster.nodes[node];
        row.taints.extend(condition_taints(names, Condition::NotReady, false, false));
        self.begin_initialization(node);
        self.fingerprint.add(self.now, 11, u64::from(node.0), 0);
        self.scheduling.scheduler.node_added(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.create_daemon_pods(node);
        self.wake_scheduler(self.now);
    }

    /// One pod of each DaemonSet whose pods may run on the node.
    pub fn create_daemon_pods(&mut self, node: NodeId) {
        let daemons: Vec<WorkloadId> = self
            .plan
            .workloads
            .enumerate()
            .filter(|(_, spec)| spec.kind == WorkloadKind::DaemonSet)
            .map(|(id, _)| id)
            .collect();
        for workload in daemons {
            if self.daemon_runs_on(workload, node) {
                self.create_daemon_pod(workload, node);
            }
        }
    }

    /// Whether a DaemonSet wants a pod on the node.
    pub fn daemon_runs_on(&self, workload: WorkloadId, node: NodeId) -> bool {
        // kubernetes `pkg/controller/daemon/daemon_controller.go` `NodeShouldRunDaemonPod`,
        // v1.36.2.
        let shape = &self.cluster.shapes[self.template(workload)];
        let facts = NodeFacts::of(&self.cluster.nodes[node]);
        // azure-aks-docs `virtual-nodes.md`: no DaemonSet has pods on the virtual node.
        if self.is_virtual(Some(node)) {
            return false;
        }
        fits_node_affinity(shape, &facts, &self.cluster.symbols)
            && untolerated(facts.taints, &shape.tolerations).is_none()
    }

    /// A DaemonSet's pod for a node.
    pub fn create_daemon_pod(&mut self, workload: WorkloadId, node: NodeId) {
        let shape = self.template(workload);
        self.cluster.workloads[workload].replicas += 1;
        self.create_or_hold(workload, shape, Some(node), None);
    }

    /// The node is Ready: the taint goes, pods may come.
    pub fn node_ready(&mut self, node: NodeId) {
        let first = self.cluster.nodes[node].ready == SimTime::NEVER;
        self.cluster.set_node_phase(node, NodePhase::Ready, self.now);
        let names = &self.names.lifecycle;
        let row = &mut self.cluster.nodes[node];
        row.taints.retain(|taint| !names.owns(taint));
        row.taints.extend(condition_taints(names, Condition::Ready, row.unschedulable, false));
        if first {
            self.record.nodes[node].first_ready = Some(self.now);
            if let Some(pool) = self.cluster.nodes[node].pool {
                self.record.pools[pool].coming -= 1;
            }
        }
        self.count_ready(node, true);
        self.watch_initialization_taints(node);
        self.fingerprint.add(self.now, 12, u64::from(node.0), 0);
        self.note_step(Actor::NodeController, "node-ready", Object::Node(node));
        self.scheduling.scheduler.node_changed(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.wake_scheduler(self.now);
    }

    /// The VM is gone, with everything on it. `graceful` says that the Node object goes with it
    /// (the autoscaler deletes it); otherwise its silence must be noticed first.
    pub fn vm_gone(&mut self, node: NodeId, graceful: bool) {
        let row = &self.cluster.nodes[node];
        if row.gone != SimTime::NEVER {
            return;
        }
        let had_node = row.phase.has_node();
        let was_coming = row.ready == SimTime::NEVER;
        let (pool, pods) = (row.pool, row.used.pods.clone());
        self.fingerprint.add(self.now, 13, u64::from(node.0), u64::from(graceful));
        let noticed = row.phase == NodePhase::NotReady;
        self.never_back(node);
        self.count_ready(node, false);
        self.billing_ends(node);
        self.disk_goes(node);
        if let Some(pool) = pool
            && was_coming
        {
            self.record.pools[pool].coming -= 1;
        }
        for pod in pods {
            self.pod_lost(pod);
        }
        self.kubelets.forget(node);
        self.kubelets.images.remove(&node);
        self.cluster.remove_instance(node, self.now);
        if !had_node {
            return;
        }
        if graceful {
            self.node_deleted(node);
        } else if noticed {
            let epoch = self.cluster.nodes[node].epoch;
            self.at(self.now + self.plan.timing.node_removal, Event::NodeDeleted(node, epoch));
        } else {
            self.await_silence(node);
        }
    }

    /// What ran on a lost VM stops at once; the API still shows it.
    pub fn pod_lost(&mut self, pod: PodId) {
        self.pod_stops(pod, Stop::Lost, Actor::Azure, false);
        self.consumer_gone(pod);
        self.set_pod_cause(pod, None);
        self.restart_over(pod);
        self.use_ends(pod);
        // The events of its start and of its life are void: nothing runs any more.
        let row = &mut self.cluster.pods[pod];
        row.epoch = row.epoch.wrapping_add(1);
        let end = &mut self.record.pod_ends[pod];
        if end.how.is_empty() {
            end.how = Stop::Lost.word();
        }
    }

    /// The Node object is deleted; pods still bound to it are collected after their quarantine.
    pub fn node_deleted(&mut self, node: NodeId) {
        if !self.cluster.registered.contains(&node) {
            return;
        }
        self.cluster.unregister_node(node);
        self.scheduling.scheduler.node_removed(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.fingerprint.add(self.now, 14, u64::from(node.0), 0);
        self.forget_taints(node);
        self.wake_evictions(self.now);
        let mut left = false;
        for pod in self.cluster.nodes[node].used.pods.clone() {
            let row = &self.cluster.pods[pod];
            if self.plan.workloads[row.workload].kind == WorkloadKind::DaemonSet {
                // It leaves with its node and is not replaced.
                self.end_pod(pod, Stop::Lost);
            } else {
                left = true;
            }
        }
        if left {
            let collected = garbage_collected(self.now, self.health.gc_phase);
            self.at(collected, Event::PodsCollected(node));
        }
        self.drop_waiting_daemon_pods(node);
        self.wake_scheduler(self.now);
    }

    /// Pods that are still bound to a Node that is gone are deleted.
    pub fn pods_collected(&mut self, node: NodeId) {
        for pod in self.cluster.nodes[node].used.pods.clone() {
            self.end_pod(pod, Stop::Lost);
        }
    }

    /// DaemonSet pods that were made for a node and never got onto it go with it.
    fn drop_waiting_daemon_pods(&mut self, node: NodeId) {
        let mut waiting = Vec::new();
        for (workload, spec) in self.plan.workloads.enumerate() {
            if spec.kind == WorkloadKind::DaemonSet {
                let pods = self.cluster.workloads[workload].pods.iter().copied();
                waiting.extend(pods.filter(|&pod| {
                    let row = &self.cluster.pods[pod];
                    row.phase == PodPhase::Pending && row.node == Some(node)
                }));
            }
        }
        for pod in waiting {
            self.end_pod(pod, Stop::Lost);
        }
    }
}
