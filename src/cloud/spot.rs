//! Spot evictions: lives of single VMs, batches per zone, and given events.
//!
//! Interruptions of one size and zone come together (specification aks §4), so a batch takes a
//! share of a zone's VMs. Batches come faster by that share than a single VM's life is long, and
//! take a whole number of VMs whose expectation is exact: a VM's mean life stays what it is.

use super::boot::{Part, PoolKey, TimingDefault, log_normal, stretched};
use super::spec::SpotSpec;
use crate::chance::{Dist, Purpose, Stream, maths};
use crate::unit::{Duration, InstanceId, Lots, SimTime};

/// Life of a VM that is evicted with probability `per_hour` in each hour: exponential with hazard
/// −ln(1 − p) per hour. `None` for 0 (never evicted); 1 and more count as almost certain.
pub fn life_at_rate(per_hour: f64) -> Option<Dist> {
    const ALMOST: f64 = 0.999_999;
    let certain = per_hour.clamp(0.0, ALMOST);
    (certain > 0.0).then(|| Dist::Exponential { mean: -3_600.0 / maths::ln(1.0 - certain) })
}

/// How long a refill is refused after an eviction, where the scenario does not say.
pub fn refill_blocked() -> TimingDefault {
    TimingDefault {
        dist: log_normal(600.0, 3_600.0),
        text: "{lognormal: {median: 10m, p95: 1h}}",
        source: "assumption: no figure for Azure (AWS V100 markets were down for a median of 29 \
                 min, skypilot-org/spot-traces)",
    }
}

/// What will happen to a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionPlan {
    /// Which VM.
    pub instance: InstanceId,
    /// It is told.
    pub notice_at: SimTime,
    /// It is taken.
    pub kill_at: SimTime,
}

impl EvictionPlan {
    /// Told at an instant, taken when the notice is over.
    pub(super) fn told(instance: InstanceId, notice_at: SimTime, notice: Duration) -> Self {
        Self { instance, notice_at, kill_at: notice_at + notice }
    }

    /// A kill at `kill_at`, told `notice` before, but not before `now`.
    fn at(instance: InstanceId, kill_at: SimTime, notice: Duration, now: SimTime) -> Self {
        let notice_at = kill_at.saturating_sub(notice).max(now);
        Self { instance, notice_at, kill_at: kill_at.max(notice_at) }
    }
}

/// The eviction that a VM's own life ends with, if VMs live each for itself.
pub(super) fn end_of_life(
    seed: u64,
    pool: PoolKey,
    spot: &SpotSpec,
    instance: InstanceId,
    start: u32,
    running_at: SimTime,
) -> Option<EvictionPlan> {
    if spot.batch_share > 0.0 {
        return None;
    }
    let entity = Part::Boot(start).of(pool);
    let mut stream = Stream::keyed(seed, Purpose::SpotEviction, entity, u64::from(instance.0));
    let life = spot.lifetime.as_ref()?.sample(&mut stream);
    Some(EvictionPlan::at(instance, running_at + life, spot.notice, running_at))
}

/// Evictions that come to a whole pool: batches of its zones and given events.
#[derive(Clone, Debug)]
pub(super) struct SpotMarket {
    seed: u64,
    pool: PoolKey,
    /// Of each zone: the size there, which all pools of that size share.
    markets: Vec<PoolKey>,
    notice: Duration,
    /// Time between batches of a zone.
    interval: Option<Dist>,
    /// Next batch of each zone, and its number.
    batches: Vec<(SimTime, u64)>,
    /// Given events that are over.
    traced: usize,
}

impl SpotMarket {
    /// What a pool sees of the markets of its zones.
    pub(super) fn new(seed: u64, pool: PoolKey, markets: &[PoolKey], spot: &SpotSpec) -> Self {
        let batched = spot.batch_share > 0.0;
        let interval = spot.lifetime.as_ref().filter(|_| batched);
        let interval = interval.map(|life| stretched(life, share(spot)));
        let mut market = Self {
            seed,
            pool,
            markets: markets.to_vec(),
            notice: spot.notice,
            interval,
            batches: vec![(SimTime::NEVER, 0); markets.len()],
            traced: 0,
        };
        for zone in 0..markets.len() {
            market.schedule(zone, SimTime::ZERO);
        }
        market
    }

    /// When the next event's notice is due.
    pub(super) fn next(&self, spot: &SpotSpec) -> Option<SimTime> {
        let traced = spot.trace.get(self.traced).map(|&(at, _)| at);
        let batch = self.batches.iter().map(|&(at, _)| at).filter(|&at| at != SimTime::NEVER).min();
        let kill = traced.into_iter().chain(batch).min()?;
        Some(kill.saturating_sub(self.notice))
    }

    /// The events whose notice is due now: which of the candidates (instance and zone index) they
    /// take.
    pub(super) fn fire(
        &mut self,
        spot: &SpotSpec,
        candidates: &[(InstanceId, usize)],
        now: SimTime,
    ) -> Vec<EvictionPlan> {
        let mut left = candidates.to_vec();
        let mut plans = Vec::new();
        while let Some(&(kill_at, count)) = spot.trace.get(self.traced) {
            if kill_at.saturating_sub(self.notice) > now {
                break;
            }
            let lots = self.lots(Part::Victims, self.traced as u64);
            self.traced += 1;
            for instance in draw_victims(&mut left, |_| true, count as usize, lots) {
                plans.push(EvictionPlan::at(instance, kill_at, self.notice, now));
            }
        }
        for zone in 0..self.batches.len() {
            while self.batches[zone].0.saturating_sub(self.notice) <= now {
                let (kill_at, number) = self.batches[zone];
                let lots = self.lots(Part::Batch(zone as u8), number);
                let there = left.iter().filter(|candidate| candidate.1 == zone).count();
                // A whole number with the right expectation.
                let count = (share(spot) * there as f64 + lots.of(0).unit()) as usize;
                for instance in draw_victims(&mut left, |at| at == zone, count, lots) {
                    plans.push(EvictionPlan::at(instance, kill_at, self.notice, now));
                }
                self.schedule(zone, kill_at);
            }
        }
        plans
    }

    /// Draws the zone's next batch after `last`.
    fn schedule(&mut self, zone: usize, last: SimTime) {
        /// Batches of a zone are at least this far apart, whatever the distribution says.
        const APART: Duration = Duration::from_secs(1);
        let Some(interval) = &self.interval else { return };
        let number = self.batches[zone].1 + 1;
        let entity = Part::Batch(0).of(self.markets[zone]);
        let mut stream = Stream::keyed(self.seed, Purpose::SpotEviction, entity, number);
        self.batches[zone] = (last + interval.sample(&mut stream).max(APART), number);
    }

    fn lots(&self, part: Part, event: u64) -> Lots {
        Lots::new(self.seed).of(Purpose::SpotEviction as u64).of(part.of(self.pool)).of(event)
    }
}

/// The share of a zone that a batch takes, at most all.
fn share(spot: &SpotSpec) -> f64 {
    spot.batch_share.clamp(0.0, 1.0)
}

/// Takes `count` of the candidates whose zone is wanted out of the list. Each has its own lot, so
/// that one candidate more does not change who is taken among the others.
pub(super) fn draw_victims(
    candidates: &mut Vec<(InstanceId, usize)>,
    wanted: impl Fn(usize) -> bool,
    count: usize,
    lots: Lots,
) -> Vec<InstanceId> {
    let lot = |instance: InstanceId| lots.of(1).of(u64::from(instance.0)).draw();
    let mut ranked: Vec<(u64, InstanceId)> = candidates
        .iter()
        .filter(|candidate| wanted(candidate.1))
        .map(|&(instance, _)| (lot(instance), instance))
        .collect();
    ranked.sort_unstable();
    ranked.truncate(count);
    let mut taken: Vec<InstanceId> = ranked.into_iter().map(|(_, instance)| instance).collect();
    taken.sort_unstable();
    candidates.retain(|(instance, _)| taken.binary_search(instance).is_err());
    taken
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cloud::ScaleSet;
    use crate::cloud::fixture::{Room, SEED, at, market, spot_pool};
    use crate::cloud::{CreationOutcome, PoolSpec};

    use crate::unit::PoolId;

    const POOL: PoolKey = PoolKey(0);
    const HOUR: f64 = 3_600.0;

    fn with(spot: SpotSpec) -> PoolSpec {
        PoolSpec { spot_market: Some(spot), ..spot_pool() }
    }

    #[test]
    fn a_life_ends_with_notice_and_belongs_to_its_instance() {
        let life = Some(Dist::Exponential { mean: 25.0 * HOUR });
        let spec = with(SpotSpec { lifetime: life, ..market() });
        let plans = |count| {
            let mut set = ScaleSet::new(PoolId(0), POOL, &[POOL; 3], &spec, SEED);
            let creations = set.adopt(&spec, count, &mut Room::default().region());
            let plan = |outcome| match outcome {
                CreationOutcome::Boots(_, plan) => plan.unwrap(),
                CreationOutcome::Fails { .. } => unreachable!("adopted nodes run"),
            };
            creations.iter().map(|creation| plan(creation.outcome)).collect::<Vec<_>>()
        };
        let all = plans(4_000);
        assert_eq!(all[..10], plans(10), "more instances change nobody's life");
        for plan in &all {
            assert_eq!(plan.notice_at, plan.kill_at.saturating_sub(SpotSpec::NOTICE));
        }
        let mean = all.iter().map(|plan| plan.kill_at.as_secs_f64()).sum::<f64>() / 4_000.0;
        assert!((mean / (25.0 * HOUR) - 1.0).abs() < 0.05, "mean life {} h", mean / HOUR);
        // 4 % an hour: 96 % outlive the first one.
        let outlive = all.iter().filter(|plan| plan.kill_at > at(3_600)).count();
        assert!((3_790..=3_890).contains(&outlive), "{outlive} of 4,000");
    }

    #[test]
    fn a_rate_per_hour_is_a_hazard() {
        for (per_hour, mean_hours) in [
            (0.025, 39.4978),
            (0.04, 24.4966),
            (0.05, 19.4957),
            (0.1, 9.4912),
            (0.15, 6.1531),
            (0.2, 4.4814),
        ] {
            let Some(Dist::Exponential { mean }) = life_at_rate(per_hour) else { panic!() };
            assert!((mean / HOUR - mean_hours).abs() < 1e-3, "{per_hour}: {mean}");
        }
        assert_eq!(life_at_rate(0.0), None);
        assert!(life_at_rate(1.0).is_some());
    }

    #[test]
    fn a_very_short_life_gives_short_notice() {
        let plan = EvictionPlan::at(InstanceId(0), at(10), SpotSpec::NOTICE, at(4));
        assert_eq!((plan.notice_at, plan.kill_at), (at(4), at(10)));
    }

    /// Runs the market of a pool of 30 nodes in three zones that are replaced at once.
    fn batches(share: f64, mean: f64, end: SimTime) -> Vec<Vec<EvictionPlan>> {
        let life = Some(Dist::Exponential { mean });
        let spec = with(SpotSpec { lifetime: life, batch_share: share, ..market() });
        let spot = spec.spot_market.as_ref().unwrap();
        let markets = [POOL, PoolKey(1), PoolKey(2)];
        let mut process = SpotMarket::new(SEED, POOL, &markets, spot);
        let nodes: Vec<_> = (0..30).map(|n| (InstanceId(n), n as usize % 3)).collect();
        let mut events = Vec::new();
        while let Some(now) = process.next(spot).filter(|&now| now < end) {
            events.push(process.fire(spot, &nodes, now));
        }
        events
    }

    #[test]
    fn batches_take_their_share_of_one_zone_and_keep_the_mean_life() {
        let end = at(3_600 * 5_000);
        for share in [0.3, 0.55, 1.0] {
            let events = batches(share, 50.0 * HOUR, end);
            let exact = share * 10.0;
            for event in &events {
                let zone = event.first().map(|plan| plan.instance.0 % 3);
                assert!(event.iter().all(|plan| Some(plan.instance.0 % 3) == zone));
                assert!((event.len() as f64 - exact).abs() < 1.0, "{} of 10", event.len());
            }
            // 30 nodes, 5,000 hours, one eviction in 50 hours each: 3,000.
            let victims: usize = events.iter().map(Vec::len).sum();
            assert!((2_500..=3_500).contains(&victims), "share {share}: {victims}");
        }
    }

    #[test]
    fn pools_of_one_size_are_hit_together_in_the_zones_that_they_share() {
        let life = Some(Dist::Exponential { mean: HOUR });
        let spot = SpotSpec { lifetime: life, batch_share: 0.5, ..market() };
        let zones = |pool, markets: &[u32]| {
            let markets: Vec<PoolKey> = markets.iter().map(|&key| PoolKey(key)).collect();
            SpotMarket::new(SEED, PoolKey(pool), &markets, &spot).batches
        };
        let (one, other) = (zones(1, &[11, 12]), zones(2, &[12, 13]));
        assert_eq!(one[1], other[0], "the zone of both");
        assert_ne!(one[0], other[1]);
    }

    #[test]
    fn given_events_are_carried_out_to_the_letter() {
        let trace = Arc::from([(at(10), 1), (at(500), 3), (at(500), 2), (at(900), 50)]);
        let spec = with(SpotSpec { trace, ..market() });
        let mut set = ScaleSet::new(PoolId(0), POOL, &[POOL; 3], &spec, SEED);
        let mut region = Room::default().region();
        set.adopt(&spec, 10, &mut region);
        let mut seen = Vec::new();
        while let Some(now) = set.next_spot_event(&spec) {
            let plans = set.spot_event(&spec, now);
            let kills: Vec<SimTime> = plans.iter().map(|plan| plan.kill_at).collect();
            seen.push((now, kills.len(), kills.first().copied()));
            for plan in plans {
                assert_eq!(plan.notice_at, now);
                set.evict(&spec, plan.instance, &mut region);
            }
        }
        let expected =
            [(at(0), 1, Some(at(10))), (at(470), 5, Some(at(500))), (at(870), 4, Some(at(900)))];
        assert_eq!(seen, expected);
        assert!(set.is_empty());
    }

    #[test]
    fn one_candidate_more_changes_nobody_elses_lot() {
        let lots = Lots::new(9);
        let few: Vec<_> = (0..9).map(|n| (InstanceId(n), 0)).collect();
        let more: Vec<_> = (0..10).map(|n| (InstanceId(n), 0)).collect();
        let first = draw_victims(&mut few.clone(), |_| true, 4, lots);
        let second = draw_victims(&mut more.clone(), |_| true, 4, lots);
        let kept = second.iter().filter(|victim| first.contains(victim)).count();
        assert!(kept >= 3, "{first:?} {second:?}");
        let mut left = more.clone();
        assert_eq!(draw_victims(&mut left, |_| true, 99, lots).len(), 10);
        assert!(left.is_empty());
    }

    #[test]
    fn a_market_without_life_or_trace_is_silent() {
        let spec = with(market());
        let set = ScaleSet::new(PoolId(0), POOL, &[POOL; 3], &spec, SEED);
        assert_eq!(set.next_spot_event(&spec), None);
        let on_demand = PoolSpec { spot: false, spot_market: None, ..spot_pool() };
        assert_eq!(
            ScaleSet::new(PoolId(0), POOL, &[POOL; 3], &on_demand, SEED)
                .next_spot_event(&on_demand),
            None
        );
    }
}
