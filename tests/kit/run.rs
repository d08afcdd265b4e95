//! Scenario files from the disk, made into plans and run.

use std::fs;
use std::path::{Path, PathBuf};

use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::scenario::{Files, FilesError, load};
use forescale::sim::{RunOptions, run};

/// The folder of the crate.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The disk. Patterns find nothing: no scenario of the tests has any.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError> {
        fs::read(path).map_err(|error| FilesError::Other(error.to_string()))
    }

    fn expand(&self, pattern: &str, _: &Path) -> Result<Vec<PathBuf>, FilesError> {
        Err(FilesError::Other(format!("the tests do not expand {pattern}")))
    }
}

/// The plan of a scenario file, named from the folder of the crate, with `path=value` settings.
pub fn plan_with(file: impl AsRef<Path>, sets: &[&str]) -> Plan {
    let path = root().join(file);
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    let loaded = load(&path.to_string_lossy(), &sets, &Disk);
    let findings = loaded.diagnostics.render(false);
    loaded.plan.unwrap_or_else(|| panic!("{} is no scenario:\n{findings}", path.display()))
}

/// A run with everything recorded and every index checked against its slow twin.
pub fn audited(plan: &Plan, seed: u64) -> Outcome {
    run(plan, seed, RunOptions { audit: true, ..RunOptions::default() })
}

/// A run that keeps totals only: the fastest.
pub fn totals(plan: &Plan, seed: u64) -> Outcome {
    run(plan, seed, RunOptions { no_report: true, ..RunOptions::default() })
}
