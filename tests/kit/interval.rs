//! Means of independent replications against exact values.

use forescale::study::seeds;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewer replications say too little of their variance.
const FEWEST: usize = 10;

/// How far an estimate must be driven.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Replications are added until the half-width is below this share of the exact value.
    pub narrow: f64,
    /// At most so many.
    pub most: u32,
}

/// Mean and half-width of the 99 % interval.
pub fn interval(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("a t distribution").inverse_cdf(0.995);
    (mean, t * (variance / n).sqrt())
}

/// Replicates with seeds 1, 2, … until the interval of every figure is narrow enough or the cap is
/// reached; each exact value must lie inside its interval. Returns what is wrong.
pub fn disagreements<const N: usize>(
    what: &str,
    exact: [(&str, f64); N],
    effort: Effort,
    mut run: impl FnMut(u64) -> [f64; N],
) -> Vec<String> {
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for seed in seeds(1, effort.most) {
        for (all, value) in values.iter_mut().zip(run(seed)) {
            all.push(value);
        }
        let narrow =
            |(all, (_, exact)): (&Vec<f64>, &(&str, f64))| interval(all).1 <= effort.narrow * exact;
        if values[0].len() >= FEWEST && values.iter().zip(&exact).all(narrow) {
            break;
        }
    }
    let mut wrong = Vec::new();
    for (all, (figure, exact)) in values.iter().zip(exact) {
        let (mean, half) = interval(all);
        let text = format!(
            "{what}, {figure}: {mean:.6} ± {half:.6} ({} runs), exact {exact:.6}",
            all.len()
        );
        println!("{text}");
        if (mean - exact).abs() > half {
            wrong.push(text);
        } else if half > effort.narrow * exact {
            wrong.push(format!("too wide: {text}"));
        }
    }
    wrong
}
