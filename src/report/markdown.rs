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
    ("cost per 1,000 messages", "cost.perThousandMessages", true),
    ("idle part of the cost", "cost.idle", true),
];

/// The results of one or several scenarios as Markdown.
pub fn markdown(reports: &[Report]) -> String {
    // A bot that posts this finds its last comment by the first line.
    let mut text = "<!-- forescale -->\n".to_owned();
    for report in reports {
        verdict(&mut text, report);
    }
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

fn table(text: &mut String, reports: &[Report]) {
    let names: Vec<String> = reports.iter().map(|report| escaped(report.name())).collect();
    text.push_str(&format!("| | {} |\n", names.join(" | ")));
    text.push_str(&format!("|---|{}\n", "---:|".repeat(reports.len())));
    for (name, path, is_money) in ROWS {
        let cells: Vec<String> = reports
            .iter()
            .enumerate()
            .map(|(index, report)| {
                let Some(value) = report.study.mean(path) else { return "–".to_owned() };
                let shown =
                    if is_money { money(value, &report.outcome.currency) } else { seconds(value) };
                match reports.first().and_then(|first| first.study.mean(path)) {
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
}
