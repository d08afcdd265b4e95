//! Decision cases: rows of upstream's unit tests, written down as data, run through the same
//! functions that the simulation calls. One thin adapter per component.

mod autoscaler;
mod case;
mod keda_hpa;
mod record;
mod scheduler;

pub use case::{AreaResult, Case, FailedCase, Mismatch, Report, Verdict, run_file, run_record};
pub use record::{BadRecord, expand, is_record};
