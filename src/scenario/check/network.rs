//! Lints of the network: walls of addresses, and ranges that Azure would not take together.
//!
//! Sources: azure-aks-docs @ fb060ab `concepts-network-ip-address-planning.md`,
//! `concepts-network-azure-cni-overlay.md`, `configure-kubenet.md`.

use super::linter::{most, surge};
use crate::cloud::address::{self, Cidr, NodeNeed};
use crate::cloud::{NetworkMode, PoolSpec};
use crate::plan::Plan;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, Network, Scenario, Text};
use crate::scenario::reading::Reading;
use crate::unit::SubnetId;

/// A range of services must be smaller than this.
const SERVICE_PREFIX: u8 = 12;

/// All lints of the network.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    let cluster = scenario.cluster.as_ref();
    let network = cluster.and_then(|cluster| cluster.value.network.as_ref());
    let network = network.map(|network| &network.value);
    subnets(reading, network, plan);
    nodes(reading, network, plan);
    if let Some(network) = network {
        ranges(reading, network, plan.network.mode);
        growth(reading, network, plan);
    }
}

/// Addresses that each node of a pool takes from a subnet at its creation.
fn need(plan: &Plan, pool: &PoolSpec, subnet: SubnetId) -> u64 {
    let need = NodeNeed::of(plan.network.mode, pool.max_pods);
    let node = if pool.subnet == subnet { need.node } else { 0 };
    let pods = if pool.pod_subnet == Some(subnet) { need.pods } else { 0 };
    node + pods
}

/// A subnet that fills before its pools reach their maximum.
fn subnets(reading: &mut Reading<'_>, network: Option<&Network>, plan: &Plan) {
    let place = network.and_then(|network| network.subnet.as_ref().map(|at| at.span));
    let static_pods = plan.network.mode == NetworkMode::Flat;
    for (id, subnet) in plan.subnets.enumerate() {
        let Some(capacity) = subnet.capacity else { continue };
        let pools = plan.pools.iter().map(|pool| (pool, need(plan, pool, id)));
        let pools = pools.filter(|(_, each)| *each > 0);
        let needed: u64 = pools.clone().map(|(pool, each)| u64::from(pool.max) * each).sum();
        let surge = surge(pools.clone());
        if needed.saturating_add(surge) <= capacity {
            continue;
        }
        let nodes: u64 = pools.clone().map(|(pool, _)| u64::from(pool.max)).sum();
        let largest = pools.map(|(_, each)| each).max().unwrap_or(1).max(1);
        let name = plan.symbols.text(subnet.name);
        let wall = format!(
            "the subnet `{name}` has {capacity} addresses, its pools at maximum need {needed}"
        );
        let found = if needed > capacity {
            Diagnostic::warning(code::SMALL_SUBNET, wall)
        } else {
            let message = format!("{wall} and the surge nodes of an upgrade {surge}");
            Diagnostic::note(code::SURGE_ROOM, message)
        };
        let found = found.help(format!(
            "{nodes} nodes at up to {largest} addresses; about {} fit{}",
            capacity / largest,
            if static_pods { ": use overlay, fewer `maxPods`, or a larger prefix" } else { "" }
        ));
        reading.report(match place {
            Some(place) => found.at(
                place,
                if needed > capacity { "the pools stop growing at this wall" } else { "" },
            ),
            None => found,
        });
    }
}

/// Pools that may have more nodes than the cluster: blocks of the pod CIDR, routes of kubenet, the
/// tier.
fn nodes(reading: &mut Reading<'_>, network: Option<&Network>, plan: &Plan) {
    let limit = plan.network.max_nodes;
    let wanted = plan.pools.iter().map(most).fold(0, u32::saturating_add);
    let own_sizes = plan.pools.iter().all(|pool| pool.instance_limit.is_none());
    if wanted <= limit || own_sizes {
        return;
    }
    let message = format!("the pools may have {wanted} nodes, the cluster has room for {limit}");
    let help = match plan.network.mode {
        NetworkMode::Overlay => "each node takes a /24 of `podCidr`: widen it, or lower `maxCount`",
        NetworkMode::Kubenet => "kubenet has a route for each node, at most 400: move to overlay",
        _ => "a Free cluster has at most 1,000 nodes, others 5,000: lower `maxCount`",
    };
    let found = Diagnostic::warning(code::NODE_LIMIT, message).help(help);
    reading.report(match network.and_then(|network| network.pod_cidr.as_ref()) {
        Some(at) if plan.network.mode == NetworkMode::Overlay => found.at(at.span, ""),
        _ => found,
    });
}

/// Ranges that share addresses, and a range of services that is too large.
fn ranges(reading: &mut Reading<'_>, network: &Network, mode: NetworkMode) {
    let services = network.service_cidr.as_ref();
    let routed = matches!(mode, NetworkMode::Overlay | NetworkMode::Kubenet);
    let pods = network.pod_cidr.as_ref().filter(|_| routed);
    let named = [("`serviceCidr`".to_owned(), services), ("`podCidr`".to_owned(), pods)];
    let only = network.subnet.iter().map(|at| ("the subnet".to_owned(), &at.value));
    let subnets = network.subnets.iter().flat_map(|at| &at.value);
    let subnets = subnets.map(|(name, subnet)| (format!("the subnet `{name}`"), subnet));
    let subnets = only.chain(subnets).map(|(name, subnet)| (name, subnet.0.prefix.as_ref()));
    let mut taken: Vec<(String, Cidr)> = Vec::new();
    for (name, at) in named.into_iter().chain(subnets) {
        let Some(at) = at else { continue };
        let Some(range) = Cidr::parse(&at.value.0) else { continue };
        let name = format!("{name} {}", at.value.0);
        for (other, _) in taken.iter().filter(|(_, other)| other.overlaps(range)) {
            let message = format!("{name} shares addresses with {other}");
            let found = Diagnostic::warning(code::OVERLAPPING_RANGES, message);
            let help = "Azure refuses the cluster: choose ranges that share no address, with each \
                        other or with a network that the VNet is peered with";
            reading.report(found.at(at.span, "").help(help));
        }
        taken.push((name, range));
    }
    let large = |at: &&At<Text>| {
        Cidr::parse(&at.value.0).is_some_and(|range| range.prefix <= SERVICE_PREFIX)
    };
    if let Some(at) = services.filter(large) {
        let message = format!("`serviceCidr` {} is too large for AKS", at.value.0);
        let found = Diagnostic::warning(code::SERVICE_RANGE, message);
        reading.report(found.at(at.span, "").help("smaller than a /12: a /16 has 65,000 services"));
    }
}

/// How long addresses last if every pool needs more nodes month by month.
fn growth(reading: &mut Reading<'_>, network: &Network, plan: &Plan) {
    let Some(growth) = &network.growth else { return };
    let mut walls: Vec<(String, Option<u32>)> = Vec::new();
    for (id, subnet) in plan.subnets.enumerate() {
        let Some(capacity) = subnet.capacity else { continue };
        let pools = plan.pools.iter().map(|pool| (pool.count, need(plan, pool, id)));
        let pools: Vec<_> = pools.filter(|(_, each)| *each > 0).collect();
        let months = address::months_until_full(&pools, capacity, growth.value.0);
        walls.push((format!("subnet `{}`", plan.symbols.text(subnet.name)), months));
    }
    let nodes: Vec<_> = plan.pools.iter().map(|pool| (pool.count, 1)).collect();
    let limit = plan.network.max_nodes;
    let months = address::months_until_full(&nodes, u64::from(limit), growth.value.0);
    walls.push((format!("limit of {limit} nodes"), months));
    for (wall, months) in walls {
        let message = match months {
            Some(0) => format!("the {wall} is exhausted at the start"),
            Some(1) => format!("the {wall} is exhausted in 1 month"),
            Some(months) => format!("the {wall} is exhausted in {months} months"),
            None => format!("the {wall} lasts for ten years and more"),
        };
        let found = Diagnostic::note(code::MONTHS_TO_EXHAUSTION, message);
        reading.report(found.at(growth.span, "from the `count` of each pool, in whole nodes"));
    }
}
