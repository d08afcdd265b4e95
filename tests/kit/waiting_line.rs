//! A small simulation of one queue with a fixed number of servers, made of the library's own parts:
//! arrivals, queue, consumers, event queue. It is what closed forms are compared with.

use forescale::chance::{Dist, Purpose};
use forescale::demand::{ArrivalStream, SourceSpec};
use forescale::engine::EventQueue;
use forescale::queue::{Consumers, MessageQueue, QueueKind, QueueSpec, QueueTally, Wake};
use forescale::record::Distribution;
use forescale::unit::{PodId, SimTime, Symbols, WorkloadId};

const WORKLOAD: WorkloadId = WorkloadId(0);

/// What is simulated.
pub struct WaitingLine {
    /// Arrivals.
    pub source: SourceSpec,
    /// Work per message.
    pub service: Dist,
    /// Servers, one message at a time each.
    pub servers: u32,
    /// Arrivals are lost when all servers are busy.
    pub reject_when_full: bool,
    /// What arrives before this does not count.
    pub warmup: SimTime,
    /// Arrivals end; the line then empties.
    pub end: SimTime,
}

/// What was seen.
pub struct Seen {
    /// Arrival to start of service.
    pub wait: Distribution,
    /// Arrival to completion.
    pub sojourn: Distribution,
    /// Those that did not start at once.
    pub waited: u64,
    /// Totals of the queue.
    pub tally: QueueTally,
    /// Share of the servers' time at work in [warmup, end).
    pub busy_share: f64,
    /// Depth integrated over time while the line was open and until it was empty, microseconds.
    pub depth_micros: u128,
}

#[derive(Clone, Copy)]
struct ServiceEnds {
    slot: u32,
    epoch: u32,
}

impl WaitingLine {
    /// Poisson arrivals at `rate` per second, `messages` of them on average, a tenth as warm-up.
    pub fn poisson(rate: f64, service: Dist, servers: u32, messages: u64) -> Self {
        let end = SimTime::from_micros((messages as f64 / rate * 1e6) as u64);
        let warmup = SimTime::from_micros(end.micros() / 10);
        let source = SourceSpec::Poisson { rate };
        Self { source, service, servers, reject_when_full: false, warmup, end }
    }

    /// One run.
    pub fn run(&self, seed: u64) -> Seen {
        let spec = QueueSpec::new(Symbols::default().intern("line"), QueueKind::Kafka);
        let mut queue = MessageQueue::new(&spec, self.warmup);
        let mut consumers = Consumers::new();
        let mut events: EventQueue<ServiceEnds> = EventQueue::new();
        let mut arrivals = ArrivalStream::new(&self.source, seed, 1, self.end);
        (0..self.servers).for_each(|pod| consumers.join(PodId(pod), WORKLOAD, 1, SimTime::ZERO));
        let mut seen = Seen {
            wait: Distribution::default(),
            sojourn: Distribution::default(),
            waited: 0,
            tally: QueueTally::default(),
            busy_share: 0.0,
            depth_micros: 0,
        };
        let (mut now, mut window) = (SimTime::ZERO, [Some(self.warmup), Some(self.end)]);
        loop {
            let ends = events.peek().map(|(at, _)| at);
            let arrives = arrivals.peek();
            let Some(next) = [ends, arrives].into_iter().flatten().min() else { break };
            self.measure_window(&mut window, next, &mut consumers, &mut seen);
            seen.depth_micros += u128::from(queue.waiting()) * u128::from((next - now).micros());
            now = next;
            if arrives == Some(now) {
                arrivals.advance();
                if self.reject_when_full && !consumers.has_idle() {
                    queue.reject(now);
                    continue;
                }
                queue.arrive(now);
            } else if let Some((_, event)) = events.pop()
                && let Wake::Done(done) = consumers.wake(event.slot, event.epoch, now)
                && let Some(message) = done.message
            {
                queue.complete(message);
                if queue.counts(message.arrived) {
                    seen.sojourn.add(now - message.arrived);
                    seen.wait.add(done.started - message.arrived);
                    seen.waited += u64::from(done.started > message.arrived);
                }
            }
            self.serve(seed, now, &mut queue, &mut consumers, &mut events);
        }
        self.measure_window(&mut window, SimTime::NEVER, &mut consumers, &mut seen);
        assert!(queue.is_conserved() && queue.is_drained());
        seen.tally = *queue.tally();
        seen
    }

    fn serve(
        &self,
        seed: u64,
        now: SimTime,
        queue: &mut MessageQueue,
        consumers: &mut Consumers,
        events: &mut EventQueue<ServiceEnds>,
    ) {
        while let Some(idle) = consumers.next_idle() {
            let Some(message) = queue.take() else { break };
            let service = self.service.sample_keyed(seed, Purpose::Service, 1, message.ordinal);
            let started = consumers.start(idle.slot, message, service, queue.rule(), now);
            let event = ServiceEnds { slot: started.slot, epoch: started.epoch };
            events.push(started.wake, 0, event);
        }
    }

    /// Reads the busy time when the window opens and when it closes.
    fn measure_window(
        &self,
        window: &mut [Option<SimTime>; 2],
        next: SimTime,
        consumers: &mut Consumers,
        seen: &mut Seen,
    ) {
        if let Some(opens) = window[0].take_if(|opens| next >= *opens) {
            consumers.restart(opens);
        }
        if let Some(closes) = window[1].take_if(|closes| next >= *closes) {
            let (slots, busy) = consumers.integrals(WORKLOAD, closes);
            seen.busy_share = busy as f64 / slots as f64;
        }
    }
}
