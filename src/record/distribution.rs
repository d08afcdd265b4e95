//! Distributions of waiting times: exact while small, then within 0.1 % of the value.

use hdrhistogram::Histogram;

use crate::unit::Duration;

/// Values other than zero that are kept one by one.
const EXACT_VALUES: usize = 100_000;
/// Significant digits of the histogram: a bucket is at most 1/1024 of its values wide, and its
/// middle stands for it.
const DIGITS: u8 = 3;

/// A collection of durations that answers quantiles. Count, sum and maximum are always exact. It
/// does not depend on the order of adding and merging.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    count: u64,
    total_micros: u128,
    max: Duration,
    zeros: u64,
    kept: Kept,
}

/// All values but the zeros, in microseconds.
#[derive(Clone, Debug)]
enum Kept {
    /// In order of adding.
    Values(Vec<u64>),
    /// Counted by buckets; some 300 kB at most.
    Buckets(Box<Histogram<u64>>),
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
        if value.is_zero() {
            self.zeros += 1;
        } else {
            self.kept.add(value.micros());
        }
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.total_micros += other.total_micros;
        self.max = self.max.max(other.max);
        self.zeros += other.zeros;
        self.kept.merge(&other.kept);
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them are zero.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Exact sum in microseconds.
    pub fn total_micros(&self) -> u128 {
        self.total_micros
    }

    /// The largest value; zero if there are none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Arithmetic mean in seconds; zero if there are no values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total_micros as f64 / self.count as f64 / 1e6 }
    }

    /// Whether quantiles are exact, and not within 0.1 % of the value.
    pub fn is_exact(&self) -> bool {
        matches!(self.kept, Kept::Values(_))
    }

    /// The smallest value v such that at least `q` of all values are <= v (nearest rank); zero if
    /// there are none. For several quantiles, [`Self::quantiles`] sorts only once.
    pub fn quantile(&self, q: f64) -> Duration {
        let [value] = self.at_shares([q]);
        value
    }

    /// The figures for a report.
    pub fn quantiles(&self) -> Quantiles {
        let [p50, p90, p95, p99] =
            self.at_shares([0.5, 0.9, 0.95, 0.99]).map(Duration::as_secs_f64);
        let max = self.max.as_secs_f64();
        Quantiles { count: self.count, mean: self.mean(), p50, p90, p95, p99, max }
    }

    /// Points (seconds, share of values <= it) of the cumulative distribution, at most `points`.
    pub fn cumulative(&self, points: usize) -> Vec<(f64, f64)> {
        let mut curve = Vec::with_capacity(points);
        let mut done = 0;
        let points = points as u128;
        self.walk(|value, upto| {
            // A point where the share of values passes the next of `points` equal steps.
            let step = u128::from(upto) * points / u128::from(self.count);
            if step > done {
                done = step;
                curve.push((value.as_secs_f64(), upto as f64 / self.count as f64));
            }
            true
        });
        curve
    }

    /// Quantiles at ascending shares.
    fn at_shares<const N: usize>(&self, shares: [f64; N]) -> [Duration; N] {
        let ranks = shares.map(|share| rank(share, self.count));
        let mut found = [Duration::ZERO; N];
        let mut next = 0;
        if self.count > 0 {
            self.walk(|value, upto| {
                while next < N && ranks[next] <= upto {
                    found[next] = value;
                    next += 1;
                }
                next < N
            });
        }
        found
    }

    /// Visits distinct values in ascending order with the number of values up to and with each,
    /// while `visit` says so.
    fn walk(&self, mut visit: impl FnMut(Duration, u64) -> bool) {
        let mut upto = self.zeros;
        if upto > 0 && !visit(Duration::ZERO, upto) {
            return;
        }
        match &self.kept {
            Kept::Values(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                for run in sorted.chunk_by(|a, b| a == b) {
                    upto += run.len() as u64;
                    if !visit(Duration::from_micros(run[0]), upto) {
                        return;
                    }
                }
            }
            Kept::Buckets(histogram) => {
                for bucket in histogram.iter_recorded() {
                    upto += bucket.count_at_value();
                    let middle = histogram.median_equivalent(bucket.value_iterated_to());
                    let value = Duration::from_micros(middle).min(self.max);
                    let value = if upto == self.count { self.max } else { value };
                    if !visit(value, upto) {
                        return;
                    }
                }
            }
        }
    }
}

/// The nearest rank of a share of `count` values, from 1. A product such as 0.07·100 that is whole
/// but for rounding is taken as whole.
fn rank(share: f64, count: u64) -> u64 {
    let exact = share * count as f64;
    let whole = exact.round();
    let near = (exact - whole).abs() <= 1e-9 * exact.max(1.0);
    let rank = if near { whole } else { exact.ceil() };
    (rank as u64).clamp(1, count.max(1))
}

impl Kept {
    fn add(&mut self, micros: u64) {
        match self {
            Self::Values(values) if values.len() < EXACT_VALUES => values.push(micros),
            Self::Values(_) => self.buckets().record(micros).expect(RESIZES),
            Self::Buckets(histogram) => histogram.record(micros).expect(RESIZES),
        }
    }

    fn merge(&mut self, other: &Self) {
        match other {
            Self::Values(values) => values.iter().for_each(|&micros| self.add(micros)),
            Self::Buckets(theirs) => self.buckets().add(theirs.as_ref()).expect(RESIZES),
        }
    }

    /// Counts by buckets from now on.
    fn buckets(&mut self) -> &mut Histogram<u64> {
        if let Self::Values(values) = self {
            let mut histogram = Histogram::new(DIGITS).expect("3 digits are possible");
            for &micros in values.iter() {
                histogram.record(micros).expect(RESIZES);
            }
            *self = Self::Buckets(Box::new(histogram));
        }
        match self {
            Self::Buckets(histogram) => histogram,
            Self::Values(_) => unreachable!("replaced above"),
        }
    }
}

const RESIZES: &str = "the histogram resizes itself";

impl Default for Kept {
    fn default() -> Self {
        Self::Values(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Distribution {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|micros| distribution.add(Duration::from_micros(micros)));
        distribution
    }

    /// Values over nine orders of magnitude, a third of them zero.
    fn spread(n: u64) -> Vec<u64> {
        let scattered = (0..n).map(|i| {
            let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            if i % 3 == 0 { 0 } else { mixed % 10u64.pow(1 + (i % 10) as u32) }
        });
        scattered.collect()
    }

    fn sorted_quantile(values: &[u64], q: f64) -> u64 {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted[rank(q, sorted.len() as u64) as usize - 1]
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let distribution = of((1..=100).rev());
        for (q, micros) in
            [(0.0, 1), (0.005, 1), (0.07, 7), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
        {
            assert_eq!(distribution.quantile(q).micros(), micros, "{q}");
        }
        let zeros = of([0, 0, 0, 8]);
        assert_eq!(zeros.quantile(0.75).micros(), 0);
        assert_eq!(zeros.quantile(0.76).micros(), 8);
        assert_eq!(Distribution::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn figures_of_a_few_values() {
        let figures = of([1_000_000, 3_000_000, 0, 4_000_000]).quantiles();
        let expected =
            Quantiles { count: 4, mean: 2.0, p50: 1.0, p90: 4.0, p95: 4.0, p99: 4.0, max: 4.0 };
        assert_eq!(figures, expected);
        assert_eq!(Distribution::default().quantiles(), Quantiles::default());
    }

    #[test]
    fn beyond_the_exact_size_quantiles_are_within_a_thousandth() {
        let values = spread(400_000);
        let distribution = of(values.iter().copied());
        assert!(!distribution.is_exact());
        assert_eq!(distribution.total_micros(), values.iter().map(|&v| u128::from(v)).sum());
        for step in 0..=1_000 {
            let q = f64::from(step) / 1_000.0;
            let (ours, exact) = (distribution.quantile(q).micros(), sorted_quantile(&values, q));
            assert!(ours.abs_diff(exact) * 1_000 <= exact, "{q}: {ours} for {exact}");
        }
        assert_eq!(distribution.quantile(1.0), distribution.max());
    }

    #[test]
    fn zeros_take_no_room() {
        let mut distribution = of((0..1_000_000).map(|_| 0));
        distribution.add(Duration::from_micros(5));
        assert!(distribution.is_exact());
        assert_eq!(distribution.cumulative(4), [(0.0, 1_000_000.0 / 1_000_001.0), (5e-6, 1.0)]);
    }

    #[test]
    fn the_cumulative_curve_is_true_at_each_point() {
        for values in [spread(1_000), spread(300_000)] {
            let distribution = of(values.iter().copied());
            let curve = distribution.cumulative(50);
            assert!(curve.len() <= 50 && curve.len() > 25, "{} points", curve.len());
            assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
            let (end, all) = curve[curve.len() - 1];
            assert_eq!((end, all), (distribution.max().as_secs_f64(), 1.0));
            let tolerance = if distribution.is_exact() { 1e-9 } else { 1e-3 };
            for &(seconds, share) in &curve {
                let limit = seconds * 1e6 * (1.0 + tolerance) + 1e-3;
                let below = values.iter().filter(|&&v| v as f64 <= limit).count() as f64;
                let drawn = below / values.len() as f64;
                assert!((drawn - share).abs() < 2e-3, "{seconds} s: {share}, counted {drawn}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn merging_does_not_depend_on_order(sizes in prop::collection::vec(0u64..90_000, 1..5)) {
            let parts: Vec<Distribution> = sizes.iter().map(|&n| of(spread(n))).collect();
            let merged = |order: &mut dyn Iterator<Item = &Distribution>| {
                let mut sum = Distribution::default();
                order.for_each(|part| sum.merge(part));
                sum
            };
            let (there, back) = (merged(&mut parts.iter()), merged(&mut parts.iter().rev()));
            let whole = of(sizes.iter().flat_map(|&n| spread(n)));
            for other in [back, whole] {
                prop_assert_eq!(there.quantiles(), other.quantiles());
                prop_assert_eq!(there.is_exact(), other.is_exact());
                prop_assert_eq!(there.cumulative(100), other.cumulative(100));
            }
        }
    }
}
