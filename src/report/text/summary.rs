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

/// Narrower pages leave columns out.
const WIDE: usize = 72;

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
    let cell = if page.width() >= WIDE { 9 } else { 7 };
    let mut columns = String::new();
    for q in ["p50", "p95", "p99", "max"] {
        columns.push_str(&right(q, cell));
    }
    heading(page, &left("Waiting (s)", 14), &columns);
    let mut row = |name: &str, path: &str, what: String| {
        let mut text = String::new();
        for q in ["p50", "p95", "p99", "max"] {
            let value = report.study.mean(&format!("{path}.{q}"));
            text.push_str(&right(&value.map_or("–".to_owned(), seconds), cell));
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

const CAUSES_SHOWN: usize = 5;

/// The longest name of a cause, indented.
const CAUSE_WIDTH: usize = 19;

fn waiting(page: &mut Page, report: &Report) {
    let clocks = [Clock::Message, Clock::Pod].map(|clock| report.waits(clock));
    let Some(first) = clocks.iter().position(|waits| !waits.is_empty()) else { return };
    let both = clocks.iter().all(|waits| !waits.is_empty());
    let columns = match (both, first) {
        (true, _) => "   msgs   pods",
        (false, 0) => "   msgs",
        (false, _) => "   pods",
    };
    heading(page, &left("Waiting for", CAUSE_WIDTH - 1), columns);
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
    let mut figures = right(&percent(main), 6);
    if both {
        figures.push_str(&right(&percent(share(&clocks[1])), 7));
    }
    let bars = if page.width() >= WIDE { 10 } else { 6 };
    page.row(&[
        (Ink::Plain, &left(&format!("  {}", cause.name()), CAUSE_WIDTH)),
        (Ink::Strong, &figures),
        (Ink::Plain, " "),
        (Ink::Bar, &bar(main, bars)),
        (Ink::Faint, &format!(" {}", cause.meaning())),
    ]);
}

/// A column of the table of pools.
struct PoolColumn {
    heading: &'static str,
    width: usize,
    /// Whether narrow pages keep it.
    kept: bool,
}

const POOL_COLUMNS: [PoolColumn; 6] = [
    PoolColumn { heading: "peak", width: 6, kept: true },
    PoolColumn { heading: "node-h", width: 9, kept: false },
    PoolColumn { heading: "cpu req.", width: 9, kept: false },
    PoolColumn { heading: "evicted", width: 8, kept: false },
    PoolColumn { heading: "per month", width: 11, kept: true },
    PoolColumn { heading: "share", width: 7, kept: true },
];

fn pool_cells(page: &Page, cells: [String; 6]) -> String {
    POOL_COLUMNS
        .iter()
        .zip(cells)
        .filter(|(column, _)| column.kept || page.width() >= WIDE)
        .map(|(column, cell)| right(&cell, column.width))
        .collect()
}

fn pools(page: &mut Page, report: &Report) {
    let currency = &report.outcome.currency;
    let hours = report.figure("cost.basisHours");
    let month = |amount: f64| if hours > 0.0 { amount / hours * 730.0 } else { 0.0 };
    if !report.outcome.pools.is_empty() {
        let header = pool_cells(page, POOL_COLUMNS.each_ref().map(|one| one.heading.to_owned()));
        let name_width = if page.width() >= WIDE { 25 } else { 22 };
        heading(page, &left("Nodes and cost", name_width), &header);
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
            let figures = pool_cells(page, cells);
            let purchase = if pool.spot { "spot" } else { "on-demand" };
            let name = format!("  {} ({purchase})", pool.name);
            page.row(&[(Ink::Plain, &left(&name, name_width)), (Ink::Plain, &figures)]);
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
    let beside = report.figure("cost.controlPlane")
        + report.outcome.cost.items.iter().map(|(_, item)| item.money().units()).sum::<f64>();
    if beside > 0.0 {
        text.push_str(&format!(", control plane and others {}", money(month(beside), currency)));
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
            page.prose(Ink::Bad, &format!("WALL {text}"), 5);
        }
    }
    for cause in [Cause::BlockedMaxCount, Cause::BlockedCapacity, Cause::HpaMax] {
        let waited = report.figure(cause.name());
        if waited > 0.0 {
            let text = format!("{}: {}, {} in sum", cause.name(), cause.meaning(), length(waited));
            page.prose(Ink::Bad, &format!("WALL {text}"), 5);
        }
    }
    for name in &report.outcome.workload_names {
        let refused = report.figure(&format!("workloads.{name}.refused")).round() as u64;
        if refused > 0 {
            let times = counted(refused, "time", "times");
            let text = format!("WALL admission: a pod of {name} was refused {times} (journal)");
            page.prose(Ink::Bad, &text, 5);
        }
    }
}

fn footing(page: &mut Page, report: &Report) {
    let assumed = report.assumed();
    if assumed > 0 {
        let all = report.assumptions.len();
        let text = format!(
            "{} of {all} defaults are assumptions: they and their sources are in manifest.json",
            grouped(assumed as u64)
        );
        page.prose(Ink::Faint, &text, 2);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn shown(seeds: &[u64], conditions: &[&str], width: usize) -> String {
        summary(&sample::report(seeds, conditions), Look { width, colour: false })
    }

    #[test]
    fn a_summary_fits_one_screen_of_80_columns() {
        let text = shown(&[7], &["message.wait.p95<120s", "cost.month<4000"], 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() <= 27, "{} lines", text.lines().count());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn without_conditions_the_finding_is_the_verdict() {
        insta::assert_snapshot!(
            shown(&[7], &[], 80).lines().take(4).collect::<Vec<_>>().join("\n")
        );
    }

    #[test]
    fn narrow_terminals_lose_columns_not_lines() {
        let text = shown(&[7], &["message.wait.p95<120s"], 48);
        assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn several_seeds_say_how_sure_they_are() {
        insta::assert_snapshot!(shown(&[7, 8, 9], &["message.wait.p95<2000s"], 80));
    }
}
