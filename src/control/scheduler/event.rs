//! Which events woke which pods before there were queueing hints, that is up to 1.31: every pod
//! that was rejected by a plugin which had registered for the event, as far as a rough check of
//! the node or of the pod's affinity terms let it through.
//!
//! Source: `EventsToRegister` of each plugin, `preCheckForNode`, `nodeSchedulingPropertiesChange`
//! (`pkg/scheduler/eventhandlers.go`) and `AssignedPodAdded`
//! (`pkg/scheduler/internal/queue/scheduling_queue.go`), kubernetes v1.28 and v1.31.

use super::seats::Seat;
use crate::model::{Node, PodShape};
use crate::rules::{
    FilterOptions, Names, NodeFacts, Plugin, PluginSet, node_failure, term_matches,
};
use crate::unit::Symbols;
use crate::vocabulary::KubernetesVersion;

/// What happened, as plugins register for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// A node came.
    NodeAdd,
    /// A node was cordoned or taken back into service.
    NodeUnschedulable,
    /// What a node offers has changed.
    NodeAllocatable,
    /// A node's labels have changed.
    NodeLabels,
    /// A node's taints have changed.
    NodeTaints,
    /// A node went.
    NodeDelete,
    /// A pod was placed.
    PodAdd,
    /// A placed pod went.
    PodDelete,
}

impl ClusterEvent {
    /// The one event that a change of a node is told as; `None`: nothing that placement asks for.
    pub fn of_node(before: Option<&Seat>, node: &Node) -> Option<Self> {
        let Some(before) = before else { return Some(Self::NodeAdd) };
        Some(if before.unschedulable != node.unschedulable {
            Self::NodeUnschedulable
        } else if before.allocatable != node.allocatable {
            Self::NodeAllocatable
        } else if before.labels != node.labels {
            Self::NodeLabels
        } else if before.taints != node.taints {
            Self::NodeTaints
        } else {
            return None;
        })
    }

    /// Whether one of the plugins that rejected a pod has registered for the event.
    pub fn concerns(self, rejectors: PluginSet) -> bool {
        Plugin::ALL.into_iter().any(|plugin| rejectors.contains(plugin) && self.wakes(plugin))
    }

    fn wakes(self, plugin: Plugin) -> bool {
        use ClusterEvent::*;
        match plugin {
            Plugin::NodeUnschedulable | Plugin::NodeName => {
                matches!(self, NodeAdd | NodeUnschedulable | NodeTaints)
            }
            Plugin::TaintToleration | Plugin::NodeAffinity => self.is_of_node(),
            Plugin::NodePorts | Plugin::NodeResourcesFit => self.is_of_node() || self == PodDelete,
            // Its CSINode comes with a node.
            Plugin::NodeVolumeLimits => matches!(self, NodeAdd | PodDelete),
            Plugin::VolumeBinding => matches!(self, NodeAdd | NodeLabels),
            Plugin::PodTopologySpread => {
                matches!(self, NodeAdd | NodeLabels | NodeDelete | PodAdd | PodDelete)
            }
            Plugin::InterPodAffinity => matches!(self, NodeAdd | NodeLabels | PodAdd | PodDelete),
        }
    }

    /// A node came or changed.
    fn is_of_node(self) -> bool {
        !matches!(self, Self::NodeDelete | Self::PodAdd | Self::PodDelete)
    }
}

/// `preCheckForNode`: whether the pod fits the node as it is now, so far as the node alone says.
pub fn might_fit(
    shape: &PodShape,
    node: &NodeFacts<'_>,
    symbols: &Symbols,
    options: &FilterOptions,
) -> bool {
    let failure = node_failure(shape, node, symbols, options);
    failure.is_none_or(|failure| failure.plugin > Plugin::NodeResourcesFit)
}

/// Whether a pod that was placed wakes this one: it matches a required affinity term, or (from
/// 1.31) topology spread has rejected this one.
pub fn woken_by_placement(
    version: KubernetesVersion,
    rejectors: PluginSet,
    shape: &PodShape,
    placed: &PodShape,
    names: &Names<'_>,
) -> bool {
    let matches = |term| term_matches(term, shape.namespace, placed, names);
    shape.pod_affinity.required.iter().any(matches)
        || version.at_least(31) && rejectors.contains(Plugin::PodTopologySpread)
}

#[cfg(test)]
mod tests {
    use super::ClusterEvent::*;
    use super::*;

    #[test]
    fn plugins_are_woken_by_what_they_registered_for() {
        for (plugin, events) in [
            (Plugin::NodeUnschedulable, &[NodeAdd, NodeUnschedulable, NodeTaints][..]),
            (
                Plugin::TaintToleration,
                &[NodeAdd, NodeUnschedulable, NodeAllocatable, NodeLabels, NodeTaints],
            ),
            (
                Plugin::NodeResourcesFit,
                &[NodeAdd, NodeUnschedulable, NodeAllocatable, NodeLabels, NodeTaints, PodDelete],
            ),
            (Plugin::PodTopologySpread, &[NodeAdd, NodeLabels, NodeDelete, PodAdd, PodDelete]),
            (Plugin::InterPodAffinity, &[NodeAdd, NodeLabels, PodAdd, PodDelete]),
            (Plugin::NodeVolumeLimits, &[NodeAdd, PodDelete]),
        ] {
            for event in [
                NodeAdd,
                NodeUnschedulable,
                NodeAllocatable,
                NodeLabels,
                NodeTaints,
                NodeDelete,
                PodAdd,
                PodDelete,
            ] {
                let woken = event.concerns(PluginSet::of(plugin));
                assert_eq!(woken, events.contains(&event), "{plugin:?} {event:?}");
            }
        }
    }
}
