//! Real files as scenario input: what `az` prints, Kubernetes manifests, KEDA objects.

pub mod trail;

#[cfg(feature = "manifests")]
pub mod kubernetes;
