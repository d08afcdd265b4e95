//! Sessions and partitions: order, who works on what, and what is read again.

use super::{LaneKind, LaneSpec, Message, MessageQueue, PartitionOffsets, QueueKind, QueueSpec};
use crate::unit::{Duration, SimTime, Symbols};

fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

fn queue(count: u32, kind: LaneKind) -> MessageQueue {
    let product = match kind {
        LaneKind::Sessions => QueueKind::ServiceBus,
        LaneKind::Partitions { .. } => QueueKind::Kafka,
    };
    let lanes = Some(LaneSpec { count, skew: 0.0, kind });
    let name = Symbols::default().intern("orders");
    let spec = QueueSpec { lanes, ..QueueSpec::new(name, product) };
    MessageQueue::new(&spec, SimTime::ZERO).with_lanes(&spec, 7, 11)
}

const fn partitions(eager: bool) -> LaneKind {
    LaneKind::Partitions {
        eager,
        pause: Duration::from_secs(5),
        commit_every: Duration::from_secs(10),
        new_group: false,
    }
}

/// All of these slots are idle.
fn take(queue: &mut MessageQueue, now: u64, idle: &[u32]) -> Option<(u32, Message)> {
    queue.take_in_lane(at(now), |slot| idle.contains(&slot), idle.first().copied())
}

fn done(queue: &mut MessageQueue, slot: u32, message: Message, now: u64) {
    queue.slot_done(Some(message), slot, at(now));
    queue.complete(message);
}

#[test]
fn a_session_is_one_consumers_work_in_order() {
    let mut queue = queue(1, LaneKind::Sessions);
    for second in 0..3 {
        queue.arrive(at(second));
    }
    let (slot, first) = take(&mut queue, 3, &[4, 5]).expect("work");
    assert_eq!((slot, first.ordinal), (4, 0));
    assert_eq!(take(&mut queue, 3, &[5]), None, "the session is held");
    done(&mut queue, 4, first, 4);
    let (slot, second) = take(&mut queue, 4, &[5, 4]).expect("more");
    assert_eq!((slot, second.ordinal), (4, 1), "its consumer goes on");
    // Its consumer dies: nobody goes on before the lock has run out.
    let expiry = queue.orphan(second, at(4), at(10));
    queue.lanes_mut().expect("lanes").leave(&[4], Some(expiry), at(10));
    assert_eq!(take(&mut queue, 10, &[5]), None);
    assert!(queue.expire(expiry).is_some());
    let (slot, again) = take(&mut queue, expiry.as_secs_f64() as u64, &[5]).expect("it is back");
    assert_eq!((slot, again.ordinal, again.deliveries), (5, 1, 2));
    assert!(queue.is_conserved());
}

#[test]
fn many_sessions_keep_many_consumers_busy() {
    let mut queue = queue(1_000, LaneKind::Sessions);
    for second in 0..50 {
        queue.arrive(at(second));
    }
    let mut idle: Vec<u32> = (0..30).collect();
    while let Some((slot, _)) = take(&mut queue, 60, &idle) {
        idle.retain(|&other| other != slot);
    }
    assert!(idle.is_empty(), "{idle:?} found no session");
    assert_eq!((queue.held(), queue.waiting()), (30, 20));
}

#[test]
fn partitions_are_dealt_out_evenly_and_stand_still_while_they_move() {
    for (eager, moved) in [(true, 6), (false, 3)] {
        let mut queue = queue(6, partitions(eager));
        for second in 0..600 {
            queue.arrive(at(second));
        }
        let lanes = queue.lanes_mut().expect("lanes");
        assert_eq!(lanes.rebalance(&[0], at(0)), at(0), "the first deal takes no time");
        assert_eq!(lanes.rebalance(&[0, 1], at(700)), at(705));
        lanes.touch_all();
        let mut idle = vec![0, 1];
        let mut found = 0;
        while let Some((slot, _)) = take(&mut queue, 701, &idle) {
            idle.retain(|&other| other != slot);
            found += 1;
        }
        assert_eq!(found, usize::from(!eager), "eager {eager}: {moved} of 6 stand still");
        queue.lanes_mut().expect("lanes").touch_all();
        assert!(take(&mut queue, 705, &[1]).is_some(), "the new consumer has its share");
    }
}

#[test]
fn what_was_not_committed_is_read_again() {
    let mut queue = queue(1, partitions(true));
    for _ in 0..4 {
        queue.arrive(at(0));
    }
    queue.lanes_mut().expect("lanes").rebalance(&[0], at(0));
    for now in [8, 9, 11] {
        let (slot, message) = take(&mut queue, now, &[0]).expect("in order");
        done(&mut queue, slot, message, now);
    }
    assert_eq!(queue.metric(at(11)), 2, "one waits, one is done since the commit at 10 s");
    assert_eq!(queue.metric(at(20)), 1, "committed");
    // Killed at 15 s, before that commit.
    let lanes = queue.lanes_mut().expect("lanes");
    assert!(lanes.leave(&[0], Some(at(60)), at(15)));
    assert_eq!(queue.metric(at(20)), 2);
    let lanes = queue.lanes_mut().expect("lanes");
    lanes.rebalance(&[1], at(60));
    lanes.touch_all();
    let (_, again) = take(&mut queue, 65, &[1]).expect("the lost commit first");
    assert!(again.is_read_again());
    queue.slot_done(Some(again), 1, at(66));
    let (_, last) = take(&mut queue, 66, &[1]).expect("then what is new");
    assert_eq!((last.ordinal, last.deliveries), (3, 1));
    done(&mut queue, 1, last, 67);
    assert_eq!((queue.tally().completed, queue.tally().counted_redelivered), (4, 1));
    assert!(queue.is_conserved() && queue.is_drained());
}

#[test]
fn the_lags_of_partitions_add_up_to_the_metric() {
    let mut queue = queue(3, partitions(true));
    for second in 0..12 {
        queue.arrive(at(second));
    }
    let lag = |each: PartitionOffsets| each.end - each.committed.expect("an old group");
    let sum = |queue: &MessageQueue, now| {
        queue.lanes().expect("lanes").offsets(at(now)).map(lag).sum::<u64>()
    };
    queue.lanes_mut().expect("lanes").rebalance(&[0, 1, 2], at(12));
    assert_eq!(sum(&queue, 12), 12);
    let (slot, first) = take(&mut queue, 21, &[0, 1, 2]).unwrap();
    assert_eq!(sum(&queue, 21), queue.metric(at(21)));
    done(&mut queue, slot, first, 22);
    assert_eq!((sum(&queue, 22), queue.metric(at(22))), (12, 12));
    assert_eq!((sum(&queue, 30), queue.metric(at(30))), (11, 11));
}

#[test]
fn a_new_group_has_offsets_once_a_consumer_has_committed() {
    let kind = LaneKind::Partitions {
        eager: false,
        pause: Duration::from_secs(5),
        commit_every: Duration::from_secs(10),
        new_group: true,
    };
    let mut queue = queue(2, kind);
    queue.arrive(at(1));
    let committed = |queue: &MessageQueue, now: u64| -> Vec<Option<u64>> {
        queue.lanes().expect("lanes").offsets(at(now)).map(|each| each.committed).collect()
    };
    assert_eq!(committed(&queue, 1_000), [None, None], "nobody has read");
    let lanes = queue.lanes_mut().expect("lanes");
    assert_eq!(lanes.rebalance(&[7], at(12)), at(17));
    assert_eq!(lanes.next_first_offset(at(12)), at(20));
    assert_eq!(committed(&queue, 19), [None, None]);
    assert_eq!(committed(&queue, 20), [Some(0), Some(0)], "at its first commit");
    // A consumer that is lost before has committed nothing; one that leaves commits as it goes.
    let lanes = queue.lanes_mut().expect("lanes");
    lanes.leave(&[7], Some(at(60)), at(18));
    assert_eq!(lanes.next_first_offset(at(18)), SimTime::NEVER);
    lanes.rebalance(&[8], at(60));
    lanes.leave(&[8], None, at(61));
    assert_eq!(committed(&queue, 61), [Some(0), Some(0)]);
}
