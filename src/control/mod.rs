//! Decisions, pure: (view, own memory, now, lots) -> actions with reasons.

pub mod admission;
pub mod autoscaler;
pub mod disruption;
pub mod hpa;
pub mod keda;
pub mod kubelet;
pub mod node;
pub mod scheduler;
pub mod volume;
pub mod vpa;
pub mod workload;
