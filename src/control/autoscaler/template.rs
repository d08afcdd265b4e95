//! What a new node of a group would be (`pkg/processors/nodeinfosprovider`,
//! `pkg/simulator/node_info_utils.go`).

use std::collections::BTreeMap;

use super::drain::is_daemon;
use super::spec::AutoscalerSpec;
use super::view::{Template, View};
use crate::model::{Node, NodePhase, OwnerKind, PodPhase, Taint};
use crate::unit::{Duration, PoolId, SimTime};

/// A node must have been ready this long to be a model.
const STABILIZATION: Duration = Duration::from_mins(1);

/// Upstream's `node-info-cache-expire-time`: ten years.
pub const TEMPLATE_TTL: Duration = Duration::from_mins(87_600 * 60);

/// Templates made of real nodes, kept for when there is none.
#[derive(Clone, Debug, Default)]
pub struct TemplateCache {
    /// With the loop that saw the node last, where that matters within a run.
    pub(super) known: BTreeMap<PoolId, (Template, Option<SimTime>)>,
    /// Groups whose template this loop has taken from here.
    pub(super) used: Vec<PoolId>,
}

/// Templates by position of the group.
pub fn templates(
    spec: &AutoscalerSpec,
    view: &View<'_>,
    cache: &mut TemplateCache,
    now: SimTime,
) -> Vec<Option<Template>> {
    let mut good: Vec<Option<&Node>> = vec![None; view.groups.len()];
    let mut bad: Vec<Option<&Node>> = vec![None; view.groups.len()];
    let mut missing = view.groups.len();
    for &id in &view.cluster.registered {
        if missing == 0 {
            break;
        }
        let node = &view.cluster.nodes[id];
        let Some(group) = view.group_of(node) else { continue };
        if good[group].is_none() {
            if is_good(view, node, now) {
                good[group] = Some(node);
                missing -= 1;
            } else if node.phase != NodePhase::Deleting {
                bad[group].get_or_insert(node);
            }
        }
    }
    cache.used.clear();
    let zipped = view.groups.iter().zip(good.into_iter().zip(bad));
    zipped
        .map(|(group, (good, bad))| {
            if let Some(node) = good {
                let template = of_node(spec, view, node, group.template.as_ref());
                let seen = (spec.template_ttl < TEMPLATE_TTL).then_some(now);
                cache.known.insert(group.pool, (template.clone(), seen));
                return Some(template);
            }
            let is_old = |(_, seen): &(Template, Option<SimTime>)| {
                seen.is_some_and(|seen| seen + spec.template_ttl < now)
            };
            if cache.known.get(&group.pool).is_some_and(is_old) {
                cache.known.remove(&group.pool);
            }
            if let Some((template, _)) = cache.known.get(&group.pool) {
                cache.used.push(group.pool);
                return Some(template.clone());
            }
            let asked = group.template.clone();
            asked.or_else(|| bad.map(|node| of_node(spec, view, node, None)))
        })
        .collect()
}

fn is_good(view: &View<'_>, node: &Node, now: SimTime) -> bool {
    view.is_ready(node)
        && node.condition_changed + STABILIZATION < now
        && !node.unschedulable
        && !node.taints.iter().any(|taint| taint.key == view.words.to_be_deleted)
}

/// A template like a real node: its DaemonSet and static pods stay, taints that pass do not.
fn of_node(
    spec: &AutoscalerSpec,
    view: &View<'_>,
    node: &Node,
    empty: Option<&Template>,
) -> Template {
    let words = view.words;
    let stays = |taint: &&Taint| {
        ![words.to_be_deleted, words.deletion_candidate].contains(&taint.key)
            && !words.node_conditions.contains(&taint.key)
            && !words.startup_taints.contains(&taint.key)
    };
    let mut pods = Vec::new();
    for &id in &node.used.pods {
        let pod = &view.cluster.pods[id];
        let shape = &view.cluster.shapes[pod.shape];
        if pod.phase != PodPhase::Terminating
            && (is_daemon(shape) || shape.owner == OwnerKind::Mirror)
        {
            pods.push(pod.shape);
        }
    }
    if spec.force_daemonsets {
        let all = empty.map_or([].as_slice(), |template| &template.pods);
        pods.extend(all.iter().filter(|shape| !pods.contains(shape)).copied().collect::<Vec<_>>());
    }
    Template {
        capacity: node.capacity,
        allocatable: node.allocatable,
        labels: node.labels.iter().filter(|(key, _)| *key != words.hostname).collect(),
        taints: node.taints.iter().filter(stays).copied().collect(),
        pods,
        max_data_disks: node.max_data_disks,
    }
}
