//! Workloads and disruption budgets as the API server holds them.

use crate::unit::{PodId, SimTime};

/// The state of what owns pods.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// `spec.replicas`.
    pub replicas: u32,
    /// Pods that are not over, in order of creation.
    pub pods: OwnedPods,
    /// Pods that are active (`status.replicas`).
    pub active: u32,
    /// Pods that are Ready.
    pub ready: u32,
    /// Pods made so far (the next ordinal).
    pub next_ordinal: u32,
    /// Pods that completed by themselves.
    pub succeeded: u32,
    /// Creation of the object.
    pub created: SimTime,
}

/// Pods of an owner in order of creation, which is the order of their ids. Those that are over
/// leave holes; when most are holes the list is packed, so that leaving is O(log n) however many
/// pods there are.
#[derive(Clone, Debug, Default)]
pub struct OwnedPods {
    /// In order of ids; a hole keeps its id, marked.
    entries: Vec<PodId>,
    holes: usize,
}

impl OwnedPods {
    const HOLE: u32 = 1 << 31;

    /// Adds the newest pod.
    pub fn push(&mut self, pod: PodId) {
        debug_assert!(pod.0 < Self::HOLE, "fewer than 2^31 pods");
        debug_assert!(self.entries.last().is_none_or(|last| Self::id(last) < pod.0));
        self.entries.push(pod);
    }

    /// Takes a pod out, if it is there.
    pub fn remove(&mut self, pod: PodId) {
        let Ok(at) = self.entries.binary_search_by_key(&pod.0, Self::id) else { return };
        if Self::is_there(&self.entries[at]) {
            self.entries[at].0 |= Self::HOLE;
            self.holes += 1;
        }
        if self.holes > 32 && 2 * self.holes > self.entries.len() {
            self.entries.retain(Self::is_there);
            self.holes = 0;
        }
    }

    /// The pods, in order of creation.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &PodId> + Clone {
        self.entries.iter().filter(|entry| Self::is_there(entry))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.holes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn id(entry: &PodId) -> u32 {
        entry.0 & !Self::HOLE
    }

    fn is_there(entry: &PodId) -> bool {
        entry.0 & Self::HOLE == 0
    }
}

/// The state of a PodDisruptionBudget.
#[derive(Clone, Debug, Default)]
pub struct DisruptionBudget {
    /// `status.disruptionsAllowed`.
    pub allowed: i64,
    /// `status.currentHealthy`.
    pub healthy: i64,
    /// `status.desiredHealthy`.
    pub desired: i64,
    /// `status.expectedPods`.
    pub expected: i64,
    /// `status.disruptedPods`: evictions that the controller has not yet seen end.
    pub disrupted: Vec<(PodId, SimTime)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_leave_in_any_order_and_the_others_stay_in_theirs() {
        let (mut owned, mut plain) = (OwnedPods::default(), Vec::new());
        let mut draw = 7_u32;
        for pod in 0..2_000 {
            owned.push(PodId(2 * pod));
            plain.push(PodId(2 * pod));
            for _ in 0..pod % 3 {
                draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let gone = plain.get(draw as usize % (plain.len() + 1)).copied();
                owned.remove(gone.unwrap_or(PodId(1)));
                plain.retain(|&pod| Some(pod) != gone);
            }
            assert_eq!((owned.len(), owned.is_empty()), (plain.len(), plain.is_empty()));
        }
        assert!(owned.iter().eq(&plain));
        assert!(owned.entries.len() <= 2 * plain.len() + 33, "holes are packed");
    }
}
