//! What Azure's scale sets allow and refuse, in whole runs: instances of a set, nodes of a cluster,
//! calls in a minute, refusals at once and failures later (`docs/validation.md`).
//! `FORESCALE_FULL=1` adds the large rows.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/case.rs"]
mod case;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use case::requests;
use forescale::record::Outcome;

fn texts(sets: &[&str]) -> Vec<String> {
    sets.iter().map(|&set| set.to_owned()).collect()
}

fn max_counts(pools: &[&str], max: u32) -> Vec<String> {
    let set = |pool: &&str| format!("cluster.agentPoolProfiles.{pool}.maxCount={max}");
    pools.iter().map(set).collect()
}

/// Nodes of all pools but `system` at their peaks.
fn peak(outcome: &Outcome) -> u64 {
    let own = outcome.pools.iter().filter(|pool| pool.name != "system");
    own.map(|pool| u64::from(pool.peak)).sum()
}

#[test]
fn a_scale_set_has_a_thousand_instances_whatever_its_pool_may_have() {
    let mut sets = max_counts(&["apps"], 1_200);
    sets.push("workloads.app.replicas=1010".to_owned());
    let outcome = case::swift("scale_sets", "limits", &sets);
    assert_eq!((peak(&outcome), outcome.pods.censored), (1_000, 10));
}

#[test]
fn a_cluster_has_as_many_nodes_as_its_tier_allows() {
    // Tier, pools, largest size of each, pods, whether they get their nodes: one is the pool
    // `system`. A request that does not fit whole is refused whole.
    let two = ["apps", "b"].as_slice();
    let five = ["apps", "b", "c", "d", "e"].as_slice();
    let mut rows = vec![("Free", two, 600, 999, true), ("Free", two, 600, 1_001, false)];
    if std::env::var_os("FORESCALE_FULL").is_some() {
        rows.push(("Standard", five, 1_000, 4_999, true));
        rows.push(("Standard", five, 1_000, 5_000, false));
    }
    for (tier, pools, max, pods, fits) in rows {
        let mut sets = max_counts(pools, max);
        sets.push(format!("cluster.sku.tier={tier}"));
        sets.push(format!("workloads.app.replicas={pods}"));
        let outcome = case::swift("scale_sets", "limits", &sets);
        let nodes = peak(&outcome);
        assert_eq!(nodes + outcome.pods.censored, pods, "{tier}: {nodes} nodes");
        assert_eq!(nodes == pods, fits, "{tier}: {nodes} nodes for {pods} pods");
    }
}

#[test]
fn a_scale_set_takes_twelve_updates_at_once_and_four_a_minute() {
    // A pod every ten seconds, each of which needs a node: one update a scan. The bucket holds 12
    // and gets two thirds of one back by the next, so that 34 go through.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pods.csv");
    let rows = (0..60).map(|pod| format!("{},3000,64,7200\n", 10 * pod)).collect::<String>();
    std::fs::write(&file, format!("at,cpu_milli,memory_mib,end\n{rows}")).expect("written");
    let mut sets = max_counts(&["apps"], 100);
    sets.extend([
        "cluster.autoScalerProfile={scan-interval: 10s}".to_owned(),
        "simulation.duration=12m".to_owned(),
        "workloads.app.replicas=0".to_owned(),
        "workloads.app.pool=apps".to_owned(),
        "timing.vmProvision=1h".to_owned(),
        format!("podTrace={{file: '{}', create: at, end: end}}", file.display()),
    ]);
    let outcome = case::audited("scale_sets", "limits", &sets);
    let asked = requests(&outcome, "apps");
    let first = asked.iter().position(|&at| at > asked[0] + 335.0);
    assert_eq!(first, Some(34), "{asked:?}");
    // The next is refused and the pool backed off for five minutes; then it goes on.
    assert!((290.0..330.0).contains(&(asked[34] - asked[33])), "{asked:?}");
}

/// Seconds from the first request for the better pool to that for the other.
fn fallback(sets: &[&str]) -> f64 {
    let outcome = case::audited("scale_sets", "fallback", &texts(sets));
    let other = requests(&outcome, "other");
    let refusal = outcome.journal.entries.iter().find(|entry| entry.action == "refuse");
    let asked = requests(&outcome, "apps").first().copied();
    let first = asked.or(refusal.map(|entry| entry.at.as_secs_f64()));
    other.first().expect("the other pool helps") - first.expect("the better pool is asked first")
}

#[test]
fn what_azure_refuses_at_once_costs_a_scan_and_what_fails_later_its_detection() {
    let late = |error: &str| {
        format!("inject=[{{denyCapacity: {{pool: apps, from: 0s, for: 2h, error: {error}}}}}]")
    };
    // A quota answers the call itself: the pool is backed off, and the next scan asks the other.
    let quota = "quota={standardDSv5Family: 4}";
    let seconds = fallback(&[quota]);
    assert!((9.9..=20.1).contains(&seconds), "quota: {seconds} s");
    // Everything else is an instance that fails, told of it at once or not before its time is up.
    for error in ["AllocationFailed", "ZonalAllocationFailed", "SkuNotAvailable"] {
        let seconds = fallback(&[&late(error), "timing.failureDetection=fast"]);
        assert!(seconds < 300.0, "{error}, seen at once: {seconds} s");
        let seconds = fallback(&[&late(error), "timing.failureDetection=slow"]);
        assert!((900.0..=980.0).contains(&seconds), "{error}, not seen: {seconds} s");
    }
    // A subnet with one address left fails both instances of a request for two.
    let full = "cluster.networkProfile.subnets.apps={addressPrefix: 10.2.0.0/29, usedByOthers: 2}";
    let two = "workloads.app.replicas=2";
    let seconds = fallback(&[full, two, "timing.failureDetection=fast"]);
    assert!(seconds < 300.0, "SubnetIsFull, seen at once: {seconds} s");
    let seconds = fallback(&[full, two, "timing.failureDetection=slow"]);
    assert!((900.0..=980.0).contains(&seconds), "SubnetIsFull, not seen: {seconds} s");
}

#[test]
fn an_ephemeral_disk_boots_sooner() {
    let run = |disk: &str| {
        let mut sets = max_counts(&["apps"], 20);
        sets.extend([
            "cluster.agentPoolProfiles.apps.vmSize=Standard_D4ds_v5".to_owned(),
            format!("cluster.agentPoolProfiles.apps.osDiskType={disk}"),
            "timing.vmProvision=100s".to_owned(),
        ]);
        case::audited("scale_sets", "limits", &sets)
    };
    let (managed, ephemeral) = (run("Managed"), run("Ephemeral"));
    let boot = |outcome: &Outcome| {
        let node = outcome.node_rows.iter().find(|node| node.pool == Some(1)).expect("a node");
        node.ready.expect("ready").as_secs_f64() - node.requested.as_secs_f64() - 2.0
    };
    // A time that is given for all pools is that of managed disks, which take 1.3 times as long.
    assert!((boot(&managed) - 100.0).abs() < 1e-3, "{} s", boot(&managed));
    assert!((boot(&ephemeral) - 100.0 / 1.3).abs() < 1e-3, "{} s", boot(&ephemeral));
}
