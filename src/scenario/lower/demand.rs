//! `queues:` and what arrives at them; recordings of pods.

use std::sync::Arc;

use super::lowering::{Lowering, value};
use super::node::ACCELERATOR;
use super::pool::GPU;
use crate::demand::SourceSpec;
use crate::model::{DeviceShare, NodeSelectorTerm, PodShape, Requirement, SelectorOp};
use crate::plan::ArrivalSpec;
use crate::queue::{DepthCurve, QueueKind, QueueSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    Amount, Arrival, At, Burst, DepthTrace, Diurnal, PodTrace, Queue, QueueKindName, Text, Trace,
    nearest_help,
};
use crate::scenario::source::Span;
use crate::scenario::table::{self, PodColumns};
use crate::unit::{Duration, IdVec, QueueId, ShapeId, SimTime, StreamId};

/// Lock of a Service Bus queue that says nothing (Azure Service Bus: 1 minute).
const LOCK: Duration = Duration::from_secs(60);
/// Renewal that a client does by default (Azure SDK `maxAutoLockRenewalDuration`).
const RENEW: Duration = Duration::from_secs(300);

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
        log_kind(lowering, name, given, kind);
        if let Some(at) = given.max_deliveries.as_ref().filter(|at| at.value.0 == 0) {
            lowering.error(code::BAD_VALUE, "`maxDeliveryCount` must be at least 1", at.span, "");
        }
        if let Some(at) = given.lock.as_ref().filter(|at| at.value.0.is_zero()) {
            lowering.error(code::BAD_VALUE, "`lockDuration` must be above 0", at.span, "");
        }
        let lock = value(&given.lock).map(|lock| lock.0);
        if lock.is_none() {
            let path = format!("queues.{name}.lockDuration");
            lowering.assume(path, "60s", "Azure Service Bus: 1 minute");
        }
        let depth = value(&given.depth)
            .and_then(|depth| value(&depth.trace))
            .and_then(|trace| lowering.depth(trace));
        let name = lowering.tables.intern(name);
        lowering.queues.push(QueueSpec {
            name,
            kind,
            lock: lock.unwrap_or(LOCK),
            renew_up_to: value(&given.renew_up_to).map_or(RENEW, |length| length.0),
            max_deliveries: value(&given.max_deliveries).map_or(10, |count| count.0),
            // Service Bus's activeMessageCount keeps locked messages; a list that is popped, and
            // the visible messages of a Storage queue and SQS (plus in-flight ones, which their
            // scalers add), are counted by the queue itself.
            metric_counts_locked: kind != QueueKind::Redis,
            depth,
        });
    }
}

/// A log is read by offset, one consumer a partition: nothing of that is built.
fn log_kind(lowering: &mut Lowering<'_, '_>, name: &str, given: &Queue, kind: QueueKind) {
    if given.depth.is_some() || !matches!(kind, QueueKind::EventHub | QueueKind::Kafka) {
        return;
    }
    let Some(at) = &given.kind else { return };
    let path = format!("queues.{name}.kind");
    let reason = "a log with partitions is not simulated yet; a `depth` curve of one is";
    lowering.not_built(&path, at.span, reason);
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
