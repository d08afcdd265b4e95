//! Nodes: a VM instance and the Node object that it becomes.

use super::device::SharedDevices;
use super::labels::{Labels, Taint};
use super::shape::HostPort;
use crate::unit::{ImageId, InstanceId, PodId, PoolId, Resources, SimTime, Symbol};

/// Where a VM and its Node are in their life. The order is the order of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodePhase {
    /// The VM is asked for; the provider says `Creating`. There is no Node object.
    Creating,
    /// The provider gave up on the VM; the instance stays until it is deleted.
    Failed,
    /// The kubelet has registered; the Node is not Ready yet.
    Registered,
    /// Ready.
    Ready,
    /// Was Ready; the kubelet is silent (Ready=Unknown) or says NotReady.
    NotReady,
    /// Stopped and deallocated, its Node kept NotReady (`scaleDownMode: Deallocate`).
    Deallocated,
    /// The VM is being deleted; the Node object may still be there.
    Deleting,
    /// Gone.
    Gone,
}

impl NodePhase {
    /// Whether a Node object exists.
    pub fn has_node(self) -> bool {
        matches!(
            self,
            Self::Registered | Self::Ready | Self::NotReady | Self::Deallocated | Self::Deleting
        )
    }
}

/// What the pods on a node use, kept as a running sum. What every loop of the autoscaler reads
/// comes first; see [`Node`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Usage {
    /// Pods that were told to stop.
    pub terminating: u32,
    /// Data disks attached.
    pub data_disks: u32,
    /// Sum of requests; `pods` counts them.
    pub requests: Resources,
    /// Sum of scoring requests (CPU and memory with upstream's defaults).
    pub scoring: Resources,
    /// The pods, in order of arrival on the node.
    pub pods: Vec<PodId>,
    /// Host ports in use, with multiplicity.
    pub ports: Vec<HostPort>,
    /// Devices that pods share; `requests` counts each one as a whole.
    pub shared: SharedDevices,
}

/// A node. A row is large and a cluster may have thousands: its order in memory is the one written
/// here, and what the autoscaler reads of each node in each loop stands together.
#[derive(Clone, Debug, PartialEq)]
#[repr(C)]
pub struct Node {
    /// Labels.
    pub labels: Labels,
    /// Name; the `kubernetes.io/hostname` label has the same value.
    pub name: Symbol,
    /// Instance number in the pool (keys its draws).
    pub instance: InstanceId,
    /// Pool; `None` for nodes outside any pool.
    pub pool: Option<PoolId>,
    /// Taints, in order of addition.
    pub taints: Vec<Taint>,
    /// Where it is in its life.
    pub phase: NodePhase,
    /// `spec.unschedulable` (cordoned).
    pub unschedulable: bool,
    /// `cluster-autoscaler.kubernetes.io/scale-down-disabled: "true"`
    pub scale_down_disabled: bool,
    /// Bumped when events already under way for the node become void.
    pub epoch: u16,
    /// Data disks that can be attached.
    pub max_data_disks: u16,
    /// Creation of the Node object; [`SimTime::NEVER`] before.
    pub registered: SimTime,
    /// Last transition to Ready; [`SimTime::NEVER`] before the first.
    pub ready: SimTime,
    /// Last transition of the Ready condition, either way.
    pub condition_changed: SimTime,
    /// When the VM was asked for.
    pub requested: SimTime,
    /// What pods may reserve.
    pub allocatable: Resources,
    /// What pods have reserved.
    pub used: Usage,
    /// The VM's size.
    pub capacity: Resources,
    /// Images on the node, sorted.
    pub images: Vec<ImageId>,
    /// When the VM was gone; [`SimTime::NEVER`] before.
    pub gone: SimTime,
}

impl Node {
    /// What is left to reserve.
    pub fn free(&self) -> Resources {
        self.allocatable - &self.used.requests
    }
}
