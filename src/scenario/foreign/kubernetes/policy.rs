//! Objects that own no pods: PodDisruptionBudget, PriorityClass, LimitRange, ResourceQuota,
//! Namespace, and the scalers.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Reader;
use super::document::Object;
use super::fields::note_unread;
use super::typed::typed;
use crate::plan::{IntOrPercent, WorkloadKind};
use crate::scenario::Node;
use crate::scenario::foreign::{Findings, Trail, code, hpa, keda, vpa};
use crate::scenario::pods::{
    BudgetDraft, Drafts, LimitKind, LimitRangeDraft, PriorityClassDraft, QuotaDraft, QuotaScope,
    ScalerDraft, ScalerTarget, ScopeOp, Tables,
};

fn reader<'a>(object: &Object<'a>, tables: &'a mut Tables, found: &'a mut Findings) -> Reader<'a> {
    Reader { tables, found, root: object.node, object: object.title.clone() }
}

/// A PodDisruptionBudget.
pub(super) fn budget(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<BudgetDraft> {
    let (read, unknown) = typed::<policy::PodDisruptionBudget>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = read.spec.unwrap_or_default();
    let mut reader = reader(object, tables, found);
    let root = Trail::ROOT;
    let at = root.key("spec");
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        reader.complain(&at, "must not have both `minAvailable` and `maxUnavailable`");
        return None;
    }
    let always = [("AlwaysAllow", true), ("IfHealthyBudget", false)];
    let policy = spec.unhealthy_pod_eviction_policy.as_deref();
    Some(BudgetDraft {
        name: object.name.to_owned(),
        namespace: object.namespace.to_owned(),
        selector: spec.selector.map(|selector| reader.selector(&selector, &at.key("selector"))),
        min_available: share(&mut reader, spec.min_available, &at.key("minAvailable")),
        max_unavailable: share(&mut reader, spec.max_unavailable, &at.key("maxUnavailable")),
        always_allow_unhealthy: policy
            .and_then(|text| reader.word(text, &always, &at.key("unhealthyPodEvictionPolicy")))
            .unwrap_or(false),
        origin: Some(object.node.span),
    })
}

pub(super) fn share(
    reader: &mut Reader<'_>,
    given: Option<IntOrString>,
    at: &Trail<'_>,
) -> Option<IntOrPercent> {
    let read = match given? {
        IntOrString::Int(value) => Some(IntOrPercent::Int(value.into())),
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|text| text.parse().ok());
            percent.map(IntOrPercent::Percent)
        }
    };
    let fine = read.filter(|share| match share {
        IntOrPercent::Int(value) => *value >= 0,
        IntOrPercent::Percent(percent) => (0..=100).contains(percent),
    });
    if fine.is_none() {
        reader.complain(at, "must be a count, 0 or more, or a percentage such as `50%`");
    }
    fine
}

/// A PriorityClass.
pub(super) fn priority_class(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<PriorityClassDraft> {
    let (read, unknown) = typed::<scheduling::PriorityClass>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let Some(value) = read.value else {
        object.missing("value", found);
        return None;
    };
    let mut reader = reader(object, tables, found);
    let policy = read.preemption_policy.as_deref();
    Some(PriorityClassDraft {
        name: object.name.to_owned(),
        value,
        global_default: read.global_default.unwrap_or(false),
        never_preempts: reader.never_preempts(policy, &Trail::ROOT).unwrap_or(false),
    })
}

/// A LimitRange: its items for containers, pods and claims; others are noted.
pub(super) fn limit_range(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
    to: &mut Drafts,
) -> Option<()> {
    let (read, unknown) = typed::<core::LimitRange>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let mut reader = reader(object, tables, found);
    let root = Trail::ROOT;
    let spec = root.key("spec");
    let list = spec.key("limits");
    for (index, item) in read.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
        let at = list.index(index);
        let place = reader.place(&at);
        let kind = match item.type_.as_str() {
            "Container" => LimitKind::Container,
            "Pod" => LimitKind::Pod,
            "PersistentVolumeClaim" => LimitKind::PersistentVolumeClaim,
            other => {
                let field = format!("LimitRange of type {other}");
                reader.found.ignore(field, place, "has no effect in the simulation");
                continue;
            }
        };
        to.limit_ranges.push(LimitRangeDraft {
            namespace: object.namespace.to_owned(),
            kind,
            ratio: reader
                .amounts(item.max_limit_request_ratio.as_ref(), &at.key("maxLimitRequestRatio")),
            default_limits: reader.amounts(item.default.as_ref(), &at.key("default")),
            default_requests: reader
                .amounts(item.default_request.as_ref(), &at.key("defaultRequest")),
            min: reader.amounts(item.min.as_ref(), &at.key("min")),
            max: reader.amounts(item.max.as_ref(), &at.key("max")),
        });
    }
    Some(())
}

/// A ResourceQuota.
pub(super) fn resource_quota(
    object: &Object<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<QuotaDraft> {
    let (read, unknown) = typed::<core::ResourceQuota>(object.node, &object.title, found)?;
    note_unread(object.node, object.kind, unknown, found);
    let spec = read.spec.unwrap_or_default();
    let mut reader = reader(object, tables, found);
    let root = Trail::ROOT;
    let at = root.key("spec");
    let mut scopes = Vec::new();
    let list = at.key("scopes");
    for (index, name) in spec.scopes.iter().flatten().enumerate() {
        scopes.extend(scope(&mut reader, name, (ScopeOp::Exists, None), &list.index(index)));
    }
    let selector_at = at.key("scopeSelector");
    let list = selector_at.key("matchExpressions");
    let selector = spec.scope_selector.and_then(|selector| selector.match_expressions);
    for (index, term) in selector.into_iter().flatten().enumerate() {
        let at = list.index(index);
        let ops = [
            ("In", ScopeOp::In),
            ("NotIn", ScopeOp::NotIn),
            ("Exists", ScopeOp::Exists),
            ("DoesNotExist", ScopeOp::DoesNotExist),
        ];
        let Some(op) = reader.word(&term.operator, &ops, &at.key("operator")) else { continue };
        scopes.extend(scope(&mut reader, &term.scope_name, (op, term.values), &at));
    }
    Some(QuotaDraft {
        name: object.name.to_owned(),
        namespace: object.namespace.to_owned(),
        hard: reader.amounts(spec.hard.as_ref(), &at.key("hard")),
        scopes,
        origin: Some(object.node.span),
    })
}

fn scope(
    reader: &mut Reader<'_>,
    name: &str,
    (op, values): (ScopeOp, Option<Vec<String>>),
    at: &Trail<'_>,
) -> Option<QuotaScope> {
    Some(match name {
        "BestEffort" => QuotaScope::BestEffort(true),
        "NotBestEffort" => QuotaScope::BestEffort(false),
        "Terminating" => QuotaScope::Terminating(true),
        "NotTerminating" => QuotaScope::Terminating(false),
        "PriorityClass" => QuotaScope::PriorityClass(op, values.unwrap_or_default()),
        "CrossNamespacePodAffinity" => QuotaScope::CrossNamespacePodAffinity,
        other => {
            reader.complain(at, format!("is no scope of a quota (`{other}`)"));
            return None;
        }
    })
}

/// A Namespace: its labels select namespaces in pod affinity.
pub(super) fn namespace(object: &Object<'_>, tables: &mut Tables, to: &mut Drafts) {
    let labels = object.node.at(&["metadata", "labels"]).map_or(&[][..], Node::entries);
    let pairs = labels.iter().filter_map(|(key, value)| Some((&key.text, value.text()?)));
    let labels = pairs.map(|(key, value)| (tables.intern(key), tables.intern(value))).collect();
    to.namespaces.push((object.name.to_owned(), labels));
}

/// A ScaledObject or a HorizontalPodAutoscaler with its target.
pub(super) fn scaler(object: &Object<'_>, found: &mut Findings, to: &mut Drafts) -> Option<()> {
    let Some(spec) = object.node.get("spec") else {
        object.missing("spec", found);
        return None;
    };
    let target = target(object, spec, "scaleTargetRef", found);
    let scaler = if object.kind == "ScaledObject" {
        let annotations = object.node.at(&["metadata", "annotations"]);
        let read = keda::scaled_object(spec, object.name, annotations, "spec", found)?;
        ScalerDraft::ScaledObject(read)
    } else {
        ScalerDraft::Hpa(hpa::spec(spec, "spec", found)?, Some(object.node.span))
    };
    to.scalers.push((target?, scaler));
    Some(())
}

/// A VerticalPodAutoscaler with its target.
pub(super) fn vertical(object: &Object<'_>, found: &mut Findings, to: &mut Drafts) -> Option<()> {
    let Some(spec) = object.node.get("spec") else {
        object.missing("spec", found);
        return None;
    };
    let target = target(object, spec, "targetRef", found);
    let mut vpa = vpa::spec(spec, "spec", found)?;
    vpa.origin = Some(object.node.span);
    to.vpas.push((target?, vpa));
    Some(())
}

fn target(
    object: &Object<'_>,
    spec: &Node,
    key: &str,
    found: &mut Findings,
) -> Option<ScalerTarget> {
    let Some(given) = spec.get(key) else {
        object.missing(&format!("spec.{key}"), found);
        return None;
    };
    let Some(name) = given.get("name").and_then(Node::text) else {
        object.missing(&format!("spec.{key}.name"), found);
        return None;
    };
    let kind = match given.get("kind").and_then(Node::text).unwrap_or("Deployment") {
        "Deployment" => WorkloadKind::Deployment,
        "StatefulSet" => WorkloadKind::StatefulSet,
        other => {
            let text = format!(
                "{}: a target of kind `{other}` is not simulated; Deployment and StatefulSet are",
                object.title
            );
            found.error(code::TARGET, Some(given.span), text);
            return None;
        }
    };
    let namespace = object.namespace.to_owned();
    let (name, scaler) = (name.to_owned(), object.name.to_owned());
    Some(ScalerTarget { kind, name, namespace, scaler, origin: Some(given.span) })
}
