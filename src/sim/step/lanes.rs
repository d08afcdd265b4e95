//! Sessions and partitions: who works on which lane of a queue, and when lanes stand still.

use crate::queue::Message;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{PodId, QueueId, SimTime};

impl World<'_> {
    /// Slots go to work on lanes that can be worked on.
    pub(super) fn serve_lanes(&mut self, queue: QueueId) {
        loop {
            let consumers = &self.work.consumers[queue];
            let next_idle = consumers.next_idle().map(|idle| idle.slot);
            let is_idle = |slot| consumers.idle_slot(slot).is_some();
            let state = &mut self.work.queues[queue];
            let Some((slot, message)) = state.take_in_lane(self.now, is_idle, next_idle) else {
                return;
            };
            if !message.is_read_again() && state.counts(message.arrived) {
                self.record.queue_clocks[queue].leave(self.now);
            }
            let Some(idle) = consumers.idle_slot(slot) else { return };
            self.begin_service(queue, idle, message);
        }
    }

    /// Whether a lost message was only read again; then it will be once more.
    pub(super) fn lost_again(&mut self, queue: QueueId, message: Message) -> bool {
        let again = message.is_read_again();
        if let Some(lanes) = self.work.queues[queue].lanes_mut().filter(|_| again) {
            lanes.lost_again(message);
        }
        again
    }

    /// The slots of a pod give up their lanes: at once if they say good-bye, and otherwise when the
    /// group notices that they are gone.
    pub(super) fn leave_lanes(&mut self, queue: QueueId, pod: PodId, politely: bool) {
        let now = self.now;
        let state = &mut self.work.queues[queue];
        let expiry = state.rule().expiry(SimTime::ZERO, now);
        let Some(lanes) = state.lanes_mut() else { return };
        let slots = self.work.consumers[queue].slots_of(pod);
        if !lanes.leave(&slots, (!politely).then_some(expiry), now) {
            return;
        }
        if politely {
            self.deal_partitions(queue);
        } else if self.is_partitioned(queue) {
            self.at(expiry, Event::Rebalance(queue));
        }
    }

    fn is_partitioned(&self, queue: QueueId) -> bool {
        self.work.queues[queue].lanes().is_some_and(|lanes| lanes.partitions().is_some())
    }

    /// Consumers of a partitioned queue have come or gone: at the end of this instant's facts the
    /// partitions are dealt out anew.
    pub(super) fn deal_partitions(&mut self, queue: QueueId) {
        if self.is_partitioned(queue) && !self.work.dealing_due[queue] {
            self.work.dealing_due[queue] = true;
            self.at(self.now, Event::Rebalance(queue));
        }
    }

    /// A rebalance: partitions that move stand still until it is over.
    pub fn rebalance(&mut self, queue: QueueId) {
        self.work.dealing_due[queue] = false;
        let slots = self.work.consumers[queue].standing_slots();
        let Some(lanes) = self.work.queues[queue].lanes_mut() else { return };
        let until = lanes.rebalance(&slots, self.now);
        self.fingerprint.add(self.now, 34, self.keys.queues[queue], slots.len() as u64);
        self.at(until, Event::LanesOpen(queue));
    }

    /// Partitions that stood still can be worked on.
    pub fn lanes_open(&mut self, queue: QueueId) {
        if let Some(lanes) = self.work.queues[queue].lanes_mut() {
            lanes.touch_all();
        }
        self.serve(queue);
        self.metric_changed(queue);
    }
}
