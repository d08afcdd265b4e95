//! Cases of ScaledObjects and ScaledJobs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::reader::{NOW, ago, count, flag, int, list, real, seconds, text};
use crate::control::keda::fallback::{Scale, apply};
use crate::control::keda::scaled_job::{
    HISTORY_LIMIT, JobTrigger, JobsSeen, combine, effective_scale, history_to_delete, is_pending,
    poll as poll_jobs,
};
use crate::control::keda::{
    FallbackBehavior, FallbackSpec, Formula, Health, KedaMemory, MetricType, Modifiers,
    ObjectState, PollReason, PollSeen, QueueSource, Read, Reading, ScaledJobSpec, ScaledObjectSpec,
    ScalerSpec, ScalingStrategy, SourceError, Trigger, TriggerCombination, bounds_are_valid,
    composite_for_hpa, decide, formula_input, hpa_spec, metric_for_hpa, poll, reads_live,
};
use crate::unit::{QueueId, SimTime, Symbol};
use crate::vocabulary::KedaVersion;

/// The cases are of the newest KEDA.
const NEWEST: KedaVersion = KedaVersion { minor: 20 };

pub(super) fn run(area: &str, given: &Value) -> Option<Value> {
    Some(match area {
        "keda.fallback" => fallback_case(given),
        "keda.hpa_bounds" => {
            let hpa = hpa_spec(&object(given), NEWEST);
            json!({"hpa_min": hpa.min_replicas, "hpa_max": hpa.max_replicas})
        }
        "keda.idle_or_min" => {
            let spec = object(given);
            let uses_idle = spec.idle_replicas.is_some();
            json!({"uses_idle": uses_idle, "deactivated_replicas": spec.resting_replicas()})
        }
        "keda.metric_source" => metric_source(given),
        "keda.object_state" => object_state(given),
        "keda.pause_annotation" => pause_annotation(given),
        "keda.scaledobject_bounds" => bounds(given),
        "keda.scaledobject_step" => step(given),
        "keda.scaling_modifiers" => modifiers(given)?,
        "keda.scaledjob_bounds" => {
            let (min, max) = job(given).effective_bounds();
            json!({"effective_max": max, "effective_min": min})
        }
        "keda.scaledjob_docs_table" => docs_table(given),
        "keda.scaledjob_history" => job_history(given),
        "keda.scaledjob_min_replicas" | "keda.scaledjob_strategy" => job_scale(given),
        "keda.scaledjob_multi_trigger" => multi_trigger(given),
        "keda.scaledjob_pending" => pending(given),
        _ => return None,
    })
}

fn bounds(given: &Value) -> Value {
    let number = |key: &str| given[key].as_u64().map(|number| number as u32);
    let (min, max) = (number("min_replica_count"), number("max_replica_count"));
    json!({"valid": bounds_are_valid(min, max, number("idle_replica_count"))})
}

fn trigger(scaler: ScalerSpec, target_milli: i64) -> Trigger {
    Trigger {
        name: Symbol::EMPTY,
        scaler,
        metric_type: MetricType::AverageValue,
        target_milli,
        activation_milli: 0,
        use_cached_metrics: false,
    }
}

fn counting(target_milli: i64) -> Trigger {
    trigger(ScalerSpec::Queues(QueueSource::depth_of(QueueId(0))), target_milli)
}

/// A ScaledObject with one trigger and the bounds and fallback of a case.
fn object(given: &Value) -> ScaledObjectSpec {
    let mut spec = ScaledObjectSpec::with_defaults(Symbol::EMPTY, vec![counting(1_000)]);
    spec.min_replicas = count(&given["min_replica_count"]);
    if given["max_replica_count"].is_u64() {
        spec.max_replicas = count(&given["max_replica_count"]);
    }
    spec.idle_replicas = given["idle_replica_count"].as_u64().map(|idle| idle as u32);
    spec.fallback = fallback(&given["fallback"]);
    spec
}

/// A fallback; one with a negative threshold is refused when it is read, and so is none. One
/// that is not given is 0.
fn fallback(value: &Value) -> Option<FallbackSpec> {
    let threshold = value.as_object()?.get("failure_threshold").map_or(0, int);
    Some(FallbackSpec {
        failure_threshold: u32::try_from(threshold).ok()?,
        replicas: count(&value["replicas"]),
        behavior: match text(&value["behavior"]) {
            "currentReplicas" => FallbackBehavior::CurrentReplicas,
            "currentReplicasIfHigher" => FallbackBehavior::CurrentReplicasIfHigher,
            "currentReplicasIfLower" => FallbackBehavior::CurrentReplicasIfLower,
            "scalingModifiers" => FallbackBehavior::ScalingModifiers,
            _ => FallbackBehavior::Static,
        },
    })
}

fn fallback_case(given: &Value) -> Value {
    let fallback = fallback(&given["fallback"]);
    let mut health = Health { failures: count(&given["failures_before"]) };
    let read = match flag(&given["fetch_failed"]) {
        true => Err(SourceError),
        false => Ok(int(&given["fetched_value"]) * 1_000),
    };
    let metric_type = MetricType::parse(text(&given["target_type"])).unwrap_or_default();
    let target = (metric_type, int(&given["target_average"]) * 1_000);
    let scale = Scale { replicas: count(&given["current_replicas"]), ready: 0 };
    let value = apply(fallback.as_ref(), &mut health, read, target, scale, NEWEST);
    let other = Health { failures: count(&given["other_metric_failures"]) };
    let stands_in =
        fallback.is_some_and(|fallback| health.is_past(&fallback) || other.is_past(&fallback));
    let status = if health.is_failing() { "Failing" } else { "Happy" };
    // Without a fallback the status is not written, not even where there is none.
    let kept = |after: Value, before: &str| match fallback {
        None => given[before].clone(),
        Some(_) => after,
    };
    json!({
        "error": value.is_err(),
        "value": value.ok().map(|(value, _)| value / 1_000),
        "fallback_condition": stands_in,
        "failures_after": kept(json!(health.failures), "failures_before"),
        "health_after": kept(json!(status), "health_before"),
    })
}

fn metric_source(given: &Value) -> Value {
    let live = Ok(Reading { value_milli: 1_000, active: true });
    let scale = Scale { replicas: 1, ready: 1 };
    let triggers = list(&given["triggers"]);
    if triggers.is_empty() {
        let mut spec = object(given);
        spec.triggers[0].use_cached_metrics = flag(&given["use_cached_metrics"]);
        let record = flag(&given["record_from_last_poll"]).then_some(live);
        let memory = KedaMemory { records: vec![record], ..KedaMemory::default() };
        return json!({"hpa_query_hits_source": reads_live(&spec, &memory, 0)});
    }
    let mut spec = object(given);
    spec.triggers = triggers
        .iter()
        .map(|one| Trigger {
            use_cached_metrics: flag(&one["use_cached_metrics"]),
            ..counting(1_000)
        })
        .collect();
    let record = |one: &Value| {
        let value_milli = one["record_value"].as_i64()? * 1_000;
        Some(Ok(Reading { value_milli, active: true }))
    };
    let records = triggers.iter().map(record).collect();
    let mut memory = KedaMemory { records, ..KedaMemory::default() };
    let asked = triggers.iter().position(|one| one["name"] == given["query"]).unwrap_or(0);
    let failed = flag(&triggers[asked]["fetch_fails"]);
    let read = if failed { Err(SourceError) } else { live };
    let answer = metric_for_hpa(&spec, &mut memory, asked, read, scale, NEWEST);
    let kept = memory.records.iter().flatten().find_map(|record| record.ok());
    json!({
        "error": answer.is_err(),
        // A failed read is tried once more at once.
        "source_attempts_on_failing": if failed { 2 } else { 1 },
        "cached_record_kept": kept.map(|record| record.value_milli / 1_000),
    })
}

/// Whether a flag says that a trigger cannot be read, for whatever reason.
fn fails(trigger: &Value) -> bool {
    let says = |key: &str| key.contains("fail") || key.contains("error");
    trigger.as_object().into_iter().flatten().any(|(key, value)| says(key) && flag(value))
}

fn object_state(given: &Value) -> Value {
    let triggers = list(&given["triggers"]);
    let mut spec = object(given);
    spec.triggers = triggers
        .iter()
        .map(|one| match text(&one["type"]) {
            "cpu" => trigger(ScalerSpec::Cpu, 50_000),
            _ => counting(1_000),
        })
        .collect();
    let readings: Vec<Read> = triggers
        .iter()
        .map(|one| match fails(one) {
            true => Err(SourceError),
            false => Ok(Reading { value_milli: 1_000, active: flag(&one["active"]) }),
        })
        .collect();
    let seen = poll_seen(&readings, 1, NOW);
    let decision = poll(&spec, &mut KedaMemory::default(), &seen, NEWEST, NOW);
    json!({"active": decision.active, "error": decision.error})
}

fn poll_seen(readings: &[Read], replicas: u32, created: SimTime) -> PollSeen<'_> {
    PollSeen { readings, replicas, ready: replicas, created, cooldown_from: None }
}

fn pause_annotation(given: &Value) -> Value {
    let mut spec = object(given);
    match spec.annotate(|name| given["annotations"][name].as_str()) {
        Err(_) => json!({"error": true}),
        Ok(()) => json!({"paused": spec.is_paused(), "count": spec.paused_count()}),
    }
}

fn step(given: &Value) -> Value {
    let mut spec = object(given);
    spec.cooldown = seconds(&given["cooldown_s"]);
    spec.initial_cooldown = seconds(&given["initial_cooldown_s"]);
    if spec.annotate(|name| given["annotations"][name].as_str()).is_err() {
        return Value::Null;
    }
    let before = ago(&given["last_active_age_s"]);
    let mut memory = KedaMemory { last_active: before, ..KedaMemory::default() };
    let replicas = count(&given["current_replicas"]);
    let created = ago(&given["object_age_s"]).unwrap_or(NOW);
    let seen = poll_seen(&[], replicas, created);
    let (active, error) = (flag(&given["triggers_active"]), flag(&given["trigger_error"]));
    let state = ObjectState { active, error, fallback: false };
    let decision = match spec.is_paused() {
        true => poll(&spec, &mut memory, &seen, NEWEST, NOW),
        false => decide(&spec, &mut memory, &seen, state, NEWEST, NOW),
    };
    let ready = match decision.reason {
        PollReason::ActiveWithError => json!(["Unknown", "PartialTriggerError"]),
        PollReason::ErrorHolds if spec.fallback.is_none() => json!(["False", "TriggerError"]),
        _ => json!(["True", "ScaledObjectReady"]),
    };
    json!({
        "replicas": decision.set_replicas.unwrap_or(replicas),
        "active_condition": decision.active,
        "ready_condition": ready,
        "last_active_updated": memory.last_active != before,
        "paused_condition": decision.reason == PollReason::Paused,
    })
}

fn modifiers(given: &Value) -> Option<Value> {
    let fallback = fallback(&given["fallback"]);
    let Some(values) = given["values"].as_object() else {
        let health = Health { failures: count(&given["failures"]) };
        let read = Ok(Reading { value_milli: int(&given["trigger_value"]) * 1_000, active: true });
        let input = formula_input(fallback.as_ref(), health, read, NEWEST).ok()?;
        return Some(json!({"formula_input": input}));
    };
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let mut spec = object(given);
    spec.triggers = names.iter().map(|_| counting(1_000)).collect();
    spec.fallback = fallback;
    spec.modifiers = Some(Modifiers {
        formula: Arc::new(Formula::compile(text(&given["formula"]), &names).ok()?),
        target_milli: int(&given["target"]) * 1_000,
        activation_milli: 0,
        metric_type: MetricType::AverageValue,
    });
    let readings: Vec<Read> = values
        .values()
        .map(|value| match value.as_i64() {
            Some(value) => Ok(Reading { value_milli: value * 1_000, active: true }),
            None => Err(SourceError),
        })
        .collect();
    let failures = |name: &&str| Health { failures: count(&given["failures"][*name]) };
    let health = names.iter().map(failures).collect();
    let mut memory = KedaMemory { health, ..KedaMemory::default() };
    let scale = Scale { replicas: 1, ready: 1 };
    let composite = composite_for_hpa(&spec, &mut memory, &readings, scale, NEWEST).ok()?;
    Some(json!({"composite_milli": composite}))
}

fn job(given: &Value) -> ScaledJobSpec {
    let mut spec = ScaledJobSpec::with_defaults(Symbol::EMPTY, vec![counting(1_000)]);
    spec.min_replicas = count(&given["min_replica_count"]);
    spec.max_replicas = given["max_replica_count"].as_u64().map(|max| max as u32);
    spec.strategy = ScalingStrategy::read(
        text(&given["strategy"]),
        given["queue_length_deduction"].as_i64(),
        given["running_job_percentage"].as_str(),
    );
    spec.combination = match text(&given["multiple_scalers_calculation"]) {
        "min" => TriggerCombination::Min,
        "avg" => TriggerCombination::Avg,
        "sum" => TriggerCombination::Sum,
        _ => TriggerCombination::Max,
    };
    spec
}

fn docs_table(given: &Value) -> Value {
    let mut spec = job(given);
    spec.triggers = vec![counting(int(&given["target_average"]) * 1_000)];
    let readings = [Ok(spec.triggers[0].reading(int(&given["queue_length"]) * 1_000))];
    let running = count(&given["running_jobs"]);
    let decision = poll_jobs(&spec, &JobsSeen { readings: &readings, running, pending: 0 });
    json!({"jobs_created": decision.creates})
}

fn job_scale(given: &Value) -> Value {
    let mut spec = job(given);
    let (min, max) = (int(&given["min_replicas"]), int(&given["max_replicas"]));
    spec.min_replicas = min as u32;
    // The cases give the effective maximum.
    spec.max_replicas = Some((max + min) as u32);
    let strategy_used = match spec.strategy {
        ScalingStrategy::Default => "default",
        ScalingStrategy::Custom { .. } => "custom",
        ScalingStrategy::Accurate => "accurate",
        ScalingStrategy::Eager => "eager",
    };
    let number = |key: &str| int(&given[key]);
    let (scale, scale_to) = effective_scale(
        &spec,
        number("running_jobs"),
        number("pending_jobs"),
        number("max_scale"),
        number("queue_length_scale_to"),
    );
    json!({"strategy_used": strategy_used, "effective_max_scale": scale, "scale_to": scale_to})
}

fn multi_trigger(given: &Value) -> Value {
    let triggers = list(&given["triggers"]).iter().map(|one| JobTrigger {
        queue_length: real(&one["queue_length"]),
        target: real(&one["target_average"]),
        active: flag(&one["active"]),
    });
    let wanted = combine(&job(given), triggers);
    json!({
        "active": wanted.active,
        "queue_length": wanted.queue_length,
        "max_scale": wanted.max_scale,
    })
}

fn pending(given: &Value) -> Value {
    // No conditions to check is as none given.
    let conditions = given["pending_pod_conditions"].as_array().filter(|all| !all.is_empty());
    let begun = list(&given["pods"]).iter().map(|pod| match conditions {
        Some(needed) => needed.iter().all(|one| list(&pod["true_conditions"]).contains(one)),
        None => matches!(text(&pod["phase"]), "Running" | "Succeeded"),
    });
    let pending = !flag(&given["job_finished"]) && is_pending(begun);
    json!({"pending_jobs": u32::from(pending)})
}

/// A finished Job of a case: its name, whether it failed, and when it finished.
fn finished_jobs(given: &Value) -> Vec<(String, bool, Option<SimTime>)> {
    let mut jobs = Vec::new();
    for one in list(&given["jobs"]) {
        let at = one["completed_at_s"].as_u64().map(SimTime::from_secs);
        jobs.push((text(&one["name"]).to_owned(), one["result"] == "failed", at));
    }
    for range in list(&given["jobs_generated"]) {
        let first = int(&range["first_index"]);
        for index in first..first + int(&range["count"]) {
            let oldest = index == int(&range["oldest_index"]);
            let at = SimTime::from_secs(if oldest { 0 } else { 300 });
            let name = format!("{}{index}", text(&range["prefix"]));
            jobs.push((name, range["result"] == "failed", Some(at)));
        }
    }
    jobs
}

fn job_history(given: &Value) -> Value {
    let jobs = finished_jobs(given);
    let mut deleted = Vec::new();
    for (failed, key) in [(false, "successful_limit"), (true, "failed_limit")] {
        let limit = given[key].as_u64().map_or(HISTORY_LIMIT, |limit| limit as u32);
        let these: Vec<_> = jobs.iter().filter(|job| job.1 == failed).collect();
        let completed: Vec<_> = these.iter().map(|job| job.2).collect();
        let doomed = history_to_delete(&completed, limit as usize);
        deleted.extend(doomed.into_iter().map(|index| these[index].0.clone()));
    }
    json!({"deleted": deleted})
}
