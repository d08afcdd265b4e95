//! What can be configured of a PodDisruptionBudget.

pub use crate::rules::IntOrPercent;

use crate::model::LabelSelector;
use crate::unit::Symbol;

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct DisruptionBudgetSpec {
    /// Name.
    pub name: Symbol,
    /// Namespace.
    pub namespace: Symbol,
    /// Pods it covers; `None` (no selector) covers none.
    pub selector: Option<LabelSelector>,
    /// `minAvailable`
    pub min_available: Option<IntOrPercent>,
    /// `maxUnavailable`
    pub max_unavailable: Option<IntOrPercent>,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`
    pub always_allow_unhealthy: bool,
}
