//! Names of figures: paths into `summary.json`, their aliases, and what each means.

use serde_json::{Map, Value};

use crate::vocabulary::Cause;

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
    /// Units of the scenario's currency.
    Money,
    /// A share between 0 and 1.
    Share,
    /// Hours.
    Hours,
}

impl Unit {
    /// Name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Count => "count",
            Self::Money => "money",
            Self::Share => "share",
            Self::Hours => "h",
        }
    }
}

/// A figure that thresholds and reports can name.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Path into `summary.json`; `<name>` stands for a name of the scenario, `<q>` for one of
    /// `mean p50 p90 p95 p99 max`, `<cause>` for a cause of waiting.
    pub path: &'static str,
    /// Unit.
    pub unit: Unit,
    /// What it means.
    pub meaning: &'static str,
}

const fn metric(path: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    Metric { path, unit, meaning }
}

use Unit::{Count, Hours, Money, Seconds, Share};

/// All figures, in the order of `summary.json`.
pub const METRICS: &[Metric] = &[
    metric("simulatedSeconds", Seconds, "length of the run, drain included"),
    metric("messages.arrived", Count, "messages that arrived after warm-up"),
    metric("messages.completed", Count, "messages whose work was done"),
    metric("messages.deadLettered", Count, "messages given up after too many deliveries"),
    metric("messages.expired", Count, "messages whose time to live ran out"),
    metric("messages.redelivered", Count, "deliveries that were not a message's first"),
    metric("messages.rejected", Count, "arrivals lost because all were busy (laboratory)"),
    metric("messages.queuedAtEnd", Count, "messages still waiting when the run ended"),
    metric("messages.inServiceAtEnd", Count, "messages being worked on when the run ended"),
    metric("messages.ageAtEnd.max", Seconds, "age of the oldest message not completed at the end"),
    metric("messages.wait.<q>", Seconds, "arrival to the start of the service that completed it"),
    metric("messages.sojourn.<q>", Seconds, "arrival to completion"),
    metric("messages.waitTotal", Seconds, "all waiting of all messages"),
    metric("pods.created", Count, "pods created after warm-up (no DaemonSet pods)"),
    metric("pods.completed", Count, "pods that ended by themselves"),
    metric("pods.evicted", Count, "pods ended by an eviction or with their node"),
    metric("pods.refused", Count, "pods refused at admission"),
    metric("pods.pending.count", Count, "pods with a pending time"),
    metric("pods.pending.censored", Count, "pods never bound, counted with their age at the end"),
    metric("pods.pending.<q>", Seconds, "creation of a pod to its binding to a node"),
    metric("pods.ready.<q>", Seconds, "creation of a pod to Ready"),
    metric("pods.lostWork", Seconds, "work of Jobs' pods that was lost and is done again"),
    metric("pods.waitTotal", Seconds, "all waiting of all pods, creation to Ready, and lost work"),
    metric("workloads.<name>.replicasMax", Count, "most replicas asked for"),
    metric("workloads.<name>.refused", Count, "creations of its pods refused at admission"),
    metric("workloads.<name>.replicaSeconds", Seconds, "pods that exist, summed over time"),
    metric("workloads.<name>.messages.wait.<q>", Seconds, "waiting of the messages it completed"),
    metric("workloads.<name>.requests.arrived", Count, "requests of a workload that serves"),
    metric("workloads.<name>.requests.turnedAway", Count, "requests that no ready pod had CPU for"),
    metric("workloads.<name>.vpa.target.cpu", Count, "cores that its VPA recommends at the end"),
    metric("workloads.<name>.vpa.target.memory", Count, "bytes of memory that it recommends"),
    metric("workloads.<name>.vpa.lowerBound.cpu", Count, "a pod with fewer cores is evicted"),
    metric("workloads.<name>.vpa.lowerBound.memory", Count, "a pod with fewer bytes is evicted"),
    metric("workloads.<name>.vpa.upperBound.cpu", Count, "a pod with more cores is evicted"),
    metric("workloads.<name>.vpa.upperBound.memory", Count, "a pod with more bytes is evicted"),
    metric("workloads.<name>.vpa.evictions", Count, "pods that its VPA evicted"),
    metric("workloads.<name>.busyShare", Share, "share of its consumers' time spent at work"),
    metric("nodes.<name>.requested", Count, "VMs asked for in a pool, initial ones left out"),
    metric("nodes.<name>.created", Count, "VMs that came"),
    metric("nodes.<name>.failed", Count, "VMs that failed"),
    metric("nodes.<name>.evicted", Count, "spot VMs taken away"),
    metric("nodes.<name>.peak", Count, "most nodes at one time"),
    metric("nodes.<name>.nodeSeconds", Seconds, "billed VM time"),
    metric("nodes.<name>.cpuRequestedShare", Share, "requested part of allocatable CPU"),
    metric("nodes.<name>.memoryRequestedShare", Share, "requested part of allocatable memory"),
    metric("ip.<name>.capacity", Count, "addresses of a subnet that nodes and pods may use"),
    metric("ip.<name>.peak", Count, "most addresses in use"),
    metric("ip.<name>.blockedSeconds", Seconds, "time with a pod waiting for an address"),
    metric("quota.<name>.limit", Count, "vCPUs allowed by a quota"),
    metric("quota.<name>.peak", Count, "most vCPUs in use"),
    metric("quota.<name>.blockedSeconds", Seconds, "time with a pod waiting for the quota"),
    metric("cost.total", Money, "all that was paid for after warm-up"),
    metric("cost.perHour", Money, "cost per hour"),
    metric("cost.perMonth", Money, "cost per month of 730 hours, from basisHours"),
    metric("cost.basisHours", Hours, "hours that the cost was measured over"),
    metric("cost.perThousandMessages", Money, "cost of 1,000 completed messages"),
    metric("cost.byPool.<name>", Money, "cost of a pool's VMs and disks"),
    metric("cost.byPurchase.onDemand", Money, "part paid at on-demand prices"),
    metric("cost.byPurchase.spot", Money, "part paid at spot prices"),
    metric("cost.byPurchase.reserved", Money, "part paid by reservations"),
    metric("cost.byPurchase.savingsPlan", Money, "part paid by savings plans"),
    metric("cost.byItem.<name>", Money, "cost of another item"),
    metric("cost.byWorkload.<name>", Money, "part of the pools that its pods requested"),
    metric("cost.byNamespace.<name>", Money, "part of the pools that its pods requested"),
    metric("cost.byLabel.<name>", Money, "the same of pods with `key=value` (prices.chargeback)"),
    metric("cost.commitments.<name>.paid", Money, "what a commitment costs, used or not"),
    metric("cost.commitments.<name>.used", Money, "part of it that usage filled"),
    metric("cost.commitments.<name>.saved", Money, "what it saved against on demand"),
    metric("cost.commitments.<name>.utilisation", Share, "used part of what is paid"),
    metric("cost.reservationLevels.<name>.instances", Count, "reservations that cost least"),
    metric("cost.reservationLevels.<name>.breakEvenUse", Share, "use from which one pays"),
    metric("cost.reservationLevels.<name>.savingPerMonth", Money, "what they save a month"),
    metric("cost.controlPlane", Money, "cost of the control-plane tier"),
    metric("cost.idle", Money, "part of the pools that nobody requested"),
    metric("cost.system", Money, "part of the pools that system pods and DaemonSets requested"),
    metric("waits.message.<cause>", Seconds, "waiting of all messages for one cause"),
    metric("waits.pod.<cause>", Seconds, "waiting of all pods for one cause"),
    metric("<cause>", Seconds, "waiting of all messages and all pods for one cause"),
    metric("counters.events", Count, "events handled"),
    metric("counters.staleEvents", Count, "events that came too late for their entity"),
    metric("counters.schedulerCycles", Count, "scheduling cycles"),
    metric("counters.nodesFiltered", Count, "nodes that the scheduler filtered"),
    metric("counters.autoscalerScans", Count, "scans of the cluster autoscaler"),
    metric("counters.hpaSyncs", Count, "syncs of the HPA"),
    metric("counters.kedaPolls", Count, "polls of KEDA"),
    metric("counters.evictions", Count, "evictions asked for"),
    metric("counters.failedPulls", Count, "image pulls that failed"),
    metric("counters.containerRestarts", Count, "containers that exited and were started again"),
];

const QUANTILES: [&str; 6] = ["mean", "p50", "p90", "p95", "p99", "max"];

/// Spellings that mean the same as a path.
const ALIASES: [(&str, &str); 8] = [
    ("message", "messages"),
    ("pod", "pods"),
    ("node", "nodes"),
    ("workload", "workloads"),
    ("cost.month", "cost.perMonth"),
    ("cost.hour", "cost.perHour"),
    ("cost.thousandMessages", "cost.perThousandMessages"),
    ("message.age.max", "messages.ageAtEnd.max"),
];

/// The path that a name stands for.
pub(super) fn canonical(name: &str) -> String {
    let mut path = name.trim().to_owned();
    // Whole names first, then the first word.
    for (alias, meant) in ALIASES.iter().rev() {
        if path == *alias {
            return (*meant).to_owned();
        }
        if let Some(rest) = path.strip_prefix(alias).filter(|rest| rest.starts_with('.')) {
            path = format!("{meant}{rest}");
        }
    }
    path
}

fn is_cause(name: &str) -> bool {
    Cause::ALL.iter().any(|cause| cause.name() == name)
}

/// The figure that a name means, whatever the names of the scenario are; `None` for a name that no
/// scenario could have.
pub fn known_metric(name: &str) -> Option<&'static Metric> {
    let path = canonical(name);
    METRICS.iter().find(|metric| fits(metric.path, &path))
}

/// Whether a path is of a pattern's form. A name of the scenario may itself contain dots.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else { return pattern == path };
    let Some((placeholder, after)) = rest.split_once('>') else { return false };
    let Some(path) = path.strip_prefix(before) else { return false };
    let ends = path.char_indices().map(|(index, letter)| index + letter.len_utf8());
    ends.into_iter().any(|end| {
        let (value, rest) = path.split_at(end);
        let allowed = match placeholder {
            "q" => QUANTILES.contains(&value),
            "cause" => is_cause(value),
            _ => true,
        };
        allowed && fits(after, rest)
    })
}

/// The name nearest to a wrong one, for a message.
pub fn nearest_metric(name: &str) -> Option<String> {
    let path = canonical(name);
    let causes = Cause::ALL.iter().map(|cause| cause.name().to_owned());
    let spelled = METRICS.iter().flat_map(|metric| {
        QUANTILES.iter().map(|q| metric.path.replace("<q>", q)).collect::<Vec<_>>()
    });
    causes
        .chain(spelled)
        .map(|known| (strsim::damerau_levenshtein(&known, &path), known))
        .min()
        .filter(|(distance, _)| *distance <= 1 + path.len() / 4)
        .map(|(_, known)| known)
}

/// Looks a figure up in the tree of a run.
pub(super) fn resolve(tree: &Map<String, Value>, name: &str) -> Option<f64> {
    let path = canonical(name);
    if is_cause(&path) {
        let part = |clock: &str| tree["waits"][clock][path.as_str()].as_f64().unwrap_or(0.0);
        return Some(part("message") + part("pod"));
    }
    if let Some(cause) = path.strip_prefix("waits.message.").or(path.strip_prefix("waits.pod."))
        && is_cause(cause)
    {
        return Some(descend(tree, &path).unwrap_or(0.0));
    }
    descend(tree, &path)
}

/// Walks down by the keys of the tree itself, so that keys with dots in them are found.
fn descend(tree: &Map<String, Value>, path: &str) -> Option<f64> {
    tree.iter().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.as_str())?;
        match (rest.strip_prefix('.'), value) {
            (None, value) if rest.is_empty() => value.as_f64(),
            (Some(rest), Value::Object(below)) => descend(below, rest),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_mean_their_paths() {
        for (name, path) in [
            ("message.wait.p95", "messages.wait.p95"),
            ("messages.wait.p95", "messages.wait.p95"),
            ("pod.pending.max", "pods.pending.max"),
            ("node.apps.peak", "nodes.apps.peak"),
            ("cost.month", "cost.perMonth"),
            ("cost.perMonth", "cost.perMonth"),
            ("blocked.ip", "blocked.ip"),
        ] {
            assert_eq!(canonical(name), path);
        }
    }

    #[test]
    fn known_names_have_a_unit_and_others_are_refused() {
        for (name, unit) in [
            ("message.wait.p95", Some(Unit::Seconds)),
            ("message.wait.p94", None),
            ("cost.month", Some(Unit::Money)),
            ("nodes.my.pool.peak", Some(Unit::Count)),
            ("workloads.a.messages.wait.max", Some(Unit::Seconds)),
            ("workloads.a.busyShare", Some(Unit::Share)),
            ("blocked.ip", Some(Unit::Seconds)),
            ("waits.pod.vm.provision", Some(Unit::Seconds)),
            ("blocked.ips", None),
            ("nodes..peak", None),
            ("cost", None),
        ] {
            assert_eq!(known_metric(name).map(|metric| metric.unit), unit, "{name}");
        }
    }

    #[test]
    fn a_typo_is_answered_with_the_nearest_name() {
        for (typo, meant) in [
            ("message.wiat.p95", Some("messages.wait.p95")),
            ("blocked.ips", Some("blocked.ip")),
            ("cost.perMonht", Some("cost.perMonth")),
            ("elephants", None),
        ] {
            assert_eq!(nearest_metric(typo).as_deref(), meant, "{typo}");
        }
    }
}
