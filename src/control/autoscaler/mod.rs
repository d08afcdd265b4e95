//! The cluster autoscaler.

mod spec;

pub use spec::{AutoscalerSpec, Expander};
