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
    /// `restartPolicy` of the pods.
    pub restart: RestartPolicy,
}

/// What the kubelet does when a container of a pod exits with an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// `Always`, and `OnFailure` of Jobs: it starts the container again. KEDA gives it to Jobs
    /// that say nothing.
    #[default]
    InPlace,
    /// `Never`: the pod has failed.
    Never,
}

impl Default for ControllerSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            progress_deadline: PROGRESS_DEADLINE,
            pod_management: PodManagement::default(),
            backoff_limit: BACKOFF_LIMIT,
            restart: RestartPolicy::default(),
        }
    }
}
