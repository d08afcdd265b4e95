//! Adapter for the decision cases of the cluster autoscaler: which area is answered by which
//! function.

mod fixture;
mod grow;
mod loops;
mod reader;
mod recorded;
mod shrink;
mod small;
mod state;
mod timers;

use serde_json::{Map, Value};

use super::case::{Case, Verdict};

/// Runs one case.
pub fn run(case: &Case) -> Verdict {
    answer(&case.area, &case.given, &case.expect).unwrap_or(Verdict::Unsupported)
}

/// The verdict of an area; `None` if there is no adapter, or the case is not of the known form.
fn answer(area: &str, given: &Value, expect: &Value) -> Option<Verdict> {
    Some(match area {
        "azure_instance_state" => small::azure_instance_state(given, expect)?,
        "azure_template" => small::azure_template(given, expect)?,
        "backoff" => state::backoff(given, expect)?,
        "balancing" => small::balancing(given, expect)?,
        "budgets" => shrink::budgets(given, expect)?,
        "candidate_order" => shrink::candidate_order(given, expect)?,
        "cluster_state" => state::cluster_state(given, expect)?,
        "drainability_rule" => shrink::drainability(given, expect)?,
        "eligibility" => shrink::eligibility(given, expect)?,
        "equivalence_groups" => grow::equivalence(given, expect)?,
        "estimation_limiter" => small::estimation_limiter(given, expect)?,
        "estimator" => grow::estimator(given, expect)?,
        "eviction_order" => small::eviction_order(given, expect)?,
        "expander" => small::expander(given, expect)?,
        "expendable" => small::expendable(given, expect)?,
        "filter_out_schedulable" => grow::filter_out_schedulable(given, expect)?,
        "hinting_simulator" => grow::hinting_simulator(given, expect)?,
        "long_terminating" => small::long_terminating(given, expect)?,
        "new_pod_delay" => small::new_pod_delay(given, expect)?,
        "node_readiness" => state::node_readiness(given, expect)?,
        "pdb" => shrink::pdb(given, expect)?,
        "planner" => shrink::planner(given, expect)?,
        "pods_to_move" => shrink::pods_to_move(given, expect)?,
        "removal_simulation" => shrink::removal(given, expect)?,
        "run_once" => loops::run_once(given, expect)?,
        "run_once_recorded" => recorded::run(given, expect)?,
        "scale_down_delay_local" => state::delay_local(given, expect)?,
        "scale_up" => grow::decide(given, expect)?,
        "similar_groups" => grow::similar(given, expect)?,
        "unneeded" => timers::unneeded(given, expect)?,
        "unremovable" => timers::unremovable(given, expect)?,
        "utilization" => shrink::utilization_case(given, expect)?,
        _ => return None,
    })
}

/// An array as a set: its items and those of inner arrays in order of their text.
fn as_set(value: &Value) -> Value {
    let Some(items) = value.as_array() else { return value.clone() };
    let mut items: Vec<Value> = items.iter().map(as_set).collect();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

fn compare_sets(expected: &Value, got: Vec<Value>) -> Verdict {
    Verdict::compare(as_set(expected), as_set(&Value::Array(got)))
}

/// Compares the keys that are expected, lists as sets.
fn compare_keys(expect: &Value, got: &Value) -> Verdict {
    let pick = |from: &Value| -> Value {
        let keys = expect.as_object().into_iter().flatten();
        keys.filter(|(key, _)| !matches!(key.as_str(), "note" | "rel_tol"))
            .map(|(key, _)| (key.clone(), as_set(&from[key])))
            .collect::<Map<String, Value>>()
            .into()
    };
    Verdict::compare(pick(expect), pick(got))
}
