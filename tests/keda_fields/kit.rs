//! A Deployment or a ScaledJob over a queue of given depth, and what is done to it.

use forescale::record::{Actor, JournalLevel, Outcome};
use forescale::scenario::{Loaded, MemoryFiles, load};
use forescale::sim::{RunOptions, run};

/// Depths of the queue `orders` from given seconds on, and of `mail`.
pub struct Depths(pub &'static [(u32, u32)], pub &'static [(u32, u32)]);

/// Runs a scenario around workloads or manifests.
pub fn scenario(version: &str, minutes: u32, body: &str, inject: &str, depths: &Depths) -> Outcome {
    let loaded = loaded(version, minutes, body, inject, depths);
    let findings = loaded.diagnostics.render(false);
    let plan = loaded.plan.unwrap_or_else(|| panic!("no scenario:\n{body}\n{findings}"));
    let journal = JournalLevel::Decisions;
    run(&plan, 1, RunOptions { journal, audit: true, ..RunOptions::default() })
}

/// What is wrong with such a scenario.
pub fn findings(version: &str, minutes: u32, body: &str, inject: &str, depths: &Depths) -> String {
    loaded(version, minutes, body, inject, depths).diagnostics.render(false)
}

fn loaded(version: &str, minutes: u32, body: &str, inject: &str, depths: &Depths) -> Loaded {
    let curve = |rows: &[(u32, u32)]| {
        let rows = rows.iter().map(|(at, depth)| {
            format!(
                "2026-11-17T{:02}:{:02}:{:02}Z,{depth}\n",
                12 + at / 3600,
                at / 60 % 60,
                at % 60
            )
        });
        format!("time,depth\n2026-11-17T12:00:00Z,0\n{}", rows.collect::<String>())
    };
    let text = include_str!("base.yaml")
        .replace("MINUTES", &minutes.to_string())
        .replace("VERSION", version)
        .replace("INJECT", inject)
        + body;
    let files = MemoryFiles::new()
        .with("orders.csv", curve(depths.0))
        .with("mail.csv", curve(depths.1))
        .with("main.yaml", text);
    load("main.yaml", &[], &files)
}

/// A Deployment of `replicas`, and a ScaledObject whose `spec` is `object`.
pub fn deployment(replicas: u32, annotations: &str, object: &str) -> String {
    format!(
        "manifests:\n- {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: worker}}, spec: \
         {{replicas: {replicas}, selector: {{matchLabels: {{app: worker}}}}, template: {{metadata: \
         {{labels: {{app: worker}}}}, spec: {{containers: [{{name: main, resources: {{requests: \
         {{cpu: 10m, memory: 10Mi}}}}}}]}}}}}}}}\n- {{apiVersion: keda.sh/v1alpha1, kind: \
         ScaledObject, metadata: {{name: worker, annotations: {{{annotations}}}}}, spec: \
         {{scaleTargetRef: {{name: worker}}, {object}}}}}\n"
    )
}

/// What was written to `spec.replicas`: seconds, who, from, to.
pub fn writes(outcome: &Outcome) -> String {
    let of = |actor| match actor {
        Actor::Keda => Some("keda"),
        Actor::Hpa => Some("hpa"),
        Actor::Scenario => Some("user"),
        _ => None,
    };
    let rows = outcome.journal.entries.iter().filter(|entry| entry.action == "set-replicas");
    let rows = rows.filter_map(|entry| {
        let (from, to) = entry.change?;
        Some(format!("{} {} {from}-{to}", entry.at.as_secs_f64(), of(entry.actor)?))
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// Jobs that KEDA made: seconds, running before, running after.
pub fn jobs(outcome: &Outcome) -> String {
    let rows = outcome.journal.entries.iter().filter(|entry| {
        entry.actor == Actor::Keda && matches!(entry.action, "create-jobs" | "delete-jobs")
    });
    let rows = rows.filter_map(|entry| {
        let (from, to) = entry.change?;
        let what = if entry.action == "create-jobs" { "" } else { "trim " };
        Some(format!("{} {what}{from}-{to}", entry.at.as_secs_f64()))
    });
    rows.collect::<Vec<_>>().join(", ")
}
