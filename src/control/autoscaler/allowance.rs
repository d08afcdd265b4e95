//! What disruption budgets still allow while removals are simulated
//! (`pkg/core/scaledown/pdb/basic.go`).

use rustc_hash::FxHashMap;

use super::View;
use crate::model::PodShape;
use crate::rules::selects;
use crate::unit::{ShapeId, Symbols};

/// Remaining disruptions per budget, and which budgets cover which shapes.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    left: Vec<i64>,
    covering: FxHashMap<ShapeId, Vec<u32>>,
}

/// Whether pods may be disrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disruptable {
    /// Each budget allows at least one.
    pub possible: bool,
    /// Each budget allows all of them at once.
    pub in_parallel: bool,
}

impl Allowance {
    /// From each budget's `status.disruptionsAllowed`.
    pub fn new(left: Vec<i64>) -> Self {
        Self { left, covering: FxHashMap::default() }
    }

    /// As the cluster has them now.
    pub fn of(view: &View<'_>) -> Self {
        Self::new(view.cluster.budgets.iter().map(|budget| budget.allowed).collect())
    }

    /// Budgets that cover a shape. Found once per shape.
    pub fn covering(&mut self, view: &View<'_>, shape: ShapeId) -> &[u32] {
        self.covering
            .entry(shape)
            .or_insert_with(|| covering(view, &view.cluster.shapes[shape], &view.cluster.symbols))
    }

    /// Disruptions that a budget still allows.
    pub fn left(&self, budget: u32) -> i64 {
        self.left[budget as usize]
    }

    /// Whether pods with these budgets may be disrupted.
    pub fn check<'b>(&self, pods: impl IntoIterator<Item = &'b [u32]>) -> Disruptable {
        let mut used = vec![0_i64; self.left.len()];
        for budget in pods.into_iter().flatten() {
            used[*budget as usize] += 1;
        }
        let touched = || used.iter().zip(&self.left).filter(|(used, _)| **used > 0);
        Disruptable {
            possible: touched().all(|(_, left)| *left >= 1),
            in_parallel: touched().all(|(used, left)| used <= left),
        }
    }

    /// Counts a disruption of a pod with these budgets.
    pub fn take(&mut self, budgets: &[u32]) {
        for &budget in budgets {
            let left = &mut self.left[budget as usize];
            *left = (*left - 1).max(0);
        }
    }
}

fn covering(view: &View<'_>, shape: &PodShape, symbols: &Symbols) -> Vec<u32> {
    (0_u32..)
        .zip(view.budgets)
        .filter(|(_, budget)| selects(budget.namespace, budget.selector.as_ref(), shape, symbols))
        .map(|(index, _)| index)
        .collect()
}
