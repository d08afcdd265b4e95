//! Randomness: keyed streams and distributions that give the same bits on every platform.

mod dist;
pub mod maths;
mod stream;

pub use dist::{Dist, Empirical};
pub use stream::{Purpose, Stream};
