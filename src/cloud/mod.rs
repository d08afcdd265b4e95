//! What the provider does with a request: scale sets, boot, addresses, quotas, spot, prices.

pub mod address;
pub mod boot;
pub mod catalogue;
#[cfg(test)]
mod fixture;
pub mod identity;
pub mod limits;
pub mod price;
mod quota;
mod region;
mod scale_set;
#[cfg(test)]
mod scale_set_tests;
mod spec;
mod spot;
pub mod system_pods;
mod throttle;

pub use boot::Boot;
pub use quota::{Counter, QuotaBook};
pub use region::Region;
pub use scale_set::{
    Creation, CreationOutcome, InstanceState, Refusal, Removal, RequestOutcome, ScaleSet,
};
pub use spec::{
    CapacityRefusal, EvictionPolicy, FailureDetection, NetworkMode, NetworkSpec, OsDisk, OsType,
    PodStartSpec, PoolSpec, PriceSpec, QuotaSpec, ScaleDownMode, SpotSpec, SubnetSpec, Tier,
    TimingSpec, VmSizeSpec,
};
pub use spot::EvictionPlan;
pub use throttle::TokenBucket;
