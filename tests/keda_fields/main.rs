//! Each field of a ScaledObject and of a ScaledJob changes a run as KEDA has it: one row a field,
//! over a queue of given depth, with loops that begin at time zero.
//!
//! kedacore/keda @ 8b4f083c; the instants follow from the rules that
//! `src/control/keda/poll.rs`, `src/control/keda/scaled_job.rs` and `src/control/hpa` cite.

mod jobs;
mod kit;
mod objects;
