//! One sync of an HPA.
//!
//! kubernetes `pkg/controller/podautoscaler/horizontal.go` (`reconcileAutoscaler`; 1.28 to
//! mid-2026).
//! A sync allocates nothing once its memory has grown to the length of its window; its cost is
//! O(metrics + window / sync period).

use super::normalise::{
    Bound, Events, Remembered, ScaleEvent, plain_bounds, rate_bounds, remember_clamped,
    remember_event, remember_plain, window_clamp, window_max,
};
use super::recommend::{self, MetricFailure, Recommendation, Tolerance};
use super::{Behavior, HpaMetric, HpaSettings, HpaSpec, MetricTarget, PodSums, ScalingRules};
use crate::unit::{Duration, SimTime};

/// What an HPA remembers between syncs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HpaMemory {
    /// Recommendations; `None`: the controller has not seen this HPA yet.
    pub history: Option<Vec<Remembered>>,
    /// Its own scale-ups.
    pub ups: Vec<ScaleEvent>,
    /// Its own scale-downs.
    pub downs: Vec<ScaleEvent>,
    /// Whether the last sync made a recommendation.
    pub recommending: bool,
    /// The condition ScaledToZero: it took the target to zero itself.
    pub scaled_to_zero: bool,
}

/// A metric as read for one sync, in the order of [`HpaSpec::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricReading {
    /// A total in thousandths (External, Object).
    Total(i64),
    /// Pods and their samples (resource and Pods metrics).
    Pods(PodSums),
    /// No reading.
    Failed(MetricFailure),
}

/// What an HPA sees at a sync.
#[derive(Clone, Copy, Debug)]
pub struct HpaSeen<'a> {
    /// `scale.spec.replicas`
    pub replicas: u32,
    /// `scale.status.replicas`: pods that exist, ready or not.
    pub status_replicas: u32,
    /// Pods that the selector finds.
    pub pods: u32,
    /// Of those, Running and Ready.
    pub ready: u32,
    /// The metrics.
    pub readings: &'a [MetricReading],
}

/// What decided the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The metrics alone.
    None,
    /// A ratio within the tolerance.
    Tolerance,
    /// The window of remembered recommendations.
    Stabilisation,
    /// A rate limit.
    Policy,
    /// maxReplicas.
    Max,
    /// minReplicas.
    Min,
}

/// Why a sync ended as it did: upstream's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At zero replicas (or by hand): `ScalingDisabled`.
    Disabled,
    /// Outside [min, max]: corrected at once, without metrics.
    Corrected,
    /// A metric could not be read, and the others do not ask for more.
    NoMetric(usize, MetricFailure),
    /// A recommendation was made.
    Recommended,
}

/// What a sync decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpaDecision {
    /// The number to write, if it is not the current one.
    pub replicas: Option<u32>,
    /// The number decided on.
    pub desired: u32,
    /// What the metrics ask for, before stabilisation and bounds.
    pub recommendation: Option<u32>,
    /// The same after stabilisation.
    pub stabilised: Option<u32>,
    /// What decided.
    pub limited_by: Limit,
    /// Which bound changed the stabilised number.
    pub bound: Bound,
    /// Why the sync ended as it did.
    pub outcome: Outcome,
}

/// What keeps replicas from being what the metrics ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldBack {
    /// Nothing but the wait for the next sync.
    Sync,
    /// The tolerance.
    Tolerance,
    /// Rate limits, stabilisation, or a metric that cannot be read.
    Policy,
    /// maxReplicas.
    Max,
}

impl HpaMemory {
    /// Remembers that syncs were left out up to `last`, each of which would have recommended what
    /// the newest entry says (see [`quiet_until`]). O(window / sync period).
    pub fn skipped_until(&mut self, last: SimTime) {
        let Some(history) = self.history.as_mut().filter(|_| self.recommending) else { return };
        if let Some(newest) = history.iter_mut().max_by_key(|entry| entry.at) {
            newest.at = newest.at.max(last);
        }
    }
}

/// What a decision reads of the memory.
#[derive(Clone, Copy)]
struct Past<'a> {
    history: &'a [Remembered],
    events: Events<'a>,
    scaled_to_zero: bool,
}

impl<'a> Past<'a> {
    fn of(memory: &'a HpaMemory, history: &'a [Remembered]) -> Self {
        Self {
            history,
            events: Events { up: &memory.ups, down: &memory.downs },
            scaled_to_zero: memory.scaled_to_zero,
        }
    }
}

/// One sync: decides, and remembers what upstream remembers (the write is taken to succeed).
pub fn sync(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &mut HpaMemory,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> HpaDecision {
    let current = seen.replicas;
    let mut history =
        memory.history.take().unwrap_or_else(|| vec![Remembered { at: now, replicas: current }]);
    let decision = decide(settings, spec, Past::of(memory, &history), seen, now);
    memory.recommending = decision.recommendation.is_some();
    if let Some(wanted) = decision.recommendation {
        match &spec.behavior {
            None => remember_plain(&mut history, wanted, settings.downscale_window, now),
            Some(behavior) => {
                remember_clamped(&mut history, wanted, windows(settings, behavior), now);
            }
        }
    }
    memory.history = Some(history);
    if let (Some(replicas), Some(behavior)) = (decision.replicas, &spec.behavior) {
        let change = replicas.abs_diff(current);
        if replicas > current {
            remember_event(&mut memory.ups, &behavior.up, change, now);
        } else {
            remember_event(&mut memory.downs, &behavior.down, change, now);
        }
    }
    if let Some(replicas) = decision.replicas {
        let can_be_zero = spec.min_replicas == 0 && spec.has_totals();
        memory.scaled_to_zero = settings.scale_to_zero && replicas == 0 && can_be_zero;
    }
    decision
}

/// What a sync now would decide; nothing is remembered.
pub fn peek(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &HpaMemory,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> HpaDecision {
    let seed = [Remembered { at: now, replicas: seen.replicas }];
    let history = memory.history.as_deref().unwrap_or(&seed);
    decide(settings, spec, Past::of(memory, history), seen, now)
}

/// The replicas that an immediate, unlimited reading of the metrics asks for: no tolerance, no
/// bounds, no memory. 0 if no metric can be read.
pub fn unlimited(spec: &HpaSpec, seen: &HpaSeen<'_>) -> u32 {
    let asked = |(metric, reading): (&HpaMetric, &MetricReading)| {
        recommend(metric, reading, seen, Tolerance::NONE).ok().map(|r| r.replicas)
    };
    spec.metrics.iter().zip(seen.readings).filter_map(asked).max().unwrap_or(0)
}

/// What keeps the replicas below [`unlimited`]: what the next sync would run into, or only the wait
/// for it. `None` if nothing is held back, or at zero, where the HPA rests.
pub fn held_back_by(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &HpaMemory,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> Option<HoldBack> {
    let wanted = unlimited(spec, seen);
    if wanted <= seen.replicas {
        return None;
    }
    let next = peek(settings, spec, memory, seen, now);
    if next.outcome == Outcome::Disabled {
        return None;
    }
    if next.desired >= wanted {
        return Some(HoldBack::Sync);
    }
    Some(match (next.limited_by, next.outcome) {
        (Limit::Max, _) | (_, Outcome::Corrected) => HoldBack::Max,
        (Limit::Tolerance, _) => HoldBack::Tolerance,
        _ => HoldBack::Policy,
    })
}

/// Until when syncs change nothing as long as `seen` stays as it is; `None` if a sync now would
/// change something or must be remembered.
///
/// Every sync in [now, answer) may be left out, if [`HpaMemory::skipped_until`] is told the instant
/// of the last one before the next real sync: a left-out sync would only have renewed the newest
/// entry, and no entry that says otherwise leaves its window before the answer.
pub fn quiet_until(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &HpaMemory,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> Option<SimTime> {
    let history = memory.history.as_deref()?;
    let next = decide(settings, spec, Past::of(memory, history), seen, now);
    if next.replicas.is_some() || next.recommendation.is_some() != memory.recommending {
        return None;
    }
    let Some(wanted) = next.recommendation else { return Some(SimTime::NEVER) };
    if history.iter().max_by_key(|entry| entry.at)?.replicas != wanted {
        return None;
    }
    let (up, down) = match &spec.behavior {
        None => (Duration::ZERO, settings.downscale_window + Duration::from_micros(1)),
        Some(behavior) => windows(settings, behavior),
    };
    let entries = history
        .iter()
        .filter(|entry| entry.replicas != wanted)
        .flat_map(|entry| [entry.at + up, entry.at + down]);
    let limits = spec.behavior.iter().filter(|_| next.bound != Bound::Within).flat_map(|rules| {
        let policies = rules.up.policies.iter().chain(&rules.down.policies);
        let events = || memory.ups.iter().chain(&memory.downs);
        policies.flat_map(move |policy| events().map(move |event| event.at + policy.period))
    });
    let soonest = entries.chain(limits).filter(|&at| at > now).min();
    Some(soonest.unwrap_or(SimTime::NEVER))
}

/// Whether a sync now may be left out (see [`quiet_until`]).
pub fn is_idle(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &HpaMemory,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> bool {
    quiet_until(settings, spec, memory, seen, now).is_some_and(|until| until > now)
}

fn decide(
    settings: &HpaSettings,
    spec: &HpaSpec,
    past: Past<'_>,
    seen: &HpaSeen<'_>,
    now: SimTime,
) -> HpaDecision {
    let current = seen.replicas;
    let own_zero = settings.scale_to_zero && past.scaled_to_zero;
    let corrected = corrected(spec, current);
    let still = HpaDecision {
        replicas: None,
        desired: current,
        recommendation: None,
        stabilised: None,
        limited_by: Limit::None,
        bound: Bound::Within,
        outcome: Outcome::Disabled,
    };
    if current == 0 && !leaves_zero(settings, spec, own_zero) {
        return still;
    }
    if corrected != current && current > 0 {
        let limited_by = if corrected < current { Limit::Max } else { Limit::Min };
        let outcome = Outcome::Corrected;
        let replicas = Some(corrected);
        return HpaDecision { replicas, desired: corrected, limited_by, outcome, ..still };
    }
    let best = match combine(settings, spec, seen) {
        Ok(best) => best,
        Err((index, failure)) => {
            return HpaDecision { outcome: Outcome::NoMetric(index, failure), ..still };
        }
    };
    let (stabilised, mut desired, bound) =
        normalise(settings, spec, past, current, best.replicas, now);
    if current == 0 && own_zero {
        desired = desired.max(spec.min_replicas);
    }
    HpaDecision {
        replicas: (desired != current).then_some(desired),
        desired,
        recommendation: Some(best.replicas),
        stabilised: Some(stabilised),
        limited_by: match bound {
            Bound::Max => Limit::Max,
            Bound::Min => Limit::Min,
            Bound::UpLimit | Bound::DownLimit => Limit::Policy,
            Bound::Within if stabilised != best.replicas => Limit::Stabilisation,
            Bound::Within if best.tolerated => Limit::Tolerance,
            Bound::Within => Limit::None,
        },
        bound,
        outcome: Outcome::Recommended,
    }
}

/// The number that bounds make of the current one.
fn corrected(spec: &HpaSpec, current: u32) -> u32 {
    current.min(spec.max_replicas).max(spec.min_replicas.min(spec.max_replicas))
}

/// Whether a sync reads its metrics at all: not at zero, where it rests, and not outside its
/// bounds, which it corrects at once.
pub fn reads_metrics(
    settings: &HpaSettings,
    spec: &HpaSpec,
    memory: &HpaMemory,
    replicas: u32,
) -> bool {
    let own_zero = settings.scale_to_zero && memory.scaled_to_zero;
    match replicas {
        0 => leaves_zero(settings, spec, own_zero),
        some => corrected(spec, some) == some,
    }
}

/// Whether metrics are computed at zero replicas. Older controllers do with min 0; newer ones only
/// if the HPA went to zero itself, and then also where min was raised since
/// (`shouldComputeMetricsForZeroReplicas`).
fn leaves_zero(settings: &HpaSettings, spec: &HpaSpec, own_zero: bool) -> bool {
    if settings.zero_needs_condition {
        own_zero && (spec.min_replicas > 0 || spec.has_totals())
    } else {
        spec.min_replicas == 0
    }
}

fn normalise(
    settings: &HpaSettings,
    spec: &HpaSpec,
    past: Past<'_>,
    current: u32,
    wanted: u32,
    now: SimTime,
) -> (u32, u32, Bound) {
    let (min, max) = (spec.min_replicas, spec.max_replicas);
    let (stabilised, (desired, bound)) = match &spec.behavior {
        None => {
            let stabilised = window_max(past.history, wanted, settings.downscale_window, now);
            (stabilised, plain_bounds(current, stabilised, min, max))
        }
        Some(behavior) => {
            let both = windows(settings, behavior);
            let stabilised = window_clamp(past.history, current, wanted, both, now);
            let rules = (&behavior.up, &behavior.down);
            (stabilised, rate_bounds(rules, past.events, current, stabilised, (min, max), now))
        }
    };
    (stabilised, desired, bound)
}

/// The stabilisation windows of `behavior`: up none, down the controller's, unless given.
fn windows(settings: &HpaSettings, behavior: &Behavior) -> (Duration, Duration) {
    (
        behavior.up.stabilization.unwrap_or(Duration::ZERO),
        behavior.down.stabilization.unwrap_or(settings.downscale_window),
    )
}

fn tolerance(settings: &HpaSettings, behavior: Option<&Behavior>) -> Tolerance {
    let side = |rules: Option<&ScalingRules>| {
        rules
            .and_then(|rules| rules.tolerance_milli)
            .filter(|_| settings.configurable_tolerance)
            .unwrap_or(settings.tolerance_milli)
    };
    Tolerance {
        up_milli: side(behavior.map(|behavior| &behavior.up)),
        down_milli: side(behavior.map(|behavior| &behavior.down)),
    }
}

/// The largest recommendation of all metrics. If all fail there is none; if some fail the others
/// may only hold or raise (`computeReplicasForMetrics`).
fn combine(
    settings: &HpaSettings,
    spec: &HpaSpec,
    seen: &HpaSeen<'_>,
) -> Result<Recommendation, (usize, MetricFailure)> {
    let tolerance = tolerance(settings, spec.behavior.as_ref());
    let mut best: Option<Recommendation> = None;
    let mut first_failure = None;
    for (index, (metric, reading)) in spec.metrics.iter().zip(seen.readings).enumerate() {
        match recommend(metric, reading, seen, tolerance) {
            Ok(one) if best.is_none_or(|b| b.replicas == 0 || one.replicas > b.replicas) => {
                best = Some(one);
            }
            Ok(_) => {}
            Err(failure) => {
                first_failure.get_or_insert((index, failure));
            }
        }
    }
    match (best, first_failure) {
        (Some(best), None) => Ok(best),
        (Some(best), Some(_)) if best.replicas >= seen.replicas => Ok(best),
        (_, Some(failure)) => Err(failure),
        (None, None) => Err((0, MetricFailure::InvalidSource)),
    }
}

/// What one metric asks for.
fn recommend(
    metric: &HpaMetric,
    reading: &MetricReading,
    seen: &HpaSeen<'_>,
    tolerance: Tolerance,
) -> Result<Recommendation, MetricFailure> {
    let target = match *metric {
        HpaMetric::Cpu(target)
        | HpaMetric::Memory(target)
        | HpaMetric::ContainerCpu(target)
        | HpaMetric::ContainerMemory(target)
        | HpaMetric::Composite(target)
        | HpaMetric::Value(target)
        | HpaMetric::Trigger { target, .. } => target,
        HpaMetric::Pods(average) => MetricTarget::AverageValue(average),
    };
    let (current, status) = (seen.replicas, seen.status_replicas);
    match (*reading, target) {
        (MetricReading::Failed(failure), _) => Err(failure),
        (MetricReading::Total(total), MetricTarget::AverageValue(target)) => {
            Ok(recommend::average_value(total, target, status, tolerance))
        }
        (MetricReading::Total(total), MetricTarget::Value(target)) => {
            recommend::value(total, target, current, seen.pods, seen.ready, tolerance)
        }
        (MetricReading::Pods(sums), MetricTarget::Utilization(target)) => {
            recommend::utilization(&sums, target, current, tolerance)
        }
        (MetricReading::Pods(sums), MetricTarget::AverageValue(target)) => {
            recommend::average_of_pods(&sums, target, current, tolerance)
        }
        _ => Err(MetricFailure::InvalidSource),
    }
}
