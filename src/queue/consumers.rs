//! The consumers of one queue: slots of ready pods, who takes the next message, and what each slot
//! holds. Nothing is allocated or hashed per message.

use rustc_hash::FxHashMap;

use super::{Buffers, LockRule, Message};
use crate::unit::{Duration, PodId, SimTime, WorkloadId};

/// No slot.
const NONE: u32 = u32::MAX;

/// A place in a pod for one message at a time.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Index of its pod among the members, and of the pod's workload among the crews.
    member: u32,
    crew: u32,
    /// Changes with each start and end, so that an event of the past is known as such.
    epoch: u32,
    state: State,
    /// Neighbours in the list of idle slots.
    before: u32,
    after: u32,
    /// The next slot of the same pod; of a vacant slot, the next vacant one.
    sibling: u32,
    started: SimTime,
    /// When its message was locked: before `started` if it was prefetched.
    locked: SimTime,
    ends: SimTime,
    message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Belongs to no pod.
    Vacant,
    /// Waits for a message.
    Idle,
    /// Works on a message that it has locked.
    Busy,
    /// Works on a message whose lock it has lost.
    Void,
}

/// A pod that consumes.
#[derive(Clone, Copy, Debug)]
struct Member {
    pod: PodId,
    first: u32,
    /// Slots at work.
    working: u32,
    /// Takes no more messages.
    leaving: bool,
}

/// The slot that takes the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleSlot {
    /// Number of the slot.
    pub slot: u32,
    /// Its pod.
    pub pod: PodId,
    /// The pod's workload.
    pub workload: WorkloadId,
}

/// A service that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Number of the slot.
    pub slot: u32,
    /// What the event must carry.
    pub epoch: u32,
    /// When to call [`Consumers::wake`]: at the end, or when the lock is lost if that is earlier.
    pub wake: SimTime,
}

/// What a slot's event meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It came too late for its slot.
    Stale,
    /// The lock is lost and the consumer does not know: its work goes on, in vain, until `again`.
    LockLost {
        /// The message, to be given back.
        message: Message,
        /// When it was taken.
        taken: SimTime,
        /// Workload of the consumer.
        workload: WorkloadId,
        /// When the slot is to be woken again, with the same epoch.
        again: SimTime,
    },
    /// The service is over.
    Done(Finished),
}

/// A service that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The message, if it can be completed; `None`: its lock was lost before.
    pub message: Option<Message>,
    /// When the service began.
    pub started: SimTime,
    /// Who did it.
    pub pod: PodId,
    /// The pod's workload.
    pub workload: WorkloadId,
    /// The pod was leaving and this was the last work it had.
    pub pod_is_done: bool,
}

/// A message in the hands of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The message.
    pub message: Message,
    /// When it was taken.
    pub taken: SimTime,
    /// When it was locked: before that if it was prefetched.
    pub locked: SimTime,
}

/// What a pod had in hand when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages that it had locked, by ordinal.
    pub held: Vec<Held>,
    /// Slots at work, those included that had lost their lock.
    pub working: u32,
}

/// Slots and work of one workload on this queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crew {
    /// Slots of pods that are there, leaving ones with work included.
    pub slots: u32,
    /// Slots at work.
    pub busy: u32,
    slot_micros: u128,
    busy_micros: u128,
    since: SimTime,
}

impl Crew {
    fn accrue(&mut self, now: SimTime) {
        let passed = u128::from(now.since(self.since).micros());
        self.slot_micros += passed * u128::from(self.slots);
        self.busy_micros += passed * u128::from(self.busy);
        self.since = now;
    }
}

/// The consumers of one queue.
#[derive(Clone, Debug)]
pub struct Consumers {
    slots: Vec<Slot>,
    vacant: u32,
    idle_first: u32,
    idle_last: u32,
    idle: u32,
    members: Vec<Member>,
    vacant_members: Vec<u32>,
    index: FxHashMap<PodId, u32>,
    crews: Vec<(WorkloadId, Crew)>,
    /// What pods have prefetched.
    pub buffers: Buffers,
}

impl Consumers {
    /// Nobody yet.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: NONE,
            idle_first: NONE,
            idle_last: NONE,
            idle: 0,
            members: Vec::new(),
            vacant_members: Vec::new(),
            index: FxHashMap::default(),
            crews: Vec::new(),
            buffers: Buffers::default(),
        }
    }

    /// A pod is Ready: its slots begin to wait for messages, behind those that wait already.
    pub fn join(&mut self, pod: PodId, workload: WorkloadId, concurrency: u32, now: SimTime) {
        let crew = self.crew_index(workload, now);
        let member = Member { pod, first: NONE, working: 0, leaving: false };
        let member_at = match self.vacant_members.pop() {
            Some(at) => {
                self.members[at as usize] = member;
                at
            }
            None => {
                self.members.push(member);
                self.members.len() as u32 - 1
            }
        };
        let before = self.index.insert(pod, member_at);
        assert!(before.is_none(), "pod {} joined twice", pod.0);
        for _ in 0..concurrency {
            let slot = self.vacant_slot();
            let sibling = std::mem::replace(&mut self.members[member_at as usize].first, slot);
            let row = &mut self.slots[slot as usize];
            (row.member, row.crew, row.sibling) = (member_at, crew, sibling);
            self.push_idle(slot);
        }
        let crew = &mut self.crews[crew as usize].1;
        crew.accrue(now);
        crew.slots += concurrency;
    }

    /// The slot that takes the next message: the one that has been idle longest.
    pub fn next_idle(&self) -> Option<IdleSlot> {
        let row = self.slots.get(self.idle_first as usize)?;
        Some(IdleSlot {
            slot: self.idle_first,
            pod: self.members[row.member as usize].pod,
            workload: self.crews[row.crew as usize].0,
        })
    }

    /// A slot, if it waits for a message.
    pub fn idle_slot(&self, slot: u32) -> Option<IdleSlot> {
        let row = self.slots.get(slot as usize)?;
        (row.state == State::Idle).then(|| IdleSlot {
            slot,
            pod: self.members[row.member as usize].pod,
            workload: self.crews[row.crew as usize].0,
        })
    }

    /// Slots of pods that are not leaving, in their order.
    pub fn standing_slots(&self) -> Vec<u32> {
        let standing = |slot: &u32| {
            let row = &self.slots[*slot as usize];
            row.state != State::Vacant && !self.members[row.member as usize].leaving
        };
        (0..self.slots.len() as u32).filter(standing).collect()
    }

    /// Slots of a pod.
    pub fn slots_of(&self, pod: PodId) -> Vec<u32> {
        let mut slots = Vec::new();
        let Some(&member) = self.index.get(&pod) else { return slots };
        let mut slot = self.members[member as usize].first;
        while slot != NONE {
            slots.push(slot);
            slot = self.slots[slot as usize].sibling;
        }
        slots
    }

    /// An idle slot begins to work on a message. O(1).
    pub fn start(
        &mut self,
        slot: u32,
        message: Message,
        service: Duration,
        rule: &LockRule,
        now: SimTime,
    ) -> Started {
        self.start_prefetched(slot, Held { message, taken: now, locked: now }, service, rule)
    }

    /// An idle slot begins to work on a message whose lock is as old as `held` says. O(1).
    pub fn start_prefetched(
        &mut self,
        slot: u32,
        held: Held,
        service: Duration,
        rule: &LockRule,
    ) -> Started {
        let Held { message, taken: now, locked } = held;
        self.unlink_idle(slot);
        let row = &mut self.slots[slot as usize];
        row.state = State::Busy;
        row.epoch = row.epoch.wrapping_add(1);
        (row.started, row.locked, row.message) = (now, locked, message);
        row.ends = now + service;
        let loss = match locked == now {
            true => rule.loss_at(now),
            false => rule.expiry_of_prefetched(locked, now, SimTime::NEVER),
        };
        let wake = row.ends.min(loss);
        self.members[row.member as usize].working += 1;
        let crew = &mut self.crews[row.crew as usize].1;
        crew.accrue(now);
        crew.busy += 1;
        Started { slot, epoch: row.epoch, wake }
    }

    /// An idle slot works on a message whose lock ran out in the buffer: in vain. O(1).
    pub fn start_in_vain(&mut self, slot: u32, service: Duration, now: SimTime) -> Started {
        self.unlink_idle(slot);
        let row = &mut self.slots[slot as usize];
        row.state = State::Void;
        row.epoch = row.epoch.wrapping_add(1);
        (row.started, row.ends) = (now, now + service);
        self.members[row.member as usize].working += 1;
        let crew = &mut self.crews[row.crew as usize].1;
        crew.accrue(now);
        crew.busy += 1;
        Started { slot, epoch: row.epoch, wake: row.ends }
    }

    /// The first idle slot of a pod that takes messages. O(slots of the pod).
    pub fn idle_slot_in(&self, pod: PodId) -> Option<IdleSlot> {
        let member = self.index.get(&pod).map(|&at| &self.members[at as usize])?;
        let mut slot = member.first;
        while slot != NONE && !member.leaving {
            if let Some(idle) = self.idle_slot(slot) {
                return Some(idle);
            }
            slot = self.slots[slot as usize].sibling;
        }
        None
    }

    /// A slot's event is due. A slot whose service is over waits for the next message, unless its
    /// pod is leaving. O(1).
    pub fn wake(&mut self, slot: u32, epoch: u32, now: SimTime) -> Wake {
        let row = &mut self.slots[slot as usize];
        if row.epoch != epoch {
            return Wake::Stale;
        }
        debug_assert!(matches!(row.state, State::Busy | State::Void));
        if now < row.ends {
            row.state = State::Void;
            return Wake::LockLost {
                message: row.message,
                taken: row.started,
                workload: self.crews[row.crew as usize].0,
                again: row.ends,
            };
        }
        let message = (row.state == State::Busy).then_some(row.message);
        row.epoch = row.epoch.wrapping_add(1);
        let (member_at, crew_at, started) = (row.member, row.crew, row.started);
        let (workload, crew) = &mut self.crews[crew_at as usize];
        crew.accrue(now);
        crew.busy -= 1;
        let workload = *workload;
        let member = &mut self.members[member_at as usize];
        member.working -= 1;
        let (pod, leaving) = (member.pod, member.leaving);
        let pod_is_done = leaving && member.working == 0;
        if leaving {
            crew.slots -= 1;
            self.drop_slot_of(member_at, slot);
        } else {
            self.push_idle(slot);
        }
        Wake::Done(Finished { message, started, pod, workload, pod_is_done })
    }

    /// A pod is told to stop: it takes nothing more and finishes what it holds. Returns how many
    /// services go on. Unknown pods have none.
    pub fn leave(&mut self, pod: PodId, now: SimTime) -> u32 {
        let Some(&member_at) = self.index.get(&pod) else { return 0 };
        self.buffers.close(pod);
        let mut slot = std::mem::replace(&mut self.members[member_at as usize].first, NONE);
        while slot != NONE {
            let row = self.slots[slot as usize];
            if row.state == State::Idle {
                self.unlink_idle(slot);
                let crew = &mut self.crews[row.crew as usize].1;
                crew.accrue(now);
                crew.slots -= 1;
                self.vacate(slot);
            } else {
                let first = &mut self.members[member_at as usize].first;
                self.slots[slot as usize].sibling = std::mem::replace(first, slot);
            }
            slot = row.sibling;
        }
        let member = &mut self.members[member_at as usize];
        member.leaving = true;
        member.working
    }

    /// A pod has ended, by itself or not, and is forgotten with its slots. Says what it had in
    /// hand; `None` if it never joined.
    pub fn kill(&mut self, pod: PodId, now: SimTime) -> Option<Lost> {
        let member_at = self.index.remove(&pod)?;
        self.buffers.close(pod);
        let working = self.members[member_at as usize].working;
        let mut held = Vec::new();
        let mut slot = self.members[member_at as usize].first;
        while slot != NONE {
            let row = self.slots[slot as usize];
            let crew = &mut self.crews[row.crew as usize].1;
            crew.accrue(now);
            crew.slots -= 1;
            match row.state {
                State::Idle => self.unlink_idle(slot),
                State::Busy | State::Void => crew.busy -= 1,
                State::Vacant => unreachable!("a pod has no vacant slots"),
            }
            if row.state == State::Busy {
                let (taken, locked) = (row.started, row.locked);
                held.push(Held { message: row.message, taken, locked });
            }
            self.vacate(slot);
            slot = row.sibling;
        }
        self.vacant_members.push(member_at);
        held.sort_unstable_by_key(|held: &Held| held.message.ordinal);
        Some(Lost { held, working })
    }

    /// Slots that wait for a message.
    pub fn idle(&self) -> u32 {
        self.idle
    }

    /// Whether any slot waits for a message.
    pub fn has_idle(&self) -> bool {
        self.idle > 0
    }

    /// The first slot of a pod and its epoch, if it waits for a message.
    pub fn idle_slot_of(&self, pod: PodId) -> Option<(u32, u32)> {
        let member = *self.index.get(&pod)?;
        let slot = self.members[member as usize].first;
        let row = self.slots.get(slot as usize)?;
        (row.state == State::Idle).then_some((slot, row.epoch))
    }

    /// The pod of a slot that has done nothing since its epoch was `epoch` and waits.
    pub fn still_idle(&self, slot: u32, epoch: u32) -> Option<PodId> {
        let row = self.slots[slot as usize];
        let idle = row.state == State::Idle && row.epoch == epoch;
        idle.then(|| self.members[row.member as usize].pod)
    }

    /// Whether a pod has any service going on.
    pub fn is_working(&self, pod: PodId) -> bool {
        self.working_of(pod).is_some_and(|working| working > 0)
    }

    /// Services that a pod has going on; `None`: it is no consumer.
    pub fn working_of(&self, pod: PodId) -> Option<u32> {
        self.index.get(&pod).map(|&member| self.members[member as usize].working)
    }

    /// Slots and work of a workload now; nothing if it never had a consumer.
    pub fn crew(&self, workload: WorkloadId) -> Crew {
        let found = self.crews.iter().find(|(id, _)| *id == workload);
        found.map_or_else(Crew::default, |&(_, crew)| crew)
    }

    /// Integrals of slots and of slots at work since the start or [`Self::restart`], microseconds.
    pub fn integrals(&self, workload: WorkloadId, now: SimTime) -> (u128, u128) {
        let mut crew = self.crew(workload);
        crew.accrue(now);
        (crew.slot_micros, crew.busy_micros)
    }

    /// Forgets the integrals so far (the end of warm-up).
    pub fn restart(&mut self, now: SimTime) {
        for (_, crew) in &mut self.crews {
            (crew.slot_micros, crew.busy_micros, crew.since) = (0, 0, now);
        }
    }

    /// Messages that are being worked on and still locked, in order of slots.
    pub fn held(&self) -> impl Iterator<Item = Held> {
        let open = |row: &&Slot| row.state == State::Busy && !row.message.is_read_again();
        let busy = self.slots.iter().filter(open);
        busy.map(|row| Held { message: row.message, taken: row.started, locked: row.locked })
    }

    fn crew_index(&mut self, workload: WorkloadId, now: SimTime) -> u32 {
        let found = self.crews.iter().position(|(id, _)| *id == workload);
        found.unwrap_or_else(|| {
            self.crews.push((workload, Crew { since: now, ..Crew::default() }));
            self.crews.len() - 1
        }) as u32
    }

    fn vacant_slot(&mut self) -> u32 {
        if self.vacant != NONE {
            let slot = self.vacant;
            self.vacant = self.slots[slot as usize].sibling;
            return slot;
        }
        self.slots.push(Slot {
            member: NONE,
            crew: NONE,
            epoch: 0,
            state: State::Vacant,
            before: NONE,
            after: NONE,
            sibling: NONE,
            started: SimTime::ZERO,
            locked: SimTime::ZERO,
            ends: SimTime::ZERO,
            message: Message { ordinal: 0, arrived: SimTime::ZERO, deliveries: 0 },
        });
        let slot = self.slots.len() as u32 - 1;
        assert!(slot != NONE, "fewer than 2^32 slots");
        slot
    }

    fn vacate(&mut self, slot: u32) {
        let row = &mut self.slots[slot as usize];
        row.state = State::Vacant;
        row.epoch = row.epoch.wrapping_add(1);
        row.sibling = std::mem::replace(&mut self.vacant, slot);
    }

    /// Takes a slot out of its leaving pod: O(slots of the pod at work).
    fn drop_slot_of(&mut self, member: u32, slot: u32) {
        let next = self.slots[slot as usize].sibling;
        let mut at = self.members[member as usize].first;
        if at == slot {
            self.members[member as usize].first = next;
        } else {
            while self.slots[at as usize].sibling != slot {
                at = self.slots[at as usize].sibling;
            }
            self.slots[at as usize].sibling = next;
        }
        self.vacate(slot);
    }

    fn push_idle(&mut self, slot: u32) {
        let before = std::mem::replace(&mut self.idle_last, slot);
        let row = &mut self.slots[slot as usize];
        (row.state, row.before, row.after) = (State::Idle, before, NONE);
        match before {
            NONE => self.idle_first = slot,
            _ => self.slots[before as usize].after = slot,
        }
        self.idle += 1;
    }

    fn unlink_idle(&mut self, slot: u32) {
        let Slot { state, before, after, .. } = self.slots[slot as usize];
        assert!(state == State::Idle, "slot {slot} is not idle");
        match before {
            NONE => self.idle_first = after,
            _ => self.slots[before as usize].after = after,
        }
        match after {
            NONE => self.idle_last = before,
            _ => self.slots[after as usize].before = before,
        }
        self.idle -= 1;
    }
}

impl Default for Consumers {
    fn default() -> Self {
        Self::new()
    }
}
