//! Polls and syncs that would change nothing are left out, and counted as if they had run.
//!
//! A loop rests once a tick has found that the next ones would do nothing while what it sees stays
//! as it is. Whatever changes what it sees wakes it: the next tick of its grid runs again. Results
//! are the same to the byte as with `RunOptions::every_tick`.

use crate::control::hpa::{self, HpaMetric, MetricReading};
use crate::control::keda::scaler::source::{Counted, Reads};
use crate::control::keda::{QueueSource, ScalerSpec, Trigger};
use crate::engine::Place;
use crate::queue::PartitionOffsets;
use crate::sim::event::{Event, Lane};
use crate::sim::step::reading::topic_of;
use crate::sim::ticker::{Skipped, Ticker};
use crate::sim::world::World;
use crate::unit::{Duration, QueueId, SimTime, WorkloadId};

/// The longest rest with an end.
const LONGEST: Duration = Duration::from_mins(60);

/// A loop of a workload's scalers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// KEDA's polls.
    Polls,
    /// The HPA's syncs.
    Syncs,
}

impl Loop {
    const fn event(self, workload: WorkloadId) -> Event {
        match self {
            Self::Polls => Event::KedaPoll(workload),
            Self::Syncs => Event::HpaSync(workload),
        }
    }

    const fn lane(self) -> Lane {
        match self {
            Self::Polls => Lane::Keda,
            Self::Syncs => Lane::Hpa,
        }
    }
}

impl World<'_> {
    fn ticker(&mut self, workload: WorkloadId, which: Loop) -> &mut Ticker {
        let scaling = &mut self.scaling[workload];
        match which {
            Loop::Polls => &mut scaling.polls,
            Loop::Syncs => &mut scaling.syncs,
        }
    }

    /// Starts a loop, or starts it anew, with its first tick at `first`.
    pub fn start_loop(
        &mut self,
        workload: WorkloadId,
        which: Loop,
        first: SimTime,
        period: Duration,
    ) {
        *self.ticker(workload, which) = Ticker::starting(first, period);
        self.at(first, which.event(workload));
    }

    /// Whether an event is no void tick of a loop; what was left out before it is counted.
    pub fn is_due(&mut self, event: Event) -> bool {
        let (workload, which) = match event {
            Event::KedaPoll(workload) => (workload, Loop::Polls),
            Event::HpaSync(workload) => (workload, Loop::Syncs),
            _ => return true,
        };
        let now = self.now;
        let Some(skipped) = self.ticker(workload, which).tick(now) else { return false };
        self.left_out(workload, which, skipped);
        true
    }

    /// After a tick: the ticks before `until` would change nothing.
    pub fn rest(&mut self, workload: WorkloadId, which: Loop, until: SimTime) {
        let until = if self.options.every_tick { self.now } else { until };
        // A long rest leaves a void event behind when it is cut short: no heap of them.
        let until = if until == SimTime::NEVER { until } else { until.min(self.now + LONGEST) };
        let due = self.ticker(workload, which).rest(until);
        if due != SimTime::NEVER {
            self.at(due, which.event(workload));
        }
    }

    fn left_out(&mut self, workload: WorkloadId, which: Loop, skipped: Option<Skipped>) {
        let Some(Skipped { ticks, last }) = skipped else { return };
        let counters = &mut self.record.counters;
        counters.events += ticks;
        match which {
            Loop::Polls => {
                counters.keda_polls += ticks;
                self.scaling[workload].keda.skipped_until(last);
            }
            Loop::Syncs => {
                counters.hpa_syncs += ticks;
                self.scaling[workload].hpa.skipped_until(last);
            }
        }
    }

    /// Counts the ticks of a resting loop that have passed.
    fn settle(&mut self, workload: WorkloadId, which: Loop) {
        let passed = self.passed;
        let place = |tick| Place::new(tick, which.lane() as u8, workload.0);
        let skipped = self.ticker(workload, which).settle(passed, place);
        self.left_out(workload, which, skipped);
    }

    /// What a loop sees has changed, or may have: its next tick runs. O(1) for a loop at work.
    pub fn wake_loop(&mut self, workload: WorkloadId, which: Loop) {
        if !self.ticker(workload, which).is_resting() {
            return;
        }
        self.settle(workload, which);
        // The event of the end of its rest stays in the queue; it is void unless it is this one.
        let due = self.ticker(workload, which).wake();
        self.at(due, which.event(workload));
    }

    /// What the scalers of a workload see has changed, or may have.
    pub fn wake_scalers(&mut self, workload: WorkloadId) {
        self.wake_loop(workload, Loop::Polls);
        self.wake_loop(workload, Loop::Syncs);
    }

    /// The metric of a queue has changed, or may have.
    pub fn wake_readers(&mut self, queue: QueueId) {
        for index in 0..self.work.readers(queue).len() {
            let workload = self.work.readers(queue)[index];
            self.wake_scalers(workload);
        }
    }

    /// The run is over: what was left out up to its last event is counted.
    pub fn settle_loops(&mut self) {
        for workload in self.plan.workloads.ids() {
            self.settle(workload, Loop::Polls);
            self.settle(workload, Loop::Syncs);
        }
    }

    /// Until when the sources of triggers show what they show now, unless something happens.
    pub fn sources_hold_until(&self, triggers: &[Trigger]) -> SimTime {
        let until = |trigger: &Trigger| match &trigger.scaler {
            ScalerSpec::Queues(source) => {
                self.queues_hold_until(source).min(self.topic_holds_until(trigger))
            }
            ScalerSpec::Cron(windows) => windows.next_edge(self.now).unwrap_or(SimTime::NEVER),
            ScalerSpec::Cpu | ScalerSpec::Memory => SimTime::NEVER,
        };
        triggers.iter().map(until).min().unwrap_or(SimTime::NEVER)
    }

    /// Lag that is there may count as persistent at the next read; the first offsets of a new group
    /// come by themselves.
    fn topic_holds_until(&self, trigger: &Trigger) -> SimTime {
        let topic = topic_of(trigger);
        let lanes = topic.and_then(|(_, queue)| self.work.queues[queue].lanes());
        let (Some((topic, _)), Some(lanes)) = (topic, lanes) else { return SimTime::NEVER };
        let lags = |each: PartitionOffsets| each.committed.is_none_or(|to| to < each.end);
        if topic.remembers() && lanes.offsets(self.now).any(lags) {
            return self.now;
        }
        lanes.next_first_offset(self.now)
    }

    fn queues_hold_until(&self, source: &QueueSource) -> SimTime {
        let ages = source.reads == Reads::Count(Counted::OldestAge);
        let until = |&queue: &QueueId| {
            if ages && self.work.queues[queue].oldest_waiting().is_some() {
                return self.now;
            }
            self.work.holds_until(self.plan, queue, self.now)
        };
        source.queues.iter().map(until).min().unwrap_or(SimTime::NEVER)
    }

    /// Until when syncs would change nothing, after one that was told `readings` and has written
    /// nothing.
    pub fn syncs_rest_until(&self, workload: WorkloadId, readings: &[MetricReading]) -> SimTime {
        let scaling = &self.scaling[workload];
        let Some(spec) = &scaling.hpa_spec else { return self.now };
        let external = |metric: &HpaMetric| {
            matches!(metric, HpaMetric::Trigger { .. } | HpaMetric::Composite(_))
        };
        let failed = |reading: &MetricReading| matches!(reading, MetricReading::Failed(_));
        let ailing = scaling.keda.health.iter().any(|health| health.is_failing());
        if ailing || readings.iter().any(failed) || !spec.metrics.iter().all(external) {
            return self.now;
        }
        let triggers = self.plan.workloads[workload].triggers();
        let seen = self.hpa_seen(workload, readings);
        hpa::quiet_until(&self.hpa_settings, spec, &scaling.hpa, &seen, self.now)
            .unwrap_or(self.now)
            .min(self.sources_hold_until(triggers))
    }
}
