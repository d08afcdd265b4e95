//! Controllers of workloads: who is made, and who dies first.

pub mod daemon_set;
pub mod job;
pub mod replica_set;
pub mod stateful_set;
