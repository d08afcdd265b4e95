//! `forescale check`: findings without a simulation.

use std::path::Path;

use serde_json::json;

use super::args::{CheckArgs, TextOrJson};
use super::disk::Disk;
use super::exit::{Exit, Stop};
use super::terminal;
use crate::report::counted;
use crate::scenario::{Diagnostics, Files, Loaded, Severity, load};

/// Reads a scenario. A file that is not there is no fault of the scenario.
pub fn read(path: &Path, sets: &[String], disk: &Disk) -> Result<Loaded, Stop> {
    if let Err(why) = disk.read(path) {
        let message = format!("cannot read {}: {why}", path.display());
        return Err(Stop::new(Exit::InputOutput, message));
    }
    Ok(load(&path.to_string_lossy(), sets, disk))
}

/// Validates the files; the findings are the result.
pub fn check(args: &CheckArgs) -> Result<Exit, Stop> {
    let disk = Disk::default();
    let (mut valid, mut passed) = (true, true);
    let mut text = String::new();
    let mut files = Vec::new();
    for path in &args.files {
        let loaded = read(path, &args.sets, &disk)?;
        let found = &loaded.diagnostics;
        valid &= loaded.plan.is_some();
        passed &= found.count(Severity::Error) == 0;
        match args.format {
            TextOrJson::Text => {
                text.push_str(&found.render(terminal::look().colour));
                text.push_str(&format!("{}: {}\n", path.display(), verdict(found)));
            }
            TextOrJson::Json => files.push(json!({
                "file": path.to_string_lossy(),
                "valid": loaded.plan.is_some(),
                "findings": found.findings(),
            })),
        }
    }
    if args.format == TextOrJson::Json {
        text = format!("{:#}\n", json!({ "files": files }));
    }
    terminal::print(&text)?;
    Ok(match (valid, passed) {
        (false, _) => Exit::Invalid,
        (true, false) => Exit::Failed,
        (true, true) => Exit::Fine,
    })
}

fn verdict(found: &Diagnostics) -> String {
    let count = |severity| found.count(severity) as u64;
    let parts: Vec<String> = [
        (count(Severity::Error), "error", "errors"),
        (count(Severity::Warning), "warning", "warnings"),
        (count(Severity::Note), "note", "notes"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    if parts.is_empty() { "fine".to_owned() } else { parts.join(", ") }
}
