//! Streams of arrivals: rates, windows, exact counts, and independence of each other.

use std::sync::Arc;

use super::{ArrivalStream, SourceSpec, TraceCounts};
use crate::unit::{Duration, SimTime};

fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

fn arrivals(source: &SourceSpec, seed: u64, end: u64) -> Vec<SimTime> {
    let times: Vec<SimTime> = ArrivalStream::new(source, seed, 1, at(end)).collect();
    assert!(times.is_sorted(), "{source:?} ascends");
    assert!(times.iter().all(|&time| time < at(end)), "{source:?} ends");
    times
}

/// Whether a Poisson count is within five standard deviations of its mean.
fn plausible(count: usize, mean: f64) -> bool {
    (count as f64 - mean).abs() < 5.0 * mean.sqrt()
}

fn between(times: &[SimTime], from: u64, until: u64) -> usize {
    times.iter().filter(|&&time| at(from) <= time && time < at(until)).count()
}

#[test]
fn poisson_keeps_its_rate_and_its_variance() {
    for (rate, end) in [(0.01, 1_000_000), (5.0, 20_000), (3_000_000.0, 1)] {
        let times = arrivals(&SourceSpec::Poisson { rate }, 7, end);
        assert!(plausible(times.len(), rate * end as f64), "{rate}: {}", times.len());
    }
    let times = arrivals(&SourceSpec::Poisson { rate: 4.0 }, 7, 40_000);
    let counts: Vec<f64> =
        (0..4_000).map(|i| between(&times[..], i * 10, i * 10 + 10) as f64).collect();
    let mean = counts.iter().sum::<f64>() / 4_000.0;
    let variance = counts.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / 4_000.0;
    assert!((variance / mean - 1.0).abs() < 0.1, "index of dispersion {}", variance / mean);
}

#[test]
fn bursts_fill_their_windows_only() {
    let once =
        SourceSpec::Burst { at: at(100), length: Duration::from_secs(50), every: None, rate: 40.0 };
    let times = arrivals(&once, 1, 10_000);
    assert_eq!(between(&times, 100, 150), times.len());
    assert!(plausible(times.len(), 2_000.0));

    let daily = SourceSpec::Burst {
        at: at(100),
        length: Duration::from_secs(50),
        every: Some(Duration::from_secs(1_000)),
        rate: 40.0,
    };
    let repeated = arrivals(&daily, 1, 10_130);
    let inside: usize = (0..11).map(|i| between(&repeated, i * 1_000 + 100, i * 1_000 + 150)).sum();
    assert_eq!(inside, repeated.len());
    assert!(plausible(repeated.len(), 40.0 * (10.0 * 50.0 + 30.0)));
    assert_eq!(repeated[..times.len()], times[..], "the first window is the same");
}

#[test]
fn a_diurnal_rate_follows_its_cosine() {
    let source = SourceSpec::Diurnal {
        mean: 20.0,
        amplitude: 0.6,
        peak: at(300),
        period: Duration::from_secs(1_000),
    };
    let times = arrivals(&source, 3, 200_000);
    assert!(plausible(times.len(), 20.0 * 200_000.0));
    for (phase, factor) in [(300, 1.6), (550, 1.0), (800, 0.4), (50, 1.0)] {
        let near: usize = (0..199)
            .map(|day| between(&times, day * 1_000 + phase - 5, day * 1_000 + phase + 5))
            .sum();
        assert!(plausible(near, 20.0 * factor * 10.0 * 199.0), "{phase}: {near}");
    }
    let clipped = SourceSpec::Diurnal {
        mean: 5.0,
        amplitude: 3.0,
        peak: at(0),
        period: Duration::from_secs(1_000),
    };
    let times = arrivals(&clipped, 3, 1_000);
    assert_eq!(between(&times, 400, 600), 0, "a rate is never negative");
}

fn trace(counts: &[u64]) -> SourceSpec {
    let starts = (0..counts.len() as u64).map(|i| at(10 + 60 * i)).collect();
    let end = at(10 + 60 * counts.len() as u64);
    SourceSpec::Counts(Arc::new(TraceCounts { starts, end, counts: counts.to_vec() }))
}

#[test]
fn counts_are_exact_in_each_interval() {
    let counts = [3, 0, 1, 100_000, 0, 0, 17];
    let times = arrivals(&trace(&counts), 5, 100_000);
    for (i, &count) in counts.iter().enumerate() {
        let from = 10 + 60 * i as u64;
        assert_eq!(between(&times, from, from + 60) as u64, count, "interval {i}");
    }
    assert_eq!(times.len() as u64, counts.iter().sum::<u64>());
    // Uniform inside the interval: each tenth of it has its share.
    for tenth in 0..10 {
        let from = 10 + 60 * 3 + 6 * tenth;
        assert!(plausible(between(&times, from, from + 6), 10_000.0), "tenth {tenth}");
    }
    let cut = arrivals(&trace(&counts), 5, 10 + 60 * 3 + 30);
    assert_eq!(cut[..], times[..cut.len()]);
    assert_eq!(cut.len(), between(&times, 0, 10 + 60 * 3 + 30));
}

#[test]
fn an_interval_of_no_length_has_all_its_arrivals_at_its_start() {
    let spec = TraceCounts { starts: vec![at(5), at(5)], end: at(9), counts: vec![3, 1] };
    let times = arrivals(&SourceSpec::Counts(Arc::new(spec)), 5, 100);
    assert_eq!(times[..3], [at(5); 3]);
    assert_eq!(times.len(), 4);
}

#[test]
fn given_instants_are_given_back() {
    let given: Arc<[SimTime]> = [1, 4, 4, 9, 12].map(at).into();
    let times = arrivals(&SourceSpec::Instants(given), 5, 10);
    assert_eq!(times, [1, 4, 4, 9].map(at));
}

#[test]
fn other_counts_in_one_interval_leave_the_others_alone() {
    let (few, many) = (arrivals(&trace(&[3, 5, 4]), 5, 999), arrivals(&trace(&[3, 50, 4]), 5, 999));
    assert_eq!(few[..3], many[..3]);
    assert_eq!(few[8..], many[53..]);
}

#[test]
fn keys_and_seeds_make_different_streams_and_nothing_else_does() {
    let source = SourceSpec::Poisson { rate: 1.0 };
    let of =
        |seed, key| -> Vec<SimTime> { ArrivalStream::new(&source, seed, key, at(100)).collect() };
    assert_eq!(of(1, 1), of(1, 1));
    assert_ne!(of(1, 1), of(2, 1));
    assert_ne!(of(1, 1), of(1, 2));
}

#[test]
fn sources_of_nothing_are_empty() {
    for source in [
        SourceSpec::Poisson { rate: 0.0 },
        SourceSpec::Burst { at: at(0), length: Duration::ZERO, every: None, rate: 1.0 },
        trace(&[]),
        trace(&[0, 0]),
    ] {
        assert_eq!(arrivals(&source, 1, 1_000), []);
    }
}
