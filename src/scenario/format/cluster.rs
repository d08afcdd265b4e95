//! `cluster:` with its agent pools and network, in ARM's names; `vmSizes:` and `nodes:`.

use indexmap::IndexMap;

use super::reader::{At, Raw, Read, Reader, section};
use super::scheduler::SchedulerConfiguration;
use super::value::{Count, Price, ResourceAmount, Share, Switch, Text, words};
use crate::scenario::node::{Kind, Node};

section! {
    /// An AKS cluster.
    pub struct Cluster {
        /// Region.
        "location" location: Text = "westeurope", "own default";
        /// Kubernetes version, 1.28 to 1.37.
        "kubernetesVersion" kubernetes_version: Text = "1.35", "own default";
        /// Control-plane tier.
        "sku" sku: Sku;
        /// `aks`: daemonsets and kube-system pods as AKS runs them; `none`.
        "systemPods" system_pods: SystemPods = "aks", "own default";
        /// Network.
        "networkProfile" network: Network;
        /// Settings of the cluster autoscaler by AKS's keys, kebab or camel case.
        "autoScalerProfile" autoscaler: IndexMap<String, At<Text>>;
        /// Configuration of kube-scheduler (AKS preview).
        "schedulerConfiguration" scheduler: SchedulerConfiguration;
        /// What the Azure Policy add-on enforces.
        "azurePolicy" policy: AzurePolicy;
        /// The ConfigMap `cluster-autoscaler-priority-expander`: patterns of scale sets by
        /// priority.
        "priorityExpander" priorities: IndexMap<String, At<Vec<Text>>>;
        /// The virtual nodes add-on: pods that tolerate it run in Azure Container Instances.
        "virtualNodes" virtual_nodes: VirtualNodes;
        /// Node pools.
        "agentPoolProfiles" pools: Vec<At<Pool>>, required;
    }
}

section! {
    /// The virtual nodes add-on, with the quotas of Azure Container Instances; those of a new
    /// subscription where they are left out.
    pub struct VirtualNodes {
        /// Whether the cluster has it.
        "enabled" enabled: Switch, required;
        /// Container groups at a time; without it 100.
        "containerGroups" groups: Count;
        /// vCPUs of container groups at a time; without it 100.
        "cores" cores: Count;
        /// Container groups created in five minutes; without it 100.
        "createsPer5Minutes" per_five_minutes: Count;
        /// Container groups created in an hour; without it 300.
        "createsPerHour" per_hour: Count;
    }
}

section! {
    /// Control-plane tier.
    pub struct Sku {
        /// `Base` or `Automatic`; only `Base` is modelled.
        "name" name: Text;
        /// `Free`, `Standard` or `Premium`.
        "tier" tier: TierName = "Free", "az aks create --tier";
    }
}

words! {
    /// Control-plane tier.
    pub enum TierName {
        /// Free.
        "Free" Free,
        /// With an SLA.
        "Standard" Standard,
        /// With long-term support.
        "Premium" Premium,
    }
}

section! {
    /// What the Azure Policy add-on enforces.
    pub struct AzurePolicy {
        /// Effect of the policy that containers have CPU and memory requests and limits.
        "containerResources" containers: PolicyEffect, required;
    }
}

words! {
    /// Effect of an Azure Policy.
    pub enum PolicyEffect {
        /// Pods are refused.
        "Deny" Deny,
        /// Pods are reported.
        "Audit" Audit,
        /// Nothing.
        "Disabled" Disabled,
    }
}

words! {
    /// Which pods of AKS itself run.
    pub enum SystemPods {
        /// As AKS runs them.
        "aks" Aks,
        /// None.
        "none" None,
    }
}

section! {
    /// Network of the cluster.
    pub struct Network {
        /// `azure`, `kubenet` or `none`.
        "networkPlugin" plugin: NetworkPlugin = "azure", "az aks create --network-plugin";
        /// `overlay`; absent: pods take addresses of the subnet.
        "networkPluginMode" mode: NetworkPluginMode;
        /// Pods' addresses under overlay and kubenet.
        "podCidr" pod_cidr: Text;
        /// Services' addresses: `check` compares them with other ranges.
        "serviceCidr" service_cidr: Text;
        /// The only subnet.
        "subnet" subnet: Subnet;
        /// Several subnets by name; pools choose by `vnetSubnetID`.
        "subnets" subnets: IndexMap<String, Subnet>;
        /// Growth of the pools' node counts per month: `check` says how long addresses last.
        "demandGrowthPerMonth" growth: Share;
    }
}

words! {
    /// Network plugin.
    pub enum NetworkPlugin {
        /// Azure CNI.
        "azure" Azure,
        /// kubenet.
        "kubenet" Kubenet,
        /// None.
        "none" None,
    }
}

words! {
    /// Mode of Azure CNI.
    pub enum NetworkPluginMode {
        /// Pods take addresses of the pod CIDR.
        "overlay" Overlay,
    }
}

/// A subnet: its prefix, or a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subnet(pub SubnetKeys);

section! {
    /// A subnet.
    pub struct SubnetKeys {
        /// Prefix, for example 10.240.0.0/24.
        "addressPrefix" prefix: Text, required;
        /// Addresses that Azure keeps.
        "reserved" reserved: Count = "5", "Azure keeps five addresses of every subnet";
        /// Addresses that others use.
        "usedByOthers" used_by_others: Count = "0", "own default";
    }
}

impl Read for Subnet {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Kind::Str(_) = node.kind {
            let prefix = reader.under("addressPrefix", node);
            return Some(Self(SubnetKeys { prefix, ..SubnetKeys::default() }));
        }
        SubnetKeys::read(node, reader).map(Self)
    }
}

impl schemars::JsonSchema for Subnet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Subnet".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = generator.subschema_for::<SubnetKeys>();
        schemars::json_schema!({"anyOf": [{"type": "string"}, keys]})
    }
}

section! {
    /// A node pool.
    pub struct Pool {
        /// Name.
        "name" name: Text, required;
        /// `System` or `User`.
        "mode" mode: PoolMode = "User", "az aks nodepool add --mode";
        /// VM size.
        "vmSize" vm_size: Text, required;
        /// Nodes at the start; without it minCount, or 3 where the pool is not autoscaled.
        "count" count: Count;
        /// Whether the cluster autoscaler sizes the pool; without it: if minCount and maxCount are
        /// given.
        "enableAutoScaling" autoscaled: Switch;
        /// Least nodes.
        "minCount" min: Count;
        /// Most nodes.
        "maxCount" max: Count;
        /// Pods a node takes; without it 30 on a flat network, 110 under kubenet, 250 under
        /// overlay.
        "maxPods" max_pods: Count;
        /// Zones: "1", "2", "3".
        "availabilityZones" zones: Vec<Text>;
        /// `Managed` or `Ephemeral`; without it as AKS chooses.
        "osDiskType" os_disk: OsDiskType;
        /// Size of the OS disk; without it 128.
        "osDiskSizeGB" os_disk_size: Count;
        /// `Linux` or `Windows`.
        "osType" os: OsTypeName = "Linux", "az aks nodepool add --os-type";
        /// What a scale-down does: `Delete` or `Deallocate`.
        "scaleDownMode" scale_down_mode: ScaleDownModeName
            = "Delete", "az aks nodepool add --scale-down-mode";
        /// Settings of the kubelet: `imageGcHighThreshold` and `imageGcLowThreshold`.
        "kubeletConfig" kubelet: KubeletConfig;
        /// Settings of upgrades (`inject.upgrade`).
        "upgradeSettings" upgrade: UpgradeSettings;
        /// `Regular` or `Spot`.
        "scaleSetPriority" priority: PriorityName = "Regular", "az aks nodepool add --priority";
        /// `Delete` or `Deallocate`.
        "scaleSetEvictionPolicy" eviction_policy: ScaleDownModeName;
        /// Most that a spot node may cost an hour; −1: any price.
        "spotMaxPrice" spot_max_price: Raw;
        /// Labels of the nodes.
        "nodeLabels" labels: IndexMap<String, At<Text>>;
        /// Taints of the nodes: `key=value:Effect`.
        "nodeTaints" taints: Vec<Text>;
        /// Tags of the scale set. The autoscaler reads those that begin with
        /// `k8s.io_cluster-autoscaler_node-template_`: labels, taints and resources of an empty
        /// pool's template, and four settings of its own for the pool.
        "tags" tags: IndexMap<String, At<Text>>;
        /// Annotations that components put on each node. The autoscaler reads
        /// `cluster-autoscaler.kubernetes.io/scale-down-disabled` and
        /// `delay-deletion.cluster-autoscaler.kubernetes.io/…`, whose value may be how long after
        /// the ToBeDeleted taint it is taken off.
        "nodeAnnotations" annotations: IndexMap<String, At<Text>>;
        /// Taints of a new node until an agent on it has removed them: `key=value:Effect`.
        "nodeInitializationTaints" initialization_taints: Vec<Text>;
        /// Subnet of the nodes, by name or ARM id.
        "vnetSubnetID" subnet: Text;
        /// Subnet of the pods, by name or ARM id.
        "podSubnetID" pod_subnet: Text;
        /// How pods get addresses of their subnet.
        "podIPAllocationMode" pod_ip_mode: PodIpMode;
    }
}

section! {
    /// Settings of the kubelet of a pool.
    pub struct KubeletConfig {
        /// Percent of the OS disk in use from which unused images are removed; 100: never.
        "imageGcHighThreshold" image_gc_high: Count = "85", "kubelet default";
        /// Percent down to which they are.
        "imageGcLowThreshold" image_gc_low: Count = "80", "kubelet default";
    }
}

words! {
    /// Mode of a pool.
    pub enum PoolMode {
        /// For system pods.
        "System" System,
        /// For others.
        "User" User,
    }
}

words! {
    /// Where the OS disk is.
    pub enum OsDiskType {
        /// A managed disk.
        "Managed" Managed,
        /// The VM's own storage.
        "Ephemeral" Ephemeral,
    }
}

words! {
    /// Operating system.
    pub enum OsTypeName {
        /// Linux.
        "Linux" Linux,
        /// Windows.
        "Windows" Windows,
    }
}

words! {
    /// What happens to a VM that is not wanted.
    pub enum ScaleDownModeName {
        /// It is deleted.
        "Delete" Delete,
        /// It is stopped and kept.
        "Deallocate" Deallocate,
    }
}

words! {
    /// Priority of a scale set.
    pub enum PriorityName {
        /// On demand.
        "Regular" Regular,
        /// Spot.
        "Spot" Spot,
    }
}

words! {
    /// How pods get addresses of their own subnet.
    pub enum PodIpMode {
        /// In batches of 16.
        "DynamicIndividual" Dynamic,
        /// In blocks of 16.
        "StaticBlock" Static,
    }
}

section! {
    /// Settings of upgrades.
    pub struct UpgradeSettings {
        /// Nodes above the count while upgrading.
        "maxSurge" max_surge: Text;
        /// Nodes that may be missing while upgrading.
        "maxUnavailable" max_unavailable: Text;
        /// How long a drain may take.
        "drainTimeoutInMinutes" drain_timeout: Count;
        /// How long to wait between nodes.
        "nodeSoakDurationInMinutes" soak: Count;
        /// What happens to a node that cannot be drained.
        "undrainableNodeBehavior" undrainable: UndrainableName;
    }
}

words! {
    /// What happens to a node that cannot be drained.
    pub enum UndrainableName {
        /// It takes pods again, and the upgrade fails.
        "Schedule" Schedule,
        /// It stays cordoned, and the upgrade goes on.
        "Cordon" Cordon,
    }
}

section! {
    /// A VM size of one's own; it extends the catalogue.
    pub struct OwnSize {
        /// vCPUs.
        "cpu" cpu: ResourceAmount, required;
        /// Memory.
        "memory" memory: ResourceAmount, required;
        /// Pods a node takes.
        "maxPods" max_pods: Count;
        /// What pods may reserve; without it as AKS computes it.
        "allocatable" allocatable: IndexMap<String, ResourceAmount>;
        /// Other resources, such as nvidia.com/gpu.
        "extended" extended: IndexMap<String, ResourceAmount>;
        /// Price an hour.
        "price" price: Price;
        /// Quota family.
        "family" family: Text;
        /// Data disks that can be attached; without it 8.
        "maxDataDisks" max_data_disks: Count;
    }
}

section! {
    /// A given list of nodes outside any pool.
    pub struct Nodes {
        /// CSV file, a row a node.
        "file" file: Text, required;
        /// Column with the name; without it they are numbered.
        "name" name: Text;
        /// Column with CPU in thousandths of a core.
        "cpu" cpu: Text = "cpu_milli", "own default";
        /// Column with memory in MiB.
        "memory" memory: Text = "memory_mib", "own default";
        /// Column with the number of GPUs.
        "gpu" gpu: Text;
        /// Column with the model of GPU, which becomes the label `accelerator`.
        "model" model: Text;
        /// Pods a node takes.
        "maxPods" max_pods: Count = "250", "own default";
    }
}
