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
mod vpa;

pub use draft::{
    BudgetDraft, ContainerDraft, ContainerPolicy, ContainerRole, Drafts, LimitKind,
    LimitRangeDraft, ModifiersDraft, Origin, PauseDraft, PodDraft, PriorityClassDraft, QuotaDraft,
    QuotaScope, ResourceList, ScaledJobDraft, ScaledObjectDraft, ScalerDraft, ScalerTarget,
    ScopeOp, TriggerDraft, VolumeDraft, VolumeKind, WorkDraft, WorkloadDraft,
};
pub use lower::{LowerContext, Lowered, lower};
pub use system::system_drafts;
pub use tables::{TableParts, Tables};
pub use vpa::VpaDraft;
