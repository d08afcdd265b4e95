//! Pure Kubernetes arithmetic that several controllers share: selectors, taints, pod requests, the
//! scheduler's filters, disruption budgets.
//!
//! Filters look at a light view ([`NodeFacts`], [`Snapshot`]), so that the scheduler's live cluster
//! and the autoscaler's what-if snapshot with virtual nodes run the same code.

pub mod allocatable;
mod disruption;
mod filter;
mod fit;
mod node_affinity;
mod pod_affinity;
mod port;
mod request;
mod selector;
mod snapshot;
mod spread;
mod taint;
mod volume;

pub use disruption::{
    BudgetStatus, Controlled, IntOrPercent, budget_status, percent_rounded_up, selects,
};
pub use filter::{
    ClusterWide, Detail, Failure, FilterOptions, Plugin, PluginSet, first_failure, node_failure,
};
pub use fit::{Shortage, fits, shortage};
pub use node_affinity::{any_term, fits_node_affinity, names_pinned, preference};
pub use pod_affinity::{AffinityRule, RequiredPodAffinity, term_matches};
pub use port::{ports_conflict, ports_free};
pub use request::{
    ContainerRequest, DEFAULT_CPU_MILLI, DEFAULT_MEMORY, PodRequest, Resized, resized_request,
};
pub use selector::{matches_labels, matches_requirement, matches_term};
pub use snapshot::{Names, NodeFacts, PlacedPod, Snapshot, WellKnown};
pub use spread::{HardSpread, SpreadFailure, counts_node, counts_pod};
pub use taint::{intolerable_preferences, tolerates, untolerated, untolerated_no_execute};
pub use volume::{in_other_zone, over_disk_limit};
