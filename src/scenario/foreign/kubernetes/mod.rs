//! Kubernetes manifests: typed objects of `k8s-openapi` become drafts.
//!
//! A document is read into the value tree once; from there the scalers (`keda.sh`,
//! `autoscaling/v2`) are read by hand, everything else through the typed objects, whose type
//! errors are traced back to the tree.

mod affinity;
mod controller;
mod document;
mod fields;
mod pod;
mod policy;
mod reader;
mod typed;
mod workload;

pub use document::read;
pub use pod::template;
pub use reader::Reader;
