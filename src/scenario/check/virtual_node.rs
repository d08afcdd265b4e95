//! Pods that may go to the virtual node and ask for what Azure Container Instances do not have
//! (azure-aks-docs `virtual-nodes.md`; `container-instances-resource-and-quota-limits.md`,
//! 2025-11-17).

use super::fit::may_burst;
use super::linter::Linter;
use crate::cloud::container_group::GroupSize;
use crate::model::PodShape;
use crate::plan::{WorkloadKind, WorkloadSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::Severity::Error;

type Lack = fn(&WorkloadSpec, &PodShape) -> bool;

/// What container groups cannot do.
const LACKS: [(&str, Lack); 3] = [
    ("virtual nodes run no init containers", |workload, shape| {
        workload.times.init.is_some() || shape.containers.iter().any(|container| container.init)
    }),
    ("virtual nodes take no PersistentVolumeClaims", |_, shape| {
        shape.volumes.data_disks > 0 || !shape.volumes.claims.is_empty()
    }),
    ("a container group has at most 31 vCPUs and 240 GB", |_, shape| {
        !GroupSize::of(&shape.requests, shape.containers.len()).is_possible()
    }),
];

/// All rules of the virtual node.
pub fn check(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let severity = (Error, code::VIRTUAL_NODE);
    if plan.virtual_node.is_none() {
        return;
    }
    for (what, lacks) in LACKS {
        let able = lint.placed().filter(|one| may_burst(plan, &plan.shapes[one.shape]));
        let wrong = able.filter(|one| lacks(one, &plan.shapes[one.shape]));
        let wrong: Vec<&str> = wrong.map(|one| lint.name(one)).collect();
        let help = "do not tolerate `virtual-kubelet.io/provider`: these pods may go there";
        lint.workloads(severity, &wrong, what, help);
    }
    let selector = (plan.symbols.find("type"), plan.symbols.find("virtual-kubelet"));
    let (Some(key), Some(value)) = selector else { return };
    let wrong = plan.workloads.iter().filter(|one| {
        one.kind == WorkloadKind::DaemonSet
            && plan.shapes[one.shape].node_selector.contains(&(key, value))
    });
    let wrong: Vec<&str> = wrong.map(|one| lint.name(one)).collect();
    let help = "use a Deployment";
    lint.workloads(severity, &wrong, "a DaemonSet has no pods on virtual nodes", help);
}
