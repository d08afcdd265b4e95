//! What the autoscaler remembers from loop to loop, by the names of upstream's registries.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::{
    Writer, compact, failure_name, instant, length, read_failure, read_instant, read_length,
};
use crate::control::autoscaler::backoff::BackoffEntry;
use crate::control::autoscaler::drain::Blocker;
use crate::control::autoscaler::memory::Autoscaler;
use crate::control::autoscaler::placement::Hints;
use crate::control::autoscaler::planner::Ongoing;
use crate::control::autoscaler::snapshot::Origin;
use crate::control::autoscaler::spec::AutoscalerSpec;
use crate::control::autoscaler::state::{
    ClusterState, GroupState, IncorrectSize, ScaleUpRequest, Unregistered,
};
use crate::control::autoscaler::template::TemplateCache;
use crate::control::autoscaler::unneeded::{Removable, Timer};
use crate::control::autoscaler::unremovable::Reason;
use crate::control::autoscaler::view::Template;
use crate::unit::{NodeId, PodId, PoolId, SimTime};

/// Writes the memory.
pub fn write_memory(writer: &Writer<'_>, memory: &Autoscaler) -> Value {
    let (state, planner) = (&memory.state, &memory.planner);
    let node = |id: &NodeId| writer.node_name(*id);
    let templates = memory.templates.known.iter();
    compact(json!({
        "started_s": instant(memory.started),
        "last_scale_up_s": memory.last_scale_up.map(instant),
        "scale_up_before_last_s": memory.before_last_scale_up.map(instant),
        "last_scale_down_delete_s": memory.last_delete.map(instant),
        "last_scale_down_fail_s": memory.last_failure.map(instant),
        "groups": state.groups.iter()
            .map(|(pool, group)| (writer.group_name(*pool), group_state(group)))
            .collect::<Map<_, _>>(),
        "backoff": state.backoff.entries.iter()
            .map(|(pool, entry)| (writer.group_name(*pool), backoff(entry)))
            .collect::<Map<_, _>>(),
        "scale_down_requests": state.scale_downs.iter()
            .map(|(pool, id, expected)| json!({
                "group": writer.group_name(*pool),
                "node": node(id),
                "expected_delete_s": instant(*expected),
            }))
            .collect::<Value>(),
        "unregistered_since_s": state.unregistered.iter()
            .map(|(id, own)| (node(id), instant(own.since)))
            .collect::<Map<_, _>>(),
        "instance_errors": state.failed_instances.iter()
            .map(|(id, (_, kind))| (node(id), json!(failure_name(*kind))))
            .collect::<Map<_, _>>(),
        "unneeded": planner.unneeded.iter()
            .map(|(id, timer)| (node(&id), json!({
                "since_s": instant(timer.since), "threshold_s": length(timer.threshold),
            })))
            .collect::<Map<_, _>>(),
        "unremovable": planner.unremovable.until.iter()
            .map(|(id, (until, reason))| (node(id), unremovable(writer, *until, *reason)))
            .collect::<Map<_, _>>(),
        "deletions_in_progress": memory.ongoing.iter()
            .map(|(id, own)| (node(id), json!({
                "group": writer.group_name(own.pool),
                "drain": own.drain,
                "started_s": instant(own.started),
            })))
            .collect::<Map<_, _>>(),
        "last_plan_s": planner.latest.map(instant),
        "smallest_loop_interval_s": planner.smallest_interval.map(length),
        "hints": hints(writer, &memory.hints),
        "removal_hints": hints(writer, &planner.removal_hints),
        "injection_hints": hints(writer, &planner.injection_hints),
        "last_index": memory.robin.last,
        "template_cache": templates
            .map(|(pool, (template, seen))| {
                let mut own = writer.template(template);
                if let (Some(seen), Some(own)) = (seen, own.as_object_mut()) {
                    own.insert("seen_s".to_owned(), json!(instant(*seen)));
                }
                (writer.group_name(*pool), own)
            })
            .collect::<Map<_, _>>(),
    }))
}

fn group_state(group: &GroupState) -> Value {
    compact(json!({
        "incorrect_size": group.incorrect.map(|own| json!({
            "current": own.current,
            "expected": own.expected,
            "first_observed_s": instant(own.first_observed),
        })),
        "scale_up_request": group.request.map(|own| json!({
            "increase": own.increase,
            "time_s": instant(own.time),
            "expected_add_s": instant(own.expected),
        })),
        "last_scale_up_s": group.last_scale_up.map(instant),
        "last_scale_down_s": group.last_scale_down.map(instant),
        "last_failed_scale_down_s": group.last_failed_scale_down.map(instant),
    }))
}

fn backoff(entry: &BackoffEntry) -> Value {
    json!({
        "duration_s": length(entry.length),
        "backoff_until_s": instant(entry.until),
        "last_failed_s": instant(entry.last_failure),
        "error": failure_name(entry.kind),
    })
}

fn unremovable(writer: &Writer<'_>, until: SimTime, reason: Reason) -> Value {
    let blocked = match reason {
        Reason::BlockedByPod(pod, blocker) => {
            Some(json!({"pod": writer.pod_name(pod), "reason": blocker.name()}))
        }
        _ => None,
    };
    compact(json!({
        "until_s": instant(until), "reason": reason.name(), "blocking_pod": blocked,
    }))
}

/// Where pods were placed in the last pass and the one before.
fn hints(writer: &Writer<'_>, hints: &Hints) -> Value {
    let pass = |of: &FxHashMap<PodId, Origin>| -> Value {
        // What is over is never asked for again.
        let over = |pod: &PodId| writer.view.cluster.pods[*pod].phase.is_over();
        let alive: BTreeMap<_, _> = of.iter().filter(|(pod, _)| !over(pod)).collect();
        let one = |(pod, origin): (&PodId, &Origin)| {
            let place = match *origin {
                Origin::Real(node) => json!({"node": writer.node_name(node)}),
                Origin::Upcoming(pool, number) => {
                    json!({"upcoming": writer.group_name(pool), "number": number})
                }
                Origin::Estimated(number) => json!({"estimated": number}),
            };
            (writer.pod_name(*pod), place)
        };
        alive.into_iter().map(one).collect()
    };
    compact(json!({"current": pass(&hints.current), "previous": pass(&hints.previous)}))
}

/// What names mean while a memory is read.
pub trait Known {
    /// A node; one that is gone gets an identifier that no Node has.
    fn node(&mut self, name: &str) -> NodeId;
    /// A pod that is there.
    fn pod(&self, name: &str) -> Option<PodId>;
    /// A group.
    fn pool(&self, name: &str) -> Option<PoolId>;
    /// The group of a node.
    fn pool_of(&self, node: NodeId) -> Option<PoolId>;
    /// A template.
    fn template(&mut self, value: &Value) -> Option<Template>;
}

/// Reads a memory; what is absent is as after a start.
pub fn read_memory(
    value: &Value,
    spec: &AutoscalerSpec,
    now: SimTime,
    known: &mut dyn Known,
) -> Option<Autoscaler> {
    let started = read_instant(&value["started_s"]).unwrap_or(now);
    let mut memory = Autoscaler::new(spec, started);
    memory.last_scale_up = read_instant(&value["last_scale_up_s"]);
    memory.before_last_scale_up = read_instant(&value["scale_up_before_last_s"]);
    memory.last_delete = read_instant(&value["last_scale_down_delete_s"]);
    memory.last_failure = read_instant(&value["last_scale_down_fail_s"]);
    memory.robin.last = value["last_index"].as_u64().unwrap_or(0) as usize;
    memory.hints = read_hints(&value["hints"], known)?;
    memory.state = read_state(value, known)?;
    for (name, own) in entries(&value["deletions_in_progress"]) {
        let (node, pool) = (known.node(name), known.pool(own["group"].as_str()?)?);
        let started = read_instant(&own["started_s"])?;
        let drain = own["drain"].as_bool()?;
        memory.ongoing.insert(node, Ongoing { pool, drain, started });
    }
    let planner = &mut memory.planner;
    planner.latest = read_instant(&value["last_plan_s"]);
    planner.smallest_interval = read_length(&value["smallest_loop_interval_s"]);
    planner.removal_hints = read_hints(&value["removal_hints"], known)?;
    planner.injection_hints = read_hints(&value["injection_hints"], known)?;
    for (name, own) in entries(&value["unneeded"]) {
        let node = known.node(name);
        let (moved, daemons, awaited) = (Vec::new(), Vec::new(), Vec::new());
        let removable = Removable { node, moved, daemons, awaited, risky: false };
        let since = read_instant(&own["since_s"])?;
        let threshold = read_length(&own["threshold_s"]).unwrap_or_default();
        planner.unneeded.timers.insert(node, Timer { since, threshold, removable });
    }
    for (name, own) in entries(&value["unremovable"]) {
        let node = known.node(name);
        planner.unremovable.add(node, read_instant(&own["until_s"])?, read_reason(own, known)?);
    }
    let mut templates = BTreeMap::new();
    for (name, own) in entries(&value["template_cache"]) {
        let seen = read_instant(&own["seen_s"]);
        templates.insert(known.pool(name)?, (known.template(own)?, seen));
    }
    memory.templates = TemplateCache { known: templates, used: Vec::new() };
    Some(memory)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn read_state(value: &Value, known: &mut dyn Known) -> Option<ClusterState> {
    let mut state = ClusterState::default();
    for (name, own) in entries(&value["groups"]) {
        state.groups.insert(known.pool(name)?, read_group(own)?);
    }
    for (name, own) in entries(&value["backoff"]) {
        let entry = BackoffEntry {
            length: read_length(&own["duration_s"])?,
            until: read_instant(&own["backoff_until_s"])?,
            kind: read_failure(&own["error"])?,
            last_failure: read_instant(&own["last_failed_s"])?,
        };
        state.backoff.entries.insert(known.pool(name)?, entry);
    }
    for own in value["scale_down_requests"].as_array().into_iter().flatten() {
        let pool = known.pool(own["group"].as_str()?)?;
        let node = known.node(own["node"].as_str()?);
        state.scale_downs.push((pool, node, read_instant(&own["expected_delete_s"])?));
    }
    for (name, since) in entries(&value["unregistered_since_s"]) {
        let node = known.node(name);
        // An instance that is gone is forgotten by the next loop.
        if let Some(pool) = known.pool_of(node) {
            state.unregistered.insert(node, Unregistered { pool, since: read_instant(since)? });
        }
    }
    for (name, kind) in entries(&value["instance_errors"]) {
        let node = known.node(name);
        let pool = known.pool_of(node).unwrap_or_default();
        state.failed_instances.insert(node, (pool, read_failure(kind)?));
    }
    Some(state)
}

fn read_group(own: &Value) -> Option<GroupState> {
    let mut group = GroupState::default();
    group.last_scale_up = read_instant(&own["last_scale_up_s"]);
    group.last_scale_down = read_instant(&own["last_scale_down_s"]);
    group.last_failed_scale_down = read_instant(&own["last_failed_scale_down_s"]);
    if let Some(seen) = own.get("incorrect_size") {
        group.incorrect = Some(IncorrectSize {
            current: seen["current"].as_u64()? as u32,
            expected: seen["expected"].as_u64()? as u32,
            first_observed: read_instant(&seen["first_observed_s"])?,
        });
    }
    if let Some(request) = own.get("scale_up_request") {
        group.request = Some(ScaleUpRequest {
            increase: request["increase"].as_i64()?,
            time: read_instant(&request["time_s"])?,
            expected: read_instant(&request["expected_add_s"])?,
        });
    }
    Some(group)
}

fn read_reason(own: &Value, known: &dyn Known) -> Option<Reason> {
    let name = own["reason"].as_str()?;
    if let Some(blocking) = own.get("blocking_pod") {
        let reason = blocking["reason"].as_str()?;
        let blocker = Blocker::ALL.iter().copied().find(|one| one.name() == reason)?;
        let pod = known.pod(blocking["pod"].as_str()?).unwrap_or_default();
        return Some(Reason::BlockedByPod(pod, blocker));
    }
    Reason::SIMPLE.iter().copied().find(|one| one.name() == name)
}

fn read_hints(value: &Value, known: &mut dyn Known) -> Option<Hints> {
    let mut pass = |of: &Value| -> Option<FxHashMap<PodId, Origin>> {
        let mut hints = FxHashMap::default();
        for (name, place) in entries(of) {
            let Some(pod) = known.pod(name) else { continue };
            let origin = if let Some(node) = place["node"].as_str() {
                Origin::Real(known.node(node))
            } else if let Some(group) = place["upcoming"].as_str() {
                Origin::Upcoming(known.pool(group)?, place["number"].as_u64()? as u32)
            } else {
                Origin::Estimated(place["estimated"].as_u64()? as u32)
            };
            hints.insert(pod, origin);
        }
        Some(hints)
    };
    Some(Hints {
        current: pass(&value["current"])?,
        previous: pass(&value["previous"])?,
        settled: false,
    })
}
