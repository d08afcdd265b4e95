//! A VM scale set: asked for instances, it answers what will happen to each of them and when.
//!
//! It schedules nothing itself. The caller turns the answers into events and comes back with
//! [`ScaleSet::finish_removal`] and [`ScaleSet::evict`] when their time has come. An instance holds
//! quota and addresses from the request that makes it until it is gone, whether or not its creation
//! succeeds.

use std::collections::BTreeSet;

use super::answer::{Creation, CreationOutcome, InstanceState, Refusal, Removal, RequestOutcome};
use super::boot::{Boot, Part, PoolKey};
use super::region::Region;
use super::spec::{EvictionPolicy, PoolSpec, ScaleDownMode, SpotSpec};
use super::spot::{EvictionPlan, SpotMarket, draw_victims, end_of_life};
use super::throttle::TokenBucket;
use crate::chance::{Purpose, Stream};
use crate::model::ProvisioningFailure;
use crate::unit::{Duration, IdVec, InstanceId, Lots, PoolId, SimTime, SubnetId};

#[derive(Clone, Copy, Debug)]
struct Instance {
    state: InstanceState,
    /// Index into the pool's zones; 0 without zones.
    zone: u8,
    /// Starts so far after its creation.
    restarts: u32,
    running_at: SimTime,
    /// Told to go then, because its price exceeds the pool's maximum.
    too_dear_from: SimTime,
    /// Told to go already: no second eviction.
    noticed: bool,
    /// Taken then, as far as that is planned.
    taken_at: SimTime,
    /// Holds vCPUs and addresses.
    holds: bool,
    /// Addresses for its pods.
    pod_addresses: u32,
}

/// A VM scale set.
#[derive(Clone, Debug)]
pub struct ScaleSet {
    pool: PoolId,
    key: PoolKey,
    instances: IdVec<InstanceId, Instance>,
    /// The first number that the last request could make: by it the request's failure is drawn.
    request: InstanceId,
    /// Instances that exist, in order of number.
    existing: BTreeSet<InstanceId>,
    /// Those stopped by a scale-down.
    stopped: BTreeSet<InstanceId>,
    /// Existing instances by zone.
    by_zone: Vec<u32>,
    /// Where spot VMs are bought, by zone: a size there.
    markets: Vec<PoolKey>,
    updates: TokenBucket,
    market: Option<SpotMarket>,
}

impl ScaleSet {
    /// An empty scale set. Its spot VMs are bought in `markets`, one for each zone (one without
    /// zones).
    pub fn new(
        pool: PoolId,
        key: PoolKey,
        markets: &[PoolKey],
        spec: &PoolSpec,
        seed: u64,
    ) -> Self {
        let zones = spec.zones.len().max(1);
        let market = spec.spot_market.as_ref();
        Self {
            pool,
            key,
            instances: IdVec::new(),
            request: InstanceId(0),
            existing: BTreeSet::new(),
            stopped: BTreeSet::new(),
            by_zone: vec![0; zones],
            markets: markets.to_vec(),
            updates: TokenBucket::scale_set_updates(),
            market: market.map(|spot| SpotMarket::new(seed, key, markets, spot)),
        }
    }

    /// Instances that exist in any state (`sku.capacity` as far as Azure holds it).
    pub fn len(&self) -> u32 {
        self.existing.len() as u32
    }

    /// Whether no instance exists.
    pub fn is_empty(&self) -> bool {
        self.existing.is_empty()
    }

    /// Whether an instance exists in any state.
    pub fn exists(&self, instance: InstanceId) -> bool {
        self.existing.contains(&instance)
    }

    /// Where an instance is.
    pub fn state(&self, instance: InstanceId) -> InstanceState {
        self.instances[instance].state
    }

    /// The index of an instance's zone among the pool's.
    pub fn zone_of(&self, instance: InstanceId) -> usize {
        usize::from(self.instances[instance].zone)
    }

    /// Whether an instance is told to go at this instant because of its price.
    pub fn is_priced_out(&self, instance: InstanceId, now: SimTime) -> bool {
        self.instances[instance].too_dear_from == now
    }

    /// Asks for `by` instances more. Stopped ones are started first, the rest is made: all of them
    /// are accepted or none. Amortised O(by · log n).
    pub fn request(
        &mut self,
        spec: &PoolSpec,
        by: u32,
        now: SimTime,
        region: &mut Region,
    ) -> RequestOutcome {
        if by == 0 {
            return RequestOutcome::Accepted(Vec::new());
        }
        self.request = self.instances.next_id();
        let restarts = self.startable(spec, by, now, region);
        let new = by - restarts.len() as u32;
        if let Err(refusal) = self.admit(spec, new, now, region) {
            return RequestOutcome::Refused(refusal);
        }
        let mut creations: Vec<Creation> = restarts
            .into_iter()
            .map(|instance| self.restart(spec, instance, now, region))
            .collect();
        let subnet_full = new > 0 && region.addresses.reserve(spec, new).is_err();
        if subnet_full {
            region.quotas.give(&spec.quotas, vcpus(spec, new));
        }
        for _ in 0..new {
            creations.push(self.create(spec, subnet_full, now, region));
        }
        RequestOutcome::Accepted(creations)
    }

    /// Takes over `count` nodes that ran before the simulation began, whatever the limits say.
    pub fn adopt(&mut self, spec: &PoolSpec, count: u32, region: &mut Region) -> Vec<Creation> {
        region.quotas.take_beyond(&spec.quotas, vcpus(spec, count));
        region.addresses.reserve_beyond(spec, count);
        let now = SimTime::ZERO;
        let boot = Boot::done(now, spec.size.gpus > 0);
        (0..count)
            .map(|_| {
                let zone = self.emptiest(|_| true, region.seed).unwrap_or(0);
                let instance = self.add(spec, zone, InstanceState::Active, true, region);
                let end = self.end_of_life(spec, instance, region.seed);
                self.creation(spec, instance, false, CreationOutcome::Boots(boot, end))
            })
            .collect()
    }

    /// Scales an instance in as the pool's `scaleDownMode` says. A new one that failed is always
    /// deleted; a stopped one that could not be started stays what it was (Azure/autoscaler @
    /// 053ddf6 `azure_scale_set_instance_cache.go`, `instanceStatusFromVM`).
    pub fn remove(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        now: SimTime,
        region: &Region,
    ) -> Removal {
        let state = self.instances[instance].state;
        let stays = match state {
            InstanceState::Active => true,
            InstanceState::Failed => self.instances[instance].restarts > 0,
            _ => false,
        };
        let kept = stays && spec.scale_down_mode == ScaleDownMode::Deallocate;
        if kept {
            self.instances[instance].state = InstanceState::Stopping;
            return Removal { at: self.removed_at(instance, now, region), kept };
        }
        Removal { at: self.delete(instance, now, region), kept }
    }

    /// Deletes an instance; returns when it is gone.
    pub fn delete(&mut self, instance: InstanceId, now: SimTime, region: &Region) -> SimTime {
        debug_assert!(self.existing.contains(&instance), "an instance is deleted once");
        self.stopped.remove(&instance);
        self.instances[instance].state = InstanceState::Deleting;
        self.removed_at(instance, now, region)
    }

    /// Ends a removal: what the instance held is given back if it is gone, and kept if it is
    /// stopped. O(log n).
    pub fn finish_removal(&mut self, spec: &PoolSpec, instance: InstanceId, region: &mut Region) {
        match self.instances[instance].state {
            InstanceState::Stopping => {
                self.instances[instance].state = InstanceState::Stopped;
                self.stopped.insert(instance);
            }
            InstanceState::Deleting => self.forget(spec, instance, region),
            _ => {}
        }
    }

    /// When an instance will be taken, as far as that is planned.
    pub fn taken_at(&self, instance: InstanceId) -> SimTime {
        self.instances[instance].taken_at
    }

    /// A spot VM is told to go. Unless it is for the price, Azure wants the capacity itself: its
    /// market gives none from now on until a while after the VM is taken. All victims of one batch
    /// shut it equally long.
    pub fn tell(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        now: SimTime,
        region: &mut Region,
    ) {
        let known = &mut self.instances[instance];
        known.noticed = true;
        let (too_dear, taken_at) = (known.too_dear_from == now, known.taken_at);
        let market = self.markets[usize::from(known.zone)];
        let Some(spot) = spec.spot_market.as_ref().filter(|_| !too_dear) else { return };
        let entity = Part::Refill.of(market);
        let mut stream =
            Stream::keyed(region.seed, Purpose::SpotEviction, entity, taken_at.micros());
        let refused = spot.refill_blocked.sample(&mut stream);
        if refused > Duration::ZERO {
            region.shut_market(market, taken_at + refused);
        }
    }

    /// A spot VM that runs is taken: gone, or stopped and kept, as the pool's policy says. Returns
    /// whether the instance is kept.
    pub fn evict(&mut self, spec: &PoolSpec, instance: InstanceId, region: &mut Region) -> bool {
        let state = self.instances[instance].state;
        let runs = matches!(
            state,
            InstanceState::Active | InstanceState::Stopping | InstanceState::Deleting
        );
        if !runs {
            return false;
        }
        match state {
            InstanceState::Stopping => true,
            InstanceState::Active if spec.eviction_policy == EvictionPolicy::Deallocate => {
                self.instances[instance].state = InstanceState::Evicted;
                true
            }
            _ => {
                self.forget(spec, instance, region);
                false
            }
        }
    }

    /// When the next event of the spot market is due (batches and given evictions).
    pub fn next_spot_event(&self, spec: &PoolSpec) -> Option<SimTime> {
        self.market.as_ref()?.next(spec.spot_market.as_ref()?)
    }

    /// The spot market's events that are due now: whom they take.
    pub fn spot_event(&mut self, spec: &PoolSpec, now: SimTime) -> Vec<EvictionPlan> {
        let mut candidates = Vec::new();
        self.evictable(now, &mut candidates);
        let (Some(market), Some(spot)) = (&mut self.market, &spec.spot_market) else {
            return Vec::new();
        };
        let plans = market.fire(spot, &candidates, now);
        self.mark(&plans);
        plans
    }

    /// Plans the eviction of a share of the running instances, to the nearest whole number
    /// (`inject: evict`): told now, taken after the market's notice.
    pub fn evict_share(
        &mut self,
        spec: &PoolSpec,
        share: f64,
        now: SimTime,
        lots: Lots,
    ) -> Vec<EvictionPlan> {
        let mut candidates = Vec::new();
        self.evictable(now, &mut candidates);
        let count = (share.clamp(0.0, 1.0) * candidates.len() as f64 + 0.5) as usize;
        let notice = spec.spot_market.as_ref().map_or(SpotSpec::NOTICE, |spot| spot.notice);
        let plan = |instance| EvictionPlan::told(instance, now, notice);
        let plans: Vec<_> =
            draw_victims(&mut candidates, |_| true, count, lots).into_iter().map(plan).collect();
        self.mark(&plans);
        plans
    }

    /// Fits the addresses that a node holds for its pods to `pods` pods on the pod network. O(1).
    ///
    /// # Errors
    /// The pod subnet, if it is full: the pod cannot start.
    pub fn pods_on_node(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        pods: u32,
        region: &mut Region,
    ) -> Result<(), SubnetId> {
        let instance = &mut self.instances[instance];
        if instance.holds {
            let held = instance.pod_addresses;
            instance.pod_addresses = region.addresses.pods_on_node(spec, held, pods)?;
        }
        Ok(())
    }

    /// The stopped instances that a request for `by` starts, lowest number first.
    fn startable(
        &self,
        spec: &PoolSpec,
        by: u32,
        now: SimTime,
        region: &Region,
    ) -> Vec<InstanceId> {
        let up = |instance: &&InstanceId| {
            let zone = spec.zones.get(usize::from(self.instances[**instance].zone));
            zone.is_none_or(|&zone| !region.is_down(zone, now))
        };
        self.stopped.iter().filter(up).take(by as usize).copied().collect()
    }

    /// What the provider checks before it accepts a request; takes the quota.
    fn admit(
        &mut self,
        spec: &PoolSpec,
        new: u32,
        now: SimTime,
        region: &mut Region,
    ) -> Result<(), Refusal> {
        let too_dear = |zone| spec.prices(zone).is_some_and(|curve| curve.is_too_dear(now));
        if (0..self.by_zone.len()).all(too_dear) {
            return Err(Refusal::SpotPriceAboveMax);
        }
        if let Some(limit) = spec.instance_limit {
            self.updates.take(now).map_err(|retry_at| Refusal::Throttled { retry_at })?;
            if self.len().saturating_add(new) > limit {
                return Err(Refusal::ScaleSetFull { limit });
            }
            region.admit(new)?;
        }
        let taken = region.quotas.take(&spec.quotas, vcpus(spec, new));
        taken.map_err(|quota| Refusal::QuotaExceeded { quota })
    }

    fn create(
        &mut self,
        spec: &PoolSpec,
        subnet_full: bool,
        now: SimTime,
        region: &mut Region,
    ) -> Creation {
        let open = |zone: usize| self.is_open(spec, zone, now, region);
        let placed = self.emptiest(open, region.seed);
        let zone = placed.or_else(|| self.emptiest(|_| true, region.seed)).unwrap_or(0);
        let failure = if subnet_full {
            Some(ProvisioningFailure::SubnetIsFull)
        } else {
            self.capacity_failure(spec, placed, now, region)
        };
        let state = failure.map_or(InstanceState::Active, |_| InstanceState::Failed);
        let instance = self.add(spec, zone, state, !subnet_full, region);
        let outcome = self.outcome(spec, instance, failure, now, region);
        self.creation(spec, instance, false, outcome)
    }

    fn restart(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        now: SimTime,
        region: &Region,
    ) -> Creation {
        self.stopped.remove(&instance);
        let zone = usize::from(self.instances[instance].zone);
        let placed = Some(zone).filter(|&zone| self.is_open(spec, zone, now, region));
        let failure = self.capacity_failure(spec, placed, now, region);
        let known = &mut self.instances[instance];
        known.state = failure.map_or(InstanceState::Active, |_| InstanceState::Failed);
        known.restarts += 1;
        known.noticed = false;
        let outcome = self.outcome(spec, instance, failure, now, region);
        self.creation(spec, instance, true, outcome)
    }

    /// Why the provider has no capacity for an instance whose zone is `placed`.
    fn capacity_failure(
        &self,
        spec: &PoolSpec,
        placed: Option<usize>,
        now: SimTime,
        region: &Region,
    ) -> Option<ProvisioningFailure> {
        if let Some(planned) = region.refusal(self.pool, now) {
            return Some(planned);
        }
        let blocked =
            || (0..self.by_zone.len()).any(|zone| self.refuses_spot(spec, zone, now, region));
        match placed {
            Some(_) => None,
            None if blocked() => Some(ProvisioningFailure::SkuNotAvailable),
            None => Some(ProvisioningFailure::ZonalAllocationFailed),
        }
    }

    /// Whether a zone (by index) has no spot VMs for the pool: after an eviction, or at its price.
    fn refuses_spot(&self, spec: &PoolSpec, zone: usize, now: SimTime, region: &Region) -> bool {
        let too_dear = || spec.prices(zone).is_some_and(|curve| curve.is_too_dear(now));
        spec.spot && (region.is_shut(self.markets[zone], now) || too_dear())
    }

    /// Whether a zone (by index) takes new instances.
    fn is_open(&self, spec: &PoolSpec, zone: usize, now: SimTime, region: &Region) -> bool {
        let refused = self.refuses_spot(spec, zone, now, region);
        !refused && spec.zones.get(zone).is_none_or(|&zone| !region.is_down(zone, now))
    }

    /// The open zone with the fewest instances; the next instance's lot decides a tie.
    fn emptiest(&self, open: impl Fn(usize) -> bool, seed: u64) -> Option<usize> {
        let zones = 0..self.by_zone.len();
        let fewest =
            zones.clone().filter(|&zone| open(zone)).map(|zone| self.by_zone[zone]).min()?;
        let best: Vec<usize> =
            zones.filter(|&zone| open(zone) && self.by_zone[zone] == fewest).collect();
        let number = u64::from(self.instances.next_id().0);
        let mut stream = Stream::keyed(seed, Purpose::Zone, u64::from(self.key.0), number);
        Some(best[stream.below(best.len())])
    }

    fn add(
        &mut self,
        spec: &PoolSpec,
        zone: usize,
        state: InstanceState,
        holds: bool,
        region: &mut Region,
    ) -> InstanceId {
        let pod_addresses = if holds { region.addresses.initial_pod_addresses(spec) } else { 0 };
        let instance = self.instances.push(Instance {
            state,
            zone: zone as u8,
            restarts: 0,
            running_at: SimTime::ZERO,
            too_dear_from: SimTime::NEVER,
            noticed: false,
            taken_at: SimTime::NEVER,
            holds,
            pod_addresses,
        });
        self.existing.insert(instance);
        self.by_zone[zone] += 1;
        region.instances += 1;
        instance
    }

    fn outcome(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        failure: Option<ProvisioningFailure>,
        now: SimTime,
        region: &Region,
    ) -> CreationOutcome {
        let start = self.instances[instance].restarts;
        if let Some(failure) = failure {
            // One operation of Azure's makes all instances of a request, and fails at one instant.
            let entity = Part::Failure(start).of(self.key);
            let ordinal = u64::from(self.request.0);
            let mut stream = Stream::keyed(region.seed, Purpose::VmProvision, entity, ordinal);
            let at = now + region.failure_after.sample(&mut stream);
            return CreationOutcome::Fails { at, failure };
        }
        let boot = Boot::draw(region.seed, self.key, spec, instance, start, now);
        self.instances[instance].running_at = boot.running_at;
        CreationOutcome::Boots(boot, self.end_of_life(spec, instance, region.seed))
    }

    fn creation(
        &self,
        spec: &PoolSpec,
        instance: InstanceId,
        restarted: bool,
        outcome: CreationOutcome,
    ) -> Creation {
        let zone = spec.zones.get(usize::from(self.instances[instance].zone)).copied();
        Creation { instance, zone, restarted, outcome }
    }

    /// How an instance that was just started will end: with its life, or when it is too dear.
    fn end_of_life(
        &mut self,
        spec: &PoolSpec,
        instance: InstanceId,
        seed: u64,
    ) -> Option<EvictionPlan> {
        let spot = spec.spot_market.as_ref().filter(|_| spec.spot)?;
        let known = &mut self.instances[instance];
        let (zone, running_at) = (usize::from(known.zone), known.running_at);
        let told_at = spec.prices(zone).and_then(|curve| curve.too_dear_from(running_at));
        known.too_dear_from = told_at.unwrap_or(SimTime::NEVER);
        let for_price = told_at.map(|told_at| EvictionPlan::told(instance, told_at, spot.notice));
        let life = end_of_life(seed, self.key, spot, instance, known.restarts, running_at);
        let end = life.into_iter().chain(for_price).min_by_key(|plan| plan.notice_at);
        self.instances[instance].taken_at = end.map_or(SimTime::NEVER, |plan| plan.kill_at);
        end
    }

    fn removed_at(&self, instance: InstanceId, now: SimTime, region: &Region) -> SimTime {
        let entity = Part::Deletion.of(self.key);
        let ordinal = u64::from(instance.0);
        let mut stream = Stream::keyed(region.seed, Purpose::VmProvision, entity, ordinal);
        now + region.vm_delete.sample(&mut stream)
    }

    /// The instance is gone: gives back what it held.
    fn forget(&mut self, spec: &PoolSpec, instance: InstanceId, region: &mut Region) {
        if !self.existing.remove(&instance) {
            return;
        }
        self.stopped.remove(&instance);
        region.instances -= 1;
        let known = &mut self.instances[instance];
        known.state = InstanceState::Gone;
        self.by_zone[usize::from(known.zone)] -= 1;
        if known.holds {
            known.holds = false;
            region.quotas.give(&spec.quotas, vcpus(spec, 1));
            region.addresses.release(spec, known.pod_addresses);
        }
    }

    /// Running instances that have not been told to go, with their zones.
    fn evictable(&self, now: SimTime, into: &mut Vec<(InstanceId, usize)>) {
        for &instance in &self.existing {
            let known = &self.instances[instance];
            let runs = known.state == InstanceState::Active && known.running_at <= now;
            if runs && !known.noticed && now < known.too_dear_from {
                into.push((instance, usize::from(known.zone)));
            }
        }
    }

    fn mark(&mut self, plans: &[EvictionPlan]) {
        for plan in plans {
            let known = &mut self.instances[plan.instance];
            (known.noticed, known.taken_at) = (true, plan.kill_at);
        }
    }
}

/// vCPUs of `count` nodes.
fn vcpus(spec: &PoolSpec, count: u32) -> u64 {
    u64::from(spec.size.vcpus) * u64::from(count)
}
