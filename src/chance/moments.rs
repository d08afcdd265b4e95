//! Moments of distributions, in seconds.

use super::{Dist, Empirical, maths};

impl Dist {
    /// Mean (s).
    pub fn mean(&self) -> f64 {
        self.moments().0
    }

    /// Variance (s²).
    pub fn variance(&self) -> f64 {
        let (first, second) = self.moments();
        (second - first * first).max(0.0)
    }

    /// Squared coefficient of variation: variance over mean squared; 0 if the mean is 0.
    pub fn scv(&self) -> f64 {
        let mean = self.mean();
        if mean > 0.0 { self.variance() / (mean * mean) } else { 0.0 }
    }

    /// First and second moment.
    fn moments(&self) -> (f64, f64) {
        let of = |mean: f64, scv: f64| (mean, mean * mean * (1.0 + scv));
        match self {
            Self::Constant(value) => of(value.as_secs_f64(), 0.0),
            Self::Exponential { mean } => of(*mean, 1.0),
            Self::LogNormal { mu, sigma } => {
                let square = sigma * sigma;
                (maths::exp(mu + 0.5 * square), maths::exp(2.0 * (mu + square)))
            }
            Self::Uniform { min, max } => {
                (0.5 * (min + max), (min * min + min * max + max * max) / 3.0)
            }
            Self::Gamma { mean, scv } | Self::HyperExponential { mean, scv } => of(*mean, *scv),
            Self::Weibull { scale, shape } => (
                scale * maths::gamma(1.0 + 1.0 / shape),
                scale * scale * maths::gamma(1.0 + 2.0 / shape),
            ),
            Self::Empirical(table) => table.moments(),
            Self::Mixture(parts) => {
                let total: f64 = parts.iter().map(|part| part.0).sum();
                let sums = parts.iter().fold((0.0, 0.0), |sums, (weight, part)| {
                    let (first, second) = part.moments();
                    (sums.0 + weight * first, sums.1 + weight * second)
                });
                if total > 0.0 { (sums.0 / total, sums.1 / total) } else { (0.0, 0.0) }
            }
        }
    }
}

impl Empirical {
    /// Moments of the piecewise linear quantile function.
    fn moments(&self) -> (f64, f64) {
        let values = &self.sorted_seconds;
        if values.len() < 2 {
            let only = values.first().copied().unwrap_or(0.0);
            return (only, only * only);
        }
        let pieces = (values.len() - 1) as f64;
        let sums = values.windows(2).fold((0.0, 0.0), |sums, pair| {
            let (a, b) = (pair[0], pair[1]);
            (sums.0 + 0.5 * (a + b), sums.1 + (a * a + a * b + b * b) / 3.0)
        });
        (sums.0 / pieces, sums.1 / pieces)
    }
}
