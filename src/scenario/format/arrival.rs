//! `queues:` and what arrives at them.

use super::kinds::kinds;
use super::moment::Moment;
use super::reader::{At, section};
use super::value::{Amount, Count, Length, Rate, Switch, Text, words};
use super::workload::Align;

section! {
    /// A queue.
    pub struct Queue {
        /// Product.
        "kind" kind: QueueKindName = "servicebus", "own default";
        /// Peek-lock: a message held by a killed pod comes back when its lock runs out.
        "lockDuration" lock: Length;
        /// A live consumer renews its lock this long.
        "renewUpTo" renew_up_to: Length;
        /// Deliveries before a message is dead-lettered.
        "maxDeliveryCount" max_deliveries: Count;
        /// A message that nobody holds is dropped at this age.
        "defaultMessageTimeToLive" time_to_live: Length;
        /// Whether the depth that scalers read counts messages that consumers hold; without it as
        /// the product does.
        "metricCountsLocked" metric_counts_locked: Switch;
        /// Service Bus: sessions. Each is worked on in order, by one consumer at a time.
        "sessions" sessions: Count;
        /// Event Hubs and Kafka: partitions. Each is worked on in order, by one consumer at a time.
        "partitions" partitions: Count;
        /// How unevenly messages spread over sessions or partitions: exponent of Zipf's law.
        "keySkew" key_skew: Amount = "0", "own default: all alike";
        /// Event Hubs and Kafka: how often consumers commit what they have done.
        "commitEvery" commit_every: Length;
        /// Event Hubs and Kafka: at the start the consumer group has never committed an offset.
        "newConsumerGroup" new_group: Switch;
        /// Event Hubs and Kafka: what happens when consumers come or go.
        "rebalance" rebalance: Rebalance;
        /// Sources; they add up.
        "arrivals" arrivals: Vec<At<Arrival>>;
        /// A given queue-depth curve.
        "depth" depth: Depth;
    }
}

section! {
    /// What happens to partitions when consumers come or go.
    pub struct Rebalance {
        /// Which of them stand still; without it as the product does.
        "protocol" protocol: RebalanceProtocol;
        /// How long.
        "pause" pause: Length;
    }
}

words! {
    /// Which partitions stand still during a rebalance.
    pub enum RebalanceProtocol {
        /// All.
        "eager" Eager,
        /// Those that move.
        "cooperative" Cooperative,
    }
}

words! {
    /// Product of a queue.
    pub enum QueueKindName {
        /// Azure Service Bus.
        "servicebus" ServiceBus,
        /// Azure Storage queue.
        "storage" Storage,
        /// Azure Event Hubs.
        "eventhub" EventHub,
        /// Apache Kafka.
        "kafka" Kafka,
        /// RabbitMQ.
        "rabbitmq" RabbitMq,
        /// Redis list.
        "redis" Redis,
        /// Amazon SQS.
        "sqs" Sqs,
    }
}

kinds! {
    /// A source of arrivals.
    pub enum Arrival, "source" {
        /// Poisson for the whole run.
        "poisson" Poisson(Poisson),
        /// Poisson for a while, on top.
        "burst" Burst(Burst),
        /// Poisson with a rate that follows the day.
        "diurnal" Diurnal(Diurnal),
        /// A recording.
        "trace" Trace(Trace),
    }
}

section! {
    /// Poisson arrivals.
    pub struct Poisson {
        /// Rate.
        "rate" rate: Rate, required;
    }
}

section! {
    /// Poisson arrivals for a while.
    pub struct Burst {
        /// Begin.
        "at" at: Moment, required;
        /// Length.
        "for" length: Length, required;
        /// Rate.
        "rate" rate: Rate, required;
        /// Repeats with this period.
        "every" every: Length;
    }
}

section! {
    /// Poisson arrivals at mean·(1 + amplitude·cos(2π(t − peak)/period)).
    pub struct Diurnal {
        /// Mean rate.
        "mean" mean: Rate, required;
        /// Amplitude, 0 to 1.
        "amplitude" amplitude: Amount, required;
        /// Time of the peak.
        "peak" peak: Moment, required;
        /// Period.
        "period" period: Length = "24h", "own default";
    }
}

section! {
    /// A recording of arrivals: counts per interval, or one row a message.
    pub struct Trace {
        /// CSV file.
        "file" file: Text, required;
        /// Column with times.
        "time" time: Text, required;
        /// Column with counts; without it a row is a message.
        "count" count: Text;
        /// Factor on the counts.
        "scale" scale: Amount = "1", "own default";
        /// `start`: row 1 is the start of the simulation; `absolute`: times are dates.
        "align" align: Align = "start", "own default";
    }
}

section! {
    /// A given queue-depth curve.
    pub struct Depth {
        /// Recording.
        "trace" trace: DepthTrace, required;
    }
}

section! {
    /// A recording of a depth.
    pub struct DepthTrace {
        /// CSV file.
        "file" file: Text, required;
        /// Column with times.
        "time" time: Text, required;
        /// Column with depths.
        "value" value: Text, required;
        /// Factor on the depths.
        "scale" scale: Amount = "1", "own default";
        /// `start`: row 1 is the start of the simulation; `absolute`: times are dates.
        "align" align: Align = "start", "own default";
    }
}
