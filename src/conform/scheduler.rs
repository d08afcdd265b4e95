//! Adapter for the decision cases of the scheduler, disruption budgets and evictions.

use super::case::{Case, Verdict};

/// Runs one case.
pub fn run(_case: &Case) -> Verdict {
    Verdict::Unsupported
}
