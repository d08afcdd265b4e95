//! Timers of nodes that are not needed, and what is remembered of those that stay.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare_sets;
use super::fixture::{
    Fixture, at, head, instant, length, list, now_of, number, pairs, quota, resources, seconds_of,
};
use crate::conform::case::Verdict;
use crate::control::autoscaler::quota::QuotaTracker;
use crate::control::autoscaler::unneeded::{GroupNow, NodeNow, Removable, Unneeded};
use crate::control::autoscaler::unremovable::Unremovable;
use crate::control::autoscaler::{Quota, Reason};
use crate::unit::{Duration, NodeId, PodId, PoolId, SimTime};

/// Timers.
pub fn unneeded(given: &Value, expect: &Value) -> Option<Verdict> {
    if given["updates"].is_array() {
        return tracked(given, expect);
    }
    let now = now_of(given);
    if given["node_deletion_candidate_ttl_s"].is_number() {
        let ttl = length(given, "node_deletion_candidate_ttl_s")?;
        let mut timers = Unneeded::default();
        let nodes = list(given, "nodes");
        for (index, node) in nodes.iter().enumerate() {
            if let Some(tainted) = instant(node, "candidate_taint_value") {
                timers.restore(NodeId::from(index), tainted, ttl, now);
            }
        }
        let kept = timers.iter().map(|(node, _)| nodes[usize::from(node)]["name"].clone());
        return Some(compare_sets(&expect["unneeded"], kept.collect()));
    }
    removable_at(given, expect, now)
}

fn tracked(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let mut timers = Unneeded::default();
    for update in list(given, "updates") {
        let mut removable = Vec::new();
        for node in list(update, "removable") {
            let ready = node["ready"] == true;
            let key = if ready { "unneeded_time_s" } else { "unready_time_s" };
            removable.push((bare(fixture.node(node)), length(given, key)?));
        }
        timers.update(removable, instant(update, "at_s")?);
    }
    let got: Map<String, Value> = timers
        .iter()
        .map(|(node, timer)| {
            let since = seconds_of(timer.since) as i64;
            let value = json!({"since_s": since, "threshold_s": timer.threshold.as_secs()});
            (fixture.node_name(node).to_owned(), value)
        })
        .collect();
    Some(Verdict::compare(expect["tracked"].clone(), Value::Object(got)))
}

fn bare(node: NodeId) -> Removable {
    Removable { node, moved: Vec::new(), daemons: Vec::new(), awaited: Vec::new(), risky: false }
}

fn removable_at(given: &Value, expect: &Value, now: SimTime) -> Option<Verdict> {
    let single = &given["node"];
    let empty = if single.is_object() { 1 } else { number(given, "empty_nodes") as u32 };
    let drain = number(given, "drain_nodes") as u32;
    let ready = single["ready"].as_bool().or(given["nodes_ready"].as_bool()).unwrap_or(true);
    let mut timers = Unneeded::default();
    let removable = (0..empty + drain).map(|index| {
        let moved = if index < empty { Vec::new() } else { vec![PodId(0)] };
        (Removable { moved, ..bare(NodeId(index)) }, Duration::ZERO)
    });
    timers.update(removable, instant(given, "since_s")?);
    let known = !is_not_read(given) && !is_not_read(single);
    let time = |key: &str| length(given, key).filter(|_| known);
    let capacity = resources(&single["allocatable"]);
    let now_of = NodeNow {
        ready,
        disabled: single["scale_down_disabled_annotation"] == true,
        pool: given["group"].is_object().then_some(PoolId(0)),
        unneeded_time: time("unneeded_time_s"),
        unready_time: time("unready_time_s"),
        capacity,
    };
    let group = &given["group"];
    let size = number(group, "target") - number(given, "deletions_in_progress");
    let mut groups = BTreeMap::from([(PoolId(0), GroupNow { min: number(group, "min"), size })]);
    let nodes = (0..empty + drain).map(|_| &capacity);
    let mut quota = QuotaTracker::above(least(given), nodes);
    let (chosen, refused) = timers.removable_at(|_| now_of, &mut groups, &mut quota, now);
    let count = |empty: bool| chosen.iter().filter(|own| own.is_empty() == empty).count();
    let got = json!({
        "empty_removable_count": count(true),
        "drain_removable_count": count(false),
        "unremovable_reason": refused.first().map(|(_, reason)| reason.name()),
    });
    Some(super::compare_keys(expect, &got))
}

/// Whether a flag or a message says that something could not be read.
fn is_not_read(value: &Value) -> bool {
    let says = |key: &str, flag: &Value| match flag {
        Value::Bool(true) => key.contains("error") || key.contains("fail"),
        Value::Bool(false) => key.contains("available") || key.contains("known"),
        Value::String(text) => key.contains("error") && !text.is_empty(),
        _ => false,
    };
    value.as_object().into_iter().flatten().any(|(key, flag)| says(key, flag))
}

/// The lower limits of a case; of several the largest, as all are on the same nodes.
fn least(given: &Value) -> Quota {
    let named = ["min_limits", "min_quota", "quota"].map(|key| &given[key]);
    let all = list(given, "quotas").iter().chain(list(given, "min_quotas")).chain(named);
    all.map(|own| quota(own, &BTreeMap::new())).fold(Quota::default(), |least, own| Quota {
        pools: None,
        cores: least.cores.max(own.cores),
        memory: least.memory.max(own.memory),
        nodes: least.nodes.max(own.nodes),
    })
}

/// What is still remembered as unremovable.
pub fn unremovable(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut memory = Unremovable::default();
    let names: Vec<&str> =
        pairs(given, "unremovable_until_s").into_iter().map(|(name, _)| name).collect();
    for (index, (_, until)) in pairs(given, "unremovable_until_s").into_iter().enumerate() {
        memory.add(NodeId::from(index), at(until.as_f64()?), Reason::NoPlaceToMovePods);
    }
    let there = list(given, "cluster_nodes");
    let is_there = |node: NodeId| there.iter().any(|name| *name == names[usize::from(node)]);
    memory.update(is_there, now_of(given));
    Some(Verdict::compare(expect["still_remembered"].clone(), json!(memory.len())))
}
