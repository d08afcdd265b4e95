//! What the provider does with a request: scale sets, boot, addresses, quotas, spot, prices.

pub mod address;
mod answer;
pub mod boot;
pub mod catalogue;
pub mod commitment;
pub mod container_group;
#[cfg(test)]
mod fixture;
pub mod identity;
pub mod item;
pub mod limits;
pub mod price;
mod quota;
mod region;
mod scale_set;
#[cfg(test)]
mod scale_set_tests;
mod spec;
pub mod spot;
mod spot_price;
pub mod system_pods;
mod throttle;

pub use answer::{Creation, CreationOutcome, InstanceState, Refusal, Removal, RequestOutcome};
pub use boot::{Boot, PoolKey};
pub use quota::{Counter, QuotaBook};
pub use region::Region;
pub use scale_set::ScaleSet;
pub use spec::{
    CapacityRefusal, EvictionPolicy, FailureDetection, ImageGcSpec, NetworkMode, NetworkSpec,
    OsDisk, OsType, PodStartSpec, PoolAnnotations, PoolPrices, PoolSpec, PoolTags, PriceSpec,
    PullSpec, QuotaSpec, ScaleDownMode, SpotSpec, SubnetSpec, Tier, TimingSpec, VmSizeSpec,
};
pub use spot::EvictionPlan;
pub use spot_price::PriceCurve;
pub use throttle::TokenBucket;
