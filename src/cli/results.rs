//! The files of a folder of results.

use std::io::Write;

use super::args::RunArgs;
use super::exit::Stop;
use super::folder::Staged;
use crate::record::Outcome;
use crate::report::{
    Manifest, Report, chargeback_csv, cost_csv, cost_hours_csv, html, journal_ndjson, nodes_csv,
    openmetrics, pods_csv, prefix_with_seed, pretty, prices_csv, series_csv, svg, trace_json,
    waits_csv,
};
use crate::study::Summary;

/// What stays in memory of a run whose files are written.
pub struct Kept {
    /// Its figures.
    pub summary: Summary,
    /// The outcome of the first seed, without its rows of pods and nodes.
    pub outcome: Option<Outcome>,
}

/// A table: file name, writer, and whether `--no-report` leaves it out.
type Table = (&'static str, fn(&Outcome, &mut dyn Write) -> std::io::Result<()>, bool);

const TABLES: [Table; 8] = [
    ("series.csv", series_csv, true),
    ("pods.csv", pods_csv, true),
    ("nodes.csv", nodes_csv, true),
    ("cost.csv", cost_csv, false),
    ("cost-hours.csv", cost_hours_csv, true),
    ("chargeback.csv", chargeback_csv, false),
    ("prices.csv", prices_csv, false),
    ("waits.csv", waits_csv, false),
];

/// Writes the files of one run, into `seeds/<seed>/` if there are several, and keeps what the
/// report needs.
pub fn keep(
    mut outcome: Outcome,
    seeds: &[u64],
    folder: &Staged,
    args: &RunArgs,
) -> Result<Kept, Stop> {
    let no_report = args.no_report;
    let summary = Summary::of(&outcome);
    let several = seeds.len() > 1;
    let prefix = if several { format!("seeds/{}/", outcome.seed) } else { String::new() };
    for (name, write, detail) in TABLES {
        if !(detail && no_report) {
            folder.write(&format!("{prefix}{name}"), |out| write(&outcome, out))?;
        }
    }
    let extra: [Table; 2] =
        [("trace.json", trace_json, args.trace), ("metrics.om", openmetrics, args.openmetrics)];
    for (name, write, _) in extra.into_iter().filter(|(_, _, wanted)| *wanted) {
        folder.write(&format!("{prefix}{name}"), |out| write(&outcome, out))?;
    }
    folder.write(&format!("{prefix}journal.ndjson"), |out| journal_ndjson(&outcome, out))?;
    if several {
        let text = pretty(summary.tree());
        folder.write(&format!("{prefix}summary.json"), |out| out.write_all(text.as_bytes()))?;
        if !no_report {
            pictures(&outcome, &prefix, folder)?;
        }
    }
    outcome.pod_rows = Vec::new();
    outcome.node_rows = Vec::new();
    let first = seeds.first() == Some(&outcome.seed);
    Ok(Kept { summary, outcome: first.then_some(outcome) })
}

/// Writes what belongs to all seeds of a scenario.
pub fn write_study(
    report: &Report,
    manifest: Manifest<'_>,
    folder: &Staged,
    no_report: bool,
) -> Result<(), Stop> {
    let put = |name: &str, text: String| folder.write(name, |out| out.write_all(text.as_bytes()));
    put("manifest.json", pretty(&manifest.tree()))?;
    put("summary.json", pretty(&report.study.tree()))?;
    if report.seeds.len() > 1 {
        for (name, _, detail) in TABLES {
            if !(detail && no_report) {
                join_seeds(report, name, folder)?;
            }
        }
    }
    if !no_report {
        pictures(&report.outcome, "", folder)?;
        put("report.html", html(std::slice::from_ref(report)))?;
    }
    Ok(())
}

/// The tables of all seeds below each other, with a column `seed`.
fn join_seeds(report: &Report, name: &str, folder: &Staged) -> Result<(), Stop> {
    let mut joined = Vec::new();
    for (index, seed) in report.seeds.iter().enumerate() {
        let path = format!("seeds/{seed}/{name}");
        let text = folder.read(&path)?;
        prefix_with_seed(&text, *seed, index == 0, &mut joined)
            .map_err(|error| Stop::file("read", std::path::Path::new(&path), &error))?;
    }
    folder.write(name, |out| out.write_all(&joined))
}

fn pictures(outcome: &Outcome, prefix: &str, folder: &Staged) -> Result<(), Stop> {
    for (name, svg) in [
        ("timeline.svg", svg::timeline(outcome)),
        ("pending-cdf.svg", svg::pending_cdf(outcome)),
        ("cost-by-pool.svg", svg::cost_by_pool(outcome)),
    ] {
        folder.write(&format!("{prefix}{name}"), |out| out.write_all(svg.as_bytes()))?;
    }
    Ok(())
}
