//! The mean of independent runs and how sure it is.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::chance::maths;

/// Mean, 95 % half-width, smallest and largest of a figure over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// How many runs have the figure.
    pub runs: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Half-width of the 95 % confidence interval of the mean; `None` from a single run.
    pub half_width: Option<f64>,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Interval {
    /// Folds the values in their order; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let (&first, rest) = values.split_first()?;
        let bounds = rest.iter().fold((first, first), |(min, max), &value| {
            (if value < min { value } else { min }, if value > max { value } else { max })
        });
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some(Self {
            runs: values.len(),
            // Rounding must not carry the mean of equal values away from them.
            mean: mean.clamp(bounds.0, bounds.1),
            half_width: half_width_95(values, mean),
            min: bounds.0,
            max: bounds.1,
        })
    }
}

/// Half-width of the 95 % confidence interval of the mean: Student's t with n - 1 degrees of
/// freedom times the standard error. `None` from fewer than two values.
pub fn half_width_95(values: &[f64], mean: f64) -> Option<f64> {
    let runs = values.len();
    if runs < 2 {
        return None;
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = maths::sqrt(squares / (runs - 1) as f64 / runs as f64);
    let student = StudentsT::new(0.0, 1.0, (runs - 1) as f64).ok()?;
    Some(student.inverse_cdf(0.975) * error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_widths_agree_with_the_tables_of_student() {
        // Two-sided 95 % points of t, to three digits as printed in tables.
        for (runs, t) in [(2, 12.706), (3, 4.303), (6, 2.571), (11, 2.228), (21, 2.086)] {
            // Values -1 and 1 in turn, and one 0 if odd: the sum of squares is known.
            let mut values: Vec<f64> =
                (0..runs).map(|run| if run % 2 == 0 { 1.0 } else { -1.0 }).collect();
            if runs % 2 == 1 {
                values[runs - 1] = 0.0;
            }
            let squares = (runs - runs % 2) as f64;
            let error = (squares / (runs - 1) as f64 / runs as f64).sqrt();
            let got = half_width_95(&values, 0.0).expect("two or more") / error;
            assert!((got - t).abs() < 0.0006, "{runs} runs: {got}, table {t}");
        }
    }

    #[test]
    fn one_run_proves_nothing() {
        let interval = Interval::of(&[4.0]).expect("one value");
        assert_eq!((interval.mean, interval.half_width), (4.0, None));
        assert_eq!(Interval::of(&[]), None);
    }

    #[test]
    fn equal_values_have_no_width() {
        let interval = Interval::of(&[0.1, 0.1, 0.1]).expect("three values");
        assert_eq!(interval.mean, 0.1);
        assert!(interval.half_width.expect("three runs") < 1e-15);
    }
}
