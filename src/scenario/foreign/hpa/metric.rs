//! Metrics of an HPA of the user's own: what the pods use, what they work on, and queues.
//!
//! Fields and checks: kubernetes `pkg/apis/autoscaling/validation/validation.go` (v1.36.2,
//! `validateMetricSpec`). A cluster reads External, Object and Pods metrics of an adapter; here the
//! adapter knows the scenario's queues and what its consumers work on.

use super::{HpaDraft, MetricSource};
use crate::control::hpa::{HpaMetric, MetricTarget};
use crate::control::keda::MetricType;
use crate::control::keda::scaler::azure::Operation;
use crate::control::keda::scaler::source::{
    Counted, MESSAGES_IN_WORK, QUEUE_METRICS, Reads, SourceDraft,
};
use crate::control::keda::trigger::SOURCE_KEY;
use crate::scenario::Node;
use crate::scenario::foreign::{Fields, Findings, code};

/// The label of a metric's selector that names a queue, as in the queries of `prometheus`.
const QUEUE_LABEL: &str = "queue";

/// Reads one of `metrics` into `to`. `None` after an error.
pub(super) fn read(node: &Node, path: &str, to: &mut HpaDraft, found: &mut Findings) -> Option<()> {
    let mut fields = Fields::open(node, path, found)?;
    let Some(kind) = fields.text("type", found) else {
        fields.missing("type", found);
        return None;
    };
    let place = fields.get("type").map(|node| node.span);
    let key = match kind {
        "Resource" => "resource",
        "External" => "external",
        "Object" => "object",
        "Pods" => "pods",
        "ContainerResource" => "containerResource",
        _ => {
            found.error(code::FIELD, place, format!("`{path}.type`: no metric type `{kind}`"));
            return None;
        }
    };
    let Some(source) = fields.below(key, found) else {
        fields.missing(key, found);
        return None;
    };
    let metric = match kind {
        "Resource" => match resource(source, found)? {
            (true, target) => HpaMetric::Memory(target),
            (false, target) => HpaMetric::Cpu(target),
        },
        "ContainerResource" => container_resource(source, to, found)?,
        "Pods" => pods(source, found)?,
        _ => queue(source, kind == "Object", to, found)?,
    };
    to.spec.metrics.push(metric);
    fields.finish(found);
    Some(())
}

/// Whether it is memory's, and the target.
fn resource(mut resource: Fields<'_>, found: &mut Findings) -> Option<(bool, MetricTarget)> {
    let of_memory = resource.word("name", &[("cpu", false), ("memory", true)], found)?;
    let value = target(&mut resource, &["Utilization", "AverageValue"], found)?;
    resource.finish(found);
    Some((of_memory, value))
}

/// A `ContainerResource`: of the first container, which is checked once the pod is known.
fn container_resource(
    mut fields: Fields<'_>,
    to: &mut HpaDraft,
    found: &mut Findings,
) -> Option<HpaMetric> {
    let place = fields.get("container").map(|node| node.span);
    let Some(container) = fields.text("container", found) else {
        fields.missing("container", found);
        return None;
    };
    to.containers.push((container.to_owned(), place));
    Some(match resource(fields, found)? {
        (true, target) => HpaMetric::ContainerMemory(target),
        (false, target) => HpaMetric::ContainerCpu(target),
    })
}

/// A `Pods` metric: the mean over the pods of what each shows.
fn pods(mut pods: Fields<'_>, found: &mut Findings) -> Option<HpaMetric> {
    let Some(mut metric) = pods.below("metric", found) else {
        pods.missing("metric", found);
        return None;
    };
    let name = name_of(&mut metric, found)?;
    if name != MESSAGES_IN_WORK {
        let text = format!(
            "`{}`: pods show no metric `{name}` in the simulation; they show `{MESSAGES_IN_WORK}`, \
             the messages that a pod works on",
            metric.path("name")
        );
        found.error(code::NOT_BUILT, metric.get("name").map(|node| node.span), text);
        return None;
    }
    metric.finish(found);
    let value = target(&mut pods, &["AverageValue"], found)?;
    pods.finish(found);
    match value {
        MetricTarget::AverageValue(milli) => Some(HpaMetric::Pods(milli)),
        MetricTarget::Utilization(_) | MetricTarget::Value(_) => None,
    }
}

/// An `External` or `Object` metric: a number read of a queue.
fn queue(
    mut fields: Fields<'_>,
    is_object: bool,
    to: &mut HpaDraft,
    found: &mut Findings,
) -> Option<HpaMetric> {
    let Some(mut metric) = fields.below("metric", found) else {
        fields.missing("metric", found);
        return None;
    };
    let name = name_of(&mut metric, found)?;
    let mut described = None;
    if is_object {
        let Some(mut object) = fields.below("describedObject", found) else {
            fields.missing("describedObject", found);
            return None;
        };
        described = object.text("name", found);
        object.skip(&["apiVersion", "kind"]);
        object.finish(found);
    }
    let selected = selected(&mut metric, found);
    let named = selected
        .or_else(|| Some(("describedObject.name", described?)))
        .unwrap_or(("metric.name", name));
    let of_queues = QUEUE_METRICS.iter().find(|(known, ..)| *known == name);
    let target = target(&mut fields, &["Value", "AverageValue"], found)?;
    let index = to.sources.len();
    to.sources.push(MetricSource {
        source: SourceDraft {
            named: Some((named.0.to_owned(), named.1.to_owned())),
            is_regex: false,
            operation: Operation::Sum,
            reads: Reads::Count(of_queues.map_or(Counted::Product, |metric| metric.1)),
        },
        metric_type: match target {
            MetricTarget::Value(_) => MetricType::Value,
            _ => MetricType::AverageValue,
        },
        target_milli: match target {
            MetricTarget::Value(milli)
            | MetricTarget::AverageValue(milli)
            | MetricTarget::Utilization(milli) => milli,
        },
        name: name.to_owned(),
        origin: Some(metric.place()),
    });
    metric.finish(found);
    fields.finish(found);
    Some(HpaMetric::Trigger { index, target })
}

fn name_of<'n>(metric: &mut Fields<'n>, found: &mut Findings) -> Option<&'n str> {
    let name = metric.text("name", found);
    if metric.get("name").is_none() {
        metric.missing("name", found);
    }
    name
}

/// The queue that a metric's selector names.
fn selected<'n>(metric: &mut Fields<'n>, found: &mut Findings) -> Option<(&'static str, &'n str)> {
    let mut selector = metric.below("selector", found)?;
    let mut labels = selector.below("matchLabels", found)?;
    let mut label = |key| Some((key, labels.text(key, found)?));
    let named = label(SOURCE_KEY).or_else(|| label(QUEUE_LABEL));
    labels.finish(found);
    selector.finish(found);
    named
}

/// `target`: one of the types that the metric takes, and its value above 0.
fn target(
    fields: &mut Fields<'_>,
    types: &[&'static str],
    found: &mut Findings,
) -> Option<MetricTarget> {
    let Some(mut target) = fields.below("target", found) else {
        fields.missing("target", found);
        return None;
    };
    let words: Vec<(&str, &str)> = types.iter().map(|&word| (word, word)).collect();
    if target.get("type").is_none() {
        target.missing("type", found);
    }
    let (key, value) = match target.word("type", &words, found)? {
        "Utilization" => {
            let value = target.count("averageUtilization", found).filter(|&percent| percent > 0);
            ("averageUtilization", value.map(|v| MetricTarget::Utilization(v.into())))
        }
        "Value" => {
            let value = target.quantity_milli("value", found).filter(|&milli| milli > 0);
            ("value", value.map(MetricTarget::Value))
        }
        _ => {
            let value = target.quantity_milli("averageValue", found).filter(|&milli| milli > 0);
            ("averageValue", value.map(MetricTarget::AverageValue))
        }
    };
    let Some(value) = value else {
        target.missing(key, found);
        return None;
    };
    target.finish(found);
    Some(value)
}
