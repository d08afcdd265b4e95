//! Recorded arrivals through a line, against the recursions of Lindley (one server) and of Kiefer
//! and Wolfowitz (several), fed the same arrivals and the same service draws: equal to the
//! microsecond. The recordings are not part of the repository (see `tests/traces.rs`).

use super::kit;
use forescale::chance::{Dist, Purpose};
use forescale::demand::{ArrivalStream, SourceSpec};
use forescale::plan::{ArrivalSpec, Plan};
use forescale::record::Distribution;
use forescale::unit::{Duration, SimTime};

/// FNV-1a over `queue/line/`: the name under which the queue draws.
fn key_of_line() -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    b"queue/line/".iter().copied().fold(0xcbf2_9ce4_8422_2325, hash)
}

fn source(plan: &Plan) -> &SourceSpec {
    let mut streams = plan.streams.iter();
    match (streams.next(), streams.next()) {
        (Some(ArrivalSpec::Messages { source, .. }), None) => source,
        _ => panic!("one stream of messages"),
    }
}

/// The n-th message's service time: drawn at its first delivery.
fn service(law: &Dist, seed: u64, ordinal: u64) -> Duration {
    law.sample_keyed(seed, Purpose::Service, key_of_line(), ordinal << 8 | 1)
}

/// W' = max(0, W + S - A).
fn lindley(arrivals: &[SimTime], law: &Dist, seed: u64) -> Distribution {
    let mut waits = Distribution::default();
    let (mut wait, mut before) = (0_i64, arrivals[0]);
    for (ordinal, &at) in arrivals.iter().enumerate() {
        if ordinal > 0 {
            let served = service(law, seed, ordinal as u64 - 1).micros() as i64;
            wait = (wait + served - (at - before).micros() as i64).max(0);
        }
        waits.add(Duration::from_micros(wait as u64));
        before = at;
    }
    waits
}

/// The vector of work that each server has before it, sorted.
fn kiefer_wolfowitz(arrivals: &[SimTime], law: &Dist, seed: u64, servers: usize) -> Distribution {
    let mut waits = Distribution::default();
    let (mut work, mut before) = (vec![0_u64; servers], arrivals[0]);
    for (ordinal, &at) in arrivals.iter().enumerate() {
        let passed = (at - before).micros();
        work.iter_mut().for_each(|left| *left = left.saturating_sub(passed));
        work.sort_unstable();
        waits.add(Duration::from_micros(work[0]));
        work[0] += service(law, seed, ordinal as u64).micros();
        before = at;
    }
    waits
}

#[test]
fn recorded_arrivals_wait_as_the_recursions_say() {
    let llm = "{file: FILE, time: TIMESTAMP}";
    let elb = "{file: FILE, time: timestamp, count: value, scale: 0.1}";
    let mut plans = Vec::new();
    for (file, trace, length, servers, mean) in [
        ("arrivals_azure_llm_code_2023.csv", llm, "1h", 1_u32, "300ms"),
        ("arrivals_azure_llm_code_2023.csv", llm, "1h", 4, "1s"),
        ("arrivals_nab_elb_request_count_8c0756_5min.csv", elb, "3d", 3, "60s"),
    ] {
        let Some(path) = kit::recording(file) else { return };
        let trace = trace.replace("FILE", &path.to_string_lossy());
        let sets = [
            format!("simulation.duration={length}"),
            "simulation.warmup=0s".to_owned(),
            "simulation.drain=true".to_owned(),
            format!("workloads.server.replicas={servers}"),
            format!("workloads.server.consumes.serviceTime={{exponential: {{mean: {mean}}}}}"),
            format!("queues.line.arrivals=[{{trace: {trace}}}]"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        plans.push((file, servers as usize, kit::plan_with("tests/theory/line.yaml", &sets)));
    }
    for (file, servers, plan) in plans {
        let consumers = plan.workloads.iter().find_map(|workload| workload.consumes.as_ref());
        let law = &consumers.expect("a consumer").service;
        for seed in 1..4 {
            let seen = kit::audited(&plan, seed).messages;
            let key = key_of_line();
            let arrivals: Vec<SimTime> =
                ArrivalStream::new(source(&plan), seed, key, plan.end()).collect();
            assert!(arrivals.len() > 1_000, "{file}: {} arrivals", arrivals.len());
            let mut exact = vec![kiefer_wolfowitz(&arrivals, law, seed, servers)];
            if servers == 1 {
                exact.push(lindley(&arrivals, law, seed));
            }
            for exact in exact {
                assert_eq!(seen.wait.count(), exact.count(), "{file}, {servers} servers");
                assert_eq!(seen.wait.total_micros(), exact.total_micros(), "{file}, {servers}");
                assert_eq!(seen.wait.quantiles(), exact.quantiles(), "{file}, {servers} servers");
                assert!(exact.total_micros() > 0, "{file}: somebody waits");
            }
        }
    }
}

#[test]
fn the_key_is_that_of_the_simulation() {
    // Without recordings: a Poisson line of one server.
    let sets = ["simulation.duration=2000s", "simulation.warmup=0s", "simulation.drain=true"];
    let plan = kit::plan_with("tests/theory/line.yaml", &sets);
    let consumers = plan.workloads.iter().find_map(|workload| workload.consumes.as_ref());
    let law = &consumers.expect("a consumer").service;
    let arrivals: Vec<SimTime> =
        ArrivalStream::new(source(&plan), 7, key_of_line(), plan.end()).collect();
    let seen = kit::audited(&plan, 7).messages;
    assert_eq!(seen.wait.total_micros(), lindley(&arrivals, law, 7).total_micros());
}
