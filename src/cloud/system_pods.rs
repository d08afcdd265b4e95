//! The pods that AKS itself runs in `kube-system`, with what they request.
//!
//! Source of the requests: `kubectl describe node` of an AKS 1.32.7 cluster with CNI overlay, as
//! published on GitHub on 2025-10-30, which agrees with several older ones. What no source gives is
//! marked as assumed. Add-ons that a cluster has only on demand (monitoring, policy, workload
//! identity, image cleaner) are left out.

use super::spec::{NetworkMode, OsType};

const MIB: i64 = 1 << 20;

/// `system-node-critical`
pub const NODE_CRITICAL: i32 = 2_000_001_000;

/// `system-cluster-critical`
pub const CLUSTER_CRITICAL: i32 = 2_000_000_000;

/// A part of AKS that runs as pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemPods {
    /// Name of the DaemonSet or Deployment.
    pub name: &'static str,
    /// How many pods there are.
    pub count: SystemPodCount,
    /// Requested CPU.
    pub cpu_milli: i64,
    /// Requested memory in bytes.
    pub memory: i64,
    /// `priority`
    pub priority: i32,
    /// What taints it tolerates.
    pub tolerates: Tolerates,
    /// Prefers (weight 100) nodes with `kubernetes.azure.com/mode: system`.
    pub prefers_system_pool: bool,
    /// Uses the node's own address: no address of the pod network.
    pub host_network: bool,
    /// System of the nodes it runs on (`kubernetes.io/os`).
    pub os: OsType,
    /// Image.
    pub image: &'static str,
    /// Bytes to pull; 0: the image is part of the node image.
    pub image_bytes: u64,
    /// `minAvailable` of its PodDisruptionBudget, if it has one.
    pub min_available: Option<u32>,
    /// Whether figures are assumed rather than seen on a cluster.
    pub assumed: bool,
}

/// How many pods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemPodCount {
    /// A DaemonSet: one on each node.
    PerNode,
    /// A Deployment of fixed size.
    Fixed(u32),
    /// A Deployment that the cluster-proportional autoscaler sizes: the larger of two steps, by
    /// cores and by nodes; each list holds (from, replicas).
    Ladder {
        /// By cores of schedulable nodes.
        cores: &'static [(u64, u32)],
        /// By schedulable nodes.
        nodes: &'static [(u64, u32)],
    },
}

impl SystemPodCount {
    /// Replicas of a Deployment in a cluster of this size; 0 for a DaemonSet.
    pub fn replicas(self, nodes: u64, cores: u64) -> u32 {
        let step = |ladder: &[(u64, u32)], size: u64| {
            ladder.iter().rev().find(|&&(from, _)| from <= size).map_or(0, |&(_, count)| count)
        };
        match self {
            Self::PerNode => 0,
            Self::Fixed(count) => count,
            Self::Ladder { cores: by_cores, nodes: by_nodes } => {
                step(by_cores, cores).max(step(by_nodes, nodes))
            }
        }
    }
}

/// What taints a system pod tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerates {
    /// Every taint.
    Everything,
    /// `CriticalAddonsOnly` with any value and effect.
    CriticalAddonsOnly,
}

/// What the list of system pods depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemPodsContext {
    /// Network mode.
    pub mode: NetworkMode,
    /// The KEDA add-on is on.
    pub keda: bool,
    /// There are Windows pools.
    pub windows: bool,
}

/// `coredns-autoscaler` (azure-aks-docs `coredns-autoscale.md`).
const COREDNS: SystemPodCount = SystemPodCount::Ladder {
    cores: &[(1, 2), (512, 3), (1_024, 4), (2_048, 5)],
    nodes: &[(1, 2), (8, 3), (16, 4), (32, 5)],
};

/// The system pods of a cluster, DaemonSets first.
pub fn aks_system_pods(context: SystemPodsContext) -> Vec<SystemPods> {
    let mut pods = daemon_sets(context.mode);
    if context.windows {
        pods.extend(windows_daemon_sets());
    }
    pods.extend(deployments());
    if context.keda {
        pods.extend(keda());
    }
    pods
}

fn daemon_sets(mode: NetworkMode) -> Vec<SystemPods> {
    let mut sets = vec![
        daemon_set("kube-proxy", 100, 0),
        daemon_set("cloud-node-manager", 50, 50),
        daemon_set("csi-azuredisk-node", 30, 60),
        daemon_set("csi-azurefile-node", 30, 60),
    ];
    if mode != NetworkMode::None {
        sets.push(daemon_set("azure-ip-masq-agent", 100, 50));
    }
    let has_cns = matches!(
        mode,
        NetworkMode::Overlay | NetworkMode::PodSubnetDynamic | NetworkMode::PodSubnetStatic
    );
    if has_cns {
        sets.push(daemon_set("azure-cns", 40, 250));
    }
    sets
}

/// Their requests are assumed to be those of the Linux ones.
fn windows_daemon_sets() -> Vec<SystemPods> {
    let named = [
        ("cloud-node-manager-windows", 50, 50),
        ("csi-azuredisk-node-win", 30, 60),
        ("csi-azurefile-node-win", 30, 60),
        ("kube-proxy-windows", 100, 0),
    ];
    let set = |(name, cpu_milli, mib)| SystemPods {
        os: OsType::Windows,
        assumed: true,
        ..daemon_set(name, cpu_milli, mib)
    };
    named.into_iter().map(set).collect()
}

fn deployments() -> Vec<SystemPods> {
    let one = SystemPodCount::Fixed(1);
    let two = SystemPodCount::Fixed(2);
    vec![
        SystemPods { min_available: Some(1), ..deployment("coredns", COREDNS, 100, 70) },
        deployment("coredns-autoscaler", one, 20, 10),
        SystemPods { min_available: Some(1), ..deployment("konnectivity-agent", two, 20, 20) },
        deployment("konnectivity-agent-autoscaler", one, 20, 10),
        SystemPods { min_available: Some(1), ..deployment("metrics-server", two, 156, 138) },
    ]
}

/// The KEDA add-on: two replicas of each (seen on AKS); requests of the upstream chart, assumed.
fn keda() -> Vec<SystemPods> {
    const IMAGE_BYTES: u64 = 45 * 1_000_000;
    let named = [
        ("keda-operator", "kedacore/keda"),
        ("keda-operator-metrics-apiserver", "kedacore/keda-metrics-apiserver"),
        ("keda-admission-webhooks", "kedacore/keda-admission-webhooks"),
    ];
    let part = |(name, image)| SystemPods {
        image,
        image_bytes: IMAGE_BYTES,
        priority: CLUSTER_CRITICAL,
        assumed: true,
        ..deployment(name, SystemPodCount::Fixed(2), 100, 100)
    };
    named.into_iter().map(part).collect()
}

fn daemon_set(name: &'static str, cpu_milli: i64, mib: i64) -> SystemPods {
    SystemPods {
        name,
        count: SystemPodCount::PerNode,
        cpu_milli,
        memory: mib * MIB,
        priority: NODE_CRITICAL,
        tolerates: Tolerates::Everything,
        prefers_system_pool: false,
        host_network: true,
        os: OsType::Linux,
        image: name,
        image_bytes: 0,
        min_available: None,
        assumed: false,
    }
}

fn deployment(name: &'static str, count: SystemPodCount, cpu_milli: i64, mib: i64) -> SystemPods {
    SystemPods {
        count,
        tolerates: Tolerates::CriticalAddonsOnly,
        prefers_system_pool: true,
        host_network: false,
        ..daemon_set(name, cpu_milli, mib)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(mode: NetworkMode) -> SystemPodsContext {
        SystemPodsContext { mode, keda: false, windows: false }
    }

    /// The node of the source ran one coredns of two, one metrics-server of two and one
    /// konnectivity-agent of two, and beside what AKS always runs two webhooks (200m, 40 MiB), the
    /// image cleaner (100m, 30 MiB) and one pod of its owner (100m, 128 MiB).
    #[test]
    fn the_sum_is_what_a_real_node_reported() {
        let pods = aks_system_pods(context(NetworkMode::Overlay));
        let cpu: i64 = pods.iter().map(|pod| pod.cpu_milli).sum();
        let memory: i64 = pods.iter().map(|pod| pod.memory).sum();
        assert_eq!(cpu, 1_066 - 200 - 100 - 100);
        assert_eq!(memory / MIB, 916 - 40 - 30 - 128);
    }

    #[test]
    fn the_network_mode_decides_the_daemon_sets() {
        for (mode, cns, masquerade) in [
            (NetworkMode::Overlay, true, true),
            (NetworkMode::PodSubnetDynamic, true, true),
            (NetworkMode::Flat, false, true),
            (NetworkMode::Kubenet, false, true),
            (NetworkMode::None, false, false),
        ] {
            let pods = aks_system_pods(context(mode));
            let has = |name| pods.iter().any(|pod| pod.name == name);
            assert_eq!(has("azure-cns"), cns, "{mode:?}");
            assert_eq!(has("azure-ip-masq-agent"), masquerade, "{mode:?}");
        }
    }

    #[test]
    fn add_ons_come_only_when_asked_for() {
        let plain = aks_system_pods(context(NetworkMode::Overlay)).len();
        let all = SystemPodsContext { mode: NetworkMode::Overlay, keda: true, windows: true };
        assert_eq!(aks_system_pods(all).len(), plain + 3 + 4);
    }

    #[test]
    fn coredns_grows_with_the_cluster() {
        for (nodes, cores, replicas) in
            [(1, 4, 2), (7, 56, 2), (8, 64, 3), (16, 128, 4), (10, 640, 3), (10, 2_048, 5)]
        {
            assert_eq!(COREDNS.replicas(nodes, cores), replicas, "{nodes} nodes, {cores} cores");
        }
    }
}
