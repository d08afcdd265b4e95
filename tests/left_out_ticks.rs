//! Polls and syncs that change nothing are left out: a run is the same to the byte as one in which
//! every tick runs, whatever the scalers.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;
#[path = "kit/story.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod story;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use forescale::plan::Plan;
use forescale::record::JournalLevel;
use forescale::scenario::{MemoryFiles, load};
use forescale::sim::{RunOptions, run};
use proptest::prelude::*;
use rayon::prelude::*;
use story::Kind;

/// Everything that a run says, with and without the ticks that change nothing.
fn both(plan: &Plan, seed: u64) -> [String; 2] {
    [false, true].map(|every_tick| {
        let journal = JournalLevel::All;
        let options = RunOptions { journal, every_tick, ..RunOptions::default() };
        format!("{:#?}", run(plan, seed, options))
    })
}

fn assert_same(what: &str, plan: &Plan, seed: u64) {
    let [some, every] = both(plan, seed);
    let different: Vec<String> = some
        .lines()
        .zip(every.lines())
        .filter(|(a, b)| a != b)
        .take(8)
        .map(|(some, every)| format!("left out: {}; every tick: {}", some.trim(), every.trim()))
        .collect();
    assert!(different.is_empty(), "{what}, seed {seed}:\n{}", different.join("\n"));
    assert!(some == every, "{what}, seed {seed}: one says more than the other");
}

/// The scenarios of a folder, by name.
fn scenarios(folder: &str) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(kit::root().join(folder)).expect("scenarios");
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

#[test]
fn bundled_scenarios_are_the_same_with_every_tick() {
    for path in scenarios("scenarios") {
        let sets = ["simulation.duration=5h", "simulation.warmup=0s"];
        assert_same(&path.display().to_string(), &kit::plan_with(&path, &sets), 3);
    }
    for path in scenarios("scenarios/teaching") {
        assert_same(&path.display().to_string(), &kit::plan_with(&path, &[]), 3);
    }
}

/// Stories have every kind of queue, scaler and controller.
#[test]
fn stories_are_the_same_with_every_tick() {
    story::all(&kit::root()).par_iter().for_each(|path| {
        let blocks = story::blocks(&fs::read_to_string(path).expect("UTF-8"));
        let folder = tempfile::tempdir().expect("a folder");
        story::unpack(&blocks, folder.path());
        let played =
            blocks.iter().filter(|block| matches!(block.kind, Kind::Timeline | Kind::Facts));
        let files: BTreeSet<&str> = played.map(|block| block.file.as_str()).collect();
        for file in files {
            let plan = kit::plan_with(folder.path().join(Path::new(file)), &[]);
            assert_same(&format!("{} {file}", path.display()), &plan, 5);
        }
    });
}

/// A workload and its queue, as drawn.
#[derive(Clone, Debug)]
struct Drawn {
    polling: u32,
    cooldown: u32,
    initial: u32,
    min: u32,
    idle: bool,
    rate: f64,
    burst: u32,
    service: u32,
    target: u32,
    activation: u32,
    cached: bool,
    value: bool,
    fallback: u32,
    cron: bool,
    behavior: u32,
    formula: bool,
    job: Option<&'static str>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let object = (
        prop::sample::select(vec![5, 15, 30, 45, 60]),
        prop::sample::select(vec![0, 20, 60, 300]),
        prop::sample::select(vec![0, 600]),
        0..3_u32,
        any::<bool>(),
        prop::sample::select(vec![0.0, 0.0005, 0.005, 0.05]),
        prop::sample::select(vec![0, 5, 60]),
    );
    let trigger = (
        prop::sample::select(vec![1, 40, 400]),
        prop::sample::select(vec![1, 5, 20]),
        prop::sample::select(vec![0, 0, 2]),
        any::<bool>(),
        any::<bool>(),
        0..4_u32,
        any::<bool>(),
        0..4_u32,
        any::<bool>(),
        prop::sample::select(vec![None, None, Some("default"), Some("accurate"), Some("eager")]),
    );
    (object, trigger).prop_map(|(object, trigger)| Drawn {
        polling: object.0,
        cooldown: object.1,
        initial: object.2,
        min: object.3,
        idle: object.4,
        rate: object.5,
        burst: object.6,
        service: trigger.0,
        target: trigger.1,
        activation: trigger.2,
        cached: trigger.3,
        value: trigger.4,
        fallback: trigger.5,
        cron: trigger.6,
        behavior: trigger.7,
        formula: trigger.8,
        job: trigger.9,
    })
}

/// `behavior` of the HPA: unset, or three ways to set it.
const BEHAVIORS: [&str; 4] = [
    "",
    "{scaleDown: {stabilizationWindowSeconds: 60}}",
    "{scaleUp: {stabilizationWindowSeconds: 45, policies: [{type: Pods, value: 1, \
     periodSeconds: 60}]}}",
    "{scaleDown: {policies: [{type: Percent, value: 50, periodSeconds: 120}]}, \
     scaleUp: {selectPolicy: Min}}",
];

impl Drawn {
    /// A ScaledJob over the queue.
    fn scaled_job(&self, index: usize, strategy: &str) -> String {
        let scaler = ["azure-servicebus", "rabbitmq"][usize::from(self.value)];
        let mode = if self.value { ", mode: MessageRate, value: \"1\"" } else { "" };
        format!(
            "- name: w{index}\n  kind: ScaledJob\n  requests: {{cpu: 10m, memory: 10Mi}}\n  \
             startup: {{appStart: 7s}}\n  consumes: {{queue: q{index}, messagesPerPod: {}, \
             idleTimeout: {}s, serviceTime: {{exponential: {{mean: {}s}}}}}}\n  scaledJob: \
             {{pollingInterval: {}, minReplicaCount: {}, maxReplicaCount: 12, \
             successfulJobsHistoryLimit: 2, scalingStrategy: {{strategy: {strategy}}}, \
             jobTargetRef: {{activeDeadlineSeconds: 300}}, \
             triggers: [{{type: {scaler}, metadata: {{queueName: q{index}{mode}}}}}]}}\n",
            self.target, self.cooldown, self.service, self.polling, self.min,
        )
    }

    fn workload(&self, index: usize) -> String {
        if let Some(strategy) = self.job {
            return self.scaled_job(index, strategy);
        }
        let idle = if self.idle && self.min > 1 { "idleReplicaCount: 0, " } else { "" };
        let fallback = match self.fallback {
            0 | 1 => String::new(),
            more => format!("fallback: {{failureThreshold: {more}, replicas: {more}}}, "),
        };
        let kind = if self.value && self.fallback < 2 { "Value" } else { "AverageValue" };
        let cron = if self.cron {
            ", {name: hours, type: cron, metadata: {timezone: Etc/UTC, start: \"40 * * * *\", \
             end: \"50 * * * *\", desiredReplicas: \"2\"}}"
        } else {
            ""
        };
        let mut advanced = Vec::new();
        if !BEHAVIORS[self.behavior as usize].is_empty() {
            let behavior = BEHAVIORS[self.behavior as usize];
            advanced.push(format!("horizontalPodAutoscalerConfig: {{behavior: {behavior}}}"));
        }
        if self.formula {
            advanced.push("scalingModifiers: {formula: \"depth * 2\", target: \"3\"}".to_owned());
        }
        let advanced = match advanced.is_empty() {
            true => String::new(),
            false => format!("advanced: {{{}}}, ", advanced.join(", ")),
        };
        format!(
            "- name: w{index}\n  requests: {{cpu: 10m, memory: 10Mi}}\n  \
             startup: {{appStart: 7s}}\n  \
             consumes: {{queue: q{index}, serviceTime: {{exponential: {{mean: {}s}}}}}}\n  \
             scaledObject: {{pollingInterval: {}, cooldownPeriod: {}, \
             initialCooldownPeriod: {}, minReplicaCount: {}, maxReplicaCount: 12, \
             {idle}{fallback}{advanced}triggers: [{{name: depth, type: azure-servicebus, \
             metricType: {kind}, useCachedMetrics: {}, metadata: {{queueName: q{index}, \
             messageCount: \"{}\", activationMessageCount: \"{}\"}}}}{cron}]}}\n",
            self.service,
            self.polling,
            self.cooldown,
            self.initial,
            self.min,
            self.cached,
            self.target,
            self.activation,
        )
    }

    fn queue(&self, index: usize) -> String {
        format!(
            "  q{index}:\n    arrivals:\n    - {{poisson: {{rate: {}/s}}}}\n    \
             - {{burst: {{at: \"13:10\", for: 1m, rate: {}/min}}}}\n",
            self.rate, self.burst
        )
    }
}

fn scenario(all: &[Drawn], phases: &str, version: &str, extra: &str) -> Plan {
    let workloads: String = all.iter().enumerate().map(|(i, one)| one.workload(i)).collect();
    let queues: String = all.iter().enumerate().map(|(i, one)| one.queue(i)).collect();
    let text = format!(
        "apiVersion: forescale/v1\nkind: Scenario\nmetadata: {{name: drawn}}\nsimulation: {{start: \
         \"2026-11-17T12:00:00Z\", duration: 4h, warmup: 10m, sample: 30m}}\nlab: {{infiniteNodes: \
         true}}\ntiming: {{phases: {phases}}}\ncluster:\n  kubernetesVersion: \"{version}\"\n  \
         systemPods: none\n  agentPoolProfiles:\n  - {{name: system, mode: System, vmSize: \
         Standard_D4s_v5, count: 1}}\nworkloads:\n{workloads}queues:\n{queues}{extra}"
    );
    let loaded = load("main.yaml", &[], &MemoryFiles::new().with("main.yaml", text.clone()));
    let findings = loaded.diagnostics.render(false);
    loaded.plan.unwrap_or_else(|| panic!("no scenario:\n{text}\n{findings}"))
}

const EXTRAS: [&str; 3] = [
    "",
    "inject:\n- {sourceFail: {queue: q0, at: \"13:11\", for: 7m}}\n",
    "inject:\n- {controllerRestart: {controller: keda, at: \"13:12\"}}\n\
     - {controllerRestart: {controller: kube-controller-manager, at: \"14:00\"}}\n\
     - {setReplicas: {workload: w0, replicas: 3, at: \"14:30\"}}\n",
];

fn two_hundred() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(two_hundred())]

    #[test]
    fn drawn_scenarios_are_the_same_with_every_tick(
        all in prop::collection::vec(drawn(), 1..4),
        phases in prop::sample::select(vec!["random", "zero"]),
        version in prop::sample::select(vec!["1.30", "1.32", "1.35", "1.36"]),
        extra in 0..3_usize,
        seed in 1..1_000_u64,
    ) {
        let extra = if all[0].job.is_some() { 0 } else { extra };
        let plan = scenario(&all, phases, version, EXTRAS[extra]);
        assert_same(&format!("{all:?}"), &plan, seed);
    }
}

/// Found by the test above: the HPA's memory changes what it holds back between two syncs.
#[test]
fn polls_above_zero_do_not_say_what_the_hpa_will_do() {
    let held_by_its_memory = Drawn {
        polling: 5,
        cooldown: 0,
        initial: 0,
        min: 2,
        idle: true,
        rate: 0.005,
        burst: 60,
        service: 400,
        target: 5,
        activation: 2,
        cached: false,
        value: false,
        fallback: 2,
        cron: true,
        behavior: 0,
        formula: false,
        job: None,
    };
    assert_same("polls", &scenario(&[held_by_its_memory], "random", "1.30", EXTRAS[0]), 259);
}

/// Found by the test above: after a restart the HPA is held back by something else.
#[test]
fn a_restart_changes_what_is_waited_for_at_once() {
    let held_by_its_window = Drawn {
        polling: 5,
        cooldown: 0,
        initial: 0,
        min: 1,
        idle: false,
        rate: 0.05,
        burst: 5,
        service: 400,
        target: 1,
        activation: 0,
        cached: true,
        value: false,
        fallback: 1,
        cron: false,
        behavior: 2,
        formula: false,
        job: None,
    };
    let plan = scenario(&[held_by_its_window], "random", "1.36", EXTRAS[2]);
    assert_same("a restart", &plan, 129);
}
