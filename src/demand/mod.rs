//! Where work comes from: sorted streams of arrivals.

mod spec;

pub use spec::{SourceSpec, TraceCounts};
