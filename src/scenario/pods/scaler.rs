//! Scalers: triggers find their queues, defaults are filled in.

use std::sync::Arc;

use super::draft::{ScaledJobDraft, ScaledObjectDraft, ScalerDraft, TriggerDraft, WorkloadDraft};
use super::lower::LowerContext;
use super::tables::Tables;
use crate::control::hpa::HpaMetric;
use crate::control::keda::catalogue::ScalerKind as TriggerKind;
use crate::control::keda::scaler::rabbitmq::Mode;
use crate::control::keda::scaler::source::{Counted, Reads, SourceDraft};
use crate::control::keda::{
    Formula, Modifiers, QueueSource, ScaledJobSpec, ScaledObjectSpec, ScalerSpec, ScalingStrategy,
    Trigger, trigger,
};
use crate::plan::ScalerKind;
use crate::scenario::foreign::hpa::HpaDraft;
use crate::scenario::foreign::{Findings, code};
use crate::scenario::{Diagnostic, Span};
use crate::unit::{QueueId, Symbol};

/// Lowers what scales a workload; `None` after an error or if nothing does.
pub(super) fn lower(
    draft: &WorkloadDraft,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<ScalerKind> {
    let scaler = draft.scaler.as_ref()?;
    let (kind, place) = match scaler {
        ScalerDraft::ScaledObject(object) => {
            let spec = scaled_object(object, context, tables, found)?;
            left_to_keda(&draft.name, object, &spec, found);
            (ScalerKind::ScaledObject(spec), object.origin)
        }
        ScalerDraft::ScaledJob(job) => {
            let spec = scaled_job(job, context, tables, found)?;
            check_job_pods(draft, job, found)?;
            (ScalerKind::ScaledJob(spec), job.origin)
        }
        ScalerDraft::Hpa(hpa, place) => (own_hpa(draft, hpa, context, found)?, *place),
    };
    let uses = draft.work.uses.as_ref();
    let has_cpu = uses.is_some_and(|uses| !uses.arrivals.is_empty() || uses.slot_milli > 0);
    let has_memory = uses.is_some_and(|uses| uses.memory > 0);
    let (reads_cpu, reads_memory) = reads_usage(&kind);
    if (reads_cpu && !has_cpu) || (reads_memory && !has_memory) {
        let what = if reads_cpu && !has_cpu { "CPU" } else { "memory" };
        let text = format!(
            "{:?} {}: it is scaled by {what} use, and nothing says what its pods use",
            draft.kind, draft.name
        );
        found.error(code::USE, place, text);
        return None;
    }
    Some(kind)
}

/// An HPA of the user's own: its External and Object metrics find their queues.
fn own_hpa(
    draft: &WorkloadDraft,
    hpa: &HpaDraft,
    context: &LowerContext<'_>,
    found: &mut Findings,
) -> Option<ScalerKind> {
    let sources = hpa.sources.iter().map(|metric| {
        let what = format!("metric `{}`", metric.name);
        let source = source(&what, &metric.source, context, metric.origin, found)?;
        Some(Trigger {
            name: Symbol::EMPTY,
            scaler: ScalerSpec::Queues(source),
            metric_type: metric.metric_type,
            target_milli: metric.target_milli,
            activation_milli: 0,
            use_cached_metrics: false,
        })
    });
    let sources: Vec<_> = sources.collect();
    first_container(draft, hpa, found)?;
    let reads_work = hpa.spec.metrics.iter().any(|metric| matches!(metric, HpaMetric::Pods(_)));
    if reads_work && draft.work.consumes.is_none() {
        let text = format!(
            "{:?} {}: it is scaled by the messages that its pods work on, and they consume none",
            draft.kind, draft.name
        );
        found.error(code::USE, draft.scaler.as_ref()?.origin(), text);
        return None;
    }
    let sources: Option<Vec<_>> = sources.into_iter().collect();
    Some(ScalerKind::Hpa { spec: hpa.spec.clone(), sources: sources? })
}

/// `ContainerResource` reads the first container, which does a scenario's work (as `kubectl` takes
/// the first where no annotation names one).
fn first_container(draft: &WorkloadDraft, hpa: &HpaDraft, found: &mut Findings) -> Option<()> {
    let names: Vec<&str> = draft.pod.names_of_containers().collect();
    let mut fine = Some(());
    for (name, place) in &hpa.containers {
        let (code, text) = match names.iter().position(|known| known == name) {
            Some(0) => continue,
            Some(_) => {
                let text = format!(
                    "the work of a scenario is that of the first container, `{}`: what `{name}` \
                     uses has no source",
                    names[0]
                );
                (code::NOT_BUILT, text)
            }
            None => {
                let known = names.join(", ");
                (code::FIELD, format!("the pods have no container `{name}`; they have {known}"))
            }
        };
        found.error(code, *place, text);
        fine = None;
    }
    fine
}

/// The pods of a Job must be able to end: by working on messages, or after a time.
fn check_job_pods(draft: &WorkloadDraft, job: &ScaledJobDraft, found: &mut Findings) -> Option<()> {
    let text = match (&draft.work.consumes, &draft.work.lifetime) {
        (Some(_), None) | (None, Some(_)) => return Some(()),
        (None, None) => "its Jobs never end: give it `consumes` or a `duration`",
        (Some(_), Some(_)) => "its pods end with their messages or after `duration`, not both",
    };
    found.error(code::FIELD, job.origin, format!("ScaledJob {}: {text}", draft.name));
    None
}

/// Whether a scaler reads what pods use of CPU, and of memory.
fn reads_usage(scaler: &ScalerKind) -> (bool, bool) {
    let triggers = |list: &[Trigger]| {
        let any = |wanted: &ScalerSpec| list.iter().any(|trigger| trigger.scaler == *wanted);
        (any(&ScalerSpec::Cpu), any(&ScalerSpec::Memory))
    };
    match scaler {
        ScalerKind::ScaledObject(spec) => triggers(&spec.triggers),
        ScalerKind::ScaledJob(spec) => triggers(&spec.triggers),
        ScalerKind::Hpa { spec, .. } => {
            use HpaMetric::{ContainerCpu, ContainerMemory, Cpu, Memory};
            let any = |of: fn(&HpaMetric) -> bool| spec.metrics.iter().any(of);
            (
                any(|metric| matches!(metric, Cpu(_) | ContainerCpu(_))),
                any(|metric| matches!(metric, Memory(_) | ContainerMemory(_))),
            )
        }
    }
}

/// What a ScaledObject leaves to KEDA.
fn left_to_keda(
    workload: &str,
    draft: &ScaledObjectDraft,
    spec: &ScaledObjectSpec,
    found: &mut Findings,
) {
    for (given, key, value) in [
        (draft.polling_interval.is_some(), "pollingInterval", spec.polling_interval.to_string()),
        (draft.cooldown.is_some(), "cooldownPeriod", spec.cooldown.to_string()),
        (draft.min_replicas.is_some(), "minReplicaCount", spec.min_replicas.to_string()),
        (draft.max_replicas.is_some(), "maxReplicaCount", spec.max_replicas.to_string()),
    ] {
        if !given {
            let path = format!("workloads.{workload}.scaledObject.{key}");
            found.left_out(path, value, "keda v1alpha1 (scaledobject_types.go)");
        }
    }
}

fn scaled_object(
    draft: &ScaledObjectDraft,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<ScaledObjectSpec> {
    let triggers = triggers(&draft.triggers, context, tables, found)?;
    let mut spec = ScaledObjectSpec::with_defaults(tables.intern(&draft.name), triggers);
    spec.polling_interval = draft.polling_interval.unwrap_or(spec.polling_interval);
    spec.cooldown = draft.cooldown.unwrap_or(spec.cooldown);
    spec.initial_cooldown = draft.initial_cooldown.unwrap_or(spec.initial_cooldown);
    spec.idle_replicas = draft.idle_replicas;
    spec.min_replicas = draft.min_replicas.unwrap_or(spec.min_replicas);
    spec.max_replicas = draft.max_replicas.unwrap_or(spec.max_replicas);
    spec.fallback = draft.fallback;
    spec.behavior.clone_from(&draft.behavior);
    let modifiers = draft
        .modifiers
        .as_ref()
        .filter(|_| known(context, 12, "scalingModifiers", draft.origin, found));
    if let Some(modifiers) = modifiers {
        let names: Vec<&str> = draft.triggers.iter().map(name_in_formula).collect();
        match Formula::compile(&modifiers.formula, &names) {
            Ok(formula) => {
                spec.modifiers = Some(Modifiers {
                    formula: Arc::new(formula),
                    target_milli: modifiers.target_milli,
                    activation_milli: modifiers.activation_milli,
                    metric_type: modifiers.metric_type,
                });
            }
            Err(why) => {
                let text = format!("scalingModifiers.formula of {}: {why}", draft.name);
                found.error(code::FIELD, modifiers.place, text);
            }
        }
    }
    // Presence of `paused-replicas` alone pauses.
    spec.paused = draft.pause.paused || draft.pause.replicas.is_some();
    spec.paused_replicas = draft.pause.replicas;
    // Directional pauses and forced activation came with 2.18; older operators read past them.
    let directional = draft.pause.scale_in || draft.pause.scale_out || draft.pause.force_activation;
    if directional && known(context, 18, "directional pauses", draft.origin, found) {
        spec.paused_scale_in = draft.pause.scale_in;
        spec.paused_scale_out = draft.pause.scale_out;
        spec.force_activation = draft.pause.force_activation;
    }
    Some(spec)
}

/// What a formula calls a trigger: it sees no `cpu` and no `memory` (`scaledobject_webhook.go`).
fn name_in_formula(trigger: &TriggerDraft) -> &str {
    match trigger.kind.as_str() {
        "cpu" | "memory" => "",
        _ => trigger.name.as_deref().unwrap_or(""),
    }
}

fn scaled_job(
    draft: &ScaledJobDraft,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<ScaledJobSpec> {
    let triggers = triggers(&draft.triggers, context, tables, found)?;
    let mut spec = ScaledJobSpec::with_defaults(tables.intern(&draft.name), triggers);
    spec.polling_interval = draft.polling_interval.unwrap_or(spec.polling_interval);
    spec.min_replicas = draft.min_replicas.unwrap_or(spec.min_replicas);
    spec.max_replicas = draft.max_replicas;
    let eager = draft.strategy == ScalingStrategy::Eager;
    if !eager || known(context, 15, "scalingStrategy eager", draft.origin, found) {
        spec.strategy = draft.strategy;
    }
    spec.combination = draft.combination;
    spec.pending_conditions.clone_from(&draft.pending_conditions);
    spec.successful_history = draft.successful_history.unwrap_or(spec.successful_history);
    spec.failed_history = draft.failed_history.unwrap_or(spec.failed_history);
    spec.template = draft.template;
    spec.paused = draft.paused;
    Some(spec)
}

/// Whether the cluster's KEDA, 2.`since` at least, knows something; if not, that is noted.
fn known(
    context: &LowerContext<'_>,
    since: u16,
    what: &str,
    place: Option<Span>,
    found: &mut Findings,
) -> bool {
    let known = context.keda.at_least(since);
    if !known {
        found.ignore(format!("{what} (KEDA 2.{since})"), place, "the cluster's KEDA is older");
    }
    known
}

/// All triggers, so that all mistakes are told; `None` if there was one.
fn triggers(
    drafts: &[TriggerDraft],
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<Vec<Trigger>> {
    let read: Vec<_> =
        drafts.iter().map(|draft| lower_trigger(draft, context, tables, found)).collect();
    read.into_iter().collect()
}

fn lower_trigger(
    draft: &TriggerDraft,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Option<Trigger> {
    let kind = draft.kind.as_str();
    let mut metadata = draft.metadata.clone();
    if metadata.contains_key("queueLengthStrategy")
        && !known(context, 15, "queueLengthStrategy", draft.origin, found)
    {
        metadata.remove("queueLengthStrategy");
    }
    let read = match trigger::read(kind, &metadata, draft.metric_type.as_deref()) {
        Ok(read) => read,
        Err(errors) => {
            for error in errors {
                let text = format!("trigger `{kind}`: `{}`: {}", error.key, error.message);
                let help = error.nearest.map(|word| format!("did you mean `{word}`?"));
                let code = if error.key == "type" { code::NOT_BUILT } else { code::FIELD };
                let error = Diagnostic::error(code, text).help_opt(help);
                found.report(match draft.origin {
                    Some(place) => error.at(place, ""),
                    None => error,
                });
            }
            return None;
        }
    };
    for key in read.unknown.iter().chain(&read.not_modelled) {
        let why = if read.unknown.contains(key) {
            "the scaler does not read it either"
        } else {
            "what is counted does not depend on it in the simulation"
        };
        found.ignore(format!("trigger {kind}: {key}"), draft.origin, why);
    }
    let scaler = match read.kind {
        TriggerKind::Cpu => ScalerSpec::Cpu,
        TriggerKind::Memory => ScalerSpec::Memory,
        TriggerKind::Cron => {
            let cron = read.cron.as_ref()?;
            match cron.unroll(context.start_epoch, context.length) {
                Ok(windows) => ScalerSpec::Cron(windows.into()),
                Err(why) => {
                    found.error(code::FIELD, draft.origin, format!("trigger `cron`: {why}"));
                    return None;
                }
            }
        }
        _ => ScalerSpec::Queues(source(
            &format!("trigger `{kind}`"),
            &read.source,
            context,
            draft.origin,
            found,
        )?),
    };
    Some(Trigger {
        name: draft.name.as_deref().map_or(Symbol::EMPTY, |name| tables.intern(name)),
        scaler,
        metric_type: read.metric_type,
        target_milli: read.target_milli,
        activation_milli: read.activation_milli,
        use_cached_metrics: draft.use_cached_metrics,
    })
}

/// The queues that a trigger or metric reads; `what` names it in messages.
fn source(
    what: &str,
    source: &SourceDraft,
    context: &LowerContext<'_>,
    place: Option<Span>,
    found: &mut Findings,
) -> Option<QueueSource> {
    let names: Vec<&str> = context.queues.iter().map(|(name, _)| name.as_str()).collect();
    let known = match names.len() {
        0 => "the scenario has no `queues`".to_owned(),
        _ => format!("known: {}", names.join(", ")),
    };
    let text = match &source.named {
        Some((key, value)) => match queues_named(value, source.is_regex, context) {
            Ok(queues) if !queues.is_empty() => {
                let (operation, reads) = (source.operation, source.reads.clone());
                if let Some(missing) = not_of_a_curve(&reads)
                    && queues.iter().any(|queue| context.curves.contains(queue))
                {
                    let why = "a given `depth` has a total and nothing more";
                    found.ignore(format!("{what}: {missing}"), place, why);
                }
                return Some(QueueSource { queues: queues.into(), operation, reads });
            }
            Ok(_) if source.is_regex => {
                format!("{what}: no queue matches `{value}` (from `{key}`)")
            }
            Ok(_) => format!("{what}: there is no queue `{value}` (from `{key}`)"),
            Err(why) => format!("{what}: `{key}`: {why}"),
        },
        None => format!("{what} names no queue"),
    };
    let key = trigger::SOURCE_KEY;
    let help = match &source.named {
        Some(_) => format!("add it to `queues:`, or name one by `{key}`; {known}"),
        None => format!("name one by `{key}` in its metadata; {known}"),
    };
    let error = Diagnostic::error(code::SOURCE, text).help(help);
    found.report(match place {
        Some(place) => error.at(place, ""),
        None => error,
    });
    None
}

/// What a reading needs of a queue that a given `depth` cannot show.
fn not_of_a_curve(reads: &Reads) -> Option<&'static str> {
    match reads {
        Reads::Topic(topic) if topic.tells_partitions_apart() => Some("flags on single partitions"),
        Reads::RabbitMq { mode, .. } if *mode != Mode::QueueLength => Some("rates"),
        Reads::Count(Counted::OldestAge) => Some("ages"),
        _ => None,
    }
}

/// The queue of a name, or all whose names match.
fn queues_named(
    value: &str,
    is_regex: bool,
    context: &LowerContext<'_>,
) -> Result<Vec<QueueId>, String> {
    if is_regex {
        // Upstream matches anywhere in the name.
        let regex = regex::Regex::new(value).map_err(|error| error.to_string())?;
        let matching = context.queues.iter().filter(|(name, _)| regex.is_match(name));
        return Ok(matching.map(|&(_, queue)| queue).collect());
    }
    // SQS names a queue by its address.
    let last = value.rsplit('/').next().unwrap_or(value);
    let queue = context.queues.iter().find(|(name, _)| name == value || name == last);
    Ok(queue.map(|&(_, queue)| queue).into_iter().collect())
}
