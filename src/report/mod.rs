//! Turns results into documents: text for the terminal, Markdown, JSON, CSV, pictures. Everything
//! starts from [`Report`] or from an outcome, returns text or writes to a writer it is given, and
//! never runs anything.

mod advice;
mod bill;
mod csv;
#[cfg(feature = "cli")]
mod html;
mod journal;
mod json;
mod manifest;
mod markdown;
mod model;
mod number;
mod openmetrics;
#[cfg(test)]
mod sample;
#[cfg(feature = "cli")]
pub mod svg;
pub mod text;
mod trace;
mod wall;

pub use advice::advice;
pub use bill::{chargeback_csv, cost_csv, cost_hours_csv, prices_csv};
pub use csv::{nodes_csv, pods_csv, prefix_with_seed, series_csv, waits_csv};
#[cfg(feature = "cli")]
pub use html::html;
pub use journal::{journal_ndjson, named};
pub use json::pretty;
pub use manifest::{Manifest, Provenance};
pub use markdown::markdown;
pub use model::{Clock, Report, WaitShare};
pub use number::{counted, grouped, length, percent};
pub use openmetrics::openmetrics;
pub use trace::trace_json;
