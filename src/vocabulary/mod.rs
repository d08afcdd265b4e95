//! The words that controllers speak, the simulation carries out, the record files and reports
//! print: versions, causes of waiting, reasons of decisions.

mod cause;
mod version;

pub use cause::Cause;
pub use version::{KedaVersion, KubernetesVersion};
