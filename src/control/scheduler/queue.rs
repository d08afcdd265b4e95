//! The scheduling queue: active, backoff, unschedulable.
//!
//! Source: kubernetes `pkg/scheduler/backend/queue/{scheduling_queue,backoff_queue}.go`, v1.36.2. A
//! cycle is an instant here, so no event arrives while a pod is in flight.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rustc_hash::FxHashMap;

use super::cycle::Failures;
use crate::control::scheduler::SchedulerSpec;
use crate::rules::PluginSet;
use crate::unit::{Duration, NodeId, PodId, ShapeId, SimTime};

/// How long a pod stays in the unschedulable pool at most.
pub const POOL_STAY: Duration = Duration::from_mins(5);
/// How often that is looked at.
pub const POOL_FLUSH: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// Pods that wait for the same events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Their shape.
    pub shape: ShapeId,
    /// The node a DaemonSet pod is made for.
    pub pinned: Option<NodeId>,
    /// The plugins that rejected them.
    pub rejectors: PluginSet,
}

/// Settings of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// `podInitialBackoffSeconds`
    pub initial: Duration,
    /// `podMaxBackoffSeconds`
    pub max: Duration,
    /// SchedulerPopFromBackoffQ (on from 1.33): an idle scheduler does not wait for backoff, and
    /// backoff ends on whole seconds.
    pub pop_from_backoff: bool,
    /// Up to 1.33 every attempt counts towards backoff, from 1.34 rejections or consecutive errors.
    pub count_attempts: bool,
}

impl From<&SchedulerSpec> for QueueSettings {
    fn from(spec: &SchedulerSpec) -> Self {
        Self {
            initial: spec.initial_backoff,
            max: spec.max_backoff,
            pop_from_backoff: spec.version.at_least(33),
            count_attempts: !spec.version.at_least(34),
        }
    }
}

/// Backoff after `failures`: doubling from `initial`, at most `max`.
pub fn backoff(initial: Duration, max: Duration, failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    let limit = max.micros().checked_shr(doublings).unwrap_or(0);
    if initial.micros() > limit {
        max
    } else {
        Duration::from_micros(initial.micros() << doublings)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Active,
    Backoff,
    ErrorBackoff,
    Pool,
    Gated,
    InFlight,
}

#[derive(Clone, Debug)]
struct Row {
    group: Group,
    priority: i32,
    /// Last entry after an attempt (or creation).
    timestamp: SimTime,
    place: Place,
    /// Names the one valid heap entry of the pod.
    ticket: u64,
    /// How the attempt failed that the pod's condition tells of.
    told: Option<Failures>,
    attempts: u32,
    rejections: u32,
    errors: u32,
}

/// Priority first, then age, then order of entry.
type Order = (Reverse<i32>, SimTime, u64, PodId);
/// End of backoff, then as above (or only order of entry, before 1.33).
type BackoffOrder = (SimTime, Reverse<i32>, SimTime, u64, PodId);

/// The scheduling queue.
#[derive(Clone, Debug)]
pub struct SchedulingQueue {
    settings: QueueSettings,
    rows: FxHashMap<PodId, Row>,
    active: BinaryHeap<Reverse<Order>>,
    backoff: BinaryHeap<Reverse<BackoffOrder>>,
    error_backoff: BinaryHeap<Reverse<BackoffOrder>>,
    pool: BTreeMap<Group, BTreeSet<PodId>>,
    pool_by_age: BTreeSet<(SimTime, PodId)>,
    next_ticket: u64,
}

impl SchedulingQueue {
    /// An empty queue.
    pub fn new(settings: QueueSettings) -> Self {
        Self {
            settings,
            rows: FxHashMap::default(),
            active: BinaryHeap::new(),
            backoff: BinaryHeap::new(),
            error_backoff: BinaryHeap::new(),
            pool: BTreeMap::new(),
            pool_by_age: BTreeSet::new(),
            next_ticket: 0,
        }
    }

    /// A new pod. A gated one waits for [`SchedulingQueue::ungate`].
    pub fn add(&mut self, pod: PodId, group: Group, priority: i32, gated: bool, now: SimTime) {
        let row = Row {
            group,
            priority,
            timestamp: now,
            place: Place::Gated,
            ticket: 0,
            told: None,
            attempts: 0,
            rejections: 0,
            errors: 0,
        };
        self.rows.insert(pod, row);
        if !gated {
            self.enter(pod, Place::Active);
        }
    }

    /// The pod's gates are gone.
    pub fn ungate(&mut self, pod: PodId) {
        if self.rows.get(&pod).is_some_and(|row| row.place == Place::Gated) {
            self.enter(pod, Place::Active);
        }
    }

    /// The pod is placed or deleted.
    pub fn remove(&mut self, pod: PodId) {
        self.leave_pool(pod);
        self.rows.remove(&pod);
    }

    /// Whether the pod is known here.
    pub fn contains(&self, pod: PodId) -> bool {
        self.rows.contains_key(&pod)
    }

    /// Pods that wait, gated ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The next pod to try and the number of this attempt, after due timers have run.
    pub fn pop(&mut self, now: SimTime) -> Option<(PodId, u32)> {
        self.flush(now);
        let pod = match self.head_active() {
            Some(order) => {
                self.active.pop();
                order.3
            }
            None if self.settings.pop_from_backoff => {
                let pod = self.head_backoff(false)?.4;
                self.backoff.pop();
                pod
            }
            None => return None,
        };
        let row = self.rows.get_mut(&pod).expect("queued pods have a row");
        row.place = Place::InFlight;
        row.attempts += 1;
        Some((pod, row.attempts))
    }

    /// Notes how the attempt failed; whether the pod's condition has to be written anew (it is left
    /// alone if it would say the same: `updatePod`, `podutil.UpdatePodCondition`).
    pub fn tell(&mut self, pod: PodId, failures: Failures) -> bool {
        let row = self.rows.get_mut(&pod);
        row.is_some_and(|row| row.told.replace(failures) != Some(failures))
    }

    /// The attempt ended in rejection by these plugins.
    pub fn reject(&mut self, pod: PodId, rejectors: PluginSet, now: SimTime) {
        let Some(row) = self.rows.get_mut(&pod) else { return };
        row.rejections += 1;
        row.errors = 0;
        row.timestamp = now;
        row.group.rejectors = rejectors;
        self.enter(pod, Place::Pool);
    }

    /// The attempt ended in an error (no plugin rejected the pod): it is tried again after backoff.
    pub fn fail(&mut self, pod: PodId, now: SimTime) {
        let Some(row) = self.rows.get_mut(&pod) else { return };
        row.errors += 1;
        row.timestamp = now;
        row.group.rejectors = PluginSet::default();
        self.enter(pod, Place::ErrorBackoff);
    }

    /// Wakes every group of the unschedulable pool for which `hint` says so: to active, or to
    /// backoff if that is not over.
    pub fn wake(&mut self, now: SimTime, mut hint: impl FnMut(&Group) -> bool) {
        if self.pool.is_empty() {
            return;
        }
        let woken: Vec<Group> = self.pool.keys().filter(|group| hint(group)).copied().collect();
        for group in woken {
            let pods = self.pool.remove(&group).unwrap_or_default();
            for pod in pods {
                self.pool_by_age.remove(&(self.rows[&pod].timestamp, pod));
                self.requeue(pod, now);
            }
        }
    }

    /// When a cycle or a timer could next do something.
    pub fn next_wake(&mut self, now: SimTime) -> Option<SimTime> {
        if self.head_active().is_some() {
            return Some(now);
        }
        let backoff = self.head_backoff(false).map(|order| order.0);
        if backoff.is_some() && self.settings.pop_from_backoff {
            return Some(now);
        }
        let error = self.head_backoff(true).map(|order| order.0);
        let over = backoff.into_iter().chain(error).min().map(|end| end.floor_second() + SECOND);
        let stale = self.pool_by_age.first().map(|&(since, _)| next_pool_flush(since));
        over.into_iter().chain(stale).min().map(|at| at.max(now))
    }

    /// Runs the timers that are due: ended backoff, and the five-minute stay in the pool.
    pub fn flush(&mut self, now: SimTime) {
        for pod in self.completed_backoff(now.floor_second()) {
            self.enter(pod, Place::Active);
        }
        while let Some(&(since, pod)) = self.pool_by_age.first() {
            if next_pool_flush(since) > now {
                break;
            }
            self.leave_pool(pod);
            self.requeue(pod, now);
        }
    }

    /// Takes out the pods whose backoff is over at `now`, by end of backoff, rejected ones first.
    pub(crate) fn completed_backoff(&mut self, now: SimTime) -> Vec<PodId> {
        let mut pods = Vec::new();
        for errors in [false, true] {
            // A look at the head alone mostly tells that nothing is over, be the head valid or not.
            let is_over = |Reverse(order): &Reverse<BackoffOrder>| order.0 < now;
            while self.backoff_heap(errors).peek().is_some_and(is_over) {
                let Some(order) = self.head_backoff(errors).filter(|order| order.0 < now) else {
                    break;
                };
                self.backoff_heap(errors).pop();
                pods.push(order.4);
            }
        }
        pods
    }

    fn requeue(&mut self, pod: PodId, now: SimTime) {
        let row = &self.rows[&pod];
        let backing_off = self.failures(row) > 0 && {
            let now = if self.settings.pop_from_backoff { now.floor_second() } else { now };
            self.backoff_end(row) >= now
        };
        self.enter(pod, if backing_off { Place::Backoff } else { Place::Active });
    }

    fn failures(&self, row: &Row) -> u32 {
        if self.settings.count_attempts {
            row.attempts
        } else if row.errors > 0 {
            row.errors
        } else {
            row.rejections
        }
    }

    fn backoff_end(&self, row: &Row) -> SimTime {
        let length = backoff(self.settings.initial, self.settings.max, self.failures(row));
        let end = row.timestamp + length;
        if self.settings.pop_from_backoff { end.floor_second() } else { end }
    }

    /// Puts a pod in a place, out of the pool if it was there.
    fn enter(&mut self, pod: PodId, place: Place) {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let end = self.backoff_end(&self.rows[&pod]);
        let row = self.rows.get_mut(&pod).expect("the pod has a row");
        row.place = place;
        row.ticket = ticket;
        let (priority, since) = (Reverse(row.priority), row.timestamp);
        match place {
            Place::Active => self.active.push(Reverse((priority, since, ticket, pod))),
            Place::Backoff | Place::ErrorBackoff => {
                let order = if self.settings.pop_from_backoff {
                    (end, priority, since, ticket, pod)
                } else {
                    (end, Reverse(0), SimTime::ZERO, ticket, pod)
                };
                self.backoff_heap(place == Place::ErrorBackoff).push(Reverse(order));
            }
            Place::Pool => {
                self.pool.entry(row.group).or_default().insert(pod);
                self.pool_by_age.insert((since, pod));
            }
            Place::Gated | Place::InFlight => {}
        }
    }

    fn leave_pool(&mut self, pod: PodId) {
        let Some(row) = self.rows.get(&pod).filter(|row| row.place == Place::Pool) else { return };
        self.pool_by_age.remove(&(row.timestamp, pod));
        if let Some(pods) = self.pool.get_mut(&row.group) {
            pods.remove(&pod);
            if pods.is_empty() {
                self.pool.remove(&row.group);
            }
        }
    }

    fn backoff_heap(&mut self, errors: bool) -> &mut BinaryHeap<Reverse<BackoffOrder>> {
        if errors { &mut self.error_backoff } else { &mut self.backoff }
    }

    fn is_valid(rows: &FxHashMap<PodId, Row>, pod: PodId, ticket: u64, place: Place) -> bool {
        rows.get(&pod).is_some_and(|row| row.ticket == ticket && row.place == place)
    }

    /// The head of active, stale entries dropped.
    fn head_active(&mut self) -> Option<Order> {
        while let Some(&Reverse(order)) = self.active.peek() {
            if Self::is_valid(&self.rows, order.3, order.2, Place::Active) {
                return Some(order);
            }
            self.active.pop();
        }
        None
    }

    /// The head of a backoff heap, stale entries dropped.
    fn head_backoff(&mut self, errors: bool) -> Option<BackoffOrder> {
        let (heap, place) = if errors {
            (&mut self.error_backoff, Place::ErrorBackoff)
        } else {
            (&mut self.backoff, Place::Backoff)
        };
        while let Some(&Reverse(order)) = heap.peek() {
            if Self::is_valid(&self.rows, order.4, order.3, place) {
                return Some(order);
            }
            heap.pop();
        }
        None
    }
}

/// The first flush of the pool at which a pod that entered at `since` has stayed longer than five
/// minutes.
fn next_pool_flush(since: SimTime) -> SimTime {
    let stay = (since + POOL_STAY).micros();
    let period = POOL_FLUSH.micros();
    SimTime::from_micros(stay - stay % period + period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Plugin;
    use crate::vocabulary::KubernetesVersion;

    fn queue(pop_from_backoff: bool) -> SchedulingQueue {
        SchedulingQueue::new(QueueSettings {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(10),
            pop_from_backoff,
            count_attempts: false,
        })
    }

    const GROUP: Group = Group { shape: ShapeId(0), pinned: None, rejectors: PluginSet::NONE };

    fn at(millis: u64) -> SimTime {
        SimTime::from_micros(millis * 1_000)
    }

    #[test]
    fn priority_then_age_decide() {
        let mut queue = queue(true);
        for (pod, priority, millis) in [(0, 0, 5), (1, 7, 9), (2, 0, 3)] {
            queue.add(PodId(pod), GROUP, priority, false, at(millis));
        }
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop(at(10)).map(|(p, _)| p.0)).collect();
        assert_eq!(order, [1, 2, 0]);
    }

    #[test]
    fn an_idle_scheduler_does_not_wait_for_backoff_since_1_33() {
        for (pop_from_backoff, wake) in [(true, at(2_100)), (false, at(4_000))] {
            let mut queue = queue(pop_from_backoff);
            queue.add(PodId(0), GROUP, 0, false, at(2_000));
            queue.pop(at(2_000));
            queue.reject(PodId(0), PluginSet::of(Plugin::NodeUnschedulable), at(2_000));
            assert_eq!(queue.next_wake(at(2_000)), Some(at(330_000)));
            queue.wake(at(2_100), |_| true);
            assert_eq!(queue.next_wake(at(2_100)), Some(wake), "{pop_from_backoff}");
            assert_eq!(queue.pop(wake), Some((PodId(0), 2)));
            assert_eq!(queue.next_wake(wake), None);
        }
    }

    #[test]
    fn attempts_count_until_only_rejections_or_errors_in_a_row_do() {
        for minor in KubernetesVersion::OLDEST.minor..=KubernetesVersion::NEWEST.minor {
            let spec = SchedulerSpec::upstream(KubernetesVersion::minor(minor));
            let mut queue = SchedulingQueue::new(QueueSettings::from(&spec));
            queue.add(PodId(0), GROUP, 0, false, at(0));
            // Three errors, a minute apart, then a rejection: four attempts, one rejection.
            for minute in 0..4 {
                let now = at(60_000 * minute);
                assert_eq!(queue.pop(now).map(|(pod, _)| pod), Some(PodId(0)));
                if minute < 3 {
                    queue.fail(PodId(0), now);
                } else {
                    queue.reject(PodId(0), PluginSet::of(Plugin::NodePorts), now);
                }
            }
            queue.wake(at(180_000), |_| true);
            let ends = (180_000..200_000).step_by(100).find(|&millis| {
                let mut queue = queue.clone();
                !queue.completed_backoff(at(millis)).is_empty()
            });
            let length = if minor >= 34 { 1 } else { 8 };
            assert_eq!(ends, Some(180_000 + 1_000 * length + 100), "1.{minor}");
        }
    }

    #[test]
    fn a_condition_is_written_when_it_says_something_new() {
        let mut queue = queue(true);
        queue.add(PodId(0), GROUP, 0, false, at(0));
        let of = |nodes| Failures { nodes, ..Failures::default() };
        let written: Vec<bool> = [3, 3, 4, 3].map(|nodes| queue.tell(PodId(0), of(nodes))).into();
        assert_eq!(written, [true, false, true, true]);
        assert!(!queue.tell(PodId(1), of(3)), "nobody knows this pod");
    }

    #[test]
    fn errors_wait_for_their_backoff_and_deleted_pods_for_nothing() {
        let mut queue = queue(true);
        queue.add(PodId(0), GROUP, 0, false, at(500));
        queue.pop(at(500));
        queue.fail(PodId(0), at(500));
        assert_eq!(queue.pop(at(600)), None);
        assert_eq!(queue.next_wake(at(600)), Some(at(2_000)));
        queue.remove(PodId(0));
        assert_eq!(queue.next_wake(at(600)), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn gated_pods_wait_for_their_gates() {
        let mut queue = queue(true);
        queue.add(PodId(0), GROUP, 0, true, at(0));
        assert_eq!(queue.next_wake(at(0)), None);
        queue.ungate(PodId(0));
        assert_eq!(queue.pop(at(1)), Some((PodId(0), 1)));
    }
}
