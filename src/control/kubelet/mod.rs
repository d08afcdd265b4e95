//! The kubelet: what it refuses; when a container is started, tried again, and found ready; which
//! images go.

mod admission;
mod backoff;
mod image_gc;
mod probe;

pub use admission::refusal;
pub use backoff::{BackOff, INITIAL, MAX};
pub use image_gc::{HeldImage, IMAGE_GC_PERIOD, IMAGE_MIN_AGE, ImageDisk, collect};
pub use probe::{Probe, Probes, StartSeen, Verdict, first_ready};
