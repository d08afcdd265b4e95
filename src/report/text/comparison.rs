//! Several scenarios in one table: the figures of each, and relative to the first.

use super::page::{Ink, Look, Page, left, right};
use crate::report::model::Report;
use crate::report::number::{money, plain, relative, seconds};

/// A column: its heading, its figure, and how it is written.
struct Column {
    heading: &'static str,
    value: fn(&Report) -> Option<f64>,
    write: fn(f64, &str) -> String,
    width: usize,
    /// Whether a second line says the change from the first scenario.
    relative: bool,
}

const COLUMNS: [Column; 7] = [
    Column {
        heading: "wait p50",
        value: |report| report.study.mean("messages.wait.p50"),
        write: |value, _| seconds(value),
        width: 9,
        relative: true,
    },
    Column {
        heading: "wait p95",
        value: |report| report.study.mean("messages.wait.p95"),
        write: |value, _| seconds(value),
        width: 9,
        relative: true,
    },
    Column {
        heading: "pend p95",
        value: |report| report.study.mean("pods.pending.p95"),
        write: |value, _| seconds(value),
        width: 9,
        relative: true,
    },
    Column {
        heading: "per month",
        value: |report| report.study.mean("cost.perMonth"),
        write: money,
        width: 11,
        relative: true,
    },
    Column {
        heading: "evicted",
        value: |report| Some(pools(report, "evicted")),
        write: |value, _| plain(value),
        width: 8,
        relative: false,
    },
    Column {
        heading: "node-h",
        value: |report| Some(pools(report, "nodeSeconds") / 3_600.0),
        write: |value, _| plain(value),
        width: 8,
        relative: false,
    },
    Column {
        heading: "queued",
        value: |report| report.study.mean("messages.queuedAtEnd"),
        write: |value, _| plain(value),
        width: 7,
        relative: false,
    },
];

fn pools(report: &Report, key: &str) -> f64 {
    let pools = report.outcome.pools.iter();
    pools.map(|pool| report.figure(&format!("nodes.{}.{key}", pool.name))).sum()
}

/// The table of several scenarios, in the order given; waits in seconds.
pub fn comparison(reports: &[Report], look: Look) -> String {
    let mut page = Page::new(look);
    let Some(first) = reports.first() else { return page.finish() };
    let figures: usize = COLUMNS.iter().map(|column| column.width).sum();
    let longest = reports.iter().map(|report| report.name().chars().count() + 5).max();
    let room = page.width().saturating_sub(figures).max(12);
    let name_width = longest.unwrap_or(0).clamp(12, room);
    let headings: String =
        COLUMNS.iter().map(|column| right(column.heading, column.width)).collect();
    page.row(&[(Ink::Strong, &left("Scenario", name_width)), (Ink::Faint, &headings)]);
    for report in reports {
        let currency = &report.outcome.currency;
        let cells: String = COLUMNS
            .iter()
            .map(|column| {
                let value = (column.value)(report);
                let text = value.map_or("–".to_owned(), |value| (column.write)(value, currency));
                right(&text, column.width)
            })
            .collect();
        let (ink, mark) = match (report.verdicts.is_empty(), report.passed()) {
            (true, _) => (Ink::Plain, "  "),
            (false, true) => (Ink::Good, "✓ "),
            (false, false) => (Ink::Bad, "✗ "),
        };
        let name = left(report.name(), name_width - 2);
        page.row(&[(ink, mark), (Ink::Strong, &name), (Ink::Plain, &cells)]);
        if !std::ptr::eq(report, first) {
            page.row(&[(Ink::Faint, &changes(report, first, name_width))]);
        }
    }
    if reports.iter().any(|report| report.seeds.len() < 2) {
        page.row(&[(Ink::Faint, "waits in seconds; one seed each: differences are not proven")]);
    } else {
        page.row(&[(Ink::Faint, "waits in seconds; means over seeds, relative to the first")]);
    }
    page.finish()
}

/// The second line of a scenario: its changes from the first.
fn changes(report: &Report, first: &Report, name_width: usize) -> String {
    let mut text = left("", name_width);
    for column in &COLUMNS {
        let change = match ((column.value)(report), (column.value)(first)) {
            (Some(value), Some(base)) if column.relative => relative(value, base),
            _ => String::new(),
        };
        text.push_str(&right(&change, column.width));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn several_scenarios_share_a_table() {
        let mut other = sample::report(&[8], &["message.wait.p95<20s"]);
        other.outcome.name = "overlay".to_owned();
        let reports = [sample::report(&[7], &[]), other];
        let text = comparison(&reports, Look::PLAIN);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }
}
