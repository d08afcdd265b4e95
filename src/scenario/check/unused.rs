//! What is written down and has no effect.

use crate::plan::Plan;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{Scenario, nearest_help};
use crate::scenario::reading::Reading;

/// All rules of this kind.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    overrides(reading, scenario);
    container_prices(reading, scenario, plan);
    pool_sizes(reading, scenario, plan);
}

/// Prices of sizes that no pool has: most often a slip of the pen.
fn overrides(reading: &mut Reading<'_>, scenario: &Scenario) {
    let prices = scenario.prices.as_ref().and_then(|at| at.value.overrides.as_ref());
    let pools = scenario.cluster.as_ref().and_then(|at| at.value.pools.as_ref());
    let (Some(prices), Some(pools)) = (prices, pools) else { return };
    let sizes = pools.value.iter().filter_map(|pool| pool.value.vm_size.as_ref());
    let sizes: Vec<&str> = sizes.map(|size| size.value.0.as_str()).collect();
    for name in prices.value.keys() {
        if sizes.iter().any(|size| size.eq_ignore_ascii_case(name)) {
            continue;
        }
        reading.report(
            Diagnostic::warning(code::UNUSED_PRICE, format!("no pool has the size `{name}`"))
                .at(prices.span, "its price has no effect")
                .help(nearest_help(name, sizes.iter().copied())),
        );
    }
}

/// Prices of container groups that nobody makes.
fn container_prices(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let prices = scenario.prices.as_ref().and_then(|at| at.value.virtual_nodes.as_ref());
    let Some(at) = prices.filter(|_| plan.virtual_node.is_none()) else { return };
    reading.report(
        Diagnostic::warning(code::UNUSED_PRICE, "the cluster has no virtual nodes")
            .at(at.span, "these prices have no effect")
            .help("write `cluster.virtualNodes: {enabled: true}`, or leave them out"),
    );
}

/// Pools that may never grow as far as they say.
fn pool_sizes(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let Some(pools) = scenario.cluster.as_ref().and_then(|at| at.value.pools.as_ref()) else {
        return;
    };
    for (given, pool) in pools.value.iter().zip(plan.pools.iter()) {
        let most = pool.max.max(pool.count);
        let Some(limit) = pool.instance_limit.filter(|limit| most > *limit) else { continue };
        let name = plan.symbols.text(pool.name);
        let message = format!("the pool `{name}` may have {most} nodes, a scale set {limit}");
        reading.report(
            Diagnostic::warning(code::COUNT_OUTSIDE, message)
                .at(given.span, "AKS would refuse this")
                .help(format!("write at most {limit}, or use several pools")),
        );
    }
}
