//! Pure Kubernetes arithmetic that several controllers share.

pub mod allocatable;
