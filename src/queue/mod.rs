//! Message queues: peek-lock, redelivery, dead letters, and what each metric counts.

mod buffer;
mod checkpoint;
mod consumers;
#[cfg(test)]
mod consumers_tests;
mod lanes;
#[cfg(test)]
mod lanes_tests;
mod lock;
mod messages;
#[cfg(test)]
mod messages_tests;
mod rate;
mod spec;

pub use buffer::{Buffered, Buffers};
pub use checkpoint::Checkpoint;
pub use consumers::{Consumers, Crew, Finished, Held, IdleSlot, Lost, Started, Wake};
pub use lanes::{LaneKind, LaneSpec, PartitionOffsets};
pub use lock::{LockRule, QueueDefaults};
pub use messages::{Fate, Message, MessageQueue, QueueTally};
pub use rate::{Moved, RateMeter};
pub use spec::{ConsumerSpec, DepthCurve, OnSigterm, QueueKind, QueueSpec};
