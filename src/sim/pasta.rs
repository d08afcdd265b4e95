//! Poisson arrivals see time averages (Wolff 1982), watched by `--audit`.
//!
//! Arrivals that find no consumer idle, less the arrivals expected while none is, are a martingale
//! whatever the consumers do, as long as nothing looks into the future; its variance is the
//! expectation itself (Brémaud 1981, chapter II). So the rule holds for every queue whose arrivals
//! are Poisson, at any rate that is known in advance, with servers that come and go.

use crate::demand::ExpectedArrivals;
use crate::plan::{ArrivalSpec, Plan};
use crate::queue::Consumers;
use crate::unit::{IdVec, QueueId, SimTime};

/// What is seen of each queue; `None`: its arrivals are recorded ones.
pub struct Pasta {
    queues: IdVec<QueueId, Option<Watched>>,
    /// When arrivals stop.
    end: SimTime,
}

#[derive(Default)]
struct Watched {
    flows: Vec<ExpectedArrivals>,
    /// No consumer is idle.
    busy: bool,
    /// Since then.
    since: SimTime,
    /// Arrivals expected while none was idle.
    expected: f64,
    /// Arrivals that found none idle.
    seen: u64,
}

impl Watched {
    /// Expected arrivals up to an instant.
    fn until(&self, at: SimTime) -> f64 {
        self.flows.iter().map(|flow| flow.until(at)).sum()
    }

    fn settle(&mut self, now: SimTime) {
        if self.busy {
            self.expected += self.until(now) - self.until(self.since);
        }
        self.since = now;
    }
}

impl Pasta {
    /// Watches the queues of a plan whose arrivals are Poisson.
    pub fn new(plan: &Plan) -> Self {
        let mut queues: IdVec<QueueId, Option<Watched>> = plan
            .queues
            .iter()
            .map(|_| Some(Watched { busy: true, ..Watched::default() }))
            .collect();
        for stream in plan.streams.iter() {
            let ArrivalSpec::Messages { queue, source } = stream else { continue };
            match (&mut queues[*queue], source.is_poisson()) {
                (Some(watched), true) => watched.flows.push(ExpectedArrivals::new(source)),
                (watched, _) => *watched = None,
            }
        }
        Self { queues, end: plan.end() }
    }

    /// A message arrives: it sees the queue as it was left.
    pub fn arrives(&mut self, queue: QueueId) {
        if let Some(watched) = &mut self.queues[queue] {
            watched.seen += u64::from(watched.busy);
        }
    }

    /// The queues after an event.
    pub fn look(&mut self, consumers: &IdVec<QueueId, Consumers>, now: SimTime) {
        for (watched, consumers) in self.queues.iter_mut().zip(consumers.iter()) {
            let Some(watched) = watched else { continue };
            let busy = !consumers.has_idle();
            if busy != watched.busy {
                watched.settle(now.min(self.end));
                watched.busy = busy;
            }
        }
    }

    /// # Panics
    /// If arrivals of a queue do not see what time sees: one run in a million may by chance.
    pub fn check(&mut self) {
        for (number, watched) in self.queues.iter_mut().enumerate() {
            let Some(watched) = watched else { continue };
            watched.settle(self.end);
            let (seen, expected) = (watched.seen as f64, watched.expected);
            assert!(
                (seen - expected).abs() <= bound(expected),
                "{seen} arrivals of queue {} found no idle consumer, {expected:.1} are expected",
                number
            );
        }
    }
}

/// Five standard deviations of a Poisson number, and a few more for the tail of small ones.
fn bound(expected: f64) -> f64 {
    6.0 + 5.0 * expected.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::SourceSpec;
    use crate::unit::{PodId, WorkloadId};

    /// One arrival a second expected; a consumer that is busy every other second, and arrivals at
    /// these times.
    fn watched(arrivals: impl Iterator<Item = u64>) -> Pasta {
        let source = SourceSpec::Poisson { rate: 1.0 };
        let flows = vec![ExpectedArrivals::new(&source)];
        let first = Watched { flows, busy: true, ..Watched::default() };
        let queues = [Some(first)].into_iter().collect();
        let mut pasta = Pasta { queues, end: SimTime::from_secs(2_000) };
        let line = || [Consumers::new()].into_iter().collect::<IdVec<QueueId, Consumers>>();
        let (mut idle, busy) = (line(), line());
        idle[QueueId(0)].join(PodId(0), WorkloadId(0), 1, SimTime::ZERO);
        let mut arrivals = arrivals.peekable();
        for second in 0..2_000 {
            let state = if second % 2 == 0 { &busy } else { &idle };
            pasta.look(state, SimTime::from_secs(second));
            while arrivals.next_if_eq(&second).is_some() {
                pasta.arrives(QueueId(0));
            }
        }
        pasta
    }

    #[test]
    fn arrivals_that_come_whatever_the_state_see_what_time_sees() {
        watched(0..2_000).check();
    }

    #[test]
    #[should_panic(expected = "found no idle consumer, 1000.0 are expected")]
    fn arrivals_that_know_the_state_are_found_out() {
        // As many, but more of them while the consumer is busy.
        watched((0..2_000).map(|n| if n % 10 == 1 { n + 1 } else { n })).check();
    }
}
