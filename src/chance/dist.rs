//! Distributions of durations (contract §1.1), drawn by inversion with portable mathematics.

use std::sync::Arc;

use super::{Purpose, Stream, gamma::standard_gamma, maths, normal};
use crate::unit::Duration;

/// Why parameters cannot be a distribution: what was expected, as a fragment of a sentence.
pub type Impossible = &'static str;

/// A distribution of non-negative times in seconds.
///
/// All but gamma and mixtures take exactly one uniform per draw, so that variants which share their
/// random numbers stay comparable draw by draw.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Duration),
    /// Exponential with this mean (s).
    Exponential { mean: f64 },
    /// Log-normal: exp(mu + sigma Z), mu and sigma in log seconds.
    LogNormal { mu: f64, sigma: f64 },
    /// Uniform on [min, max] (s).
    Uniform { min: f64, max: f64 },
    /// Gamma with this mean (s) and squared coefficient of variation.
    Gamma { mean: f64, scv: f64 },
    /// Two exponential phases with balanced means: mean (s) and squared coefficient of variation.
    HyperExponential { mean: f64, scv: f64 },
    /// Weibull with this scale (s) and shape.
    Weibull { scale: f64, shape: f64 },
    /// The quantile function of a table, linearly interpolated.
    Empirical(Arc<Empirical>),
    /// One of several, by weight.
    Mixture(Arc<[(f64, Dist)]>),
}

/// Sorted values (s) whose quantile function is interpolated linearly: the i-th of n, counted from
/// 0, is the quantile at i/(n−1).
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// At least one value, ascending.
    pub sorted_seconds: Vec<f64>,
}

/// Constructors: parameters in seconds, checked.
impl Dist {
    /// A constant.
    pub const fn constant(value: Duration) -> Self {
        Self::Constant(value)
    }

    /// Exponential.
    pub fn exponential(mean: f64) -> Result<Self, Impossible> {
        check(positive(mean), "a mean above 0")?;
        Ok(Self::Exponential { mean })
    }

    /// Log-normal from its median and its 95 % quantile.
    pub fn lognormal(median: f64, p95: f64) -> Result<Self, Impossible> {
        check(positive(median), "a median above 0")?;
        check(p95.is_finite() && p95 >= median, "a p95 not below the median")?;
        let sigma = maths::ln(p95 / median) / normal::Z95;
        Ok(Self::LogNormal { mu: maths::ln(median), sigma })
    }

    /// Uniform.
    pub fn uniform(min: f64, max: f64) -> Result<Self, Impossible> {
        check(min.is_finite() && min >= 0.0, "a min of at least 0")?;
        check(max.is_finite() && max >= min, "a max not below min")?;
        Ok(Self::Uniform { min, max })
    }

    /// Gamma from mean and squared coefficient of variation.
    pub fn gamma(mean: f64, scv: f64) -> Result<Self, Impossible> {
        check(positive(mean), "a mean above 0")?;
        check(positive(scv), "an scv above 0")?;
        Ok(Self::Gamma { mean, scv })
    }

    /// Two exponential phases with balanced means, from mean and squared coefficient of variation.
    pub fn hyperexponential(mean: f64, scv: f64) -> Result<Self, Impossible> {
        check(positive(mean), "a mean above 0")?;
        check(scv.is_finite() && scv >= 1.0, "an scv of at least 1")?;
        Ok(Self::HyperExponential { mean, scv })
    }

    /// Weibull.
    pub fn weibull(scale: f64, shape: f64) -> Result<Self, Impossible> {
        check(positive(scale), "a scale above 0")?;
        check(positive(shape), "a shape above 0")?;
        Ok(Self::Weibull { scale, shape })
    }

    /// The quantile function of measured values, in any order.
    pub fn empirical(mut seconds: Vec<f64>) -> Result<Self, Impossible> {
        check(!seconds.is_empty(), "at least one value")?;
        let possible = seconds.iter().all(|value| value.is_finite() && *value >= 0.0);
        check(possible, "values of at least 0")?;
        seconds.sort_unstable_by(f64::total_cmp);
        Ok(Self::Empirical(Arc::new(Empirical { sorted_seconds: seconds })))
    }

    /// One of several, by weights that need not sum to 1.
    pub fn mixture(parts: Vec<(f64, Dist)>) -> Result<Self, Impossible> {
        let possible = parts.iter().all(|(weight, _)| weight.is_finite() && *weight >= 0.0);
        check(possible, "weights of at least 0")?;
        check(positive(parts.iter().map(|part| part.0).sum()), "a weight above 0")?;
        Ok(Self::Mixture(parts.into()))
    }
}

/// Draws.
impl Dist {
    /// One draw, to the nearest microsecond.
    pub fn sample(&self, stream: &mut Stream) -> Duration {
        match self {
            Self::Constant(value) => *value,
            other => Duration::from_secs_f64(other.seconds(stream)),
        }
    }

    /// The first draw of a keyed stream, which a constant never makes: one draw per entity.
    pub fn sample_keyed(&self, seed: u64, purpose: Purpose, entity: u64, ordinal: u64) -> Duration {
        match self {
            Self::Constant(value) => *value,
            other => other.sample(&mut Stream::keyed(seed, purpose, entity, ordinal)),
        }
    }

    fn seconds(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => value.as_secs_f64(),
            Self::Exponential { mean } => -mean * maths::ln(stream.open_unit()),
            Self::LogNormal { mu, sigma } => {
                maths::exp(mu + sigma * normal::normal_quantile(stream.open_unit()))
            }
            Self::Uniform { min, max } => min + (max - min) * stream.open_unit(),
            Self::Gamma { mean, scv } => mean * scv * standard_gamma(1.0 / scv, stream),
            Self::HyperExponential { mean, scv } => hyperexponential(*mean, *scv, stream),
            Self::Weibull { scale, shape } => {
                scale * maths::pow(-maths::ln(stream.open_unit()), 1.0 / shape)
            }
            Self::Empirical(table) => table.quantile(stream.open_unit()),
            Self::Mixture(parts) => {
                let total: f64 = parts.iter().map(|part| part.0).sum();
                choose(parts, total * stream.open_unit())
                    .map_or(0.0, |chosen| chosen.seconds(stream))
            }
        }
    }

    /// The quantile at `p` in (0, 1), where it has a closed form: not for gamma, hyperexponential
    /// and mixtures.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        Some(match self {
            Self::Constant(value) => value.as_secs_f64(),
            Self::Exponential { mean } => -mean * maths::ln(1.0 - p),
            Self::LogNormal { mu, sigma } => maths::exp(mu + sigma * normal::normal_quantile(p)),
            Self::Uniform { min, max } => min + (max - min) * p,
            Self::Weibull { scale, shape } => scale * maths::pow(-maths::ln(1.0 - p), 1.0 / shape),
            Self::Empirical(table) => table.quantile(p),
            Self::Gamma { .. } | Self::HyperExponential { .. } | Self::Mixture(_) => return None,
        })
    }
}

/// One uniform chooses the phase, and what is left of it draws the phase's exponential. With
/// balanced means the phase of probability p has the mean m/(2p).
fn hyperexponential(mean: f64, scv: f64, stream: &mut Stream) -> f64 {
    let p = 0.5 * (1.0 + maths::sqrt((scv - 1.0) / (scv + 1.0)));
    let u = stream.open_unit();
    let (share, rest) = if u < p { (p, u / p) } else { (1.0 - p, (u - p) / (1.0 - p)) };
    // `u` may be p exactly.
    -mean / (2.0 * share) * maths::ln(rest.max(f64::MIN_POSITIVE))
}

/// The part in which the running sum of weights passes `at`.
fn choose(parts: &[(f64, Dist)], at: f64) -> Option<&Dist> {
    let mut sum = 0.0;
    let mut heavy = parts.iter().filter(|part| part.0 > 0.0);
    let chosen = heavy.clone().find(|part| {
        sum += part.0;
        at < sum
    });
    chosen.or_else(|| heavy.next_back()).map(|part| &part.1)
}

impl Empirical {
    /// The quantile at `p` in [0, 1].
    pub fn quantile(&self, p: f64) -> f64 {
        let values = &self.sorted_seconds;
        let Some(last) = values.len().checked_sub(1) else { return 0.0 };
        let rank = p * last as f64;
        let below = (rank as usize).min(last);
        let above = (below + 1).min(last);
        values[below] + (rank - below as f64) * (values[above] - values[below])
    }
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn check(holds: bool, expected: Impossible) -> Result<(), Impossible> {
    if holds { Ok(()) } else { Err(expected) }
}
