//! Controllers of workloads: who is made, who dies first, how a new version comes.

pub mod daemon_set;
pub mod deployment;
pub mod job;
pub mod replica_set;
mod spec;
pub mod stateful_set;

pub use spec::{ControllerSpec, RestartPolicy};
