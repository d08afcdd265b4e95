//! The cluster autoscaler as a decision machine: a view of the cluster and its own memory in,
//! actions with reasons out.

mod allowance;
mod backoff;
mod balance;
mod deletion_budget;
mod drain;
mod equivalence;
mod estimator;
mod expander;
mod limiter;
mod placement;
mod pods;
mod price;
mod profile;
mod quota;
mod scale_up;
mod setting;
mod similar;
mod snapshot;
mod spec;
mod state;
mod template;
mod unneeded;
mod unremovable;
mod utilization;
mod view;
mod words;

pub use setting::{SettingError, SettingKey};
pub use spec::{AutoscalerSpec, Expander};
pub use view::*;
pub use words::Words;
