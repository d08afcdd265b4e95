//! Whole loops.

use serde_json::{Value, json};

use super::fixture::{Fixture, at, head, instant, length, list, number, pairs, text};
use crate::conform::case::Verdict;
use crate::control::autoscaler::clean_up::{sizes_to_fix, unregistered_to_delete};
use crate::control::autoscaler::state::{
    ClusterState, GroupSize, InstanceReading, MAX_SCALE_DOWN_TIME, NodeReading, StateLimits,
};
use crate::control::autoscaler::{
    Action, Autoscaler, AutoscalerSpec, Scan, Template, degraded_loop_scales_down, run_once as run,
};
use crate::model::Usage;
use crate::unit::{Duration, Lots, NodeId, PoolId, SimTime};

/// Loops and their steps.
pub fn run_once(given: &Value, expect: &Value) -> Option<Verdict> {
    if given["loops"].is_array() {
        loops(given, expect)
    } else if given["checks_at_s"].is_array() {
        checks(given, expect)
    } else if expect["node_deleted"].is_boolean() {
        one_empty_node(given, expect)
    } else {
        upcoming_candidates(given, expect)
    }
}

fn spec_of(options: &Value) -> Option<AutoscalerSpec> {
    let mut spec = head();
    let time = |key: &str, default: Duration| length(options, key).unwrap_or(default);
    spec.unneeded_time = time("scale_down_unneeded_time_s", spec.unneeded_time);
    spec.unready_time = time("scale_down_unready_time_s", spec.unready_time);
    spec.max_node_provision_time = time("max_node_provision_s", spec.max_node_provision_time);
    spec.delay_after_add = time("scale_down_delay_after_add_s", spec.delay_after_add);
    spec.delay_after_delete = time("scale_down_delay_after_delete_s", spec.delay_after_delete);
    spec.delay_after_failure = time("scale_down_delay_after_failure_s", spec.delay_after_failure);
    let count = |key: &str, default: i64| options[key].as_i64().unwrap_or(default);
    spec.ok_unready = count("ok_total_unready_count", 3) as u32;
    spec.cores_total.1 = count("cores_total_max", spec.cores_total.1);
    spec.memory_total.1 = count("memory_total_max_bytes", spec.memory_total.1);
    spec.max_nodes_total = count("max_nodes_total", 0) as u32;
    spec.expendable_cutoff = count("expendable_pods_priority_cutoff", -10) as i32;
    spec.max_unready_percent = options["max_total_unready_percentage"].as_f64().unwrap_or(45.0);
    spec.utilization_threshold =
        options["scale_down_utilization_threshold"].as_f64().unwrap_or(0.5);
    spec.enforce_min_size = options["enforce_min_size"] == true;
    spec.delay_type_local = options["scale_down_delay_type_local"] == true;
    spec.force_delete_unregistered = forces(options);
    spec.scale_down_enabled = options["scale_down_enabled"].as_bool().unwrap_or(true);
    spec.bypassed_schedulers = list(options, "bypassed_schedulers")
        .iter()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect();
    let least = &options["min_limits"];
    spec.cores_total.0 = least["cores"].as_i64().unwrap_or(spec.cores_total.0);
    spec.memory_total.0 = least["mem_bytes"].as_i64().unwrap_or(spec.memory_total.0);
    spec.cores_total.0 = count("cores_total_min", spec.cores_total.0);
    spec.memory_total.0 = count("memory_total_min_bytes", spec.memory_total.0);
    Some(spec)
}

/// Whether instances without a node are deleted even where that goes under a minimum.
fn forces(options: &Value) -> bool {
    let all = options.as_object().into_iter().flatten();
    all.filter(|(_, value)| **value == true).any(|(key, _)| key.starts_with("force_delete"))
}

/// What groups have gone through before the first loop.
fn past(fixture: &Fixture, given: &Value, memory: &mut Autoscaler) -> Option<()> {
    let limits = StateLimits::of(&fixture.spec);
    for event in list(given, "events") {
        let (pool, at) = (*fixture.pools.get(text(event, "group"))?, instant(event, "at_s")?);
        match text(event, "kind") {
            "scale_up" => memory.state.register_scale_up(pool, 1, &limits, at),
            "scale_down" => {
                let expected = at + MAX_SCALE_DOWN_TIME;
                memory.state.register_scale_down(pool, NodeId(u32::MAX), expected, at);
            }
            "failed_scale_down" => memory.state.register_failed_scale_down(pool, at),
            _ => return None,
        }
    }
    Some(())
}

fn loops(given: &Value, expect: &Value) -> Option<Verdict> {
    let spec = spec_of(&given["options"])?;
    let mut fixture = Fixture::new(spec);
    for group in list(given, "groups") {
        fixture.group(group);
    }
    let first = instant(list(given, "loops").first()?, "at_s").unwrap_or_else(|| at(0.0));
    let mut memory = Autoscaler::new(&fixture.spec, first);
    past(&fixture, given, &mut memory)?;
    if let Some(seen) = instant(given, "first_seen_s") {
        set_up(&mut fixture, given, list(given, "loops").first()?)?;
        fixture.read_into(&mut memory.state, seen);
    }
    let (mut got, mut now) = (Vec::new(), first);
    for (step, wanted) in list(given, "loops").iter().zip(list(expect, "per_loop")) {
        set_up(&mut fixture, given, step)?;
        now = instant(step, "at_s").unwrap_or(now);
        let spec = fixture.spec.clone();
        let scan = run(&spec, &fixture.view(), &mut memory, now, Lots::new(1));
        // The case's actuator is done at once, and its provider changes nothing by itself.
        for action in &scan.actions {
            if let Action::StartDeletion { node, .. } = action {
                memory.deletion_done(*node, now);
            }
        }
        got.push(read(&fixture, &scan, wanted));
    }
    Some(Verdict::compare(expect["per_loop"].clone(), Value::Array(got)))
}

/// Brings the cluster to what a loop sees.
fn set_up(fixture: &mut Fixture, given: &Value, step: &Value) -> Option<()> {
    if let Some(total) = step["max_nodes_total"].as_u64() {
        fixture.spec.max_nodes_total = total as u32;
    }
    if step["add_group"].is_object() {
        fixture.group(&step["add_group"]);
    }
    for (name, target) in pairs(step, "set_target") {
        let pool = *fixture.pools.get(name)?;
        let group = fixture.groups.iter_mut().find(|group| group.pool == pool)?;
        group.target = target.as_u64()? as u32;
    }
    if given["template"].is_object() {
        let capacity = super::fixture::resources(&given["template"]);
        for group in &mut fixture.groups {
            let template = Template { capacity, allocatable: capacity, ..Template::default() };
            group.template = Some(template);
        }
    }
    fixture.cluster.registered.clear();
    fixture.cluster.pending.clear();
    for node in fixture.cluster.nodes.iter_mut() {
        node.used = Usage::default();
    }
    for node in list(step, "nodes") {
        fixture.node(node);
    }
    for pod in list(step, "pods") {
        fixture.pod(pod);
    }
    for (group, names) in pairs(step, "unregistered_instances") {
        let pool = *fixture.pools.get(group)?;
        for name in names.as_array()? {
            fixture.instance(name.as_str()?, pool);
        }
    }
    fixture.cluster.change += 1;
    Some(())
}

fn read(fixture: &Fixture, scan: &Scan, wanted: &Value) -> Value {
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let group = |pool: PoolId| fixture.pool_name(pool).to_owned();
    let mut lose = |node: NodeId| {
        let pool = fixture.cluster.nodes[node].pool.unwrap_or_default();
        down.push(json!([group(pool), fixture.node_name(node)]));
    };
    for action in &scan.actions {
        match action {
            Action::IncreaseSize { pool, by, .. } => up.push(json!([group(*pool), by])),
            Action::StartDeletion { node, .. } => lose(*node),
            Action::DeleteInstances { nodes, .. } => nodes.iter().for_each(|&node| lose(node)),
            _ => {}
        }
    }
    let all = json!({"scale_up": up, "scale_down": down});
    // Null asserts nothing.
    let Some(keys) = wanted.as_object() else { return Value::Null };
    keys.iter().map(|(key, _)| (key.clone(), all[key].clone())).collect()
}

/// Sizes that are fixed and instances that are removed when their time has come.
fn checks(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let pool = fixture.group(&given["group"]);
    let mut limits = StateLimits::of(&fixture.spec);
    limits.provision = length(given, "max_node_provision_s").unwrap_or(limits.provision);
    let registered = list(given, "registered").len();
    let missing = list(given, "unregistered");
    let nodes: Vec<NodeReading> = (0..registered)
        .map(|node| NodeReading {
            node: NodeId::from(node),
            pool: Some(pool),
            ready: true,
            created: None,
            deleted: false,
            suspended: false,
        })
        .collect();
    let instances: Vec<InstanceReading> = (0..missing.len())
        .map(|index| InstanceReading {
            node: NodeId::from(registered + index),
            pool,
            has_node: false,
            deleting: false,
            error: None,
        })
        .collect();
    let sizes = [GroupSize { pool, target: fixture.groups[0].target }];
    let mut state = ClusterState::default();
    let first = instant(given, "first_seen_s").or(instant(given, "mismatch_first_seen_s"))?;
    state.update(&limits, &sizes, nodes.clone(), instances.clone(), first);
    let names: Vec<&Value> = list(given, "registered").iter().chain(missing).collect();
    let all: Vec<NodeId> = (0..names.len()).map(NodeId::from).collect();
    let (mut changes, mut deleted) = (Vec::new(), Vec::new());
    for check in list(given, "checks_at_s") {
        let now: SimTime = at(check.as_f64()?);
        let fixes = sizes_to_fix(&state, &fixture.groups, limits.provision, now);
        changes.push(fixes.first().map_or(Value::Null, |(_, by)| json!(-i64::from(*by))));
        let force = forces(given);
        let whole = |_| Some(all.as_slice());
        let old = unregistered_to_delete(&state, &fixture.groups, whole, &limits, force, now);
        let nodes = old.into_iter().flat_map(|(_, nodes)| nodes);
        deleted.push(nodes.map(|node| names[usize::from(node)].clone()).collect::<Value>());
    }
    Some(super::compare_keys(expect, &json!({"target_change": changes, "deleted": deleted})))
}

/// Whether the one empty node of a cluster is deleted.
fn one_empty_node(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut spec = head();
    let degraded = given["graceful_degradation_enabled"] == true;
    let count = number(given, "degradation_loop_count") as u32;
    spec.scale_down_enabled =
        given["scale_down_enabled"] == true && degraded_loop_scales_down(degraded, count);
    spec.unneeded_time = length(given, "one_empty_node_unneeded_time_s")?;
    let case = json!({
        "groups": [{"id": "ng", "min": 0, "max": 10, "target": 1}],
        "nodes": [{"name": "n", "group": "ng",
                   "allocatable": {"cpu_m": 1000, "mem_bytes": 1000, "pods": 100}}],
    });
    let fixture = Fixture::of(spec, &case);
    let now = at(0.0);
    let mut memory = Autoscaler::new(&fixture.spec, now);
    let scan = run(&fixture.spec, &fixture.view(), &mut memory, now, Lots::new(1));
    let deleted = scan.actions.iter().any(|action| matches!(action, Action::StartDeletion { .. }));
    Some(Verdict::compare(expect["node_deleted"].clone(), json!(deleted)))
}

/// Nodes that have not started are neither candidates nor in the snapshot.
fn upcoming_candidates(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut spec = head();
    spec.ok_unready = number(given, "ok_total_unready_count") as u32;
    spec.max_node_provision_time = length(given, "max_node_provision_s")?;
    spec.max_node_startup_time = length(given, "max_node_startup_s")?;
    let mut fixture = Fixture::new(spec);
    let mut ready_nodes = 0;
    for group in list(given, "groups") {
        fixture.group(group);
        let (ready, unready) = (number(group, "ready_nodes"), number(group, "unready_nodes"));
        ready_nodes += ready;
        for index in 0..ready + unready {
            fixture.node(&json!({
                "name": format!("{}-{index}", text(group, "id")),
                "group": group["id"],
                "ready": index < ready,
                "creation_timestamp_s": given["nodes_created_at_s"],
                "allocatable": {"cpu_m": 1000, "mem_bytes": 1000, "pods": 100},
            }));
        }
    }
    let requests = &given["scale_up_registered"];
    let start = instant(requests, "at_s")?;
    let mut memory = Autoscaler::new(&fixture.spec, start);
    let limits = StateLimits::of(&fixture.spec);
    for (group, delta) in pairs(given, "scale_up_registered") {
        if let Some(&pool) = fixture.pools.get(group) {
            memory.state.register_scale_up(pool, delta.as_i64()?, &limits, start);
        }
    }
    let now = instant(given, "loop_at_s")?;
    let scan = run(&fixture.spec, &fixture.view(), &mut memory, now, Lots::new(1));
    let all = scan.candidates as i64 > ready_nodes;
    let got = json!({
        "scale_down_candidates": if all { "all nodes" } else { "ready nodes" },
        "candidate_count": scan.candidates,
        "snapshot_node_count": scan.snapshot_nodes,
        "unready_in_snapshot": all,
    });
    Some(super::compare_keys(expect, &got))
}
