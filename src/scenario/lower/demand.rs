//! `queues:` and what arrives at them; recordings of pods.

use std::sync::Arc;

use super::lowering::{Lowering, value};
use super::node::ACCELERATOR;
use super::pool::GPU;
use crate::demand::SourceSpec;
use crate::model::{DeviceShare, NodeSelectorTerm, PodShape, Requirement, SelectorOp};
use crate::plan::ArrivalSpec;
use crate::queue::{DepthCurve, LaneKind, LaneSpec, QueueKind, QueueSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    Amount, Arrival, At, Burst, DepthTrace, Diurnal, PodTrace, Queue, QueueKindName,
    RebalanceProtocol, Text, Trace, nearest_help,
};
use crate::scenario::source::Span;
use crate::scenario::table::{self, PodColumns};
use crate::unit::{Duration, IdVec, QueueId, ShapeId, SimTime, StreamId};

/// Far more than any product has: a bound on memory.
const MOST_LANES: u32 = 1_000_000;

/// Reads all queues.
pub fn queues(lowering: &mut Lowering<'_, '_>) {
    for (name, queue) in value(&lowering.scenario.queues).into_iter().flatten() {
        let given = &queue.value;
        let kind = match value(&given.kind).copied().unwrap_or(QueueKindName::ServiceBus) {
            QueueKindName::ServiceBus => QueueKind::ServiceBus,
            QueueKindName::Storage => QueueKind::Storage,
            QueueKindName::EventHub => QueueKind::EventHub,
            QueueKindName::Kafka => QueueKind::Kafka,
            QueueKindName::RabbitMq => QueueKind::RabbitMq,
            QueueKindName::Redis => QueueKind::Redis,
            QueueKindName::Sqs => QueueKind::Sqs,
        };
        let lanes = lanes(lowering, name, given, kind);
        if let Some(at) = given.max_deliveries.as_ref().filter(|at| at.value.0 == 0) {
            lowering.error(code::BAD_VALUE, "`maxDeliveryCount` must be at least 1", at.span, "");
        }
        if let Some(at) = given.lock.as_ref().filter(|at| at.value.0.is_zero()) {
            lowering.error(code::BAD_VALUE, "`lockDuration` must be above 0", at.span, "");
        }
        if let Some(at) = given.time_to_live.as_ref().filter(|at| at.value.0.is_zero()) {
            let message = "`defaultMessageTimeToLive` must be above 0";
            lowering.error(code::BAD_VALUE, message, at.span, "");
        }
        assume_defaults(lowering, name, given, kind);
        let depth = value(&given.depth)
            .and_then(|depth| value(&depth.trace))
            .and_then(|trace| lowering.depth(trace));
        let name = lowering.tables.intern(name);
        let mut spec = QueueSpec { depth, lanes, ..QueueSpec::new(name, kind) };
        spec.lock = value(&given.lock).map_or(spec.lock, |length| length.0);
        spec.renew_up_to = value(&given.renew_up_to).map_or(spec.renew_up_to, |length| length.0);
        spec.max_deliveries =
            value(&given.max_deliveries).map_or(spec.max_deliveries, |count| count.0);
        spec.metric_counts_locked =
            value(&given.metric_counts_locked).map_or(spec.metric_counts_locked, |on| on.0);
        let given_life = value(&given.time_to_live).map(|length| length.0);
        spec.time_to_live = given_life.or(spec.time_to_live);
        lowering.queues.push(spec);
    }
}

/// Notes what the product's defaults decide.
fn assume_defaults(lowering: &mut Lowering<'_, '_>, name: &str, given: &Queue, kind: QueueKind) {
    let defaults = kind.defaults();
    let long = |length: Duration| match length {
        Duration::MAX => "for ever".to_owned(),
        length => length.to_string(),
    };
    let most = match defaults.max_deliveries {
        u32::MAX => "no limit".to_owned(),
        count => count.to_string(),
    };
    let life = defaults.time_to_live.unwrap_or(Duration::MAX);
    for (key, is_given, text) in [
        ("lockDuration", given.lock.is_some(), long(defaults.lock)),
        ("renewUpTo", given.renew_up_to.is_some(), long(defaults.renew_up_to)),
        ("maxDeliveryCount", given.max_deliveries.is_some(), most),
        ("defaultMessageTimeToLive", given.time_to_live.is_some(), long(life)),
    ] {
        if !is_given {
            lowering.assume(format!("queues.{name}.{key}"), text, defaults.source);
        }
    }
}

/// Sessions of a Service Bus queue, partitions of a log.
fn lanes(
    lowering: &mut Lowering<'_, '_>,
    name: &str,
    given: &Queue,
    kind: QueueKind,
) -> Option<LaneSpec> {
    let is_log = matches!(kind, QueueKind::EventHub | QueueKind::Kafka);
    let refuse = |lowering: &mut Lowering<'_, '_>, span, key: &str, who: &str| {
        let message = format!("`{key}` is only for {who}");
        lowering.error(code::CONTRADICTION, message, span, "");
    };
    if let Some(at) = given.sessions.as_ref().filter(|_| kind != QueueKind::ServiceBus) {
        refuse(lowering, at.span, "sessions", "Service Bus");
    }
    for (span, key) in [
        (given.partitions.as_ref().map(|at| at.span), "partitions"),
        (given.commit_every.as_ref().map(|at| at.span), "commitEvery"),
        (given.rebalance.as_ref().map(|at| at.span), "rebalance"),
        (given.new_group.as_ref().map(|at| at.span), "newConsumerGroup"),
    ] {
        if let Some(span) = span.filter(|_| !is_log) {
            refuse(lowering, span, key, "Event Hubs and Kafka");
        }
    }
    let count = if is_log { &given.partitions } else { &given.sessions };
    if let Some(at) = count.as_ref().filter(|at| !(1..=MOST_LANES).contains(&at.value.0)) {
        let message = format!("a queue has between 1 and {MOST_LANES} of them");
        lowering.error(code::BAD_VALUE, message, at.span, "");
        return None;
    }
    let skew = value(&given.key_skew).map_or(0.0, |skew: &Amount| skew.0);
    let kind = if is_log { partitions(lowering, name, given, kind) } else { LaneKind::Sessions };
    let given_count = value(count).map(|count| count.0);
    if is_log && given_count.is_none() && given.depth.is_none() {
        let source = "az eventhubs eventhub create: 4; Kafka's num.partitions is 1: say yours";
        lowering.assume(format!("queues.{name}.partitions"), "4", source);
    }
    let count = given_count.or(is_log.then_some(4))?;
    if let Some(at) = given.key_skew.as_ref().filter(|at| at.value.0 > 10.0) {
        lowering.error(code::BAD_VALUE, "`keySkew` is between 0 and 10", at.span, "");
    }
    Some(LaneSpec { count, skew, kind })
}

fn partitions(
    lowering: &mut Lowering<'_, '_>,
    name: &str,
    given: &Queue,
    kind: QueueKind,
) -> LaneKind {
    let rebalance = value(&given.rebalance);
    let protocol = rebalance.and_then(|given| value(&given.protocol)).copied();
    let pause = rebalance.and_then(|given| value(&given.pause)).map(|length| length.0);
    let path = |key: &str| format!("queues.{name}.{key}");
    if pause.is_none() && given.depth.is_none() {
        let source = "assumption: 5 to 60 s are seen in the field";
        lowering.assume(path("rebalance.pause"), "5s", source);
    }
    if given.commit_every.is_none() && given.depth.is_none() {
        let source = "Kafka: auto.commit.interval.ms 5 s; the same for Event Hubs checkpoints";
        lowering.assume(path("commitEvery"), "5s", source);
    }
    LaneKind::Partitions {
        // Kafka's consumers begin with the range assignor, which revokes everything.
        eager: match protocol {
            Some(RebalanceProtocol::Eager) => true,
            Some(RebalanceProtocol::Cooperative) => false,
            None => kind == QueueKind::Kafka,
        },
        pause: pause.unwrap_or(Duration::from_secs(5)),
        commit_every: value(&given.commit_every).map_or(Duration::from_secs(5), |each| each.0),
        new_group: value(&given.new_group).is_some_and(|switch| switch.0),
    }
}

/// Arrivals of all queues.
pub fn messages(lowering: &mut Lowering<'_, '_>) -> IdVec<StreamId, ArrivalSpec> {
    let mut streams = IdVec::new();
    let queues = value(&lowering.scenario.queues).into_iter().flatten();
    for (index, (_, queue)) in queues.enumerate() {
        let arrivals = value(&queue.value.arrivals).map_or(&[][..], Vec::as_slice);
        if let Some(at) = queue.value.depth.as_ref().filter(|_| !arrivals.is_empty()) {
            let message = "a queue has either `arrivals` or a given `depth`, not both";
            lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        for arrival in arrivals {
            if let Some(source) = lowering.source(arrival) {
                let queue = QueueId(index as u32);
                streams.push(ArrivalSpec::Messages { queue, source });
            }
        }
    }
    streams
}

impl Lowering<'_, '_> {
    /// Refuses a key of the format that is not simulated yet.
    pub fn not_built(&mut self, path: &str, place: Span, reason: &str) {
        self.report(
            Diagnostic::error(code::NOT_BUILT_YET, format!("`{path}` is not simulated yet"))
                .at(place, reason)
                .help("take it out: ignoring it would give wrong answers"),
        );
    }

    /// An instant of the run; `None` after reporting that it is before the start.
    pub fn moment(&mut self, at: &At<crate::scenario::format::Moment>) -> Option<SimTime> {
        let found = self.calendar.resolve(&at.value);
        match found {
            None => {
                let message = "this instant is before the simulation's start";
                self.error(code::OUTSIDE_RUN, message, at.span, "");
            }
            Some(instant) if instant >= self.end => {
                self.report(
                    Diagnostic::warning(
                        code::OUTSIDE_RUN,
                        "this instant is after the simulation's end and has no effect",
                    )
                    .at(at.span, "")
                    .help("make `simulation.duration` longer, or the instant earlier"),
                );
            }
            Some(_) => {}
        }
        found
    }

    /// A source of arrivals; `None` after an error.
    pub fn source(&mut self, arrival: &At<Arrival>) -> Option<SourceSpec> {
        match &arrival.value {
            Arrival::Poisson(given) => Some(SourceSpec::Poisson { rate: value(&given.rate)?.0 }),
            Arrival::Burst(given) => self.burst(given),
            Arrival::Diurnal(given) => self.diurnal(given),
            Arrival::Trace(given) => self.trace(given),
        }
    }

    fn burst(&mut self, given: &Burst) -> Option<SourceSpec> {
        let at = self.moment(given.at.as_ref()?)?;
        let length = value(&given.length)?.0;
        if let Some(every) = given.every.as_ref().filter(|every| every.value.0 < length) {
            let message = "`every` must not be shorter than `for`: the burst would overlap itself";
            self.error(code::BAD_VALUE, message, every.span, "");
            return None;
        }
        let every = value(&given.every).map(|every| every.0);
        Some(SourceSpec::Burst { at, length, every, rate: value(&given.rate)?.0 })
    }

    fn diurnal(&mut self, given: &Diurnal) -> Option<SourceSpec> {
        let amplitude = given.amplitude.as_ref()?;
        if amplitude.value.0 > 1.0 {
            let message = "`amplitude` must be at most 1: rates cannot be negative";
            self.error(code::BAD_VALUE, message, amplitude.span, "");
            return None;
        }
        let day = Duration::from_secs(86_400);
        let period = value(&given.period).map_or(day, |period| period.0);
        if let Some(at) = given.period.as_ref().filter(|_| period.is_zero()) {
            self.error(code::BAD_VALUE, "`period` must be above 0", at.span, "");
            return None;
        }
        // A peak after the end still shapes the curve.
        let peak = self.calendar.resolve(&given.peak.as_ref()?.value)?;
        let mean = value(&given.mean)?.0;
        Some(SourceSpec::Diurnal { mean, amplitude: amplitude.value.0, peak, period })
    }

    fn trace(&mut self, given: &Trace) -> Option<SourceSpec> {
        let file = given.file.as_ref()?;
        let table = self.table(file, true)?;
        let time = &value(&given.time)?.0;
        let clock = self.clock(value(&given.align));
        let scale = value(&given.scale).map_or(1.0, |scale: &Amount| scale.0);
        let Some(count) = value(&given.count) else {
            let read = table::instants(&table, clock, time, scale);
            return self.checked(file, read).map(|times| SourceSpec::Instants(times.into()));
        };
        let read = table::counts(&table, clock, time, &count.0, scale);
        self.checked(file, read).map(|counts| SourceSpec::Counts(Arc::new(counts)))
    }

    fn depth(&mut self, given: &DepthTrace) -> Option<Arc<DepthCurve>> {
        let file = given.file.as_ref()?;
        let table = self.table(file, true)?;
        let clock = self.clock(value(&given.align));
        let read = table::depths(&table, clock, &value(&given.time)?.0, &value(&given.value)?.0);
        let mut curve = self.checked(file, read)?;
        if let Some(scale) = value(&given.scale).map(|scale: &Amount| scale.0) {
            for depth in &mut curve.depths {
                *depth = (*depth as f64 * scale) as u64;
            }
        }
        Some(Arc::new(curve))
    }

    /// The queue that a key names; `None` after reporting that there is none.
    pub fn named_queue(&mut self, at: &At<Text>) -> Option<QueueId> {
        let found = self.queue(&at.value.0);
        if found.is_none() {
            let names: Vec<String> = value(&self.scenario.queues)
                .map(|queues| queues.keys().cloned().collect())
                .unwrap_or_default();
            let help = match names.as_slice() {
                [] => "declare it under `queues`".to_owned(),
                _ => nearest_help(&at.value.0, names.iter().map(String::as_str)),
            };
            self.report(
                Diagnostic::error(code::UNKNOWN_QUEUE, format!("no queue `{}`", at.value.0))
                    .at(at.span, "")
                    .help(help),
            );
        }
        found
    }
}

/// Rows of a pod trace: creation, shape, lifetime.
pub type PodRows = Arc<[(SimTime, ShapeId, Option<Duration>)]>;

/// A recording of pods; requests change, all else of a row's pod is as `base`.
pub fn pod_rows(
    lowering: &mut Lowering<'_, '_>,
    given: &PodTrace,
    base: &PodShape,
) -> Option<PodRows> {
    let file = given.file.as_ref()?;
    let table = lowering.table(file, true)?;
    let name = |key| value(key).map(|name: &Text| name.0.as_str());
    let columns = PodColumns {
        create: name(&given.create)?,
        cpu: name(&given.cpu).unwrap_or("cpu_milli"),
        memory: name(&given.memory).unwrap_or("memory_mib"),
        gpu: name(&given.gpu),
        gpu_milli: name(&given.gpu_milli),
        gpu_model: name(&given.gpu_model),
        duration: name(&given.duration),
        end: name(&given.end),
    };
    let read = table::pods(&table, lowering.clock(value(&given.align)), columns);
    let rows = lowering.checked(file, read)?;
    let rows = rows.into_iter().map(|row| {
        let mut shape = base.clone();
        shape.requests.cpu_milli = row.cpu_milli;
        shape.requests.memory = row.memory;
        shape.scoring = super::workload::scoring(&shape.requests);
        if row.gpus > 0 {
            let id = lowering.tables.extended(GPU)?;
            shape.requests.extended[usize::from(id.0)] = row.gpus;
        }
        if row.gpu_milli > 0 {
            let kind = lowering.tables.extended(GPU)?;
            shape.device_share = Some(DeviceShare { kind, milli: row.gpu_milli });
        }
        if !row.gpu_models.is_empty() {
            let key = lowering.tables.intern(ACCELERATOR);
            let values = row.gpu_models.iter().map(|model| lowering.tables.intern(model)).collect();
            let one_of = Requirement { key, op: SelectorOp::In, values };
            let term = NodeSelectorTerm { expressions: vec![one_of], fields: Vec::new() };
            shape.node_affinity.required = Some(vec![term]);
        }
        Some((row.created, lowering.tables.shape(shape), row.lifetime))
    });
    rows.collect::<Option<Vec<_>>>().map(PodRows::from)
}
