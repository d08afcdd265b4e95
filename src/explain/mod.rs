//! Why it came out as it did: the chain of one pod, message or node in full sentences, with who
//! decided, by which rule, and the setting that made it as long as it was.
//!
//! A telling is read from an outcome and from what the same run saw of what it was asked to watch
//! ([`Evidence`](crate::record::Evidence)); nothing here runs anything.

mod book;
mod cause;
mod defaults;
mod message;
mod node;
mod pod;
mod rule;
mod step;
mod telling;
mod text;
mod worst;

pub use book::{Book, NameError};
pub use defaults::{defaults_json, defaults_text};
pub use message::{furthest_pods, message, split_of};
pub use node::node;
pub use pod::pod;
pub use step::{Reply, Stepper, time};
pub use telling::{Line, Part, Setting, Telling};
pub use text::text;
pub use worst::{Worst, worst};
