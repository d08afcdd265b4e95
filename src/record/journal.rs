//! The journal: what controllers did or refused to do, when, and why. Never a row per message.

use crate::unit::{NodeId, PodId, PoolId, QueueId, SimTime, WorkloadId};

/// How much the journal keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum JournalLevel {
    /// Nothing.
    Off,
    /// Actions and refusals of controllers and of the provider.
    #[default]
    Decisions,
    /// Also each step of each pod and node.
    All,
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// KEDA operator.
    Keda,
    /// HPA controller.
    Hpa,
    /// Vertical Pod Autoscaler.
    Vpa,
    /// The API server's admission.
    ApiServer,
    /// A workload controller (ReplicaSet, StatefulSet, DaemonSet, Job).
    WorkloadController,
    /// kube-scheduler.
    Scheduler,
    /// Cluster autoscaler.
    Autoscaler,
    /// The provider: VM scale sets, network, quota.
    Azure,
    /// Kubelet.
    Kubelet,
    /// Node lifecycle controller and pod GC.
    NodeController,
    /// A planned event of the scenario.
    Scenario,
}

impl Actor {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keda => "keda",
            Self::Hpa => "hpa",
            Self::Vpa => "vpa",
            Self::ApiServer => "api-server",
            Self::WorkloadController => "workload-controller",
            Self::Scheduler => "scheduler",
            Self::Autoscaler => "cluster-autoscaler",
            Self::Azure => "azure",
            Self::Kubelet => "kubelet",
            Self::NodeController => "node-controller",
            Self::Scenario => "scenario",
        }
    }
}

/// What was acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// A pod.
    Pod(PodId),
    /// A node.
    Node(NodeId),
    /// A node pool.
    Pool(PoolId),
    /// A workload.
    Workload(WorkloadId),
    /// A queue.
    Queue(QueueId),
    /// The cluster.
    Cluster,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: SimTime,
    /// Who.
    pub actor: Actor,
    /// What was done, a stable word (`set-replicas`, `bind`, `increase-size`, `refuse`, …).
    pub action: &'static str,
    /// On what.
    pub object: Object,
    /// Why, a stable code (`hpa.within-tolerance`, `azure.subnet-is-full`, …); empty if plain.
    pub reason: &'static str,
    /// Numbers before and after, where the action has them.
    pub change: Option<(i64, i64)>,
    /// A sentence for people: the rule and the setting that decided.
    pub detail: String,
}

/// The journal of a run.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// How much is kept.
    pub level: JournalLevel,
    /// In order of time.
    pub entries: Vec<Entry>,
}
