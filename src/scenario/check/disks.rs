//! Disks that are in one zone, under pods that should be in several.
//!
//! Sources: azure-aks-docs @ fb060ab `reliability-availability-zones-configure.md`,
//! `cluster-autoscaler-overview.md` (a scale set chooses the zone, not the autoscaler).

use super::linter::{Linter, most_replicas};
use crate::model::{ClaimOwner, PodShape, WhenUnsatisfiable};
use crate::scenario::code;
use crate::scenario::diagnostic::Severity::Warning;
use crate::unit::Symbol;

/// All lints of disks.
pub fn check(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let Some(zone) = plan.symbols.find("topology.kubernetes.io/zone") else { return };
    if plan.lab.infinite_nodes {
        return;
    }
    let (mut shared, mut drawn) = (Vec::new(), Vec::new());
    for workload in lint.bound_to_pools() {
        let shape = &plan.shapes[workload.shape];
        if shape.volumes.data_disks == 0 || !spreads(shape, zone) {
            continue;
        }
        let one_disk = shape.volumes.claims.iter().any(|claim| claim.owner == ClaimOwner::Named);
        if one_disk && most_replicas(workload) > 1 {
            shared.push(lint.name(workload));
        } else if lint.homes(workload.shape).iter().any(|pool| pool.zones.len() > 1) {
            drawn.push(lint.name(workload));
        }
    }
    let severity = (Warning, code::ZONAL_DISK);
    let what = "they must spread over zones and share a disk, which is in one";
    let help = "a claim for each pod (`volumeClaimTemplates`), or a share (`azurefile`)";
    lint.workloads(severity, &shared, what, help);
    let what = "they must spread over zones, each disk stays in its zone, and the scale set of \
                several zones chooses in which it grows";
    let help = "a pool for each zone, with `balance-similar-node-groups`, or a share (`azurefile`)";
    lint.workloads(severity, &drawn, what, help);
}

/// Whether pods may only be where they are spread over zones.
fn spreads(shape: &PodShape, zone: Symbol) -> bool {
    let even = shape.spread.iter().any(|constraint| {
        constraint.topology_key == zone && constraint.when == WhenUnsatisfiable::DoNotSchedule
    });
    even || shape.pod_affinity.anti_required.iter().any(|term| term.topology_key == zone)
}
