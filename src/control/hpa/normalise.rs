//! From what the metrics ask for to what is written: stabilisation, rate limits, bounds.
//!
//! kubernetes `pkg/controller/podautoscaler/horizontal.go` (1.28 to mid-2026). Two paths, chosen by
//! whether `behavior` is set.

use super::{PolicySelect, ScalingPolicy, ScalingPolicyKind, ScalingRules};
use crate::unit::{Duration, SimTime};

/// A remembered recommendation, before any bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// When.
    pub at: SimTime,
    /// Replicas.
    pub replicas: u32,
}

/// A remembered change of `spec.replicas` by the HPA itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleEvent {
    /// When.
    pub at: SimTime,
    /// By how much, without sign.
    pub change: u32,
}

/// Which bound changed a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// None: `DesiredWithinRange`.
    Within,
    /// `TooFewReplicas`: minReplicas.
    Min,
    /// `TooManyReplicas`: maxReplicas.
    Max,
    /// `ScaleUpLimit`
    UpLimit,
    /// `ScaleDownLimit`
    DownLimit,
}

impl Bound {
    /// Upstream's reason of the condition ScalingLimited.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Within => "DesiredWithinRange",
            Self::Min => "TooFewReplicas",
            Self::Max => "TooManyReplicas",
            Self::UpLimit => "ScaleUpLimit",
            Self::DownLimit => "ScaleDownLimit",
        }
    }
}

/// Whether an entry made at `at` is strictly younger than `window`.
fn is_younger(at: SimTime, window: Duration, now: SimTime) -> bool {
    now.since(at) < window
}

/// Puts an entry in: over the last outdated one, else at the end. The list stays as short as the
/// window is long in syncs.
fn remember<T>(list: &mut Vec<T>, outdated: impl Fn(&T) -> bool, entry: T) {
    match list.iter().rposition(outdated) {
        Some(at) => list[at] = entry,
        None => list.push(entry),
    }
}

/// Path A, without `behavior`: the largest recommendation of the window, whatever the direction.
/// Entries of exactly the window's age still count (`stabilizeRecommendation`).
pub fn window_max(history: &[Remembered], wanted: u32, window: Duration, now: SimTime) -> u32 {
    history
        .iter()
        .filter(|entry| now.since(entry.at) <= window)
        .fold(wanted, |most, entry| most.max(entry.replicas))
}

/// Remembers a recommendation of path A.
pub fn remember_plain(history: &mut Vec<Remembered>, wanted: u32, window: Duration, now: SimTime) {
    let entry = Remembered { at: now, replicas: wanted };
    remember(history, |entry| now.since(entry.at) > window, entry);
}

/// Path B, with `behavior`: `current` moved into [least of the up window, most of the down window]
/// (`stabilizeRecommendationWithBehaviors`).
pub fn window_clamp(
    history: &[Remembered],
    current: u32,
    wanted: u32,
    (up, down): (Duration, Duration),
    now: SimTime,
) -> u32 {
    let (mut least, mut most) = (wanted, wanted);
    for entry in history {
        if is_younger(entry.at, up, now) {
            least = least.min(entry.replicas);
        }
        if is_younger(entry.at, down, now) {
            most = most.max(entry.replicas);
        }
    }
    current.max(least).min(most)
}

/// Remembers a recommendation of path B.
pub fn remember_clamped(
    history: &mut Vec<Remembered>,
    wanted: u32,
    (up, down): (Duration, Duration),
    now: SimTime,
) {
    let window = up.max(down);
    let entry = Remembered { at: now, replicas: wanted };
    remember(history, |entry| now.since(entry.at) > window, entry);
}

/// Path A's bounds: doubling (at least to 4) per sync, then min and max
/// (`convertDesiredReplicasWithRules`).
pub fn plain_bounds(current: u32, wanted: u32, min: u32, max: u32) -> (u32, Bound) {
    let limit = current.saturating_mul(2).max(4);
    let (most, bound) = if max > limit { (limit, Bound::UpLimit) } else { (max, Bound::Max) };
    if wanted < min {
        (min, Bound::Min)
    } else if wanted > most {
        (most, bound)
    } else {
        (wanted, Bound::Within)
    }
}

/// Both sides' remembered changes.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    /// Up.
    pub up: &'a [ScaleEvent],
    /// Down.
    pub down: &'a [ScaleEvent],
}

/// Path B's bounds: the policies' limit in the direction of change, then min or max
/// (`convertDesiredReplicasWithBehaviorRate`).
pub fn rate_bounds(
    (up, down): (&ScalingRules, &ScalingRules),
    events: Events<'_>,
    current: u32,
    wanted: u32,
    (min, max): (u32, u32),
    now: SimTime,
) -> (u32, Bound) {
    if wanted > current {
        let limit = up_limit(up, events, current, now).max(i64::from(current));
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let (most, bound) = if max > limit { (limit, Bound::UpLimit) } else { (max, Bound::Max) };
        if wanted > most {
            return (most, bound);
        }
    } else if wanted < current {
        let limit = down_limit(down, events, current, now).min(i64::from(current));
        let limit = u32::try_from(limit).unwrap_or(0);
        let (least, bound) =
            if min < limit { (limit, Bound::DownLimit) } else { (min, Bound::Min) };
        if wanted < least {
            return (least, bound);
        }
    }
    (wanted, Bound::Within)
}

/// The most replicas that the policies allow now (`calculateScaleUpLimitWithScalingRules`).
pub fn up_limit(rules: &ScalingRules, events: Events<'_>, current: u32, now: SimTime) -> i64 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = period_start(policy, events, current, now);
        match policy.kind {
            ScalingPolicyKind::Pods => start + i64::from(policy.value),
            ScalingPolicyKind::Percent => {
                (start as f64 * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i64
            }
        }
    });
    match rules.select {
        PolicySelect::Disabled => i64::from(current),
        PolicySelect::Min => proposals.min().unwrap_or(i64::from(i32::MAX)),
        PolicySelect::Max => proposals.max().unwrap_or(i64::from(i32::MIN)),
    }
}

/// The least replicas that the policies allow now (`calculateScaleDownLimitWithBehaviors`).
pub fn down_limit(rules: &ScalingRules, events: Events<'_>, current: u32, now: SimTime) -> i64 {
    let proposals = rules.policies.iter().map(|policy| {
        let start = period_start(policy, events, current, now);
        match policy.kind {
            ScalingPolicyKind::Pods => start - i64::from(policy.value),
            ScalingPolicyKind::Percent => {
                (start as f64 * (1.0 - f64::from(policy.value) / 100.0)) as i64
            }
        }
    });
    match rules.select {
        PolicySelect::Disabled => i64::from(current),
        PolicySelect::Min => proposals.max().unwrap_or(i64::from(i32::MIN)),
        PolicySelect::Max => proposals.min().unwrap_or(i64::from(i32::MAX)),
    }
}

/// Replicas at the beginning of a policy's period.
fn period_start(policy: &ScalingPolicy, events: Events<'_>, current: u32, now: SimTime) -> i64 {
    i64::from(current) - change_within(events.up, policy.period, now)
        + change_within(events.down, policy.period, now)
}

/// Sum of the changes strictly younger than `period` (`getReplicasChangePerPeriod`).
pub fn change_within(events: &[ScaleEvent], period: Duration, now: SimTime) -> i64 {
    events
        .iter()
        .filter(|event| is_younger(event.at, period, now))
        .map(|event| i64::from(event.change))
        .sum()
}

/// Remembers a change; those older than the longest period make room (`storeScaleEvent`).
pub fn remember_event(
    events: &mut Vec<ScaleEvent>,
    rules: &ScalingRules,
    change: u32,
    now: SimTime,
) {
    let longest = longest_period(rules);
    remember(events, |event| now.since(event.at) > longest, ScaleEvent { at: now, change });
}

/// The longest period of the policies.
pub fn longest_period(rules: &ScalingRules) -> Duration {
    rules.policies.iter().map(|policy| policy.period).max().unwrap_or(Duration::ZERO)
}
