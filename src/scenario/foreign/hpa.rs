//! `autoscaling/v2` specs: of a HorizontalPodAutoscaler, of the short form's `hpa:`, and the
//! `behavior` that a ScaledObject passes on.
//!
//! Defaults and checks: kubernetes `pkg/apis/autoscaling/v2/defaults.go` and
//! `pkg/apis/autoscaling/validation/validation.go` (v1.36.2).

mod metric;

use super::code;
use super::fields::Fields;
use super::findings::Findings;
use crate::control::hpa::{
    Behavior, HpaMetric, HpaSpec, MetricTarget, PolicySelect, ScalingPolicy, ScalingPolicyKind,
    ScalingRules,
};
use crate::control::keda::MetricType;
use crate::control::keda::scaler::source::SourceDraft;
use crate::scenario::{Node, Span};
use crate::unit::Duration;

const MAX_WINDOW: Duration = Duration::from_secs(3_600);
const MAX_PERIOD: Duration = Duration::from_secs(1_800);

/// An HPA whose metrics do not know their queues yet.
#[derive(Clone, Debug)]
pub struct HpaDraft {
    /// All but where External and Object metrics come from.
    pub spec: HpaSpec,
    /// Sources of the External and Object metrics, by the index in [`HpaMetric::Trigger`].
    pub sources: Vec<MetricSource>,
    /// Containers that `ContainerResource` metrics name.
    pub containers: Vec<(String, Option<Span>)>,
}

/// What an External or Object metric reads.
#[derive(Clone, Debug)]
pub struct MetricSource {
    /// `metric.name`
    pub name: String,
    /// The queue, and what of it counts.
    pub source: SourceDraft,
    /// Value or AverageValue.
    pub metric_type: MetricType,
    /// Target in thousandths.
    pub target_milli: i64,
    /// Where it was written.
    pub origin: Option<Span>,
}

/// The `spec` of an HPA less its target. `path` names it in messages. `None` after an error.
pub fn spec(node: &Node, path: &str, found: &mut Findings) -> Option<HpaDraft> {
    let mut fields = Fields::open(node, path, found)?;
    let min_replicas = fields.count("minReplicas", found).unwrap_or(1);
    let Some(max_replicas) = fields.count("maxReplicas", found) else {
        if fields.get("maxReplicas").is_none() {
            fields.missing("maxReplicas", found);
        }
        return None;
    };
    if min_replicas == 0 {
        let text = format!("`{path}.minReplicas` must be at least 1: only KEDA scales to zero");
        found.error(code::FIELD, fields.get("minReplicas").map(|node| node.span), text);
        return None;
    }
    if max_replicas < min_replicas {
        let text = format!("`{path}.maxReplicas` must not be less than `minReplicas`");
        found.error(code::FIELD, fields.get("maxReplicas").map(|node| node.span), text);
        return None;
    }
    let spec = HpaSpec { min_replicas, max_replicas, metrics: Vec::new(), behavior: None };
    let mut draft = HpaDraft { spec, sources: Vec::new(), containers: Vec::new() };
    let given = fields.list("metrics", found);
    for (path, item) in &given {
        metric::read(item, path, &mut draft, found)?;
    }
    if given.is_empty() {
        draft.spec.metrics.push(HpaMetric::Cpu(MetricTarget::Utilization(80)));
    }
    if let Some(node) = fields.get("behavior") {
        draft.spec.behavior = Some(behavior(node, &fields.path("behavior"), found)?);
    }
    fields.skip(&["scaleTargetRef"]);
    fields.finish(found);
    Some(draft)
}

/// `behavior` with defaults filled in. `None` after an error.
pub fn behavior(node: &Node, path: &str, found: &mut Findings) -> Option<Behavior> {
    let mut fields = Fields::open(node, path, found)?;
    let policy = |kind, value| ScalingPolicy { kind, value, period: Duration::from_secs(15) };
    let mut up = ScalingRules {
        stabilization: Some(Duration::ZERO),
        select: PolicySelect::Max,
        policies: vec![policy(ScalingPolicyKind::Pods, 4), policy(ScalingPolicyKind::Percent, 100)],
        tolerance_milli: None,
    };
    let mut down = ScalingRules {
        stabilization: None,
        select: PolicySelect::Max,
        policies: vec![policy(ScalingPolicyKind::Percent, 100)],
        tolerance_milli: None,
    };
    for (key, rules) in [("scaleUp", &mut up), ("scaleDown", &mut down)] {
        if let Some(given) = fields.below(key, found) {
            read_rules(given, rules, found)?;
        }
    }
    fields.finish(found);
    Some(Behavior { up, down })
}

/// Replaces the defaults that are given.
fn read_rules(
    mut fields: Fields<'_>,
    rules: &mut ScalingRules,
    found: &mut Findings,
) -> Option<()> {
    let key = "stabilizationWindowSeconds";
    if let Some(window) = fields.seconds(key, found) {
        at_most(&mut fields, key, window, MAX_WINDOW, found)?;
        rules.stabilization = Some(window);
    }
    let words = [
        ("Max", PolicySelect::Max),
        ("Min", PolicySelect::Min),
        ("Disabled", PolicySelect::Disabled),
    ];
    if let Some(select) = fields.word("selectPolicy", &words, found) {
        rules.select = select;
    }
    if let Some(tolerance) = fields.quantity_milli("tolerance", found) {
        rules.tolerance_milli = Some(tolerance);
    }
    let given = fields.get("policies");
    let items = fields.list("policies", found);
    if let Some(given) = given {
        if items.is_empty() {
            let text = format!("`{}` must have at least one policy", fields.path("policies"));
            found.error(code::FIELD, Some(given.span), text);
            return None;
        }
        rules.policies.clear();
    }
    for (path, item) in items {
        rules.policies.push(read_policy(item, &path, found)?);
    }
    fields.finish(found);
    Some(())
}

fn read_policy(node: &Node, path: &str, found: &mut Findings) -> Option<ScalingPolicy> {
    let mut fields = Fields::open(node, path, found)?;
    let kinds = [("Pods", ScalingPolicyKind::Pods), ("Percent", ScalingPolicyKind::Percent)];
    for key in ["type", "value", "periodSeconds"] {
        if fields.get(key).is_none() {
            fields.missing(key, found);
            return None;
        }
    }
    let kind = fields.word("type", &kinds, found)?;
    let value = fields.count("value", found)?;
    let period = fields.seconds("periodSeconds", found)?;
    at_most(&mut fields, "periodSeconds", period, MAX_PERIOD, found)?;
    let value = i32::try_from(value).ok().filter(|&value| value > 0);
    if value.is_none() || period.is_zero() {
        let text = format!("`{path}`: `value` and `periodSeconds` must be more than 0");
        found.error(code::FIELD, Some(node.span), text);
    }
    fields.finish(found);
    Some(ScalingPolicy { kind, value: value?, period }).filter(|_| !period.is_zero())
}

fn at_most(
    fields: &mut Fields<'_>,
    key: &str,
    value: Duration,
    most: Duration,
    found: &mut Findings,
) -> Option<()> {
    if value <= most {
        return Some(());
    }
    let place = fields.get(key).map(|node| node.span);
    let text = format!("`{}` must not be more than {}", fields.path(key), most.as_secs());
    found.error(code::FIELD, place, text);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::keda::scaler::source::{Counted, Reads};
    use crate::scenario::Sources;

    fn read(text: &str) -> (Option<HpaSpec>, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add("hpa.yaml", text);
        let node = sources.parse(file).unwrap().remove(0);
        let mut found = Findings::default();
        let spec = spec(&node, "spec", &mut found).map(|draft| draft.spec);
        (spec, found.into_list().into_iter().map(|d| d.message).collect())
    }

    #[test]
    fn what_is_absent_gets_the_defaults_of_the_api_server() {
        let (spec, found) = read("{maxReplicas: 9, behavior: {scaleDown: {selectPolicy: Min}}}");
        let spec = spec.unwrap();
        assert_eq!(found, [""; 0]);
        assert_eq!((spec.min_replicas, spec.max_replicas), (1, 9));
        assert_eq!(spec.metrics, [HpaMetric::Cpu(MetricTarget::Utilization(80))]);
        let Behavior { up, down } = spec.behavior.unwrap();
        assert_eq!(up.policies.len(), 2);
        assert_eq!(up.stabilization, Some(Duration::ZERO));
        assert_eq!((down.stabilization, down.select), (None, PolicySelect::Min));
        assert_eq!(down.policies[0].value, 100);
    }

    #[test]
    fn given_policies_replace_the_defaults() {
        let (spec, found) = read(
            "maxReplicas: 9\nmetrics:\n- {type: Resource, resource: {name: memory, target: \
             {type: AverageValue, averageValue: 500Mi}}}\nbehavior:\n  scaleUp:\n    \
             stabilizationWindowSeconds: 60\n    tolerance: 50m\n    policies: [{type: Pods, \
             value: 2, periodSeconds: 30}]\n",
        );
        assert_eq!(found, [""; 0]);
        let spec = spec.unwrap();
        let memory = MetricTarget::AverageValue(524_288_000_000);
        assert_eq!(spec.metrics, [HpaMetric::Memory(memory)]);
        let up = spec.behavior.unwrap().up;
        assert_eq!(up.policies.len(), 1);
        assert_eq!(up.tolerance_milli, Some(50));
        assert_eq!(up.stabilization, Some(Duration::from_secs(60)));
    }

    #[test]
    fn metrics_name_queues_and_what_pods_work_on() {
        let mut sources = Sources::default();
        let file = sources.add(
            "hpa.yaml",
            "maxReplicas: 9\nmetrics:\n\
             - {type: External, external: {metric: {name: forescale_queue_messages_ready, \
             selector: {matchLabels: {queue: orders}}}, target: {type: AverageValue, \
             averageValue: 5}}}\n\
             - {type: Object, object: {describedObject: {apiVersion: v1, kind: Queue, name: mail}, \
             metric: {name: depth}, target: {type: Value, value: 1500m}}}\n\
             - {type: External, external: {metric: {name: curve}, target: {type: Value, \
             value: 1}}}\n\
             - {type: Pods, pods: {metric: {name: forescale_messages_in_work}, target: \
             {type: AverageValue, averageValue: 500m}}}\n",
        );
        let node = sources.parse(file).unwrap().remove(0);
        let mut found = Findings::default();
        let draft = spec(&node, "spec", &mut found).unwrap();
        let messages: Vec<_> = found.into_list().into_iter().map(|d| d.message).collect();
        assert_eq!(messages, [""; 0]);
        let named = |index: usize| draft.sources[index].source.named.clone().unwrap().1;
        assert_eq!([named(0), named(1), named(2)], ["orders", "mail", "curve"]);
        let reads = |index: usize| draft.sources[index].source.reads.clone();
        assert_eq!(reads(0), Reads::Count(Counted::Waiting));
        assert_eq!(reads(1), Reads::Count(Counted::Product));
        assert_eq!(
            draft.spec.metrics,
            [
                HpaMetric::Trigger { index: 0, target: MetricTarget::AverageValue(5_000) },
                HpaMetric::Trigger { index: 1, target: MetricTarget::Value(1_500) },
                HpaMetric::Trigger { index: 2, target: MetricTarget::Value(1_000) },
                HpaMetric::Pods(500),
            ]
        );
    }

    #[test]
    fn what_the_api_server_refuses_is_refused() {
        for (text, message) in [
            ("{minReplicas: 2}", "`spec.maxReplicas` is missing"),
            ("{maxReplicas: 2, minReplicas: 3}", "must not be less than `minReplicas`"),
            ("{maxReplicas: 2, minReplicas: 0}", "only KEDA scales to zero"),
            ("{maxReplicas: x}", "must be a whole number"),
            (
                "{maxReplicas: 2, metrics: [{type: ContainerResource, containerResource: {name: \
                 cpu}}]}",
                "container` is missing",
            ),
            ("{maxReplicas: 2, metrics: [{type: Pods}]}", "`spec.metrics[0].pods` is missing"),
            ("{maxReplicas: 2, metrics: [{type: Resorce}]}", "no metric type `Resorce`"),
            ("{maxReplicas: 2, behavior: {scaleUp: {policies: []}}}", "at least one policy"),
            (
                "{maxReplicas: 2, behavior: {scaleUp: {stabilizationWindowSeconds: 3601}}}",
                "must not be more than 3600",
            ),
        ] {
            let (spec, found) = read(text);
            assert!(spec.is_none(), "{text}");
            assert!(found[0].contains(message), "{text}: {found:?}");
        }
    }
}
