//! What can be configured of a source of arrivals.

use std::sync::Arc;

use crate::unit::{Duration, SimTime};

/// A source of arrivals. The sources of one queue or workload add up.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// Poisson for the whole run; rate per second.
    Poisson { rate: f64 },
    /// Poisson during windows; `every` repeats the window.
    Burst { at: SimTime, length: Duration, every: Option<Duration>, rate: f64 },
    /// Poisson with rate mean·(1 + amplitude·cos(2π(t − peak)/period)) per second.
    Diurnal { mean: f64, amplitude: f64, peak: SimTime, period: Duration },
    /// Counts per interval: n(i) arrivals at sorted uniform times inside interval i.
    Counts(Arc<TraceCounts>),
    /// Given instants, ascending.
    Instants(Arc<[SimTime]>),
}

impl SourceSpec {
    /// Whether its arrivals are a Poisson process, at a rate that changes with time alone.
    pub const fn is_poisson(&self) -> bool {
        matches!(self, Self::Poisson { .. } | Self::Burst { .. } | Self::Diurnal { .. })
    }
}

/// Counts per interval, already scaled as differences of floor(cumulative · scale).
#[derive(Clone, Debug, PartialEq)]
pub struct TraceCounts {
    /// Start of each interval, ascending; interval i ends where i+1 starts.
    pub starts: Vec<SimTime>,
    /// End of the last interval.
    pub end: SimTime,
    /// Arrivals in each interval.
    pub counts: Vec<u64>,
}
