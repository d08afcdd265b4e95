//! Workloads and disruption budgets as the API server holds them.

use crate::unit::{PodId, SimTime};

/// The state of what owns pods.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// `spec.replicas`.
    pub replicas: u32,
    /// Pods that are not over, in order of creation.
    pub pods: Vec<PodId>,
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
