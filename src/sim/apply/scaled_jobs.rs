//! The Jobs of ScaledJobs: KEDA makes them, the Job controller runs their pods, and they are over.
//!
//! kubernetes 1.36 `pkg/controller/job/job_controller.go`; kedacore/keda @ 8b4f083c,
//! `pkg/scaling/executor/scale_jobs.go`.

use std::collections::BTreeSet;

use crate::control::keda::scaled_job::{JobTemplate, history_to_delete, is_pending};
use crate::control::keda::{PodCondition, ScaledJobSpec};
use crate::control::workload::job::{
    BACKOFF_BASE, BACKOFF_MAX, BackoffRecord, has_failed, is_complete, wanted_active,
};
use crate::model::PodPhase;
use crate::plan::ScalerKind;
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, QueueId, SimTime, WorkloadId};

/// All Jobs of one ScaledJob.
#[derive(Default)]
pub struct JobBook {
    jobs: Vec<Job>,
    /// By ordinal: what a pod of these Jobs does.
    pods: Vec<JobPod>,
    /// Jobs that are neither Complete nor Failed.
    running: BTreeSet<u32>,
    /// Running Jobs that may want a pod.
    wanting: BTreeSet<u32>,
    /// When the Jobs completed that are still kept, oldest first; Failed ones have no time.
    complete: Vec<Option<SimTime>>,
    failed: Vec<Option<SimTime>>,
}

/// A Job.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    /// Pods that are not over, stopping ones too.
    pods: u32,
    /// Pods that are active.
    active: u32,
    succeeded: u32,
    failed: u32,
    backoff: BackoffRecord,
    /// It has failed, and its pods are stopping.
    failing: bool,
}

#[derive(Clone, Copy, Debug)]
struct JobPod {
    job: u32,
    /// It counts among the active pods of its Job.
    active: bool,
    /// Messages that it has taken.
    taken: u32,
    /// Since when it waits for a message.
    idle_since: SimTime,
    /// When its containers run: then it is no longer Pending.
    runs_from: SimTime,
}

impl JobBook {
    /// Jobs that are neither Complete nor Failed.
    pub fn running(&self) -> u32 {
        self.running.len() as u32
    }

    /// Whether no Job is left to run.
    pub fn is_over(&self) -> bool {
        self.running.is_empty()
    }
}

impl World<'_> {
    fn scaled_job(&self, workload: WorkloadId) -> Option<&ScaledJobSpec> {
        match &self.plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledJob(spec)) => Some(spec),
            _ => None,
        }
    }

    fn job_template(&self, workload: WorkloadId) -> JobTemplate {
        self.scaled_job(workload).map_or_else(JobTemplate::default, |spec| spec.template)
    }

    /// Jobs that run, and of those the ones that are pending. O(pods of the ScaledJob).
    pub fn count_jobs(&self, workload: WorkloadId, conditions: &[PodCondition]) -> (u32, u32) {
        let book = &self.scaling[workload].jobs;
        let mut begun: Vec<u32> = Vec::new();
        for &pod in self.cluster.workloads[workload].pods.iter() {
            if self.has_begun(pod, conditions) {
                begun.push(book.pods[self.cluster.pods[pod].ordinal as usize].job);
            }
        }
        begun.sort_unstable();
        let pending = book.running.iter().filter(|&&job| {
            // A pod that has succeeded has begun, whatever the conditions say of the others.
            let succeeded = conditions.is_empty() && book.jobs[job as usize].succeeded > 0;
            is_pending([succeeded, begun.binary_search(&job).is_ok()])
        });
        (book.running.len() as u32, pending.count() as u32)
    }

    /// Whether a pod has begun: it is Running (its containers have started, Ready or not) or, with
    /// `pendingPodConditions`, all of those hold.
    fn has_begun(&self, pod: PodId, conditions: &[PodCondition]) -> bool {
        let row = &self.cluster.pods[pod];
        let runs_from = self.scaling[row.workload].jobs.pods[row.ordinal as usize].runs_from;
        let containers = &self.cluster.shapes[row.shape].containers;
        let inits = containers.iter().rposition(|each| each.ends).map_or(0, |last| last + 1);
        let holds = |condition: &PodCondition| match condition {
            PodCondition::PodScheduled => row.phase >= PodPhase::Starting,
            PodCondition::Initialized => {
                row.phase >= PodPhase::Starting && usize::from(row.started) >= inits
            }
            PodCondition::ContainersReady | PodCondition::Ready => row.phase == PodPhase::Ready,
        };
        if conditions.is_empty() { runs_from <= self.now } else { conditions.iter().all(holds) }
    }

    /// The containers of a ScaledJob's pod will run from then on.
    pub(super) fn job_pod_runs(&mut self, pod: PodId, from: SimTime) {
        let row = &self.cluster.pods[pod];
        if let Some(entry) = self.scaling[row.workload].jobs.pods.get_mut(row.ordinal as usize) {
            entry.runs_from = entry.runs_from.min(from);
        }
    }

    /// KEDA makes Jobs; the Job controller sees each at once.
    pub fn create_jobs(&mut self, workload: WorkloadId, count: u32) {
        let template = self.job_template(workload);
        for _ in 0..count {
            let book = &mut self.scaling[workload].jobs;
            let job = book.jobs.len() as u32;
            book.jobs.push(Job::default());
            book.running.insert(job);
            book.wanting.insert(job);
            if let Some(deadline) = template.active_deadline {
                self.at(self.now + deadline, Event::JobDeadline(workload, job));
            }
        }
        self.jobs_changed(workload);
        self.at(self.now, Event::JobSync(workload));
    }

    /// `spec.replicas` of a ScaledJob is what all its Jobs want together.
    fn jobs_changed(&mut self, workload: WorkloadId) {
        let template = self.job_template(workload);
        let book = &self.scaling[workload].jobs;
        let missing: u32 =
            book.wanting.iter().map(|&job| book.jobs[job as usize].missing(&template)).sum();
        let state = &mut self.cluster.workloads[workload];
        state.replicas = state.active + missing;
        let most = &mut self.record.workloads[workload].replicas_max;
        *most = (*most).max(state.replicas);
        self.refresh_consumed_queue(workload);
    }

    /// The Job controller makes the pods that Jobs miss, as fast as its API client may write; after
    /// a failed pod the next one waits for the back-off.
    pub fn job_sync(&mut self, workload: WorkloadId) {
        let template = self.job_template(workload);
        let shape = self.plan.workloads[workload].shape;
        let wanting: Vec<u32> = self.scaling[workload].jobs.wanting.iter().copied().collect();
        let mut again = SimTime::NEVER;
        for index in wanting {
            let job = self.scaling[workload].jobs.jobs[index as usize];
            let wait = job.backoff.remaining(self.now, BACKOFF_BASE, BACKOFF_MAX);
            if !wait.is_zero() {
                again = again.min(self.now + wait);
                continue;
            }
            for _ in 0..job.missing(&template) {
                let next = self.controller_writes.next(self.now);
                if next > self.now {
                    self.at(next, Event::JobSync(workload));
                    return;
                }
                self.controller_writes.take(self.now);
                let (idle_since, runs_from) = (self.now, SimTime::NEVER);
                let pod = JobPod { job: index, active: true, taken: 0, idle_since, runs_from };
                let book = &mut self.scaling[workload].jobs;
                book.pods.push(pod);
                let job = &mut book.jobs[index as usize];
                (job.pods, job.active) = (job.pods + 1, job.active + 1);
                self.create_pod(workload, shape, None);
            }
            self.scaling[workload].jobs.wanting.remove(&index);
        }
        if again != SimTime::NEVER {
            self.at(again, Event::JobSync(workload));
        }
    }

    /// A pod is told to stop from outside: it counts as failed from here on
    /// (`podReplacementPolicy: TerminatingOrFailed`).
    pub fn job_pod_stopping(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        if self.scaled_job(row.workload).is_none() {
            return;
        }
        let book = &mut self.scaling[row.workload].jobs;
        let entry = &mut book.pods[row.ordinal as usize];
        if !std::mem::replace(&mut entry.active, false) {
            return;
        }
        let index = entry.job;
        let job = &mut book.jobs[index as usize];
        job.active -= 1;
        job.failed += 1;
        job.backoff.update(&[], &[self.now]);
        let template = self.job_template(row.workload);
        let book = &self.scaling[row.workload].jobs;
        let job = &book.jobs[index as usize];
        if job.failing || !book.running.contains(&index) {
            return;
        }
        if has_failed(template.backoff_limit, job.failed, None) {
            let limit = template.backoff_limit;
            self.fail_job(row.workload, index, "job.backoff-limit", || {
                format!("more than backoffLimit {limit} of its pods have failed")
            });
        } else {
            let wait = job.backoff.remaining(self.now, BACKOFF_BASE, BACKOFF_MAX);
            self.scaling[row.workload].jobs.wanting.insert(index);
            self.at(self.now + wait, Event::JobSync(row.workload));
        }
    }

    /// The kubelet has started a container of a ScaledJob's pod again: the restarts of a Job's pods
    /// count towards its `backoffLimit`.
    pub(super) fn scaled_job_container_restarted(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let workload = row.workload;
        let limit = self.job_template(workload).backoff_limit;
        let book = &self.scaling[workload].jobs;
        let index = book.pods[row.ordinal as usize].job;
        let of_job = |pod| book.pods[self.cluster.pods[pod].ordinal as usize].job == index;
        let restarts = self.restarts_of(workload, of_job);
        let job = &book.jobs[index as usize];
        let fails = has_failed(limit, job.failed, Some(restarts));
        if fails && !job.failing && book.running.contains(&index) {
            self.fail_job(workload, index, "job.backoff-limit", || {
                format!("its containers have restarted {restarts} times: backoffLimit is {limit}")
            });
            self.jobs_changed(workload);
        }
    }

    /// A pod of a ScaledJob is over.
    pub fn job_pod_ended(&mut self, pod: PodId, why: Stop) {
        if why == Stop::Completed {
            self.job_pod_succeeded_of(pod);
        } else {
            self.job_pod_stopping(pod);
        }
        let row = self.cluster.pods[pod];
        let template = self.job_template(row.workload);
        let book = &mut self.scaling[row.workload].jobs;
        let index = book.pods[row.ordinal as usize].job;
        let job = &mut book.jobs[index as usize];
        job.pods -= 1;
        let job = *job;
        if book.running.contains(&index) {
            if job.failing && job.pods == 0 {
                book.running.remove(&index);
                book.failed.push(None);
            } else if !job.failing && is_complete(template.completions, job.succeeded, job.active) {
                book.running.remove(&index);
                book.wanting.remove(&index);
                book.complete.push(Some(self.now));
                self.stop_pods_of(row.workload, index);
            }
        }
        self.jobs_changed(row.workload);
    }

    fn job_pod_succeeded_of(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let book = &mut self.scaling[row.workload].jobs;
        let entry = &mut book.pods[row.ordinal as usize];
        if std::mem::replace(&mut entry.active, false) {
            let job = &mut book.jobs[entry.job as usize];
            job.active -= 1;
            job.succeeded += 1;
            job.backoff.update(&[self.now], &[]);
            book.wanting.insert(entry.job);
            self.at(self.now, Event::JobSync(row.workload));
        }
    }

    /// `activeDeadlineSeconds` of a Job has passed since its start.
    pub fn job_deadline(&mut self, workload: WorkloadId, job: u32) {
        let book = &self.scaling[workload].jobs;
        if book.running.contains(&job) && !book.jobs[job as usize].failing {
            self.fail_job(workload, job, "job.deadline", || {
                "activeDeadlineSeconds have passed since it began".to_owned()
            });
            self.jobs_changed(workload);
        }
    }

    /// A Job fails: its pods are told to stop, and it is Failed once they are gone.
    fn fail_job(
        &mut self,
        workload: WorkloadId,
        index: u32,
        reason: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        let object = Object::Workload(workload);
        self.note(Actor::WorkloadController, "fail-job", object, reason, None, detail);
        let book = &mut self.scaling[workload].jobs;
        book.wanting.remove(&index);
        let job = &mut book.jobs[index as usize];
        job.failing = true;
        if job.pods == 0 {
            book.running.remove(&index);
            book.failed.push(None);
        }
        self.stop_pods_of(workload, index);
    }

    fn stop_pods_of(&mut self, workload: WorkloadId, index: u32) {
        let book = &self.scaling[workload].jobs;
        if book.jobs[index as usize].pods == 0 {
            return;
        }
        let pods: Vec<PodId> = self.cluster.workloads[workload]
            .pods
            .iter()
            .copied()
            .filter(|&pod| book.pods[self.cluster.pods[pod].ordinal as usize].job == index)
            .collect();
        for pod in pods {
            let grace = self.cluster.shape(pod).grace;
            self.pod_stops(pod, Stop::ScaledDown, Actor::WorkloadController, false);
            self.stop_pod(pod, grace, Stop::ScaledDown);
        }
    }

    /// KEDA deletes finished Jobs beyond its history limits; returns how many.
    pub fn trim_jobs(&mut self, workload: WorkloadId, spec: &ScaledJobSpec) -> u32 {
        let book = &mut self.scaling[workload].jobs;
        let mut deleted = 0;
        for (kept, limit) in
            [(&mut book.complete, spec.successful_history), (&mut book.failed, spec.failed_history)]
        {
            let over = history_to_delete(kept, limit as usize);
            deleted += over.len() as u32;
            // Oldest first, as they were added.
            kept.drain(..over.len());
        }
        deleted
    }

    /// A pod of a ScaledJob takes a message: with its last one it leaves the queue.
    pub fn job_pod_takes(&mut self, workload: WorkloadId, queue: QueueId, pod: PodId) {
        if self.scaled_job(workload).is_none() {
            return;
        }
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let entry = &mut self.scaling[workload].jobs.pods;
        let entry = &mut entry[self.cluster.pods[pod].ordinal as usize];
        entry.taken += 1;
        if entry.taken >= consumer.messages_per_pod.unwrap_or(consumer.concurrency) {
            self.work.consumers[queue].leave(pod, self.now);
        }
    }

    /// A pod of a ScaledJob that finds no message ends after its idle time.
    pub fn job_pod_idles(&mut self, workload: WorkloadId, queue: QueueId, pod: PodId) {
        if self.scaled_job(workload).is_none() || self.work.consumers[queue].is_working(pod) {
            return;
        }
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let row = self.cluster.pods[pod];
        self.scaling[workload].jobs.pods[row.ordinal as usize].idle_since = self.now;
        self.at(self.now + consumer.idle_timeout, Event::PodFinished(pod, row.epoch));
    }

    /// Whether a pod that consumes has found no message for its idle time.
    pub fn has_idled(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let Some(consumer) = &self.plan.workloads[row.workload].consumes else { return true };
        if self.scaled_job(row.workload).is_none() {
            return true;
        }
        let idle_since = self.scaling[row.workload].jobs.pods[row.ordinal as usize].idle_since;
        let idle = !self.work.consumers[consumer.queue].is_working(pod);
        idle && self.now >= idle_since + consumer.idle_timeout
    }
}

impl Job {
    /// Pods that it wants beside those that are active.
    fn missing(&self, template: &JobTemplate) -> u32 {
        if self.failing {
            return 0;
        }
        let (parallelism, completions) = (template.parallelism, template.completions);
        wanted_active(parallelism, completions, self.succeeded, self.active)
            .saturating_sub(self.active)
    }
}
