//! Where work comes from: sorted streams of arrivals.

mod expected;
mod scale;
mod spec;
mod stream;
#[cfg(test)]
mod stream_tests;

pub use expected::ExpectedArrivals;
pub use scale::scaled_counts;
pub use spec::{SourceSpec, TraceCounts};
pub use stream::ArrivalStream;
