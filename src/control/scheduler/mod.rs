//! The kube-scheduler.

mod spec;
mod standin;
pub use standin::*;

pub use spec::{FitStrategy, SchedulerSpec, TieBreak};
