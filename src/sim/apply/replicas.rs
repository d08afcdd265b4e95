//! `spec.replicas` changes, and workload controllers follow it.

use crate::control::workload::daemon_set;
use crate::control::workload::replica_set::{
    Candidate, Difference, VictimPhase, difference, victims,
};
use crate::control::workload::stateful_set::{self, Member, next_update};
use crate::model::{NodePhase, PodPhase};
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::sim::apply::pods::Stop;
use crate::sim::apply::rollout::OfVersion;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{NodeId, PodId, ShapeId, SimTime, WorkloadId};

impl World<'_> {
    /// Writes `spec.replicas` of a workload.
    pub fn set_replicas(
        &mut self,
        workload: WorkloadId,
        replicas: u32,
        actor: Actor,
        reason: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        let before = self.cluster.workloads[workload].replicas;
        if before == replicas || !self.is_driven(workload) {
            return;
        }
        self.cluster.workloads[workload].replicas = replicas;
        self.cluster.change += 1;
        let most = &mut self.record.workloads[workload].replicas_max;
        *most = (*most).max(replicas);
        self.fingerprint.add(self.now, 5, u64::from(workload.0), u64::from(replicas));
        let change = Some((i64::from(before), i64::from(replicas)));
        self.note(actor, "set-replicas", Object::Workload(workload), reason, change, detail);
        self.refresh_consumed_queue(workload);
        self.sync_workload(workload);
    }

    /// The workload's controller is woken: it works in its lane at this instant.
    pub fn sync_workload(&mut self, workload: WorkloadId) {
        if self.is_driven(workload) || self.admission.holds(workload) {
            self.wake_controller(workload);
        }
    }

    /// A controller works in its lane at this instant.
    pub fn wake_controller(&mut self, workload: WorkloadId) {
        if !self.syncs[workload] {
            self.syncs[workload] = true;
            self.at(self.now, Event::WorkloadSync(workload));
        }
    }

    /// Whether a controller makes what is there equal to `spec.replicas`; that of other workloads
    /// only counts their pods.
    fn is_driven(&self, workload: WorkloadId) -> bool {
        let kind = self.plan.workloads[workload].kind;
        !matches!(kind, WorkloadKind::Bare | WorkloadKind::DaemonSet | WorkloadKind::ScaledJob)
    }

    /// The workload's controller makes what is there equal to what is wanted, as fast as its API
    /// client may write.
    pub fn workload_sync(&mut self, workload: WorkloadId) {
        self.syncs[workload] = false;
        match self.plan.workloads[workload].kind {
            WorkloadKind::StatefulSet => self.sync_stateful_set(workload),
            WorkloadKind::DaemonSet => {
                self.retry_held(workload);
                if !self.admission.holds(workload) {
                    self.sync_daemon_set(workload);
                }
            }
            WorkloadKind::Job => self.sync_job(workload),
            WorkloadKind::Deployment if self.rolls_out(workload) => self.sync_rollout(workload),
            WorkloadKind::Deployment => self.sync_replica_set(workload, None),
            WorkloadKind::Bare | WorkloadKind::ScaledJob => self.retry_held(workload),
        }
    }

    /// The ReplicaSet controller: of a rollout's version with its specification and number, or of
    /// the whole workload.
    pub fn sync_replica_set(
        &mut self,
        workload: WorkloadId,
        version: Option<(OfVersion, ShapeId, u32)>,
    ) {
        let state = &self.cluster.workloads[workload];
        let (wanted, active, shape) = match version {
            None => (state.replicas, state.active, self.template(workload)),
            Some((version, shape, wanted)) => {
                let of = |pod: &&PodId| {
                    self.is_of(**pod, Some(version)) && self.cluster.pods[**pod].phase.is_active()
                };
                (wanted, state.pods.iter().filter(of).count() as u32, shape)
            }
        };
        if wanted <= active {
            self.admitted(workload);
        }
        match difference(wanted, active) {
            Difference::Create(count) => {
                for _ in 0..count {
                    // A refusal ends the sync (`slowStartBatch`); the work queue brings it back.
                    if !self.may_write(workload) || !self.admit(workload, shape) {
                        return;
                    }
                    self.create_pod(workload, shape, None);
                }
                if active + count < wanted {
                    self.wake_controller(workload);
                }
            }
            Difference::Delete(count) => {
                self.delete_surplus(workload, version.map(|(version, ..)| version), count);
            }
            Difference::None => {}
        }
        self.admitted(workload);
    }

    /// Takes one write of the controllers' API client; if there is none now, the controller goes on
    /// when there is.
    fn may_write(&mut self, workload: WorkloadId) -> bool {
        let next = self.controller_writes.next(self.now);
        if next > self.now {
            self.syncs[workload] = true;
            self.at(next, Event::WorkloadSync(workload));
            return false;
        }
        self.controller_writes.take(self.now);
        true
    }

    fn delete_surplus(&mut self, workload: WorkloadId, of: Option<OfVersion>, surplus: u32) {
        let active: Vec<PodId> = self.cluster.workloads[workload]
            .pods
            .iter()
            .copied()
            .filter(|&pod| self.cluster.pods[pod].phase.is_active() && self.is_of(pod, of))
            .collect();
        let rows: Vec<Candidate> = active.iter().map(|&pod| self.candidate(pod)).collect();
        for index in victims(&rows, surplus as usize, self.now) {
            self.scale_down(active[index]);
        }
    }

    fn scale_down(&mut self, pod: PodId) {
        let grace = self.cluster.shape(pod).grace;
        self.pod_stops(pod, Stop::ScaledDown, Actor::WorkloadController, false);
        self.stop_pod(pod, grace, Stop::ScaledDown);
    }

    /// The StatefulSet controller: pods by ordinal, one after the other unless `Parallel`; of a new
    /// version the highest first.
    fn sync_stateful_set(&mut self, workload: WorkloadId) {
        let state = &self.cluster.workloads[workload];
        let template = self.template(workload);
        let mut pods: Vec<(u32, PodId)> =
            state.pods.iter().map(|&pod| (self.cluster.pods[pod].index, pod)).collect();
        pods.sort_unstable();
        let member = |&(ordinal, pod): &(u32, PodId)| {
            let row = &self.cluster.pods[pod];
            Member {
                ordinal,
                ready: row.phase == PodPhase::Ready,
                terminating: row.phase == PodPhase::Terminating,
                updated: self.vpa.template_of(row.shape) == template,
            }
        };
        let members: Vec<Member> = pods.iter().map(member).collect();
        let management = self.plan.workloads[workload].controller.pod_management;
        let plan = stateful_set::sync(management, state.replicas, &members);
        let settled = plan.create.is_empty() && plan.delete.is_empty();
        let updates = settled && !self.replaces_on_delete(workload);
        let update = if updates { next_update(&members) } else { None };
        for ordinal in plan.create {
            if !self.may_write(workload) || !self.admit(workload, template) {
                return;
            }
            self.create_numbered(workload, template, None, ordinal);
        }
        for ordinal in plan.delete.into_iter().chain(update) {
            if let Ok(at) = pods.binary_search_by_key(&ordinal, |&(ordinal, _)| ordinal) {
                self.scale_down(pods[at].1);
            }
        }
    }

    /// Nodes have changed in what DaemonSets look at. O(workloads).
    pub fn wake_daemon_sets(&mut self) {
        for workload in self.plan.workloads.ids() {
            if self.plan.workloads[workload].kind == WorkloadKind::DaemonSet {
                self.wake_controller(workload);
            }
        }
    }

    /// A pod of a DaemonSet has ended: if its node stays, the controller makes another.
    pub fn daemon_pod_ended(&mut self, workload: WorkloadId, node: Option<NodeId>) {
        if node.is_some_and(|node| self.keeps_daemons(node)) {
            self.wake_controller(workload);
        }
    }

    fn keeps_daemons(&self, node: NodeId) -> bool {
        let row = &self.cluster.nodes[node];
        let there =
            matches!(row.phase, NodePhase::Registered | NodePhase::Ready | NodePhase::NotReady);
        there && row.gone == SimTime::NEVER
    }

    /// The DaemonSet controller: a pod on every node that it fits. O(nodes).
    fn sync_daemon_set(&mut self, workload: WorkloadId) {
        let mut pods: Vec<(NodeId, PodId)> = self.cluster.workloads[workload]
            .pods
            .iter()
            .filter_map(|&pod| Some((self.cluster.pods[pod].node?, pod)))
            .collect();
        pods.sort_unstable();
        let has = |node| pods.binary_search_by_key(&node, |&(of, _)| of).is_ok();
        let mut wanted: Vec<NodeId> = self.cluster.registered.clone();
        // One that runs goes on under a taint that would keep a new one away.
        wanted.retain(|&node| {
            self.keeps_daemons(node) && (has(node) || self.daemon_runs_on(workload, node))
        });
        wanted.sort_unstable();
        for node in daemon_set::sync(&wanted, &pods).create {
            self.create_daemon_pod(workload, node);
        }
        if self.rolls_out(workload) {
            self.update_daemon_set(workload, &wanted);
        }
    }

    /// What the ReplicaSet controller sees of a pod when it chooses whom to delete.
    fn candidate(&self, pod: PodId) -> Candidate {
        let row = &self.cluster.pods[pod];
        let neighbours = row.node.map_or(&[][..], |node| &self.cluster.nodes[node].used.pods);
        let colocated = neighbours
            .iter()
            .filter(|&&other| {
                let other = &self.cluster.pods[other];
                other.workload == row.workload && other.phase.is_active()
            })
            .count();
        let runs = matches!(row.phase, PodPhase::Ready | PodPhase::NotReady);
        Candidate {
            bound: row.phase > PodPhase::Pending,
            phase: if runs { VictimPhase::Running } else { VictimPhase::Pending },
            ready: row.phase == PodPhase::Ready,
            cost: i64::from(self.cluster.shape(pod).annotations.deletion_cost),
            colocated: colocated as u32,
            ready_since: (row.ready != SimTime::NEVER).then_some(row.ready),
            restarts: u32::from(row.restarts),
            created: Some(row.created),
            tie: self.lots(1, u64::from(pod.0)).draw(),
        }
    }
}
