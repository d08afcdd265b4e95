//! Disruption budgets and the eviction API.

mod eviction;
mod spec;
mod status;

pub use eviction::{Budget, Eviction, Target, evict};
pub use spec::{DisruptionBudgetSpec, IntOrPercent};
pub use status::{DISRUPTION_TIMEOUT, DisruptionView, covering, refresh};
