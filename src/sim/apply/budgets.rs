//! Disruption budgets: their status follows the pods that they cover. It is counted when somebody
//! looks, and only if a pod has changed since.

use crate::control::disruption::{DisruptionView, refresh};
use crate::rules::selects;
use crate::sim::world::World;
use crate::unit::{DisruptionBudgetId, PodId, ShapeId, WorkloadId};

/// Which budgets cover which shapes and workloads.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Budgets by shape.
    by_shape: Vec<Vec<DisruptionBudgetId>>,
    /// Workloads by budget.
    workloads: Vec<Vec<WorkloadId>>,
    /// Budgets whose status is to be counted again.
    stale: Vec<bool>,
}

impl World<'_> {
    /// Finds out what each budget covers, once.
    pub fn cover_budgets(&mut self) {
        let plan = self.plan;
        let covers = |budget: DisruptionBudgetId, shape: ShapeId| {
            let spec = &plan.budgets[budget];
            let shape = &plan.shapes[shape];
            selects(spec.namespace, spec.selector.as_ref(), shape, &plan.symbols)
        };
        let by_shape = plan
            .shapes
            .ids()
            .map(|shape| plan.budgets.ids().filter(|&budget| covers(budget, shape)).collect())
            .collect();
        let workloads = plan
            .budgets
            .ids()
            .map(|budget| {
                plan.workloads
                    .enumerate()
                    .filter(|(_, spec)| covers(budget, spec.shape))
                    .map(|(id, _)| id)
                    .collect()
            })
            .collect();
        let stale = plan.budgets.iter().map(|_| true).collect();
        self.coverage = Coverage { by_shape, workloads, stale };
    }

    /// A specification was made from another with other requests: the same budgets cover it.
    pub fn cover_shape(&mut self, template: ShapeId) {
        let covering = self.coverage.by_shape.get(usize::from(template)).cloned();
        self.coverage.by_shape.push(covering.unwrap_or_default());
    }

    /// Budgets that cover a pod.
    pub fn budgets_of(&self, pod: PodId) -> &[DisruptionBudgetId] {
        let shape = self.cluster.pods[pod].shape;
        self.coverage.by_shape.get(shape.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// A pod has become Ready, begun to go, or gone: its budgets are to be counted again.
    pub fn budgets_changed(&mut self, pod: PodId) {
        let shape = self.cluster.pods[pod].shape.0 as usize;
        let Some(covering) = self.coverage.by_shape.get(shape) else { return };
        for budget in covering {
            self.coverage.stale[budget.0 as usize] = true;
        }
    }

    /// Brings every budget's status up to date.
    pub fn count_budgets(&mut self) {
        for budget in self.plan.budgets.ids() {
            let index = budget.0 as usize;
            let waits = !self.cluster.budgets[budget].disrupted.is_empty();
            if !self.coverage.stale[index] && !waits {
                continue;
            }
            self.coverage.stale[index] = false;
            let pods: Vec<PodId> = self.coverage.workloads[index]
                .iter()
                .flat_map(|&workload| self.cluster.workloads[workload].pods.iter().copied())
                .collect();
            let view = DisruptionView { cluster: &self.cluster, budgets: &self.plan.budgets };
            self.cluster.budgets[budget] = refresh(view, budget, &pods, self.now);
        }
    }
}
