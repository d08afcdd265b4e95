//! What all scale sets of a cluster share: addresses, quotas, the provider's capacity.

use super::address::AddressPlan;
use super::answer::Refusal;
use super::boot::PoolKey;
use super::limits;
use super::quota::QuotaBook;
use super::spec::{CapacityRefusal, NetworkMode, NetworkSpec, QuotaSpec, SubnetSpec, TimingSpec};
use crate::chance::Dist;
use crate::model::ProvisioningFailure;
use crate::unit::{IdVec, PoolId, QuotaId, SimTime, SubnetId, Symbol};

/// The provider's side that scale sets share.
#[derive(Clone, Debug)]
pub struct Region {
    /// Keys every draw.
    pub(super) seed: u64,
    /// Addresses.
    pub addresses: AddressPlan,
    /// vCPU counters.
    pub quotas: QuotaBook,
    /// Instances in all scale sets.
    pub(super) instances: u32,
    /// Nodes that the network and the tier allow.
    max_nodes: u32,
    /// Whether that limit is the network's.
    network_limited: bool,
    /// Deletion of a VM.
    pub(super) vm_delete: Dist,
    /// From a request to the report that it failed.
    pub(super) failure_after: Dist,
    refusals: Vec<CapacityRefusal>,
    /// Zones that are down, and until when.
    outages: Vec<(Symbol, SimTime)>,
    /// Markets of spot VMs that give none after an eviction, and until when.
    shut_markets: Vec<(PoolKey, SimTime)>,
}

impl Region {
    /// A region in which nothing runs.
    pub fn new(
        seed: u64,
        network: NetworkSpec,
        subnets: &IdVec<SubnetId, SubnetSpec>,
        quotas: &IdVec<QuotaId, QuotaSpec>,
        refusals: &[CapacityRefusal],
        timing: &TimingSpec,
    ) -> Self {
        Self {
            seed,
            addresses: AddressPlan::new(network, subnets),
            quotas: QuotaBook::new(quotas),
            instances: 0,
            max_nodes: network.max_nodes,
            network_limited: is_networks_limit(network),
            vm_delete: timing.vm_delete.clone(),
            failure_after: timing.failure_after.clone(),
            refusals: refusals.to_vec(),
            outages: Vec::new(),
            shut_markets: Vec::new(),
        }
    }

    /// A market of spot VMs gives none until then.
    pub(super) fn shut_market(&mut self, market: PoolKey, until: SimTime) {
        match self.shut_markets.iter_mut().find(|shut| shut.0 == market) {
            Some(shut) => shut.1 = shut.1.max(until),
            None => self.shut_markets.push((market, until)),
        }
    }

    /// Whether a market gives no spot VMs.
    pub(super) fn is_shut(&self, market: PoolKey, now: SimTime) -> bool {
        self.shut_markets.iter().any(|&(shut, until)| shut == market && now < until)
    }

    /// Instances in all scale sets: creating, failed, running, stopped, deleting.
    pub fn instances(&self) -> u32 {
        self.instances
    }

    /// Whether `new` more nodes are within the cluster's limit.
    pub(super) fn admit(&self, new: u32) -> Result<(), Refusal> {
        let (limit, network) = (self.max_nodes, self.network_limited);
        let fits = self.instances.saturating_add(new) <= limit;
        if fits { Ok(()) } else { Err(Refusal::ClusterFull { limit, network }) }
    }

    /// A zone is down: nothing starts there before `until`.
    pub fn zone_down(&mut self, zone: Symbol, until: SimTime) {
        self.outages.push((zone, until));
    }

    /// Whether nothing starts in `zone` now.
    pub fn is_down(&self, zone: Symbol, now: SimTime) -> bool {
        self.outages.iter().any(|&(down, until)| down == zone && now < until)
    }

    /// The error that a planned refusal gives the pool now.
    pub fn refusal(&self, pool: PoolId, now: SimTime) -> Option<ProvisioningFailure> {
        let holds = |r: &&CapacityRefusal| r.pool == pool && r.from <= now && now < r.until;
        self.refusals.iter().find(holds).map(|refusal| refusal.error)
    }
}

/// Overlay (a /24 per node) and kubenet (a route per node) limit the nodes themselves, unless the
/// tier's limit is the smaller one.
fn is_networks_limit(network: NetworkSpec) -> bool {
    let by_node = matches!(network.mode, NetworkMode::Overlay | NetworkMode::Kubenet);
    by_node && ![limits::CLUSTER_NODES, limits::FREE_CLUSTER_NODES].contains(&network.max_nodes)
}
