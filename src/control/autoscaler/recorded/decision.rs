//! What a scan did and why.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Writer, compact, failure_name};
use crate::control::autoscaler::action::{Action, DeleteReason, Ending, Fate, GrowReason, Scan};
use crate::control::autoscaler::memory::Autoscaler;
use crate::control::autoscaler::quota::QuotaResource;
use crate::control::autoscaler::scale_up::{Rejection, ScaleUpResult};
use crate::control::autoscaler::unremovable::Reason;
use crate::unit::{NodeId, PoolId};

/// The decision of a scan; `after` is the memory that it left.
pub fn decision(writer: &Writer<'_>, scan: &Scan, after: &Autoscaler) -> Value {
    let group = |pool: PoolId| writer.group_name(pool);
    let nodes = |pick: &dyn Fn(&Action) -> Option<NodeId>| -> Vec<String> {
        scan.actions.iter().filter_map(pick).map(|node| writer.node_name(node)).collect()
    };
    let deleted = |drained: bool| {
        nodes(&|action| match *action {
            Action::StartDeletion { node, drain } if drain == drained => Some(node),
            _ => None,
        })
    };
    let unneeded = after.planner.unneeded.iter().map(|(node, _)| writer.node_name(node));
    json!({
        "ending": match scan.ending {
            Ending::Complete => "complete",
            Ending::NoNodes => "no_ready_nodes",
            Ending::Unhealthy => "cluster_unhealthy",
            Ending::FixedSizes => "fixed_node_group_sizes",
        },
        "scale_up_result": scan.scale_up.map(result),
        "expander_choice": scan.chosen.map(group),
        "expander_options": scan.offers.iter()
            .map(|&(pool, nodes, pods)| json!({
                "group": group(pool), "node_count": nodes, "pods": pods,
            }))
            .collect::<Value>(),
        "increase_size": increases(writer, scan),
        "decrease_target_size": scan.actions.iter()
            .filter_map(|action| match action {
                Action::DecreaseTarget { pool, by } => Some((group(*pool), json!(by))),
                _ => None,
            })
            .collect::<Map<_, _>>(),
        "delete_instances": instances(writer, scan),
        "delete_empty": deleted(false),
        "delete_drain": deleted(true),
        "soft_taint": nodes(&|action| match *action {
            Action::SoftTaint { node } => Some(node),
            _ => None,
        }),
        "soft_untaint": nodes(&|action| match *action {
            Action::SoftUntaint { node } => Some(node),
            _ => None,
        }),
        "unneeded": unneeded.collect::<Value>(),
        // Upstream gives those that it did not come to no reason.
        "unremovable": scan.unremovable.iter()
            .filter(|(_, reason)| *reason != Reason::NotReached)
            .map(|(node, reason)| (writer.node_name(*node), json!(reason.name())))
            .collect::<Map<_, _>>(),
        "scale_down_in_cooldown": scan.in_cooldown,
        "failed_scale_ups": scan.failures.iter()
            .map(|failure| json!({
                "group": group(failure.pool),
                "error": failure_name(failure.kind),
                "nodes": failure.nodes,
            }))
            .collect::<Value>(),
        "skipped_groups": skipped(writer, scan),
        "pods": fates(writer, scan),
        "snapshot_node_count": scan.snapshot_nodes,
        "scale_down_candidates": scan.candidates,
    })
}

fn result(result: ScaleUpResult) -> &'static str {
    match result {
        ScaleUpResult::Grows => "successful",
        ScaleUpResult::NoOptions => "no_options_available",
        ScaleUpResult::MaxNodes => "max_nodes_total_reached",
        ScaleUpResult::Quota(_) => "resource_limit_reached",
        ScaleUpResult::AllOrNothing => "not_all_pods_fit",
    }
}

/// Increases in the order in which they are asked for.
fn increases(writer: &Writer<'_>, scan: &Scan) -> Value {
    let one = |action: &Action| match *action {
        Action::IncreaseSize { pool, by, reason } => Some(compact(json!({
            "group": writer.group_name(pool),
            "delta": by,
            "reason": match reason {
                GrowReason::Pods(_) => "pending_pods",
                GrowReason::MinSize => "min_size",
            },
            "pods": match reason {
                GrowReason::Pods(pods) => Some(pods),
                GrowReason::MinSize => None,
            },
        }))),
        _ => None,
    };
    scan.actions.iter().filter_map(one).collect()
}

fn instances(writer: &Writer<'_>, scan: &Scan) -> Value {
    let one = |action: &Action| match action {
        Action::DeleteInstances { pool, nodes, why, force } => Some(json!({
            "group": writer.group_name(*pool),
            "instances": nodes.iter().map(|node| writer.node_name(*node)).collect::<Value>(),
            "reason": match why {
                DeleteReason::Unregistered => "unregistered",
                DeleteReason::CreationFailed => "creation_failed",
            },
            "force": force,
        })),
        _ => None,
    };
    scan.actions.iter().filter_map(one).collect()
}

/// Groups that did not grow for some pods, with the reasons in order of first appearance.
fn skipped(writer: &Writer<'_>, scan: &Scan) -> Value {
    let mut groups: BTreeMap<PoolId, Vec<&'static str>> = BTreeMap::new();
    for &(pool, rejection) in scan.rejections.iter().flatten() {
        let name = rejection_name(rejection);
        let reasons = groups.entry(pool).or_default();
        if !reasons.contains(&name) {
            reasons.push(name);
        }
    }
    groups.into_iter().map(|(pool, reasons)| (writer.group_name(pool), json!(reasons))).collect()
}

fn rejection_name(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::Unhealthy => "not_healthy",
        Rejection::BackedOff { .. } => "in_backoff",
        Rejection::MaxSize => "max_size_reached",
        Rejection::NoTemplate => "no_node_info",
        Rejection::Quota(QuotaResource::Cores) => "resource_limit_cores",
        Rejection::Quota(QuotaResource::Memory) => "resource_limit_memory",
        Rejection::Quota(QuotaResource::Nodes) => "resource_limit_nodes",
        Rejection::Filter(plugin) => plugin.name(),
        Rejection::NotEstimated => "not_estimated",
        Rejection::NotChosen { .. } => "not_chosen",
    }
}

/// How many pods came to what.
fn fates(writer: &Writer<'_>, scan: &Scan) -> Value {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for &(_, fate) in &scan.fates {
        let name = match fate {
            Fate::FitsNode(_) => "fits_node".to_owned(),
            Fate::FitsUpcoming(pool) => format!("fits_upcoming/{}", writer.group_name(pool)),
            Fate::TooYoung => "too_young".to_owned(),
            Fate::AllNew => "all_new".to_owned(),
            Fate::Helped(pool) => format!("helped/{}", writer.group_name(pool)),
            Fate::NotHelped(_) => "not_helped".to_owned(),
            Fate::MaxNodes => "max_nodes_total".to_owned(),
            Fate::Held => "held".to_owned(),
        };
        *counts.entry(name).or_default() += 1;
    }
    json!(counts)
}
