//! What the sources of triggers show when KEDA, or an adapter of the user's own, reads them.

use crate::control::keda::scaler::kafka::{self, KafkaSpec, Partition, TopicReads};
use crate::control::keda::scaler::rabbitmq::{self, QueueStatistics};
use crate::control::keda::scaler::source::Reads;
use crate::control::keda::{self, QueueSource, Read, ScalerSpec, SourceError, Trigger};
use crate::queue::PartitionOffsets;
use crate::sim::world::World;
use crate::unit::{QueueId, WorkloadId};

impl World<'_> {
    /// Reads all triggers of a workload into the room that it keeps for that; the caller gives it
    /// back. What a scaler remembers from one read to the next is remembered.
    pub(super) fn read_triggers(&mut self, workload: WorkloadId) -> Vec<Read> {
        let mut readings = std::mem::take(&mut self.scaling[workload].readings);
        readings.clear();
        let triggers = self.plan.workloads[workload].triggers();
        readings.extend((0..triggers.len()).map(|index| self.read_trigger(workload, index)));
        for (index, trigger) in triggers.iter().enumerate() {
            if let Some((topic, queue)) = topic_of(trigger).filter(|(topic, _)| topic.remembers()) {
                self.remember_offsets(workload, index, topic, queue, readings[index].is_err());
            }
        }
        readings
    }

    /// A scaler that looks for persistent lag keeps the offsets that it saw. A read that failed was
    /// tried once more by a scaler that knows nothing.
    fn remember_offsets(
        &mut self,
        workload: WorkloadId,
        index: usize,
        topic: &TopicReads,
        queue: QueueId,
        failed: bool,
    ) {
        let seen = &mut self.scaling[workload].keda.offsets;
        seen.resize(seen.len().max(index + 1), Vec::new());
        seen[index].clear();
        if let Some(lanes) = self.work.queues[queue].lanes().filter(|_| !failed) {
            let looked_at = lanes.offsets(self.now).enumerate();
            let looked_at = looked_at.filter(|(number, _)| topic.looks_at(*number));
            seen[index].extend(looked_at.map(|(_, offsets)| offsets.committed));
        }
    }

    /// What the source of a workload's trigger shows now.
    pub(super) fn read_trigger(&self, workload: WorkloadId, index: usize) -> Read {
        let trigger = &self.plan.workloads[workload].triggers()[index];
        match &trigger.scaler {
            ScalerSpec::Queues(source) => {
                let seen = self.scaling[workload].keda.offsets.get(index);
                let seen = seen.map_or(&[][..], Vec::as_slice);
                self.read_queues(trigger, source, seen).ok_or(SourceError)
            }
            ScalerSpec::Cron(windows) => {
                let value = keda::encode::milli_of_count(i64::from(windows.value(self.now)));
                Ok(keda::Reading { value_milli: value, active: windows.is_active(self.now) })
            }
            // The HPA reads these itself.
            ScalerSpec::Cpu | ScalerSpec::Memory => Err(SourceError),
        }
    }

    fn read_queues(
        &self,
        trigger: &Trigger,
        source: &QueueSource,
        seen: &[Option<u64>],
    ) -> Option<keda::Reading> {
        let (plan, now) = (self.plan, self.now);
        match &source.reads {
            Reads::Count(counted) => {
                let mut failed = false;
                let counts = source.queues.iter().map(|&queue| {
                    let count = self.work.count(plan, queue, *counted, now);
                    failed |= count.is_none();
                    i64::try_from(count.unwrap_or(0)).unwrap_or(i64::MAX)
                });
                let total = source.operation.of_counts(counts);
                (!failed).then(|| trigger.reading(keda::encode::milli_of_count(total)))
            }
            Reads::Lag => self.read_lag(trigger, *source.queues.first()?, true),
            Reads::Topic(topic) => self.read_topic(trigger, topic, *source.queues.first()?, seen),
            Reads::RabbitMq { mode, ready_only } => {
                let seen = source.queues.iter().map(|&id| self.work.statistics(plan, id, now));
                let seen = seen.collect::<Option<Vec<QueueStatistics>>>()?;
                let activation = trigger.activation_milli as f64 / 1_000.0;
                let all = rabbitmq::compose(source.operation, &seen);
                Some(rabbitmq::reading(*mode, *ready_only, activation, all))
            }
        }
    }

    /// Lag of all partitions together.
    fn read_lag(&self, trigger: &Trigger, queue: QueueId, capped: bool) -> Option<keda::Reading> {
        let count = self.work.metric(self.plan, queue, self.now)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let lanes = self.work.queues[queue].lanes().filter(|_| capped);
        Some(match lanes.and_then(|lanes| lanes.partitions()) {
            Some(partitions) => trigger.lag_reading(count, i64::from(partitions)),
            None => trigger.reading(keda::encode::milli_of_count(count)),
        })
    }

    /// Lag by partitions; `seen` is what the group had committed when the scaler looked last.
    fn read_topic(
        &self,
        trigger: &Trigger,
        topic: &TopicReads,
        queue: QueueId,
        seen: &[Option<u64>],
    ) -> Option<keda::Reading> {
        let lanes = self.work.queues[queue].lanes();
        let Some(lanes) = lanes.filter(|_| self.plan.queues[queue].depth.is_none()) else {
            return self.read_lag(trigger, queue, !topic.flags.allow_idle);
        };
        // While the source fails there is nothing to read.
        self.work.metric(self.plan, queue, self.now)?;
        let spec = KafkaSpec {
            threshold: (trigger.target_milli / 1_000).max(1),
            activation: trigger.activation_milli / 1_000,
            ..topic.flags
        };
        let looked_at = lanes.offsets(self.now).enumerate();
        let looked_at = looked_at.filter(|(number, _)| topic.looks_at(*number));
        Some(kafka::topic(
            &spec,
            looked_at
                .enumerate()
                .map(|(at, (_, offsets))| partition(offsets, seen.get(at).copied().flatten())),
        ))
    }
}

/// The topic that a trigger reads by partitions.
pub(super) fn topic_of(trigger: &Trigger) -> Option<(&TopicReads, QueueId)> {
    match &trigger.scaler {
        ScalerSpec::Queues(source) => match &source.reads {
            Reads::Topic(topic) => Some((topic, *source.queues.first()?)),
            _ => None,
        },
        _ => None,
    }
}

fn partition(offsets: PartitionOffsets, previous: Option<u64>) -> Partition {
    let whole = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
    Partition {
        committed: offsets.committed.map(whole),
        end: Some(whole(offsets.end)),
        previous: previous.map(whole),
    }
}
