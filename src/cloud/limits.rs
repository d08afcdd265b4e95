//! Limits of Azure that no request can pass.

use super::spec::Tier;

/// Instances a scale set may have (azure-aks-docs `quotas-skus-regions.md`, 2026-08-03).
pub const SCALE_SET_INSTANCES: u32 = 1_000;

/// Nodes a cluster may have on the Standard and Premium tiers (`free-standard-pricing-tiers.md`,
/// 2026-07-06).
pub const CLUSTER_NODES: u32 = 5_000;

/// Nodes a cluster may have on the Free tier (same source).
pub const FREE_CLUSTER_NODES: u32 = 1_000;

/// Nodes a kubenet cluster may have: routes in its table (`configure-kubenet.md`).
pub const KUBENET_NODES: u32 = 400;

/// Pods a node may have at most (`quotas-skus-regions.md`).
pub const MAX_PODS: u32 = 250;

/// Least value of `maxPods` (`concepts-network-ip-address-planning.md`, 2026-04-16).
pub const MIN_MAX_PODS: u32 = 10;

/// Nodes that a tier allows a cluster.
pub const fn cluster_nodes(tier: Tier) -> u32 {
    match tier {
        Tier::Free => FREE_CLUSTER_NODES,
        Tier::Standard | Tier::Premium => CLUSTER_NODES,
    }
}
