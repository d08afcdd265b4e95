//! Whether a request fits what a node has left.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/noderesources/fit.go` (`fitsRequest`),
//! v1.36.2.

use crate::unit::{ExtendedId, MAX_EXTENDED, Resources};

/// The resources that are short, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shortage(u16);

impl Shortage {
    /// Pods (max-pods of the node).
    pub const PODS: Self = Self(1);
    /// CPU.
    pub const CPU: Self = Self(2);
    /// Memory.
    pub const MEMORY: Self = Self(4);
    /// Ephemeral storage.
    pub const EPHEMERAL: Self = Self(8);

    /// An extended resource.
    pub const fn extended(id: ExtendedId) -> Self {
        Self(16 << id.0)
    }

    /// Whether nothing is short.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether everything in `other` is short here too.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Every resource of which `request` needs more than the node has left. A pod that asks for nothing
/// needs a free pod slot only. Bit i of `ignored` leaves extended resource i out.
pub fn shortage(
    request: &Resources,
    used: &Resources,
    allocatable: &Resources,
    ignored: u8,
) -> Shortage {
    let mut short = 0;
    let mut check = |need: i64, used: i64, all: i64, bit: u16| {
        if need > 0 && need > all - used {
            short |= bit;
        }
    };
    check(1, used.pods, allocatable.pods, Shortage::PODS.0);
    check(request.cpu_milli, used.cpu_milli, allocatable.cpu_milli, Shortage::CPU.0);
    check(request.memory, used.memory, allocatable.memory, Shortage::MEMORY.0);
    check(request.ephemeral, used.ephemeral, allocatable.ephemeral, Shortage::EPHEMERAL.0);
    for id in 0..MAX_EXTENDED {
        if ignored & (1 << id) == 0 {
            let (need, all) = (request.extended[id], allocatable.extended[id]);
            check(need, used.extended[id], all, 16 << id);
        }
    }
    Shortage(short)
}

/// Whether nothing is short: as [`shortage`] says, told by the first resource that is.
pub fn fits(request: &Resources, used: &Resources, allocatable: &Resources) -> bool {
    let fits = |need: i64, used: i64, all: i64| need <= 0 || need <= all - used;
    fits(request.cpu_milli, used.cpu_milli, allocatable.cpu_milli)
        && fits(request.memory, used.memory, allocatable.memory)
        && fits(1, used.pods, allocatable.pods)
        && fits(request.ephemeral, used.ephemeral, allocatable.ephemeral)
        && (0..MAX_EXTENDED)
            .all(|id| fits(request.extended[id], used.extended[id], allocatable.extended[id]))
}

/// Whether an empty node of this size would still be too small, in a resource that is short: then
/// no preemption helps (from 1.34 on upstream says so). Too few pod slots never counts.
pub(super) fn too_small(request: &Resources, allocatable: &Resources, ignored: u8) -> bool {
    let mut request = *request;
    request.pods = 0;
    for id in 0..MAX_EXTENDED {
        if ignored & (1 << id) != 0 {
            request.extended[id] = 0;
        }
    }
    let mut room = *allocatable;
    room.pods = 0;
    !request.fits_in(&room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortage_is_reported() {
        let mut node = Resources::of(1_000, 100);
        node.pods = 1;
        let mut used = Resources::of(600, 60);
        used.pods = 1;
        let mut gpu = Resources::of(500, 10);
        gpu.extended[2] = 1;
        let short = shortage(&gpu, &used, &node, 0);
        let gpu_short = Shortage::extended(ExtendedId(2));
        assert_eq!(short, Shortage::PODS.with(Shortage::CPU).with(gpu_short));
        assert!(!shortage(&gpu, &used, &node, 0b100).contains(gpu_short));
        assert!(too_small(&gpu, &node, 0));
        assert!(!too_small(&gpu, &node, 0b100));
    }

    #[test]
    fn a_pod_without_requests_needs_a_slot_only() {
        let over = Resources { pods: 1, ..Resources::of(2_000, 200) };
        let node = Resources { pods: 2, ..Resources::of(1_000, 100) };
        assert!(fits(&Resources::ZERO, &over, &node));
    }
    #[test]
    fn a_request_fits_where_nothing_is_short() {
        for seed in 0..20_000 {
            let lots = crate::unit::Lots::new(seed);
            let amount = |at: u64| lots.of(at).below(3) as i64;
            let any = |at: u64| {
                let mut row = Resources::of(amount(at), amount(at + 1));
                (row.ephemeral, row.pods) = (amount(at + 2), amount(at + 3));
                row.extended[seed as usize % MAX_EXTENDED] = amount(at + 4);
                row
            };
            let (need, used, all) = (any(0), any(10), any(20));
            assert_eq!(fits(&need, &used, &all), shortage(&need, &used, &all, 0).is_empty());
        }
    }
}
