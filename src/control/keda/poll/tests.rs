//! The decision table, row by row, and its timing.

use super::*;
use crate::control::keda::{FallbackSpec, MetricType, QueueSource, ScalerSpec};
use crate::unit::{Duration, QueueId, Symbol};

const NEWEST: KedaVersion = KedaVersion { minor: 20 };

fn spec() -> ScaledObjectSpec {
    let trigger = Trigger {
        name: Symbol::EMPTY,
        scaler: ScalerSpec::Queues(QueueSource::depth_of(QueueId(0))),
        metric_type: MetricType::AverageValue,
        target_milli: 5_000,
        activation_milli: 0,
        use_cached_metrics: false,
    };
    ScaledObjectSpec::with_defaults(Symbol::EMPTY, vec![trigger])
}

fn at(seconds: u64, millis: u64) -> SimTime {
    SimTime::from_micros(seconds * 1_000_000 + millis * 1_000)
}

fn step(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    read: Result<i64, SourceError>,
    replicas: u32,
    now: SimTime,
) -> PollDecision {
    let readings = [read.map(|count| spec.triggers[0].reading(count * 1_000))];
    let seen = PollSeen {
        readings: &readings,
        replicas,
        ready: replicas,
        created: at(0, 0),
        cooldown_from: None,
    };
    poll(spec, memory, &seen, NEWEST, now)
}

#[test]
fn idle_time_is_measured_from_the_whole_second() {
    let spec = spec();
    let mut memory = KedaMemory::default();
    assert_eq!(step(&spec, &mut memory, Ok(3), 0, at(100, 400)).set_replicas, Some(1));
    assert_eq!(memory.last_active, Some(at(100, 0)));
    // One poll grid: 100.4, 130.4, … 400.4 s; 400.4 - 100 > 300.
    for poll_number in 1..10 {
        let now = at(100 + 30 * poll_number, 400);
        let decision = step(&spec, &mut memory, Ok(0), 1, now);
        assert_eq!(decision.reason, PollReason::CoolingDown { until: at(400, 0) }, "{now}");
    }
    let decision = step(&spec, &mut memory, Ok(0), 7, at(400, 400));
    assert_eq!((decision.set_replicas, decision.reason), (Some(0), PollReason::Deactivated));
    // At exactly 300 s it would not do.
    assert_eq!(step(&spec, &mut memory, Ok(0), 7, at(400, 0)).set_replicas, None);
}

#[test]
fn an_empty_source_at_creation_goes_to_zero_at_once() {
    let mut spec = spec();
    let decision = step(&spec, &mut KedaMemory::default(), Ok(0), 4, at(1, 0));
    assert_eq!(decision.set_replicas, Some(0));
    spec.initial_cooldown = Duration::from_secs(60);
    let decision = step(&spec, &mut KedaMemory::default(), Ok(0), 4, at(60, 0));
    assert_eq!(decision.set_replicas, None);
}

#[test]
fn a_broken_source_never_scales_in() {
    let spec = spec();
    let decision = step(&spec, &mut KedaMemory::default(), Err(SourceError), 4, at(9_000, 0));
    assert_eq!((decision.set_replicas, decision.reason), (None, PollReason::ErrorHolds));
    assert!(decision.error);
}

#[test]
fn a_fallback_lifts_from_zero_since_2_19() {
    let mut spec = spec();
    let behavior = FallbackBehavior::Static;
    spec.fallback = Some(FallbackSpec { failure_threshold: 1, replicas: 4, behavior });
    for (minor, expected) in [(17, None), (19, Some(1))] {
        let mut memory = KedaMemory::default();
        let seen = PollSeen {
            readings: &[Err(SourceError)],
            replicas: 0,
            ready: 0,
            created: at(0, 0),
            cooldown_from: None,
        };
        let version = KedaVersion { minor };
        assert_eq!(poll(&spec, &mut memory, &seen, version, at(1, 0)).set_replicas, None);
        let second = poll(&spec, &mut memory, &seen, version, at(31, 0));
        assert_eq!(second.set_replicas, expected, "2.{minor}");
    }
}

#[test]
fn idle_replicas_come_before_min() {
    let mut spec = spec();
    (spec.min_replicas, spec.idle_replicas) = (5, Some(0));
    let mut memory = KedaMemory::default();
    assert_eq!(step(&spec, &mut memory, Ok(1), 0, at(0, 0)).set_replicas, Some(5));
    assert_eq!(step(&spec, &mut memory, Ok(0), 9, at(301, 0)).set_replicas, Some(0));
}

#[test]
fn a_record_answers_the_hpa_until_the_next_poll() {
    let mut spec = spec();
    spec.triggers[0].use_cached_metrics = true;
    let mut memory = KedaMemory::default();
    let scale = Scale { replicas: 1, ready: 1 };
    let live = Ok(Reading { value_milli: 9_000, active: true });
    assert!(reads_live(&spec, &memory, 0));
    assert_eq!(metric_for_hpa(&spec, &mut memory, 0, live, scale, NEWEST), Ok(9_000));
    step(&spec, &mut memory, Ok(3), 1, at(0, 0));
    assert!(!reads_live(&spec, &memory, 0));
    assert_eq!(metric_for_hpa(&spec, &mut memory, 0, live, scale, NEWEST), Ok(3_000));
}

#[test]
fn the_laboratory_counts_from_the_last_completion() {
    let spec = spec();
    let mut memory = KedaMemory { last_active: Some(at(500, 0)), ..KedaMemory::default() };
    let seen = PollSeen {
        readings: &[Ok(Reading { value_milli: 0, active: false })],
        replicas: 3,
        ready: 3,
        created: at(0, 0),
        cooldown_from: Some(at(100, 0)),
    };
    let decision = poll(&spec, &mut memory, &seen, NEWEST, at(510, 0));
    assert_eq!(decision.set_replicas, Some(0));
}

#[test]
fn skipping_quiet_polls_changes_nothing() {
    let spec = spec();
    let (mut every, mut some) = (KedaMemory::default(), KedaMemory::default());
    let (mut replicas, mut other, mut skipped) = (0, 0, 0);
    for tick in 0..200_u64 {
        let now = at(30 * tick, 700);
        let count = if tick % 50 == 20 { 4 } else { 0 };
        let readings = [Ok(spec.triggers[0].reading(count * 1_000))];
        let seen = |replicas| PollSeen {
            readings: &readings,
            replicas,
            ready: replicas,
            created: at(0, 0),
            cooldown_from: None,
        };
        replicas =
            poll(&spec, &mut every, &seen(replicas), NEWEST, now).set_replicas.unwrap_or(replicas);
        if quiet_until(&spec, &some, &seen(other), NEWEST, now).is_some_and(|until| until > now) {
            skipped += 1;
            some.skipped_until(now);
        } else {
            other = poll(&spec, &mut some, &seen(other), NEWEST, now).set_replicas.unwrap_or(other);
        }
        assert_eq!((replicas, every.last_active), (other, some.last_active), "at {now}");
    }
    assert!(skipped > 180, "only {skipped} of 200 polls were quiet");
}
