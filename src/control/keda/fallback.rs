//! What stands in for a trigger that cannot be read.
//!
//! kedacore/keda @ 8b4f083c, `pkg/fallback/fallback.go`. Every failed read counts, whether the poll
//! or the HPA made it; a success clears the count. An error is passed on while the count is at most
//! `failureThreshold`.

use super::{FallbackBehavior, FallbackSpec, MetricType};
use crate::vocabulary::KedaVersion;

/// A read that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceError;

/// The health of one metric (`status.health`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Failed reads since the last success.
    pub failures: u32,
}

/// The workload as a fallback sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `spec.replicas`
    pub replicas: u32,
    /// Ready pods.
    pub ready: u32,
}

impl Health {
    /// Counts a read.
    pub fn count(&mut self, failed: bool) {
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
    }

    /// Status `Failing` instead of `Happy`.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether the fallback stands in for this metric.
    pub fn is_past(&self, fallback: &FallbackSpec) -> bool {
        self.failures > fallback.failure_threshold
    }
}

/// Counts a read and replaces its error if the fallback may. The flag says whether it did.
///
/// # Errors
/// The read's error while it is passed on.
pub fn apply(
    fallback: Option<&FallbackSpec>,
    health: &mut Health,
    read: Result<i64, SourceError>,
    (metric_type, target_milli): (MetricType, i64),
    scale: Scale,
    version: KedaVersion,
) -> Result<(i64, bool), SourceError> {
    let Some(fallback) = fallback else { return read.map(|value| (value, false)) };
    health.count(read.is_err());
    match read {
        Ok(value) => Ok((value, false)),
        Err(error) if !health.is_past(fallback) => Err(error),
        Err(error) => {
            let replicas = fallback.stand_in(scale.replicas, version);
            let value = stand_in_value((metric_type, target_milli), replicas, scale, version);
            value.map(|value| (value, true)).ok_or(error)
        }
    }
}

/// The value at which the HPA asks for `replicas`. For Value, which the HPA multiplies by the ready
/// pods, it came with 2.18 and needs a ready pod.
pub(super) fn stand_in_value(
    (metric_type, target_milli): (MetricType, i64),
    replicas: u32,
    scale: Scale,
    version: KedaVersion,
) -> Option<i64> {
    let total = target_milli.saturating_mul(i64::from(replicas));
    match metric_type {
        MetricType::AverageValue => Some(total),
        MetricType::Value if scale.ready > 0 && version.at_least(18) => {
            Some(total / i64::from(scale.ready))
        }
        _ => None,
    }
}

impl FallbackSpec {
    /// The replicas that the stand-in value asks for. Before 2.17 there is only `static`.
    pub fn stand_in(&self, current: u32, version: KedaVersion) -> u32 {
        if !version.at_least(17) {
            return self.replicas;
        }
        match self.behavior {
            FallbackBehavior::Static | FallbackBehavior::ScalingModifiers => self.replicas,
            FallbackBehavior::CurrentReplicas => current,
            FallbackBehavior::CurrentReplicasIfHigher => current.max(self.replicas),
            FallbackBehavior::CurrentReplicasIfLower => current.min(self.replicas),
        }
    }
}
