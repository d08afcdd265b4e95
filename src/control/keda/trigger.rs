//! Reading a trigger: KEDA's `type`, `metadata` and `metricType` into what the model needs.
//!
//! Keys and defaults are upstream's (kedacore/keda @ 8b4f083c, `pkg/scalers/*_scaler.go`).

use std::collections::BTreeMap;

use super::MetricType;
use super::catalogue::{SCALERS, Scaler, ScalerKind, ThresholdKey};
use super::cron::CronDraft;
use super::scaler::source::SourceDraft;
use crate::unit::Quantity;

/// The key that names a simulated queue where upstream has none (or another).
pub const SOURCE_KEY: &str = "forescale.source";

/// A trigger as far as it can be understood without knowing the scenario's queues.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerDraft {
    /// Kind of the scaler.
    pub kind: ScalerKind,
    /// `metricType`
    pub metric_type: MetricType,
    /// Target in thousandths. Utilization: percent x 1000; cpu: millicores x 1000; memory: bytes x
    /// 1000 (saturating).
    pub target_milli: i64,
    /// Activation threshold in thousandths.
    pub activation_milli: i64,
    /// What is read, and of what.
    pub source: SourceDraft,
    /// The windows of a cron trigger.
    pub cron: Option<CronDraft>,
    /// Keys that upstream does not read either.
    pub unknown: Vec<String>,
    /// Keys that upstream reads and this model does not, because they change what is counted.
    pub not_modelled: Vec<String>,
}

/// Something wrong with a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerError {
    /// `type`, `metricType` or the metadata key.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// The nearest right word, if one is near.
    pub nearest: Option<String>,
}

/// Reads a trigger.
///
/// # Errors
/// Every mistake in it: a type that is not modelled, missing keys, values that are not numbers.
pub fn read(
    kind: &str,
    metadata: &BTreeMap<String, String>,
    metric_type: Option<&str>,
) -> Result<TriggerDraft, Vec<TriggerError>> {
    let Some(scaler) = SCALERS.iter().find(|scaler| scaler.names.contains(&kind)) else {
        return Err(vec![unknown_type(kind)]);
    };
    let mut errors = Vec::new();
    let metric_type = read_metric_type(scaler, metadata, metric_type, &mut errors);
    let target_milli = read_target(scaler, metadata, metric_type, &mut errors);
    let activation_milli = scaler.activation.map_or(0, |key| threshold(key, metadata, &mut errors));
    let source = SourceDraft::read(scaler, metadata, &mut errors);
    let cron =
        (scaler.kind == ScalerKind::Cron).then(|| CronDraft::read(metadata, &mut errors)).flatten();
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(TriggerDraft {
        kind: scaler.kind,
        metric_type,
        target_milli,
        activation_milli,
        source,
        cron,
        unknown: metadata.keys().filter(|key| !is_known(scaler, key)).cloned().collect(),
        not_modelled: metadata
            .iter()
            .filter(|(key, value)| changes_count(scaler.kind, key, value))
            .map(|(key, _)| key.clone())
            .collect(),
    })
}

fn unknown_type(kind: &str) -> TriggerError {
    let names = SCALERS.iter().flat_map(|scaler| scaler.names).copied();
    let nearest = nearest(kind, names);
    TriggerError {
        key: "type".to_owned(),
        message: format!(
            "no model of scaler `{kind}`; give its values as a queue with a `depth` curve and name \
             that queue by `{SOURCE_KEY}` in a trigger of type `prometheus`"
        ),
        nearest,
    }
}

/// The word nearest to `word`, if one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let word = word.to_ascii_lowercase();
    words
        .map(|other| (strsim::jaro_winkler(&word, &other.to_ascii_lowercase()), other))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .map(|(_, other)| other.to_owned())
}

/// `metricType`: AverageValue unless given; cpu and memory must say it (before 2.18 also as
/// `metadata.type`), and only they may say Utilization (`pkg/scalers/scaler.go`
/// `GetMetricTargetType`).
fn read_metric_type(
    scaler: &Scaler,
    metadata: &BTreeMap<String, String>,
    given: Option<&str>,
    errors: &mut Vec<TriggerError>,
) -> MetricType {
    let resource = scaler.kind.is_resource();
    let text = given
        .filter(|text| !text.is_empty())
        .or_else(|| metadata.get("type").filter(|_| resource).map(String::as_str));
    let parsed = match text {
        None if resource => Err("`metricType` is required: Utilization or AverageValue"),
        None => Ok(MetricType::AverageValue),
        Some(text) => match MetricType::parse(text) {
            Some(MetricType::Value) if resource => {
                Err("cpu and memory take Utilization or AverageValue")
            }
            Some(MetricType::Utilization) if !resource => {
                Err("only cpu and memory take Utilization")
            }
            Some(metric_type) => Ok(metric_type),
            None => Err("expected AverageValue, Value or Utilization"),
        },
    };
    parsed.unwrap_or_else(|message| {
        let words = ["AverageValue", "Value", "Utilization"];
        errors.push(TriggerError {
            key: "metricType".to_owned(),
            message: message.to_owned(),
            nearest: text.and_then(|text| nearest(text, words.into_iter())),
        });
        MetricType::AverageValue
    })
}

fn read_target(
    scaler: &Scaler,
    metadata: &BTreeMap<String, String>,
    metric_type: MetricType,
    errors: &mut Vec<TriggerError>,
) -> i64 {
    let Some(key) = scaler.target else { return 1_000 };
    if scaler.kind.is_resource() && metric_type == MetricType::AverageValue {
        return resource_target(scaler.kind, key.key, metadata, errors);
    }
    // RabbitMQ: `queueLength` is the older spelling of `value` in mode QueueLength.
    if scaler.kind == ScalerKind::RabbitMq && !metadata.contains_key("value") {
        let older = ThresholdKey { key: "queueLength", ..key };
        return rabbitmq_needs_value(metadata, errors)
            .unwrap_or_else(|| threshold(older, metadata, errors));
    }
    let target = threshold(key, metadata, errors);
    if target <= 0 && errors.is_empty() {
        errors.push(wrong(key.key, "expected a number above 0"));
    }
    target
}

/// RabbitMQ has a default (20) only for the queue's length: every other mode must say `value`.
fn rabbitmq_needs_value(
    metadata: &BTreeMap<String, String>,
    errors: &mut Vec<TriggerError>,
) -> Option<i64> {
    let mode = metadata.get("mode").map_or("QueueLength", String::as_str);
    if matches!(mode, "QueueLength" | "Unknown" | "") {
        return None;
    }
    errors.push(wrong("value", "required for this mode"));
    Some(0)
}

fn resource_target(
    kind: ScalerKind,
    key: &str,
    metadata: &BTreeMap<String, String>,
    errors: &mut Vec<TriggerError>,
) -> i64 {
    let Some(text) = metadata.get(key) else {
        errors.push(wrong(key, "required: a quantity such as `500m` or `256Mi`"));
        return 0;
    };
    let amount = Quantity::parse(text).and_then(|quantity| match kind {
        ScalerKind::Cpu => quantity.milli(),
        _ => quantity.units(),
    });
    match amount {
        Ok(amount) => amount.saturating_mul(1_000),
        Err(error) => {
            errors.push(wrong(key, &error.to_string()));
            0
        }
    }
}

fn wrong(key: &str, message: &str) -> TriggerError {
    TriggerError { key: key.to_owned(), message: message.to_owned(), nearest: None }
}

fn threshold(
    key: ThresholdKey,
    metadata: &BTreeMap<String, String>,
    errors: &mut Vec<TriggerError>,
) -> i64 {
    let Some(text) = metadata.get(key.key).filter(|text| !text.is_empty()) else {
        return key.default_milli.unwrap_or_else(|| {
            errors.push(wrong(key.key, "required"));
            0
        });
    };
    let milli = if key.whole {
        text.parse::<i64>().ok().and_then(|count| count.checked_mul(1_000))
    } else {
        text.parse::<f64>().ok().filter(|value| value.is_finite()).map(super::encode::milli)
    };
    milli.unwrap_or_else(|| {
        let expected = if key.whole { "a whole number" } else { "a number" };
        errors.push(wrong(key.key, &format!("expected {expected}, got `{text}`")));
        0
    })
}

fn is_known(scaler: &Scaler, key: &str) -> bool {
    let known = |key: &str| {
        scaler.keys.contains(&key)
            || scaler.source.contains(&key)
            || scaler.target.is_some_and(|target| target.key == key)
            || scaler.activation.is_some_and(|activation| activation.key == key)
    };
    key == SOURCE_KEY || known(key) || key.strip_suffix("FromEnv").is_some_and(known)
}

/// Settings that change what is counted and that the simulated source does not follow.
fn changes_count(kind: ScalerKind, key: &str, value: &str) -> bool {
    let on = value == "true";
    match (kind, key) {
        // No simulated message is delayed.
        (ScalerKind::Sqs, "scaleOnDelayed") => on,
        // One container stands for all of a pod.
        (ScalerKind::Cpu | ScalerKind::Memory, "containerName") => !value.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn defaults_are_upstreams() {
        for (kind, given, target, activation) in [
            ("azure-servicebus", vec![("queueName", "q")], 5_000, 0),
            ("azure-queue", vec![("queueName", "q"), ("queueLength", "7")], 7_000, 0),
            ("azure-eventhub", vec![("eventHubName", "q")], 64_000, 0),
            ("kafka", vec![("topic", "q"), ("activationLagThreshold", "3")], 10_000, 3_000),
            ("rabbitmq", vec![("queueName", "q")], 20_000, 0),
            ("rabbitmq", vec![("queueName", "q"), ("queueLength", "9")], 9_000, 0),
            ("rabbitmq", vec![("mode", "MessageRate"), ("value", "0.5")], 500, 0),
            ("redis", vec![("listName", "q")], 5_000, 0),
            ("aws-sqs-queue", vec![("queueURL", "q")], 5_000, 0),
            ("prometheus", vec![("threshold", "1.5")], 1_500, 0),
        ] {
            let draft = read(kind, &metadata(&given), None).unwrap();
            assert_eq!(
                (draft.target_milli, draft.activation_milli),
                (target, activation),
                "{kind}"
            );
            assert_eq!(draft.metric_type, MetricType::AverageValue);
            assert!(draft.unknown.is_empty(), "{kind}: {:?}", draft.unknown);
        }
    }

    #[test]
    fn the_source_is_found_by_upstreams_key_or_by_ours() {
        let draft = read("kafka", &metadata(&[("topic", "orders")]), None).unwrap();
        assert_eq!(draft.source.named, Some(("topic".into(), "orders".into())));
        let both = metadata(&[("topic", "orders"), (SOURCE_KEY, "lab")]);
        let draft = read("kafka", &both, None).unwrap();
        assert_eq!(draft.source.named, Some((SOURCE_KEY.into(), "lab".into())));
    }

    #[test]
    fn mistakes_are_named_all_at_once() {
        let given = metadata(&[("messageCount", "five"), ("activationMessageCount", "x")]);
        let errors = read("azure-servicebus", &given, Some("Utilization")).unwrap_err();
        let keys: Vec<_> = errors.iter().map(|error| error.key.as_str()).collect();
        assert_eq!(keys, ["metricType", "messageCount", "activationMessageCount"]);

        let errors = read("azure-service-bus", &metadata(&[]), None).unwrap_err();
        assert_eq!(errors[0].nearest.as_deref(), Some("azure-servicebus"));
        assert!(errors[0].message.contains("depth"));
    }

    #[test]
    fn keys_that_nobody_reads_are_listed() {
        let given = metadata(&[("queueName", "q"), ("connectionFromEnv", "X"), ("colour", "red")]);
        let draft = read("azure-servicebus", &given, None).unwrap();
        assert_eq!(draft.unknown, ["colour"]);
    }

    #[test]
    fn what_would_change_a_count_is_told() {
        for (kind, given, told) in [
            ("aws-sqs-queue", ("scaleOnDelayed", "true"), true),
            ("aws-sqs-queue", ("scaleOnDelayed", "false"), false),
            ("cpu", ("containerName", "main"), true),
        ] {
            let target = if kind == "cpu" { ("value", "60") } else { ("queueURL", "q") };
            let metric_type = (kind == "cpu").then_some("Utilization");
            let draft = read(kind, &metadata(&[given, target]), metric_type).unwrap();
            assert_eq!(draft.not_modelled.contains(&given.0.to_owned()), told, "{kind} {given:?}");
        }
    }

    #[test]
    fn cpu_must_say_its_metric_type() {
        let given = metadata(&[("value", "60")]);
        assert!(read("cpu", &given, None).is_err());
        assert!(read("cpu", &given, Some("Value")).is_err());
        assert_eq!(read("cpu", &given, Some("Utilization")).unwrap().target_milli, 60_000);
        let given = metadata(&[("value", "500m")]);
        assert_eq!(read("cpu", &given, Some("AverageValue")).unwrap().target_milli, 500_000);
    }
}
