//! Settings by name: the keys of AKS's `autoScalerProfile` and upstream's other flags, kebab or
//! camel case, from text.

use std::fmt;

use super::{AutoscalerSpec, Expander};
use crate::unit::Duration;

/// Why a setting was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// No such setting.
    Unknown {
        /// As written.
        key: String,
        /// The nearest right name.
        nearest: Option<&'static str>,
    },
    /// The value is not one.
    Value {
        /// The setting.
        key: &'static str,
        /// As written.
        value: String,
        /// What would be.
        expected: &'static str,
    },
    /// A flag that exists upstream and changes nothing here: a note, not a mistake.
    NoEffect {
        /// The flag.
        key: &'static str,
        /// Why it changes nothing.
        why: &'static str,
    },
}

impl SettingError {
    /// Whether this is only a note: the setting is known and has no effect.
    pub fn is_note(&self) -> bool {
        matches!(self, Self::NoEffect { .. })
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key, nearest: None } => {
                write!(f, "`{key}` is no setting of the cluster autoscaler")
            }
            Self::Unknown { key, nearest: Some(name) } => {
                write!(f, "`{key}` is no setting of the cluster autoscaler; did you mean `{name}`?")
            }
            Self::Value { key, value, expected } => {
                write!(f, "`{value}` is not {expected}, as `{key}` wants")
            }
            Self::NoEffect { key, why } => write!(f, "`{key}` has no effect: {why}"),
        }
    }
}

impl std::error::Error for SettingError {}

/// A setting that can be given by name.
#[derive(Clone, Copy)]
pub struct SettingKey {
    /// Name as `az` and upstream's flags spell it.
    pub name: &'static str,
    /// One of the keys of AKS's profile.
    pub aks: bool,
    /// One sentence.
    pub doc: &'static str,
    /// What a value looks like.
    pub expected: &'static str,
    apply: fn(&mut AutoscalerSpec, &str) -> Option<()>,
}

impl fmt::Debug for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl AutoscalerSpec {
    /// Sets `key` from text: AKS's kebab-case or camelCase key, or an upstream flag (with or
    /// without leading dashes).
    ///
    /// # Errors
    /// [`SettingError`]; one that [is a note](SettingError::is_note) need not stop anybody.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let name = kebab(key);
        if let Some(setting) = KEYS.iter().find(|setting| setting.name == name) {
            return (setting.apply)(self, value.trim()).ok_or_else(|| SettingError::Value {
                key: setting.name,
                value: value.into(),
                expected: setting.expected,
            });
        }
        if let Some(&(key, why)) = WITHOUT_EFFECT.iter().find(|(flag, _)| *flag == name) {
            return Err(SettingError::NoEffect { key, why });
        }
        Err(SettingError::Unknown { key: key.into(), nearest: nearest(&name) })
    }

    /// Whether a key, in any spelling, is the setting of this name.
    pub fn is_setting(key: &str, name: &str) -> bool {
        kebab(key) == name
    }

    /// All settings that [`AutoscalerSpec::set`] takes.
    pub fn keys() -> &'static [SettingKey] {
        KEYS
    }
}

/// `scanInterval`, `scan_interval` and `--scan-interval` are `scan-interval`.
fn kebab(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 8);
    for letter in key.trim().trim_start_matches('-').chars() {
        if letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(if letter == '_' { '-' } else { letter.to_ascii_lowercase() });
    }
    name
}

/// The most similar name, if any is similar at all.
fn nearest(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|setting| (strsim::jaro_winkler(setting.name, name), setting.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// A Go duration (`1h30m`, `90s`, `250ms`), days too, or a bare number of seconds.
pub fn duration_of(text: &str) -> Option<Duration> {
    duration(text)
}

fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0 && seconds.is_finite()).then(|| Duration::from_secs_f64(seconds));
    }
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let micros = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000_u64,
            _ => return None,
        };
        total += Duration::from_micros(micros).scaled(number.parse::<f64>().ok()?);
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// A duration that a loop can go on by: with none at all time would stand still.
fn period(text: &str) -> Option<Duration> {
    duration(text).filter(|&period| period >= Duration::from_millis(1))
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

fn percent(text: &str) -> Option<f64> {
    text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

/// `min:max`
fn range(text: &str) -> Option<(i64, i64)> {
    let (min, max) = text.split_once(':')?;
    let (min, max) = (min.parse().ok()?, max.parse().ok()?);
    (0 <= min && min <= max).then_some((min, max))
}

fn gibibytes(text: &str) -> Option<(i64, i64)> {
    let (min, max) = range(text)?;
    Some((min.checked_mul(1 << 30)?, max.checked_mul(1 << 30)?))
}

fn names(text: &str) -> Option<Vec<String>> {
    Some(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect())
}

/// `priority:seconds,…`, one of each priority at most, in ascending order.
fn priorities(text: &str) -> Option<Vec<(i32, Duration)>> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (priority, seconds) = part.split_once(':')?;
        all.push((
            priority.trim().parse().ok()?,
            Duration::from_secs(seconds.trim().parse().ok()?),
        ));
    }
    all.sort_unstable();
    all.windows(2).all(|pair| pair[0].0 < pair[1].0).then_some(all)
}

fn expanders(text: &str) -> Option<Vec<Expander>> {
    let chain = text.split(',').map(|name| Expander::named(name.trim()));
    chain.collect::<Option<Vec<_>>>().filter(|chain| !chain.is_empty())
}

impl Expander {
    /// All expanders.
    pub const ALL: &[Self] = &[
        Self::Random,
        Self::MostPods,
        Self::LeastWaste,
        Self::LeastNodes,
        Self::Price,
        Self::Priority,
    ];

    /// Name as the flag spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::MostPods => "most-pods",
            Self::LeastWaste => "least-waste",
            Self::LeastNodes => "least-nodes",
            Self::Price => "price",
            Self::Priority => "priority",
        }
    }

    /// The expander of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|expander| expander.name() == name)
    }
}

const DURATION: &str = "a duration such as `10m`";
const PRIORITIES: &str = "`priority:seconds,…` with each priority once";
const PERIOD: &str = "a duration of at least 1 ms";
const SWITCH: &str = "`true` or `false`";
const SHARE: &str = "a share from 0 to 1";
const COUNT: &str = "a whole number";
const LIST: &str = "a list of names separated by commas";

/// Declares the table: name, AKS or upstream, expected, field, parser, sentence.
macro_rules! keys {
    ($($name:literal $aks:literal $expected:ident $field:ident $parse:expr; $doc:literal)+) => {
        const KEYS: &[SettingKey] = &[$(SettingKey {
            name: $name,
            aks: $aks,
            doc: $doc,
            expected: $expected,
            apply: |spec, text| {
                spec.$field = ($parse)(text)?;
                Some(())
            },
        },)+];
    };
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

const PERCENT: &str = "a percentage from 0 to 100";
const RANGE: &str = "a range `min:max`";
const EXPANDER: &str =
    "one or more of random, most-pods, least-waste, least-nodes, price, priority";

keys! {
    "scan-interval" true PERIOD scan_interval period;
        "How often the cluster is looked at."
    "scale-down-delay-after-add" true DURATION delay_after_add duration;
        "No deletion this long after any scale-up."
    "scale-down-delay-after-delete" true DURATION delay_after_delete duration;
        "No deletion this long after a deletion."
    "scale-down-delay-after-failure" true DURATION delay_after_failure duration;
        "No deletion this long after a failed one."
    "scale-down-unneeded-time" true DURATION unneeded_time duration;
        "How long a ready node must be unneeded."
    "scale-down-unready-time" true DURATION unready_time duration;
        "How long an unready node must be unneeded."
    "scale-down-utilization-threshold" true SHARE utilization_threshold share;
        "A node above this share of requests is needed."
    "ignore-daemonsets-utilization" true SWITCH ignore_daemonsets_utilization switch;
        "DaemonSet pods do not count in utilisation."
    "daemonset-eviction-for-empty-nodes" true SWITCH daemonset_eviction_empty switch;
        "Evict DaemonSet pods of empty nodes."
    "daemonset-eviction-for-occupied-nodes" true SWITCH daemonset_eviction_occupied switch;
        "Evict DaemonSet pods of drained nodes."
    "max-graceful-termination-sec" true DURATION max_graceful_termination duration;
        "Longest grace of a pod that is drained."
    "drain-priority-config" false PRIORITIES drain_priorities priorities;
        "Pods are drained by priority, each level with a grace of its own."
    "balance-similar-node-groups" true SWITCH balance_similar switch;
        "Split a scale-up over similar pools."
    "expander" true EXPANDER expanders expanders;
        "How one of several pools is chosen."
    "skip-nodes-with-local-storage" true SWITCH skip_local_storage switch;
        "Pods with local volumes keep their node."
    "skip-nodes-with-system-pods" true SWITCH skip_system_pods switch;
        "Pods of kube-system keep their node."
    "max-empty-bulk-delete" true COUNT max_scale_down_parallelism number;
        "Nodes deleted at once (max-scale-down-parallelism)."
    "new-pod-scale-up-delay" true DURATION new_pod_delay duration;
        "Pods younger than this trigger nothing."
    "max-total-unready-percentage" true PERCENT max_unready_percent percent;
        "More unready nodes than this stop everything."
    "ok-total-unready-count" true COUNT ok_unready number;
        "So many unready nodes are always fine."
    "max-node-provision-time" true DURATION max_node_provision_time duration;
        "How long a node may take to appear."
    "max-node-startup-time" false DURATION max_node_startup_time duration;
        "An unready node younger than this is still starting."
    "scale-down-gpu-utilization-threshold" false SHARE gpu_utilization_threshold share;
        "The same for nodes with GPUs."
    "ignore-mirror-pods-utilization" false SWITCH ignore_mirror_pods_utilization switch;
        "Static pods do not count in utilisation."
    "skip-nodes-with-custom-controller-pods" false SWITCH skip_custom_controllers switch;
        "Pods of custom controllers keep their node."
    "scale-down-enabled" false SWITCH scale_down_enabled switch;
        "Whether nodes are deleted at all."
    "scale-down-unready-enabled" false SWITCH scale_down_unready_enabled switch;
        "Whether unready nodes are deleted."
    "scale-down-delay-type-local" false SWITCH delay_type_local switch;
        "Delays after add, delete and failure hold per pool."
    "enforce-node-group-min-size" false SWITCH enforce_min_size switch;
        "Pools below their minimum grow to it."
    "scale-up-from-zero" false SWITCH scale_up_from_zero switch;
        "Whether anything is done without ready nodes."
    "parallel-scale-up" false SWITCH parallel_scale_up switch;
        "Balanced pools grow at once, not one after another."
    "max-nodes-total" false COUNT max_nodes_total number;
        "Most nodes of the cluster; 0 is no limit."
    "cores-total" false RANGE cores_total range;
        "Fewest and most cores of the cluster."
    "memory-total" false RANGE memory_total gibibytes;
        "Least and most memory of the cluster in GiB."
    "max-nodes-per-scaleup" false COUNT max_nodes_per_scale_up number;
        "Most nodes of one estimate."
    "max-scale-down-parallelism" false COUNT max_scale_down_parallelism number;
        "Nodes deleted at once."
    "max-drain-parallelism" false COUNT max_drain_parallelism number;
        "Nodes drained at once."
    "unremovable-node-recheck-timeout" false DURATION unremovable_recheck duration;
        "A node that could not be emptied is left alone this long."
    "node-delete-delay-after-taint" false DURATION delete_delay_after_taint duration;
        "From the taint to the first eviction."
    "max-pod-eviction-time" false DURATION max_pod_eviction_time duration;
        "How long refused evictions are tried again."
    "node-deletion-delay-timeout" false DURATION deletion_delay_timeout duration;
        "How long a deletion waits for annotations that delay it."
    "node-deletion-batcher-interval" false DURATION deletion_batch duration;
        "Deletions of a pool are collected for so long."
    "node-deletion-candidate-ttl" false DURATION candidate_ttl duration;
        "Soft taints no older than this keep timers over a restart."
    "cordon-node-before-terminating" false SWITCH cordon switch;
        "Cordon nodes before they are drained."
    "max-bulk-soft-taint-count" false COUNT max_soft_taints number;
        "Soft taints changed in one loop."
    "min-replica-count" false COUNT min_replica_count number;
        "Pods of smaller sets keep their node."
    "blocking-system-pod-distruption-timeout" false DURATION system_pod_timeout duration;
        "Pods of kube-system older than this do not block."
    "expendable-pods-priority-cutoff" false COUNT expendable_cutoff number;
        "Pods of lower priority are not seen."
    "initial-node-group-backoff-duration" false DURATION initial_backoff duration;
        "First backoff of a pool."
    "max-node-group-backoff-duration" false DURATION max_backoff duration;
        "Longest backoff of a pool."
    "node-group-backoff-reset-timeout" false DURATION backoff_reset duration;
        "A backoff is forgotten after this."
    "memory-difference-ratio" false SHARE capacity_memory_ratio share;
        "Memory of similar pools may differ so much."
    "max-allocatable-difference-ratio" false SHARE allocatable_ratio share;
        "Allocatable of similar pools may differ so much."
    "max-free-difference-ratio" false SHARE free_ratio share;
        "Free resources of similar pools may differ so much."
    "balancing-ignore-label" false LIST balancing_ignore_labels names;
        "Labels that may differ between similar pools."
    "balancing-label" false LIST balancing_labels names;
        "Pools are similar if these labels are equal."
    "force-ds" false SWITCH force_daemonsets switch;
        "Templates get all DaemonSets that would match."
    "force-delete-unregistered-nodes" false SWITCH force_delete_unregistered switch;
        "Unregistered nodes go below the minimum too."
    "force-delete-failed-nodes" false SWITCH force_delete_failed switch;
        "Failed nodes go below the minimum too."
    "frequent-loops-enabled" false SWITCH frequent_loops switch;
        "After an action the next loop starts at once."
    "startup-taint" false LIST startup_taints names;
        "Nodes with these taints are not ready yet."
    "ignore-taint" false LIST startup_taints names;
        "The older name of startup-taint."
    "allowed-scheduler-names" false LIST allowed_schedulers names;
        "Pods of other schedulers are not seen."
    "bypassed-scheduler-names" false LIST bypassed_schedulers names;
        "Pods of these schedulers need not be rejected first."
    "node-info-cache-expire-time" false DURATION template_ttl duration;
        "How long a template outlives the node it was made of."
    "salvo-scale-up" false SWITCH salvo switch;
        "Scale-ups go on in one loop until all pods are helped."
    "fastpath-binpacking-enabled" false SWITCH fast_path switch;
        "Estimate large groups by one filled node."
}

/// Flags that exist upstream and change nothing in a simulation.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("scale-down-non-empty-candidates-count", "upstream parses it, but nothing reads it"),
    ("scale-down-candidates-pool-ratio", "upstream parses it, but nothing reads it"),
    ("scale-down-candidates-pool-min-count", "upstream parses it, but nothing reads it"),
    ("parallel-drain", "removed in 1.32; deletion is always parallel"),
    ("cluster-snapshot-parallelism", "deprecated; it changes wall time only"),
    ("predicate-parallelism", "it changes wall time only"),
    ("max-binpacking-time", "a limit of wall time; decisions take none here"),
    ("max-nodegroup-binpacking-duration", "a limit of wall time; decisions take none here"),
    ("scale-down-simulation-timeout", "a limit of wall time; decisions take none here"),
    ("max-bulk-soft-taint-time", "a limit of wall time; decisions take none here"),
    ("max-inactivity", "liveness probe only"),
    ("max-failing-time", "liveness probe only"),
    ("max-startup-time", "liveness probe only"),
    ("estimator", "binpacking is the only choice"),
    ("salvo-scale-up-budget", "a limit of wall time; decisions take none here"),
    (
        "scale-from-unschedulable",
        "Azure has a template for every pool: no cordoned node serves as one",
    ),
    ("enable-provisioning-requests", "a scenario has no ProvisioningRequests"),
    ("enable-proactive-scaleup", "a scenario's controllers create their pods at once: none is due"),
    ("pod-injection-limit", "a scenario's controllers create their pods at once: none is due"),
    ("async-node-groups", "AKS pools are not created by the autoscaler"),
    ("enable-dynamic-resource-allocation", "a scenario has no ResourceClaims"),
    ("capacity-quotas-enabled", "a scenario has no CapacityQuotas"),
    ("capacity-buffer", "a scenario has no CapacityBuffers"),
    ("gpu-total", "a scenario limits GPUs by quotas and by `maxCount`"),
    ("enable-graceful-degradation", "decisions take no time here"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::KubernetesVersion;

    fn aks() -> AutoscalerSpec {
        AutoscalerSpec::aks(KubernetesVersion::DEFAULT)
    }

    #[test]
    fn every_key_takes_a_value_of_its_kind_and_refuses_another() {
        for setting in AutoscalerSpec::keys() {
            let value = match setting.expected {
                DURATION | PERIOD => "7m",
                SWITCH => "true",
                SHARE => "0.25",
                COUNT | PERCENT => "17",
                LIST => "a,b",
                RANGE | PRIORITIES => "1:9",
                _ => "priority",
            };
            aks().set(setting.name, value).unwrap_or_else(|error| panic!("{error}"));
            if setting.expected != LIST {
                let error = aks().set(setting.name, "maybe").unwrap_err();
                assert!(matches!(error, SettingError::Value { .. }), "{error}");
            }
        }
    }

    #[test]
    fn names_are_taken_in_any_spelling() {
        for key in ["scan-interval", "scanInterval", "scan_interval", "--scan-interval"] {
            let mut spec = aks();
            spec.set(key, "1m30s").unwrap();
            assert_eq!(spec.scan_interval, Duration::from_secs(90), "{key}");
        }
        let mut spec = aks();
        spec.set("max-graceful-termination-sec", "45").unwrap();
        assert_eq!(spec.max_graceful_termination, Duration::from_secs(45));
        spec.set("memory-total", "1:2").unwrap();
        assert_eq!(spec.memory_total, (1 << 30, 2 << 30));
    }

    #[test]
    fn wrong_names_are_answered_with_the_nearest_right_one() {
        assert_eq!(
            aks().set("scale-down-uneeded-time", "1m"),
            Err(SettingError::Unknown {
                key: "scale-down-uneeded-time".into(),
                nearest: Some("scale-down-unneeded-time"),
            })
        );
        let note = aks().set("scale-down-candidates-pool-ratio", "0.2").unwrap_err();
        assert!(note.is_note(), "{note}");
    }
}
