//! Messages in lanes: sessions of a Service Bus queue, partitions of an event hub or a Kafka topic.
//!
//! A lane is worked on in order and by one consumer at a time. A free consumer accepts the session
//! that has waited longest and keeps it until it is empty. Partitions are dealt out to the
//! consumers that are there; each change of theirs deals them anew (a rebalance), during which the
//! partitions that move stand still. What a consumer of a partition has done and not yet committed
//! when it is killed is read and done again by the next one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use super::Message;
use crate::chance::{Purpose, Stream, maths};
use crate::unit::{Duration, SimTime};

/// How a queue is divided.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneSpec {
    /// How many lanes.
    pub count: u32,
    /// Zipf exponent of how often each is meant: 0 is all alike.
    pub skew: f64,
    /// Who may work on a lane.
    pub kind: LaneKind,
}

/// Who may work on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneKind {
    /// Whoever accepts the session, until it is empty.
    Sessions,
    /// Whoever a rebalance gives the partition to.
    Partitions {
        /// All partitions stand still during a rebalance, not only those that move.
        eager: bool,
        /// How long a rebalance takes.
        pause: Duration,
        /// Consumers commit what they have done at each multiple of this; 0: after each message.
        commit_every: Duration,
        /// The group has never committed an offset.
        new_group: bool,
    },
}

/// A partition as its log and its group's offset show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// What the group has committed; `None`: nothing yet.
    pub committed: Option<u64>,
    /// End of the log.
    pub end: u64,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    /// Messages that ever arrived.
    arrived: u64,
    /// When its group committed an offset for the first time.
    offset_from: SimTime,
    /// Never taken: ordinal and arrival.
    fresh: VecDeque<(u64, SimTime)>,
    /// Taken before and available again; older than every fresh one.
    returned: BinaryHeap<Reverse<Message>>,
    owner: Option<u32>,
    at_work: bool,
    /// Messages of this lane that are locked by consumers that are gone.
    orphans: u32,
    /// Nobody may work on it before.
    closed_until: SimTime,
    /// Done since the last commit, and the commit period that this speaks of.
    uncommitted: u64,
    period: u64,
    /// To be read and done again.
    again: u64,
}

impl Lane {
    fn front(&self) -> Option<u64> {
        match self.returned.peek() {
            Some(Reverse(message)) => Some(message.ordinal),
            None => self.fresh.front().map(|&(ordinal, _)| ordinal),
        }
    }

    fn oldest(&self) -> Option<SimTime> {
        match self.returned.peek() {
            Some(Reverse(message)) => Some(message.arrived),
            None => self.fresh.front().map(|&(_, arrived)| arrived),
        }
    }

    fn pop(&mut self) -> Option<Message> {
        if let Some(Reverse(message)) = self.returned.pop() {
            return Some(message);
        }
        let (ordinal, arrived) = self.fresh.pop_front()?;
        Some(Message { ordinal, arrived, deliveries: 0 })
    }
}

/// The lanes of one queue.
#[derive(Clone, Debug)]
pub struct Lanes {
    kind: LaneKind,
    seed: u64,
    key: u64,
    /// Cumulative shares of the lanes.
    shares: Vec<f64>,
    lanes: Vec<Lane>,
    waiting: u64,
    /// Lanes that may have become workable.
    touched: VecDeque<u32>,
    /// Workable sessions that nobody holds, by the ordinal that waits in front.
    open: BTreeSet<(u64, u32)>,
    /// Partitions of each slot.
    owned: BTreeMap<u32, Vec<u32>>,
    /// Of all lanes together, as in [`Lane`].
    uncommitted: u64,
    period: u64,
    again: u64,
}

impl Lanes {
    /// Empty lanes; `key` names the queue in its draws.
    pub fn new(spec: &LaneSpec, seed: u64, key: u64) -> Self {
        let weights = (1..=spec.count).map(|rank| maths::pow(f64::from(rank), -spec.skew));
        let mut sum = 0.0;
        let sums = weights.map(|weight| {
            sum += weight;
            sum
        });
        let mut shares: Vec<f64> = sums.collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        let is_new = matches!(spec.kind, LaneKind::Partitions { new_group: true, .. });
        let offset_from = if is_new { SimTime::NEVER } else { SimTime::ZERO };
        Self {
            kind: spec.kind,
            seed,
            key,
            shares,
            lanes: vec![Lane { offset_from, ..Lane::default() }; spec.count as usize],
            waiting: 0,
            touched: VecDeque::new(),
            open: BTreeSet::new(),
            owned: BTreeMap::new(),
            uncommitted: 0,
            period: 0,
            again: 0,
        }
    }

    /// The lane that a message is meant for. O(log lanes).
    fn lane_of(&self, ordinal: u64) -> usize {
        let mut stream = Stream::keyed(self.seed, Purpose::Lane, self.key, ordinal);
        let at = stream.open_unit();
        self.shares.partition_point(|&upto| upto <= at).min(self.lanes.len() - 1)
    }

    /// Messages that can be taken.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Number of lanes, if they are partitions.
    pub fn partitions(&self) -> Option<u32> {
        let partitions = matches!(self.kind, LaneKind::Partitions { .. });
        partitions.then_some(self.lanes.len() as u32)
    }

    /// Events that are done but not committed, or are to be done again.
    pub fn behind(&self, now: SimTime) -> u64 {
        let open = if self.period == self.period_of(now) { self.uncommitted } else { 0 };
        open + self.again
    }

    /// Offsets of each partition; its lag is what waits, is worked on, or is not committed. O(1)
    /// each.
    pub fn offsets(&self, now: SimTime) -> impl Iterator<Item = PartitionOffsets> {
        let period = self.period_of(now);
        self.lanes.iter().map(move |lane| {
            let open = if lane.period == period { lane.uncommitted } else { 0 };
            let taken = u64::from(lane.at_work) + u64::from(lane.orphans);
            let waiting = (lane.fresh.len() + lane.returned.len()) as u64;
            // What is read again is at work, and counted before.
            let lag = (waiting + taken + open + lane.again).min(lane.arrived);
            let committed = (lane.offset_from <= now).then_some(lane.arrived - lag);
            PartitionOffsets { committed, end: lane.arrived }
        })
    }

    /// When a group that is new commits its next first offset of a partition. O(lanes) of a new
    /// group.
    pub fn next_first_offset(&self, now: SimTime) -> SimTime {
        if !matches!(self.kind, LaneKind::Partitions { new_group: true, .. }) {
            return SimTime::NEVER;
        }
        let later = self.lanes.iter().map(|lane| lane.offset_from).filter(|&from| from > now);
        later.min().unwrap_or(SimTime::NEVER)
    }

    /// When consumers commit next; [`SimTime::NEVER`] if there is nothing to commit.
    pub fn next_commit(&self, now: SimTime) -> SimTime {
        let period = self.period_of(now);
        match self.kind {
            LaneKind::Partitions { commit_every, .. }
                if !commit_every.is_zero() && self.period == period && self.uncommitted > 0 =>
            {
                SimTime::ZERO + commit_every.times(period + 1)
            }
            _ => SimTime::NEVER,
        }
    }

    fn period_of(&self, now: SimTime) -> u64 {
        match self.kind {
            LaneKind::Partitions { commit_every, .. } if !commit_every.is_zero() => {
                now.micros() / commit_every.micros()
            }
            _ => 0,
        }
    }

    pub(super) fn arrive(&mut self, ordinal: u64, now: SimTime) {
        let lane = self.lane_of(ordinal);
        self.lanes[lane].fresh.push_back((ordinal, now));
        self.lanes[lane].arrived += 1;
        self.waiting += 1;
        self.touch(lane as u32);
    }

    pub(super) fn put_back(&mut self, message: Message) {
        let lane = self.lane_of(message.ordinal);
        self.lanes[lane].returned.push(Reverse(message));
        self.waiting += 1;
    }

    /// The consumer of a message lives and has nothing to do with it any more.
    pub(super) fn let_go(&mut self, message: Message) {
        let lane = self.lane_at_work(message);
        self.lanes[lane].at_work = false;
        self.touch(lane as u32);
    }

    /// The consumer of a message died: nobody goes on before the message is back.
    pub(super) fn orphaned(&mut self, message: Message) {
        let lane = self.lane_of(message.ordinal);
        self.lanes[lane].at_work = false;
        self.lanes[lane].orphans += 1;
    }

    pub(super) fn expired(&mut self, message: Message) {
        let lane = self.lane_of(message.ordinal);
        self.lanes[lane].orphans -= 1;
        self.touch(lane as u32);
    }

    fn touch(&mut self, lane: u32) {
        self.touched.push_back(lane);
    }

    /// The lane of a message that is worked on; one that is read again names it.
    fn lane_at_work(&self, message: Message) -> usize {
        if message.is_read_again() {
            message.ordinal as usize
        } else {
            self.lane_of(message.ordinal)
        }
    }

    /// A message is done. A session that is empty is left; the other partitions of the slot may go
    /// on.
    pub(super) fn done(&mut self, message: Message, slot: u32, now: SimTime) {
        let lane = self.lane_at_work(message);
        let period = self.period_of(now);
        let row = &mut self.lanes[lane];
        row.at_work = false;
        match self.kind {
            LaneKind::Sessions => {
                if row.front().is_none() {
                    row.owner = None;
                }
                self.touch(lane as u32);
            }
            LaneKind::Partitions { commit_every, .. } => {
                if commit_every.is_zero() {
                    row.offset_from = row.offset_from.min(now);
                } else {
                    row.uncommitted = if row.period == period { row.uncommitted + 1 } else { 1 };
                    row.period = period;
                    self.uncommitted = if self.period == period { self.uncommitted + 1 } else { 1 };
                    self.period = period;
                }
                self.touch(lane as u32);
                self.touch_all_of(slot);
            }
        }
    }

    /// Lanes of a slot, the one whose front waits longest first.
    fn touch_all_of(&mut self, slot: u32) {
        let Some(owned) = self.owned.get(&slot) else { return };
        if owned.len() > 1 {
            let mut owned = owned.clone();
            owned.sort_unstable_by_key(|&lane| self.lanes[lane as usize].front());
            self.touched.extend(owned);
        }
    }

    fn is_workable(&self, lane: u32, now: SimTime) -> bool {
        let row = &self.lanes[lane as usize];
        let free = !row.at_work && row.orphans == 0 && row.closed_until <= now;
        free && (row.again > 0 || row.front().is_some())
    }

    /// The next slot that goes to work, and on which lane. `next_idle` is a slot without a session.
    fn next(
        &mut self,
        now: SimTime,
        is_idle: impl Fn(u32) -> bool,
        next_idle: Option<u32>,
    ) -> Option<(u32, u32)> {
        while let Some(lane) = self.touched.pop_front() {
            if !self.is_workable(lane, now) {
                continue;
            }
            let row = &self.lanes[lane as usize];
            match (row.owner, self.kind) {
                (Some(slot), _) if is_idle(slot) => return Some((slot, lane)),
                (None, LaneKind::Sessions) => {
                    self.open.insert((row.front()?, lane));
                }
                _ => {}
            }
        }
        let slot = next_idle?;
        while let Some((_, lane)) = self.open.pop_first() {
            if self.lanes[lane as usize].owner.is_none() && self.is_workable(lane, now) {
                self.lanes[lane as usize].owner = Some(slot);
                return Some((slot, lane));
            }
        }
        None
    }

    /// The next slot that goes to work, its message, whose delivery is not counted yet, and whether
    /// it is only read again.
    pub(super) fn take(
        &mut self,
        now: SimTime,
        is_idle: impl Fn(u32) -> bool,
        next_idle: Option<u32>,
    ) -> Option<(u32, Message, bool)> {
        let (slot, lane) = self.next(now, is_idle, next_idle)?;
        let row = &mut self.lanes[lane as usize];
        row.at_work = true;
        if row.again > 0 {
            row.again -= 1;
            self.again -= 1;
            return Some((slot, Message::read_again(lane, now), true));
        }
        self.waiting -= 1;
        Some((slot, row.pop()?, false))
    }

    /// Takes out the oldest message of all. O(lanes).
    pub(super) fn pop_oldest(&mut self) -> Option<Message> {
        let oldest = self.lanes.iter_mut().min_by_key(|lane| lane.front().unwrap_or(u64::MAX))?;
        let message = oldest.pop()?;
        self.waiting -= 1;
        Some(message)
    }

    /// Arrival of the oldest message that can be taken. O(lanes).
    pub(super) fn oldest(&self) -> Option<SimTime> {
        self.lanes.iter().filter_map(Lane::oldest).min()
    }

    /// Arrivals of all messages that can be taken, in no order.
    pub(super) fn waiting_since(&self) -> impl Iterator<Item = SimTime> {
        self.lanes.iter().flat_map(|lane| {
            let returned = lane.returned.iter().map(|Reverse(message)| message.arrived);
            lane.fresh.iter().map(|&(_, arrived)| arrived).chain(returned)
        })
    }

    /// Slots that took part do so no more. What they have done is committed if they could say
    /// good-bye; otherwise their partitions stay theirs until `until` and what they had not
    /// committed is done again. Says whether they had any lane.
    pub fn leave(&mut self, slots: &[u32], until: Option<SimTime>, now: SimTime) -> bool {
        let mut any = false;
        let period = self.period_of(now);
        for row in &mut self.lanes {
            if !row.owner.is_some_and(|owner| slots.contains(&owner)) {
                continue;
            }
            any = true;
            row.owner = None;
            if row.offset_from > now {
                // A consumer that says good-bye commits where it stands.
                row.offset_from = if until.is_none() { now } else { SimTime::NEVER };
            }
            if let (Some(until), LaneKind::Partitions { .. }) = (until, self.kind) {
                row.closed_until = row.closed_until.max(until);
            }
            let open = if row.period == period { std::mem::take(&mut row.uncommitted) } else { 0 };
            if self.period == period {
                self.uncommitted -= open;
            }
            if until.is_some() {
                row.again += open;
                self.again += open;
            }
        }
        for slot in slots {
            self.owned.remove(slot);
        }
        any
    }

    /// A message that was read again was lost again.
    pub fn lost_again(&mut self, message: Message) {
        let row = &mut self.lanes[message.ordinal as usize];
        row.at_work = false;
        row.again += 1;
        self.again += 1;
    }

    /// Deals the partitions out to the slots that are there. Those that move, or all of them, stand
    /// still; says until when.
    pub fn rebalance(&mut self, slots: &[u32], now: SimTime) -> SimTime {
        let LaneKind::Partitions { eager, pause, commit_every, .. } = self.kind else { return now };
        let begins = self.owned.is_empty() && now == SimTime::ZERO;
        let until = if begins { now } else { now + pause };
        self.owned.clear();
        self.owned.extend(slots.iter().map(|&slot| (slot, Vec::new())));
        let mut free: VecDeque<u32> = VecDeque::new();
        let before: Vec<Option<u32>> = self.lanes.iter().map(|row| row.owner).collect();
        let (whole, more) = match slots.len() {
            0 => (0, 0),
            n => (self.lanes.len() / n, self.lanes.len() % n),
        };
        let mut richer = more;
        for (lane, row) in self.lanes.iter_mut().enumerate() {
            let kept = row.owner.filter(|_| !eager);
            let owned = kept.and_then(|slot| self.owned.get_mut(&slot)).filter(|owned| {
                let fits = owned.len() < whole || (owned.len() == whole && richer > 0);
                richer -= usize::from(fits && owned.len() == whole);
                fits
            });
            match owned {
                Some(owned) => owned.push(lane as u32),
                None => {
                    row.owner = None;
                    free.push_back(lane as u32);
                }
            }
        }
        for lane in free {
            if self.lanes[lane as usize].closed_until > now && before[lane as usize].is_none() {
                continue;
            }
            let poorest = self.owned.iter_mut().min_by_key(|(_, owned)| owned.len());
            let Some((&slot, owned)) = poorest else { break };
            owned.push(lane);
            self.lanes[lane as usize].owner = Some(slot);
        }
        for (row, before) in self.lanes.iter_mut().zip(before) {
            if eager || row.owner != before {
                row.closed_until = row.closed_until.max(until);
            }
        }
        if !commit_every.is_zero() {
            // An owner commits its position in time, be there something to read or not.
            let first = SimTime::ZERO + commit_every.times(self.period_of(until) + 1);
            let owned = self.lanes.iter_mut().filter(|row| row.owner.is_some());
            owned.for_each(|row| row.offset_from = row.offset_from.min(first));
        }
        until
    }

    /// Every lane may be workable again.
    pub fn touch_all(&mut self) {
        self.touched.extend(0..self.lanes.len() as u32);
    }
}
