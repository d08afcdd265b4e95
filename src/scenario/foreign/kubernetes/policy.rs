//! Objects that own no pods: PodDisruptionBudget, PriorityClass, LimitRange, Namespace, and the
//! scalers.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Reader;
use super::document::Object;
use super::fields::note_unread;
use super::typed::typed;
use crate::plan::{IntOrPercent, WorkloadKind};
use crate::scenario::foreign::{Findings, Trail, code, hpa, keda};
use crate::scenario::pods::{
    BudgetDraft, Drafts, LimitRangeDraft, PriorityClassDraft, ScalerDraft, ScalerTarget, Tables,
};
use crate::scenario::{Diagnostic, Node};

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

/// A LimitRange: its items for containers; other items are noted.
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
        if item.type_ != "Container" {
            let field = format!("LimitRange of type {}", item.type_);
            reader.found.ignore(field, place, "only items of type `Container` have an effect");
            continue;
        }
        if item.max_limit_request_ratio.is_some() {
            let field = "spec.limits[].maxLimitRequestRatio".to_owned();
            reader.found.ignore(field, place, "has no effect in the simulation");
        }
        to.limit_ranges.push(LimitRangeDraft {
            namespace: object.namespace.to_owned(),
            default_limits: reader.amounts(item.default.as_ref(), &at.key("default")),
            default_requests: reader
                .amounts(item.default_request.as_ref(), &at.key("defaultRequest")),
            min: reader.amounts(item.min.as_ref(), &at.key("min")),
            max: reader.amounts(item.max.as_ref(), &at.key("max")),
        });
    }
    Some(())
}

/// A ResourceQuota: nothing in the simulation enforces it, which is said.
pub(super) fn resource_quota(object: &Object<'_>, found: &mut Findings) {
    let text = format!(
        "{} is not enforced: pods that it would refuse are created in the simulation",
        object.title
    );
    found.report(Diagnostic::warning(code::NOT_BUILT, text).at(object.node.span, ""));
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
    let target = target(object, spec, found);
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

fn target(object: &Object<'_>, spec: &Node, found: &mut Findings) -> Option<ScalerTarget> {
    let Some(given) = spec.get("scaleTargetRef") else {
        object.missing("spec.scaleTargetRef", found);
        return None;
    };
    let Some(name) = given.get("name").and_then(Node::text) else {
        object.missing("spec.scaleTargetRef.name", found);
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
    Some(ScalerTarget { kind, name: name.to_owned(), namespace, origin: Some(given.span) })
}
