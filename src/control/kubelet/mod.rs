//! The kubelet: when a container is started, tried again, and found ready.

mod backoff;
mod probe;

pub use backoff::{BackOff, INITIAL, MAX};
pub use probe::{Probe, Probes, StartSeen, Verdict, first_ready};
