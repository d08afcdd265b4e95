//! What a loop reads of each node, in one visit: rows are large and nodes many, so that what later
//! steps ask of all of them is taken out and kept side by side.

use super::view::View;
use crate::model::{Node, NodePhase, Usage};
use crate::unit::{PoolId, Resources, SimTime, Symbol};

/// What does not change while a loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Its pool.
    pub pool: Option<PoolId>,
    /// Position of its pool's group, if it is autoscaled; in a snapshot, of the node's own.
    pub group: Option<u32>,
    /// When its VM went.
    pub gone: SimTime,
    /// It counts as ready.
    pub ready: bool,
    /// It is a GPU node.
    pub gpu: bool,
    /// It has taints.
    pub tainted: bool,
    /// `cluster-autoscaler.kubernetes.io/scale-down-disabled`
    pub disabled: bool,
    /// Where it is in its life.
    pub phase: NodePhase,
    /// Creation of the Node.
    pub registered: SimTime,
}

impl Glance {
    /// Of a node of the cluster.
    pub fn of(view: &View<'_>, node: &Node) -> Self {
        Self {
            pool: node.pool,
            group: node.pool.and_then(|pool| view.group(pool)).map(|group| group as u32),
            gone: node.gone,
            ready: view.is_ready(node),
            gpu: view.is_gpu(&node.labels, &node.allocatable),
            tainted: !node.taints.is_empty(),
            disabled: node.scale_down_disabled,
            phase: node.phase,
            registered: node.registered,
        }
    }
}

/// All that a loop takes from the row of a node before it looks at any one in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What does not change while a loop runs.
    pub glance: Glance,
    /// How full it is.
    pub load: Load,
    /// Its name.
    pub name: Symbol,
    /// It is cordoned.
    pub unschedulable: bool,
}

impl Sight {
    /// Of a node of the cluster.
    pub fn of(view: &View<'_>, node: &Node) -> Self {
        Self {
            glance: Glance::of(view, node),
            load: Load::of(&node.allocatable, &node.used),
            name: node.name,
            unschedulable: node.unschedulable,
        }
    }
}

/// How full a node of the snapshot is: what most questions about its room come down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requested CPU and memory.
    pub used: [i64; 2],
    /// Allocatable CPU and memory.
    pub all: [i64; 2],
    /// Some of its pods were told to stop.
    pub terminating: bool,
}

impl Load {
    /// Of a node with these pods.
    pub const fn of(allocatable: &Resources, usage: &Usage) -> Self {
        Self {
            used: [usage.requests.cpu_milli, usage.requests.memory],
            all: [allocatable.cpu_milli, allocatable.memory],
            terminating: usage.terminating > 0,
        }
    }

    /// Whether there is too little CPU or memory for a pod.
    pub fn is_short_of(&self, requests: &Resources) -> bool {
        let short = |need: i64, at: usize| need > 0 && need > self.all[at] - self.used[at];
        short(requests.cpu_milli, 0) || short(requests.memory, 1)
    }
}
