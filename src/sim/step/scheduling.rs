//! Cycles of the scheduler.

use crate::control::scheduler::{Cycle, Decision};
use crate::sim::world::{World, scheduler_view};
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
        if let Some(cycle) = self.scheduler_decides() {
            self.record.counters.scheduler_cycles += 1;
            self.record.counters.nodes_filtered += u64::from(cycle.looked_at);
            self.scheduling.busy_until = self.now + self.scheduling.cycle;
            match cycle.decision {
                Decision::Bind { node } => self.assume_pod(cycle.pod, node),
                Decision::Unschedulable { preemption, .. } => {
                    if let Some(preemption) = preemption {
                        self.preempt(cycle.pod, &preemption);
                    }
                    self.reject_pod(cycle.pod, cycle.writes_status);
                }
            }
        }
        if let Some(next) = self.scheduling.scheduler.next_wake(self.now) {
            self.wake_scheduler(next);
        }
    }

    /// The decision about the next pod, for the warm start: no pace, no consequences.
    pub fn next_placement(&mut self) -> Option<(PodId, Option<NodeId>)> {
        self.scheduler_decides().map(|cycle| match cycle.decision {
            Decision::Bind { node } => (cycle.pod, Some(node)),
            Decision::Unschedulable { .. } => (cycle.pod, None),
        })
    }

    fn scheduler_decides(&mut self) -> Option<Cycle> {
        let lots = self.lots(2, 0);
        let view = scheduler_view(self.plan, &self.cluster);
        self.scheduling.scheduler.cycle(view, self.now, lots)
    }
}
