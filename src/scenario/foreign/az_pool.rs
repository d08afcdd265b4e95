//! A node pool as `az aks nodepool show` or ARM has it.

use super::az::Section;
use super::code;
use super::fields::Fields;
use super::findings::Findings;
use crate::scenario::{Diagnostic, Kind, Node};

/// Keys taken over as they are, in the spelling of our own format.
const TAKEN: &[&str] = &[
    "mode",
    "vmSize",
    "count",
    "enableAutoScaling",
    "minCount",
    "maxCount",
    "maxPods",
    "osType",
    "osDiskType",
    "osDiskSizeGB",
    "availabilityZones",
    "scaleSetPriority",
    "scaleSetEvictionPolicy",
    "spotMaxPrice",
    "scaleDownMode",
    "nodeLabels",
    "nodeTaints",
    "tags",
    "nodeInitializationTaints",
    "podIPAllocationMode",
    "vnetSubnetID",
    "podSubnetID",
];

/// Keys that name, date or secure a pool: no effect by nature, not worth a note.
const NAMES: &[&str] = &[
    "apiVersion",
    "currentOrchestratorVersion",
    "dependsOn",
    "enableEncryptionAtHost",
    "enableFips",
    "enableNodePublicIp",
    "eTag",
    "etag",
    "id",
    "kubeletDiskType",
    "nodeImageVersion",
    "orchestratorVersion",
    "osSku",
    "provisioningState",
    "resourceGroup",
    "securityProfile",
    "systemData",
];

/// A pool in our own format. `resource` has the name, `properties` the rest (the same map where
/// `az` prints flat). `None` after an error.
pub(super) fn pool(
    resource: &Node,
    properties: &Node,
    path: &str,
    found: &mut Findings,
) -> Option<Node> {
    let mut fields = Fields::open(properties, path, found)?.any_case();
    let mut section = Section::new(properties.span);
    fields.skip(&["name"]);
    fields.skip(NAMES);
    let entries = resource.entries().iter();
    let name = entries.clone().find(|(key, _)| key.text.eq_ignore_ascii_case("name"));
    let Some(name) = name.map(|(_, value)| value).filter(|value| value.as_str().is_some()) else {
        fields.missing("name", found);
        return None;
    };
    // A template's child resource is called `<cluster>/<pool>`.
    let text = name.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    section.put("name", Node::string(name.span, text));
    for key in TAKEN {
        if let Some(value) = fields.get(key) {
            refuse_expression(value, &fields.path(key), found)?;
            section.put(key, value.clone());
        }
    }
    if let Some(mut upgrade) = fields.below("upgradeSettings", found) {
        let mut read = Section::new(upgrade.place());
        for key in UPGRADE {
            read.copy(key, &mut upgrade);
        }
        upgrade.finish(found);
        section.put("upgradeSettings", read.node);
    }
    if let Some(mut kubelet) = fields.below("kubeletConfig", found) {
        let mut read = Section::new(kubelet.place());
        for key in KUBELET {
            read.copy(key, &mut kubelet);
        }
        kubelet.finish(found);
        section.put("kubeletConfig", read.node);
    }
    power(&mut fields, found);
    kind(&mut fields, found);
    fields.finish(found);
    Some(section.node)
}

/// Keys of `kubeletConfig` that are simulated.
const KUBELET: [&str; 2] = ["imageGcHighThreshold", "imageGcLowThreshold"];

/// Keys of `upgradeSettings`.
const UPGRADE: [&str; 5] = [
    "maxSurge",
    "maxUnavailable",
    "drainTimeoutInMinutes",
    "nodeSoakDurationInMinutes",
    "undrainableNodeBehavior",
];

fn refuse_expression(value: &Node, path: &str, found: &mut Findings) -> Option<()> {
    let expression =
        value.as_str().is_some_and(|text| text.starts_with('[') && text.ends_with(']'));
    if !expression {
        return Some(());
    }
    let text = format!("`{path}` is a template expression, its value is not known here");
    let help = "deploy the template and use `az aks show -o json`, or write the value";
    found.report(Diagnostic::error(code::AZ, text).at(value.span, "").help(help));
    None
}

fn power(fields: &mut Fields<'_>, found: &mut Findings) {
    let Some(mut state) = fields.below("powerState", found) else { return };
    if let Some(stopped) = state.get("code").filter(|code| code.as_str() == Some("Stopped")) {
        let text = "the pool was stopped when this was printed; it is simulated as running";
        found.report(Diagnostic::warning(code::AZ, text).at(stopped.span, ""));
    }
    state.finish(found);
}

/// Pools of single VMs (`VirtualMachines`) have several sizes and no scale set.
fn kind(fields: &mut Fields<'_>, found: &mut Findings) {
    let kinds = [fields.get("typePropertiesType"), fields.get("type")];
    for kind in kinds.into_iter().flatten() {
        if kind.kind == Kind::Str("VirtualMachines".to_owned()) {
            let text = "a pool of type `VirtualMachines` is simulated as a scale set of one size";
            found.report(Diagnostic::warning(code::NOT_BUILT, text).at(kind.span, ""));
        }
    }
}
