//! Ctrl-C: nothing half written stays behind.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::exit::Exit;
use super::terminal;

/// Folders that are being written. Who holds the lock may rename them into place: a signal waits
/// until all of them are.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The folders being written.
pub fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the process on Ctrl-C after removing what is unfinished.
pub fn listen() {
    let installed = ctrlc::set_handler(|| {
        let folders = unfinished();
        for folder in folders.iter() {
            // A run may still be writing into it: what it adds meanwhile is removed again.
            for _ in 0..3 {
                if std::fs::remove_dir_all(folder).is_ok() || !folder.exists() {
                    break;
                }
            }
        }
        terminal::note("\nforescale: interrupted, nothing written\n");
        std::process::exit(Exit::Interrupted as i32);
    });
    if installed.is_err() {
        terminal::complain("Ctrl-C will leave unfinished folders behind");
    }
}

/// Removes what is unfinished.
pub fn discard() {
    for folder in unfinished().drain(..) {
        // Its removal is all that is left to try.
        let _ = std::fs::remove_dir_all(folder);
    }
}
