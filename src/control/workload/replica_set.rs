//! ReplicaSets: how pods are made, and which die first.
//!
//! kubernetes 1.36 `pkg/controller/replicaset/replica_set.go` (`slowStartBatch`,
//! `getPodsToDelete`), `pkg/controller/controller_utils.go` (`ActivePodsWithRanks`).

use std::cmp::Ordering;

use crate::unit::SimTime;

/// Most pods made or deleted in one sync (`BurstReplicas`).
pub const BURST: u32 = 500;

/// What a slow start came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowStart {
    /// Pods made.
    pub created: u32,
    /// Attempts.
    pub calls: u32,
    /// Whether a batch had a failure, which ends it.
    pub failed: bool,
}

/// Makes `count` pods in batches of 1, 2, 4, … (`initial` first) while every creation of a batch
/// succeeds; `create(n)` is the n-th attempt, from 0.
pub fn slow_start(count: u32, initial: u32, mut create: impl FnMut(u32) -> bool) -> SlowStart {
    let mut done = SlowStart { created: 0, calls: 0, failed: false };
    let mut batch = count.min(initial);
    while batch > 0 && !done.failed {
        for _ in 0..batch {
            let succeeded = create(done.calls);
            done.calls += 1;
            done.created += u32::from(succeeded);
            done.failed |= !succeeded;
        }
        batch = (2 * batch).min(count - done.calls);
    }
    done
}

/// What a sync does: pods to make, or to delete, at most [`BURST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Pods to make.
    Create(u32),
    /// Pods to delete.
    Delete(u32),
    /// Nothing to do.
    None,
}

/// Compares the pods that are active with those wanted.
pub fn difference(replicas: u32, active: u32) -> Difference {
    match replicas.cmp(&active) {
        Ordering::Greater => Difference::Create((replicas - active).min(BURST)),
        Ordering::Less => Difference::Delete((active - replicas).min(BURST)),
        Ordering::Equal => Difference::None,
    }
}

/// Phase of a pod that may be deleted, in the order of deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VictimPhase {
    /// Pending
    Pending,
    /// Unknown
    Unknown,
    /// Running
    Running,
}

/// A pod as the order of deletion sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whether it is assigned to a node.
    pub bound: bool,
    /// Phase.
    pub phase: VictimPhase,
    /// Whether it is Ready.
    pub ready: bool,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub cost: i64,
    /// Active pods of the same owner on its node.
    pub colocated: u32,
    /// Ready since.
    pub ready_since: Option<SimTime>,
    /// Most restarts of a container.
    pub restarts: u32,
    /// Creation.
    pub created: Option<SimTime>,
    /// Drawn by lots; stands for the UID, by which upstream breaks ties.
    pub tie: u64,
}

/// Which of two pods dies first: `Less` is first (`ActivePodsWithRanks.Less`, logarithmic ages).
///
/// The order is upstream's and, like it, not transitive where times are equal for some pods and
/// only of equal magnitude for others: sort with [`victims`].
pub fn dies_first(a: &Candidate, b: &Candidate, now: SimTime) -> Ordering {
    let by_state = (a.bound.cmp(&b.bound))
        .then(a.phase.cmp(&b.phase))
        .then(a.ready.cmp(&b.ready))
        .then(a.cost.cmp(&b.cost))
        .then(b.colocated.cmp(&a.colocated));
    by_state
        .then_with(|| match a.ready && b.ready {
            true => younger_first(a.ready_since, b.ready_since, a.tie.cmp(&b.tie), now),
            false => Ordering::Equal,
        })
        .then(b.restarts.cmp(&a.restarts))
        .then_with(|| younger_first(a.created, b.created, a.tie.cmp(&b.tie), now))
}

/// Missing times first, then ages by their power of two in nanoseconds, then `tie`; equal times
/// decide nothing.
fn younger_first(a: Option<SimTime>, b: Option<SimTime>, tie: Ordering, now: SimTime) -> Ordering {
    let magnitude = |at: SimTime| {
        let nanos = u128::from(now.since(at).micros()) * 1_000;
        nanos.checked_ilog2().map_or(-1, i64::from)
    };
    match (a, b) {
        _ if a == b => Ordering::Equal,
        (Some(a), Some(b)) => magnitude(a).cmp(&magnitude(b)).then(tie),
        _ => a.is_some().cmp(&b.is_some()),
    }
}

/// The positions of the `count` pods to delete. If all are, they stay in their order, as upstream
/// leaves them. O(n log n).
pub fn victims(pods: &[Candidate], count: usize, now: SimTime) -> Vec<usize> {
    let mut order: Vec<usize> = (0..pods.len()).collect();
    if count < pods.len() {
        merge_sort(&mut order, &|a, b| dies_first(&pods[a], &pods[b], now));
        order.truncate(count);
    }
    order
}

/// A stable merge sort that takes any comparison: the standard one may panic where an order is not
/// transitive.
fn merge_sort(order: &mut [usize], compare: &impl Fn(usize, usize) -> Ordering) {
    if order.len() < 2 {
        return;
    }
    let (left, right) = order.split_at_mut(order.len() / 2);
    merge_sort(left, compare);
    merge_sort(right, compare);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if compare(right[r], left[l]) == Ordering::Less {
            merged.push(right[r]);
            r += 1;
        } else {
            merged.push(left[l]);
            l += 1;
        }
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
    order.copy_from_slice(&merged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_of_one_power_of_two_are_drawn_by_lots() {
        let now = SimTime::from_secs(100_000);
        let pod = |hours: u64, tie| Candidate {
            bound: true,
            phase: VictimPhase::Running,
            ready: true,
            cost: 0,
            colocated: 1,
            ready_since: Some(now.saturating_sub(crate::unit::Duration::from_secs(hours * 3_600))),
            restarts: 0,
            created: None,
            tie,
        };
        assert_eq!(dies_first(&pod(5, 2), &pod(8, 1), now), Ordering::Greater, "5 h and 8 h tie");
        assert_eq!(dies_first(&pod(2, 2), &pod(5, 1), now), Ordering::Less, "2 h is younger");
        let pods = [pod(8, 9), pod(2, 5), pod(5, 3)];
        assert_eq!(victims(&pods, 2, now), [1, 2]);
        assert_eq!(victims(&pods, 3, now), [0, 1, 2]);
    }

    #[test]
    fn a_sync_is_bounded() {
        assert_eq!(difference(2_000, 10), Difference::Create(500));
        assert_eq!(difference(0, 10), Difference::Delete(10));
        assert_eq!(difference(10, 10), Difference::None);
    }
}
