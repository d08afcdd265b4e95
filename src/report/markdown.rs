//! A comment for a pull request: verdict, one table, the rest folded.

use super::model::{Clock, Report};
use super::number::{money, percent, relative, seconds};
use super::text::{Look, finding, summary};

/// Figures that the table shows.
const ROWS: [(&str, &str, bool); 9] = [
    ("message wait p50 (s)", "messages.wait.p50", false),
    ("message wait p95 (s)", "messages.wait.p95", false),
    ("message wait max (s)", "messages.wait.max", false),
    ("pod pending p95 (s)", "pods.pending.p95", false),
    ("queued at the end", "messages.queuedAtEnd", false),
    ("pods evicted", "pods.evicted", false),
    ("cost per month", "cost.perMonth", true),
    ("idle part of it", IDLE, true),
    ("cost per 1,000 messages", "cost.perThousandMessages", true),
];

/// Of all amounts the only one that is not a month's yet.
const IDLE: &str = "cost.idle";

/// A figure of the table; amounts are a month's.
fn figure(report: &Report, path: &str) -> Option<f64> {
    let amount = report.study.mean(path)?;
    Some(if path == IDLE { report.per_month(amount) } else { amount })
}

/// The results of one or several scenarios as Markdown.
pub fn markdown(reports: &[Report]) -> String {
    // A bot that posts this finds its last comment by the first line.
    let mut text = "<!-- forescale -->\n".to_owned();
    for report in reports {
        verdict(&mut text, report);
    }
    deltas(&mut text, reports);
    table(&mut text, reports);
    for report in reports {
        let waits = report.waits(Clock::Message);
        if !waits.is_empty() {
            let parts: Vec<String> = waits
                .iter()
                .take(5)
                .map(|wait| format!("`{}` {}", wait.cause.name(), percent(wait.share)))
                .collect();
            text.push_str(&format!(
                "\n**{}**, where messages waited: {}\n",
                escaped(report.name()),
                parts.join(", ")
            ));
        }
        bill(&mut text, report);
        let screen = summary(report, Look::PLAIN);
        text.push_str(&format!(
            "\n<details><summary>{}</summary>\n\n```text\n{}```\n\n</details>\n",
            escaped(report.name()),
            screen.replace("```", "'''")
        ));
    }
    text
}

fn verdict(text: &mut String, report: &Report) {
    let name = escaped(report.name());
    if report.verdicts.is_empty() {
        text.push_str(&format!("**{name}**: {}\n\n", escaped(&finding(report))));
        return;
    }
    let word = if report.passed() { "PASS" } else { "FAIL" };
    text.push_str(&format!("**{word} {name}**\n\n"));
    for one in &report.verdicts {
        let mark = if one.passed { "✓" } else { "✗" };
        let got = super::text::figure(one, &report.outcome.currency);
        let note = one.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        let proof = if one.proven { "" } else { ", not proven" };
        let wanted = &one.threshold.text;
        text.push_str(&format!(
            "- {mark} `{wanted}`: {}{proof}{}\n",
            escaped(&got),
            escaped(&note)
        ));
    }
    text.push('\n');
}

/// What each scenario costs against the first.
fn deltas(text: &mut String, reports: &[Report]) {
    let cost = |report: &Report| report.study.mean("cost.perMonth");
    let Some((base, before)) = reports.first().and_then(|first| Some((first, cost(first)?))) else {
        return;
    };
    for report in &reports[1..] {
        let Some(now) = cost(report) else { continue };
        let currency = &report.outcome.currency;
        let sign = if now >= before { "+" } else { "" };
        text.push_str(&format!(
            "**{}** costs {} a month: {sign}{} ({}) against **{}**.\n\n",
            escaped(report.name()),
            money(now, currency),
            money(now - before, currency),
            relative(now, before),
            escaped(base.name())
        ));
    }
}

/// What commitments did, and what is not in the bill.
fn bill(text: &mut String, report: &Report) {
    let name = escaped(report.name());
    for one in &report.outcome.cost.commitments {
        let at = |key: &str| report.figure(&format!("cost.commitments.{}.{key}", one.name));
        text.push_str(&format!(
            "\n**{name}**, commitment {}: {} used, saves {} a month\n",
            escaped(&one.name),
            percent(at("utilisation")),
            money(report.per_month(at("saved")), &report.outcome.currency)
        ));
    }
    let left_out: Vec<&str> = report
        .outcome
        .cost
        .not_priced
        .iter()
        .map(|line| line.split(':').next().unwrap_or(line))
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!("\n**{name}**, not in the bill: {}\n", left_out.join(", ")));
    }
}

fn table(text: &mut String, reports: &[Report]) {
    let names: Vec<String> = reports.iter().map(|report| escaped(report.name())).collect();
    text.push_str(&format!("| | {} |\n", names.join(" | ")));
    text.push_str(&format!("|---|{}\n", "---:|".repeat(reports.len())));
    for (name, path, is_money) in ROWS {
        let cells: Vec<String> = reports
            .iter()
            .enumerate()
            .map(|(index, report)| {
                let Some(value) = figure(report, path) else { return "–".to_owned() };
                let shown =
                    if is_money { money(value, &report.outcome.currency) } else { seconds(value) };
                match reports.first().and_then(|first| figure(first, path)) {
                    Some(base) if index > 0 => format!("{shown} ({})", relative(value, base)),
                    _ => shown,
                }
            })
            .collect();
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
}

/// Text that is not mistaken for markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                safe.push('\\');
                safe.push(letter);
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_comment_starts_with_the_verdict() {
        let text = markdown(&[sample::report(&[7], &["message.wait.p95<120s"])]);
        let head: Vec<&str> = text.lines().take(16).collect();
        insta::assert_snapshot!(head.join("\n"));
    }

    #[test]
    fn several_files_begin_with_what_they_cost_against_the_first() {
        let base = sample::report(&[7], &[]);
        let mut dear = sample::report(&[7], &[]);
        dear.outcome.name = "dear".to_owned();
        dear.outcome.cost.total = crate::unit::Accrual(dear.outcome.cost.total.0 * 5 / 4);
        dear.outcome.cost.not_priced.push("egress: `prices.egress: {gbPerMonth: 100}`".to_owned());
        let runs = vec![crate::study::Summary::of(&dear.outcome)];
        dear.study = crate::study::Aggregate { runs };
        let text = markdown(&[base, dear]);
        let delta = "**dear** costs $1,821 a month: +$364.25 (+25 %) against **order-processor**.";
        assert!(text.contains(delta), "{text}");
        assert!(text.contains("**dear**, not in the bill: egress\n"), "{text}");
        assert!(text.len() < 65_000, "a comment on GitHub takes no more");
    }
}
