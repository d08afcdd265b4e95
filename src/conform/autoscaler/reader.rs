//! Reading the inputs of cases: instants, lists, resources, limits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::control::autoscaler::Quota;
use crate::unit::{Duration, PoolId, Resources, SimTime};

/// Time 0 of a case.
pub const BASE_SECONDS: u64 = 1_000_000_000;

/// An instant of a case.
pub fn at(seconds: f64) -> SimTime {
    let micros = (seconds * 1e6).round() as i64 + (BASE_SECONDS * 1_000_000) as i64;
    SimTime::from_micros(micros.max(0) as u64)
}

/// Seconds of an instant, as cases write them.
pub fn seconds_of(time: SimTime) -> f64 {
    time.as_secs_f64() - BASE_SECONDS as f64
}

/// An instant by key, if it is there.
pub fn instant(value: &Value, key: &str) -> Option<SimTime> {
    value[key].as_f64().map(at)
}

/// The instant of a case: its own time 0 unless it says another.
pub fn now_of(value: &Value) -> SimTime {
    instant(value, "now_s").unwrap_or_else(|| at(0.0))
}

/// A length of time by key.
pub fn length(value: &Value, key: &str) -> Option<Duration> {
    value[key].as_f64().map(Duration::from_secs_f64)
}

/// A list by key; empty if it is not there.
pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A text by key; empty if it is not there.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// A whole number by key; 0 if it is not there.
pub fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or(0)
}

/// A map by key, as pairs.
pub fn pairs<'v>(value: &'v Value, key: &str) -> Vec<(&'v str, &'v Value)> {
    value[key].as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Resources of a case.
pub fn resources(value: &Value) -> Resources {
    let mut own = Resources::of(number(value, "cpu_m"), number(value, "mem_bytes"));
    own.pods = number(value, "pods");
    own.extended[0] = number(value, "gpu");
    own
}

/// Limits of a case's quota on the pools of these names; all pools unless it lists some.
pub fn quota(value: &Value, pools: &BTreeMap<String, PoolId>) -> Quota {
    let limits = if value["limits"].is_object() { &value["limits"] } else { value };
    Quota {
        pools: value["applies_to_groups"].as_array().map(|names| {
            names.iter().filter_map(|name| pools.get(name.as_str()?).copied()).collect()
        }),
        cores: limits["cores"].as_i64(),
        memory: limits["mem_bytes"].as_i64(),
        nodes: limits["nodes"].as_i64(),
    }
}
