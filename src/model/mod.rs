//! Facts of the cluster, with indices kept true on each change. Only `sim::apply` writes them.

mod cluster;
mod device;
mod labels;
mod node;
mod nodes;
mod pod;
mod pool;
mod shape;
mod workload;

pub use cluster::Cluster;
pub use device::SharedDevices;
pub use labels::{
    LabelSelector, Labels, NodeSelectorTerm, Requirement, SelectorOp, Taint, TaintEffect,
    Toleration, TolerationOp,
};
pub use node::{Node, NodePhase, Usage};
pub use nodes::Nodes;
pub use pod::{Pod, PodPhase};
pub use pool::{Pool, ProvisioningFailure};
pub use shape::{
    Annotations, Claim, ClaimOwner, Container, DeviceShare, HostPort, NodeAffinity, OwnerKind,
    PodAffinity, PodAffinityTerm, PodShape, PolicySwitch, SafeToEvict, SpreadConstraint, Volumes,
    WhenUnsatisfiable,
};
pub use workload::{DisruptionBudget, OwnedPods, Workload};
