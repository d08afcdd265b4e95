//! Real files as scenario input: what `az` prints, Kubernetes manifests, KEDA objects.

pub mod az;
mod az_pool;
pub mod code;
mod fields;
mod findings;
pub mod hpa;
pub mod keda;
#[cfg(feature = "manifests")]
pub mod kubernetes;
mod trail;
pub mod vpa;

pub use fields::Fields;
pub use findings::Findings;
pub use trail::Trail;
