//! Recorded demand, replayed: what goes in comes out to the last message and pod. The recordings
//! are not part of the repository; they are looked for in `../shared/traces` or where
//! `FORESCALE_TRACES` says, and without them the tests say that they skip.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::unit::{NodeId, SimTime};

/// A run whose books balance.
fn balanced(what: &str, plan: &Plan) -> Outcome {
    let outcome = kit::audited(plan, 1);
    println!("{what}: {} events", outcome.counters.events);
    let mut wrong = Vec::new();
    books::check(plan, &outcome, &mut |what| wrong.push(what));
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
    outcome
}

/// `timestamp,requests` rows of the days that begin with one of `days`, and their sum.
fn days_of(path: &Path, days: &[&str]) -> (String, u64) {
    let text = fs::read_to_string(path).expect("readable");
    let mut lines = text.lines();
    let mut cut = lines.next().expect("a header").to_owned() + "\n";
    let mut sum = 0;
    for line in lines.filter(|line| days.iter().any(|day| line.starts_with(day))) {
        let (_, count) = line.split_once(',').expect("two columns");
        sum += count.parse::<u64>().expect("a count");
        cut += line;
        cut += "\n";
    }
    (cut, sum)
}

#[test]
fn three_days_of_the_world_cup_drive_the_order_processor() {
    let Some(path) = kit::recording("arrivals_worldcup98_1min.csv") else { return };
    let (cut, sum) = days_of(&path, &["1998-06-09", "1998-06-10", "1998-06-11"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("three-days.csv");
    fs::write(&file, cut).expect("written");
    // 7 % of the requests: at most 150 messages a second, which some 380 replicas can do.
    let trace = format!(
        "queues.orders.arrivals=[{{trace: {{file: '{}', time: timestamp, count: requests, \
         scale: 0.07}}}}]",
        file.display()
    );
    let plan = kit::plan_with(
        "scenarios/order-processor.yaml",
        &[
            &trace,
            "simulation.duration=3d",
            "simulation.warmup=0s",
            "simulation.drain=true",
            "networkProfile.networkPluginMode=overlay",
            "workloads.order-processor.scaledObject.maxReplicaCount=500",
        ],
    );
    let outcome = balanced("World Cup, three days", &plan);
    let messages = &outcome.messages;
    assert_eq!(messages.arrived, sum * 7 / 100, "the scaled recording, rounded down");
    assert_eq!(messages.completed + messages.dead_lettered, messages.arrived, "drained");
    let spot = outcome.pools.iter().find(|pool| pool.name == "spot").expect("the spot pool");
    println!("{} messages, {} nodes at most", messages.arrived, spot.peak);
    assert!((20..=40).contains(&spot.peak), "{} nodes at most", spot.peak);
}

#[test]
fn every_request_of_the_azure_recording_is_one_message() {
    let Some(path) = kit::recording("arrivals_azure_llm_code_2023.csv") else { return };
    let trace = format!(
        "queues.orders.arrivals=[{{trace: {{file: '{}', time: TIMESTAMP}}}}]",
        path.display()
    );
    let plan = kit::plan_with(
        "scenarios/order-processor.yaml",
        &[&trace, "simulation.duration=1h", "simulation.warmup=0s", "simulation.drain=true"],
    );
    let messages = balanced("Azure LLM requests", &plan).messages;
    assert_eq!((messages.arrived, messages.completed), (8_819, 8_819));
}

#[test]
fn every_pod_of_openb_lives_once_on_its_nodes() {
    let Some(pods) = kit::recording("pods_openb_pod_list_default.csv") else { return };
    let Some(nodes) = kit::recording("pods_openb_node_list_all_node.csv") else { return };
    let plan = kit::plan_with(
        "tests/traces/openb.yaml",
        &[&format!("podTrace.file={}", pods.display()), &format!("nodes.file={}", nodes.display())],
    );
    assert_eq!(plan.nodes.len(), 1_523);
    let outcome = balanced("OpenB pods", &plan);
    let totals = &outcome.pods;
    assert_eq!((totals.created, totals.completed), (8_152, 8_152));
    assert_eq!(totals.censored, 0, "in recorded time there is room for all");
    assert_eq!(outcome.pod_rows.len(), 8_152);
    assert_eq!(totals.pending.quantiles().p99.floor(), 0.0, "at once");
}

#[test]
fn recorded_evictions_take_as_many_nodes_as_they_took() {
    for (name, removes) in
        [("spot_bamboo_aws_p3_events.csv", 167), ("spot_bamboo_aws_g4dn_events.csv", 74)]
    {
        let Some(path) = kit::recording(name) else { return };
        let trace = format!("spotMarket.trace.file={}", path.display());
        let plan = kit::plan_with("tests/traces/fleet.yaml", &[&trace]);
        let recorded = plan.pools.iter().filter_map(|pool| pool.spot_market.as_ref());
        let recorded: u32 = recorded.flat_map(|spot| spot.trace.iter()).map(|(_, n)| n).sum();
        assert_eq!(recorded, removes, "{name}");
        let outcome = balanced(name, &plan);
        let fleet = outcome.pools.iter().find(|pool| pool.name == "fleet").expect("the fleet");
        assert_eq!((fleet.evicted, fleet.peak), (u64::from(removes), 200), "{name}");
    }
}

#[test]
fn what_a_pool_says_of_its_evictions_replaces_what_is_said_of_all() {
    // Of all; of the pool; whether it has evictions of its own accord.
    for (all, own, evicts) in [
        ("lifetime: 1h", "evictionRate: 0%/h", false),
        ("lifetime: 1h", "notice: 1m", true),
        ("evictionRate: 5%/h", "lifetime: 2h", true),
        ("evictionRate: 0%/h", "lifetime: 2h", true),
    ] {
        let market = format!("spotMarket={{{all}, pools: {{fleet: {{{own}}}}}}}");
        let plan = kit::plan_with("tests/traces/fleet.yaml", &[&market]);
        let market = plan.pools.iter().find_map(|pool| pool.spot_market.as_ref());
        assert_eq!(market.expect("a fleet").lifetime.is_some(), evicts, "{all}; {own}");
    }
}

#[test]
fn an_eviction_in_the_first_seconds_comes_at_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.csv");
    fs::write(&file, "12000,remove,a\n12000,remove,b\n400000,remove,c\n").expect("written");
    let trace = format!("spotMarket.trace.file={}", file.display());
    let plan = kit::plan_with("tests/traces/fleet.yaml", &[&trace, "simulation.duration=10m"]);
    let outcome = balanced("a short recording", &plan);
    let mut gone: Vec<_> = outcome.node_rows.iter().filter_map(|row| row.gone).collect();
    gone.sort_unstable();
    // A notice of twelve seconds, and one of thirty.
    assert_eq!(gone, [12, 12, 400].map(SimTime::from_secs));
}

/// Of a recording (milliseconds, `add` or `remove`, node): the hours that each node lived which
/// came and went, sorted, and the nodes that go in the same second on average.
fn lives_and_batches(path: &Path) -> (Vec<f64>, f64) {
    let text = fs::read_to_string(path).expect("readable");
    let mut born = BTreeMap::new();
    let (mut lives, mut removed) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let millis: u64 = fields[0].parse().expect("milliseconds");
        if fields[1] == "add" {
            born.insert(fields[2].to_owned(), millis);
        } else {
            let start = born.remove(fields[2]).expect("it came before it went");
            lives.push((millis - start) as f64 / 3.6e6);
            removed.push(millis / 1_000);
        }
    }
    lives.sort_by(f64::total_cmp);
    let nodes = removed.len() as f64;
    removed.dedup();
    (lives, nodes / removed.len() as f64)
}

/// Mean and median.
fn figures(sorted: &[f64]) -> (f64, f64) {
    (sorted.iter().sum::<f64>() / sorted.len() as f64, sorted[sorted.len() / 2])
}

#[test]
fn recorded_lives_drawn_again_are_as_long() {
    // Mean and median hours of life, nodes a batch.
    for (name, mean, median, batch) in [
        ("spot_bamboo_aws_p3_events.csv", 1.46, 0.98, 2.1),
        ("spot_bamboo_aws_g4dn_events.csv", 1.65, 1.02, 1.5),
    ] {
        let Some(path) = kit::recording(name) else { return };
        let (lives, nodes) = lives_and_batches(&path);
        let seen = figures(&lives);
        println!("{name}: mean {:.3} h, median {:.3} h, {nodes:.2} a batch", seen.0, seen.1);
        assert!((seen.0 - mean).abs() < 0.01 && (seen.1 - median).abs() < 0.02, "{name}: {seen:?}");
        assert!((nodes - batch).abs() < 0.06, "{name}: {nodes} nodes a batch");
        // Not exponential: the mean of such lives is 1.44 medians.
        assert!(seen.0 / seen.1 > 1.47, "{name}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lives.csv");
        let rows: String = lives.iter().map(|hours| format!("{}\n", hours * 3_600.0)).collect();
        fs::write(&file, format!("seconds\n{rows}")).expect("written");
        let life = format!("{{empirical: {{file: '{}', column: seconds}}}}", file.display());
        let market = format!("spotMarket={{lifetime: {life}}}");
        let plan = kit::plan_with("tests/traces/fleet.yaml", &[&market, "simulation.duration=24h"]);
        let outcome = balanced("lives of the recording", &plan);
        let first = outcome
            .node_rows
            .iter()
            .filter(|row| row.billed_from == Some(SimTime::ZERO) && row.name.contains("fleet"));
        let mut drawn: Vec<f64> =
            first.filter_map(|row| Some(row.gone?.as_secs_f64() / 3_600.0)).collect();
        drawn.sort_by(f64::total_cmp);
        assert_eq!(drawn.len(), 200, "all of the first fleet are taken within a day");
        let drawn = figures(&drawn);
        println!("{name}: drawn mean {:.3} h, median {:.3} h", drawn.0, drawn.1);
        assert!((drawn.0 / mean - 1.0).abs() < 0.2, "{name}: {drawn:?}");
        assert!((drawn.1 / median - 1.0).abs() < 0.25, "{name}: {drawn:?}");
    }
}

#[test]
fn parts_of_gpus_are_packed_by_device_and_models_are_honoured() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let nodes = write(
        "nodes.csv",
        "sn,cpu_milli,memory_mib,gpu,model\nold,32000,65536,1,T4\nnew,32000,65536,2,V100\n",
    );
    // On `new` 1,200 of 2,000 thousandths are taken when the third pod comes, but of each device
    // more than the half that it wants. Nobody has a P100.
    let pods = write(
        "pods.csv",
        "cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n\
         1000,1024,1,600,V100,0,1000\n\
         1000,1024,1,600,V100,1,2000\n\
         1000,1024,1,500,V100,2,3000\n\
         1000,1024,1,400,V100|P100,3,4000\n\
         1000,1024,1,1000,T4|P100,4,5000\n\
         1000,1024,1,100,T4,5,6000\n\
         1000,1024,1,1000,P100,6,7000\n",
    );
    let plan = kit::plan_with(
        "tests/traces/openb.yaml",
        &[
            &format!("podTrace.file={pods}"),
            &format!("nodes.file={nodes}"),
            "simulation.duration=2h",
        ],
    );
    let outcome = balanced("shared GPUs", &plan);
    let seen: Vec<(&str, Option<u64>)> = outcome
        .pod_rows
        .iter()
        .map(|row| {
            let node = row.node.map_or("", |node| outcome.node_names[NodeId(node)].as_str());
            (node, row.bound.map(|at| at.micros() / 1_000_000))
        })
        .collect();
    // A pod that waited lives as long from its start on as one that did not.
    let expected = [
        ("new", Some(0)),
        ("new", Some(1)),
        ("new", seen[2].1),
        ("new", Some(3)),
        ("old", Some(4)),
        ("old", seen[5].1),
        ("", None),
    ];
    assert_eq!(seen, expected);
    let ready = |index: usize| outcome.pod_rows[index].ended.map(|at| at.micros() / 1_000_000);
    assert_eq!(seen[2].1, ready(0), "half a device is free when the first pod ends");
    assert_eq!(seen[5].1, ready(4), "a whole GPU is not shared");
}
