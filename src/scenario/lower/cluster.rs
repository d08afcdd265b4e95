//! `cluster:` less its pools: version, tier, network, subnets, quotas, autoscaler.

use indexmap::IndexMap;
use regex::Regex;

use super::lowering::{Lowering, value};
use crate::cloud::address::{self, Cidr};
use crate::cloud::{NetworkMode, NetworkSpec, QuotaSpec, SubnetSpec, Tier, limits};
use crate::control::autoscaler::{AutoscalerSpec, Expander};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    At, FailureDetectionName, Network, NetworkPlugin, PodIpMode, Pool, Subnet, Text, TierName,
    nearest,
};
use crate::scenario::source::Span;
use crate::unit::SubnetId;
use crate::vocabulary::KubernetesVersion;

/// A network before it was read.
pub const UNKNOWN_NETWORK: NetworkSpec =
    NetworkSpec { mode: NetworkMode::Flat, max_nodes: limits::CLUSTER_NODES };

/// The pod CIDR of `az aks create`.
const DEFAULT_POD_CIDR: &str = "10.244.0.0/16";

/// Reads everything but workloads into the lowering.
pub fn lower(lowering: &mut Lowering<'_, '_>) {
    let Some(cluster) = value(&lowering.scenario.cluster) else {
        if lowering.scenario.nodes.is_none() && !no_nodes_needed(lowering) {
            lowering.report(
                Diagnostic::error(code::MISSING_KEY, "the scenario has no `cluster`")
                    .help("write `cluster: {agentPoolProfiles: [{name: …, vmSize: …}]}`"),
            );
        }
        return;
    };
    if let Some(version) = &cluster.kubernetes_version {
        kubernetes_version(lowering, version);
    }
    lowering.tier = match value(&cluster.sku).and_then(|sku| value(&sku.tier)) {
        Some(TierName::Standard) => Tier::Standard,
        Some(TierName::Premium) => Tier::Premium,
        Some(TierName::Free) | None => Tier::Free,
    };
    let pools = value(&cluster.pools).map_or(&[][..], Vec::as_slice);
    network(lowering, value(&cluster.network), pools);
    quotas(lowering);
    super::pool::lower(lowering, cluster, pools);
}

fn no_nodes_needed(lowering: &Lowering<'_, '_>) -> bool {
    let lab = value(&lowering.scenario.lab);
    lab.and_then(|lab| value(&lab.infinite_nodes)).is_some_and(|switch| switch.0)
}

fn kubernetes_version(lowering: &mut Lowering<'_, '_>, given: &At<Text>) {
    let minor = given.value.0.trim_start_matches('v').split('.').nth(1);
    let major = given.value.0.trim_start_matches('v').split('.').next();
    let minor = minor.filter(|_| major == Some("1")).and_then(|minor| minor.parse::<u16>().ok());
    let known = minor.map(KubernetesVersion::minor).filter(|version| {
        (KubernetesVersion::OLDEST..=KubernetesVersion::NEWEST).contains(version)
    });
    match known {
        Some(version) => lowering.version = version,
        None => lowering.report(
            Diagnostic::error(
                code::UNKNOWN_VERSION,
                format!("no model of Kubernetes `{}`", given.value.0),
            )
            .at(given.span, "")
            .help(format!(
                "versions from {} to {}; quote it, or 1.30 would be the number 1.3",
                KubernetesVersion::OLDEST,
                KubernetesVersion::NEWEST
            )),
        ),
    }
}

fn network(lowering: &mut Lowering<'_, '_>, given: Option<&Network>, pools: &[At<Pool>]) {
    let empty = Network::default();
    let given = given.unwrap_or(&empty);
    let pod_subnets = pools.iter().any(|pool| pool.value.pod_subnet.is_some());
    let blocks =
        pools.iter().any(|pool| value(&pool.value.pod_ip_mode) == Some(&PodIpMode::Static));
    let mode = match value(&given.plugin).copied().unwrap_or(NetworkPlugin::Azure) {
        NetworkPlugin::Kubenet => NetworkMode::Kubenet,
        NetworkPlugin::None => NetworkMode::None,
        NetworkPlugin::Azure if given.mode.is_some() => NetworkMode::Overlay,
        NetworkPlugin::Azure if pod_subnets && blocks => NetworkMode::PodSubnetStatic,
        NetworkPlugin::Azure if pod_subnets => NetworkMode::PodSubnetDynamic,
        NetworkPlugin::Azure => NetworkMode::Flat,
    };
    if let Some(at) = given.mode.as_ref().filter(|_| mode != NetworkMode::Overlay) {
        let message = "`networkPluginMode: overlay` needs `networkPlugin: azure`";
        lowering.error(code::CONTRADICTION, message, at.span, "");
    }
    let pod_prefix = pod_prefix(lowering, given, mode);
    if let Some(services) = &given.service_cidr {
        cidr(lowering, services);
    }
    let cluster = match lowering.tier {
        Tier::Free => limits::FREE_CLUSTER_NODES,
        Tier::Standard | Tier::Premium => limits::CLUSTER_NODES,
    };
    let max_nodes = address::max_nodes(mode, pod_prefix, cluster);
    lowering.network = NetworkSpec { mode, max_nodes };
    if let Some(subnet) = &given.subnet {
        add_subnet(lowering, "default", &subnet.value);
    }
    for (name, subnet) in value(&given.subnets).into_iter().flatten() {
        add_subnet(lowering, name, subnet);
    }
    if lowering.subnets.is_empty() {
        let name = lowering.tables.intern("default");
        lowering.subnets.push(SubnetSpec { name, capacity: None });
        let source = "assumption: no subnet is given, so it is never full";
        lowering.assume("cluster.networkProfile.subnet", "unlimited", source);
    }
}

fn pod_prefix(lowering: &mut Lowering<'_, '_>, given: &Network, mode: NetworkMode) -> u8 {
    let default = Cidr::parse(DEFAULT_POD_CIDR).map_or(16, |cidr| cidr.prefix);
    match &given.pod_cidr {
        Some(at) => cidr(lowering, at).map_or(default, |cidr| cidr.prefix),
        None => {
            if matches!(mode, NetworkMode::Overlay | NetworkMode::Kubenet) {
                let source = "az aks create --pod-cidr";
                lowering.assume("cluster.networkProfile.podCidr", DEFAULT_POD_CIDR, source);
            }
            default
        }
    }
}

fn cidr(lowering: &mut Lowering<'_, '_>, at: &At<Text>) -> Option<Cidr> {
    let found = Cidr::parse(&at.value.0);
    if found.is_none() {
        let message = format!("`{}` is not an address range such as `10.240.0.0/24`", at.value.0);
        lowering.error(code::BAD_VALUE, message, at.span, "");
    }
    found
}

fn add_subnet(lowering: &mut Lowering<'_, '_>, name: &str, subnet: &Subnet) {
    let Some(prefix) = &subnet.0.prefix else { return };
    let Some(range) = cidr(lowering, prefix) else { return };
    let reserved = value(&subnet.0.reserved).map_or(address::KEPT_BY_AZURE, |n| u64::from(n.0));
    let others = value(&subnet.0.used_by_others).map_or(0, |count| u64::from(count.0));
    let size = 1u64 << (32 - u32::from(range.prefix));
    let capacity = size.saturating_sub(reserved + others);
    if capacity == 0 {
        let message = format!("the subnet `{name}` has no address left for nodes");
        let label = format!("{size} addresses, {reserved} reserved, {others} used by others");
        lowering.error(code::SMALL_SUBNET, message, prefix.span, &label);
    }
    let name = lowering.tables.intern(name);
    lowering.subnets.push(SubnetSpec { name, capacity: Some(capacity) });
}

/// The subnet of this name or ARM id.
pub fn subnet(lowering: &mut Lowering<'_, '_>, given: &At<Text>) -> Option<SubnetId> {
    let name = given.value.0.rsplit('/').next().unwrap_or_default();
    let symbol = lowering.tables.symbols.find(name);
    let found = lowering.subnets.iter().position(|subnet| Some(subnet.name) == symbol);
    // An ARM id names the subnet even where the scenario gives only one, under no name.
    let only = lowering.subnets.len() == 1 && given.value.0.contains('/');
    if let Some(at) = found.or_else(|| only.then_some(0)) {
        return Some(SubnetId(at as u32));
    }
    let names: Vec<String> = lowering
        .subnets
        .iter()
        .map(|subnet| lowering.tables.symbols.text(subnet.name).to_owned())
        .collect();
    let help = crate::scenario::format::nearest_help(name, names.iter().map(String::as_str));
    lowering.report(
        Diagnostic::error(code::UNKNOWN_SUBNET, format!("no subnet `{name}`"))
            .at(given.span, "")
            .help(help),
    );
    None
}

/// The counter of all on-demand vCPUs of a region.
const REGIONAL: [&str; 2] = ["totalRegionalVCpus", "cores"];

fn quotas(lowering: &mut Lowering<'_, '_>) {
    for (name, limit) in value(&lowering.scenario.quota).into_iter().flatten() {
        let known =
            REGIONAL.iter().chain(&["lowPriorityCores"]).any(|n| n.eq_ignore_ascii_case(name))
                || families().any(|family| family.eq_ignore_ascii_case(name));
        if !known {
            let words = || REGIONAL.into_iter().chain(["lowPriorityCores"]).chain(families());
            let help = match nearest(name, words()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "names are those of `az vm list-usage`".to_owned(),
            };
            lowering.report(
                Diagnostic::warning(
                    code::UNKNOWN_QUOTA,
                    format!("no VM size of the catalogue draws on the quota `{name}`"),
                )
                .at(limit.span, "this limit holds for nothing")
                .help(help),
            );
        }
        let name = lowering.tables.intern(name);
        lowering.quotas.push(QuotaSpec { name, limit: u64::from(limit.value.0) });
    }
}

fn families() -> impl Iterator<Item = &'static str> {
    crate::cloud::catalogue::sizes().iter().map(|size| size.family)
}

/// Whether a quota counts on-demand vCPUs of a region.
pub fn is_regional(name: &str) -> bool {
    REGIONAL.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What an expander needs and does not get.
fn check_expanders(lowering: &mut Lowering<'_, '_>, spec: &AutoscalerSpec, place: Span) {
    let priorities = value(&lowering.scenario.cluster).is_some_and(|own| own.priorities.is_some());
    let found = if spec.expanders.contains(&Expander::Price) {
        Diagnostic::error(code::AUTOSCALER_SETTING, "Azure gives the expander `price` no prices")
            .help("AKS takes random, most-pods, least-waste or priority")
    } else if spec.expanders.contains(&Expander::Priority) && !priorities {
        let message = "`priority` finds no priorities: all pools pass, and chance decides";
        Diagnostic::warning(code::NO_PRIORITIES, message)
            .help("write what the ConfigMap says under `cluster.priorityExpander`")
    } else {
        return;
    };
    lowering.report(found.at(place, ""));
}

/// The autoscaler's settings.
pub fn autoscaler(lowering: &mut Lowering<'_, '_>) -> AutoscalerSpec {
    let mut spec = AutoscalerSpec::aks(lowering.version);
    let cluster = value(&lowering.scenario.cluster);
    let given = cluster.and_then(|cluster| cluster.autoscaler.as_ref());
    for (key, setting) in given.into_iter().flat_map(|at| &at.value) {
        let Err(error) = spec.set(key, &setting.value.0) else {
            if AutoscalerSpec::is_setting(key, "expander") {
                check_expanders(lowering, &spec, setting.span);
            }
            continue;
        };
        let severity = if error.is_note() {
            crate::scenario::diagnostic::Severity::Note
        } else {
            crate::scenario::diagnostic::Severity::Error
        };
        lowering.report(
            Diagnostic::new(severity, code::AUTOSCALER_SETTING, error.to_string())
                .at(setting.span, ""),
        );
    }
    if let Some(given) = cluster.and_then(|cluster| cluster.priorities.as_ref()) {
        priorities(lowering, given, &mut spec);
    }
    let is_allowed = |name: &String| spec.allowed_schedulers.contains(name);
    let stray = spec.bypassed_schedulers.iter().find(|name| !is_allowed(name));
    if let (Some(stray), Some(given), false) = (stray, given, spec.allowed_schedulers.is_empty()) {
        // Upstream does not start (`pkg/config/flags/flags.go`, `parseAllowedSchedulers`).
        let message = format!("`{stray}` is not among `allowed-scheduler-names`");
        lowering.error(code::AUTOSCALER_SETTING, message, given.span, "bypassed and not allowed");
    }
    // AKS profile table: `scale-down-delay-after-delete` is `scan-interval` unless it is given.
    let mut keys = given.into_iter().flat_map(|at| at.value.keys());
    if !keys.any(|key| AutoscalerSpec::is_setting(key, "scale-down-delay-after-delete")) {
        spec.delay_after_delete = spec.scan_interval;
    }
    if lowering.pools.iter().any(|pool| pool.autoscaled) {
        let given: Vec<&String> = given.into_iter().flat_map(|at| at.value.keys()).collect();
        for (name, value) in spec.aks_profile() {
            if !given.iter().any(|key| AutoscalerSpec::is_setting(key, name)) {
                let path = format!("cluster.autoScalerProfile.{name}");
                lowering.assume(path, value, "AKS, azure-aks-docs cluster-autoscaler.md");
            }
        }
    }
    let timing = value(&lowering.scenario.timing);
    match timing.and_then(|timing| value(&timing.failure_detection)) {
        Some(FailureDetectionName::Fast) => spec.fast_failure_detection = true,
        Some(FailureDetectionName::Slow) => spec.fast_failure_detection = false,
        None => {
            let text = if spec.fast_failure_detection { "fast" } else { "slow" };
            let source = "AKS release notes 2025-10-12: fast from 1.33 on";
            lowering.assume("timing.failureDetection", text, source);
        }
    }
    spec
}

/// Priorities of scale sets. Upstream logs a bad ConfigMap and goes on without it
/// (`pkg/expander/priority/priority.go`); here it is an error.
fn priorities(
    lowering: &mut Lowering<'_, '_>,
    given: &At<IndexMap<String, At<Vec<Text>>>>,
    spec: &mut AutoscalerSpec,
) {
    if !spec.expanders.contains(&Expander::Priority) {
        let message = "`priorityExpander` is read by the expander `priority` only";
        let help = "write `expander: priority` in `autoScalerProfile`, or take the priorities out";
        let found = Diagnostic::warning(code::AUTOSCALER_SETTING, message).help(help);
        lowering.report(found.at(given.span, ""));
    }
    for (priority, patterns) in &given.value {
        for pattern in patterns.value.iter().filter(|pattern| Regex::new(&pattern.0).is_err()) {
            let message = format!("`{}` is no regular expression", pattern.0);
            lowering.error(code::BAD_VALUE, message, patterns.span, "");
        }
        let Ok(number) = priority.parse::<i64>() else {
            let message = format!("`{priority}` is no priority: it must be a whole number");
            lowering.error(code::BAD_VALUE, message, patterns.span, "");
            continue;
        };
        spec.priorities.push((number, patterns.value.iter().map(|p| p.0.clone()).collect()));
    }
}
