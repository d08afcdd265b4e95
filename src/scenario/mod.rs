//! scenario.

pub mod pods;
