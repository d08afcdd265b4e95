//! Scans of the autoscaler that runs write down: recording changes nothing, and each scan decided
//! again from its own line alone comes to the same decision.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use forescale::conform::{BadRecord, Report, expand, run_file, run_record};
use forescale::plan::Plan;
use forescale::record::Outcome;
use forescale::sim::{DecisionLog, LogEnd, RunOptions, run, run_recording};
use serde_json::{Value, json};

/// A file in memory that the test still has when the log is done with it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Recorded {
    outcome: Outcome,
    text: String,
    end: LogEnd,
}

fn recorded(plan: &Plan, seed: u64, limit: u64, every_scan: bool) -> Recorded {
    let file = Shared::default();
    let mut log = DecisionLog::new(Box::new(file.clone()), limit, every_scan);
    let outcome = run_recording(plan, seed, RunOptions::default(), &mut log);
    let end = log.finish();
    let bytes = file.0.lock().expect("one thread").clone();
    Recorded { outcome, text: String::from_utf8(bytes).expect("UTF-8"), end }
}

/// The scans of a record as a file of cases.
fn cases(text: &str) -> Vec<Value> {
    let mut cases = Vec::new();
    let all = 0..=u64::MAX;
    let done: Result<(), BadRecord> = expand(text.as_bytes(), &all, |case| {
        cases.push(case);
        Ok(())
    });
    done.expect("a record");
    cases
}

fn run_cases(cases: &[Value]) -> Report {
    let file = json!({"schema": 1, "component": "autoscaler", "cases": cases});
    run_file(&file.to_string()).expect("a file of cases")
}

#[test]
fn a_scan_decided_again_is_the_same_and_recording_changes_nothing() {
    for (file, sets, least) in [
        ("scenarios/order-processor.yaml", &["simulation.duration=45m"][..], 5),
        ("scenarios/spot-lab.yaml", &["simulation.duration=4h"], 30),
        ("scenarios/fintech.yaml", &["simulation.duration=15m", "simulation.warmup=0s"], 5),
        ("scenarios/ip-trap.yaml", &["simulation.duration=20m"], 5),
        // A Node outlives its VM.
        ("scenarios/teaching/spot-storm.yaml", &["simulation.duration=20m"], 5),
        ("tests/exact_counts/all-or-nothing.yaml", &["simulation.duration=30m"], 5),
    ] {
        let plan = kit::plan_with(file, sets);
        let plain = run(&plan, 7, RunOptions::default());
        let recorded = recorded(&plan, 7, u64::MAX, false);
        assert!(matches!(recorded.end, LogEnd::Complete), "{file}: {:?}", recorded.end);
        assert_eq!(recorded.outcome.fingerprint, plain.fingerprint, "{file}");
        assert!(format!("{:?}", recorded.outcome) == format!("{plain:?}"), "{file}: rows differ");
        let report = run_record(recorded.text.as_bytes()).expect("a record");
        let failures: Vec<_> = report.areas.iter().flat_map(|area| &area.failures).collect();
        let (passed, ..) = report.totals();
        assert!(
            report.all_passed(),
            "{file}: {:?}\n{}",
            report.totals(),
            failures.first().map_or(String::new(), |one| format!("{one:#?}"))
        );
        assert!(passed >= least, "{file}: {passed} scans");
        if file.contains("spot-lab") {
            assert_eq!(run_cases(&cases(&recorded.text)), report);
        }
    }
}

#[test]
fn a_record_of_all_scans_has_the_idle_ones_too() {
    let plan = kit::plan_with("scenarios/spot-lab.yaml", &["simulation.duration=1h"]);
    let active = recorded(&plan, 1, u64::MAX, false);
    let all = recorded(&plan, 1, u64::MAX, true);
    assert_eq!(all.outcome.fingerprint, active.outcome.fingerprint);
    let report = run_record(all.text.as_bytes()).expect("a record");
    assert!(report.all_passed(), "{:?}", report.totals());
    let scans = |text: &str| cases(text).len();
    assert!(scans(&all.text) > scans(&active.text));
    assert_eq!(scans(&all.text) as u64, all.outcome.counters.autoscaler_scans);
}

#[test]
fn at_its_limit_a_record_ends_with_a_note_and_stays_readable() {
    let plan = kit::plan_with("scenarios/spot-lab.yaml", &["simulation.duration=4h"]);
    let whole = recorded(&plan, 1, u64::MAX, false).text;
    let limit = whole.len() as u64 / 2;
    let short = recorded(&plan, 1, limit, false);
    assert!(matches!(short.end, LogEnd::Limit(scan) if scan > 0), "{:?}", short.end);
    assert!(short.text.len() as u64 <= limit);
    let last: Value = serde_json::from_str(short.text.lines().last().expect("a line")).unwrap();
    assert!(last["stopped"].as_str().is_some_and(|why| why.contains("limit")), "{last}");
    let report = run_record(short.text.as_bytes()).expect("a record");
    assert!(report.all_passed() && report.totals().0 > 0, "{:?}", report.totals());
}

#[test]
fn a_decision_that_is_not_the_recorded_one_fails() {
    let plan = kit::plan_with("scenarios/spot-lab.yaml", &["simulation.duration=1h"]);
    let mut cases = cases(&recorded(&plan, 1, u64::MAX, false).text);
    let grows = |case: &&mut Value| case["expect"]["increase_size"][0]["delta"].is_u64();
    let growing = cases.iter_mut().find(grows).expect("a scan that grows a pool");
    let by = growing["expect"]["increase_size"][0]["delta"].as_u64().expect("a number");
    growing["expect"]["increase_size"][0]["delta"] = json!(by + 1);
    // A scan that sees no pods has nothing to grow for.
    let mut blind = growing.clone();
    blind["expect"] = json!({"increase_size": growing["expect"]["increase_size"]});
    for pod in blind["given"]["pods"].as_array_mut().expect("pods") {
        pod.as_object_mut().expect("a pod").remove("unschedulable");
    }
    cases.push(blind);
    assert_eq!(run_cases(&cases).totals(), (cases.len() - 2, 2, 0));
}

/// The blocks of a language in the page that documents the format.
fn blocks(language: &str) -> Vec<String> {
    let page = fs::read_to_string(kit::root().join("docs/decision-records.md")).expect("a page");
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_examples_of_the_page_run() {
    let records = blocks("ndjson");
    let [record] = records.as_slice() else { panic!("one record, not {}", records.len()) };
    let report = run_record(record.as_bytes()).expect("a record");
    assert!(report.all_passed(), "{report:#?}");
    let files = blocks("json");
    let [file] = files.as_slice() else { panic!("one file of cases, not {}", files.len()) };
    let report = run_file(file).expect("a file of cases");
    assert!(report.all_passed(), "{report:#?}");
    let written: Value = serde_json::from_str(file).expect("JSON");
    assert_eq!(written["cases"][0], cases(record)[0], "the case is the first scan of the record");
}

#[test]
fn parts_of_devices_are_in_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pods.csv");
    // Shares of one GPU, which pods leave at different times; the last ones need the room between.
    let rows = "at,cpu_milli,memory_mib,gpu,share,end\n0,500,64,1,600,300\n0,500,64,1,300,1800\n\
                5,500,64,1,600,1800\n10,500,64,1,300,400\n420,500,64,1,600,1800\n";
    fs::write(&file, rows).expect("written");
    let trace = format!(
        "podTrace={{file: '{}', create: at, end: end, gpu: gpu, gpuMilli: share}}",
        file.display()
    );
    let plan = kit::plan_with(
        "tests/exact_counts/identical-pods.yaml",
        &[
            "simulation.duration=40m",
            "workloads.app.replicas=0",
            "vmSizes={gpus: {cpu: 16, memory: 64Gi, price: 1/h, extended: {nvidia.com/gpu: 1}}}",
            "agentPoolProfiles.apps.vmSize=gpus",
            &trace,
        ],
    );
    let recorded = recorded(&plan, 1, u64::MAX, true);
    assert!(recorded.text.contains("\"device_share\":{\"resource\":\"gpu\",\"milli\":600}"));
    assert!(recorded.text.contains("\"shared_devices\":[{\"pod\":"));
    let report = run_record(recorded.text.as_bytes()).expect("a record");
    assert!(report.all_passed() && report.totals().0 > 20, "{:?}", report.totals());
}
