//! The loop on plans made by hand.

use super::fixture::fixed_consumers;
use super::{RunOptions, run};

#[test]
fn a_single_server_waits_as_the_formula_says() {
    let plan = fixed_consumers(1, 0.5, 400_000.0);
    let outcome = run(&plan, 7, RunOptions { audit: false, ..RunOptions::default() });
    let wait = outcome.messages.wait.quantiles();
    assert!((wait.mean - 1.0).abs() < 0.05, "W_q = 1 s, found {}", wait.mean);
    assert_eq!(
        outcome.messages.arrived,
        outcome.messages.completed
            + outcome.messages.queued_at_end
            + outcome.messages.in_service_at_end
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let plan = fixed_consumers(3, 0.8, 20_000.0);
    let options = RunOptions { audit: true, ..RunOptions::default() };
    let one = run(&plan, 7, options);
    let again = run(&plan, 7, options);
    let other = run(&plan, 8, options);
    assert_eq!(one.fingerprint, again.fingerprint);
    assert_ne!(one.fingerprint, other.fingerprint);
}
