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
pub use image::{ImageScore, ImagesThere};
pub use normalise::{highest_is_best, lowest_is_best};
pub use pod_affinity::{PodAffinityScores, normalise_pod_affinity};
pub use spread::{SoftConstraint, SpreadScores, normalise_spread};

/// The best score of one plugin.
pub const MAX_SCORE: i64 = 100;
