//! Node pools as the provider holds them: one VM scale set each.

use crate::unit::NodeId;

/// Why the provider did not create a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProvisioningFailure {
    /// `AllocationFailed`: no capacity in the region.
    AllocationFailed,
    /// `ZonalAllocationFailed`: no capacity in the zone.
    ZonalAllocationFailed,
    /// `SkuNotAvailable`: the size is not offered, or no spot room.
    SkuNotAvailable,
    /// `OverconstrainedAllocationRequest`
    Overconstrained,
    /// `SubnetIsFull`: not enough addresses for the whole call.
    SubnetIsFull,
    /// `QuotaExceeded`: answered at once.
    QuotaExceeded,
    /// 429 from ARM: answered at once.
    Throttled,
}

/// The state of a pool.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// `sku.capacity` as the provider holds it: what was asked for and not yet given back.
    pub target: u32,
    /// Instances that exist (creating, failed, running, deleting), in order of request.
    pub instances: Vec<NodeId>,
}
