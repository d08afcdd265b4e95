//! Files of scenarios from the disk.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::scenario::{Files, FilesError};

/// The name under which standard input is read.
pub const STDIN: &str = "-";

/// Larger inputs are refused: no scenario or trace is this large.
const MAX_BYTES: u64 = 1 << 30;

/// The disk; relative names start at the working folder, `-` is standard input.
#[derive(Debug, Default)]
pub struct Disk {
    stdin: OnceLock<Result<Vec<u8>, String>>,
}

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError> {
        if path == Path::new(STDIN) {
            let read = || {
                let mut bytes = Vec::new();
                let mut limited = io::stdin().lock().take(MAX_BYTES);
                limited.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
                Ok(bytes)
            };
            return self.stdin.get_or_init(read).clone().map_err(FilesError::Other);
        }
        let about = fs::metadata(path).map_err(|error| reason(&error))?;
        if about.is_dir() {
            return Err(FilesError::IsFolder);
        }
        if about.len() > MAX_BYTES {
            return Err(FilesError::TooLarge(MAX_BYTES));
        }
        fs::read(path).map_err(|error| reason(&error))
    }

    fn expand(&self, pattern: &str, base: &Path) -> Result<Vec<PathBuf>, FilesError> {
        // Only the pattern is one: a folder's own name may hold brackets.
        let folder = glob::Pattern::escape(&base.to_string_lossy());
        let whole = Path::new(&folder).join(pattern);
        let found = glob::glob(&whole.to_string_lossy())
            .map_err(|error| FilesError::Other(error.to_string()))?;
        let mut paths = found
            .collect::<Result<Vec<PathBuf>, _>>()
            .map_err(|error| FilesError::Other(error.to_string()))?;
        paths.sort();
        Ok(paths)
    }
}

fn reason(error: &io::Error) -> FilesError {
    match error.kind() {
        io::ErrorKind::NotFound => FilesError::NotFound,
        io::ErrorKind::IsADirectory => FilesError::IsFolder,
        _ => FilesError::Other(error.to_string()),
    }
}
