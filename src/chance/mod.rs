//! Randomness: keyed streams and distributions that give the same bits on every platform.

mod dist;
#[cfg(test)]
mod dist_tests;
mod gamma;
pub mod maths;
mod moments;
mod normal;
mod stream;

pub use dist::{Dist, Empirical, Impossible};
pub use normal::{Z95, normal_quantile};
pub use stream::{Purpose, Stream};
