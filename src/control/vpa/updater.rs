//! Which pods are evicted so that new ones get what is recommended, and how many at a time.
//!
//! Source: `pkg/updater/priority/{update_priority_calculator,priority_processor}.go`,
//! `pkg/updater/restriction/{pods_restriction_factory,pods_eviction_restriction}.go`.

use std::cmp::Ordering;

use super::recommender::{Bounds, Recommendation};
use crate::unit::{Duration, PodId, SimTime};

/// `--pod-update-threshold`, in thousandths.
const LEAST_CHANGE_MILLI: i128 = 100;
/// `podLifetimeUpdateThreshold`: a pod within the bounds is left alone for so long.
const LEAST_LIFE: Duration = Duration::from_secs(12 * 3_600);

/// A pod as the updater sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodView {
    /// The pod.
    pub pod: PodId,
    /// CPU that its container requests, millicores; 0: nothing.
    pub cpu: i64,
    /// Memory, bytes.
    pub memory: i64,
    /// `status.phase: Pending`
    pub pending: bool,
    /// `status.startTime`
    pub started: Option<SimTime>,
}

/// How much a pod is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Priority {
    outside: bool,
    scale_up: bool,
    /// Thousandths by which request and target differ, summed over resources.
    change_milli: i128,
}

impl Priority {
    fn of(pod: &PodView, recommendation: &Recommendation) -> Self {
        let mut priority = Self { outside: false, scale_up: false, change_milli: 0 };
        let mut look = |request: i64, bounds: Option<Bounds>| {
            let Some(bounds) = bounds else { return };
            priority.scale_up |= request == 0 || bounds.target > request;
            priority.outside |= request == 0 || request < bounds.lower || request > bounds.upper;
            let request = i128::from(request.max(1));
            priority.change_milli += (request - i128::from(bounds.target)).abs() * 1_000 / request;
        };
        look(pod.cpu, recommendation.cpu);
        look(pod.memory, recommendation.memory);
        priority
    }

    /// Those that need more come first, then those that are off by more.
    fn order(&self, other: &Self) -> Ordering {
        let key = |priority: &Self| (priority.scale_up, priority.change_milli);
        key(other).cmp(&key(self))
    }
}

/// Pods to evict, the most urgent first.
pub fn eviction_order(
    pods: &[PodView],
    recommendation: &Recommendation,
    now: SimTime,
) -> Vec<PodView> {
    let mut chosen: Vec<(Priority, PodView)> = pods
        .iter()
        .map(|pod| (Priority::of(pod, recommendation), *pod))
        .filter(|(priority, pod)| {
            let lived = pod.started.is_some_and(|started| now >= started + LEAST_LIFE);
            priority.outside || (lived && priority.change_milli >= LEAST_CHANGE_MILLI)
        })
        .collect();
    chosen.sort_by(|(one, _), (other, _)| one.order(other));
    chosen.into_iter().map(|(_, pod)| pod).collect()
}

/// Pods of one controller in one pass of the updater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    configured: u32,
    running: u32,
    evicted: u32,
    enough: bool,
}

impl Group {
    /// A controller that wants `configured` pods and has these.
    pub fn new(configured: u32, pods: &[PodView], min_replicas: u32) -> Self {
        let running = pods.iter().filter(|pod| !pod.pending).count() as u32;
        Self { configured, running, evicted: 0, enough: pods.len() >= min_replicas as usize }
    }

    /// Whether one more may go: half of the wanted pods (`--eviction-tolerance`) must stay alive,
    /// and of one alone all must be there first.
    pub fn may_evict(&self, pod: &PodView) -> bool {
        let tolerance = self.configured / 2;
        let stay = self.configured - tolerance;
        let alone = self.configured == self.running && tolerance == 0 && self.evicted == 0;
        let spare = self.running.saturating_sub(self.evicted) > stay;
        self.enough && self.configured > 0 && (pod.pending || spare || alone)
    }

    /// A pod was evicted.
    pub fn evicted(&mut self, pod: &PodView) {
        self.evicted += u32::from(!pod.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    fn pod(id: u32, cpu: i64) -> PodView {
        let started = Some(SimTime::ZERO);
        PodView { pod: PodId(id), cpu, memory: 300 * MIB, pending: false, started }
    }

    fn advice() -> Recommendation {
        let memory = 300 * MIB;
        Recommendation {
            cpu: Some(Bounds { target: 200, lower: 100, upper: 400 }),
            memory: Some(Bounds { target: memory, lower: memory, upper: memory }),
        }
    }

    #[test]
    fn who_is_evicted() {
        let hour = |hours: u64| SimTime::from_secs(hours * 3_600);
        for (cpu, hours, evicted) in [
            (99, 0, true),
            (100, 0, false),
            (400, 11, false),
            (400, 12, true),
            (401, 0, true),
            (0, 0, true),
            // Less than a tenth off.
            (190, 99, false),
            (222, 99, false),
            (223, 99, true),
        ] {
            let order = eviction_order(&[pod(1, cpu)], &advice(), hour(hours));
            assert_eq!(order.len(), usize::from(evicted), "{cpu}m after {hours} h");
        }
        let unbound = PodView { started: None, ..pod(1, 400) };
        assert!(eviction_order(&[unbound], &advice(), hour(99)).is_empty());
        let uncontrolled = Recommendation { cpu: None, ..advice() };
        assert!(eviction_order(&[pod(1, 9_000)], &uncontrolled, hour(99)).is_empty());
    }

    #[test]
    fn those_that_need_more_go_first() {
        let pods = [pod(1, 900), pod(2, 50), pod(3, 2_000), pod(4, 10)];
        let order = eviction_order(&pods, &advice(), SimTime::ZERO);
        let order: Vec<u32> = order.iter().map(|pod| pod.pod.0).collect();
        assert_eq!(order, [4, 2, 3, 1]);
    }

    #[test]
    fn half_of_the_pods_stay() {
        for (configured, running, pending, min, expected) in [
            (4, 4, 0, 2, 2),
            (5, 5, 0, 2, 2),
            (4, 3, 1, 2, 1),
            (4, 2, 2, 2, 0),
            (1, 1, 0, 2, 0),
            (1, 1, 0, 1, 1),
            (2, 2, 0, 2, 1),
            (3, 2, 0, 2, 0),
            (0, 2, 0, 2, 0),
        ] {
            let row = |pending| PodView { pending, ..pod(1, 9_000) };
            let mut pods = vec![row(false); running];
            pods.extend(vec![row(true); pending]);
            let mut group = Group::new(configured, &pods, min);
            let mut gone = 0;
            for pod in pods.iter().filter(|pod| !pod.pending) {
                if group.may_evict(pod) {
                    group.evicted(pod);
                    gone += 1;
                }
            }
            assert_eq!(gone, expected, "{configured} wanted, {running} run, {pending} pending");
            assert_eq!(group.may_evict(&row(true)), group.enough && configured > 0);
        }
    }
}
