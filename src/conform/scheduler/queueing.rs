//! Cases of the queue and of node order.

use serde_json::{Value, json};

use super::filter::by_name;
use super::reader::{Bench, list, strings};
use super::score::sorted;
use crate::conform::Verdict;
use crate::control::scheduler::{
    Group, NodeTree, QueueSettings, SchedulingQueue, backoff as backoff_after,
    nodes_to_find as feasible_target,
};
use crate::rules::{Plugin, PluginSet};
use crate::unit::{Duration, PodId, ShapeId, SimTime};

/// Cases count from an instant that may be negative; the simulation does not.
const SHIFT_SECONDS: i64 = 1_000;

fn instant(micros: i64) -> SimTime {
    SimTime::from_micros((SHIFT_SECONDS * 1_000_000 + micros) as u64)
}

pub(super) fn node_order(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    let mut tree = NodeTree::default();
    for node in bench.nodes(&given["nodes_in_add_order"])? {
        let labels = &bench.cluster.nodes[node].labels;
        let label = |key| labels.get(key).unwrap_or_default();
        tree.add((label(bench.known.region), label(bench.known.zone)), node.0);
    }
    let mut order = Vec::new();
    tree.list(&mut order);
    let ranks: Vec<_> = order.iter().map(|&slot| (crate::unit::NodeId(slot), 0)).collect();
    let named = by_name(&bench, &ranks);
    let names: Vec<&String> = named.as_object()?.keys().collect();
    Some(Verdict::compare(expect["order"].clone(), json!(names)))
}

pub(super) fn nodes_to_find(given: &Value, expect: &Value) -> Option<Verdict> {
    // 0 and no percentage are the adaptive one.
    let (nodes, percentage) = (given["nodes"].as_u64()?, given["percentage"].as_u64().unwrap_or(0));
    let got = feasible_target(nodes as usize, percentage as u32);
    Some(Verdict::compare(expect["feasible_target"].clone(), json!(got)))
}

fn group(rejectors: PluginSet) -> Group {
    Group { shape: ShapeId(0), pinned: None, rejectors }
}

fn rejected() -> PluginSet {
    PluginSet::of(Plugin::NodeResourcesFit)
}

fn settings(initial: Duration, pop_from_backoff: bool) -> QueueSettings {
    let max = Duration::from_secs(10);
    QueueSettings { initial, max, pop_from_backoff, count_attempts: false }
}

fn drain(queue: &mut SchedulingQueue, now: SimTime) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop(now).map(|(pod, _)| usize::from(pod))).collect()
}

pub(super) fn order(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut queue = SchedulingQueue::new(settings(Duration::from_secs(1), true));
    let pair = [given["first"].clone(), given["second"].clone()];
    let added = given["pods_added"].as_array().map_or(&pair[..], Vec::as_slice);
    let mut last = SimTime::ZERO;
    for (index, pod) in added.iter().enumerate() {
        let at = instant(pod["enqueued_at_s"].as_i64().unwrap_or(0) * 1_000_000);
        let priority = pod["priority"].as_i64().unwrap_or(0) as i32;
        queue.add(PodId::from(index), group(PluginSet::default()), priority, false, at);
        last = last.max(at);
    }
    let popped = drain(&mut queue, last);
    let got = if expect.get("pop_order").is_some() {
        let names: Vec<_> = popped.iter().map(|&index| added[index]["name"].clone()).collect();
        json!({"pop_order": names})
    } else {
        json!({"first_before_second": popped == [0, 1]})
    };
    Some(Verdict::compare(expect.clone(), got))
}

pub(super) fn backoff(given: &Value, expect: &Value) -> Option<Verdict> {
    if given.get("pods").is_some() {
        return flushed(given, expect);
    }
    let failures = given["unschedulable_attempts"].as_u64()? as u32;
    // The rule does not care about the unit.
    let (unit, of) = match given["initial_ns"].is_null() {
        true => ("s", "initial_s"),
        false => ("ns", "initial_ns"),
    };
    let initial = Duration::from_micros(given[of].as_u64()?);
    let max = Duration::from_micros(given[format!("max_{unit}")].as_u64()?);
    let got = backoff_after(initial, max, failures).micros();
    Some(Verdict::compare(expect[format!("backoff_{unit}")].clone(), json!(got)))
}

/// Lets pods fail at their times, wakes them all and sees which are let go at `now`.
fn flushed(given: &Value, expect: &Value) -> Option<Verdict> {
    let micros = |of: &Value, name: &str| {
        let (millis, seconds) = (&of[format!("{name}_ms")], &of[format!("{name}_s")]);
        millis.as_i64().map(|n| n * 1_000).or(seconds.as_i64().map(|n| n * 1_000_000))
    };
    let initial = Duration::from_micros(micros(given, "initial_backoff")? as u64);
    let now = instant(micros(given, "now")?);
    // Popping before the end orders by whole seconds, and within one by priority.
    let by_second = given["pop_from_backoff_enabled"] == true;
    let mut queue = SchedulingQueue::new(settings(initial, by_second));
    let pods = list(&given["pods"]);
    for (index, pod) in pods.iter().enumerate() {
        let (id, failed) = (PodId::from(index), instant(micros(pod, "failed_at")?));
        let priority = pod["priority"].as_i64().unwrap_or(0) as i32;
        queue.add(id, group(PluginSet::default()), priority, false, failed);
        queue.pop(SimTime::ZERO);
        if pod["kind"] == "error" {
            queue.fail(id, failed);
        } else {
            queue.reject(id, rejected(), failed);
            queue.wake(failed, |_| true);
        }
    }
    let ended = queue.completed_backoff(if by_second { now.floor_second() } else { now });
    let names: Vec<_> = ended.iter().map(|pod| pods[usize::from(*pod)]["name"].clone()).collect();
    let key = if expect.get("flushed").is_some() { "flushed" } else { "flushed_in_order" };
    if key == "flushed" {
        let got = json!(names);
        return Some(Verdict::compare(json!(sorted(&expect[key])), json!(sorted(&got))));
    }
    if by_second {
        return Some(Verdict::compare(expect[key].clone(), json!(names)));
    }
    // Equal ends have no defined order.
    let ends = |names: &[Value]| -> Vec<i64> {
        names
            .iter()
            .filter_map(|name| pods.iter().find(|pod| pod["name"] == *name))
            .filter_map(|pod| pod["failed_at_ms"].as_i64())
            .collect()
    };
    let same = ends(&names) == ends(list(&expect[key]))
        && sorted(&json!(names)) == sorted(&expect[key])
        && strings(&expect[key]).count() == names.len();
    if same {
        return Some(Verdict::Passed);
    }
    Some(Verdict::Failed { expected: expect[key].clone(), got: json!(names) })
}
