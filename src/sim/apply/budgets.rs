//! Disruption budgets: their status follows the pods that they cover.

use crate::model::PodPhase;
use crate::plan::WorkloadKind;
use crate::rules::{Controlled, budget_status, selects};
use crate::sim::world::World;
use crate::unit::{DisruptionBudgetId, Duration, PodId, ShapeId, WorkloadId};

/// An eviction that was granted counts as a disruption until its pod is seen to go, at most this
/// long (kubernetes `pkg/controller/disruption/disruption.go`: `DeletionTimeout`, v1.36.2).
const DELETION_TIMEOUT: Duration = Duration::from_secs(120);

/// Which budgets cover which shapes and workloads.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Budgets by shape.
    by_shape: Vec<Vec<DisruptionBudgetId>>,
    /// Workloads by budget.
    workloads: Vec<Vec<WorkloadId>>,
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
        self.coverage = Coverage { by_shape, workloads };
    }

    /// Budgets that cover a pod.
    pub fn budgets_of(&self, pod: PodId) -> Vec<DisruptionBudgetId> {
        let shape = self.cluster.pods[pod].shape;
        self.coverage.by_shape.get(shape.0 as usize).cloned().unwrap_or_default()
    }

    /// A pod has become Ready, begun to go, or gone: its budgets are counted again.
    pub fn budgets_changed(&mut self, pod: PodId) {
        let shape = self.cluster.pods[pod].shape.0 as usize;
        for index in 0..self.coverage.by_shape.get(shape).map_or(0, Vec::len) {
            self.count_budget(self.coverage.by_shape[shape][index]);
        }
    }

    fn count_budget(&mut self, budget: DisruptionBudgetId) {
        let now = self.now;
        let pods = &self.cluster.pods;
        let state = &mut self.cluster.budgets[budget];
        state.disrupted.retain(|&(pod, since)| {
            pods[pod].phase.is_active() && now.since(since) < DELETION_TIMEOUT
        });
        let leaving =
            state.disrupted.iter().filter(|(pod, _)| pods[*pod].phase == PodPhase::Ready).count();
        let mut counted = Controlled { expected_by_controllers: Some(0), ..Controlled::default() };
        for &workload in &self.coverage.workloads[budget.0 as usize] {
            let owner = &self.cluster.workloads[workload];
            counted.matching += owner.pods.len() as i64;
            counted.healthy += i64::from(owner.ready);
            let scalable = self.plan.workloads[workload].kind != WorkloadKind::Bare;
            counted.expected_by_controllers = counted
                .expected_by_controllers
                .filter(|_| scalable || owner.pods.is_empty())
                .map(|expected| expected + i64::from(owner.replicas));
        }
        counted.healthy -= leaving as i64;
        let spec = &self.plan.budgets[budget];
        let status = budget_status(spec.min_available, spec.max_unavailable, &counted);
        let state = &mut self.cluster.budgets[budget];
        state.allowed = status.allowed;
        state.healthy = status.healthy;
        state.desired = status.desired;
        state.expected = status.expected;
    }

    /// Counts every budget.
    pub fn count_budgets(&mut self) {
        for budget in self.plan.budgets.ids() {
            self.count_budget(budget);
        }
    }
}
