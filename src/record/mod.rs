//! What is remembered of a run: distributions, series, the cost ledger, the journal of decisions,
//! and the outcome that carries them to the reports.

mod cost;
mod distribution;
mod evidence;
mod integral;
mod journal;
mod outcome;
mod scaler;
mod series;
mod waiting;

pub use cost::{
    CommitmentTotals, CostTotals, HourRow, PriceSource, ReservationLevel, WorkloadCost,
};
pub use distribution::{Distribution, Quantiles};
pub use evidence::{
    Answer, Evidence, Keep, MessageEvent, MessageStep, PodLife, PodStop, PoolAnswer, ScaleUp,
    Verdict, Watch,
};
pub use integral::Integral;
pub use journal::{Actor, Entry, Journal, JournalLevel, Object};
pub use outcome::{
    Counters, MessageTotals, NodeRow, Outcome, PodRow, PodTotals, PoolTotals, VpaTotals,
    WallTotals, WorkloadTotals,
};
pub use scaler::{ScalerMetric, ScalerSeries, WorkloadObject};
pub use series::{Column, ColumnKind, Panel, Series};
pub use waiting::{PodWait, QueueWait, SlowMessage, Stretch, WaitFlow, WaitLog};
