//! Settings of workload controllers: how a Deployment rolls out, in what order a StatefulSet's pods
//! come, how often a Job tries again.

use k8s_openapi::api::apps::v1 as apps;

use super::Reader;
use super::policy::share;
use crate::control::workload::deployment::Strategy;
use crate::control::workload::stateful_set::PodManagement;
use crate::control::workload::{ControllerSpec, job};
use crate::scenario::foreign::Trail;
use crate::unit::Duration;

/// What the kinds of workloads say of their controller, as written.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings<'a> {
    /// `strategy` of a Deployment.
    pub(super) strategy: Option<&'a apps::DeploymentStrategy>,
    /// `progressDeadlineSeconds`
    pub(super) progress_deadline: Option<i32>,
    /// `podManagementPolicy` of a StatefulSet.
    pub(super) pod_management: Option<&'a str>,
    /// `backoffLimit` of a Job.
    pub(super) backoff_limit: Option<i32>,
}

impl Reader<'_> {
    /// Reads the settings below `spec`.
    pub(super) fn controller(&mut self, given: Settings<'_>, spec: &Trail<'_>) -> ControllerSpec {
        let mut read = ControllerSpec::default();
        if let Some(strategy) = given.strategy {
            let at = spec.key("strategy");
            read.strategy = self.strategy(strategy, &at).unwrap_or_default();
        }
        let deadline = spec.key("progressDeadlineSeconds");
        if let Some(seconds) = self.count(given.progress_deadline, &deadline) {
            read.progress_deadline = Duration::from_secs(seconds.into());
        }
        if let Some(policy) = given.pod_management {
            let words = [
                ("OrderedReady", PodManagement::OrderedReady),
                ("Parallel", PodManagement::Parallel),
            ];
            let found = self.word(policy, &words, &spec.key("podManagementPolicy"));
            read.pod_management = found.unwrap_or_default();
        }
        let limit = self.count(given.backoff_limit, &spec.key("backoffLimit"));
        read.backoff_limit = limit.unwrap_or(job::BACKOFF_LIMIT);
        read
    }

    fn strategy(&mut self, given: &apps::DeploymentStrategy, at: &Trail<'_>) -> Option<Strategy> {
        let kinds = [("RollingUpdate", Strategy::default()), ("Recreate", Strategy::Recreate)];
        let kind = given.type_.as_deref().unwrap_or("RollingUpdate");
        let found = self.word(kind, &kinds, &at.key("type"))?;
        let (Strategy::Rolling { max_surge, max_unavailable }, Some(rolling)) =
            (found, &given.rolling_update)
        else {
            return Some(found);
        };
        let at = at.key("rollingUpdate");
        let surge = share(self, rolling.max_surge.clone(), &at.key("maxSurge"));
        let missing = share(self, rolling.max_unavailable.clone(), &at.key("maxUnavailable"));
        Some(Strategy::Rolling {
            max_surge: surge.unwrap_or(max_surge),
            max_unavailable: missing.unwrap_or(max_unavailable),
        })
    }
}
