//! The documents of manifest files: which object is which, and what reads it.

use super::{policy, workload};
use crate::scenario::Node;
use crate::scenario::foreign::{Findings, code};
use crate::scenario::pods::{Drafts, Tables};

/// A document that is an object.
pub(super) struct Object<'a> {
    pub node: &'a Node,
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    /// What messages call it: `Deployment shop/orders`.
    pub title: String,
}

/// Kinds that are read, and the API versions they are read in.
const KINDS: &[(&str, &[&str])] = &[
    ("DaemonSet", &["apps/v1"]),
    ("Deployment", &["apps/v1"]),
    ("HorizontalPodAutoscaler", &["autoscaling/v2"]),
    ("Job", &["batch/v1"]),
    ("LimitRange", &["v1"]),
    ("Namespace", &["v1"]),
    ("Pod", &["v1"]),
    ("PodDisruptionBudget", &["policy/v1"]),
    ("PriorityClass", &["scheduling.k8s.io/v1"]),
    ("ResourceQuota", &["v1"]),
    ("ScaledJob", &["keda.sh/v1alpha1"]),
    ("ScaledObject", &["keda.sh/v1alpha1"]),
    ("StatefulSet", &["apps/v1"]),
    ("VerticalPodAutoscaler", &["autoscaling.k8s.io/v1"]),
];

/// Reads all objects of some documents (a file, or an inline object) into `drafts`. Scalers are
/// tied to their targets by [`Drafts::attach_scalers`] when all files are read.
pub fn read(documents: &[Node], tables: &mut Tables, found: &mut Findings, drafts: &mut Drafts) {
    for node in documents {
        let kind = node.get("kind").and_then(Node::text);
        match kind {
            _ if node.is_null() => {}
            Some(kind) if kind.ends_with("List") && node.get("items").is_some() => {
                let items = node.get("items").map_or(&[][..], Node::items);
                read(items, tables, found, drafts);
            }
            Some(kind) => read_object(node, kind, tables, found, drafts),
            None => {
                let text = "a Kubernetes object needs `apiVersion`, `kind` and `metadata.name`";
                found.error(code::OBJECT, Some(node.span), text);
            }
        }
    }
}

fn read_object(
    node: &Node,
    kind: &str,
    tables: &mut Tables,
    found: &mut Findings,
    drafts: &mut Drafts,
) {
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or("");
    let Some((_, versions)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        found.ignore(format!("kind {kind}"), Some(node.span), "has no effect in the simulation");
        return;
    };
    if !versions.contains(&version) {
        let place = node.get("apiVersion").map_or(node.span, |node| node.span);
        let text = format!("`apiVersion` of a {kind} must be `{}`, not `{version}`", versions[0]);
        found.error(code::OBJECT, Some(place), text);
        return;
    }
    let metadata = |key| node.at(&["metadata", key]).and_then(Node::text);
    let Some(name) = metadata("name").or(metadata("generateName")).filter(|n| !n.is_empty()) else {
        let text = format!("{kind}: `metadata.name` is missing");
        found.error(code::REQUIRED, Some(node.span), text);
        return;
    };
    if let Some(owner) = controller(node) {
        let field = format!("kind {kind} owned by {owner}");
        found.ignore(field, Some(node.span), "its owner makes it again");
        return;
    }
    let cluster_wide = ["Namespace", "PriorityClass"].contains(&kind);
    let namespace = if cluster_wide { "" } else { metadata("namespace").unwrap_or("default") };
    let title = match namespace {
        "" | "default" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    };
    let object = Object { node, kind, namespace, name, title };
    object.read(tables, found, drafts);
}

/// Kind of the controller that owns an object.
fn controller(node: &Node) -> Option<&str> {
    let owners = node.at(&["metadata", "ownerReferences"])?.items();
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller").is_some_and(|yes| yes.text() == Some("true")))?;
    owner.get("kind")?.text()
}

impl Object<'_> {
    fn read(&self, tables: &mut Tables, found: &mut Findings, drafts: &mut Drafts) {
        match self.kind {
            "ScaledJob" => workload::scaled_job(self, tables, found, drafts),
            "ScaledObject" | "HorizontalPodAutoscaler" => {
                policy::scaler(self, found, drafts);
            }
            "VerticalPodAutoscaler" => {
                policy::vertical(self, found, drafts);
            }
            "PodDisruptionBudget" => {
                drafts.budgets.extend(policy::budget(self, tables, found));
            }
            "PriorityClass" => {
                drafts.priority_classes.extend(policy::priority_class(self, tables, found));
            }
            "LimitRange" => {
                policy::limit_range(self, tables, found, drafts);
            }
            "ResourceQuota" => {
                drafts.quotas.extend(policy::resource_quota(self, tables, found));
            }
            "Namespace" => policy::namespace(self, tables, drafts),
            _ => workload::read(self, tables, found, drafts),
        }
    }

    /// Complains that a field is missing.
    pub(super) fn missing(&self, path: &str, found: &mut Findings) {
        let text = format!("{}: `{path}` is missing", self.title);
        let mut place = self.node;
        for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            place = match step.parse::<usize>() {
                Ok(index) => place.items().get(index).unwrap_or(place),
                Err(_) => place.get(step).unwrap_or(place),
            };
        }
        found.error(code::REQUIRED, Some(place.span), text);
    }
}
