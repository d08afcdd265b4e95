//! Adapter for the decision cases of the scheduler, disruption budgets and evictions: which area is
//! answered by which function.

mod disrupt;
mod filter;
mod preempt;
mod queueing;
pub(super) mod reader;
mod score;

use serde_json::Value;

use super::case::{Case, Verdict};

/// Runs one case.
pub fn run(case: &Case) -> Verdict {
    answer(&case.area, &case.given, &case.expect).unwrap_or(Verdict::Unsupported)
}

/// The verdict of an area; `None` if there is no adapter, or the case is not of the known form.
fn answer(area: &str, given: &Value, expect: &Value) -> Option<Verdict> {
    Some(match area {
        "fit-filter" => filter::fit(given, expect)?,
        "taint-filter" | "node-affinity-filter" => filter::one_node(given, expect)?,
        "host-ports" => filter::host_ports(given, expect)?,
        "spread-filter" | "pod-affinity-filter" => filter::cluster_wide(area, given, expect)?,
        "pod-requests" => filter::pod_requests(given, expect)?,
        "fit-score-least" | "fit-score-most" | "fit-score-ratio" => score::fit(given, expect)?,
        "fit-score-config" => score::fit_config(given, expect)?,
        "piecewise-linear" => score::piecewise(given, expect)?,
        "balanced-allocation" | "balanced-allocation-136" => score::balanced(given, expect)?,
        "taint-score" => score::taints(given, expect)?,
        "node-affinity-score" => score::node_affinity(given, expect)?,
        "image-locality" => score::images(given, expect)?,
        "spread-score" => score::spread(given, expect)?,
        "pod-affinity-score" => score::pod_affinity(given, expect)?,
        "node-order" => queueing::node_order(given, expect)?,
        "nodes-to-find" => queueing::nodes_to_find(given, expect)?,
        "queue-order" => queueing::order(given, expect)?,
        "queue-backoff" => queueing::backoff(given, expect)?,
        "preemption-victims" => preempt::victims(given, expect)?,
        "preemption-node-choice" => preempt::node_choice(given, expect)?,
        "preemption-eligibility" => preempt::eligibility(given, expect)?,
        "pdb" => disrupt::budget(given, expect)?,
        "eviction-api" => disrupt::eviction(given, expect)?,
        _ => return None,
    })
}
