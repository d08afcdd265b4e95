//! Where waiting goes: one cause for each instant of each waiting message and pod (contract §5).
//!
//! Messages that wait in one queue share the queue's cause, so a queue keeps one clock per cause
//! and adds depth·dt when either changes: O(1) per event and nothing per message.

use crate::unit::{Duration, NodeId, PoolId, SimTime};
use crate::vocabulary::Cause;

/// Microseconds by cause, indexed like [`Cause::ALL`].
pub type CauseTotals = [u128; Cause::ALL.len()];

/// The waiting of one queue's counted messages.
#[derive(Clone, Debug)]
pub struct QueueClock {
    /// Counted messages that wait and can be taken.
    depth: u64,
    cause: Cause,
    since: SimTime,
    spent: CauseTotals,
    /// When the cause changed while messages waited, where a report wants it.
    course: Option<Vec<(SimTime, Cause)>>,
}

impl QueueClock {
    /// An empty queue.
    pub fn new() -> Self {
        Self {
            depth: 0,
            cause: Cause::Busy,
            since: SimTime::ZERO,
            spent: [0; Cause::ALL.len()],
            course: None,
        }
    }

    /// The same, and the course of its causes is kept.
    pub fn with_course() -> Self {
        Self { course: Some(Vec::new()), ..Self::new() }
    }

    /// From `now` on the queue waits for `cause`.
    pub fn set_cause(&mut self, cause: Cause, now: SimTime) {
        if cause != self.cause {
            self.settle(now);
            self.cause = cause;
            if self.depth > 0 {
                self.follow(now);
            }
        }
    }

    /// The course of causes up to now; empty where none is kept.
    pub fn take_course(&mut self) -> Vec<(SimTime, Cause)> {
        self.course.take().unwrap_or_default()
    }

    /// Notes the cause that holds now, and forgets one that held for no time.
    fn follow(&mut self, now: SimTime) {
        let Some(course) = &mut self.course else { return };
        if course.last().is_some_and(|(at, _)| *at == now) {
            course.pop();
        }
        if course.last().is_none_or(|(_, cause)| *cause != self.cause) {
            course.push((now, self.cause));
        }
    }

    /// A counted message begins to wait.
    pub fn enter(&mut self, now: SimTime) {
        self.settle(now);
        self.depth += 1;
        if self.depth == 1 {
            self.follow(now);
        }
    }

    /// A counted message is taken (or leaves otherwise).
    pub fn leave(&mut self, now: SimTime) {
        self.settle(now);
        self.depth -= 1;
        if let (0, Some(course)) = (self.depth, &mut self.course)
            && course.last().is_some_and(|(at, _)| *at == now)
        {
            course.pop();
        }
    }

    /// Lost attempts cost messages this many microseconds.
    pub fn redo(&mut self, lost_micros: u128) {
        self.spent[Cause::Redo as usize] += lost_micros;
    }

    /// Adds up to `now` and returns the totals.
    pub fn totals(&mut self, now: SimTime) -> &CauseTotals {
        self.settle(now);
        &self.spent
    }

    fn settle(&mut self, now: SimTime) {
        let waited = u128::from(now.since(self.since).micros());
        self.spent[self.cause as usize] += waited * u128::from(self.depth);
        self.since = now;
    }
}

impl Default for QueueClock {
    fn default() -> Self {
        Self::new()
    }
}

/// The waiting of one pod from creation to Ready.
#[derive(Clone, Copy, Debug)]
pub struct PodClock {
    /// The cause that holds now; `None` once the pod waits no more.
    pub cause: Option<Cause>,
    since: SimTime,
    /// Whether the pod counts.
    pub counted: bool,
    /// The cause of the longest unbroken stretch, and its length.
    pub longest: Option<(Cause, Duration)>,
    /// The node on its way that the pod waits for.
    pub coming: Option<NodeId>,
    /// The pool whose wall the pod waits at.
    pub wall: Option<PoolId>,
}

impl PodClock {
    /// A pod created now.
    pub fn new(cause: Cause, counted: bool, now: SimTime) -> Self {
        Self { cause: Some(cause), since: now, counted, longest: None, coming: None, wall: None }
    }

    /// From `now` on the pod waits for `cause`, or for nothing.
    pub fn change(&mut self, cause: Option<Cause>, now: SimTime, waits: &mut PodWaits) {
        let Some(before) = self.cause else { return };
        if cause == Some(before) {
            return;
        }
        let waited = now.since(self.since);
        if self.counted {
            waits.shift(before, self.since, cause, now);
        }
        if self.longest.is_none_or(|(_, most)| waited > most) {
            self.longest = Some((before, waited));
        }
        self.cause = cause;
        self.since = now;
    }
}

/// The waiting of all pods that count, the unfinished too: O(1) at each change of a pod's cause.
#[derive(Clone, Debug)]
pub struct PodWaits {
    spent: CauseTotals,
    /// Of pods that wait now: how many, and the sum of the instants since when, by cause.
    open: [(u64, u128); Cause::ALL.len()],
}

impl PodWaits {
    /// Nobody waits yet.
    pub const fn new() -> Self {
        Self { spent: [0; Cause::ALL.len()], open: [(0, 0); Cause::ALL.len()] }
    }

    /// A pod that counts begins to wait.
    pub fn begin(&mut self, cause: Cause, now: SimTime) {
        let (pods, since) = &mut self.open[cause as usize];
        *pods += 1;
        *since += u128::from(now.micros());
    }

    /// A pod lost work that takes another this many microseconds again.
    pub fn redo(&mut self, lost_micros: u128) {
        self.spent[Cause::Redo as usize] += lost_micros;
    }

    /// A pod that counts waits for something else, or for nothing any more.
    fn shift(&mut self, before: Cause, since: SimTime, cause: Option<Cause>, now: SimTime) {
        let (pods, instants) = &mut self.open[before as usize];
        *pods -= 1;
        *instants -= u128::from(since.micros());
        self.spent[before as usize] += u128::from(now.since(since).micros());
        if let Some(cause) = cause {
            self.begin(cause, now);
        }
    }

    /// All waiting up to now.
    pub fn totals(&self, now: SimTime) -> CauseTotals {
        let mut totals = self.spent;
        for (total, &(pods, since)) in totals.iter_mut().zip(&self.open) {
            *total += u128::from(pods) * u128::from(now.micros()) - since;
        }
        totals
    }
}

impl Default for PodWaits {
    fn default() -> Self {
        Self::new()
    }
}

/// How far a pod with this cause is on its way to Ready: more is further.
pub const fn progress(cause: Cause) -> u8 {
    match cause {
        Cause::AppStart => 15,
        Cause::ImagePull => 14,
        Cause::VolumeAttach => 13,
        Cause::NodeReady => 12,
        Cause::VmProvision => 11,
        Cause::CaExpander => 10,
        Cause::CaDelay => 9,
        Cause::CaScan => 8,
        Cause::SchedQueue => 7,
        Cause::CaBackoff => 6,
        Cause::BlockedCapacity => 5,
        Cause::BlockedQuota => 4,
        Cause::BlockedIp => 3,
        Cause::BlockedMaxCount => 2,
        Cause::SchedConstraint => 1,
        _ => 0,
    }
}

/// How near a queue's next consumer is under this cause: more is nearer.
pub const fn nearness(cause: Cause) -> u8 {
    match cause {
        Cause::Busy => 32,
        Cause::HpaSync => 6,
        Cause::HpaTolerance | Cause::HpaPolicy => 5,
        Cause::KedaPoll => 4,
        Cause::KedaActivation | Cause::HpaMax => 3,
        other => 8 + progress(other),
    }
}

/// How many pods of one workload wait for each cause.
#[derive(Clone, Debug)]
pub struct StageCounts {
    pods: [u32; Cause::ALL.len()],
}

impl StageCounts {
    /// None.
    pub fn new() -> Self {
        Self { pods: [0; Cause::ALL.len()] }
    }

    /// A pod moves from one cause to another; `None` is not waiting.
    pub fn shift(&mut self, from: Option<Cause>, to: Option<Cause>) {
        if let Some(from) = from {
            self.pods[from as usize] -= 1;
        }
        if let Some(to) = to {
            self.pods[to as usize] += 1;
        }
    }

    /// Cause of the pod that is furthest on its way.
    pub fn furthest(&self) -> Option<Cause> {
        Cause::ALL
            .iter()
            .copied()
            .filter(|&cause| self.pods[cause as usize] > 0)
            .max_by_key(|&cause| progress(cause))
    }
}

impl Default for StageCounts {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_splits_its_waiting_exactly() {
        let second = SimTime::from_secs;
        let mut clock = QueueClock::new();
        clock.set_cause(Cause::KedaPoll, second(0));
        clock.enter(second(0));
        clock.enter(second(10));
        clock.set_cause(Cause::AppStart, second(15));
        clock.leave(second(20));
        clock.leave(second(21));
        let totals = clock.totals(second(30));
        assert_eq!(totals[Cause::KedaPoll as usize], 20_000_000);
        assert_eq!(totals[Cause::AppStart as usize], 11_000_000);
        assert_eq!(totals.iter().sum::<u128>(), (20 + 11) * 1_000_000);
    }

    #[test]
    fn pods_that_still_wait_are_in_the_totals() {
        let second = SimTime::from_secs;
        let (mut waits, mut clocks) = (PodWaits::new(), Vec::new());
        for born in [0, 4] {
            waits.begin(Cause::CaScan, second(born));
            clocks.push(PodClock::new(Cause::CaScan, true, second(born)));
        }
        clocks[0].change(Some(Cause::VmProvision), second(10), &mut waits);
        clocks[1].change(None, second(12), &mut waits);
        let totals = waits.totals(second(15));
        assert_eq!(totals[Cause::CaScan as usize], 18_000_000);
        assert_eq!(totals[Cause::VmProvision as usize], 5_000_000);
        assert_eq!(totals.iter().sum::<u128>(), 23_000_000);
    }

    #[test]
    fn the_pod_furthest_on_its_way_gives_the_cause() {
        let mut stages = StageCounts::new();
        assert_eq!(stages.furthest(), None);
        stages.shift(None, Some(Cause::CaScan));
        stages.shift(None, Some(Cause::SchedQueue));
        assert_eq!(stages.furthest(), Some(Cause::CaScan));
        stages.shift(Some(Cause::SchedQueue), Some(Cause::ImagePull));
        assert_eq!(stages.furthest(), Some(Cause::ImagePull));
    }
}
