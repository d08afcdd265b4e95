//! Coded rules: over the header of the file, and over the finished plan.

mod disks;
mod fit;
mod header;
mod lint;
mod linter;
mod network;
mod pools;
mod production;
mod size;
mod unused;
mod virtual_node;
mod work;
mod zero;

pub use header::header;

use super::format::Scenario;
use super::reading::Reading;
use crate::plan::Plan;

/// Rules over a plan: what is too large and pods that no node can hold (errors), and what was
/// probably not meant (warnings).
pub fn plan(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    if !size::check(reading, scenario, plan) {
        return;
    }
    fit::check(reading, scenario, plan);
    network::check(reading, scenario, plan);
    lint::check(reading, scenario, plan);
    unused::check(reading, scenario, plan);
    let mut lint = linter::Linter::new(scenario, plan);
    virtual_node::check(&mut lint);
    pools::check(&mut lint);
    disks::check(&mut lint);
    work::check(&mut lint);
    zero::check(&mut lint);
    production::check(&mut lint, scenario);
    for found in lint.found {
        reading.report(found);
    }
}
