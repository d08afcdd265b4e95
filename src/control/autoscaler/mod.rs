//! The cluster autoscaler as a decision machine: a view of the cluster and its own memory in,
//! actions with reasons out.

mod deletion;
mod profile;
mod setting;
mod spec;

pub use deletion::{Deletion, DeletionAction, GiveUp, Occupant};
pub use setting::{SettingError, SettingKey};
pub use spec::{AutoscalerSpec, Expander};
