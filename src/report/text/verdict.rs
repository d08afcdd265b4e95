//! The verdict: which conditions hold, or the finding in one sentence.

use super::page::{Ink, Page, left, right};
use super::summary::shown_of;
use crate::report::model::{Clock, Report};
use crate::report::number::{counted, length, money, percent, plain};
use crate::study::{Unit, Verdict};
use crate::vocabulary::Cause;

/// A figure in its unit.
pub fn shown(value: f64, unit: Unit, currency: &str) -> String {
    match unit {
        Unit::Seconds => format!("{} s", plain(value)),
        Unit::Count => plain(value),
        Unit::Money => money(value, currency),
        Unit::Share => percent(value),
        Unit::Hours => format!("{} h", plain(value)),
    }
}

/// The figure of a verdict, or that there is none.
pub fn figure(verdict: &Verdict, currency: &str) -> String {
    verdict.value.map_or("no value".to_owned(), |value| shown(value, verdict.unit, currency))
}

/// What follows the name in the text of a condition, as a person writes it: `< 120s`.
pub fn limit(verdict: &Verdict) -> String {
    let text = verdict.threshold.text.as_str();
    let condition = text.find(['<', '>', '=']).map_or(text, |start| &text[start..]);
    let value = condition.trim_start_matches(['<', '>', '=']);
    format!("{} {}", &condition[..condition.len() - value.len()], value.trim())
}

/// The finding in one sentence: who waited, how long, and what for.
pub fn finding(report: &Report) -> String {
    let messages = report.figure("messages.arrived") > 0.0;
    let (clock, who, path) = if messages {
        (Clock::Message, "messages", "messages.wait")
    } else {
        (Clock::Pod, "pods", "pods.pending")
    };
    let at = |q: &str| report.study.mean(&format!("{path}.{q}"));
    let (Some(half), Some(most)) = (at("p50"), at("p95")) else {
        return format!("no {who} to measure: nothing was completed after warm-up");
    };
    let mut text = format!(
        "half of the {who} waited at most {}, 95 % at most {}",
        length_or_none(half),
        length_or_none(most)
    );
    if let Some(first) = report.waits(clock).first() {
        text.push_str(&format!(
            "; {} of the waiting is {}: {}",
            percent(first.share),
            first.cause.name(),
            first.cause.meaning()
        ));
        if first.cause == Cause::Busy && first.share > 0.5 {
            text.push_str(" (more nodes will not help)");
        }
    }
    text
}

fn length_or_none(seconds: f64) -> String {
    if seconds == 0.0 { "0 s".to_owned() } else { length(seconds) }
}

/// Writes the first lines of a summary, with at most so many conditions.
pub fn write(page: &mut Page, report: &Report, most: usize) {
    let name = report.name();
    let failed: Vec<&Verdict> = report.verdicts.iter().filter(|one| !one.passed).collect();
    let currency = &report.outcome.currency;
    if report.verdicts.is_empty() {
        page.prose(Ink::Strong, &format!("{name}: {}", finding(report)), 2);
    } else if let Some(first) = failed.first() {
        let metric = &first.threshold.metric;
        let line =
            format!(" {name}: {metric} {}, wanted {}", figure(first, currency), limit(first));
        page.row(&[(Ink::Bad, "FAIL"), (Ink::Strong, &line)]);
    } else {
        let all = match report.verdicts.len() {
            1 => "the condition holds".to_owned(),
            many => format!("all {many} conditions hold"),
        };
        page.row(&[(Ink::Good, "PASS"), (Ink::Strong, &format!(" {name}: {all}"))]);
    }
    when(page, report);
    conditions(page, report, most);
    unfinished(page, report);
}

/// The conditions; where there is no room for all, those that fail come first.
fn conditions(page: &mut Page, report: &Report, most: usize) {
    let currency = &report.outcome.currency;
    let mut verdicts: Vec<&Verdict> = report.verdicts.iter().collect();
    let most = shown_of(verdicts.len(), most);
    if verdicts.len() > most {
        verdicts.sort_by_key(|one| one.passed);
    }
    let (rows, rest) = verdicts.split_at(most);
    let widest = |text: &dyn Fn(&Verdict) -> String| {
        rows.iter().map(|one| text(one).chars().count()).max().unwrap_or(0)
    };
    let widths = (
        widest(&|one| one.threshold.metric.clone()).min(page.width() / 2),
        widest(&|one| figure(one, currency)),
    );
    for verdict in rows {
        condition(page, verdict, widths, currency);
    }
    if !rest.is_empty() {
        let more = counted(rest.len() as u64, "more condition", "more conditions");
        let failed = rest.iter().filter(|one| !one.passed).count();
        page.row(&[(Ink::Faint, &format!("    {more}, {failed} of them failed"))]);
    }
}

fn condition(page: &mut Page, verdict: &Verdict, widths: (usize, usize), currency: &str) {
    let (ink, mark) = if verdict.passed { (Ink::Good, "  ✓ ") } else { (Ink::Bad, "  ✗ ") };
    let doubt = verdict.note.as_ref().map_or(String::new(), |note| format!("  {note}"));
    let name = left(&verdict.threshold.metric, widths.0);
    let got = right(&figure(verdict, currency), widths.1 + 2);
    let wanted = format!("  {}", limit(verdict));
    page.row(&[
        (ink, mark),
        (Ink::Plain, &name),
        (Ink::Strong, &got),
        (Ink::Faint, &wanted),
        (Ink::Warn, &doubt),
    ]);
}

fn when(page: &mut Page, report: &Report) {
    let outcome = &report.outcome;
    let start = jiff::Timestamp::from_second(outcome.start_epoch).unwrap_or_default();
    let date = start.strftime("%a %-d %b %Y %H:%M UTC");
    let simulated = length(outcome.end.as_secs_f64());
    let seeds = match report.seeds.as_slice() {
        [] => String::new(),
        [seed] => format!(", seed {seed}"),
        [first, .., last] => format!(", seeds {first}-{last}"),
    };
    let proof = match (report.seeds.len(), report.verdicts.is_empty()) {
        (0 | 1, _) => " (one seed, not proven)".to_owned(),
        (_, false) => {
            let open = report.verdicts.iter().filter(|verdict| !verdict.proven).count();
            if open == 0 { " (proven)".to_owned() } else { format!(" ({open} not proven)") }
        }
        (many, true) => format!(" (means of {many})"),
    };
    page.prose(Ink::Faint, &format!("  {date}, {simulated} simulated{seeds}{proof}"), 2);
}

fn unfinished(page: &mut Page, report: &Report) {
    let queued = report.figure("messages.queuedAtEnd");
    if queued > 0.0 {
        let text = format!(
            "{} still queued at the end, the oldest for {}",
            counted(queued.round().max(1.0) as u64, "message", "messages"),
            length(report.figure("messages.ageAtEnd.max"))
        );
        page.prose(Ink::Warn, &format!("  {text}"), 2);
    }
    let dead = report.figure("messages.deadLettered");
    if dead > 0.0 {
        let text = format!(
            "{} dead-lettered: given up after too many deliveries",
            counted(dead.round().max(1.0) as u64, "message", "messages")
        );
        page.prose(Ink::Warn, &format!("  {text}"), 2);
    }
}
