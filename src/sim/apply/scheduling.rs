//! The scheduler's pace, and what its decisions do.

use crate::control::kubelet::refusal;
use crate::control::scheduler::Preemption;
use crate::model::PodPhase;
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{Duration, NodeId, PodId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// A sleeping autoscaler wakes up for pods that became unschedulable within this time; a pod that
/// is tried again in vain keeps the time of its condition (autoscaler
/// `cluster-autoscaler/loop/trigger.go`: `maxPodChangeAge`).
const RECENTLY_UNSCHEDULABLE: Duration = Duration::from_secs(10);

/// From a kubelet's refusal until the pod's controller sees it: an assumption, a write and a watch.
const REFUSAL_SEEN: Duration = Duration::from_millis(100);

impl World<'_> {
    /// The scheduler has something to do at `time`: its next cycle is then, or when the serial
    /// cycle before is over.
    pub fn wake_scheduler(&mut self, time: SimTime) {
        let at = time.max(self.scheduling.busy_until).max(self.now);
        if at < self.scheduling.due {
            self.scheduling.due = at;
            self.at(at, Event::SchedulerCycle);
        }
    }

    /// A controller removes the scheduling gates of a workload's pods, now and when they are made.
    pub fn remove_gates(&mut self, workload: WorkloadId) {
        self.scheduling.ungated.insert(workload);
        let held: Vec<PodId> = self.cluster.workloads[workload]
            .pods
            .iter()
            .copied()
            .filter(|&pod| self.is_pending(pod) && self.cluster.pods[pod].gated)
            .collect();
        let count = held.len();
        self.note(Actor::Scenario, "remove-gates", Object::Workload(workload), "", None, || {
            format!("{count} pods are held by gates no more")
        });
        for pod in held {
            self.cluster.pods[pod].gated = false;
            self.scheduling.scheduler.pod_ungated(pod);
            if self.plan.scheduler.schedules(self.cluster.shape(pod).scheduler) {
                self.set_pod_cause(pod, Some(Cause::SchedQueue));
            }
        }
        self.cluster.change += 1;
        self.wake_scheduler(self.now);
    }

    /// A pod was placed: it holds its room from now on, and the binding call is made.
    pub fn assume_pod(&mut self, pod: PodId, node: NodeId) {
        self.cluster.assume(pod, node);
        self.bind_disks(pod, node);
        self.usage_joins(node, pod);
        let view = scheduler_view(self.plan, &self.cluster);
        self.scheduling.scheduler.pod_assumed(view, pod, node, self.now);
        let bound_at = self.scheduling.calls.take(self.now);
        self.note_step(Actor::Scheduler, "bind", Object::Pod(pod));
        if bound_at == self.now {
            self.pod_bound(pod);
        } else {
            let epoch = self.cluster.pods[pod].epoch;
            self.at(bound_at, Event::PodBound(pod, epoch));
        }
    }

    /// A pod could not be placed. The loop goes on when its API client has written so
    /// (`handleSchedulingFailure`, `util.PatchPodStatus`).
    pub fn reject_pod(&mut self, pod: PodId, writes_status: bool) {
        let written = if writes_status { self.scheduling.calls.take(self.now) } else { self.now };
        if written == self.now {
            return self.pod_unschedulable(pod);
        }
        self.scheduling.busy_until = self.scheduling.busy_until.max(written);
        let epoch = self.cluster.pods[pod].epoch;
        self.at(written, Event::PodUnschedulable(pod, epoch));
    }

    /// The API says that a pod cannot be placed, and the autoscaler may see it.
    pub fn pod_unschedulable(&mut self, pod: PodId) {
        if !self.is_pending(pod) {
            return;
        }
        let first = !self.cluster.pods[pod].unschedulable;
        self.verdict_on(pod);
        self.cluster.mark_unschedulable(pod, self.now);
        if first {
            self.fingerprint.add(self.now, 8, u64::from(pod.0), 0);
        }
        if self.record.pod_clocks[pod].cause == Some(Cause::SchedQueue) {
            let cause = self.unschedulable_cause(pod);
            self.set_pod_cause(pod, Some(cause));
        }
        let since = self.cluster.pods[pod].unschedulable_since;
        if self.now.since(since) <= RECENTLY_UNSCHEDULABLE {
            self.autoscaler_sees_pod();
        }
    }

    /// Pods of lower priority are told to go for one that was not placed.
    pub fn preempt(&mut self, pod: PodId, preemption: &Preemption) {
        self.cluster.pods[pod].nominated = Some(preemption.node);
        for &other in &preemption.cleared {
            self.cluster.pods[other].nominated = None;
        }
        let name = self.pod_name(pod);
        self.note(Actor::Scheduler, "preempt", Object::Node(preemption.node), "", None, || {
            format!("{} pods of lower priority make room for {name}", preemption.victims.len())
        });
        for &victim in &preemption.victims {
            let grace = self.cluster.shape(victim).grace;
            self.pod_stops(victim, Stop::Evicted, Actor::Scheduler, false);
            self.stop_pod(victim, grace, Stop::Evicted);
        }
    }

    /// A kubelet looks at a pod that it is handed, if the scheduler may have left something out:
    /// what does not fit fails, and its controller makes another.
    pub fn kubelet_refuses(&mut self, pod: PodId) -> bool {
        let careful = self.plan.scheduler.leaves_nothing_out();
        let Some(node) = self.cluster.pods[pod].node.filter(|_| !careful) else { return false };
        let known = self.capacity.filters.well_known;
        let admitted = self.cluster.nodes[node].used.pods.iter().copied().filter(|&other| {
            other != pod
                && self.cluster.pods[other].phase != PodPhase::Binding
                && self.record.pod_ends[other].how != Stop::Refused.word()
        });
        let Some(reason) = refusal(&self.cluster, known, pod, node, admitted) else { return false };
        self.set_pod_cause(pod, None);
        self.cluster.begin_termination(pod, self.now);
        let view = scheduler_view(self.plan, &self.cluster);
        self.scheduling.scheduler.pod_terminating(view, pod);
        self.record.pod_ends[pod].how = Stop::Refused.word();
        let (object, code) = (Object::Pod(pod), "kubelet.admission");
        self.note(Actor::Kubelet, "refuse-pod", object, code, None, || {
            format!("{reason}: the scheduler bound it where it does not fit")
        });
        let epoch = self.cluster.pods[pod].epoch;
        self.at(self.now + REFUSAL_SEEN, Event::PodRefused(pod, epoch));
        true
    }

    /// Taints or the cordon of a node have changed.
    pub fn node_spec_changed(&mut self, node: NodeId) {
        self.cluster.change += 1;
        self.scheduling.scheduler.node_changed(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.wake_scheduler(self.now);
    }

    /// Whether a pod still waits for the scheduler.
    pub fn is_pending(&self, pod: PodId) -> bool {
        self.cluster.pods[pod].phase == PodPhase::Pending
    }
}
