//! B2.6: the availability of a spot pool, and the length of work up to which spot is the cheaper.

use super::interval::{Effort, disagreements};
use super::{chosen, kit, none_wrong};

use forescale::chance::maths;
use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::unit::SimTime;

/// A pool of so many places, with laws of the time up and down.
fn pool(places: u32, hours: u32, up: &str, down: &str) -> Plan {
    let sets = [
        format!("cluster.agentPoolProfiles.spot.count={places}"),
        format!("cluster.agentPoolProfiles.spot.maxCount={places}"),
        format!("workloads.work.replicas={places}"),
        format!("spotMarket.lifetime={up}"),
        format!("timing.vmProvision={down}"),
        format!("simulation.duration={hours}h"),
        format!("simulation.warmup={}h", hours / 10),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    kit::plan_with("tests/theory/spot-pool.yaml", &sets)
}

/// Mean number of nodes that are up, its standard deviation, and the share of time in which all
/// are.
fn nodes_up(seen: &Outcome, places: i64) -> [f64; 3] {
    let mut changes: Vec<(SimTime, i64)> = Vec::new();
    for row in seen.node_rows.iter().filter(|row| row.name.contains("spot")) {
        if let Some(ready) = row.ready {
            changes.push((ready, 1));
            changes.push((row.gone.unwrap_or(SimTime::NEVER), -1));
        }
    }
    changes.sort_unstable();
    let (mut up, mut last) = (0, SimTime::ZERO);
    let (mut sum, mut squares, mut all) = (0.0, 0.0, 0.0);
    for (at, by) in changes {
        let (from, to) = (last.max(seen.warmup), at.min(seen.end));
        let seconds = to.since(from).as_secs_f64();
        sum += seconds * up as f64;
        squares += seconds * (up * up) as f64;
        all += if up >= places { seconds } else { 0.0 };
        (up, last) = (up + by, at);
    }
    let seconds = seen.end.since(seen.warmup).as_secs_f64();
    let mean = sum / seconds;
    [mean, (squares / seconds - mean * mean).sqrt(), all / seconds]
}

#[test]
fn places_of_a_spot_pool_are_up_independently() {
    // Up is binomial with A = U/(U + V), whatever the laws. Places, mean times up and down in tens
    // of hours, the law of the former, mean, deviation, P(all up)
    let (exponential, weibull) = ("exponential", "weibull");
    let rows = vec![
        (20, 4.0, 0.1, exponential, 19.512, 0.690, 0.610_271),
        (20, 4.0, 0.1, weibull, 19.512, 0.690, 0.610_271),
        (50, 10.0, 0.5, exponential, 47.619, 1.506, 0.087_204),
        (20, 1.0, 0.25, weibull, 16.0, 1.789, 0.011_529),
    ];
    let mut wrong = Vec::new();
    for (places, up, down, law, mean, deviation, all) in chosen(1, rows) {
        let share: f64 = up / (up + down);
        let exact = {
            let n = f64::from(places);
            [n * share, (n * share * (1.0 - share)).sqrt(), share.powi(places)]
        };
        for (exact, published) in exact.iter().zip([mean, deviation, all]) {
            assert!((exact / published - 1.0).abs() < 1e-3, "{exact} for {published}");
        }
        // Of shape 2: what is left of a life shrinks with its age.
        let life = match law {
            "weibull" => {
                format!("{{weibull: {{shape: 2, scale: {:.6}h}}}}", 10.0 * up / 0.886_226_925)
            }
            _ => format!("{{exponential: {{mean: {}h}}}}", 10.0 * up),
        };
        let boot = format!("{{uniform: {{min: 0s, max: {:.0}s}}}}", 72_000.0 * down);
        let plan = pool(places as u32, 6_000, &life, &boot);
        let what = format!("{places} places, up {up} h ({law}), down {down} h");
        // Rarely are all up where few are.
        let narrow = if all < 0.5 { 0.05 } else { 0.02 };
        let figures = [("mean", exact[0]), ("deviation", exact[1]), ("P(all up)", exact[2])];
        let effort = Effort { narrow, most: 200 };
        wrong.extend(disagreements(&what, figures, effort, |seed| {
            nodes_up(&kit::rows(&plan, seed), i64::from(places))
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn an_hour_of_use_costs_what_renewal_and_reward_say() {
    // A cycle: up for U on spot, then for V on demand; a switch to either loses a start b. Hundreds
    // of hours of U and V, hours of b, spot price for 1 on demand, cost of a useful hour
    let rows = vec![
        (4.0, 1.0, 5.0, 0.3, 0.448_980),
        (4.0, 1.0, 5.0, 0.1, 0.285_714),
        (1.0, 1.0, 5.0, 0.3, 0.684_211),
    ];
    let mut wrong = Vec::new();
    for (up, down, start, price, published) in chosen(1, rows) {
        let exact = (100.0 * (up * price + down)) / (100.0 * (up + down) - 2.0 * start);
        assert!((exact / published - 1.0_f64).abs() < 1e-5, "{exact} for {published}");
        let law =
            |mean: f64| format!("{{uniform: {{min: {}h, max: {}h}}}}", 50.0 * mean, 150.0 * mean);
        let pools =
            format!("{{cheap: {{lifetime: {}}}, dear: {{lifetime: {}}}}}", law(up), law(down));
        let sets = [
            format!("workloads.work.startup.appStart={start}h"),
            format!("spotMarket.pools={pools}"),
            format!("prices.overrides.small.spot={price}/h"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let plan = kit::plan_with("tests/theory/two-markets.yaml", &sets);
        let effort = Effort { narrow: 0.02, most: 200 };
        let what = format!("up {up}, down {down}, price {price}");
        wrong.extend(disagreements(&what, [("cost of a useful hour", exact)], effort, |seed| {
            let seen = kit::rows(&plan, seed);
            let useful = seen.pod_rows.iter().filter_map(|pod| {
                let ended = pod.ended.unwrap_or(SimTime::NEVER).min(seen.end);
                Some(ended.since(pod.ready?.max(seen.warmup)).as_secs_f64() / 3_600.0)
            });
            let paid = seen.pools.iter().filter(|pool| pool.spot);
            let paid: f64 = paid.map(|pool| pool.cost.money().units()).sum();
            [paid / useful.sum::<f64>()]
        }));
    }
    none_wrong(&wrong);
}

#[test]
fn work_that_starts_from_scratch_is_cheaper_on_spot_up_to_a_length() {
    // Discount, x with (e^x - 1)/x = 1/(1 - discount), hours of work at which spot costs as much as
    // on demand: at a chance of eviction of 5 % and of 20 % an hour
    let rows = vec![
        (0.5, 1.256_431, 24.495, 5.631),
        (0.6, 1.618_788, 31.559, 7.254),
        (0.7, 2.064_568, 40.250, 9.252),
        (0.8, 2.660_399, 51.866, 11.922),
        (0.9, 3.614_950, 70.476, 16.200),
    ];
    let hazard = |chance: f64| -maths::ln(1.0 - chance);
    for &(discount, x, seldom, often) in &rows {
        let x: f64 = x;
        let more: f64 = x.exp_m1() / x * (1.0 - discount);
        assert!((more - 1.0).abs() < 1e-5, "{x} at {discount}");
        for (chance, hours) in [(0.05, seldom), (0.2, often)] {
            assert!((hazard(chance) * hours / x - 1.0_f64).abs() < 1e-4, "{hours} at {chance}");
        }
    }
    let mut wrong = Vec::new();
    // Beyond a discount of 70 % the rare long runs decide: thousands would be needed.
    for (discount, _, _, hours) in chosen(1, rows[..3].to_vec()) {
        let sets = [
            format!("workloads.work.duration={:.3}h", hours),
            "workloads.work.checkpoint={every: 1000h, cost: 0s}".to_owned(),
            "workloads.work.startup.appStart=0s".to_owned(),
            "spotMarket.evictionRate=20%/h".to_owned(),
            format!("simulation.duration={:.0}h", 30.0 * hours),
            format!(
                "prices={{overrides: {{one: {{onDemand: 1/h, spot: {:.1}/h}}}}}}",
                1.0 - discount
            ),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let plan = kit::plan_with("tests/theory/checkpoint.yaml", &sets);
        let pool = plan.pools.iter().find(|pool| pool.spot).expect("a spot pool");
        let (spot, on_demand) = (pool.price.units(), pool.price_on_demand.units());
        let what = format!("{hours} h of work, {discount} off, 20 % an hour");
        let effort = Effort { narrow: 0.02, most: 2_000 };
        wrong.extend(disagreements(&what, [("cost", on_demand * hours)], effort, |seed| {
            let seen = kit::totals(&plan, seed);
            assert_eq!(seen.pods.completed, 10);
            [spot * seen.workloads[0].replica_micros as f64 / 3.6e10]
        }));
    }
    none_wrong(&wrong);
}
