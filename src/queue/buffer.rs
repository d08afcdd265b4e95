//! Prefetching consumers of Service Bus: each pod keeps messages that it has locked and not begun.
//!
//! A message's lock begins when it comes into the buffer and is not renewed there; the SDK hands a
//! message on whether or not its lock has run out meanwhile (Azure/azure-sdk-for-net,
//! `ServiceBusReceiver.PrefetchCount`; Microsoft Learn, "Prefetch Azure Service Bus messages"). The
//! broker hands messages to receivers that have credit in turn, idle or not.

use std::collections::{BTreeMap, VecDeque};

use super::Message;
use crate::unit::{PodId, SimTime};

/// A message in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffered {
    /// The message.
    pub message: Message,
    /// When it was locked.
    pub locked: SimTime,
    /// When the lock runs out.
    pub expiry: SimTime,
}

#[derive(Clone, Debug, Default)]
struct Buffer {
    size: u32,
    held: VecDeque<Buffered>,
    /// Stands in the line of receivers with credit.
    in_line: bool,
}

/// The buffers of all consumers of one queue.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    of: BTreeMap<PodId, Buffer>,
    /// Pods with credit, in turn.
    line: VecDeque<PodId>,
}

impl Buffers {
    /// A pod that prefetches so many messages is Ready.
    pub fn open(&mut self, pod: PodId, size: u32) {
        self.of.insert(pod, Buffer { size, ..Buffer::default() });
        self.stand_in_line(pod);
    }

    /// Whether any pod prefetches.
    pub fn are_used(&self) -> bool {
        !self.of.is_empty()
    }

    /// A pod gets no more messages and forgets those in its buffer; their locks run on.
    pub fn close(&mut self, pod: PodId) {
        self.of.remove(&pod);
    }

    /// The pod that the broker hands the next message to.
    pub fn next_receiver(&mut self) -> Option<PodId> {
        loop {
            let pod = self.line.pop_front()?;
            let Some(buffer) = self.of.get_mut(&pod) else { continue };
            buffer.in_line = false;
            if (buffer.held.len() as u32) < buffer.size {
                return Some(pod);
            }
        }
    }

    /// A message comes into a pod's buffer.
    pub fn put(&mut self, pod: PodId, message: Buffered) {
        if let Some(buffer) = self.of.get_mut(&pod) {
            buffer.held.push_back(message);
        }
    }

    /// The oldest message of a pod's buffer leaves it.
    pub fn take(&mut self, pod: PodId) -> Option<Buffered> {
        self.of.get_mut(&pod)?.held.pop_front()
    }

    /// A pod goes to the end of the line if it has credit and stands nowhere in it.
    pub fn stand_in_line(&mut self, pod: PodId) {
        let Some(buffer) = self.of.get_mut(&pod) else { return };
        if (buffer.held.len() as u32) < buffer.size && !std::mem::replace(&mut buffer.in_line, true)
        {
            self.line.push_back(pod);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ordinal: u64) -> Buffered {
        let message = Message { ordinal, arrived: SimTime::ZERO, deliveries: 1 };
        Buffered { message, locked: SimTime::ZERO, expiry: SimTime::from_secs(60) }
    }

    #[test]
    fn receivers_with_credit_are_served_in_turn() {
        let mut buffers = Buffers::default();
        buffers.open(PodId(1), 2);
        buffers.open(PodId(2), 1);
        let mut order = Vec::new();
        for ordinal in 0.. {
            let Some(pod) = buffers.next_receiver() else { break };
            buffers.put(pod, message(ordinal));
            buffers.stand_in_line(pod);
            order.push(pod.0);
        }
        assert_eq!(order, [1, 2, 1], "until the buffers are full");
        assert_eq!(buffers.take(PodId(1)).map(|held| held.message.ordinal), Some(0));
        buffers.stand_in_line(PodId(1));
        assert_eq!(buffers.next_receiver(), Some(PodId(1)));
        buffers.close(PodId(2));
        buffers.stand_in_line(PodId(2));
        assert_eq!((buffers.next_receiver(), buffers.take(PodId(2))), (None, None));
    }
}
