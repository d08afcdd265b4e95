//! Pure Kubernetes arithmetic that several controllers share.
