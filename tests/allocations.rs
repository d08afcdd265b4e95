//! What a run allocates does not depend on how many messages it has done, nor on how long nothing
//! happens.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use allocation_counter::{AllocationInfo, measure};
use forescale::plan::Plan;

/// A run's allocations, and the events that it took.
fn allocated(plan: &Plan) -> (AllocationInfo, u64) {
    let mut events = 0;
    let info = measure(|| events = kit::totals(plan, 1).counters.events);
    (info, events)
}

#[test]
fn messages_cost_no_allocation_and_no_memory() {
    let run = |seconds: u64| {
        let length = format!("simulation.duration={seconds}s");
        let plan = kit::plan_with("scenarios/bench/messages-10m.yaml", &[&length]);
        allocated(&plan)
    };
    let (short, few) = run(30);
    let (long, many) = run(120);
    println!("{short:?} {few} {long:?} {many}");
}

#[test]
fn quiet_days_cost_no_allocation() {
    let run = |days: u64| {
        let length = format!("simulation.duration={days}d");
        allocated(&kit::plan_with("scenarios/bench/idle-month.yaml", &[&length]))
    };
    let (short, few) = run(3);
    let (long, many) = run(30);
    println!("{short:?} {few} {long:?} {many}");
}
