//! What a scale set answers: refusals, and what becomes of each instance.

use super::boot::Boot;
use super::spot::EvictionPlan;
use crate::model::ProvisioningFailure;
use crate::unit::{InstanceId, QuotaId, SimTime, Symbol};

/// The answer to a request for more instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Refused at once: nothing was made.
    Refused(Refusal),
    /// Accepted: these instances are on their way, or will be reported as failed.
    Accepted(Vec<Creation>),
}

/// Why a request was refused at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A vCPU counter has no room for the whole request.
    QuotaExceeded {
        /// The counter.
        quota: QuotaId,
    },
    /// Too many requests (429).
    Throttled {
        /// When there is a token again.
        retry_at: SimTime,
    },
    /// The scale set would have more instances than it may.
    ScaleSetFull {
        /// Instances it may have.
        limit: u32,
    },
    /// The cluster would have more nodes than its network or tier allows.
    ClusterFull {
        /// Nodes it may have.
        limit: u32,
        /// The network's addresses or routes are the limit, not the tier.
        network: bool,
    },
    /// The spot price is above `spotMaxPrice`.
    SpotPriceAboveMax,
}

impl Refusal {
    /// The provider's error code.
    pub const fn failure(self) -> ProvisioningFailure {
        match self {
            Self::ClusterFull { network: true, .. } => ProvisioningFailure::SubnetIsFull,
            Self::QuotaExceeded { .. } | Self::ScaleSetFull { .. } | Self::ClusterFull { .. } => {
                ProvisioningFailure::QuotaExceeded
            }
            Self::Throttled { .. } => ProvisioningFailure::Throttled,
            Self::SpotPriceAboveMax => ProvisioningFailure::SkuNotAvailable,
        }
    }
}

/// An instance that a request made or started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Its number in the scale set.
    pub instance: InstanceId,
    /// Its zone label value; `None` in a pool without zones.
    pub zone: Option<Symbol>,
    /// A stopped instance was started; its Node is still there.
    pub restarted: bool,
    /// What will become of it.
    pub outcome: CreationOutcome,
}

/// What becomes of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationOutcome {
    /// It boots, and may be taken at the end of a spot VM's own life.
    Boots(Boot, Option<EvictionPlan>),
    /// It is reported as failed, and stays until it is deleted.
    Fails {
        /// When.
        at: SimTime,
        /// Why.
        failure: ProvisioningFailure,
    },
}

/// What a removal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// When the VM is gone, or stopped.
    pub at: SimTime,
    /// Whether the instance is kept, stopped (`scaleDownMode: Deallocate`).
    pub kept: bool,
}

/// Where an instance is, as the provider holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Booting until `running_at`, running from then on.
    Active,
    /// Its creation failed.
    Failed,
    /// Being deallocated.
    Stopping,
    /// Deallocated by a scale-down: the next request starts it.
    Stopped,
    /// Deallocated by an eviction (`scaleSetEvictionPolicy: Deallocate`).
    Evicted,
    /// Being deleted.
    Deleting,
    /// Gone.
    Gone,
}
