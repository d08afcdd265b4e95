//! The bill against an integration of its own: from nothing but the tables that a run writes and
//! the price list, with none of the functions that make the bill.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use forescale::record::Outcome;
use forescale::report::{cost_csv, nodes_csv};
use forescale::sim::{RunOptions, run};

type Row = BTreeMap<String, String>;
type Writer = fn(&Outcome, &mut dyn std::io::Write) -> std::io::Result<()>;

fn rows(outcome: &Outcome, write: Writer) -> Vec<Row> {
    let mut bytes = Vec::new();
    write(outcome, &mut bytes).expect("memory takes all");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn number(row: &Row, key: &str) -> f64 {
    row[key].parse().unwrap_or_else(|_| panic!("{key} is `{}` in {row:?}", row[key]))
}

/// The scenario with those it extends, as text.
fn whole_text(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("UTF-8");
    let base = text.lines().find_map(|line| line.strip_prefix("extends: "));
    let base = base.map(|base| base.split('#').next().unwrap_or(base).trim());
    let base = base.map(|base| whole_text(&path.parent().expect("a folder").join(base)));
    base.unwrap_or_default() + &text
}

/// List prices by size, and by region and purchase.
fn price_list() -> BTreeMap<String, BTreeMap<String, f64>> {
    let text = fs::read_to_string(kit::root().join("scenarios/catalogue/vm-sizes.csv")).unwrap();
    let table: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let prices = reader.deserialize().map(|row| {
        let row: Row = row.expect("a size");
        let known = row.iter().filter_map(|(key, value)| Some((key.clone(), value.parse().ok()?)));
        (format!("Standard_{}", row["name"]), known.collect())
    });
    prices.collect()
}

/// What the nodes of each pool cost from warm-up to the end, from their rows.
fn integrated(nodes: &[Row], from: f64, to: f64) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node["billed_from_s"].is_empty()) {
        let begin = number(node, "billed_from_s");
        let end = (begin + number(node, "billed_s")).min(to);
        let hours = (end - begin.max(from)).max(0.0) / 3_600.0;
        let price = number(node, "price_usd_per_hour");
        *sums.entry(node["pool"].clone()).or_default() += hours * price;
    }
    sums
}

/// Each pool's rows of the bill added up.
fn billed(bill: &[Row]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for row in bill.iter().filter(|row| row["kind"] == "pool") {
        *sums.entry(row["item"].clone()).or_default() += number(row, "amount_usd");
    }
    sums
}

const CENT: f64 = 0.005;

#[test]
fn every_bundled_scenario_costs_what_its_nodes_say() {
    let prices = price_list();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for path in kit::scenarios(&kit::root().join("scenarios")) {
        let bench = path.starts_with(kit::root().join("scenarios/bench"));
        let sets = if bench { &["simulation.duration=50s"][..] } else { &[] };
        let plan = kit::plan_with(&path, sets);
        let outcome = run(&plan, plan.simulation.seed, RunOptions::default());
        let (nodes, bill) = (rows(&outcome, nodes_csv), rows(&outcome, cost_csv));
        let (from, to) = (outcome.warmup.as_secs_f64(), outcome.end.as_secs_f64());
        let name = &plan.name;
        let text = whole_text(&path);
        if !text.contains("commitments:") {
            let (expected, found) = (integrated(&nodes, from, to), billed(&bill));
            for (pool, amount) in &found {
                let own = expected.get(pool).copied().unwrap_or(0.0);
                if (own - amount).abs() >= CENT {
                    wrong.push(format!("{name}: pool {pool} costs {amount}, its nodes {own}"));
                }
            }
        }
        let total: f64 = bill.iter().filter_map(|row| row["amount_usd"].parse::<f64>().ok()).sum();
        let said = outcome.cost.total.money().units();
        if (total - said).abs() >= CENT {
            wrong.push(format!("{name}: rows add up to {total}, the total is {said}"));
        }
        // Prices are those of the list unless the scenario has its own.
        let location = text.lines().rev().find_map(|line| line.trim().strip_prefix("location: "));
        let location =
            location.map_or("westeurope", |at| at.split('#').next().unwrap_or(at).trim());
        if text.contains("prices:") || text.contains("vmSizes:") || text.contains("priceTrace") {
            continue;
        }
        let billed = |node: &&Row| !node["pool"].is_empty() && !node["billed_from_s"].is_empty();
        for node in nodes.iter().filter(billed) {
            let pool = outcome.pools.iter().find(|pool| pool.name == node["pool"]).unwrap();
            let bought = if pool.spot { "spot" } else { "on-demand" };
            let listed = prices[&node["vm_size"]].get(&format!("{location}:{bought}"));
            checked += 1;
            if listed != Some(&number(node, "price_usd_per_hour")) {
                wrong.push(format!("{name}: {node:?} costs {listed:?} in {location}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 50, "only {checked} nodes were compared with the price list");
}

/// The scenario with commitments, settled again: hours of the clock, in floating point.
#[test]
fn commitments_cover_hour_by_hour_what_nodes_used() {
    let plan = kit::plan_with("scenarios/commitments.yaml", &[]);
    let outcome = run(&plan, plan.simulation.seed, RunOptions::default());
    let nodes = rows(&outcome, nodes_csv);
    let list = price_list();
    let price = |size: &str, kind: &str| list[size][&format!("polandcentral:{kind}")];
    let (from, to) = (outcome.warmup.as_secs_f64(), outcome.end.as_secs_f64());
    let shift = (outcome.start_epoch % 3_600) as f64;
    let (small, large) = ("Standard_D4s_v5", "Standard_D8s_v5");
    let (mut reserved, mut unused, mut planned, mut plan_unused) = (0.0, 0.0, 0.0, 0.0);
    let mut on_demand = 0.0;
    let mut hour = ((from + shift) / 3_600.0).floor();
    while hour * 3_600.0 - shift < to {
        let begin = (hour * 3_600.0 - shift).max(from);
        let end = ((hour + 1.0) * 3_600.0 - shift).min(to);
        let length = (end - begin) / 3_600.0;
        let used = |size: &str| -> f64 {
            let of_size = nodes.iter().filter(|node| node["vm_size"] == size);
            let hours = of_size.filter(|node| !node["billed_from_s"].is_empty()).map(|node| {
                let first = number(node, "billed_from_s");
                let last = first + number(node, "billed_s");
                (last.min(end) - first.max(begin)).max(0.0) / 3_600.0
            });
            hours.sum()
        };
        // Three D4 reserved: D4 nodes first, then D8 nodes, which take two each.
        let (mut d4, mut d8) = (used(small), used(large));
        let mut left = 3.0 * length;
        let take = d4.min(left);
        (d4, left) = (d4 - take, left - take);
        let take = d8.min(left / 2.0);
        (d8, left) = (d8 - take, left - 2.0 * take);
        reserved += (3.0 * length - left) * price(small, "reserved-1y");
        unused += left * price(small, "reserved-1y");
        // The plan: both sizes have the same discount to a thousandth; D4 is never left over.
        assert!(d4 < 1e-9, "D4 nodes are all reserved");
        let rate = price(large, "savings-3y");
        let covered = d8.min(0.30 * length / rate);
        planned += covered * rate;
        plan_unused += 0.30 * length - covered * rate;
        on_demand += (d8 - covered) * price(large, "on-demand");
        hour += 1.0;
    }
    let hours: f64 = nodes
        .iter()
        .filter(|node| !node["billed_from_s"].is_empty())
        .map(|node| {
            let first = number(node, "billed_from_s");
            ((first + number(node, "billed_s")).min(to) - first.max(from)).max(0.0) / 3_600.0
        })
        .sum();
    // Disks by tier: P10 for four vCPUs, P15 for eight; a month has 730 hours.
    let of = |size: &str| {
        let all = nodes.iter().filter(|node| node["vm_size"] == size);
        let hours = all.filter(|node| !node["billed_from_s"].is_empty()).map(|node| {
            let first = number(node, "billed_from_s");
            ((first + number(node, "billed_s")).min(to) - first.max(from)).max(0.0) / 3_600.0
        });
        hours.sum::<f64>()
    };
    on_demand += of(small) * 21.68 / 730.0 + of(large) * 41.81 / 730.0;
    let month = (to - from) / 3_600.0 / 730.0;
    let cost = &outcome.cost;
    let items: BTreeMap<&str, f64> =
        cost.items.iter().map(|(name, sum)| (name.as_str(), sum.money().units())).collect();
    let near = |what: &str, got: f64, own: f64| {
        assert!((got - own).abs() < CENT, "{what}: {got} in the bill, {own} here");
    };
    near("reserved", cost.reserved.money().units(), reserved + unused);
    near("savings plan", cost.savings_plan.money().units(), planned + plan_unused);
    near("on demand", cost.on_demand.money().units(), on_demand);
    near("unused", items.get("unusedReservation").copied().unwrap_or(0.0), unused);
    near("unused plan", items.get("unusedSavingsPlan").copied().unwrap_or(0.0), plan_unused);
    near("control plane", cost.control_plane.money().units(), 73.0 * month);
    near("load balancer", items["loadBalancer"], (45.0 * 0.73 + 400.0 * 0.005) * month);
    near("egress", items["egress"], (300.0 - 100.0) * 0.087 * month);
    near("Prometheus", items["managedPrometheus"], hours * 60.0 * 8_000.0 * 0.16 / 1e7);
    assert!(planned > 0.0 && plan_unused > 0.0, "the plan is filled at some hours only");
    assert!(on_demand > 10.0, "the peak is paid on demand");
    let workloads: f64 = cost.workloads.iter().map(|one| one.amount.money().units()).sum();
    let pools: f64 = outcome.pools.iter().map(|pool| pool.cost.money().units()).sum();
    let rest = cost.idle.money().units() + cost.system.money().units();
    near("owners", workloads + rest, pools);
}
