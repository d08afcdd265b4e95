//! RabbitMQ: length, rates and consumption time of queues.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/rabbitmq_scaler.go`.

use super::azure::Operation;
use crate::control::keda::{Reading, encode};

/// `mode` of a RabbitMQ trigger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `QueueLength`
    #[default]
    QueueLength,
    /// `MessageRate`: published per second.
    MessageRate,
    /// `DeliverGetRate`: delivered per second.
    DeliverGetRate,
    /// `PublishedToDeliveredRatio`
    PublishedToDeliveredRatio,
    /// `ExpectedQueueConsumptionTime`: seconds.
    ExpectedQueueConsumptionTime,
}

impl Mode {
    /// Reads `mode`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "QueueLength" => Some(Self::QueueLength),
            "MessageRate" => Some(Self::MessageRate),
            "DeliverGetRate" => Some(Self::DeliverGetRate),
            "PublishedToDeliveredRatio" => Some(Self::PublishedToDeliveredRatio),
            "ExpectedQueueConsumptionTime" => Some(Self::ExpectedQueueConsumptionTime),
            _ => None,
        }
    }
}

/// What the management API shows of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueStatistics {
    /// Ready and unacknowledged messages.
    pub messages: i64,
    /// Ready messages.
    pub ready: i64,
    /// Published per second.
    pub publish_rate: f64,
    /// Delivered (and got) per second.
    pub deliver_rate: f64,
}

/// The statistics of several queues as of one.
pub fn compose(operation: Operation, queues: &[QueueStatistics]) -> QueueStatistics {
    QueueStatistics {
        messages: operation.of_counts(queues.iter().map(|queue| queue.messages)),
        ready: operation.of_counts(queues.iter().map(|queue| queue.ready)),
        publish_rate: operation.of_rates(queues.iter().map(|queue| queue.publish_rate)),
        deliver_rate: operation.of_rates(queues.iter().map(|queue| queue.deliver_rate)),
    }
}

/// A queue's reading. `activation` is the threshold as a real number; some modes report it where
/// nothing is delivered.
pub fn reading(
    mode: Mode,
    exclude_unacknowledged: bool,
    activation: f64,
    queue: QueueStatistics,
) -> Reading {
    let messages = if exclude_unacknowledged { queue.ready } else { queue.messages } as f64;
    let (published, delivered) = (queue.publish_rate, queue.deliver_rate);
    let (value, active) = match mode {
        Mode::QueueLength => (messages, messages > activation),
        Mode::MessageRate => (published, published > activation || messages > activation),
        Mode::DeliverGetRate => (delivered, delivered > activation),
        Mode::PublishedToDeliveredRatio if delivered == 0.0 && published > 0.0 => {
            (activation, true)
        }
        Mode::PublishedToDeliveredRatio if delivered == 0.0 => (0.0, false),
        Mode::PublishedToDeliveredRatio => {
            let ratio = published / delivered;
            (ratio, ratio > activation)
        }
        Mode::ExpectedQueueConsumptionTime if messages == 0.0 => (0.0, false),
        Mode::ExpectedQueueConsumptionTime if delivered == 0.0 => (activation, true),
        Mode::ExpectedQueueConsumptionTime => {
            let time = (published - delivered) / delivered + messages / delivered;
            (time, time > activation)
        }
    };
    Reading { value_milli: encode::milli(value), active }
}
