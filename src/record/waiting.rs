//! The course of waiting: when each pod and each queue changed its cause, and the slowest messages.
//!
//! What controllers and nodes do makes this log grow, never the number of finished messages.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::unit::{Duration, PodId, PoolId, QueueId, SimTime};
use crate::vocabulary::Cause;

/// How many of the slowest messages are remembered.
const SLOWEST: usize = 20;

/// From an instant on a pod waits for a cause, or for nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodWait {
    /// When.
    pub at: SimTime,
    /// Who.
    pub pod: PodId,
    /// What for.
    pub cause: Option<Cause>,
    /// The pool whose wall it is, if it is one.
    pub pool: Option<PoolId>,
    /// Whether what it waited for until now counts in figures.
    pub counted: bool,
}

/// From an instant on the messages of a queue wait for a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueWait {
    /// When.
    pub at: SimTime,
    /// Where.
    pub queue: QueueId,
    /// What for.
    pub cause: Cause,
}

/// What was waited for a cause from one sample to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitFlow {
    /// The end of the time; its start is the sample before.
    pub until: SimTime,
    /// Whether pods waited, else messages.
    pub of_pods: bool,
    /// What for.
    pub cause: Cause,
    /// How long in sum, microseconds.
    pub micros: u128,
}

/// A completed message that waited long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlowMessage {
    /// Arrival to the start of the service that completed it.
    pub wait: Duration,
    /// Of equal ones the first in its queue counts as slower.
    pub number: Reverse<u64>,
    /// Its queue.
    pub queue: QueueId,
    /// Arrival.
    pub arrived: SimTime,
    /// Deliveries, the last included.
    pub deliveries: u32,
    /// Lost attempts: from the start of each until the message could be taken again.
    pub lost: Vec<(SimTime, SimTime)>,
}

/// The course of waiting of one run.
#[derive(Clone, Debug, Default)]
pub struct WaitLog {
    /// Pods, in order of time.
    pub pods: Vec<PodWait>,
    /// Each queue's in order of time, only while messages wait.
    pub queues: Vec<QueueWait>,
    /// The slowest completed messages that count, the least slow on top.
    slowest: BinaryHeap<Reverse<SlowMessage>>,
    /// Lost attempts of messages that are not completed yet.
    lost: BTreeMap<(QueueId, u64), Vec<(SimTime, SimTime)>>,
}

impl WaitLog {
    /// An attempt at a message, begun at `taken`, was lost; it can be taken again from `back` on.
    pub fn attempt_lost(&mut self, queue: QueueId, number: u64, taken: SimTime, back: SimTime) {
        self.lost.entry((queue, number)).or_default().push((taken, back));
    }

    /// A message that was lost before is out of the queue, dead.
    pub fn message_gone(&mut self, queue: QueueId, number: u64) {
        if !self.lost.is_empty() {
            self.lost.remove(&(queue, number));
        }
    }

    /// A message was completed.
    pub fn completed(&mut self, mut message: SlowMessage) {
        if message.deliveries > 1
            && let Some(lost) = self.lost.remove(&(message.queue, message.number.0))
        {
            message.lost = lost;
        }
        if self.slowest.len() < SLOWEST {
            self.slowest.push(Reverse(message));
        } else if let Some(mut least) = self.slowest.peek_mut()
            && least.0 < message
        {
            *least = Reverse(message);
        }
    }

    /// The slowest messages, slowest first.
    pub fn slowest(&self) -> Vec<SlowMessage> {
        let mut found: Vec<SlowMessage> =
            self.slowest.iter().map(|Reverse(one)| one.clone()).collect();
        found.sort_by(|a, b| b.cmp(a));
        found
    }

    /// What a queue waited for between two instants: stretches in order, neighbours differ.
    pub fn of_queue(&self, queue: QueueId, from: SimTime, to: SimTime) -> Vec<Stretch> {
        let changes = self.queues.iter().filter(|change| change.queue == queue);
        let changes = changes.map(|change| (change.at, Some(change.cause)));
        stretches(changes, Some(Cause::Busy), from, to)
    }

    /// What a message waited for from its arrival until `to`: lost attempts apart, what its queue
    /// waited for.
    pub fn of_message(
        &self,
        queue: QueueId,
        arrived: SimTime,
        to: SimTime,
        lost: &[(SimTime, SimTime)],
    ) -> Vec<Stretch> {
        let (mut found, mut from) = (Vec::new(), arrived);
        for &(taken, back) in lost {
            let back = back.min(to);
            found.extend(self.of_queue(queue, from, taken));
            if taken < back {
                found.push(Stretch { from: taken, to: back, cause: Cause::Redo });
            }
            from = back;
        }
        found.extend(self.of_queue(queue, from, to));
        found
    }

    /// What a pod waited for, from its creation on.
    pub fn of_pod(&self, pod: PodId, end: SimTime) -> Vec<Stretch> {
        let changes = self.pods.iter().filter(|change| change.pod == pod);
        stretches(changes.map(|change| (change.at, change.cause)), None, SimTime::ZERO, end)
    }
}

/// An unbroken stretch of waiting for one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its start.
    pub from: SimTime,
    /// Its end.
    pub to: SimTime,
    /// What was waited for.
    pub cause: Cause,
}

fn stretches(
    changes: impl Iterator<Item = (SimTime, Option<Cause>)>,
    before: Option<Cause>,
    from: SimTime,
    to: SimTime,
) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let (mut cause, mut since) = (before, from);
    let mut close = |cause: Option<Cause>, since: SimTime, until: SimTime| {
        let (Some(cause), true) = (cause, since < until) else { return };
        match found.last_mut() {
            Some(last) if last.cause == cause && last.to == since => last.to = until,
            _ => found.push(Stretch { from: since, to: until, cause }),
        }
    };
    for (at, next) in changes {
        if at >= to {
            break;
        }
        let at = at.max(from);
        close(cause, since, at);
        (cause, since) = (next, at);
    }
    close(cause, since, to);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: QueueId = QueueId(0);

    fn at(seconds: u64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    fn change(seconds: u64, cause: Cause) -> QueueWait {
        QueueWait { at: at(seconds), queue: QUEUE, cause }
    }

    #[test]
    fn a_message_waited_for_what_its_queue_waited_for() {
        let mut log = WaitLog::default();
        log.queues.push(change(10, Cause::KedaPoll));
        log.queues.push(QueueWait { queue: QueueId(1), ..change(12, Cause::HpaMax) });
        log.queues.push(change(30, Cause::VmProvision));
        log.queues.push(change(90, Cause::Busy));
        let split: Vec<(u64, u64, Cause)> = log
            .of_queue(QUEUE, at(5), at(60))
            .iter()
            .map(|one| (one.from.micros() / 1_000_000, one.to.micros() / 1_000_000, one.cause))
            .collect();
        let expected =
            [(5, 10, Cause::Busy), (10, 30, Cause::KedaPoll), (30, 60, Cause::VmProvision)];
        assert_eq!(split, expected);
    }

    #[test]
    fn a_pod_waits_from_its_creation_until_it_waits_for_nothing() {
        let wait = |seconds, cause| PodWait {
            at: at(seconds),
            pod: PodId(3),
            cause,
            pool: None,
            counted: true,
        };
        let log = WaitLog {
            pods: vec![
                wait(7, Some(Cause::SchedQueue)),
                wait(8, Some(Cause::ImagePull)),
                wait(9, None),
            ],
            ..WaitLog::default()
        };
        let split = log.of_pod(PodId(3), at(100));
        assert_eq!(split.len(), 2);
        assert_eq!((split[0].from, split[1].to), (at(7), at(9)));
    }

    #[test]
    fn lost_attempts_are_told_apart() {
        let mut log = WaitLog::default();
        log.queues.push(change(0, Cause::KedaPoll));
        log.queues.push(change(30, Cause::Busy));
        log.attempt_lost(QUEUE, 7, at(20), at(40));
        log.completed(SlowMessage {
            wait: Duration::from_secs(45),
            number: Reverse(7),
            queue: QUEUE,
            arrived: at(5),
            deliveries: 2,
            lost: Vec::new(),
        });
        let slow = log.slowest().remove(0);
        let split: Vec<(Cause, u64)> = log
            .of_message(QUEUE, slow.arrived, slow.arrived + slow.wait, &slow.lost)
            .iter()
            .map(|one| (one.cause, one.to.since(one.from).as_secs()))
            .collect();
        assert_eq!(split, [(Cause::KedaPoll, 15), (Cause::Redo, 20), (Cause::Busy, 10)]);
    }

    #[test]
    fn only_the_slowest_messages_stay() {
        let mut log = WaitLog::default();
        for number in 0..1_000 {
            let wait = Duration::from_secs(number * 7919 % 1_000);
            log.completed(SlowMessage {
                wait,
                number: Reverse(number),
                queue: QUEUE,
                arrived: at(0),
                deliveries: 1,
                lost: Vec::new(),
            });
        }
        let waits: Vec<u64> =
            log.slowest().iter().map(|one| one.wait.micros() / 1_000_000).collect();
        assert_eq!(waits, (980..1_000).rev().collect::<Vec<u64>>());
    }
}
