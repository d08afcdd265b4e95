//! What a container should request, from what it has used.
//!
//! Source: `pkg/recommender/logic/{recommender,estimator}.go`,
//! `pkg/recommender/model/{aggregate_container_state,types}.go`, `pkg/utils/vpa/capping.go`.

use super::histogram::{Buckets, DecayingHistogram};
use super::spec::ContainerPolicy;
use crate::chance::maths;
use crate::unit::{Duration, SimTime};

/// `--recommendation-margin-fraction`
const MARGIN: f64 = 0.15;
/// `--target-…`, `--recommendation-lower-bound-…` and `--recommendation-upper-bound-…-percentile`
const PERCENTILES: [f64; 3] = [0.9, 0.5, 0.95];
/// `--pod-recommendation-min-cpu-millicores`
const POD_MIN_MILLI: f64 = 25.0;
/// `--pod-recommendation-min-memory-mb`
const POD_MIN_MEMORY: f64 = 250.0 * 1_024.0 * 1_024.0;
/// `--confidence-interval-cpu` and `-memory`
const CONFIDENCE: Duration = Duration::from_secs(24 * 3_600);
/// `minSampleWeight`
const SAMPLE_WEIGHT: f64 = 0.1;
/// `MaxResourceAmount`
pub const MOST: i64 = 100_000_000_000_000;

/// What the containers of a workload have used.
#[derive(Clone, Debug)]
pub struct Usage {
    cpu: DecayingHistogram,
    /// Peaks of memory, see [`super::PeakWindow`].
    pub memory: DecayingHistogram,
    first: SimTime,
    last: SimTime,
    samples: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            cpu: DecayingHistogram::new(Buckets::cpu()),
            memory: DecayingHistogram::new(Buckets::memory()),
            first: SimTime::NEVER,
            last: SimTime::ZERO,
            samples: 0,
        }
    }
}

impl Usage {
    /// A sample of CPU.
    pub fn add_cpu(&mut self, milli: i64, at: SimTime) {
        self.cpu.add(milli as f64 / 1_000.0, SAMPLE_WEIGHT, at);
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.samples += 1;
    }

    /// Days of history, or days' worth of samples at one a minute if that is less.
    fn confidence(&self) -> f64 {
        let interval = CONFIDENCE.micros() as f64;
        let life = self.last.since(self.first).micros() as f64 / interval;
        life.min(self.samples as f64 / (interval / 60e6))
    }
}

/// A recommendation for one resource: millicores or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What new pods request.
    pub target: i64,
    /// Pods that request less are evicted.
    pub lower: i64,
    /// Pods that request more are.
    pub upper: i64,
}

impl Bounds {
    /// From percentiles of use, in the order of [`PERCENTILES`].
    fn new(used: [f64; 3], confidence: f64, least: i64) -> Self {
        let [target, lower, upper] = used.map(|used| {
            let base = whole(used);
            base + scale(base, MARGIN)
        });
        // Wide apart while the history is short, so that nobody is evicted for a guess.
        let upper = scale(upper, 1.0 + 1.0 / confidence);
        let lower = scale(lower, maths::pow(1.0 + 0.001 / confidence, -2.0));
        Self { target: target.max(least), lower: lower.max(least), upper: upper.max(least) }
    }

    fn each(&mut self, change: impl Fn(i64) -> i64) {
        for amount in [&mut self.target, &mut self.lower, &mut self.upper] {
            *amount = change(*amount);
        }
    }
}

/// A recommendation for a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recommendation {
    /// CPU in millicores, where it is controlled.
    pub cpu: Option<Bounds>,
    /// Memory in bytes, where it is controlled.
    pub memory: Option<Bounds>,
}

/// What a container of a pod with so many of them should request. `limits` are those of the
/// template, 0 where absent. `None` before the first sample, or if the policy is `Off`.
pub fn recommend(
    usage: &Usage,
    containers: u32,
    policy: &ContainerPolicy,
    limits: (i64, i64),
) -> Option<Recommendation> {
    if policy.off || usage.samples == 0 {
        return None;
    }
    let share = 1.0 / f64::from(containers.max(1));
    let confidence = usage.confidence();
    let bounds =
        |used: [f64; 3], least: f64| Bounds::new(used, confidence, scale(whole(least), share));
    let cpu = policy.cpu.then(|| {
        let used = PERCENTILES.map(|share| usage.cpu.percentile(share) * 1_000.0);
        bounds(used, POD_MIN_MILLI)
    });
    let memory = policy
        .memory
        .then(|| bounds(PERCENTILES.map(|share| usage.memory.percentile(share)), POD_MIN_MEMORY));
    let cap = |bounds: Option<Bounds>, min: Option<i64>, max: Option<i64>, limit: i64| {
        let mut bounds = bounds?;
        bounds.each(|amount| amount.max(min.unwrap_or(0)).min(max.unwrap_or(i64::MAX)));
        if policy.requests_only && limit > 0 {
            bounds.each(|amount| amount.min(limit));
        }
        Some(bounds)
    };
    Some(Recommendation {
        cpu: cap(cpu, policy.min.cpu, policy.max.cpu, limits.0),
        memory: cap(memory, policy.min.memory, policy.max.memory, limits.1),
    })
}

/// `resourceAmountFromFloat`: what is no number is none.
fn whole(amount: f64) -> i64 {
    if amount > MOST as f64 { MOST } else { amount.max(0.0) as i64 }
}

/// `ScaleResource`
fn scale(amount: i64, factor: f64) -> i64 {
    whole(amount as f64 * factor)
}

#[cfg(test)]
mod tests {
    use super::super::PeakWindow;
    use super::super::spec::Amount;
    use super::*;

    /// A sample a minute.
    fn used(minutes: u64, milli: i64, bytes: i64) -> Usage {
        let mut usage = Usage::default();
        let mut window = PeakWindow::new(SimTime::ZERO);
        for minute in 0..=minutes {
            let at = SimTime::from_secs(minute * 60);
            usage.add_cpu(milli, at);
            window.add(bytes, at, &mut usage.memory);
        }
        usage
    }

    const MIB: i64 = 1 << 20;

    #[test]
    fn without_history_nothing_is_certain() {
        let policy = ContainerPolicy::default();
        assert_eq!(recommend(&Usage::default(), 1, &policy, (0, 0)), None);
        let cpu = recommend(&used(0, 100, 0), 1, &policy, (0, 0)).unwrap().cpu.unwrap();
        // 100m lies in the bucket that ends at 109m: 0.01 · (1.05^9 - 1) / 0.05.
        assert_eq!(cpu, Bounds { target: 126, lower: 25, upper: MOST });
    }

    #[test]
    fn the_bounds_close_in_as_days_pass() {
        // The table in `CreatePodResourceRecommender`: 5 min 0.6, 30 min 0.9, 60 min 0.95 of the
        // lower bound; 12 h three, 24 h two times the upper.
        for (minutes, lower, upper) in [
            (5, 75, 36_414),
            (30, 114, 6_174),
            (60, 120, 3_150),
            (720, 125, 378),
            (1_440, 125, 252),
        ] {
            let cpu = recommend(&used(minutes, 100, 0), 1, &ContainerPolicy::default(), (0, 0));
            let cpu = cpu.unwrap().cpu.unwrap();
            assert_eq!((cpu.target, cpu.lower, cpu.upper), (126, lower, upper), "{minutes}");
        }
    }

    #[test]
    fn a_pod_has_a_least_recommendation_that_its_containers_share() {
        let usage = used(1_440, 1, MIB);
        for (containers, milli, bytes) in [(1, 25, 250 * MIB), (2, 12, 125 * MIB)] {
            let policy = ContainerPolicy::default();
            let found = recommend(&usage, containers, &policy, (0, 0)).unwrap();
            assert_eq!(found.memory.unwrap().target, bytes);
            assert_eq!(found.cpu.unwrap().target, milli);
        }
    }

    #[test]
    fn policies_bound_what_is_recommended() {
        let usage = used(1_440, 100, 400 * MIB);
        let amount = |cpu, memory| Amount { cpu, memory };
        let base = ContainerPolicy::default();
        for (policy, limits, cpu, memory) in [
            (ContainerPolicy { memory: false, ..base }, (0, 0), Some(126), None),
            (
                ContainerPolicy { min: amount(Some(500), None), memory: false, ..base },
                (0, 0),
                Some(500),
                None,
            ),
            (
                ContainerPolicy { max: amount(Some(80), Some(MIB)), ..base },
                (0, 0),
                Some(80),
                Some(MIB),
            ),
            (
                ContainerPolicy { requests_only: true, cpu: true, ..base },
                (90, MIB),
                Some(90),
                Some(MIB),
            ),
            (
                ContainerPolicy { cpu: false, max: amount(None, Some(7)), ..base },
                (90, 0),
                None,
                Some(7),
            ),
        ] {
            let found = recommend(&usage, 1, &policy, limits).unwrap();
            let target = |bounds: Option<Bounds>| bounds.map(|bounds| bounds.target);
            assert_eq!((target(found.cpu), target(found.memory)), (cpu, memory), "{policy:?}");
        }
        let off = ContainerPolicy { off: true, ..base };
        assert_eq!(recommend(&usage, 1, &off, (0, 0)), None);
    }
}
