//! Containers of a pod: started one after the other, found ready, exiting, started again.
//!
//! kubernetes v1.36.2: `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (`SyncPod`: init containers
//! in order, then the others in order, each pulled when it is its turn; `doBackOff`).

use crate::chance::{Purpose, Stream};
use crate::control::kubelet::{StartSeen, Verdict, first_ready};
use crate::control::workload::RestartPolicy;
use crate::model::PodPhase;
use crate::plan::{CrashSpec, InjectKind};
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::kubelet::CrashWindow;
use crate::sim::world::World;
use crate::unit::{Duration, PodId, SimTime};
use crate::vocabulary::Cause;

impl World<'_> {
    /// The kubelet begins with a pod: its volumes, then its containers.
    pub fn begin_start(&mut self, pod: PodId) {
        if self.is_virtual(self.cluster.pods[pod].node) {
            return self.create_group(pod);
        }
        if self.cluster.shape(pod).volumes.claims.is_empty() {
            return self.next_container(pod);
        }
        match self.attach_disks(pod) {
            Some(there) if there <= self.now => self.next_container(pod),
            Some(there) => self.start_step(pod, Cause::VolumeAttach, there.since(self.now)),
            None => self.set_pod_cause(pod, Some(Cause::VolumeAttach)),
        }
    }

    fn start_step(&mut self, pod: PodId, cause: Cause, length: Duration) {
        self.set_pod_cause(pod, Some(cause));
        let epoch = self.cluster.pods[pod].epoch;
        self.at(self.now + length, Event::PodStage(pod, epoch));
    }

    /// A step of a pod's start ends.
    pub fn stage_done(&mut self, pod: PodId) {
        if self.group_stage_done(pod) {
            return;
        }
        let row = self.cluster.pods[pod];
        let containers = self.cluster.shapes[row.shape].containers.len();
        if usize::from(row.started) < containers {
            if self.record.pod_clocks[pod].cause == Some(Cause::AppStart) {
                // An init container has run to its end.
                self.cluster.container_started(pod);
            }
            self.next_container(pod);
        } else if self.waits_for_restart(pod) {
            self.app_starts(pod);
            self.job_container_restarted(pod);
        } else if self.record.pod_clocks[pod].cause == Some(Cause::VolumeAttach) {
            self.next_container(pod);
        } else {
            self.pod_ready(pod);
        }
    }

    /// Goes on with the first container that has not started: its image, then itself.
    pub fn next_container(&mut self, pod: PodId) {
        loop {
            let row = self.cluster.pods[pod];
            let Some(node) = row.node else { return };
            let containers = &self.cluster.shapes[row.shape].containers;
            let Some(container) = containers.get(usize::from(row.started)) else { break };
            if !self.has_image(node, container.image) {
                let image = container.image;
                self.request_pull(pod, node, image);
                return;
            }
            if container.ends {
                let length = self.init_time(pod);
                if !length.is_zero() {
                    self.start_step(pod, Cause::AppStart, length);
                    return;
                }
            }
            self.cluster.container_started(pod);
        }
        self.app_starts(pod);
    }

    /// How long an init container runs.
    fn init_time(&self, pod: PodId) -> Duration {
        let row = &self.cluster.pods[pod];
        let Some(init) = &self.plan.workloads[row.workload].times.init else {
            return Duration::ZERO;
        };
        let entity = self.keys.workloads[row.workload] ^ u64::from(row.ordinal);
        init.sample_keyed(self.seed, Purpose::InitContainer, entity, u64::from(row.started))
    }

    /// The containers that stay start; the application comes up, and the probes find out.
    pub(super) fn app_starts(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        if let Some(crashed) = self.kubelets.crashed.get_mut(&pod) {
            crashed.waits = false;
        }
        self.use_begins(pod);
        let times = &self.plan.workloads[row.workload].times;
        // A restart draws anew; the first start draws what it always drew.
        let ordinal = u64::from(row.ordinal) | u64::from(row.restarts) << 32;
        let entity = self.keys.workloads[row.workload];
        let draw = |dist: &crate::chance::Dist, purpose| {
            dist.sample_keyed(self.seed, purpose, entity, ordinal)
        };
        let started = self.now + draw(&times.start.container_start, Purpose::ContainerStart);
        self.job_pod_runs(pod, started);
        let draw = |dist: &crate::chance::Dist, purpose| {
            dist.sample_keyed(self.seed, purpose, entity, ordinal)
        };
        let up = started + draw(&times.start.app_start, Purpose::AppStart);
        let seen = StartSeen { ticks_from: row.bound, started, up };
        let (ready, killed) = match first_ready(&times.probes, &seen) {
            Verdict::Ready(at) => (Some(at), None),
            Verdict::Killed(at) => (None, Some(at)),
        };
        let exit = killed.into_iter().chain(self.planned_exit(pod, started)).min();
        let ready = ready.filter(|&ready| exit.is_none_or(|exit| ready < exit));
        if let Some(exit) = exit {
            self.at(exit, Event::ContainerExit(pod, row.epoch));
        }
        match ready {
            Some(at) if at <= self.now => self.pod_ready(pod),
            Some(at) => self.start_step(pod, Cause::AppStart, at.since(self.now)),
            None => self.set_pod_cause(pod, Some(Cause::AppStart)),
        }
    }

    /// When a planned crash ends the container that starts at `started`.
    fn planned_exit(&self, pod: PodId, started: SimTime) -> Option<SimTime> {
        let hits = self.kubelets.crash_windows.iter().filter_map(|window| {
            let InjectKind::Crash(spec) = &self.plan.injects[window.index as usize].kind else {
                return None;
            };
            let exit = started + spec.after;
            let hit = exit < window.until && self.crash_hits(pod, window.index, spec);
            hit.then_some(exit)
        });
        hits.min()
    }

    fn crash_hits(&self, pod: PodId, index: u32, spec: &CrashSpec) -> bool {
        let row = &self.cluster.pods[pod];
        if row.workload != spec.workload {
            return false;
        }
        let entity = self.keys.workloads[row.workload] ^ u64::from(index);
        let ordinal = u64::from(row.ordinal) | u64::from(row.restarts) << 32;
        let mut stream = Stream::keyed(self.seed, Purpose::Crash, entity, ordinal);
        spec.probability >= 1.0 || stream.open_unit() < spec.probability
    }

    /// A planned crash begins: containers that run exit, and those that start exit for a while.
    pub fn crash_begins(&mut self, index: u32, spec: &CrashSpec) {
        let now = self.now;
        self.kubelets.crash_windows.retain(|window| window.until > now);
        if let Some(length) = spec.length {
            self.kubelets.crash_windows.push(CrashWindow { index, until: now + length });
        }
        let running: Vec<PodId> = self.cluster.workloads[spec.workload]
            .pods
            .iter()
            .copied()
            .filter(|&pod| self.runs(pod) && self.crash_hits(pod, index, spec))
            .collect();
        let count = running.len();
        self.note(Actor::Scenario, "crash", Object::Workload(spec.workload), "", None, || {
            format!("the containers of {count} pods exit")
        });
        for pod in running {
            self.container_exits(pod);
        }
    }

    /// Whether the containers of a pod run, on a VM that does.
    fn runs(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let containers = self.cluster.shapes[row.shape].containers.len();
        let alive = row.node.is_some_and(|node| !self.is_silent(node));
        let started =
            matches!(row.phase, PodPhase::Starting | PodPhase::Ready | PodPhase::NotReady)
                && self.record.pod_clocks[pod].cause != Some(Cause::VolumeAttach)
                && usize::from(row.started) >= containers;
        alive && started && !self.waits_for_restart(pod)
    }

    fn waits_for_restart(&self, pod: PodId) -> bool {
        self.cluster.pods[pod].restarts > 0
            && self.kubelets.crashed.get(&pod).is_some_and(|crashed| crashed.waits)
    }

    /// A pod's container exits: what it held is lost, and the kubelet starts it again after its
    /// back-off.
    pub fn container_exits(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        if self.plan.workloads[workload].controller.restart == RestartPolicy::Never {
            self.note(Actor::Kubelet, "fail-pod", Object::Pod(pod), "kubelet.failed", None, || {
                "a container exited, and restartPolicy is Never".to_owned()
            });
            self.end_pod(pod, Stop::Failed);
            return;
        }
        let was_ready = self.cluster.pods[pod].phase == PodPhase::Ready;
        self.fingerprint.add(self.now, 5, u64::from(pod.0), 0);
        self.consumer_gone(pod);
        self.use_ends(pod);
        self.leave_work(pod, Stop::Lost);
        self.cluster.container_exited(pod, self.now);
        let max = self.plan.timing.max_restart_period;
        let crashed = self.kubelets.crashed.entry(pod).or_default();
        let again = crashed.back_off.exited(self.now, max);
        crashed.waits = true;
        self.starts_again(pod, was_ready);
        self.record.counters.container_restarts += 1;
        let wait = again.since(self.now);
        let code = if wait.is_zero() { "kubelet.restart" } else { "kubelet.crash-loop" };
        self.note(Actor::Kubelet, "restart-container", Object::Pod(pod), code, None, || {
            format!("a container exited; it is started again in {wait}")
        });
        let row = self.cluster.pods[pod];
        self.at(again, Event::PodStage(pod, row.epoch));
        self.refresh_consumed_queue(row.workload);
        self.budgets_changed(pod);
    }

    /// A pod starts again: if it was Ready, its workload waits for it as for one that starts.
    pub fn starts_again(&mut self, pod: PodId, was_ready: bool) {
        let crashed = self.kubelets.crashed.entry(pod).or_default();
        if was_ready && !crashed.counted_as_starting {
            crashed.counted_as_starting = true;
            let workload = self.cluster.pods[pod].workload;
            self.record.workloads[workload].stages.shift(None, Some(Cause::AppStart));
        }
    }

    /// A pod that was starting again is Ready, told to stop, or lost.
    pub fn restart_over(&mut self, pod: PodId) {
        if self.cluster.pods[pod].restarts == 0 {
            return;
        }
        let Some(crashed) = self.kubelets.crashed.get_mut(&pod) else { return };
        if std::mem::take(&mut crashed.counted_as_starting) {
            let workload = self.cluster.pods[pod].workload;
            self.record.workloads[workload].stages.shift(Some(Cause::AppStart), None);
        }
    }
}
