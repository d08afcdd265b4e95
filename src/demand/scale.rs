//! Scaling of counts that keeps totals: differences of floor(cumulative · scale), in decimals.

use super::TraceCounts;
use crate::unit::SimTime;

/// More digits after the point than this make every scaled count of a `u64` total zero.
const MOST_DIGITS: usize = 38;
const LARGEST_SCALE: f64 = 1e9;

/// Counts times `scale`: the n-th is floor(C(n)·scale) − floor(C(n−1)·scale) with the cumulative
/// counts C. `scale` is the decimal that the user wrote (0.29 of 100 is 29, not 28).
pub fn scaled_counts(counts: &[u64], scale: f64) -> Result<Vec<u64>, &'static str> {
    if !(scale.is_finite() && (0.0..=LARGEST_SCALE).contains(&scale)) {
        return Err("a scale is between 0 and 1e9");
    }
    let (numerator, denominator) = decimal(scale);
    let (mut cumulative, mut before) = (0u64, 0u128);
    let scaled = counts.iter().map(|&count| {
        cumulative = cumulative.checked_add(count).ok_or("more than 2^64 arrivals")?;
        let product = u128::from(cumulative).checked_mul(numerator);
        let upto = product.ok_or("more than 2^64 arrivals")? / denominator;
        let share = upto - std::mem::replace(&mut before, upto);
        u64::try_from(share).map_err(|_| "more than 2^64 arrivals")
    });
    scaled.collect()
}

/// A non-negative number as the shortest decimal that reads back as it, numerator and denominator.
fn decimal(value: f64) -> (u128, u128) {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.len() > MOST_DIGITS {
        return (0, 1);
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let numerator = digits.fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    (numerator, 10u128.pow(fraction.len() as u32))
}

impl TraceCounts {
    /// Counts of intervals that begin at `starts`, scaled; the last interval ends at `end`.
    pub fn scaled(
        starts: Vec<SimTime>,
        end: SimTime,
        counts: &[u64],
        scale: f64,
    ) -> Result<Self, &'static str> {
        if starts.len() != counts.len() {
            return Err("as many counts as intervals");
        }
        let bounds = starts.iter().chain([&end]);
        if !bounds.is_sorted() {
            return Err("the times of a trace ascend");
        }
        Ok(Self { counts: scaled_counts(counts, scale)?, starts, end })
    }

    /// All arrivals.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_counts_are_differences_of_the_floored_cumulative() {
        for (counts, scale, expected) in [
            (vec![1, 1, 1, 1], 0.5, vec![0, 1, 0, 1]),
            (vec![3, 0, 4], 1.0, vec![3, 0, 4]),
            (vec![10, 10, 10], 0.25, vec![2, 3, 2]),
            (vec![100], 0.29, vec![29]),
            (vec![1, 2], 2.5, vec![2, 5]),
            (vec![7, 7], 0.0, vec![0, 0]),
            (vec![u64::MAX], 1e-300, vec![0]),
            (vec![1_000_000_000_000], 1e-12, vec![1]),
        ] {
            assert_eq!(scaled_counts(&counts, scale).as_ref(), Ok(&expected), "{counts:?}·{scale}");
        }
        assert!(scaled_counts(&[1], -0.5).is_err());
        assert!(scaled_counts(&[1], f64::NAN).is_err());
        assert!(scaled_counts(&[u64::MAX, 1], 1.0).is_err());
        assert!(scaled_counts(&[u64::MAX], 2.0).is_err());
    }
}
