//! The discrete-event core. It knows nothing of Kubernetes: time, order, and a rolling fingerprint.

mod bucket;
mod fingerprint;
mod link;
mod queue;

pub use bucket::TokenBucket;
pub use fingerprint::Fingerprint;
pub use link::SharedLink;
pub use queue::{EventQueue, Place};
