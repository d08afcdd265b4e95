//! `--record-decisions`: files of the autoscaler's scans.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::args::{RecordScans, RunArgs};
use super::exit::Stop;
use super::terminal;
use crate::plan::Plan;
use crate::record::Outcome;
use crate::sim::{DecisionLog, LogEnd, RunOptions, run_recording};

/// A run whose scans are recorded.
pub struct RecordedRun<'r> {
    /// What is simulated.
    pub plan: &'r Plan,
    /// Root of its draws.
    pub seed: u64,
    /// How.
    pub options: RunOptions,
}

impl RecordedRun<'_> {
    /// Runs and records. With several runs, each has a file of its own.
    pub fn record(&self, args: &RunArgs, file: &Path, several: bool) -> Result<Outcome, Stop> {
        let path = if several { self.own_file(file) } else { file.to_owned() };
        let out = File::create(&path).map_err(|error| Stop::file("write", &path, &error))?;
        let every_scan = args.record_scans == RecordScans::All;
        let out = Box::new(BufWriter::new(out));
        let mut log = DecisionLog::new(out, args.record_limit, every_scan);
        let outcome = run_recording(self.plan, self.seed, self.options, &mut log);
        match log.finish() {
            LogEnd::Complete => Ok(outcome),
            LogEnd::Limit(scan) => {
                terminal::complain(&format!(
                    "{} has reached its limit of {} bytes: scans after {scan} are not in it \
                     (--record-limit raises it); the run is complete",
                    path.display(),
                    args.record_limit
                ));
                Ok(outcome)
            }
            LogEnd::Failed(error) => Err(Stop::file("write", &path, &error)),
        }
    }

    /// `scans.ndjson` becomes `scans-NAME-SEED.ndjson`.
    fn own_file(&self, file: &Path) -> PathBuf {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut name = format!("{stem}-{}-{}", self.plan.name, self.seed);
        if let Some(extension) = file.extension() {
            name.push('.');
            name.push_str(&extension.to_string_lossy());
        }
        file.with_file_name(name)
    }
}
