//! `keda.sh/v1alpha1` specs: of ScaledObjects and ScaledJobs, and of the short form's blocks of the
//! same names.
//!
//! Fields: kedacore/keda @ 8b4f083c,
//! `apis/keda/v1alpha1` (`scaledobject_types.go`, `scaledjob_types.go`,
//! `scaletriggers_types.go`).

use std::collections::BTreeMap;

use super::fields::Fields;
use super::findings::Findings;
use super::{code, hpa};
use crate::control::keda::{
    FallbackBehavior, FallbackSpec, JobTemplate, MetricType, PodCondition, ScalingStrategy,
    TriggerCombination,
};
use crate::scenario::Node;
use crate::scenario::pods::{
    ModifiersDraft, PauseDraft, ScaledJobDraft, ScaledObjectDraft, TriggerDraft,
};
use crate::unit::Duration;

/// The `spec` of a ScaledObject less its target. `path` names it in messages, `annotations` are
/// those of the object. `None` after an error.
pub fn scaled_object(
    node: &Node,
    name: &str,
    annotations: Option<&Node>,
    path: &str,
    found: &mut Findings,
) -> Option<ScaledObjectDraft> {
    let mut fields = Fields::open(node, path, found)?;
    let polling_interval = polling_interval(&mut fields, found);
    let fallback = match fields.below("fallback", found) {
        Some(given) => Some(read_fallback(given, found)?),
        None => None,
    };
    let (behavior, modifiers) = match fields.below("advanced", found) {
        Some(given) => read_advanced(given, found)?,
        None => (None, None),
    };
    let draft = ScaledObjectDraft {
        name: name.to_owned(),
        polling_interval,
        cooldown: fields.seconds("cooldownPeriod", found),
        initial_cooldown: fields.seconds("initialCooldownPeriod", found),
        idle_replicas: fields.count("idleReplicaCount", found),
        min_replicas: fields.count("minReplicaCount", found),
        max_replicas: fields.count("maxReplicaCount", found),
        fallback,
        triggers: read_triggers(&mut fields, found)?,
        behavior,
        modifiers,
        pause: annotations.map(|node| pause(node, found)).unwrap_or_default(),
        takes_over: annotations.and_then(|annotations| takes_over(node, annotations)),
        origin: Some(node.span),
    };
    fields.skip(&["scaleTargetRef"]);
    check_counts(&draft, &mut fields, found)?;
    fields.finish(found);
    Some(draft)
}

/// `pollingInterval`, at least a second.
fn polling_interval(fields: &mut Fields<'_>, found: &mut Findings) -> Option<Duration> {
    let interval = fields.seconds("pollingInterval", found);
    if interval.is_some_and(|interval| interval.is_zero()) {
        let text = format!("`{}` must be at least 1", fields.path("pollingInterval"));
        found.error(code::FIELD, fields.get("pollingInterval").map(|n| n.span), text);
    }
    interval
}

/// KEDA's admission webhook (`scaledobject_webhook.go`, `verifyReplicaCount`).
fn check_counts(
    draft: &ScaledObjectDraft,
    fields: &mut Fields<'_>,
    found: &mut Findings,
) -> Option<()> {
    let (min, max) = (draft.min_replicas.unwrap_or(0), draft.max_replicas.unwrap_or(100));
    let wrong = if min > max {
        Some(("minReplicaCount", "must not be more than `maxReplicaCount`"))
    } else if draft.idle_replicas.is_some_and(|idle| idle >= min) {
        Some(("idleReplicaCount", "must be less than `minReplicaCount`"))
    } else if max == 0 {
        Some(("maxReplicaCount", "must be at least 1"))
    } else {
        None
    };
    let Some((key, why)) = wrong else { return Some(()) };
    let place = fields.get(key).map_or(fields.place(), |node| node.span);
    found.error(code::FIELD, Some(place), format!("`{}` {why}", fields.path(key)));
    None
}

fn read_fallback(mut fields: Fields<'_>, found: &mut Findings) -> Option<FallbackSpec> {
    let words = [
        ("static", FallbackBehavior::Static),
        ("currentReplicas", FallbackBehavior::CurrentReplicas),
        ("currentReplicasIfHigher", FallbackBehavior::CurrentReplicasIfHigher),
        ("currentReplicasIfLower", FallbackBehavior::CurrentReplicasIfLower),
        ("scalingModifiers", FallbackBehavior::ScalingModifiers),
    ];
    for key in ["failureThreshold", "replicas"] {
        if fields.get(key).is_none() {
            fields.missing(key, found);
            return None;
        }
    }
    let read = FallbackSpec {
        failure_threshold: fields.count("failureThreshold", found)?,
        replicas: fields.count("replicas", found)?,
        behavior: fields.word("behavior", &words, found).unwrap_or_default(),
    };
    fields.finish(found);
    Some(read)
}

type Advanced = (Option<crate::control::hpa::Behavior>, Option<ModifiersDraft>);

fn read_advanced(mut fields: Fields<'_>, found: &mut Findings) -> Option<Advanced> {
    let mut behavior = None;
    if let Some(mut config) = fields.below("horizontalPodAutoscalerConfig", found) {
        if let Some(node) = config.get("behavior") {
            let path = config.path("behavior");
            behavior = Some(hpa::behavior(node, &path, found)?);
        }
        config.skip(&["name"]);
        config.finish(found);
    }
    let mut modifiers = None;
    if let Some(given) = fields.below("scalingModifiers", found) {
        modifiers = Some(read_modifiers(given, found)?);
    }
    fields.finish(found);
    Some((behavior, modifiers))
}

fn read_modifiers(mut fields: Fields<'_>, found: &mut Findings) -> Option<ModifiersDraft> {
    for key in ["formula", "target"] {
        if fields.get(key).is_none() {
            fields.missing(key, found);
            return None;
        }
    }
    let words = [("AverageValue", MetricType::AverageValue), ("Value", MetricType::Value)];
    let read = ModifiersDraft {
        formula: fields.text("formula", found)?.to_owned(),
        place: fields.get("formula").map(|node| node.span),
        target_milli: fields.quantity_milli("target", found)?,
        activation_milli: fields.quantity_milli("activationTarget", found).unwrap_or(0),
        metric_type: fields.word("metricType", &words, found).unwrap_or_default(),
    };
    fields.finish(found);
    Some(read)
}

fn read_triggers(fields: &mut Fields<'_>, found: &mut Findings) -> Option<Vec<TriggerDraft>> {
    let items = fields.list("triggers", found);
    if items.is_empty() {
        fields.missing("triggers", found);
        return None;
    }
    items.iter().map(|(path, item)| read_trigger(item, path, found)).collect()
}

fn read_trigger(node: &Node, path: &str, found: &mut Findings) -> Option<TriggerDraft> {
    let mut fields = Fields::open(node, path, found)?;
    let Some(kind) = fields.text("type", found) else {
        if fields.get("type").is_none() {
            fields.missing("type", found);
        }
        return None;
    };
    let mut metadata = BTreeMap::new();
    if let Some(mut given) = fields.below("metadata", found) {
        let keys = fields.get("metadata").map_or(&[][..], Node::entries);
        for (key, _) in keys {
            // Upstream takes strings only; a number's spelling says the same.
            if let Some(text) = given.read(&key.text, "a string", found, Node::text) {
                metadata.insert(key.text.clone(), text.to_owned());
            }
        }
    }
    let draft = TriggerDraft {
        kind: kind.to_owned(),
        name: fields.text("name", found).map(str::to_owned),
        metadata,
        metric_type: fields.text("metricType", found).map(str::to_owned),
        use_cached_metrics: fields.boolean("useCachedMetrics", found).unwrap_or(false),
        origin: Some(node.span),
    };
    // Credentials change no number.
    fields.skip(&["authenticationRef"]);
    fields.finish(found);
    Some(draft)
}

/// The HPA that a ScaledObject takes over (`scaledobject_webhook.go`, `verifyHpas`).
fn takes_over(spec: &Node, annotations: &Node) -> Option<String> {
    let asked = annotations.get("scaledobject.keda.sh/transfer-hpa-ownership")?;
    let name = spec.at(&["advanced", "horizontalPodAutoscalerConfig", "name"])?;
    (asked.text() == Some("true")).then(|| name.text().map(str::to_owned)).flatten()
}

/// Annotations `autoscaling.keda.sh/…`. A boolean that is none counts as true, as upstream has it.
fn pause(annotations: &Node, found: &mut Findings) -> PauseDraft {
    let get = |key: &str| annotations.get(&format!("autoscaling.keda.sh/{key}"));
    let is_set = |key| {
        let text = get(key).and_then(Node::text);
        text.is_some_and(|text| !["false", "False", "FALSE", "f", "F", "0"].contains(&text))
    };
    let replicas = get("paused-replicas").and_then(|node| {
        let replicas = node.text().and_then(|text| text.parse().ok());
        if replicas.is_none() {
            let text = "`autoscaling.keda.sh/paused-replicas` must be a whole number";
            found.error(code::FIELD, Some(node.span), text);
        }
        replicas
    });
    PauseDraft {
        paused: is_set("paused"),
        replicas,
        scale_in: is_set("paused-scale-in"),
        scale_out: is_set("paused-scale-out"),
        force_activation: is_set("force-activation"),
    }
}

/// The `spec` of a ScaledJob less its pods; `annotations` are those of the object. `None` after an
/// error.
pub fn scaled_job(
    node: &Node,
    name: &str,
    annotations: Option<&Node>,
    path: &str,
    found: &mut Findings,
) -> Option<ScaledJobDraft> {
    let mut fields = Fields::open(node, path, found)?;
    let strategy = match fields.below("scalingStrategy", found) {
        Some(given) => read_strategy(given, found)?,
        None => StrategyKeys::default(),
    };
    let template = match fields.below("jobTargetRef", found) {
        Some(given) => read_job(given, found)?,
        None => JobTemplate::default(),
    };
    if let Some(rollout) = fields.get("rollout") {
        let why = "no new specification of a ScaledJob arrives during a run";
        found.ignore(fields.path("rollout"), Some(rollout.span), why);
    }
    let draft = ScaledJobDraft {
        name: name.to_owned(),
        polling_interval: polling_interval(&mut fields, found),
        min_replicas: fields.count("minReplicaCount", found),
        max_replicas: fields.count("maxReplicaCount", found),
        strategy: strategy.strategy,
        combination: strategy.combination,
        pending_conditions: strategy.pending_conditions,
        successful_history: fields.count("successfulJobsHistoryLimit", found),
        failed_history: fields.count("failedJobsHistoryLimit", found),
        template,
        paused: annotations.is_some_and(|node| pause(node, found).paused),
        triggers: read_triggers(&mut fields, found)?,
        origin: Some(node.span),
    };
    fields.finish(found);
    Some(draft)
}

/// A `JobSpec` less its pods.
fn read_job(mut fields: Fields<'_>, found: &mut Findings) -> Option<JobTemplate> {
    let plain = JobTemplate::default();
    let parallelism = fields.count("parallelism", found);
    let completions = fields.count("completions", found);
    for (key, given) in [("parallelism", parallelism), ("completions", completions)] {
        if given == Some(0) {
            let text = format!("`{}` must be at least 1", fields.path(key));
            found.error(code::FIELD, fields.get(key).map(|node| node.span), text);
            return None;
        }
    }
    let template = JobTemplate {
        parallelism: parallelism.unwrap_or(plain.parallelism),
        // Both absent: one pod. Parallelism alone: until the first success.
        completions: completions.or(if parallelism.is_none() { plain.completions } else { None }),
        backoff_limit: fields.count("backoffLimit", found).unwrap_or(plain.backoff_limit),
        active_deadline: fields.seconds("activeDeadlineSeconds", found),
    };
    // Pods are read as those of every workload; a finished Job is deleted by the history limits.
    fields.skip(&["template", "ttlSecondsAfterFinished"]);
    fields.finish(found);
    Some(template)
}

/// `scalingStrategy` of a ScaledJob.
#[derive(Default)]
struct StrategyKeys {
    strategy: ScalingStrategy,
    combination: TriggerCombination,
    pending_conditions: Vec<PodCondition>,
}

fn read_conditions(fields: &mut Fields<'_>, found: &mut Findings) -> Option<Vec<PodCondition>> {
    let known = [
        ("PodScheduled", PodCondition::PodScheduled),
        ("Initialized", PodCondition::Initialized),
        ("ContainersReady", PodCondition::ContainersReady),
        ("Ready", PodCondition::Ready),
    ];
    let mut read = Vec::new();
    for (path, item) in fields.list("pendingPodConditions", found) {
        let condition = known.iter().find(|(word, _)| item.as_str() == Some(*word));
        let Some(&(_, condition)) = condition else {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            let text = format!("`{path}` must be one of {}", words.join(", "));
            found.error(code::FIELD, Some(item.span), text);
            return None;
        };
        read.push(condition);
    }
    Some(read)
}

fn read_strategy(mut fields: Fields<'_>, found: &mut Findings) -> Option<StrategyKeys> {
    let combinations = [
        ("max", TriggerCombination::Max),
        ("min", TriggerCombination::Min),
        ("avg", TriggerCombination::Avg),
        ("sum", TriggerCombination::Sum),
    ];
    let combination = fields.word("multipleScalersCalculation", &combinations, found);
    let deduction = fields.count("customScalingQueueLengthDeduction", found).unwrap_or(0);
    let percentage = fields.read(
        "customScalingRunningJobPercentage",
        "a number in quotes such as `\"0.5\"`",
        found,
        |node| node.text()?.parse::<f64>().ok().filter(|share| share.is_finite()),
    );
    let strategy = match fields.text("strategy", found) {
        None | Some("" | "default") => ScalingStrategy::Default,
        Some("accurate") => ScalingStrategy::Accurate,
        Some("eager") => ScalingStrategy::Eager,
        // Upstream: without a readable percentage `custom` silently is the default strategy.
        Some("custom") => match percentage {
            Some(percentage) => ScalingStrategy::Custom { deduction: deduction.into(), percentage },
            None => ScalingStrategy::Default,
        },
        Some(other) => {
            let place = fields.get("strategy").map(|node| node.span);
            let text = format!(
                "`{}` must be `default`, `custom`, `accurate` or `eager`, not `{other}`",
                fields.path("strategy")
            );
            found.error(code::FIELD, place, text);
            return None;
        }
    };
    let pending_conditions = read_conditions(&mut fields, found)?;
    fields.finish(found);
    Some(StrategyKeys {
        strategy,
        combination: combination.unwrap_or_default(),
        pending_conditions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Sources;

    fn parse(text: &str) -> Node {
        let mut sources = Sources::default();
        let file = sources.add("keda.yaml", text);
        sources.parse(file).unwrap().remove(0)
    }

    fn object(text: &str) -> (Option<ScaledObjectDraft>, Vec<String>) {
        let mut found = Findings::default();
        let read = scaled_object(&parse(text), "orders", None, "spec", &mut found);
        (read, found.into_list().into_iter().map(|d| d.message).collect())
    }

    const TRIGGER: &str =
        "triggers: [{type: azure-servicebus, metadata: {queueName: orders, messageCount: 5}}]";

    #[test]
    fn a_scaled_object_is_read_as_written() {
        let (read, found) = object(&format!(
            "pollingInterval: 15\nmaxReplicaCount: 30\nfallback: {{failureThreshold: 3, replicas: \
             6, behavior: currentReplicas}}\nadvanced: {{restoreToOriginalReplicaCount: true}}\n\
             {TRIGGER}\n"
        ));
        let read = read.unwrap();
        assert_eq!(read.polling_interval, Some(Duration::from_secs(15)));
        assert_eq!((read.min_replicas, read.max_replicas), (None, Some(30)));
        assert_eq!(read.fallback.unwrap().behavior, FallbackBehavior::CurrentReplicas);
        assert_eq!(read.triggers[0].metadata["messageCount"], "5");
        assert_eq!(found, ["not modelled: spec.advanced.restoreToOriginalReplicaCount"]);
    }

    #[test]
    fn what_keda_refuses_is_refused() {
        for (text, message) in [
            ("{pollingInterval: 15}".to_owned(), "`spec.triggers` is missing"),
            ("{triggers: [{metadata: {}}]}".to_owned(), "`spec.triggers[0].type` is missing"),
            (format!("idleReplicaCount: 2\nminReplicaCount: 2\n{TRIGGER}"), "less than"),
            (format!("minReplicaCount: 3\nmaxReplicaCount: 2\n{TRIGGER}"), "more than"),
            (format!("fallback: {{replicas: 2}}\n{TRIGGER}"), "failureThreshold` is missing"),
            (format!("pollingInterval: 0\n{TRIGGER}"), "at least 1"),
            (format!("maxReplicaCount: \"30\"\n{TRIGGER}"), "must be a whole number"),
        ] {
            let (_, found) = object(&text);
            assert!(found.iter().any(|f| f.contains(message)), "{text}: {found:?}");
        }
    }

    #[test]
    fn annotations_pause_unless_they_say_false() {
        let mut found = Findings::default();
        let node = parse(
            "{autoscaling.keda.sh/paused: \"false\", autoscaling.keda.sh/paused-scale-in: yes, \
             autoscaling.keda.sh/paused-replicas: \"4\"}",
        );
        let read = pause(&node, &mut found);
        assert_eq!(read, PauseDraft { scale_in: true, replicas: Some(4), ..PauseDraft::default() });
    }

    #[test]
    fn strategies_of_scaled_jobs() {
        for (text, expected) in [
            ("", ScalingStrategy::Default),
            ("scalingStrategy: {strategy: eager}\n", ScalingStrategy::Eager),
            (
                "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1, \
                 customScalingRunningJobPercentage: \"0.5\"}\n",
                ScalingStrategy::Custom { deduction: 1, percentage: 0.5 },
            ),
            (
                "scalingStrategy: {strategy: custom, customScalingQueueLengthDeduction: 1}\n",
                ScalingStrategy::Default,
            ),
        ] {
            let mut found = Findings::default();
            let node = parse(&format!("{text}{TRIGGER}"));
            let read = scaled_job(&node, "orders", None, "spec", &mut found).unwrap();
            assert_eq!(read.strategy, expected, "{text}");
        }
    }
}
