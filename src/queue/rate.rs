//! Rates of a queue as a management interface shows them: over the last whole interval.

use crate::unit::{Duration, SimTime};

/// Messages that came and that were delivered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Published.
    pub published: u64,
    /// Delivered, again included.
    pub delivered: u64,
}

/// Follows a queue's totals. It is told of every change, in order, and remembers two interval
/// borders; nothing happens at the borders themselves.
#[derive(Clone, Copy, Debug)]
pub struct RateMeter {
    interval: Duration,
    /// The interval of the last change.
    index: u64,
    /// Totals at the border before that interval, and at the border before that.
    borders: [Moved; 2],
    last: Moved,
}

impl RateMeter {
    /// A queue that nothing has moved in.
    pub const fn new(interval: Duration) -> Self {
        let none = Moved { published: 0, delivered: 0 };
        Self { interval, index: 0, borders: [none; 2], last: none }
    }

    /// The totals after a change.
    pub fn update(&mut self, total: Moved, now: SimTime) {
        (self.index, self.borders) = self.rolled(now);
        self.last = total;
    }

    /// (published, delivered) per second over the last whole interval before `now`.
    pub fn rates(&self, now: SimTime) -> (f64, f64) {
        let (_, [new, old]) = self.rolled(now);
        let seconds = self.interval.as_secs_f64();
        let rate = |new: u64, old: u64| (new - old) as f64 / seconds;
        (rate(new.published, old.published), rate(new.delivered, old.delivered))
    }

    /// Whether the rates are 0 and stay so while nothing moves.
    pub fn is_still(&self, now: SimTime) -> bool {
        let (_, [new, old]) = self.rolled(now);
        new == old && new == self.last
    }

    fn rolled(&self, now: SimTime) -> (u64, [Moved; 2]) {
        let index = now.micros() / self.interval.micros();
        let borders = match index - self.index {
            0 => self.borders,
            1 => [self.last, self.borders[0]],
            _ => [self.last; 2],
        };
        (index, borders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_whole_interval() {
        let mut meter = RateMeter::new(Duration::from_secs(5));
        let at = SimTime::from_secs;
        assert!(meter.is_still(at(0)));
        for second in 1..=7 {
            meter.update(Moved { published: 2 * second, delivered: second }, at(second));
        }
        // Four changes came before 5 s, three in the interval that goes on.
        assert_eq!(meter.rates(at(8)), (1.6, 0.8));
        assert_eq!(meter.rates(at(11)), (1.2, 0.6));
        assert!(!meter.is_still(at(11)));
        assert_eq!(meter.rates(at(16)), (0.0, 0.0));
        assert!(meter.is_still(at(16)));
    }
}
