//! `spec.replicas` changes, and workload controllers follow it.

use crate::control::workload::replica_set::{Candidate, VictimPhase, victims};
use crate::model::PodPhase;
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::sim::apply::pods::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, SimTime, WorkloadId};

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
        let wanted = self.is_driven(workload) || self.admission.holds(workload);
        if wanted && !self.syncs[workload] {
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
        if !self.is_driven(workload) {
            self.retry_held(workload);
            return;
        }
        let state = &self.cluster.workloads[workload];
        let (wanted, active) = (state.replicas, state.active);
        if active < wanted {
            self.create_missing(workload, wanted - active);
        } else {
            self.admitted(workload);
            if active > wanted {
                self.delete_surplus(workload, active - wanted);
            }
        }
    }

    fn create_missing(&mut self, workload: WorkloadId, missing: u32) {
        let shape = self.plan.workloads[workload].shape;
        // A StatefulSet makes its pods one after the other, each once the one before is Ready.
        let ordered = self.plan.workloads[workload].kind == WorkloadKind::StatefulSet;
        let state = &self.cluster.workloads[workload];
        if ordered && state.active > state.ready {
            return;
        }
        let batch = if ordered { 1 } else { missing };
        for _ in 0..batch {
            if self.controller_writes.next(self.now) > self.now {
                self.syncs[workload] = true;
                let next = self.controller_writes.next(self.now);
                self.at(next, Event::WorkloadSync(workload));
                return;
            }
            self.controller_writes.take(self.now);
            if !self.admit(workload, shape) {
                // A refusal ends the sync (`slowStartBatch`); the work queue brings it back.
                return;
            }
            self.create_pod(workload, shape, None);
        }
        self.admitted(workload);
    }

    fn delete_surplus(&mut self, workload: WorkloadId, surplus: u32) {
        let kind = self.plan.workloads[workload].kind;
        let mut active: Vec<PodId> = self.cluster.workloads[workload]
            .pods
            .iter()
            .copied()
            .filter(|&pod| self.cluster.pods[pod].phase.is_active())
            .collect();
        if kind == WorkloadKind::StatefulSet {
            active.sort_unstable_by_key(|&pod| std::cmp::Reverse(pod));
            active.truncate(surplus as usize);
        } else {
            let rows: Vec<Candidate> = active.iter().map(|&pod| self.candidate(pod)).collect();
            let chosen = victims(&rows, surplus as usize, self.now);
            active = chosen.into_iter().map(|index| active[index]).collect();
        }
        for pod in active {
            let grace = self.cluster.shape(pod).grace;
            self.stop_pod(pod, grace, Stop::ScaledDown);
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
