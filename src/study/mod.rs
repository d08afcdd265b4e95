//! Many runs as one study: seeds side by side on all cores, the figures of each run as the tree
//! that `summary.json` prints, intervals over seeds, and thresholds on the figures.

mod interval;
mod metric;
mod replicate;
mod summary;
mod threshold;

/// What a study and its reports pass on of the plan.
pub use crate::plan::{Assumption, Threshold};
pub use interval::{Interval, half_width_95};
pub use metric::{METRICS, Metric, Unit, known_metric, nearest_metric};
pub use replicate::{RunSpec, run_all, seeds};
pub use summary::{
    Aggregate, HOURS_PER_MONTH, MODEL_VERSION, Summary, UNLABELLED, hex_fingerprint,
};
pub use threshold::{Verdict, evaluate, parse_threshold};
