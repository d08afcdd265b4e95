//! Distributions of times: shapes checked, tables read.

use std::sync::Arc;

use super::lowering::{Lowering, value};
use crate::chance::{self, Dist};
use crate::cloud::boot::log_normal;
use crate::scenario::code;
use crate::scenario::format::{At, Distribution, Empirical, Length, Part};
use crate::scenario::source::Span;
use crate::scenario::table;

fn seconds(length: Option<&Length>) -> Option<f64> {
    length.map(|length| length.0.as_secs_f64())
}

impl Lowering<'_, '_> {
    /// A distribution; `None` after an error.
    pub fn distribution(&mut self, at: &At<Distribution>) -> Option<Dist> {
        self.shape(&at.value, at.span)
    }

    fn shape(&mut self, shape: &Distribution, place: Span) -> Option<Dist> {
        let dist = match shape {
            Distribution::Constant(length) => Dist::Constant(length.0),
            Distribution::Exponential(given) => {
                Dist::Exponential { mean: seconds(value(&given.mean))? }
            }
            Distribution::LogNormal(given) => {
                let (median, p95) = (seconds(value(&given.median))?, seconds(value(&given.p95))?);
                if median <= 0.0 || p95 < median {
                    return self.impossible("`median` must be above 0 and at most `p95`", place);
                }
                log_normal(median, p95)
            }
            Distribution::Uniform(given) => {
                let (min, max) = (seconds(value(&given.min))?, seconds(value(&given.max))?);
                if min > max {
                    return self.impossible("`min` must be at most `max`", place);
                }
                Dist::Uniform { min, max }
            }
            Distribution::Gamma(given) => {
                let (mean, scv) = (seconds(value(&given.mean))?, value(&given.scv)?.0);
                if scv <= 0.0 {
                    return self.impossible("`scv` must be above 0", place);
                }
                Dist::Gamma { mean, scv }
            }
            Distribution::HyperExponential(given) => {
                let (mean, scv) = (seconds(value(&given.mean))?, value(&given.scv)?.0);
                if scv < 1.0 {
                    return self.impossible("`scv` must be at least 1", place);
                }
                Dist::HyperExponential { mean, scv }
            }
            Distribution::Weibull(given) => {
                let (scale, shape) = (seconds(value(&given.scale))?, value(&given.shape)?.0);
                if shape <= 0.0 {
                    return self.impossible("`shape` must be above 0", place);
                }
                Dist::Weibull { scale, shape }
            }
            Distribution::Empirical(given) => return self.empirical(given),
            Distribution::Mixture(parts) => return self.mixture(parts, place),
        };
        Some(dist)
    }

    fn impossible<T>(&mut self, why: &str, place: Span) -> Option<T> {
        self.error(code::BAD_DISTRIBUTION, format!("no such distribution: {why}"), place, "");
        None
    }

    fn mixture(&mut self, parts: &[At<Part>], place: Span) -> Option<Dist> {
        let mut mixed = Vec::with_capacity(parts.len());
        for part in parts {
            let of = part.value.of.as_ref()?;
            mixed.push((value(&part.value.weight)?.0, self.shape(&of.value, of.span)?));
        }
        let total: f64 = mixed.iter().map(|(weight, _)| weight).sum();
        if total <= 0.0 {
            return self.impossible("the weights must have a sum above 0", place);
        }
        for (weight, _) in &mut mixed {
            *weight /= total;
        }
        Some(Dist::Mixture(mixed.into()))
    }

    fn empirical(&mut self, given: &Empirical) -> Option<Dist> {
        let file = given.file.as_ref()?;
        // A table without a header has its columns numbered from 1.
        let column = value(&given.column).map(|column| column.0.as_str());
        let table = self.table(file, column.is_some())?;
        let read = table::values(&table, column.unwrap_or("1"));
        let values = self.checked(file, read)?;
        Some(Dist::Empirical(Arc::new(chance::Empirical { sorted_seconds: values })))
    }
}
