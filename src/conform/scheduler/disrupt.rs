//! Cases of disruption budgets and evictions.

use serde_json::{Value, json};

use super::reader::{entries, list};
use crate::conform::Verdict;
use crate::control::disruption::{Budget, Target, evict};
use crate::rules::{Controlled, IntOrPercent, budget_status};

fn share(value: &Value) -> Option<IntOrPercent> {
    match value {
        Value::String(text) => text.strip_suffix('%')?.parse().ok().map(IntOrPercent::Percent),
        value => value.as_i64().map(IntOrPercent::Int),
    }
}

pub(super) fn budget(given: &Value, expect: &Value) -> Option<Verdict> {
    // A controller is found through its matched pods only.
    let groups = list(&given["managed_groups"]).iter().filter(|group| group["matching_pods"] != 0);
    let sum = |key: &str| groups.clone().map(|group| group[key].as_i64()).sum::<Option<i64>>();
    let pods = Controlled {
        matching: sum("matching_pods")? + given["unmanaged_pods"].as_i64().unwrap_or(0),
        // A controller that cannot be scaled says no number.
        expected_by_controllers: sum("desired_replicas"),
        healthy: given["healthy_pods"].as_i64()?,
    };
    let spec = &given["pdb"];
    let status =
        budget_status(share(&spec["min_available"]), share(&spec["max_unavailable"]), &pods);
    let all = json!({
        "disruptions_allowed": status.allowed,
        "current_healthy": status.healthy,
        "desired_healthy": status.desired,
        "expected_pods": status.expected,
    });
    let asked = entries(expect).map(|(key, _)| (key.clone(), all[key].clone()));
    Some(Verdict::compare(expect.clone(), Value::Object(asked.collect())))
}

pub(super) fn eviction(given: &Value, expect: &Value) -> Option<Verdict> {
    let matching = given["matching_pdbs"].as_u64()? as usize;
    let number = |key: &str| given[key].as_i64().unwrap_or(0);
    let flag = |key: &str| given[key] == true;
    let target = Target {
        not_running: given["pod_phase"] != "Running",
        terminating: flag("pod_terminating"),
        ready: flag("pod_ready"),
    };
    let budget = Budget {
        allowed: number("disruptions_allowed"),
        healthy: number("current_healthy"),
        desired: number("desired_healthy"),
        disrupted: 0,
        always_allow_unhealthy: given["unhealthy_policy"] == "AlwaysAllow",
    };
    let budgets = vec![budget; matching];
    let granted = evict(target, &budgets).is_granted();
    Some(Verdict::compare(expect["evicted"].clone(), json!(granted)))
}
