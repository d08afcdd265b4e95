//! Whole scenarios.

use std::path::Path;

use super::files::{Files, FilesError, MemoryFiles};
use super::load::{Loaded, load};
use crate::plan::{ArrivalSpec, ScalerKind, WorkloadKind};
use crate::unit::Duration;

/// Files of the repository, for tests.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, FilesError> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
            .map_err(|error| FilesError::Other(error.to_string()))
    }

    fn expand(&self, _: &str, _: &Path) -> Result<Vec<std::path::PathBuf>, FilesError> {
        Ok(Vec::new())
    }
}

fn text(files: MemoryFiles, sets: &[&str]) -> Loaded {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    load("main.yaml", &sets, &files)
}

#[test]
fn bundled_scenarios_load_without_errors() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|end| end != "yaml") {
                continue;
            }
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            let loaded = load(&name.to_string_lossy(), &[], &Disk);
            assert!(loaded.plan.is_some(), "{}", loaded.diagnostics.render(false));
            seen += 1;
        }
    }
    assert!(seen > 3);
}

#[test]
fn the_order_processor_becomes_its_plan() {
    let plan = load("scenarios/order-processor.yaml", &[], &Disk).plan.unwrap();
    let text = |symbol| plan.symbols.text(symbol);
    assert_eq!(plan.name, "order-processor");
    assert_eq!(plan.pools.len(), 3);
    let spot = &plan.pools.as_slice()[2];
    assert!(spot.spot && spot.autoscaled && spot.price < spot.price_on_demand);
    assert_eq!((spot.min, spot.max, spot.count, spot.max_pods), (0, 40, 0, 30));
    assert_eq!(plan.subnets.as_slice()[0].capacity, Some(251));
    let workload = plan.workloads.iter().last().unwrap();
    assert_eq!((text(workload.name), workload.kind), ("order-processor", WorkloadKind::Deployment));
    assert!(plan.workloads.iter().filter(|workload| workload.system).count() > 5);
    let Some(ScalerKind::ScaledObject(scaler)) = &workload.scaler else { panic!() };
    assert_eq!(scaler.polling_interval, Duration::from_secs(15));
    assert_eq!((scaler.min_replicas, scaler.max_replicas), (0, 30));
    assert_eq!(scaler.triggers[0].target_milli, 5_000);
    let shape = &plan.shapes[workload.shape];
    assert_eq!(shape.requests.cpu_milli, 500);
    assert_eq!(shape.requests.memory, 512 << 20);
    assert_eq!(plan.streams.len(), 2);
    assert_eq!(plan.thresholds.len(), 2);
    assert!(plan.assumptions.iter().any(|found| found.path == "timing.vmProvision"));
    assert_eq!(plan.inputs.len(), 1);
}

#[test]
fn a_recording_is_scaled_and_aligned() {
    let files = MemoryFiles::new()
        .with(
            "main.yaml",
            "simulation: {start: \"2026-01-01T00:00:00Z\"}\n\
             lab: {infiniteNodes: true}\n\
             workloads: [{name: w, consumes: {queue: q, serviceTime: 1s}}]\n\
             queues: {q: {arrivals: [{trace: {file: a.csv, time: t, count: n, scale: 0.5}}]}}\n\
             podTrace: {file: p.csv, create: c, cpu: cpu_milli, end: e}\n",
        )
        .with("a.csv", "t,n\n1998-05-01T00:00,3\n1998-05-01T00:01,1\n1998-05-01T00:02,2\n")
        .with("p.csv", "c,cpu_milli,memory_mib,e\n100,500,64,160\n130,500,64,\n");
    let loaded = text(files, &[]);
    let Some(plan) = loaded.plan else { panic!("{}", loaded.diagnostics.render(false)) };
    let streams: Vec<_> = plan.streams.iter().collect();
    let ArrivalSpec::Messages { source: crate::demand::SourceSpec::Counts(counts), .. } =
        streams[0]
    else {
        panic!()
    };
    assert_eq!(counts.counts, [1, 1, 1]);
    assert_eq!(counts.starts[1].as_secs_f64(), 60.0);
    assert_eq!(counts.end.as_secs_f64(), 180.0);
    let ArrivalSpec::PodTrace { rows, .. } = streams[1] else { panic!() };
    assert_eq!(rows[0].2, Some(Duration::from_secs(60)));
    assert_eq!((rows[1].0.as_secs_f64(), rows[1].2), (30.0, None));
    assert_eq!(rows[0].1, rows[1].1);
}

#[test]
fn settings_come_last_and_their_errors_point_at_them() {
    let files =
        MemoryFiles::new().with("main.yaml", "extends: base.yaml\nsimulation: {seed: 3}\n").with(
            "base.yaml",
            "cluster: {agentPoolProfiles: [\
             {name: a, vmSize: Standard_D4s_v5, minCount: 1, maxCount: 3}]}\n\
             workloads: [{name: w}]\n",
        );
    let plan = text(files.clone(), &["agentPoolProfiles.a.maxCount=9"]).plan.unwrap();
    assert_eq!((plan.simulation.seed, plan.pools.as_slice()[0].max), (3, 9));
    let loaded = text(files, &["agentPoolProfiles.a.minCount=4"]);
    let found = &loaded.diagnostics.findings()[0];
    assert_eq!((found.code, found.column), ("min-above-max", Some(30)));
    assert_eq!(found.file.as_deref(), Some("--set agentPoolProfiles.a.minCount=4"));
}

#[test]
fn the_schema_in_the_repository_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let text = serde_json::to_string_pretty(&super::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "run the tests with UPDATE=1");
}
