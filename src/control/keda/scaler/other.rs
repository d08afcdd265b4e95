//! SQS, Redis and Prometheus: what their answers come to.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/{aws_sqs_queue,redis,prometheus}_scaler.go`.

use crate::control::keda::SourceError;

/// The attributes of an SQS queue as its API shows them: numbers as texts, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqsAttributes<'a> {
    /// `ApproximateNumberOfMessages`
    pub visible: Option<&'a str>,
    /// `ApproximateNumberOfMessagesNotVisible`
    pub not_visible: Option<&'a str>,
    /// `ApproximateNumberOfMessagesDelayed`
    pub delayed: Option<&'a str>,
}

/// The count of an SQS queue.
///
/// # Errors
/// [`SourceError`] if an attribute that counts is missing or no number.
pub fn sqs_count(
    attributes: SqsAttributes<'_>,
    in_flight: bool,
    delayed: bool,
) -> Result<i64, SourceError> {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let mut count = number(attributes.visible).ok_or(SourceError)?;
    if in_flight {
        count += number(attributes.not_visible).ok_or(SourceError)?;
    }
    if delayed {
        count += number(attributes.delayed).ok_or(SourceError)?;
    }
    Ok(count)
}

/// The size of a Redis key: list, set, sorted set or hash; a missing key has none.
pub fn redis_size(size: Option<i64>) -> i64 {
    size.unwrap_or(0)
}

/// The value of a Prometheus query: at most one series, a time and a value (null is read as -1).
///
/// # Errors
/// [`SourceError`] if the request failed, there are several series, or there is no finite value and
/// `ignoreNullValues` is off.
pub fn prometheus_value(
    status: u16,
    series: &[Vec<Option<String>>],
    ignore_null: bool,
) -> Result<f64, SourceError> {
    let nothing = if ignore_null { Ok(0.0) } else { Err(SourceError) };
    if !(200..300).contains(&status) || series.len() > 1 {
        return Err(SourceError);
    }
    match series.first().map(Vec::as_slice) {
        None | Some([]) => nothing,
        Some([_]) => Err(SourceError),
        Some([_, None, ..]) => Ok(-1.0),
        Some([_, Some(value), ..]) => match value.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => nothing,
            Err(_) => Err(SourceError),
        },
    }
}
