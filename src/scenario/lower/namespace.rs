//! `namespaces:`, `priorityClasses:` and `azurePolicy:`: the short form of objects that admission
//! reads. Each becomes the object that it stands for and is read as a manifest's.

use super::lowering::{Lowering, value};
use crate::scenario::format::{PolicyEffect, Raw};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::pods::{ContainerPolicy, Drafts};
use crate::scenario::source::Span;

/// Adds the rules of namespaces and of the cluster.
pub fn rules(lowering: &mut Lowering<'_, '_>, drafts: &mut Drafts) {
    let scenario = lowering.scenario;
    let policy = value(&scenario.cluster).and_then(|cluster| value(&cluster.policy));
    drafts.container_policy = match policy.and_then(|policy| value(&policy.containers)) {
        Some(PolicyEffect::Deny) => ContainerPolicy::Deny,
        Some(PolicyEffect::Audit) => ContainerPolicy::Audit,
        Some(PolicyEffect::Disabled) | None => ContainerPolicy::Disabled,
    };
    let mut objects = Vec::new();
    for (name, raw) in value(&scenario.priority_classes).into_iter().flatten() {
        let mut object = object("scheduling.k8s.io/v1", "PriorityClass", (name, ""), raw.0.span);
        object.extend(raw.0.entries().iter().cloned());
        objects.push(Node::new(raw.0.span, Kind::Map(object)));
    }
    for (name, rules) in value(&scenario.namespaces).into_iter().flatten() {
        let labels = value(&rules.labels).into_iter().flatten();
        let tables = &mut lowering.tables;
        let labels = labels.map(|(key, text)| (tables.intern(key), tables.intern(&text.0)));
        let labels = labels.collect();
        drafts.namespaces.push((name.clone(), labels));
        for (kind, spec) in [("ResourceQuota", &rules.quota), ("LimitRange", &rules.limits)] {
            let Some(spec) = spec else { continue };
            objects.push(of_spec(kind, name, &spec.value));
        }
    }
    read(lowering, drafts, &objects);
}

fn of_spec(kind: &str, namespace: &str, spec: &Raw) -> Node {
    let place = spec.0.span;
    let mut object = object("v1", kind, (namespace, namespace), place);
    object.push((key("spec", place), spec.0.clone()));
    Node::new(place, Kind::Map(object))
}

fn object(
    version: &str,
    kind: &str,
    (name, namespace): (&str, &str),
    place: Span,
) -> Vec<(Key, Node)> {
    let text = |text: &str| Node::string(place, text);
    let mut metadata = vec![(key("name", place), text(name))];
    if !namespace.is_empty() {
        metadata.push((key("namespace", place), text(namespace)));
    }
    vec![
        (key("apiVersion", place), text(version)),
        (key("kind", place), text(kind)),
        (key("metadata", place), Node::new(place, Kind::Map(metadata))),
    ]
}

fn key(text: &str, span: Span) -> Key {
    Key { text: text.to_owned(), span }
}

#[cfg(feature = "manifests")]
fn read(lowering: &mut Lowering<'_, '_>, drafts: &mut Drafts, objects: &[Node]) {
    let (tables, found) = (&mut lowering.tables, &mut lowering.findings);
    crate::scenario::foreign::kubernetes::read(objects, tables, found, drafts);
}

#[cfg(not(feature = "manifests"))]
fn read(lowering: &mut Lowering<'_, '_>, _: &mut Drafts, objects: &[Node]) {
    if let Some(object) = objects.first() {
        let reason = "this build was made without manifests";
        lowering.not_built("namespaces", object.span, reason);
    }
}
