//! The rule behind a line of the journal, by its stable reason or its action.

use super::book::{Book, actor};
use super::telling::Line;
use crate::record::{Entry, Object};
use crate::report::{grouped, named};
use crate::unit::SimTime;

/// Rules by reason code.
const BY_REASON: &[(&str, &str)] = &[
    ("keda.activated", "at zero replicas, KEDA's poll starts a workload when a trigger is active"),
    (
        "keda.cooled-down",
        "cooldownPeriod counts from the last poll that found a trigger active, and only leads to \
         zero (or minReplicaCount's idle count); above that the HPA decides",
    ),
    ("keda.min-replicas", "KEDA raises a workload that is below minReplicaCount"),
    ("keda.scaled-job", "each poll makes the Jobs that the queue asks for beyond those there are"),
    ("hpa.metric", "desired = ceil(metric / target), unless within the tolerance of 10 %"),
    ("hpa.policy", "behavior limits how many pods one period may add or take away"),
    (
        "hpa.stabilisation",
        "on the way down the largest recommendation of the stabilisation window (5 min) counts",
    ),
    ("hpa.max-replicas", "never more than maxReplicas"),
    ("hpa.min-replicas", "never fewer than minReplicas"),
    (
        "ca.pending-pods",
        "a scan simulates the pending pods on a new node of each pool; the expander chooses among \
         the pools that help",
    ),
    ("ca.min-size", "a pool below minCount is raised to it"),
    ("ca.refused", "a pool that failed to grow backs off: 5 min at first, doubled up to 30 min"),
    (
        "ca.instance-failed",
        "a pool whose instances fail backs off: 5 min at first, doubled up to 30 min",
    ),
    (
        "ca.timeout",
        "instances that are no nodes after max-node-provision-time are given up, and the pool \
         backs off",
    ),
    ("ca.empty", "an empty node goes after scale-down-unneeded-time, outside the cooldowns"),
    (
        "ca.drained",
        "a node whose pods fit elsewhere and that is requested below the threshold is drained \
         after scale-down-unneeded-time",
    ),
    ("ca.eviction-refused", "a drain that budgets refuse is given up after max-pod-eviction-time"),
    ("azure.SubnetIsFull", "too few addresses for the call: none of its VMs is made"),
    ("azure.QuotaExceeded", "a call beyond the vCPU quota is refused as a whole"),
    (
        "azure.ContainerGroupQuotaReached",
        "Azure Container Instances refuse groups beyond a quota of the subscription; the virtual \
         kubelet asks again after 5 ms, then twice as long each time, up to 1,000 s",
    ),
    ("azure.AllocationFailed", "no capacity of this size in the region now"),
    ("azure.ZonalAllocationFailed", "no capacity of this size in the zone now"),
    ("azure.SkuNotAvailable", "the size is not to be had, or no spot room is left"),
    ("azure.TooManyRequests", "the API answers so many calls a time, no more"),
    (
        "azure.Preempt",
        "spot VMs can be taken at any time, after a notice of about 30 s; AKS drains as far as \
         it gets",
    ),
    ("pdb", "the eviction API refuses what a disruption budget does not allow"),
    ("NoExecute", "pods leave a tainted node when their tolerationSeconds are over"),
    ("job.backoff-limit", "a Job whose pods failed more often than backoffLimit is given up"),
    ("vpa.update", "the updater evicts a pod whose requests are out of the recommended range"),
];

/// Rules of steps without a reason.
const BY_ACTION: &[(&str, &str)] = &[
    ("bind", "filters leave the nodes that fit, scores choose among them"),
    ("vm-running", "the VM is billed from here on; its node is still to come"),
    ("node-ready", "the kubelet has registered and says Ready; pods can be bound"),
    ("spot-kill", "the notice is over, and the VM is taken with what still ran on it"),
    ("preempt", "pods of lower priority make room"),
];

/// The rule behind an entry; empty if none is known.
pub fn rule_of(entry: &Entry) -> &'static str {
    let find = |table: &[(&str, &'static str)], key: &str| {
        table.iter().find(|(known, _)| *known == key).map(|(_, rule)| *rule)
    };
    find(BY_REASON, entry.reason).or_else(|| find(BY_ACTION, entry.action)).unwrap_or("")
}

impl Book<'_> {
    /// An entry as a sentence without its subject.
    pub fn sentence(&self, entry: &Entry) -> String {
        let (kind, name) = named(self.outcome, entry.object);
        let change = entry.change.map_or(String::new(), |(from, to)| format!(" {from} -> {to}"));
        let whom = match entry.object {
            Object::Cluster => String::new(),
            _ => format!(" {kind} {name}"),
        };
        let mut text = format!("{}{whom}{change}", entry.action);
        if !entry.detail.is_empty() {
            // The detail of steps on nodes begins with the node's name, which stands there already.
            let detail = entry.detail.strip_prefix(&format!("{name} ")).unwrap_or(&entry.detail);
            text.push_str(&format!(": {detail}"));
        }
        if !entry.reason.is_empty() {
            text.push_str(&format!(" [{}]", entry.reason));
        }
        text
    }

    /// Lines of entries; those of one kind are one line, the first, which says how often it was.
    pub fn grouped_lines<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> Vec<Line> {
        let mut groups: Vec<(&Entry, u64, SimTime)> = Vec::new();
        for entry in entries {
            let same = |known: &Entry| {
                (known.actor, known.action, known.object, known.reason)
                    == (entry.actor, entry.action, entry.object, entry.reason)
            };
            match groups.iter_mut().find(|(known, ..)| same(known)) {
                Some((_, times, last)) => (*times, *last) = (*times + 1, entry.at),
                None => groups.push((entry, 1, entry.at)),
            }
        }
        let line = |&(entry, times, last): &(&Entry, u64, SimTime)| {
            let mut what = self.sentence(entry);
            if times > 1 {
                let more = grouped(times - 1);
                what.push_str(&format!(" - and {more} times more until {}", self.clock(last)));
            }
            Line::new(entry.at, actor(entry.actor), what).by(rule_of(entry))
        };
        groups.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_rules() {
        for table in [BY_REASON, BY_ACTION] {
            for (index, (key, rule)) in table.iter().enumerate() {
                assert!(table[index + 1..].iter().all(|(other, _)| other != key), "{key}");
                assert!(!rule.ends_with('.') && !rule.is_empty(), "{key}");
            }
        }
    }
}
