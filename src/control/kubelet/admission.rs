//! What the kubelet refuses to start although the scheduler has bound it.
//!
//! kubernetes v1.36.2 `pkg/kubelet/lifecycle/predicate.go` (`generalFilter`: requests, node
//! affinity, host ports). A scheduler with all its filters on never binds such a pod.

use crate::model::{Cluster, Usage};
use crate::rules::{
    Detail, FilterOptions, NodeFacts, Plugin, PluginSet, Shortage, WellKnown, node_failure,
};
use crate::unit::{NodeId, PodId};

/// Why a kubelet lets a pod fail that it is handed beside those it has admitted: the `reason` of
/// the failed pod.
pub fn refusal(
    cluster: &Cluster,
    known: WellKnown,
    pod: PodId,
    node: NodeId,
    admitted: impl Iterator<Item = PodId>,
) -> Option<String> {
    let shape = cluster.shape(pod);
    let mut others = Usage::default();
    for other in admitted {
        others.add(other, cluster.shape(other));
    }
    let mut options = FilterOptions::of_version(36, known);
    options.off = scheduler_alone();
    let facts = NodeFacts::with_usage(&cluster.nodes[node], &others);
    let failure = node_failure(shape, &facts, &cluster.symbols, &options)?;
    Some(match failure.detail {
        Detail::Short(short) => format!("OutOf{}", short_of(short)),
        _ => failure.plugin.name().to_owned(),
    })
}

/// Filters that the kubelet does not repeat.
fn scheduler_alone() -> PluginSet {
    let mut off = PluginSet::NONE;
    for plugin in [
        Plugin::NodeUnschedulable,
        Plugin::TaintToleration,
        Plugin::NodeVolumeLimits,
        Plugin::VolumeBinding,
    ] {
        off.insert(plugin);
    }
    off
}

/// The first resource that is short.
fn short_of(short: Shortage) -> &'static str {
    let named = [
        (Shortage::PODS, "pods"),
        (Shortage::CPU, "cpu"),
        (Shortage::MEMORY, "memory"),
        (Shortage::EPHEMERAL, "ephemeral-storage"),
    ];
    let first = named.into_iter().find(|&(kind, _)| short.contains(kind));
    first.map_or("devices", |(_, name)| name)
}
