//! The peak of a pod's memory in each day: the only sample of that day.
//!
//! Source: `pkg/recommender/model/container.go` (`addMemorySample`).

use super::DecayingHistogram;
use crate::unit::{Duration, SimTime};

/// `DefaultMemoryAggregationInterval`
const INTERVAL: Duration = Duration::from_secs(24 * 3_600);

/// The day that a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakWindow {
    end: SimTime,
    peak: i64,
}

impl PeakWindow {
    /// The first day begins with the first sample.
    pub const fn new(first: SimTime) -> Self {
        Self { end: first, peak: 0 }
    }

    /// A sample of memory: `to` has the highest of each day. It carries the time of the day's end.
    pub fn add(&mut self, bytes: i64, at: SimTime, to: &mut DecayingHistogram) {
        if at < self.end {
            if self.peak == 0 || bytes <= self.peak {
                return;
            }
            to.subtract(self.peak as f64, 1.0, self.end);
        } else {
            let days = at.since(self.end).micros() / INTERVAL.micros() + 1;
            self.end += Duration::from_micros(days * INTERVAL.micros());
        }
        self.peak = bytes;
        to.add(bytes as f64, 1.0, self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::vpa::Buckets;

    #[test]
    fn a_day_has_one_sample_its_peak() {
        let hour = |hours: u64| SimTime::from_secs(hours * 3_600);
        let mut memory = DecayingHistogram::new(Buckets::memory());
        let mut window = PeakWindow::new(hour(1));
        for (hours, bytes, end, peak) in [
            (1, 300_000_000, 25, 300_000_000),
            (2, 200_000_000, 25, 300_000_000),
            (3, 400_000_000, 25, 400_000_000),
            (25, 100_000_000, 49, 100_000_000),
            (99, 200_000_000, 121, 200_000_000),
        ] {
            window.add(bytes, hour(hours), &mut memory);
            assert_eq!(window, PeakWindow { end: hour(end), peak }, "hour {hours}");
        }
        let mut alone = DecayingHistogram::new(Buckets::memory());
        alone.add(4e8, 1.0, hour(25));
        assert!(memory.percentile(1.0) >= alone.percentile(1.0));
    }
}
