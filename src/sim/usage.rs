//! What pods use of CPU and memory, and what the metrics server has seen of it.
//!
//! kubernetes-sigs/metrics-server v0.8, `pkg/storage/pod.go`: a sample is the use between the last
//! two points of a container; one that is younger than the scrape period, but not younger than
//! 10 s, is counted from its start. The scrape period is `--metric-resolution` (15 s).

use rustc_hash::FxHashMap;

use crate::control::hpa::Sample;
use crate::demand::ExpectedArrivals;
use crate::plan::{Plan, UseSpec};
use crate::unit::{Duration, IdVec, PodId, SimTime, WorkloadId};

/// `--metric-resolution` of the metrics server.
pub const RESOLUTION: Duration = Duration::from_secs(15);
/// `freshContainerMinMetricsResolution`
const FRESH: Duration = Duration::from_secs(10);

/// Use of all workloads that say what they use.
pub struct UseBook {
    /// The load of each workload that serves.
    pub loads: IdVec<WorkloadId, Option<LoadClock>>,
    /// Pods whose containers run.
    pub pods: FxHashMap<PodId, PodUse>,
}

/// A load that the ready pods of a workload share equally. CPU is counted in nanoseconds; what
/// their limits leave of a stretch between two looks (at most a scrape period) is turned away.
#[derive(Clone, Debug)]
pub struct LoadClock {
    flows: Vec<ExpectedArrivals>,
    cpu_per_request: u64,
    /// Millicores that the ready pods may use, and how many of them have no limit.
    limits_milli: u64,
    unlimited: u64,
    since: SimTime,
    /// Millionths of requests that have arrived.
    arrived: u64,
    ready: u64,
    /// CPU that a pod would have used, had it been ready from the start.
    per_pod: u64,
    /// What division left over.
    rest: u64,
    /// Millionths of requests.
    totals: LoadTotals,
    warm: LoadTotals,
}

/// What became of a load, in millionths of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadTotals {
    /// Requests that arrived.
    pub arrived: u64,
    /// Requests that no ready pod had CPU for.
    pub turned_away: u64,
}

/// What one pod has used.
#[derive(Clone, Copy, Debug)]
pub struct PodUse {
    /// When its containers started.
    started: SimTime,
    /// CPU used up to the last change, nanoseconds.
    used: u64,
    /// It takes a share of the load since the workload's clock showed this.
    joined: Option<u64>,
    /// Millicores that it may use; 0: no limit.
    limit_milli: u64,
    /// Slots at work, and since when.
    busy: u64,
    busy_since: SimTime,
    point: Option<(SimTime, u64)>,
    sample: Option<(SimTime, Duration, u64)>,
}

impl UseBook {
    /// The book of a plan.
    pub fn new(plan: &Plan) -> Self {
        let load = |spec: &crate::plan::WorkloadSpec| {
            let uses = spec.uses.as_ref()?;
            let flows: Vec<_> = uses.arrivals.iter().map(ExpectedArrivals::new).collect();
            (!flows.is_empty()).then(|| LoadClock::new(flows, uses))
        };
        Self { loads: plan.workloads.iter().map(load).collect(), pods: FxHashMap::default() }
    }
}

impl LoadClock {
    fn new(flows: Vec<ExpectedArrivals>, uses: &UseSpec) -> Self {
        Self {
            flows,
            cpu_per_request: uses.cpu_per_request_nanos,
            limits_milli: 0,
            unlimited: 0,
            since: SimTime::ZERO,
            arrived: 0,
            ready: 0,
            per_pod: 0,
            rest: 0,
            totals: LoadTotals::default(),
            warm: LoadTotals::default(),
        }
    }

    /// Adds up to `now` and returns the CPU of a pod that was ready all the time.
    pub fn settle(&mut self, now: SimTime) -> u64 {
        if now <= self.since {
            return self.per_pod;
        }
        let flow: f64 = self.flows.iter().map(|flow| flow.until(now)).sum();
        let arrived = ((flow * 1e6) as u64).max(self.arrived);
        let requests = arrived - self.arrived;
        let work = scaled(requests, self.cpu_per_request, 1_000_000);
        let passed = now.since(self.since).micros();
        // A millicore is a nanosecond a microsecond.
        let room = match self.unlimited {
            0 => self.limits_milli.saturating_mul(passed),
            _ => u64::MAX,
        };
        let served = work.min(room);
        if self.ready == 0 {
            self.totals.turned_away += requests;
        } else if work > served {
            self.totals.turned_away += scaled(work - served, 1_000_000, self.cpu_per_request);
        }
        self.totals.arrived += requests;
        if let Some(share) = (served + self.rest).checked_div(self.ready) {
            self.per_pod += share;
            self.rest = (served + self.rest) % self.ready;
        }
        (self.arrived, self.since) = (arrived, now);
        self.per_pod
    }

    /// A pod with this limit (0: none) takes its share from now on.
    fn joins(&mut self, limit_milli: u64) {
        self.ready += 1;
        self.limits_milli += limit_milli;
        self.unlimited += u64::from(limit_milli == 0);
    }

    /// It takes no more.
    fn leaves(&mut self, limit_milli: u64) {
        self.ready -= 1;
        self.limits_milli -= limit_milli;
        self.unlimited -= u64::from(limit_milli == 0);
    }

    /// Forgets the totals of the warm-up.
    pub fn restart(&mut self, now: SimTime) {
        self.settle(now);
        self.warm = self.totals;
    }

    /// What became of the load since the warm-up.
    pub fn totals(&self) -> LoadTotals {
        LoadTotals {
            arrived: self.totals.arrived - self.warm.arrived,
            turned_away: self.totals.turned_away - self.warm.turned_away,
        }
    }
}

/// `a · b / c` without overflow on the way; 0 where `c` is.
fn scaled(a: u64, b: u64, c: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product.checked_div(u128::from(c)).map_or(0, |q| u64::try_from(q).unwrap_or(u64::MAX))
}

impl PodUse {
    /// A pod whose containers start now.
    pub fn new(now: SimTime) -> Self {
        Self {
            started: now,
            used: 0,
            joined: None,
            limit_milli: 0,
            busy: 0,
            busy_since: now,
            point: None,
            sample: None,
        }
    }

    /// The pod begins to take its share of a load, within its limit (0: none).
    pub fn join(&mut self, load: &mut LoadClock, limit_milli: u64, now: SimTime) {
        if self.joined.is_none() {
            self.joined = Some(load.settle(now));
            self.limit_milli = limit_milli;
            load.joins(limit_milli);
        }
    }

    /// It takes no more of it.
    pub fn leave(&mut self, load: &mut LoadClock, now: SimTime) {
        if let Some(joined) = self.joined.take() {
            self.used += load.settle(now) - joined;
            load.leaves(self.limit_milli);
        }
    }

    /// Slots at work change; each uses `milli` millicores.
    pub fn busy(&mut self, change: i64, milli: u64, now: SimTime) {
        self.used += self.busy_nanos(milli, now);
        self.busy_since = now;
        self.busy = self.busy.saturating_add_signed(change);
    }

    fn busy_nanos(&self, milli: u64, now: SimTime) -> u64 {
        self.busy * milli * now.since(self.busy_since).micros()
    }

    /// The metrics server looks. `clock` is what the load's clock shows.
    pub fn scrape(&mut self, clock: u64, slot_milli: u64, now: SimTime) {
        let shared = self.joined.map_or(0, |joined| clock - joined);
        let used = self.used + shared + self.busy_nanos(slot_milli, now);
        let age = now.since(self.started);
        let before = match self.point {
            None if age < FRESH => None,
            None if age < RESOLUTION => Some((self.started, 0)),
            point => point,
        };
        if let Some((at, before)) = before.filter(|&(at, _)| at < now) {
            self.sample = Some((now, now.since(at), used - before));
        }
        self.point = Some((now, used));
    }

    /// The newest sample of CPU, in millicores (rounded up, as upstream's quantities).
    pub fn cpu(&self, limit_milli: u64) -> Option<Sample> {
        let (at, window, used) = self.sample?;
        let milli = used.div_ceil(window.micros().max(1));
        let milli = if limit_milli > 0 { milli.min(limit_milli) } else { milli };
        Some(Sample { usage: i64::try_from(milli).unwrap_or(i64::MAX), at, window })
    }

    /// The newest sample of memory, in thousandths of bytes.
    pub fn memory(&self, bytes: i64) -> Option<Sample> {
        let (at, window, _) = self.sample?;
        Some(Sample { usage: bytes.saturating_mul(1_000), at, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::SourceSpec;

    fn load(rate: f64) -> LoadClock {
        let uses = UseSpec {
            arrivals: Vec::new(),
            cpu_per_request_nanos: 20_000_000,
            slot_milli: 0,
            memory: 0,
            beside: Default::default(),
        };
        let flow = ExpectedArrivals::new(&SourceSpec::Poisson { rate });
        LoadClock::new(vec![flow], &uses)
    }

    #[test]
    fn ready_pods_share_the_load_up_to_their_limits() {
        let second = SimTime::from_secs;
        // 100 requests a second of 20 ms are two cores.
        for (pods, limit, each_milli, turned_away) in [
            (1, 0, 2_000, 0),
            (4, 0, 500, 0),
            (4, 1_000, 500, 0),
            (2, 500, 500, 750),
            (0, 500, 0, 1_500),
        ] {
            let mut clock = load(100.0);
            let mut rows = vec![PodUse::new(second(0)); pods];
            rows.iter_mut().for_each(|pod| pod.join(&mut clock, limit, second(0)));
            let shown = clock.settle(second(15));
            assert_eq!(clock.totals().turned_away, turned_away * 1_000_000, "{pods} pods");
            assert_eq!(clock.totals().arrived, 1_500 * 1_000_000);
            assert_eq!(shown, each_milli * 15_000_000, "{pods} pods, limit {limit}");
        }
    }

    #[test]
    fn a_sample_is_the_use_between_two_scrapes() {
        let second = SimTime::from_secs;
        let mut pod = PodUse::new(second(0));
        pod.busy(1, 500, second(0));
        pod.scrape(0, 500, second(5));
        assert_eq!(pod.cpu(0), None, "younger than 10 s");
        pod.busy(1, 500, second(10));
        pod.scrape(0, 500, second(20));
        // Of the fifteen seconds since the last scrape ten had two slots at work.
        let sample = pod.cpu(0).unwrap();
        assert_eq!((sample.usage, sample.window), (834, Duration::from_secs(15)));
        assert_eq!(pod.cpu(750).unwrap().usage, 750);
        let mut fresh = PodUse::new(second(0));
        fresh.busy(2, 100, second(6));
        fresh.scrape(0, 100, second(12));
        assert_eq!(fresh.cpu(0).unwrap().usage, 100);
    }
}
