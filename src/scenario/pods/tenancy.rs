//! What a tenant may ask for: PriorityClasses, LimitRanges, ResourceQuotas and policies as users
//! write them.

use super::draft::{Origin, ResourceList};

/// A PriorityClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClassDraft {
    /// Name.
    pub name: String,
    /// `value`
    pub value: i32,
    /// `globalDefault`
    pub global_default: bool,
    /// `preemptionPolicy: Never`
    pub never_preempts: bool,
}

/// One item of a LimitRange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRangeDraft {
    /// Namespace.
    pub namespace: String,
    /// `type`
    pub kind: LimitKind,
    /// `default`: limits for containers without.
    pub default_limits: ResourceList,
    /// `defaultRequest`: requests for containers without.
    pub default_requests: ResourceList,
    /// `min`: less is refused.
    pub min: ResourceList,
    /// `max`: more is refused.
    pub max: ResourceList,
    /// `maxLimitRequestRatio`: a limit that is a larger multiple of its request is refused.
    pub ratio: ResourceList,
}

/// `type` of an item of a LimitRange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Every container; it alone has defaults.
    Container,
    /// The sum over a pod's containers.
    Pod,
    /// Every claim of a volume (`storage`).
    PersistentVolumeClaim,
}

/// What Azure Policy does about containers without CPU and memory requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerPolicy {
    /// Nothing.
    #[default]
    Disabled,
    /// Reports them.
    Audit,
    /// Refuses their pods.
    Deny,
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaDraft {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// `spec.hard`
    pub hard: ResourceList,
    /// `spec.scopes` and `spec.scopeSelector`: all must match.
    pub scopes: Vec<QuotaScope>,
    /// Where it was written.
    pub origin: Origin,
}

/// Which pods a quota counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaScope {
    /// Pods without any request or limit of CPU and memory (or, `false`, all others).
    BestEffort(bool),
    /// Pods with `activeDeadlineSeconds` (or, `false`, without).
    Terminating(bool),
    /// Pods by the name of their PriorityClass.
    PriorityClass(ScopeOp, Vec<String>),
    /// Pods with pod affinity that names namespaces.
    CrossNamespacePodAffinity,
}

/// `operator` of a scope selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeOp {
    /// One of the values.
    In,
    /// None of the values.
    NotIn,
    /// Any.
    Exists,
    /// None at all.
    DoesNotExist,
}
