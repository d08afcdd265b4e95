//! `cluster.virtualNodes`: the node behind which Azure Container Instances run pods.
//!
//! virtual-kubelet v1.11 `node/nodeutil/controller.go` (labels), virtual-kubelet/azure-aci v1.6.4
//! `pkg/provider/vk_node.go` (`ConfigureNode`, `setupNodeCapacity`) and
//! `cmd/virtual-kubelet/main.go` (taint); the name is the one that AKS gives.

use super::lowering::{Lowering, value};
use crate::chance::Dist;
use crate::cloud::boot::TimingDefault;
use crate::cloud::container_group::{ContainerGroupSpec, GroupQuotas};
use crate::cloud::{NetworkMode, PriceSpec, item};
use crate::model::{Labels, Taint, TaintEffect};
use crate::plan::{GivenNode, VirtualNode};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, Count, VirtualNodes};
use crate::scenario::source::Span;
use crate::unit::{Duration, HourlyRate, Resources};

const NAME: &str = "virtual-node-aci-linux";

/// What the virtual node says it has, whatever the quotas: 10,000 cores, 4 TiB, 5,000 pods.
const ROOM: Resources = Resources {
    cpu_milli: 10_000_000,
    memory: 4 << 40,
    ephemeral: 0,
    pods: 5_000,
    ..Resources::ZERO
};

const LABELS: [(&str, &str); 8] = [
    ("type", "virtual-kubelet"),
    ("kubernetes.io/role", "agent"),
    ("kubernetes.io/hostname", NAME),
    ("kubernetes.io/os", "linux"),
    ("beta.kubernetes.io/os", "linux"),
    ("kubernetes.azure.com/managed", "false"),
    ("alpha.service-controller.kubernetes.io/exclude-balancer", "true"),
    ("node.kubernetes.io/exclude-from-external-load-balancers", "true"),
];

/// The virtual node, if the cluster has one.
pub fn lower(lowering: &mut Lowering<'_, '_>, prices: &mut PriceSpec) -> Option<VirtualNode> {
    let at = value(&lowering.scenario.cluster)?.virtual_nodes.as_ref()?;
    if !value(&at.value.enabled).is_some_and(|enabled| enabled.0) {
        return None;
    }
    let flat = [NetworkMode::Flat, NetworkMode::PodSubnetDynamic, NetworkMode::PodSubnetStatic];
    if !flat.contains(&lowering.network.mode) {
        let message = "virtual nodes need Azure CNI whose pods have addresses of a subnet";
        lowering.report(
            Diagnostic::error(code::CONTRADICTION, message)
                .at(at.span, "not with this network")
                .help("leave out `networkPluginMode: overlay`, or the virtual nodes"),
        );
    }
    let quotas = quotas(lowering, &at.value);
    let given = value(&lowering.scenario.timing);
    let given = given.and_then(|timing| timing.container_group_start.as_ref());
    let default = TimingDefault {
        dist: Dist::constant(Duration::from_secs(10)),
        text: "10s",
        source: "assumption: \"within seconds\" (azure-aks-docs virtual-nodes.md), no distribution \
                 is published",
    };
    let start = lowering.time("timing.containerGroupStart", given, default);
    let (vcpu, gigabyte) = rates(lowering, prices, at.span)?;
    let tables = &mut lowering.tables;
    let labels: Labels =
        LABELS.iter().map(|(key, text)| (tables.intern(key), tables.intern(text))).collect();
    let taint = Taint {
        key: tables.intern("virtual-kubelet.io/provider"),
        value: tables.intern("azure"),
        effect: TaintEffect::NoSchedule,
    };
    Some(VirtualNode {
        node: GivenNode {
            name: tables.intern(NAME),
            labels,
            taints: vec![taint],
            capacity: ROOM,
            allocatable: ROOM,
        },
        groups: ContainerGroupSpec { quotas, start, vcpu, gigabyte },
    })
}

/// Quotas that the scenario leaves out are those of a new subscription.
fn quotas(lowering: &mut Lowering<'_, '_>, given: &VirtualNodes) -> GroupQuotas {
    let mut one = |key: &str, count: &Option<At<Count>>, default: u32| {
        if count.is_none() {
            let source = "Azure docs container-instances-resource-and-quota-limits.md, 2025-11-17";
            let path = format!("cluster.virtualNodes.{key}");
            lowering.assume(path, default.to_string(), source);
        }
        value(count).map_or(default, |count| count.0)
    };
    GroupQuotas {
        groups: one("containerGroups", &given.groups, 100),
        cores: one("cores", &given.cores, 100),
        per_five_minutes: one("createsPer5Minutes", &given.per_five_minutes, 100),
        per_hour: one("createsPerHour", &given.per_hour, 300),
    }
}

/// What a vCPU and a gigabyte cost an hour: the scenario's prices, or the list's where it holds.
fn rates(
    lowering: &mut Lowering<'_, '_>,
    prices: &mut PriceSpec,
    place: Span,
) -> Option<(HourlyRate, HourlyRate)> {
    let given = value(&lowering.scenario.prices).and_then(|prices| value(&prices.virtual_nodes));
    let mut source = |unit: &str, rate: HourlyRate, date: &str, source: &str| {
        let price = format!("{}/h a {unit}", rate.units());
        prices.sources.push(["virtualNodes".into(), price, date.into(), source.into()]);
    };
    if let Some(given) = given {
        let (vcpu, gigabyte) = (value(&given.vcpu)?.0, value(&given.gigabyte)?.0);
        source("vCPU", vcpu, "", "the scenario");
        source("GB", gigabyte, "", "the scenario");
        return Some((vcpu, gigabyte));
    }
    let location = lowering.location().to_owned();
    let region = lowering.price_region(&location).to_owned();
    let [vcpu, gigabyte] = [item::CONTAINER_VCPU, item::CONTAINER_GB];
    if !vcpu.holds_in(&region) {
        let message = format!("there is no list price of virtual nodes in {region}");
        lowering.report(
            Diagnostic::error(code::NO_PRICE, message)
                .at(place, "what they cost is not known")
                .help(format!(
                    "give `prices.virtualNodes: {{vcpu: {}/h, gb: {}/h}}`, the prices of {} ({})",
                    HourlyRate(vcpu.price).units(),
                    HourlyRate(gigabyte.price).units(),
                    vcpu.regions.join(", "),
                    vcpu.source
                )),
        );
        return None;
    }
    let rates = (HourlyRate(vcpu.price), HourlyRate(gigabyte.price));
    source("vCPU", rates.0, vcpu.date, vcpu.source);
    source("GB", rates.1, gigabyte.date, gigabyte.source);
    Some(rates)
}
