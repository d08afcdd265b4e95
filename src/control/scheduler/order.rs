//! The order in which nodes are looked at, how many are, and which of the best is taken.
//!
//! Source: kubernetes `pkg/scheduler/backend/cache/node_tree.go` and
//! `pkg/scheduler/schedule_one.go`, v1.36.2.

use crate::control::scheduler::TieBreak;
use crate::unit::{Lots, Symbol};

/// Nodes grouped by (region, zone), in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct NodeTree {
    zones: Vec<((Symbol, Symbol), Vec<u32>)>,
}

impl NodeTree {
    /// Adds a node (by slot) at the end of its zone.
    pub fn add(&mut self, zone: (Symbol, Symbol), slot: u32) {
        match self.zones.iter_mut().find(|(key, _)| *key == zone) {
            Some((_, nodes)) => nodes.push(slot),
            None => self.zones.push((zone, vec![slot])),
        }
    }

    /// Takes a node out; a zone without nodes is dropped.
    pub fn remove(&mut self, zone: (Symbol, Symbol), slot: u32) {
        if let Some((_, nodes)) = self.zones.iter_mut().find(|(key, _)| *key == zone) {
            nodes.retain(|&other| other != slot);
        }
        self.zones.retain(|(_, nodes)| !nodes.is_empty());
    }

    /// One node of each zone per round, zones in order, exhausted ones skipped.
    pub fn list(&self, order: &mut Vec<u32>) {
        order.clear();
        let rounds = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        for round in 0..rounds {
            order.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(round)));
        }
    }
}

/// How many feasible nodes end the search among `nodes`. `percentage` 0 is adaptive.
pub const fn nodes_to_find(nodes: usize, percentage: u32) -> usize {
    const AT_LEAST: usize = 100;
    if nodes < AT_LEAST {
        return nodes;
    }
    let percentage = if percentage == 0 {
        let adaptive = 50_usize.saturating_sub(nodes / 125);
        if adaptive < 5 { 5 } else { adaptive }
    } else {
        percentage as usize
    };
    if percentage >= 100 {
        return nodes;
    }
    let found = nodes * percentage / 100;
    if found < AT_LEAST { AT_LEAST } else { found }
}

/// Index of the total that is chosen. `First`: the root after Go's `heap.Init`, that is the first
/// of the best in pre-order of the implicit binary tree. `Random`: any of the best.
pub fn choose(totals: &[i32], tie_break: TieBreak, lots: Lots) -> usize {
    // Eight at a time; `Iterator::max` goes one by one.
    let best = totals.iter().fold(i32::MIN, |best, &total| best.max(total));
    match tie_break {
        TieBreak::First => first_in_preorder(totals, best),
        TieBreak::Random => {
            let ties = totals.iter().filter(|&&total| total == best).count();
            let mut ties_left = lots.below(ties);
            let chosen = totals.iter().position(|&total| {
                let found = total == best && ties_left == 0;
                ties_left -= usize::from(total == best && !found);
                found
            });
            chosen.unwrap_or(0)
        }
    }
}

/// The first place of `best` in pre-order of the implicit binary tree. Inside one level that is
/// the order of indices, so each level has one candidate.
fn first_in_preorder(totals: &[i32], best: i32) -> usize {
    let mut first: Option<usize> = None;
    let (mut begin, mut width) = (0, 1);
    while begin < totals.len() {
        let level = &totals[begin..totals.len().min(begin + width)];
        if let Some(at) = level.iter().position(|&total| total == best) {
            let index = begin + at;
            if first.is_none_or(|first| comes_before(index, first)) {
                first = Some(index);
            }
        }
        (begin, width) = (begin + width, 2 * width);
    }
    first.unwrap_or(0)
}

/// Whether heap index `one` comes before `other` in pre-order.
const fn comes_before(one: usize, other: usize) -> bool {
    // In 1-based numbering a node's ancestors are its prefixes; compare at equal depth.
    let (one, other) = (one + 1, other + 1);
    let (depth_one, depth_other) = (one.ilog2(), other.ilog2());
    if depth_one <= depth_other {
        one <= other >> (depth_other - depth_one)
    } else {
        one >> (depth_one - depth_other) < other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Go's `heap.Init` over (total, index), and its root.
    fn heap_root(totals: &[i32]) -> usize {
        let mut heap: Vec<usize> = (0..totals.len()).collect();
        for start in (0..heap.len() / 2).rev() {
            let mut at = start;
            loop {
                let left = 2 * at + 1;
                if left >= heap.len() {
                    break;
                }
                let right = left + 1;
                let mut child = left;
                if right < heap.len() && totals[heap[right]] > totals[heap[left]] {
                    child = right;
                }
                if totals[heap[child]] <= totals[heap[at]] {
                    break;
                }
                heap.swap(child, at);
                at = child;
            }
        }
        heap[0]
    }

    #[test]
    fn the_first_of_the_best_is_the_root_of_gos_heap() {
        for seed in 0..2_000 {
            let lots = Lots::new(seed);
            let length = 1 + lots.below(40);
            let kinds = 1 + lots.of(1).below(6);
            let totals: Vec<i32> =
                (0..length).map(|i| lots.of(2 + i as u64).below(kinds) as i32).collect();
            assert_eq!(choose(&totals, TieBreak::First, lots), heap_root(&totals), "{totals:?}");
        }
    }

    #[test]
    fn random_ties_reach_all_of_the_best_and_no_other() {
        let totals = [3, 7, 1, 7, 7];
        let mut seen = [false; 5];
        for seed in 0..100 {
            seen[choose(&totals, TieBreak::Random, Lots::new(seed))] = true;
        }
        assert_eq!(seen, [false, true, false, true, true]);
    }
}
