//! The scale loop of a ScaledObject: one poll, and what the HPA reads between polls.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scaling/scale_handler.go` (`getScaledObjectState`,
//! `GetScaledObjectMetrics`) and `pkg/scaling/executor/scale_scaledobjects.go` (`RequestScale`).

use super::fallback::{Health, Scale, SourceError, apply, stand_in_value};
use super::{FallbackBehavior, FallbackSpec, Modifiers, ScaledObjectSpec, Trigger};
use crate::unit::{Duration, SimTime};
use crate::vocabulary::KedaVersion;

/// What a trigger's source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The metric in thousandths.
    pub value_milli: i64,
    /// Whether the scaler says that it is active.
    pub active: bool,
}

/// A reading, or the error of both attempts (a failed read is tried once more at once).
pub type Read = Result<Reading, SourceError>;

impl Trigger {
    /// A reading whose activity is that of its value: strictly above the activation threshold.
    pub fn reading(&self, value_milli: i64) -> Reading {
        Reading { value_milli, active: value_milli > self.activation_milli }
    }

    /// The reading of a lag over partitions: at most one replica for each asked for.
    pub fn lag_reading(&self, lag: i64, partitions: i64) -> Reading {
        let threshold = (self.target_milli / 1_000).max(1);
        super::scaler::azure::event_hub(lag, threshold, self.activation_milli / 1_000, partitions)
    }
}

/// What the KEDA operator remembers of a ScaledObject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KedaMemory {
    /// `status.lastActiveTime`, whole seconds.
    pub last_active: Option<SimTime>,
    /// `status.health`, per trigger; grows on first use.
    pub health: Vec<Health>,
    /// Records of the last poll for triggers with `useCachedMetrics`.
    pub records: Vec<Option<Read>>,
    /// Committed offsets that Kafka scalers with `excludePersistentLag` saw last, per trigger.
    pub offsets: Vec<Vec<Option<u64>>>,
    /// Whether the last poll found the object active.
    pub active: bool,
    /// When the last poll was made.
    pub polled: Option<SimTime>,
    /// Whether the last poll renewed `last_active`.
    pub renewing: bool,
}

impl KedaMemory {
    /// Forgets what the operator loses when it restarts; the rest is in the object's status.
    pub fn restart(&mut self) {
        self.records.clear();
        self.offsets.clear();
        self.polled = None;
    }

    /// Remembers that polls were left out up to `last` (see [`quiet_until`]): each would have
    /// renewed what the last one renewed.
    pub fn skipped_until(&mut self, last: SimTime) {
        self.polled = Some(last);
        if self.renewing {
            self.last_active = Some(last.floor_second());
        }
    }

    fn fit(&mut self, triggers: usize) {
        self.health.resize(triggers, Health::default());
        self.records.resize(triggers, None);
    }
}

/// What a poll sees.
#[derive(Clone, Copy, Debug)]
pub struct PollSeen<'a> {
    /// One per trigger, in order; those of cpu and memory are not looked at.
    pub readings: &'a [Read],
    /// `spec.replicas` of the target.
    pub replicas: u32,
    /// Ready pods of the target.
    pub ready: u32,
    /// Creation of the ScaledObject.
    pub created: SimTime,
    /// Laboratory: count the cooldown from the last completion instead of the last active poll.
    pub cooldown_from: Option<SimTime>,
}

/// Why a poll decided what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollReason {
    /// Paused by annotation.
    Paused,
    /// Active and at zero (or idle): scaled to min or 1.
    Activated,
    /// Active and at zero, but scaling out is paused.
    ScaleOutPaused,
    /// Active; the HPA has the number.
    Active,
    /// Active, but some trigger could not be read: lastActiveTime is left.
    ActiveWithError,
    /// Inactive as far as it can be read; a broken source never scales in.
    ErrorHolds,
    /// Inactive, but the cooldown has not run out.
    CoolingDown {
        /// The cooldown ends strictly before the poll that acts: after this instant.
        until: SimTime,
    },
    /// Inactive and cooled down, but scaling in is paused.
    ScaleInPaused,
    /// Inactive and cooled down: scaled to idle or min.
    Deactivated,
    /// Inactive and below min: raised.
    RaisedToMin,
    /// Inactive; nothing to do.
    Inactive,
}

/// What a poll decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollDecision {
    /// The number to write, if any.
    pub set_replicas: Option<u32>,
    /// Whether the object counts as active (condition Active, without force-activation).
    pub active: bool,
    /// Whether some trigger could not be read (and no fallback stood in).
    pub error: bool,
    /// Whether a fallback stood in for some trigger.
    pub fallback: bool,
    /// Why.
    pub reason: PollReason,
}

impl ScaledObjectSpec {
    /// Whether the scale loop is stopped: `paused`, or `paused-replicas` by its mere presence.
    pub fn is_paused(&self) -> bool {
        self.paused || self.paused_replicas.is_some()
    }

    /// What the reconciler writes once when `paused-replicas` is set.
    pub fn paused_count(&self) -> Option<u32> {
        self.paused_replicas
    }

    /// Replicas when there is nothing to do: idle if set, else min.
    pub fn resting_replicas(&self) -> u32 {
        self.idle_replicas.unwrap_or(self.min_replicas)
    }
}

/// Whether the bounds as written are accepted: min <= max and idle < min, where a given min of 0
/// counts as the HPA's 1 (`CheckReplicaCountBoundsAreValid`).
pub fn bounds_are_valid(min: Option<u32>, max: Option<u32>, idle: Option<u32>) -> bool {
    let min = min.map_or(0, |min| min.max(1));
    min <= max.unwrap_or(100) && idle.is_none_or(|idle| idle < min)
}

/// The state that a poll finds before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectState {
    /// Whether some trigger is active.
    pub active: bool,
    /// Whether some trigger could not be read.
    pub error: bool,
    /// Whether a fallback stood in for some trigger.
    pub fallback: bool,
}

/// One poll: reads the state, decides, and remembers. O(triggers), nothing allocated after the
/// first (but for the values of a formula).
pub fn poll(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    seen: &PollSeen<'_>,
    version: KedaVersion,
    now: SimTime,
) -> PollDecision {
    if spec.is_paused() {
        let (active, error, fallback) = (memory.active, false, false);
        let reason = PollReason::Paused;
        return PollDecision { set_replicas: None, active, error, fallback, reason };
    }
    memory.fit(spec.triggers.len());
    let state = state(spec, memory, seen, version);
    let decision = decide(spec, memory, seen, state, version, now);
    // Records are stored after the decision of the same poll.
    for (index, trigger) in spec.triggers.iter().enumerate() {
        if trigger.use_cached_metrics && !trigger.is_resource() {
            memory.records[index] = seen.readings.get(index).copied();
        }
    }
    memory.active = decision.active;
    memory.renewing = decision.reason == PollReason::Active;
    memory.polled = Some(now);
    decision
}

/// Which triggers are active (`getScaledObjectState`). Before 2.19 a poll applies no fallback.
pub fn state(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    seen: &PollSeen<'_>,
    version: KedaVersion,
) -> ObjectState {
    memory.fit(spec.triggers.len());
    let fallback_spec = spec.fallback.as_ref().filter(|_| version.at_least(19));
    let scale = Scale { replicas: seen.replicas, ready: seen.ready };
    let mut state = ObjectState { active: false, error: false, fallback: false };
    for (index, trigger) in spec.triggers.iter().enumerate() {
        if trigger.is_resource() {
            continue;
        }
        let read = seen.readings.get(index).copied().unwrap_or(Err(SourceError));
        let value = read.map(|reading| reading.value_milli);
        let target = (trigger.metric_type, trigger.target_milli);
        match apply(fallback_spec, &mut memory.health[index], value, target, scale, version) {
            Ok((_, stands_in)) => {
                state.fallback |= stands_in;
                state.active |= stands_in || read.is_ok_and(|reading| reading.active);
            }
            Err(SourceError) => state.error = true,
        }
    }
    if let Some(modifiers) = &spec.modifiers {
        let composite =
            composite(spec, memory, &|index| live(seen.readings, index), scale, version);
        state.active =
            !state.error && composite.is_ok_and(|value| value > modifiers.activation_milli);
    }
    if spec.triggers.iter().all(Trigger::is_resource) && !state.error {
        state.active = true;
    }
    state
}

/// The decision table of `RequestScale`, in its order.
pub fn decide(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    seen: &PollSeen<'_>,
    state: ObjectState,
    version: KedaVersion,
    now: SimTime,
) -> PollDecision {
    let forced = spec.force_activation && version.at_least(18);
    let (set_replicas, reason) = if state.active || forced {
        decide_active(spec, memory, seen, state, version, now)
    } else {
        decide_inactive(spec, memory, seen, state, version, now)
    };
    PollDecision {
        set_replicas,
        active: state.active || forced,
        error: state.error,
        fallback: state.fallback,
        reason,
    }
}

fn decide_active(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    seen: &PollSeen<'_>,
    state: ObjectState,
    version: KedaVersion,
    now: SimTime,
) -> (Option<u32>, PollReason) {
    let replicas = seen.replicas;
    if (spec.idle_replicas.is_some() && replicas < spec.min_replicas) || replicas == 0 {
        if spec.paused_scale_out && version.at_least(18) {
            return (None, PollReason::ScaleOutPaused);
        }
        memory.last_active = Some(now.floor_second());
        return (Some(spec.min_replicas.max(1)), PollReason::Activated);
    }
    if state.error {
        return (None, PollReason::ActiveWithError);
    }
    memory.last_active = Some(now.floor_second());
    (None, PollReason::Active)
}

fn decide_inactive(
    spec: &ScaledObjectSpec,
    memory: &KedaMemory,
    seen: &PollSeen<'_>,
    state: ObjectState,
    version: KedaVersion,
    now: SimTime,
) -> (Option<u32>, PollReason) {
    let replicas = seen.replicas;
    let falls_back_to_none = spec.fallback.is_some_and(|fallback| fallback.replicas == 0);
    if state.error && !falls_back_to_none {
        return (None, PollReason::ErrorHolds);
    }
    let above_idle = spec.idle_replicas.is_some_and(|idle| replicas > idle);
    if above_idle || (replicas > 0 && spec.min_replicas == 0) {
        if spec.paused_scale_in && version.at_least(18) {
            return (None, PollReason::ScaleInPaused);
        }
        let until = cooled_down_after(spec, memory, seen, version);
        if until >= now {
            return (None, PollReason::CoolingDown { until });
        }
        return (Some(spec.resting_replicas()), PollReason::Deactivated);
    }
    if spec.idle_replicas.is_none() && replicas < spec.min_replicas {
        return (Some(spec.min_replicas), PollReason::RaisedToMin);
    }
    (None, PollReason::Inactive)
}

/// The instant after which (strictly) an inactive object may be scaled in.
pub fn cooled_down_after(
    spec: &ScaledObjectSpec,
    memory: &KedaMemory,
    seen: &PollSeen<'_>,
    version: KedaVersion,
) -> SimTime {
    if let Some(completed) = seen.cooldown_from {
        return completed + spec.cooldown;
    }
    match memory.last_active {
        Some(active) => active + spec.cooldown,
        // `initialCooldownPeriod` came with 2.14; before, an object never active cools at once.
        None if version.at_least(14) => seen.created.floor_second() + spec.initial_cooldown,
        None => SimTime::ZERO,
    }
}

/// Until when polls change nothing as long as `seen` stays as it is; `None` if a poll now would
/// change or remember something. Every poll in [now, answer) may be left out, if
/// [`KedaMemory::skipped_until`] is told the instant of the last one before the next real poll.
pub fn quiet_until(
    spec: &ScaledObjectSpec,
    memory: &KedaMemory,
    seen: &PollSeen<'_>,
    version: KedaVersion,
    now: SimTime,
) -> Option<SimTime> {
    if spec.is_paused() {
        return Some(SimTime::NEVER);
    }
    let active = calm_state(spec, memory, seen, version)?;
    memory.polled?;
    let forced = spec.force_activation && version.at_least(18);
    if memory.active != (active || forced) {
        return None;
    }
    let state = ObjectState { active, error: false, fallback: false };
    // Only `last_active` of the copy could change.
    let mut copy = KedaMemory { last_active: memory.last_active, ..KedaMemory::default() };
    let reason = if active || forced {
        decide_active(spec, &mut copy, seen, state, version, now).1
    } else {
        decide_inactive(spec, memory, seen, state, version, now).1
    };
    match reason {
        PollReason::Active => memory.renewing.then_some(SimTime::NEVER),
        PollReason::Inactive | PollReason::ScaleInPaused | PollReason::ScaleOutPaused => {
            (!memory.renewing).then_some(SimTime::NEVER)
        }
        PollReason::CoolingDown { until } if !memory.renewing => {
            Some(until + Duration::from_micros(1))
        }
        _ => None,
    }
}

/// Whether the object is active, if every trigger can be read, was read the same by the last poll
/// where that is kept, and none has failed lately.
fn calm_state(
    spec: &ScaledObjectSpec,
    memory: &KedaMemory,
    seen: &PollSeen<'_>,
    version: KedaVersion,
) -> Option<bool> {
    if spec.fallback.is_some() && memory.health.iter().any(|one| one.failures > 0) {
        return None;
    }
    let mut active = spec.triggers.iter().all(Trigger::is_resource);
    for (index, trigger) in spec.triggers.iter().enumerate() {
        if trigger.is_resource() {
            continue;
        }
        let read = seen.readings.get(index).copied()?;
        let kept = memory.records.get(index).copied().flatten();
        if trigger.use_cached_metrics && kept != Some(read) {
            return None;
        }
        active |= read.ok()?.active;
    }
    let Some(modifiers) = &spec.modifiers else { return Some(active) };
    let scale = Scale { replicas: seen.replicas, ready: seen.ready };
    let composite =
        composite(spec, memory, &|index| live(seen.readings, index), scale, version).ok()?;
    Some(composite > modifiers.activation_milli)
}

/// Whether an HPA query of trigger `index` reads its source now, or the record of the last poll.
pub fn reads_live(spec: &ScaledObjectSpec, memory: &KedaMemory, index: usize) -> bool {
    let cached = spec.triggers[index].use_cached_metrics;
    !cached || memory.records.get(index).copied().flatten().is_none()
}

/// What the HPA gets for trigger `index` at a query, in thousandths; `live` is what the source
/// shows now (not looked at where the last poll's record answers).
///
/// # Errors
/// [`SourceError`] where the trigger cannot be read and no fallback stands in.
pub fn metric_for_hpa(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    index: usize,
    live: Read,
    scale: Scale,
    version: KedaVersion,
) -> Result<i64, SourceError> {
    memory.fit(spec.triggers.len());
    let trigger = &spec.triggers[index];
    let cached = memory.records[index].filter(|_| trigger.use_cached_metrics);
    let read = cached.unwrap_or(live).map(|reading| reading.value_milli);
    let target = (trigger.metric_type, trigger.target_milli);
    let health = &mut memory.health[index];
    apply(spec.fallback.as_ref(), health, read, target, scale, version).map(|(value, _)| value)
}

/// What a poll reads: always the source itself.
fn live(readings: &[Read], index: usize) -> Read {
    readings.get(index).copied().unwrap_or(Err(SourceError))
}

/// What an HPA query reads: the source, or the record of the last poll.
fn answer(spec: &ScaledObjectSpec, memory: &KedaMemory, index: usize, now: &[Read]) -> Read {
    let cached = spec.triggers[index].use_cached_metrics;
    let record = memory.records.get(index).copied().flatten().filter(|_| cached);
    record.unwrap_or_else(|| live(now, index))
}

/// What the HPA gets for the composite metric of scaling modifiers: every trigger is read.
///
/// # Errors
/// [`SourceError`] where a trigger cannot be read and no fallback stands in, or the formula fails.
pub fn composite_for_hpa(
    spec: &ScaledObjectSpec,
    memory: &mut KedaMemory,
    live: &[Read],
    scale: Scale,
    version: KedaVersion,
) -> Result<i64, SourceError> {
    memory.fit(spec.triggers.len());
    for (index, trigger) in spec.triggers.iter().enumerate() {
        if spec.fallback.is_some() && !trigger.is_resource() {
            let failed = answer(spec, memory, index, live).is_err();
            memory.health[index].count(failed);
        }
    }
    composite(spec, memory, &|index| answer(spec, memory, index, live), scale, version)
}

/// The formula over all external triggers; failures were counted before.
fn composite(
    spec: &ScaledObjectSpec,
    memory: &KedaMemory,
    read: &dyn Fn(usize) -> Read,
    scale: Scale,
    version: KedaVersion,
) -> Result<i64, SourceError> {
    let modifiers = spec.modifiers.as_ref().ok_or(SourceError)?;
    let input = |index: usize| {
        formula_input(spec.fallback.as_ref(), memory.health[index], read(index), version)
    };
    for (index, trigger) in spec.triggers.iter().enumerate() {
        if !trigger.is_resource() && input(index).is_err() {
            // Any active fallback replaces the composite as a whole.
            let past = |fallback: &FallbackSpec| memory.health[index].is_past(fallback);
            let fallback = spec.fallback.filter(past).ok_or(SourceError)?;
            return stand_in(modifiers, fallback.stand_in(scale.replicas, version), scale, version);
        }
    }
    let value = |index| input(index).ok().flatten();
    match modifiers.formula.evaluate(&value).map_err(|_| SourceError)? {
        Some(value) => Ok((value * 1_000.0) as i64),
        None => {
            let replicas = i64::from(spec.fallback.ok_or(SourceError)?.replicas);
            Ok(replicas.saturating_mul(modifiers.target_milli))
        }
    }
}

/// What the formula gets for a trigger; nil where it is past the threshold of a fallback with
/// behaviour `scalingModifiers` (2.20).
///
/// # Errors
/// The read's error where the formula does not deal with it.
pub fn formula_input(
    fallback: Option<&FallbackSpec>,
    health: Health,
    read: Read,
    version: KedaVersion,
) -> Result<Option<f64>, SourceError> {
    let to_formula = |fallback: &&FallbackSpec| {
        fallback.behavior == FallbackBehavior::ScalingModifiers && version.at_least(20)
    };
    if fallback.filter(to_formula).is_some_and(|fallback| health.is_past(fallback)) {
        return Ok(None);
    }
    read.map(|reading| Some(reading.value_milli as f64 / 1_000.0))
}

/// The composite that asks for `replicas`.
fn stand_in(
    modifiers: &Modifiers,
    replicas: u32,
    scale: Scale,
    version: KedaVersion,
) -> Result<i64, SourceError> {
    let target = (modifiers.metric_type, modifiers.target_milli);
    stand_in_value(target, replicas, scale, version).ok_or(SourceError)
}

#[cfg(test)]
mod tests;
