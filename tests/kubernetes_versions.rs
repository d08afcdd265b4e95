//! `kubernetesVersion` selects how scheduler, kubelet and node controller behave: for each switch a
//! small scenario of `tests/kubernetes_versions`, run with every version, and what must be seen.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use forescale::record::{Outcome, PodRow};
use forescale::vocabulary::KubernetesVersion;

/// What a scenario shows with each of some versions.
fn seen<T>(
    file: &str,
    minors: RangeInclusive<u16>,
    sets: &[&str],
    show: impl Fn(&Outcome) -> T,
) -> Vec<(u16, T)> {
    let run = |minor: u16| {
        let version = format!("cluster.kubernetesVersion=1.{minor}");
        let sets: Vec<&str> = sets.iter().copied().chain([version.as_str()]).collect();
        let plan = kit::plan_with(format!("tests/kubernetes_versions/{file}.yaml"), &sets);
        (minor, show(&kit::audited(&plan, plan.simulation.seed)))
    };
    minors.map(run).collect()
}

fn all() -> RangeInclusive<u16> {
    KubernetesVersion::OLDEST.minor..=KubernetesVersion::NEWEST.minor
}

/// What comes from version `since` on differs from what was before.
fn changes<T: PartialEq + std::fmt::Debug>(
    what: &str,
    seen: &[(u16, T)],
    since: u16,
    old: T,
    new: T,
) {
    for (minor, shown) in seen {
        let expected = if *minor >= since { &new } else { &old };
        assert_eq!(shown, expected, "{what}, Kubernetes 1.{minor}");
    }
    assert!(seen.iter().any(|(minor, _)| *minor < since), "{what}: no version before 1.{since}");
}

fn pods_of<'o>(outcome: &'o Outcome, workload: &str) -> Vec<&'o PodRow> {
    let own = |pod: &&PodRow| outcome.workload_names[pod.workload as usize] == workload;
    outcome.pod_rows.iter().filter(own).collect()
}

#[test]
fn equal_nodes_are_drawn_by_lot_until_the_first_of_them_wins() {
    let on = |outcome: &Outcome| pods_of(outcome, "web")[0].node;
    let mut nodes = vec![BTreeSet::new(); usize::from(KubernetesVersion::NEWEST.minor) + 1];
    for seed in 1..=8 {
        let seed = format!("simulation.seed={seed}");
        for (minor, node) in seen("equal-nodes", all(), &[&seed], on) {
            nodes[usize::from(minor)].insert(node);
        }
    }
    let always_one = |minor: u16| (minor, nodes[usize::from(minor)].len() == 1);
    let seen: Vec<_> = all().map(always_one).collect();
    changes("tie-break", &seen, 35, false, true);
}

#[test]
fn balance_is_how_even_a_node_is_and_then_how_much_evener_it_gets() {
    let pool = |outcome: &Outcome| {
        let node = pods_of(outcome, "web")[0].node.expect("placed") as usize;
        outcome.pool_names[outcome.node_rows[node].pool.expect("of a pool") as usize].clone()
    };
    // AKS takes configurations of the scheduler from 1.33 on.
    let seen = seen("balance", 33..=KubernetesVersion::NEWEST.minor, &[], pool);
    changes("BalancedAllocation", &seen, 36, "even".to_owned(), "uneven".to_owned());
}

#[test]
fn hints_spare_attempts() {
    let cycles = |outcome: &Outcome| outcome.counters.scheduler_cycles;
    // One attempt, and before the hints one more for each pod that goes.
    changes("queueing hints", &seen("hints", all(), &[], cycles), 32, 3, 1);
}

#[test]
fn an_idle_scheduler_waits_for_backoff_until_it_does_not() {
    let bound = |outcome: &Outcome| {
        let bound = pods_of(outcome, "second")[0].bound.expect("bound");
        bound.as_secs_f64() < 61.0
    };
    changes("pop from backoff", &seen("backoff", all(), &[], bound), 33, false, true);
}

#[test]
fn requests_of_whole_pods_count_once_the_api_keeps_them() {
    let placed = |outcome: &Outcome| {
        pods_of(outcome, "whole").iter().filter(|pod| pod.bound.is_some()).count()
    };
    changes("pod-level resources", &seen("pod-level", all(), &[], placed), 34, 2, 1);
}

#[test]
fn silence_is_noticed_later() {
    let replaced = |outcome: &Outcome| {
        let pods = pods_of(outcome, "web");
        pods.iter().map(|pod| pod.created.as_secs_f64()).fold(0.0, f64::max)
    };
    // 70 s, 40 or 50 s of grace, 5 s until the Node goes, then pod GC at :00, :20 and :40: a run
    // that misses the Node, 40 s of quarantine, the run after it.
    changes("node-monitor-grace-period", &seen("silence", all(), &[], replaced), 32, 160.0, 180.0);
}

#[test]
fn nodes_pull_one_image_after_the_other_until_they_pull_all_at_once() {
    let ready = |outcome: &Outcome| {
        let ready = |name| pods_of(outcome, name)[0].ready.expect("ready").as_secs_f64();
        (ready("one").round(), ready("two").round())
    };
    // 5 s each for one after the other, 10 s for both; 2 s until ready.
    changes("serial pulls", &seen("pulls", all(), &[], ready), 31, (67.0, 72.0), (72.0, 72.0));
}
