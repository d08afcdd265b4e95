//! The pace of NoExecute tainting in a zone.
//!
//! kubernetes `pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go` and
//! `setLimiterInZone`, v1.36.2: a token bucket of one token whose rate follows the zone's state.

use crate::unit::{Duration, SimTime};

/// When the next node of a zone may get its NoExecute taint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictionPace {
    last: Option<SimTime>,
}

impl EvictionPace {
    /// The next instant at this rate (nodes a second, in thousandths); [`SimTime::NEVER`] at
    /// rate 0.
    pub fn next(&self, now: SimTime, rate_milli: u64) -> SimTime {
        let Some(interval) = 1_000_000_000_u64.checked_div(rate_milli) else {
            return SimTime::NEVER;
        };
        self.last.map_or(now, |last| now.max(last + Duration::from_micros(interval)))
    }

    /// A node has got its taint.
    pub fn take(&mut self, now: SimTime) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::node::{EVICTION_RATE_MILLI, SECONDARY_RATE_MILLI};

    #[test]
    fn one_node_every_ten_seconds_or_every_hundred_or_none() {
        let mut pace = EvictionPace::default();
        let second = SimTime::from_secs;
        assert_eq!(pace.next(second(7), EVICTION_RATE_MILLI), second(7));
        pace.take(second(7));
        assert_eq!(pace.next(second(8), EVICTION_RATE_MILLI), second(17));
        assert_eq!(pace.next(second(8), SECONDARY_RATE_MILLI), second(107));
        assert_eq!(pace.next(second(40), EVICTION_RATE_MILLI), second(40));
        assert_eq!(pace.next(second(8), 0), SimTime::NEVER);
    }
}
