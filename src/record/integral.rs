//! A level integrated exactly over time.

use crate::unit::{Accrual, SimTime};

/// An integer level (nodes, replicas, nano-units an hour) and its integral in level·microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Integral {
    level: i64,
    since: SimTime,
    total: i128,
}

impl Integral {
    /// The level now.
    pub fn level(&self) -> i64 {
        self.level
    }

    /// The level is `level` from `now` on.
    pub fn set(&mut self, level: i64, now: SimTime) {
        self.settle(now);
        self.level = level;
    }

    /// The level changes by `by` from `now` on.
    pub fn add(&mut self, by: i64, now: SimTime) {
        self.settle(now);
        self.level += by;
    }

    /// Forgets what was integrated before `now` (warm-up).
    pub fn restart(&mut self, now: SimTime) {
        self.since = now;
        self.total = 0;
    }

    /// Level times microseconds up to `now`.
    pub fn total(&self, now: SimTime) -> i128 {
        self.total + i128::from(self.level) * i128::from(now.since(self.since).micros())
    }

    /// The total of a level in nano-units an hour, as money.
    pub fn accrual(&self, now: SimTime) -> Accrual {
        Accrual(self.total(now))
    }

    fn settle(&mut self, now: SimTime) {
        self.total = self.total(now);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_is_forgotten_and_the_level_goes_on() {
        let mut nodes = Integral::default();
        nodes.set(3, SimTime::ZERO);
        nodes.restart(SimTime::from_secs(10));
        nodes.add(1, SimTime::from_secs(15));
        assert_eq!(nodes.total(SimTime::from_secs(20)), (3 * 5 + 4 * 5) * 1_000_000);
    }
}
