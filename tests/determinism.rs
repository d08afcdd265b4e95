//! The same file and seed give the same run, whatever the number of threads, the order of keys, and
//! whatever else stands in the file.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use forescale::plan::Plan;
use forescale::record::{JournalLevel, Outcome};
use forescale::scenario::{MemoryFiles, load};
use forescale::sim::{RunOptions, run};
use forescale::study::{RunSpec, Summary, run_all, seeds};
use serde_json::{Value, json};

const SHIPPED: [&str; 3] =
    ["scenarios/order-processor.yaml", "scenarios/fintech.yaml", "scenarios/spot-lab.yaml"];

fn everything(plan: &Plan, seed: u64) -> Outcome {
    run(plan, seed, RunOptions { journal: JournalLevel::All, ..RunOptions::default() })
}

/// A scenario file as a tree.
fn tree(file: &str) -> Value {
    let text = fs::read_to_string(kit::root().join(file)).expect("a scenario");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// The plan of a tree: JSON is YAML.
fn plan_of(tree: &Value) -> Plan {
    let files = MemoryFiles::new().with("main.yaml", tree.to_string());
    let loaded = load("main.yaml", &[], &files);
    let findings = loaded.diagnostics.render(false);
    loaded.plan.unwrap_or_else(|| panic!("no scenario:\n{findings}"))
}

/// The same tree with the keys of all maps the other way round.
fn reversed(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => {
            Value::Object(map.iter().rev().map(|(key, at)| (key.clone(), reversed(at))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(reversed).collect()),
        plain => plain.clone(),
    }
}

#[test]
fn two_runs_are_the_same_to_the_last_row() {
    for file in SHIPPED {
        let plan = kit::plan_with(file, &["simulation.duration=3h", "simulation.warmup=0s"]);
        let (first, second) = (everything(&plan, 11), everything(&plan, 11));
        assert_eq!(first.fingerprint, second.fingerprint, "{file}");
        assert_eq!(Summary::of(&first), Summary::of(&second), "{file}");
        assert!(format!("{first:?}") == format!("{second:?}"), "{file}: rows differ");
        assert_ne!(first.fingerprint, everything(&plan, 12).fingerprint, "{file}: seeds differ");
    }
}

#[test]
fn what_is_kept_of_a_run_does_not_change_it() {
    for file in SHIPPED {
        let plan = kit::plan_with(file, &["simulation.duration=3h", "simulation.warmup=0s"]);
        let of = |options| run(&plan, 5, options).fingerprint;
        let least = of(RunOptions { no_report: true, ..RunOptions::default() });
        let most = RunOptions { journal: JournalLevel::All, audit: true, ..RunOptions::default() };
        assert_eq!(least, of(most), "{file}");
    }
}

#[test]
fn threads_change_nothing() {
    let plan = kit::plan_with(SHIPPED[0], &["simulation.duration=150m"]);
    let specs: Vec<RunSpec> =
        seeds(1, 6).into_iter().map(|seed| RunSpec { scenario: 0, seed }).collect();
    let of = |threads| run_all(&specs, threads, |spec| Summary::of(&kit::totals(&plan, spec.seed)));
    let alone = of(1);
    for threads in [2, 3] {
        assert_eq!(of(threads), alone, "{threads} threads");
    }
}

/// All files below a folder; `manifest.json` names the command line, which differs.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_owned();
        if path.is_dir() {
            let inside = contents(&path).into_iter();
            found.extend(inside.map(|(file, bytes)| (Path::new(&name).join(file), bytes)));
        } else if name != "manifest.json" {
            found.insert(name.into(), fs::read(&path).expect("readable"));
        }
    }
    found
}

#[test]
fn threads_change_no_byte_of_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |threads: &str| {
        let out = folder.path().join(threads);
        let status = Command::new(env!("CARGO_BIN_EXE_forescale"))
            .current_dir(kit::root())
            .args(["run", "scenarios/spot-lab.yaml", "--set", "simulation.replications=3"])
            .args(["--threads", threads, "--out"])
            .arg(&out)
            .output()
            .expect("the command starts");
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        contents(&out)
    };
    let (alone, together) = (of("1"), of("2"));
    assert!(alone.len() > 10, "{} files", alone.len());
    assert_eq!(alone.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>());
    for (file, bytes) in &alone {
        assert!(together[file] == *bytes, "{} differs", file.display());
    }
}

#[test]
fn the_order_of_keys_changes_nothing() {
    for file in SHIPPED {
        let given = tree(file);
        let (plan, other) = (plan_of(&given), plan_of(&reversed(&given)));
        let (first, second) = (kit::totals(&plan, 3), kit::totals(&other, 3));
        // Trees compare as sets of keys: that queues are listed the other way round is no matter.
        assert_eq!(Summary::of(&first).tree(), Summary::of(&second).tree(), "{file}");
    }
}

/// The tree with a pool, a workload and a queue put before all others, that have nothing to do with
/// them.
fn with_strangers(mut tree: Value) -> Value {
    let pool = json!({"name": "aside", "mode": "User", "vmSize": "Standard_D2s_v5", "count": 2,
        "nodeTaints": ["aside=true:NoSchedule"]});
    let workload = json!({"name": "aside", "pool": "aside", "replicas": 2,
        "requests": {"cpu": "100m", "memory": "64Mi"},
        "consumes": {"queue": "aside", "serviceTime": {"exponential": {"mean": "1s"}}}});
    let pools = tree.pointer_mut("/cluster/agentPoolProfiles").and_then(Value::as_array_mut);
    pools.expect("pools").insert(0, pool);
    let workloads = tree.pointer_mut("/workloads").and_then(Value::as_array_mut);
    workloads.expect("workloads").insert(0, workload);
    let queues = tree.pointer_mut("/queues").and_then(Value::as_object_mut).expect("queues");
    let aside = json!({"arrivals": [{"poisson": {"rate": "1/s"}}]});
    let before = std::mem::take(queues);
    queues.insert("aside".to_owned(), aside);
    queues.extend(before);
    tree
}

/// A column of the series by its name.
fn column<'a>(outcome: &'a Outcome, header: &str) -> &'a [f64] {
    let found = outcome.series.columns.iter().find(|column| column.header == header);
    &found.unwrap_or_else(|| panic!("no column {header}")).values
}

#[test]
fn strangers_leave_the_draws_of_others_alone() {
    // Room without end: nothing but the draws can tell one run from the other.
    let given = tree("tests/theory/line.yaml");
    let (plan, other) = (plan_of(&given), plan_of(&with_strangers(given.clone())));
    for seed in 1..4 {
        let (alone, among) = (everything(&plan, seed), everything(&other, seed));
        let of = |outcome: &Outcome| {
            let found = outcome.workload_names.iter().position(|name| name == "server");
            assert!(found.is_some(), "the workload is there");
            let totals = outcome.workloads.iter().find(|one| one.name == "server");
            let wait = &totals.expect("the workload").wait;
            (wait.count(), wait.total_micros(), wait.max(), wait.quantiles())
        };
        assert_eq!(of(&alone), of(&among), "seed {seed}: waits, which are arrivals and services");
        for header in ["line_arrived_messages", "line_completed_messages", "line_depth_messages"] {
            assert_eq!(column(&alone, header), column(&among, header), "seed {seed}: {header}");
        }
    }
}

#[test]
fn strangers_leave_the_arrivals_of_a_real_scenario_alone() {
    let given = tree(SHIPPED[0]);
    let (plan, other) = (plan_of(&given), plan_of(&with_strangers(given.clone())));
    let (alone, among) = (everything(&plan, 7), everything(&other, 7));
    let header = "orders_arrived_messages";
    assert_eq!(column(&alone, header), column(&among, header));
}
