//! Cases of the parts of an HPA: groups, ratios, windows, limits, defaults.

use serde_json::{Value, json};

use super::super::case::Case;
use super::reader::{
    NOW, count, events, flag, history, int, is_newest, list, pods, rules, seconds, settings, text,
    thousandths,
};
use crate::control::hpa::normalise::{
    Events, change_within, down_limit, longest_period, plain_bounds, rate_bounds, remember_clamped,
    remember_event, remember_plain, up_limit, window_clamp, window_max,
};
use crate::control::hpa::recommend::{self, is_ready_for_value};
use crate::control::hpa::{
    ContainerRequest, MetricFailure, PodGroup, PodSums, PolicySelect, Recommendation,
    ScalingPolicyKind, ScalingRules, Tolerance, pod_request,
};

pub(super) fn run(case: &Case) -> Option<Value> {
    let given = &case.given;
    Some(match case.area.as_str() {
        "hpa.behavior_defaults" => behavior_defaults(given),
        "hpa.behavior_rate_limit" => behavior_rate_limit(given),
        "hpa.group_pods" => group_pods(given),
        "hpa.limits_without_behavior" => limits_without_behavior(given),
        "hpa.per_pod_usage" => {
            let usage = int(&given["usage"]);
            json!({"per_pod": recommend::per_pod_usage(usage, count(&given["status_replicas"]))})
        }
        "hpa.pod_request" => pod_requests(case),
        "hpa.policy_limit" => policy_limit(given),
        "hpa.replica_calc" => replica_calc(case),
        "hpa.scale_event_store" => scale_event_store(given),
        "hpa.stabilize_with_behavior" => stabilize_with_behavior(given),
        "hpa.stabilize_without_behavior" => stabilize_without_behavior(given),
        "hpa.usage_ratio" => usage_ratio(case)?,
        _ => return None,
    })
}

fn side(given: &Value, direction: &str) -> ScalingRules {
    match direction {
        "up" => ScalingRules::up(rules(given)),
        _ => ScalingRules::down(rules(given)),
    }
}

fn behavior_defaults(given: &Value) -> Value {
    let rules = side(&given["user_rules"], text(&given["direction"]));
    let policies: Vec<Value> = rules
        .policies
        .iter()
        .map(|policy| {
            let kind = match policy.kind {
                ScalingPolicyKind::Pods => "Pods",
                ScalingPolicyKind::Percent => "Percent",
            };
            json!({"type": kind, "value": policy.value, "period_s": policy.period.as_secs()})
        })
        .collect();
    let select = match rules.select {
        PolicySelect::Max => "Max",
        PolicySelect::Min => "Min",
        PolicySelect::Disabled => "Disabled",
    };
    let stabilization = rules.stabilization.map(|window| window.as_secs());
    json!({"policies": policies, "stabilization_s": stabilization, "select": select})
}

fn behavior_rate_limit(given: &Value) -> Value {
    let (up, down) = (events(&given["up_events"]), events(&given["down_events"]));
    let (replicas, bound) = rate_bounds(
        (&side(&given["up_rules"], "up"), &side(&given["down_rules"], "down")),
        Events { up: &up, down: &down },
        count(&given["current"]),
        count(&given["desired"]),
        (count(&given["min"]), count(&given["max"])),
        NOW,
    );
    json!({"replicas": replicas, "limit_reason": bound.name()})
}

fn limits_without_behavior(given: &Value) -> Value {
    let number = |key: &str| count(&given[key]);
    let (replicas, bound) =
        plain_bounds(number("current"), number("desired"), number("min"), number("max"));
    json!({"replicas": replicas, "limit_reason": bound.name()})
}

fn policy_limit(given: &Value) -> Value {
    let direction = text(&given["direction"]);
    let rules = side(&given["rules"], direction);
    let (up, down) = (events(&given["up_events"]), events(&given["down_events"]));
    let limit = if direction == "up" { up_limit } else { down_limit };
    let current = count(&given["current"]);
    json!({"limit": limit(&rules, Events { up: &up, down: &down }, current, NOW)})
}

fn scale_event_store(given: &Value) -> Value {
    let mut stored = events(&given["events_before"]);
    let before = change_within(&stored, seconds(&given["query_period_s"]), NOW);
    let rules = rules(&given["rules"]).map(|rules| ScalingRules::up(Some(rules)));
    if let Some(rules) = &rules {
        remember_event(&mut stored, rules, count(&given["replica_change"]), NOW);
    }
    let longest = rules.as_ref().map(longest_period);
    let after: Vec<Value> = stored
        .iter()
        .map(|event| {
            let outdated = longest.is_some_and(|longest| NOW.since(event.at) > longest);
            json!({"change": event.change, "outdated": outdated})
        })
        .collect();
    json!({"change_in_query_period_before": before, "events_after": after})
}

fn stabilize_with_behavior(given: &Value) -> Value {
    let mut entries = history(&given["history"]).unwrap_or_default();
    let windows = (seconds(&given["up_window_s"]), seconds(&given["down_window_s"]));
    let wanted = count(&given["desired"]);
    let replicas = window_clamp(&entries, count(&given["current"]), wanted, windows, NOW);
    remember_clamped(&mut entries, wanted, windows, NOW);
    let values: Vec<u32> = entries.iter().map(|entry| entry.replicas).collect();
    json!({"replicas": replicas, "history_values_after": values})
}

fn stabilize_without_behavior(given: &Value) -> Value {
    let mut entries = history(&given["history"]).unwrap_or_default();
    let (wanted, window) = (count(&given["desired"]), seconds(&given["window_s"]));
    let replicas = window_max(&entries, wanted, window, NOW);
    remember_plain(&mut entries, wanted, window, NOW);
    json!({"replicas": replicas, "history_len_after": entries.len()})
}

fn group_pods(given: &Value) -> Value {
    // The cases are of the newest controller.
    let settings = settings("mid-2026", given);
    let cpu = text(&given["resource"]) == "cpu";
    let Ok((seen, _)) = pods(&given["pods"], &given["samples"], None, true) else {
        return Value::Null;
    };
    let groups: Vec<PodGroup> = seen.iter().map(|pod| pod.group(cpu, &settings, NOW)).collect();
    let names = |group: PodGroup| -> Vec<&str> {
        let pairs = list(&given["pods"]).iter().zip(&groups);
        pairs.filter(|(_, of)| **of == group).map(|(pod, _)| text(&pod["name"])).collect()
    };
    json!({
        "counted_ready": names(PodGroup::Counted).len(),
        "unready": names(PodGroup::Unready),
        "missing": names(PodGroup::Missing),
        "ignored": names(PodGroup::Ignored),
    })
}

fn pod_requests(case: &Case) -> Value {
    let given = &case.given;
    let enabled = flag(&given["pod_level_resources_enabled"]);
    let only = given["only_container"].as_str();
    let pod_level = given["pod_level_cpu_milli"].as_i64().filter(|_| enabled);
    let containers = given["containers_cpu_milli"].as_object().into_iter().flatten();
    let containers = containers.map(|(name, request)| (name.as_str(), request.as_i64(), true));
    let init = list(&given["init_containers"]).iter().map(|container| {
        let counts = flag(&container["restart_always"]);
        (text(&container["name"]), container["cpu_milli"].as_i64(), counts)
    });
    let requests = containers.chain(init).map(|(name, request, counts)| ContainerRequest {
        name,
        request,
        counts,
    });
    match pod_request(pod_level, only, requests) {
        Ok(request) => json!({"request_milli": request}),
        Err(failure) => error(failure, case),
    }
}

fn replica_calc(case: &Case) -> Value {
    match recommended(case) {
        Ok(recommendation) => json!({
            "replicas": recommendation.replicas,
            "usage_milli": recommendation.usage,
            "average_usage_milli": recommendation.usage,
            "utilization_pct": recommendation.utilization,
        }),
        Err(failure) => error(failure, case),
    }
}

/// A failure as the case spells it, if it spells this one: upstream's messages have no fixed names.
fn error(failure: MetricFailure, case: &Case) -> Value {
    let name = error_name(failure, &case.given);
    let spelled = &case.expect["error"];
    let says = |words: &[&str]| words.iter().all(|word| text(spelled).contains(word));
    let same = match failure {
        MetricFailure::NoneMatch => says(&["match"]),
        MetricFailure::NoContainer => says(&["container", "missing"]) || says(&["not_present"]),
        MetricFailure::NoPods => says(&["no_pods"]),
        MetricFailure::NoSamples => says(&["no_metrics"]) && !says(&["match"]),
        MetricFailure::NoRequest => says(&["missing", "request"]),
        MetricFailure::ContainerNotFound => says(&["container", "not_found"]),
        MetricFailure::NotRead | MetricFailure::InvalidSource => false,
    };
    json!({"error": if same { text(spelled) } else { name }})
}

/// The first words of upstream's message.
fn error_name(failure: MetricFailure, given: &Value) -> &str {
    match failure {
        MetricFailure::NoneMatch => "no_metrics_match_known_pods",
        MetricFailure::NoContainer => "container_missing_in_metrics",
        MetricFailure::NoPods => "no_pods_returned",
        MetricFailure::NoSamples => "no_metrics_returned",
        MetricFailure::NoRequest => "missing_resource_request",
        MetricFailure::ContainerNotFound => "container_not_found",
        MetricFailure::NotRead | MetricFailure::InvalidSource => text(&given["metric_kind"]),
    }
}

fn recommended(case: &Case) -> Result<Recommendation, MetricFailure> {
    let given = &case.given;
    let source = text(&case.raw["source_file"]);
    let settings = settings(source, given);
    let tolerance = Tolerance {
        up_milli: thousandths(&given["tolerance_up"]).unwrap_or(100),
        down_milli: thousandths(&given["tolerance_down"]).unwrap_or(100),
    };
    let current = count(&given["current_replicas"]);
    let only = given["only_container_index"].as_u64().map(|index| index as usize);
    let newest = is_newest(source);
    let (seen, unmatched) = pods(&given["pods"], &given["samples"], only, newest)?;
    let cpu = text(&given["resource"]) == "cpu";
    let mut sums = PodSums::group(&seen, cpu, &settings, NOW);
    sums.unmatched = unmatched;
    let ready = seen
        .iter()
        .filter(|pod| is_ready_for_value(pod.phase, pod.ready.is_some_and(|(ready, _)| ready)))
        .count() as u32;
    let total = list(&given["values_milli"]).iter().map(int).fold(0, i64::saturating_add);
    let target = int(&given["target_milli"]);
    match text(&given["metric_kind"]) {
        "resource_utilization" => {
            recommend::utilization(&sums, int(&given["target_utilization_pct"]), current, tolerance)
        }
        "pods_average" => recommend::average_of_pods(&sums, target, current, tolerance),
        "object_average" | "external_average" => {
            Ok(recommend::average_value(total, target, current, tolerance))
        }
        "object_value" | "external_value" => {
            recommend::value(total, target, current, sums.listed, ready, tolerance)
        }
        _ => Err(MetricFailure::InvalidSource),
    }
}

/// The ratio of pods of which all count; those without a request are left out before.
fn usage_ratio(case: &Case) -> Option<Value> {
    let given = &case.given;
    let usage = given["usage_milli"].as_object()?;
    let requests = given["requests_milli"].as_object();
    let mut sums = PodSums { listed: usage.len() as u32, ..PodSums::default() };
    for (name, usage) in usage {
        let request = match requests {
            Some(requests) => match requests.get(name) {
                Some(request) => int(request),
                None => continue,
            },
            None => 0,
        };
        sums.counted += 1;
        sums.usage += int(usage);
        sums.requests += request;
    }
    // Nothing is left only where no sample's pod has a request.
    sums.unmatched = usage.len() as u32 - sums.counted;
    let target = given["target_milli"].as_i64();
    let percent = int(&given["target_utilization_pct"]);
    let found = match target {
        Some(target) => recommend::average_of_pods(&sums, target, 1, Tolerance::NONE),
        None => recommend::utilization(&sums, percent, 1, Tolerance::NONE),
    };
    let one = match found {
        Ok(one) => one,
        Err(failure) => return Some(error(failure, case)),
    };
    Some(match target {
        Some(target) => {
            json!({"ratio": one.usage as f64 / target as f64, "average_usage_milli": one.usage})
        }
        None => {
            json!({
                "ratio": one.utilization? as f64 / percent as f64,
                "utilization_pct": one.utilization,
                "average_usage_milli": one.usage,
            })
        }
    })
}
