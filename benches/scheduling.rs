//! Speed of the scheduler: the life of 100,000 pods on 200 and on 5,000 nodes.

#[path = "../tests/kit/run.rs"]
#[allow(dead_code, reason = "the bench uses its part of the kit")]
mod kit;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn pods(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pods");
    group.sample_size(10);
    for (name, file) in [
        ("pods_200", "scenarios/bench/pods-200.yaml"),
        ("pods_5000", "scenarios/bench/pods-5000.yaml"),
    ] {
        let plan = kit::plan_with(file, &[]);
        let created = kit::totals(&plan, plan.simulation.seed).pods.created;
        group.throughput(Throughput::Elements(created));
        group.bench_function(name, |bench| {
            bench.iter(|| black_box(kit::totals(&plan, plan.simulation.seed).fingerprint));
        });
    }
    group.finish();
}

criterion_group!(benches, pods);
criterion_main!(benches);
