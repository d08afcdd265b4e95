//! Cases of the controllers of workloads.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::reader::{NOW, ago, count, flag, int, list, seconds, text};
use crate::control::workload::job::BackoffRecord;
use crate::control::workload::replica_set::{
    Candidate, VictimPhase, dies_first, slow_start, victims,
};
use crate::unit::SimTime;

pub(super) fn run(area: &str, given: &Value) -> Option<Value> {
    Some(match area {
        "job.backoff_record" => backoff_record(given),
        "job.backoff_remaining" => backoff_remaining(given),
        "pod.deletion_order" => deletion_order(given),
        "rs.scale_down_victims" => scale_down_victims(given),
        "rs.slow_start_create" => slow_start_create(given),
        _ => return None,
    })
}

fn backoff_record(given: &Value) -> Value {
    let instants = |key: &str| -> Vec<SimTime> {
        let at = |offset: &Value| {
            SimTime::from_micros(NOW.micros().saturating_add_signed(int(offset) * 1_000))
        };
        list(&given[key]).iter().map(at).collect()
    };
    let mut record =
        BackoffRecord { failures: count(&given["previous_failures"]), last_failure: None };
    record.update(&instants("new_success_offsets_ms"), &instants("new_failure_offsets_ms"));
    let offset = |at: SimTime| (at.micros() as i64 - NOW.micros() as i64) / 1_000;
    json!({
        "failures_after_last_success": record.failures,
        "last_failure_offset_ms": record.last_failure.map(offset),
    })
}

fn backoff_remaining(given: &Value) -> Value {
    let record = BackoffRecord {
        failures: count(&given["failures"]),
        last_failure: ago(&given["elapsed_since_last_failure_s"]),
    };
    let remaining = record.remaining(NOW, seconds(&given["base_s"]), seconds(&given["max_s"]));
    json!({"remaining_s": remaining.as_secs()})
}

fn candidate(pod: &Value, colocated: u32, use_cost: bool) -> Candidate {
    Candidate {
        bound: !text(&pod["node"]).is_empty(),
        phase: match text(&pod["phase"]) {
            "Pending" => VictimPhase::Pending,
            "Unknown" => VictimPhase::Unknown,
            _ => VictimPhase::Running,
        },
        ready: flag(&pod["ready"]),
        cost: if use_cost { int(&pod["deletion_cost"]) } else { 0 },
        colocated,
        ready_since: ago(&pod["ready_age_s"]),
        restarts: count(&pod["max_restarts"]),
        created: ago(&pod["age_s"]),
        tie: 0,
    }
}

fn deletion_order(given: &Value) -> Value {
    let use_cost = flag(&given["use_deletion_cost"]);
    let first = candidate(&given["first"], count(&given["first_colocated_rank"]), use_cost);
    let second = candidate(&given["second"], count(&given["second_colocated_rank"]), use_cost);
    json!({"order": match dies_first(&first, &second, NOW) {
        Ordering::Less => "first_deleted_first",
        Ordering::Equal => "equivalent",
        Ordering::Greater => "second_deleted_first",
    }})
}

fn scale_down_victims(given: &Value) -> Value {
    let related = list(&given["related_pods"]);
    let pods: Vec<Candidate> = list(&given["pods"])
        .iter()
        .map(|pod| {
            let here = related.iter().filter(|other| other["node"] == pod["node"]).count();
            candidate(pod, here as u32, true)
        })
        .collect();
    let kinds: Vec<&str> = victims(&pods, count(&given["delete_count"]) as usize, NOW)
        .into_iter()
        .map(|index| text(&given["pods"][index]["kind"]))
        .collect();
    json!({"deleted_kinds": kinds})
}

fn slow_start_create(given: &Value) -> Value {
    let succeeds = count(&given["creates_succeed_until_call"]);
    let (pods, initial) = (count(&given["pods_to_create"]), count(&given["initial_batch"]));
    let done = slow_start(pods, initial, |call| call < succeeds);
    json!({"created": done.created, "calls": done.calls, "error": done.failed})
}
