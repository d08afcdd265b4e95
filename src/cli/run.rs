//! `forescale run`: scenarios in, verdicts and folders of results out.

use std::collections::BTreeSet;

use super::args::{Format, RunArgs};
use super::disk::Disk;
use super::exit::{Exit, Stop};
use super::folder::{Staged, finish, put};
use super::record::RecordedRun;
use super::results::{Kept, keep, write_study};
use super::{check, terminal};
use crate::plan::{Plan, Threshold};
use crate::record::Outcome;
use crate::report::text::{comparison, summary};
use crate::report::{Manifest, Provenance, Report, html, markdown, pretty};
use crate::scenario::Severity;
use crate::sim::RunOptions;
use crate::study::{Aggregate, RunSpec, evaluate, parse_threshold, run_all, seeds};

/// One run of a plan: the simulation, or a stand-in of a test.
pub type Simulate<'a> = &'a (dyn Fn(&Plan, u64, RunOptions) -> Outcome + Sync);

/// A scenario that can be run.
struct Case {
    plan: Plan,
    seeds: Vec<u64>,
    provenance: Provenance,
}

/// Runs all files and prints their results.
pub fn run(args: &RunArgs, simulate: Simulate<'_>) -> Result<Exit, Stop> {
    let asserts: Vec<Threshold> = args
        .asserts
        .iter()
        .map(|text| parse_threshold(text).map_err(|why| Stop::usage(format!("--assert: {why}"))))
        .collect::<Result<_, _>>()?;
    let cases = load_all(args)?;
    let reports = run_cases(args, &cases, &asserts, simulate)?;
    terminal::print(&shown(&reports, args.format))?;
    let passed = reports.iter().all(Report::passed);
    Ok(if passed { Exit::Fine } else { Exit::Failed })
}

/// Reads all files; all their findings are told before anything stops.
fn load_all(args: &RunArgs) -> Result<Vec<Case>, Stop> {
    let disk = Disk::default();
    let mut cases = Vec::new();
    let mut invalid = false;
    let sets = args.all_sets();
    for path in &args.files {
        let loaded = check::read(path, &sets, &disk)?;
        let least = if loaded.plan.is_some() { Severity::Warning } else { Severity::Note };
        terminal::note(&loaded.diagnostics.render_from(least, terminal::colour_errors()));
        let Some(plan) = loaded.plan else {
            invalid = true;
            continue;
        };
        let provenance = Provenance {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args().collect(),
            scenario: path.to_string_lossy().into_owned(),
            sets: sets.clone(),
            inputs: loaded.inputs,
        };
        let first = args.seed.unwrap_or(plan.simulation.seed);
        let seeds = seeds(first, plan.simulation.replications);
        cases.push(Case { plan, seeds, provenance });
    }
    if invalid {
        return Err(Stop { exit: Exit::Invalid, message: None });
    }
    check_names(&cases)?;
    Ok(cases)
}

/// Each scenario gets a folder of its name: the names must be different, and names of folders.
fn check_names(cases: &[Case]) -> Result<(), Stop> {
    let mut seen = BTreeSet::new();
    for case in cases {
        let name = case.plan.name.as_str();
        let plain = !name.starts_with('.')
            && !name.is_empty()
            && !name.contains(['/', '\\', ':'])
            && !name.contains(char::is_control);
        if !plain {
            let message = format!(
                "{}: metadata.name `{name}` cannot name a folder",
                case.provenance.scenario
            );
            return Err(Stop::new(Exit::Invalid, message));
        }
        if !seen.insert(name) {
            let message = format!("two scenarios are called `{name}`: give each its metadata.name");
            return Err(Stop::usage(message));
        }
    }
    Ok(())
}

fn run_cases(
    args: &RunArgs,
    cases: &[Case],
    asserts: &[Threshold],
    simulate: Simulate<'_>,
) -> Result<Vec<Report>, Stop> {
    let folders = cases
        .iter()
        .map(|case| Staged::begin(&args.out, &case.plan.name))
        .collect::<Result<Vec<Staged>, Stop>>()?;
    let specs: Vec<RunSpec> = cases
        .iter()
        .enumerate()
        .flat_map(|(scenario, case)| case.seeds.iter().map(move |&seed| RunSpec { scenario, seed }))
        .collect();
    let options = RunOptions {
        journal: args.journal.into(),
        audit: args.audit,
        no_report: args.no_report,
        ..RunOptions::default()
    };
    let bar = terminal::progress(specs.len());
    let done = run_all(&specs, args.threads, |spec| {
        let case = &cases[spec.scenario];
        let run = RecordedRun { plan: &case.plan, seed: spec.seed, options };
        let outcome = match &args.record_decisions {
            Some(file) => run.record(args, file, specs.len() > 1)?,
            None => simulate(&case.plan, spec.seed, options),
        };
        let kept = keep(outcome, &case.seeds, &folders[spec.scenario], args);
        bar.inc(1);
        kept
    });
    bar.finish_and_clear();
    let mut done = done.into_iter();
    let mut reports = Vec::new();
    for (case, folder) in cases.iter().zip(&folders) {
        let runs = done.by_ref().take(case.seeds.len()).collect::<Result<Vec<Kept>, Stop>>()?;
        let report = report(case, runs, asserts, folder, args.allow_censored)?;
        let manifest = Manifest { report: &report, provenance: &case.provenance };
        write_study(&report, manifest, folder, args.no_report)?;
        reports.push(report);
    }
    finish(folders)?;
    if reports.len() > 1 && !args.no_report {
        put(&args.out, "report.html", &html(&reports))?;
    }
    Ok(reports)
}

/// Folds the runs of a scenario and judges them.
fn report(
    case: &Case,
    runs: Vec<Kept>,
    asserts: &[Threshold],
    folder: &Staged,
    allow_censored: bool,
) -> Result<Report, Stop> {
    let mut first = None;
    let mut summaries = Vec::with_capacity(runs.len());
    for run in runs {
        summaries.push(run.summary);
        if first.is_none() {
            first = run.outcome;
        }
    }
    let Some(outcome) = first else {
        return Err(Stop::new(Exit::Bug, "a scenario without a run"));
    };
    let study = Aggregate { runs: summaries };
    let conditions = case.plan.thresholds.iter().chain(asserts);
    let verdicts = conditions.map(|one| evaluate(one, &study, allow_censored)).collect();
    Ok(Report {
        outcome,
        study,
        seeds: case.seeds.clone(),
        verdicts,
        assumptions: case.plan.assumptions.clone(),
        folder: Some(format!("{}/", folder.target().display())),
    })
}

fn shown(reports: &[Report], format: Format) -> String {
    match (format, reports) {
        (Format::Markdown, _) => markdown(reports),
        (Format::Json, [one]) => pretty(&one.study.tree()),
        (Format::Json, many) => {
            let trees: Vec<_> = many.iter().map(|report| report.study.tree()).collect();
            format!("{:#}\n", serde_json::json!(trees))
        }
        (Format::Text, [one]) => summary(one, terminal::look()),
        (Format::Text, many) => {
            let look = terminal::look();
            let mut text = comparison(many, look);
            for report in many {
                text.push('\n');
                text.push_str(&summary(report, look));
            }
            text
        }
    }
}
