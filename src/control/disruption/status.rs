//! The disruption controller: the status of a budget.
//!
//! Source: kubernetes `pkg/controller/disruption/disruption.go`, v1.36.2.

use crate::control::disruption::DisruptionBudgetSpec;
use crate::model::{Cluster, DisruptionBudget, OwnerKind, PodPhase};
use crate::rules::{BudgetStatus, Controlled, budget_status, selects};
use crate::unit::{DisruptionBudgetId, Duration, IdVec, PodId, SimTime};

/// How long an eviction that was granted counts before the pod is seen to go
/// (`DeletionTimeout`).
pub const DISRUPTION_TIMEOUT: Duration = Duration::from_mins(2);

/// What the controller is shown.
#[derive(Clone, Copy, Debug)]
pub struct DisruptionView<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The budgets.
    pub budgets: &'a IdVec<DisruptionBudgetId, DisruptionBudgetSpec>,
}

/// The budgets that cover a pod, in order.
pub fn covering<'a>(
    view: DisruptionView<'a>,
    pod: PodId,
) -> impl Iterator<Item = DisruptionBudgetId> + 'a {
    let shape = view.cluster.shape(pod);
    view.budgets
        .enumerate()
        .filter(move |(_, budget)| {
            let selector = budget.selector.as_ref();
            selects(budget.namespace, selector, shape, &view.cluster.symbols)
        })
        .map(|(id, _)| id)
}

/// The new status of a budget. `pods` are the pods it covers that are not over (the caller keeps
/// them; selection does not change in a run). Entries of `disruptedPods` whose pod is gone,
/// terminating or that are older than two minutes are forgotten.
pub fn refresh(
    view: DisruptionView<'_>,
    id: DisruptionBudgetId,
    pods: &[PodId],
    now: SimTime,
) -> DisruptionBudget {
    let (spec, cluster) = (&view.budgets[id], view.cluster);
    let mut disrupted = cluster.budgets[id].disrupted.clone();
    disrupted.retain(|&(pod, since)| {
        cluster.pods[pod].phase < PodPhase::Terminating && since + DISRUPTION_TIMEOUT > now
    });
    let gone = |pod: PodId| disrupted.iter().any(|&(other, _)| other == pod);
    let ready = |&&pod: &&PodId| cluster.pods[pod].phase == PodPhase::Ready && !gone(pod);
    let controlled = Controlled {
        matching: pods.len() as i64,
        expected_by_controllers: expected(cluster, pods),
        healthy: pods.iter().filter(ready).count() as i64,
    };
    let BudgetStatus { expected, desired, healthy, allowed } =
        budget_status(spec.min_available, spec.max_unavailable, &controlled);
    DisruptionBudget { allowed, healthy, desired, expected, disrupted }
}

/// Desired replicas of the distinct controllers of these pods; bare pods count for nothing, and a
/// controller without scale (a DaemonSet or a Job) fails the sync.
fn expected(cluster: &Cluster, pods: &[PodId]) -> Option<i64> {
    let mut owners = Vec::new();
    for &pod in pods {
        match cluster.shape(pod).owner {
            OwnerKind::None | OwnerKind::Mirror => continue,
            OwnerKind::ReplicaSet | OwnerKind::StatefulSet | OwnerKind::Other => {}
            OwnerKind::DaemonSet | OwnerKind::Job => return None,
        }
        let owner = cluster.pods[pod].workload;
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    Some(owners.into_iter().map(|owner| i64::from(cluster.workloads[owner].replicas)).sum())
}
