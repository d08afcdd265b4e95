//! Nodes that the autoscaler deletes: taint, evictions, and the VM.

use crate::control::autoscaler::{Deletion, DeletionAction, GiveUp, Occupant};
use crate::control::disruption::{Budget, Eviction, Target, evict};
use crate::model::{PodPhase, Taint, TaintEffect};
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{NodeId, PodId};

impl World<'_> {
    /// The autoscaler begins to delete a node.
    pub fn begin_deletion(&mut self, node: NodeId, drain: bool) {
        let spec = &self.plan.autoscaler;
        let (deletion, next) = Deletion::begin(spec, node, drain, self.now);
        let cordon = spec.cordon;
        self.capacity.deletions.insert(node, deletion);
        let taint = Taint {
            key: self.names.to_be_deleted,
            value: Default::default(),
            effect: TaintEffect::NoSchedule,
        };
        let row = &mut self.cluster.nodes[node];
        row.taints.retain(|other| other.key != self.names.deletion_candidate);
        row.taints.push(taint);
        row.unschedulable |= cordon;
        self.node_spec_changed(node);
        self.fingerprint.add(self.now, 9, u64::from(node.0), u64::from(drain));
        self.at(next, Event::DeletionStep(node));
    }

    /// A pod has left a node: a deletion that waits for it may go on at its next poll.
    pub fn occupants(&self, node: NodeId) -> Vec<Occupant> {
        self.cluster.nodes[node]
            .used
            .pods
            .iter()
            .map(|&pod| {
                let row = &self.cluster.pods[pod];
                Occupant {
                    pod,
                    grace: self.cluster.shape(pod).grace,
                    daemon: self.plan.workloads[row.workload].kind == WorkloadKind::DaemonSet,
                    stopping: row.phase == PodPhase::Terminating,
                }
            })
            .collect()
    }

    /// One step of a deletion.
    pub fn deletion_step(&mut self, node: NodeId) {
        let Some(mut deletion) = self.capacity.deletions.remove(&node) else { return };
        let occupants = self.occupants(node);
        for action in deletion.step(&self.plan.autoscaler, &occupants, self.now) {
            match action {
                DeletionAction::Evict { pod, grace, best_effort } => {
                    if self.evict_pod(pod, grace) && !best_effort {
                        deletion.granted(pod);
                    }
                }
                DeletionAction::DeleteVm => {
                    let name = self.node_name(node);
                    let drain = deletion.drain;
                    self.note(
                        Actor::Autoscaler,
                        "delete-node",
                        Object::Node(node),
                        if drain { "ca.drained" } else { "ca.empty" },
                        None,
                        || format!("{name} was not needed for scale-down-unneeded-time"),
                    );
                    self.delete_instance(node, "scale-down");
                    self.autoscaler_deletion_ended(node, true);
                }
                DeletionAction::GiveUp(why) => self.give_up_deletion(node, why),
            }
        }
        if !deletion.is_over() {
            let occupants = self.occupants(node);
            if let Some(next) = deletion.next(&occupants, self.now) {
                self.at(next, Event::DeletionStep(node));
            }
            self.capacity.deletions.insert(node, deletion);
        }
    }

    fn give_up_deletion(&mut self, node: NodeId, why: GiveUp) {
        let (code, text) = match why {
            GiveUp::NotEmpty => ("ca.not-empty", "pods have come since it was chosen"),
            GiveUp::EvictionRefused => {
                ("ca.eviction-refused", "evictions were refused for max-pod-eviction-time")
            }
            GiveUp::PodsStayed => {
                ("ca.pods-stayed", "pods did not go within max-graceful-termination-sec")
            }
        };
        let name = self.node_name(node);
        self.note(Actor::Autoscaler, "keep-node", Object::Node(node), code, None, || {
            format!("{name} is kept: {text}")
        });
        let row = &mut self.cluster.nodes[node];
        row.taints.retain(|taint| taint.key != self.names.to_be_deleted);
        row.unschedulable = false;
        self.node_spec_changed(node);
        self.autoscaler_deletion_ended(node, false);
    }

    /// Whether the eviction API grants the eviction of a pod now; a granted one uses the budget.
    pub fn eviction_granted(&mut self, pod: PodId) -> bool {
        self.count_budgets();
        let row = &self.cluster.pods[pod];
        let target = Target {
            not_running: row.phase == PodPhase::Pending || row.phase.is_over(),
            terminating: row.phase == PodPhase::Terminating,
            ready: row.phase == PodPhase::Ready,
        };
        let covering = self.budgets_of(pod).to_vec();
        let budgets: Vec<Budget> = covering
            .iter()
            .map(|&budget| {
                let state = &self.cluster.budgets[budget];
                Budget {
                    allowed: state.allowed,
                    healthy: state.healthy,
                    desired: state.desired,
                    disrupted: state.disrupted.len(),
                    always_allow_unhealthy: self.plan.budgets[budget].always_allow_unhealthy,
                }
            })
            .collect();
        let verdict = evict(target, &budgets);
        if verdict == Eviction::Charged {
            let state = &mut self.cluster.budgets[covering[0]];
            state.allowed -= 1;
            state.disrupted.push((pod, self.now));
        } else if !verdict.is_granted() {
            let name = self.pod_name(pod);
            let object = Object::Pod(pod);
            self.note(Actor::NodeController, "refuse-eviction", object, "pdb", None, || {
                format!("{name} is not evicted: its disruption budget allows none now")
            });
        }
        verdict.is_granted()
    }
}
