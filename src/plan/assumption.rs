//! What was assumed: every value that the scenario did not give.

/// A defaulted value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// Path of the key in the scenario.
    pub path: String,
    /// The value used, as the user would write it.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// Whether it is an assumption (not a documented default): printed with a mark.
    pub assumed: bool,
}
