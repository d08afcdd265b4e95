//! Admission: what the API server refuses before a pod exists, and how controllers try again.
//!
//! What can be known before the run (LimitRanges, Azure Policy, objects that a quota cannot hold)
//! is a [`Refusal`] of the workload; a ResourceQuota is asked for every pod.

mod quota;
mod retry;

pub use quota::{Excess, ResourceQuotaSpec, Tracked, exceeded};
pub use retry::RetryDelay;

use crate::unit::NamespaceQuotaId;

/// What admission knows of a workload's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadAdmission {
    /// ResourceQuotas of its namespace whose scopes its pods match.
    pub quotas: Vec<NamespaceQuotaId>,
    /// Why none of its pods is ever admitted.
    pub never: Option<Refusal>,
}

impl WorkloadAdmission {
    /// Whether every pod is admitted.
    pub fn is_open(&self) -> bool {
        self.quotas.is_empty() && self.never.is_none()
    }
}

/// Why pods are refused whatever happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose rule it is.
    pub by: RefusedBy,
    /// The API server's sentence.
    pub why: String,
}

/// Whose rule refuses a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBy {
    /// ResourceQuota.
    ResourceQuota,
    /// LimitRange.
    LimitRange,
    /// Azure Policy (Gatekeeper).
    AzurePolicy,
}

impl RefusedBy {
    /// Reason in the journal.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ResourceQuota => "admission.resource-quota",
            Self::LimitRange => "admission.limit-range",
            Self::AzurePolicy => "admission.azure-policy",
        }
    }
}
