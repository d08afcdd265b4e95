//! Cases of filters and pod requests.

use serde_json::{Value, json};

use super::reader::{Bench, entries, list, strings};
use crate::conform::Verdict;
use crate::rules::{
    AffinityRule, ClusterWide, Detail, Failure, FilterOptions, NodeFacts, Plugin, PodRequest,
    Resized, Shortage, first_failure, node_failure, ports_free, resized_request, shortage,
};
use crate::unit::{ExtendedId, NodeId, Resources};

fn status(failure: Option<Failure>) -> &'static str {
    match failure {
        None => "Success",
        Some(Failure { unresolvable: false, .. }) => "Unschedulable",
        Some(_) => "UnschedulableAndUnresolvable",
    }
}

pub(super) fn fit(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    let node = bench.node(&given["node"])?;
    bench.existing(&given["existing_pods"], Some(node))?;
    let shape = bench.shape(&given["pod"])?;
    let mut ignored = 0;
    for (index, name) in bench.extended.iter().enumerate() {
        // Only extended resources can be ignored (`IsExtendedResourceName`): those of a domain
        // that is not Kubernetes' own.
        let Some((prefix, _)) = name.split_once('/') else { continue };
        if format!("{prefix}/").contains("kubernetes.io/") {
            continue;
        }
        let named = strings(&given["ignored_resources"]).any(|other| other == name);
        let grouped = strings(&given["ignored_resource_groups"]).any(|group| group == prefix);
        ignored |= u8::from(named || grouped) << index;
    }
    let row = &bench.cluster.nodes[node];
    let short = shortage(&shape.requests, &row.used.requests, &row.allocatable, ignored);
    let mut options = FilterOptions::of_version(36, bench.known);
    options.ignored_extended = ignored;
    let failure = node_failure(&shape, &NodeFacts::of(row), &bench.cluster.symbols, &options);
    let mut names: Vec<String> = [
        (Shortage::PODS, "pods"),
        (Shortage::CPU, "cpu_milli"),
        (Shortage::MEMORY, "memory_bytes"),
        (Shortage::EPHEMERAL, "ephemeral_bytes"),
    ]
    .into_iter()
    .map(|(kind, name)| (kind, name.to_owned()))
    .chain((0u8..).map(|id| Shortage::extended(ExtendedId(id))).zip(bench.extended.clone()))
    .filter(|&(kind, _)| short.contains(kind))
    .map(|(_, name)| name)
    .collect();
    let mut wanted: Vec<String> = strings(&expect["insufficient"]).map(str::to_owned).collect();
    names.sort();
    wanted.sort();
    Some(Verdict::compare(
        json!({"fits": expect["fits"], "insufficient": wanted}),
        json!({"fits": failure.is_none(), "insufficient": names}),
    ))
}

pub(super) fn one_node(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    let node = bench.node(&given["node"])?;
    let mut shape = bench.shape(&given["pod"])?;
    shape.requests = Resources::ZERO;
    bench.cluster.nodes[node].allocatable.pods = 1;
    let mut options = FilterOptions::of_version(36, bench.known);
    options.added_affinity = bench.node_affinity(given, "profile_added_affinity")?;
    let facts = NodeFacts::of(&bench.cluster.nodes[node]);
    let failure = node_failure(&shape, &facts, &bench.cluster.symbols, &options);
    Some(Verdict::compare(expect["status"].clone(), json!(status(failure))))
}

pub(super) fn host_ports(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    let node = bench.node(&json!({"name": "m1"}))?;
    bench.existing(&given["existing_pods_on_node"], Some(node))?;
    let wanted = bench.shape(&given["pod"])?.host_ports;
    let taken = &bench.cluster.nodes[node].used.ports;
    let free = ports_free(&wanted, taken, bench.known.every_address);
    let got = if free { "Success" } else { "Unschedulable" };
    Some(Verdict::compare(expect["status"].clone(), json!(got)))
}

pub(super) fn cluster_wide(area: &str, given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    bench.namespaces(&given["namespace_labels"]);
    bench.nodes(&given["nodes"])?;
    bench.existing(&given["existing_pods"], None)?;
    let mut shape = bench.shape(&given["pod"])?;
    shape.requests = Resources::ZERO;
    let plugin = match area {
        "spread-filter" => Plugin::PodTopologySpread,
        _ => Plugin::InterPodAffinity,
    };
    let wide = ClusterWide::of(&shape, &bench, &bench.names(), true);
    let (mut got, mut rule) = (serde_json::Map::new(), Value::Null);
    for (name, _) in entries(&expect["status"]) {
        // The rows are about one plugin: what else could fail is out of the way.
        let node = bench.node_named(name)?;
        bench.cluster.nodes[node].allocatable.pods = i64::MAX;
        let facts = NodeFacts::of(&bench.cluster.nodes[node]);
        let options = FilterOptions::of_version(36, bench.known);
        let mut bare = shape.clone();
        bare.node_selector.clear();
        bare.node_affinity = Default::default();
        let failure = first_failure(&bare, &facts, &wide, &bench.cluster.symbols, &options)
            .filter(|failure| failure.plugin == plugin);
        let failure = failure.or_else(|| wide.failure(&shape, &facts));
        if let Some(Failure { detail: Detail::Affinity(broken), .. }) = failure {
            rule = json!(match broken {
                AffinityRule::Affinity => "pod_affinity",
                AffinityRule::AntiAffinity => "pod_anti_affinity",
                AffinityRule::ExistingAntiAffinity => "existing_pod_anti_affinity",
            });
        }
        got.insert(name.clone(), json!(status(failure)));
    }
    let mut got = json!({"status": got});
    if expect.get("rule").is_some() {
        got["rule"] = rule;
    }
    Some(Verdict::compare(expect.clone(), got))
}

/// Containers with what the status says of them.
fn resized(bench: &mut Bench, value: &Value) -> Option<Vec<Resized>> {
    let figures = |value: &Value| {
        let mut figure = |value: &Value| match value {
            Value::Null => Some(None),
            value => bench.resources(value).map(Some),
        };
        let spec = value.get("spec").unwrap_or(&value["requests"]);
        Some(Resized {
            spec: figure(spec)?.unwrap_or_default(),
            allocated: figure(&value["allocated"])?,
            actuated: figure(&value["actuated"])?,
            sidecar: value["restart_always"] == true,
        })
    };
    list(value).iter().map(figures).collect()
}

pub(super) fn pod_requests(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut bench = Bench::new();
    let overhead = match given["exclude_overhead"] == true {
        true => Resources::ZERO,
        false => bench.resources(&given["overhead"])?,
    };
    let mut got = if given["use_status"] == true {
        let containers = resized(&mut bench, &given["containers"])?;
        let init = resized(&mut bench, &given["init_containers"])?;
        resized_request(&containers, &init, given["resize_infeasible"] == true) + &overhead
    } else {
        let containers = bench.containers(&given["containers"])?;
        let init = bench.containers(&given["init_containers"])?;
        let pod =
            PodRequest { containers: &containers, init: &init, overhead, ..Default::default() };
        pod.reserved()
    };
    got.pods = 0;
    let wanted = bench.resources(&expect["requests"])?;
    Some(Verdict::compare(json!(wanted), json!(got)))
}

/// Scores by node name, in the order of the case.
pub(super) fn by_name(bench: &Bench, scores: &[(NodeId, i64)]) -> Value {
    let named = scores.iter().map(|&(node, score)| (bench.name_of(node).to_owned(), json!(score)));
    Value::Object(named.collect())
}
