//! `forescale conform`: decision cases of upstream through the functions the simulation calls.

use std::fs;

use serde_json::json;

use super::args::{ConformArgs, TextOrJson};
use super::exit::{Exit, Stop};
use super::terminal;
use crate::conform::{AreaResult, run_file};

/// Runs all files; a row per area.
pub fn conform(args: &ConformArgs) -> Result<Exit, Stop> {
    let mut areas = Vec::new();
    for path in &args.files {
        let text = fs::read_to_string(path).map_err(|error| Stop::file("read", path, &error))?;
        let report = run_file(&text)
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
                    "\n{}/{}: {}\n  expected {}\n  got      {}\n",
                    area.component, area.area, failed.id, failed.expected, failed.got
                ));
            }
        }
    }
    text
}
