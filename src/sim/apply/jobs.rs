//! Jobs: pods that fail are replaced after a back-off, until there were too many.

use crate::control::workload::job::{
    BACKOFF_BASE, BACKOFF_MAX, BackoffRecord, has_failed, wanted_active,
};
use crate::plan::WorkloadKind;
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, WorkloadId};

/// What the Job controller remembers of a Job some of whose pods have failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobMemory {
    backoff: BackoffRecord,
    failed: u32,
    /// `backoffLimit` is passed: the Job is over.
    over: bool,
}

impl World<'_> {
    /// A Job's pod has completed: its back-off is forgotten, and it may want fewer.
    pub fn job_pod_succeeded(&mut self, workload: WorkloadId) {
        if let Some(job) = self.jobs.get_mut(&workload) {
            job.backoff.update(&[self.now], &[]);
        }
    }

    /// A pod of a Job was evicted or lost. It counts as failed from the moment that it is told to
    /// stop (`podReplacementPolicy: TerminatingOrFailed`).
    pub fn job_pod_failed(&mut self, workload: WorkloadId) {
        let spec = &self.plan.workloads[workload];
        if spec.kind != WorkloadKind::Job {
            return;
        }
        let job = self.jobs.entry(workload).or_default();
        job.failed += 1;
        job.backoff.update(&[], &[self.now]);
        let limit = spec.controller.backoff_limit;
        if !job.over && has_failed(limit, job.failed, None) {
            self.give_up_job(workload, || {
                format!("more than backoffLimit {limit} of its pods have failed")
            });
        }
    }

    /// `backoffLimit` of a Job is passed: it wants no pod any more.
    fn give_up_job(&mut self, workload: WorkloadId, detail: impl FnOnce() -> String) {
        self.jobs.entry(workload).or_default().over = true;
        self.cluster.workloads[workload].replicas = 0;
        let object = Object::Workload(workload);
        let reason = "job.backoff-limit";
        self.note(Actor::WorkloadController, "fail-job", object, reason, None, detail);
    }

    /// The kubelet has started a container of a Job's pod again. With `restartPolicy: OnFailure`
    /// the restarts of its pods count towards `backoffLimit` (`pastBackoffLimitOnFailure`).
    pub fn job_container_restarted(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        let spec = &self.plan.workloads[workload];
        match spec.kind {
            WorkloadKind::ScaledJob => self.scaled_job_container_restarted(pod),
            WorkloadKind::Job => {
                let job = self.jobs.get(&workload).copied().unwrap_or_default();
                let restarts = self.restarts_of(workload, |_| true);
                let limit = spec.controller.backoff_limit;
                if !job.over && has_failed(limit, job.failed, Some(restarts)) {
                    self.give_up_job(workload, || {
                        format!(
                            "its containers have restarted {restarts} times: backoffLimit {limit}"
                        )
                    });
                    self.sync_workload(workload);
                }
            }
            _ => {}
        }
    }

    /// Container restarts of a workload's pods that are there. O(pods), at a restart of a Job's.
    pub fn restarts_of(&self, workload: WorkloadId, counts: impl Fn(PodId) -> bool) -> u32 {
        let pods = self.cluster.workloads[workload].pods.iter().copied();
        pods.filter(|&pod| counts(pod)).map(|pod| u32::from(self.cluster.pods[pod].restarts)).sum()
    }

    /// How many pods of a Job should be active now.
    pub fn job_wants(&self, workload: WorkloadId) -> u32 {
        let (spec, state) = (&self.plan.workloads[workload], &self.cluster.workloads[workload]);
        if self.jobs.get(&workload).is_some_and(|job| job.over) {
            return 0;
        }
        wanted_active(spec.replicas, spec.completions, state.succeeded, state.active)
    }

    /// The Job controller makes missing pods, after the back-off of failed ones.
    pub fn sync_job(&mut self, workload: WorkloadId) {
        let state = &self.cluster.workloads[workload];
        let job = self.jobs.get(&workload).copied().unwrap_or_default();
        let wait = job.backoff.remaining(self.now, BACKOFF_BASE, BACKOFF_MAX);
        if state.active < state.replicas && !wait.is_zero() {
            self.at(self.now + wait, Event::WorkloadSync(workload));
            return;
        }
        self.sync_replica_set(workload, None);
    }
}
