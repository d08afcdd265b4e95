//! Kubernetes manifests: typed objects of `k8s-openapi` become drafts.

mod affinity;
mod pod;
mod reader;

pub use reader::Reader;
