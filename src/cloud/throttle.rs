//! Throttling of requests: a token bucket with exact integer arithmetic.

use crate::unit::{Duration, SimTime};

const MICROS_PER_MINUTE: u64 = 60_000_000;

/// A bucket of tokens that fills steadily.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    capacity: u32,
    per_minute: u32,
    /// Tokens times microseconds in a minute.
    level: u64,
    filled_at: SimTime,
}

impl TokenBucket {
    /// A full bucket.
    pub const fn new(capacity: u32, per_minute: u32) -> Self {
        let level = capacity as u64 * MICROS_PER_MINUTE;
        Self { capacity, per_minute, level, filled_at: SimTime::ZERO }
    }

    /// Updates of one scale set: 12 at once, 4 a minute (azure-compute-docs
    /// `compute-throttling-limits.md`, 2024-05-27, resource level of "Update"). Nothing gathers
    /// small increases: each is a call of its own that sets the capacity, and one that is throttled
    /// is not tried again but backs the pool off (kubernetes/autoscaler @ 55c37cd
    /// `azure_scale_set.go`, `createOrUpdateInstances`).
    pub const fn scale_set_updates() -> Self {
        Self::new(12, 4)
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The instant at which there is one, if there is none now ([`SimTime::NEVER`] if the bucket
    /// does not fill).
    pub fn take(&mut self, now: SimTime) -> Result<(), SimTime> {
        let gained = now.since(self.filled_at).micros().saturating_mul(u64::from(self.per_minute));
        let full = u64::from(self.capacity) * MICROS_PER_MINUTE;
        self.level = self.level.saturating_add(gained).min(full);
        self.filled_at = self.filled_at.max(now);
        if self.level >= MICROS_PER_MINUTE {
            self.level -= MICROS_PER_MINUTE;
            return Ok(());
        }
        if self.per_minute == 0 || self.capacity == 0 {
            return Err(SimTime::NEVER);
        }
        let missing = (MICROS_PER_MINUTE - self.level).div_ceil(u64::from(self.per_minute));
        Err(now + Duration::from_micros(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_empties_the_bucket_and_it_fills_steadily() {
        let mut bucket = TokenBucket::scale_set_updates();
        let now = SimTime::from_secs(1_000);
        for _ in 0..12 {
            assert_eq!(bucket.take(now), Ok(()));
        }
        assert_eq!(bucket.take(now), Err(SimTime::from_secs(1_015)));
        assert_eq!(bucket.take(SimTime::from_secs(1_014)), Err(SimTime::from_secs(1_015)));
        assert_eq!(bucket.take(SimTime::from_secs(1_015)), Ok(()));
        assert_eq!(bucket.take(SimTime::from_secs(1_015)), Err(SimTime::from_secs(1_030)));
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_capacity() {
        let mut bucket = TokenBucket::new(2, 60);
        let late = SimTime::from_secs(1_000_000);
        assert_eq!(bucket.take(late), Ok(()));
        assert_eq!(bucket.take(late), Ok(()));
        assert_eq!(bucket.take(late), Err(late + Duration::from_secs(1)));
    }

    #[test]
    fn a_bucket_that_does_not_fill_says_never() {
        let mut bucket = TokenBucket::new(1, 0);
        assert_eq!(bucket.take(SimTime::ZERO), Ok(()));
        assert_eq!(bucket.take(SimTime::from_secs(9)), Err(SimTime::NEVER));
    }
}
