//! Which fields of Kubernetes objects the simulation reads, and which have no effect by nature.
//!
//! What is in neither list is noted as `not modelled`. The second list keeps notes readable: a
//! container's command changes neither placement nor time nor cost.

use std::collections::BTreeSet;

use crate::scenario::Node;
use crate::scenario::foreign::Findings;

/// Fields of a map: read, and without effect by nature.
struct Known {
    read: &'static [&'static str],
    inert: &'static [&'static str],
}

const OBJECT: Known =
    Known { read: &["apiVersion", "kind", "metadata", "spec"], inert: &["status"] };

const POD: Known = Known {
    read: &[
        "activeDeadlineSeconds",
        "affinity",
        "containers",
        "hostNetwork",
        "initContainers",
        "nodeName",
        "nodeSelector",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "resources",
        "restartPolicy",
        "schedulerName",
        "schedulingGates",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
    ],
    inert: &[
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "hostAliases",
        "hostIPC",
        "hostPID",
        "hostUsers",
        "hostname",
        "imagePullSecrets",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
    ],
};

const CONTAINER: Known = Known {
    read: &[
        "image",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resources",
        "restartPolicy",
        "startupProbe",
    ],
    inert: &[
        "args",
        "command",
        "env",
        "envFrom",
        "imagePullPolicy",
        "securityContext",
        "stdin",
        "stdinOnce",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    ],
};

const DEPLOYMENT: Known = Known {
    read: &["progressDeadlineSeconds", "replicas", "selector", "strategy", "template"],
    inert: &["revisionHistoryLimit"],
};

const STATEFUL_SET: Known = Known {
    read: &["podManagementPolicy", "replicas", "selector", "template", "volumeClaimTemplates"],
    inert: &["persistentVolumeClaimRetentionPolicy", "revisionHistoryLimit", "serviceName"],
};

const DAEMON_SET: Known =
    Known { read: &["selector", "template"], inert: &["revisionHistoryLimit"] };

const JOB: Known = Known {
    read: &["backoffLimit", "completions", "parallelism", "selector", "suspend", "template"],
    inert: &["manualSelector", "ttlSecondsAfterFinished"],
};

const BUDGET: Known = Known {
    read: &["maxUnavailable", "minAvailable", "selector", "unhealthyPodEvictionPolicy"],
    inert: &[],
};

/// Notes the fields of one map that are not read.
fn note(node: &Node, known: &Known, path: &str, unknown: &BTreeSet<String>, found: &mut Findings) {
    for (key, value) in node.entries() {
        let name = key.text.as_str();
        let field = format!("{path}{name}");
        let skip = value.is_null() || known.inert.contains(&name) || unknown.contains(&field);
        if !skip && !known.read.contains(&name) {
            found.ignore(field, Some(key.span), "has no effect in the simulation");
        }
    }
}

/// Notes what is not read of an object of this kind; `unknown` are the paths of fields that its
/// Kubernetes type does not have.
pub(super) fn note_unread(node: &Node, kind: &str, unknown: Vec<String>, found: &mut Findings) {
    let unknown: BTreeSet<String> = unknown.into_iter().collect();
    for path in &unknown {
        let place = Some(find(node, path));
        found.ignore(path.clone(), place, "Kubernetes has no such field here");
    }
    let spec = node.get("spec");
    let known = match kind {
        "Deployment" => &DEPLOYMENT,
        "StatefulSet" => &STATEFUL_SET,
        "DaemonSet" => &DAEMON_SET,
        "Job" => &JOB,
        "PodDisruptionBudget" => &BUDGET,
        "Pod" => &POD,
        _ => return,
    };
    note(node, &OBJECT, "", &unknown, found);
    if let Some(spec) = spec {
        note(spec, known, "spec.", &unknown, found);
        match (kind, spec.get("template")) {
            ("Pod", _) => note_containers(spec, "spec.", &unknown, found),
            (_, Some(template)) => note_template(template, "spec.template.", &unknown, found),
            _ => {}
        }
    }
}

/// Notes what is not read of a pod template.
pub(super) fn note_template(
    template: &Node,
    path: &str,
    unknown: &BTreeSet<String>,
    found: &mut Findings,
) {
    if let Some(spec) = template.get("spec") {
        let path = format!("{path}spec.");
        note(spec, &POD, &path, unknown, found);
        note_containers(spec, &path, unknown, found);
    }
}

fn note_containers(spec: &Node, path: &str, unknown: &BTreeSet<String>, found: &mut Findings) {
    for list in ["initContainers", "containers"] {
        let path = format!("{path}{list}[].");
        for container in spec.get(list).map_or(&[][..], Node::items) {
            note(container, &CONTAINER, &path, unknown, found);
        }
    }
}

/// The place of the first field with this path.
pub(super) fn find(node: &Node, path: &str) -> crate::scenario::Span {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let key = step.trim_end_matches("[]");
    let Some((key, value)) = node.entry(key) else { return node.span };
    if rest.is_empty() {
        return key.span;
    }
    if step.ends_with("[]") {
        let next = rest.split(['.', '[']).next().unwrap_or(rest);
        let item = value.items().iter().find(|item| item.get(next).is_some());
        return item.map_or(value.span, |item| find(item, rest));
    }
    find(value, rest)
}
