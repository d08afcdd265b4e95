//! Where the search for room goes on: behind the node that was found last, in the list of nodes as
//! it is by then (`simulator/clustersnapshot/predicate/plugin_runner.go`).

use std::ops::Range;

use super::snapshot::Snapshot;
use crate::unit::ShapeId;
use crate::vocabulary::KubernetesVersion;

/// Positions that nodes have left, ascending. Positions do not move; indices in upstream's list,
/// which has no gaps, do.
#[derive(Clone, Debug, Default)]
pub struct Gaps(Vec<usize>);

impl Gaps {
    /// The node at a position is gone.
    pub fn open(&mut self, position: usize) {
        if let Err(at) = self.0.binary_search(&position) {
            self.0.insert(at, position);
        }
    }

    /// It is there again, or nobody asks for the position any more.
    pub fn close(&mut self, position: usize) {
        if let Ok(at) = self.0.binary_search(&position) {
            self.0.remove(at);
        }
    }

    /// The position of the node at an index of the list.
    pub fn position(&self, index: usize) -> usize {
        // Before the gap of rank r at position p there are p - r nodes.
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let rank = low.midpoint(high);
            if self.0[rank] - rank <= index { low = rank + 1 } else { high = rank }
        }
        index + low
    }

    /// The index in the list of the node at a position.
    pub fn index(&self, position: usize) -> usize {
        position - self.0.partition_point(|&gap| gap < position)
    }
}

/// Memory of the search: it lives as long as the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundRobin {
    /// Up to 1.35 the index after the node that was found last, from 1.36 on its own
    /// (`simulator/clustersnapshot/scheduling_opts.go`, `lastIndexOrderMapping`): it matters when
    /// the list is shorter by the next search.
    pub last: usize,
    /// How far behind it the search begins.
    offset: usize,
}

impl RoundRobin {
    /// Of a new process.
    pub fn new(version: KubernetesVersion) -> Self {
        Self { last: 0, offset: usize::from(version.at_least(36)) }
    }

    /// The first node from there on, inside a range of positions, that takes a shape and is
    /// acceptable; the next search goes on behind it.
    pub fn find(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        shape: ShapeId,
        range: Range<usize>,
        acceptable: impl Fn(&Snapshot<'_>, usize) -> bool,
    ) -> Option<usize> {
        if snapshot.nodes() == 0 {
            return None;
        }
        let index = (self.last + self.offset) % snapshot.nodes();
        let start = snapshot.gaps().position(index);
        let start = if range.contains(&start) { start } else { range.start };
        let slot = (start..range.end)
            .chain(range.start..start)
            .find(|&slot| snapshot.takes(shape, slot) && acceptable(snapshot, slot))?;
        self.found(snapshot, slot);
        Some(slot)
    }

    /// A search has found the node at a position.
    pub fn found(&mut self, snapshot: &Snapshot<'_>, slot: usize) {
        let index = snapshot.gaps().index(slot);
        self.last = if self.offset == 0 { (index + 1) % snapshot.nodes() } else { index };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_counted_without_the_gaps() {
        let mut gaps = Gaps::default();
        for position in [7, 2, 0, 3, 7] {
            gaps.open(position);
        }
        gaps.close(3);
        gaps.close(4);
        // Slow twin: the positions that are left, counted.
        let left: Vec<usize> = (0..12).filter(|at| ![0, 2, 7].contains(at)).collect();
        for (index, &position) in left.iter().enumerate() {
            assert_eq!(gaps.position(index), position, "index {index}");
            assert_eq!(gaps.index(position), index, "position {position}");
        }
    }
}
