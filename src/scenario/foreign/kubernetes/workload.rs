//! What owns pods: Deployment, StatefulSet, DaemonSet, Job, Pod, ScaledJob.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::Reader;
use super::controller::Settings;
use super::document::Object;
use super::fields::{note_template, note_unread};
use super::typed::typed;
use crate::control::workload::RestartPolicy;
use crate::model::{ClaimOwner, LabelSelector, Labels, SelectorOp};
use crate::plan::WorkloadKind;
use crate::scenario::foreign::{Findings, Trail, keda};
use crate::scenario::pods::{Drafts, ScalerDraft, Tables, VolumeDraft, VolumeKind, WorkloadDraft};

/// The parts that the kinds of workloads have in common.
struct Parts<'a> {
    kind: WorkloadKind,
    selector: Option<&'a meta::LabelSelector>,
    replicas: Option<i32>,
    completions: Option<i32>,
    settings: Settings<'a>,
    metadata: Option<&'a meta::ObjectMeta>,
    pod: Option<&'a core::PodSpec>,
    claims: Option<&'a Vec<core::PersistentVolumeClaim>>,
}

/// Reads a workload into `drafts`.
pub(super) fn read(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
    to: &mut Drafts,
) {
    let draft = match object.kind {
        "Deployment" => deployment(object, tables, found),
        "StatefulSet" => stateful_set(object, tables, found),
        "DaemonSet" => daemon_set(object, tables, found),
        "Job" => job(object, tables, found),
        "Pod" => pod(object, tables, found),
        _ => None,
    };
    if let Some(draft) = draft {
        to.add(draft, found);
    }
}

fn deployment(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<WorkloadDraft> {
    let (read, unknown) = typed::<apps::Deployment>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = Some(&read.spec);
    let parts = Parts {
        kind: WorkloadKind::Deployment,
        selector: spec.map(|s| &s.selector),
        replicas: spec.and_then(|s| s.replicas),
        completions: None,
        settings: Settings {
            strategy: spec.and_then(|s| s.strategy.as_ref()),
            progress_deadline: spec.and_then(|s| s.progress_deadline_seconds),
            ..Settings::default()
        },
        metadata: spec.and_then(|s| s.template.metadata.as_ref()),
        pod: spec.and_then(|s| s.template.spec.as_ref()),
        claims: None,
    };
    draft(object, &parts, tables, found)
}

fn stateful_set(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<WorkloadDraft> {
    let (read, unknown) = typed::<apps::StatefulSet>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = Some(&read.spec);
    let parts = Parts {
        kind: WorkloadKind::StatefulSet,
        selector: spec.map(|s| &s.selector),
        replicas: spec.and_then(|s| s.replicas),
        completions: None,
        settings: Settings {
            pod_management: spec.and_then(|s| s.pod_management_policy.as_deref()),
            ..Settings::default()
        },
        metadata: spec.and_then(|s| s.template.metadata.as_ref()),
        pod: spec.and_then(|s| s.template.spec.as_ref()),
        claims: spec.and_then(|s| s.volume_claim_templates.as_ref()),
    };
    draft(object, &parts, tables, found)
}

fn daemon_set(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<WorkloadDraft> {
    let (read, unknown) = typed::<apps::DaemonSet>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = Some(&read.spec);
    let parts = Parts {
        kind: WorkloadKind::DaemonSet,
        selector: spec.map(|s| &s.selector),
        replicas: Some(0),
        completions: None,
        settings: Settings::default(),
        metadata: spec.and_then(|s| s.template.metadata.as_ref()),
        pod: spec.and_then(|s| s.template.spec.as_ref()),
        claims: None,
    };
    draft(object, &parts, tables, found)
}

fn job(object: &Object<'_>, tables: &mut Tables, found: &mut Findings) -> Option<WorkloadDraft> {
    let (read, unknown) = typed::<batch::Job>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = read.spec.as_ref();
    let suspended = spec.and_then(|s| s.suspend).unwrap_or(false);
    let parallelism = spec.and_then(|s| s.parallelism);
    let completions = spec.and_then(|s| s.completions);
    let parts = Parts {
        kind: WorkloadKind::Job,
        selector: None,
        replicas: if suspended { Some(0) } else { parallelism },
        // Kubernetes `pkg/apis/batch/v1/defaults.go`: both absent means one pod.
        completions: completions.or(if parallelism.is_none() { Some(1) } else { None }),
        settings: Settings {
            backoff_limit: spec.and_then(|s| s.backoff_limit),
            ..Settings::default()
        },
        metadata: spec.and_then(|s| s.template.metadata.as_ref()),
        pod: spec.and_then(|s| s.template.spec.as_ref()),
        claims: None,
    };
    draft(object, &parts, tables, found)
}

fn pod(object: &Object<'_>, tables: &mut Tables, found: &mut Findings) -> Option<WorkloadDraft> {
    let (read, unknown) = typed::<core::Pod>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let parts = Parts {
        kind: WorkloadKind::Bare,
        selector: None,
        replicas: Some(1),
        completions: None,
        settings: Settings::default(),
        metadata: Some(&read.metadata),
        pod: read.spec.as_ref(),
        claims: None,
    };
    draft(object, &parts, tables, found)
}

/// A ScaledJob: the scaler from the tree, its pods from `jobTargetRef`, a `JobSpec`.
pub(super) fn scaled_job(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
    to: &mut Drafts,
) {
    let Some(spec) = object.node.get("spec") else {
        return object.missing("spec", found);
    };
    let annotations = object.node.at(&["metadata", "annotations"]);
    let scaler = keda::scaled_job(spec, object.name, annotations, "spec", found);
    let Some(target) = spec.get("jobTargetRef") else {
        return object.missing("spec.jobTargetRef", found);
    };
    let Some((job, unknown)) = typed::<batch::JobSpec>(target, &object.title, found) else {
        return;
    };
    for field in &unknown {
        let field = format!("spec.jobTargetRef.{field}");
        found.ignore(field, Some(target.span), "Kubernetes has no such field here");
    }
    if let Some(template) = target.get("template") {
        note_template(template, "spec.jobTargetRef.template.", &BTreeSet::new(), found);
    }
    let parts = Parts {
        kind: WorkloadKind::ScaledJob,
        selector: None,
        replicas: Some(0),
        completions: None,
        settings: Settings::default(),
        metadata: job.template.metadata.as_ref(),
        pod: job.template.spec.as_ref(),
        claims: None,
    };
    if let (Some(mut draft), Some(scaler)) = (draft(object, &parts, tables, found), scaler) {
        draft.scaler = Some(ScalerDraft::ScaledJob(scaler));
        to.add(draft, found);
    }
}

fn draft(
    object: &Object<'_>,
    parts: &Parts<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<WorkloadDraft> {
    let prefix: &[&str] = match parts.kind {
        WorkloadKind::Bare => &[],
        WorkloadKind::ScaledJob => &["spec", "jobTargetRef", "template"],
        _ => &["spec", "template"],
    };
    let selected =
        !matches!(parts.kind, WorkloadKind::Bare | WorkloadKind::Job | WorkloadKind::ScaledJob);
    require(object, prefix, selected, found)?;
    let mut reader = Reader { tables, found, root: object.node, object: object.title.clone() };
    let root = Trail::ROOT;
    let first = prefix.first().map_or(root, |key| root.key(key));
    let second = prefix.get(1).map_or(first, |key| first.key(key));
    let template = prefix.get(2).map_or(second, |key| second.key(key));
    let mut pod = reader.pod(parts.metadata, parts.pod?, &template);
    for claim in parts.claims.into_iter().flatten() {
        // Azure Files is attached by nobody.
        let class = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
        if !class.is_some_and(|class| class.starts_with("azurefile")) {
            let name = claim.metadata.name.clone().unwrap_or_default();
            let wanted = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
            let wanted = wanted.and_then(|wanted| wanted.requests.as_ref());
            let size = reader.amounts(wanted, &root.key("spec").key("volumeClaimTemplates"));
            let size = size.get("storage").copied();
            pod.volumes.push(VolumeDraft {
                name,
                kind: VolumeKind::Claim(ClaimOwner::Ordinal),
                size,
                zone: None,
            });
        }
    }
    let spec = root.key("spec");
    let selector_at = spec.key("selector");
    let selector = match parts.selector {
        Some(selector) if selected => {
            let read = reader.selector(selector, &selector_at);
            if !selects(&read, &pod.labels) {
                let text = "does not select the labels of `spec.template`";
                reader.complain(&selector_at, text);
            }
            Some(read)
        }
        _ => None,
    };
    let replicas = reader.count(parts.replicas, &spec.key("replicas"));
    let completions = reader.count(parts.completions, &spec.key("completions"));
    let mut controller = reader.controller(parts.settings, &spec);
    let restart = parts.pod.and_then(|pod| pod.restart_policy.as_deref());
    if restart == Some("Never") {
        controller.restart = RestartPolicy::Never;
    }
    let origin = Some(object.node.span);
    let mut draft = WorkloadDraft::new(object.name, object.namespace, parts.kind, origin);
    draft.from_manifest = true;
    draft.selector = selector;
    draft.replicas = replicas;
    draft.completions = completions;
    draft.controller = controller;
    draft.pod = pod;
    Some(draft)
}

/// Required fields, on the tree: the typed object has defaults in their place.
fn require(
    object: &Object<'_>,
    prefix: &[&str],
    selected: bool,
    found: &mut Findings,
) -> Option<()> {
    let mut fine = true;
    if selected && object.node.at(&["spec", "selector"]).is_none() {
        object.missing("spec.selector", found);
        fine = false;
    }
    let path: Vec<&str> = prefix.iter().chain(&["spec", "containers"]).copied().collect();
    let containers = object.node.at(&path).map_or(&[][..], crate::scenario::Node::items);
    if containers.is_empty() {
        object.missing(&path.join("."), found);
        fine = false;
    }
    for (index, container) in containers.iter().enumerate() {
        if container.get("name").is_none() {
            object.missing(&format!("{}[{index}].name", path.join(".")), found);
            fine = false;
        }
    }
    fine.then_some(())
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.requirements.iter().all(|wanted| {
        let value = labels.get(wanted.key);
        match wanted.op {
            SelectorOp::In => value.is_some_and(|value| wanted.values.contains(&value)),
            SelectorOp::NotIn => !value.is_some_and(|value| wanted.values.contains(&value)),
            SelectorOp::Exists => value.is_some(),
            SelectorOp::DoesNotExist => value.is_none(),
            SelectorOp::Gt | SelectorOp::Lt => false,
        }
    })
}
