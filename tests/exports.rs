//! Files for other tools: a trace that viewers load, metrics that Prometheus takes in.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::collections::{BTreeMap, BTreeSet};

use forescale::record::Outcome;
use forescale::report::{Report, html, openmetrics, trace_json};
use forescale::study::{Aggregate, Summary};
use openmetrics_parser::openmetrics::parse_openmetrics;
use serde_json::Value;

type Writer = fn(&Outcome, &mut dyn std::io::Write) -> std::io::Result<()>;

fn written(outcome: &Outcome, write: Writer) -> String {
    let mut bytes = Vec::new();
    write(outcome, &mut bytes).expect("memory takes all");
    String::from_utf8(bytes).expect("UTF-8")
}

fn afternoon() -> Outcome {
    let sets = ["simulation.duration=3h", "simulation.sample=30s"];
    let plan = kit::plan_with("scenarios/order-processor.yaml", &sets);
    kit::audited(&plan, 7)
}

/// The fields that the Trace Event Format demands of each phase.
fn check_event(event: &Value) -> Result<(), String> {
    let has = |key: &str, is: fn(&Value) -> bool| match event.get(key) {
        Some(value) if is(value) => Ok(()),
        other => Err(format!("{key} is {other:?} in {event}")),
    };
    has("name", Value::is_string)?;
    has("pid", Value::is_u64)?;
    has("tid", Value::is_u64)?;
    has("args", Value::is_object)?;
    let phase = event["ph"].as_str().unwrap_or_default();
    if phase != "M" {
        has("ts", Value::is_u64)?;
    }
    match phase {
        "X" => has("dur", Value::is_u64),
        "i" if event["s"] == "t" => Ok(()),
        "C" if event["args"]
            .as_object()
            .is_some_and(|values| !values.is_empty() && values.values().all(Value::is_number)) =>
        {
            Ok(())
        }
        "M" => {
            let key = match event["name"].as_str() {
                Some("process_name" | "thread_name") => "name",
                Some("process_sort_index") => "sort_index",
                other => return Err(format!("metadata {other:?}")),
            };
            event["args"].get(key).map(|_| ()).ok_or_else(|| format!("no {key} in {event}"))
        }
        _ => Err(format!("a phase that is not ours, or wrong: {event}")),
    }
}

#[test]
fn the_trace_has_what_viewers_need_of_each_event() {
    let outcome = afternoon();
    let trace: Value = serde_json::from_str(&written(&outcome, trace_json)).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    for event in events {
        check_event(event).unwrap();
    }
    let timed: Vec<&Value> = events.iter().filter(|event| event["ph"] != "M").collect();
    let times: Vec<u64> = timed.iter().map(|event| event["ts"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "time goes on");
    let end = outcome.end.micros();
    // Stretches of one track follow each other: nothing is drawn over anything else.
    let mut tracks: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for event in timed.iter().filter(|event| event["ph"] == "X") {
        let track = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        let (at, length) = (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
        let free = tracks.entry(track).or_default();
        assert!(*free <= at, "{event} begins before {free}");
        *free = at + length;
        assert!(*free <= end, "{event} ends after the run");
    }
    let named: BTreeSet<(u64, u64)> = events
        .iter()
        .filter(|event| event["name"] == "thread_name")
        .map(|event| (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap()))
        .collect();
    assert!(tracks.keys().all(|track| named.contains(track)), "every track has a name");
    let nodes = outcome.node_rows.iter().filter(|row| row.pool.is_some()).count();
    let decisions = timed.iter().filter(|event| event["ph"] == "i").count();
    assert_eq!(decisions, outcome.journal.entries.len());
    assert!(named.len() >= nodes + outcome.pod_rows.len());
}

#[test]
fn the_waits_of_a_pod_in_the_trace_are_its_waits() {
    let outcome = afternoon();
    let trace: Value = serde_json::from_str(&written(&outcome, trace_json)).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let waits = events.iter().filter(|event| {
        event["cat"] == "wait" && event["pid"].as_u64().is_some_and(|pid| pid >= 10)
    });
    let traced: u64 = waits.map(|event| event["dur"].as_u64().unwrap()).sum();
    // The run has no warm-up of pods: all waiting from the warm-up on counts, and none before.
    let counted = outcome.pod_waits.iter().sum::<u128>();
    assert!(u128::from(traced) >= counted, "{traced} of {counted} µs of waiting");
}

#[test]
fn prometheus_would_take_the_metrics_in() {
    let outcome = afternoon();
    let text = written(&outcome, openmetrics);
    // The parser takes one point a series, as a scrape has: the file is tried scrape by scrape.
    let instants =
        [0.0, 3_600.0, 7_200.0].map(|at| format!(" {}", outcome.start_epoch + at as i64));
    let scrapes = instants.map(|instant| {
        // A family without a point at that instant is not in the scrape.
        let mut scrape = String::new();
        let mut head = String::new();
        for line in text.lines() {
            if line.starts_with("# TYPE") {
                head = format!("{line}\n");
            } else if line.starts_with("# HELP") {
                head += &format!("{line}\n");
            } else if line.ends_with(&instant) {
                scrape += &std::mem::take(&mut head);
                scrape += &format!("{line}\n");
            }
        }
        parse_openmetrics(&(scrape + "# EOF\n")).expect("the grammar of OpenMetrics")
    });
    let parsed = &scrapes[1];
    for name in [
        "cluster_autoscaler_nodes_count",
        "cluster_autoscaler_unschedulable_pods_count",
        "cluster_autoscaler_scaled_up_nodes",
        "keda_scaler_metrics_value",
        "kube_horizontalpodautoscaler_status_desired_replicas",
        "kube_deployment_status_replicas_ready",
        "kube_pod_status_phase",
        "forescale_queue_messages",
    ] {
        assert!(parsed.families.contains_key(name), "{name} is missing");
    }
    strict(&text);
    let keda = "keda_scaler_metrics_value{namespace=\"default\",\
                metric=\"s0-azure-servicebus-orders\",scaledObject=\"order-processor\",\
                scaler=\"azureServiceBusScaler\",triggerIndex=\"0\",type=\"scaledobject\"}";
    assert!(text.lines().any(|line| line.starts_with(keda)), "{keda}");
    let first = outcome.start_epoch;
    assert!(
        text.contains(&format!("cluster_autoscaler_nodes_count{{state=\"ready\"}} 5 {first}\n"))
    );
}

#[test]
fn a_month_with_a_row_a_minute_is_a_page_below_nine_megabytes() {
    let sets = [
        "simulation.duration=30d",
        "simulation.sample=60s",
        "queues.orders.arrivals=[{diurnal: {mean: 0.02/s, amplitude: 0.9, peak: \"14:00\"}}]",
        "spotMarket.evictionRate=10%/h",
    ];
    let plan = kit::plan_with("scenarios/order-processor.yaml", &sets);
    let outcome = forescale::sim::run(&plan, 7, forescale::sim::RunOptions::default());
    assert_eq!(outcome.series.time_s.len(), 43_201);
    assert!(outcome.journal.entries.len() > 10_000, "a busy month");
    let report = Report {
        study: Aggregate { runs: vec![Summary::of(&outcome)] },
        outcome,
        seeds: vec![7],
        verdicts: Vec::new(),
        assumptions: plan.assumptions.clone(),
        folder: None,
    };
    let page = html(&[report]);
    assert!(page.len() < 9_000_000, "{} bytes", page.len());
}

/// What the grammar alone does not say: families in one piece, points of a series in one piece and
/// in order of time, counters that never fall, values where boards expect them.
fn strict(text: &str) {
    let mut families: BTreeSet<&str> = BTreeSet::new();
    let mut finished: BTreeSet<&str> = BTreeSet::new();
    let (mut family, mut kind) = ("", "");
    let mut last: Option<(&str, f64, f64)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            (family, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(families.insert(family), "{family} comes twice");
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let mut parts = line.rsplitn(3, ' ');
        let time: f64 = parts.next().unwrap().parse().expect("a time");
        let value: f64 = parts.next().unwrap().parse().expect("a value");
        let series = parts.next().expect("a name");
        let name = series.split('{').next().unwrap();
        let expected = if kind == "counter" { format!("{family}_total") } else { family.into() };
        assert_eq!(name, expected, "{line}");
        match last {
            Some((known, before, least)) if known == series => {
                assert!(time > before, "{line} comes after {before}");
                assert!(kind != "counter" || value >= least, "{line} falls");
            }
            Some((known, ..)) => {
                finished.insert(known);
                assert!(!finished.contains(series), "{series} is in two pieces");
            }
            None => {}
        }
        last = Some((series, time, value));
    }
    assert!(text.ends_with("# EOF\n"));
}
