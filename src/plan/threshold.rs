//! Thresholds on the metrics of `summary.json`.

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
}

/// A condition that a run must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Path into `summary.json` as the user wrote it (aliases allowed).
    pub metric: String,
    /// Comparison.
    pub comparison: Comparison,
    /// Limit: seconds, money, counts.
    pub limit: f64,
    /// The condition as the user wrote it.
    pub text: String,
}
