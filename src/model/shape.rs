//! Pod shapes: what equal pods share. Feasibility, scores and the autoscaler's equivalence groups
//! work on shapes, so a shape is interned once and a pod is a row with its number.

use super::labels::{LabelSelector, Labels, NodeSelectorTerm, Toleration};
use crate::unit::{Duration, ExtendedId, ImageId, Resources, Symbol};

/// The specification that equal pods share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodShape {
    /// Namespace.
    pub namespace: Symbol,
    /// Labels of the pod.
    pub labels: Labels,
    /// What the scheduler reserves (`rules::requests`): containers, init containers, overhead;
    /// `pods` is 1.
    pub requests: Resources,
    /// The same with upstream's defaults for absent CPU and memory, used by scoring only.
    pub scoring: Resources,
    /// Limits summed over containers (absent limit: 0), for admission and reports.
    pub limits: Resources,
    /// Containers in order, for images and restarts.
    pub containers: Vec<Container>,
    /// `spec.priority`; `None` where no PriorityClass set it.
    pub priority: Option<i32>,
    /// `preemptionPolicy: Never` turns preemption off.
    pub never_preempts: bool,
    /// `spec.nodeSelector`: all pairs.
    pub node_selector: Vec<(Symbol, Symbol)>,
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: NodeAffinity,
    /// `spec.affinity.podAffinity` and `podAntiAffinity`.
    pub pod_affinity: PodAffinity,
    /// `spec.tolerations`, with those that admission adds.
    pub tolerations: Vec<Toleration>,
    /// `spec.topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
    /// Selector that system-default spreading would use (owner's selector); `None`: no default
    /// spreading (bare and Job pods).
    pub default_spread: Option<LabelSelector>,
    /// A part of one device that is shared with other pods; `requests` does not count it.
    pub device_share: Option<DeviceShare>,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// Volumes, as far as they matter to placement and drains.
    pub volumes: Volumes,
    /// Annotations that the autoscaler reads.
    pub annotations: Annotations,
    /// Kind of the controller that owns the pod.
    pub owner: OwnerKind,
    /// `terminationGracePeriodSeconds`.
    pub grace: Duration,
    /// Non-empty `schedulingGates`.
    pub gated: bool,
    /// `spec.schedulerName`; empty is the default scheduler.
    pub scheduler: Symbol,
}

impl PodShape {
    /// What the pod takes of a node where it is alone: a shared device is opened for it.
    pub fn requests_alone(&self) -> Resources {
        let mut requests = self.requests;
        if let Some(share) = self.device_share {
            requests.extended[usize::from(share.kind.0)] += 1;
        }
        requests
    }
}

/// A part of one device, as fractional-GPU schedulers give it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceShare {
    /// The extended resource of which it is a part of one.
    pub kind: ExtendedId,
    /// Thousandths, from 1 to 999.
    pub milli: u16,
}

/// A container, as far as its image matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// Image.
    pub image: ImageId,
    /// Init container (its image counts too).
    pub init: bool,
    /// It runs to its end before the next one starts: an init container that is no sidecar.
    pub ends: bool,
}

/// `spec.affinity.nodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeAffinity {
    /// Any of these terms must match; `None`: no condition.
    pub required: Option<Vec<NodeSelectorTerm>>,
    /// Weighted preferences.
    pub preferred: Vec<(i32, NodeSelectorTerm)>,
}

/// `spec.affinity.podAffinity` and `podAntiAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodAffinity {
    /// Required affinity terms.
    pub required: Vec<PodAffinityTerm>,
    /// Required anti-affinity terms.
    pub anti_required: Vec<PodAffinityTerm>,
    /// Weighted affinity.
    pub preferred: Vec<(i32, PodAffinityTerm)>,
    /// Weighted anti-affinity.
    pub anti_preferred: Vec<(i32, PodAffinityTerm)>,
}

impl PodAffinity {
    /// Whether there is none of it.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty()
            && self.anti_required.is_empty()
            && self.preferred.is_empty()
            && self.anti_preferred.is_empty()
    }
}

/// A term of pod affinity: matching pods in the same domain of `topology_key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodAffinityTerm {
    /// Selects pods; `None` (a nil selector) matches none.
    pub selector: Option<LabelSelector>,
    /// Namespaces by name. Empty with no `namespace_selector`: the owner's namespace.
    pub namespaces: Vec<Symbol>,
    /// Namespaces by label; `Some` of an empty selector is every namespace.
    pub namespace_selector: Option<LabelSelector>,
    /// Node label whose equal values form a domain.
    pub topology_key: Symbol,
}

/// What to do when a spread constraint cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenUnsatisfiable {
    /// A filter.
    DoNotSchedule,
    /// A score.
    ScheduleAnyway,
}

/// `Honor` or `Ignore` of a spread constraint's inclusion policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicySwitch {
    /// Nodes that the pod could not use do not count.
    Honor,
    /// All nodes count.
    Ignore,
}

/// One of `spec.topologySpreadConstraints`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpreadConstraint {
    /// Allowed difference between the fullest and the emptiest domain.
    pub max_skew: i32,
    /// Node label whose equal values form a domain.
    pub topology_key: Symbol,
    /// Filter or score.
    pub when: WhenUnsatisfiable,
    /// Pods that count, with `matchLabelKeys` already folded in; `None` counts none.
    pub selector: Option<LabelSelector>,
    /// Fewer domains than this make the minimum 0.
    pub min_domains: i32,
    /// Whether nodes that fail the pod's node affinity count.
    pub node_affinity_policy: PolicySwitch,
    /// Whether nodes whose taints the pod does not tolerate count.
    pub node_taints_policy: PolicySwitch,
}

/// A host port in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Host address; empty is every address.
    pub ip: Symbol,
    /// Port, above 0.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Symbol,
}

/// Volumes, as far as they matter to placement and drains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Volumes {
    /// Data disks to attach (PersistentVolumeClaims on Azure Disk).
    pub data_disks: u16,
    /// The claims behind them, as far as they are known.
    pub claims: Vec<Claim>,
    /// A zonal disk: the zone label value the pod is locked to.
    pub zone: Option<Symbol>,
    /// Names of hostPath volumes and of emptyDirs not in memory.
    pub local: Vec<Symbol>,
}

/// A PersistentVolumeClaim of a pod, behind which there is a disk for one node at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Name.
    pub name: Symbol,
    /// Who has it.
    pub owner: ClaimOwner,
}

/// Who has a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimOwner {
    /// All pods of the namespace that name it.
    Named,
    /// One ordinal of a StatefulSet (`volumeClaimTemplates`): the claim outlives its pod.
    Ordinal,
    /// One pod (`ephemeral`): the claim goes with it.
    Pod,
}

/// `cluster-autoscaler.kubernetes.io/safe-to-evict`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SafeToEvict {
    /// No annotation.
    #[default]
    Unset,
    /// `true`
    Yes,
    /// `false`
    No,
    /// `on-completion` (1.36)
    OnCompletion,
}

/// Pod annotations that the autoscaler and the controllers read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Annotations {
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict`
    pub safe_to_evict: SafeToEvict,
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes`
    pub safe_local_volumes: Vec<Symbol>,
    /// `cluster-autoscaler.kubernetes.io/pod-scale-up-delay`
    pub scale_up_delay: Option<Duration>,
    /// `cluster-autoscaler.kubernetes.io/daemonset-pod: "true"`
    pub daemonset_pod: bool,
    /// `cluster-autoscaler.kubernetes.io/enable-ds-eviction`: whether it says `true`.
    pub daemonset_eviction: Option<bool>,
    /// `controller.kubernetes.io/pod-deletion-cost`
    pub deletion_cost: i32,
}

/// Kind of the controller that owns a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// A bare pod.
    #[default]
    None,
    /// A ReplicaSet (of a Deployment).
    ReplicaSet,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job.
    Job,
    /// A static pod of the kubelet.
    Mirror,
    /// Anything else that is a controller.
    Other,
}
