//! The bill of container groups against an integration of its own: from the rows of pods alone.

#[path = "kit/books.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod books;

use forescale::record::Outcome;
use forescale::report::chargeback_csv;
use forescale::scenario::{MemoryFiles, load};
use forescale::sim::{RunOptions, run};
use forescale::unit::SimTime;
use forescale::vocabulary::Cause;

const SCENARIO: &str = r"
apiVersion: forescale/v1
kind: Scenario
metadata: {name: burst}
simulation: {duration: 3h, warmup: 1h5m}
timing: {containerGroupStart: 7s}
prices: {virtualNodes: {vcpu: 0.06/h, gb: 0.006/h}}
cluster:
  networkProfile: {networkPlugin: azure}
  virtualNodes: {enabled: true}
  agentPoolProfiles:
  - {name: apps, mode: System, vmSize: Standard_D4s_v5, enableAutoScaling: true, minCount: 1,
     maxCount: 3}
workloads:
- name: web
  namespace: shop
  replicas: 2
  requests: {cpu: 1500m, memory: 2500M}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists}]
- {name: batch, replicas: 1, requests: {cpu: 1, memory: 1Gi}}
inject:
- {setReplicas: {workload: web, replicas: 20, at: 50m}}
- {setReplicas: {workload: batch, replicas: 4, at: 55m}}
- {setReplicas: {workload: web, replicas: 4, at: 90m}}
- {setReplicas: {workload: web, replicas: 15, at: 110m}}
";

/// What a web pod's group costs an hour.
const RATE: f64 = 1.5 * 0.06 + 2.5 * 0.006;

/// What groups cost, and how many there were: 7 s after a pod is bound its first image is pulled.
/// Pods that were there at the start have been billed all along.
fn integrated(outcome: &Outcome) -> (f64, usize) {
    let own = outcome.node_names.iter().position(|name| name == "virtual-node-aci-linux");
    let (own, mut seconds, mut groups) = (own.expect("a virtual node") as u32, 0.0, 0);
    for row in outcome.pod_rows.iter().filter(|row| row.node == Some(own)) {
        // Pods whose group was refused till the end were never Ready.
        let (Some(bound), Some(_)) = (row.bound, row.ready) else { continue };
        let wait = if bound == SimTime::ZERO { 0.0 } else { 7.0 };
        let from = (bound.as_secs_f64() + wait).max(outcome.warmup.as_secs_f64());
        let until = row.ended.unwrap_or(outcome.end).as_secs_f64();
        seconds += (until - from).max(0.0).ceil();
        groups += 1;
    }
    (seconds * RATE / 3_600.0, groups)
}

fn outcome_of(sets: &[&str]) -> Outcome {
    let files = MemoryFiles::new().with("burst.yaml", SCENARIO);
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let loaded = load("burst.yaml", &sets, &files);
    let findings = loaded.diagnostics.render(false);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{findings}"));
    let outcome = run(&plan, 1, RunOptions { audit: true, ..RunOptions::default() });
    books::check(&plan, &outcome, &mut |imbalance| panic!("{imbalance}"));
    outcome
}

#[test]
fn groups_are_billed_by_the_second_to_those_who_own_them() {
    let outcome = outcome_of(&[]);
    let (sum, groups) = integrated(&outcome);
    let cost = &outcome.cost;
    let (name, item) = cost.items.last().expect("an item");
    assert_eq!((name.as_str(), *item), ("virtualNodes", cost.virtual_nodes));
    let billed = item.money().units();
    assert!(groups >= 12, "{groups} groups");
    assert!((billed - sum).abs() < 1e-8, "{billed} billed, {sum} integrated");

    let mut bytes = Vec::new();
    chargeback_csv(&outcome, &mut bytes).expect("memory takes all");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let shares: f64 = text
        .lines()
        .filter(|line| line.starts_with("namespace,"))
        .map(|line| line.rsplit(',').next().expect("a share").parse::<f64>().expect("a number"))
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "shares of namespaces add up to {shares}");
}

#[test]
fn a_quota_keeps_pods_waiting_and_costs_nothing() {
    let few = outcome_of(&["cluster.virtualNodes.containerGroups=3"]);
    let (_, groups) = integrated(&few);
    assert!((3..12).contains(&groups), "{groups} groups were made");
    let cause = Cause::ALL.iter().position(|&cause| cause == Cause::BlockedQuota).unwrap();
    assert!(few.pod_waits[cause] > 0, "the others wait for the quota");
    let most = 3.0 * RATE * few.end.since(few.warmup).as_secs_f64() / 3_600.0;
    let billed = few.cost.virtual_nodes.money().units();
    assert!(billed > 0.0 && billed <= most + 0.001, "three groups at most: {billed}, not {most}");
}
