//! Back-off of image pulls and of crashing containers.
//!
//! kubernetes v1.36.2: `client-go/util/flowcontrol/backoff.go`, `pkg/kubelet/kubelet.go`
//! (`imageBackOffPeriod`, `MaxImageBackOff`, `MaxCrashLoopBackOff`), `pkg/kubelet/images/
//! image_manager.go` (`EnsureImageExists`), `pkg/kubelet/kuberuntime/kuberuntime_manager.go`
//! (`doBackOff`).

use crate::unit::{Duration, SimTime};

/// First delay of both.
pub const INITIAL: Duration = Duration::from_secs(10);
/// Longest delay of both; that of crashes can be set lower (`maxContainerRestartPeriod`, the gate
/// KubeletCrashLoopBackOffMax, on by default from 1.35).
pub const MAX: Duration = Duration::from_secs(300);
/// Without trouble for longer than this it begins anew: twice the longest default delay, whatever
/// the longest is set to.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// What the kubelet remembers of one container of one pod, or of one image of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackOff {
    /// Delay that the latest trouble began, and when that was.
    entry: Option<(Duration, SimTime)>,
}

impl BackOff {
    /// A pull has failed: when it is tried again. 10 s later, then twice as long each time.
    pub fn pull_failed(&mut self, now: SimTime) -> SimTime {
        now + self.step(now, now, MAX)
    }

    /// A container has exited: when it is started again. At once the first time, then 10 s later
    /// and twice as long each time, up to `max`.
    pub fn exited(&mut self, now: SimTime, max: Duration) -> SimTime {
        let waits = match self.entry {
            Some((delay, last)) if now.since(last) <= FORGOTTEN_AFTER => delay,
            _ => Duration::ZERO,
        };
        let restart = now + waits;
        self.step(now, restart, max);
        restart
    }

    /// `Next`: doubles the delay, or begins anew; remembered as of `restart`.
    fn step(&mut self, trouble: SimTime, restart: SimTime, max: Duration) -> Duration {
        let delay = match self.entry {
            Some((delay, last)) if trouble.since(last) <= FORGOTTEN_AFTER => delay.times(2),
            _ => INITIAL,
        };
        let delay = delay.min(max);
        self.entry = Some((delay, restart));
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Restart times of a container that runs `runs` seconds each time and exits.
    fn restarts(runs: u64, max: u64, count: usize) -> Vec<u64> {
        let mut back_off = BackOff::default();
        let mut started = SimTime::ZERO;
        let waited = (0..count).map(|_| {
            let exit = started + Duration::from_secs(runs);
            started = back_off.exited(exit, Duration::from_secs(max));
            started.since(exit).micros() / 1_000_000
        });
        waited.collect()
    }

    #[test]
    fn a_crash_loop_doubles_up_to_the_limit() {
        assert_eq!(restarts(0, 300, 9), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(restarts(5, 60, 6), [0, 10, 20, 40, 60, 60]);
        assert_eq!(restarts(0, 1, 4), [0, 1, 1, 1]);
    }

    #[test]
    fn ten_good_minutes_are_forgiving() {
        assert_eq!(restarts(600, 300, 4), [0, 10, 20, 40]);
        assert_eq!(restarts(601, 300, 4), [0, 0, 0, 0]);
    }

    #[test]
    fn failed_pulls_wait_from_the_first_on() {
        let mut back_off = BackOff::default();
        let mut now = SimTime::ZERO;
        let waited: Vec<u64> = (0..7)
            .map(|_| {
                let again = back_off.pull_failed(now);
                let waited = again.since(now).micros() / 1_000_000;
                now = again;
                waited
            })
            .collect();
        assert_eq!(waited, [10, 20, 40, 80, 160, 300, 300]);
    }
}
