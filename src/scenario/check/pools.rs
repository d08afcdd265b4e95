//! Lints of node pools: walls that they cannot pass, rules of AKS, and what is worth a second look.
//!
//! Sources: azure-aks-docs @ fb060ab `use-system-pools.md`, `quotas-skus-regions.md`,
//! `spot-node-pool.md`, `configure-kubenet.md`, `free-standard-pricing-tiers.md`; Azure's list of
//! retiring VM series.

use super::linter::{Linter, most, surge};
use crate::cloud::{EvictionPolicy, NetworkMode, PoolSpec, Tier};
use crate::control::autoscaler::Expander;
use crate::control::autoscaler::expander::Priorities;
use crate::scenario::code;
use crate::scenario::diagnostic::{Diagnostic, Severity::Note, Severity::Warning};
use crate::unit::QuotaId;

/// Nodes up to which the Free tier is recommended.
const FREE_NODES: u32 = 10;

/// All lints of pools.
pub fn check(lint: &mut Linter<'_>) {
    quotas(lint);
    let plan = lint.plan;
    for pool in plan.pools.iter() {
        let name = plan.symbols.text(pool.name);
        let size = plan.symbols.text(pool.size.name);
        if pool.system {
            system_pool(lint, pool, name, size);
        }
        if pool.eviction_policy == EvictionPolicy::Deallocate {
            let message = format!("evicted VMs of `{name}` stay in the pool, stopped");
            let help = "they count against `maxCount` and quota and can block upgrades; leave \
                        `scaleSetEvictionPolicy` out";
            lint.pool((Warning, code::SPOT_DEALLOCATE), pool, message, help);
        }
        let prices = pool.spot_market.as_ref().map(|market| market.prices.as_slice());
        if prices.is_some_and(|zones| zones.iter().all(|it| it.is_too_dear_until(plan.end()))) {
            let message = format!("the VMs of `{name}` always cost more than its `spotMaxPrice`");
            let help = "Azure refuses each of them; write -1 to pay what is asked, at most the \
                        price on demand";
            lint.pool((Warning, code::SPOT_TOO_DEAR), pool, message, help);
        }
        if pool.spot && size.starts_with("Standard_B") {
            let message = format!("`{size}` of `{name}` is hardly cheaper as spot");
            let help = "B-series sizes save some 10 % and can be taken all the same, D-series \
                        sizes some 80 %";
            lint.pool((Note, code::SPOT_BURSTABLE), pool, message, help);
        }
        if pool.size.gpus > 0 && pool.autoscaled && pool.min > 0 {
            let message = format!("`{name}` pays for {} GPU nodes day and night", pool.min);
            let help = "`minCount: 0` costs the first pod the boot of a GPU node, 8 to 12 minutes";
            lint.pool((Note, code::GPU_KEPT), pool, message, help);
        }
        if pool.size.gpus > 0 && pool.taints.is_empty() && plan.pools.len() > 1 {
            let message = format!("pods without need of a GPU may fill the GPU nodes of `{name}`");
            let help = "add a taint such as `sku=gpu:NoSchedule`";
            lint.pool((Warning, code::GPU_UNTAINTED), pool, message, help);
        }
        if let Some(when) = retirement(size) {
            let message = format!("the size `{size}` of `{name}` {when}");
            let help = "choose a size of a current series";
            lint.pool((Note, code::RETIRING_SIZE), pool, message, help);
        }
    }
    priorities(lint);
    cluster(lint);
}

/// Spot pools that are tried after pools on demand. Both orders stand in documents of Azure's; a
/// higher number is taken first.
fn priorities(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    if !plan.autoscaler.expanders.contains(&Expander::Priority) {
        return;
    }
    let priorities = Priorities::new(&plan.autoscaler.priorities);
    let of = |pool: &PoolSpec| priorities.of(plan.symbols.text(pool.group_id));
    let users = || plan.pools.iter().filter(|pool| pool.autoscaled && !pool.system);
    let dear = users().filter(|pool| !pool.spot).filter_map(of).min();
    for pool in users().filter(|pool| pool.spot) {
        if let (Some(spot), Some(dear)) = (of(pool), dear)
            && spot < dear
        {
            let name = plan.symbols.text(pool.name);
            let message =
                format!("`{name}` has priority {spot}, on-demand pools {dear}: spot is taken last");
            let help = "a higher number is taken first: give spot pools the highest";
            lint.pool((Note, code::SPOT_LAST), pool, message, help);
        }
    }
}

fn system_pool(lint: &mut Linter<'_>, pool: &PoolSpec, name: &str, size: &str) {
    let least = if pool.autoscaled { pool.min } else { pool.count };
    if least < 2 {
        let message = format!("the system pool `{name}` may be down to {least} node");
        let help = "two nodes at least, three where it matters: CoreDNS runs here";
        lint.pool((Note, code::SYSTEM_POOL_COUNT), pool, message, help);
    }
    let burstable = size.starts_with("Standard_B");
    if burstable || pool.size.vcpus < 2 {
        let message = format!("AKS does not take `{size}` for the system pool `{name}`");
        let help = "two vCPUs and 4 GiB at least, four advised, and no B-series";
        lint.pool((Warning, code::SYSTEM_POOL_SIZE), pool, message, help);
    }
    let others = lint.plan.pools.iter().any(|other| !other.system);
    let shielded =
        pool.taints.iter().any(|taint| lint.plan.symbols.text(taint.key) == "CriticalAddonsOnly");
    if others && !shielded {
        let message = format!("workloads may fill the system pool `{name}`");
        let help = "add `nodeTaints: [\"CriticalAddonsOnly=true:NoSchedule\"]`";
        lint.pool((Note, code::SYSTEM_POOL_TAINT), pool, message, help);
    }
}

/// Quotas that are used up before the pools are at their maximum.
fn quotas(lint: &mut Linter<'_>) {
    for (index, quota) in lint.plan.quotas.iter().enumerate() {
        let id = QuotaId(index as u32);
        let drawing = lint.plan.pools.iter().filter(|pool| pool.quotas.contains(&id));
        let drawing = drawing.map(|pool| (pool, u64::from(pool.size.vcpus)));
        let needed: u64 = drawing.clone().map(|(pool, each)| u64::from(most(pool)) * each).sum();
        let surge = surge(drawing);
        let name = lint.plan.symbols.text(quota.name);
        let limit = quota.limit;
        if needed > limit {
            let message =
                format!("the quota `{name}` has {limit} vCPUs, its pools at maximum need {needed}");
            lint.found.push(
                Diagnostic::warning(code::SMALL_QUOTA, message)
                    .help("ask Azure for more in time, or lower `maxCount`"),
            );
        } else if needed + surge > limit {
            let message = format!(
                "the quota `{name}` has {limit} vCPUs, its pools at maximum need {needed} and the \
                 surge nodes of an upgrade {surge}"
            );
            lint.found.push(
                Diagnostic::note(code::SURGE_ROOM, message)
                    .help("ask Azure for more in time, or upgrade with a smaller `maxSurge`"),
            );
        }
    }
}

fn cluster(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    if plan.network.mode == NetworkMode::Kubenet {
        let message = "the support of kubenet ends on 2028-03-31";
        lint.found.push(
            Diagnostic::note(code::KUBENET_ENDS, message)
                .help("move to Azure CNI overlay: `networkPluginMode: overlay`"),
        );
    }
    let nodes: u32 = plan.pools.iter().map(most).fold(0, u32::saturating_add);
    let own_sizes = plan.pools.iter().all(|pool| pool.instance_limit.is_none());
    if plan.tier == Tier::Free && nodes > FREE_NODES && !own_sizes {
        let message = format!("the Free tier is meant for {FREE_NODES} nodes, here are {nodes}");
        lint.found.push(
            Diagnostic::note(code::FREE_TIER, message)
                .help("`sku: {tier: Standard}` has an SLA and more room at the API server"),
        );
    }
}

/// When a size goes, if that is announced.
fn retirement(size: &str) -> Option<&'static str> {
    const NOVEMBER: &str = "is retired in November 2028";
    let bare = size.strip_prefix("Standard_")?;
    if bare.starts_with("NC") && bare.ends_with("_v3") && !bare.contains("T4") {
        return Some("is being withdrawn");
    }
    let letters = bare.find(|c: char| c.is_ascii_digit())?;
    let second = bare.ends_with("_v2");
    let first = !bare.contains("_v");
    match &bare[..letters] {
        "DS" | "D" | "A" if first || second => Some(NOVEMBER),
        "B" if first => Some(NOVEMBER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_announced_series_retire() {
        for (size, goes) in [
            ("Standard_DS2_v2", true),
            ("Standard_D4s_v5", false),
            ("Standard_B2s", true),
            ("Standard_B2s_v2", false),
            ("Standard_A4_v2", true),
            ("Standard_NC6s_v3", true),
            ("Standard_NC4as_T4_v3", false),
            ("Standard_E8s_v5", false),
            ("bench", false),
        ] {
            assert_eq!(retirement(size).is_some(), goes, "{size}");
        }
    }
}
