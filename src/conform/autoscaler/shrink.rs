//! Scale-down: drainability, utilisation, eligibility, removal, planner, budgets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fixture::{Fixture, at, head, instant, length, list, now_of, number, pairs, text};
use crate::conform::case::Verdict;
use crate::control::autoscaler::AutoscalerSpec;
use crate::control::autoscaler::allowance::Allowance;
use crate::control::autoscaler::deletion_budget::{DeletionLimits, GroupNodes, crop};
use crate::control::autoscaler::drain::{
    DrainOptions, Held, Outcome, OutcomeKind, Rule, combine, drain,
};
use crate::control::autoscaler::placement::{Failures, Hints};
use crate::control::autoscaler::planner::{
    Emptiness, PlanContext, Planner, Removal, candidate_key, unneeded_limit,
};
use crate::control::autoscaler::round_robin::RoundRobin;
use crate::control::autoscaler::snapshot::Snapshot;
use crate::control::autoscaler::unneeded::Removable;
use crate::control::autoscaler::utilization::{
    DevicePool, Dominant, UtilizationNode, UtilizationOptions, UtilizationPod, utilization,
};
use crate::unit::{ExtendedId, NodeId, PodId, SimTime};

fn kind_name(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Undefined => "undefined",
        OutcomeKind::Ok => "drain_ok",
        OutcomeKind::Blocked => "blocked",
        OutcomeKind::Skip => "skip",
        OutcomeKind::Wait => "wait",
    }
}

fn kind_of(name: &str) -> Option<OutcomeKind> {
    use OutcomeKind::{Blocked, Ok, Skip, Undefined, Wait};
    [Undefined, Ok, Blocked, Skip, Wait].into_iter().find(|kind| kind_name(*kind) == name)
}

fn outcome_of(name: &str) -> Option<Outcome> {
    use crate::control::autoscaler::drain::Blocker;
    Some(match kind_of(name)? {
        OutcomeKind::Undefined => Outcome::Undefined,
        OutcomeKind::Ok => Outcome::Ok,
        OutcomeKind::Blocked => Outcome::Blocked(Blocker::NotReplicated),
        OutcomeKind::Skip => Outcome::Skip,
        OutcomeKind::Wait => Outcome::Wait,
    })
}

fn rule_of(name: &str) -> Option<Rule> {
    Some(match name {
        "mirror" => Rule::Mirror,
        "longterminating" => Rule::LongTerminating,
        "replicacount" => Rule::ReplicaCount,
        "daemonset" => Rule::DaemonSet,
        "safetoevict" => Rule::SafeToEvict,
        "terminal" => Rule::Terminal,
        "oncompletion" => Rule::OnCompletion,
        "replicated" => Rule::Replicated,
        "system" => Rule::System,
        "notsafetoevict" => Rule::NotSafeToEvict,
        "localstorage" => Rule::LocalStorage,
        "pdb" => Rule::Pdb,
        _ => return None,
    })
}

fn drain_options(fixture: &Fixture, given: &Value) -> DrainOptions {
    let mut options = DrainOptions::of(&fixture.spec, fixture.words().kube_system);
    let set = |flag: &mut bool, key: &str| *flag = given[key].as_bool().unwrap_or(*flag);
    set(&mut options.skip_system_pods, "skip_nodes_with_system_pods");
    set(&mut options.skip_local_storage, "skip_nodes_with_local_storage");
    set(&mut options.skip_custom_controllers, "skip_nodes_with_custom_controller_pods");
    options.min_replica_count = number(given, "min_replica_count") as u32;
    options.system_pod_timeout =
        length(given, "blocking_system_pod_timeout_s").unwrap_or(options.system_pod_timeout);
    options
}

/// One rule on one pod, or the order of outcomes.
pub fn drainability(given: &Value, expect: &Value) -> Option<Verdict> {
    let outcome = if given["rule_results"].is_array() {
        let mut held = Vec::new();
        for result in list(given, "rule_results") {
            let overrides = list(result, "overrides").iter().map(|kind| kind_of(kind.as_str()?));
            held.push(Held {
                outcome: outcome_of(text(result, "outcome"))?,
                overrides: overrides.collect::<Option<_>>()?,
            });
        }
        combine(held)
    } else {
        let mut fixture = Fixture::of(head(), given);
        let pod = fixture.pod(&given["pod"]);
        let facts = fixture.facts(pod, &given["pod"], given);
        let options = drain_options(&fixture, given);
        rule_of(text(given, "rule"))?.outcome(&facts, &options, now_of(given))
    };
    let mut got = Map::from_iter([("outcome".to_owned(), json!(kind_name(outcome.kind())))]);
    if expect.get("reason").is_some() {
        let reason = match outcome {
            Outcome::Blocked(blocker) => Some(blocker.name()),
            _ => None,
        };
        got.insert("reason".to_owned(), json!(reason));
    }
    Some(Verdict::compare(expect.clone(), Value::Object(got)))
}

/// The pods of a node by what happens to them.
pub fn pods_to_move(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let pods: Vec<PodId> = list(given, "pods").iter().map(|pod| fixture.pod(pod)).collect();
    let with_budgets = Fixture::of(head(), given);
    let options = drain_options(&with_budgets, &given["options"]);
    let values = list(given, "pods");
    let facts = pods.iter().zip(values).map(|(&pod, value)| {
        let own = with_budgets.pods[text(value, "name")];
        (pod, with_budgets.facts(own, value, given))
    });
    let found = drain(facts, &options, now_of(given));
    let names = |pods: &[PodId]| -> Value {
        pods.iter().map(|&pod| json!(fixture.pod_name(pod))).collect()
    };
    let blocked = found
        .blocked
        .map(|(pod, blocker)| json!({"pod": fixture.pod_name(pod), "reason": blocker.name()}));
    let got = json!({
        "move": names(&found.moved),
        "daemonset": names(&found.daemons),
        "on_completion": names(&found.awaited),
        "blocked_by": blocked,
    });
    Some(super::compare_keys(expect, &got))
}

/// Whether a flag or a driver's name says that GPUs are devices of dynamic resource allocation.
fn via_dra(value: &&Value) -> bool {
    let says = |key: &str| key.contains("dra") && (key.contains("gpu") || key.contains("driver"));
    let is_set = |value: &Value| *value == true || value.as_str().is_some_and(|v| !v.is_empty());
    value.as_object().into_iter().flatten().any(|(key, value)| says(key) && is_set(value))
}

/// Utilisation of a node.
pub fn utilization_case(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let node = fixture.node(&given["node"]);
    let mut pods = Vec::new();
    for value in list(given, "pods") {
        let deletion = instant(value, "deletion_timestamp_s");
        pods.push((fixture.shape(value), deletion, length(value, "termination_grace_s")));
    }
    let mut devices = Vec::new();
    if given["options"]["dra_enabled"] == true {
        for pool in list(given, "device_pools") {
            let key = format!("{}/{}", text(pool, "driver"), text(pool, "pool"));
            devices.push(DevicePool {
                devices: number(pool, "devices") as u32,
                slices: pool["slices"].as_u64().unwrap_or(1) as u32,
                declared_slices: number(pool, "declared_slices") as u32,
                allocated: number(&given["allocated_devices"], &key) as u32,
            });
        }
    }
    let row = &fixture.cluster.nodes[node];
    let parts = [given, &given["node"], &given["options"], &given["gpu_config"]];
    let gpu = fixture.view().is_gpu(&row.labels, &row.allocatable) && !parts.iter().any(via_dra);
    let seen = UtilizationNode {
        allocatable: &row.allocatable,
        gpu: gpu.then_some(Some(ExtendedId(0))),
        devices: &devices,
    };
    let flag = |key: &str| given["options"][key] == true;
    let options = UtilizationOptions {
        ignore_daemonsets: flag("ignore_daemonsets_utilization"),
        ignore_mirror_pods: flag("ignore_mirror_pods_utilization"),
    };
    let shapes = &fixture.cluster.shapes;
    let pods = pods.iter().map(|&(shape, deletion, grace)| UtilizationPod {
        shape: &shapes[shape],
        deletion,
        grace,
    });
    let Some(found) = utilization(&seen, pods, options, now_of(given)) else {
        return Some(Verdict::compare(expect.clone(), json!({"error": true})));
    };
    let dominant = match found.dominant {
        Dominant::Cpu => "cpu".to_owned(),
        Dominant::Memory => "memory".to_owned(),
        Dominant::Gpu => "gpu".to_owned(),
        Dominant::Devices(index) => {
            let pool = &list(given, "device_pools")[index];
            format!("{}/{}", text(pool, "driver"), text(pool, "pool"))
        }
    };
    let tolerance = expect["rel_tol"].as_f64().unwrap_or(1e-9);
    let near = |key: &str, value: f64| {
        expect[key].as_f64().is_none_or(|wanted| {
            (wanted - value).abs() <= tolerance * wanted.abs().max(f64::MIN_POSITIVE)
        })
    };
    let same = expect["dominant"].as_str().is_none_or(|wanted| wanted == dominant);
    let right = expect["error"] != true
        && same
        && near("utilization", found.value)
        && near("cpu_utilization", found.cpu);
    let got = json!({
        "utilization": found.value, "cpu_utilization": found.cpu, "dominant": dominant,
    });
    Some(if right { Verdict::Passed } else { Verdict::Failed { expected: expect.clone(), got } })
}

fn plan<'c>(
    spec: &'c AutoscalerSpec,
    ongoing: &'c BTreeMap<NodeId, crate::control::autoscaler::planner::Ongoing>,
    evicted: &'c [PodId],
    now: SimTime,
) -> PlanContext<'c> {
    PlanContext { spec, ongoing, evicted, now }
}

/// Which nodes are worth simulating.
pub fn eligibility(given: &Value, expect: &Value) -> Option<Verdict> {
    let options = &given["options"];
    let mut spec = head();
    let share = |key: &str, default: f64| options[key].as_f64().unwrap_or(default);
    spec.utilization_threshold = share("scale_down_utilization_threshold", 0.5);
    spec.gpu_utilization_threshold = share("scale_down_gpu_utilization_threshold", 0.5);
    spec.scale_down_unready_enabled = options["scale_down_unready_enabled"] == true;
    spec.ignore_daemonsets_utilization = options["ignore_daemonsets_utilization"] == true;
    let mut given = given.clone();
    // All nodes of these cases are in the first group.
    let group = given["groups"][0]["id"].clone();
    for node in given["nodes"].as_array_mut()? {
        if node.get("group").is_none() {
            node["group"] = group.clone();
        }
    }
    let fixture = Fixture::of(spec, &given);
    let snapshot = Snapshot::of(&fixture.spec, fixture.view());
    let now = now_of(&given);
    let ongoing = BTreeMap::new();
    let context = plan(&fixture.spec, &ongoing, &[], now);
    let (mut eligible, mut ineligible) = (Vec::new(), Map::new());
    for &node in &fixture.cluster.registered {
        let name = fixture.node_name(node).to_owned();
        match Planner::default().eligibility(&context, &snapshot, node) {
            Ok(()) => eligible.push(json!(name)),
            Err(reason) => {
                ineligible.insert(name, json!(reason.name()));
            }
        }
    }
    let got = json!({"eligible": eligible, "ineligible": ineligible});
    Some(super::compare_keys(expect, &got))
}

/// Removal of one node.
pub fn removal(given: &Value, expect: &Value) -> Option<Verdict> {
    let fixture = Fixture::of(head(), given);
    let mut snapshot = Snapshot::of(&fixture.spec, fixture.view());
    let missing = NodeId(u32::MAX);
    let node = fixture.nodes.get(text(given, "candidate")).copied().unwrap_or(missing);
    let ongoing = BTreeMap::new();
    let mut options = DrainOptions::of(&fixture.spec, fixture.words().kube_system);
    options.min_replica_count = number(given, "min_replica_count") as u32;
    let mut removal = Removal {
        options,
        ghosts: true,
        hinted_first: true,
        ongoing: &ongoing,
        allowance: Allowance::of(&fixture.view()),
        hints: Hints::default(),
        failures: Failures::default(),
        now: at(0.0),
    };
    let (removable, moved, reason) =
        match removal.simulate(&mut snapshot, node, &mut RoundRobin::new(fixture.spec.version)) {
            Ok(found) => (true, found.moved, None),
            Err(reason) => (false, Vec::new(), Some(reason.name())),
        };
    let names: Vec<&str> = moved.iter().map(|&pod| fixture.pod_name(pod)).collect();
    let got = json!({"removable": removable, "pods_to_move": names, "reason": reason});
    Some(super::compare_keys(expect, &got))
}

/// The planner: which nodes are not needed, how many are looked for, which go.
pub fn planner(given: &Value, expect: &Value) -> Option<Verdict> {
    if expect["unneeded_count"].is_u64() {
        return unneeded_count(given, expect);
    }
    if expect["unneeded"].is_array() {
        return cluster_update(given, expect);
    }
    nodes_to_delete(given, expect)
}

fn unneeded_count(given: &Value, expect: &Value) -> Option<Verdict> {
    let eligible = number(given, "empty_eligible_nodes") as usize;
    let limit = unneeded_limit(
        number(given, "previously_unneeded") as usize,
        number(given, "max_scale_down_parallelism") as usize,
        length(given, "unneeded_time_s")?,
        length(given, "min_loop_interval_s")?,
    );
    // Atomic groups are not limited.
    let got = if given["atomic_group"] == true { eligible } else { eligible.min(limit) };
    Some(Verdict::compare(expect["unneeded_count"].clone(), json!(got)))
}

fn cluster_update(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut spec = head();
    spec.max_scale_down_parallelism = number(given, "max_scale_down_parallelism") as u32;
    spec.unneeded_time = length(given, "unneeded_time_s")?;
    // What is eligible is given.
    spec.utilization_threshold = f64::INFINITY;
    let mut given = given.clone();
    let eligible = given["eligible"].as_array()?.clone();
    given["groups"] = json!([{"id": "ng", "min": 0, "max": 100, "target": 10}]);
    for node in given["nodes"].as_array_mut()? {
        if eligible.contains(&node["name"]) {
            node["group"] = json!("ng");
        }
    }
    let mut fixture = Fixture::of(spec, &given);
    let mut evicted = Vec::new();
    for value in list(&given, "recently_evicted") {
        let mut value = value.clone();
        value["node"] = Value::Null;
        let pod = fixture.pod(&value);
        fixture.cluster.pending.remove(&pod);
        evicted.push(pod);
    }
    let candidates: Vec<NodeId> =
        eligible.iter().filter_map(|name| fixture.nodes.get(name.as_str()?).copied()).collect();
    let view = fixture.view();
    let mut snapshot = Snapshot::of(&fixture.spec, view);
    let ongoing = BTreeMap::new();
    let context = plan(&fixture.spec, &ongoing, &evicted, at(0.0));
    let mut planner = Planner::default();
    planner.update(
        &context,
        &mut snapshot,
        &candidates,
        &mut RoundRobin::new(fixture.spec.version),
    );
    let (mut unneeded, mut unremovable) = (Vec::new(), Vec::new());
    for &node in &fixture.cluster.registered {
        let list = if planner.unneeded.contains(node) { &mut unneeded } else { &mut unremovable };
        list.push(json!(fixture.node_name(node)));
    }
    let got = json!({"unneeded": unneeded, "unremovable": unremovable});
    Some(super::compare_keys(expect, &got))
}

fn nodes_to_delete(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut spec = head();
    spec.unneeded_time = length(given, "unneeded_time_s").unwrap_or(spec.unneeded_time);
    spec.unready_time = length(given, "unready_time_s").unwrap_or(spec.unready_time);
    spec.cores_total.0 = number(&given["min_limits"], "cores");
    spec.memory_total.0 = number(&given["min_limits"], "mem_bytes");
    let mut fixture = Fixture::new(spec);
    let shape = json!({"cpu_m": 1000, "mem_bytes": 10, "pods": 100});
    let mut removable = Vec::new();
    for group in list(given, "groups") {
        fixture.group(group);
        let name = text(group, "id");
        for node in list(group, "removable") {
            let id = fixture.node(&json!({
                "name": node["name"], "group": name, "allocatable": shape,
            }));
            let pods = |key: &str| (0..number(node, key) as u32).map(PodId).collect();
            removable.push(Removable {
                node: id,
                moved: pods("pods_to_move"),
                daemons: Vec::new(),
                awaited: pods("on_completion_pods"),
                risky: false,
            });
        }
        for other in list(&given["registered_but_not_removable"], name) {
            fixture.node(&json!({"name": other, "group": name, "allocatable": shape}));
        }
    }
    let mut planner = Planner::default();
    let since = instant(given, "unneeded_since_s")?;
    let threshold = fixture.spec.unneeded_time;
    planner.unneeded.update(removable.into_iter().map(|own| (own, threshold)), since);
    let ongoing = BTreeMap::new();
    let context = plan(&fixture.spec, &ongoing, &[], at(0.0));
    let (chosen, refused) = planner.nodes_to_delete(&context, &fixture.view());
    let names = |empty: bool| -> Value {
        let own = chosen.iter().filter(|own| own.is_empty() == empty);
        own.map(|own| json!(fixture.node_name(own.node))).collect()
    };
    // Of nodes that stay, the case names those whose limits keep them.
    let reason = |name: &str| {
        let refused = refused.iter().find(|(node, _)| fixture.node_name(*node) == name);
        json!(refused.map(|(_, reason)| reason.name()))
    };
    let unremovable: Map<String, Value> = pairs(expect, "unremovable")
        .into_iter()
        .map(|(name, _)| (name.to_owned(), reason(name)))
        .collect();
    let got = json!({"empty": names(true), "drain": names(false), "unremovable": unremovable});
    Some(super::compare_keys(expect, &got))
}

/// Order of two candidates.
pub fn candidate_order(given: &Value, expect: &Value) -> Option<Verdict> {
    let emptiness = |key: &str| match text(given, key) {
        "empty" => Emptiness::Empty,
        "on_completion" => Emptiness::OnCompletion,
        _ => Emptiness::Occupied,
    };
    let key = |side: &str| {
        let before = given[format!("{side}_previously_unneeded")] == true;
        candidate_key(emptiness(side), before)
    };
    Some(Verdict::compare(expect["a_before_b"].clone(), json!(key("a") < key("b"))))
}

/// Deletions cut to the budget.
pub fn budgets(given: &Value, expect: &Value) -> Option<Verdict> {
    let groups = list(given, "groups");
    let index = |name: &Value| groups.iter().position(|group| group["id"] == *name);
    let parse = |key: &str| -> Option<Vec<GroupNodes<i64>>> {
        let ranges = list(given, key).iter().map(|own| {
            let group = index(&own["group"])?;
            let range = own["nodes"].as_array()?;
            let nodes = (range[0].as_i64()?..range[1].as_i64()?).collect();
            Some(GroupNodes { group, atomic: groups[group]["atomic"] == true, nodes })
        });
        ranges.collect()
    };
    let (empty, drain) = (parse("empty_candidates")?, parse("drain_candidates")?);
    let others = parse("other_registered_nodes")?;
    let registered: Vec<usize> = (0..groups.len())
        .map(|group| {
            let all = empty.iter().chain(&drain).chain(&others);
            all.filter(|own| own.group == group).map(|own| own.nodes.len()).sum()
        })
        .collect();
    let count = |key: &str| number(given, key) as usize;
    let limits = DeletionLimits {
        parallelism: count("max_scale_down_parallelism"),
        drain_parallelism: count("max_drain_parallelism"),
        empty_in_progress: count("empty_in_progress"),
        drain_in_progress: count("drain_in_progress"),
    };
    let sizes = |group: usize| (number(&groups[group], "target") as usize, registered[group]);
    let (empty, drain) = crop(&limits, empty, drain, sizes);
    let spread = |own: &[GroupNodes<i64>]| -> Value {
        let mut nodes: Vec<String> = own
            .iter()
            .flat_map(|own| {
                let name = text(&groups[own.group], "id");
                own.nodes.iter().map(move |node| format!("{name}-{node}"))
            })
            .collect();
        nodes.sort();
        json!(nodes)
    };
    let wanted = |key: &str| -> Option<Value> {
        let mut nodes = Vec::new();
        for own in list(expect, key) {
            let range = own["nodes"].as_array()?;
            let all = range[0].as_i64()?..range[1].as_i64()?;
            nodes.extend(all.map(|node| format!("{}-{node}", text(own, "group"))));
        }
        nodes.sort();
        Some(json!(nodes))
    };
    let expected = json!({"empty": wanted("empty")?, "drain": wanted("drain")?});
    let got = json!({"empty": spread(&empty), "drain": spread(&drain)});
    Some(Verdict::compare(expected, got))
}

/// Disruption budgets while removals are simulated.
pub fn pdb(given: &Value, expect: &Value) -> Option<Verdict> {
    let budgets = pairs(given, "disruptions_allowed");
    let allowance =
        Allowance::new(budgets.iter().map(|(_, left)| left.as_i64().unwrap_or(0)).collect());
    let pods: Vec<Vec<u32>> = list(given, "pods_match")
        .iter()
        .map(|own| {
            let matching = (0_u32..).zip(&budgets).filter(|(_, (name, _))| own[*name] == true);
            matching.map(|(index, _)| index).collect()
        })
        .collect();
    let check = allowance.check(pods.iter().map(Vec::as_slice));
    // Whether all fit at once says something only where each is possible at all.
    let got = json!({
        "can_remove": check.possible,
        "in_parallel": check.possible && check.in_parallel,
    });
    Some(super::compare_keys(expect, &got))
}
