//! Draws of the gamma distribution.

use super::{Stream, maths, normal::normal_quantile};

/// A gamma variate of this shape and scale 1: G. Marsaglia and W. W. Tsang, "A simple method for
/// generating gamma variables", ACM TOMS 26 (2000), 363-372, with their normal variate drawn by
/// inversion. (`rand_distr::Gamma` is the same method over the platform's mathematics.)
pub fn standard_gamma(shape: f64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        let boost = maths::pow(stream.open_unit(), 1.0 / shape);
        return boost * standard_gamma(shape + 1.0, stream);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / maths::sqrt(9.0 * d);
    loop {
        let x = normal_quantile(stream.open_unit());
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let u = stream.open_unit();
        let square = x * x;
        // The squeeze spares the logarithms in 98 of 100 cases.
        if u < 1.0 - 0.0331 * square * square
            || maths::ln(u) < 0.5 * square + d * (1.0 - v + maths::ln(v))
        {
            return d * v;
        }
    }
}
