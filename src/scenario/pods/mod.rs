//! Workloads on their way into a plan: drafts as users write them (short form or manifests), and
//! what the API server, its controllers and AKS make of them.

mod admission;
mod draft;
mod lower;
mod scaler;
mod system;
mod tables;

pub use draft::{
    BudgetDraft, ContainerDraft, ContainerRole, Drafts, LimitRangeDraft, ModifiersDraft, Origin,
    PauseDraft, PodDraft, PriorityClassDraft, ResourceList, ScaledJobDraft, ScaledObjectDraft,
    ScalerDraft, ScalerTarget, TriggerDraft, VolumeDraft, VolumeKind, WorkDraft, WorkloadDraft,
};
pub use lower::{LowerContext, Lowered, lower};
pub use system::system_drafts;
pub use tables::{TableParts, Tables};
