//! What can be configured of a workload's controller.

use super::deployment::{PROGRESS_DEADLINE, Strategy};
use super::job::BACKOFF_LIMIT;
use super::stateful_set::PodManagement;
use crate::unit::Duration;

/// Settings of the controller that owns the pods; each kind reads its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerSpec {
    /// `strategy` of a Deployment.
    pub strategy: Strategy,
    /// `progressDeadlineSeconds` of a Deployment.
    pub progress_deadline: Duration,
    /// `podManagementPolicy` of a StatefulSet.
    pub pod_management: PodManagement,
    /// `backoffLimit` of a Job.
    pub backoff_limit: u32,
}

impl Default for ControllerSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            progress_deadline: PROGRESS_DEADLINE,
            pod_management: PodManagement::default(),
            backoff_limit: BACKOFF_LIMIT,
        }
    }
}
