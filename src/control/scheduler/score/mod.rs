//! Scores of the default plugins: whole numbers from 0 to 100, as upstream computes them.

mod fit;
mod image;
mod normalise;
mod pod_affinity;
mod spread;

pub use fit::{
    BalancedAllocation, Curve, FitScoring, ResourceKind, WeightError, balanced_without_history,
    piecewise_linear,
};
pub use image::ImageScore;
pub use normalise::{highest_is_best, lowest_is_best};
pub use pod_affinity::{HARD_AFFINITY_WEIGHT, PodAffinityScores, normalise_pod_affinity};
pub use spread::{SoftConstraint, SpreadScores, normalise_spread};

/// The best score of one plugin.
pub const MAX_SCORE: i64 = 100;

/// Weights of the default profile (`apis/config/v1/default_plugins.go`, v1.36.2).
pub mod weight {
    /// TaintToleration
    pub const TAINT: i64 = 3;
    /// NodeAffinity
    pub const NODE_AFFINITY: i64 = 2;
    /// PodTopologySpread
    pub const SPREAD: i64 = 2;
    /// InterPodAffinity
    pub const POD_AFFINITY: i64 = 2;
    /// NodeResourcesFit, NodeResourcesBalancedAllocation and ImageLocality: 1 each.
    pub const OTHER: i64 = 1;
}
