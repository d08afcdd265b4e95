//! scenario.

pub mod foreign;
pub mod pods;
