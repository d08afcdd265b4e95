//! `forescale conform`: decision cases of upstream through the functions the simulation calls.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde_json::json;

use super::args::{ConformArgs, TextOrJson};
use super::exit::{Exit, Stop};
use super::terminal;
use crate::conform::{AreaResult, BadRecord, expand, is_record, run_file, run_record};

/// Runs all files; a row per area.
pub fn conform(args: &ConformArgs) -> Result<Exit, Stop> {
    if args.expand {
        return expand_record(args);
    }
    let mut areas = Vec::new();
    for path in &args.files {
        let unreadable = |error: &io::Error| Stop::file("read", path, error);
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut file = BufReader::new(file);
        let mut first = String::new();
        file.read_line(&mut first).map_err(|error| unreadable(&error))?;
        let report = if is_record(&first) {
            run_record(first.as_bytes().chain(file))
        } else {
            file.read_to_string(&mut first).map_err(|error| unreadable(&error))?;
            run_file(&first)
        };
        let report = report
            .map_err(|error| Stop::new(Exit::Invalid, format!("{}: {error}", path.display())))?;
        areas.extend(report.areas);
    }
    let text = match args.format {
        TextOrJson::Json => format!("{:#}\n", json!({ "areas": areas })),
        TextOrJson::Text => table(&areas, args.failures),
    };
    terminal::print(&text)?;
    let all_passed = areas.iter().all(|area| area.failed == 0 && area.unsupported == 0);
    Ok(if all_passed { Exit::Fine } else { Exit::Failed })
}

fn table(areas: &[AreaResult], failures: bool) -> String {
    let names = areas.iter().map(|area| area.component.len() + area.area.len() + 1);
    let width = names.max().unwrap_or(0).max(5);
    let mut text =
        format!("{:width$}  {:>6}  {:>6}  {:>11}\n", "area", "passed", "failed", "unsupported");
    let mut total = (0, 0, 0);
    for area in areas {
        let name = format!("{}/{}", area.component, area.area);
        text.push_str(&format!(
            "{name:width$}  {:>6}  {:>6}  {:>11}\n",
            area.passed, area.failed, area.unsupported
        ));
        total.0 += area.passed;
        total.1 += area.failed;
        total.2 += area.unsupported;
    }
    text.push_str(&format!("{:width$}  {:>6}  {:>6}  {:>11}\n", "all", total.0, total.1, total.2));
    if failures {
        for area in areas {
            for failed in &area.failures {
                text.push_str(&format!(
                    "\n{}/{}: {}\n  given    {}\n  expected {}\n  got      {}\n",
                    area.component, area.area, failed.id, failed.given, failed.expected, failed.got
                ));
            }
            for id in &area.unsupported_ids {
                let (component, name) = (&area.component, &area.area);
                text.push_str(&format!("\n{component}/{name}: {id}\n  unsupported\n"));
            }
        }
    }
    text
}

/// Prints the scans of a record as a file of cases, one at a time.
fn expand_record(args: &ConformArgs) -> Result<Exit, Stop> {
    let [path] = args.files.as_slice() else {
        return Err(Stop::usage("--expand takes one record"));
    };
    let file = File::open(path).map_err(|error| Stop::file("read", path, &error))?;
    let range = args.scans.clone().unwrap_or(0..=u64::MAX);
    let mut out = BufWriter::new(io::stdout().lock());
    let mut cases = 0;
    let written = write!(out, "{{\"schema\": 1, \"component\": \"autoscaler\", \"cases\": [")
        .map_err(NotExpanded::Write)
        .and_then(|()| {
            expand(BufReader::new(file), &range, |case| {
                let before = if cases == 0 { "\n" } else { ",\n" };
                cases += 1;
                write!(out, "{before}{case}").map_err(NotExpanded::Write)
            })
        })
        .and_then(|()| out.write_all(b"\n]}\n").map_err(NotExpanded::Write))
        .and_then(|()| out.flush().map_err(NotExpanded::Write));
    match written {
        Ok(()) => Ok(Exit::Fine),
        Err(NotExpanded::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Exit::Fine)
        }
        Err(NotExpanded::Write(error)) => {
            Err(Stop::new(Exit::InputOutput, format!("cannot write to standard output: {error}")))
        }
        Err(NotExpanded::Read(error)) => {
            Err(Stop::new(Exit::Invalid, format!("{}: {error}", path.display())))
        }
    }
}

/// Why a record is not expanded to its end.
enum NotExpanded {
    Read(BadRecord),
    Write(io::Error),
}

impl From<BadRecord> for NotExpanded {
    fn from(error: BadRecord) -> Self {
        Self::Read(error)
    }
}
