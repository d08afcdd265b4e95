//! Small decisions: Azure's templates and states, balancing, expanders, limits, ages, priorities.

use serde_json::{Map, Value, json};

use super::compare_sets;
use super::fixture::{instant, length, list, now_of, number, pairs, resources, text};
use crate::conform::case::Verdict;
use crate::control::autoscaler::Expander;
use crate::control::autoscaler::azure::{
    DISK_ZONE, ProvisioningState, ReportedState, Tags, TaintText, generic_labels, labels_from_tags,
    pool_template, reported_state, resources_from_tags, taints_from_spec, taints_from_tags,
    zone_labels,
};
use crate::control::autoscaler::balance::{Share, balance};
use crate::control::autoscaler::deletion::eviction_groups;
use crate::control::autoscaler::expander::{Offer, Priorities, chain, narrow};
use crate::control::autoscaler::limiter::{Limit, Limiter, cluster_limit, group_limit, min_limit};
use crate::control::autoscaler::pods::{is_expendable, is_long_terminating, is_old_enough};
use crate::control::autoscaler::price::{PriceOffer, PriceSetting, preferred_cores, unfitness};
use crate::model::TaintEffect;
use crate::unit::{Duration, Resources, SimTime};

/// State that the provider reports.
pub fn azure_instance_state(given: &Value, expect: &Value) -> Option<Verdict> {
    let state = match text(given, "provisioning_state") {
        "Creating" => ProvisioningState::Creating,
        "Updating" => ProvisioningState::Updating,
        "Deleting" => ProvisioningState::Deleting,
        "Failed" => ProvisioningState::Failed,
        _ => ProvisioningState::Succeeded,
    };
    let running = matches!(text(given, "power_state"), "running" | "starting");
    let fast = given["fast_delete_on_failed_provisioning"] == true;
    let reported = reported_state(state, running, fast, ReportedState::Running);
    let name = match reported {
        ReportedState::Running => "Running",
        ReportedState::Deleting => "Deleting",
        ReportedState::Creating | ReportedState::CreatingWithError => "Creating",
    };
    let error = reported == ReportedState::CreatingWithError;
    Some(super::compare_keys(expect, &json!({"instance_state": name, "error": error})))
}

fn taint_values(taints: &[TaintText]) -> Vec<Value> {
    let effect = |effect: TaintEffect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    taints
        .iter()
        .map(|t| json!({"key": t.key, "value": t.value, "effect": effect(t.effect)}))
        .collect()
}

fn texts(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Labels, taints, resources and zones of templates.
pub fn azure_template(given: &Value, expect: &Value) -> Option<Verdict> {
    let owned = texts(&given["tags"]);
    let tags: Vec<(&str, &str)> = owned.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let tags: Tags<'_> = &tags;
    let location = text(given, "location");
    let zones: Vec<&str> = list(given, "zones").iter().filter_map(Value::as_str).collect();
    let zones = zone_labels(location, &zones);
    let pool = &given["pool"];
    let (pool_labels, pool_taints) = pool_template(
        texts(&pool["node_labels"]),
        &list(pool, "node_taints")
            .iter()
            .filter_map(|t| Some(t.as_str()?.into()))
            .collect::<Vec<_>>(),
        texts(&given["labels_from_spec"]),
        text(given, "taints_from_spec"),
    );
    let subset = |wanted: &Value, all: Vec<(String, String)>| -> Value {
        let kept = all.into_iter().filter(|(key, _)| wanted.get(key).is_some());
        kept.map(|(key, value)| (key, json!(value))).collect()
    };
    let mut right = true;
    for (key, wanted) in expect.as_object()? {
        right &= match key.as_str() {
            "labels" if pool.is_object() => subset(wanted, pool_labels.clone()) == *wanted,
            "labels" => zones.iter().any(|zone| {
                let (arch, os) = (text(given, "architecture"), text(given, "os"));
                let mut all = generic_labels(arch, os, text(given, "sku"), location);
                all.extend(zone.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
                subset(wanted, all) == *wanted
            }),
            "labels_from_label_tags" => {
                let all = labels_from_tags(tags).into_iter();
                all.map(|(key, value)| (key, json!(value))).collect::<Value>() == *wanted
            }
            "taints" => {
                let taints = if pool.is_object() {
                    pool_taints.clone()
                } else if given["taint_spec"].is_string() {
                    taints_from_spec(text(given, "taint_spec"))
                } else {
                    taints_from_tags(tags)
                };
                compare_sets(wanted, taint_values(&taints)) == Verdict::Passed
            }
            "os" => wanted.as_str()? == text(pool, "os").to_lowercase(),
            "resources" => resource_values(tags)? == *wanted,
            "zone_label_one_of" | "disk_topology_label_one_of" => {
                compare_sets(wanted, zone_values(&zones, key)) == Verdict::Passed
            }
            "zone_label" | "disk_topology_label" => zone_values(&zones, key).contains(wanted),
            _ => return None,
        };
    }
    let got = json!({
        "taints": taint_values(&pool_taints), "label_tags": labels_from_tags(tags),
        "tag_taints": taint_values(&taints_from_tags(tags)), "resources": resource_values(tags)?,
    });
    Some(if right { Verdict::Passed } else { Verdict::Failed { expected: expect.clone(), got } })
}

/// Values of the zone label, or of the disk driver's, that templates may have.
fn zone_values(zones: &[[(&str, String); 3]], key: &str) -> Vec<Value> {
    let label = if key.starts_with("disk") { DISK_ZONE } else { "topology.kubernetes.io/zone" };
    zones.iter().flatten().filter(|(key, _)| *key == label).map(|(_, value)| json!(value)).collect()
}

fn resource_values(tags: Tags<'_>) -> Option<Value> {
    resources_from_tags(tags)
        .into_iter()
        .map(|(name, amount)| {
            Some(match name.as_str() {
                "cpu" => ("cpu_m".to_owned(), json!(amount.milli().ok()?)),
                "memory" => ("mem_bytes".to_owned(), json!(amount.units().ok()?)),
                "ephemeral-storage" => {
                    ("ephemeral_storage_bytes".to_owned(), json!(amount.units().ok()?))
                }
                _ => (name, json!(amount.units().ok()?)),
            })
        })
        .collect()
}

/// Splitting an increase.
pub fn balancing(given: &Value, expect: &Value) -> Option<Verdict> {
    let groups = list(given, "groups");
    let shares = groups.iter().enumerate().map(|(group, own)| {
        let current = number(own, "target") as u32;
        Share { group, current, new: current, max: number(own, "max") as u32 }
    });
    let got: Value = balance(shares, number(given, "new_nodes") as u32)
        .into_iter()
        .map(|share| (text(&groups[share.group], "id").to_owned(), json!(share.new)))
        .collect();
    if let Some(any) = expect["any_of"].as_array() {
        let right = any.contains(&got);
        let expected = expect.clone();
        return Some(if right { Verdict::Passed } else { Verdict::Failed { expected, got } });
    }
    Some(Verdict::compare(expect["new_sizes"].clone(), got))
}

/// How many nodes an estimate may add.
pub fn estimation_limiter(given: &Value, expect: &Value) -> Option<Verdict> {
    if expect["limit"].is_i64() {
        let limit = min_limit(number(given, "base"), number(given, "target"));
        return Some(Verdict::compare(expect["limit"].clone(), json!(limit)));
    }
    if given["operations"].is_array() {
        return estimation_steps(given, expect);
    }
    let limit = if given["group"].is_object() || given["similar_groups"].is_array() {
        let all = list(given, "similar_groups").iter().chain([&given["group"]]);
        let all = all.filter(|own| own.is_object());
        group_limit(all.map(|own| (number(own, "max"), number(own, "target"))))
    } else {
        cluster_limit(number(given, "max_nodes_total"), number(given, "current_nodes"))
    };
    Some(Verdict::compare(expect["node_limit"].clone(), json!(limit)))
}

/// Nodes added one by one, and estimates started anew. A threshold's nodes may be a list: one
/// number per estimate.
fn estimation_steps(given: &Value, expect: &Value) -> Option<Verdict> {
    let started = |estimate: usize| {
        let thresholds = list(given, "thresholds").iter().map(|own| {
            let nodes = own["max_nodes"].as_array().map_or(&own["max_nodes"], |all| &all[estimate]);
            Limit {
                nodes: nodes.as_i64().unwrap_or(0),
                micros: number(own, "max_duration_s") * 1_000_000,
            }
        });
        Limiter::new(thresholds)
    };
    let mut limiter = started(0);
    let mut elapsed = length(given, "already_elapsed_s").unwrap_or(Duration::ZERO);
    let operations = list(given, "operations");
    let (mut results, mut estimate) = (Vec::new(), 0);
    let all_answer = list(expect, "results").len() == operations.len();
    for operation in operations {
        match operation.as_str()? {
            "add" => results.push(json!(limiter.permits(elapsed))),
            "reset" | "restart" | "start" => {
                estimate += 1;
                (limiter, elapsed) = (started(estimate), Duration::ZERO);
                // Starting anew answers nothing.
                results.extend(all_answer.then_some(Value::Null));
            }
            _ => return None,
        }
    }
    let all = json!({"results": results, "nodes_counted": limiter.nodes()});
    let got = expect.as_object()?.keys().map(|key| (key.clone(), all[key].clone())).collect();
    Some(Verdict::compare(expect.clone(), got))
}

fn offer(given: &Value, option: &Value) -> Offer {
    let pods = list(option, "pods");
    let price = |pod: &Value| given["pod_prices"][pod.as_str().unwrap_or_default()].as_f64();
    Offer {
        id: text(option, "id").to_owned(),
        nodes: number(option, "node_count") as u32,
        pods: option["pod_count"].as_u64().map_or(pods.len(), |count| count as usize),
        requests: pods.iter().fold(Resources::ZERO, |sum, pod| sum + &resources(pod)),
        capacity: resources(&option["node_capacity"]),
        price: option["node_price"].as_f64().and_then(|node| {
            Some(PriceOffer {
                node,
                pods: pods.iter().map(price).sum::<Option<f64>>()?,
                node_cpu_milli: number(option, "node_cpu_m"),
                gpu: option["gpu"] == true,
                exists: option["exists"].as_bool().unwrap_or(true),
            })
        }),
    }
}

/// What expanders keep.
pub fn expander(given: &Value, expect: &Value) -> Option<Verdict> {
    if let Some(cores) = expect["preferred_node_cpu_cores"].as_i64() {
        let got = preferred_cores(number(given, "cluster_nodes") as usize);
        return Some(Verdict::compare(json!(cores), json!(got)));
    }
    if expect["unfitness"].is_number() {
        let got = unfitness(number(given, "preferred_cpu_m"), number(given, "node_cpu_m"));
        return Some(Verdict::compare(expect["unfitness"].clone(), json!(got)));
    }
    if given["expander"] == "chain" {
        return chained(given, expect);
    }
    let expander = Expander::named(text(given, "expander"))?;
    let offers: Vec<Offer> =
        list(given, "options").iter().map(|option| offer(given, option)).collect();
    let levels: Vec<(i64, Vec<String>)> = pairs(given, "priorities")
        .into_iter()
        .filter_map(|(level, patterns)| {
            let patterns = patterns.as_array()?.iter().filter_map(|p| Some(p.as_str()?.into()));
            Some((level.parse().ok()?, patterns.collect()))
        })
        .collect();
    let prices = given["stabilization_price"].as_f64().map(|stabilization| PriceSetting {
        preferred_cpu_milli: number(given, "preferred_node_cpu_m"),
        stabilization,
    });
    let among: Vec<usize> = (0..offers.len()).collect();
    let kept = narrow(expander, &offers, &among, &Priorities::new(&levels), prices.as_ref());
    let got = kept.into_iter().map(|at| json!(offers[at].id)).collect();
    Some(compare_sets(&expect["kept"], got))
}

/// The chain of filters and its fallback, with the case's own filters.
fn chained(given: &Value, expect: &Value) -> Option<Verdict> {
    let options: Vec<&str> = list(given, "options").iter().filter_map(Value::as_str).collect();
    let contains = |at: usize, part: &str| options[at].contains(part);
    let filters = list(given, "filters").iter().map(|filter| {
        let part = text(filter, "keep_if_contains");
        move |among: &[usize]| -> Vec<usize> {
            among.iter().copied().filter(|&at| contains(at, part)).collect()
        }
    });
    let among = chain(options.len(), filters);
    let last = text(&given["fallback"], "first_containing");
    let chosen = match among.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|&at| contains(at, last)),
    };
    let got = chosen.map(|at| options[at]);
    Some(Verdict::compare(expect["chosen"].clone(), json!(got)))
}

/// Expendable pods: one, or what is left of a list without them.
pub fn expendable(given: &Value, expect: &Value) -> Option<Verdict> {
    if given["pods"].is_array() {
        let cutoff = number(given, "cutoff") as i32;
        let (expendable, kept): (Vec<&Value>, Vec<&Value>) = list(given, "pods")
            .iter()
            .partition(|pod| is_expendable(pod["priority"].as_i64().map(|own| own as i32), cutoff));
        let (key, wanted) = expect.as_object()?.iter().find(|(_, names)| names.is_array())?;
        let names = if key == "expendable" { expendable } else { kept };
        return Some(compare_sets(wanted, names.iter().map(|pod| pod["name"].clone()).collect()));
    }
    let priority = given["priority"].as_i64().map(|priority| priority as i32);
    let got = is_expendable(priority, number(given, "cutoff") as i32);
    Some(Verdict::compare(expect["expendable"].clone(), json!(got)))
}

/// Pods that should be gone.
pub fn long_terminating(given: &Value, expect: &Value) -> Option<Verdict> {
    let got = is_long_terminating(
        instant(given, "deletion_timestamp_s"),
        length(given, "termination_grace_s"),
        now_of(given),
    );
    Some(Verdict::compare(expect["long_terminating"].clone(), json!(got)))
}

/// Pods that are old enough to be helped.
pub fn new_pod_delay(given: &Value, expect: &Value) -> Option<Verdict> {
    let now = now_of(given);
    let flag = length(given, "new_pod_scale_up_delay_s").unwrap_or(Duration::ZERO);
    let kept = list(given, "pods").iter().filter(|pod| {
        let created = instant(pod, "creation_timestamp_s").unwrap_or(SimTime::ZERO);
        let own = pod["annotation_delay"].as_str().and_then(go_duration);
        is_old_enough(created, own, flag, now)
    });
    Some(compare_sets(&expect["kept"], kept.map(|pod| pod["name"].clone()).collect()))
}

/// A Go duration of one unit, as annotations have it.
fn go_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return None,
    };
    Some(Duration::from_secs(number * seconds))
}

/// Order of evictions by priority.
pub fn eviction_order(given: &Value, expect: &Value) -> Option<Verdict> {
    let pods: Vec<(&str, i32)> = list(given, "pods")
        .iter()
        .map(|pod| (text(pod, "name"), number(pod, "priority") as i32))
        .collect();
    let thresholds: Vec<i32> = list(given, "drain_priority_config")
        .iter()
        .map(|own| number(own, "priority") as i32)
        .collect();
    let got: Vec<&str> = eviction_groups(&pods, &thresholds).into_iter().flatten().collect();
    let got = Map::from_iter([("order".to_owned(), json!(got))]);
    Some(super::compare_keys(expect, &Value::Object(got)))
}
