//! The discrete-event core. It knows nothing of Kubernetes: time, order, and a rolling fingerprint.

mod bucket;
mod fingerprint;
mod queue;

pub use bucket::TokenBucket;
pub use fingerprint::Fingerprint;
pub use queue::{EventQueue, Place};
