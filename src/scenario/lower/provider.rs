//! `timing:` and `prices:`, with the defaults of the cloud and their sources.

use super::lowering::{Lowering, value};
use super::start;
use crate::chance::Dist;
use crate::cloud::boot::{self, TimingDefault};
use crate::cloud::{OsDisk, OsType, PriceSpec, TimingSpec, price};
use crate::control::scheduler::SchedulerSpec;
use crate::scenario::code;
use crate::scenario::format::{
    At, Count, Distribution, Length, Phases, PoolTiming, Rate, SchedulerTiming, Text, Timing,
    nearest_help,
};
use crate::unit::{Duration, IdVec};

/// Times of one pool.
pub struct PoolTimes {
    /// Creation of a VM, factors included.
    pub vm_provision: Dist,
    /// From running VM to Ready node.
    pub node_ready: Dist,
    /// From Ready to GPUs.
    pub gpu_ready: Dist,
}

const SECOND: Duration = Duration::from_secs(1);

fn timing_of<'a>(lowering: &Lowering<'a, '_>) -> Option<&'a Timing> {
    value(&lowering.scenario.timing)
}

/// Times of the provider and of kube-controller-manager.
pub fn timing(lowering: &mut Lowering<'_, '_>) -> TimingSpec {
    let given = timing_of(lowering);
    check_pool_names(lowering);
    let controllers = given.and_then(|timing| value(&timing.controller_manager));
    let rate = controllers.and_then(|manager| value(&manager.rate)).map_or(20.0, |rate| rate.0);
    let burst = controllers.and_then(|manager| value(&manager.burst)).map_or(30, |burst| burst.0);
    let vm_delete = given.and_then(|timing| timing.vm_delete.as_ref());
    let failure_after = given.and_then(|timing| timing.failure_after.as_ref());
    let removal = given.and_then(|timing| value(&timing.node_removal));
    if removal.is_none() {
        let source = "assumption: the cloud node lifecycle controller looks every 5 s";
        lowering.assume("timing.nodeRemoval", "5s", source);
    }
    let at_once = TimingDefault {
        dist: Dist::constant(Duration::ZERO),
        text: "0s",
        source: "assumption: the cloud node manager is done before the node is Ready",
    };
    let agent = TimingDefault {
        dist: Dist::constant(Duration::from_secs(30)),
        text: "30s",
        source: "assumption: a DaemonSet's pod starts and prepares its node",
    };
    let initialized = given.and_then(|timing| timing.cloud_initialization.as_ref());
    let removed = given.and_then(|timing| timing.taints_removed.as_ref());
    TimingSpec {
        cloud_initialization: lowering.time("timing.cloudInitialization", initialized, at_once),
        taints_removed: lowering.time("timing.taintsRemoved", removed, agent),
        vm_delete: lowering.time("timing.vmDelete", vm_delete, boot::vm_delete()),
        node_removal: removal.map_or(Duration::from_secs(5), |length| length.0),
        failure_after: lowering.time("timing.failureAfter", failure_after, boot::failure_after()),
        controller_rate_milli: milli(rate),
        controller_burst: u64::from(burst),
        pull: start::pulls(lowering),
        max_restart_period: start::max_restart_period(lowering),
        random_phases: given.and_then(|timing| value(&timing.phases)) != Some(&Phases::Zero),
    }
}

fn milli(rate: f64) -> u64 {
    (rate * 1_000.0 + 0.5) as u64
}

/// The scheduler.
pub fn scheduler(lowering: &mut Lowering<'_, '_>) -> SchedulerSpec {
    let empty = SchedulerTiming::default();
    let given = timing_of(lowering).and_then(|timing| value(&timing.scheduler)).unwrap_or(&empty);
    let rate = |key: &Option<At<Rate>>, default| value(key).map_or(default, |rate| rate.0);
    let count = |key: &Option<At<Count>>, default| value(key).map_or(default, |count| count.0);
    let length =
        |key: &Option<At<Length>>, default| value(key).map_or(default, |length: &Length| length.0);
    let mut spec = SchedulerSpec {
        version: lowering.version,
        profiles: Vec::new(),
        tie_break: None,
        initial_backoff: SECOND,
        max_backoff: Duration::from_secs(10),
        cycle: length(&given.cycle, Duration::from_millis(1)),
        bind_rate_milli: milli(rate(&given.bind_rate, 50.0)),
        bind_burst: u64::from(count(&given.bind_burst, 100)),
    };
    super::scheduler::configure(lowering, &mut spec);
    spec
}

fn check_pool_names(lowering: &mut Lowering<'_, '_>) {
    let timing = timing_of(lowering).and_then(|timing| timing.pools.as_ref());
    let names: Vec<(String, _)> = timing
        .iter()
        .flat_map(|at| at.value.keys().map(|name| (name.clone(), at.span)))
        .chain(
            value(&lowering.scenario.spot_market)
                .and_then(|market| market.pools.as_ref())
                .iter()
                .flat_map(|at| at.value.keys().map(|name| (name.clone(), at.span))),
        )
        .collect();
    for (name, place) in names {
        let given = at_pool_names(lowering);
        if !given.contains(&name) {
            lowering.report(
                crate::scenario::Diagnostic::error(
                    code::UNKNOWN_POOL,
                    format!("no pool `{name}` in `agentPoolProfiles`"),
                )
                .at(place, "")
                .help(nearest_help(&name, given.iter().map(String::as_str))),
            );
        }
    }
}

/// Names of the pools as written, those that could not be read included.
pub fn at_pool_names(lowering: &Lowering<'_, '_>) -> Vec<String> {
    let cluster = value(&lowering.scenario.cluster);
    let pools = cluster.and_then(|cluster| value(&cluster.pools)).into_iter().flatten();
    pools.filter_map(|pool| value(&pool.value.name)).map(|name: &Text| name.0.clone()).collect()
}

impl Lowering<'_, '_> {
    /// `metadata.name`, what the cluster is called too.
    pub fn cluster_name(&self) -> &str {
        let metadata = value(&self.scenario.metadata);
        metadata.and_then(|metadata| value(&metadata.name)).map_or("cluster", |name| &name.0)
    }

    /// A time that the scenario gives, or its default.
    pub fn time(
        &mut self,
        path: &str,
        given: Option<&At<Distribution>>,
        default: TimingDefault,
    ) -> Dist {
        if let Some(dist) = given.and_then(|given| self.distribution(given)) {
            return dist;
        }
        if given.is_none() {
            self.assume(path, default.text, default.source);
        }
        default.dist
    }

    /// Times of a pool.
    pub fn pool_times(
        &mut self,
        pool: &str,
        disk: OsDisk,
        os: OsType,
        gpus: u32,
    ) -> Option<PoolTimes> {
        let timing = timing_of(self);
        let own: Option<&PoolTiming> =
            timing.and_then(|timing| value(&timing.pools)).and_then(|pools| pools.get(pool));
        let common = |key: fn(&Timing) -> &Option<At<Distribution>>| {
            timing.and_then(|timing| key(timing).as_ref())
        };
        let path = |key: &str| format!("timing.pools.{pool}.{key}");
        let vm_provision = match (own.and_then(|own| own.vm_provision.as_ref()), gpus) {
            (Some(given), _) => self.distribution(given)?,
            (None, 0) => match common(|timing| &timing.vm_provision) {
                Some(given) => boot::for_pool(&self.distribution(given)?, disk, os),
                None => {
                    let default = boot::vm_provision(disk, os, 0);
                    self.assume("timing.vmProvision", default.text, default.source);
                    default.dist
                }
            },
            (None, _) => self.time(&path("vmProvision"), None, boot::vm_provision(disk, os, gpus)),
        };
        let node_ready = own
            .and_then(|own| own.node_ready.as_ref())
            .or_else(|| common(|timing| &timing.node_ready));
        let gpu_ready = own
            .and_then(|own| own.gpu_ready.as_ref())
            .or_else(|| common(|timing| &timing.gpu_ready));
        let node_ready = self.time("timing.nodeReady", node_ready, boot::node_ready());
        let gpu_ready = match (gpus, gpu_ready) {
            (0, _) => Dist::constant(Duration::ZERO),
            (_, given) => self.time("timing.gpuReady", given, boot::gpu_ready()),
        };
        Some(PoolTimes { vm_provision, node_ready, gpu_ready })
    }
}

/// Prices less those of pools.
pub fn prices(lowering: &mut Lowering<'_, '_>) -> PriceSpec {
    let given = value(&lowering.scenario.prices);
    let currency = given.and_then(|prices| prices.currency.as_ref());
    if let Some(at) = currency.filter(|at| !at.value.0.eq_ignore_ascii_case("USD")) {
        lowering.report(
            crate::scenario::Diagnostic::warning(
                code::CURRENCY,
                format!("amounts of the catalogue are USD and are taken as {}", at.value.0),
            )
            .at(at.span, "nothing is converted")
            .help("give all prices under `prices.overrides`, or leave the currency out"),
        );
    }
    let currency = currency.map_or("USD", |at| &at.value.0);
    let currency = lowering.tables.intern(currency);
    let plane = price::control_plane(lowering.tier);
    if value(&lowering.scenario.cluster).is_some() {
        let text = format!("{}/h", plane.rate.units());
        lowering.assume("prices.controlPlane", text, plane.source);
    }
    let mut spec = PriceSpec {
        currency,
        control_plane: plane.rate,
        items: Vec::new(),
        pools: IdVec::new(),
        commitments: Vec::new(),
        charge_labels: Vec::new(),
        sources: Vec::new(),
        not_priced: Vec::new(),
    };
    super::item::lower(lowering, &mut spec);
    super::commitment::lower(lowering, &mut spec);
    spec
}
