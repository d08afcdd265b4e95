//! Workloads: what owns pods, what drives their number, and what their pods do.

use std::sync::Arc;

use crate::chance::Dist;
use crate::cloud::PodStartSpec;
pub use crate::control::admission::WorkloadAdmission;
pub use crate::control::disruption::DisruptionBudgetSpec;
use crate::control::hpa::{HpaMetric, HpaSpec};
use crate::control::keda::{ScaledJobSpec, ScaledObjectSpec, Trigger};
use crate::control::kubelet::Probes;
use crate::control::vpa::VpaSpec;
use crate::control::workload::ControllerSpec;
use crate::demand::SourceSpec;
use crate::queue::{Checkpoint, ConsumerSpec};
use crate::unit::{Duration, QueueId, Resources, ShapeId, SimTime, Symbol, WorkloadId};

/// Kind of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// A Deployment (and its one ReplicaSet).
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet: one pod per node that it fits.
    DaemonSet,
    /// A Job: `replicas` is its parallelism, pods live for `PodTimes::lifetime`.
    Job,
    /// A KEDA ScaledJob: each pod is a Job of one pod.
    ScaledJob,
    /// Bare pods: of an open-loop arrival stream or a pod trace.
    Bare,
}

/// A workload.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadSpec {
    /// Name, unique in its namespace.
    pub name: Symbol,
    /// Namespace.
    pub namespace: Symbol,
    /// Kind.
    pub kind: WorkloadKind,
    /// Part of AKS itself (`systemPods`): its pods do not count in `pods.*`, its share of cost is
    /// `system`.
    pub system: bool,
    /// Specification of its pods (bare pods of a trace have their own).
    pub shape: ShapeId,
    /// `spec.replicas`, or a Job's parallelism.
    pub replicas: u32,
    /// A Job's completions.
    pub completions: Option<u32>,
    /// Settings of its controller.
    pub controller: ControllerSpec,
    /// What admission makes of its pods.
    pub admission: WorkloadAdmission,
    /// What drives the number of replicas.
    pub scaler: Option<ScalerKind>,
    /// What sets the requests of its pods.
    pub vpa: Option<VpaSpec>,
    /// What its pods consume.
    pub consumes: Option<ConsumerSpec>,
    /// What its pods use of CPU and memory, where the scenario says.
    pub uses: Option<UseSpec>,
    /// How long its pods take to start and how long they live.
    pub times: PodTimes,
}

/// What the pods of a workload use.
#[derive(Clone, Debug, PartialEq)]
pub struct UseSpec {
    /// A load that its ready pods share equally.
    pub arrivals: Vec<SourceSpec>,
    /// CPU time of a request, nanoseconds.
    pub cpu_per_request_nanos: u64,
    /// Millicores that a consumer uses for each message it works on.
    pub slot_milli: u64,
    /// Memory of a pod whose containers run, in bytes; 0: not said.
    pub memory: i64,
    /// What the containers beside the first request and may use at most: the work is the first's.
    pub beside: Beside,
}

/// Requests and limits of a pod less those of its first container.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beside {
    /// Of the requests.
    pub requests: Resources,
    /// Of the limits.
    pub limits: Resources,
}

impl UseSpec {
    /// Millicores that the first container may use at most, where the pod's limits are these; 0: as
    /// many as there are.
    pub fn cpu_limit(&self, limits: &Resources) -> u64 {
        u64::try_from(limits.cpu_milli - self.beside.limits.cpu_milli).unwrap_or(0)
    }
}

impl WorkloadSpec {
    /// Whether somebody reads what its pods use: its HPA, or a VPA.
    pub fn use_is_read(&self) -> bool {
        let by_hpa = match &self.scaler {
            Some(ScalerKind::ScaledObject(spec)) => spec.triggers.iter().any(Trigger::is_resource),
            Some(ScalerKind::Hpa { spec, .. }) => spec.metrics.iter().any(|metric| {
                use HpaMetric::{ContainerCpu, ContainerMemory, Cpu, Memory};
                matches!(metric, Cpu(_) | Memory(_) | ContainerCpu(_) | ContainerMemory(_))
            }),
            Some(ScalerKind::ScaledJob(_)) | None => false,
        };
        by_hpa || self.vpa.is_some()
    }

    /// The triggers of its KEDA scaler, or what External and Object metrics of its own HPA read.
    pub fn triggers(&self) -> &[Trigger] {
        match &self.scaler {
            Some(ScalerKind::ScaledObject(spec)) => &spec.triggers,
            Some(ScalerKind::ScaledJob(spec)) => &spec.triggers,
            Some(ScalerKind::Hpa { sources, .. }) => sources,
            None => &[],
        }
    }
}

/// What drives a workload's number of replicas.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalerKind {
    /// A KEDA ScaledObject, and the HPA it makes.
    ScaledObject(ScaledObjectSpec),
    /// A KEDA ScaledJob.
    ScaledJob(ScaledJobSpec),
    /// An HPA of the user's own.
    Hpa {
        /// The HPA.
        spec: HpaSpec,
        /// What its External and Object metrics read.
        sources: Vec<Trigger>,
    },
}

/// Times of a workload's pods.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTimes {
    /// Start.
    pub start: PodStartSpec,
    /// From Ready to completion by itself; `None`: runs until stopped. Bare pods of a trace have
    /// their own.
    pub lifetime: Option<Dist>,
    /// How a finite pod saves its work; the pod that replaces it goes on from there.
    pub checkpoint: Option<Checkpoint>,
    /// How long an init container runs; `None`: no time.
    pub init: Option<Dist>,
    /// Probes that decide whether a pod is Ready.
    pub probes: Probes,
}

/// A stream of arrivals and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalSpec {
    /// Messages for a queue.
    Messages { queue: QueueId, source: SourceSpec },
    /// Pods of a workload, one per arrival.
    Pods { workload: WorkloadId, source: SourceSpec },
    /// Given pods: (creation, shape, lifetime; `None` runs to the end), ascending.
    PodTrace { workload: WorkloadId, rows: Arc<[(SimTime, ShapeId, Option<Duration>)]> },
}
