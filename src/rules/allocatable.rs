//! What pods may reserve on an AKS node: its size less what AKS keeps for the kubelet and the
//! system, less what the kubelet evicts to keep free.
//!
//! azure-aks-docs `node-resource-reservations.md` @ fb060ab. Its "MB" are MiB: only so does its own
//! table come out.

use crate::unit::Resources;
use crate::vocabulary::KubernetesVersion;

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

/// Version from which the reservation goes by pods.
const BY_PODS_SINCE: u16 = 29;

/// What more a Windows node keeps.
const WINDOWS_MEMORY: i64 = 2 * GIB;

/// What the reservations of a node depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSize {
    /// Kubernetes version.
    pub version: KubernetesVersion,
    /// vCPUs.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: i64,
    /// OS disk in bytes, as ephemeral storage.
    pub disk: i64,
    /// `maxPods`
    pub max_pods: u32,
    /// Windows.
    pub windows: bool,
}

/// What pods may reserve on the node; no extended resources.
pub fn allocatable(node: &NodeSize) -> Resources {
    let memory = node.memory - reserved_memory(node) - eviction_threshold(node.version);
    Resources {
        cpu_milli: i64::from(node.cores) * 1_000 - reserved_cpu_milli(node.cores),
        memory: memory.max(0),
        ephemeral: node.disk - reserved_disk(node.disk),
        pods: i64::from(node.max_pods),
        ..Resources::ZERO
    }
}

/// The node's whole size, as `status.capacity`.
pub fn capacity(node: &NodeSize) -> Resources {
    Resources {
        cpu_milli: i64::from(node.cores) * 1_000,
        memory: node.memory,
        ephemeral: node.disk,
        pods: i64::from(node.max_pods),
        ..Resources::ZERO
    }
}

/// CPU kept, in millicores. AKS gives 1, 2, 4, 8, 16, 32 and 64 cores; from 4 on all of them lie on
/// one line, which is taken for what lies between and beyond.
pub fn reserved_cpu_milli(cores: u32) -> i64 {
    match cores {
        0 => 0,
        1 => 60,
        2 => 100,
        3 => 120,
        more => 100 + 10 * i64::from(more),
    }
}

/// Memory kept for the kubelet and the system, in bytes, without the eviction threshold.
pub fn reserved_memory(node: &NodeSize) -> i64 {
    let kept = if node.version.at_least(BY_PODS_SINCE) {
        let by_pods = (20 * i64::from(node.max_pods) + 50) * MIB;
        by_pods.min(node.memory / 4)
    } else {
        by_steps(node.memory)
    };
    kept + if node.windows { WINDOWS_MEMORY } else { 0 }
}

/// Memory below which the kubelet evicts (`memory.available`), in bytes.
pub fn eviction_threshold(version: KubernetesVersion) -> i64 {
    if version.at_least(BY_PODS_SINCE) { 100 * MIB } else { 750 * MIB }
}

/// Regressive steps before 1.29: 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8,
/// 6 % of the next 112, 2 % of the rest.
fn by_steps(memory: i64) -> i64 {
    let steps = [(4 * GIB, 25), (4 * GIB, 20), (8 * GIB, 10), (112 * GIB, 6), (i64::MAX, 2)];
    let mut left = memory;
    let mut hundredths = 0;
    for (length, percent) in steps {
        let part = left.min(length);
        hundredths += part * percent;
        left -= part;
    }
    hundredths / 100
}

/// Disk that the kubelet keeps free: `nodefs.available < 10 %`. The kubelet multiplies with 10 % as
/// a 32-bit float (kubernetes `pkg/kubelet/eviction/helpers.go`), which is 13421773 / 2^27.
fn reserved_disk(disk: i64) -> i64 {
    ((i128::from(disk) * 13_421_773) >> 27) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(minor: u16, cores: u32, gib: i64, max_pods: u32) -> NodeSize {
        NodeSize {
            version: KubernetesVersion::minor(minor),
            cores,
            memory: gib * GIB,
            disk: 128 * GIB,
            max_pods,
            windows: false,
        }
    }

    #[test]
    fn allocatable_is_as_the_documents_table_has_it() {
        for (cores, gib, max_pods, cpu_milli, mib) in [
            (2, 8, 30, 1_900, 7_442),
            (4, 16, 30, 3_860, 15_634),
            (4, 16, 110, 3_860, 14_034),
            (8, 32, 110, 7_820, 30_418),
            (16, 64, 110, 15_740, 63_186),
        ] {
            let room = allocatable(&node(35, cores, gib, max_pods));
            assert_eq!(room.cpu_milli, cpu_milli, "{cores} cores");
            assert_eq!(room.memory, mib * MIB, "{gib} GiB, {max_pods} pods");
            assert_eq!(room.pods, i64::from(max_pods));
        }
    }

    #[test]
    fn reserved_cpu_is_as_given_and_linear_between() {
        for (cores, milli) in [
            (1, 60),
            (2, 100),
            (4, 140),
            (8, 180),
            (16, 260),
            (20, 300),
            (32, 420),
            (48, 580),
            (64, 740),
            (96, 1_060),
        ] {
            assert_eq!(reserved_cpu_milli(cores), milli, "{cores} cores");
        }
    }

    #[test]
    fn a_small_node_with_many_pods_keeps_a_quarter() {
        // The document's second example: 4 GB with 70 pods has 3 GB less the threshold.
        assert_eq!(allocatable(&node(30, 2, 4, 70)).memory, 3 * GIB - 100 * MIB);
        assert_eq!(allocatable(&node(30, 4, 16, 250)).memory, 12 * GIB - 100 * MIB);
    }

    #[test]
    fn before_1_29_the_steps_hold() {
        for (gib, kept_mib) in [(4, 1_024), (8, 1_843), (16, 2_662), (128, 9_543), (256, 12_165)] {
            let kept = reserved_memory(&node(28, 2, gib, 30));
            assert_eq!(kept / MIB, kept_mib, "{gib} GiB");
        }
        assert_eq!(eviction_threshold(KubernetesVersion::minor(28)), 750 * MIB);
    }

    #[test]
    fn windows_keeps_two_more() {
        let linux = node(35, 4, 16, 30);
        let windows = NodeSize { windows: true, ..linux };
        assert_eq!(allocatable(&linux).memory - allocatable(&windows).memory, 2 * GIB);
    }

    /// A node of AKS 1.32.7 with a 128 GiB disk reported these two numbers.
    #[test]
    fn ephemeral_storage_is_as_a_kubelet_reports_it() {
        let disk = 129_886_128 * 1_024;
        let room = allocatable(&NodeSize { disk, ..node(32, 2, 8, 110) });
        assert_eq!(room.ephemeral, 119_703_055_367);
    }
}
