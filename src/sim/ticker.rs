//! A control loop of fixed period, whose ticks may be left out while they would change nothing.

use crate::engine::Place;
use crate::unit::{Duration, SimTime};

/// When a loop ticks. Its grid never moves: a tick that is left out is counted as if it had run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    /// The next tick that has neither run nor been counted.
    next: SimTime,
    /// The tick whose event waits; [`SimTime::NEVER`] if none does.
    armed: SimTime,
    period: Duration,
}

/// Ticks that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub ticks: u64,
    /// The last of them.
    pub last: SimTime,
}

impl Ticker {
    /// A loop that does not run.
    pub const STOPPED: Self =
        Self { next: SimTime::NEVER, armed: SimTime::NEVER, period: Duration::MAX };

    /// A loop whose first tick is at `first`.
    pub fn starting(first: SimTime, period: Duration) -> Self {
        Self { next: first, armed: first, period }
    }

    /// Whether ticks are being left out.
    pub fn is_resting(&self) -> bool {
        self.armed != self.next
    }

    /// Whether the loop runs at all.
    pub fn runs(&self) -> bool {
        self.next != SimTime::NEVER
    }

    /// An event of this loop is due: says what was left out before it, or `None` if the event is
    /// void.
    pub fn tick(&mut self, now: SimTime) -> Option<Option<Skipped>> {
        if self.armed != now || !self.runs() {
            return None;
        }
        let ticks = now.since(self.next).micros() / self.period.micros();
        let last = now.saturating_sub(self.period);
        self.next = now + self.period;
        self.armed = self.next;
        Some((ticks > 0).then_some(Skipped { ticks, last }))
    }

    /// Rests until the first tick at or after `until`; returns when its event is due.
    pub fn rest(&mut self, until: SimTime) -> SimTime {
        self.armed = if until == SimTime::NEVER {
            SimTime::NEVER
        } else {
            let behind = until.since(self.next).micros();
            self.next + self.period.times(behind.div_ceil(self.period.micros()))
        };
        self.armed
    }

    /// Ends the rest: the next tick will run. Returns when its event is due.
    pub fn wake(&mut self) -> SimTime {
        self.armed = self.next;
        self.next
    }

    /// Counts the ticks that would have run by now: those up to `passed` in the order of events,
    /// where `place` is a tick's own place.
    pub fn settle(&mut self, passed: Place, place: impl Fn(SimTime) -> Place) -> Option<Skipped> {
        let now = passed.time();
        if !self.is_resting() || self.next > now {
            return None;
        }
        let mut ticks = now.since(self.next).micros() / self.period.micros() + 1;
        let mut last = self.next + self.period.times(ticks - 1);
        if place(last) > passed {
            (ticks, last) = (ticks - 1, last.saturating_sub(self.period));
        }
        if ticks == 0 {
            return None;
        }
        self.next = last + self.period;
        Some(Skipped { ticks, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: u64) -> SimTime {
        SimTime::from_secs(second)
    }

    fn place(tick: SimTime) -> Place {
        Place::new(tick, 2, 5)
    }

    #[test]
    fn ticks_that_are_left_out_are_counted() {
        let mut ticker = Ticker::starting(at(4), Duration::from_secs(30));
        assert_eq!(ticker.tick(at(3)), None, "not its event");
        assert_eq!(ticker.tick(at(4)), Some(None));
        assert_eq!(ticker.rest(at(100)), at(124), "the first tick at or after 100 s");
        assert_eq!(ticker.tick(at(124)), Some(Some(Skipped { ticks: 3, last: at(94) })));
        assert_eq!(ticker.rest(SimTime::NEVER), SimTime::NEVER);
        assert!(ticker.is_resting());
    }

    #[test]
    fn a_tick_of_this_instant_has_passed_once_its_lane_has() {
        for (lane, ticks, next) in [(0, 1, 64), (2, 1, 64), (3, 2, 94)] {
            let mut ticker = Ticker::starting(at(4), Duration::from_secs(30));
            ticker.tick(at(4));
            ticker.rest(SimTime::NEVER);
            let skipped = ticker.settle(Place::new(at(64), lane, 4), place);
            let last = at(next - 30);
            assert_eq!(skipped, Some(Skipped { ticks, last }), "lane {lane}");
            assert_eq!(ticker.wake(), at(next));
            assert!(!ticker.is_resting());
        }
    }

    #[test]
    fn nothing_is_left_out_before_the_next_tick() {
        let mut ticker = Ticker::starting(at(4), Duration::from_secs(30));
        ticker.tick(at(4));
        assert_eq!(ticker.settle(Place::last_of(at(90)), place), None, "it does not rest");
        ticker.rest(at(70));
        assert_eq!(ticker.settle(Place::last_of(at(33)), place), None);
        assert_eq!(ticker.wake(), at(34));
    }
}
