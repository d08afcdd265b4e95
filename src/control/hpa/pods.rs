//! What a resource or Pods metric shows: pods grouped by whether their sample counts.
//!
//! kubernetes `pkg/controller/podautoscaler/replica_calculator.go` (1.28 to mid-2026), `groupPods`,
//! `calculateRequests`.

use super::{HpaSettings, MetricFailure};
use crate::unit::{Duration, SimTime};

/// The sums that a recommendation needs. Whoever follows its pods may keep them up to date itself;
/// [`PodSums::group`] makes them from a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodSums {
    /// Pods that the selector finds, ignored ones too.
    pub listed: u32,
    /// Pods whose sample counts.
    pub counted: u32,
    /// Use of those pods: millicores, bytes, or thousandths.
    pub usage: i64,
    /// Requests of those pods.
    pub requests: i64,
    /// Pods without a sample.
    pub missing: u32,
    /// Their requests.
    pub missing_requests: i64,
    /// Pods that are pending or not ready yet.
    pub unready: u32,
    /// Their requests.
    pub unready_requests: i64,
    /// Samples of pods that the selector does not find.
    pub unmatched: u32,
    /// Whether some listed pod has no request for the resource.
    pub lacks_request: bool,
}

/// A pod as the HPA sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodSeen {
    /// Phase.
    pub phase: SeenPhase,
    /// `deletionTimestamp` is set.
    pub deleting: bool,
    /// `status.startTime`
    pub started: Option<SimTime>,
    /// The Ready condition and its last transition.
    pub ready: Option<(bool, SimTime)>,
    /// The resource's request; `None` if a container has none.
    pub request: Option<i64>,
    /// The newest sample.
    pub sample: Option<Sample>,
}

/// `status.phase`, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeenPhase {
    /// Pending
    Pending,
    /// Running
    Running,
    /// Succeeded
    Succeeded,
    /// Failed
    Failed,
}

/// A sample of the metrics server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Use: millicores, bytes, or thousandths.
    pub usage: i64,
    /// End of the window that it averages over.
    pub at: SimTime,
    /// Length of that window.
    pub window: Duration,
}

/// What becomes of a pod in a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodGroup {
    /// Its sample counts.
    Counted,
    /// It is not ready (yet).
    Unready,
    /// It has no sample.
    Missing,
    /// It is being deleted, or over.
    Ignored,
}

impl PodSeen {
    /// The group of this pod; `cpu`: whether start-up noise of CPU samples is to be left out.
    pub fn group(&self, cpu: bool, settings: &HpaSettings, now: SimTime) -> PodGroup {
        let over = self.phase == SeenPhase::Failed
            || (self.phase == SeenPhase::Succeeded && settings.ignores_succeeded);
        if self.deleting || over {
            return PodGroup::Ignored;
        }
        if self.phase == SeenPhase::Pending {
            return PodGroup::Unready;
        }
        let Some(sample) = self.sample else { return PodGroup::Missing };
        if !cpu {
            return PodGroup::Counted;
        }
        let (Some((ready, since)), Some(started)) = (self.ready, self.started) else {
            return PodGroup::Unready;
        };
        let unready = if started + settings.cpu_initialization > now {
            !ready || sample.at < since + sample.window
        } else {
            !ready && started + settings.initial_readiness_delay > since
        };
        if unready { PodGroup::Unready } else { PodGroup::Counted }
    }
}

impl PodSums {
    /// Sums over a list of pods. O(pods).
    pub fn group<'a>(
        pods: impl IntoIterator<Item = &'a PodSeen>,
        cpu: bool,
        settings: &HpaSettings,
        now: SimTime,
    ) -> Self {
        let mut sums = Self::default();
        for pod in pods {
            sums.add(pod, pod.group(cpu, settings, now));
        }
        sums
    }

    /// Counts one pod in.
    pub fn add(&mut self, pod: &PodSeen, group: PodGroup) {
        self.listed += 1;
        self.lacks_request |= pod.request.is_none();
        let request = pod.request.unwrap_or(0);
        match group {
            PodGroup::Counted => {
                self.counted += 1;
                self.usage = self.usage.saturating_add(pod.sample.map_or(0, |s| s.usage));
                self.requests += request;
            }
            PodGroup::Missing => {
                self.missing += 1;
                self.missing_requests += request;
            }
            PodGroup::Unready => {
                self.unready += 1;
                self.unready_requests += request;
            }
            PodGroup::Ignored => {}
        }
    }
}

/// A pod's use by its containers' samples: of all, or only of the one at a position.
///
/// # Errors
/// [`MetricFailure::NoContainer`] if that container has no sample.
pub fn sample_usage(containers: &[i64], only: Option<usize>) -> Result<i64, MetricFailure> {
    match only {
        None => Ok(containers.iter().sum()),
        Some(index) => containers.get(index).copied().ok_or(MetricFailure::NoContainer),
    }
}

/// A container's part in its pod's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRequest<'a> {
    /// Name.
    pub name: &'a str,
    /// Request; `None` if it has none.
    pub request: Option<i64>,
    /// An init container that is not a sidecar (restartPolicy Always) does not count.
    pub counts: bool,
}

/// A pod's request for a resource: that of the one container a metric names, else the pod's own if
/// it may and does say one, else the sum over its containers and sidecars
/// (`replica_calculator.go`, `calculateRequests`).
///
/// # Errors
/// [`MetricFailure::NoRequest`] if a container that counts has none,
/// [`MetricFailure::ContainerNotFound`] if the pod has none of that name.
pub fn pod_request<'a>(
    pod_level: Option<i64>,
    only: Option<&str>,
    containers: impl IntoIterator<Item = ContainerRequest<'a>>,
) -> Result<i64, MetricFailure> {
    let mut containers = containers.into_iter().filter(|container| container.counts);
    if let Some(only) = only {
        let found = containers.find(|container| container.name == only);
        let found = found.ok_or(MetricFailure::ContainerNotFound)?;
        return found.request.ok_or(MetricFailure::NoRequest);
    }
    pod_level.map_or_else(
        || {
            let requests = containers.map(|container| container.request);
            requests.sum::<Option<i64>>().ok_or(MetricFailure::NoRequest)
        },
        Ok,
    )
}
