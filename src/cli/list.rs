//! `forescale list`: what scenarios and thresholds can name.

use serde_json::{Value, json};

use super::args::{Catalogue, ListArgs, TextOrJson};
use super::exit::{Exit, Stop};
use super::terminal;
use crate::cloud::{OsType, catalogue};
use crate::control::keda::catalogue::{SCALERS, ThresholdKey};
use crate::control::keda::trigger::SOURCE_KEY;
use crate::scenario::code;
use crate::scenario::foreign::code as manifests;
use crate::study::METRICS;
use crate::vocabulary::Cause;

/// A table: headings, rows, and what is said below.
struct Listing {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
    below: String,
}

/// Prints a catalogue.
pub fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let listing = match args.what {
        Catalogue::VmSizes => vm_sizes(),
        Catalogue::Scalers => scalers(),
        Catalogue::Expanders => pairs("expander", EXPANDERS),
        Catalogue::Distributions => pairs("distribution", DISTRIBUTIONS),
        Catalogue::Lints => lints(),
        Catalogue::Metrics => metrics(),
    };
    let text = match args.format {
        TextOrJson::Text => listing.text(),
        TextOrJson::Json => format!("{:#}\n", listing.json()),
    };
    terminal::print(&text)
}

/// Expanders of the cluster autoscaler and what each prefers (autoscaler FAQ @ 33c3f97).
const EXPANDERS: &[(&str, &str)] = &[
    ("random", "any pool that would help (the default of AKS)"),
    ("most-pods", "the pool that takes most of the waiting pods"),
    ("least-waste", "the pool with the least idle CPU, then memory, after the scale-up"),
    ("least-nodes", "the pool that needs the fewest nodes"),
    ("price", "the cheapest pool for what it would take"),
    ("priority", "the pool of the highest priority in the ConfigMap"),
];

/// Distributions of times, as a scenario writes them.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("2s", "always the same"),
    ("{constant: 2s}", "always the same"),
    ("{exponential: {mean: 2s}}", "memoryless"),
    ("{lognormal: {median: 2s, p95: 6s}}", "a long right tail, by median and 95 % point"),
    ("{uniform: {min: 1s, max: 3s}}", "equally likely between two values"),
    ("{gamma: {mean: 2s, scv: 0.5}}", "by mean and squared coefficient of variation"),
    ("{hyperexponential: {mean: 2s, scv: 4}}", "two exponential phases, balanced means"),
    ("{weibull: {scale: 2s, shape: 0.7}}", "ageing (shape above 1) or its reverse"),
    ("{empirical: {file: boots.csv, column: seconds}}", "measured values, interpolated"),
    ("{mixture: [{weight: 0.95, of: 2s}, {weight: 0.05, of: 9s}]}", "one of several, by weight"),
];

fn pairs(name: &'static str, entries: &[(&str, &str)]) -> Listing {
    Listing {
        columns: vec![name, "meaning"],
        rows: entries.iter().map(|(name, meaning)| vec![json!(name), json!(meaning)]).collect(),
        below: String::new(),
    }
}

fn vm_sizes() -> Listing {
    let mut columns = vec!["name", "vcpus", "memory_gib", "gpus", "family"];
    columns.extend(catalogue::regions());
    let rows = catalogue::sizes().iter().map(|size| {
        let mut row = vec![
            json!(size.name),
            json!(size.vcpus),
            json!(size.memory_bytes as f64 / f64::from(1 << 30)),
            json!(size.gpus),
            json!(size.family),
        ];
        for region in catalogue::regions() {
            let price = size.price(region, catalogue::Purchase::OnDemand, OsType::Linux);
            row.push(json!(price.map(|rate| rate.units())));
        }
        row
    });
    Listing {
        rows: rows.collect(),
        columns,
        below: format!(
            "Linux, on demand, USD per hour, as of {}; blank is unknown. {}",
            catalogue::date(),
            catalogue::source()
        ),
    }
}

fn scalers() -> Listing {
    let threshold = |key: Option<ThresholdKey>| match key {
        None => json!(null),
        Some(key) => match key.default_text() {
            Some(default) => json!(format!("{} ({default})", key.key)),
            None => json!(format!("{} (required)", key.key)),
        },
    };
    let rows = SCALERS.iter().map(|scaler| {
        vec![
            json!(scaler.names.join(", ")),
            json!(scaler.about),
            threshold(scaler.target),
            threshold(scaler.activation),
            json!(scaler.source.join(", ")),
            json!(scaler.effective.join(", ")),
        ]
    });
    Listing {
        columns: vec!["type", "reads", "target", "activation", "source", "other keys"],
        rows: rows.collect(),
        below: format!(
            "In brackets: the default. `{SOURCE_KEY}` names a queue of the scenario for any of \
             them.\nNot listed: give the values as a queue with a `depth` curve, and read it by \
             `prometheus`.\ndocs/reference/scalers.md says what is modelled of each."
        ),
    }
}

fn lints() -> Listing {
    let all = code::ALL.iter().chain(manifests::ALL);
    let rows = all.map(|code| {
        let lint = code::LINTS.iter().find(|(name, _)| *name == code.name);
        let page = lint.map(|(name, _)| format!("docs/lints/{name}.md"));
        let severity = lint.map(|(_, severity)| severity);
        vec![json!(code.name), json!(severity), json!(code.meaning), json!(code.fix), json!(page)]
    });
    Listing {
        columns: vec!["code", "severity", "meaning", "fix", "page"],
        rows: rows.collect(),
        below: String::new(),
    }
}

fn metrics() -> Listing {
    let rows = METRICS
        .iter()
        .map(|metric| vec![json!(metric.path), json!(metric.unit.name()), json!(metric.meaning)]);
    let causes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    Listing {
        columns: vec!["metric", "unit", "meaning"],
        rows: rows.collect(),
        below: format!(
            "<q>: mean p50 p90 p95 p99 max. <cause>: {}.\n\
             Also: message, pod, node, workload for the plural; cost.month for cost.perMonth.",
            causes.join(" ")
        ),
    }
}

impl Listing {
    fn text(&self) -> String {
        let shown: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let width = |column: usize| {
            let cells = shown.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(self.columns[column].chars().count())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        let mut line = |cells: Vec<&str>, row: Option<&Vec<Value>>| {
            let mut written = String::new();
            for (column, cell) in cells.into_iter().enumerate() {
                let number = row.is_some_and(|row| row[column].is_number());
                let width = widths[column];
                let padded =
                    if number { format!("{cell:>width$}") } else { format!("{cell:width$}") };
                written.push_str(&padded);
                written.push_str("  ");
            }
            text.push_str(written.trim_end());
            text.push('\n');
        };
        line(self.columns.clone(), self.rows.first());
        for (cells, row) in shown.iter().zip(&self.rows) {
            line(cells.iter().map(String::as_str).collect(), Some(row));
        }
        if !self.below.is_empty() {
            text.push_str(&format!("\n{}\n", self.below));
        }
        text
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Value>| -> Value {
            let fields = self.columns.iter().zip(row);
            Value::Object(fields.map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_catalogue_has_rows_as_wide_as_its_heading() {
        for listing in [
            vm_sizes(),
            scalers(),
            lints(),
            metrics(),
            pairs("expander", EXPANDERS),
            pairs("distribution", DISTRIBUTIONS),
        ] {
            assert!(!listing.rows.is_empty());
            assert!(listing.rows.iter().all(|row| row.len() == listing.columns.len()));
        }
    }
}
