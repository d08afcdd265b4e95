//! `forescale explain` tells the truth: single messages and pods add up to the figures of the run,
//! watching changes nothing, and the words stay as they are.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use forescale::explain::split_of;
use forescale::plan::Plan;
use forescale::record::{MessageStep, Outcome, Watch};
use forescale::sim::{RunOptions, run, run_watching};
use forescale::unit::QueueId;
use forescale::vocabulary::Cause;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

/// What every single message waited for, by cause, equals what the queues' clocks say; the outcome
/// is that of a run that watches nothing.
fn messages_add_up(plan: &Plan, seed: u64) -> Result<(), String> {
    let plain = run(plan, seed, RunOptions::default());
    let all = plan.queues.ids().flat_map(|queue| {
        let arrived = plain.queue_arrivals[queue.0 as usize];
        (0..arrived).map(move |number| (queue, number))
    });
    let watch = Watch { messages: all.collect(), ..Watch::default() };
    let (outcome, seen) = run_watching(plan, seed, RunOptions::default(), watch.clone());
    if outcome.fingerprint != plain.fingerprint {
        return Err("watching changes the run".to_owned());
    }
    let mut steps: BTreeMap<(QueueId, u64), Vec<&MessageStep>> = BTreeMap::new();
    for step in &seen.steps {
        steps.entry((step.queue, step.number)).or_default().push(step);
    }
    if steps.len() != watch.messages.len() {
        return Err(format!("{} of {} messages were seen", steps.len(), watch.messages.len()));
    }
    let mut waits = [0; Cause::ALL.len()];
    for ((queue, _), own) in steps {
        if own[0].at < outcome.warmup {
            continue;
        }
        for part in split_of(&outcome, queue, &own, outcome.end) {
            waits[part.cause as usize] += u128::from(part.to.since(part.from).micros());
        }
    }
    if waits != outcome.message_waits {
        return Err(format!("{waits:?} of single messages, {:?} in all", outcome.message_waits));
    }
    slow_ones_add_up(&outcome)
}

/// The remembered slowest messages are split whole.
fn slow_ones_add_up(outcome: &Outcome) -> Result<(), String> {
    for slow in outcome.waits.slowest() {
        let end = slow.arrived + slow.wait;
        let parts = outcome.waits.of_message(slow.queue, slow.arrived, end, &slow.lost);
        let sum: u64 = parts.iter().map(|part| part.to.since(part.from).micros()).sum();
        if sum != slow.wait.micros() {
            return Err(format!("{slow:?} is split into {parts:?}"));
        }
        let redone = parts.iter().any(|part| part.cause == Cause::Redo);
        if redone != (slow.deliveries > 1) {
            return Err(format!("{slow:?}: redo must be told apart"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn single_messages_add_up_to_all_waiting(
        seed in 1_u64..1_000,
        lock in 5_u64..90,
        deliveries in 1_u32..5,
        eviction in 0_u32..95,
        sigterm in prop::sample::select(vec!["drain", "abandon", "ignore"]),
        kind in prop::sample::select(vec!["servicebus", "storage", "rabbitmq", "redis"]),
        warmup in 0_u64..600,
        grace in 0_u64..30,
    ) {
        let sets = [
            "simulation.duration=2400s".to_owned(),
            format!("simulation.warmup={warmup}s"),
            format!("queues.orders.kind={kind}"),
            format!("queues.orders.lockDuration={lock}s"),
            format!("queues.orders.maxDeliveryCount={deliveries}"),
            format!("workloads.order-processor.consumes.onSigterm={sigterm}"),
            format!("workloads.order-processor.terminationGracePeriodSeconds={grace}"),
            format!("spotMarket.evictionRate={eviction}%/h"),
        ];
        let sets = sets.each_ref().map(String::as_str);
        let plan = kit::plan_with("scenarios/order-processor.yaml", &sets);
        if let Err(why) = messages_add_up(&plan, seed) {
            prop_assert!(false, "{sets:?}, seed {seed}: {why}");
        }
    }
}

#[test]
fn the_messages_of_the_lessons_add_up() {
    for name in ["cooldown-myth", "scale-from-zero", "tolerance-dead-band", "headroom", "flapping"]
    {
        let plan = kit::plan_with(format!("scenarios/teaching/{name}.yaml"), &[]);
        messages_add_up(&plan, plan.simulation.seed).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

fn forescale(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forescale"))
        .args(args)
        .current_dir(kit::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // One that has said all it has to say reads no more.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

fn told(args: &[&str]) -> String {
    let output = forescale(args, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn tree(args: &[&str]) -> Value {
    serde_json::from_str(&told(&[args, &["-o", "json"]].concat())).expect("JSON")
}

const TRAP: &str = "scenarios/teaching/ip-trap.yaml";
const ZERO: &str = "scenarios/teaching/scale-from-zero.yaml";

#[test]
fn a_message_and_a_pod_are_told_from_end_to_end() {
    insta::assert_snapshot!(told(&["explain", ZERO]));
}

#[test]
fn a_node_says_why_it_is_still_there() {
    let tree = tree(&["explain", ZERO]);
    let lines = tree["tellings"][1]["lines"].as_array().expect("lines");
    let node = lines.iter().find_map(|line| line["what"].as_str()?.strip_prefix("binds it to "));
    let args = ["explain", ZERO, "--node", node.expect("bound"), "--at", "12:20"];
    insta::assert_snapshot!(told(&args));
}

#[test]
fn the_parts_of_a_telling_are_the_whole() {
    for file in [TRAP, ZERO, "scenarios/teaching/flapping.yaml"] {
        let tree = tree(&["explain", file, "--worst", "5"]);
        let tellings = tree["tellings"].as_array().expect("tellings");
        assert!(!tellings.is_empty());
        for one in tellings {
            let parts = one["parts"].as_array().expect("parts");
            for pair in parts.windows(2) {
                assert_eq!(pair[0]["to_s"], pair[1]["from_s"], "{file}: {}", one["title"]);
            }
            let waits = one["waits"].as_object().expect("waits");
            let sum: f64 = waits.values().filter_map(Value::as_f64).sum();
            let whole = one["wait_s"].as_f64().expect("a sum");
            assert!((sum - whole).abs() < 1e-6, "{}: {sum} of {whole}", one["title"]);
        }
    }
}

#[test]
fn steps_go_forward_back_and_to_a_time() {
    let input = "n\nd\nb\ng 12:15\na ca\nxyz\nq\nn\n";
    let output = forescale(&["explain", TRAP, "--step"], input);
    assert!(output.status.success());
    insta::assert_snapshot!(String::from_utf8(output.stdout).expect("UTF-8"));
}

#[test]
fn defaults_are_listed_with_their_sources() {
    let text = told(&["explain", TRAP, "--defaults"]);
    assert!(text.contains("autoScalerProfile.scan-interval = 10s"), "{text}");
    assert!(text.contains("* imagePull.bandwidth = 80MB/s"), "assumptions are marked: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let plan = kit::plan_with(TRAP, &[]);
    let tree = tree(&["explain", TRAP, "--defaults"]);
    assert_eq!(tree["defaults"].as_array().expect("a list").len(), plan.assumptions.len());
}

#[test]
fn wrong_names_and_numbers_are_usage_errors_with_a_mend() {
    for (args, said) in [
        (&["--pod", "rendr-3"][..], "there are render-3"),
        (&["--node", "aks-spot-97041786-vmss0000"], "there are aks-spot-"),
        (&["--message", "1"], "has no queue"),
        (&["--worst", "0"], "1 to 20"),
        (&["--pod", "render-3", "--step"], "cannot be used with"),
        (&["--at", "12:00"], "--node"),
    ] {
        let output = forescale(&[&["explain", TRAP], args].concat(), "");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
    let output = forescale(&["explain", ZERO, "--message", "99"], "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("there is no message 99"), "{text}");
    assert_eq!(forescale(&["explain", "no-such.yaml"], "").status.code(), Some(5));
}

#[test]
fn a_folder_is_explained_as_it_was_run() {
    let out = tempfile::tempdir().expect("a folder");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let scenario = out.path().join("s.yaml");
    std::fs::copy(kit::root().join(TRAP), &scenario).expect("copied");
    let (file, place) = (path(&scenario), path(out.path()));
    let _ = told(&["run", &file, "--set", "simulation.seed=3", "--no-report", "--out", &place]);
    let folder = path(&out.path().join("lesson-ip-trap"));
    assert_eq!(tree(&["explain", &folder])["seed"], 3);
    let code = |args: &[&str]| forescale(args, "").status.code();
    assert_eq!(code(&["explain", &folder, "--seed", "4"]), Some(2));
    assert_eq!(code(&["explain", &folder, "--set", "simulation.seed=4"]), Some(2));
    let changed = std::fs::read_to_string(&scenario).expect("UTF-8") + "# another\n";
    std::fs::write(&scenario, changed).expect("written");
    let output = forescale(&["explain", &folder], "");
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("changed since"));
    let none = forescale(&["explain", &place], "");
    assert!(String::from_utf8_lossy(&none.stderr).contains("no manifest.json"));
}
