//! A telling as text that fits a width.

use super::book::Book;
use super::telling::{Line, Part, Telling};
use crate::report::text::{Ink, Look, Page, bar, left, right};
use crate::report::{grouped, percent};
use crate::vocabulary::Cause;

/// Columns that a line's later rows are indented by.
const INDENT: usize = 4;

/// A telling as text.
pub fn text(book: &Book<'_>, telling: &Telling, look: Look) -> String {
    let mut page = Page::new(look);
    page.prose(Ink::Strong, &telling.title, 2);
    for fact in &telling.facts {
        page.prose(Ink::Plain, &format!("  {fact}"), 2);
    }
    page.gap();
    // A rule or setting is told once, where it first matters.
    let mut told: Vec<String> = Vec::new();
    for line in &telling.lines {
        write_line(&mut page, book, line);
        for text in grounds(line) {
            if !told.contains(&text) {
                let shown = format!("{}{text}", " ".repeat(INDENT));
                page.prose(Ink::Faint, &shown, INDENT + 2);
                told.push(text);
            }
        }
    }
    split(&mut page, telling);
    if !telling.verdict.is_empty() {
        page.gap();
    }
    for said in &telling.verdict {
        page.prose(Ink::Strong, said, 2);
    }
    page.finish()
}

fn write_line(page: &mut Page, book: &Book<'_>, line: &Line) {
    let ink = if line.wait.is_some() { Ink::Warn } else { Ink::Plain };
    let text = format!("{} {}: {}", book.clock(line.at), line.who, line.what);
    page.prose(ink, &text, INDENT);
}

/// What a line rests on: its rule, its setting.
fn grounds(line: &Line) -> Vec<String> {
    let mut found = Vec::new();
    if !line.rule.is_empty() {
        found.push(format!("rule: {}", line.rule));
    }
    if let Some(setting) = &line.setting {
        let value =
            if setting.value.is_empty() { String::new() } else { format!(" = {}", setting.value) };
        found.push(format!("setting: {}{value} ({})", setting.path, setting.provenance()));
    }
    found
}

/// Milliseconds as seconds, digits in groups.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", grouped(millis / 1_000), millis % 1_000)
}

/// The table of causes; its rows add up to its last one.
fn split(page: &mut Page, telling: &Telling) {
    let all: u64 = telling.parts.iter().map(Part::millis).sum();
    if telling.parts.is_empty() {
        return;
    }
    page.gap();
    page.prose(Ink::Strong, &format!("Where the time went, {} (s)", telling.whole), 2);
    let mut totals: Vec<(Cause, u64)> = Vec::new();
    for part in &telling.parts {
        match totals.iter_mut().find(|(cause, _)| *cause == part.cause) {
            Some((_, millis)) => *millis += part.millis(),
            None => totals.push((part.cause, part.millis())),
        }
    }
    totals.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    for (cause, millis) in totals {
        let share = millis as f64 / all.max(1) as f64;
        page.row(&[
            (Ink::Plain, &left(&format!("  {}", cause.name()), 19)),
            (Ink::Strong, &right(&seconds(millis), 14)),
            (Ink::Plain, &right(&percent(share), 8)),
            (Ink::Plain, " "),
            (Ink::Bar, &bar(share, 20)),
        ]);
    }
    let sum = right(&seconds(all), 14);
    page.row(&[(Ink::Plain, &left("  total", 19)), (Ink::Strong, &sum)]);
}
