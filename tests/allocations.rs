//! What a run allocates does not depend on how many messages it has done, nor on how many polls
//! and syncs saw nothing new.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use allocation_counter::{AllocationInfo, measure};
use forescale::sim::{RunOptions, run};

/// What a run of a scenario allocates, and the events that it takes. Without the audit, whose twins
/// are made anew each time.
fn allocated(file: &str, length: &str) -> (AllocationInfo, u64) {
    let plan = kit::plan_with(file, &[&format!("simulation.duration={length}")]);
    let options = RunOptions { no_report: true, ..RunOptions::default() };
    let mut events = 0;
    let info = measure(|| events = run(&plan, 1, options).counters.events);
    (info, events)
}

/// 2,000 messages a second. After two minutes the distributions of waiting have gone over from
/// values to buckets, and all vectors have their size.
#[test]
fn messages_cost_no_allocation_and_no_memory() {
    let file = "scenarios/bench/messages-10m.yaml";
    let (short, few) = allocated(file, "120s");
    let (long, many) = allocated(file, "600s");
    assert!(many - few > 1_900_000, "{} events more", many - few);
    assert_eq!(long.count_total, short.count_total, "allocations");
    assert_eq!(long.bytes_max, short.bytes_max, "bytes at the peak");
}

/// Fifty ScaledObjects that poll, and HPAs that sync, for nothing.
#[test]
fn polls_that_see_nothing_new_cost_no_allocation() {
    let file = "scenarios/bench/idle-month.yaml";
    let (short, few) = allocated(file, "3d");
    let (long, many) = allocated(file, "30d");
    assert!(many - few > 11_000_000, "{} events more", many - few);
    // The bill has rows for each hour.
    let hours = 27 * 24;
    let more = long.count_total - short.count_total;
    assert!(more <= 2 * hours, "{more} allocations more");
    assert!(long.bytes_max - short.bytes_max < 250 * hours, "{} bytes", long.bytes_max);
}
