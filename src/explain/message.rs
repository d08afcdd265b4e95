//! A message: from its arrival over each attempt to its completion.

use std::collections::BTreeMap;

use super::book::{Book, NameError};
use super::cause::Of;
use super::pod::{part, pool_at, said, span, wait_line};
use super::telling::{Line, Part, Telling};
use crate::record::{MessageEvent, MessageStep, Object, Outcome, Stretch};
use crate::report::percent;
use crate::unit::{PodId, QueueId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// The chain of a message that was watched.
///
/// # Errors
/// If it never arrived.
pub fn message(book: &Book<'_>, queue: QueueId, number: u64) -> Result<Telling, NameError> {
    let steps: Vec<&MessageStep> = book
        .seen
        .steps
        .iter()
        .filter(|step| step.queue == queue && step.number == number)
        .collect();
    let arrived = steps.iter().find(|step| step.what == MessageEvent::Arrived);
    let Some(arrived) = arrived.map(|step| step.at) else {
        return Err(NameError::NoMessage {
            queue: book.queue_name(queue),
            arrived: book.outcome.queue_arrivals.get(queue.0 as usize).copied().unwrap_or(0),
            number,
        });
    };
    let stretches = split_of(book.outcome, queue, &steps, book.outcome.end);
    let waited_until = stretches.last().map_or(arrived, |last| last.to);
    let mut lines: Vec<Line> = steps.iter().map(|step| step_line(book, step)).collect();
    lines.extend(orders(book, queue, arrived, waited_until));
    lines.extend(stretches.iter().flat_map(|stretch| stretch_lines(book, queue, stretch)));
    lines.sort_by_key(|line| line.at);
    let parts: Vec<Part> = stretches.iter().map(part).collect();
    let name = book.queue_name(queue);
    let counted = arrived >= book.outcome.warmup;
    let mut telling = Telling {
        title: format!("message {number} of queue {name}"),
        facts: if counted { Vec::new() } else { vec!["not counted: it came in warm-up".into()] },
        lines,
        parts,
        whole: whole(&steps),
        verdict: Vec::new(),
    };
    telling.verdict = verdict(&telling, &steps);
    Ok(telling)
}

/// What a message waited for: lost attempts apart, what its queue waited for (contract §5).
pub fn split_of(
    outcome: &Outcome,
    queue: QueueId,
    steps: &[&MessageStep],
    end: SimTime,
) -> Vec<Stretch> {
    let Some(first) = steps.first() else { return Vec::new() };
    let (mut lost, mut taken, mut until) = (Vec::new(), None, end);
    for step in steps {
        match step.what {
            MessageEvent::Taken { .. } => {
                taken = Some(step.at);
                until = step.at;
            }
            MessageEvent::Back => {
                lost.extend(taken.take().map(|from| (from, step.at)));
                until = end;
            }
            MessageEvent::Orphaned { .. } => until = end,
            MessageEvent::DeadLettered => {
                lost.extend(taken.take().map(|from| (from, step.at)));
                until = step.at;
            }
            MessageEvent::Expired => until = step.at,
            MessageEvent::Arrived
            | MessageEvent::Abandoned
            | MessageEvent::LockLost
            | MessageEvent::Completed => {}
        }
    }
    // Still locked by a consumer that is gone: the attempt is lost, and nobody has it back yet.
    let orphaned =
        matches!(steps.last(), Some(step) if matches!(step.what, MessageEvent::Orphaned { .. }));
    if orphaned {
        lost.extend(taken.map(|from| (from, end)));
    }
    outcome.waits.of_message(queue, first.at, until, &lost)
}

fn step_line(book: &Book<'_>, step: &MessageStep) -> Line {
    let lock = book.plan.queues[step.queue].lock;
    let (who, what) = match step.what {
        MessageEvent::Arrived => ("queue".to_owned(), "the message arrives".to_owned()),
        MessageEvent::Taken { pod, delivery } => {
            let again = if delivery > 1 { format!(", delivery {delivery}") } else { String::new() };
            let who = book.pod_name(pod);
            (who, format!("takes the message and begins to work on it{again}"))
        }
        MessageEvent::Orphaned { until } => (
            "queue".to_owned(),
            format!(
                "its consumer is gone; the message stays locked until {} (lockDuration {lock})",
                book.clock(until)
            ),
        ),
        MessageEvent::Abandoned => {
            ("consumer".to_owned(), "gives the message back as it is told to stop".to_owned())
        }
        MessageEvent::LockLost => (
            "queue".to_owned(),
            "the lock runs out while the consumer still works; the work is lost".to_owned(),
        ),
        MessageEvent::Back => ("queue".to_owned(), "the message can be taken again".to_owned()),
        MessageEvent::DeadLettered => (
            "queue".to_owned(),
            "it was delivered maxDeliveryCount times: dead-lettered".to_owned(),
        ),
        MessageEvent::Expired => {
            ("queue".to_owned(), "its time to live is over: it is dropped".to_owned())
        }
        MessageEvent::Completed => ("consumer".to_owned(), "the message is completed".to_owned()),
    };
    Line::new(step.at, who, what)
}

/// The line of a stretch, and what was said of the pod that it waited for.
fn stretch_lines(book: &Book<'_>, queue: QueueId, stretch: &Stretch) -> Vec<Line> {
    let nearest = furthest_pods(book, queue, std::slice::from_ref(stretch));
    let pod = nearest.first().copied();
    let consumers = consumers_of(book, queue);
    let workload = pod.and_then(|pod| book.owner(pod)).or(consumers.first().copied());
    let pool = pod.and_then(|pod| pool_at(book, pod, stretch.from));
    let of = Of { workload, pool, queue: Some(queue) };
    let whose = pod.map_or(String::new(), |pod| {
        format!("{}, of its consumers the furthest on its way, ", book.pod_name(pod))
    });
    let mut lines = pod.map_or_else(Vec::new, |pod| said(book, pod, stretch.from, stretch.to));
    lines.push(wait_line(book, stretch, of, &whose));
    lines
}

fn consumers_of(book: &Book<'_>, queue: QueueId) -> Vec<WorkloadId> {
    let all = book.plan.workloads.enumerate();
    all.filter(|(_, spec)| spec.consumes.as_ref().is_some_and(|own| own.queue == queue))
        .map(|(id, _)| id)
        .collect()
}

/// For each stretch in which a pod's own stage was the queue's cause: that pod, the oldest of them.
pub fn furthest_pods(book: &Book<'_>, queue: QueueId, stretches: &[Stretch]) -> Vec<PodId> {
    let consumers = consumers_of(book, queue);
    let mine = |pod: PodId| book.owner(pod).is_some_and(|owner| consumers.contains(&owner));
    let mut found = Vec::new();
    let mut now: BTreeMap<PodId, Cause> = BTreeMap::new();
    let mut changes = book.outcome.waits.pods.iter().peekable();
    for stretch in stretches {
        while let Some(change) = changes.next_if(|change| change.at <= stretch.from) {
            match change.cause {
                Some(cause) if mine(change.pod) => {
                    now.insert(change.pod, cause);
                }
                _ => {
                    now.remove(&change.pod);
                }
            }
        }
        let pod = now.iter().find(|(_, cause)| **cause == stretch.cause).map(|(pod, _)| *pod);
        found.extend(pod);
    }
    found
}

/// Who changed the number of consumers while the message waited.
fn orders(book: &Book<'_>, queue: QueueId, from: SimTime, to: SimTime) -> Vec<Line> {
    let consumers = consumers_of(book, queue);
    let theirs = |object: Object| match object {
        Object::Workload(workload) => consumers.contains(&workload),
        _ => false,
    };
    book.grouped_lines(book.entries(from, to).filter(|entry| theirs(entry.object)))
}

fn whole(steps: &[&MessageStep]) -> String {
    let end = match steps.last().map(|step| step.what) {
        Some(MessageEvent::Completed) => "to the start of the service that completed it",
        Some(MessageEvent::DeadLettered) => "until it was dead-lettered",
        Some(MessageEvent::Expired) => "until it was dropped",
        Some(MessageEvent::Taken { .. }) => "to its last start of service (not done at the end)",
        _ => "to the end of the run, still waiting",
    };
    format!("from arrival {end}")
}

fn verdict(telling: &Telling, steps: &[&MessageStep]) -> Vec<String> {
    let mut said = Vec::new();
    let totals = telling.totals();
    if let Some(&(cause, most)) = totals.first() {
        let share = percent(most as f64 / telling.total().max(1) as f64);
        let meaning = cause.meaning();
        said.push(format!("Most of its waiting ({share}) is {}: {meaning}.", cause.name()));
        if cause == Cause::Busy {
            said.push("More nodes would not have helped it.".to_owned());
        }
    } else {
        said.push("It did not wait.".to_owned());
    }
    let attempts = steps.iter().filter(|step| matches!(step.what, MessageEvent::Taken { .. }));
    let attempts = attempts.count();
    let service = steps.iter().rev().find_map(|step| match step.what {
        MessageEvent::Taken { pod, .. } => Some((step.at, pod)),
        _ => None,
    });
    let done = steps.iter().find(|step| step.what == MessageEvent::Completed);
    if let (Some((started, _)), Some(done)) = (service, done) {
        let worked = span(done.at.since(started).micros());
        let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        said.push(format!("It was taken {times}; the last attempt took {worked}."));
    }
    said
}
