//! Node lifecycle: taints of nodes that are not ready, evictions by taint, clean-up of lost pods,
//! repairs.

mod lifecycle;
mod pace;
mod repair;
mod upgrade;

pub use lifecycle::{
    Condition, DEFAULT_TOLERATION, EVICTION_RATE_MILLI, FULL_DISRUPTION, GC_PERIOD, GC_QUARANTINE,
    LARGE_ZONE, LEASE_RENEWAL, LifecycleNames, MONITOR_PERIOD, SECONDARY_RATE_MILLI,
    UNHEALTHY_ZONE_PERCENT, ZoneState, condition_taints, eviction_time, evictions_milli,
    garbage_collected, grace_period, silence_noticed, zone_state,
};
pub use pace::EvictionPace;
pub use repair::{REPAIR_AFTER, Repair};
pub use upgrade::{
    DRAIN_RETRY, NodeState, Undrainable, Upgrade, UpgradeAction, UpgradeSpec, surge_nodes,
};
