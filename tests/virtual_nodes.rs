//! Virtual nodes: the bill of container groups against an integration of its own, from the rows of
//! pods alone; who may go there; what `az aks show` says of them.

#[path = "kit/books.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod books;

use forescale::record::{JournalLevel, Outcome};
use forescale::report::{chargeback_csv, journal_ndjson};
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
    outcome_with(SCENARIO, sets)
}

fn outcome_with(scenario: &str, sets: &[&str]) -> Outcome {
    let files = MemoryFiles::new().with("burst.yaml", scenario);
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let loaded = load("burst.yaml", &sets, &files);
    let findings = loaded.diagnostics.render(false);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{findings}"));
    let journal = JournalLevel::All;
    let outcome = run(&plan, 1, RunOptions { audit: true, journal, ..RunOptions::default() });
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

/// Its 10,000 cores are not counted where the cluster may have twelve.
#[test]
fn the_autoscaler_counts_no_virtual_node() {
    let peak = |cores: &str| {
        let set = format!("cluster.autoScalerProfile={{cores-total: \"0:{cores}\"}}");
        outcome_of(&[&set]).pools[0].peak
    };
    assert_eq!((peak("12"), peak("4")), (2, 1));
}

#[test]
fn a_daemon_set_that_tolerates_everything_has_no_pod_on_the_virtual_node() {
    let agent = "- {name: agent, kind: DaemonSet, requests: {cpu: 50m, memory: 50Mi}, \
                 tolerations: [{operator: Exists}]}\ninject:";
    let scenario = SCENARIO.replace("inject:", agent);
    let outcome = outcome_with(&scenario, &["simulation.initial=cold"]);
    let mut bytes = Vec::new();
    journal_ndjson(&outcome, &mut bytes).expect("memory takes all");
    let journal = String::from_utf8(bytes).expect("UTF-8");
    let bound = |pod: &str| {
        let of = |line: &&str| line.contains("\"bind\"") && line.contains(pod);
        journal.lines().filter(of).count()
    };
    assert!(bound("\"web-") > 0, "{journal}");
    assert_eq!((bound("\"agent-"), outcome.pools[0].peak), (2, 2), "one for each VM");
}

/// What `check` says of pods that may go to the virtual node.
#[test]
fn what_container_groups_cannot_do_is_found() {
    let tolerant = "tolerations: [{key: virtual-kubelet.io/provider, operator: Exists}]";
    let cases = [
        ("", None),
        ("startup: {initDuration: 5s}", Some("virtual nodes run no init containers")),
        ("persistentVolumeClaims: [{name: data}]", Some("take no PersistentVolumeClaims")),
        ("requests: {cpu: 32, memory: 1Gi}", Some("at most 31 vCPUs and 240 GB")),
        (
            "kind: DaemonSet, nodeSelector: {type: virtual-kubelet}",
            Some("a DaemonSet has no pods on virtual nodes"),
        ),
    ];
    for (keys, expected) in cases {
        let more = format!("- {{name: more, {tolerant}, {keys}}}\ninject:");
        let files = MemoryFiles::new().with("burst.yaml", SCENARIO.replace("inject:", &more));
        let found = load("burst.yaml", &[], &files).diagnostics.list;
        let found: Vec<_> = found.iter().filter(|found| found.code == "virtual-node").collect();
        match (expected, found.as_slice()) {
            (None, []) => {}
            (Some(text), [one]) => {
                assert!(one.message.starts_with("`more`"), "{keys}: {}", one.message);
                assert!(one.message.contains(text), "{keys}: {}", one.message);
            }
            (_, found) => panic!("{keys}: {found:?}"),
        }
    }
}

/// The add-on in what `az aks show` prints, and what a scenario says of it besides.
#[test]
fn the_add_on_of_a_real_cluster_is_taken_over() {
    let az = |enabled: bool| {
        format!(
            r#"{{"location": "eastus", "networkProfile": {{"networkPlugin": "azure"}},
            "addonProfiles": {{"aciConnectorLinux": {{"enabled": {enabled},
                "config": {{"SubnetName": "groups"}}, "identity": {{"clientId": "0"}}}}}},
            "agentPoolProfiles": [{{"name": "apps", "mode": "System", "count": 2,
                "vmSize": "Standard_D4s_v5"}}]}}"#
        )
    };
    let quota = |enabled: bool, cluster: &str| {
        let scenario = format!("cluster: {{from: aks.json{cluster}}}\nworkloads: [{{name: a}}]\n");
        let files = MemoryFiles::new().with("a.yaml", scenario).with("aks.json", az(enabled));
        let loaded = load("a.yaml", &[], &files);
        let findings = loaded.diagnostics.render(false);
        let noted = findings.contains("the cluster has virtual nodes; their quotas are taken");
        assert!(!findings.contains("not modelled"), "{findings}");
        let plan = loaded.plan.unwrap_or_else(|| panic!("{findings}"));
        (plan.virtual_node.map(|node| node.groups.quotas.groups), noted)
    };
    assert_eq!(quota(true, ""), (Some(100), true));
    assert_eq!(quota(true, ", virtualNodes: {containerGroups: 7}"), (Some(7), true));
    assert_eq!(quota(true, ", virtualNodes: {enabled: false}"), (None, true));
    assert_eq!(quota(false, ""), (None, false));
}
