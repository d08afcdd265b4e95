//! `simulation:` and `lab:`.

use super::lowering::{Lowering, value};
use crate::plan::{LabSpec, SimulationSpec};
use crate::scenario::code;
use crate::scenario::format::{Calendar, CooldownFrom, Initial, Scenario, Simulation};
use crate::unit::Duration;

/// 2026-01-01T00:00:00Z, the start of a scenario that names none.
const DEFAULT_START: i64 = 1_767_225_600;

/// The clock and the run, with defaults filled in.
pub fn simulation(scenario: &Scenario) -> (Calendar, SimulationSpec) {
    let empty = Simulation::default();
    let given = value(&scenario.simulation).unwrap_or(&empty);
    let start = value(&given.start).map_or(DEFAULT_START, |start| start.0);
    let zone = value(&given.time_zone).map_or(jiff::tz::TimeZone::UTC, |zone| zone.0.clone());
    let hour = Duration::from_secs(3_600);
    let duration = value(&given.duration).map_or(hour, |length| length.0);
    let sample = match value(&given.sample) {
        Some(sample) => sample.0,
        None => Duration::from_secs(1).max(Duration::from_micros(duration.micros() / 2_000)),
    };
    let simulation = SimulationSpec {
        start_epoch: start,
        duration,
        warmup: value(&given.warmup).map_or(Duration::ZERO, |length| length.0),
        drain: value(&given.drain).is_some_and(|switch| switch.0),
        warm: value(&given.initial) != Some(&Initial::Cold),
        sample,
        seed: value(&given.seed).map_or(1, |seed| seed.0.unsigned_abs()),
        replications: value(&given.replications).map_or(1, |count| count.0),
    };
    (Calendar { start, zone }, simulation)
}

/// What cannot be run.
pub fn check(lowering: &mut Lowering<'_, '_>, run: &SimulationSpec) {
    let Some(given) = value(&lowering.scenario.simulation) else { return };
    if let Some(at) = given.duration.as_ref().filter(|_| run.duration.is_zero()) {
        lowering.error(code::BAD_VALUE, "`duration` must be above 0", at.span, "");
    }
    if let Some(at) = given.warmup.as_ref().filter(|_| run.warmup >= run.duration) {
        let message = "`warmup` must be shorter than `duration`: nothing would be counted";
        lowering.error(code::BAD_VALUE, message, at.span, "");
    }
    if let Some(at) = given.sample.as_ref().filter(|at| at.value.0.is_zero()) {
        lowering.error(code::BAD_VALUE, "`sample` must be above 0", at.span, "");
    }
    if let Some(at) = given.seed.as_ref().filter(|at| at.value.0 < 0) {
        lowering.error(code::BAD_VALUE, "`seed` must not be negative", at.span, "");
    }
    if let Some(at) = given.replications.as_ref().filter(|_| run.replications == 0) {
        lowering.error(code::BAD_VALUE, "`replications` must be at least 1", at.span, "");
    }
}

/// Laboratory switches.
pub fn lab(lowering: &mut Lowering<'_, '_>) -> LabSpec {
    let Some(given) = value(&lowering.scenario.lab) else { return LabSpec::default() };
    let on = |key| value(key).is_some_and(|switch: &crate::scenario::format::Switch| switch.0);
    let unscaled = given.cancel_idle_boot.as_ref().filter(|_| given.scaler.is_none());
    if let Some(switch) = unscaled.filter(|switch| switch.value.0) {
        let message = "`cancelIdleBoot` is a habit of `lab.scaler.instant`, which is not given";
        lowering.error(code::CONTRADICTION, message, switch.span, "");
    }
    let instant = value(&given.scaler).and_then(|scaler| value(&scaler.instant));
    let off_delay = instant.and_then(|instant| instant.off_delay.as_ref());
    LabSpec {
        infinite_nodes: on(&given.infinite_nodes),
        zero_control_delay: on(&given.zero_control_delay),
        cooldown_from_completion: value(&given.cooldown_from) == Some(&CooldownFrom::Completion),
        instant_scaler: off_delay.and_then(|at| lowering.distribution(at)),
        cancel_idle_boot: on(&given.cancel_idle_boot),
        reject_when_full: value(&given.when_full).is_some_and(|when| on(&when.reject)),
    }
}
