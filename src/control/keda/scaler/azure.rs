//! Service Bus, Storage queues and Event Hubs.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/azure_{servicebus,queue,eventhub}_scaler.go`,
//! `pkg/scalers/azure/azure_eventhub.go`.

use crate::control::keda::{Reading, encode};

/// How the counts of several queues become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// `sum`
    #[default]
    Sum,
    /// `max`
    Max,
    /// `avg`
    Avg,
}

impl Operation {
    /// Reads `operation`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "sum" => Some(Self::Sum),
            "max" => Some(Self::Max),
            "avg" => Some(Self::Avg),
            _ => None,
        }
    }

    /// Of whole numbers; the average is truncated. 0 of nothing.
    pub fn of_counts(self, counts: impl Iterator<Item = i64>) -> i64 {
        let (mut sum, mut max, mut number) = (0_i64, 0_i64, 0_i64);
        for count in counts {
            (sum, max, number) = (sum + count, max.max(count), number + 1);
        }
        match self {
            Self::Sum => sum,
            Self::Max => max,
            Self::Avg => sum.checked_div(number).unwrap_or(0),
        }
    }

    /// Of real numbers. 0 of nothing.
    pub fn of_rates(self, rates: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut max, mut number) = (0.0, 0.0, 0.0);
        for rate in rates {
            (sum, max, number) = (sum + rate, f64::max(max, rate), number + 1.0);
        }
        match self {
            Self::Sum => sum,
            Self::Max => max,
            Self::Avg if number > 0.0 => sum / number,
            Self::Avg => 0.0,
        }
    }
}

/// Most messages that one peek shows.
const PEEK: i64 = 32;

/// `queueLengthStrategy` of a Storage queue: with `visibleonly` what a peek shows, while that is
/// less than a full peek; otherwise the approximate total, hidden messages included.
pub fn storage_queue_length(visible_only: bool, visible: i64, approximate_total: i64) -> i64 {
    if visible_only && visible < PEEK { visible } else { approximate_total }
}

/// Unprocessed events of a partition with a checkpoint: sequence numbers wrap at 2^63 - 1, and a
/// checkpoint ahead of the last known event (within `stale`) counts as none.
pub fn unprocessed_since(checkpoint: i64, last_enqueued: i64, stale: i64) -> i64 {
    let events = if last_enqueued >= checkpoint {
        last_enqueued - checkpoint
    } else {
        (i64::MAX - checkpoint) + last_enqueued
    };
    if events > i64::MAX - stale { 0 } else { events }
}

/// Upstream's default of `stalePartitionInfoThreshold`.
pub const STALE_PARTITION_INFO: i64 = 10_000;

/// Unprocessed events of a partition without a checkpoint.
pub fn unprocessed_from_start(beginning: i64, last_enqueued: i64) -> i64 {
    let is_empty = beginning == last_enqueued && last_enqueued != 0;
    if is_empty { 0 } else { last_enqueued - beginning + 1 }
}

/// The total that is reported: never more than one replica per partition.
pub fn capped_by_partitions(total: i64, threshold: i64, partitions: i64) -> i64 {
    let above = threshold > 0 && total / threshold > partitions;
    if above { partitions * threshold } else { total }
}

/// An event hub's reading; activity is of the uncapped total.
pub fn event_hub(total: i64, threshold: i64, activation: i64, partitions: i64) -> Reading {
    let value = capped_by_partitions(total, threshold, partitions);
    Reading { value_milli: encode::milli_of_count(value), active: total > activation }
}
