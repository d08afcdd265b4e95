//! Every flag of the cluster autoscaler that AKS clusters have: taken by `autoScalerProfile` in the
//! spelling of `az`, of ARM and of upstream's command line, with the default that AKS has.

use forescale::cli::Disk;
use forescale::scenario::load;

/// What a flag does here.
enum Kind {
    /// The default of AKS as text (empty: nothing), and another value, which changes something.
    Setting(&'static str, &'static str),
    /// A value; a note says why it changes nothing.
    Note(&'static str),
}
use Kind::{Note, Setting};

/// Upstream `pkg/config/flags/flags.go` and AKS's profile table, on a cluster of 1.34.
#[rustfmt::skip]
const FLAGS: &[(&str, Kind)] = &[
    ("scan-interval", Setting("10s", "20s")),
    ("scale-down-delay-after-add", Setting("10m", "5m")),
    ("scale-down-delay-after-delete", Setting("10s", "0s")),
    ("scale-down-delay-after-failure", Setting("3m", "1m")),
    ("scale-down-unneeded-time", Setting("10m", "5m")),
    ("scale-down-unready-time", Setting("20m", "5m")),
    ("scale-down-utilization-threshold", Setting("0.5", "0.7")),
    ("scale-down-gpu-utilization-threshold", Setting("0.5", "0.7")),
    ("ignore-daemonsets-utilization", Setting("false", "true")),
    ("ignore-mirror-pods-utilization", Setting("false", "true")),
    ("daemonset-eviction-for-empty-nodes", Setting("false", "true")),
    ("daemonset-eviction-for-occupied-nodes", Setting("true", "false")),
    ("max-graceful-termination-sec", Setting("600", "30")),
    ("drain-priority-config", Setting("", "0:30,1000:60")),
    ("balance-similar-node-groups", Setting("false", "true")),
    ("expander", Setting("random", "least-waste")),
    ("skip-nodes-with-local-storage", Setting("false", "true")),
    ("skip-nodes-with-system-pods", Setting("true", "false")),
    ("skip-nodes-with-custom-controller-pods", Setting("true", "false")),
    ("max-empty-bulk-delete", Setting("10", "3")),
    ("new-pod-scale-up-delay", Setting("0s", "1m")),
    ("max-total-unready-percentage", Setting("45", "20")),
    ("ok-total-unready-count", Setting("3", "9")),
    ("max-node-provision-time", Setting("15m", "20m")),
    ("max-node-startup-time", Setting("15m", "20m")),
    ("scale-down-enabled", Setting("true", "false")),
    ("scale-down-unready-enabled", Setting("true", "false")),
    ("scale-down-delay-type-local", Setting("false", "true")),
    ("enforce-node-group-min-size", Setting("true", "false")),
    ("scale-up-from-zero", Setting("true", "false")),
    ("parallel-scale-up", Setting("false", "true")),
    ("max-nodes-total", Setting("0", "50")),
    ("cores-total", Setting("0:320000", "8:64")),
    ("memory-total", Setting("0:6400000", "32:256")),
    ("max-nodes-per-scaleup", Setting("1000", "5")),
    ("max-nodegroup-binpacking-duration", Note("10s")),
    ("max-binpacking-time", Note("5m")),
    ("fastpath-binpacking-enabled", Setting("false", "true")),
    ("salvo-scale-up", Setting("false", "true")),
    ("salvo-scale-up-budget", Note("1m")),
    ("estimator", Note("binpacking")),
    ("max-scale-down-parallelism", Setting("10", "3")),
    ("max-drain-parallelism", Setting("1", "3")),
    ("scale-down-simulation-timeout", Note("30s")),
    ("scale-down-non-empty-candidates-count", Note("30")),
    ("scale-down-candidates-pool-ratio", Note("0.1")),
    ("scale-down-candidates-pool-min-count", Note("50")),
    ("unremovable-node-recheck-timeout", Setting("5m", "1m")),
    ("node-deletion-delay-timeout", Setting("2m", "10s")),
    ("node-delete-delay-after-taint", Setting("5s", "0s")),
    ("node-deletion-batcher-interval", Setting("0s", "30s")),
    ("node-deletion-candidate-ttl", Setting("0s", "1h")),
    ("max-bulk-soft-taint-count", Setting("10", "0")),
    ("max-bulk-soft-taint-time", Note("3s")),
    ("max-pod-eviction-time", Setting("2m", "10m")),
    ("cordon-node-before-terminating", Setting("true", "false")),
    ("min-replica-count", Setting("0", "2")),
    ("blocking-system-pod-distruption-timeout", Setting("1h", "5m")),
    ("expendable-pods-priority-cutoff", Setting("-10", "0")),
    ("initial-node-group-backoff-duration", Setting("5m", "1m")),
    ("max-node-group-backoff-duration", Setting("30m", "10m")),
    ("node-group-backoff-reset-timeout", Setting("3h", "1h")),
    ("memory-difference-ratio", Setting("0.015", "0.1")),
    ("max-free-difference-ratio", Setting("0.05", "0.1")),
    ("max-allocatable-difference-ratio", Setting("0.05", "0.1")),
    ("node-info-cache-expire-time", Setting("87600h", "10m")),
    ("force-ds", Setting("false", "true")),
    ("max-inactivity", Note("10m")),
    ("max-failing-time", Note("15m")),
    ("max-startup-time", Note("20m")),
    ("frequent-loops-enabled", Setting("false", "true")),
    ("scale-from-unschedulable", Note("false")),
    ("predicate-parallelism", Note("4")),
    ("force-delete-unregistered-nodes", Setting("false", "true")),
    ("force-delete-failed-nodes", Setting("false", "true")),
    ("enable-provisioning-requests", Note("false")),
    ("enable-proactive-scaleup", Note("false")),
    ("pod-injection-limit", Note("5000")),
    ("bypassed-scheduler-names", Setting("", "other")),
    ("allowed-scheduler-names", Setting("", "other")),
    ("async-node-groups", Note("false")),
    ("enable-dynamic-resource-allocation", Note("true")),
    ("capacity-quotas-enabled", Note("false")),
    ("capacity-buffer", Note("false")),
    ("enable-graceful-degradation", Note("false")),
    ("parallel-drain", Note("true")),
    ("ignore-taint", Setting("", "startup")),
    ("startup-taint", Setting("", "startup")),
    ("balancing-ignore-label", Setting("", "team")),
    ("balancing-label", Setting("", "team")),
    ("cluster-snapshot-parallelism", Note("16")),
];

/// `scanInterval`
fn camel(flag: &str) -> String {
    let mut parts = flag.split('-');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(1);
        name += &(first.to_ascii_uppercase() + rest);
    }
    name
}

/// What the autoscaler becomes by a line of its profile, and what is said of it.
fn spec(line: &str) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flag.yaml");
    let text = format!(
        "apiVersion: forescale/v1\nkind: Scenario\ncluster:\n  kubernetesVersion: \"1.34\"\n  \
         autoScalerProfile: {{{line}}}\n  agentPoolProfiles:\n  - {{name: apps, mode: System, \
         vmSize: Standard_D8s_v5, enableAutoScaling: true, minCount: 2, maxCount: 5}}\nworkloads: \
         [{{name: web, replicas: 2, requests: {{cpu: 1, memory: 1Gi}}}}]\n"
    );
    std::fs::write(&file, text).expect("written");
    let loaded = load(&file.to_string_lossy(), &[], &Disk::default());
    let said = loaded.diagnostics.render(false);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{line} is no profile:\n{said}"));
    (format!("{:?}", plan.autoscaler), said)
}

#[test]
fn every_flag_is_a_setting_with_the_default_of_aks_or_says_why_it_has_no_effect() {
    let (plain, _) = spec("");
    for (flag, kind) in FLAGS {
        for name in [(*flag).to_owned(), format!("--{flag}"), camel(flag)] {
            match kind {
                Setting(default, other) => {
                    let line = format!("{name}: \"{default}\"");
                    let (same, said) = spec(if default.is_empty() { "" } else { &line });
                    assert_eq!(same, plain, "{name}: {default} is the default");
                    assert!(!said.contains("has no effect"), "{name}: {said}");
                    let (changed, _) = spec(&format!("{name}: \"{other}\""));
                    assert_ne!(changed, plain, "{name}: {other} changes something");
                }
                Note(value) => {
                    let (same, said) = spec(&format!("{name}: \"{value}\""));
                    assert_eq!(same, plain, "{name}");
                    assert!(said.contains(&format!("`{flag}` has no effect: ")), "{name}: {said}");
                }
            }
        }
    }
}

#[test]
fn a_bypassed_scheduler_must_be_an_allowed_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flag.yaml");
    let text = "apiVersion: forescale/v1\nkind: Scenario\ncluster:\n  autoScalerProfile: \
                {bypassed-scheduler-names: b, allowed-scheduler-names: a}\n  agentPoolProfiles:\n  \
                - {name: apps, mode: System, vmSize: Standard_D8s_v5, count: 2}\nworkloads: \
                [{name: web, replicas: 2, requests: {cpu: 1, memory: 1Gi}}]\n";
    std::fs::write(&file, text).expect("written");
    let loaded = load(&file.to_string_lossy(), &[], &Disk::default());
    assert!(loaded.plan.is_none());
    let said = loaded.diagnostics.render(false);
    assert!(said.contains("`b` is not among `allowed-scheduler-names`"), "{said}");
}
