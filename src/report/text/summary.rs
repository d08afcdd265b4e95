//! One scenario on one screen: verdict, the two clocks, where the waiting went, money and nodes,
//! walls, and what the reader must know to trust it.

use super::page::{Ink, Look, Page, bar, left, right};
use super::verdict;
use crate::report::model::{Clock, Report, WaitShare};
use crate::report::number::{counted, grouped, length, money, percent, plain, seconds};
use crate::vocabulary::Cause;

/// The summary of one scenario.
pub fn summary(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    verdict::write(&mut page, report);
    clocks(&mut page, report);
    waiting(&mut page, report);
    pools(&mut page, report);
    walls(&mut page, report);
    footing(&mut page, report);
    page.finish()
}

fn heading(page: &mut Page, name: &str, columns: &str) {
    page.gap();
    page.row(&[(Ink::Strong, name), (Ink::Faint, columns)]);
}

fn clocks(page: &mut Page, report: &Report) {
    let messages = report.figure("messages.arrived");
    let pods = report.figure("pods.created");
    if messages + pods == 0.0 {
        return;
    }
    let mut columns = String::new();
    for q in ["p50", "p95", "p99", "max"] {
        columns.push_str(&right(q, 9));
    }
    heading(page, &left("Waiting (s)", 14), &columns);
    let mut row = |name: &str, path: &str, what: String| {
        let mut text = String::new();
        for q in ["p50", "p95", "p99", "max"] {
            let value = report.study.mean(&format!("{path}.{q}"));
            text.push_str(&right(&value.map_or("–".to_owned(), seconds), 9));
        }
        page.row(&[
            (Ink::Plain, &left(name, 14)),
            (Ink::Strong, &text),
            (Ink::Faint, &format!("  {what}")),
        ]);
        interval(page, report, &format!("{path}.p95"));
    };
    if messages > 0.0 {
        let done = report.figure("messages.completed").round() as u64;
        row("message", "messages.wait", format!("{} completed", grouped(done)));
    }
    if pods > 0.0 {
        let never = report.figure("pods.pending.censored").round() as u64;
        let mut what = counted(pods.round() as u64, "pod", "pods");
        if never > 0 {
            what.push_str(&format!(", {} never bound", grouped(never)));
        }
        row("pod pending", "pods.pending", what);
    }
}

/// How sure the mean over seeds is.
fn interval(page: &mut Page, report: &Report, path: &str) {
    let Some(over) = report.study.figure(path) else { return };
    let Some(half) = over.half_width else { return };
    let text = format!(
        "  p95 over {} seeds: {} ± {} (95 %), {} to {}",
        over.runs,
        plain(over.mean),
        plain(half),
        plain(over.min),
        plain(over.max)
    );
    page.row(&[(Ink::Faint, &text)]);
}

const CAUSES_SHOWN: usize = 6;

fn waiting(page: &mut Page, report: &Report) {
    let clocks = [Clock::Message, Clock::Pod].map(|clock| report.waits(clock));
    let Some(first) = clocks.iter().position(|waits| !waits.is_empty()) else { return };
    let both = clocks.iter().all(|waits| !waits.is_empty());
    let columns = if both {
        format!("{}{}", right("messages", 9), right("pods", 9))
    } else {
        right(if first == 0 { "messages" } else { "pods" }, 9)
    };
    heading(page, "Where the waiting went", &format!("   {}", columns.trim_start()));
    let mut causes: Vec<Cause> = Vec::new();
    for wait in &clocks[first] {
        causes.push(wait.cause);
    }
    for wait in &clocks[1] {
        if wait.share >= 0.1 && !causes[..causes.len().min(CAUSES_SHOWN)].contains(&wait.cause) {
            causes.retain(|cause| *cause != wait.cause);
            causes.insert(causes.len().min(CAUSES_SHOWN - 1), wait.cause);
        }
    }
    for cause in causes.iter().take(CAUSES_SHOWN) {
        cause_row(page, *cause, &clocks, first, both);
    }
    let rest: f64 = clocks[first]
        .iter()
        .filter(|wait| !causes[..causes.len().min(CAUSES_SHOWN)].contains(&wait.cause))
        .map(|wait| wait.share)
        .sum();
    if rest >= 0.005 {
        page.row(&[(
            Ink::Faint,
            &format!("{}{}", left("  the rest", 20), right(&percent(rest), 7)),
        )]);
    }
}

fn cause_row(
    page: &mut Page,
    cause: Cause,
    clocks: &[Vec<WaitShare>; 2],
    first: usize,
    both: bool,
) {
    let share = |clock: &[WaitShare]| {
        clock.iter().find(|wait| wait.cause == cause).map_or(0.0, |wait| wait.share)
    };
    let main = share(&clocks[first]);
    let mut figures = right(&percent(main), 7);
    if both {
        figures.push_str(&right(&percent(share(&clocks[1])), 9));
    }
    let bars = if page.width() >= 64 { 14 } else { 6 };
    page.row(&[
        (Ink::Plain, &left(&format!("  {}", cause.name()), 20)),
        (Ink::Strong, &figures),
        (Ink::Plain, " "),
        (Ink::Bar, &bar(main, bars)),
        (Ink::Faint, &format!(" {}", cause.meaning())),
    ]);
}

fn pools(page: &mut Page, report: &Report) {
    let currency = &report.outcome.currency;
    let hours = report.figure("cost.basisHours");
    let month = |amount: f64| if hours > 0.0 { amount / hours * 730.0 } else { 0.0 };
    if !report.outcome.pools.is_empty() {
        let columns = ["peak", "node-h", "cpu req.", "evicted", "per month", "share"];
        let widths = [6, 9, 9, 8, 11, 7];
        let header: String =
            columns.iter().zip(widths).map(|(name, width)| right(name, width)).collect();
        heading(page, &left("Nodes and cost", 25), &header);
        let total = report.figure("cost.total");
        for pool in &report.outcome.pools {
            let at = |key: &str| report.figure(&format!("nodes.{}.{key}", pool.name));
            let amount = report.figure(&format!("cost.byPool.{}", pool.name));
            let cells = [
                plain(at("peak")),
                plain(at("nodeSeconds") / 3_600.0),
                percent(at("cpuRequestedShare")),
                plain(at("evicted")),
                money(month(amount), currency),
                percent(if total > 0.0 { amount / total } else { 0.0 }),
            ];
            let figures: String =
                cells.iter().zip(widths).map(|(cell, width)| right(cell, width)).collect();
            let purchase = if pool.spot { "spot" } else { "on-demand" };
            let name = format!("  {} ({purchase})", pool.name);
            page.row(&[(Ink::Plain, &left(&name, 25)), (Ink::Plain, &figures)]);
        }
    } else {
        page.gap();
    }
    totals(page, report, month);
}

fn totals(page: &mut Page, report: &Report, month: impl Fn(f64) -> f64) {
    let currency = &report.outcome.currency;
    let hours = report.figure("cost.basisHours");
    let total = report.figure("cost.total");
    let basis =
        if hours < 24.0 { format!(" (from only {} h)", plain(hours)) } else { String::new() };
    let mut text = format!("  {} per month{basis}", money(month(total), currency));
    if let Some(over) = report.study.figure("cost.perMonth")
        && let Some(half) = over.half_width
    {
        text = format!(
            "  {} ± {} per month{basis}",
            money(over.mean, currency),
            money(half, currency)
        );
    }
    if total > 0.0 {
        text.push_str(&format!(
            ", idle {}, system {}",
            percent(report.figure("cost.idle") / total),
            percent(report.figure("cost.system") / total)
        ));
    }
    if let Some(thousand) = report.study.mean("cost.perThousandMessages") {
        text.push_str(&format!(", {} per 1k messages", money(thousand, currency)));
    }
    page.prose(Ink::Plain, &text, 2);
    let beside = report.figure("cost.controlPlane")
        + report.outcome.cost.items.iter().map(|(_, item)| item.money().units()).sum::<f64>();
    if beside > 0.0 {
        let text =
            format!("  of it control plane and other items {}", money(month(beside), currency));
        page.row(&[(Ink::Faint, &text)]);
    }
}

fn walls(page: &mut Page, report: &Report) {
    let subnets = report.outcome.ip.iter().map(|wall| ("ip", "subnet", "addresses", wall));
    let quotas = report.outcome.quota.iter().map(|wall| ("quota", "quota", "vCPUs", wall));
    for (key, kind, unit, wall) in subnets.chain(quotas) {
        let blocked = report.figure(&format!("{key}.{}.blockedSeconds", wall.name));
        if blocked > 0.0 {
            let peak = report.figure(&format!("{key}.{}.peak", wall.name)).round() as u64;
            let room = wall.capacity.map_or(String::new(), |all| format!(" of {}", grouped(all)));
            let text = format!(
                "{kind} {}: {}{room} {unit} in use, pods held up for {}",
                wall.name,
                grouped(peak),
                length(blocked)
            );
            page.row(&[(Ink::Bad, "WALL "), (Ink::Plain, &text)]);
        }
    }
    for cause in [Cause::BlockedMaxCount, Cause::BlockedCapacity, Cause::HpaMax] {
        let waited = report.figure(cause.name());
        if waited > 0.0 {
            let text = format!("{}: {}, {} in sum", cause.name(), cause.meaning(), length(waited));
            page.row(&[(Ink::Bad, "WALL "), (Ink::Plain, &text)]);
        }
    }
}

fn footing(page: &mut Page, report: &Report) {
    page.gap();
    let assumed = report.assumed();
    if assumed > 0 {
        let all = report.assumptions.len();
        let text = format!(
            "{} of {all} defaults are assumptions: they and their sources are in manifest.json",
            grouped(assumed as u64)
        );
        page.row(&[(Ink::Faint, &text)]);
    }
    let missing = &report.outcome.not_modelled;
    if !missing.is_empty() {
        let named: Vec<&str> = missing.iter().take(3).map(String::as_str).collect();
        let more = missing.len() - named.len();
        let tail =
            if more > 0 { format!(" and {more} more (manifest.json)") } else { String::new() };
        page.prose(Ink::Warn, &format!("not modelled: {}{tail}", named.join(", ")), 2);
    }
    if let Some(folder) = &report.folder {
        page.row(&[(Ink::Faint, &format!("files: {folder}"))]);
    }
}
