//! What `az` prints becomes the same `cluster:` section that a user would write.
//!
//! Accepted are `az aks show`, `az aks list` of one cluster, `az aks nodepool list` and `show`, the
//! ARM resource `Microsoft.ContainerService/managedClusters`, and an ARM template that holds one.
//! Keys are found without regard to case (`osDiskSizeGB`, `osDiskSizeGb`) and in kebab or camel
//! form; `null` means absent. What has no effect in the simulation is noted; what merely names or
//! dates things is passed over.

use super::fields::Fields;
use super::findings::Findings;
use super::{az_pool, code};
use crate::scenario::{Diagnostic, Key, Kind, Node, Span};

/// Keys that name, date or secure a cluster: no effect by nature, not worth a note.
const NAMES: &[&str] = &[
    "aadProfile",
    "apiServerAccessProfile",
    "apiVersion",
    "azurePortalFqdn",
    "currentOrchestratorVersion",
    "dependsOn",
    "disableLocalAccounts",
    "dnsPrefix",
    "enableRbac",
    "etag",
    "eTag",
    "fqdn",
    "fqdnSubdomain",
    "id",
    "identity",
    "identityProfile",
    "linuxProfile",
    "maxAgentPools",
    "name",
    "nodeResourceGroup",
    "oidcIssuerProfile",
    "privateFqdn",
    "privateLinkResources",
    "provisioningState",
    "publicNetworkAccess",
    "resourceGroup",
    "resourceUid",
    "securityProfile",
    "servicePrincipalProfile",
    "storageProfile",
    "supportPlan",
    "systemData",
    "tags",
    "type",
    "windowsProfile",
];

/// Keys of `networkProfile` that place no pod and no node.
const NETWORK_NAMES: &[&str] = &[
    "dnsServiceIp",
    "ipFamilies",
    "loadBalancerSku",
    "networkDataplane",
    "networkMode",
    "networkPolicy",
    "outboundType",
    "serviceCidrs",
];

/// Keys of `autoScalerProfile` (azure-rest-api-specs, `ManagedClusterPropertiesAutoScalerProfile`).
const AUTOSCALER: &[&str] = &[
    "balance-similar-node-groups",
    "daemonset-eviction-for-empty-nodes",
    "daemonset-eviction-for-occupied-nodes",
    "expander",
    "ignore-daemonsets-utilization",
    "max-empty-bulk-delete",
    "max-graceful-termination-sec",
    "max-node-provision-time",
    "max-total-unready-percentage",
    "new-pod-scale-up-delay",
    "ok-total-unready-count",
    "scale-down-delay-after-add",
    "scale-down-delay-after-delete",
    "scale-down-delay-after-failure",
    "scale-down-unneeded-time",
    "scale-down-unready-time",
    "scale-down-utilization-threshold",
    "scan-interval",
    "skip-nodes-with-local-storage",
    "skip-nodes-with-system-pods",
];

/// The `cluster:` section of the documents of one file. `None` after an error.
pub fn cluster(documents: &[Node], found: &mut Findings) -> Option<Node> {
    let [document] = documents else {
        let place = documents.get(1).map(|node| node.span);
        found.error(code::AZ, place, "a file printed by `az` holds exactly one document");
        return None;
    };
    match &document.kind {
        Kind::Seq(items) => match items.as_slice() {
            [one] if is_cluster(one) => whole(one, &[], found),
            [_, _, ..] if items.iter().any(is_cluster) => {
                let text = "the file lists several clusters; print one with `az aks show`";
                found.error(code::AZ, Some(document.span), text);
                None
            }
            _ => pools_alone(document, items.iter(), found),
        },
        Kind::Map(_) if field(document, "resources").is_some() => template(document, found),
        Kind::Map(_) if is_cluster(document) => whole(document, &[], found),
        Kind::Map(_) if field(document, "vmSize").is_some() => {
            pools_alone(document, std::iter::once(document), found)
        }
        _ => {
            let text = "this is neither a cluster nor a list of node pools as `az` prints them";
            found.error(code::AZ, Some(document.span), text);
            None
        }
    }
}

/// A value whatever the case of its key.
fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let entries = node.entries().iter();
    entries.clone().find(|(k, _)| k.text.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// ARM nests what `az` prints flat.
fn properties(node: &Node) -> &Node {
    field(node, "properties").unwrap_or(node)
}

fn is_cluster(node: &Node) -> bool {
    field(properties(node), "agentPoolProfiles").is_some()
}

fn has_type(node: &Node, wanted: &str) -> bool {
    field(node, "type").and_then(Node::as_str).is_some_and(|t| t.eq_ignore_ascii_case(wanted))
}

/// An ARM template: its cluster, and node pools that are resources of their own.
fn template(document: &Node, found: &mut Findings) -> Option<Node> {
    let resources = field(document, "resources").map(|node| match &node.kind {
        // Templates with symbolic names hold a map.
        Kind::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        _ => node.items().iter().collect::<Vec<_>>(),
    })?;
    let of = |wanted: &'static str| resources.iter().copied().filter(move |r| has_type(r, wanted));
    let pools: Vec<&Node> = of("Microsoft.ContainerService/managedClusters/agentPools").collect();
    let mut clusters = of("Microsoft.ContainerService/managedClusters");
    match (clusters.next(), clusters.next()) {
        (Some(cluster), None) => whole(cluster, &pools, found),
        _ => {
            let text = "the template must hold exactly one \
                        `Microsoft.ContainerService/managedClusters`";
            found.error(code::AZ, Some(document.span), text);
            None
        }
    }
}

fn pools_alone<'n>(
    list: &Node,
    pools: impl Iterator<Item = &'n Node>,
    found: &mut Findings,
) -> Option<Node> {
    let mut section = Section::new(list.span);
    let mut read = Vec::new();
    for (index, pool) in pools.enumerate() {
        read.push(az_pool::pool(pool, properties(pool), &format!("[{index}]"), found)?);
    }
    section.put("agentPoolProfiles", Node::new(list.span, Kind::Seq(read)));
    Some(section.node)
}

/// A map in the making.
pub(super) struct Section {
    /// The map.
    pub node: Node,
}

impl Section {
    pub(super) fn new(span: Span) -> Self {
        Self { node: Node::map(span) }
    }

    pub(super) fn put(&mut self, key: &str, value: Node) {
        let key = Key { text: key.to_owned(), span: value.span };
        if let Kind::Map(entries) = &mut self.node.kind {
            entries.push((key, value));
        }
    }

    /// Takes a value over as it is.
    pub(super) fn copy(&mut self, key: &str, from: &mut Fields<'_>) {
        if let Some(value) = from.get(key) {
            self.put(key, value.clone());
        }
    }
}

fn whole(resource: &Node, extra_pools: &[&Node], found: &mut Findings) -> Option<Node> {
    let mut top = Fields::open(resource, "", found)?.any_case();
    let mut inner = top.below("properties", found);
    let mut section = Section::new(resource.span);
    top.skip(NAMES);
    for key in ["location", "sku"] {
        let value = top.get(key).or_else(|| inner.as_mut().and_then(|inner| inner.get(key)));
        match (key, value) {
            ("sku", Some(sku)) => section.put("sku", tier(sku, found)?),
            (key, Some(value)) => section.put(key, value.clone()),
            _ => {}
        }
    }
    let fields = inner.as_mut().unwrap_or(&mut top);
    fields.skip(NAMES);
    version(fields, &mut section);
    cluster_notes(fields, found);
    addons(fields, &mut section, found);
    let mut pools = Vec::new();
    for (path, pool) in fields.list("agentPoolProfiles", found) {
        pools.push(az_pool::pool(pool, pool, &path, found)?);
    }
    for (index, pool) in extra_pools.iter().enumerate() {
        let path = format!("resources[{index}].properties");
        pools.push(az_pool::pool(pool, properties(pool), &path, found)?);
    }
    network(fields, &mut section, found);
    autoscaler(fields, &mut section, found);
    section.put("agentPoolProfiles", Node::new(resource.span, Kind::Seq(pools)));
    if let Some(inner) = inner {
        inner.finish(found);
    }
    top.finish(found);
    Some(section.node)
}

/// `sku`: only the tier matters; `Paid` is what `Standard` was called.
fn tier(sku: &Node, found: &mut Findings) -> Option<Node> {
    let mut fields = Fields::open(sku, "sku", found)?.any_case();
    let mut section = Section::new(sku.span);
    if let Some(tier) = fields.get("tier") {
        let paid = tier.as_str().is_some_and(|t| t.eq_ignore_ascii_case("Paid"));
        let tier = if paid { Node::string(tier.span, "Standard") } else { tier.clone() };
        section.put("tier", tier);
    }
    fields.skip(&["name"]);
    fields.finish(found);
    Some(section.node)
}

/// The minor version that runs now, or else the one asked for.
fn version(fields: &mut Fields<'_>, section: &mut Section) {
    let asked = fields.get("kubernetesVersion");
    let current = fields.get("currentKubernetesVersion");
    if let Some(node) = current.or(asked) {
        let text = node.text().unwrap_or_default();
        let minor: Vec<&str> = text.splitn(3, '.').take(2).collect();
        section.put("kubernetesVersion", Node::string(node.span, minor.join(".")));
    }
}

/// `addonProfiles`: of those that are enabled, the virtual nodes are simulated.
fn addons(fields: &mut Fields<'_>, section: &mut Section, found: &mut Findings) {
    let Some(node) = fields.get("addonProfiles") else { return };
    let path = fields.path("addonProfiles");
    let Some(addons) = Fields::open(node, &path, found) else { return };
    let mut addons = addons.any_case();
    for (key, addon) in node.entries() {
        if field(addon, "enabled").is_some_and(|enabled| enabled.kind == Kind::Bool(false)) {
            addons.skip(&[&key.text]);
        }
    }
    if let Some(mut connector) = addons.below("aciConnectorLinux", found) {
        // The subnet of its container groups, whose addresses are not counted, and its identity.
        connector.skip(&["config", "identity"]);
        let place = connector.place();
        if connector.boolean("enabled", found) == Some(true) {
            let mut nodes = Section::new(place);
            nodes.put("enabled", Node::new(place, Kind::Bool(true)));
            section.put("virtualNodes", nodes.node);
            let text = "the cluster has virtual nodes; their quotas are taken as those of a new \
                        subscription";
            let help = "give your own under `virtualNodes`, or `virtualNodes: {enabled: false}` to \
                        leave them out";
            found.report(Diagnostic::note(code::AZ, text).at(place, "").help(help));
        }
        connector.finish(found);
    }
    addons.finish(found);
}

/// What changes the autoscaling of a whole cluster and is not simulated.
fn cluster_notes(fields: &mut Fields<'_>, found: &mut Findings) {
    if let Some(mut profile) = fields.below("nodeProvisioningProfile", found) {
        let auto = |mode: &&Node| mode.as_str().is_some_and(|m| m.eq_ignore_ascii_case("Auto"));
        if let Some(mode) = profile.get("mode").filter(auto) {
            let text = "node auto-provisioning (Karpenter) is not simulated: only the pools \
                        listed grow and shrink";
            found.report(Diagnostic::warning(code::NOT_BUILT, text).at(mode.span, ""));
        }
        profile.skip(&["defaultNodePools"]);
        profile.finish(found);
    }
    if let Some(mut state) = fields.below("powerState", found) {
        if let Some(stopped) = state.get("code").filter(|code| code.as_str() == Some("Stopped")) {
            let text = "the cluster was stopped when this was printed; it is simulated as running";
            found.report(Diagnostic::warning(code::AZ, text).at(stopped.span, ""));
        }
        state.finish(found);
    }
    if let Some(mut profile) = fields.below("workloadAutoScalerProfile", found) {
        // KEDA is simulated wherever a ScaledObject or a ScaledJob asks for it.
        profile.skip(&["keda"]);
        if let Some(mut vertical) = profile.below("verticalPodAutoscaler", found) {
            if vertical.boolean("enabled", found) == Some(false) {
                vertical.skip(&["addonAutoscaling"]);
            }
            vertical.finish(found);
        }
        profile.finish(found);
    }
}

fn network(fields: &mut Fields<'_>, section: &mut Section, found: &mut Findings) {
    let place = fields.place();
    let profile = fields.below("networkProfile", found);
    let mut network = Section::new(profile.as_ref().map_or(place, Fields::place));
    if let Some(mut profile) = profile {
        for key in ["networkPlugin", "networkPluginMode", "podCidr", "serviceCidr"] {
            if let Some(value) = profile.get(key) {
                let value = match value.as_str() {
                    Some(text) => Node::string(value.span, text.to_ascii_lowercase()),
                    None => value.clone(),
                };
                network.put(key, value);
            }
        }
        // The first of `podCidrs` is `podCidr`; a second one is the other address family.
        profile.skip(&["podCidrs"]);
        profile.skip(NETWORK_NAMES);
        profile.finish(found);
    }
    if !network.node.entries().is_empty() {
        section.put("networkProfile", network.node);
    }
}

/// `autoScalerProfile`: all its values are strings; numbers and booleans are read here.
fn autoscaler(fields: &mut Fields<'_>, section: &mut Section, found: &mut Findings) {
    let Some(mut profile) = fields.below("autoScalerProfile", found) else { return };
    let mut read = Section::new(profile.place());
    for key in AUTOSCALER {
        if let Some(value) = profile.get(key) {
            read.put(key, typed(value));
        }
    }
    profile.finish(found);
    section.put("autoScalerProfile", read.node);
}

/// A string that spells a number or a boolean, as that.
fn typed(node: &Node) -> Node {
    let Some(text) = node.as_str() else { return node.clone() };
    let kind = match text.to_ascii_lowercase().as_str() {
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(value), _) => Kind::Int(value),
            (_, Ok(value)) if value.is_finite() => Kind::Float(value),
            _ => return node.clone(),
        },
    };
    Node { span: node.span, kind, raw: Some(text.into()) }
}

/// Warns where nodes and pods take addresses from subnets whose size nobody gave: `az aks show`
/// does not print it. `cluster` is the section after overrides were merged in.
pub fn warn_of_unknown_subnets(cluster: &Node, found: &mut Findings) {
    let network = cluster.get("networkProfile");
    let word = |key| network.and_then(|n| n.get(key)).and_then(Node::as_str);
    let flat = word("networkPlugin") == Some("azure") && word("networkPluginMode").is_none();
    let single = network.is_some_and(|n| n.get("subnet").is_some());
    if !flat || single {
        return;
    }
    let given = network.and_then(|n| n.get("subnets"));
    let pools = cluster.get("agentPoolProfiles").map_or(&[][..], Node::items);
    let mut named: Vec<&Node> = Vec::new();
    for pool in pools {
        named.extend(pool.get("vnetSubnetID"));
        named.extend(pool.get("podSubnetID"));
    }
    let mut unknown: Vec<&str> =
        named.iter().filter_map(|id| id.as_str()?.rsplit('/').next()).collect();
    unknown.retain(|name| given.and_then(|given| given.get(name)).is_none());
    unknown.sort_unstable();
    unknown.dedup();
    let keys: Vec<String> = match unknown.as_slice() {
        [] if named.is_empty() && given.is_none() => {
            vec!["`networkProfile.subnet.addressPrefix`".to_owned()]
        }
        [] => return,
        names => names
            .iter()
            .map(|name| format!("`networkProfile.subnets.{name}.addressPrefix`"))
            .collect(),
    };
    let place = named.first().map_or(network.unwrap_or(cluster).span, |name| name.span);
    let text = "pods take addresses from a subnet of unknown size, so it can never be full";
    let help = format!(
        "add {} to the scenario's `cluster:`; `az network vnet subnet show` prints it, and the \
         addresses that others use (`usedByOthers`) as `ipConfigurations`",
        keys.join(" and ")
    );
    found.report(Diagnostic::warning(code::SUBNET, text).at(place, "").help(help));
}
