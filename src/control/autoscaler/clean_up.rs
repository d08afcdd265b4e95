//! What is read of nodes and instances, and what of them is cleaned up before anything else.

use std::collections::BTreeMap;

use super::backoff::FailureKind;
use super::glance::Glance;
use super::snapshot::Snapshot;
use super::spec::AutoscalerSpec;
use super::state::{ClusterState, InstanceReading, NodeReading, StateLimits};
use super::view::{GroupView, InstanceState, View, instance_state};
use crate::model::{Node, NodePhase};
use crate::unit::{Duration, NodeId, PoolId, SimTime};

/// Groups whose target has been above their registered nodes for too long, and by how much.
pub fn sizes_to_fix(
    state: &ClusterState,
    groups: &[GroupView],
    provision: Duration,
    now: SimTime,
) -> Vec<(PoolId, u32)> {
    groups
        .iter()
        .filter_map(|group| {
            let size = state.incorrect_size(group.pool)?;
            let old = size.first_observed + provision < now;
            let by = size.expected.saturating_sub(size.current);
            (old && by > 0).then_some((group.pool, by))
        })
        .collect()
}

/// Where some instances of an atomic group are to be deleted, all of them are
/// (`static_autoscaler.go`, `overrideNodesToDeleteForZeroOrMax`).
pub fn or_all(group: &GroupView, nodes: Vec<NodeId>, instances: &[NodeId]) -> Vec<NodeId> {
    if group.atomic && !nodes.is_empty() { instances.to_vec() } else { nodes }
}

/// Instances without a node that are to be deleted: no group falls under its minimum, unless
/// forced; from 1.32 on an atomic group goes as a whole. `instances` gives a group's.
pub fn unregistered_to_delete<'i>(
    state: &ClusterState,
    groups: &[GroupView],
    instances: impl Fn(PoolId) -> Option<&'i [NodeId]>,
    limits: &StateLimits,
    force: bool,
    now: SimTime,
) -> Vec<(PoolId, Vec<NodeId>)> {
    let mut of_pool: BTreeMap<PoolId, Vec<NodeId>> = BTreeMap::new();
    for (node, pool) in state.old_unregistered(limits, now) {
        of_pool.entry(pool).or_default().push(node);
    }
    of_pool
        .into_iter()
        .filter_map(|(pool, mut nodes)| {
            let group = groups.iter().find(|group| group.pool == pool)?;
            if !force {
                nodes.truncate(group.target.saturating_sub(group.min) as usize);
            }
            if let Some(all) = instances(pool) {
                nodes = or_all(group, nodes, all);
            }
            (!nodes.is_empty()).then_some((pool, nodes))
        })
        .collect()
}

/// What is read of a node.
pub(super) fn reading(node: NodeId, seen: &Glance) -> NodeReading {
    NodeReading {
        node,
        pool: seen.group.and(seen.pool),
        ready: seen.ready,
        created: (seen.registered != SimTime::NEVER).then_some(seen.registered),
        deleted: seen.phase == NodePhase::Gone,
        suspended: seen.phase == NodePhase::Deallocated,
    }
}

/// What is read of the instances of all groups, less those that have a Node: they say no more.
pub(super) fn instances<'v>(
    spec: &'v AutoscalerSpec,
    view: &'v View<'_>,
    snapshot: &'v Snapshot<'_>,
) -> impl Iterator<Item = InstanceReading> + 'v {
    let is_node = |id: NodeId| {
        let slot = snapshot.slot_of(id);
        slot.is_some_and(|slot| snapshot.glances()[slot].phase.has_node())
    };
    view.groups.iter().flat_map(move |group| {
        let ids = &view.cluster.pools[group.pool].instances;
        ids.iter().filter(move |&&id| !is_node(id)).filter_map(move |&id| {
            let node: &Node = &view.cluster.nodes[id];
            let state = instance_state(node.phase, spec.fast_failure_detection)?;
            Some(InstanceReading {
                node: id,
                pool: group.pool,
                has_node: node.phase.has_node(),
                deleting: state == InstanceState::Deleting,
                error: (state == InstanceState::Failed).then(|| {
                    let known = view.failures.get(&id).copied();
                    known.map_or(FailureKind::Other, FailureKind::Provider)
                }),
            })
        })
    })
}
