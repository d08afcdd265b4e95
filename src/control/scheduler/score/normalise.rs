//! `DefaultNormalizeScore`.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/helper/normalize_score.go`, v1.36.2.

use super::MAX_SCORE;

/// A raw score as a share of the highest raw score; all 0 if that is 0.
pub const fn highest_is_best(raw: i64, highest: i64) -> i64 {
    if highest == 0 { 0 } else { raw * MAX_SCORE / highest }
}

/// The same turned around; all 100 if the highest raw score is 0.
pub const fn lowest_is_best(raw: i64, highest: i64) -> i64 {
    MAX_SCORE - highest_is_best(raw, highest)
}
