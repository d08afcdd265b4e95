//! What can be configured of a queue and of those who consume it.

use std::sync::Arc;

use super::{Checkpoint, LaneSpec};
use crate::chance::Dist;
use crate::unit::{Duration, QueueId, SimTime, Symbol};

/// Which product the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// Azure Service Bus queue or subscription.
    ServiceBus,
    /// Azure Storage queue.
    Storage,
    /// Azure Event Hubs.
    EventHub,
    /// Apache Kafka.
    Kafka,
    /// RabbitMQ.
    RabbitMq,
    /// A Redis list.
    Redis,
    /// Amazon SQS.
    Sqs,
}

/// A queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSpec {
    /// Name.
    pub name: Symbol,
    /// Product.
    pub kind: QueueKind,
    /// Peek-lock (or visibility timeout): a message of a dead consumer comes back after it.
    pub lock: Duration,
    /// A live consumer renews its lock for this long.
    pub renew_up_to: Duration,
    /// Deliveries before a message is dead-lettered.
    pub max_deliveries: u32,
    /// Whether locked messages count in the depth metric.
    pub metric_counts_locked: bool,
    /// A message that nobody holds is dropped at this age.
    pub time_to_live: Option<Duration>,
    /// Sessions or partitions.
    pub lanes: Option<LaneSpec>,
    /// A given depth curve: drives the scaler, nobody drains it.
    pub depth: Option<Arc<DepthCurve>>,
}

impl QueueSpec {
    /// A queue of this product with the product's defaults.
    pub const fn new(name: Symbol, kind: QueueKind) -> Self {
        let defaults = kind.defaults();
        Self {
            name,
            kind,
            lock: defaults.lock,
            renew_up_to: defaults.renew_up_to,
            max_deliveries: defaults.max_deliveries,
            metric_counts_locked: defaults.metric_counts_locked,
            time_to_live: defaults.time_to_live,
            lanes: None,
            depth: None,
        }
    }
}

/// A step function of depth over time.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthCurve {
    /// When each value begins, ascending; depth is 0 before the first.
    pub times: Vec<SimTime>,
    /// Depths.
    pub depths: Vec<u64>,
}

impl DepthCurve {
    /// The depth at an instant. O(log n).
    pub fn at(&self, time: SimTime) -> u64 {
        match self.times.partition_point(|&begins| begins <= time) {
            0 => 0,
            n => self.depths[n - 1],
        }
    }

    /// When the depth changes next, strictly after `time`.
    pub fn next_change(&self, time: SimTime) -> Option<SimTime> {
        self.times.get(self.times.partition_point(|&begins| begins <= time)).copied()
    }
}

/// How a workload's pods consume a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerSpec {
    /// Queue.
    pub queue: QueueId,
    /// Messages that one pod works on at a time.
    pub concurrency: u32,
    /// Messages that a pod locks ahead of its work.
    pub prefetch: u32,
    /// Work per message.
    pub service: Dist,
    /// Messages that a pod of a ScaledJob takes before it ends; `None`: as many as it works on at
    /// a time.
    pub messages_per_pod: Option<u32>,
    /// How long a pod of a ScaledJob waits for a message before it ends.
    pub idle_timeout: Duration,
    /// What a pod does when it is told to stop.
    pub on_sigterm: OnSigterm,
    /// How work on a message is saved; a message that is lost goes on from there.
    pub checkpoint: Option<Checkpoint>,
}

/// What a consumer does on SIGTERM with the messages that it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSigterm {
    /// It takes nothing more and finishes what it holds, within its grace.
    #[default]
    Drain,
    /// It gives them back and ends: they can be taken again at once, one delivery poorer (the SDK
    /// abandons what a closing processor holds).
    Abandon,
    /// It ends on the spot, as a process without a handler does: they stay locked.
    Ignore,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_curve_is_a_step_function_that_begins_at_zero() {
        let times = [10, 20, 30].map(SimTime::from_secs).to_vec();
        let curve = DepthCurve { times, depths: vec![5, 0, 7] };
        for (second, depth, next) in [
            (0, 0, Some(10)),
            (10, 5, Some(20)),
            (19, 5, Some(20)),
            (25, 0, Some(30)),
            (99, 7, None),
        ] {
            let at = SimTime::from_secs(second);
            assert_eq!(curve.at(at), depth, "at {second} s");
            assert_eq!(curve.next_change(at), next.map(SimTime::from_secs), "after {second} s");
        }
    }
}
