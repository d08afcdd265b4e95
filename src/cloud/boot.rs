//! How long machines take: default distributions with their sources, factors, and the draws of one
//! boot.
//!
//! No public source has a distribution of AKS boots (specification aks §3), so every default here
//! is an assumption. The scenario's `timing.vmProvision` (default: median 130 s, p95 260 s) stands
//! for a Linux CPU node with a managed OS disk; other nodes are slower or faster by a factor.

use std::sync::Arc;

use super::spec::{OsDisk, OsType, PoolSpec};
use crate::chance::{Dist, Empirical, Purpose, Stream, maths};
use crate::unit::{Duration, InstanceId, SimTime};

/// A default, with what `explain --defaults` prints about it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimingDefault {
    /// The distribution.
    pub dist: Dist,
    /// As a user would write it.
    pub text: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// A managed OS disk boots this many times slower than an ephemeral one.
pub const MANAGED_DISK_FACTOR: f64 = 1.3;

/// A Windows node boots this many times slower than a Linux one.
pub const WINDOWS_FACTOR: f64 = 3.0;

/// A deallocated VM starts in this share of the time that a new one takes.
pub const RESTART_FACTOR: f64 = 0.6;

/// Share of the time from running VM to Ready node after which the kubelet registers: 1/2.
const REGISTRATION_DIVISOR: u64 = 2;

/// 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// The log-normal distribution with this median and 95th percentile in seconds.
pub fn log_normal(median: f64, p95: f64) -> Dist {
    Dist::LogNormal { mu: maths::ln(median), sigma: maths::ln(p95 / median) / Z95 }
}

/// Creation of a VM of a pool that the scenario says nothing about, factors included.
pub fn vm_provision(os_disk: OsDisk, os: OsType, gpus: u32) -> TimingDefault {
    if gpus > 0 {
        let base = log_normal(480.0, 700.0);
        return TimingDefault {
            dist: stretched(&base, os_factor(os)),
            text: "{lognormal: {median: 480s, p95: 700s}}",
            source: "assumption: 5-11 min reported for A100 nodes on AKS, driver included \
                     (Microsoft Q&A 12767836); Windows x3",
        };
    }
    TimingDefault {
        dist: for_pool(&log_normal(130.0, 260.0), os_disk, os),
        text: "{lognormal: {median: 130s, p95: 260s}}",
        source: "assumption: 2-5 min typical (azure-aks-docs concepts-scale.md) from request to \
                 Ready, Linux, managed disk; ephemeral disk /1.3, Windows x3",
    }
}

/// A cluster-wide `timing.vmProvision` as it holds for a CPU pool with this disk and system. What a
/// scenario gives for one pool is taken as it is.
pub fn for_pool(base: &Dist, os_disk: OsDisk, os: OsType) -> Dist {
    let disk = match os_disk {
        OsDisk::Managed => 1.0,
        OsDisk::Ephemeral => 1.0 / MANAGED_DISK_FACTOR,
    };
    stretched(base, disk * os_factor(os))
}

fn os_factor(os: OsType) -> f64 {
    match os {
        OsType::Linux => 1.0,
        OsType::Windows => WINDOWS_FACTOR,
    }
}

/// From running VM to Ready node.
pub fn node_ready() -> TimingDefault {
    TimingDefault {
        dist: Dist::constant(Duration::from_secs(20)),
        text: "20s",
        source: "assumption: kubelet registration, CNI and first Ready take 20-60 s after boot",
    }
}

/// From Ready to allocatable GPUs.
pub fn gpu_ready() -> TimingDefault {
    TimingDefault {
        dist: Dist::constant(Duration::from_secs(20)),
        text: "20s",
        source: "assumption: pull and start of the device plugin; the driver is in vmProvision",
    }
}

/// Deletion of a VM.
pub fn vm_delete() -> TimingDefault {
    TimingDefault {
        dist: log_normal(60.0, 120.0),
        text: "{lognormal: {median: 60s, p95: 120s}}",
        source: "assumption: no public figure",
    }
}

/// From a request to the report that an instance failed.
pub fn failure_after() -> TimingDefault {
    TimingDefault {
        dist: log_normal(30.0, 90.0),
        text: "{lognormal: {median: 30s, p95: 90s}}",
        source: "assumption: allocation errors come back within the long-running operation",
    }
}

/// `dist` with every time multiplied by `factor`.
pub fn stretched(dist: &Dist, factor: f64) -> Dist {
    if factor == 1.0 {
        return dist.clone();
    }
    match dist {
        Dist::Constant(value) => Dist::Constant(value.scaled(factor)),
        Dist::Exponential { mean } => Dist::Exponential { mean: mean * factor },
        Dist::LogNormal { mu, sigma } => {
            Dist::LogNormal { mu: mu + maths::ln(factor), sigma: *sigma }
        }
        Dist::Uniform { min, max } => Dist::Uniform { min: min * factor, max: max * factor },
        Dist::Gamma { mean, scv } => Dist::Gamma { mean: mean * factor, scv: *scv },
        Dist::HyperExponential { mean, scv } => {
            Dist::HyperExponential { mean: mean * factor, scv: *scv }
        }
        Dist::Weibull { scale, shape } => Dist::Weibull { scale: scale * factor, shape: *shape },
        Dist::Empirical(table) => {
            let sorted_seconds = table.sorted_seconds.iter().map(|value| value * factor).collect();
            Dist::Empirical(Arc::new(Empirical { sorted_seconds }))
        }
        Dist::Mixture(parts) => {
            let stretch = |(weight, part): &(f64, Dist)| (*weight, stretched(part, factor));
            Dist::Mixture(parts.iter().map(stretch).collect())
        }
    }
}

/// What the draws of a pool are keyed by: a hash of its name, so that adding a pool shifts nobody
/// else's luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolKey(pub u32);

/// The instants of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The VM runs.
    pub running_at: SimTime,
    /// The kubelet has registered its Node.
    pub registered_at: SimTime,
    /// The Node is Ready.
    pub ready_at: SimTime,
    /// Its GPUs are allocatable, if it has any.
    pub gpus_at: Option<SimTime>,
}

impl Boot {
    /// Everything at once: a node that was there before the simulation began.
    pub(super) const fn done(now: SimTime, has_gpus: bool) -> Self {
        let gpus_at = if has_gpus { Some(now) } else { None };
        Self { running_at: now, registered_at: now, ready_at: now, gpus_at }
    }

    /// The boot of `instance`, asked for now: its `start`-th (0: creation). It depends on the seed,
    /// the pool and the numbers only, never on what else happens.
    pub(super) fn draw(
        seed: u64,
        pool: PoolKey,
        spec: &PoolSpec,
        instance: InstanceId,
        start: u32,
        now: SimTime,
    ) -> Self {
        let entity = Part::Boot(start).of(pool);
        let ordinal = u64::from(instance.0);
        let mut stream = Stream::keyed(seed, Purpose::VmProvision, entity, ordinal);
        let mut creation = spec.vm_provision.sample(&mut stream);
        if start > 0 {
            creation = creation.scaled(RESTART_FACTOR);
        }
        let mut stream = Stream::keyed(seed, Purpose::NodeReady, entity, ordinal);
        let readiness = spec.node_ready.sample(&mut stream);
        let registration = Duration::from_micros(readiness.micros() / REGISTRATION_DIVISOR);
        let running_at = now + creation;
        let ready_at = running_at + readiness;
        let gpus_at = (spec.size.gpus > 0).then(|| ready_at + spec.gpu_ready.sample(&mut stream));
        Self { running_at, registered_at: running_at + registration, ready_at, gpus_at }
    }
}

/// What a draw of an instance is for, as part of the key of its stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// The n-th boot.
    Boot(u32),
    /// The time to failure of the n-th boot.
    Failure(u32),
    /// Deletion.
    Deletion,
    /// How long a market of spot VMs gives none.
    Refill,
    /// Batch events of a zone.
    Batch(u8),
    /// Victims of an event.
    Victims,
}

impl Part {
    /// The entity of the stream: the pool in the low half, the part in the high half.
    pub(super) const fn of(self, pool: PoolKey) -> u64 {
        let part = match self {
            Self::Boot(start) => start as u64,
            Self::Failure(start) => 1 << 24 | start as u64,
            Self::Deletion => 2 << 24,
            Self::Refill => 3 << 24,
            Self::Batch(zone) => 4 << 24 | zone as u64,
            Self::Victims => 5 << 24,
        };
        part << 32 | pool.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Median and 95th percentile of a log-normal distribution.
    fn quantiles(dist: &Dist) -> (f64, f64) {
        match dist {
            Dist::LogNormal { mu, sigma } => (maths::exp(*mu), maths::exp(mu + sigma * Z95)),
            other => panic!("{other:?} is not log-normal"),
        }
    }

    #[test]
    fn defaults_differ_by_disk_system_and_gpu() {
        use {OsDisk::*, OsType::*};
        for (disk, os, gpus, median, p95) in [
            (Managed, Linux, 0, 130.0, 260.0),
            (Ephemeral, Linux, 0, 100.0, 200.0),
            (Managed, Windows, 0, 390.0, 780.0),
            (Ephemeral, Windows, 0, 300.0, 600.0),
            (Managed, Linux, 1, 480.0, 700.0),
            (Ephemeral, Linux, 8, 480.0, 700.0),
        ] {
            let (is_median, is_p95) = quantiles(&vm_provision(disk, os, gpus).dist);
            assert!((is_median - median).abs() < 1e-6, "{disk:?} {os:?} {gpus}: {is_median}");
            assert!((is_p95 - p95).abs() < 1e-6, "{disk:?} {os:?} {gpus}: {is_p95}");
        }
    }

    #[test]
    fn every_distribution_stretches() {
        let table = Arc::new(Empirical { sorted_seconds: vec![1.0, 2.0] });
        let stretched_table = Arc::new(Empirical { sorted_seconds: vec![3.0, 6.0] });
        for (dist, expected) in [
            (Dist::constant(Duration::from_secs(2)), Dist::constant(Duration::from_secs(6))),
            (Dist::Exponential { mean: 2.0 }, Dist::Exponential { mean: 6.0 }),
            (Dist::Uniform { min: 1.0, max: 2.0 }, Dist::Uniform { min: 3.0, max: 6.0 }),
            (Dist::Gamma { mean: 2.0, scv: 0.5 }, Dist::Gamma { mean: 6.0, scv: 0.5 }),
            (
                Dist::HyperExponential { mean: 2.0, scv: 4.0 },
                Dist::HyperExponential { mean: 6.0, scv: 4.0 },
            ),
            (Dist::Weibull { scale: 2.0, shape: 0.7 }, Dist::Weibull { scale: 6.0, shape: 0.7 }),
            (Dist::Empirical(table), Dist::Empirical(stretched_table)),
        ] {
            let mixture = |of: &Dist| Dist::Mixture(Arc::from([(1.0, of.clone())]));
            assert_eq!(stretched(&dist, 3.0), expected);
            assert_eq!(stretched(&mixture(&dist), 3.0), mixture(&expected));
            assert_eq!(stretched(&dist, 1.0), dist);
        }
        let (median, p95) = quantiles(&stretched(&log_normal(10.0, 40.0), 3.0));
        assert!((median - 30.0).abs() < 1e-9 && (p95 - 120.0).abs() < 1e-9);
    }

    #[test]
    fn draws_of_different_parts_are_different() {
        let pool = PoolKey(u32::MAX - 1);
        let parts = [
            Part::Boot(0),
            Part::Boot(1),
            Part::Failure(0),
            Part::Failure(1),
            Part::Deletion,
            Part::Refill,
            Part::Batch(0),
            Part::Batch(1),
            Part::Victims,
        ];
        let mut entities: Vec<u64> = parts.map(|part| part.of(pool)).to_vec();
        entities.sort_unstable();
        entities.dedup();
        assert_eq!(entities.len(), parts.len());
    }
}
