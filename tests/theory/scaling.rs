//! Servers that come and go with the demand: B2.4 (a server for everyone), B2.5 (set-up times), and
//! B2.7 (work that is saved).

use super::interval::{Effort, disagreements};
use super::{chosen, kit, none_wrong};
use std::f64::consts::FRAC_PI_2;

use forescale::chance::maths;
use forescale::plan::Plan;
use forescale::record::Outcome;

/// Seconds of a run that count.
fn counted_seconds(seen: &Outcome) -> f64 {
    seen.end.as_secs_f64() - seen.warmup.as_secs_f64()
}

fn plan(file: &str, sets: &[String]) -> Plan {
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    kit::plan_with(format!("tests/theory/{file}.yaml"), &sets)
}

/// A run long enough for `messages` that count, a tenth before them.
fn lasting(messages: f64, rate: f64) -> [String; 2] {
    let counted = messages / rate;
    [
        format!("simulation.duration={:.0}s", counted / 0.9),
        format!("simulation.warmup={:.0}s", counted / 9.0),
    ]
}

/// Mean wait, and mean number of servers that boot and that idle.
fn servers(seen: &Outcome) -> [f64; 3] {
    let server = &seen.workloads[0];
    let mean = |micros: u128| micros as f64 / 1e6 / counted_seconds(seen);
    let (all, on) = (mean(server.replica_micros), mean(server.slot_micros));
    [seen.messages.wait.mean(), all - on, on * (1.0 - server.busy_share)]
}

fn setup(servers: u32, rho: f64, boot: &str, off_delay: &str, messages: f64) -> Plan {
    let rate = f64::from(servers) * rho;
    let mut sets = vec![
        format!("workloads.server.scaledObject.maxReplicaCount={servers}"),
        format!("workloads.server.startup.appStart={boot}"),
        format!("queues.line.arrivals=[{{poisson: {{rate: {rate}/s}}}}]"),
        format!("lab.scaler.instant.offDelay={off_delay}"),
    ];
    sets.extend(lasting(messages, rate));
    plan("setup", &sets)
}

/// What disagrees with a mean wait and a mean number of servers that boot.
fn disagree_on_booting(what: &str, plan: &Plan, wait: f64, booting: f64) -> Vec<String> {
    let effort = Effort { narrow: 0.02, most: 400 };
    let exact = [("mean wait", wait), ("booting", booting)];
    disagreements(what, exact, effort, |seed| {
        let [wait, booting, _] = servers(&kit::totals(plan, seed));
        [wait, booting]
    })
}

/// Mean hours that each of ten Jobs took to its end.
fn hours_of_a_job(plan: &Plan, seed: u64) -> f64 {
    let seen = kit::totals(plan, seed);
    assert_eq!(seen.pods.completed, 10);
    seen.workloads[0].replica_micros as f64 / 3.6e9 / 10.0
}

fn exponential(mean: u32) -> String {
    format!("{{exponential: {{mean: {mean}s}}}}")
}

#[test]
fn servers_with_set_up_times_wait_as_gandhi_says() {
    // servers, utilisation, mean boot, mean wait, mean booting; the cheap rows first
    let rows = vec![
        (2, 0.5, 10, 6.117_807, 0.829_142),
        (5, 0.5, 10, 2.889_140, 1.972_931),
        (10, 0.5, 10, 1.663_350, 3.635_163),
        (1, 0.5, 10, 12.0, f64::NAN),
        (2, 0.8, 10, 8.237_165, 0.359_949),
        (5, 0.8, 10, 4.122_099, 0.901_556),
        (10, 0.3, 10, 1.604_793, 3.715_651),
        (10, 0.8, 10, 2.438_406, 1.786_027),
        (20, 0.5, 10, 0.983_105, 6.326_068),
        (20, 0.8, 10, 1.435_273, 3.493_009),
        (50, 0.5, 10, 0.529_949, 11.780_710),
        (10, 0.5, 100, 13.416_756, 4.800_473),
    ];
    let mut wrong = Vec::new();
    for (k, rho, boot, wait, booting) in chosen(3, rows) {
        let plan = setup(k, rho, &exponential(boot), "0s", 50_000.0);
        let what = format!("M/M/{k}/setup at {rho}, boot {boot} s");
        // M/M/1/setup: W = 1/(mu - lambda) + 1/alpha; booting = Wq's part: one boots (1 - rho) of
        // the time that 1/alpha takes of a cycle.
        let booting = if booting.is_nan() { (1.0 - rho) * 5.0 / 6.0 } else { booting };
        let wait = if k == 1 { 2.0 + f64::from(boot) - 1.0 } else { wait };
        wrong.extend(disagree_on_booting(&what, &plan, wait, booting));
    }
    none_wrong(&wrong);
}

#[test]
fn servers_that_boot_in_constant_time_wait_as_simulated_elsewhere() {
    // No closed form: eight times four million jobs of another simulation, each good to 0.3 %.
    // Servers, utilisation, boot, mean wait, mean booting
    let rows = vec![
        (2, 0.5, 10, 5.322, 0.852),
        (5, 0.5, 10, 3.650, 2.113),
        (10, 0.5, 10, 2.665, 4.105),
        (10, 0.8, 10, 2.628, 1.823),
        (20, 0.8, 10, 1.797, 3.612),
        (50, 0.5, 10, 1.238, 17.382),
        (10, 0.5, 100, 25.97, 4.878),
    ];
    let mut wrong = Vec::new();
    for (k, rho, boot, wait, booting) in chosen(1, rows) {
        let plan = setup(k, rho, &format!("{boot}s"), "0s", 50_000.0);
        let what = format!("M/M/{k}/setup at {rho}, boot of {boot} s");
        wrong.extend(disagree_on_booting(&what, &plan, wait, booting));
    }
    none_wrong(&wrong);
}

#[test]
fn one_server_with_any_set_up_time_waits_as_welch_says() {
    // Welch 1964: lambda E[S²]/(2(1 - rho)) + (2 E[I] + lambda E[I²])/(2(1 + lambda E[I]))
    let (rate, rho) = (0.5, 0.5);
    let queueing = rate * 2.0 / (2.0 * (1.0 - rho));
    let welch = |mean: f64, square: f64| {
        queueing + (2.0 * mean + rate * square) / (2.0 * (1.0 + rate * mean))
    };
    let rows = vec![
        ("10s", welch(10.0, 100.0)),
        ("{uniform: {min: 0s, max: 30s}}", welch(15.0, 300.0)),
        ("{hyperexponential: {mean: 10s, scv: 2}}", welch(10.0, 300.0)),
    ];
    assert!((rows[0].1 - 6.833_333).abs() < 1e-6, "the published row");
    let mut wrong = Vec::new();
    for (boot, wait) in chosen(2, rows) {
        let plan = setup(1, rho, boot, "0s", 50_000.0);
        let effort = Effort { narrow: 0.02, most: 400 };
        let what = format!("M/M/1 with boot {boot}");
        wrong.extend(disagreements(&what, [("mean wait", wait)], effort, |seed| {
            [kit::totals(&plan, seed).messages.wait.mean()]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn an_idle_server_that_stays_a_while_saves_boots() {
    // servers, utilisation, mean off delay, mean wait, mean booting, mean idle; boot 10 s
    let rows = vec![
        (1, 0.5, 20, 4.750_000, 0.156_250, 0.312_500),
        (5, 0.5, 20, 0.553_875, 0.530_856, 1.061_713),
        (10, 0.5, 20, 0.263_398, 0.825_862, 1.651_725),
        (10, 0.8, 20, 0.578_584, 0.529_831, 1.059_662),
        (10, 0.3, 60, 0.128_783, 0.358_794, 2.152_765),
        (10, 0.5, 100, 0.087_115, 0.278_734, 2.787_336),
    ];
    let mut wrong = Vec::new();
    for (k, rho, delay, wait, booting, idle) in chosen(2, rows) {
        let plan = setup(k, rho, &exponential(10), &exponential(delay), 50_000.0);
        let what = format!("M/M/{k}/setup/delayedoff at {rho}, delay {delay} s");
        let effort = Effort { narrow: 0.02, most: 400 };
        let exact = [("mean wait", wait), ("booting", booting), ("idle", idle)];
        wrong
            .extend(disagreements(&what, exact, effort, |seed| servers(&kit::totals(&plan, seed))));
    }
    none_wrong(&wrong);
}

#[test]
fn with_room_for_all_the_wait_does_not_know_the_service_time() {
    // Gandhi, Harchol-Balter, Adan 2010. Arrivals a second, mean boot, mean wait
    let rows = vec![
        (0.1, 100, 23.080_039),
        (1.0, 10, 2.308_004),
        (1.0, 100, 7.765_652),
        (0.01, 100, 58.197_671),
        (1.0, 240, 12.147_926),
        (10.0, 100, 2.501_880),
        (5.0, 240, 5.485_407),
    ];
    let mut wrong = Vec::new();
    for (rate, boot, wait) in chosen(2, rows) {
        let mut sets = vec![
            "workloads.server.scaledObject.maxReplicaCount=100000".to_owned(),
            format!("workloads.server.startup.appStart={}", exponential(boot)),
            format!("queues.line.arrivals=[{{poisson: {{rate: {rate}/s}}}}]"),
        ];
        sets.extend(lasting(50_000.0, rate));
        let plan = plan("setup", &sets);
        let effort = Effort { narrow: 0.02, most: 400 };
        let what = format!("M/M/inf/setup, {rate}/s, boot {boot} s");
        wrong.extend(disagreements(&what, [("mean wait", wait)], effort, |seed| {
            [kit::totals(&plan, seed).messages.wait.mean()]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn each_partition_is_a_line_of_its_own() {
    // Four partitions of M/M/1 at one half, whatever the number of consumers.
    let plan = plan("log", &lasting(100_000.0, 2.0));
    let effort = Effort { narrow: 0.02, most: 200 };
    let wrong = disagreements("four partitions", [("mean wait", 1.0)], effort, |seed| {
        [kit::totals(&plan, seed).messages.wait.mean()]
    });
    none_wrong(&wrong);
}

#[test]
fn a_crowd_follows_its_arrivals_with_a_lag() {
    // Eick, Massey, Whitt 1993: arrivals L + A sin(2 pi t/T). L, A, T, mu, mean, amplitude, lag
    let rows = vec![
        (10.0, 5.0, 24.0, 1.0, 10.0, 4.836_986, 0.978_050),
        (10.0, 5.0, 24.0, 0.25, 40.0, 13.812_422, 3.088_047),
        (60.0, 40.0, 1.0, 2.0, 30.0, 6.066_289, 0.200_953),
    ];
    let mut wrong = Vec::new();
    for (level, swing, period, mu, mean, amplitude, lag) in chosen(2, rows) {
        let periods = 200.0;
        let sets = [
            format!(
                "workloads.server.arrivals=[{{diurnal: {{mean: {level}/s, amplitude: {}, \
                 peak: \"2026-01-01T00:00:00Z\", period: {period}s}}}}]",
                swing / level
            ),
            format!("workloads.server.duration={{exponential: {{mean: {}s}}}}", 1.0 / mu),
            "simulation.warmup=0s".to_owned(),
            format!("simulation.duration={}s", period * (periods + 20.0)),
            format!("simulation.sample={}ms", period * 1_000.0 / 40.0),
        ];
        let plan = plan("crowd", &sets);
        let effort = Effort { narrow: 0.02, most: 400 };
        let what = format!("M(t)/M/inf of {level}, {swing}, {period}, {mu}");
        let exact = [("mean", mean), ("amplitude", amplitude), ("lag", lag)];
        wrong.extend(disagreements(&what, exact, effort, |seed| {
            let seen = kit::audited(&plan, seed);
            first_harmonic(&seen, period, 20.0 * period)
        }));
    }
    none_wrong(&wrong);
}

/// Mean of the number of pods after `from`, and amplitude and lag of its first harmonic behind a
/// cosine.
fn first_harmonic(seen: &Outcome, period: f64, from: f64) -> [f64; 3] {
    let column = |column: &&forescale::record::Column| column.header == "server_desired_pods";
    let pods = seen.series.columns.iter().find(column).expect("pods that exist");
    let (mut n, mut sum, mut cosine, mut sine) = (0.0, 0.0, 0.0, 0.0);
    let end = seen.end.as_secs_f64() - 1e-9;
    for (&time, &value) in seen.series.time_s.iter().zip(&pods.values) {
        if time >= from && time < end {
            let phase = std::f64::consts::TAU * time / period;
            (n, sum) = (n + 1.0, sum + value);
            (cosine, sine) =
                (cosine + value * maths::cos(phase), sine + value * maths::cos(phase - FRAC_PI_2));
        }
    }
    let (cosine, sine) = (2.0 * cosine / n, 2.0 * sine / n);
    [sum / n, cosine.hypot(sine), sine.atan2(cosine) * period / std::f64::consts::TAU]
}

#[test]
fn saved_work_takes_as_long_as_daly_says() {
    // mean hours between evictions, hours of work, minutes between saves, of a save, of a restart:
    // an hour between saves, and the time that is best
    let rows = vec![
        (5.0_f64, 8.0, 60.0, 2.0, 5.0, 9.337_2),
        (5.0, 8.0, 33.32, 2.0, 5.0, 9.150_8),
        (20.0, 24.0, 60.0, 1.0, 5.0, 25.135_3),
        (20.0, 24.0, 48.33, 1.0, 5.0, 25.111_5),
        (5.0, 24.0, 60.0, 1.0, 5.0, 27.512_4),
        (5.0, 24.0, 23.83, 1.0, 5.0, 26.509_3),
        (24.0, 500.0, 60.0, 5.0, 10.0, 557.939_0),
        (24.0, 500.0, 116.69, 5.0, 10.0, 547.881_8),
    ];
    let mut wrong = Vec::new();
    for (between, work, every, cost, restart, published) in chosen(2, rows) {
        let (tau, c, r) = (every / 60.0, cost / 60.0, restart / 60.0);
        let segment = |tau: f64| between * maths::exp(r / between) * ((tau + c) / between).exp_m1();
        let formula = segment(tau) * work / tau;
        assert!((formula - published).abs() < 1e-4 * published, "{formula} for {published}");
        // Daly counts parts of segments; a job ends with a shorter one and its save.
        let (whole, rest) = ((work / tau).floor(), work % tau);
        let last = if rest > 1e-9 && tau - rest > 1e-9 { segment(rest) } else { 0.0 };
        let exact = if last > 0.0 { whole * segment(tau) + last } else { formula };
        let hourly = 100.0 * (1.0 - maths::exp(-1.0 / between));
        let sets = [
            format!("workloads.work.duration={work}h"),
            format!("workloads.work.checkpoint={{every: {:.1}s, cost: {cost}m}}", 60.0 * every),
            format!("workloads.work.startup.appStart={restart}m"),
            format!("spotMarket.evictionRate={hourly:.9}%/h"),
            format!("simulation.duration={work}h"),
        ];
        let plan = plan("checkpoint", &sets);
        let effort = Effort { narrow: 0.02, most: 100 };
        let what = format!("{work} h of work, evicted every {between} h, saved every {every} min");
        wrong.extend(disagreements(&what, [("hours", exact)], effort, |seed| {
            // The first start is no restart.
            [hours_of_a_job(&plan, seed) - r]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn the_best_time_between_saves_is_that_of_daly() {
    // mean hours between evictions, minutes of a save, best minutes between saves, by Young
    for (between, cost, best, young) in [
        (24.0_f64, 5.0, 116.69, 120.0),
        (20.0, 1.0, 48.33, 48.99),
        (5.0, 1.0, 23.83, 24.49),
        (5.0, 2.0, 33.32, 34.64),
    ] {
        let (m, c) = (between * 60.0, cost);
        let root = (2.0_f64 * c * m).sqrt();
        let daly = root * (1.0 + (c / (2.0 * m)).sqrt() / 3.0 + c / (18.0 * m)) - c;
        assert!((root - young).abs() < 0.01 && (daly - best).abs() < 0.01, "{root} {daly}");
        // The derivative of Daly's expected time changes its sign there.
        let slope = |tau: f64| maths::exp((tau + c) / m) * (tau / m - 1.0) + 1.0;
        assert!(slope(best - 0.02) < 0.0 && slope(best + 0.02) > 0.0, "{best}");
    }
}

#[test]
fn work_on_spot_starts_again_as_often_as_renewal_theory_says() {
    // hours of work, hazard an hour, hours of a start, mean hours with a start that cannot be taken
    // (it follows an eviction only) and with one that can (each attempt begins with it)
    let rows = vec![
        (8.0_f64, 0.05_f64, 0.1_f64, 9.885_676, 9.986_050),
        (1.0, 0.05, 0.1, 1.030_549, 1.130_812),
        (4.0, 0.05, 0.1, 4.450_195, 4.550_501),
        (4.0, 0.2, 0.1, 6.250_259, 6.352_499),
        (8.0, 0.2, 0.1, 20.160_465, 20.265_452),
        (24.0, 0.05, 0.1, 46.634_350, 46.735_182),
    ];
    let mut wrong = Vec::new();
    for (work, hazard, start, immune, evictable) in chosen(1, rows) {
        let hourly = 100.0 * (1.0 - maths::exp(-hazard));
        for (can_be_taken, published) in [(false, immune), (true, evictable)] {
            let exact = if can_be_taken {
                (hazard * (work + start)).exp_m1() / hazard
            } else {
                (hazard * work).exp_m1() * (1.0 / hazard + start)
            };
            assert!((exact - published).abs() < 1e-6 * published, "{exact} for {published}");
            let (boot, app) = if can_be_taken { (0.0, start) } else { (start, 0.0) };
            let sets = [
                format!("workloads.work.duration={work}h"),
                // Longer than the work: nothing is saved.
                "workloads.work.checkpoint={every: 1000h, cost: 0s}".to_owned(),
                format!("workloads.work.startup.appStart={}s", app * 3_600.0),
                format!("timing.vmProvision={}s", boot * 3_600.0),
                format!("spotMarket.evictionRate={hourly:.9}%/h"),
                // Nobody is so unlucky that it does not do.
                format!("simulation.duration={:.0}h", 10.0 * exact),
            ];
            let plan = plan("checkpoint", &sets);
            let effort = Effort { narrow: 0.01, most: 4_000 };
            let what = format!("{work} h of work at {hazard}, start can be taken: {can_be_taken}");
            wrong.extend(disagreements(&what, [("hours", exact)], effort, |seed| {
                // The first boot follows no eviction.
                [hours_of_a_job(&plan, seed) - boot]
            }));
        }
    }
    none_wrong(&wrong);
}
