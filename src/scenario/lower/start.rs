//! Times of a pod's start: what the scenario gives, over the common ones, over defaults.

use super::lowering::{Lowering, value};
use crate::chance::Dist;
use crate::cloud::boot::{TimingDefault, log_normal};
use crate::cloud::{PodStartSpec, PullSpec};
use crate::control::kubelet::{self, Probe, Probes};
use crate::scenario::code;
use crate::scenario::format::{At, Count, ImagePull, ProbeKeys, Startup, Timing};
use crate::unit::Duration;

fn constant(seconds: u64, text: &'static str, source: &'static str) -> TimingDefault {
    TimingDefault { dist: Dist::constant(Duration::from_secs(seconds)), text, source }
}

fn container_start() -> TimingDefault {
    TimingDefault {
        dist: log_normal(2.0, 4.4),
        text: "{lognormal: {median: 2s, p95: 4.4s}}",
        source: "assumption: fitted to pod startup latencies kept by Azure/telescope",
    }
}

/// Times of the start of all pods that say nothing of their own.
pub fn common(lowering: &mut Lowering<'_, '_>) -> PodStartSpec {
    let empty = Timing::default();
    let timing = value(&lowering.scenario.timing).unwrap_or(&empty);
    let app =
        constant(10, "10s", "assumption: a service of ordinary size; give `startup.appStart`");
    let attach = constant(20, "20s", "assumption: Azure disks attach in 10-60 s");
    let detach = constant(10, "10s", "assumption: an Azure disk detaches faster than it attaches");
    PodStartSpec {
        container_start: lowering.time(
            "timing.containerStart",
            timing.container_start.as_ref(),
            container_start(),
        ),
        app_start: lowering.time("timing.appStart", timing.app_start.as_ref(), app),
        volume_attach: lowering.time("timing.volumeAttach", timing.volume_attach.as_ref(), attach),
        volume_detach: lowering.time("timing.volumeDetach", timing.volume_detach.as_ref(), detach),
    }
}

/// How nodes pull images.
pub fn pulls(lowering: &mut Lowering<'_, '_>) -> PullSpec {
    let empty = ImagePull::default();
    let timing = value(&lowering.scenario.timing);
    let given = timing.and_then(|timing| value(&timing.image_pull)).unwrap_or(&empty);
    let bandwidth = value(&given.bandwidth);
    if bandwidth.is_none() {
        let source = "assumption: 60-100 MB/s compressed from a registry of the same region";
        lowering.assume("timing.imagePull.bandwidth", "80MB/s", source);
    }
    let serial = value(&given.serialize).map(|switch| switch.0);
    if serial.is_none() {
        // Azure/AKS issue 4499; kubernetes `pkg/kubelet/apis/config/v1beta1/defaults.go`.
        let text = if lowering.version.at_least(31) { "false" } else { "true" };
        let source = "AKS: scale sets pull side by side from Kubernetes 1.31 on";
        lowering.assume("timing.imagePull.serializeImagePulls", text, source);
    }
    let serial = serial.unwrap_or(!lowering.version.at_least(31));
    let parallel = value(&given.parallel).map(|count| count.0);
    if let Some(at) = &given.parallel {
        // kubernetes `pkg/kubelet/apis/config/validation/validation.go`, v1.36.2.
        if at.value.0 == 0 || (serial && at.value.0 > 1) {
            let message = "the kubelet refuses `maxParallelImagePulls` below 1, and above 1 where \
                           images are pulled one at a time";
            lowering.error(code::CONTRADICTION, message, at.span, "");
        }
    }
    let count = |key: &Option<At<Count>>, default| {
        value(key).map_or(default, |count: &Count| u64::from(count.0))
    };
    let registry = value(&given.registry).and_then(|registry| {
        let rate = value(&registry.rate)?.0;
        Some(((rate * 1_000.0 + 0.5) as u64, count(&registry.burst, 1)))
    });
    PullSpec {
        bytes_per_second: bandwidth.map_or(80_000_000, |bandwidth| bandwidth.0),
        slots: if serial { 1 } else { parallel.unwrap_or(u32::MAX) },
        queries_milli: count(&given.queries, 5) * 1_000,
        query_burst: count(&given.query_burst, 10),
        registry,
    }
}

/// Longest delay of a crash loop.
pub fn max_restart_period(lowering: &mut Lowering<'_, '_>) -> Duration {
    let timing = value(&lowering.scenario.timing);
    let given = timing.and_then(|timing| value(&timing.crash_loop));
    let Some(at) = given.and_then(|given| given.longest.as_ref()) else { return kubelet::MAX };
    let length = at.value.0;
    if !lowering.version.at_least(35) {
        let message = "`maxContainerRestartPeriod` can be set from Kubernetes 1.35 on";
        lowering.error(code::CONTRADICTION, message, at.span, "");
    } else if !(Duration::from_secs(1)..=kubelet::MAX).contains(&length) {
        let message = "`maxContainerRestartPeriod` is between 1 s and 300 s";
        lowering.error(code::BAD_VALUE, message, at.span, "");
    }
    length
}

/// Times of one workload.
pub fn of_workload(
    lowering: &mut Lowering<'_, '_>,
    common: &PodStartSpec,
    given: Option<&Startup>,
) -> PodStartSpec {
    let mut start = common.clone();
    let Some(given) = given else { return start };
    if let Some(dist) = given.app_start.as_ref().and_then(|at| lowering.distribution(at)) {
        start.app_start = dist;
    }
    if let Some(dist) = given.container_start.as_ref().and_then(|at| lowering.distribution(at)) {
        start.container_start = dist;
    }
    start
}

/// Probes of a workload; `None` if it gives none.
pub fn probes(given: Option<&Startup>) -> Option<Probes> {
    let given = given?;
    let read = |key: &Option<At<ProbeKeys>>| value(key).map(probe);
    let probes = Probes {
        startup: read(&given.startup_probe),
        readiness: read(&given.readiness_probe),
        liveness: read(&given.liveness_probe),
    };
    (probes != Probes::default()).then_some(probes)
}

fn probe(given: &ProbeKeys) -> Probe {
    let default = Probe::default();
    let count = |key: &Option<At<Count>>, default: u32| {
        value(key).map_or(default, |count: &Count| count.0).max(1)
    };
    let delay = value(&given.initial_delay).map_or(0, |count| count.0);
    Probe {
        initial_delay: Duration::from_secs(u64::from(delay)),
        period: Duration::from_secs(u64::from(count(&given.period, 10))),
        successes: count(&given.successes, default.successes),
        failures: count(&given.failures, default.failures),
    }
}
