//! When a controller tries again what the API server refused.
//!
//! client-go 1.36 `util/workqueue/default_rate_limiters.go`
//! (`TypedItemExponentialFailureRateLimiter`): a key waits base·2^(failures−1), at most `max`, and
//! is forgotten when a sync succeeds. The bucket of 10/s that all keys share is not modelled.

use crate::unit::Duration;

/// How long a key waits after failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDelay {
    base: Duration,
    max: Duration,
}

impl RetryDelay {
    /// Controllers of ReplicaSets, StatefulSets and DaemonSets
    /// (`DefaultTypedControllerRateLimiter`).
    pub const CONTROLLER: Self =
        Self { base: Duration::from_millis(5), max: Duration::from_secs(1_000) };
    /// The Job controller (kubernetes 1.36 `pkg/controller/job/job_controller.go`,
    /// `DefaultJobApiBackOff`, `MaxJobApiBackOff`).
    pub const JOB: Self = Self { base: Duration::from_secs(1), max: Duration::from_secs(60) };

    /// The wait after so many failures in a row.
    pub fn after(self, failures: u32) -> Duration {
        let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
        self.base.times(doubled).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_maximum() {
        for (delay, failures, millis) in [
            (RetryDelay::CONTROLLER, 1, 5),
            (RetryDelay::CONTROLLER, 2, 10),
            (RetryDelay::CONTROLLER, 18, 655_360),
            (RetryDelay::CONTROLLER, 19, 1_000_000),
            (RetryDelay::CONTROLLER, 200, 1_000_000),
            (RetryDelay::JOB, 1, 1_000),
            (RetryDelay::JOB, 7, 60_000),
        ] {
            assert_eq!(delay.after(failures), Duration::from_millis(millis), "{failures}");
        }
    }
}
