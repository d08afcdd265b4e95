//! Consumers that lock messages ahead of their work.

use crate::queue::{Buffered, Fate, Held, Started};
use crate::record::MessageEvent;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, QueueId, SimTime};

impl World<'_> {
    /// The broker hands waiting messages to receivers with credit in turn; a pod with an idle slot
    /// begins at once.
    pub(super) fn hand_out(&mut self, queue: QueueId) {
        while self.work.queues[queue].waiting() > 0 {
            let Some(pod) = self.work.consumers[queue].buffers.next_receiver() else { break };
            let Some((message, expiry)) = self.work.queues[queue].prefetch(self.now) else { break };
            let buffered = Buffered { message, locked: self.now, expiry };
            self.work.consumers[queue].buffers.put(pod, buffered);
            self.watch_buffers(queue);
            self.work_off(queue, pod);
        }
    }

    /// The idle slots of a pod take up what it has prefetched; then it has credit again.
    pub(super) fn work_off(&mut self, queue: QueueId, pod: PodId) {
        while let Some(idle) = self.work.consumers[queue].idle_slot_in(pod)
            && let Some(buffered) = self.work.consumers[queue].buffers.take(pod)
        {
            let Buffered { message, locked, expiry } = buffered;
            let Some(consumer) = &self.plan.workloads[idle.workload].consumes else { return };
            let service = self.service_time(queue, consumer, &message);
            let state = &mut self.work.queues[queue];
            let rule = *state.rule();
            let started: Started = if state.take_prefetched(message, expiry) {
                if state.counts(message.arrived) {
                    self.record.queue_clocks[queue].leave(self.now);
                }
                let delivery = message.deliveries;
                self.message_step(queue, message.ordinal, MessageEvent::Taken { pod, delivery });
                let held = Held { message, taken: self.now, locked };
                self.work.consumers[queue].start_prefetched(idle.slot, held, service, &rule)
            } else {
                self.work.consumers[queue].start_in_vain(idle.slot, service, self.now)
            };
            self.slots_change(idle.workload, pod, 1);
            self.job_pod_takes(idle.workload, queue, pod);
            let Started { slot, epoch, wake } = started;
            self.at(wake, Event::Service { queue, slot, epoch });
        }
        self.work.consumers[queue].buffers.stand_in_line(pod);
    }

    /// Sees to it that locks in buffers run out in time.
    fn watch_buffers(&mut self, queue: QueueId) {
        let Some(next) = self.work.queues[queue].next_prefetch_expiry() else { return };
        if next < self.work.buffers_due[queue] {
            self.work.buffers_due[queue] = next;
            self.at(next, Event::LockExpiry(queue));
        }
    }

    /// Locks of messages in buffers run out: the broker has them again, and their pods do not know.
    pub(super) fn buffers_expire(&mut self, queue: QueueId) {
        if self.work.buffers_due[queue] > self.now {
            return;
        }
        self.work.buffers_due[queue] = SimTime::NEVER;
        let mut any = false;
        while let Some((message, fate)) = self.work.queues[queue].expire_prefetched(self.now) {
            any = true;
            self.fingerprint.add(self.now, 35, self.keys.queues[queue], message.ordinal);
            let step = match fate {
                Fate::Waits => MessageEvent::Back,
                Fate::DeadLettered => MessageEvent::DeadLettered,
            };
            self.message_step(queue, message.ordinal, step);
            if fate == Fate::DeadLettered && self.work.queues[queue].counts(message.arrived) {
                self.record.queue_clocks[queue].leave(self.now);
                let age = self.now.since(message.arrived);
                self.record.ended_waits += u128::from(age.micros());
            }
        }
        if any {
            self.serve(queue);
            self.metric_changed(queue);
        }
        self.watch_buffers(queue);
    }
}
