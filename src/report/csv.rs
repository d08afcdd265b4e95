//! Tables for spreadsheets and notebooks: UTF-8, one header row, units in the names.

use std::io::{self, Write};

use crate::record::{NodeRow, Outcome, PodRow};
use crate::unit::{HourlyRate, SimTime};

pub(super) type Table<'a> = csv::Writer<&'a mut dyn Write>;

pub(super) fn table(out: &mut dyn Write) -> Table<'_> {
    csv::WriterBuilder::new().from_writer(out)
}

fn seconds(at: SimTime) -> String {
    at.as_secs_f64().to_string()
}

fn maybe(at: Option<SimTime>) -> String {
    at.map_or_else(String::new, seconds)
}

/// Time from `from` to `to`, empty while `to` has not come.
fn between(from: SimTime, to: Option<SimTime>) -> String {
    to.map_or_else(String::new, |to| to.since(from).as_secs_f64().to_string())
}

pub(super) fn name_of(names: &[String], index: Option<u32>) -> &str {
    index.and_then(|index| names.get(index as usize)).map_or("", String::as_str)
}

/// `series.csv`: first column `time_s`; levels just after all events of the instant, flows since
/// the last row.
pub fn series_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let series = &outcome.series;
    let mut table = table(out);
    let headers = series.columns.iter().map(|column| column.header.as_str());
    table.write_record(std::iter::once("time_s").chain(headers))?;
    for (row, time) in series.time_s.iter().enumerate() {
        table.write_field(time.to_string())?;
        for column in &series.columns {
            table.write_field(column.values.get(row).map_or_else(String::new, f64::to_string))?;
        }
        table.write_record(None::<&[u8]>)?;
    }
    table.flush()
}

/// Columns of `pods.csv`.
const POD_COLUMNS: [&str; 13] = [
    "pod",
    "workload",
    "node",
    "created_s",
    "bound_s",
    "ready_s",
    "ended_s",
    "end",
    "pending_s",
    "to_ready_s",
    "cpu_millicores",
    "memory_bytes",
    "main_cause",
];

/// `pods.csv`: one row per pod.
pub fn pods_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(out);
    table.write_record(POD_COLUMNS)?;
    for pod in &outcome.pod_rows {
        table.write_record(pod_cells(outcome, pod))?;
    }
    table.flush()
}

fn pod_cells(outcome: &Outcome, pod: &PodRow) -> [String; 13] {
    [
        pod.name.clone(),
        name_of(&outcome.workload_names, Some(pod.workload)).to_owned(),
        name_of(outcome.node_names.as_slice(), pod.node).to_owned(),
        seconds(pod.created),
        maybe(pod.bound),
        maybe(pod.ready),
        maybe(pod.ended),
        pod.end.to_owned(),
        between(pod.created, pod.bound),
        between(pod.created, pod.ready),
        pod.cpu_milli.to_string(),
        pod.memory.to_string(),
        pod.main_cause.to_owned(),
    ]
}

/// `nodes.csv`: one row per VM or given node.
pub fn nodes_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let price = format!("price_{}_per_hour", unit_of(&outcome.currency));
    let headers = [
        "node",
        "pool",
        "vm_size",
        "zone",
        "requested_s",
        "billed_from_s",
        "registered_s",
        "ready_s",
        "gone_s",
        "end",
        "billed_s",
        &price,
        "pods_peak",
    ];
    let mut table = table(out);
    table.write_record(headers)?;
    for node in &outcome.node_rows {
        table.write_record(node_cells(outcome, node))?;
    }
    table.flush()
}

fn node_cells(outcome: &Outcome, node: &NodeRow) -> [String; 13] {
    let pool = node.pool.and_then(|pool| outcome.pools.get(pool as usize));
    let billed = node.billed_from.map(|from| node.billed_until.unwrap_or(outcome.end).since(from));
    [
        node.name.clone(),
        name_of(&outcome.pool_names, node.pool).to_owned(),
        pool.map_or_else(String::new, |pool| pool.vm_size.clone()),
        node.zone.clone(),
        seconds(node.requested),
        maybe(node.billed_from),
        maybe(node.registered),
        maybe(node.ready),
        maybe(node.gone),
        node.end.to_owned(),
        billed.map_or_else(String::new, |billed| billed.as_secs_f64().to_string()),
        price_text(node.price),
        node.pods_peak.to_string(),
    ]
}

/// A price with all its digits and no others.
fn price_text(price: HourlyRate) -> String {
    price.units().to_string()
}

pub(super) fn unit_of(currency: &str) -> String {
    if currency.is_empty() { "money".to_owned() } else { currency.to_ascii_lowercase() }
}

/// `waits.csv`: seconds of waiting by clock and cause from one row's time to the next's. A cause
/// has a row only where it took time; the rows of a clock add up to all its waiting.
pub fn waits_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(out);
    table.write_record(["time_s", "clock", "cause", "wait_s"])?;
    for flow in &outcome.wait_flows {
        table.write_record([
            flow.until.as_secs_f64().to_string().as_str(),
            if flow.of_pods { "pod" } else { "message" },
            flow.cause.name(),
            (flow.micros as f64 / 1e6).to_string().as_str(),
        ])?;
    }
    table.flush()
}

/// Copies a table with a column `seed` put before the others; the header only where `first`.
pub fn prefix_with_seed(text: &str, seed: u64, first: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut table = table(out);
    let mut record = csv::StringRecord::new();
    let seed = seed.to_string();
    let mut header = true;
    while reader.read_record(&mut record)? {
        if !header || first {
            table.write_field(if header { "seed" } else { &seed })?;
            table.write_record(&record)?;
        }
        header = false;
    }
    table.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn written(write: fn(&Outcome, &mut dyn Write) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&sample::outcome(7), &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn head(text: &str, lines: usize) -> String {
        text.lines().take(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn headers_name_units() {
        let tables = [
            head(&written(series_csv), 1),
            head(&written(pods_csv), 2),
            head(&written(nodes_csv), 2),
            head(&written(waits_csv), 3),
        ];
        insta::assert_snapshot!(tables.join("\n\n"));
    }

    #[test]
    fn tables_of_seeds_follow_each_other_under_one_header() {
        let mut bytes = Vec::new();
        for (seed, first) in [(7, true), (8, false)] {
            prefix_with_seed("a,b\n1,\"x,y\"\n", seed, first, &mut bytes).expect("memory");
        }
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(text, "seed,a,b\n7,1,\"x,y\"\n8,1,\"x,y\"\n");
    }
}
