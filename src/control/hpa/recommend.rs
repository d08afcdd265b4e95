//! What one metric asks for, before any limit.
//!
//! kubernetes `pkg/controller/podautoscaler/replica_calculator.go` (1.28 to mid-2026). Ratios are
//! `f64` as upstream's: only the four operations and `ceil`, the same bits everywhere.

use super::{PodSums, SeenPhase};

/// How far a ratio may be from 1 without consequence, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// Above 1.
    pub up_milli: i64,
    /// Below 1.
    pub down_milli: i64,
}

impl Tolerance {
    /// Whether a ratio is near enough to 1; both ends inclusive.
    pub fn covers(self, ratio: f64) -> bool {
        let up = self.up_milli as f64 / 1_000.0;
        let down = self.down_milli as f64 / 1_000.0;
        (1.0 - down) <= ratio && ratio <= (1.0 + up)
    }

    /// Covers nothing but (nearly) never: used for readings without tolerance.
    pub const NONE: Self = Self { up_milli: 0, down_milli: 0 };
}

/// Why a metric gives no recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricFailure {
    /// The source could not be read.
    NotRead,
    /// No pods match the selector.
    NoPods,
    /// No samples of the pods (they might be unready).
    NoSamples,
    /// The samples are of other pods.
    NoneMatch,
    /// A pod has no request for the resource.
    NoRequest,
    /// A pod's samples lack the container.
    NoContainer,
    /// A pod has no container of the name that the metric asks for.
    ContainerNotFound,
    /// The metric's kind is not known.
    InvalidSource,
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Replicas.
    pub replicas: u32,
    /// The value that `status.currentMetrics` shows: per pod, or in total for `Value`.
    pub usage: i64,
    /// Percent of the request, where the metric is one.
    pub utilization: Option<i64>,
    /// Whether the tolerance decided.
    pub tolerated: bool,
}

impl Recommendation {
    fn of(replicas: u32, usage: i64, tolerated: bool) -> Self {
        Self { replicas, usage, utilization: None, tolerated }
    }
}

/// Rounds up to whole replicas, at most the largest `i32`; not-a-number and negatives give 0.
fn whole(replicas: f64) -> u32 {
    (replicas.ceil() as u32).min(i32::MAX as u32)
}

/// External or Object metric, AverageValue: `total / target` pods, compared with those that exist.
/// O(1), nothing allocated.
pub fn average_value(total: i64, target: i64, status: u32, tolerance: Tolerance) -> Recommendation {
    let ratio = total as f64 / (target as f64 * f64::from(status));
    let tolerated = tolerance.covers(ratio);
    let replicas = if tolerated { status } else { whole(total as f64 / target as f64) };
    Recommendation::of(replicas, per_pod_usage(total, status), tolerated)
}

/// `ceil(usage / status replicas)`, 0 without replicas; exact for every `i64`.
pub fn per_pod_usage(usage: i64, status: u32) -> i64 {
    if status == 0 {
        return 0;
    }
    let status = i64::from(status);
    usage.div_euclid(status) + i64::from(usage.rem_euclid(status) != 0)
}

/// External or Object metric, Value: multiplies the pods that are ready by `total / target`.
///
/// # Errors
/// [`MetricFailure::NoPods`] if no pod exists.
pub fn value(
    total: i64,
    target: i64,
    current: u32,
    pods: u32,
    ready: u32,
    tolerance: Tolerance,
) -> Result<Recommendation, MetricFailure> {
    let ratio = total as f64 / target as f64;
    if current == 0 {
        return Ok(Recommendation::of(whole(ratio), total, false));
    }
    if tolerance.covers(ratio) {
        return Ok(Recommendation::of(current, total, true));
    }
    if pods == 0 {
        return Err(MetricFailure::NoPods);
    }
    Ok(Recommendation::of(whole(ratio * f64::from(ready)), total, false))
}

/// Resource metric, Utilization: whole percent of the requests.
///
/// # Errors
/// [`MetricFailure`] if the pods, their samples or their requests are not there.
pub fn utilization(
    sums: &PodSums,
    target: i64,
    current: u32,
    tolerance: Tolerance,
) -> Result<Recommendation, MetricFailure> {
    has_samples(sums)?;
    if sums.lacks_request {
        return Err(MetricFailure::NoRequest);
    }
    if sums.requests == 0 {
        return Err(MetricFailure::NoneMatch);
    }
    let percent =
        |usage: i64, requests: i64| (i128::from(usage) * 100 / i128::from(requests.max(1))) as i64;
    let utilization = percent(sums.usage, sums.requests);
    let ratio = utilization as f64 / target as f64;
    let (replicas, tolerated) = corrected(sums, ratio, current, tolerance, |filled, unready| {
        let mut usage = sums.usage;
        let mut requests = sums.requests;
        if ratio < 1.0 {
            usage += sums.missing_requests * target.max(100) / 100;
        }
        if filled {
            requests += sums.missing_requests;
        }
        if unready {
            requests += sums.unready_requests;
        }
        percent(usage, requests) as f64 / target as f64
    });
    Ok(Recommendation {
        replicas,
        usage: sums.usage / i64::from(sums.counted.max(1)),
        utilization: Some(utilization),
        tolerated,
    })
}

/// Pods metric, or resource metric with AverageValue.
///
/// # Errors
/// [`MetricFailure`] if the pods or their samples are not there.
pub fn average_of_pods(
    sums: &PodSums,
    target: i64,
    current: u32,
    tolerance: Tolerance,
) -> Result<Recommendation, MetricFailure> {
    has_samples(sums)?;
    if sums.counted == 0 {
        return Err(MetricFailure::NoneMatch);
    }
    let average = sums.usage / i64::from(sums.counted);
    let ratio = average as f64 / target as f64;
    let (replicas, tolerated) = corrected(sums, ratio, current, tolerance, |filled, unready| {
        let mut usage = sums.usage;
        let mut pods = sums.counted;
        if filled {
            pods += sums.missing;
            if ratio < 1.0 {
                usage += target * i64::from(sums.missing);
            }
        }
        if unready {
            pods += sums.unready;
        }
        (usage / i64::from(pods)) as f64 / target as f64
    });
    Ok(Recommendation::of(replicas, average, tolerated))
}

fn has_samples(sums: &PodSums) -> Result<(), MetricFailure> {
    if sums.listed == 0 {
        Err(MetricFailure::NoPods)
    } else if sums.counted == 0 && sums.unmatched == 0 {
        Err(MetricFailure::NoSamples)
    } else {
        Ok(())
    }
}

/// The count for a ratio, corrected where pods are missing or unready: missing pods are taken at
/// full use on the way down and at none on the way up, unready ones at none on the way up; the
/// direction must not turn. `again(filled, unready)` is the ratio with them.
fn corrected(
    sums: &PodSums,
    ratio: f64,
    current: u32,
    tolerance: Tolerance,
    again: impl Fn(bool, bool) -> f64,
) -> (u32, bool) {
    let up_with_unready = sums.unready > 0 && ratio > 1.0;
    if !up_with_unready && sums.missing == 0 {
        if tolerance.covers(ratio) {
            return (current, true);
        }
        return (whole(ratio * f64::from(sums.counted)), false);
    }
    // At a ratio of exactly 1 upstream fills in nothing.
    let filled = sums.missing > 0 && ratio != 1.0;
    let new = again(filled, up_with_unready);
    let turned = (ratio < 1.0 && new > 1.0) || (ratio > 1.0 && new < 1.0);
    if tolerance.covers(new) || turned {
        return (current, true);
    }
    let mut pods = sums.counted + sums.unmatched;
    if filled {
        pods += sums.missing;
    }
    if up_with_unready {
        pods += sums.unready;
    }
    let replicas = whole(new * f64::from(pods));
    let against = (new < 1.0 && replicas > current) || (new > 1.0 && replicas < current);
    if against { (current, true) } else { (replicas, false) }
}

/// Whether a pod counts as ready for a `Value` target: Running and Ready.
pub fn is_ready_for_value(phase: SeenPhase, ready: bool) -> bool {
    phase == SeenPhase::Running && ready
}
