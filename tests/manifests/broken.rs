//! Broken manifests: every mistake is told with its object, path and place.

use forescale::scenario::foreign::{Findings, kubernetes};
use forescale::scenario::pods::Drafts;
use forescale::scenario::pods::Tables;
use forescale::scenario::{Diagnostics, Severity, Sources};

use crate::kit;

/// What is found in a text: `line:column code: message` of each error.
fn errors(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add("k8s/app.yaml", text);
    let documents = sources.parse(file).expect("the text is YAML");
    let mut found = Findings::default();
    let mut tables = Tables::default();
    let mut drafts = Drafts::default();
    kubernetes::read(&documents, &mut tables, &mut found, &mut drafts);
    kit::lowered(drafts, &mut tables, &mut found);
    let all = Diagnostics { sources, list: found.into_list() };
    let errors = all.findings().into_iter().filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| {
            let (line, column) = (found.line.unwrap_or(0), found.column.unwrap_or(0));
            format!("{line}:{column} {}: {}", found.code, found.message)
        })
        .collect()
}

/// A Deployment with a template and what goes into its `spec`.
fn deployment(pod: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
{pod}"
    )
}

const PLAIN: &str = "      containers: [{name: main}]\n";

fn scaled(spec: &str) -> String {
    let head = "---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n";
    format!("{}{head}spec:\n{spec}", deployment(PLAIN))
}

const TRIGGERS: &str = "  triggers: [{type: azure-servicebus, metadata: {queueName: orders}}]\n";

#[test]
fn wrong_types_are_told_all_at_once() {
    let text = deployment("      containers: [{name: main, ports: [{hostPort: x}]}]\n")
        .replace("  selector", "  replicas: \"3\"\n  paused: maybe\n  selector");
    assert_eq!(
        errors(&text),
        [
            "5:13 manifest-field: Deployment web: `spec.replicas` must be a whole number, not \
             the string \"3\"",
            "6:11 manifest-field: Deployment web: `spec.paused` must be `true` or `false`, not \
             the string \"maybe\"",
            "11:52 manifest-field: Deployment web: \
             `spec.template.spec.containers[0].ports[0].hostPort` must be a whole number, not \
             the string \"x\"",
        ]
    );
}

#[test]
fn impossible_pods_are_refused() {
    let mut wrong = Vec::new();
    for (pod, expected) in [
        (
            "      {}\n",
            "9:7 manifest-required: Deployment web: `spec.template.spec.containers` is missing",
        ),
        (
            "      containers: [{image: a}]\n",
            "9:20 manifest-required: Deployment web: `spec.template.spec.containers[0].name` is \
             missing",
        ),
        (
            "      containers: [{name: a, resources: {requests: {cpu: 1 core}}}]\n",
            "9:58 manifest-field: Deployment web: \
             `spec.template.spec.containers[0].resources.requests.cpu` is not a quantity such as \
             `500m`, `2`, `1.5Gi` or `2e3` (`1 core`)",
        ),
        (
            "      containers: [{name: a, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]\n",
            "9:76 manifest-field: Deployment web: \
             `spec.template.spec.containers[0].resources.limits.cpu` must not be less than \
             the request",
        ),
        (
            "      containers: [{name: a}]\n      tolerations: [{operator: Exist}]\n",
            "10:32 manifest-field: Deployment web: `spec.template.spec.tolerations[0].operator` \
             must be one of `Equal`, `Exists`, not `Exist`",
        ),
        (
            "      containers: [{name: a}]\n      priorityClassName: gold\n",
            "10:26 priority-class: Deployment web: there is no PriorityClass `gold`",
        ),
        (
            "      containers: [{name: a, resources: {limits: {gpu: 1}}}]\n",
            "9:20 admission: Deployment web: `gpu` is no resource; extended ones have a domain, \
             such as `nvidia.com/gpu`",
        ),
    ] {
        let found = errors(&deployment(pod));
        if found.first().map(String::as_str) != Some(expected) {
            wrong.push((expected, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn objects_that_do_not_fit_together_are_refused() {
    let plain = deployment(PLAIN);
    for (text, expected) in [
        ("a: 1\n".to_owned(), "manifest-object"),
        (plain.replace("apps/v1", "extensions/v1beta1"), "manifest-object"),
        (plain.replace("{name: web}", "{}"), "manifest-required"),
        (plain.replace("matchLabels: {app: web}", "matchLabels: {app: api}"), "manifest-field"),
        (plain.replace("  selector: {matchLabels: {app: web}}\n", ""), "manifest-required"),
        (format!("{plain}---\n{plain}"), "manifest-twice"),
        (scaled(&format!("  scaleTargetRef: {{name: wep}}\n{TRIGGERS}")), "scaler-target"),
        (scaled(TRIGGERS), "manifest-required"),
        (
            scaled(
                "  scaleTargetRef: {name: web}\n  triggers: [{type: azure-servicebus, \
                    metadata: {queueName: other}}]\n",
            ),
            "trigger-source",
        ),
        (
            scaled("  scaleTargetRef: {name: web}\n  triggers: [{type: cassandra}]\n"),
            "not-built-yet",
        ),
        (
            scaled(
                "  scaleTargetRef: {name: web}\n  triggers: [{type: cpu, metricType: \
                    Utilization, metadata: {value: \"60\"}}]\n",
            ),
            "use-unknown",
        ),
        (
            format!(
                "{}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: \
                 {{name: web}}\nspec: {{maxReplicas: 3, scaleTargetRef: {{kind: Deployment, \
                 name: web}}}}\n",
                scaled(&format!("  scaleTargetRef: {{name: web}}\n{TRIGGERS}"))
            ),
            "scaler-twice",
        ),
        (
            format!(
                "{plain}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: \
                 {{name: web}}\nspec: {{maxReplicas: 3, scaleTargetRef: {{kind: Deployment, \
                 name: web}}}}\n"
            ),
            "use-unknown",
        ),
    ] {
        let found = errors(&text);
        let codes: Vec<_> = found.iter().filter_map(|f| f.split([' ', ':']).nth(2)).collect();
        assert_eq!(codes, [expected], "{text}\n{found:#?}");
    }
}

#[test]
fn fields_that_kubernetes_does_not_have_are_noted() {
    let text =
        deployment("      containers: [{name: main, resource: {cpu: 1}}]\n      volums: []\n");
    let mut tables = Tables::default();
    let (_, found) = kit::drafts(&text, &mut tables);
    assert_eq!(
        found.not_modelled(),
        ["spec.template.spec.containers[].resource", "spec.template.spec.volums"]
    );
}
