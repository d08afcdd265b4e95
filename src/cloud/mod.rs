//! What the provider does with a request: scale sets, boot, addresses, quotas, spot, prices.

mod spec;

pub use spec::{
    CapacityRefusal, EvictionPolicy, FailureDetection, NetworkMode, NetworkSpec, OsDisk, OsType,
    PodStartSpec, PoolSpec, PriceSpec, QuotaSpec, ScaleDownMode, SpotSpec, SubnetSpec, Tier,
    TimingSpec, VmSizeSpec,
};
