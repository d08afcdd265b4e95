//! How a scaler's number travels to the HPA: as a count of thousandths.

/// A real value in thousandths, truncated. NaN, infinities and negatives become 0, too large the
/// largest (kedacore/keda @ 8b4f083c, `pkg/scalers/scaler.go` `GenerateMetricInMili`).
pub fn milli(value: f64) -> i64 {
    if value.is_finite() && value > 0.0 { (value * 1_000.0) as i64 } else { 0 }
}

/// A whole count in thousandths, saturating; negatives become 0.
pub fn milli_of_count(count: i64) -> i64 {
    count.max(0).saturating_mul(1_000)
}
