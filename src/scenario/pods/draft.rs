//! Drafts: what a user asked for, before admission. The short form and real manifests both become
//! drafts, so that both mean the same from here on.
//!
//! Names that the model interns are interned here already; amounts stay exact quantities, because
//! admission (limits standing in for requests, LimitRange defaults) needs to know what was absent.

use super::tenancy::{ContainerPolicy, LimitRangeDraft, PriorityClassDraft, QuotaDraft};
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::tables::Tables;
use super::vpa::VpaDraft;
use crate::chance::Dist;
use crate::cloud::PodStartSpec;
use crate::control::hpa::Behavior;
use crate::control::keda::{
    FallbackSpec, JobTemplate, MetricType, PodCondition, ScalingStrategy, TriggerCombination,
};
use crate::control::kubelet::Probes;
use crate::control::workload::ControllerSpec;
use crate::demand::SourceSpec;
use crate::model::{
    Annotations, ClaimOwner, HostPort, LabelSelector, Labels, NodeAffinity, PodAffinity,
    Requirement, SelectorOp, SpreadConstraint, Toleration,
};
use crate::plan::{IntOrPercent, UseSpec, WorkloadKind};
use crate::queue::{Checkpoint, ConsumerSpec};
use crate::scenario::foreign::hpa::HpaDraft;
use crate::scenario::foreign::{Findings, code};
use crate::scenario::{Diagnostic, Span};
use crate::unit::{Duration, Quantity, Symbol};

/// Where something was written, for later blame; `None` for what AKS brings.
pub type Origin = Option<Span>;

/// Amounts by resource name (`cpu`, `memory`, `nvidia.com/gpu`); a name that is absent was not
/// given.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Everything that manifests and the short form declare.
#[derive(Clone, Debug, Default)]
pub struct Drafts {
    /// What owns pods, in the order of the files.
    pub workloads: Vec<WorkloadDraft>,
    /// Scalers that name their target; those of the short form sit in their workload.
    pub scalers: Vec<(ScalerTarget, ScalerDraft)>,
    /// VerticalPodAutoscalers that name their target.
    pub vpas: Vec<(ScalerTarget, VpaDraft)>,
    /// PodDisruptionBudgets; those of the short form sit in their workload.
    pub budgets: Vec<BudgetDraft>,
    /// PriorityClasses.
    pub priority_classes: Vec<PriorityClassDraft>,
    /// Items of LimitRanges.
    pub limit_ranges: Vec<LimitRangeDraft>,
    /// ResourceQuotas.
    pub quotas: Vec<QuotaDraft>,
    /// What Azure Policy does about containers without requests or limits.
    pub container_policy: ContainerPolicy,
    /// Labels of namespaces.
    pub namespaces: Vec<(String, Labels)>,
    /// Positions of the first `indexed` workloads by name.
    by_name: FxHashMap<String, Vec<usize>>,
    indexed: usize,
}

/// A workload.
#[derive(Clone, Debug)]
pub struct WorkloadDraft {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Kind.
    pub kind: WorkloadKind,
    /// Part of AKS itself.
    pub system: bool,
    /// Read from a manifest: what its pods look like is settled, what they do is not.
    pub from_manifest: bool,
    /// Which pods it owns (`spec.selector`); the short form selects `app: <name>`.
    pub selector: Option<LabelSelector>,
    /// `spec.replicas` or a Job's `parallelism`; `None`: not given (1).
    pub replicas: Option<u32>,
    /// A Job's `completions`.
    pub completions: Option<u32>,
    /// Settings of its controller.
    pub controller: ControllerSpec,
    /// `template`
    pub pod: PodDraft,
    /// `pool:` shorthand: select that pool and tolerate its taints.
    pub pool: Option<(String, Origin)>,
    /// What drives the number of replicas.
    pub scaler: Option<ScalerDraft>,
    /// What sets the requests of its pods.
    pub vpa: Option<VpaDraft>,
    /// `podDisruptionBudget:` of the short form.
    pub budget: Option<BudgetDraft>,
    /// What its pods do.
    pub work: WorkDraft,
    /// Where it was written.
    pub origin: Origin,
}

/// What the pods of a workload do: only the short form can say.
#[derive(Clone, Debug, Default)]
pub struct WorkDraft {
    /// `consumes:`
    pub consumes: Option<ConsumerSpec>,
    /// `arrivals:` of open-loop pods.
    pub arrivals: Vec<SourceSpec>,
    /// `duration:` from Ready to completion.
    pub lifetime: Option<Dist>,
    /// `checkpoint:` of finite pods.
    pub checkpoint: Option<Checkpoint>,
    /// `startup:`; `None`: the scenario's `timing`.
    pub start: Option<PodStartSpec>,
    /// `startup.initDuration`
    pub init: Option<Dist>,
    /// Probes of `startup:`; `None`: those of the template.
    pub probes: Option<Probes>,
    /// What its pods use of CPU and memory (`serves:`, or `cpu` and `memory` of `consumes:`).
    pub uses: Option<UseSpec>,
}

/// A pod template.
#[derive(Clone, Debug, Default)]
pub struct PodDraft {
    /// Labels.
    pub labels: Labels,
    /// Annotations that the autoscaler and the controllers read.
    pub annotations: Annotations,
    /// Init containers and containers, in order.
    pub containers: Vec<ContainerDraft>,
    /// Probes of the container that decides whether the pod is Ready.
    pub probes: Probes,
    /// Pod-level `resources.requests`.
    pub requests: ResourceList,
    /// Pod-level `resources.limits`.
    pub limits: ResourceList,
    /// `overhead`
    pub overhead: ResourceList,
    /// `nodeSelector`
    pub node_selector: Vec<(Symbol, Symbol)>,
    /// `hostNetwork`
    pub host_network: bool,
    /// `nodeName`: bound by hand to this node.
    pub node_name: Option<String>,
    /// `affinity.nodeAffinity`
    pub node_affinity: NodeAffinity,
    /// `affinity.podAffinity` and `podAntiAffinity`
    pub pod_affinity: PodAffinity,
    /// `tolerations` as written.
    pub tolerations: Vec<Toleration>,
    /// `topologySpreadConstraints`; `matchLabelKeys` folded in.
    pub spread: Vec<SpreadConstraint>,
    /// `priorityClassName`
    pub priority_class: Option<(String, Origin)>,
    /// `priority`, as a live pod has it.
    pub priority: Option<i32>,
    /// `preemptionPolicy: Never`; `None`: not given.
    pub never_preempts: Option<bool>,
    /// `terminationGracePeriodSeconds`; `None`: not given (30 s).
    pub grace: Option<Duration>,
    /// `schedulerName`; empty: the default one.
    pub scheduler: Symbol,
    /// Non-empty `schedulingGates`.
    pub gated: bool,
    /// `volumes`
    pub volumes: Vec<VolumeDraft>,
    /// `activeDeadlineSeconds` of a Job's pod.
    pub deadline: Option<Duration>,
}

/// A container.
#[derive(Clone, Debug, Default)]
pub struct ContainerDraft {
    /// Name.
    pub name: String,
    /// Image; empty: not given, nothing to pull.
    pub image: String,
    /// Compressed size of the image in bytes, where the scenario says (`startup.imageSize`).
    pub image_size: Option<u64>,
    /// `resources.requests`
    pub requests: ResourceList,
    /// `resources.limits`
    pub limits: ResourceList,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// When it runs.
    pub role: ContainerRole,
    /// Where it was written.
    pub origin: Origin,
}

impl PodDraft {
    /// Names of the containers that run with the pod: the first one does the work.
    pub fn names_of_containers(&self) -> impl Iterator<Item = &str> {
        let of = |role| self.containers.iter().filter(move |container| container.role == role);
        let both = of(ContainerRole::Main).chain(of(ContainerRole::Sidecar));
        both.map(|container| container.name.as_str())
    }
}

/// When a container runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerRole {
    /// With the pod.
    #[default]
    Main,
    /// Before the pod, to its end.
    Init,
    /// An init container with `restartPolicy: Always`: started before, stays.
    Sidecar,
}

/// A volume, as far as it matters to placement and drains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeDraft {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: VolumeKind,
    /// `resources.requests.storage` of its claim, where that is known.
    pub size: Option<Quantity>,
    /// Zone label value of a zonal disk that is there already.
    pub zone: Option<Symbol>,
}

/// Kind of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// `emptyDir` on disk.
    EmptyDir,
    /// `emptyDir` with `medium: Memory`.
    MemoryDir,
    /// `hostPath`
    HostPath,
    /// A PersistentVolumeClaim: an Azure disk to attach.
    Claim(ClaimOwner),
}

/// What drives a number of replicas.
#[derive(Clone, Debug)]
pub enum ScalerDraft {
    /// A KEDA ScaledObject.
    ScaledObject(ScaledObjectDraft),
    /// A KEDA ScaledJob.
    ScaledJob(ScaledJobDraft),
    /// A HorizontalPodAutoscaler of the user's own.
    Hpa(HpaDraft, Origin),
}

/// What a scaler scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalerTarget {
    /// Kind of the target.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
    /// Namespace of both.
    pub namespace: String,
    /// Name of the scaler.
    pub scaler: String,
    /// Where it was written.
    pub origin: Origin,
}

/// `spec` of a ScaledObject, less its target.
#[derive(Clone, Debug)]
pub struct ScaledObjectDraft {
    /// Name; the short form uses the workload's.
    pub name: String,
    /// `pollingInterval`
    pub polling_interval: Option<Duration>,
    /// `cooldownPeriod`
    pub cooldown: Option<Duration>,
    /// `initialCooldownPeriod`
    pub initial_cooldown: Option<Duration>,
    /// `idleReplicaCount`
    pub idle_replicas: Option<u32>,
    /// `minReplicaCount`
    pub min_replicas: Option<u32>,
    /// `maxReplicaCount`
    pub max_replicas: Option<u32>,
    /// `fallback`
    pub fallback: Option<FallbackSpec>,
    /// `triggers`
    pub triggers: Vec<TriggerDraft>,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`
    pub behavior: Option<Behavior>,
    /// `advanced.scalingModifiers`
    pub modifiers: Option<ModifiersDraft>,
    /// Annotations `autoscaling.keda.sh/…`
    pub pause: PauseDraft,
    /// The HPA that it takes over: annotation `scaledobject.keda.sh/transfer-hpa-ownership` and
    /// `advanced.horizontalPodAutoscalerConfig.name`.
    pub takes_over: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// `advanced.scalingModifiers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifiersDraft {
    /// `formula`
    pub formula: String,
    /// Where it was written.
    pub place: Origin,
    /// `target` in thousandths.
    pub target_milli: i64,
    /// `activationTarget` in thousandths.
    pub activation_milli: i64,
    /// `metricType`
    pub metric_type: MetricType,
}

/// Annotations of a ScaledObject that pause it or keep it awake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PauseDraft {
    /// `autoscaling.keda.sh/paused`
    pub paused: bool,
    /// `autoscaling.keda.sh/paused-replicas`
    pub replicas: Option<u32>,
    /// `autoscaling.keda.sh/paused-scale-in`
    pub scale_in: bool,
    /// `autoscaling.keda.sh/paused-scale-out`
    pub scale_out: bool,
    /// `autoscaling.keda.sh/force-activation`
    pub force_activation: bool,
}

/// `spec` of a ScaledJob, less its pods.
#[derive(Clone, Debug)]
pub struct ScaledJobDraft {
    /// Name.
    pub name: String,
    /// `pollingInterval`
    pub polling_interval: Option<Duration>,
    /// `minReplicaCount`
    pub min_replicas: Option<u32>,
    /// `maxReplicaCount`
    pub max_replicas: Option<u32>,
    /// `scalingStrategy.strategy`
    pub strategy: ScalingStrategy,
    /// `scalingStrategy.multipleScalersCalculation`
    pub combination: TriggerCombination,
    /// `scalingStrategy.pendingPodConditions`
    pub pending_conditions: Vec<PodCondition>,
    /// `successfulJobsHistoryLimit`
    pub successful_history: Option<u32>,
    /// `failedJobsHistoryLimit`
    pub failed_history: Option<u32>,
    /// `jobTargetRef` less its pods.
    pub template: JobTemplate,
    /// Annotation `autoscaling.keda.sh/paused`
    pub paused: bool,
    /// `triggers`
    pub triggers: Vec<TriggerDraft>,
    /// Where it was written.
    pub origin: Origin,
}

/// A trigger as written.
#[derive(Clone, Debug)]
pub struct TriggerDraft {
    /// `type`
    pub kind: String,
    /// `name`
    pub name: Option<String>,
    /// `metadata`, sorted by key.
    pub metadata: BTreeMap<String, String>,
    /// `metricType`
    pub metric_type: Option<String>,
    /// `useCachedMetrics`
    pub use_cached_metrics: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug)]
pub struct BudgetDraft {
    /// Name; the short form uses the workload's.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Pods it covers; `None` covers none. The short form uses the workload's selector.
    pub selector: Option<LabelSelector>,
    /// `minAvailable`
    pub min_available: Option<IntOrPercent>,
    /// `maxUnavailable`
    pub max_unavailable: Option<IntOrPercent>,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`
    pub always_allow_unhealthy: bool,
    /// Where it was written.
    pub origin: Origin,
}

impl WorkloadDraft {
    /// A workload of which only the name is known.
    pub fn new(name: &str, namespace: &str, kind: WorkloadKind, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            kind,
            system: false,
            from_manifest: false,
            selector: None,
            replicas: None,
            completions: None,
            controller: ControllerSpec::default(),
            pod: PodDraft::default(),
            pool: None,
            scaler: None,
            vpa: None,
            budget: None,
            work: WorkDraft::default(),
            origin,
        }
    }

    /// Adds what the short form says about a workload of a manifest.
    fn complete(&mut self, short: WorkloadDraft, found: &mut Findings) {
        let pod = &short.pod;
        let container = pod.containers.first();
        let main = self.pod.containers.iter().find(|c| c.role == ContainerRole::Main);
        // The short form calls an image without a name as its workload.
        let other_image = container.is_some_and(|c| {
            !c.image.is_empty() && c.image != short.name && main.is_none_or(|m| m.image != c.image)
        });
        let about_pods = short.pool.is_some()
            || other_image
            // Its first label is `app: <name>`.
            || pod.labels.iter().count() > 1
            || pod.annotations != Annotations::default()
            || container.is_some_and(|c| !(c.requests.is_empty() && c.limits.is_empty()))
            || !pod.volumes.is_empty()
            || pod.grace.is_some()
            || pod.priority_class.is_some()
            || !(pod.node_selector.is_empty() && pod.tolerations.is_empty())
            || !(pod.spread.is_empty() && pod.pod_affinity.is_empty())
            || pod.node_affinity != NodeAffinity::default();
        let twice_scaled = self.scaler.is_some() && short.scaler.is_some();
        let other_kind = short.kind != self.kind && short.kind != WorkloadKind::Deployment;
        if about_pods || twice_scaled || other_kind {
            let text = format!(
                "the manifest of `{}` says what it is and what its pods look like; here only \
                 `consumes`, `serves`, `duration`, `startup`, `replicas`, a scaler, `vpa` and \
                 a budget may be added",
                self.name
            );
            twice(code::TWICE, &text, (short.origin, self.origin), found);
            return;
        }
        if let (Some(mine), Some(size)) =
            (self.pod.containers.iter_mut().find(|c| c.role == ContainerRole::Main), container)
        {
            mine.image_size = size.image_size.or(mine.image_size);
        }
        self.replicas = short.replicas.or(self.replicas);
        self.scaler = short.scaler.or(self.scaler.take());
        self.vpa = short.vpa.or(self.vpa.take());
        self.budget = short.budget.or(self.budget.take());
        if let Some(budget) = &mut self.budget {
            budget.namespace.clone_from(&self.namespace);
        }
        self.work = short.work;
    }

    /// Gives the pods a label and lets the workload select them by it, as the short form does with
    /// `app: <name>`.
    pub fn label(&mut self, key: &str, value: &str, tables: &mut Tables) {
        let (key, value) = (tables.intern(key), tables.intern(value));
        self.pod.labels.set(key, value);
        let wanted = Requirement { key, op: SelectorOp::In, values: vec![value] };
        self.selector.get_or_insert_default().requirements.push(wanted);
    }
}

impl Drafts {
    /// Adds a workload. An item of the short form that has the name of a manifest's workload says
    /// what its pods do (`consumes`, `duration`, `startup` …); otherwise a name stands once.
    pub fn add(&mut self, draft: WorkloadDraft, found: &mut Findings) {
        if let Some(known) = self.manifest_of(&draft) {
            known.complete(draft, found);
            return;
        }
        let twin = self
            .of_name(&draft.name)
            .iter()
            .map(|&at| &self.workloads[at])
            .find(|known| known.kind == draft.kind && known.namespace == draft.namespace);
        if let Some(twin) = twin {
            let text = format!("there are two of {:?} `{}`", draft.kind, draft.name);
            twice(code::TWICE, &text, (draft.origin, twin.origin), found);
            return;
        }
        self.workloads.push(draft);
    }

    /// The manifest's workload that an item of the short form means: that of its name in its
    /// namespace, or the only one of its name where the item says no namespace.
    fn manifest_of(&mut self, draft: &WorkloadDraft) -> Option<&mut WorkloadDraft> {
        self.index();
        if draft.from_manifest {
            return None;
        }
        let same = self.of_name(&draft.name).iter().copied();
        let same: Vec<usize> = same.filter(|&at| self.workloads[at].from_manifest).collect();
        let own = same.iter().find(|&&at| self.workloads[at].namespace == draft.namespace);
        let at = match (own, &same[..]) {
            (Some(&at), _) => at,
            (None, &[only]) if draft.namespace == "default" => only,
            _ => return None,
        };
        self.workloads.get_mut(at)
    }

    /// Positions of the indexed workloads of a name.
    fn of_name(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Brings the index up to date.
    fn index(&mut self) {
        for at in self.indexed..self.workloads.len() {
            self.by_name.entry(self.workloads[at].name.clone()).or_default().push(at);
        }
        self.indexed = self.workloads.len();
    }

    /// Ties scalers to the workloads they name: each target is there and has one scaler.
    pub fn attach_scalers(&mut self, found: &mut Findings) {
        self.index();
        let scalers = std::mem::take(&mut self.scalers);
        let taken_over: Vec<(String, String)> = scalers
            .iter()
            .filter_map(|(target, scaler)| match scaler {
                ScalerDraft::ScaledObject(object) => {
                    Some((target.namespace.clone(), object.takes_over.clone()?))
                }
                _ => None,
            })
            .collect();
        for (target, scaler) in scalers {
            let of_keda = |(namespace, name): &(String, String)| {
                *namespace == target.namespace && *name == target.scaler
            };
            if matches!(scaler, ScalerDraft::Hpa(..)) && taken_over.iter().any(of_keda) {
                // KEDA overwrites its specification.
                continue;
            }
            let at = self.of_name(&target.name).iter().copied().find(|&at| {
                let draft = &self.workloads[at];
                draft.kind == target.kind && draft.namespace == target.namespace
            });
            let draft = at.and_then(|at| self.workloads.get_mut(at));
            let kind = target.kind;
            let Some(draft) = draft else {
                let text =
                    format!("no {kind:?} `{}` in namespace `{}`", target.name, target.namespace);
                found.error(code::TARGET, target.origin, text);
                continue;
            };
            if let Some(first) = &draft.scaler {
                let text = format!("{kind:?} `{}` has two scalers", target.name);
                let places = (target.origin, first.origin());
                twice(code::TWO_SCALERS, &text, places, found);
                continue;
            }
            draft.scaler = Some(scaler);
        }
    }
}

impl ScalerDraft {
    /// Where it was written.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::ScaledObject(object) => object.origin,
            Self::ScaledJob(job) => job.origin,
            Self::Hpa(_, place) => *place,
        }
    }
}

/// Complains of two things where one may stand; the places are those of the second and the first.
fn twice(code: &'static str, text: &str, places: (Origin, Origin), found: &mut Findings) {
    let labelled = [(places.0, "the second one"), (places.1, "the first one")];
    let error = Diagnostic::error(code, text);
    found.report(labelled.into_iter().fold(error, |error, (place, label)| match place {
        Some(place) => error.at(place, label),
        None => error,
    }));
}
