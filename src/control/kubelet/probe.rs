//! When a container that has started is found ready, or killed because it never is.
//!
//! kubernetes v1.36.2: `pkg/kubelet/prober/worker.go` (`run`, `doProbe`), `pkg/apis/core/v1/
//! defaults.go` (`SetDefaults_Probe`).

use crate::unit::{Duration, SimTime};

/// A probe, with the API server's defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `initialDelaySeconds`
    pub initial_delay: Duration,
    /// `periodSeconds`, at least 1 s.
    pub period: Duration,
    /// `successThreshold`
    pub successes: u32,
    /// `failureThreshold`
    pub failures: u32,
}

impl Default for Probe {
    fn default() -> Self {
        let period = Duration::from_secs(10);
        Self { initial_delay: Duration::ZERO, period, successes: 1, failures: 3 }
    }
}

/// The probes of the container that decides whether a pod is Ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// `startupProbe`
    pub startup: Option<Probe>,
    /// `readinessProbe`
    pub readiness: Option<Probe>,
    /// `livenessProbe`
    pub liveness: Option<Probe>,
}

/// A container whose application starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartSeen {
    /// When the kubelet began to work on the pod: the prober's ticks count from here.
    pub ticks_from: SimTime,
    /// When the container started.
    pub started: SimTime,
    /// From when on the application answers every probe.
    pub up: SimTime,
}

/// What the probes come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ready at this instant.
    Ready(SimTime),
    /// Killed at this instant, and started again.
    Killed(SimTime),
}

impl Probe {
    /// The first tick that probes: the container is as old as `initialDelaySeconds`.
    fn first(&self, seen: &StartSeen, after: SimTime) -> SimTime {
        let earliest = (seen.started + self.initial_delay).max(after);
        let behind = earliest.since(seen.ticks_from).micros();
        let period = self.period.micros().max(1);
        seen.ticks_from + Duration::from_micros(behind.div_ceil(period) * period)
    }

    /// When the probe has failed `failureThreshold` times in a row, if the application is not up
    /// by then.
    fn gives_up(&self, first: SimTime, up: SimTime) -> Option<SimTime> {
        let last = first + self.period.times(u64::from(self.failures.max(1)) - 1);
        (last < up).then_some(last)
    }

    /// When the probe has succeeded `successThreshold` times in a row.
    fn succeeds(&self, first: SimTime, up: SimTime) -> SimTime {
        let late = up.since(first).micros();
        let period = self.period.micros().max(1);
        let success = first + Duration::from_micros(late.div_ceil(period) * period);
        success + self.period.times(u64::from(self.successes.max(1)) - 1)
    }
}

/// When the container is Ready, or killed by a probe before. Without probes it is Ready when the
/// application is up.
pub fn first_ready(probes: &Probes, seen: &StartSeen) -> Verdict {
    let mut open = seen.started;
    if let Some(startup) = &probes.startup {
        let first = startup.first(seen, seen.started);
        if let Some(killed) = startup.gives_up(first, seen.up) {
            return Verdict::Killed(killed);
        }
        open = startup.succeeds(first, seen.up);
    }
    if let Some(liveness) = &probes.liveness
        && let Some(killed) = liveness.gives_up(liveness.first(seen, open), seen.up)
    {
        return Verdict::Killed(killed);
    }
    let Some(readiness) = &probes.readiness else { return Verdict::Ready(open.max(seen.up)) };
    // The end of the startup probe triggers the readiness probe at once.
    let triggered = probes.startup.is_some() && open >= seen.started + readiness.initial_delay;
    let first = if triggered && readiness.successes <= 1 {
        return Verdict::Ready(open);
    } else {
        readiness.first(seen, open)
    };
    Verdict::Ready(readiness.succeeds(first, seen.up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(delay: u64, period: u64, successes: u32, failures: u32) -> Option<Probe> {
        Some(Probe {
            initial_delay: Duration::from_secs(delay),
            period: Duration::from_secs(period),
            successes,
            failures,
        })
    }

    #[test]
    fn ready_is_a_tick_of_the_prober() {
        let second = SimTime::from_secs;
        let none = Probes::default();
        let readiness = |delay, period, successes| Probes {
            readiness: probe(delay, period, successes, 3),
            ..Probes::default()
        };
        let startup = |delay, period, failures| Probes {
            startup: probe(delay, period, 1, failures),
            readiness: probe(0, 10, 1, 3),
            ..Probes::default()
        };
        let liveness = |delay, failures| Probes { liveness: probe(delay, 10, 1, failures), ..none };
        // The pod came to the node at 0 s, its container started at 4 s.
        for (probes, up, verdict) in [
            (none, 14, Verdict::Ready(second(14))),
            (readiness(0, 10, 1), 14, Verdict::Ready(second(20))),
            (readiness(0, 5, 1), 15, Verdict::Ready(second(15))),
            (readiness(30, 10, 1), 14, Verdict::Ready(second(40))),
            (readiness(0, 10, 3), 14, Verdict::Ready(second(40))),
            // However often it fails, readiness kills nothing.
            (readiness(0, 10, 1), 300, Verdict::Ready(second(300))),
            (startup(0, 5, 10), 14, Verdict::Ready(second(15))),
            // Probed at 5, 10, 15 s: the third failure kills.
            (startup(0, 5, 3), 16, Verdict::Killed(second(15))),
            (startup(0, 5, 3), 15, Verdict::Ready(second(15))),
            (liveness(0, 3), 31, Verdict::Killed(second(30))),
            (liveness(30, 3), 31, Verdict::Ready(second(31))),
        ] {
            let seen = StartSeen { ticks_from: second(0), started: second(4), up: second(up) };
            assert_eq!(first_ready(&probes, &seen), verdict, "{probes:?} up at {up} s");
        }
    }
}
