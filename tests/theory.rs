//! Scenario files of `tests/theory` against queueing theory: the closed forms of Erlang and of
//! Pollaczek and Khinchine, and the exact chain of M/D/c (`docs/validation.md`, B2.1 to B2.3). The
//! mean service is one second.
//!
//! A tenth of each run is warm-up; independent runs are added until the 99 % interval is narrow,
//! and the exact value must lie inside. `FORESCALE_FULL=1 cargo test --release --test theory` runs
//! every row of the tables, which takes minutes.

#[path = "kit/books.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod books;
#[path = "kit/interval.rs"]
mod interval;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;
#[path = "theory/replay.rs"]
mod replay;
#[path = "theory/scaling.rs"]
mod scaling;
#[path = "theory/spot.rs"]
mod spot;

use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::unit::Duration;
use interval::{Effort, disagreements};

const EXPONENTIAL: &str = "{exponential: {mean: 1s}}";
const CONSTANT: &str = "1s";

/// A scenario of this folder with `servers` and `rate` arrivals a second, long enough for
/// `messages` that count.
fn line(file: &str, servers: u32, rate: f64, service: &str, messages: u32) -> Plan {
    let counted = f64::from(messages) / rate;
    plan(
        file,
        servers,
        rate,
        service,
        &[
            format!("simulation.duration={:.0}s", counted / 0.9),
            format!("simulation.warmup={:.0}s", counted / 9.0),
        ],
    )
}

fn plan(file: &str, servers: u32, rate: f64, service: &str, more: &[String]) -> Plan {
    let mut sets = vec![
        format!("workloads.server.replicas={servers}"),
        format!("workloads.server.consumes.serviceTime={service}"),
        format!("queues.line.arrivals=[{{poisson: {{rate: {rate}/s}}}}]"),
    ];
    sets.extend_from_slice(more);
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    kit::plan_with(format!("tests/theory/{file}.yaml"), &sets)
}

/// Rows that run every time, or all of them.
fn chosen<T>(everyday: usize, rows: Vec<T>) -> Vec<T> {
    let most = if is_full() { rows.len() } else { everyday };
    rows.into_iter().take(most).collect()
}

fn is_full() -> bool {
    std::env::var_os("FORESCALE_FULL").is_some()
}

/// 2 %; 5 % where the variance is large.
fn effort(rho: f64, scv: f64) -> Effort {
    Effort { narrow: if rho >= 0.95 || scv >= 4.0 { 0.05 } else { 0.02 }, most: 200 }
}

/// Messages a run: long enough that the empty start is forgotten, short enough for many runs.
fn messages(rho: f64) -> u32 {
    (2_000.0 / ((1.0 - rho) * (1.0 - rho))).clamp(100_000.0, 1_000_000.0) as u32
}

fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn mmc_waits_as_erlang_c_says() {
    // servers, utilisation, P(wait), mean wait; the cheap rows first
    let rows = vec![
        (1, 0.5, 0.500_000, 1.000_000),
        (2, 0.5, 0.333_333, 0.333_333),
        (5, 0.7, 0.377_838, 0.251_892),
        (10, 0.8, 0.409_180, 0.204_590),
        (1, 0.9, 0.900_000, 9.000_000),
        (10, 0.5, 0.036_105, 0.007_221),
        (2, 0.9, 0.852_632, 4.263_158),
        (5, 0.95, 0.877_799, 3.511_196),
        (10, 0.95, 0.825_586, 1.651_171),
        (50, 0.9, 0.363_864, 0.072_773),
        (100, 0.95, 0.506_457, 0.101_291),
        (50, 0.98, 0.838_263, 0.838_263),
        (500, 0.98, 0.546_673, 0.054_667),
    ];
    let mut wrong = Vec::new();
    for (c, rho, p_wait, wait) in chosen(5, rows) {
        let plan = line("line", c, f64::from(c) * rho, EXPONENTIAL, messages(rho));
        let exact = [("mean wait", wait), ("P(wait)", p_wait), ("utilisation", rho)];
        wrong.extend(disagreements(
            &format!("M/M/{c} at {rho}"),
            exact,
            effort(rho, 1.0),
            |seed| {
                let seen = kit::totals(&plan, seed);
                [seen.messages.wait.mean(), share_that_waits(&seen), seen.workloads[0].busy_share]
            },
        ));
    }
    none_wrong(&wrong);
}

#[test]
fn the_tails_of_mmc_are_exponential() {
    // servers, utilisation, waits that one message in twenty and one in a hundred exceed
    let rows = vec![
        (2, 0.5, 1.897_120, 3.506_558),
        (5, 0.7, 1.348_295, 2.421_254),
        (1, 0.5, 4.605_170, 7.824_046),
        (10, 0.8, 1.051_066, 1.855_785),
        (1, 0.9, 28.903_718, 44.998_097),
        (2, 0.9, 14.181_523, 22.228_712),
        (50, 0.9, 0.396_952, 0.718_839),
        (5, 0.95, 11.461_579, 17.899_330),
        (10, 0.95, 5.608_140, 8.827_016),
        (100, 0.95, 0.463_083, 0.784_971),
    ];
    let mut wrong = Vec::new();
    for (c, rho, p95, p99) in chosen(1, rows) {
        let plan = line("line", c, f64::from(c) * rho, EXPONENTIAL, messages(rho));
        let exact = [("P(wait > p95)", 0.05), ("P(wait > p99)", 0.01)];
        let effort = Effort { most: 4_000, ..effort(rho, 1.0) };
        wrong.extend(disagreements(&format!("M/M/{c} at {rho}"), exact, effort, |seed| {
            let waits = kit::totals(&plan, seed).messages.wait.cumulative(100_000);
            [p95, p99].map(|than| {
                let within = waits.partition_point(|&(wait, _)| wait <= than);
                1.0 - waits[within - 1].1
            })
        }));
    }
    none_wrong(&wrong);
}

/// Share of the messages that did not start at once.
fn share_that_waits(seen: &Outcome) -> f64 {
    let at_once = seen.messages.wait.zeros();
    1.0 - at_once as f64 / seen.messages.wait.count() as f64
}

#[test]
fn one_server_waits_as_pollaczek_and_khinchine_say() {
    let uniform = "{uniform: {min: 0s, max: 2s}}";
    let phases_4 = "{hyperexponential: {mean: 1s, scv: 4}}";
    let phases_16 = "{hyperexponential: {mean: 1s, scv: 16}}";
    let third = 1.0 / 3.0;
    let rows = vec![
        (CONSTANT, 0.0, 0.5),
        (uniform, third, 0.5),
        (CONSTANT, 0.0, 0.8),
        (uniform, third, 0.8),
        (phases_4, 4.0, 0.5),
        (EXPONENTIAL, 1.0, 0.8),
        (phases_4, 4.0, 0.8),
        (CONSTANT, 0.0, 0.9),
        (uniform, third, 0.9),
        (phases_16, 16.0, 0.5),
        (phases_16, 16.0, 0.8),
        (CONSTANT, 0.0, 0.95),
        (uniform, third, 0.95),
        (EXPONENTIAL, 1.0, 0.95),
        (phases_4, 4.0, 0.9),
        (phases_4, 4.0, 0.95),
        (phases_16, 16.0, 0.9),
        (phases_16, 16.0, 0.95),
    ];
    let mut wrong = Vec::new();
    for (service, scv, rho) in chosen(5, rows) {
        let wait = rho * (1.0 + scv) / (2.0 * (1.0 - rho));
        let plan = line("line", 1, rho, service, messages(rho));
        let what = format!("M/G/1 with scv {scv:.2} at {rho}");
        wrong.extend(disagreements(&what, [("mean wait", wait)], effort(rho, scv), |seed| {
            [kit::totals(&plan, seed).messages.wait.mean()]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn mdc_waits_as_its_chain_says() {
    // servers, utilisation, P(wait), mean wait
    let rows = vec![
        (2, 0.8, 0.701_898, 0.903_284),
        (10, 0.8, 0.384_717, 0.109_828),
        (1, 0.8, 0.800_000, 2.000_000),
        (5, 0.8, 0.533_615, 0.289_060),
        (10, 0.95, 0.811_641, 0.837_083),
        (50, 0.9, 0.335_543, 0.039_526),
    ];
    let mut wrong = Vec::new();
    for (c, rho, p_wait, wait) in chosen(2, rows) {
        let plan = line("line", c, f64::from(c) * rho, CONSTANT, messages(rho));
        let exact = [("mean wait", wait), ("P(wait)", p_wait)];
        wrong.extend(disagreements(
            &format!("M/D/{c} at {rho}"),
            exact,
            effort(rho, 0.0),
            |seed| {
                let seen = kit::totals(&plan, seed);
                [seen.messages.wait.mean(), share_that_waits(&seen)]
            },
        ));
    }
    none_wrong(&wrong);
}

#[test]
fn losses_are_those_of_erlang_b_whatever_the_service_law() {
    let phases = "{hyperexponential: {mean: 1s, scv: 4}}";
    // servers, offered load, share lost, service
    let rows = vec![
        (5, 3.0, 0.110_054, EXPONENTIAL),
        (5, 3.0, 0.110_054, CONSTANT),
        (5, 3.0, 0.110_054, phases),
        (10, 8.0, 0.121_661, EXPONENTIAL),
        (10, 8.0, 0.121_661, phases),
        (10, 10.0, 0.214_582, CONSTANT),
        (31, 25.0, 0.040_696, EXPONENTIAL),
        (30, 20.0, 0.008_457, EXPONENTIAL),
        (100, 90.0, 0.026_957, CONSTANT),
        (250, 240.0, 0.027_278, EXPONENTIAL),
        (251, 240.0, 0.025_420, phases),
    ];
    let mut wrong = Vec::new();
    for (c, offered, lost, service) in chosen(6, rows) {
        // Long against the time that so many servers remember.
        let messages = if c > 100 { 300_000 } else { 100_000 };
        let plan = line("loss", c, offered, service, messages);
        let what = format!("B({c}, {offered}) with {service}");
        let effort = Effort { narrow: 0.02, most: 200 };
        wrong.extend(disagreements(&what, [("share lost", lost)], effort, |seed| {
            let seen = kit::totals(&plan, seed).messages;
            [seen.rejected as f64 / seen.arrived as f64]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn little_holds_to_the_microsecond() {
    for (servers, rate, service) in [
        (1, 0.9, EXPONENTIAL),
        (5, 4.5, CONSTANT),
        (3, 2.0, "{hyperexponential: {mean: 1s, scv: 9}}"),
    ] {
        let drained =
            ["simulation.duration=20000s", "simulation.warmup=0s", "simulation.drain=true"]
                .map(str::to_owned);
        let plan = plan("line", servers, rate, service, &drained);
        for seed in 1..4 {
            let seen = kit::audited(&plan, seed);
            let mut wrong = Vec::new();
            books::check(&plan, &seen, &mut |what| wrong.push(what));
            none_wrong(&wrong);
            let messages = &seen.messages;
            assert_eq!(messages.arrived, messages.completed, "drained");
            // Each message's own wait against depth integrated over time.
            assert_eq!(messages.wait.total_micros(), messages.wait_total);
            // Each message's own service against the servers' time at work.
            let service = messages.sojourn.total_micros() - messages.wait.total_micros();
            let ready = Duration::from_micros(seen.end.micros()).micros() * u64::from(servers);
            let busy = seen.workloads[0].busy_share * ready as f64;
            assert!((busy - service as f64).abs() < 1.0, "{busy} at work, {service} served");
        }
    }
}
