//! Volumes, as far as they matter to placement.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/nodevolumelimits/csi.go` and
//! `volumebinding/volume_binding.go` (a zonal Azure Disk has node affinity to its zone), v1.36.2.

use super::snapshot::NodeFacts;
use crate::model::Volumes;
use crate::unit::Symbol;

/// Whether the VM size has no room for the pod's data disks. A node whose limit is 0 reports none.
pub fn over_disk_limit(volumes: &Volumes, node: &NodeFacts<'_>) -> bool {
    let disks = u32::from(volumes.data_disks);
    let limit = u32::from(node.max_data_disks);
    disks > 0 && limit > 0 && node.used.data_disks + disks > limit
}

/// Whether a zonal disk of the pod is in another zone.
pub fn in_other_zone(volumes: &Volumes, node: &NodeFacts<'_>, zone: Symbol) -> bool {
    volumes.zone.is_some_and(|wanted| node.labels.get(zone) != Some(wanted))
}
