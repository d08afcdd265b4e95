//! Cases of scores.

use serde_json::{Value, json};

use super::filter::by_name;
use super::reader::{Bench, list, strings};
use crate::conform::Verdict;
use crate::control::scheduler::score::{
    BalancedAllocation, Curve, FitScoring, ImageScore, PodAffinityScores, ResourceKind,
    SpreadScores, balanced_without_history, highest_is_best, lowest_is_best,
    normalise_pod_affinity, normalise_spread, piecewise_linear,
};
use crate::model::PodShape;
use crate::rules::{NodeFacts, Snapshot, intolerable_preferences, preference};
use crate::unit::{ExtendedId, NodeId};

fn kinds(bench: &mut Bench, value: &Value) -> Option<Vec<(ResourceKind, i64)>> {
    list(value)
        .iter()
        .map(|resource| {
            let kind = match resource["name"].as_str()? {
                "cpu" => ResourceKind::Cpu,
                "memory" => ResourceKind::Memory,
                "ephemeral-storage" => ResourceKind::Ephemeral,
                name => ResourceKind::Extended(ExtendedId(bench.extended(name)? as u8)),
            };
            Some((kind, resource["weight"].as_i64()?))
        })
        .collect()
}

/// Nodes, existing pods and the incoming pod of a case.
fn stage(given: &Value, nodes: &str) -> Option<(Bench, Vec<NodeId>, PodShape)> {
    let mut bench = Bench::new();
    bench.namespaces(&given["namespace_labels"]);
    let nodes = bench.nodes(&given[nodes])?;
    bench.nodes(&given["infeasible_nodes"])?;
    bench.existing(&given["existing_pods"], None)?;
    let shape = bench.shape(&given["pod"])?;
    Some((bench, nodes, shape))
}

/// Compares scores of nodes by name.
fn judge(
    bench: &Bench,
    nodes: &[NodeId],
    wanted: &Value,
    score: impl Fn(NodeId) -> i64,
) -> Option<Verdict> {
    let scores: Vec<_> = nodes.iter().map(|&node| (node, score(node))).collect();
    Some(Verdict::compare(wanted.clone(), by_name(bench, &scores)))
}

pub(super) fn fit(given: &Value, expect: &Value) -> Option<Verdict> {
    let (mut bench, nodes, shape) = stage(given, "nodes")?;
    let curve = match given["strategy"].as_str()? {
        "LeastAllocated" => Curve::Least,
        "MostAllocated" => Curve::Most,
        "RequestedToCapacityRatio" => {
            let points = list(&given["shape"])
                .iter()
                .map(|point| Some((point["utilization"].as_i64()?, point["score"].as_i64()? * 10)));
            Curve::Ratio(points.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    let scoring = FitScoring::new(curve, kinds(&mut bench, &given["resources"])?).ok()?;
    judge(&bench, &nodes, &expect["scores"], |node| {
        let row = &bench.cluster.nodes[node];
        scoring.score(&shape, &row.used, &row.allocatable)
    })
}

pub(super) fn fit_config(given: &Value, expect: &Value) -> Option<Verdict> {
    let resources = kinds(&mut Bench::new(), &given["resources"])?;
    let got = match FitScoring::new(Curve::Least, resources) {
        Ok(_) => json!({"config_valid": true}),
        Err(error) => json!({
            "config_valid": false,
            "bad_field": format!("resources[{}].weight", error.index),
        }),
    };
    Some(Verdict::compare(expect.clone(), got))
}

pub(super) fn piecewise(given: &Value, expect: &Value) -> Option<Verdict> {
    let pair = |value: &Value| Some((value[0].as_i64()?, value[1].as_i64()?));
    let points: Vec<_> = list(&given["points"]).iter().map(pair).collect::<Option<_>>()?;
    let wanted: Vec<_> = list(&expect["value_at"]).iter().map(pair).collect::<Option<_>>()?;
    let got: Vec<_> = wanted.iter().map(|&(at, _)| (at, piecewise_linear(&points, at))).collect();
    Some(Verdict::compare(json!(wanted), json!(got)))
}

pub(super) fn balanced(given: &Value, expect: &Value) -> Option<Verdict> {
    let (mut bench, nodes, shape) = stage(given, "nodes")?;
    let resources = kinds(&mut bench, &given["resources"])?;
    let resources: Vec<_> = resources.into_iter().map(|(kind, _)| kind).collect();
    let improvement = given["formula"] == "improvement";
    let scoring = BalancedAllocation::new(resources.clone(), improvement);
    if expect.get("skipped").is_some_and(|skipped| *skipped != scoring.skips(&shape)) {
        let got = json!({"skipped": scoring.skips(&shape)});
        return Some(Verdict::Failed { expected: expect.clone(), got });
    }
    judge(&bench, &nodes, &expect["scores"], |node| {
        let row = &bench.cluster.nodes[node];
        if improvement {
            scoring.score(&shape, &row.used, &row.allocatable)
        } else {
            balanced_without_history(&resources, &shape, &row.used, &row.allocatable)
        }
    })
}

pub(super) fn taints(given: &Value, expect: &Value) -> Option<Verdict> {
    let (bench, nodes, shape) = stage(given, "nodes")?;
    let raw = |node: NodeId| {
        intolerable_preferences(&bench.cluster.nodes[node].taints, &shape.tolerations)
    };
    let highest = nodes.iter().map(|&node| raw(node)).max().unwrap_or(0);
    judge(&bench, &nodes, &expect["normalised_scores"], |node| lowest_is_best(raw(node), highest))
}

pub(super) fn node_affinity(given: &Value, expect: &Value) -> Option<Verdict> {
    let (mut bench, nodes, shape) = stage(given, "nodes")?;
    let added = bench.node_affinity(given, "profile_added_affinity")?;
    let raw = |node: NodeId| {
        let facts = NodeFacts::of(&bench.cluster.nodes[node]);
        let symbols = &bench.cluster.symbols;
        preference(&added, &facts, symbols) + preference(&shape.node_affinity, &facts, symbols)
    };
    let highest = nodes.iter().map(|&node| raw(node)).max().unwrap_or(0);
    judge(&bench, &nodes, &expect["normalised_scores"], |node| highest_is_best(raw(node), highest))
}

pub(super) fn images(given: &Value, expect: &Value) -> Option<Verdict> {
    let (bench, nodes, shape) = stage(given, "nodes")?;
    let mut score = ImageScore::default();
    let all = &bench.cluster.nodes;
    score.refresh(
        &shape,
        |image| bench.images[usize::from(image)].2,
        |image| all.iter().filter(|node| node.images.contains(&image)).count() as u32,
        all.len(),
    );
    judge(&bench, &nodes, &expect["scores"], |node| score.of(&all[node].images))
}

pub(super) fn spread(given: &Value, expect: &Value) -> Option<Verdict> {
    let (mut bench, nodes, mut shape) = stage(given, "candidate_nodes")?;
    if given["defaulting"] == "System" {
        let service = list(&given["services_selecting_pod"]).first()?;
        shape.default_spread = Some(bench.map_selector(&service["selector"]));
    }
    let mut scores = SpreadScores::new(&shape, &bench.known)?;
    for index in 0..bench.node_count() {
        let pods: Vec<_> = bench.pods(index).collect();
        let (node, symbols) = (bench.node(index), &bench.cluster.symbols);
        scores.node_in(index, &shape, &node, pods.into_iter(), symbols);
    }
    let slots: Vec<u32> = nodes.iter().map(|node| node.0).collect();
    scores.weigh(&slots);
    let mut raws = Vec::new();
    scores.raw(&slots, &mut Vec::new(), &mut raws);
    normalise_spread(&mut raws);
    judge(&bench, &nodes, &expect["normalised_scores"], |node| {
        slots.iter().position(|&slot| slot == node.0).map_or(0, |at| raws[at])
    })
}

pub(super) fn pod_affinity(given: &Value, expect: &Value) -> Option<Verdict> {
    let (bench, nodes, shape) = stage(given, "nodes")?;
    let hard_weight = given["hard_pod_affinity_weight"].as_i64().unwrap_or(1);
    let scores = PodAffinityScores::of(&shape, &bench, &bench.names(), hard_weight);
    let raw = |node: NodeId| scores.of_node(&bench.cluster.nodes[node].labels);
    let lowest = nodes.iter().map(|&node| raw(node)).min().unwrap_or(0);
    let highest = nodes.iter().map(|&node| raw(node)).max().unwrap_or(0);
    judge(&bench, &nodes, &expect["normalised_scores"], |node| {
        normalise_pod_affinity(raw(node), lowest, highest)
    })
}

/// Names of a set.
pub(super) fn sorted<'a>(names: &'a Value) -> Vec<&'a str> {
    let mut names: Vec<&'a str> = strings(names).collect();
    names.sort_unstable();
    names
}
