//! The scheduler's pace, and what its decisions do.

use crate::control::scheduler::Preemption;
use crate::model::PodPhase;
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{Duration, NodeId, PodId, SimTime};
use crate::vocabulary::Cause;

/// A sleeping autoscaler wakes up for pods that became unschedulable within this time; a pod that
/// is tried again in vain keeps the time of its condition (autoscaler
/// `cluster-autoscaler/loop/trigger.go`: `maxPodChangeAge`).
const RECENTLY_UNSCHEDULABLE: Duration = Duration::from_secs(10);

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

    /// A pod was placed: it holds its room from now on, and the binding call is made.
    pub fn assume_pod(&mut self, pod: PodId, node: NodeId) {
        self.cluster.assume(pod, node);
        self.usage_joins(node, pod);
        let view = scheduler_view(self.plan, &self.cluster);
        self.scheduling.scheduler.pod_assumed(view, pod, node, self.now);
        let bound_at = self.scheduling.binds.take(self.now);
        self.note_step(Actor::Scheduler, "bind", Object::Pod(pod));
        if bound_at == self.now {
            self.pod_bound(pod);
        } else {
            let epoch = self.cluster.pods[pod].epoch;
            self.at(bound_at, Event::PodBound(pod, epoch));
        }
    }

    /// A pod could not be placed: the API says so, and the autoscaler may see it.
    pub fn reject_pod(&mut self, pod: PodId, preemption: Option<&Preemption>) {
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
        if let Some(preemption) = preemption {
            self.preempt(pod, preemption);
        }
        let since = self.cluster.pods[pod].unschedulable_since;
        if self.now.since(since) <= RECENTLY_UNSCHEDULABLE {
            self.autoscaler_sees_pod();
        }
    }

    fn preempt(&mut self, pod: PodId, preemption: &Preemption) {
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
