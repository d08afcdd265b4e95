//! The worked examples of the behaviour: how the number moves over time.

use super::*;
use crate::unit::{Duration, SimTime};
use crate::vocabulary::KubernetesVersion;

fn spec(max: u32, behavior: Option<Behavior>) -> HpaSpec {
    let target = MetricTarget::AverageValue(5_000);
    let metrics = vec![HpaMetric::Trigger { index: 0, target }];
    HpaSpec { min_replicas: 1, max_replicas: max, metrics, behavior }
}

fn seen(replicas: u32, readings: &[MetricReading]) -> HpaSeen<'_> {
    HpaSeen { replicas, status_replicas: replicas, pods: replicas, ready: replicas, readings }
}

/// Runs `syncs` syncs, 15 s apart from `from`, with a fixed total; returns each number.
fn run(
    spec: &HpaSpec,
    memory: &mut HpaMemory,
    mut replicas: u32,
    messages: i64,
    from: u64,
    syncs: u64,
) -> Vec<u32> {
    let settings = HpaSettings::of(KubernetesVersion::DEFAULT);
    let readings = [MetricReading::Total(messages * 1_000)];
    (0..syncs)
        .map(|sync_number| {
            let now = SimTime::from_secs(from + 15 * sync_number);
            let decision = sync(&settings, spec, memory, &seen(replicas, &readings), now);
            replicas = decision.desired;
            replicas
        })
        .collect()
}

#[test]
fn without_behavior_the_number_doubles_per_sync() {
    let numbers = run(&spec(100, None), &mut HpaMemory::default(), 1, 1_000, 0, 6);
    assert_eq!(numbers, [4, 8, 16, 32, 64, 100]);
}

#[test]
fn tolerance_holds_the_number() {
    let six = run(&spec(100, None), &mut HpaMemory::default(), 1, 6, 0, 1);
    assert_eq!(six, [2], "a ratio of 1.2 is outside the tolerance");
    let many = run(&spec(100, None), &mut HpaMemory::default(), 5, 27, 0, 1);
    assert_eq!(many, [5], "a ratio of 1.08 is inside");
}

#[test]
fn a_drained_queue_is_held_for_the_window() {
    let spec = spec(100, None);
    let mut memory = HpaMemory::default();
    run(&spec, &mut memory, 20, 100, 0, 1);
    let numbers = run(&spec, &mut memory, 20, 0, 15, 22);
    assert_eq!(numbers.iter().position(|&n| n == 1), Some(20), "the first sync after 300 s");
    assert!(numbers[..20].iter().all(|&n| n == 20));
}

#[test]
fn a_rate_limit_waits_for_its_period() {
    let policy =
        ScalingPolicy { kind: ScalingPolicyKind::Pods, value: 2, period: Duration::from_secs(60) };
    let down = PartialRules {
        stabilization: Some(Duration::ZERO),
        policies: Some(vec![policy]),
        ..PartialRules::default()
    };
    let spec = spec(100, Some(Behavior::with_defaults(None, Some(down))));
    let numbers = run(&spec, &mut HpaMemory::default(), 10, 0, 0, 6);
    assert_eq!(numbers, [8, 8, 8, 8, 6, 6]);
}

#[test]
fn what_holds_back_is_named() {
    let settings = HpaSettings::of(KubernetesVersion::DEFAULT);
    for (replicas, messages, max, expected) in [
        (1, 1_000, 100, Some(HoldBack::Policy)),
        (64, 1_000, 100, Some(HoldBack::Max)),
        (100, 1_000, 100, Some(HoldBack::Max)),
        (5, 27, 100, Some(HoldBack::Tolerance)),
        (2, 20, 100, Some(HoldBack::Sync)),
        (4, 20, 100, None),
        (0, 20, 100, None),
    ] {
        let readings = [MetricReading::Total(messages * 1_000)];
        let seen = seen(replicas, &readings);
        let spec = spec(max, None);
        let held = held_back_by(&settings, &spec, &HpaMemory::default(), &seen, SimTime::ZERO);
        assert_eq!(held, expected, "{replicas} replicas, {messages} messages");
    }
}

#[test]
fn skipping_quiet_syncs_changes_nothing() {
    let settings = HpaSettings::of(KubernetesVersion::DEFAULT);
    let up = PartialRules { stabilization: Some(Duration::from_secs(60)), ..Default::default() };
    for behavior in [None, Some(Behavior::with_defaults(Some(up), None))] {
        let spec = spec(30, behavior);
        let (mut every, mut some) = (HpaMemory::default(), HpaMemory::default());
        let (mut replicas, mut other, mut skipped) = (1, 1, 0);
        for tick in 0..400_u64 {
            let now = SimTime::from_secs(15 * tick);
            let readings = [MetricReading::Total([12, 90, 90, 40, 0][tick as usize / 80] * 1_000)];
            replicas = sync(&settings, &spec, &mut every, &seen(replicas, &readings), now).desired;
            let view = seen(other, &readings);
            if is_idle(&settings, &spec, &some, &view, now) {
                skipped += 1;
                some.skipped_until(now);
            } else {
                other = sync(&settings, &spec, &mut some, &view, now).desired;
            }
            assert_eq!(replicas, other, "at {now}");
        }
        assert!(skipped > 150, "only {skipped} of 400 syncs were quiet");
    }
}

#[test]
fn the_history_stays_as_short_as_its_window() {
    let mut memory = HpaMemory::default();
    run(&spec(100, None), &mut memory, 20, 100, 0, 1_000);
    assert!(memory.history.unwrap().len() <= 22);
}

#[test]
fn a_zero_of_its_own_is_left_only_with_the_gate() {
    let mut settings = HpaSettings::of(KubernetesVersion::NEWEST);
    let mut spec = spec(10, None);
    spec.min_replicas = 0;
    let readings = [MetricReading::Total(20_000)];
    for (gate, own, min, expected) in [
        (false, true, 0, None),
        (true, false, 0, None),
        (true, true, 0, Some(4)),
        (true, true, 6, Some(6)),
        (false, true, 6, None),
    ] {
        (settings.scale_to_zero, spec.min_replicas) = (gate, min);
        let history = Some(Vec::new());
        let mut memory = HpaMemory { history, scaled_to_zero: own, ..HpaMemory::default() };
        let decision = sync(&settings, &spec, &mut memory, &seen(0, &readings), SimTime::ZERO);
        assert_eq!(decision.replicas, expected, "gate {gate}, own zero {own}, min {min}");
    }
}
