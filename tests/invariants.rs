//! What holds in every run: scenarios drawn at random, audited. Flow balance and Little's law to
//! the microsecond (`tests/kit/books.rs` and the audit), PASTA by the audit's statistical rule, and
//! the work that is done by that of compound Poisson sums.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::unit::{Lots, SimTime};

/// Scenarios that are drawn; `FORESCALE_FULL=1` draws many more.
fn drawn() -> u64 {
    if std::env::var_os("FORESCALE_FULL").is_some() { 400 } else { 12 }
}

/// A number between two, of a lot.
fn between(lots: Lots, which: u64, least: f64, most: f64) -> f64 {
    least + (most - least) * lots.of(which).unit()
}

fn pick<'a>(lots: Lots, which: u64, from: &[&'a str]) -> &'a str {
    from[(lots.of(which).unit() * from.len() as f64) as usize]
}

/// An audited run whose books balance.
fn balanced(what: &str, plan: &Plan, seed: u64) -> Outcome {
    let seen = kit::audited(plan, seed);
    let mut wrong = Vec::new();
    books::check(plan, &seen, &mut |imbalance| wrong.push(imbalance));
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
    seen
}

/// Arrivals of a mean rate: even, with a rhythm, or half of them in bursts.
fn arrivals(draw: u64, rate: f64) -> String {
    match draw % 3 {
        0 => format!("{{poisson: {{rate: {rate}/s}}}}"),
        1 => format!(
            "{{diurnal: {{mean: {rate}/s, amplitude: 0.5, peak: \"2026-01-01T00:10:00Z\", \
             period: 20m}}}}"
        ),
        _ => {
            let even = format!("{{poisson: {{rate: {}/s}}}}", rate / 2.0);
            format!("{even}, {{burst: {{at: 0s, for: 10m, every: 20m, rate: {rate}/s}}}}")
        }
    }
}

#[test]
fn fixed_consumers_do_the_work_that_arrives() {
    // Laws of mean 1 s, and the mean of their squares.
    let laws = [
        ("1s", 1.0),
        ("{exponential: {mean: 1s}}", 2.0),
        ("{uniform: {min: 0s, max: 2s}}", 4.0 / 3.0),
        ("{hyperexponential: {mean: 1s, scv: 4}}", 5.0),
    ];
    for draw in 0..drawn() {
        let lots = Lots::new(11).of(draw);
        let (pods, slots) = (between(lots, 1, 1.0, 8.0) as u32, between(lots, 2, 1.0, 4.0) as u32);
        let rate = f64::from(pods * slots) * between(lots, 3, 0.2, 0.97);
        let (law, square) = laws[draw as usize % laws.len()];
        let sets = [
            "simulation.duration=2h".to_owned(),
            "simulation.warmup=0s".to_owned(),
            "simulation.drain=true".to_owned(),
            format!("workloads.server.replicas={pods}"),
            format!("workloads.server.consumes.concurrency={slots}"),
            format!("workloads.server.consumes.serviceTime={law}"),
            format!("queues.line.arrivals=[{}]", arrivals(draw, rate)),
            format!("queues.line.kind={}", pick(lots, 4, &["servicebus", "storage", "rabbitmq"])),
        ];
        let what = sets.join(" ");
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let plan = kit::plan_with("tests/theory/line.yaml", &sets);
        let seen = balanced(&what, &plan, draw);
        // Each comes once and takes as long as was drawn: a compound Poisson sum, whose mean is
        // lambda T E[S] and whose variance lambda T E[S²].
        let messages = &seen.messages;
        assert_eq!(messages.arrived, messages.completed, "{what}: drained");
        let work = (messages.sojourn.total_micros() - messages.wait.total_micros()) as f64 / 1e6;
        let expected = rate * 7_200.0;
        let off = (work - expected) / (expected * square).sqrt();
        assert!(off.abs() < 5.0, "{what}: {work} s of work, {expected} expected ({off:.1} sigma)");
        // The same work as the consumers saw it: rho = lambda E[S]/c over the whole run.
        let ready = seen.end.as_secs_f64() * f64::from(pods * slots);
        let busy = seen.workloads[0].busy_share * ready;
        assert!((busy - work).abs() < 1e-3 * work, "{what}: {busy} at work, {work} served");
    }
}

#[test]
fn the_whole_chain_keeps_its_books() {
    for draw in 0..drawn() {
        let lots = Lots::new(12).of(draw);
        let scaled = |which, least, most| format!("{:.0}", between(lots, which, least, most));
        let keda = "workloads.order-processor.scaledObject";
        let (even, burst) = (between(lots, 4, 0.01, 4.0), between(lots, 5, 0.0, 30.0));
        let sets = [
            "simulation.duration=90m".to_owned(),
            "simulation.warmup=10m".to_owned(),
            format!("simulation.drain={}", draw % 2 == 0),
            format!("cluster.kubernetesVersion={:?}", pick(lots, 1, &["1.31", "1.34", "1.35"])),
            format!("{keda}.cooldownPeriod={}", scaled(2, 20.0, 600.0)),
            format!("{keda}.pollingInterval={}", scaled(3, 5.0, 60.0)),
            format!(
                "queues.orders.arrivals=[{{poisson: {{rate: {even:.3}/s}}}}, \
                 {{burst: {{at: 20m, for: 10m, rate: {burst:.2}/s}}}}]"
            ),
            format!("queues.orders.lockDuration={}s", scaled(7, 10.0, 120.0)),
            format!("spotMarket={{evictionRate: {}%/h}}", scaled(6, 0.0, 90.0)),
        ];
        let what = sets.join(" ");
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let plan = kit::plan_with("scenarios/order-processor.yaml", &sets);
        balanced(&what, &plan, draw);
    }
}

#[test]
fn books_that_do_not_balance_are_found_out() {
    type Falsify = fn(&mut Outcome);
    let sets = ["simulation.duration=1h", "simulation.warmup=0s"];
    let plan = kit::plan_with("scenarios/order-processor.yaml", &sets);
    let falsifications: [(&str, Falsify); 9] = [
        ("a message is nowhere", |seen| seen.messages.arrived += 1),
        ("a wait of messages has no cause", |seen| seen.messages.wait_total += 1),
        ("a cause has too much", |seen| seen.message_waits[0] += 1),
        ("a wait of pods has no cause", |seen| seen.pods.wait_total += 1),
        ("a sample is left out", |seen| seen.wait_flows.truncate(1)),
        ("a pod is Ready before it is", |seen| seen.pod_rows[0].created = SimTime::NEVER),
        ("a node is not paid for", |seen| seen.node_rows[0].billed_from = None),
        ("idle is all there is", |seen| seen.cost.idle = seen.cost.total),
        ("the total is that of the control plane", |seen| {
            seen.cost.total = seen.cost.control_plane
        }),
    ];
    for (what, falsify) in falsifications {
        let mut seen = balanced(what, &plan, 1);
        falsify(&mut seen);
        let mut wrong = Vec::new();
        books::check(&plan, &seen, &mut |imbalance| wrong.push(imbalance));
        assert!(!wrong.is_empty(), "{what}, and nobody says so");
    }
}
