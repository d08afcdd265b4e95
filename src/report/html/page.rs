//! The page: sections in the order of a reader's questions.

use askama::Template;
use plotly::Plot;
use serde_json::Value;

use super::bill::Bill;
use super::clock::clocks;
use super::figure::embedded;
use super::panel::{Panels, align, panels};
use super::split::{self, Bar, group};
use crate::report::advice::advice;
use crate::report::model::{Clock, Report, WaitShare};
use crate::report::number::{counted, length, money, percent, plain, seconds};
use crate::report::text::{figure, finding};
use crate::report::wall::walls;

/// The page of one or several scenarios.
pub fn html(reports: &[Report]) -> String {
    let clocks = clocks(reports);
    let drawn: Vec<Panels> = reports.iter().map(|report| panels(&report.outcome)).collect();
    let mut figures: Vec<Value> = drawn.iter().map(|one| one.figure.clone()).collect();
    if reports.len() > 1 {
        align(&mut figures);
    }
    let scenarios = reports.iter().zip(drawn).map(|(report, panels)| Scenario::of(report, panels));
    let page = Page {
        title: reports.iter().map(Report::name).collect::<Vec<_>>().join(" · "),
        scenarios: scenarios.collect(),
        clock_sentence: clocks.as_ref().map(|(_, sentence)| sentence.clone()),
        comparison: if reports.len() > 1 { comparison(reports) } else { Vec::new() },
        style: include_str!("style.css"),
        script: include_str!("page.js"),
        plotly: plotly_script(),
        figures: {
            let clock = clocks.map_or(Value::Null, |(figure, _)| figure);
            let panels = Value::Array(figures);
            embedded(&serde_json::json!({"clock": clock, "panels": panels}))
        },
    };
    page.render().expect("writing to memory does not fail")
}

/// Plotly alone: the crate's other script draws formulae, which the page has none of.
fn plotly_script() -> String {
    const END: &str = "</script>";
    let both = Plot::offline_js_sources();
    let end = both.find(END).map_or(both.len(), |at| at + END.len());
    both[..end].to_owned()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    scenarios: Vec<Scenario>,
    clock_sentence: Option<String>,
    comparison: Vec<Vec<String>>,
    style: &'static str,
    script: &'static str,
    plotly: String,
    figures: String,
}

struct Scenario {
    name: String,
    verdict: &'static str,
    finding: String,
    when: String,
    conditions: Vec<Condition>,
    walls: Vec<String>,
    bill: Bill,
    money: Vec<[String; 2]>,
    clocks: Vec<Vec<String>>,
    waits: Vec<Waits>,
    sentences: Vec<String>,
    height: usize,
    worst: Vec<Bar>,
    advice: Vec<Vec<Piece>>,
    assumptions: Vec<[String; 3]>,
    not_modelled: Vec<Vec<Piece>>,
    left_out: Vec<Vec<Piece>>,
}

/// A piece of a sentence: words, or what the user would type.
struct Piece {
    code: bool,
    text: String,
}

/// A sentence at its backticks.
fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| Piece { code: index % 2 == 1, text: part.to_owned() }).collect()
}

struct Condition {
    passed: bool,
    text: String,
    value: String,
    note: String,
}

/// Where one clock's waiting went.
struct Waits {
    who: &'static str,
    causes: Vec<Wait>,
}

struct Wait {
    cause: String,
    meaning: String,
    group: &'static str,
    share: String,
    width: String,
    time: String,
}

impl Scenario {
    fn of(report: &Report, panels: Panels) -> Self {
        let outcome = &report.outcome;
        let mut worst = split::messages(outcome);
        worst.extend(split::pods(outcome));
        let verdict = match (report.verdicts.is_empty(), report.passed()) {
            (true, _) => "",
            (false, true) => "PASS",
            (false, false) => "FAIL",
        };
        Self {
            name: report.name().to_owned(),
            verdict,
            finding: finding(report),
            when: when(report),
            conditions: conditions(report),
            walls: walls(report),
            bill: Bill::of(report),
            money: totals(report),
            clocks: waiting_times(report),
            waits: waits(report),
            sentences: panels.sentences,
            height: panels.height,
            worst,
            advice: advice(report).iter().map(|line| pieces(line)).collect(),
            assumptions: report
                .assumptions
                .iter()
                .filter(|one| one.assumed)
                .map(|one| [one.path.clone(), one.value.clone(), one.source.clone()])
                .collect(),
            not_modelled: outcome.not_modelled.iter().map(|line| pieces(line)).collect(),
            left_out: outcome.cost.not_priced.iter().map(|line| pieces(line)).collect(),
        }
    }
}

fn when(report: &Report) -> String {
    let outcome = &report.outcome;
    let start = jiff::Timestamp::from_second(outcome.start_epoch).unwrap_or_default();
    let seeds = match report.seeds.as_slice() {
        [one] => format!("seed {one}: one seed, not proven"),
        many => format!("means of {} seeds, pictures of seed {}", many.len(), outcome.seed),
    };
    format!(
        "{}, {} simulated, {seeds}",
        start.strftime("%A %-d %B %Y %H:%M UTC"),
        length(outcome.end.as_secs_f64())
    )
}

fn conditions(report: &Report) -> Vec<Condition> {
    let currency = &report.outcome.currency;
    report
        .verdicts
        .iter()
        .map(|one| Condition {
            passed: one.passed,
            text: one.threshold.text.clone(),
            value: figure(one, currency),
            note: one.note.clone().unwrap_or_default(),
        })
        .collect()
}

fn totals(report: &Report) -> Vec<[String; 2]> {
    let currency = &report.outcome.currency;
    let total = report.figure("cost.total").max(f64::MIN_POSITIVE);
    let mut rows = vec![
        ["per hour".to_owned(), money(report.figure("cost.perHour"), currency)],
        ["idle".to_owned(), percent(report.figure("cost.idle") / total)],
        ["system pods".to_owned(), percent(report.figure("cost.system") / total)],
    ];
    if let Some(thousand) = report.study.mean("cost.perThousandMessages") {
        rows.push(["per 1,000 messages".to_owned(), money(thousand, currency)]);
    }
    let hours = report.figure("cost.basisHours");
    if hours < 24.0 {
        rows.push(["a month from only".to_owned(), format!("{} h", plain(hours))]);
    }
    rows
}

/// Rows of both clocks: name, p50, p95, p99, max, how many.
fn waiting_times(report: &Report) -> Vec<Vec<String>> {
    let clocks = [
        ("message wait", "messages.wait", "messages.completed"),
        ("message sojourn", "messages.sojourn", "messages.completed"),
        ("pod pending", "pods.pending", "pods.created"),
        ("pod ready", "pods.ready", "pods.created"),
    ];
    let counted = clocks.into_iter().filter(|(_, _, count)| report.figure(count) > 0.0);
    counted
        .map(|(name, path, count)| {
            let at = |q| report.study.mean(&format!("{path}.{q}")).map_or("–".to_owned(), seconds);
            let mut row = vec![name.to_owned()];
            row.extend(["p50", "p95", "p99", "max"].map(at));
            row.push(plain(report.figure(count)));
            row
        })
        .collect()
}

/// Causes below this share are summed up in one row.
const SMALL: f64 = 0.005;

fn waits(report: &Report) -> Vec<Waits> {
    let clocks = [(Clock::Message, "messages"), (Clock::Pod, "pods")];
    let clocks = clocks.map(|(clock, who)| Waits { who, causes: causes(report.waits(clock)) });
    clocks.into_iter().filter(|clock| !clock.causes.is_empty()).collect()
}

fn causes(waits: Vec<WaitShare>) -> Vec<Wait> {
    let (large, small): (Vec<WaitShare>, Vec<WaitShare>) =
        waits.into_iter().partition(|wait| wait.share >= SMALL);
    let mut rows: Vec<Wait> = large
        .iter()
        .map(|wait| Wait {
            cause: wait.cause.name().to_owned(),
            meaning: wait.cause.meaning().to_owned(),
            group: group(wait.cause),
            share: percent(wait.share),
            width: format!("{:.2}", wait.share * 100.0),
            time: length(wait.seconds),
        })
        .collect();
    if !small.is_empty() {
        let share: f64 = small.iter().map(|wait| wait.share).sum();
        let names: Vec<&str> = small.iter().map(|wait| wait.cause.name()).collect();
        rows.push(Wait {
            cause: counted(small.len() as u64, "other", "others"),
            meaning: names.join(", "),
            group: "busy",
            share: percent(share),
            width: format!("{:.2}", share * 100.0),
            time: length(small.iter().map(|wait| wait.seconds).sum()),
        });
    }
    rows
}

/// A table of figures, one column a scenario; the first row names them.
fn comparison(reports: &[Report]) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(reports.iter().map(|report| report.name().to_owned()));
    let figures = [
        ("cost per month", "cost.perMonth", true),
        ("message wait p50 (s)", "messages.wait.p50", false),
        ("message wait p95 (s)", "messages.wait.p95", false),
        ("pod pending p95 (s)", "pods.pending.p95", false),
        ("still queued at the end", "messages.queuedAtEnd", false),
        ("pods evicted", "pods.evicted", false),
    ];
    for (name, path, is_money) in figures {
        let mut row = vec![name.to_owned()];
        row.extend(reports.iter().map(|report| match report.study.mean(path) {
            Some(value) if is_money => money(value, &report.outcome.currency),
            Some(value) => seconds(value),
            None => "–".to_owned(),
        }));
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_page_stands_alone_and_answers_in_order() {
        let page = html(&[sample::report(&[7], &["message.wait.p95<120s", "cost.month<4000"])]);
        let body =
            &page[page.find("<body").expect("a body")..page.find("</main>").expect("its end")];
        let mut from = 0;
        for heading in
            ["FAIL", "Cost", "Two clocks", "Where the waiting went", "Over time", "Not modelled"]
        {
            let at = body[from..].find(heading);
            from += at.unwrap_or_else(|| panic!("{heading} is missing or out of place"));
        }
        let outside = ["<link", "src=\"http", "href=\"http", "@import"];
        assert!(outside.iter().all(|text| !body.contains(text)), "the page needs a network");
        assert!(page.len() < 9_000_000, "{} bytes", page.len());
    }

    #[test]
    fn what_a_reader_may_type_stands_out() {
        let parts = pieces("load balancer: `prices.loadBalancer: {rules: 1}`");
        let shown: Vec<(bool, &str)> = parts.iter().map(|one| (one.code, &*one.text)).collect();
        let expected = [(false, "load balancer: "), (true, "prices.loadBalancer: {rules: 1}")];
        assert_eq!(shown[..2], expected);
    }

    #[test]
    fn names_with_markup_do_nothing() {
        let mut report = sample::report(&[7], &[]);
        report.outcome.name = "<script>alert(1)</script>".to_owned();
        report.outcome.not_modelled = vec!["`<img src=x onerror=alert(4)>`".to_owned()];
        report.outcome.queue_names = vec!["<img src=x onerror=alert(5)>".to_owned()];
        report.assumptions[0].value = "<script>alert(6)</script>".to_owned();
        report.outcome.pool_names[0] = "</script><img src=x onerror=alert(2)>".to_owned();
        for column in &mut report.outcome.series.columns {
            column.of = "</script><img src=x onerror=alert(3)>".to_owned();
        }
        let page = html(&[report]);
        for bad in ["<script>alert", "<img src=x"] {
            assert!(!page.contains(bad), "{bad}");
        }
    }

    #[test]
    fn several_scenarios_stand_side_by_side() {
        let mut other = sample::report(&[8], &[]);
        other.outcome.name = "other".to_owned();
        let page = html(&[sample::report(&[7], &[]), other]);
        assert!(page.contains("panels-0") && page.contains("panels-1"));
    }
}
