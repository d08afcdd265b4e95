//! One message queue: order, redelivery, dead letters, what counts, and conservation.

use proptest::prelude::*;

use super::{Fate, Message, MessageQueue, QueueKind, QueueSpec};
use crate::unit::{Duration, SimTime, Symbols};

fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

fn spec() -> QueueSpec {
    QueueSpec::new(Symbols::default().intern("orders"), QueueKind::ServiceBus)
}

fn queue_of(arrivals: u64) -> MessageQueue {
    let mut queue = MessageQueue::new(&spec(), SimTime::ZERO);
    (0..arrivals).for_each(|second| {
        queue.arrive(at(second));
    });
    queue
}

fn taken_ordinals(queue: &mut MessageQueue) -> Vec<u64> {
    std::iter::from_fn(|| queue.take().map(|message| message.ordinal)).collect()
}

#[test]
fn messages_leave_in_the_order_of_their_arrival() {
    let mut queue = queue_of(3);
    let first = queue.take().expect("a message");
    assert_eq!(first, Message { ordinal: 0, arrived: at(0), deliveries: 1 });
    assert_eq!((queue.waiting(), queue.held(), queue.metric(at(0))), (2, 1, 3));
    assert_eq!(queue.oldest_waiting(), Some(at(1)));
    assert_eq!(taken_ordinals(&mut queue), [1, 2]);
    assert_eq!(queue.oldest_waiting(), None);
}

#[test]
fn what_comes_back_goes_to_its_old_place() {
    let mut queue = queue_of(4);
    let taken: Vec<Message> = (0..3).filter_map(|_| queue.take()).collect();
    // The youngest comes back first; the oldest is taken first all the same.
    for message in taken.iter().rev() {
        assert_eq!(queue.release(*message, at(10), at(20)), Fate::Waits);
    }
    assert_eq!(queue.oldest_waiting(), Some(at(0)));
    let again = queue.take().expect("a message");
    assert_eq!((again.ordinal, again.deliveries), (0, 2));
    assert_eq!(taken_ordinals(&mut queue), [1, 2, 3]);
    assert_eq!(queue.tally().counted_redelivered, 3);
    assert_eq!(queue.tally().counted_redo_micros, 3 * 10_000_000);
}

#[test]
fn a_dead_consumer_keeps_its_message_until_the_lock_runs_out() {
    let mut queue = queue_of(2);
    let (first, second) = (queue.take().expect("one"), queue.take().expect("two"));
    assert_eq!(queue.orphan(second, at(5), at(20)), at(65));
    assert_eq!(queue.orphan(first, at(10), at(65)), at(120), "renewed at 60 s");
    assert_eq!(
        (queue.waiting(), queue.held(), queue.orphaned(), queue.metric(at(0))),
        (0, 0, 2, 2)
    );
    assert_eq!(queue.next_expiry(), Some(at(65)));
    assert_eq!(queue.expire(at(64)), None);
    assert_eq!(queue.redo_micros(at(64)), (59 + 54) * 1_000_000);
    assert_eq!(queue.expire(at(65)), Some((second, Fate::Waits)));
    assert_eq!(queue.expire(at(65)), None);
    assert_eq!(queue.next_expiry(), Some(at(120)));
    assert_eq!(taken_ordinals(&mut queue), [1]);
    assert!(queue.is_conserved() && !queue.is_drained());
}

#[test]
fn too_many_deliveries_end_in_the_dead_letter_queue() {
    let mut spec = spec();
    spec.max_deliveries = 2;
    let mut queue = MessageQueue::new(&spec, SimTime::ZERO);
    queue.arrive(at(0));
    for (delivery, fate) in [(1, Fate::Waits), (2, Fate::DeadLettered)] {
        let message = queue.take().expect("a message");
        assert_eq!(message.deliveries, delivery);
        assert_eq!(queue.release(message, at(1), at(1)), fate);
    }
    assert_eq!(queue.tally().dead_lettered, 1);
    assert!(queue.is_drained() && queue.is_conserved());
}

#[test]
fn a_metric_of_visible_messages_leaves_out_the_locked() {
    let mut spec = spec();
    spec.metric_counts_locked = false;
    let mut queue = MessageQueue::new(&spec, SimTime::ZERO);
    (0..3).for_each(|second| {
        queue.arrive(at(second));
    });
    queue.take();
    assert_eq!(queue.metric(at(0)), 2);
}

#[test]
fn what_arrived_during_warm_up_does_not_count() {
    let mut queue = MessageQueue::new(&spec(), at(2));
    (0..4).for_each(|second| {
        queue.arrive(at(second));
    });
    queue.reject(at(1));
    queue.reject(at(3));
    assert_eq!((queue.waiting(), queue.counted_waiting()), (4, 2));
    for _ in 0..3 {
        let message = queue.take().expect("a message");
        queue.complete(message);
    }
    let tally = queue.tally();
    assert_eq!((tally.arrived, tally.counted_arrived), (4, 2));
    assert_eq!((tally.completed, tally.counted_completed), (3, 1));
    assert_eq!((tally.rejected, tally.counted_rejected), (2, 1));
    assert_eq!(queue.counted_waiting(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens, each message is in one place, is delivered no more than it may be, and the
    /// lowest ordinal that waits is taken first.
    #[test]
    fn messages_are_conserved(
        steps in prop::collection::vec((0u8..6, 0u64..40, 0usize..8), 1..400),
    ) {
        let mut spec = spec();
        (spec.max_deliveries, spec.lock) = (3, Duration::from_secs(30));
        let mut queue = MessageQueue::new(&spec, at(100));
        let mut held: Vec<(Message, SimTime)> = Vec::new();
        let mut waiting: Vec<u64> = Vec::new();
        let (mut now, mut done, mut dead) = (SimTime::ZERO, 0, 0);
        for (step, wait, choice) in steps {
            now += Duration::from_secs(wait);
            while let Some((message, fate)) = queue.expire(now) {
                if fate == Fate::Waits { waiting.push(message.ordinal) } else { dead += 1 }
            }
            let chosen = (!held.is_empty()).then(|| choice % held.len().max(1));
            match (step, chosen) {
                (0 | 1, _) => waiting.push(queue.arrive(now)),
                (2, _) => {
                    let first = waiting.iter().copied().min();
                    prop_assert_eq!(queue.take().map(|message| {
                        held.push((message, now));
                        message.ordinal
                    }), first);
                    waiting.retain(|&ordinal| Some(ordinal) != first);
                }
                (3, Some(i)) => {
                    queue.complete(held.swap_remove(i).0);
                    done += 1;
                }
                (4, Some(i)) => {
                    let (message, taken) = held.swap_remove(i);
                    match queue.release(message, taken, now) {
                        Fate::Waits => waiting.push(message.ordinal),
                        Fate::DeadLettered => dead += 1,
                    }
                }
                (5, Some(i)) => {
                    let (message, taken) = held.swap_remove(i);
                    prop_assert!(queue.orphan(message, taken, now) >= now);
                }
                _ => {}
            }
            prop_assert!(queue.is_conserved());
            prop_assert!(held.iter().all(|(message, _)| message.deliveries <= 3));
            prop_assert_eq!(queue.held(), held.len() as u64);
            prop_assert_eq!(queue.waiting(), waiting.len() as u64);
            prop_assert!(queue.counted_waiting() <= queue.waiting());
            prop_assert_eq!((queue.tally().completed, queue.tally().dead_lettered), (done, dead));
        }
    }
}
