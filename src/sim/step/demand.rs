//! Work arrives, is taken, is done, is lost.

use std::cmp::Reverse;

use crate::model::PodPhase;
use crate::plan::{ScalerKind, WorkloadKind};
use crate::queue::{ConsumerSpec, Fate, Held, IdleSlot, Message, OnSigterm, Wake};
use crate::record::{MessageEvent, SlowMessage};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::work::Arrival;
use crate::sim::world::World;
use crate::unit::{Duration, PodId, QueueId, SimTime, WorkloadId};

impl World<'_> {
    /// The next arrival of all streams.
    pub fn arrive(&mut self) {
        self.record.counters.events += 1;
        match self.work.take_arrival(self.plan) {
            Arrival::Message(queue) => self.message_arrives(queue),
            Arrival::Pod(workload) => {
                let shape = self.plan.workloads[workload].shape;
                self.cluster.workloads[workload].replicas += 1;
                let finite = self.plan.workloads[workload].times.lifetime.is_some();
                self.work.finite_pods += u64::from(finite);
                self.create_or_hold(workload, shape, None, None);
            }
            Arrival::TracedPod(workload, shape, lifetime) => {
                self.cluster.workloads[workload].replicas += 1;
                self.work.finite_pods += u64::from(lifetime.is_some());
                self.create_or_hold(workload, shape, None, Some(lifetime));
            }
        }
    }

    fn message_arrives(&mut self, queue: QueueId) {
        self.record.queue_flows[queue].arrived += 1;
        if let Some(pasta) = &mut self.pasta {
            pasta.arrives(queue);
        }
        if self.plan.lab.reject_when_full && self.work.consumers[queue].idle() == 0 {
            self.work.queues[queue].reject(self.now);
            return;
        }
        let ordinal = self.work.queues[queue].arrive(self.now);
        self.fingerprint.add(self.now, 30, self.keys.queues[queue], ordinal);
        self.message_step(queue, ordinal, MessageEvent::Arrived);
        if self.counts() {
            self.record.queue_clocks[queue].enter(self.now);
        }
        self.serve(queue);
        self.metric_changed(queue);
        self.watch_age(queue);
    }

    /// Sees to it that the oldest message is dropped when its time to live is over.
    fn watch_age(&mut self, queue: QueueId) {
        if self.plan.queues[queue].time_to_live.is_none() || self.work.drop_due[queue] {
            return;
        }
        if let Some(at) = self.work.queues[queue].next_drop() {
            self.work.drop_due[queue] = true;
            self.at(at, Event::MessagesExpire(queue));
        }
    }

    /// Messages that nobody holds are dropped at the end of their time to live.
    pub fn messages_expire(&mut self, queue: QueueId) {
        self.work.drop_due[queue] = false;
        while let Some(message) = self.work.queues[queue].drop_old(self.now) {
            self.fingerprint.add(self.now, 33, self.keys.queues[queue], message.ordinal);
            self.message_step(queue, message.ordinal, MessageEvent::Expired);
            self.forget_lost(queue, message.ordinal);
            if self.work.queues[queue].counts(message.arrived) {
                self.record.queue_clocks[queue].leave(self.now);
                let age = self.now.since(message.arrived);
                self.record.ended_waits += u128::from(age.micros());
            }
        }
        self.metric_changed(queue);
        self.watch_age(queue);
    }

    /// Idle consumers take what waits.
    pub fn serve(&mut self, queue: QueueId) {
        if self.work.queues[queue].lanes().is_some() {
            return self.serve_lanes(queue);
        }
        if self.work.consumers[queue].buffers.are_used() {
            self.hand_out(queue);
        }
        while let Some(idle) = self.work.consumers[queue].next_idle() {
            let Some(message) = self.work.queues[queue].take() else { break };
            if self.work.queues[queue].counts(message.arrived) {
                self.record.queue_clocks[queue].leave(self.now);
            }
            self.begin_service(queue, idle, message);
        }
    }

    pub(super) fn begin_service(&mut self, queue: QueueId, idle: IdleSlot, message: Message) {
        let consumer = self.plan.workloads[idle.workload].consumes.as_ref();
        let Some(consumer) = consumer else { return };
        let service = self.service_time(queue, consumer, &message);
        let (pod, delivery) = (idle.pod, message.deliveries);
        self.message_step(queue, message.ordinal, MessageEvent::Taken { pod, delivery });
        let work = &mut self.work;
        let rule = *work.queues[queue].rule();
        let started = work.consumers[queue].start(idle.slot, message, service, &rule, self.now);
        self.slots_change(idle.workload, idle.pod, 1);
        self.job_pod_takes(idle.workload, queue, idle.pod);
        self.at(started.wake, Event::Service { queue, slot: started.slot, epoch: started.epoch });
    }

    /// How long a consumer works on a message, saves included. A message whose work is saved takes
    /// what is left of it; any other is begun anew, with luck of its own.
    pub(super) fn service_time(
        &self,
        queue: QueueId,
        consumer: &ConsumerSpec,
        message: &Message,
    ) -> Duration {
        let work = |delivery: u32| {
            consumer.service.sample_keyed(
                self.seed,
                crate::chance::Purpose::Service,
                self.keys.queues[queue],
                message.ordinal << 8 | u64::from(delivery.min(255)),
            )
        };
        let Some(checkpoint) = &consumer.checkpoint else { return work(message.deliveries) };
        let left = self.work.saved.get(&(queue, message.ordinal)).copied();
        checkpoint.length(left.unwrap_or_else(|| work(1)))
    }

    /// Work on a message is lost: what was saved of it need not be done again.
    fn keep_saved(&mut self, workload: WorkloadId, queue: QueueId, held: Held) {
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let Some(checkpoint) = consumer.checkpoint else { return };
        let key = (queue, held.message.ordinal);
        let work = self.work.saved.get(&key).copied().unwrap_or_else(|| {
            let first = held.message.ordinal << 8 | 1;
            let purpose = crate::chance::Purpose::Service;
            consumer.service.sample_keyed(self.seed, purpose, self.keys.queues[queue], first)
        });
        self.work.saved.insert(key, checkpoint.left(work, self.now.since(held.taken)));
    }

    /// A slot's service ends, or its lock is lost.
    pub fn service_event(&mut self, queue: QueueId, slot: u32, epoch: u32) {
        match self.work.consumers[queue].wake(slot, epoch, self.now) {
            Wake::Stale => self.record.counters.stale_events += 1,
            Wake::LockLost { message, taken, again, workload } => {
                let held = Held { message, taken, locked: taken };
                self.keep_saved(workload, queue, held);
                self.message_step(queue, message.ordinal, MessageEvent::LockLost);
                let fate = self.work.queues[queue].release(message, taken, self.now);
                self.log_lost(queue, held, self.now);
                self.message_back(queue, message, fate);
                self.at(again, Event::Service { queue, slot, epoch });
            }
            Wake::Done(done) => {
                self.slots_change(done.workload, done.pod, -1);
                self.work.queues[queue].slot_done(done.message, slot, self.now);
                if let Some(message) = done.message.filter(|message| !message.is_read_again()) {
                    self.complete(queue, message, done.started, done.workload);
                }
                if done.pod_is_done {
                    self.consumer_done(done.pod);
                }
                if self.work.consumers[queue].buffers.are_used() {
                    self.work_off(queue, done.pod);
                }
                self.serve(queue);
                if !done.pod_is_done {
                    self.job_pod_idles(done.workload, queue, done.pod);
                }
                self.server_idles(done.pod);
                self.metric_changed(queue);
            }
        }
    }

    /// A pod that takes no more messages has finished its last one: it was told to stop, or a
    /// pod of a Job has done its part.
    fn consumer_done(&mut self, pod: PodId) {
        let stopping = self.cluster.pods[pod].phase == PodPhase::Terminating;
        self.end_pod(pod, if stopping { Stop::ScaledDown } else { Stop::Completed });
    }

    fn complete(
        &mut self,
        queue: QueueId,
        message: crate::queue::Message,
        started: crate::unit::SimTime,
        workload: crate::unit::WorkloadId,
    ) {
        self.work.queues[queue].complete(message);
        if !self.work.saved.is_empty() {
            self.work.saved.remove(&(queue, message.ordinal));
        }
        self.work.last_completion[queue] = Some(self.now);
        self.cooldown_begins(queue);
        self.record.queue_flows[queue].completed += 1;
        self.fingerprint.add(self.now, 31, self.keys.queues[queue], message.ordinal);
        self.message_step(queue, message.ordinal, MessageEvent::Completed);
        if self.work.queues[queue].counts(message.arrived) {
            let wait = started.since(message.arrived);
            self.record.ended_waits += u128::from(wait.micros());
            self.record.messages.wait.add(wait);
            self.record.messages.sojourn.add(self.now.since(message.arrived));
            self.record.workloads[workload].wait.add(wait);
            if let Some(log) = &mut self.record.waits {
                log.completed(SlowMessage {
                    wait,
                    number: Reverse(message.ordinal),
                    queue,
                    arrived: message.arrived,
                    deliveries: message.deliveries,
                    lost: Vec::new(),
                });
            }
        }
    }

    /// A message that was held can be taken again, or is dead.
    fn message_back(&mut self, queue: QueueId, message: Message, fate: Fate) {
        let arrived = message.arrived;
        let what = match fate {
            Fate::Waits => MessageEvent::Back,
            Fate::DeadLettered => MessageEvent::DeadLettered,
        };
        self.message_step(queue, message.ordinal, what);
        if fate == Fate::DeadLettered {
            self.forget_lost(queue, message.ordinal);
        }
        if self.work.queues[queue].counts(arrived) {
            match fate {
                Fate::Waits => self.record.queue_clocks[queue].enter(self.now),
                Fate::DeadLettered => {
                    self.record.ended_waits += u128::from(self.now.since(arrived).micros());
                }
            }
        }
        self.serve(queue);
        self.metric_changed(queue);
        self.watch_age(queue);
    }

    /// An attempt is lost, and the message cannot be taken before `back`.
    fn log_lost(&mut self, queue: QueueId, held: Held, back: SimTime) {
        if let Some(log) = &mut self.record.waits {
            log.attempt_lost(queue, held.message.ordinal, held.taken, back);
        }
    }

    fn forget_lost(&mut self, queue: QueueId, number: u64) {
        if let Some(log) = &mut self.record.waits {
            log.message_gone(queue, number);
        }
    }

    /// Locks of dead consumers run out.
    pub fn locks_expire(&mut self, queue: QueueId) {
        self.buffers_expire(queue);
        let mut expired = false;
        while let Some((message, fate)) = self.work.queues[queue].expire(self.now) {
            expired = true;
            self.fingerprint.add(self.now, 32, self.keys.queues[queue], message.ordinal);
            self.message_back(queue, message, fate);
        }
        // A second event of one instant finds nothing: it must not go on beside the first for ever.
        if let Some(next) = self.work.queues[queue].next_expiry()
            && expired
        {
            self.at(next, Event::LockExpiry(queue));
        }
    }

    /// A pod that consumes is Ready: its slots take messages.
    pub fn consumer_ready(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let (queue, slots) = (consumer.queue, consumer.concurrency);
        self.work.consumers[queue].join(pod, workload, slots, self.now);
        if consumer.prefetch > 0 {
            self.work.consumers[queue].buffers.open(pod, consumer.prefetch);
        }
        self.deal_partitions(queue);
        self.serve(queue);
        self.serve(queue);
        self.server_idles(pod);
        self.job_pod_idles(workload, queue, pod);
        self.metric_changed(queue);
    }

    /// A pod is told to stop: it takes no more messages. Returns whether it has nothing in hand.
    pub fn consumer_drained(&mut self, pod: PodId) -> bool {
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return true };
        let queue = consumer.queue;
        match consumer.on_sigterm {
            OnSigterm::Drain => {
                self.leave_lanes(queue, pod, true);
                self.work.consumers[queue].leave(pod, self.now);
                self.work.is_idle(queue, pod)
            }
            OnSigterm::Abandon => {
                self.consumer_abandons(pod, workload, queue);
                true
            }
            OnSigterm::Ignore => true,
        }
    }

    /// A pod that is told to stop gives back what it holds.
    fn consumer_abandons(&mut self, pod: PodId, workload: WorkloadId, queue: QueueId) {
        self.leave_lanes(queue, pod, true);
        let Some(lost) = self.work.consumers[queue].kill(pod, self.now) else { return };
        for held in lost.held {
            if self.lost_again(queue, held.message) {
                continue;
            }
            self.keep_saved(workload, queue, held);
            self.message_step(queue, held.message.ordinal, MessageEvent::Abandoned);
            let fate = self.work.queues[queue].release(held.message, held.taken, self.now);
            self.log_lost(queue, held, self.now);
            self.message_back(queue, held.message, fate);
        }
    }

    /// A pod is gone: what it held stays locked until the lock runs out.
    pub fn consumer_gone(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let queue = consumer.queue;
        self.leave_lanes(queue, pod, false);
        let Some(lost) = self.work.consumers[queue].kill(pod, self.now) else { return };
        for held in lost.held {
            if self.lost_again(queue, held.message) {
                continue;
            }
            self.keep_saved(workload, queue, held);
            let queue_state = &mut self.work.queues[queue];
            let expiry = queue_state.orphan_of(held, self.now);
            if queue_state.next_expiry() == Some(expiry) {
                self.at(expiry, Event::LockExpiry(queue));
            }
            self.log_lost(queue, held, expiry);
            let until = MessageEvent::Orphaned { until: expiry };
            self.message_step(queue, held.message.ordinal, until);
        }
        self.metric_changed(queue);
    }

    /// Books of a queue are closed: what still waits or is locked waits to the end.
    pub fn close_queue(&mut self, queue: QueueId) {
        let state = &self.work.queues[queue];
        let tally = *state.tally();
        let redo = state.redo_micros(self.now);
        self.record.queue_clocks[queue].redo(redo);
        let totals = &mut self.record.messages;
        totals.arrived += tally.counted_arrived + tally.counted_rejected;
        totals.completed += tally.counted_completed;
        totals.expired += tally.counted_expired;
        totals.dead_lettered += tally.counted_dead_lettered;
        totals.redelivered += tally.counted_redelivered;
        totals.rejected += tally.counted_rejected;
        totals.queued_at_end += state.counted_waiting();
        let locked = || {
            let orphans = state.orphans().map(|(message, _)| message.arrived);
            orphans.chain(self.work.consumers[queue].held().map(|held| held.message.arrived))
        };
        let counted = || locked().filter(|&arrived| state.counts(arrived));
        totals.in_service_at_end += counted().count() as u64;
        let oldest = state.oldest_counted().into_iter().chain(counted()).min();
        if let Some(oldest) = oldest {
            let age = self.now.since(oldest);
            totals.oldest_age_at_end = totals.oldest_age_at_end.max(age);
        }
    }

    /// Whether a draining run has nothing left to wait for.
    pub fn is_drained(&self) -> bool {
        self.work.finite_pods == 0 && self.work.is_drained() && self.are_jobs_over()
    }

    /// Whether every Job whose pods end by themselves wants no more of them.
    fn are_jobs_over(&self) -> bool {
        self.plan.workloads.enumerate().all(|(id, spec)| match &spec.scaler {
            // A minimum of Jobs is made again and again.
            Some(ScalerKind::ScaledJob(jobs)) => {
                jobs.min_replicas > 0 || self.scaling[id].jobs.is_over()
            }
            _ => {
                spec.kind != WorkloadKind::Job
                    || spec.times.lifetime.is_none()
                    || self.cluster.workloads[id].replicas == 0
            }
        })
    }
}
