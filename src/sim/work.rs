//! Arrivals, queues and consumers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::control::keda::scaler::azure::storage_queue_length;
use crate::control::keda::scaler::rabbitmq::{Mode, QueueStatistics};
use crate::control::keda::scaler::source::{Counted, Reads};
use crate::control::keda::{ScalerSpec, Trigger};
use crate::demand::ArrivalStream;
use crate::plan::{ArrivalSpec, Plan};
use crate::queue::{Consumers, MessageQueue, Moved, RateMeter};
use crate::sim::names::Keys;
use crate::unit::{Duration, IdVec, PodId, QueueId, ShapeId, SimTime, StreamId, WorkloadId};

/// Where work comes from and where it waits.
pub struct Work {
    /// Streams of arrivals, in order of plan.
    streams: IdVec<StreamId, Source>,
    /// The next arrival of all streams.
    next: (SimTime, StreamId),
    /// Queues.
    pub queues: IdVec<QueueId, MessageQueue>,
    /// Who works on each queue.
    pub consumers: IdVec<QueueId, Consumers>,
    /// Workloads that consume each queue.
    consuming: IdVec<QueueId, Vec<WorkloadId>>,
    /// Whether a replica scaler drives some consumer of each queue.
    scaled: IdVec<QueueId, bool>,
    /// Whether partitions are to be dealt out anew at this instant.
    pub dealing_due: IdVec<QueueId, bool>,
    /// When the first lock in a buffer is looked at.
    pub buffers_due: IdVec<QueueId, SimTime>,
    /// Whether the laboratory's scaler is due at this instant.
    pub scaling_due: IdVec<QueueId, bool>,
    /// Whether an event waits for the oldest message's end of life.
    pub drop_due: IdVec<QueueId, bool>,
    /// Work left on messages whose consumer was lost after a save, by queue and ordinal.
    pub saved: BTreeMap<(QueueId, u64), Duration>,
    /// Work left by finite pods that were lost, oldest first, and that of those that run.
    pub finite: FiniteWork,
    /// Workloads whose scalers look at each queue.
    readers: IdVec<QueueId, Vec<WorkloadId>>,
    /// Rates of the queues whose rates are read.
    meters: IdVec<QueueId, Option<RateMeter>>,
    /// Until when each queue's metric cannot be read.
    failing_until: IdVec<QueueId, SimTime>,
    /// Last completion of each queue.
    pub last_completion: IdVec<QueueId, Option<SimTime>>,
    /// Lifetimes given by a pod trace: workload -> one per pod ordinal.
    lifetimes: Vec<(WorkloadId, Vec<Option<Duration>>)>,
    /// Pods that end by themselves and have not.
    pub finite_pods: u64,
}

/// Work of finite pods that save it: a pod that is lost leaves the rest to its replacement.
#[derive(Default)]
pub struct FiniteWork {
    /// Left over, oldest first.
    left: BTreeMap<WorkloadId, VecDeque<Duration>>,
    /// Of pods that run.
    running: BTreeMap<PodId, (Duration, SimTime)>,
}

impl FiniteWork {
    /// A pod begins: with what was left over, or else with work of its own.
    pub fn begin(
        &mut self,
        workload: WorkloadId,
        pod: PodId,
        own: Duration,
        now: SimTime,
    ) -> Duration {
        let left = self.left.get_mut(&workload).and_then(VecDeque::pop_front);
        let work = left.unwrap_or(own);
        self.running.insert(pod, (work, now));
        work
    }

    /// A pod is over; what `rest` says of its work, given when it began, is left over.
    pub fn end(
        &mut self,
        workload: WorkloadId,
        pod: PodId,
        rest: impl FnOnce(Duration, SimTime) -> Option<Duration>,
    ) {
        let Some((work, began)) = self.running.remove(&pod) else { return };
        if let Some(rest) = rest(work, began) {
            self.left.entry(workload).or_default().push_back(rest);
        }
    }
}

/// One stream of arrivals.
enum Source {
    Drawn(ArrivalStream),
    Rows { rows: Arc<[(SimTime, ShapeId, Option<Duration>)]>, next: usize },
}

impl Source {
    fn peek(&self) -> SimTime {
        match self {
            Self::Drawn(stream) => stream.peek().unwrap_or(SimTime::NEVER),
            Self::Rows { rows, next } => rows.get(*next).map_or(SimTime::NEVER, |row| row.0),
        }
    }
}

/// Workloads whose scalers look at each queue: those with a trigger on it, and those that work on
/// it.
fn readers(plan: &Plan) -> IdVec<QueueId, Vec<WorkloadId>> {
    let mut readers: IdVec<QueueId, Vec<WorkloadId>> =
        plan.queues.iter().map(|_| Vec::new()).collect();
    for (id, workload) in plan.workloads.enumerate() {
        if workload.triggers().is_empty() {
            continue;
        }
        let sources = workload.triggers().iter().flat_map(Trigger::queues).copied();
        for queue in sources.chain(workload.consumes.as_ref().map(|consumer| consumer.queue)) {
            if !readers[queue].contains(&id) {
                readers[queue].push(id);
            }
        }
    }
    readers
}

/// RabbitMQ collects statistics every 5 s (`collect_statistics_interval`).
const STATISTICS: Duration = Duration::from_secs(5);

fn meters(plan: &Plan) -> IdVec<QueueId, Option<RateMeter>> {
    let mut meters: IdVec<QueueId, Option<RateMeter>> = plan.queues.iter().map(|_| None).collect();
    for trigger in plan.workloads.iter().flat_map(|workload| workload.triggers()) {
        if let ScalerSpec::Queues(source) = &trigger.scaler
            && matches!(source.reads, Reads::RabbitMq { mode, .. } if mode != Mode::QueueLength)
        {
            for &queue in source.queues.iter() {
                meters[queue] = Some(RateMeter::new(STATISTICS));
            }
        }
    }
    meters
}

/// What arrives.
#[derive(Clone, Copy, Debug)]
pub enum Arrival {
    /// A message.
    Message(QueueId),
    /// A pod of a workload's own shape.
    Pod(WorkloadId),
    /// A row of a pod trace.
    TracedPod(WorkloadId, ShapeId, Option<Duration>),
}

impl Work {
    /// Empty queues, streams at their beginning.
    pub fn new(plan: &Plan, keys: &Keys, seed: u64) -> Self {
        let warmup = SimTime::ZERO + plan.simulation.warmup;
        let streams = plan
            .streams
            .enumerate()
            .map(|(id, spec)| match spec {
                ArrivalSpec::Messages { source, .. } | ArrivalSpec::Pods { source, .. } => {
                    Source::Drawn(ArrivalStream::new(source, seed, keys.streams[id], plan.end()))
                }
                ArrivalSpec::PodTrace { rows, .. } => Source::Rows { rows: rows.clone(), next: 0 },
            })
            .collect();
        let mut consuming: IdVec<QueueId, Vec<WorkloadId>> =
            plan.queues.iter().map(|_| Vec::new()).collect();
        for (id, workload) in plan.workloads.enumerate() {
            if let Some(consumer) = &workload.consumes {
                consuming[consumer.queue].push(id);
            }
        }
        let scaled = consuming
            .iter()
            .map(|workloads| workloads.iter().any(|&id| plan.workloads[id].scaler.is_some()))
            .collect();
        let mut work = Self {
            scaled,
            readers: readers(plan),
            meters: meters(plan),
            streams,
            next: (SimTime::NEVER, StreamId(0)),
            queues: plan
                .queues
                .enumerate()
                .map(|(id, spec)| {
                    MessageQueue::new(spec, warmup).with_lanes(spec, seed, keys.queues[id])
                })
                .collect(),
            consumers: plan.queues.iter().map(|_| Consumers::default()).collect(),
            consuming,
            dealing_due: plan.queues.iter().map(|_| false).collect(),
            buffers_due: plan.queues.iter().map(|_| SimTime::NEVER).collect(),
            scaling_due: plan.queues.iter().map(|_| false).collect(),
            drop_due: plan.queues.iter().map(|_| false).collect(),
            saved: BTreeMap::new(),
            finite: FiniteWork::default(),
            failing_until: plan.queues.iter().map(|_| SimTime::ZERO).collect(),
            last_completion: plan.queues.iter().map(|_| None).collect(),
            lifetimes: Vec::new(),
            finite_pods: 0,
        };
        work.find_next();
        work
    }

    /// When the next arrival is, and the lane of arrivals.
    pub fn next_arrival(&self) -> (SimTime, u8) {
        (self.next.0, 0)
    }

    /// Takes the next arrival. O(streams).
    pub fn take_arrival(&mut self, plan: &Plan) -> Arrival {
        let id = self.next.1;
        let arrival = match (&mut self.streams[id], &plan.streams[id]) {
            (Source::Drawn(stream), ArrivalSpec::Messages { queue, .. }) => {
                stream.next();
                Arrival::Message(*queue)
            }
            (Source::Drawn(stream), ArrivalSpec::Pods { workload, .. }) => {
                stream.next();
                Arrival::Pod(*workload)
            }
            (Source::Rows { rows, next }, ArrivalSpec::PodTrace { workload, .. }) => {
                let (_, shape, lifetime) = rows[*next];
                *next += 1;
                Arrival::TracedPod(*workload, shape, lifetime)
            }
            _ => unreachable!("a stream and its source are made from the same plan"),
        };
        self.find_next();
        arrival
    }

    fn find_next(&mut self) {
        self.next = self
            .streams
            .enumerate()
            .map(|(id, source)| (source.peek(), id))
            .min()
            .unwrap_or((SimTime::NEVER, StreamId(0)));
    }

    /// Whether a stream of arrivals makes the pods of a workload.
    pub fn feeds(plan: &Plan, workload: WorkloadId) -> bool {
        plan.streams.iter().any(|stream| match stream {
            ArrivalSpec::Pods { workload: fed, .. }
            | ArrivalSpec::PodTrace { workload: fed, .. } => *fed == workload,
            ArrivalSpec::Messages { .. } => false,
        })
    }

    /// Workloads that consume a queue.
    pub fn consumers_of(&self, queue: QueueId) -> &[WorkloadId] {
        &self.consuming[queue]
    }

    /// Workloads whose scalers look at a queue.
    pub fn readers(&self, queue: QueueId) -> &[WorkloadId] {
        &self.readers[queue]
    }

    /// Until when a scaler reads the same of a queue, unless a message moves or its source begins
    /// to fail; `now` while it fails.
    pub fn holds_until(&self, plan: &Plan, queue: QueueId, now: SimTime) -> SimTime {
        if now < self.failing_until[queue] {
            return now;
        }
        let commits =
            self.queues[queue].lanes().is_some() && self.metric(plan, queue, now) != Some(0);
        if commits {
            return now;
        }
        let moving = self.meters[queue].as_ref().is_some_and(|meter| !meter.is_still(now));
        if moving {
            return now;
        }
        let curve = plan.queues[queue].depth.as_ref();
        let commit = self.queues[queue].lanes().map_or(SimTime::NEVER, |l| l.next_commit(now));
        curve.and_then(|curve| curve.next_change(now)).unwrap_or(SimTime::NEVER).min(commit)
    }

    /// What one reading of a queue shows; `None` while the source fails.
    pub fn count(
        &self,
        plan: &Plan,
        queue: QueueId,
        counted: Counted,
        now: SimTime,
    ) -> Option<u64> {
        let state = &self.queues[queue];
        if plan.queues[queue].depth.is_some() || counted == Counted::Product {
            return self.metric(plan, queue, now);
        }
        if now < self.failing_until[queue] {
            return None;
        }
        let all = state.waiting() + state.locked();
        Some(match counted {
            Counted::Product => state.metric(now),
            Counted::Waiting => state.waiting(),
            Counted::All => all,
            Counted::Peeked => {
                let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                storage_queue_length(true, whole(state.waiting()), whole(all)).unsigned_abs()
            }
            Counted::OldestAge => self.oldest_age(queue, now).as_secs(),
        })
    }

    /// What RabbitMQ's management interface shows of a queue; `None` while it fails. A given depth
    /// has no rates.
    pub fn statistics(&self, plan: &Plan, queue: QueueId, now: SimTime) -> Option<QueueStatistics> {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let (publish_rate, deliver_rate) =
            self.meters[queue].as_ref().map_or((0.0, 0.0), |meter| meter.rates(now));
        Some(QueueStatistics {
            messages: whole(self.count(plan, queue, Counted::All, now)?),
            ready: whole(self.count(plan, queue, Counted::Waiting, now)?),
            publish_rate,
            deliver_rate,
        })
    }

    /// A queue whose rates are read has changed.
    pub fn measure(&mut self, queue: QueueId, now: SimTime) {
        if let Some(meter) = &mut self.meters[queue] {
            let tally = self.queues[queue].tally();
            let moved = Moved { published: tally.arrived, delivered: tally.delivered };
            meter.update(moved, now);
        }
    }

    /// What the scaler reads of a queue; `None` while the source fails.
    pub fn metric(&self, plan: &Plan, queue: QueueId, now: SimTime) -> Option<u64> {
        if now < self.failing_until[queue] {
            return None;
        }
        Some(match &plan.queues[queue].depth {
            Some(curve) => curve.at(now),
            None => self.queues[queue].metric(now),
        })
    }

    /// The metric of a queue cannot be read before `until`.
    pub fn fail_source(&mut self, queue: QueueId, until: SimTime) {
        let failing = &mut self.failing_until[queue];
        *failing = (*failing).max(until);
    }

    /// Messages that wait (or the given depth).
    pub fn depth(&self, plan: &Plan, queue: QueueId, now: SimTime) -> u64 {
        match &plan.queues[queue].depth {
            Some(curve) => curve.at(now),
            None => self.queues[queue].waiting(),
        }
    }

    /// Age of the oldest message that waits.
    pub fn oldest_age(&self, queue: QueueId, now: SimTime) -> Duration {
        self.queues[queue].oldest_waiting().map_or(Duration::ZERO, |arrived| now.since(arrived))
    }

    /// Remembers the given lifetime of a traced pod.
    pub fn give_lifetime(&mut self, workload: WorkloadId, lifetime: Option<Duration>) {
        match self.lifetimes.iter_mut().find(|(id, _)| *id == workload) {
            Some((_, given)) => given.push(lifetime),
            None => self.lifetimes.push((workload, vec![lifetime])),
        }
    }

    /// The lifetime that a trace gives a pod; `None`: its workload is not of a trace.
    pub fn given_lifetime(&self, workload: WorkloadId, ordinal: u32) -> Option<Option<Duration>> {
        let (_, given) = self.lifetimes.iter().find(|(id, _)| *id == workload)?;
        given.get(ordinal as usize).copied()
    }

    /// Whether some workload that consumes the queue is driven by a replica scaler.
    pub fn has_scaler(&self, queue: QueueId) -> bool {
        self.scaled[queue]
    }

    /// Whether no message is left anywhere.
    pub fn is_drained(&self) -> bool {
        self.queues.iter().all(MessageQueue::is_drained)
    }

    /// Whether a pod has nothing in hand.
    pub fn is_idle(&self, queue: QueueId, pod: PodId) -> bool {
        !self.consumers[queue].is_working(pod)
    }
}
