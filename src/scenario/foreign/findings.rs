//! What was found in real files: errors, and one note for each kind of field without effect.

use std::collections::BTreeMap;

use crate::scenario::{Diagnostic, Severity, Span, code};

/// Findings of real files, in the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: Vec<Diagnostic>,
    ignored: BTreeMap<String, Ignored>,
    left_out: Vec<(String, String, &'static str)>,
}

/// A field without effect: its first place, and how often it was seen.
#[derive(Clone, Debug)]
struct Ignored {
    place: Option<Span>,
    times: usize,
    why: &'static str,
}

impl Findings {
    /// Records a finding.
    pub fn report(&mut self, found: Diagnostic) {
        self.list.push(found);
    }

    /// Records an error at a place.
    pub fn error(&mut self, code: &'static str, place: Option<Span>, text: impl Into<String>) {
        let found = Diagnostic::error(code, text);
        self.report(match place {
            Some(place) => found.at(place, ""),
            None => found,
        });
    }

    /// Records that a field (a path without list positions) has no effect here; `why` says more, or
    /// is empty.
    pub fn ignore(&mut self, field: String, place: Option<Span>, why: &'static str) {
        self.ignored.entry(field).or_insert(Ignored { place, times: 0, why }).times += 1;
    }

    /// Records a field that was left out, the value that it then has, and who says so.
    pub fn left_out(&mut self, path: String, value: String, source: &'static str) {
        self.left_out.push((path, value, source));
    }

    /// Fields that were left out: path, value, source.
    pub fn take_left_out(&mut self) -> Vec<(String, String, &'static str)> {
        std::mem::take(&mut self.left_out)
    }

    /// Whether an error was found.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|found| found.severity == Severity::Error)
    }

    /// Fields without effect (`Plan::not_modelled`).
    pub fn not_modelled(&self) -> Vec<String> {
        self.ignored.keys().cloned().collect()
    }

    /// All findings: errors and warnings in the order of reading, then a note for each field
    /// without effect.
    pub fn into_list(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        for (field, ignored) in self.ignored {
            let times = match ignored.times {
                1 => String::new(),
                times => format!(" ({times} times)"),
            };
            let text = format!("not modelled: {field}{times}");
            let found = Diagnostic::note(code::NOT_MODELLED, text);
            list.push(match ignored.place {
                Some(place) => found.at(place, ignored.why),
                None => found,
            });
        }
        list
    }
}
