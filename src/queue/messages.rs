//! One message queue, sans IO: it is told what happens and answers what it holds.
//!
//! A message is in exactly one place: waiting, held by a consumer, locked by a consumer that is
//! gone, or finished. Nothing is kept of finished ones, 8 bytes of a waiting one that was never
//! taken, and 24 of others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use super::lanes::Lanes;
use super::{Held, LockRule, QueueSpec};
use crate::unit::{Duration, SimTime};

/// A message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Sequence number in its queue, from 0.
    pub ordinal: u64,
    /// Arrival.
    pub arrived: SimTime,
    /// Deliveries so far, this one included.
    pub deliveries: u32,
}

impl Message {
    /// An event of a partition that a lost consumer has done and not committed: it is read again,
    /// and is long completed. Its ordinal is that of its partition.
    pub(super) const fn read_again(partition: u32, now: SimTime) -> Self {
        Self { ordinal: partition as u64, arrived: now, deliveries: 0 }
    }

    /// Whether it is completed already and only read again.
    pub const fn is_read_again(&self) -> bool {
        self.deliveries == 0
    }
}

/// Where a message went that its consumer did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It can be taken again, in its old place.
    Waits,
    /// It was delivered too often and lies in the dead-letter queue.
    DeadLettered,
}

/// A message whose consumer died: it waits for its lock to run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Orphan {
    expiry: SimTime,
    message: Message,
    taken: SimTime,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct MessageQueue {
    rule: LockRule,
    max_deliveries: u32,
    metric_counts_locked: bool,
    time_to_live: Option<Duration>,
    /// What arrived before does not count.
    counts_from: SimTime,
    /// Arrivals never taken yet, oldest first; their ordinals are consecutive up to `arrived`.
    fresh: VecDeque<SimTime>,
    /// Taken before and available again. All are older than every fresh one, because messages are
    /// first taken in their order.
    returned: BinaryHeap<Reverse<Message>>,
    orphans: BinaryHeap<Reverse<Orphan>>,
    /// Messages in the buffers of consumers, by expiry and ordinal: locked, and still waiting to be
    /// worked on.
    prefetched: BTreeMap<(SimTime, u64), Message>,
    /// Sessions or partitions: then `fresh` and `returned` are empty.
    lanes: Option<Box<Lanes>>,
    held: u64,
    counted_waiting: u64,
    tally: QueueTally,
}

/// Running totals of a queue. `counted` ones leave out what arrived before warm-up ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTally {
    /// All messages that ever arrived.
    pub arrived: u64,
    /// All deliveries.
    pub delivered: u64,
    /// All messages completed.
    pub completed: u64,
    /// All messages dead-lettered.
    pub dead_lettered: u64,
    /// All messages dropped at the end of their time to live.
    pub expired: u64,
    /// All arrivals turned away.
    pub rejected: u64,
    /// Counted arrivals.
    pub counted_arrived: u64,
    /// Counted completions.
    pub counted_completed: u64,
    /// Counted dead letters.
    pub counted_dead_lettered: u64,
    /// Counted messages dropped at the end of their time to live.
    pub counted_expired: u64,
    /// Counted arrivals turned away.
    pub counted_rejected: u64,
    /// Deliveries of counted messages that were not the first.
    pub counted_redelivered: u64,
    /// Time of counted messages from the start of a lost attempt until they could be taken again
    /// or were dead-lettered, microseconds (cause `redo`).
    pub counted_redo_micros: u128,
}

impl MessageQueue {
    /// An empty queue; messages that arrive before `counts_from` do not count.
    pub fn new(spec: &QueueSpec, counts_from: SimTime) -> Self {
        Self {
            rule: LockRule::new(spec),
            max_deliveries: spec.max_deliveries,
            metric_counts_locked: spec.metric_counts_locked,
            time_to_live: spec.time_to_live,
            counts_from,
            fresh: VecDeque::new(),
            returned: BinaryHeap::new(),
            orphans: BinaryHeap::new(),
            prefetched: BTreeMap::new(),
            lanes: None,
            held: 0,
            counted_waiting: 0,
            tally: QueueTally::default(),
        }
    }

    /// The same with its sessions or partitions, if it has any; `key` names it in their draws.
    pub fn with_lanes(mut self, spec: &QueueSpec, seed: u64, key: u64) -> Self {
        self.lanes = spec.lanes.as_ref().map(|lanes| Box::new(Lanes::new(lanes, seed, key)));
        self
    }

    /// Its sessions or partitions.
    pub fn lanes(&self) -> Option<&Lanes> {
        self.lanes.as_deref()
    }

    /// Its sessions or partitions.
    pub fn lanes_mut(&mut self) -> Option<&mut Lanes> {
        self.lanes.as_deref_mut()
    }

    /// A message arrives; returns its ordinal. Amortised O(1).
    pub fn arrive(&mut self, now: SimTime) -> u64 {
        debug_assert!(self.fresh.back().is_none_or(|&last| last <= now), "arrivals ascend");
        let ordinal = self.tally.arrived;
        self.tally.arrived += 1;
        if self.counts(now) {
            self.tally.counted_arrived += 1;
            self.counted_waiting += 1;
        }
        match &mut self.lanes {
            Some(lanes) => lanes.arrive(ordinal, now),
            None => self.fresh.push_back(now),
        }
        ordinal
    }

    /// An arrival is turned away (laboratory: all consumers are busy).
    pub fn reject(&mut self, now: SimTime) {
        self.tally.rejected += 1;
        self.tally.counted_rejected += u64::from(self.counts(now));
    }

    /// A consumer takes the message with the lowest ordinal; its delivery is counted. O(1), or
    /// O(log r) among r messages that came back.
    pub fn take(&mut self) -> Option<Message> {
        let message = self.pop_oldest()?;
        Some(self.deliver(message))
    }

    /// A consumer's buffer takes the message with the lowest ordinal: it is locked and delivered,
    /// and goes on waiting. With it, when its lock runs out.
    pub fn prefetch(&mut self, now: SimTime) -> Option<(Message, SimTime)> {
        let mut message = self.pop_oldest()?;
        message.deliveries += 1;
        self.tally.delivered += 1;
        let again = self.counts(message.arrived) && message.deliveries > 1;
        self.tally.counted_redelivered += u64::from(again);
        let expiry = self.rule.expiry(now, now);
        self.prefetched.insert((expiry, message.ordinal), message);
        Some((message, expiry))
    }

    /// A consumer takes a message up from its buffer; whether it still holds the lock.
    pub fn take_prefetched(&mut self, message: Message, expiry: SimTime) -> bool {
        let there = self.prefetched.remove(&(expiry, message.ordinal)).is_some();
        if there {
            self.held += 1;
            self.counted_waiting -= u64::from(self.counts(message.arrived));
        }
        there
    }

    /// When the lock of a message in a buffer runs out next.
    pub fn next_prefetch_expiry(&self) -> Option<SimTime> {
        self.prefetched.first_key_value().map(|(&(expiry, _), _)| expiry)
    }

    /// Ends one lock in a buffer that has run out by `now`; to be called until it says `None`. The
    /// message has waited all the time.
    pub fn expire_prefetched(&mut self, now: SimTime) -> Option<(Message, Fate)> {
        if self.next_prefetch_expiry()? > now {
            return None;
        }
        let (_, message) = self.prefetched.pop_first()?;
        if message.deliveries < self.max_deliveries {
            self.returned.push(Reverse(message));
            return Some((message, Fate::Waits));
        }
        self.tally.dead_lettered += 1;
        if self.counts(message.arrived) {
            self.counted_waiting -= 1;
            self.tally.counted_dead_lettered += 1;
        }
        Some((message, Fate::DeadLettered))
    }

    /// The next slot of a laned queue that goes to work, and its message: a slot with a session or
    /// partitions of its own, or `next_idle` with a session that nobody holds.
    pub fn take_in_lane(
        &mut self,
        now: SimTime,
        is_idle: impl Fn(u32) -> bool,
        next_idle: Option<u32>,
    ) -> Option<(u32, Message)> {
        let (slot, message, again) = self.lanes.as_mut()?.take(now, is_idle, next_idle)?;
        if again {
            self.tally.counted_redelivered += u64::from(self.counts(now));
            return Some((slot, message));
        }
        Some((slot, self.deliver(message)))
    }

    fn deliver(&mut self, mut message: Message) -> Message {
        message.deliveries += 1;
        self.held += 1;
        self.tally.delivered += 1;
        if self.counts(message.arrived) {
            self.counted_waiting -= 1;
            self.tally.counted_redelivered += u64::from(message.deliveries > 1);
        }
        message
    }

    /// The consumer at `slot` is through with what it held, be it done, read again, or (`None`)
    /// lost to it before.
    pub fn slot_done(&mut self, message: Option<Message>, slot: u32, now: SimTime) {
        if let (Some(lanes), Some(message)) = (&mut self.lanes, message) {
            lanes.done(message, slot, now);
        }
    }

    /// Its consumer has completed a message that it held.
    pub fn complete(&mut self, message: Message) {
        self.held -= 1;
        self.tally.completed += 1;
        self.tally.counted_completed += u64::from(self.counts(message.arrived));
    }

    /// Its live consumer, which took it at `taken`, gave the message back or lost its lock now.
    pub fn release(&mut self, message: Message, taken: SimTime, now: SimTime) -> Fate {
        self.held -= 1;
        let fate = self.put_back(message, taken, now);
        if let Some(lanes) = &mut self.lanes {
            lanes.let_go(message);
        }
        fate
    }

    /// Its consumer, which locked it at `locked`, died at `now`: the message stays locked. Returns
    /// when the lock runs out; the caller sees to it that [`Self::expire`] runs then.
    pub fn orphan_of(&mut self, held: Held, now: SimTime) -> SimTime {
        let Held { message, taken, locked } = held;
        self.held -= 1;
        if let Some(lanes) = &mut self.lanes {
            lanes.orphaned(message);
        }
        let expiry = self.rule.expiry_of_prefetched(locked, taken, now);
        self.orphans.push(Reverse(Orphan { expiry, message, taken }));
        expiry
    }

    /// Its consumer, which took it at `taken`, died at `now`.
    pub fn orphan(&mut self, message: Message, taken: SimTime, now: SimTime) -> SimTime {
        self.orphan_of(Held { message, taken, locked: taken }, now)
    }

    /// When a lock that nobody renews runs out next.
    pub fn next_expiry(&self) -> Option<SimTime> {
        self.orphans.peek().map(|Reverse(orphan)| orphan.expiry)
    }

    /// Ends one lock that has run out by `now`; to be called until it says `None`. Locks end in
    /// order of expiry, then of ordinal.
    pub fn expire(&mut self, now: SimTime) -> Option<(Message, Fate)> {
        if self.next_expiry()? > now {
            return None;
        }
        let Reverse(Orphan { message, taken, .. }) = self.orphans.pop()?;
        let fate = self.put_back(message, taken, now);
        if let Some(lanes) = &mut self.lanes {
            lanes.expired(message);
        }
        Some((message, fate))
    }

    /// When the oldest message that nobody holds is dropped.
    pub fn next_drop(&self) -> Option<SimTime> {
        Some(self.oldest_waiting()? + self.time_to_live?)
    }

    /// Drops one message whose time to live is over; to be called until it says `None`. A message
    /// that a consumer holds goes on living until it is given back.
    pub fn drop_old(&mut self, now: SimTime) -> Option<Message> {
        if self.next_drop()? > now {
            return None;
        }
        let message = self.pop_oldest()?;
        self.tally.expired += 1;
        if self.counts(message.arrived) {
            self.counted_waiting -= 1;
            self.tally.counted_expired += 1;
        }
        Some(message)
    }

    /// Takes out the message with the lowest ordinal, with the deliveries that it has had.
    fn pop_oldest(&mut self) -> Option<Message> {
        if let Some(lanes) = &mut self.lanes {
            return lanes.pop_oldest();
        }
        if let Some(Reverse(message)) = self.returned.pop() {
            return Some(message);
        }
        let ordinal = self.tally.arrived - self.fresh.len() as u64;
        Some(Message { ordinal, arrived: self.fresh.pop_front()?, deliveries: 0 })
    }

    fn put_back(&mut self, message: Message, taken: SimTime, now: SimTime) -> Fate {
        let counted = self.counts(message.arrived);
        if counted {
            self.tally.counted_redo_micros += u128::from(now.since(taken).micros());
        }
        if message.deliveries >= self.max_deliveries {
            self.tally.dead_lettered += 1;
            self.tally.counted_dead_lettered += u64::from(counted);
            return Fate::DeadLettered;
        }
        self.counted_waiting += u64::from(counted);
        match &mut self.lanes {
            Some(lanes) => lanes.put_back(message),
            None => self.returned.push(Reverse(message)),
        }
        Fate::Waits
    }

    /// Whether what arrived then counts.
    pub fn counts(&self, arrived: SimTime) -> bool {
        arrived >= self.counts_from
    }

    /// How locks run out.
    pub fn rule(&self) -> &LockRule {
        &self.rule
    }

    /// Messages that can be taken now.
    pub fn waiting(&self) -> u64 {
        match &self.lanes {
            Some(lanes) => lanes.waiting(),
            None => (self.fresh.len() + self.returned.len()) as u64,
        }
    }

    /// Those of them that count.
    pub fn counted_waiting(&self) -> u64 {
        self.counted_waiting
    }

    /// Messages that live consumers work on.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Messages locked by consumers that are gone.
    pub fn orphaned(&self) -> u64 {
        self.orphans.len() as u64
    }

    /// Messages in the buffers of consumers.
    pub fn prefetched(&self) -> u64 {
        self.prefetched.len() as u64
    }

    /// Messages that can neither be taken nor are finished.
    pub fn locked(&self) -> u64 {
        self.held + self.orphaned() + self.prefetched()
    }

    /// What the scaler reads: waiting messages, and the locked ones if this product counts them; of
    /// partitions the lag, which falls when a consumer commits.
    pub fn metric(&self, now: SimTime) -> u64 {
        let behind = self.lanes.as_ref().map_or(0, |lanes| lanes.behind(now));
        self.waiting() + behind + if self.metric_counts_locked { self.locked() } else { 0 }
    }

    /// Whether every message is finished.
    pub fn is_drained(&self) -> bool {
        self.waiting() + self.locked() == 0
    }

    /// Arrival of the oldest message that can be taken.
    pub fn oldest_waiting(&self) -> Option<SimTime> {
        if let Some(lanes) = &self.lanes {
            return lanes.oldest();
        }
        match self.returned.peek() {
            Some(Reverse(message)) => Some(message.arrived),
            None => self.fresh.front().copied(),
        }
    }

    /// Arrivals of all messages that wait, those in buffers too, in no order. O(waiting).
    pub fn waiting_since(&self) -> impl Iterator<Item = SimTime> {
        let returned = self.returned.iter().map(|Reverse(message)| message.arrived);
        let laned = self.lanes.iter().flat_map(|lanes| lanes.waiting_since());
        let buffered = self.prefetched.values().map(|message| message.arrived);
        self.fresh.iter().copied().chain(returned).chain(laned).chain(buffered)
    }

    /// Arrival of the oldest counted message that waits. O(log n), or O(r) among r messages that
    /// came back or lie in buffers.
    pub fn oldest_counted(&self) -> Option<SimTime> {
        let first = self.fresh.partition_point(|&arrived| !self.counts(arrived));
        let returned = self.returned.iter().map(|Reverse(message)| message.arrived);
        let fresh = self.fresh.get(first).copied();
        let laned = self.lanes.iter().flat_map(|lanes| lanes.waiting_since());
        let buffered = self.prefetched.values().map(|message| message.arrived);
        let other = returned.chain(laned).chain(buffered).filter(|&arrived| self.counts(arrived));
        other.chain(fresh).min()
    }

    /// Messages locked by consumers that are gone, and when those took them; in no order.
    pub fn orphans(&self) -> impl Iterator<Item = (Message, SimTime)> {
        self.orphans.iter().map(|Reverse(orphan)| (orphan.message, orphan.taken))
    }

    /// Redo time of counted messages up to `end`, those still locked by dead consumers included.
    pub fn redo_micros(&self, end: SimTime) -> u128 {
        let open = self.orphans().filter(|(message, _)| self.counts(message.arrived));
        let open: u128 = open.map(|(_, taken)| u128::from(end.since(taken).micros())).sum();
        self.tally.counted_redo_micros + open
    }

    /// Totals so far.
    pub fn tally(&self) -> &QueueTally {
        &self.tally
    }

    /// Whether every message that arrived is in exactly one place.
    pub fn is_conserved(&self) -> bool {
        let finished = self.tally.completed + self.tally.dead_lettered + self.tally.expired;
        self.tally.arrived == finished + self.waiting() + self.locked()
    }
}
