//! Scale-up: filter-out-schedulable, equivalence groups, estimates, similar groups, the whole
//! decision.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare_sets;
use super::fixture::{Fixture, at, head, list, number, pairs, quota, resources, text};
use crate::conform::case::Verdict;
use crate::control::autoscaler::equivalence::{PodGroup, pod_groups};
use crate::control::autoscaler::estimator::{estimate, fast_path_group, packing_order};
use crate::control::autoscaler::expander::{Offer, Priorities};
use crate::control::autoscaler::limiter::{Limit, Limiter};
use crate::control::autoscaler::placement::{Hints, PlaceOptions, place};
use crate::control::autoscaler::round_robin::RoundRobin;
use crate::control::autoscaler::scale_up::{
    ScaleUp, ScaleUpContext, ScaleUpResult, covers, scale_up, scale_up_to_min, scale_up_with,
};
use crate::control::autoscaler::similar::{Comparable, SimilarityOptions, is_similar};
use crate::control::autoscaler::snapshot::{Origin, Snapshot};
use crate::control::autoscaler::state::StateLimits;
use crate::control::autoscaler::template::{TemplateCache, templates};
use crate::control::autoscaler::{
    AZURE_IGNORED_LABELS, AutoscalerSpec, BASIC_IGNORED_LABELS, Template,
};
use crate::unit::{Lots, NodeId, Resources};

/// Pods in the order in which they are tried: by priority.
fn by_priority(
    fixture: &mut Fixture,
    pods: &[Value],
) -> Vec<crate::control::autoscaler::placement::Candidate> {
    let mut candidates = fixture.candidates(pods);
    let shapes = &fixture.cluster.shapes;
    candidates.sort_by_key(|own| std::cmp::Reverse(shapes[own.shape].priority.unwrap_or(0)));
    candidates
}

/// What still does not fit after pods were tried on the nodes that are there.
pub fn filter_out_schedulable(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::of(head(), given);
    let candidates = by_priority(&mut fixture, list(given, "candidates"));
    let acceptable = given["node_acceptable"].as_bool().unwrap_or(true);
    let mut snapshot = Snapshot::of(&fixture.spec, fixture.view());
    let options = PlaceOptions { break_on_failure: false, hinted_first: true };
    let placed = place(
        &mut snapshot,
        &candidates,
        &mut Hints::default(),
        &mut RoundRobin::new(fixture.spec.version),
        options,
        |_, _| acceptable,
    );
    let left = candidates.iter().filter(|own| !placed.iter().any(|(pod, _)| *pod == own.pod));
    let left = left.map(|own| json!(fixture.pod_name(own.pod))).collect();
    Some(compare_sets(&expect["still_unschedulable"], left))
}

/// Placing with hints.
pub fn hinting_simulator(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::of(head(), given);
    let candidates = by_priority(&mut fixture, list(given, "new_pods"));
    let mut hints = Hints::default();
    for (pod, node) in pairs(given, "hints").into_iter().filter(|(_, node)| !node.is_null()) {
        let unknown = NodeId(u32::MAX);
        let node = fixture.nodes.get(node.as_str()?).copied().unwrap_or(unknown);
        hints.set(*fixture.pods.get(pod)?, Origin::Real(node));
    }
    let acceptable: Option<Vec<NodeId>> = given["acceptable_nodes"].as_array().map(|names| {
        names.iter().filter_map(|name| fixture.nodes.get(name.as_str()?).copied()).collect()
    });
    let mut snapshot = Snapshot::of(&fixture.spec, fixture.view());
    let options =
        PlaceOptions { break_on_failure: given["break_on_failure"] == true, hinted_first: true };
    let is_acceptable = |snapshot: &Snapshot<'_>, slot: usize| {
        acceptable.as_ref().is_none_or(|nodes| {
            nodes.iter().any(|&node| snapshot.origin(slot) == Origin::Real(node))
        })
    };
    let robin = &mut RoundRobin::new(fixture.spec.version);
    let placed = place(&mut snapshot, &candidates, &mut hints, robin, options, is_acceptable);
    let got: Vec<Value> = placed
        .iter()
        .filter_map(|&(pod, slot)| match snapshot.origin(slot) {
            Origin::Real(node) => Some(json!([fixture.pod_name(pod), fixture.node_name(node)])),
            _ => None,
        })
        .collect();
    Some(Verdict::compare(expect["placements"].clone(), Value::Array(got)))
}

/// Equivalence groups.
pub fn equivalence(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let candidates = fixture.candidates(list(given, "pods"));
    let groups = pod_groups(&fixture.view(), &candidates);
    let got = groups
        .iter()
        .map(|group| group.pods.iter().map(|&pod| json!(fixture.pod_name(pod))).collect())
        .collect();
    if let Some(count) = expect["group_count"].as_u64() {
        return Some(Verdict::compare(json!(count), json!(groups.len())));
    }
    Some(compare_sets(&expect["groups"], got))
}

fn template_of(fixture: &mut Fixture, value: &Value) -> Template {
    let allocatable = resources(&value["allocatable"]);
    let own = &value["capacity"];
    Template {
        capacity: if own.is_object() { resources(own) } else { allocatable },
        allocatable,
        labels: fixture.labels(&value["labels"]),
        ..Template::default()
    }
}

/// Estimates, packing order, the group of the fast path.
pub fn estimator(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::of(head(), given);
    let template = template_of(&mut fixture, &given["template"]);
    let mut groups = Vec::new();
    for value in list(given, "pod_groups") {
        let mut value = value.clone();
        value["name"] = json!(format!("group-{}", groups.len()));
        let first = fixture.pod(&value);
        let row = fixture.cluster.pods[first];
        let more = value["count"].as_u64().unwrap_or(1).saturating_sub(1);
        let mut pods = vec![first];
        pods.extend((0..more).map(|_| fixture.cluster.pods.push(row)));
        groups.push(PodGroup { shape: row.shape, pods });
    }
    let id = |index: usize| json!(text(&list(given, "pod_groups")[index], "id"));
    if expect["order"].is_array() {
        let shapes = &fixture.cluster.shapes;
        let requests: Vec<Resources> =
            groups.iter().map(|group| shapes[group.shape].requests).collect();
        let order = packing_order(&requests, &template.allocatable);
        let got = order.into_iter().map(id).collect();
        return Some(Verdict::compare(expect["order"].clone(), got));
    }
    if let Some(index) = expect["fastpath_group_index"].as_i64() {
        let shapes = &fixture.cluster.shapes;
        let all = groups.iter().map(|group| (&shapes[group.shape], group.pods.len()));
        let hostname = fixture.words().hostname;
        let best = fast_path_group(all, &template.capacity, hostname, &fixture.cluster.symbols);
        let got = best.map_or(-1, |best| best as i64);
        return Some(Verdict::compare(json!(index), json!(got)));
    }
    let mut snapshot = Snapshot::of(&fixture.spec, fixture.view());
    let limiter = Limiter::new([Limit { nodes: number(given, "max_nodes"), micros: 0 }]);
    let all: Vec<&PodGroup> = groups.iter().collect();
    let fast = given["fastpath"].as_bool().or(given["fastpath_binpacking"].as_bool());
    let robin = &mut RoundRobin::new(fixture.spec.version);
    let found = estimate(&mut snapshot, &template, &all, limiter, robin, fast == Some(true));
    let mut got = Map::new();
    for key in expect.as_object()?.keys() {
        got.insert(
            key.clone(),
            match key.as_str() {
                "node_count" => json!(found.nodes),
                "pod_count" => json!(found.pods.len()),
                "scheduled_groups" => (0..groups.len())
                    .filter(|&index| groups[index].pods.iter().any(|pod| found.pods.contains(pod)))
                    .map(id)
                    .collect(),
                _ => return None,
            },
        );
    }
    Some(Verdict::compare(expect.clone(), Value::Object(got)))
}

/// Whether two templates are alike.
pub fn similar(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut fixture = Fixture::new(head());
    let mut sides = Vec::new();
    for key in ["a", "b"] {
        let template = template_of(&mut fixture, &given[key]);
        let used = list(&given[key], "pods")
            .iter()
            .fold(Resources::ZERO, |sum, pod| sum + &resources(&pod["requests"]));
        sides.push((template, used));
    }
    let azure = given["comparator"] == "azure";
    let fixed = BASIC_IGNORED_LABELS.iter().chain(if azure { AZURE_IGNORED_LABELS } else { &[] });
    let own = list(given, "ignored_labels").iter().filter_map(Value::as_str);
    let symbols = &mut fixture.cluster.symbols;
    let ignored: Vec<_> = fixed.copied().chain(own).map(|name| symbols.intern(name)).collect();
    let balancing: Vec<_> = list(given, "balancing_labels")
        .iter()
        .filter_map(Value::as_str)
        .map(|name| symbols.intern(name))
        .collect();
    let ratio = |key: &str| given["ratios"][key].as_f64().unwrap_or(0.0);
    let options = SimilarityOptions {
        capacity_memory: ratio("capacity_memory"),
        allocatable: ratio("allocatable"),
        free: ratio("free"),
        ignored_labels: &ignored,
        balancing_labels: &balancing,
        agent_pools: if azure { &fixture.words().agent_pools } else { &[] },
    };
    let side = |index: usize| {
        let (template, used) = &sides[index];
        Comparable { template, used }
    };
    let got = is_similar(&side(0), &side(1), &options);
    Some(Verdict::compare(expect["similar"].clone(), json!(got)))
}

fn spec_of(given: &Value) -> AutoscalerSpec {
    let options = &given["options"];
    let mut spec = head();
    spec.expanders = Vec::new();
    if let Some(cores) = options["cores_total_max"].as_i64() {
        spec.cores_total.1 = cores;
    }
    if let Some(memory) = options["memory_total_max_bytes"].as_i64() {
        spec.memory_total.1 = memory;
    }
    spec.max_nodes_total = number(options, "max_nodes_total") as u32;
    spec.balance_similar = options["balance_similar"] == true;
    spec.parallel_scale_up = options["parallel_scale_up"] == true;
    spec
}

/// The whole decision, with the expander's choice given or left to chance.
pub fn decide(given: &Value, expect: &Value) -> Option<Verdict> {
    if given["schedulable_pod_groups"].is_object() {
        return similar_used(given, expect);
    }
    let mut fixture = Fixture::of(spec_of(given), given);
    fixture.quotas = list(given, "quotas").iter().map(|own| quota(own, &fixture.pools)).collect();
    let candidates = fixture.candidates(list(given, "pending_pods"));
    let now = at(0.0);
    let view = fixture.view();
    let state = fixture.state(now);
    let templates = templates(&fixture.spec, &view, &mut TemplateCache::default(), now);
    let context = ScaleUpContext {
        spec: &fixture.spec,
        limits: &StateLimits::of(&fixture.spec),
        templates: &templates,
        state: &state,
        priorities: &Priorities::default(),
        now,
        lots: Lots::new(1),
        all_or_nothing: given["all_or_nothing"] == true,
        grown: &[],
        limit_estimates: false,
    };
    let mut snapshot = Snapshot::of(&fixture.spec, view);
    let robin = &mut RoundRobin::new(fixture.spec.version);
    let choice = &given["expander_choice"];
    let decision = if grows_to_min(&fixture, given) {
        to_min(&context, &snapshot)
    } else if choice.is_object() {
        let choose = |offers: &[Offer]| {
            let at = offers.iter().position(|offer| offer.id == text(choice, "group"))?;
            Some((at, number(choice, "node_count") as u32))
        };
        scale_up_with(&context, &mut snapshot, &candidates, robin, &choose)
    } else {
        scale_up(&context, &mut snapshot, &candidates, robin)
    };
    read(&fixture, given, expect, &decision)
}

fn to_min(context: &ScaleUpContext<'_>, snapshot: &Snapshot<'_>) -> ScaleUp {
    let increases = scale_up_to_min(context, snapshot);
    let grows = !increases.is_empty();
    ScaleUp {
        result: if grows { ScaleUpResult::Grows } else { ScaleUpResult::NoOptions },
        increases,
        chosen: None,
        offers: Vec::new(),
        triggered: Vec::new(),
        awaiting: Vec::new(),
        remaining: Vec::new(),
        groups: Vec::new(),
        rejections: Vec::new(),
    }
}

/// Whether a case is about groups under their minimum: it says so, or no pod waits.
fn grows_to_min(fixture: &Fixture, given: &Value) -> bool {
    let says = |(key, value): (&String, &Value)| key.contains("min_size") && *value == true;
    let under = fixture.groups.iter().any(|group| group.target < group.min);
    given.as_object().into_iter().flatten().any(says)
        || under && list(given, "pending_pods").is_empty()
}

fn read(fixture: &Fixture, given: &Value, expect: &Value, decision: &ScaleUp) -> Option<Verdict> {
    let (mut targets, succeeded, failed) = execute(fixture, given, decision);
    let pods = |ids: &[crate::unit::PodId]| -> Value {
        let mut names: Vec<&str> = ids.iter().map(|&pod| fixture.pod_name(pod)).collect();
        names.sort_unstable();
        json!(names)
    };
    let grows = decision.result == ScaleUpResult::Grows;
    let mut got = Map::new();
    let mut wanted = Map::new();
    for (key, value) in expect.as_object()? {
        let own = match key.as_str() {
            "scale_up" if !grows => Value::Null,
            "scale_up" => {
                let first = decision.increases.first()?;
                let pool = fixture.groups[first.group].pool;
                json!({"group": fixture.pool_name(pool), "delta": first.by})
            }
            "triggered" => pods(&decision.triggered),
            "remain_unschedulable" => pods(&decision.remaining),
            "await_evaluation" => pods(&decision.awaiting),
            "options" => sorted(&options(fixture, decision)),
            "new_size" => json!(targets.get(&own_name(fixture, decision)?)),
            "target_sizes" | "new_sizes" => {
                targets.retain(|name, _| value.get(name).is_some());
                json!(targets)
            }
            "sum_target_sizes" => json!(targets.values().sum::<u32>()),
            "scale_up_error" => json!(failed.then_some("cloud_provider")),
            "remain_unschedulable_count" => {
                json!(if failed && !succeeded { decision.triggered.len() } else { 0 })
            }
            "reason" => continue,
            _ => return None,
        };
        got.insert(key.clone(), own);
        wanted.insert(key.clone(), if value.is_array() { sorted(value) } else { value.clone() });
    }
    Some(Verdict::compare(Value::Object(wanted), Value::Object(got)))
}

/// The group that grows first.
fn own_name(fixture: &Fixture, decision: &ScaleUp) -> Option<String> {
    let pool = fixture.groups[decision.increases.first()?.group].pool;
    Some(fixture.pool_name(pool).to_owned())
}

fn options(fixture: &Fixture, decision: &ScaleUp) -> Value {
    let name = |group: usize| fixture.pool_name(fixture.groups[group].pool);
    let offers = decision.offers.iter();
    offers.map(|&(group, nodes, _)| json!({"group": name(group), "node_count": nodes})).collect()
}

fn sorted(value: &Value) -> Value {
    let mut items = value.as_array().cloned().unwrap_or_default();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

/// Carries increases out against a provider that counts a call even where it fails, as the case's
/// provider does: targets, whether a call succeeded, whether one failed.
fn execute(
    fixture: &Fixture,
    given: &Value,
    decision: &ScaleUp,
) -> (BTreeMap<String, u32>, bool, bool) {
    let name = |group: usize| fixture.pool_name(fixture.groups[group].pool).to_owned();
    let mut targets: BTreeMap<String, u32> =
        (0..fixture.groups.len()).map(|at| (name(at), fixture.groups[at].target)).collect();
    let (mut succeeded, mut failed) = (false, false);
    for (call, increase) in decision.increases.iter().enumerate() {
        *targets.entry(name(increase.group)).or_default() += increase.by;
        let fails = match text(given, "increase_size_fails") {
            "always" => true,
            "first call" => call == 0,
            _ => false,
        };
        succeeded |= !fails;
        failed |= fails;
        if fails && !fixture.spec.parallel_scale_up {
            break;
        }
    }
    (targets, succeeded, failed)
}

/// Similar groups that take all that the group takes.
fn similar_used(given: &Value, expect: &Value) -> Option<Verdict> {
    let sets = &given["schedulable_pod_groups"];
    let mut all: Vec<&Value> = pairs(given, "schedulable_pod_groups")
        .into_iter()
        .flat_map(|(_, pods)| pods.as_array().into_iter().flatten())
        .collect();
    all.sort_by_key(|pods| pods.to_string());
    all.dedup();
    let takes = |group: &str| -> Vec<bool> {
        all.iter().map(|pods| list(sets, group).contains(pods)).collect()
    };
    let own = takes(text(given, "group"));
    let used = list(given, "similar_by_comparator")
        .iter()
        .filter(|other| {
            let name = other.as_str().unwrap_or_default();
            given["balance_similar"] == true
                && sets.get(name).is_some()
                && covers(&own, &takes(name))
        })
        .cloned()
        .collect();
    Some(compare_sets(&expect["similar_used"], used))
}
