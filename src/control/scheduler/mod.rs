//! The kube-scheduler.

mod spec;

pub use spec::{FitStrategy, SchedulerSpec, TieBreak};
