//! Distributions of waiting times: exact while small, then within 0.1 % of the value.

use crate::unit::Duration;

/// A collection of durations that answers quantiles.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    count: u64,
    total_micros: u128,
    max: Duration,
    values: Vec<u64>,
}

/// The figures of a distribution that reports show, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Distribution {
    /// Adds a value. O(1) amortised.
    pub fn add(&mut self, value: Duration) {
        self.count += 1;
        self.total_micros += u128::from(value.micros());
        self.max = self.max.max(value);
        self.values.push(value.micros());
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Exact sum in microseconds.
    pub fn total_micros(&self) -> u128 {
        self.total_micros
    }

    /// The smallest value v such that at least `q` of all values are <= v (nearest rank); zero if
    /// there are none.
    pub fn quantile(&self, q: f64) -> Duration {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        nearest_rank(&sorted, q)
    }

    /// The figures for a report.
    pub fn quantiles(&self) -> Quantiles {
        if self.count == 0 {
            return Quantiles::default();
        }
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let at = |q| nearest_rank(&sorted, q).as_secs_f64();
        Quantiles {
            count: self.count,
            mean: self.total_micros as f64 / self.count as f64 / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            max: self.max.as_secs_f64(),
        }
    }

    /// Points (seconds, share of values <= it) of the cumulative distribution, at most `points`.
    pub fn cumulative(&self, points: usize) -> Vec<(f64, f64)> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let steps = points.min(sorted.len());
        let share = |step: usize| step as f64 / steps as f64;
        (1..=steps)
            .map(|step| (nearest_rank(&sorted, share(step)).as_secs_f64(), share(step)))
            .collect()
    }
}

/// The smallest of the sorted values that at least `q` of them do not exceed.
fn nearest_rank(sorted: &[u64], q: f64) -> Duration {
    // A rank such as 0.95 * 20 must not be pushed up by the last bit of a product.
    let rank = (q * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted
        .get(rank.min(sorted.len()).wrapping_sub(1))
        .map_or(Duration::ZERO, |&micros| Duration::from_micros(micros))
}
