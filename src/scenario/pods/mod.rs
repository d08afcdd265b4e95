//! Workloads on their way into a plan: drafts as users write them (short form or manifests), and
//! what the API server, its controllers and AKS make of them.

mod admission;
mod draft;
mod limits;
mod lower;
mod quota;
mod scaler;
mod system;
mod tables;
mod tenancy;
mod vpa;

pub use draft::{
    BudgetDraft, ContainerDraft, ContainerRole, Drafts, ModifiersDraft, Origin, PauseDraft,
    PodDraft, ResourceList, ScaledJobDraft, ScaledObjectDraft, ScalerDraft, ScalerTarget,
    TriggerDraft, VolumeDraft, VolumeKind, WorkDraft, WorkloadDraft,
};
pub use lower::{LowerContext, Lowered, lower};
pub use system::system_drafts;
pub use tables::{TableParts, Tables};
pub use tenancy::{
    ContainerPolicy, LimitKind, LimitRangeDraft, PriorityClassDraft, QuotaDraft, QuotaScope,
    ScopeOp,
};
pub use vpa::VpaDraft;
