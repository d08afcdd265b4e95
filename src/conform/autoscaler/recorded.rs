//! Scans that a run wrote down, decided again: the picture and the memory of each are built from
//! its case alone, and the decision must be the same.

mod load;

use serde_json::Value;

use super::super::case::Verdict;
use super::compare_keys;
use crate::control::autoscaler::recorded::{Writer, decision};
use crate::control::autoscaler::run_once;
use load::Loaded;

/// A scan of a run.
pub fn run(given: &Value, expect: &Value) -> Option<Verdict> {
    let mut loaded = Loaded::of(given)?;
    let mut memory = loaded.memory(&given["memory"])?;
    let view = loaded.view();
    let scan = run_once(&loaded.spec, &view, &mut memory, loaded.now, loaded.lots);
    let writer = Writer { view, names: &loaded.names };
    Some(compare_keys(expect, &decision(&writer, &scan, &memory)))
}
