//! Which pods of a node may be moved, and which keep it
//! (`pkg/simulator/drainability/rules`, `pkg/simulator/drain.go`).

use super::pods::is_long_terminating;
use super::spec::AutoscalerSpec;
use crate::model::{OwnerKind, PodShape, SafeToEvict};
use crate::unit::{Duration, SimTime, Symbol};

/// What a rule says of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: the next rule decides.
    Undefined,
    /// It may be drained; rules below are not asked.
    Ok,
    /// It keeps its node.
    Blocked(Blocker),
    /// It neither moves nor blocks.
    Skip,
    /// Its completion is waited for.
    Wait,
}

/// Kinds of outcome, for overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeKind {
    /// [`Outcome::Undefined`]
    Undefined,
    /// [`Outcome::Ok`]
    Ok,
    /// [`Outcome::Blocked`]
    Blocked,
    /// [`Outcome::Skip`]
    Skip,
    /// [`Outcome::Wait`]
    Wait,
}

impl Outcome {
    /// Its kind.
    pub const fn kind(self) -> OutcomeKind {
        match self {
            Self::Undefined => OutcomeKind::Undefined,
            Self::Ok => OutcomeKind::Ok,
            Self::Blocked(_) => OutcomeKind::Blocked,
            Self::Skip => OutcomeKind::Skip,
            Self::Wait => OutcomeKind::Wait,
        }
    }
}

/// Why a pod keeps its node, with upstream's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blocker {
    /// Its controller cannot be found.
    ControllerNotFound,
    /// Its set is smaller than min-replica-count.
    MinReplicasReached,
    /// No controller would make it again.
    NotReplicated,
    /// A kube-system pod without a budget.
    UnmovableKubeSystemPod,
    /// `safe-to-evict: "false"`
    NotSafeToEvictAnnotation,
    /// Local volumes.
    LocalStorageRequested,
    /// A budget allows no disruption.
    NotEnoughPdb,
}

impl Blocker {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ControllerNotFound,
        Self::MinReplicasReached,
        Self::NotReplicated,
        Self::UnmovableKubeSystemPod,
        Self::NotSafeToEvictAnnotation,
        Self::LocalStorageRequested,
        Self::NotEnoughPdb,
    ];

    /// Upstream's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ControllerNotFound => "ControllerNotFound",
            Self::MinReplicasReached => "MinReplicasReached",
            Self::NotReplicated => "NotReplicated",
            Self::UnmovableKubeSystemPod => "UnmovableKubeSystemPod",
            Self::NotSafeToEvictAnnotation => "NotSafeToEvictAnnotation",
            Self::LocalStorageRequested => "LocalStorageRequested",
            Self::NotEnoughPdb => "NotEnoughPdb",
        }
    }
}

/// A pod's controller as the API server has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Not looked for, or of a foreign API group.
    Unknown,
    /// It should be there and is not.
    Missing,
    /// It is there, with so many `spec.replicas` if it is a ReplicaSet.
    Found(Option<u32>),
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct PodFacts<'a> {
    /// Specification.
    pub shape: &'a PodShape,
    /// Creation, if known.
    pub created: Option<SimTime>,
    /// deletionTimestamp.
    pub deletion: Option<SimTime>,
    /// Grace period, if given.
    pub grace: Option<Duration>,
    /// It has failed, or succeeded and is not restarted.
    pub terminal: bool,
    /// Its controller.
    pub controller: Controller,
    /// Disruptions that each budget covering it still allows.
    pub budgets: Option<i64>,
}

/// Settings of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainOptions {
    /// `skip-nodes-with-system-pods`
    pub skip_system_pods: bool,
    /// `skip-nodes-with-local-storage`
    pub skip_local_storage: bool,
    /// `skip-nodes-with-custom-controller-pods`
    pub skip_custom_controllers: bool,
    /// `blocking-system-pod-distruption-timeout`
    pub system_pod_timeout: Duration,
    /// `min-replica-count`
    pub min_replica_count: u32,
    /// `safe-to-evict: on-completion` is known (1.36).
    pub on_completion: bool,
    /// `kube-system`
    pub kube_system: Symbol,
}

impl DrainOptions {
    /// From the settings.
    pub fn of(spec: &AutoscalerSpec, kube_system: Symbol) -> Self {
        Self {
            skip_system_pods: spec.skip_system_pods,
            skip_local_storage: spec.skip_local_storage,
            skip_custom_controllers: spec.skip_custom_controllers,
            system_pod_timeout: spec.system_pod_timeout,
            min_replica_count: spec.min_replica_count,
            on_completion: spec.version.at_least(36),
            kube_system,
        }
    }
}

/// A drainability rule. They are asked in the order of [`Rule::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Static pods.
    Mirror,
    /// Pods that should be gone.
    LongTerminating,
    /// Controllers that are gone or too small.
    ReplicaCount,
    /// DaemonSet pods.
    DaemonSet,
    /// `safe-to-evict: "true"`
    SafeToEvict,
    /// Finished pods.
    Terminal,
    /// `safe-to-evict: on-completion`
    OnCompletion,
    /// Pods that nobody would make again.
    Replicated,
    /// Pods of kube-system.
    System,
    /// `safe-to-evict: "false"`
    NotSafeToEvict,
    /// Local volumes.
    LocalStorage,
    /// Disruption budgets.
    Pdb,
}

impl Rule {
    /// In upstream's order.
    pub const ALL: &[Self] = &[
        Self::Mirror,
        Self::LongTerminating,
        Self::ReplicaCount,
        Self::DaemonSet,
        Self::SafeToEvict,
        Self::Terminal,
        Self::OnCompletion,
        Self::Replicated,
        Self::System,
        Self::NotSafeToEvict,
        Self::LocalStorage,
        Self::Pdb,
    ];

    /// What the rule says.
    pub fn outcome(self, pod: &PodFacts<'_>, options: &DrainOptions, now: SimTime) -> Outcome {
        let shape = pod.shape;
        let safe = shape.annotations.safe_to_evict;
        let when = |holds: bool, outcome: Outcome| {
            if holds { outcome } else { Outcome::Undefined }
        };
        match self {
            Self::Mirror => when(shape.owner == OwnerKind::Mirror, Outcome::Skip),
            Self::LongTerminating => {
                when(is_long_terminating(pod.deletion, pod.grace, now), Outcome::Skip)
            }
            Self::ReplicaCount => {
                when(options.skip_custom_controllers, replica_count(pod, options))
            }
            Self::DaemonSet => when(is_daemon(shape), Outcome::Ok),
            Self::SafeToEvict => when(safe == SafeToEvict::Yes, Outcome::Ok),
            Self::Terminal => when(pod.terminal, Outcome::Ok),
            Self::OnCompletion => {
                when(options.on_completion && safe == SafeToEvict::OnCompletion, Outcome::Wait)
            }
            Self::Replicated => {
                when(!is_replicated(shape.owner, options), Outcome::Blocked(Blocker::NotReplicated))
            }
            Self::System => when(options.skip_system_pods, system(pod, options, now)),
            Self::NotSafeToEvict => {
                when(safe == SafeToEvict::No, Outcome::Blocked(Blocker::NotSafeToEvictAnnotation))
            }
            Self::LocalStorage => when(
                options.skip_local_storage && has_local_storage(shape),
                Outcome::Blocked(Blocker::LocalStorageRequested),
            ),
            Self::Pdb => when(
                pod.budgets.is_some_and(|allowed| allowed < 1),
                Outcome::Blocked(Blocker::NotEnoughPdb),
            ),
        }
    }
}

/// Whether a pod belongs to a DaemonSet, or says so.
pub fn is_daemon(shape: &PodShape) -> bool {
    shape.owner == OwnerKind::DaemonSet || shape.annotations.daemonset_pod
}

/// Whether somebody makes the pod again when it is evicted: not static, not of a DaemonSet.
pub fn is_recreatable(shape: &PodShape) -> bool {
    shape.owner != OwnerKind::Mirror && !is_daemon(shape)
}

fn replica_count(pod: &PodFacts<'_>, options: &DrainOptions) -> Outcome {
    match pod.controller {
        Controller::Missing => Outcome::Blocked(Blocker::ControllerNotFound),
        Controller::Found(Some(replicas))
            if pod.shape.owner == OwnerKind::ReplicaSet && replicas < options.min_replica_count =>
        {
            Outcome::Blocked(Blocker::MinReplicasReached)
        }
        _ => Outcome::Undefined,
    }
}

fn is_replicated(owner: OwnerKind, options: &DrainOptions) -> bool {
    match owner {
        OwnerKind::ReplicaSet | OwnerKind::Job | OwnerKind::StatefulSet => true,
        OwnerKind::None => false,
        _ => !options.skip_custom_controllers,
    }
}

fn system(pod: &PodFacts<'_>, options: &DrainOptions, now: SimTime) -> Outcome {
    if pod.shape.namespace != options.kube_system || pod.budgets.is_some() {
        return Outcome::Undefined;
    }
    match pod.created {
        Some(created) if created + options.system_pod_timeout < now => Outcome::Ok,
        _ => Outcome::Blocked(Blocker::UnmovableKubeSystemPod),
    }
}

fn has_local_storage(shape: &PodShape) -> bool {
    let safe = &shape.annotations.safe_local_volumes;
    shape.volumes.local.iter().any(|name| !safe.contains(name))
}

/// A rule's outcome with the kinds of later outcomes that it overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The outcome.
    pub outcome: Outcome,
    /// Later outcomes in whose place it stands; empty: it decides at once.
    pub overrides: Vec<OutcomeKind>,
}

/// Combines outcomes in order: one with overrides is held back; at each later one without, the
/// first that overrides it decides in its place.
pub fn combine(outcomes: impl IntoIterator<Item = Held>) -> Outcome {
    let mut held: Vec<Held> = Vec::new();
    for next in outcomes {
        if !next.overrides.is_empty() {
            held.push(next);
            continue;
        }
        let kind = next.outcome.kind();
        if let Some(first) = held.iter().find(|candidate| candidate.overrides.contains(&kind)) {
            return first.outcome;
        }
        if next.outcome != Outcome::Undefined {
            return next.outcome;
        }
    }
    Outcome::Undefined
}

/// What all rules together say of a pod. No rule of upstream's overrides another one today.
pub fn drainability(pod: &PodFacts<'_>, options: &DrainOptions, now: SimTime) -> Outcome {
    Rule::ALL
        .iter()
        .map(|rule| rule.outcome(pod, options, now))
        .find(|outcome| *outcome != Outcome::Undefined)
        .unwrap_or(Outcome::Undefined)
}

/// The pods of a node by what happens to them when it is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain<P> {
    /// They have to find room elsewhere.
    pub moved: Vec<P>,
    /// DaemonSet pods.
    pub daemons: Vec<P>,
    /// Their completion is waited for.
    pub awaited: Vec<P>,
    /// The first pod that keeps the node.
    pub blocked: Option<(P, Blocker)>,
}

impl<P> Default for Drain<P> {
    fn default() -> Self {
        Self { moved: Vec::new(), daemons: Vec::new(), awaited: Vec::new(), blocked: None }
    }
}

/// Sorts the pods of a node; stops at the first that keeps it, with what was sorted before it
/// (`pkg/simulator/drain.go`, `GetPodsToMove`).
pub fn drain<'a, P: Copy>(
    pods: impl IntoIterator<Item = (P, PodFacts<'a>)>,
    options: &DrainOptions,
    now: SimTime,
) -> Drain<P> {
    let mut drain = Drain::default();
    for (id, pod) in pods {
        match drainability(&pod, options, now) {
            Outcome::Skip => {}
            Outcome::Wait => drain.awaited.push(id),
            Outcome::Blocked(blocker) => {
                drain.blocked = Some((id, blocker));
                return drain;
            }
            Outcome::Ok | Outcome::Undefined if is_daemon(pod.shape) => drain.daemons.push(id),
            Outcome::Ok | Outcome::Undefined => drain.moved.push(id),
        }
    }
    drain
}
