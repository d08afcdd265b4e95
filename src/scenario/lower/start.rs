//! Times of a pod's start: what the scenario gives, over the common ones, over defaults.

use super::lowering::{Lowering, value};
use crate::chance::Dist;
use crate::cloud::PodStartSpec;
use crate::cloud::boot::{TimingDefault, log_normal};
use crate::scenario::format::{Startup, Timing};
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
    let pull = value(&timing.image_pull).and_then(|pull| value(&pull.bandwidth));
    if pull.is_none() {
        let source = "assumption: 60-100 MB/s compressed from a registry of the same region";
        lowering.assume("timing.imagePull.bandwidth", "80MB/s", source);
    }
    let app =
        constant(10, "10s", "assumption: a service of ordinary size; give `startup.appStart`");
    let attach = constant(20, "20s", "assumption: Azure disks attach in 10-60 s");
    PodStartSpec {
        pull_bytes_per_second: pull.map_or(80e6, |pull| pull.0 as f64),
        container_start: lowering.time(
            "timing.containerStart",
            timing.container_start.as_ref(),
            container_start(),
        ),
        app_start: lowering.time("timing.appStart", timing.app_start.as_ref(), app),
        volume_attach: lowering.time("timing.volumeAttach", timing.volume_attach.as_ref(), attach),
    }
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
