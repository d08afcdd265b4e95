//! One scenario on one screen: verdict, the two clocks, where the waiting went, money and nodes,
//! walls, and what the reader must know to trust it.

use super::page::{Ink, Look, Page, bar, left, right};
use super::verdict;
use crate::record::PoolTotals;
use crate::report::advice::advice;
use crate::report::model::{Clock, Report, WaitShare};
use crate::report::number::{counted, grouped, money, percent, plain, seconds};
use crate::report::wall::walls;
use crate::vocabulary::Cause;

/// Lines of a terminal; what matters is seen without scrolling.
pub const SCREEN: usize = 25;

/// How many rows of each list are shown.
#[derive(Clone, Copy)]
struct Rows {
    causes: usize,
    conditions: usize,
    pools: usize,
    walls: usize,
    not_modelled: usize,
}

/// From all that a screen may show to what it must.
const CUTS: [Rows; 8] = [
    Rows { causes: 5, conditions: 8, pools: 8, walls: 8, not_modelled: 3 },
    Rows { causes: 4, conditions: 8, pools: 8, walls: 4, not_modelled: 3 },
    Rows { causes: 3, conditions: 8, pools: 8, walls: 3, not_modelled: 3 },
    Rows { causes: 3, conditions: 6, pools: 6, walls: 3, not_modelled: 1 },
    Rows { causes: 3, conditions: 4, pools: 4, walls: 2, not_modelled: 1 },
    Rows { causes: 3, conditions: 2, pools: 3, walls: 1, not_modelled: 1 },
    Rows { causes: 2, conditions: 1, pools: 2, walls: 1, not_modelled: 1 },
    Rows { causes: 1, conditions: 1, pools: 1, walls: 1, not_modelled: 1 },
];

/// The summary of one scenario. Lists are cut until it fits the screen.
pub fn summary(report: &Report, look: Look) -> String {
    let mut page = shown(report, look, CUTS[0]);
    // A narrow page has wrapped lines anyway, and whoever has one scrolls.
    for cut in &CUTS[1..] {
        if page.lines() <= SCREEN || page.width() < WIDE {
            break;
        }
        page = shown(report, look, *cut);
    }
    page.finish()
}

fn shown(report: &Report, look: Look, rows: Rows) -> Page {
    let mut page = Page::new(look);
    verdict::write(&mut page, report, rows.conditions);
    clocks(&mut page, report);
    waiting(&mut page, report, rows.causes);
    pools(&mut page, report, rows.pools);
    for wall in walls(report).iter().take(rows.walls) {
        page.prose(Ink::Bad, &format!("WALL {wall}"), 5);
    }
    if let Some(first) = advice(report).first() {
        page.prose(Ink::Warn, &format!("TRY {first}"), 4);
    }
    footing(&mut page, report, rows.not_modelled);
    page
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
    intervals(page, report);
}

/// How sure the means over seeds are.
fn intervals(page: &mut Page, report: &Report) {
    let clocks = [("message", "messages.wait.p95"), ("pod pending", "pods.pending.p95")];
    let said = clocks.iter().filter_map(|(name, path)| {
        let over = report.study.figure(path)?;
        Some(format!("{name} {} ± {}", plain(over.mean), plain(over.half_width?)))
    });
    let said: Vec<String> = said.collect();
    if !said.is_empty() {
        let text = format!("  p95 over {} seeds: {} (95 %)", report.seeds.len(), said.join(", "));
        page.prose(Ink::Faint, &text, 4);
    }
}

/// The longest name of a cause, indented.
const CAUSE_WIDTH: usize = 19;

fn waiting(page: &mut Page, report: &Report, rows: usize) {
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
        if wait.share >= 0.1 && !causes[..causes.len().min(rows)].contains(&wait.cause) {
            causes.retain(|cause| *cause != wait.cause);
            causes.insert(causes.len().min(rows - 1), wait.cause);
        }
    }
    for cause in causes.iter().take(rows) {
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

/// How many of a list are shown: a line that stands for a single row saves nothing.
pub fn shown_of(all: usize, most: usize) -> usize {
    if all <= most + 1 { all } else { most }
}

fn pools(page: &mut Page, report: &Report, most: usize) {
    let total = report.figure("cost.total");
    let amount = |pool: &PoolTotals| report.figure(&format!("cost.byPool.{}", pool.name));
    let mut pools: Vec<&PoolTotals> = report.outcome.pools.iter().collect();
    let most = shown_of(pools.len(), most);
    if pools.len() > most {
        pools.sort_by(|a, b| amount(b).total_cmp(&amount(a)));
    }
    if pools.is_empty() {
        page.gap();
        return totals(page, report);
    }
    let header = pool_cells(page, POOL_COLUMNS.each_ref().map(|one| one.heading.to_owned()));
    let name_width = if page.width() >= WIDE { 25 } else { 22 };
    heading(page, &left("Nodes and cost", name_width), &header);
    let (rows, rest) = pools.split_at(most);
    for pool in rows {
        let at = |key: &str| report.figure(&format!("nodes.{}.{key}", pool.name));
        let amount = amount(pool);
        let cells = [
            plain(at("peak")),
            plain(at("nodeSeconds") / 3_600.0),
            percent(at("cpuRequestedShare")),
            plain(at("evicted")),
            money(report.per_month(amount), &report.outcome.currency),
            percent(if total > 0.0 { amount / total } else { 0.0 }),
        ];
        let figures = pool_cells(page, cells);
        let purchase = if pool.spot { "spot" } else { "on-demand" };
        let name = format!("  {} ({purchase})", pool.name);
        page.row(&[(Ink::Plain, &left(&name, name_width)), (Ink::Plain, &figures)]);
    }
    if !rest.is_empty() {
        let amount = rest.iter().map(|pool| amount(pool)).sum();
        let amount = money(report.per_month(amount), &report.outcome.currency);
        let others = counted(rest.len() as u64, "cheaper pool", "cheaper pools");
        page.row(&[(Ink::Faint, &format!("  {others}, {amount} per month"))]);
    }
    totals(page, report);
}

fn totals(page: &mut Page, report: &Report) {
    let month = |amount| report.per_month(amount);
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

fn footing(page: &mut Page, report: &Report, named: usize) {
    let missing = &report.outcome.not_modelled;
    if !missing.is_empty() {
        let named: Vec<&str> = missing.iter().take(named).map(String::as_str).collect();
        let more = missing.len() - named.len();
        let tail =
            if more > 0 { format!(" and {more} more (manifest.json)") } else { String::new() };
        page.prose(Ink::Warn, &format!("not modelled: {}{tail}", named.join(", ")), 2);
    }
    let (assumed, all) = (report.assumed(), report.assumptions.len());
    let mut last = match &report.folder {
        Some(folder) => format!("files: {folder}"),
        None => String::new(),
    };
    if assumed > 0 {
        let apart = if last.is_empty() { "" } else { "; " };
        last.push_str(&format!("{apart}{assumed} of {all} defaults assumed (explain --defaults)"));
    }
    if !last.is_empty() {
        page.prose(Ink::Faint, &last, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn printed(seeds: &[u64], conditions: &[&str], width: usize) -> String {
        summary(&sample::report(seeds, conditions), Look { width, colour: false })
    }

    #[test]
    fn a_summary_fits_one_screen_of_80_columns() {
        let text = printed(&[7], &["message.wait.p95<120s", "cost.month<4000"], 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() <= SCREEN, "{} lines", text.lines().count());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn long_lists_are_cut_to_the_screen() {
        let conditions: Vec<String> =
            (1..=12).map(|limit| format!("message.wait.p95<{}s", limit * 1_000)).collect();
        let conditions: Vec<&str> = conditions.iter().map(String::as_str).collect();
        let mut report = sample::report(&[7, 8, 9], &conditions);
        let pool = report.outcome.pools[1].clone();
        for number in 0..20 {
            let name = format!("team{number}");
            report.outcome.pools.push(PoolTotals { name, ..pool.clone() });
        }
        report.outcome.not_modelled = vec!["a long sentence about a thing".to_owned(); 9];
        let text = summary(&report, Look { width: 80, colour: false });
        assert!(text.lines().count() <= SCREEN, "{text}");
        for kept in ["FAIL", "✗ message.wait.p95", "more conditions", "cheaper pools", "TRY "] {
            assert!(text.contains(kept), "{kept} is missing:\n{text}");
        }
    }

    #[test]
    fn without_conditions_the_finding_is_the_verdict() {
        insta::assert_snapshot!(
            printed(&[7], &[], 80).lines().take(4).collect::<Vec<_>>().join("\n")
        );
    }

    #[test]
    fn narrow_terminals_lose_columns_not_lines() {
        let text = printed(&[7], &["message.wait.p95<120s"], 48);
        assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn several_seeds_say_how_sure_they_are() {
        insta::assert_snapshot!(printed(&[7, 8, 9], &["message.wait.p95<2000s"], 80));
    }
}
