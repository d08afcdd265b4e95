//! Pods: created, started stage by stage, ready, told to stop, over.

use crate::chance::Purpose;
use crate::model::PodPhase;
use crate::plan::WorkloadKind;
use crate::record::Actor;
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{Duration, NodeId, PodId, ShapeId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// Why a pod stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its owner does not want it any more.
    ScaledDown,
    /// Evicted: drain, spot notice, preemption.
    Evicted,
    /// Its node is lost.
    Lost,
    /// It has done its work.
    Completed,
    /// Its kubelet has refused it.
    Refused,
    /// Its container has failed, and `restartPolicy` is Never.
    Failed,
}

impl Stop {
    /// Word in `pods.csv`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ScaledDown => "deleted",
            Self::Evicted => "evicted",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Completed => "completed",
        }
    }
}

impl World<'_> {
    /// A workload's controller creates a pod.
    pub fn create_pod(
        &mut self,
        workload: WorkloadId,
        shape: ShapeId,
        made_for: Option<NodeId>,
    ) -> PodId {
        let index = self.cluster.workloads[workload].next_ordinal;
        self.create_numbered(workload, shape, made_for, index)
    }

    /// The same with the number that the pod has in its name.
    pub fn create_numbered(
        &mut self,
        workload: WorkloadId,
        shape: ShapeId,
        made_for: Option<NodeId>,
        index: u32,
    ) -> PodId {
        let spec = &self.plan.workloads[workload];
        let shape = self.vpa_admits(workload, shape);
        let shape = self.in_zone_of_disks(workload, shape, index);
        let pod = self.cluster.create_pod(workload, shape, made_for, self.now);
        self.cluster.pods[pod].index = index;
        self.cluster.pods[pod].gated &= !self.scheduling.ungated.contains(&workload);
        self.use_quotas(pod, 1);
        let counted = self.counts() && !spec.system && spec.kind != WorkloadKind::DaemonSet;
        self.record.pods.created += u64::from(counted);
        self.record.pod_ends.push(Default::default());
        self.record.workloads[workload].replicas.add(1, self.now);
        self.fingerprint.add(self.now, 1, u64::from(pod.0), u64::from(workload.0));
        self.begin_pod_wait(pod, counted);
        self.scheduling.scheduler.pod_added(
            scheduler_view(self.plan, &self.cluster),
            pod,
            self.now,
        );
        self.wake_scheduler(self.now);
        pod
    }

    /// A binding has reached the node: the kubelet starts the pod.
    pub fn pod_bound(&mut self, pod: PodId) {
        self.cluster.bind(pod, self.now);
        self.fingerprint.add(
            self.now,
            2,
            u64::from(pod.0),
            u64::from(self.cluster.pods[pod].node.map_or(0, |n| n.0)),
        );
        let clock = &self.record.pod_clocks[pod];
        if clock.counted {
            let waited = self.now.since(self.cluster.pods[pod].created);
            self.record.pods.pending.add(waited);
        }
        let node = self.cluster.pods[pod].node;
        if node.is_some_and(|node| self.cluster.nodes[node].gone != SimTime::NEVER) {
            // The scheduler does not know yet that the VM is lost: nobody starts the pod.
            self.pod_lost(pod);
            return;
        }
        if self.kubelet_refuses(pod) {
            return;
        }
        self.watch_taints(pod);
        if node.is_some_and(|node| self.is_silent(node)) {
            self.set_pod_cause(pod, Some(Cause::NodeReady));
            return;
        }
        self.begin_start(pod);
    }

    /// The pod is Ready: it serves, and its life begins to count.
    pub fn pod_ready(&mut self, pod: PodId) {
        self.cluster.set_ready(pod, self.now);
        self.fingerprint.add(self.now, 3, u64::from(pod.0), 0);
        let row = self.cluster.pods[pod];
        self.set_pod_cause(pod, None);
        self.restart_over(pod);
        self.load_joins(pod);
        let clock = &self.record.pod_clocks[pod];
        if clock.counted && row.ready == self.now {
            self.record.pods.ready.add(self.now.since(row.created));
        }
        let spec = &self.plan.workloads[row.workload];
        if let Some(length) = self.lifetime(pod) {
            let length = self.work_length(pod, length);
            self.at(self.now + length, Event::PodFinished(pod, row.epoch));
        }
        if spec.consumes.is_some() {
            self.consumer_ready(pod);
        }
        self.refresh_consumed_queue(row.workload);
        self.budgets_changed(pod);
        if self.readiness_moves(row.workload) {
            self.wake_controller(row.workload);
        }
    }

    /// Whether a pod of an arrival stream ends by itself.
    fn is_finite(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let spec = &self.plan.workloads[row.workload];
        spec.kind == WorkloadKind::Bare
            && self
                .work
                .given_lifetime(row.workload, row.ordinal)
                .unwrap_or_else(|| spec.times.lifetime.as_ref().map(|_| Duration::ZERO))
                .is_some()
    }

    fn lifetime(&self, pod: PodId) -> Option<Duration> {
        let row = &self.cluster.pods[pod];
        if let Some(given) = self.work.given_lifetime(row.workload, row.ordinal) {
            return given;
        }
        let dist = self.plan.workloads[row.workload].times.lifetime.as_ref()?;
        Some(dist.sample_keyed(
            self.seed,
            Purpose::PodLifetime,
            self.keys.workloads[row.workload],
            u64::from(row.ordinal),
        ))
    }

    /// How long a finite pod works: what its predecessor left it, and the time of its saves.
    fn work_length(&mut self, pod: PodId, own: Duration) -> Duration {
        let workload = self.cluster.pods[pod].workload;
        let spec = &self.plan.workloads[workload];
        if !self.is_replaced(workload) {
            return own;
        }
        let work = self.work.finite.begin(workload, pod, own, self.now);
        match &spec.times.checkpoint {
            Some(checkpoint) => checkpoint.length(work),
            None => own,
        }
    }

    /// Whether the finite work of a workload's pods is done again by others if it is lost.
    fn is_replaced(&self, workload: WorkloadId) -> bool {
        let spec = &self.plan.workloads[workload];
        matches!(spec.kind, WorkloadKind::Job | WorkloadKind::ScaledJob)
            && spec.times.lifetime.is_some()
    }

    /// A finite pod is over: what it did not save is left to the pod that replaces it, and the time
    /// that it worked in vain is work that is done again.
    pub(super) fn leave_work(&mut self, pod: PodId, why: Stop) {
        let workload = self.cluster.pods[pod].workload;
        if !self.is_replaced(workload) {
            return;
        }
        let checkpoint = self.plan.workloads[workload].times.checkpoint;
        let (now, mut lost) = (self.now, Duration::ZERO);
        self.work.finite.end(workload, pod, |work, began| {
            if why == Stop::Completed {
                return None;
            }
            let elapsed = now.since(began);
            lost = checkpoint.map_or(elapsed, |checkpoint| checkpoint.lost(elapsed));
            checkpoint.map(|checkpoint| checkpoint.left(work, elapsed))
        });
        // A pod that its owner deletes is not replaced: nobody does its work again.
        if why != Stop::ScaledDown && self.record.pod_clocks[pod].counted {
            self.record.pods.lost_work += u128::from(lost.micros());
            self.record.pod_waits.redo(u128::from(lost.micros()));
        }
    }

    /// Tells a pod to stop: it has `grace` to finish what it holds.
    pub fn stop_pod(&mut self, pod: PodId, grace: Duration, why: Stop) {
        let row = self.cluster.pods[pod];
        match row.phase {
            PodPhase::Succeeded | PodPhase::Removed => {}
            PodPhase::Pending | PodPhase::Binding => self.end_pod(pod, why),
            PodPhase::Terminating if row.node.is_some_and(|node| self.is_silent(node)) => {}
            PodPhase::Terminating => {
                // Already stopping: a shorter grace may still cut it short.
                let until = self.now + grace;
                self.at(until, Event::PodKilled(pod, row.epoch));
            }
            PodPhase::Starting | PodPhase::Ready | PodPhase::NotReady => {
                self.set_pod_cause(pod, None);
                self.restart_over(pod);
                self.load_leaves(pod);
                self.cluster.begin_termination(pod, self.now);
                self.record.pod_ends[pod].how = why.word();
                self.scheduling
                    .scheduler
                    .pod_terminating(scheduler_view(self.plan, &self.cluster), pod);
                self.job_pod_stopping(pod);
                self.refresh_consumed_queue(row.workload);
                self.budgets_changed(pod);
                if why == Stop::Evicted {
                    self.job_pod_failed(row.workload);
                }
                if row.node.is_some_and(|node| self.is_silent(node)) {
                    // Nobody on the node confirms: it stays until the kubelet is back, or is
                    // collected after its Node.
                } else if self.consumer_drained(pod) {
                    self.end_pod(pod, why);
                } else {
                    let epoch = self.cluster.pods[pod].epoch;
                    self.at(self.now + grace, Event::PodKilled(pod, epoch));
                }
                self.sync_workload(row.workload);
            }
        }
    }

    /// Counts how a pod ended: a pod that was told to stop ended for the reason that it was told,
    /// whether it finished what it held or its grace ran out.
    fn note_end(&mut self, pod: PodId, why: Stop) {
        let end = &mut self.record.pod_ends[pod];
        end.at = Some(self.now);
        if end.how.is_empty() {
            end.how = why.word();
        }
        let (how, counted) = (end.how, self.record.pod_clocks[pod].counted);
        self.pod_stops(pod, why, Actor::Kubelet, true);
        if !counted {
            return;
        }
        if how == Stop::Completed.word() {
            self.record.pods.completed += 1;
        } else if how == Stop::Evicted.word() || how == Stop::Lost.word() {
            self.record.pods.evicted += 1;
        }
    }

    /// The pod's life is over, whatever it held is lost.
    pub fn end_pod(&mut self, pod: PodId, why: Stop) {
        let row = self.cluster.pods[pod];
        if row.phase.is_over() {
            return;
        }
        self.set_pod_cause(pod, None);
        self.restart_over(pod);
        self.use_ends(pod);
        self.consumer_gone(pod);
        self.leave_work(pod, why);
        let never_bound = row.bound == SimTime::NEVER;
        let clock = &self.record.pod_clocks[pod];
        if clock.counted && never_bound {
            self.record.pods.pending.add(self.now.since(row.created));
        }
        self.note_end(pod, why);
        let held = row.phase.holds_room().then_some(row.node).flatten();
        if let Some(node) = held {
            self.usage_leaves(node, pod);
            self.images_released(pod, node);
            self.release_disks(pod, node);
            self.delete_group(pod);
        }
        let phase = if why == Stop::Completed { PodPhase::Succeeded } else { PodPhase::Removed };
        self.cluster.end_pod(pod, phase);
        self.use_quotas(pod, -1);
        let spec = &self.plan.workloads[row.workload];
        let owner = &mut self.cluster.workloads[row.workload];
        owner.succeeded += u32::from(why == Stop::Completed);
        let kind = spec.kind;
        if kind == WorkloadKind::Job {
            if why == Stop::Completed {
                self.job_pod_succeeded(row.workload);
            } else if row.phase.is_active() && why != Stop::ScaledDown {
                self.job_pod_failed(row.workload);
            }
            self.cluster.workloads[row.workload].replicas = self.job_wants(row.workload);
        }
        if matches!(kind, WorkloadKind::DaemonSet | WorkloadKind::Bare) {
            // Nobody replaces it: it is wanted no more.
            self.cluster.workloads[row.workload].replicas -= 1;
        }
        if kind == WorkloadKind::ScaledJob {
            self.job_pod_ended(pod, why);
        }
        if kind == WorkloadKind::DaemonSet {
            self.daemon_pod_ended(row.workload, row.node);
        }
        if self.is_finite(pod) {
            self.work.finite_pods -= 1;
        }
        self.record.workloads[row.workload].replicas.add(-1, self.now);
        self.fingerprint.add(self.now, 4, u64::from(pod.0), why as u64);
        match held {
            Some(node) => {
                let view = scheduler_view(self.plan, &self.cluster);
                self.scheduling.scheduler.pod_left_node(view, pod, node, self.now);
                self.wake_scheduler(self.now);
            }
            None => self.scheduling.scheduler.pod_deleted(pod),
        }
        self.refresh_consumed_queue(row.workload);
        self.budgets_changed(pod);
        self.sync_workload(row.workload);
    }
}
