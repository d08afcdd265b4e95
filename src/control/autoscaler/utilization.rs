//! How much of a node is used (`pkg/simulator/utilization/info.go`).

use super::drain::is_daemon;
use super::glance::Load;
use super::pods::is_long_terminating;
use crate::model::{OwnerKind, PodShape};
use crate::unit::{Duration, ExtendedId, Resources, SimTime};

/// What is used most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dominant {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
    /// Device pool by index.
    Devices(usize),
}

/// Utilisation of a node: shares of allocatable that are requested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilization {
    /// CPU.
    pub cpu: f64,
    /// Memory.
    pub memory: f64,
    /// What decides.
    pub value: f64,
    /// Which resource decides.
    pub dominant: Dominant,
}

/// A pod as far as it counts.
#[derive(Clone, Copy, Debug)]
pub struct UtilizationPod<'a> {
    /// Specification.
    pub shape: &'a PodShape,
    /// deletionTimestamp.
    pub deletion: Option<SimTime>,
    /// Grace period, if given.
    pub grace: Option<Duration>,
}

/// Devices of dynamic resource allocation on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePool {
    /// Devices listed.
    pub devices: u32,
    /// Slices listed.
    pub slices: u32,
    /// Slices that the pool says it has.
    pub declared_slices: u32,
    /// Devices in use.
    pub allocated: u32,
}

/// What does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtilizationOptions {
    /// `ignore-daemonsets-utilization`
    pub ignore_daemonsets: bool,
    /// `ignore-mirror-pods-utilization`
    pub ignore_mirror_pods: bool,
}

/// A node as far as it counts.
#[derive(Clone, Copy, Debug)]
pub struct UtilizationNode<'a> {
    /// What pods may reserve.
    pub allocatable: &'a Resources,
    /// `Some` on a GPU node: its GPU resource, if the scenario knows one.
    pub gpu: Option<Option<ExtendedId>>,
    /// Device pools (dynamic resource allocation).
    pub devices: &'a [DevicePool],
}

/// Utilisation; `None` where it cannot be told (nothing allocatable, incomplete device pools).
pub fn utilization<'a>(
    node: &UtilizationNode<'_>,
    pods: impl IntoIterator<Item = UtilizationPod<'a>>,
    options: UtilizationOptions,
    now: SimTime,
) -> Option<Utilization> {
    let (mut used, mut ignored) = (Resources::ZERO, Resources::ZERO);
    for pod in pods {
        let daemon = options.ignore_daemonsets && is_daemon(pod.shape);
        let mirror = options.ignore_mirror_pods && pod.shape.owner == OwnerKind::Mirror;
        if daemon || mirror {
            ignored += &pod.shape.requests;
        } else if !is_long_terminating(pod.deletion, pod.grace, now) {
            used += &pod.shape.requests;
        }
    }
    utilization_of(node, &used, &ignored)
}

/// Utilisation from sums: what counts, and what is taken off the denominator.
pub fn utilization_of(
    node: &UtilizationNode<'_>,
    used: &Resources,
    ignored: &Resources,
) -> Option<Utilization> {
    if let Some(gpu) = node.gpu {
        let all = gpu.map_or(0, |gpu| node.allocatable.extended(gpu));
        let of = |sum: &Resources| gpu.map_or(0, |gpu| sum.extended(gpu));
        // Without a working GPU the node counts as unused.
        let value = share(of(used), all, of(ignored)).unwrap_or(0.0);
        return Some(Utilization { cpu: 0.0, memory: 0.0, value, dominant: Dominant::Gpu });
    }
    if !node.devices.is_empty() {
        return device_utilization(node.devices);
    }
    let cpu = share(used.cpu_milli, node.allocatable.cpu_milli, ignored.cpu_milli)?;
    let memory = share(used.memory, node.allocatable.memory, ignored.memory)?;
    let (value, dominant) =
        if cpu > memory { (cpu, Dominant::Cpu) } else { (memory, Dominant::Memory) };
    Some(Utilization { cpu, memory, value, dominant })
}

/// How much of a node without GPUs is used: the larger share of CPU and memory.
pub fn larger_share(load: &Load) -> Option<f64> {
    let cpu = share(load.used[0], load.all[0], 0)?;
    let memory = share(load.used[1], load.all[1], 0)?;
    Some(if cpu > memory { cpu } else { memory })
}

/// A node that offers nothing has no utilisation; one whose whole room is ignored has none used.
fn share(used: i64, allocatable: i64, ignored: i64) -> Option<f64> {
    if allocatable == 0 {
        return None;
    }
    Some(used as f64 / (allocatable - ignored) as f64)
}

fn device_utilization(pools: &[DevicePool]) -> Option<Utilization> {
    let mut most: Option<(f64, usize)> = None;
    for (index, pool) in pools.iter().enumerate() {
        if pool.slices < pool.declared_slices {
            return None;
        }
        let value = if pool.devices == 0 {
            0.0
        } else {
            f64::from(pool.allocated) / f64::from(pool.devices)
        };
        if most.is_none_or(|(best, _)| value > best) {
            most = Some((value, index));
        }
    }
    let (value, index) = most?;
    Some(Utilization { cpu: 0.0, memory: 0.0, value, dominant: Dominant::Devices(index) })
}
