//! Volumes, as far as they matter to placement.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/nodevolumelimits/csi.go` and
//! `volumebinding/volume_binding.go` (a zonal Azure Disk has node affinity to its zone), v1.36.2.

use super::snapshot::NodeFacts;
use crate::model::Volumes;
use crate::unit::Symbol;

/// Why a pod's volumes do not go with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeFailure {
    /// Too many data disks for the VM size.
    Limit,
    /// A zonal disk is in another zone.
    Zone,
}

/// The first of the volume filters that fails. A node whose limit is 0 reports none.
pub fn volume_failure(
    volumes: &Volumes,
    node: &NodeFacts<'_>,
    zone: Symbol,
) -> Option<VolumeFailure> {
    let disks = u32::from(volumes.data_disks);
    let limit = u32::from(node.max_data_disks);
    if disks > 0 && limit > 0 && node.used.data_disks + disks > limit {
        return Some(VolumeFailure::Limit);
    }
    match volumes.zone {
        Some(wanted) if node.labels.get(zone) != Some(wanted) => Some(VolumeFailure::Zone),
        _ => None,
    }
}
