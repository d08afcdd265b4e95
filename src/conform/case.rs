//! A file of cases, the verdict on each, and the totals per area.

use std::io::BufRead;
use std::panic::catch_unwind;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

use super::record::{BadRecord, expand};
use super::{autoscaler, keda_hpa, scheduler};

/// One decision case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Identifier, unique in its file.
    pub id: String,
    /// Which decision it is about.
    pub area: String,
    /// Inputs.
    pub given: Value,
    /// What upstream answers; only the keys present are asserted.
    pub expect: Value,
    /// The whole case, for advisory keys (`upstream_version`, `note`, …).
    pub raw: Value,
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As upstream.
    Passed,
    /// Otherwise than upstream.
    Failed {
        /// What upstream answers.
        expected: Value,
        /// What we answer.
        got: Value,
    },
    /// There is no adapter for the area, or the case asks for something that is not modelled.
    Unsupported,
}

impl Verdict {
    /// Passed if both are equal.
    pub fn compare(expected: Value, got: Value) -> Self {
        if expected == got { Self::Passed } else { Self::Failed { expected, got } }
    }
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailedCase {
    /// Identifier.
    pub id: String,
    /// Inputs.
    pub given: Value,
    /// What upstream answers.
    pub expected: Value,
    /// What we answer.
    pub got: Value,
}

/// Totals of one area.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AreaResult {
    /// `scheduler`, `autoscaler` or `keda_hpa`, as the file says.
    pub component: String,
    /// Area.
    pub area: String,
    /// Cases as upstream.
    pub passed: usize,
    /// Cases otherwise.
    pub failed: usize,
    /// Cases without an adapter.
    pub unsupported: usize,
    /// The failed ones.
    pub failures: Vec<FailedCase>,
    /// Identifiers of those without an adapter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsupported_ids: Vec<String>,
}

/// Totals of a file, areas in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// One row an area.
    pub areas: Vec<AreaResult>,
}

impl Report {
    /// Cases that passed, failed and are unsupported.
    pub fn totals(&self) -> (usize, usize, usize) {
        self.areas.iter().fold((0, 0, 0), |(passed, failed, unsupported), area| {
            (passed + area.passed, failed + area.failed, unsupported + area.unsupported)
        })
    }

    /// Whether every case passed.
    pub fn all_passed(&self) -> bool {
        let (_, failed, unsupported) = self.totals();
        failed == 0 && unsupported == 0
    }

    /// Runs a case and counts what it came to.
    fn count(&mut self, component: &str, case: Case, run: fn(&Case) -> Verdict) {
        let row = self.area(component, &case.area);
        match guarded(&case, run) {
            Verdict::Passed => row.passed += 1,
            Verdict::Unsupported => {
                row.unsupported += 1;
                row.unsupported_ids.push(case.id);
            }
            Verdict::Failed { expected, got } => {
                row.failed += 1;
                row.failures.push(FailedCase { id: case.id, given: case.given, expected, got });
            }
        }
    }

    fn area(&mut self, component: &str, area: &str) -> &mut AreaResult {
        let at = self.areas.iter().position(|row| row.area == area).unwrap_or_else(|| {
            self.areas.push(AreaResult {
                component: component.to_owned(),
                area: area.to_owned(),
                ..AreaResult::default()
            });
            self.areas.len() - 1
        });
        &mut self.areas[at]
    }
}

/// The verdict of a case; one that trips over a bug has failed, and the others are still run.
fn guarded(case: &Case, run: fn(&Case) -> Verdict) -> Verdict {
    catch_unwind(|| run(case)).unwrap_or_else(|bug| {
        let text = bug.downcast_ref::<String>().map(String::as_str);
        let text = text.or(bug.downcast_ref::<&str>().copied()).unwrap_or("it stopped");
        Verdict::Failed { expected: case.expect.clone(), got: json!({ "bug": text }) }
    })
}

/// Why a file is not a file of cases.
#[derive(Debug, Error)]
pub enum Mismatch {
    /// Not JSON, or not of the known form.
    #[error("not a file of decision cases: {0}")]
    Format(#[from] serde_json::Error),
    /// A newer form.
    #[error("schema {0} is not known; this version reads schema 1")]
    Schema(u64),
    /// Cases of something else.
    #[error("component `{0}` is not known; known are scheduler, autoscaler and keda_hpa")]
    Component(String),
    /// A case without identifier, area, inputs or expectation.
    #[error("case {0} lacks `{1}`")]
    Incomplete(usize, &'static str),
    /// A record of decisions that cannot be read.
    #[error(transparent)]
    Record(#[from] BadRecord),
}

/// A file of cases, each still text: an expanded record has thousands, and a case that is read
/// takes ten times the room.
#[derive(Deserialize)]
struct CaseFile<'a> {
    schema: u64,
    component: String,
    #[serde(borrow)]
    cases: Vec<&'a RawValue>,
}

/// Runs every case of a file, read one at a time.
///
/// # Errors
/// [`Mismatch`] if the text is not a file of cases that this version can read.
pub fn run_file(text: &str) -> Result<Report, Mismatch> {
    let file: CaseFile<'_> = serde_json::from_str(text)?;
    if file.schema != 1 {
        return Err(Mismatch::Schema(file.schema));
    }
    let run: fn(&Case) -> Verdict = match file.component.replace('-', "_").as_str() {
        "scheduler" => scheduler::run,
        "autoscaler" | "cluster_autoscaler" => autoscaler::run,
        "keda_hpa" => keda_hpa::run,
        _ => return Err(Mismatch::Component(file.component)),
    };
    let mut report = Report::default();
    for (index, raw) in file.cases.into_iter().enumerate() {
        let case = read_case(index, serde_json::from_str(raw.get())?)?;
        report.count(&file.component, case, run);
    }
    Ok(report)
}

/// Runs every scan of a record of the autoscaler's decisions.
///
/// # Errors
/// [`Mismatch`] if the lines are not a record that this version can read.
pub fn run_record(lines: impl BufRead) -> Result<Report, Mismatch> {
    let mut report = Report::default();
    let mut index = 0;
    expand(lines, &(0..=u64::MAX), |case| {
        report.count("autoscaler", read_case(index, case)?, autoscaler::run);
        index += 1;
        Ok::<(), Mismatch>(())
    })?;
    Ok(report)
}

fn read_case(index: usize, raw: Value) -> Result<Case, Mismatch> {
    let text = |key: &'static str| {
        raw[key].as_str().map(str::to_owned).ok_or(Mismatch::Incomplete(index, key))
    };
    let part = |key: &'static str| raw.get(key).cloned().ok_or(Mismatch::Incomplete(index, key));
    Ok(Case {
        id: text("id")?,
        area: text("area")?,
        given: part("given")?,
        expect: part("expect")?,
        raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the files of a folder below `tests`; how many cases passed.
    fn all_pass(folder: &str) -> usize {
        let folder = format!("{}/tests/{folder}", env!("CARGO_MANIFEST_DIR"));
        let (mut passed, mut failed) = (0, String::new());
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let report = run_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
            passed += report.totals().0;
            for area in report.areas.iter().filter(|area| area.failed + area.unsupported > 0) {
                failed += &format!("\n{}: unsupported {:?}", area.area, area.unsupported_ids);
                for case in &area.failures {
                    failed += &format!("\n  {}: {} not {}", case.id, case.got, case.expected);
                }
            }
        }
        assert!(failed.is_empty(), "{failed}");
        passed
    }

    #[test]
    fn every_given_case_passes() {
        assert_eq!(all_pass("conformance"), 1_264);
    }

    #[test]
    fn every_case_of_our_own_passes() {
        assert!(all_pass("conformance/own") > 30);
    }

    #[test]
    fn a_case_that_trips_over_a_bug_has_failed_and_the_others_are_run() {
        let case = |id: &str| json!({"id": id, "area": "a", "given": {}, "expect": {}});
        let mut report = Report::default();
        for (index, id) in ["bad", "good"].into_iter().enumerate() {
            report.count("autoscaler", read_case(index, case(id)).unwrap(), |case| {
                assert_ne!(case.id, "bad", "tripped");
                Verdict::Passed
            });
        }
        assert_eq!(report.totals(), (1, 1, 0));
        let failure = &report.areas[0].failures[0];
        assert!(failure.got["bug"].as_str().unwrap().contains("tripped"), "{failure:?}");
    }

    #[test]
    fn unsupported_cases_are_named() {
        let file = json!({"schema": 1, "component": "scheduler", "cases": [
            {"id": "x", "area": "unheard-of", "given": {}, "expect": {}},
        ]});
        let report = run_file(&file.to_string()).unwrap();
        assert_eq!(report.areas[0].unsupported_ids, ["x"]);
        assert!(!report.all_passed());
    }

    #[test]
    fn what_is_not_a_case_file_is_refused() {
        for (text, part) in [
            ("[]", "not a file"),
            (r#"{"schema": 2, "component": "scheduler", "cases": []}"#, "schema 2"),
            (r#"{"schema": 1, "component": "etcd", "cases": []}"#, "etcd"),
            (r#"{"schema": 1, "component": "scheduler", "cases": [{"id": "a"}]}"#, "area"),
        ] {
            let error = run_file(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
