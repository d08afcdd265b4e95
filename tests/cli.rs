//! The command from outside: exit codes, streams, and what stands on the disk afterwards.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SCENARIO: &str = r#"
apiVersion: forescale/v1
kind: Scenario
metadata: {name: small}
simulation: {start: "2026-11-17T12:00:00Z", duration: 10m}
cluster:
  location: westeurope
  networkProfile: {networkPlugin: azure, networkPluginMode: overlay, podCidr: 10.244.0.0/16}
  agentPoolProfiles:
  - {name: system, mode: System, vmSize: Standard_D4s_v5, count: 2}
workloads:
- name: worker
  replicas: 2
  requests: {cpu: 100m, memory: 64Mi}
  consumes: {queue: orders, concurrency: 1, serviceTime: 1s}
queues:
  orders: {arrivals: [{poisson: {rate: 30/min}}]}
"#;

/// A fresh folder with the scenario in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.yaml"), SCENARIO).expect("written");
    folder
}

fn forescale(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forescale"))
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .output()
        .expect("the command starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let folder = folder();
    let broken = SCENARIO.replace("duration: 10m", "duration: tomorrow");
    fs::write(folder.path().join("broken.yaml"), broken).expect("written");
    let large = SCENARIO.replace("cpu: 100m", "cpu: 100");
    fs::write(folder.path().join("large.yaml"), large).expect("written");
    for (args, expected) in [
        (vec!["--version"], 0),
        (vec!["run", "--help"], 0),
        (vec!["fly"], 2),
        (vec!["run"], 2),
        (vec!["run", "small.yaml", "--assert", "message.wait"], 2),
        (vec!["run", "small.yaml", "--assert", "elephants<3"], 2),
        (vec!["run", "small.yaml", "small.yaml"], 2),
        (vec!["run", "broken.yaml"], 3),
        (vec!["check", "broken.yaml"], 3),
        (vec!["check", "small.yaml"], 0),
        (vec!["check", "large.yaml"], 4),
        (vec!["check", "large.yaml", "broken.yaml"], 3),
        (vec!["run", "large.yaml"], 0),
        (vec!["run", "large.yaml", "--assert", "sched.constraint==0s"], 4),
        (vec!["run", "small.yaml", "--assert", "messages.arrived<1"], 4),
        (vec!["run", "small.yaml", "--assert", "messages.arrived>=1"], 0),
        (vec!["run", "missing.yaml"], 5),
        (vec!["run", "small.yaml", "--out", "small.yaml"], 5),
    ] {
        let output = forescale(folder.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(code(&output), expected, "{args:?}: {said}");
    }
}

#[test]
fn a_run_leaves_one_whole_folder() {
    let folder = folder();
    let output = forescale(folder.path(), &["run", "small.yaml"]);
    assert_eq!(code(&output), 0);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = stdout(&output);
    assert!(text.contains("small") && text.contains("one seed, not proven"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(names(&folder.path().join("output")), ["small"]);
    let files = names(&folder.path().join("output/small"));
    for name in [
        "cost-by-pool.svg",
        "cost.csv",
        "journal.ndjson",
        "manifest.json",
        "nodes.csv",
        "pending-cdf.svg",
        "pods.csv",
        "series.csv",
        "summary.json",
        "timeline.svg",
        "waits.csv",
    ] {
        assert!(files.iter().any(|file| file == name), "{name} is missing: {files:?}");
    }
    let series = fs::read_to_string(folder.path().join("output/small/series.csv")).expect("read");
    assert!(series.starts_with("time_s"), "{series}");
}

#[test]
fn nothing_is_written_when_one_of_several_files_is_invalid() {
    let folder = folder();
    fs::write(folder.path().join("broken.yaml"), "kind: Nonsense\n").expect("written");
    let output = forescale(folder.path(), &["run", "small.yaml", "broken.yaml"]);
    assert_eq!(code(&output), 3);
    assert!(!folder.path().join("output").exists());
    assert!(output.stdout.is_empty());
}

#[test]
fn replications_have_folders_of_their_own_and_intervals_on_top() {
    let folder = folder();
    let args = ["run", "small.yaml", "--set", "simulation.replications=3", "-o", "json"];
    let output = forescale(folder.path(), &args);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(printed["seeds"], serde_json::json!([1, 2, 3]));
    for key in ["mean", "halfWidth95", "min", "max"] {
        assert!(printed["messages"]["arrived"].get(key).is_some(), "{key}");
    }
    let small = folder.path().join("output/small");
    assert_eq!(names(&small.join("seeds")), ["1", "2", "3"]);
    let nodes = fs::read_to_string(small.join("nodes.csv")).expect("read");
    assert!(nodes.starts_with("seed,node,"), "{nodes}");
    let stored = fs::read_to_string(small.join("summary.json")).expect("read");
    assert_eq!(serde_json::from_str::<Value>(&stored).expect("JSON"), printed);
}

#[test]
fn threads_change_no_byte() {
    let folder = folder();
    let results = |threads: &str| {
        let set = "simulation.replications=4";
        let args = ["run", "small.yaml", "--set", set, "--threads", threads, "-o", "json"];
        let output = forescale(folder.path(), &args);
        let series = fs::read_to_string(folder.path().join("output/small/series.csv"));
        (stdout(&output), series.expect("read"))
    };
    assert_eq!(results("1"), results("3"));
}

#[test]
fn several_files_share_a_table() {
    let folder = folder();
    let other = SCENARIO.replace("name: small", "name: other");
    fs::write(folder.path().join("other.yaml"), other).expect("written");
    let output = forescale(folder.path(), &["run", "small.yaml", "other.yaml", "--no-report"]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert!(text.starts_with("Scenario"), "{text}");
    assert_eq!(names(&folder.path().join("output")), ["other", "small"]);
    assert!(!folder.path().join("output/small/timeline.svg").exists());
}

#[test]
fn catalogues_are_readable_by_people_and_programs() {
    let folder = folder();
    for what in ["vm-sizes", "scalers", "expanders", "distributions", "lints", "metrics"] {
        let text = forescale(folder.path(), &["list", what]);
        assert!(code(&text) == 0 && stdout(&text).lines().count() > 5, "{what}");
        let json = forescale(folder.path(), &["list", what, "-o", "json"]);
        let rows: Value = serde_json::from_str(&stdout(&json)).expect("JSON");
        assert!(rows.as_array().is_some_and(|rows| rows.len() > 4), "{what}");
    }
    let schema: Value =
        serde_json::from_str(&stdout(&forescale(folder.path(), &["schema"]))).expect("JSON");
    assert!(schema["properties"]["cluster"].is_object());
    assert!(stdout(&forescale(folder.path(), &["completions", "bash"])).contains("forescale"));
}

/// What the terminal says of admission, line by line.
#[test]
fn the_summary_names_workloads_whose_pods_were_refused() {
    let folder = folder();
    let quota = |pods: u32| {
        format!(
            "{SCENARIO}namespaces: {{default: {{resourceQuota: {{hard: {{pods: {pods}}}}}}}}}\n"
        )
    };
    let walls = |pods: u32| -> Vec<String> {
        fs::write(folder.path().join("quota.yaml"), quota(pods)).expect("written");
        let text = stdout(&forescale(folder.path(), &["run", "quota.yaml", "--no-report"]));
        let walls = text.lines().filter(|line| line.starts_with("WALL"));
        walls.map(str::to_owned).collect()
    };
    // Refused at 5 ms·(2ⁿ − 1) after the start: for the 16th time at 327.7 s, next at 655.4 s.
    let refused = "WALL admission: a pod of worker was refused 16 times (journal)";
    assert_eq!(walls(1), [refused]);
    assert_eq!(walls(2), [""; 0]);
}

/// What stands after `forescale` in the examples of a command's help.
fn examples(help: &str) -> Vec<String> {
    let (_, examples) = help.split_once("Example").expect("a help has an example");
    let lines = examples.lines().map(str::trim).filter(|line| line.starts_with("forescale "));
    lines.map(str::to_owned).collect()
}

/// In the order of the list: what one writes, a later one reads.
#[cfg(unix)]
#[test]
fn examples_of_the_help_work_when_they_are_pasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["scenarios", "tests"] {
        std::os::unix::fs::symlink(root.join(name), folder.path().join(name)).expect("linked");
    }
    let tool = Path::new(env!("CARGO_BIN_EXE_forescale")).parent().expect("a folder");
    let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap_or_default());
    let mut tried = 0;
    for command in ["run", "check", "explain", "conform", "list", "schema", "completions"] {
        let help = stdout(&forescale(folder.path(), &[command, "--help"]));
        for example in examples(&help) {
            let output = Command::new("sh")
                .args(["-c", &example])
                .current_dir(folder.path())
                .env("PATH", &path)
                .stdin(std::process::Stdio::null())
                .output()
                .expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(code(&output), 0, "{example}\n{said}");
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried} examples");
    assert!(folder.path().join("results/spot/summary.json").exists());
}
