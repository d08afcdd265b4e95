//! A histogram with exponential buckets whose samples lose half their weight in a day.
//!
//! Source: `pkg/recommender/util/{histogram,histogram_options,decaying_histogram}.go` and the
//! buckets of `pkg/recommender/model/aggregations_config.go`.

use crate::chance::maths;
use crate::unit::{Duration, SimTime};

/// `DefaultCPUHistogramDecayHalfLife` and `DefaultMemoryHistogramDecayHalfLife`.
const HALF_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// Samples may weigh two to this power more than the first before all are scaled down.
const MAX_EXPONENT: u64 = 100;
/// `epsilon`: a bucket that weighs less counts as empty at the ends.
const EPSILON: f64 = 0.000_1;

/// Sizes of the buckets: each is wider than the one before by 5 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buckets {
    first: f64,
    count: usize,
}

impl Buckets {
    /// Each bucket is wider than the one before by this ratio.
    const RATIO: f64 = 1.05;

    /// CPU in cores: from 0.01 to 1,000.
    pub fn cpu() -> Self {
        Self::up_to(1_000.0, 0.01)
    }

    /// Memory in bytes: from 10 MB to 1 TB.
    pub fn memory() -> Self {
        Self::up_to(1e12, 1e7)
    }

    fn up_to(most: f64, first: f64) -> Self {
        let count = ceil(Self::log(most * (Self::RATIO - 1.0) / first + 1.0)) + 1;
        Self { first, count }
    }

    fn log(x: f64) -> f64 {
        maths::ln(x) / maths::ln(Self::RATIO)
    }

    /// The bucket of a value.
    fn find(&self, value: f64) -> usize {
        if value < self.first {
            return 0;
        }
        let bucket = Self::log(value * (Self::RATIO - 1.0) / self.first + 1.0) as usize;
        bucket.min(self.count - 1)
    }

    /// Where a bucket begins.
    fn start(&self, bucket: usize) -> f64 {
        if bucket == 0 {
            return 0.0;
        }
        self.first * (maths::pow(Self::RATIO, bucket as f64) - 1.0) / (Self::RATIO - 1.0)
    }
}

fn ceil(x: f64) -> usize {
    let whole = x as usize;
    whole + usize::from(whole as f64 != x)
}

/// Samples of one resource.
#[derive(Clone, Debug)]
pub struct DecayingHistogram {
    buckets: Buckets,
    weights: Vec<f64>,
    total: f64,
    /// Whole half-lives since the start: a sample of then weighs what it is given.
    reference: u64,
}

impl DecayingHistogram {
    /// No samples.
    pub fn new(buckets: Buckets) -> Self {
        Self { buckets, weights: vec![0.0; buckets.count], total: 0.0, reference: 0 }
    }

    /// Adds a sample of this weight.
    pub fn add(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.factor(at);
        self.weights[self.buckets.find(value)] += weight;
        self.total += weight;
    }

    /// Takes a sample out again.
    pub fn subtract(&mut self, value: f64, weight: f64, at: SimTime) {
        let weight = weight * self.factor(at);
        let rest = |left: f64| if left < EPSILON { 0.0 } else { left };
        let bucket = &mut self.weights[self.buckets.find(value)];
        *bucket = rest(*bucket - weight);
        self.total = rest(self.total - weight);
    }

    /// The upper end of the bucket below or in which this share of the weight lies; 0 without
    /// samples.
    pub fn percentile(&self, share: f64) -> f64 {
        let counts = |weight: &f64| *weight >= EPSILON;
        let Some(first) = self.weights.iter().position(counts) else { return 0.0 };
        let last = self.weights.iter().rposition(counts).unwrap_or(first);
        let threshold = share * self.total;
        let mut sum = 0.0;
        let found = (first..last).find(|&bucket| {
            sum += self.weights[bucket];
            sum >= threshold
        });
        let bucket = found.unwrap_or(last);
        self.buckets.start((bucket + 1).min(self.buckets.count - 1))
    }

    /// How much heavier a sample of now is than one of the reference.
    fn factor(&mut self, at: SimTime) -> f64 {
        let half_lives = at.micros() as f64 / HALF_LIFE.micros() as f64;
        if half_lives > (self.reference + MAX_EXPONENT) as f64 {
            let reference = (half_lives + 0.5) as u64;
            let scale = maths::pow(2.0, -((reference - self.reference) as f64));
            self.weights.iter_mut().for_each(|weight| *weight *= scale);
            self.total *= scale;
            self.reference = reference;
        }
        maths::pow(2.0, half_lives - self.reference as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: u64) -> SimTime {
        SimTime::from_secs(days * 86_400)
    }

    #[test]
    fn buckets_grow_by_a_twentieth() {
        // pkg/recommender/model/aggregations_config.go: 1000 cores and 1 TB are the last.
        let cpu = Buckets::cpu();
        assert_eq!((cpu.count, Buckets::memory().count), (176, 176));
        for (cores, bucket) in [(0.0, 0), (0.009, 0), (0.011, 1), (0.02, 1), (0.021, 2), (1e9, 175)]
        {
            assert_eq!(cpu.find(cores), bucket, "{cores}");
        }
        assert!((cpu.start(2) - 0.020_5).abs() < 1e-12);
    }

    #[test]
    fn a_percentile_is_the_end_of_its_bucket() {
        let mut cpu = DecayingHistogram::new(Buckets::cpu());
        assert_eq!(cpu.percentile(0.9), 0.0);
        for _ in 0..9 {
            cpu.add(0.005, 0.1, day(0));
        }
        cpu.add(0.015, 0.1, day(0));
        assert!((cpu.percentile(0.5) - 0.01).abs() < 1e-12);
        assert!((cpu.percentile(0.95) - 0.020_5).abs() < 1e-12);
    }

    #[test]
    fn a_sample_weighs_half_after_a_day() {
        let mut cpu = DecayingHistogram::new(Buckets::cpu());
        cpu.add(0.015, 3.0, day(0));
        cpu.add(0.005, 1.0, day(1));
        // 3 to 2: more than half the weight lies above.
        assert!((cpu.percentile(0.5) - 0.020_5).abs() < 1e-12);
        cpu.add(0.005, 1.0, day(1));
        assert!((cpu.percentile(0.5) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn weights_stay_finite_over_years() {
        let mut cpu = DecayingHistogram::new(Buckets::cpu());
        for days in 0..3_000 {
            cpu.add(if days < 1_500 { 5.0 } else { 0.005 }, 0.1, day(days));
        }
        assert!(cpu.total.is_finite());
        assert!((cpu.percentile(0.95) - 0.01).abs() < 1e-12, "what is old is forgotten");
    }

    #[test]
    fn what_is_taken_out_is_gone() {
        let mut memory = DecayingHistogram::new(Buckets::memory());
        memory.add(5e8, 1.0, day(1));
        memory.subtract(5e8, 1.0, day(1));
        assert_eq!(memory.percentile(0.9), 0.0);
    }
}
