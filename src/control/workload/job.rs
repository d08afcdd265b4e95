//! The Job controller: how many pods run, when a failed one is replaced, when a Job is over.
//!
//! kubernetes 1.36 `pkg/controller/job/{job_controller.go,backoff_utils.go}`,
//! `pkg/apis/batch/v1/defaults.go`.

use crate::unit::{Duration, SimTime};

/// Back-off of the first failure (`DefaultJobPodFailureBackOff`).
pub const BACKOFF_BASE: Duration = Duration::from_secs(10);
/// Longest back-off (`MaxJobPodFailureBackOff`).
pub const BACKOFF_MAX: Duration = Duration::from_secs(600);
/// Default of `backoffLimit`.
pub const BACKOFF_LIMIT: u32 = 6;
/// Most pods made in one sync (`MaxPodCreateDeletePerSync`).
pub const BURST: u32 = 500;

/// Failures since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackoffRecord {
    /// How many.
    pub failures: u32,
    /// When the last pod failed.
    pub last_failure: Option<SimTime>,
}

impl BackoffRecord {
    /// Counts pods that finished since; a success at or after a failure clears it
    /// (`newBackoffRecord`).
    pub fn update(&mut self, succeeded: &[SimTime], failed: &[SimTime]) {
        let last_success = succeeded.iter().max();
        if last_success.is_some() {
            *self = Self::default();
        }
        for at in failed {
            if last_success.is_none_or(|success| at > success) {
                self.failures += 1;
                self.last_failure = self.last_failure.max(Some(*at));
            }
        }
    }

    /// How long a replacement still has to wait (`getRemainingTimeForFailuresCount`).
    pub fn remaining(&self, now: SimTime, base: Duration, max: Duration) -> Duration {
        let Some(failed) = self.last_failure.filter(|_| self.failures > 0) else {
            return Duration::ZERO;
        };
        let factor = 1_u64.checked_shl(self.failures - 1).unwrap_or(u64::MAX);
        base.times(factor).min(max).saturating_sub(now.since(failed))
    }
}

/// Pods that should be active: `parallelism`, but no more than completions still missing; without
/// completions none after the first success beyond those that run.
pub fn wanted_active(
    parallelism: u32,
    completions: Option<u32>,
    succeeded: u32,
    active: u32,
) -> u32 {
    match completions {
        Some(completions) => parallelism.min(completions.saturating_sub(succeeded)),
        None if succeeded > 0 => active.min(parallelism),
        None => parallelism,
    }
}

/// Whether a Job is complete.
pub fn is_complete(completions: Option<u32>, succeeded: u32, active: u32) -> bool {
    match completions {
        Some(completions) => succeeded >= completions,
        None => succeeded > 0 && active == 0,
    }
}

/// Whether a Job has failed: more failed pods than `backoffLimit` (restartPolicy Never), or as many
/// container restarts of live pods (OnFailure; more than none if the limit is 0).
pub fn has_failed(limit: u32, failed: u32, restarts_on_failure: Option<u32>) -> bool {
    failed > limit
        || restarts_on_failure.is_some_and(|restarts| match limit {
            0 => restarts > 0,
            limit => restarts >= limit,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_as_many_pods_as_it_still_needs() {
        for (parallelism, completions, succeeded, active, expected) in [
            (3, Some(10), 0, 0, 3),
            (3, Some(10), 9, 0, 1),
            (3, Some(10), 10, 0, 0),
            (3, None, 0, 1, 3),
            (3, None, 1, 2, 2),
        ] {
            let wanted = wanted_active(parallelism, completions, succeeded, active);
            assert_eq!(wanted, expected, "{completions:?} {succeeded} {active}");
        }
        assert!(is_complete(Some(10), 10, 0) && !is_complete(None, 1, 1));
    }

    #[test]
    fn a_job_fails_beyond_its_limit() {
        assert!(!has_failed(6, 6, None) && has_failed(6, 7, None));
        assert!(has_failed(6, 0, Some(6)) && !has_failed(0, 0, Some(0)));
    }
}
