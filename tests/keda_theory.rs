//! KEDA and the HPA against closed forms (`docs/validation.md`): one server between 0 and 1 with a
//! cooldown, and the steps of an HPA that wants all it can get.
//!
//! The rule of `tests/theory.rs`: a tenth of each run is warm-up, runs are added until the 99 %
//! interval is narrow, and the exact value lies inside. `FORESCALE_FULL=1` runs every row.

#[path = "kit/interval.rs"]
mod interval;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use forescale::record::{Actor, JournalLevel};
use forescale::sim::{RunOptions, run};
use interval::{Effort, disagreements};

/// A row: mean time between arrivals, mean service, cooldown, poll, start of a pod; all in seconds.
struct Row {
    between: f64,
    service: f64,
    cooldown: f64,
    poll: f64,
    start: f64,
}

/// Mean wait, share of time with a replica, cold starts an hour.
fn exact(row: &Row) -> [f64; 3] {
    let Row { between, service, cooldown, poll, start } = *row;
    let rate = 1.0 / between;
    let rho = rate * service;
    let cold = forescale::chance::maths::exp(-rate * cooldown);
    let (first, second) = (poll / 2.0 + start, poll * poll / 12.0 + (poll / 2.0 + start).powi(2));
    let wait = rate * 2.0 * service * service / (2.0 * (1.0 - rho))
        + cold * (2.0 * first + rate * second) / (2.0 * (1.0 + cold * rate * first));
    let cycle = (1.0 + rate * cold * first) / (rate * (1.0 - rho));
    let on = (cycle - cold * between - cold * poll / 2.0) / cycle;
    [wait, on, 3_600.0 * cold / cycle]
}

const fn row(between: f64, service: f64, start: f64) -> Row {
    Row { between, service, cooldown: 300.0, poll: 30.0, start }
}

/// The rows, and what the table says of them.
const ROWS: [(Row, [f64; 3]); 5] = [
    (row(600.0, 30.0, 5.0), [13.7045, 0.421_095, 3.388_71]),
    (row(600.0, 30.0, 245.0), [153.5422, 0.532_313, 2.737_68]),
    (row(1_800.0, 60.0, 245.0), [212.3553, 0.264_807, 1.458_23]),
    (row(120.0, 60.0, 65.0), [68.3258, 0.956_223, 1.167_39]),
    (row(60.0, 30.0, 5.0), [30.1611, 0.995_798, 0.201_69]),
];

#[test]
fn the_formula_gives_the_table() {
    for (row, expected) in &ROWS {
        for (got, expected) in exact(row).into_iter().zip(expected) {
            assert!((got / expected - 1.0).abs() < 5e-5, "{got} is not {expected}");
        }
    }
}

#[test]
fn one_server_between_zero_and_one_waits_as_the_closed_form_says() {
    let everyday = 2;
    let full = std::env::var_os("FORESCALE_FULL").is_some();
    let mut wrong = Vec::new();
    for (row, _) in ROWS.iter().take(if full { ROWS.len() } else { everyday }) {
        let counted = 20_000.0 * row.between;
        let sets = [
            format!("simulation.duration={:.0}s", counted / 0.9),
            format!("simulation.warmup={:.0}s", counted / 9.0),
            format!("workloads.server.startup.appStart={}s", row.start),
            format!(
                "workloads.server.consumes.serviceTime={{exponential: {{mean: {}s}}}}",
                row.service
            ),
            format!("queues.line.arrivals=[{{poisson: {{rate: {}/h}}}}]", 3_600.0 / row.between),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let plan = kit::plan_with("tests/theory/keda-zero.yaml", &sets);
        let [wait, on, cold] = exact(row);
        let what = format!("1/lambda {} s, start {} s", row.between, row.start);
        let figures = [("mean wait", wait), ("share on", on), ("cold starts an hour", cold)];
        let effort = Effort { narrow: 0.02, most: 400 };
        wrong.extend(disagreements(&what, figures, effort, |seed| {
            let seen = kit::totals(&plan, seed);
            let seconds = seen.end.since(seen.warmup).as_secs_f64();
            let on = seen.workloads[0].replica_micros as f64 / 1e6 / seconds;
            let cold = seen.pods.created as f64 / seconds * 3_600.0;
            [seen.messages.wait.mean(), on, cold]
        }));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The replicas that the HPA writes, and the seconds between.
fn ramp(sets: &[&str]) -> (Vec<i64>, Vec<u64>) {
    let plan = kit::plan_with("tests/theory/hpa-ramp.yaml", sets);
    let options = RunOptions { journal: JournalLevel::Decisions, ..RunOptions::default() };
    let outcome = run(&plan, 1, options);
    let steps = outcome.journal.entries.iter().filter(|entry| entry.actor == Actor::Hpa);
    let steps: Vec<_> = steps.filter_map(|entry| Some((entry.at, entry.change?.1))).collect();
    let apart = steps.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_secs());
    let apart = apart.collect();
    (steps.into_iter().map(|step| step.1).collect(), apart)
}

const GIVEN: &str = "workloads.server.scaledObject.advanced={horizontalPodAutoscalerConfig: \
                     {behavior: {scaleDown: {stabilizationWindowSeconds: 300}}}}";

#[test]
fn an_hpa_climbs_by_the_steps_of_its_path() {
    let unset = ramp(&["workloads.server.scaledObject.maxReplicaCount=128"]);
    assert_eq!(unset.0, [4, 8, 16, 32, 64, 128]);
    let given = ramp(&["workloads.server.scaledObject.maxReplicaCount=160", GIVEN]);
    assert_eq!(given.0, [5, 10, 20, 40, 80, 160]);
    assert!(unset.1.iter().chain(&given.1).all(|&seconds| seconds == 15), "one step each sync");
}

#[test]
fn to_a_hundred_it_takes_six_syncs_either_way_and_to_twenty_four_or_three() {
    for (most, unset, given) in [
        (100, vec![4, 8, 16, 32, 64, 100], vec![5, 10, 20, 40, 80, 100]),
        (20, vec![4, 8, 16, 20], vec![5, 10, 20]),
    ] {
        let max = format!("workloads.server.scaledObject.maxReplicaCount={most}");
        assert_eq!(ramp(&[&max]).0, unset);
        assert_eq!(ramp(&[&max, GIVEN]).0, given);
    }
}

/// What follows the scan, however the loops fall: the scan after the pod's first two seconds, the
/// VM, the node, the pull, the container and the application.
const REST: f64 = 2.0 + 100.0 + 20.0 + 5.0 + 1.0 + 4.0;

/// U(0, 30) + U(0, 10): its distribution function.
fn trapezoid(x: f64) -> f64 {
    match x {
        x if x <= 0.0 => 0.0,
        x if x < 10.0 => x * x / 600.0,
        x if x < 30.0 => (x - 5.0) / 30.0,
        x if x < 40.0 => 1.0 - (40.0 - x) * (40.0 - x) / 600.0,
        _ => 1.0,
    }
}

/// From zero nodes a message waits for KEDA's poll, U(0, 30), and for the autoscaler's scan. Pods
/// of less than two seconds are left to the next scan (autoscaler `core/static_autoscaler.go`,
/// `allPodsAreNew`), which makes U(0, 10) of it U(2, 12): two seconds more, and as wide.
#[test]
fn from_zero_nodes_the_first_message_waits_for_two_loops_whose_phases_are_chance() {
    const RUNS: usize = 2_000;
    let plan = kit::plan_with("tests/theory/from-zero-nodes.yaml", &[]);
    let mut waits: Vec<f64> = (1..=RUNS as u64)
        .map(|seed| {
            let seen = kit::totals(&plan, seed).messages;
            assert_eq!((seen.arrived, seen.completed), (1, 1), "seed {seed}");
            seen.wait.mean() - REST
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    let runs = RUNS as f64;
    let mean = waits.iter().sum::<f64>() / runs;
    let sd = (waits.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / (runs - 1.0)).sqrt();
    let quantile = |p: f64| waits[(p * runs) as usize];
    // Tolerances: 2.576 standard errors (99 %) of each estimate, and 20 ms for what the API
    // servers take: σ/√n, σ√((κ−1)/4n) with κ = 2.02, √(p(1−p)/n)/f(x) with f(x) = (40−x)/300.
    let rows = [
        ("mean", mean, 20.0, 0.53),
        ("sd", sd, 9.129, 0.27),
        ("p95", quantile(0.95), 34.523, 0.69),
        ("p99", quantile(0.99), 37.551, 0.70),
    ];
    for (what, got, exact, tolerance) in rows {
        println!("{what}: {got:.3}, exact {exact} ± {tolerance}");
        assert!((got - exact).abs() < tolerance + 0.02, "{what}: {got}, exact {exact}");
    }
    // The whole distribution: Kolmogorov's distance at 1 %.
    let apart = waits.iter().enumerate().map(|(i, w)| (trapezoid(*w) - i as f64 / runs).abs());
    let apart = apart.fold(0.0, f64::max) * runs.sqrt();
    println!("Kolmogorov: {apart:.3} of 1.628");
    assert!(apart < 1.628, "{apart}");
}
