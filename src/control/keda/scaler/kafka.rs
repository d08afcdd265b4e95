//! Kafka: lag of a consumer group.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/kafka_scaler.go`.

use crate::control::keda::{Reading, encode};

/// Where a group without a committed offset begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OffsetReset {
    /// `latest`
    #[default]
    Latest,
    /// `earliest`
    Earliest,
}

/// Settings of a Kafka trigger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KafkaSpec {
    /// `offsetResetPolicy`
    pub reset: OffsetReset,
    /// `scaleToZeroOnInvalidOffset`
    pub zero_on_invalid: bool,
    /// `excludePersistentLag`
    pub exclude_persistent: bool,
    /// `allowIdleConsumers`
    pub allow_idle: bool,
    /// `limitToPartitionsWithLag`
    pub limit_to_lagging: bool,
    /// `ensureEvenDistributionOfPartitions`
    pub even: bool,
    /// `lagThreshold`
    pub threshold: i64,
    /// `activationLagThreshold`
    pub activation: i64,
}

/// A partition as seen by one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Committed offset of the group; `None`: invalid.
    pub committed: Option<i64>,
    /// End offset; `None`: the broker did not answer for it.
    pub end: Option<i64>,
    /// Committed offset seen by the previous read.
    pub previous: Option<i64>,
}

/// The flags of a Kafka trigger, as its metadata say them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicReads {
    /// Flags; thresholds are those of the trigger.
    pub flags: KafkaSpec,
    /// `partitionLimitation`; empty: all.
    pub only: Vec<i32>,
}

impl TopicReads {
    /// Whether the trigger looks at a partition (`isActivePartition`).
    pub fn looks_at(&self, partition: usize) -> bool {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        self.only.is_empty() || self.only.contains(&number)
    }

    /// Whether a read depends on the one before.
    pub const fn remembers(&self) -> bool {
        self.flags.exclude_persistent
    }

    /// Whether an answer depends on single partitions, beyond how many there are.
    pub fn tells_partitions_apart(&self) -> bool {
        let flags = &self.flags;
        flags.exclude_persistent || flags.limit_to_lagging || flags.even || !self.only.is_empty()
    }
}

/// Lag of a partition: for the metric, and for activation.
pub fn partition_lag(spec: &KafkaSpec, partition: Partition) -> (i64, i64) {
    let same = |lag| (lag, lag);
    match (partition.committed, partition.end) {
        (None, Some(_)) if spec.zero_on_invalid => same(0),
        (None, Some(_)) if spec.reset == OffsetReset::Latest => same(1),
        (None, None) if spec.reset == OffsetReset::Latest && !spec.zero_on_invalid => same(1),
        (None, Some(end)) => same(end),
        (_, None) => same(0),
        (Some(committed), Some(end)) => {
            let lag = end - committed;
            let persistent = spec.exclude_persistent && partition.previous == Some(committed);
            (if persistent { 0 } else { lag }, lag)
        }
    }
}

/// The numbers of consumers that get equally many partitions: the divisors, ascending.
pub fn even_consumer_counts(partitions: i64) -> impl Iterator<Item = i64> {
    (1..=partitions).filter(move |count| partitions % count == 0)
}

/// The least even number of consumers that `lag` asks for.
pub fn even_consumers(lag: i64, partitions: i64, threshold: i64) -> i64 {
    even_consumer_counts(partitions).find(|count| count * threshold >= lag).unwrap_or(partitions)
}

/// A topic's reading; activity is of the uncapped lag.
pub fn topic(spec: &KafkaSpec, partitions: impl Iterator<Item = Partition>) -> Reading {
    let (mut lag, mut lag_for_activation, mut lagging, mut all) = (0, 0, 0, 0);
    for partition in partitions {
        all += 1;
        let (counted, real) = partition_lag(spec, partition);
        lag += counted;
        lag_for_activation += real;
        lagging += i64::from(counted > 0);
    }
    let value = if spec.allow_idle && !spec.limit_to_lagging && !spec.even {
        lag
    } else {
        // Even without lag there is a least even number of consumers: one.
        let even = || even_consumers(lag, all, spec.threshold) * spec.threshold;
        let wanted = if spec.even { even() } else { lag };
        let bound = if spec.limit_to_lagging { lagging } else { all };
        super::azure::capped_by_partitions(wanted, spec.threshold, bound)
    };
    Reading {
        value_milli: encode::milli_of_count(value),
        active: lag_for_activation > spec.activation,
    }
}

/// `partitionLimitation`: `1,2,5-8`, blanks around numbers allowed; empty means all.
///
/// # Errors
/// The part that is neither a number nor a range.
pub fn parse_partitions(text: &str) -> Result<Vec<i32>, String> {
    let mut partitions = Vec::new();
    if text.trim().is_empty() {
        return Ok(partitions);
    }
    for part in text.split(',') {
        let number = |text: &str| text.trim().parse::<i32>().map_err(|_| part.to_owned());
        match part.split_once('-') {
            Some((low, high)) => partitions.extend(number(low)?..=number(high)?),
            None => partitions.push(number(part)?),
        }
    }
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(lags: &[i64]) -> Vec<Partition> {
        let partition =
            |&lag| Partition { committed: Some(100), end: Some(100 + lag), previous: None };
        lags.iter().map(partition).collect()
    }

    #[test]
    fn blanks_around_partitions_do_not_matter() {
        for (text, partitions) in [
            (" 1 , 2 , 3 ", Some(vec![1, 2, 3])),
            (" 1 - 4 ", Some(vec![1, 2, 3, 4])),
            ("1, 3 -4", Some(vec![1, 3, 4])),
            (" ", Some(vec![])),
            ("1 2", None),
            ("1,", None),
        ] {
            assert_eq!(parse_partitions(text).ok(), partitions, "{text:?}");
        }
    }

    #[test]
    fn lag_is_capped_by_partitions_and_flags() {
        let plain = KafkaSpec { threshold: 10, ..KafkaSpec::default() };
        let lags = [100, 0, 50, 0];
        for (spec, expected) in [
            (plain, 40),
            (KafkaSpec { allow_idle: true, ..plain }, 150),
            (KafkaSpec { limit_to_lagging: true, ..plain }, 20),
            (KafkaSpec { limit_to_lagging: true, allow_idle: true, ..plain }, 20),
            (KafkaSpec { even: true, ..plain }, 40),
        ] {
            assert_eq!(
                topic(&spec, partitions(&lags).into_iter()).value_milli,
                expected * 1_000,
                "{spec:?}"
            );
        }
        assert_eq!(
            topic(&KafkaSpec { even: true, ..plain }, partitions(&[15, 0, 0, 0]).into_iter())
                .value_milli,
            20_000
        );
    }

    #[test]
    fn persistent_lag_still_activates() {
        let spec = KafkaSpec { threshold: 10, exclude_persistent: true, ..KafkaSpec::default() };
        let stuck = Partition { committed: Some(5), end: Some(25), previous: Some(5) };
        assert_eq!(topic(&spec, [stuck].into_iter()), Reading { value_milli: 0, active: true });
    }

    #[test]
    fn a_group_without_offsets_has_its_policy() {
        let end = Partition { committed: None, end: Some(150), previous: None };
        let latest = KafkaSpec::default();
        let earliest = KafkaSpec { reset: OffsetReset::Earliest, ..latest };
        assert_eq!(partition_lag(&latest, end).0, 1);
        assert_eq!(partition_lag(&earliest, end).0, 150);
        assert_eq!(partition_lag(&KafkaSpec { zero_on_invalid: true, ..earliest }, end).0, 0);
    }
}
