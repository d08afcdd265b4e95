//! Scenarios of a test's own folder: read with settings, run, and their books balanced.

use forescale::plan::Plan;
use forescale::record::{Outcome, PoolTotals};
use forescale::sim::{RunOptions, run};

use crate::{books, kit};

/// The plan of `tests/FOLDER/FILE.yaml`.
pub fn plan(folder: &str, file: &str, sets: &[String]) -> Plan {
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    kit::plan_with(format!("tests/{folder}/{file}.yaml"), &sets)
}

/// An audited run of it, whose books balance.
pub fn audited(folder: &str, file: &str, sets: &[String]) -> Outcome {
    let plan = plan(folder, file, sets);
    balanced(&plan, kit::audited(&plan, 1), file, sets)
}

/// The same without the audit, for clusters of thousands of nodes.
#[allow(dead_code, reason = "each test file uses its part of the kit")]
pub fn swift(folder: &str, file: &str, sets: &[String]) -> Outcome {
    let plan = plan(folder, file, sets);
    balanced(&plan, run(&plan, 1, RunOptions::default()), file, sets)
}

fn balanced(plan: &Plan, outcome: Outcome, file: &str, sets: &[String]) -> Outcome {
    let mut wrong = Vec::new();
    books::check(plan, &outcome, &mut |what| wrong.push(what));
    assert!(wrong.is_empty(), "{file} {sets:?}:\n{}", wrong.join("\n"));
    outcome
}

/// The totals of a pool.
#[allow(dead_code, reason = "each test file uses its part of the kit")]
pub fn pool<'o>(outcome: &'o Outcome, name: &str) -> &'o PoolTotals {
    outcome.pools.iter().find(|pool| pool.name == name).expect("a pool of that name")
}

/// When VMs of a pool were asked for, in seconds, each instant once.
#[allow(dead_code, reason = "each test file uses its part of the kit")]
pub fn requests(outcome: &Outcome, pool: &str) -> Vec<f64> {
    let at = outcome.pool_names.iter().position(|name| name == pool).expect("a pool") as u32;
    let own = outcome.node_rows.iter().filter(|node| node.pool == Some(at));
    let mut times: Vec<_> = own.map(|node| node.requested).collect();
    times.sort_unstable();
    times.dedup();
    times.into_iter().map(|at| at.as_secs_f64()).collect()
}
