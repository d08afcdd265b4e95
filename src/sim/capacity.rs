//! The autoscaler, the provider, and what lies between them.

use rustc_hash::FxHashMap;

use crate::cloud::{Region, ScaleSet};
use crate::control::autoscaler::{Autoscaler, Deletion};
use crate::model::ProvisioningFailure;
use crate::plan::Plan;
use crate::unit::{IdVec, ImageId, NodeId, PoolId, SimTime};

/// The provider's state and the autoscaler's memory.
pub struct Capacity {
    /// What the autoscaler remembers.
    pub autoscaler: Autoscaler,
    /// Nodes that the autoscaler is deleting, and how far it is.
    pub deletions: FxHashMap<NodeId, Deletion>,
    /// When the next scan is due.
    pub next_scan: SimTime,
    /// Model changes seen by the last scan.
    pub scanned_change: u64,
    /// Scale sets.
    pub scale_sets: IdVec<PoolId, ScaleSet>,
    /// Node of each instance of a scale set, by instance number.
    pub nodes_of: IdVec<PoolId, Vec<NodeId>>,
    /// Addresses, quotas, outages.
    pub region: Region,
    /// What the provider said of instances that failed.
    pub failures: FxHashMap<NodeId, ProvisioningFailure>,
    /// Image pulls under way.
    pub pulls: Pulls,
}

impl Capacity {
    /// Nothing runs yet.
    pub fn new(plan: &Plan, seed: u64) -> Self {
        Self {
            autoscaler: Autoscaler::new(),
            deletions: FxHashMap::default(),
            next_scan: SimTime::NEVER,
            scanned_change: 0,
            scale_sets: plan
                .pools
                .enumerate()
                .map(|(pool, spec)| ScaleSet::new(pool, spec, seed))
                .collect(),
            nodes_of: plan.pools.iter().map(|_| Vec::new()).collect(),
            region: Region::new(
                seed,
                plan.network,
                &plan.subnets,
                &plan.quotas,
                &plan.refusals,
                &plan.timing,
            ),
            failures: FxHashMap::default(),
            pulls: Pulls::default(),
        }
    }
}

/// Image pulls under way: who comes later to the same node waits for the same pull.
#[derive(Default)]
pub struct Pulls {
    under_way: FxHashMap<(NodeId, ImageId), SimTime>,
}

impl Pulls {
    /// When a pull under way is done.
    pub fn get(&self, node: NodeId, image: ImageId) -> Option<SimTime> {
        self.under_way.get(&(node, image)).copied()
    }

    /// A pull begins.
    pub fn begin(&mut self, node: NodeId, image: ImageId, done: SimTime) {
        self.under_way.insert((node, image), done);
    }

    /// A pull is done.
    pub fn end(&mut self, node: NodeId, image: ImageId) {
        self.under_way.remove(&(node, image));
    }
}
