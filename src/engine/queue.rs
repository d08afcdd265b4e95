//! The queue of future events.

use std::cmp::Ordering;

use dary_heap::QuaternaryHeap;

use crate::unit::SimTime;

const SEQUENCE_BITS: u32 = 56;

/// A place in the order of events: (time, lane, rank), one integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u128);

impl Place {
    /// The place of a ranked event.
    pub fn new(at: SimTime, lane: u8, rank: u32) -> Self {
        Self(key(at, lane, u64::from(rank)))
    }

    /// Its instant.
    pub fn time(self) -> SimTime {
        unpack(self.0).0
    }

    /// Behind everything at this instant.
    pub fn last_of(at: SimTime) -> Self {
        Self(key(at, u8::MAX, (1 << SEQUENCE_BITS) - 1))
    }
}

/// Future events in order of (time, lane, sequence): events of one instant run lane by lane, and
/// first in, first out inside a lane.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    heap: QuaternaryHeap<Entry<E>>,
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    /// time (64 bits), lane (8), sequence (56): one comparison of integers.
    key: u128,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    /// Reversed: the heap gives its largest entry first, and we want the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { heap: QuaternaryHeap::new(), sequence: 0 }
    }

    /// Adds an event. O(log n).
    pub fn push(&mut self, at: SimTime, lane: u8, event: E) {
        let key = key(at, lane, self.sequence);
        self.sequence += 1;
        assert!(self.sequence < 1 << SEQUENCE_BITS, "event sequence exhausted");
        self.heap.push(Entry { key, event });
    }

    /// Adds an event that has its rank in its lane, whenever it is added; all events of that lane
    /// must. O(log n).
    pub fn push_ranked(&mut self, at: SimTime, lane: u8, rank: u32, event: E) {
        self.heap.push(Entry { key: key(at, lane, u64::from(rank)), event });
    }

    /// Place of the next event. O(1).
    pub fn peek_place(&self) -> Option<Place> {
        self.heap.peek().map(|entry| Place(entry.key))
    }

    /// Time and lane of the next event. O(1).
    pub fn peek(&self) -> Option<(SimTime, u8)> {
        self.heap.peek().map(|entry| unpack(entry.key))
    }

    /// Takes the next event. O(log n).
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.heap.pop().map(|entry| (unpack(entry.key).0, entry.event))
    }

    /// Events waiting.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

fn key(at: SimTime, lane: u8, order: u64) -> u128 {
    (u128::from(at.micros()) << 64) | (u128::from(lane) << SEQUENCE_BITS) | u128::from(order)
}

fn unpack(key: u128) -> (SimTime, u8) {
    (SimTime::from_micros((key >> 64) as u64), (key >> SEQUENCE_BITS) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_by_time_then_lane_then_arrival() {
        let mut queue = EventQueue::new();
        for (second, lane, name) in
            [(2, 0, 'e'), (1, 1, 'c'), (1, 0, 'a'), (1, 1, 'd'), (1, 0, 'b')]
        {
            queue.push(SimTime::from_secs(second), lane, name);
        }
        let order: String = std::iter::from_fn(|| queue.pop().map(|(_, name)| name)).collect();
        assert_eq!(order, "abcde");
    }

    #[test]
    fn ranks_order_a_lane_whoever_came_first() {
        let mut queue = EventQueue::new();
        let now = SimTime::from_secs(1);
        for (rank, name) in [(7, 'b'), (2, 'a'), (9, 'c')] {
            queue.push_ranked(now, 3, rank, name);
        }
        assert_eq!(queue.peek_place(), Some(Place::new(now, 3, 2)));
        assert!(Place::new(now, 3, 9) < Place::new(now, 4, 0));
        assert!(Place::new(now, 4, 0) < Place::last_of(now));
        let order: String = std::iter::from_fn(|| queue.pop().map(|(_, name)| name)).collect();
        assert_eq!(order, "abc");
    }
}
