//! Consumers of a queue: who takes next, leaving, dying, lost locks, and busy time.

use proptest::prelude::*;

use super::{Consumers, LockRule, Message, QueueKind, QueueSpec, Started, Wake};
use crate::unit::{Duration, PodId, SimTime, Symbols, WorkloadId};

const ORDERS: WorkloadId = WorkloadId(4);

fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

fn rule() -> LockRule {
    let name = Symbols::default().intern("orders");
    LockRule::new(&QueueSpec::new(name, QueueKind::ServiceBus))
}

fn message(ordinal: u64) -> Message {
    Message { ordinal, arrived: at(0), deliveries: 1 }
}

fn start(consumers: &mut Consumers, ordinal: u64, service: u64, now: u64) -> (PodId, Started) {
    let idle = consumers.next_idle().expect("an idle slot");
    let service = Duration::from_secs(service);
    (idle.pod, consumers.start(idle.slot, message(ordinal), service, &rule(), at(now)))
}

fn finish(consumers: &mut Consumers, started: Started) -> Wake {
    consumers.wake(started.slot, started.epoch, started.wake)
}

#[test]
fn the_slot_that_has_been_idle_longest_takes_the_next_message() {
    let mut consumers = Consumers::new();
    for pod in 0..3 {
        consumers.join(PodId(pod), ORDERS, 1, at(u64::from(pod)));
    }
    let (first, one) = start(&mut consumers, 0, 5, 10);
    let (second, _) = start(&mut consumers, 1, 9, 10);
    assert_eq!((first, second), (PodId(0), PodId(1)));
    finish(&mut consumers, one);
    let order: Vec<PodId> = (2..4).map(|i| start(&mut consumers, i, 1, 20).0).collect();
    assert_eq!(order, [PodId(2), PodId(0)]);
    assert!(!consumers.has_idle());
}

#[test]
fn a_leaving_pod_finishes_what_it_holds() {
    let mut consumers = Consumers::new();
    consumers.join(PodId(0), ORDERS, 3, at(0));
    consumers.join(PodId(1), ORDERS, 1, at(0));
    let (_, one) = start(&mut consumers, 0, 5, 0);
    let (_, two) = start(&mut consumers, 1, 7, 0);
    assert_eq!(consumers.leave(PodId(0), at(1)), 2);
    assert_eq!(consumers.idle(), 1, "only the other pod waits");
    assert_eq!(consumers.leave(PodId(0), at(1)), 2, "telling it twice changes nothing");
    for (started, last) in [(one, false), (two, true)] {
        let Wake::Done(done) = finish(&mut consumers, started) else { panic!("it is done") };
        assert_eq!((done.pod, done.pod_is_done), (PodId(0), last));
    }
    assert!(!consumers.is_working(PodId(0)));
    assert_eq!(consumers.idle(), 1);
    let lost = consumers.kill(PodId(0), at(9)).expect("known until it has ended");
    assert_eq!((lost.held.len(), lost.working), (0, 0));
    assert_eq!(consumers.kill(PodId(0), at(9)), None);
    assert_eq!(consumers.leave(PodId(1), at(9)), 0);
    assert_eq!(consumers.next_idle(), None);
}

#[test]
fn a_dead_pod_says_what_it_had_locked_and_its_events_are_stale() {
    let mut consumers = Consumers::new();
    consumers.join(PodId(0), ORDERS, 3, at(0));
    let (_, late) = start(&mut consumers, 8, 50, 2);
    let (_, early) = start(&mut consumers, 7, 50, 3);
    let lost = consumers.kill(PodId(0), at(10)).expect("known");
    let held: Vec<(u64, SimTime)> =
        lost.held.iter().map(|held| (held.message.ordinal, held.taken)).collect();
    assert_eq!(held, [(7, at(3)), (8, at(2))]);
    assert_eq!(lost.working, 2);
    // Another pod gets the same slots.
    consumers.join(PodId(1), ORDERS, 3, at(11));
    for ordinal in 0..3 {
        start(&mut consumers, ordinal, 60, 12);
    }
    for started in [late, early] {
        assert_eq!(finish(&mut consumers, started), Wake::Stale);
    }
}

#[test]
fn work_beyond_the_last_renewal_is_in_vain() {
    let mut consumers = Consumers::new();
    consumers.join(PodId(0), ORDERS, 1, at(0));
    let (_, started) = start(&mut consumers, 0, 1_000, 100);
    assert_eq!(started.wake, at(100 + 310));
    let expected =
        Wake::LockLost { message: message(0), taken: at(100), workload: ORDERS, again: at(1_100) };
    assert_eq!(finish(&mut consumers, started), expected);
    assert_eq!((consumers.held().count(), consumers.is_working(PodId(0))), (0, true));
    let Wake::Done(done) = consumers.wake(started.slot, started.epoch, at(1_100)) else {
        panic!("it is done")
    };
    assert_eq!(done.message, None);
    assert_eq!(consumers.idle(), 1);
}

#[test]
fn a_pod_that_dies_after_losing_its_lock_holds_nothing() {
    let mut consumers = Consumers::new();
    consumers.join(PodId(0), ORDERS, 1, at(0));
    let (_, started) = start(&mut consumers, 0, 1_000, 0);
    finish(&mut consumers, started);
    let lost = consumers.kill(PodId(0), at(500)).expect("known");
    assert_eq!((lost.held.len(), lost.working), (0, 1));
}

#[test]
fn busy_time_is_integrated_per_workload() {
    let mut consumers = Consumers::new();
    consumers.join(PodId(0), ORDERS, 2, at(0));
    let (_, started) = start(&mut consumers, 0, 10, 5);
    let seconds = |(slots, busy): (u128, u128)| (slots / 1_000_000, busy / 1_000_000);
    assert_eq!(seconds(consumers.integrals(ORDERS, at(10))), (20, 5));
    consumers.restart(at(10));
    finish(&mut consumers, started);
    consumers.leave(PodId(0), at(20));
    assert_eq!(seconds(consumers.integrals(ORDERS, at(30))), (20, 5));
    assert_eq!(consumers.integrals(WorkloadId(9), at(30)), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The lists agree with a plain account of pods and their services, whatever happens.
    #[test]
    fn slots_are_conserved(steps in prop::collection::vec((0u8..6, 0usize..16), 1..300)) {
        const SLOTS: u32 = 2;
        let mut consumers = Consumers::new();
        // Pods that are there: (id, leaving), and services: (pod, event).
        let mut pods: Vec<(PodId, bool)> = Vec::new();
        let mut work: Vec<(PodId, Started)> = Vec::new();
        let mut dead: Vec<Started> = Vec::new();
        let (mut next_pod, mut now) = (0, 0);
        for (step, choice) in steps {
            now += 1;
            match step {
                0 => {
                    consumers.join(PodId(next_pod), ORDERS, SLOTS, at(now));
                    pods.push((PodId(next_pod), false));
                    next_pod += 1;
                }
                1 | 2 if consumers.has_idle() => {
                    let (pod, started) = start(&mut consumers, u64::from(step), 100, now);
                    prop_assert!(pods.contains(&(pod, false)), "a leaving pod takes nothing");
                    work.push((pod, started));
                }
                3 if !work.is_empty() => {
                    let (pod, started) = work.swap_remove(choice % work.len());
                    let Wake::Done(done) =
                        consumers.wake(started.slot, started.epoch, started.wake)
                    else { panic!("not stale") };
                    let more = work.iter().any(|(other, _)| *other == pod);
                    prop_assert_eq!(done.pod, pod);
                    prop_assert_eq!(done.pod_is_done, !more && pods.contains(&(pod, true)));
                }
                4 if !pods.is_empty() => {
                    let i = choice % pods.len();
                    let pod = &mut pods[i];
                    pod.1 = true;
                    let own = work.iter().filter(|(other, _)| *other == pod.0).count();
                    prop_assert_eq!(consumers.leave(pod.0, at(now)) as usize, own);
                }
                5 if !pods.is_empty() => {
                    let (pod, _) = pods.swap_remove(choice % pods.len());
                    let lost = consumers.kill(pod, at(now)).expect("known");
                    let (own, rest): (Vec<_>, Vec<_>) =
                        work.into_iter().partition(|(other, _)| *other == pod);
                    prop_assert_eq!(lost.held.len(), own.len());
                    dead.extend(own.into_iter().map(|(_, started)| started));
                    work = rest;
                }
                _ => {}
            }
            let staying = pods.iter().filter(|(_, leaving)| !leaving);
            let at_work = work.iter().filter(|(pod, _)| pods.contains(&(*pod, false)));
            let idle = staying.count() * SLOTS as usize - at_work.count();
            prop_assert_eq!(consumers.idle() as usize, idle);
            let crew = consumers.crew(ORDERS);
            prop_assert_eq!(crew.slots as usize, idle + work.len());
            prop_assert_eq!(crew.busy as usize, work.len());
            prop_assert_eq!(consumers.held().count(), work.len());
        }
        for started in dead {
            prop_assert_eq!(consumers.wake(started.slot, started.epoch, started.wake), Wake::Stale);
        }
    }
}
