//! Every scenario that ships, run with its own seed: its figures must be those on file, and its
//! books must balance. `UPDATE=1 cargo test --test golden` rewrites the files.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::fs;
use std::path::{Path, PathBuf};

use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::report::Report;
use forescale::report::text::{Look, SCREEN, summary};
use forescale::study::{Aggregate, Summary, evaluate};
use kit::{root, scenarios};
use serde_json::Value;

fn golden_file(scenario: &Path) -> PathBuf {
    let inside = scenario.strip_prefix(root().join("scenarios")).expect("below scenarios");
    let name = inside.with_extension("json").to_string_lossy().replace(['/', '\\'], "-");
    root().join("tests/golden").join(name)
}

/// Where two trees differ, as `path: on file -> now`.
fn differences(at: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let missing = old.keys().filter(|&key| !new.contains_key(key));
            for key in new.keys().chain(missing) {
                let part = |tree: &serde_json::Map<String, Value>| {
                    tree.get(key).cloned().unwrap_or(Value::Null)
                };
                differences(&format!("{at}.{key}"), &part(old), &part(new), found);
            }
        }
        _ if old != new => found.push(format!("{at}: {old} -> {new}")),
        _ => {}
    }
}

fn compare(scenario: &Path, outcome: &Outcome, wrong: &mut Vec<String>) {
    let name = scenario.strip_prefix(root()).unwrap_or(scenario).display().to_string();
    let new = Value::Object(Summary::of(outcome).tree().clone());
    let file = golden_file(scenario);
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&new).expect("a tree of figures") + "\n";
        fs::write(&file, text).expect("written");
        return;
    }
    let Ok(text) = fs::read_to_string(&file) else {
        wrong.push(format!("{name}: no {}; UPDATE=1 writes it", file.display()));
        return;
    };
    // Through text on both sides: what counts is what is printed.
    let old: Value = serde_json::from_str(&text).expect("JSON on file");
    let new: Value = serde_json::from_str(&new.to_string()).expect("JSON");
    differences(&name, &old, &new, wrong);
}

/// What the terminal shows is read without scrolling, and says all that it must.
fn fits_one_screen(plan: &Plan, outcome: Outcome, wrong: &mut Vec<String>) {
    let study = Aggregate { runs: vec![Summary::of(&outcome)] };
    let verdicts = plan.thresholds.iter().map(|one| evaluate(one, &study, false)).collect();
    let report = Report {
        study,
        verdicts,
        seeds: vec![outcome.seed],
        assumptions: plan.assumptions.clone(),
        folder: Some(format!("output/{}/", plan.name)),
        outcome,
    };
    let text = summary(&report, Look { width: 80, colour: false });
    let (lines, columns) = (text.lines().count(), text.lines().map(|line| line.chars().count()));
    let columns = columns.max().unwrap_or(0);
    if lines > SCREEN || columns > 80 {
        wrong.push(format!("{}: {lines} lines of {columns} columns:\n{text}", plan.name));
    }
    let waited = report.figure("messages.waitTotal") + report.figure("pods.waitTotal") > 0.0;
    let wall = report.figure("blocked.ip") + report.figure("hpa.max") > 0.0;
    let spent = report.figure("cost.total") > 0.0;
    for (word, due) in
        [(&*plan.name, true), ("Waiting for", waited), ("WALL", wall), ("per month", spent)]
    {
        if due && !text.contains(word) {
            wrong.push(format!("{}: its screen lacks `{word}`:\n{text}", plan.name));
        }
    }
}

#[test]
fn every_scenario_gives_the_figures_on_file() {
    let mut wrong = Vec::new();
    for scenario in scenarios(&root().join("scenarios")) {
        // Benchmarks are long on purpose: their beginning will do.
        let bench = scenario.starts_with(root().join("scenarios/bench"));
        let sets = if bench { &["simulation.duration=50s"][..] } else { &[] };
        let plan = kit::plan_with(&scenario, sets);
        let outcome = kit::audited(&plan, plan.simulation.seed);
        let name = &plan.name;
        books::check(&plan, &outcome, &mut |what| wrong.push(format!("{name}: {what}")));
        compare(&scenario, &outcome, &mut wrong);
        fits_one_screen(&plan, outcome, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn books_balance_wherever_warm_up_ends() {
    let mut wrong = Vec::new();
    for file in ["order-processor.yaml", "fintech.yaml", "spot-versus-on-demand/spot.yaml"] {
        for (duration, warmup) in [("3h", "0s"), ("3h", "7777s"), ("9000s", "8999s")] {
            let sets =
                [format!("simulation.duration={duration}"), format!("simulation.warmup={warmup}")];
            let sets = sets.each_ref().map(String::as_str);
            let plan = kit::plan_with(root().join("scenarios").join(file), &sets);
            for seed in 1..4 {
                let outcome = kit::audited(&plan, seed);
                let what = format!("{file}, {warmup} of {duration}, seed {seed}");
                books::check(&plan, &outcome, &mut |why| wrong.push(format!("{what}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_golden_file_is_left_over() {
    let known: Vec<PathBuf> =
        scenarios(&root().join("scenarios")).iter().map(|path| golden_file(path)).collect();
    for entry in fs::read_dir(root().join("tests/golden")).expect("tests/golden") {
        let path = entry.expect("readable").path();
        assert!(known.contains(&path), "{} belongs to no scenario", path.display());
    }
}
