//! Speed of messages: draws, arrivals, and a whole queue with many consumers.

#[path = "../tests/kit/run.rs"]
#[allow(dead_code, reason = "each user takes its part of the kit")]
mod kit;
#[path = "../tests/kit/waiting_line.rs"]
mod waiting_line;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use forescale::chance::{Dist, Purpose};
use forescale::demand::{ArrivalStream, SourceSpec, TraceCounts};
use forescale::record::Distribution;
use forescale::sim::{RunOptions, run};
use forescale::unit::{Duration, SimTime};
use waiting_line::WaitingLine;

fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    let fine = "possible parameters";
    for (name, dist) in [
        ("exponential", Dist::exponential(2.0).expect(fine)),
        ("lognormal", Dist::lognormal(2.0, 6.0).expect(fine)),
        ("gamma", Dist::gamma(2.0, 0.5).expect(fine)),
        ("hyperexponential", Dist::hyperexponential(2.0, 4.0).expect(fine)),
    ] {
        let mut ordinal = 0;
        group.bench_function(name, |bench| {
            bench.iter(|| {
                ordinal += 1;
                black_box(dist.sample_keyed(7, Purpose::Service, 1, ordinal))
            });
        });
    }
    group.finish();
}

fn arrivals(criterion: &mut Criterion) {
    const SECONDS: u64 = 1_000;
    let mut group = criterion.benchmark_group("arrivals");
    group.throughput(Throughput::Elements(100 * SECONDS));
    let starts: Vec<SimTime> = (0..SECONDS / 10).map(|i| SimTime::from_secs(i * 10)).collect();
    let counts = vec![1_000; starts.len()];
    let trace = TraceCounts { starts, end: SimTime::from_secs(SECONDS), counts };
    let period = Duration::from_secs(SECONDS);
    for (name, source) in [
        ("poisson", SourceSpec::Poisson { rate: 100.0 }),
        ("counts", SourceSpec::Counts(Arc::new(trace))),
        ("diurnal", {
            let peak = SimTime::ZERO;
            SourceSpec::Diurnal { mean: 100.0, amplitude: 0.6, peak, period }
        }),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let stream = ArrivalStream::new(&source, 7, 1, SimTime::from_secs(SECONDS));
                black_box(stream.count())
            });
        });
    }
    group.finish();
}

fn messages(criterion: &mut Criterion) {
    const MESSAGES: u64 = 200_000;
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(MESSAGES)).sample_size(10);
    for servers in [10, 2_000] {
        let service = Dist::exponential(1.0).expect("possible");
        let line = WaitingLine::poisson(f64::from(servers) * 0.9, service, servers, MESSAGES);
        group.bench_function(format!("{servers} slots"), |bench| {
            bench.iter(|| black_box(line.run(7).wait.count()));
        });
    }
    group.finish();
}

/// The whole simulation at 2,000 messages a second, with and without what reports need: the
/// beginning of `scenarios/bench/messages-10m.yaml`.
fn scenario(criterion: &mut Criterion) {
    const SECONDS: u64 = 100;
    let length = format!("simulation.duration={SECONDS}s");
    let plan = kit::plan_with("scenarios/bench/messages-10m.yaml", &[&length]);
    let mut group = criterion.benchmark_group("messages-10m");
    group.throughput(Throughput::Elements(2_000 * SECONDS)).sample_size(10);
    group.bench_function("totals", |bench| bench.iter(|| kit::totals(&plan, 1).fingerprint));
    group.bench_function("report", |bench| {
        bench.iter(|| run(&plan, 1, RunOptions::default()).fingerprint);
    });
    group.finish();
}

/// Fifty ScaledObjects and no message for thirty days: polls and syncs that see nothing new.
fn idle(criterion: &mut Criterion) {
    let plan = kit::plan_with("scenarios/bench/idle-month.yaml", &[]);
    let mut group = criterion.benchmark_group("idle-month");
    group.sample_size(10);
    group.bench_function("totals", |bench| bench.iter(|| kit::totals(&plan, 1).fingerprint));
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let mut distribution = Distribution::default();
    let mut micros = 0u64;
    criterion.bench_function("distribution add", |bench| {
        bench.iter(|| {
            micros = (micros + 7_919) % 300_000_000;
            distribution.add(Duration::from_micros(micros));
        });
    });
}

criterion_group!(benches, draws, arrivals, messages, scenario, idle, records);
criterion_main!(benches);
