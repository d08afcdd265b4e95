//! Who waited longest.

use std::collections::BTreeMap;

use crate::record::Outcome;
use crate::unit::{PodId, QueueId, SimTime};

/// Those that waited longest, longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    /// Messages: queue and number.
    pub messages: Vec<(QueueId, u64)>,
    /// Pods that count.
    pub pods: Vec<PodId>,
}

/// The `count` messages and pods that waited longest, of those that waited at all.
pub fn worst(outcome: &Outcome, count: usize) -> Worst {
    let slow = outcome.waits.slowest();
    let slow = slow.iter().filter(|message| message.wait.micros() > 0).take(count);
    let messages = slow.map(|message| (message.queue, message.number.0)).collect();
    Worst { messages, pods: longest_pods(outcome, count) }
}

/// Only pods that have a row in `pods.csv` are looked at: AKS's own and DaemonSets' are not.
fn longest_pods(outcome: &Outcome, count: usize) -> Vec<PodId> {
    let shown: std::collections::BTreeSet<&str> = outcome
        .pod_rows
        .iter()
        .filter(|row| row.created >= outcome.warmup)
        .map(|row| row.name.as_str())
        .collect();
    let mut open: BTreeMap<PodId, SimTime> = BTreeMap::new();
    let mut waited: Vec<(u64, PodId)> = Vec::new();
    for change in &outcome.waits.pods {
        if change.cause.is_some() {
            open.entry(change.pod).or_insert(change.at);
        } else if let Some(from) = open.remove(&change.pod) {
            waited.push((change.at.since(from).micros(), change.pod));
        }
    }
    waited.extend(open.iter().map(|(&pod, &from)| (outcome.end.since(from).micros(), pod)));
    let name = |pod: PodId| outcome.pod_names.as_slice().get(pod.0 as usize);
    waited.retain(|&(micros, pod)| {
        micros > 0 && name(pod).is_some_and(|name| shown.contains(name.as_str()))
    });
    waited.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    waited.into_iter().take(count).map(|(_, pod)| pod).collect()
}
