//! What `az` prints is the cluster that a user would write.

use forescale::scenario::foreign::{Findings, az};
use forescale::scenario::{Node, Severity};

use crate::kit;

const SHOW: &str = include_str!("files/aks-show.json");

const SUBNET: &str = "/subscriptions/0/resourceGroups/net/providers/Microsoft.Network/\
                      virtualNetworks/shop/subnets/aks";

/// The same cluster by hand.
const BY_HAND: &str = r#"
location: westeurope
sku: {tier: Standard}
kubernetesVersion: "1.33"
networkProfile: {networkPlugin: azure, serviceCidr: 10.0.0.0/16}
autoScalerProfile:
  balance-similar-node-groups: false
  daemonset-eviction-for-empty-nodes: false
  daemonset-eviction-for-occupied-nodes: true
  expander: least-waste
  ignore-daemonsets-utilization: false
  max-empty-bulk-delete: 10
  max-graceful-termination-sec: 600
  max-node-provision-time: 15m
  max-total-unready-percentage: 45
  new-pod-scale-up-delay: 0s
  ok-total-unready-count: 3
  scale-down-delay-after-add: 10m
  scale-down-delay-after-delete: 10s
  scale-down-delay-after-failure: 3m
  scale-down-unneeded-time: 10m
  scale-down-unready-time: 20m
  scale-down-utilization-threshold: 0.5
  scan-interval: 10s
  skip-nodes-with-local-storage: false
  skip-nodes-with-system-pods: true
agentPoolProfiles:
- name: system
  mode: System
  vmSize: Standard_D4ds_v5
  count: 3
  enableAutoScaling: false
  maxPods: 30
  osType: Linux
  osDiskType: Ephemeral
  osDiskSizeGB: 128
  availabilityZones: ["1", "2", "3"]
  nodeTaints: ["CriticalAddonsOnly=true:NoSchedule"]
  vnetSubnetID: SUBNET
  upgradeSettings: {maxSurge: "10%"}
- name: spot
  mode: User
  vmSize: Standard_D8s_v5
  count: 2
  enableAutoScaling: true
  minCount: 0
  maxCount: 40
  maxPods: 30
  osType: Linux
  osDiskType: Managed
  osDiskSizeGB: 128
  scaleSetPriority: Spot
  scaleSetEvictionPolicy: Delete
  spotMaxPrice: -1.0
  scaleDownMode: Delete
  nodeLabels: {kubernetes.azure.com/scalesetpriority: spot, tier: batch}
  nodeTaints: ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]
  vnetSubnetID: SUBNET
  upgradeSettings: {}
"#;

fn cluster(text: &str) -> (Option<Node>, Findings) {
    let mut found = Findings::default();
    let read = az::cluster(&kit::documents(text), &mut found);
    (read, found)
}

/// The value whatever the order of keys.
fn sorted(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.into_iter().collect();
            sorted.into_iter().map(|(key, value)| (key, sorted_value(value))).collect()
        }
        other => sorted_value(other),
    }
}

fn sorted_value(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) => items.into_iter().map(sorted).collect(),
        serde_json::Value::Object(_) => sorted(value),
        other => other,
    }
}

#[test]
fn aks_show_is_the_cluster_written_by_hand() {
    let (read, found) = cluster(SHOW);
    let by_hand = &kit::documents(&BY_HAND.replace("SUBNET", SUBNET))[0];
    assert_eq!(sorted(read.unwrap().to_json()), sorted(by_hand.to_json()));
    assert_eq!(
        found.not_modelled(),
        [
            "addonProfiles.omsagent",
            "agentPoolProfiles[].enableUltraSsd",
            "agentPoolProfiles[].workloadRuntime",
            "autoUpgradeProfile",
            "networkProfile.loadBalancerProfile",
        ]
    );
    let found = found.into_list();
    assert_eq!(kit::messages(&found, Severity::Error), [""; 0]);
    assert_eq!(kit::messages(&found, Severity::Warning), [""; 0]);
}

#[test]
fn arm_and_nodepool_list_mean_the_same() {
    let show: serde_json::Value = serde_json::from_str(SHOW).unwrap();
    let mut properties = show.clone();
    let map = properties.as_object_mut().unwrap();
    let (location, sku) = (map.remove("location").unwrap(), map.remove("sku").unwrap());
    let arm = serde_json::json!({
        "type": "Microsoft.ContainerService/managedClusters", "apiVersion": "2025-05-01",
        "name": "shop", "location": location, "sku": sku, "properties": properties,
    });
    let whole = sorted(cluster(SHOW).0.unwrap().to_json());
    for text in [
        arm.to_string(),
        serde_json::json!({"resources": [arm]}).to_string(),
        serde_json::json!([show]).to_string(),
    ] {
        assert_eq!(sorted(cluster(&text).0.unwrap().to_json()), whole);
    }
    let list = show["agentPoolProfiles"].to_string();
    let pools = cluster(&list).0.unwrap().to_json();
    assert_eq!(sorted(pools["agentPoolProfiles"].clone()), whole["agentPoolProfiles"]);
}

#[test]
fn what_cannot_be_used_is_said() {
    for (text, message) in [
        ("{}", "neither a cluster nor a list of node pools"),
        ("[{agentPoolProfiles: []}, {agentPoolProfiles: []}]", "several clusters"),
        ("{resources: []}", "exactly one"),
        ("[{vmSize: x}]", "`[0].name` is missing"),
        ("[{name: a, count: \"[parameters('n')]\"}]", "template expression"),
        ("[{name: a}]\n---\n[{name: b}]", "exactly one document"),
    ] {
        let (read, found) = cluster(text);
        assert!(read.is_none(), "{text}");
        let found = found.into_list();
        let errors = kit::messages(&found, Severity::Error);
        assert!(errors.iter().any(|error| error.contains(message)), "{text}: {errors:?}");
    }
}

#[test]
fn a_flat_network_of_unknown_size_is_warned_of() {
    let aks = "addressPrefix: 10.0.0.0/24";
    for (network, warned) in [
        ("networkPlugin: azure".to_owned(), true),
        ("networkPlugin: azure, networkPluginMode: overlay".to_owned(), false),
        ("networkPlugin: kubenet".to_owned(), false),
        (format!("networkPlugin: azure, subnets: {{aks: {{{aks}}}}}"), false),
        (format!("networkPlugin: azure, subnets: {{other: {{{aks}}}}}"), true),
        (format!("networkPlugin: azure, subnet: {{{aks}}}"), false),
    ] {
        let text = format!(
            "{{networkProfile: {{{network}}}, \
             agentPoolProfiles: [{{vnetSubnetID: /net/subnets/aks}}]}}"
        );
        let mut found = Findings::default();
        az::warn_of_unknown_subnets(&kit::documents(&text)[0], &mut found);
        let found = found.into_list();
        assert_eq!(found.len(), usize::from(warned), "{network}");
        if warned {
            let help = found[0].help.as_ref().unwrap();
            assert!(help.contains("subnets.aks.addressPrefix"), "{help}");
        }
    }
}
