//! Cases of scalers: what a source shows becomes a metric.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reader::{count, flag, int, list, real, text};
use crate::control::keda::encode;
use crate::control::keda::scaler::azure::{
    Operation, capped_by_partitions, storage_queue_length, unprocessed_from_start,
    unprocessed_since,
};
use crate::control::keda::scaler::kafka::{
    KafkaSpec, OffsetReset, Partition, even_consumer_counts, even_consumers, parse_partitions,
    partition_lag,
};
use crate::control::keda::scaler::other::{SqsAttributes, prometheus_value, sqs_count};
use crate::control::keda::scaler::rabbitmq::{Mode, QueueStatistics, compose, reading};
use crate::control::keda::{CronWindows, trigger};
use crate::unit::{Duration, SimTime};

pub(super) fn run(area: &str, given: &Value) -> Option<Value> {
    Some(match area {
        "keda.azure_queue" => {
            let visible_only = given["queue_length_strategy"] == "visibleonly";
            let (visible, total) =
                (int(&given["visible_messages"]), int(&given["approximate_total"]));
            json!({"count": storage_queue_length(visible_only, visible, total)})
        }
        "keda.cron" => cron(given),
        "keda.eventhub_lag" => event_hub_lag(given),
        "keda.kafka_even_distribution" => kafka_even(given),
        "keda.kafka_partition_lag" => kafka_lag(given),
        "keda.kafka_partition_limitation" => match parse_partitions(text(&given["text"])) {
            Ok(partitions) => json!({"partitions": partitions}),
            Err(_) => json!({"error": true}),
        },
        "keda.metric_target_type" => metric_target_type(given),
        "keda.metric_value_encoding" => {
            let value = match given["scaler_value"].as_str() {
                Some(text) => text.parse().ok()?,
                None => real(&given["scaler_value"]),
            };
            let milli = encode::milli(value);
            json!({"zero": milli == 0, "positive": milli > 0})
        }
        "keda.prometheus" => prometheus(given),
        "keda.rabbitmq" => rabbitmq(given),
        "keda.sqs" => sqs(given),
        _ => return None,
    })
}

fn cron(given: &Value) -> Value {
    let mut metadata = BTreeMap::new();
    for (upstream, key) in [
        ("start", "start"),
        ("end", "end"),
        ("timezone", "timezone"),
        ("desiredReplicas", "desired_replicas"),
    ] {
        match &given[key] {
            Value::Null => {}
            Value::String(value) => drop(metadata.insert(upstream.to_owned(), value.clone())),
            value => drop(metadata.insert(upstream.to_owned(), value.to_string())),
        }
    }
    let draft = match trigger::read("cron", &metadata, None) {
        Ok(draft) => draft,
        Err(_) => return json!({"valid": false}),
    };
    let Some(windows) = draft.cron else { return json!({"valid": false}) };
    let now = text(&given["now"]).parse::<jiff::Timestamp>().ok();
    let epoch = now.map_or(0, jiff::Timestamp::as_second);
    let day = Duration::from_secs(86_400);
    let Ok(windows) = windows.unroll(epoch, day) else { return json!({"valid": false}) };
    let windows: CronWindows = windows;
    json!({
        "valid": true,
        "active": windows.is_active(SimTime::ZERO),
        "metric": windows.value(SimTime::ZERO),
        "target_average": draft.target_milli / 1_000,
    })
}

fn event_hub_lag(given: &Value) -> Value {
    let last = int(&given["last_enqueued_sequence"]);
    if let Some(total) = given["unprocessed"].as_i64() {
        let (threshold, partitions) = (int(&given["threshold"]), int(&given["partitions"]));
        return json!({"reported_lag": capped_by_partitions(total, threshold, partitions)});
    }
    let unprocessed = match given["checkpoint_sequence"].as_i64() {
        Some(checkpoint) => unprocessed_since(checkpoint, last, int(&given["stale_threshold"])),
        None => unprocessed_from_start(int(&given["beginning_sequence"]), last),
    };
    json!({"unprocessed": unprocessed})
}

fn kafka_even(given: &Value) -> Value {
    let partitions = int(&given["partitions"]);
    let counts: Vec<i64> = even_consumer_counts(partitions).collect();
    let threshold = int(&given["lag_threshold"]);
    let consumers = even_consumers(int(&given["total_lag"]), partitions, threshold);
    json!({"allowed_consumer_counts": counts, "consumers": consumers})
}

fn kafka_lag(given: &Value) -> Value {
    let spec = KafkaSpec {
        reset: match text(&given["offset_reset_policy"]) {
            "earliest" => OffsetReset::Earliest,
            _ => OffsetReset::Latest,
        },
        zero_on_invalid: flag(&given["scale_to_zero_on_invalid_offset"]),
        exclude_persistent: flag(&given["exclude_persistent_lag"]),
        ..KafkaSpec::default()
    };
    let partition = Partition {
        committed: given["committed_offset"].as_i64(),
        end: given["latest_offset"].as_i64(),
        previous: None,
    };
    let (lag, for_activation) = partition_lag(&spec, partition);
    json!({"lag": lag, "lag_for_activation": for_activation})
}

fn metric_target_type(given: &Value) -> Value {
    let metadata = BTreeMap::from([("queueName".to_owned(), "q".to_owned())]);
    match trigger::read("azure-servicebus", &metadata, given["metric_type"].as_str()) {
        Ok(draft) => json!({"type": format!("{:?}", draft.metric_type)}),
        Err(_) => json!({"error": true}),
    }
}

fn prometheus(given: &Value) -> Value {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let series: Vec<Vec<Option<String>>> = list(&given["result_values"])
        .iter()
        .map(|series| list(series).iter().map(word).collect())
        .collect();
    let status = count(&given["http_status"]) as u16;
    match prometheus_value(status, &series, flag(&given["ignore_null_values"])) {
        Ok(value) => json!({"value": value}),
        Err(_) => json!({"error": true}),
    }
}

fn rabbitmq(given: &Value) -> Value {
    let queues: Vec<QueueStatistics> = list(&given["queues"])
        .iter()
        .map(|queue| QueueStatistics {
            messages: int(&queue["messages"]),
            ready: int(&queue["ready"]),
            publish_rate: real(&queue["publish_rate"]),
            deliver_rate: real(&queue["deliver_get_rate"]),
        })
        .collect();
    let operation = match given["operation"].as_str() {
        None => Some(Operation::Sum),
        Some(name) => Operation::parse(name),
    };
    let Some(operation) = operation else { return json!({"error": true}) };
    let queue = compose(operation, &queues);
    let Some(mode) = Mode::parse(text(&given["mode"])) else {
        return json!({
            "messages": queue.messages,
            "ready": queue.ready,
            "publish_rate": queue.publish_rate,
            "deliver_get_rate": queue.deliver_rate,
        });
    };
    let reading = reading(mode, flag(&given["exclude_unacked"]), real(&given["activation"]), queue);
    json!({"metric_milli": reading.value_milli, "active": reading.active})
}

fn sqs(given: &Value) -> Value {
    let attributes = SqsAttributes {
        visible: given["visible"].as_str(),
        not_visible: given["not_visible"].as_str(),
        delayed: given["delayed"].as_str(),
    };
    let (in_flight, delayed) =
        (flag(&given["scale_on_in_flight"]), flag(&given["scale_on_delayed"]));
    match sqs_count(attributes, in_flight, delayed) {
        Ok(count) => json!({"count": count}),
        Err(_) => json!({"error": true}),
    }
}
