//! A telling: facts, a chain of lines in order of time, and where the time went.

use serde_json::{Value, json};

use crate::unit::SimTime;
use crate::vocabulary::Cause;

/// The story of one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Telling {
    /// What it is about.
    pub title: String,
    /// What must be known first.
    pub facts: Vec<String>,
    /// What happened, in order of time.
    pub lines: Vec<Line>,
    /// Where the waiting went, in order of time, without gaps.
    pub parts: Vec<Part>,
    /// What the parts add up to, in words; empty where there is no waiting to split.
    pub whole: String,
    /// What follows from it.
    pub verdict: Vec<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub at: SimTime,
    /// Who.
    pub who: String,
    /// What, in a sentence without its subject.
    pub what: String,
    /// The rule behind it; empty if it goes without saying.
    pub rule: String,
    /// The setting that decides its length.
    pub setting: Option<Setting>,
    /// The waiting that begins here: its cause and its end.
    pub wait: Option<(Cause, SimTime)>,
}

impl Line {
    /// A plain line.
    pub fn new(at: SimTime, who: impl Into<String>, what: impl Into<String>) -> Self {
        let (who, what) = (who.into(), what.into());
        Self { at, who, what, rule: String::new(), setting: None, wait: None }
    }

    /// The same with its rule.
    #[must_use]
    pub fn by(mut self, rule: impl Into<String>) -> Self {
        self.rule = rule.into();
        self
    }
}

/// A stretch of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What for.
    pub cause: Cause,
    /// Its start.
    pub from: SimTime,
    /// Its end.
    pub to: SimTime,
}

impl Part {
    /// Milliseconds on the clock: rounded ends, so that parts without gaps add up.
    pub fn millis(&self) -> u64 {
        self.to.micros() / 1_000 - self.from.micros() / 1_000
    }
}

/// A setting: its value, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Path in the scenario, or the flag of a component that the scenario cannot change.
    pub path: String,
    /// Value.
    pub value: String,
    /// `scenario.yaml:12`, or where the default comes from.
    pub source: String,
    /// Whether the scenario gives it.
    pub given: bool,
    /// Whether it is an assumption.
    pub assumed: bool,
}

impl Setting {
    /// Its source in words.
    pub fn provenance(&self) -> String {
        match (self.given, self.assumed) {
            (true, _) => format!("set at {}", self.source),
            (_, true) => self.source.clone(),
            _ if self.source.contains("default") || self.source.starts_with("from") => {
                self.source.clone()
            }
            _ => format!("default: {}", self.source),
        }
    }
}

impl Telling {
    /// Microseconds by cause, largest first.
    pub fn totals(&self) -> Vec<(Cause, u64)> {
        let mut totals: Vec<(Cause, u64)> = Vec::new();
        for part in &self.parts {
            let micros = part.to.since(part.from).micros();
            match totals.iter_mut().find(|(cause, _)| *cause == part.cause) {
                Some((_, total)) => *total += micros,
                None => totals.push((part.cause, micros)),
            }
        }
        totals.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        totals
    }

    /// All waiting, microseconds.
    pub fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.to.since(part.from).micros()).sum()
    }

    /// As data.
    pub fn json(&self) -> Value {
        let seconds = |micros: u64| json!(micros as f64 / 1e6);
        let lines: Vec<Value> = self.lines.iter().map(Line::json).collect();
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| {
                json!({
                    "cause": part.cause.name(),
                    "from_s": part.from.as_secs_f64(),
                    "to_s": part.to.as_secs_f64(),
                })
            })
            .collect();
        let totals: serde_json::Map<String, Value> = self
            .totals()
            .into_iter()
            .map(|(cause, micros)| (cause.name().to_owned(), seconds(micros)))
            .collect();
        json!({
            "title": self.title,
            "facts": self.facts,
            "lines": lines,
            "parts": parts,
            "waits": totals,
            "wait_s": seconds(self.total()),
            "verdict": self.verdict,
        })
    }
}

impl Line {
    fn json(&self) -> Value {
        let mut line = json!({
            "time_s": self.at.as_secs_f64(),
            "actor": self.who,
            "what": self.what,
        });
        let mut put = |key: &str, value: Value| {
            if let Some(fields) = line.as_object_mut() {
                fields.insert(key.to_owned(), value);
            }
        };
        if !self.rule.is_empty() {
            put("rule", json!(self.rule));
        }
        if let Some(setting) = &self.setting {
            let own = json!({
                "path": setting.path,
                "value": setting.value,
                "source": setting.source,
                "given": setting.given,
                "assumed": setting.assumed,
            });
            put("setting", own);
        }
        if let Some((cause, until)) = self.wait {
            put("cause", json!(cause.name()));
            put("until_s", json!(until.as_secs_f64()));
        }
        line
    }
}
