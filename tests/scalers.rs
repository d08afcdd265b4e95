//! `docs/reference/scalers.md` says what the catalogue says (`UPDATE=1` writes it anew), and every
//! example of the catalogue can be run.

#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;

use std::fmt::Write;

use forescale::control::keda::catalogue::{SCALERS, Scaler, ThresholdKey};
use forescale::control::keda::scaler::source::QUEUE_METRICS;
use forescale::scenario::{MemoryFiles, load};

const HEAD: &str = "\
# Scalers

Triggers of ScaledObjects and ScaledJobs: `type`, `metadata` and `metricType` as KEDA reads them
(kedacore/keda @ 8b4f083c). A trigger finds its queue by KEDA's own key or by `forescale.source`; a
queue may be simulated or a given `depth` curve. Keys that KEDA does not read either are noted as
`not modelled`. A type that is not here: give its values as a queue with a `depth` curve, and read
that by a `prometheus` trigger.

A trigger is active strictly above its activation threshold. The HPA reads sources live at each
sync, unless `useCachedMetrics` is set.

Queries of simulated queues that `prometheus` knows, with `{queue=\"NAME\"}` behind:
";

fn threshold(key: Option<ThresholdKey>) -> String {
    match key {
        None => "none".to_owned(),
        Some(key) => match key.default_text() {
            Some(default) => format!("`{}`, default {default}", key.key),
            None => format!("`{}`, required", key.key),
        },
    }
}

fn names(keys: &[&str]) -> String {
    match keys {
        [] => "none".to_owned(),
        keys => keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
    }
}

fn section(scaler: &Scaler) -> String {
    let others: Vec<&str> =
        scaler.keys.iter().copied().filter(|key| !scaler.effective.contains(key)).collect();
    let mut text = String::new();
    let _ = write!(
        text,
        "\n## {}\n\n[{}]({}): {}.\n\n```yaml\n{}\n```\n\n- target: {}\n- activation: {}\n\
         - names its queue: {}\n- changes a result: {}\n- read without effect: {}\n\n{}\n",
        scaler.names.join(", "),
        scaler.names[0],
        scaler.link,
        scaler.about,
        scaler.example,
        threshold(scaler.target),
        threshold(scaler.activation),
        names(scaler.source),
        names(scaler.effective),
        names(&others),
        scaler.modelled,
    );
    text
}

fn document() -> String {
    let mut text = format!("{HEAD}\n| metric | value |\n|---|---|\n");
    for (name, _, meaning) in QUEUE_METRICS {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    text.extend(SCALERS.iter().map(section));
    text
}

#[test]
fn the_reference_says_what_the_catalogue_says() {
    let path = kit::root().join("docs/reference/scalers.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, document()).expect("docs/reference can be written");
    }
    let written = std::fs::read_to_string(path).expect("docs/reference/scalers.md");
    assert!(written == document(), "UPDATE=1 cargo test --test scalers writes it anew");
}

#[test]
fn examples_can_be_run() {
    for scaler in SCALERS.iter().filter(|scaler| !scaler.kind.is_resource()) {
        let text = format!(
            "apiVersion: forescale/v1\nkind: Scenario\nmetadata: {{name: example}}\ncluster: \
             {{agentPoolProfiles: [{{name: system, mode: System, vmSize: Standard_D4s_v5, count: \
             1}}]}}\nworkloads:\n- name: worker\n  requests: {{cpu: 100m, memory: 64Mi}}\n  \
             consumes: {{queue: orders, serviceTime: 1s}}\n  scaledObject: {{triggers: [{}]}}\n\
             queues: {{orders: {{arrivals: [{{poisson: {{rate: 1/min}}}}]}}}}\n",
            scaler.example
        );
        let loaded = load("main.yaml", &[], &MemoryFiles::new().with("main.yaml", text));
        let findings = loaded.diagnostics.render(false);
        assert!(loaded.plan.is_some(), "{}:\n{findings}", scaler.names[0]);
    }
}
