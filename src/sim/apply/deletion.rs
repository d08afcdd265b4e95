//! Nodes that the autoscaler deletes: taint, evictions, and the VM.

use crate::control::autoscaler::{Deletion, DeletionAction, DeletionEnd, DeletionStep, GivenUp};
use crate::control::disruption::{Budget, Eviction, Target, evict};
use crate::model::{PodPhase, Taint, TaintEffect};
use crate::record::{Actor, Object};
use crate::sim::capacity::autoscaler_view;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{NodeId, PodId};

impl World<'_> {
    /// The autoscaler begins to delete a node.
    pub fn begin_deletion(&mut self, node: NodeId, drain: bool) {
        let (deletion, step) = Deletion::begin(&self.plan.autoscaler, node, drain, self.now);
        self.fingerprint.add(self.now, 9, u64::from(node.0), u64::from(drain));
        self.carry_out(deletion, step);
    }

    /// One step of a deletion.
    pub fn deletion_step(&mut self, node: NodeId) {
        let Some(mut deletion) = self.capacity.deletions.remove(&node) else { return };
        let view = autoscaler_view(&self.cluster, &self.capacity);
        let step = deletion.step(&self.plan.autoscaler, &view, self.now);
        self.carry_out(deletion, step);
    }

    fn carry_out(&mut self, mut deletion: Deletion, step: DeletionStep) {
        let node = deletion.node;
        for action in step.actions {
            match action {
                DeletionAction::Taint { cordon } => self.taint_for_deletion(node, cordon),
                DeletionAction::Untaint => self.untaint_after_deletion(node),
                DeletionAction::Evict { pod, grace, .. } => {
                    let granted = self.evict_pod(pod, grace, Actor::Autoscaler);
                    deletion.evicted(pod, granted);
                }
                DeletionAction::JoinBatch => {
                    let Some(pool) = self.cluster.nodes[node].pool else { continue };
                    let over = &mut self.capacity.batches[pool];
                    if *over <= self.now {
                        *over = self.now + self.plan.autoscaler.deletion_batch;
                    }
                    let over = *over;
                    self.at(over, Event::DeletionStep(node));
                }
                DeletionAction::DeleteInstance => {
                    let name = self.node_name(node);
                    let code = if deletion.drain { "ca.drained" } else { "ca.empty" };
                    let unneeded = self.plan.autoscaler.unneeded_time;
                    self.note(
                        Actor::Autoscaler,
                        "delete-node",
                        Object::Node(node),
                        code,
                        None,
                        || format!("{name} was not needed for scale-down-unneeded-time {unneeded}"),
                    );
                    self.scale_in(node, "scale-down");
                    self.count_own_deletion(node);
                }
            }
        }
        match step.end {
            Some(DeletionEnd::Deleted) => self.capacity.autoscaler.deletion_done(node, self.now),
            Some(DeletionEnd::GivenUp(why)) => {
                self.capacity.autoscaler.deletion_failed(node, false, self.now);
                self.note_given_up(node, why);
            }
            None => {
                if let Some(next) = step.next_wake {
                    self.at(next, Event::DeletionStep(node));
                }
                self.capacity.deletions.insert(node, deletion);
            }
        }
    }

    fn taint_for_deletion(&mut self, node: NodeId, cordon: bool) {
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
    }

    /// The autoscaler gives a node back to the scheduler.
    pub fn untaint_after_deletion(&mut self, node: NodeId) {
        let row = &mut self.cluster.nodes[node];
        row.taints.retain(|taint| taint.key != self.names.to_be_deleted);
        row.unschedulable = false;
        self.node_spec_changed(node);
    }

    fn note_given_up(&mut self, node: NodeId, why: GivenUp) {
        let (code, text) = match why {
            GivenUp::NotEmpty => ("ca.not-empty", "pods have come since it was chosen"),
            GivenUp::Blocked => ("ca.blocked", "a pod has come that must not be moved"),
            GivenUp::EvictionRefused => {
                ("ca.eviction-refused", "evictions were refused for max-pod-eviction-time")
            }
            GivenUp::PodsRemain => {
                ("ca.pods-remain", "pods did not go within max-graceful-termination-sec")
            }
            GivenUp::NodeGone => ("ca.node-gone", "it is gone already"),
        };
        let name = self.node_name(node);
        self.note(Actor::Autoscaler, "keep-node", Object::Node(node), code, None, || {
            format!("{name} is not deleted: {text}")
        });
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
