//! Work arrives, is taken, is done, is lost.

use crate::model::PodPhase;
use crate::plan::{ScalerKind, WorkloadKind};
use crate::queue::{Fate, IdleSlot, Wake};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::work::Arrival;
use crate::sim::world::World;
use crate::unit::{PodId, QueueId};

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
                self.create_pod(workload, shape, None);
            }
            Arrival::TracedPod(workload, shape, lifetime) => {
                self.work.give_lifetime(workload, lifetime);
                self.cluster.workloads[workload].replicas += 1;
                self.work.finite_pods += u64::from(lifetime.is_some());
                self.create_pod(workload, shape, None);
            }
        }
    }

    fn message_arrives(&mut self, queue: QueueId) {
        self.record.queue_flows[queue].arrived += 1;
        if self.plan.lab.reject_when_full && self.work.consumers[queue].idle() == 0 {
            self.work.queues[queue].reject(self.now);
            return;
        }
        let ordinal = self.work.queues[queue].arrive(self.now);
        self.fingerprint.add(self.now, 30, self.keys.queues[queue], ordinal);
        if self.counts() {
            self.record.queue_clocks[queue].enter(self.now);
        }
        self.serve(queue);
        self.metric_changed(queue);
    }

    /// Idle consumers take what waits.
    pub fn serve(&mut self, queue: QueueId) {
        while let Some(idle) = self.work.consumers[queue].next_idle() {
            let Some(message) = self.work.queues[queue].take() else { break };
            if self.work.queues[queue].counts(message.arrived) {
                self.record.queue_clocks[queue].leave(self.now);
            }
            self.begin_service(queue, idle, message);
        }
    }

    fn begin_service(&mut self, queue: QueueId, idle: IdleSlot, message: crate::queue::Message) {
        let consumer = self.plan.workloads[idle.workload].consumes.as_ref();
        let Some(consumer) = consumer else { return };
        let service = consumer.service.sample_keyed(
            self.seed,
            crate::chance::Purpose::Service,
            self.keys.queues[queue],
            message.ordinal << 8 | u64::from(message.deliveries.min(255)),
        );
        let work = &mut self.work;
        let rule = *work.queues[queue].rule();
        let started = work.consumers[queue].start(idle.slot, message, service, &rule, self.now);
        self.record.workloads[idle.workload].busy.add(1, self.now);
        self.job_pod_takes(idle.workload, queue, idle.pod);
        self.at(started.wake, Event::Service { queue, slot: started.slot, epoch: started.epoch });
    }

    /// A slot's service ends, or its lock is lost.
    pub fn service_event(&mut self, queue: QueueId, slot: u32, epoch: u32) {
        match self.work.consumers[queue].wake(slot, epoch, self.now) {
            Wake::Stale => self.record.counters.stale_events += 1,
            Wake::LockLost { message, taken, again } => {
                let fate = self.work.queues[queue].release(message, taken, self.now);
                self.message_back(queue, message.arrived, fate);
                self.at(again, Event::Service { queue, slot, epoch });
            }
            Wake::Done(done) => {
                self.record.workloads[done.workload].busy.add(-1, self.now);
                if let Some(message) = done.message {
                    self.complete(queue, message, done.started, done.workload);
                }
                if done.pod_is_done {
                    self.consumer_done(done.pod);
                }
                self.serve(queue);
                if !done.pod_is_done {
                    self.job_pod_idles(done.workload, queue, done.pod);
                }
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
        self.work.last_completion[queue] = Some(self.now);
        self.cooldown_begins(queue);
        self.record.queue_flows[queue].completed += 1;
        self.fingerprint.add(self.now, 31, self.keys.queues[queue], message.ordinal);
        if self.work.queues[queue].counts(message.arrived) {
            let wait = started.since(message.arrived);
            self.record.ended_waits += u128::from(wait.micros());
            self.record.messages.wait.add(wait);
            self.record.messages.sojourn.add(self.now.since(message.arrived));
            self.record.workloads[workload].wait.add(wait);
        }
    }

    /// A message that was held can be taken again, or is dead.
    fn message_back(&mut self, queue: QueueId, arrived: crate::unit::SimTime, fate: Fate) {
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
    }

    /// Locks of dead consumers run out.
    pub fn locks_expire(&mut self, queue: QueueId) {
        let mut expired = false;
        while let Some((message, fate)) = self.work.queues[queue].expire(self.now) {
            expired = true;
            self.fingerprint.add(self.now, 32, self.keys.queues[queue], message.ordinal);
            self.message_back(queue, message.arrived, fate);
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
        self.record.workloads[workload].slots.add(i64::from(slots), self.now);
        self.serve(queue);
        self.job_pod_idles(workload, queue, pod);
        self.metric_changed(queue);
    }

    /// A pod is told to stop: it takes no more messages. Returns whether it has nothing in hand.
    pub fn consumer_drained(&mut self, pod: PodId) -> bool {
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return true };
        let queue = consumer.queue;
        self.work.consumers[queue].leave(pod, self.now);
        self.work.is_idle(queue, pod)
    }

    /// A pod is gone: what it held stays locked until the lock runs out.
    pub fn consumer_gone(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let (queue, slots) = (consumer.queue, consumer.concurrency);
        let Some(lost) = self.work.consumers[queue].kill(pod, self.now) else { return };
        let record = &mut self.record.workloads[workload];
        record.slots.add(-i64::from(slots), self.now);
        record.busy.add(-i64::from(lost.working), self.now);
        for held in lost.held {
            let queue_state = &mut self.work.queues[queue];
            let expiry = queue_state.orphan(held.message, held.taken, self.now);
            if queue_state.next_expiry() == Some(expiry) {
                self.at(expiry, Event::LockExpiry(queue));
            }
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
