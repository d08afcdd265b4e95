//! Message queues: peek-lock, redelivery, dead letters, and what each metric counts.

mod spec;

pub use spec::{ConsumerSpec, DepthCurve, QueueKind, QueueSpec};
