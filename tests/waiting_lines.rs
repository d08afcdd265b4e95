//! Queues, consumers and arrivals against queueing theory: Erlang B and C, Pollaczek-Khinchine,
//! Little's law. Values are those of `docs/validation.md` §B2.1 to B2.3, with a mean service of 1
//! s.

#[path = "kit/waiting_line.rs"]
mod waiting_line;

use forescale::chance::Dist;
use statrs::distribution::{ContinuousCDF, StudentsT};
use waiting_line::{Seen, WaitingLine};

const REPLICATIONS: u64 = 8;

/// Mean and half-width of the 99 % interval over replications.
fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("a t distribution").inverse_cdf(0.995);
    (mean, t * (variance / n).sqrt())
}

/// The value must lie in the interval, and the interval must be narrow enough to say something.
fn assert_agrees(what: &str, values: &[f64], theory: f64, narrow: f64) {
    let (mean, half) = interval(values);
    let text = format!("{what}: {mean:.5} ± {half:.5}, theory {theory:.5}");
    assert!(half <= narrow * theory, "too wide to say: {text}");
    assert!((mean - theory).abs() <= half, "{text}");
}

fn replicate(line: &WaitingLine) -> Vec<Seen> {
    (1..=REPLICATIONS).map(|seed| line.run(seed)).collect()
}

fn each(runs: &[Seen], value: impl Fn(&Seen) -> f64) -> Vec<f64> {
    runs.iter().map(value).collect()
}

fn exponential() -> Dist {
    Dist::exponential(1.0).expect("possible")
}

#[test]
fn mmc_waits_as_erlang_c_says() {
    // servers, utilisation, P(wait), mean wait, 99 % quantile of the wait; messages a replication
    for (c, rho, p_wait, mean, p99, messages) in [
        (1, 0.5, 0.5, 1.0, 7.824_046, 200_000),
        (2, 0.9, 0.852_632, 4.263_158, 22.228_712, 500_000),
        (5, 0.7, 0.377_838, 0.251_892, 2.421_254, 200_000),
        (10, 0.8, 0.409_180, 0.204_590, 1.855_785, 300_000),
        (50, 0.9, 0.363_864, 0.072_773, 0.718_839, 700_000),
    ] {
        let line = WaitingLine::poisson(f64::from(c) * rho, exponential(), c, messages);
        let runs = replicate(&line);
        let name = format!("M/M/{c} at {rho}");
        let waits = each(&runs, |seen| seen.wait.mean());
        assert_agrees(&format!("{name}: mean wait"), &waits, mean, 0.1);
        let waited = each(&runs, |seen| seen.waited as f64 / seen.wait.count() as f64);
        assert_agrees(&format!("{name}: share that waits"), &waited, p_wait, 0.05);
        let tail = each(&runs, |seen| seen.wait.quantiles().p99);
        assert_agrees(&format!("{name}: p99"), &tail, p99, 0.15);
        let busy = each(&runs, |seen| seen.busy_share);
        assert_agrees(&format!("{name}: utilisation"), &busy, rho, 0.02);
    }
}

#[test]
fn one_server_waits_as_pollaczek_and_khinchine_say() {
    let fine = "possible";
    for (name, service, rho, mean) in [
        ("M/D/1", Dist::uniform(1.0, 1.0).expect(fine), 0.8, 2.0),
        ("M/U/1", Dist::uniform(0.0, 2.0).expect(fine), 0.8, 2.666_667),
        ("M/G/1, gamma, scv 1/2", Dist::gamma(1.0, 0.5).expect(fine), 0.5, 0.75),
        ("M/H2/1, scv 4", Dist::hyperexponential(1.0, 4.0).expect(fine), 0.5, 2.5),
    ] {
        let runs = replicate(&WaitingLine::poisson(rho, service, 1, 400_000));
        assert_agrees(name, &each(&runs, |seen| seen.wait.mean()), mean, 0.05);
    }
}

#[test]
fn mdc_waits_as_its_chain_says() {
    for (c, rho, p_wait, mean) in [(2, 0.8, 0.701_898, 0.903_284), (10, 0.8, 0.384_717, 0.109_828)]
    {
        let service = Dist::uniform(1.0, 1.0).expect("possible");
        let runs = replicate(&WaitingLine::poisson(f64::from(c) * rho, service, c, 300_000));
        let name = format!("M/D/{c}");
        assert_agrees(&name, &each(&runs, |seen| seen.wait.mean()), mean, 0.05);
        let waited = each(&runs, |seen| seen.waited as f64 / seen.wait.count() as f64);
        assert_agrees(&format!("{name}: share that waits"), &waited, p_wait, 0.03);
    }
}

#[test]
fn losses_are_those_of_erlang_b_whatever_the_service_law() {
    let fine = "possible";
    for (name, service) in [
        ("exponential", exponential()),
        ("constant", Dist::uniform(1.0, 1.0).expect(fine)),
        ("hyperexponential", Dist::hyperexponential(1.0, 4.0).expect(fine)),
    ] {
        for (c, offered, lost) in [(5, 3.0, 0.110_054), (10, 8.0, 0.121_661)] {
            let mut line = WaitingLine::poisson(offered, service.clone(), c, 200_000);
            line.reject_when_full = true;
            let shares = each(&replicate(&line), |seen| {
                let tally = seen.tally;
                let all = tally.counted_arrived + tally.counted_rejected;
                tally.counted_rejected as f64 / all as f64
            });
            assert_agrees(&format!("B({c},{offered}), {name}"), &shares, lost, 0.05);
        }
    }
}

#[test]
fn littles_law_holds_to_the_microsecond() {
    let mut line = WaitingLine::poisson(4.5, exponential(), 5, 100_000);
    line.warmup = forescale::unit::SimTime::ZERO;
    for seed in 1..4 {
        let seen = line.run(seed);
        assert_eq!(seen.depth_micros, seen.wait.total_micros());
        assert_eq!(seen.tally.arrived, seen.wait.count());
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let line = WaitingLine::poisson(0.9, exponential(), 1, 20_000);
    let totals = |seed| {
        let seen = line.run(seed);
        (seen.tally, seen.sojourn.total_micros())
    };
    assert_eq!(totals(5), totals(5));
    assert_ne!(totals(5), totals(6));
}
