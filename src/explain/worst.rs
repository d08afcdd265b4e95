//! Who waited longest.

use crate::record::Outcome;
use crate::unit::{PodId, QueueId};

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
    let pods = outcome.slowest_pods().into_iter().take(count).map(|(_, pod)| pod).collect();
    Worst { messages, pods }
}
