//! Cycles of the scheduler.

use crate::control::scheduler::{CycleResult, SchedulerView};
use crate::sim::world::World;
use crate::unit::{NodeId, PodId, SimTime};

impl World<'_> {
    /// One cycle: the next pod is placed or not.
    pub fn scheduler_cycle(&mut self) {
        if self.now < self.scheduling.due {
            // An earlier cycle took this one's place.
            self.record.counters.stale_events += 1;
            return;
        }
        self.scheduling.due = SimTime::NEVER;
        if let Some((pod, result)) = self.scheduler_decides() {
            self.record.counters.scheduler_cycles += 1;
            self.scheduling.busy_until = self.now + self.plan.scheduler.cycle;
            match result {
                CycleResult::Bind(node) => self.assume_pod(pod, node),
                CycleResult::Unschedulable { preemption, .. } => {
                    self.reject_pod(pod, preemption.as_ref());
                }
            }
        }
        if let Some(next) = self.scheduling.scheduler.next_wake(self.now) {
            self.wake_scheduler(next);
        }
    }

    /// The decision about the next pod, for the warm start: no pace, no consequences.
    pub fn next_placement(&mut self) -> Option<(PodId, Option<NodeId>)> {
        self.scheduler_decides().map(|(pod, result)| match result {
            CycleResult::Bind(node) => (pod, Some(node)),
            CycleResult::Unschedulable { .. } => (pod, None),
        })
    }

    fn scheduler_decides(&mut self) -> Option<(PodId, CycleResult)> {
        let lots = self.lots(2, self.record.counters.scheduler_cycles);
        let view = SchedulerView {
            cluster: &self.cluster,
            spec: &self.plan.scheduler,
            images: &self.plan.images,
            budgets: &self.plan.budgets,
        };
        self.scheduling.scheduler.cycle(&view, self.now, lots)
    }
}
