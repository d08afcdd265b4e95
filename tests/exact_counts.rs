//! What can be counted exactly: reservations, pods to a node, nodes to a subnet, and requests that
//! Azure fulfils whole or not at all (`docs/validation.md`, B2.9). `FORESCALE_FULL=1` adds the
//! large rows.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/case.rs"]
mod case;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use forescale::plan::Plan;
use forescale::record::{Outcome, PoolTotals};
use forescale::vocabulary::Cause;

const MIB: i64 = 1 << 20;

fn plan(file: &str, sets: &[String]) -> Plan {
    case::plan("exact_counts", file, sets)
}

fn run(file: &str, sets: &[String]) -> Outcome {
    case::audited("exact_counts", file, sets)
}

fn apps(outcome: &Outcome) -> &PoolTotals {
    case::pool(outcome, "apps")
}

fn is_full() -> bool {
    std::env::var_os("FORESCALE_FULL").is_some()
}

#[test]
fn nodes_reserve_what_aks_documents() {
    // cores, GiB, maxPods, millicores and MiB that are left for pods
    for (cores, memory, max_pods, cpu_milli, mebibytes) in [
        (1, 4, 30, 940, None),
        (2, 8, 30, 1_900, Some(7_442)),
        (4, 16, 30, 3_860, Some(15_634)),
        (4, 16, 110, 3_860, Some(14_034)),
        (8, 32, 110, 7_820, Some(30_418)),
        (16, 64, 110, 15_740, Some(63_186)),
        (32, 128, 110, 31_580, None),
        (64, 256, 110, 63_260, None),
    ] {
        let what = format!("{cores} cores, {memory} GiB, {max_pods} pods");
        let size = format!("vmSizes={{own: {{cpu: {cores}, memory: {memory}Gi, price: 1/h}}}}");
        let plan = plan(
            "identical-pods",
            &[
                size,
                "agentPoolProfiles.apps.vmSize=own".to_owned(),
                format!("agentPoolProfiles.apps.maxPods={max_pods}"),
                "workloads.app.replicas=0".to_owned(),
            ],
        );
        let pool = plan.pools.iter().find(|pool| plan.symbols.text(pool.name) == "apps");
        let room = &pool.expect("a pool `apps`").allocatable;
        assert_eq!(room.cpu_milli, cpu_milli, "{what}");
        assert_eq!(room.pods, max_pods, "{what}");
        if let Some(mebibytes) = mebibytes {
            assert_eq!(room.memory / MIB, mebibytes, "{what}");
        }
    }
}

#[test]
fn identical_pods_take_as_many_nodes_as_they_must() {
    // pods, requests, nodes
    let mut rows =
        vec![(1_000, "{cpu: 500m, memory: 1Gi}", 143), (1_000, "{cpu: 100m, memory: 128Mi}", 34)];
    if is_full() {
        rows.push((30_000, "{cpu: 100m, memory: 128Mi}", 1_000));
    }
    for (pods, requests, nodes) in rows {
        let outcome = run(
            "identical-pods",
            &[
                format!("workloads.app.replicas={pods}"),
                format!("workloads.app.requests={requests}"),
                // Long enough for any backoff after Azure's throttling, too short for a scale-down.
                "simulation.duration=4h".to_owned(),
            ],
        );
        let pool = apps(&outcome);
        assert_eq!(u64::from(pool.peak), nodes, "{pods} pods of {requests}");
        assert_eq!(outcome.pods.created, pods, "{pods} pods of {requests}");
        assert_eq!(outcome.pods.censored, 0, "{pods} pods of {requests}");
        assert_eq!(pool.created - pool.failed, nodes, "{pods} pods of {requests}: none too many");
    }
}

#[test]
fn pods_tried_again_in_vain_do_not_wake_the_autoscaler() {
    let outcome = run("identical-pods", &["simulation.duration=1h".to_owned()]);
    let scans = outcome.counters.autoscaler_scans;
    // One each ten seconds, and ten a second in the minute while pods are new.
    assert!(scans <= 360 + 600 + 100, "{scans} scans in an hour");
    assert!(outcome.counters.scheduler_cycles > 5 * 1_000, "pods are tried again");
}

#[test]
fn each_row_of_a_pod_trace_is_one_pod_with_its_own_life() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pods.csv");
    let rows = "at,cpu_milli,memory_mib,end\n0,500,64,30\n10,500,64,130\n20,500,64,60\n";
    std::fs::write(&file, rows).expect("written");
    let outcome = run(
        "identical-pods",
        &[
            "simulation={duration: 10m}".to_owned(),
            "workloads.app.replicas=0".to_owned(),
            "workloads.app.pool=system".to_owned(),
            "agentPoolProfiles.system.nodeTaints=[]".to_owned(),
            "timing={appStart: 0s, containerStart: 0s, scheduler: {cycle: 0s}}".to_owned(),
            format!("podTrace={{file: '{}', create: at, end: end}}", file.display()),
        ],
    );
    let lives: Vec<(f64, Option<f64>)> = outcome
        .pod_rows
        .iter()
        .map(|row| (row.created.as_secs_f64(), row.ended.map(|end| end.as_secs_f64().round())))
        .collect();
    assert_eq!(lives, [(0.0, Some(30.0)), (10.0, Some(130.0)), (20.0, Some(60.0))]);
    assert_eq!((outcome.pods.created, outcome.pods.completed), (3, 3));
}

#[test]
fn a_flat_subnet_ends_the_growth_at_its_last_whole_node() {
    // prefix length, maxPods, addresses of others, nodes
    let mut rows = vec![
        (24, 30, 0, 8),
        (24, 30, 31, 7),
        (24, 50, 0, 4),
        (24, 110, 0, 2),
        (23, 30, 0, 16),
        (23, 50, 0, 9),
        (23, 110, 0, 4),
        (22, 110, 0, 9),
    ];
    if is_full() {
        rows.extend([
            (22, 30, 0, 32),
            (22, 50, 0, 19),
            (21, 30, 0, 65),
            (21, 50, 0, 40),
            (21, 110, 0, 18),
            (20, 30, 0, 131),
            (20, 50, 0, 80),
            (20, 110, 0, 36),
            (16, 110, 0, 590),
        ]);
    }
    for (prefix, max_pods, others, nodes) in rows {
        let what = format!("/{prefix} at {max_pods} pods, {others} taken");
        let subnet = format!("{{addressPrefix: 10.2.0.0/{prefix}, usedByOthers: {others}}}");
        let outcome = run(
            "subnet",
            &[
                format!("networkProfile.subnets.apps={subnet}"),
                format!("agentPoolProfiles.apps.maxPods={max_pods}"),
                format!("workloads.app.replicas={}", nodes + 3),
                format!("simulation.duration={}s", 3_600 + 60 * nodes),
            ],
        );
        let subnet = outcome.ip.iter().find(|subnet| subnet.name == "apps").expect("a subnet");
        assert_eq!(u64::from(apps(&outcome).peak), nodes, "{what}");
        assert_eq!(subnet.peak, nodes * (max_pods + 1), "{what}");
        assert_eq!(subnet.capacity, Some((1 << (32 - prefix)) - 5 - others), "{what}");
        assert_eq!(outcome.pods.censored, 1, "{what}: the next pod finds no node");
        assert!(outcome.pod_waits[Cause::BlockedIp as usize] > 0, "{what}: and says why");
    }
}

#[test]
fn several_pools_fill_a_large_subnet() {
    // More nodes than a scale set has instances.
    let rows = if is_full() { vec![(30, 2_113), (50, 1_284)] } else { vec![] };
    for (max_pods, nodes) in rows {
        let mut sets = vec![
            format!("workloads.app.replicas={}", nodes + 3),
            format!("simulation.duration={}s", 3_600 + 60 * nodes),
        ];
        let pools = ["apps", "more", "most"];
        sets.extend(pools.map(|pool| format!("agentPoolProfiles.{pool}.maxPods={max_pods}")));
        let outcome = case::swift("exact_counts", "large-subnet", &sets);
        let subnet = outcome.ip.iter().find(|subnet| subnet.name == "apps").expect("a subnet");
        assert_eq!(subnet.peak, nodes * (max_pods + 1), "/16 at {max_pods} pods");
        assert_eq!(outcome.pods.censored, 1, "the next pod finds no node");
    }
}

#[test]
fn a_surge_node_costs_a_node() {
    // prefix length; nodes at 30, 50 and 110 pods
    for (prefix, most) in [
        (24, [8, 4, 2]),
        (23, [16, 9, 4]),
        (22, [32, 19, 9]),
        (21, [65, 40, 18]),
        (20, [131, 80, 36]),
        (16, [2_113, 1_284, 590]),
    ] {
        for (max_pods, most) in [30, 50, 110].into_iter().zip(most) {
            // Of a pool that may have so many nodes: does the subnet do, and with one in surge?
            for (nodes, expected) in
                [(most - 1, [false, false]), (most, [false, true]), (most + 1, [true, false])]
            {
                let findings = kit::findings_with(
                    "tests/exact_counts/subnet.yaml",
                    &[
                        &format!(
                            "networkProfile.subnets.apps={{addressPrefix: 10.0.0.0/{prefix}}}"
                        ),
                        &format!("agentPoolProfiles.apps.maxPods={max_pods}"),
                        &format!("agentPoolProfiles.apps.maxCount={nodes}"),
                        "agentPoolProfiles.apps.upgradeSettings={maxSurge: 1}",
                        "agentPoolProfiles.system.upgradeSettings={maxSurge: 1}",
                    ],
                );
                let says =
                    ["small-subnet", "no-room-for-surge"].map(|code| findings.contains(code));
                assert_eq!(
                    says, expected,
                    "/{prefix}, {max_pods} pods, {nodes} nodes:\n{findings}"
                );
            }
        }
    }
}

#[test]
fn overlay_gives_each_node_a_24_of_the_pod_range() {
    let outcome = run(
        "subnet",
        &[
            "networkProfile.networkPluginMode=overlay".to_owned(),
            "networkProfile.podCidr=10.244.0.0/20".to_owned(),
            "workloads.app.replicas=20".to_owned(),
            "simulation.duration=2h".to_owned(),
        ],
    );
    // 16 ranges, one of them for the node of the pool `system`.
    assert_eq!(apps(&outcome).peak, 15);
    assert_eq!(outcome.pods.censored, 1);
}

#[test]
fn azure_creates_all_nodes_of_a_request_or_none() {
    let outcome = run("all-or-nothing", &[]);
    let pool = apps(&outcome);
    assert!(pool.requested >= 30, "{} nodes were asked for", pool.requested);
    assert_eq!(pool.requested % 30, 0, "all thirty each time");
    assert_eq!((pool.created, pool.peak), (0, 0), "none of them came");
    assert_eq!(outcome.pods.censored, 30);
    let addresses = outcome.ip.iter().find(|subnet| subnet.name == "apps").expect("a subnet");
    assert_eq!((addresses.capacity, addresses.peak), (Some(24), 0));
    // The same with six fewer: room for all.
    let outcome = run("all-or-nothing", &["workloads.app.replicas=24".to_owned()]);
    assert_eq!((apps(&outcome).peak, outcome.pods.censored), (24, 0));
}

#[test]
fn pod_subnets_end_the_growth_by_batches_or_by_blocks() {
    // Way, usable addresses of the pod subnet less those of others, nodes, addresses held.
    // Dynamic: one pod a node, 16 addresses each. Static: ceil((30 + 1) / 16) blocks of 16 each.
    for (mode, others, nodes, held) in [
        ("DynamicIndividual", 0, 15, 240),
        ("DynamicIndividual", 100, 9, 144),
        ("StaticBlock", 0, 7, 224),
        ("StaticBlock", 100, 4, 128),
    ] {
        let pods = format!("{{addressPrefix: 10.3.0.0/24, usedByOthers: {others}}}");
        let outcome = run(
            "subnet",
            &[
                format!("networkProfile.subnets.pods={pods}"),
                "agentPoolProfiles.apps.podSubnetID=pods".to_owned(),
                format!("agentPoolProfiles.apps.podIPAllocationMode={mode}"),
                format!("workloads.app.replicas={}", nodes + 1),
            ],
        );
        let subnet = outcome.ip.iter().find(|subnet| subnet.name == "pods").expect("a subnet");
        assert_eq!((u64::from(apps(&outcome).peak), subnet.peak), (nodes, held), "{mode} {others}");
    }
}

#[test]
fn kubenet_ends_the_growth_at_400_routes() {
    // One route is that of the pool `system`. What does not fit whole is refused.
    for (pods, fits) in [(399, true), (405, false)] {
        let outcome = run(
            "subnet",
            &[
                "networkProfile.networkPlugin=kubenet".to_owned(),
                "networkProfile.subnets.apps={addressPrefix: 10.2.0.0/20}".to_owned(),
                format!("workloads.app.replicas={pods}"),
                "workloads.app.kind=Deployment".to_owned(),
            ],
        );
        let peak = u64::from(apps(&outcome).peak);
        assert_eq!(peak + outcome.pods.censored, pods, "{pods} pods");
        assert_eq!((peak == pods, peak <= 399), (fits, true), "{pods} pods, {peak} nodes");
        assert_eq!(outcome.pod_waits[Cause::BlockedIp as usize] == 0, fits, "{pods} pods");
    }
}

#[test]
fn spot_has_a_quota_of_its_own() {
    // Quota, whether the pool is spot, nodes of four vCPUs.
    for (quota, spot, nodes) in [
        ("{lowPriorityCores: 20, cores: 8}", true, 5),
        ("{lowPriorityCores: 20, cores: 24}", false, 5),
        ("{lowPriorityCores: 0, standardDSv5Family: 24}", false, 5),
    ] {
        let priority = if spot { "Spot" } else { "Regular" };
        let outcome = run(
            "subnet",
            &[
                "networkProfile.networkPluginMode=overlay".to_owned(),
                format!("quota={quota}"),
                format!("agentPoolProfiles.apps.scaleSetPriority={priority}"),
                "workloads.app.replicas=7".to_owned(),
            ],
        );
        assert_eq!(apps(&outcome).peak, nodes, "{quota} {priority}");
        assert!(outcome.pod_waits[Cause::BlockedQuota as usize] > 0, "{quota} {priority}");
    }
}

#[test]
fn pools_share_a_subnet() {
    let sets = ["agentPoolProfiles.system.vnetSubnetID=apps", "agentPoolProfiles.system.count=3"];
    let outcome = run("subnet", &sets.map(str::to_owned));
    // Eight nodes of 31 addresses in a /24, three of them another pool's.
    assert_eq!(apps(&outcome).peak, 5);
    assert!(outcome.pod_waits[Cause::BlockedIp as usize] > 0);
}
