//! A token bucket in integer time: the client-side rate limits of Kubernetes controllers.

use crate::unit::{Duration, SimTime};

/// Grants at most `burst` at once and `rate` a second in the long run (the generic cell rate
/// algorithm: one instant of state, no drift).
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    /// Time one token takes to come back; zero is unlimited.
    interval: Duration,
    /// How far ahead of its schedule a burst may run.
    tolerance: Duration,
    /// When the bucket is full again, were nothing more taken.
    full_at: SimTime,
}

impl TokenBucket {
    /// A full bucket of `rate_milli` / 1000 tokens a second (0: unlimited) and `burst` tokens.
    pub fn new(rate_milli: u64, burst: u64) -> Self {
        let interval = Duration::from_micros(1_000_000_000u64.checked_div(rate_milli).unwrap_or(0));
        Self { interval, tolerance: interval.times(burst.max(1) - 1), full_at: SimTime::ZERO }
    }

    /// When the next token can be had, at or after `now`.
    pub fn next(&self, now: SimTime) -> SimTime {
        now.max(self.full_at.saturating_sub(self.tolerance))
    }

    /// Takes a token if one is there.
    pub fn try_take(&mut self, now: SimTime) -> bool {
        let there = self.next(now) <= now;
        if there {
            self.take(now);
        }
        there
    }

    /// Takes the next token and says when it is there, at or after `now`.
    pub fn take(&mut self, now: SimTime) -> SimTime {
        let at = self.next(now);
        self.full_at = self.full_at.max(at) + self.interval;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut bucket = TokenBucket::new(2_000, 3);
        let granted: Vec<u64> =
            (0..6).map(|_| bucket.take(SimTime::from_secs(10)).micros() / 1_000).collect();
        assert_eq!(granted, [10_000, 10_000, 10_000, 10_500, 11_000, 11_500]);
        let refilled: Vec<u64> =
            (0..4).map(|_| bucket.take(SimTime::from_secs(60)).micros() / 1_000).collect();
        assert_eq!(refilled, [60_000, 60_000, 60_000, 60_500]);
    }

    #[test]
    fn an_empty_bucket_refuses_and_forgets_that_it_did() {
        let mut bucket = TokenBucket::new(5_000, 2);
        let granted: Vec<bool> = [0, 0, 0, 199, 200, 200, 1_000, 1_000, 1_000]
            .map(|millis| bucket.try_take(SimTime::from_micros(millis * 1_000)))
            .into();
        let expected = [true, true, false, false, true, false, true, true, false];
        assert_eq!(granted, expected);
    }

    #[test]
    fn rate_zero_is_unlimited() {
        let mut bucket = TokenBucket::new(0, 1);
        assert!((0..1_000).all(|_| bucket.take(SimTime::ZERO) == SimTime::ZERO));
    }
}
