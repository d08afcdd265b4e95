//! What a loop does and why, and when the next one comes (`pkg/loop/trigger.go`).

use super::scale_up::{Rejection, ScaleUpResult};
use super::spec::AutoscalerSpec;
use super::state::FailedScaleUp;
use super::unremovable::Reason;
use crate::unit::{Duration, NodeId, PodId, PoolId, SimTime};

/// How long a loop takes that is followed by another one at once: an assumption; upstream's
/// loops take as long as they take.
pub const LOOP_TIME: Duration = Duration::from_millis(100);

/// Why a group grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowReason {
    /// For so many pods.
    Pods(u32),
    /// Up to its minimum.
    MinSize,
}

/// Why instances are deleted without a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteReason {
    /// No node for too long.
    Unregistered,
    /// They could not be created.
    CreationFailed,
}

/// What the autoscaler does. Increases are carried out in order; if one fails at once, the ones
/// after it are not tried unless parallel-scale-up is on: tell [`Autoscaler::scale_up_failed`] and
/// [`Autoscaler::scale_up_withdrawn`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Asks the provider for more nodes.
    IncreaseSize {
        /// Pool.
        pool: PoolId,
        /// Nodes.
        by: u32,
        /// Why.
        reason: GrowReason,
    },
    /// Takes back nodes that did not come. On Azure the call only refreshes caches.
    DecreaseTarget {
        /// Pool.
        pool: PoolId,
        /// Nodes.
        by: u32,
    },
    /// Deletes instances that have no working node.
    DeleteInstances {
        /// Pool.
        pool: PoolId,
        /// Instances.
        nodes: Vec<NodeId>,
        /// Why.
        why: DeleteReason,
        /// Below the minimum too.
        force: bool,
    },
    /// Starts the deletion of a node: see [`super::Deletion`].
    StartDeletion {
        /// Node.
        node: NodeId,
        /// Its pods are evicted first.
        drain: bool,
    },
    /// Puts the soft taint on a node that is not needed.
    SoftTaint {
        /// Node.
        node: NodeId,
    },
    /// Takes the soft taint off.
    SoftUntaint {
        /// Node.
        node: NodeId,
    },
}

/// What happened to a pod that the autoscaler saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fits a node that is there.
    FitsNode(NodeId),
    /// It fits a node that is coming.
    FitsUpcoming(PoolId),
    /// Younger than the new-pod delay.
    TooYoung,
    /// All pods are so new that more may come: next loop.
    AllNew,
    /// The group that grows for it.
    Helped(PoolId),
    /// Not helped in this loop; the index is into [`Scan::rejections`].
    NotHelped(u32),
    /// `max-nodes-total` is reached.
    MaxNodes,
    /// The cluster is unhealthy, or nothing is done in this loop.
    Held,
}

/// Why a loop ended early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It did not.
    #[default]
    Complete,
    /// There are no ready nodes, and scale-up-from-zero is off.
    NoNodes,
    /// Too many nodes are unready.
    Unhealthy,
    /// Sizes of groups were corrected.
    FixedSizes,
}

/// What one loop did, and why.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// To be carried out, in order.
    pub actions: Vec<Action>,
    /// Pods that were seen.
    pub fates: Vec<(PodId, Fate)>,
    /// Why pods were not helped: per kind of pod, each pool with its reason.
    pub rejections: Vec<Vec<(PoolId, Rejection)>>,
    /// Why candidates stay, beside those with a timer.
    pub unremovable: Vec<(NodeId, Reason)>,
    /// Scale-ups that failed since the last loop.
    pub failures: Vec<FailedScaleUp>,
    /// What the expander chose from: pool, nodes, pods.
    pub offers: Vec<(PoolId, u32, usize)>,
    /// The pool that it chose.
    pub chosen: Option<PoolId>,
    /// What came of the scale-up, if one was tried.
    pub scale_up: Option<ScaleUpResult>,
    /// Deletions were held back by a cooldown.
    pub in_cooldown: bool,
    /// Whether it ended early.
    pub ending: Ending,
    /// Nodes in the snapshot, upcoming ones included.
    pub snapshot_nodes: usize,
    /// Candidates of the scale-down.
    pub candidates: usize,
}

impl Scan {
    /// Whether a scale-up or a deletion was started: with frequent loops the next one follows at
    /// once.
    pub fn acted(&self) -> bool {
        self.actions.iter().any(|action| {
            matches!(action, Action::IncreaseSize { .. } | Action::StartDeletion { .. })
        })
    }
}

/// When the next loop starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextScan {
    /// At the latest.
    pub at: SimTime,
    /// A pod that becomes unschedulable starts it sooner.
    pub on_unschedulable: bool,
}

/// When the loop after one that started at `started` starts.
pub fn next_scan(spec: &AutoscalerSpec, started: SimTime, scan: &Scan) -> NextScan {
    let at = if spec.frequent_loops && scan.acted() {
        started + LOOP_TIME.min(spec.scan_interval)
    } else {
        started + spec.scan_interval
    };
    NextScan { at, on_unschedulable: spec.frequent_loops }
}

/// While loops are slow, deletions happen in every so-manieth one (1.37, off by default).
const DEGRADED_SCALE_DOWN_EVERY: u32 = 4;

/// Whether a loop deletes nodes while loops take too long (`enable-graceful-degradation`, 1.37).
pub const fn degraded_loop_scales_down(enabled: bool, degraded_loops: u32) -> bool {
    !enabled || degraded_loops.is_multiple_of(DEGRADED_SCALE_DOWN_EVERY)
}
