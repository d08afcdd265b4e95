//! What the provider answers, as tables.

use crate::cloud::PoolKey;
use proptest::prelude::*;

use super::fixture::{Room, SEED, at, market, pool, spot_pool};
use super::spec::{
    CapacityRefusal, EvictionPolicy, NetworkMode, PoolSpec, ScaleDownMode, SpotSpec,
};
use super::{
    Boot, Creation, CreationOutcome, PriceCurve, Refusal, Region, RequestOutcome, ScaleSet,
};
use crate::chance::Dist;
use crate::model::ProvisioningFailure;
use crate::unit::{Duration, HourlyRate, InstanceId, Lots, PoolId, QuotaId, SimTime, SubnetId};

const POOL: PoolId = PoolId(3);

/// One size in three zones.
const MARKETS: [PoolKey; 3] = [PoolKey(11), PoolKey(12), PoolKey(13)];

fn set(spec: &PoolSpec) -> ScaleSet {
    ScaleSet::new(POOL, PoolKey(POOL.0), &MARKETS, spec, SEED)
}

fn accepted(outcome: RequestOutcome) -> Vec<Creation> {
    match outcome {
        RequestOutcome::Accepted(creations) => creations,
        RequestOutcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn boot(creation: &Creation) -> Boot {
    match creation.outcome {
        CreationOutcome::Boots(boot, _) => boot,
        CreationOutcome::Fails { failure, .. } => panic!("fails: {failure:?}"),
    }
}

fn failure(creation: &Creation) -> Option<ProvisioningFailure> {
    match creation.outcome {
        CreationOutcome::Boots(..) => None,
        CreationOutcome::Fails { failure, .. } => Some(failure),
    }
}

fn by_zone(creations: &[Creation], spec: &PoolSpec) -> Vec<usize> {
    let count = |zone| creations.iter().filter(|creation| creation.zone == Some(zone)).count();
    spec.zones.iter().map(|&zone| count(zone)).collect()
}

#[test]
fn a_boot_depends_on_the_instance_number_only() {
    let spec = pool();
    let (mut one, mut region) = (set(&spec), Room::default().region());
    let all = accepted(one.request(&spec, 6, at(100), &mut region));

    let room = Room {
        mode: NetworkMode::Flat,
        subnets: vec![Some(31 * 6)],
        refusals: vec![refusal(ProvisioningFailure::AllocationFailed, 200, 300)],
        ..Room::default()
    };
    let (mut two, mut region) = (set(&spec), room.region());
    for number in 0..6 {
        let creations = accepted(two.request(&spec, 1, at(1_000 + 60 * number), &mut region));
        let (here, there) = (boot(&creations[0]), boot(&all[number as usize]));
        let asked = at(1_000 + 60 * number);
        assert_eq!(here.running_at - asked, there.running_at - at(100), "instance {number}");
        assert_eq!(here.ready_at - here.running_at, there.ready_at - there.running_at);
    }
    let distinct: std::collections::BTreeSet<_> = all.iter().map(|c| boot(c).running_at).collect();
    assert_eq!(distinct.len(), 6, "boots differ");
}

#[test]
fn a_boot_goes_by_stages() {
    let mut spec = pool();
    spec.size.gpus = 1;
    let creations = accepted(set(&spec).request(&spec, 20, at(0), &mut Room::default().region()));
    for creation in &creations {
        let boot = boot(creation);
        assert!(at(60) <= boot.running_at && boot.running_at <= at(300));
        assert!(boot.running_at < boot.registered_at && boot.registered_at < boot.ready_at);
        assert_eq!(boot.gpus_at.unwrap().since(boot.ready_at).as_secs(), 20);
    }
}

#[test]
fn a_subnet_without_room_for_all_takes_none() {
    let spec = pool();
    let room = Room { mode: NetworkMode::Flat, subnets: vec![Some(24 * 31)], ..Room::default() };
    let (mut set, mut region) = (set(&spec), room.region());
    let creations = accepted(set.request(&spec, 30, at(0), &mut region));
    assert_eq!(creations.len(), 30);
    for creation in &creations {
        assert_eq!(failure(creation), Some(ProvisioningFailure::SubnetIsFull));
    }
    assert_eq!(region.addresses.subnet(SubnetId(0)).used, 0);
    assert_eq!(region.quotas.counter(QuotaId(0)).used, 0);
    for creation in creations {
        set.delete(creation.instance, at(60), &region);
        set.finish_removal(&spec, creation.instance, &mut region);
    }
    let creations = accepted(set.request(&spec, 24, at(100), &mut region));
    assert!(creations.iter().all(|creation| failure(creation).is_none()));
    assert_eq!(region.addresses.subnet(SubnetId(0)).used, 24 * 31);
}

#[test]
fn quotas_refuse_the_whole_request_at_once() {
    let spec = pool();
    for (quotas, by, expected) in [
        ([40, 40], 10, None),
        ([40, 40], 11, Some(QuotaId(0))),
        ([40, 39], 10, Some(QuotaId(1))),
        ([39, 39], 10, Some(QuotaId(0))),
    ] {
        let mut region = Room { quotas, ..Room::default() }.region();
        let outcome = set(&spec).request(&spec, by, at(0), &mut region);
        let used = region.quotas.counter(QuotaId(0)).used;
        match expected {
            None => assert_eq!((accepted(outcome).len(), used), (10, 40)),
            Some(quota) => {
                let refusal = Refusal::QuotaExceeded { quota };
                assert_eq!(outcome, RequestOutcome::Refused(refusal), "{quotas:?}");
                assert_eq!(refusal.failure(), ProvisioningFailure::QuotaExceeded);
                assert_eq!(used, 0, "a refused request takes nothing");
            }
        }
    }
}

#[test]
fn limits_of_sets_and_clusters_hold() {
    let refused = RequestOutcome::Refused;
    let own_size = PoolSpec { instance_limit: None, ..pool() };
    let large = Room { max_nodes: 5_000, ..Room::default() };
    let overlay = Room { max_nodes: 256, ..Room::default() };
    for (spec, room, by, expected) in [
        (pool(), &large, 1_000, None),
        (pool(), &large, 1_001, Some(Refusal::ScaleSetFull { limit: 1_000 })),
        (own_size.clone(), &large, 6_000, None),
        (pool(), &overlay, 256, None),
        (pool(), &overlay, 257, Some(Refusal::ClusterFull { limit: 256, network: true })),
        (own_size, &overlay, 257, None),
    ] {
        let outcome = set(&spec).request(&spec, by, at(0), &mut room.region());
        match expected {
            None => assert_eq!(accepted(outcome).len(), by as usize),
            Some(refusal) => assert_eq!(outcome, refused(refusal)),
        }
    }
    let full = Refusal::ClusterFull { limit: 256, network: true };
    assert_eq!(full.failure(), ProvisioningFailure::SubnetIsFull);
}

#[test]
fn a_cluster_is_full_over_all_its_sets() {
    let spec = pool();
    let mut region = Room { max_nodes: 5, mode: NetworkMode::Flat, ..Room::default() }.region();
    let mut other = ScaleSet::new(PoolId(4), PoolKey(4), &MARKETS, &spec, SEED);
    assert_eq!(accepted(other.request(&spec, 3, at(0), &mut region)).len(), 3);
    let outcome = set(&spec).request(&spec, 3, at(0), &mut region);
    let full = Refusal::ClusterFull { limit: 5, network: false };
    assert_eq!(outcome, RequestOutcome::Refused(full));
}

#[test]
fn many_requests_are_throttled() {
    let spec = pool();
    let (mut set, mut region) = (set(&spec), Room::default().region());
    for _ in 0..12 {
        accepted(set.request(&spec, 1, at(0), &mut region));
    }
    let refusal = Refusal::Throttled { retry_at: at(15) };
    assert_eq!(set.request(&spec, 1, at(0), &mut region), RequestOutcome::Refused(refusal));
    assert_eq!(accepted(set.request(&spec, 1, at(15), &mut region)).len(), 1);
}

#[test]
fn zones_are_balanced() {
    let spec = pool();
    let (mut set, mut region) = (set(&spec), Room::default().region());
    let creations = accepted(set.request(&spec, 10, at(0), &mut region));
    let mut counts = by_zone(&creations, &spec);
    counts.sort_unstable();
    assert_eq!(counts, [3, 3, 4]);
    // What is gone from a zone comes back there.
    let zone = creations[0].zone;
    let lost: Vec<_> = creations.iter().filter(|creation| creation.zone == zone).collect();
    for creation in &lost {
        set.delete(creation.instance, at(10), &region);
        set.finish_removal(&spec, creation.instance, &mut region);
    }
    let back = accepted(set.request(&spec, 2, at(100), &mut region));
    assert!(back.iter().all(|creation| creation.zone == zone));
}

#[test]
fn nothing_starts_in_a_zone_that_is_down() {
    let spec = pool();
    let (mut set, mut region) = (set(&spec), Room::default().region());
    region.zone_down(spec.zones[1], at(1_800));
    let creations = accepted(set.request(&spec, 10, at(0), &mut region));
    assert_eq!(by_zone(&creations, &spec), [5, 0, 5]);
    let creations = accepted(set.request(&spec, 5, at(1_800), &mut region));
    assert_eq!(by_zone(&creations, &spec), [0, 5, 0]);
    for &zone in &spec.zones {
        region.zone_down(zone, at(4_000));
    }
    let creations = accepted(set.request(&spec, 1, at(3_000), &mut region));
    assert_eq!(failure(&creations[0]), Some(ProvisioningFailure::ZonalAllocationFailed));
}

fn refusal(error: ProvisioningFailure, from: u64, until: u64) -> CapacityRefusal {
    CapacityRefusal { pool: POOL, from: at(from), until: at(until), error }
}

#[test]
fn planned_refusals_fail_each_instance_in_their_window() {
    let spec = pool();
    let error = ProvisioningFailure::AllocationFailed;
    let room = Room { refusals: vec![refusal(error, 100, 200)], ..Room::default() };
    for (second, expected) in [(99, None), (100, Some(error)), (199, Some(error)), (200, None)] {
        let mut region = room.region();
        let creations = accepted(set(&spec).request(&spec, 2, at(second), &mut region));
        for creation in &creations {
            assert_eq!(failure(creation), expected, "at {second} s");
        }
        // A failed instance holds what a running one holds, until it is deleted.
        assert_eq!(region.quotas.counter(QuotaId(0)).used, 8);
        if let CreationOutcome::Fails { at: failed, .. } = creations[0].outcome {
            assert_eq!(failed, at(second + 40));
        }
    }
}

/// Evicts one VM: told now, taken after the notice.
fn take_one(set: &mut ScaleSet, spec: &PoolSpec, now: SimTime, region: &mut Region) -> InstanceId {
    let plans = set.evict_share(spec, 1.0 / f64::from(set.len()), now, Lots::new(1));
    let [plan] = plans[..] else { panic!("one VM: {plans:?}") };
    set.tell(spec, plan.instance, now, region);
    assert_eq!(set.taken_at(plan.instance), plan.kill_at);
    assert!(!set.evict(spec, plan.instance, region));
    plan.instance
}

#[test]
fn an_evicted_zone_refuses_spot_for_a_while() {
    let mut spec = spot_pool();
    spec.zones.truncate(1);
    let (mut set, mut region) = (set(&spec), Room::default().region());
    set.adopt(&spec, 4, &mut region);
    take_one(&mut set, &spec, at(970), &mut region);
    assert_eq!((set.len(), region.quotas.counter(QuotaId(0)).used), (3, 12));
    for (second, expected) in [
        (970, Some(ProvisioningFailure::SkuNotAvailable)),
        (1_599, Some(ProvisioningFailure::SkuNotAvailable)),
        (1_600, None),
    ] {
        let creations = accepted(set.request(&spec, 1, at(second), &mut region));
        assert_eq!(failure(&creations[0]), expected, "at {second} s");
    }
    // A pool of the same size in the same zone is refused with it, one of another size is not.
    take_one(&mut set, &spec, at(1_970), &mut region);
    for (market, expected) in
        [(MARKETS[0], Some(ProvisioningFailure::SkuNotAvailable)), (PoolKey(99), None)]
    {
        let mut other = ScaleSet::new(PoolId(4), PoolKey(4), &[market], &spec, SEED);
        let creations = accepted(other.request(&spec, 1, at(2_001), &mut region));
        assert_eq!(failure(&creations[0]), expected);
    }
}

#[test]
fn an_eviction_leaves_other_zones_open() {
    let spec = spot_pool();
    let (mut set, mut region) = (set(&spec), Room::default().region());
    let adopted = set.adopt(&spec, 3, &mut region);
    let taken = take_one(&mut set, &spec, at(970), &mut region);
    let creations = accepted(set.request(&spec, 6, at(1_000), &mut region));
    let zone = adopted.iter().find(|creation| creation.instance == taken).and_then(|c| c.zone);
    assert!(creations.iter().all(|c| failure(c).is_none() && c.zone != zone));
}

#[test]
fn an_eviction_may_keep_the_instance_and_what_it_holds() {
    let spec = PoolSpec { eviction_policy: EvictionPolicy::Deallocate, ..spot_pool() };
    let (mut set, mut region) = (set(&spec), Room::default().region());
    set.adopt(&spec, 2, &mut region);
    assert!(set.evict(&spec, InstanceId(0), &mut region));
    assert_eq!((set.len(), region.quotas.counter(QuotaId(0)).used), (2, 8));
    let creations = accepted(set.request(&spec, 1, at(1_000), &mut region));
    assert_eq!(creations[0].instance, InstanceId(2), "it is not started by a scale-up");
}

#[test]
fn a_price_above_the_maximum_is_refused() {
    for (max, refused) in [(None, false), (Some(100), false), (Some(99), true)] {
        let prices = vec![PriceCurve::constant(HourlyRate(100), max.map(HourlyRate)); 3];
        let spec = PoolSpec { spot_market: Some(SpotSpec { prices, ..market() }), ..spot_pool() };
        let outcome = set(&spec).request(&spec, 1, at(0), &mut Room::default().region());
        let expected = RequestOutcome::Refused(Refusal::SpotPriceAboveMax);
        assert_eq!(outcome == expected, refused, "{max:?}");
    }
}

#[test]
fn stopped_instances_are_started_first_and_faster() {
    let spec = PoolSpec {
        scale_down_mode: ScaleDownMode::Deallocate,
        vm_provision: Dist::constant(Duration::from_secs(100)),
        ..pool()
    };
    let room = Room { quotas: [12, 12], ..Room::default() };
    let (mut set, mut region) = (set(&spec), room.region());
    let made = accepted(set.request(&spec, 3, at(0), &mut region));
    for number in [2, 0] {
        let removal = set.remove(&spec, InstanceId(number), at(1_000), &region);
        assert_eq!((removal.at, removal.kept), (at(1_060), true));
        set.finish_removal(&spec, InstanceId(number), &mut region);
    }
    assert_eq!((set.len(), region.quotas.counter(QuotaId(0)).used), (3, 12));
    // The quota is full, and yet the stopped ones start.
    let started = accepted(set.request(&spec, 2, at(2_000), &mut region));
    let numbers: Vec<u32> = started.iter().map(|creation| creation.instance.0).collect();
    assert_eq!(numbers, [0, 2]);
    for creation in &started {
        assert!(creation.restarted);
        assert_eq!(boot(creation).running_at, at(2_060));
        assert_eq!(creation.zone, made[creation.instance.0 as usize].zone);
    }
    let outcome = set.request(&spec, 1, at(3_000), &mut region);
    assert!(matches!(outcome, RequestOutcome::Refused(Refusal::QuotaExceeded { .. })));
}

#[test]
fn a_failed_instance_is_deleted_even_where_others_are_kept() {
    let spec = PoolSpec { scale_down_mode: ScaleDownMode::Deallocate, ..pool() };
    let error = ProvisioningFailure::AllocationFailed;
    let room = Room { refusals: vec![refusal(error, 0, 100)], ..Room::default() };
    let (mut set, mut region) = (set(&spec), room.region());
    let made = accepted(set.request(&spec, 1, at(0), &mut region));
    assert!(!set.remove(&spec, made[0].instance, at(50), &region).kept);
    set.finish_removal(&spec, made[0].instance, &mut region);
    assert!(set.is_empty());
    assert_eq!(region.quotas.counter(QuotaId(0)).used, 0);
}

#[test]
fn adopted_nodes_run_from_the_start_whatever_the_limits() {
    let spec = pool();
    let room = Room {
        mode: NetworkMode::Flat,
        subnets: vec![Some(31)],
        quotas: [4, 4],
        ..Room::default()
    };
    let (mut set, mut region) = (set(&spec), room.region());
    let adopted = set.adopt(&spec, 3, &mut region);
    assert!(adopted.iter().all(|creation| boot(creation).ready_at == SimTime::ZERO));
    assert_eq!(by_zone(&adopted, &spec), [1, 1, 1]);
    assert_eq!(region.addresses.subnet(SubnetId(0)).used, 93);
    assert!(matches!(set.request(&spec, 1, at(0), &mut region), RequestOutcome::Refused(_)));
}

#[test]
fn a_share_of_the_running_nodes_is_evicted() {
    for (nodes, share, victims) in [(10, 0.5, 5), (5, 0.5, 3), (4, 1.0, 4), (4, 0.0, 0)] {
        let spec = spot_pool();
        let (mut set, mut region) = (set(&spec), Room::default().region());
        set.adopt(&spec, nodes, &mut region);
        let plans = set.evict_share(&spec, share, at(100), Lots::new(1));
        assert_eq!(plans.len(), victims, "{share} of {nodes}");
        assert!(plans.iter().all(|p| (p.notice_at, p.kill_at) == (at(100), at(130))));
        // Who was told is not told again.
        let again = set.evict_share(&spec, 1.0, at(110), Lots::new(2));
        assert_eq!(again.len(), nodes as usize - victims);
    }
}

#[test]
fn who_was_told_and_started_again_can_be_told_again() {
    let spec = PoolSpec { scale_down_mode: ScaleDownMode::Deallocate, ..spot_pool() };
    let (mut set, mut region) = (set(&spec), Room::default().region());
    set.adopt(&spec, 1, &mut region);
    assert_eq!(set.evict_share(&spec, 1.0, at(10), Lots::new(1)).len(), 1);
    set.remove(&spec, InstanceId(0), at(11), &region);
    set.finish_removal(&spec, InstanceId(0), &mut region);
    assert!(!set.evict(&spec, InstanceId(0), &mut region), "a stopped VM is not taken");
    let started = accepted(set.request(&spec, 1, at(300), &mut region));
    let running = boot(&started[0]).running_at;
    assert!(set.evict_share(&spec, 1.0, at(300), Lots::new(2)).is_empty(), "it still boots");
    assert_eq!(set.evict_share(&spec, 1.0, running, Lots::new(3)).len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Request(u32),
    Remove(u32),
    Finish(u32),
    Evict(u32),
    Pods(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u32..12).prop_map(Step::Request),
        (0u32..40).prop_map(Step::Remove),
        (0u32..40).prop_map(Step::Finish),
        (0u32..40).prop_map(Step::Evict),
        (0u32..40, 0u32..30).prop_map(|(instance, pods)| Step::Pods(instance, pods)),
    ]
}

/// What the set must hold, counted the slow way.
fn check(set: &ScaleSet, region: &Region, limits: (u64, u64, u64)) {
    let (capacity, pods, quota) = limits;
    let nodes = region.addresses.subnet(SubnetId(0));
    let pod_subnet = region.addresses.subnet(SubnetId(1));
    let counter = region.quotas.counter(QuotaId(0));
    assert!(nodes.used <= capacity && pod_subnet.used <= pods && counter.used <= quota);
    assert_eq!(counter.used, 4 * nodes.used, "who has an address has cores");
    assert!(pod_subnet.used >= 16 * nodes.used);
    assert!(u64::from(set.len()) >= nodes.used);
    assert_eq!(region.instances(), set.len());
}

/// Takes a step with an instance that is known; returns how many instances were made.
fn walk(
    set: &mut ScaleSet,
    spec: &PoolSpec,
    step: Step,
    now: SimTime,
    known: u32,
    region: &mut Region,
) -> u32 {
    let instance = match step {
        Step::Request(by) => {
            let RequestOutcome::Accepted(made) = set.request(spec, by, now, region) else {
                return 0;
            };
            assert_eq!(made.len() as u32, by);
            return made.iter().filter(|creation| !creation.restarted).count() as u32;
        }
        Step::Remove(n) | Step::Finish(n) | Step::Evict(n) | Step::Pods(n, _) => InstanceId(n),
    };
    if instance.0 >= known {
        return 0;
    }
    match step {
        Step::Remove(_) if set.exists(instance) => {
            set.remove(spec, instance, now, region);
        }
        Step::Finish(_) => set.finish_removal(spec, instance, region),
        Step::Evict(_) => {
            set.evict(spec, instance, region);
        }
        // A full subnet is an answer like any other here.
        Step::Pods(_, pods) => drop(set.pods_on_node(spec, instance, pods, region)),
        _ => {}
    }
    0
}

proptest! {
    /// Whatever happens, nothing is taken beyond a limit, and when all is gone all is given back.
    #[test]
    fn addresses_and_cores_are_conserved(
        steps in proptest::collection::vec(step(), 1..80),
        capacity in 0u64..40,
        pods in 0u64..600,
        quota in 0u64..160,
        keeps in any::<bool>(),
        policy in any::<bool>(),
    ) {
        let mode = if keeps { ScaleDownMode::Deallocate } else { ScaleDownMode::Delete };
        let policy = if policy { EvictionPolicy::Deallocate } else { EvictionPolicy::Delete };
        let spec = PoolSpec {
            scale_down_mode: mode,
            eviction_policy: policy,
            pod_subnet: Some(SubnetId(1)),
            ..spot_pool()
        };
        let room = Room {
            mode: NetworkMode::PodSubnetDynamic,
            subnets: vec![Some(capacity), Some(pods)],
            quotas: [quota, u64::MAX],
            ..Room::default()
        };
        let (mut set, mut region) = (set(&spec), room.region());
        let mut known = 0;
        for (number, step) in steps.into_iter().enumerate() {
            let now = at(number as u64 * 60);
            known += walk(&mut set, &spec, step, now, known, &mut region);
            check(&set, &region, (capacity, pods, quota));
        }
        for instance in (0..known).map(InstanceId).filter(|&i| set.exists(i)).collect::<Vec<_>>() {
            set.delete(instance, at(1_000_000), &region);
            set.finish_removal(&spec, instance, &mut region);
        }
        prop_assert!(set.is_empty());
        prop_assert_eq!(region.addresses.subnet(SubnetId(0)).used, 0);
        prop_assert_eq!(region.addresses.subnet(SubnetId(1)).used, 0);
        prop_assert_eq!(region.quotas.counter(QuotaId(0)).used, 0);
    }
}
