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
///
/// One figure in a hundred misses by chance. A miss is told from a fault by more runs, to half the
/// width: chance is then forgotten, while what is off by a constant is the farther outside.
pub fn disagreements<const N: usize>(
    what: &str,
    exact: [(&str, f64); N],
    effort: Effort,
    mut run: impl FnMut(u64) -> [f64; N],
) -> Vec<String> {
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    let exact_values = exact.map(|(_, exact)| exact);
    replicate(&mut values, &exact_values, effort, &mut run);
    if !(0..N).all(|at| holds(&values[at], exact_values[at])) {
        let harder = Effort { narrow: effort.narrow / 2.0, most: 4 * effort.most };
        replicate(&mut values, &exact_values, harder, &mut run);
    }
    let mut wrong = Vec::new();
    for (all, (figure, exact)) in values.iter().zip(exact) {
        let (mean, half) = interval(all);
        let text = format!(
            "{what}, {figure}: {mean:.6} ± {half:.6} ({} runs), exact {exact:.6}",
            all.len()
        );
        println!("{text}");
        if !holds(all, exact) {
            wrong.push(text);
        } else if half > effort.narrow * exact {
            wrong.push(format!("too wide: {text}"));
        }
    }
    wrong
}

/// Whether the exact value lies inside the interval.
fn holds(values: &[f64], exact: f64) -> bool {
    let (mean, half) = interval(values);
    (mean - exact).abs() <= half
}

/// Adds runs until the interval of every figure is narrow enough, or there are enough of them.
fn replicate<const N: usize>(
    values: &mut [Vec<f64>; N],
    exact: &[f64; N],
    effort: Effort,
    run: &mut impl FnMut(u64) -> [f64; N],
) {
    for seed in seeds(1, effort.most).into_iter().skip(values[0].len()) {
        for (all, value) in values.iter_mut().zip(run(seed)) {
            all.push(value);
        }
        let narrow = |at: usize| interval(&values[at]).1 <= effort.narrow * exact[at];
        if values[0].len() >= FEWEST && (0..N).all(narrow) {
            break;
        }
    }
}
