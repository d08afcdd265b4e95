//! What a trigger reads of its source, as far as its metadata say: which queues, and what of them
//! counts.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/*_scaler.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::azure::Operation;
use super::kafka::{KafkaSpec, OffsetReset, TopicReads, parse_partitions};
use super::rabbitmq::Mode;
use crate::control::keda::catalogue::{Scaler, ScalerKind};
use crate::control::keda::trigger::{SOURCE_KEY, TriggerError, nearest};

/// What of a queue counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// Waiting messages, and locked ones if the queue's product counts them.
    #[default]
    Product,
    /// Messages that wait.
    Waiting,
    /// What a peek shows of up to 32 waiting messages; more count with the hidden ones.
    Peeked,
    /// Waiting and locked messages.
    All,
    /// Age of the oldest message that waits, in seconds.
    OldestAge,
}

/// How a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A count.
    Count(Counted),
    /// Events behind the checkpoints of a consumer group, at most one replica per partition.
    Lag,
    /// Lag of a consumer group on a Kafka topic, by partitions.
    Topic(Arc<TopicReads>),
    /// RabbitMQ: length, rates or consumption time.
    RabbitMq {
        /// `mode`
        mode: Mode,
        /// Only ready messages count: `excludeUnacknowledged`, or AMQP.
        ready_only: bool,
    },
}

/// Where a trigger's values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDraft {
    /// The key that names the source and its value; `None` where nothing names one.
    pub named: Option<(String, String)>,
    /// Whether the value is a regular expression over names (`useRegex`).
    pub is_regex: bool,
    /// How several queues become one.
    pub operation: Operation,
    /// What is read.
    pub reads: Reads,
}

/// Metrics of a simulated queue that a Prometheus query can name, and what they are.
pub const QUEUE_METRICS: &[(&str, Counted, &str)] = &[
    ("forescale_queue_messages", Counted::All, "messages that wait or are worked on"),
    ("forescale_queue_messages_ready", Counted::Waiting, "messages that wait"),
    ("forescale_queue_oldest_age_seconds", Counted::OldestAge, "age of the oldest that waits"),
];

/// What a `Pods` metric can show of consumers: messages that a pod works on.
pub const MESSAGES_IN_WORK: &str = "forescale_messages_in_work";

impl SourceDraft {
    /// Reads what metadata say of the source; mistakes are appended to `errors`.
    pub fn read(
        scaler: &Scaler,
        metadata: &BTreeMap<String, String>,
        errors: &mut Vec<TriggerError>,
    ) -> Self {
        let get = |key: &str| metadata.get(key).map(|text| text.trim());
        let is_on = |key: &str| get(key).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let takes_regex = matches!(scaler.kind, ScalerKind::ServiceBus | ScalerKind::RabbitMq);
        let is_regex = takes_regex && is_on("useRegex") && !metadata.contains_key(SOURCE_KEY);
        let mut named = std::iter::once(SOURCE_KEY)
            .chain(scaler.source.iter().copied())
            .find_map(|key| Some((key.to_owned(), metadata.get(key)?.clone())));
        let mut reads = Reads::Count(match scaler.kind {
            // `LLEN` and its like: what was popped is gone.
            ScalerKind::Redis => Counted::Waiting,
            ScalerKind::StorageQueue => match get("queueLengthStrategy") {
                Some(text) if text.eq_ignore_ascii_case("visibleonly") => Counted::Peeked,
                _ => Counted::Product,
            },
            ScalerKind::Sqs if get("scaleOnInFlight") == Some("false") => Counted::Waiting,
            _ => Counted::Product,
        });
        if scaler.kind == ScalerKind::EventHub {
            reads = Reads::Lag;
        }
        if scaler.kind == ScalerKind::Kafka {
            reads = Reads::Topic(topic(get, errors).into());
        }
        if scaler.kind == ScalerKind::RabbitMq {
            let host = get("host").unwrap_or("");
            let amqp = get("protocol") == Some("amqp")
                || (get("protocol").is_none_or(|text| text == "auto") && host.starts_with("amqp"));
            let ready_only = amqp || is_on("excludeUnacknowledged");
            reads = Reads::RabbitMq { mode: mode(get("mode"), amqp, errors), ready_only };
        }
        if scaler.kind == ScalerKind::Prometheus
            && named.is_none()
            && let Some((counted, queue)) = get("query").and_then(queue_metric)
        {
            reads = Reads::Count(counted);
            named = Some(("query".to_owned(), queue.to_owned()));
        }
        let words = ["sum", "max", "avg"];
        let operation = match get("operation").filter(|text| is_regex && !text.is_empty()) {
            None => Operation::Sum,
            Some(text) => Operation::parse(text).unwrap_or_else(|| {
                errors.push(TriggerError {
                    key: "operation".to_owned(),
                    message: format!("expected sum, max or avg, got `{text}`"),
                    nearest: nearest(text, words.into_iter()),
                });
                Operation::Sum
            }),
        };
        Self { named, is_regex, operation, reads }
    }
}

/// The flags of a Kafka trigger. A flag is on as Go's `strconv.ParseBool` has it.
fn topic<'a>(get: impl Fn(&str) -> Option<&'a str>, errors: &mut Vec<TriggerError>) -> TopicReads {
    let mut wrong = |key: &str, message: String, near: Option<String>| {
        errors.push(TriggerError { key: key.to_owned(), message, nearest: near });
    };
    let is_on = |key: &str| get(key).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let reset = match get("offsetResetPolicy") {
        None | Some("" | "latest") => OffsetReset::Latest,
        Some("earliest") => OffsetReset::Earliest,
        Some(other) => {
            let near = nearest(other, ["latest", "earliest"].into_iter());
            wrong("offsetResetPolicy", format!("expected latest or earliest, got `{other}`"), near);
            OffsetReset::Latest
        }
    };
    let only = parse_partitions(get("partitionLimitation").unwrap_or("")).unwrap_or_else(|part| {
        let text = format!("expected numbers and ranges such as `1,3-5`, got `{part}`");
        wrong("partitionLimitation", text, None);
        Vec::new()
    });
    let flags = KafkaSpec {
        reset,
        zero_on_invalid: is_on("scaleToZeroOnInvalidOffset"),
        exclude_persistent: is_on("excludePersistentLag"),
        allow_idle: is_on("allowIdleConsumers"),
        limit_to_lagging: is_on("limitToPartitionsWithLag"),
        even: is_on("ensureEvenDistributionOfPartitions"),
        ..KafkaSpec::default()
    };
    if flags.allow_idle && flags.limit_to_lagging {
        let text = "allowIdleConsumers and limitToPartitionsWithLag cannot be set simultaneously";
        wrong("allowIdleConsumers", text.to_owned(), None);
    }
    TopicReads { flags, only }
}

/// `mode` of a RabbitMQ trigger: rates need the HTTP API.
fn mode(text: Option<&str>, amqp: bool, errors: &mut Vec<TriggerError>) -> Mode {
    let text = text.filter(|text| !text.is_empty() && *text != "Unknown");
    let Some(text) = text else { return Mode::QueueLength };
    let words = [
        "QueueLength",
        "MessageRate",
        "DeliverGetRate",
        "PublishedToDeliveredRatio",
        "ExpectedQueueConsumptionTime",
    ];
    let (message, near) = match Mode::parse(text) {
        Some(mode) if mode == Mode::QueueLength || !amqp => return mode,
        Some(_) => (format!("mode {text} needs protocol http"), None),
        None => (
            format!("expected {}, got `{text}`", words.join(", ")),
            nearest(text, words.into_iter()),
        ),
    };
    errors.push(TriggerError { key: "mode".to_owned(), message, nearest: near });
    Mode::QueueLength
}

/// A query of a simulated queue: `metric{queue="name"}`, whatever stands around it is refused.
fn queue_metric(query: &str) -> Option<(Counted, &str)> {
    let (metric, rest) = query.split_once('{')?;
    let label = rest.strip_suffix('}')?;
    let name = label.trim().strip_prefix("queue")?.trim_start().strip_prefix('=')?.trim();
    let queue = name.strip_prefix('"')?.strip_suffix('"')?;
    let found = QUEUE_METRICS.iter().find(|(name, ..)| *name == metric.trim())?;
    Some((found.1, queue))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ScalerKind, pairs: &[(&str, &str)]) -> (SourceDraft, Vec<String>) {
        let metadata =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut errors = Vec::new();
        let draft = SourceDraft::read(kind.entry(), &metadata, &mut errors);
        (draft, errors.into_iter().map(|error| error.message).collect())
    }

    #[test]
    fn what_counts_is_what_upstream_asks_for() {
        let count = Reads::Count;
        for (kind, pairs, expected) in [
            (ScalerKind::ServiceBus, vec![], count(Counted::Product)),
            (ScalerKind::Redis, vec![], count(Counted::Waiting)),
            (ScalerKind::EventHub, vec![], Reads::Lag),
            (
                ScalerKind::StorageQueue,
                vec![("queueLengthStrategy", "visibleonly")],
                count(Counted::Peeked),
            ),
            (
                ScalerKind::StorageQueue,
                vec![("queueLengthStrategy", "all")],
                count(Counted::Product),
            ),
            (ScalerKind::Sqs, vec![("scaleOnInFlight", "false")], count(Counted::Waiting)),
            (ScalerKind::Sqs, vec![("scaleOnInFlight", "true")], count(Counted::Product)),
            (
                ScalerKind::RabbitMq,
                vec![("protocol", "amqp")],
                Reads::RabbitMq { mode: Mode::QueueLength, ready_only: true },
            ),
            (
                ScalerKind::RabbitMq,
                vec![("host", "http://mq"), ("mode", "MessageRate")],
                Reads::RabbitMq { mode: Mode::MessageRate, ready_only: false },
            ),
        ] {
            assert_eq!(read(kind, &pairs).0.reads, expected, "{kind:?} {pairs:?}");
        }
    }

    #[test]
    fn flags_of_a_topic() {
        let pairs = [
            ("offsetResetPolicy", "earliest"),
            ("scaleToZeroOnInvalidOffset", "true"),
            ("excludePersistentLag", "true"),
            ("limitToPartitionsWithLag", "true"),
            ("partitionLimitation", "0,2-3"),
        ];
        let (draft, errors) = read(ScalerKind::Kafka, &pairs);
        let flags = KafkaSpec {
            reset: OffsetReset::Earliest,
            zero_on_invalid: true,
            exclude_persistent: true,
            limit_to_lagging: true,
            ..KafkaSpec::default()
        };
        let topic = TopicReads { flags, only: vec![0, 2, 3] };
        assert_eq!((draft.reads, errors), (Reads::Topic(topic.into()), vec![]));
        for (pairs, message) in [
            (vec![("offsetResetPolicy", "newest")], "expected latest or earliest"),
            (vec![("partitionLimitation", "1,x")], "got `x`"),
            (
                vec![("allowIdleConsumers", "true"), ("limitToPartitionsWithLag", "true")],
                "cannot be set simultaneously",
            ),
        ] {
            assert!(read(ScalerKind::Kafka, &pairs).1[0].contains(message), "{pairs:?}");
        }
    }

    #[test]
    fn a_query_can_name_a_metric_of_a_queue() {
        let query = "forescale_queue_oldest_age_seconds{queue=\"orders\"}";
        let (draft, _) = read(ScalerKind::Prometheus, &[("query", query)]);
        assert_eq!(draft.reads, Reads::Count(Counted::OldestAge));
        assert_eq!(draft.named, Some(("query".into(), "orders".into())));
        let (draft, _) = read(ScalerKind::Prometheus, &[("query", "sum(rate(x[5m]))")]);
        assert_eq!(draft.named, None);
    }

    #[test]
    fn mistakes_are_told() {
        let amqp = [("protocol", "amqp"), ("mode", "MessageRate")];
        assert!(read(ScalerKind::RabbitMq, &amqp).1[0].contains("needs protocol http"));
        assert!(
            read(ScalerKind::RabbitMq, &[("mode", "QueueLen")]).1[0].contains("got `QueueLen`")
        );
        let bad = [("useRegex", "true"), ("operation", "mean"), ("queueName", "a.*")];
        let (draft, errors) = read(ScalerKind::ServiceBus, &bad);
        assert!(draft.is_regex && errors[0].contains("sum, max or avg"));
    }
}
