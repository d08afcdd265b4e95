//! What the kubelets have in hand: images on their way, and containers that keep exiting.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::cloud::PullSpec;
use crate::control::kubelet::BackOff;
use crate::engine::{SharedLink, TokenBucket};
use crate::sim::apply::NodeImages;
use crate::unit::{ImageId, NodeId, PodId, SimTime};

/// The kubelets of all nodes, as far as they have something to remember.
pub struct Kubelets {
    nodes: FxHashMap<NodeId, NodePulls>,
    /// Images on disks that can become too full.
    pub images: FxHashMap<NodeId, NodeImages>,
    /// Pulls that failed, by pod and image.
    pub failed_pulls: FxHashMap<(PodId, ImageId), BackOff>,
    /// Pods with a container that has exited.
    pub crashed: FxHashMap<PodId, Crashed>,
    /// Planned crashes under way.
    pub crash_windows: Vec<CrashWindow>,
    /// What the registry grants to the whole cluster; `None`: everything.
    pub registry: Option<TokenBucket>,
    /// The registry answers no pull before this instant.
    pub registry_down_until: SimTime,
}

/// The images that one node pulls.
pub struct NodePulls {
    /// The node's way to the registry.
    pub link: SharedLink<ImageId>,
    /// Requests that wait for a turn.
    pub waiting: VecDeque<PullRequest>,
    /// Requests whose image is under way.
    pub under_way: Vec<PullRequest>,
    /// `registryPullQPS`
    pub queries: TokenBucket,
    /// Changes with each change of the soonest completion: older events are void.
    pub version: u32,
}

/// A pod that cannot go on without an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The pod.
    pub pod: PodId,
    /// Its epoch: a pod that was told to stop wants nothing more.
    pub epoch: u16,
    /// The image.
    pub image: ImageId,
}

/// A pod with a container that has exited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crashed {
    /// Its back-off.
    pub back_off: BackOff,
    /// The container is not running: it waits for its next start.
    pub waits: bool,
    /// It was Ready once and is starting again: its workload waits for it.
    pub counted_as_starting: bool,
}

/// Containers of a workload that exit for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrashWindow {
    /// Position of the planned event.
    pub index: u32,
    /// No exit at or after this.
    pub until: SimTime,
}

impl Kubelets {
    /// Nothing in hand.
    pub fn new(spec: &PullSpec) -> Self {
        Self {
            nodes: FxHashMap::default(),
            images: FxHashMap::default(),
            failed_pulls: FxHashMap::default(),
            crashed: FxHashMap::default(),
            crash_windows: Vec::new(),
            registry: spec.registry.map(|(rate_milli, burst)| TokenBucket::new(rate_milli, burst)),
            registry_down_until: SimTime::ZERO,
        }
    }

    /// The pulls of a node.
    pub fn node(&mut self, node: NodeId, spec: &PullSpec) -> &mut NodePulls {
        self.nodes.entry(node).or_insert_with(|| NodePulls {
            link: SharedLink::new(spec.bytes_per_second),
            waiting: VecDeque::new(),
            under_way: Vec::new(),
            queries: TokenBucket::new(spec.queries_milli, spec.query_burst),
            version: 0,
        })
    }

    /// The pulls of a node that has had some.
    pub fn known(&mut self, node: NodeId) -> Option<&mut NodePulls> {
        self.nodes.get_mut(&node)
    }

    /// The node is gone, with what it was pulling.
    pub fn forget(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    /// Whether the registry answers a pull now; an answer counts against its limit.
    pub fn registry_answers(&mut self, now: SimTime) -> bool {
        now >= self.registry_down_until
            && self.registry.as_mut().is_none_or(|bucket| bucket.try_take(now))
    }
}

impl NodePulls {
    /// The next request whose turn it is.
    pub fn next(&mut self, slots: u32) -> Option<PullRequest> {
        let free = self.under_way.len() < slots as usize;
        if free { self.waiting.pop_front() } else { None }
    }
}
