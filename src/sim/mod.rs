//! The simulation: one world, one event loop, a match from events to decisions, and what applies
//! their actions.

mod apply;
mod attribution;
mod audit;
mod bill;
mod capacity;
mod decisions;
mod event;
mod evidence;
mod journal;
mod kubelet;
mod names;
mod outcome;
mod pasta;
mod record;
mod run;
mod start;
mod step;
mod ticker;
mod usage;
mod work;
mod world;

pub use decisions::{DecisionLog, LogEnd};
pub use run::{run, run_recording, run_watching};
pub use world::RunOptions;
