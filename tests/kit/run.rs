//! Scenario files from the disk, made into plans and run.

use std::fs;
use std::path::{Path, PathBuf};

use forescale::cli::Disk;
use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::scenario::load;
use forescale::sim::{RunOptions, run};

/// The folder of the crate.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The plan of a scenario file, named from the folder of the crate, with `path=value` settings.
pub fn plan_with(file: impl AsRef<Path>, sets: &[&str]) -> Plan {
    let path = root().join(file);
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let loaded = load(&path.to_string_lossy(), &sets, &Disk::default());
    let findings = loaded.diagnostics.render(false);
    loaded.plan.unwrap_or_else(|| panic!("{} is no scenario:\n{findings}", path.display()))
}

/// All scenario files below a folder, sorted.
pub fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of scenarios") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(scenarios(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && is_scenario(&path)
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Manifests are YAML too.
fn is_scenario(path: &Path) -> bool {
    let text = fs::read_to_string(path).expect("UTF-8");
    text.lines().any(|line| line == "kind: Scenario" || line.starts_with("extends: "))
}

/// What `forescale check` says of a scenario file.
pub fn findings(file: &Path) -> String {
    findings_with(file, &[])
}

/// What it says with `path=value` settings.
pub fn findings_with(file: impl AsRef<Path>, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    load(&root().join(file).to_string_lossy(), &sets, &Disk::default()).diagnostics.render(false)
}

/// A run with everything recorded and every index checked against its slow twin.
pub fn audited(plan: &Plan, seed: u64) -> Outcome {
    run(plan, seed, RunOptions { audit: true, ..RunOptions::default() })
}

/// A run that keeps totals only, the fastest, audited: Little's law, PASTA, every index. Every
/// message that arrived is somewhere, and causes of waiting add up to all waiting.
pub fn totals(plan: &Plan, seed: u64) -> Outcome {
    let options = RunOptions { no_report: true, audit: true, ..RunOptions::default() };
    let seen = run(plan, seed, options);
    let messages = &seen.messages;
    let over = messages.completed + messages.dead_lettered + messages.expired + messages.rejected;
    let inside = messages.queued_at_end + messages.in_service_at_end;
    assert_eq!(messages.arrived, over + inside, "flow balance with seed {seed}");
    let waits: u128 = seen.message_waits.iter().sum();
    assert_eq!(waits, messages.wait_total, "causes of waiting with seed {seed}");
    seen
}

/// A run that keeps the rows of nodes and pods.
pub fn rows(plan: &Plan, seed: u64) -> Outcome {
    run(plan, seed, RunOptions::default())
}

/// A recording, if it is there: `FORESCALE_TRACES` names the folder.
pub fn recording(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FORESCALE_TRACES")
        .map_or_else(|| root().join("../shared/traces"), PathBuf::from);
    let path = folder.join(name);
    if !path.is_file() {
        println!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}
