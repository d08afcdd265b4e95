//! A sorted stream of arrivals. Only its head is ever in the event queue.

use std::sync::Arc;

use super::{SourceSpec, TraceCounts};
use crate::chance::{Purpose, Stream, maths};
use crate::unit::{Duration, MICROS_PER_SECOND, SimTime};

/// The arrivals of one source, ascending, up to the end of the run. Nothing is allocated per
/// arrival; streams with different keys never share a draw.
#[derive(Clone, Debug)]
pub struct ArrivalStream {
    head: Option<SimTime>,
    end: SimTime,
    law: Law,
}

impl ArrivalStream {
    /// The arrivals of `source` before `end`. `key` names the stream: its draws depend on nothing
    /// but it and the seed.
    pub fn new(source: &SourceSpec, seed: u64, key: u64, end: SimTime) -> Self {
        let mut stream = Self { head: None, end, law: Law::new(source, Key { seed, stream: key }) };
        stream.advance();
        stream
    }

    /// When the next arrival is due; `None` after the last.
    pub fn peek(&self) -> Option<SimTime> {
        self.head
    }

    /// Goes on to the arrival after the head.
    pub fn advance(&mut self) {
        self.head = self.law.next(self.end).filter(|&at| at < self.end);
    }
}

impl Iterator for ArrivalStream {
    type Item = SimTime;

    /// Takes the next arrival.
    fn next(&mut self) -> Option<SimTime> {
        let head = self.head?;
        self.advance();
        Some(head)
    }
}

#[derive(Clone, Copy, Debug)]
struct Key {
    seed: u64,
    stream: u64,
}

impl Key {
    /// The draws of one part of the stream: a window, an interval.
    fn part(self, part: u64) -> Stream {
        Stream::keyed(self.seed, Purpose::Arrival, self.stream, part)
    }
}

#[derive(Clone, Debug)]
enum Law {
    Never,
    Poisson(Poisson),
    Burst(Burst),
    Diurnal(Diurnal),
    Counts(Counts),
    Instants { times: Arc<[SimTime]>, next: usize },
}

impl Law {
    fn new(source: &SourceSpec, key: Key) -> Self {
        match source {
            SourceSpec::Poisson { rate } if *rate > 0.0 => {
                Self::Poisson(Poisson::new(key.part(0), *rate, SimTime::ZERO))
            }
            SourceSpec::Burst { at, length, every, rate } if *rate > 0.0 && !length.is_zero() => {
                let process = Poisson::new(key.part(0), *rate, *at);
                let (from, until) = (*at, *at + *length);
                Self::Burst(Burst {
                    key,
                    window: 0,
                    from,
                    until,
                    every: *every,
                    rate: *rate,
                    process,
                })
            }
            SourceSpec::Diurnal { mean, amplitude, peak, period }
                if *mean > 0.0 && !period.is_zero() =>
            {
                Self::Diurnal(Diurnal::new(key.part(0), *mean, *amplitude, *peak, *period))
            }
            SourceSpec::Counts(trace) => Self::Counts(Counts::new(trace.clone(), key)),
            SourceSpec::Instants(times) => Self::Instants { times: times.clone(), next: 0 },
            _ => Self::Never,
        }
    }

    fn next(&mut self, end: SimTime) -> Option<SimTime> {
        match self {
            Self::Never => None,
            Self::Poisson(process) => Some(process.next()),
            Self::Burst(burst) => burst.next(end),
            Self::Diurnal(diurnal) => diurnal.next(end),
            Self::Counts(counts) => counts.next(),
            Self::Instants { times, next } => {
                *next += 1;
                times.get(*next - 1).copied()
            }
        }
    }
}

/// Exponential gaps. The part of a microsecond that rounding takes off is carried on, so that even
/// millions of arrivals a second keep their rate.
#[derive(Clone, Debug)]
struct Poisson {
    draws: Stream,
    mean_gap_micros: f64,
    at: SimTime,
    fraction: f64,
}

impl Poisson {
    fn new(draws: Stream, rate: f64, from: SimTime) -> Self {
        let mean_gap_micros = MICROS_PER_SECOND as f64 / rate;
        Self { draws, mean_gap_micros, at: from, fraction: 0.0 }
    }

    fn next(&mut self) -> SimTime {
        let gap = self.fraction - self.mean_gap_micros * maths::ln(self.draws.open_unit());
        let whole = gap as u64;
        self.fraction = gap - whole as f64;
        self.at += Duration::from_micros(whole);
        self.at
    }
}

/// A Poisson process during windows. Each window has draws of its own.
#[derive(Clone, Debug)]
struct Burst {
    key: Key,
    window: u64,
    from: SimTime,
    until: SimTime,
    every: Option<Duration>,
    rate: f64,
    process: Poisson,
}

impl Burst {
    fn next(&mut self, end: SimTime) -> Option<SimTime> {
        loop {
            let at = self.process.next();
            if at < self.until {
                return Some(at);
            }
            let every = self.every.filter(|every| !every.is_zero())?;
            self.window += 1;
            self.from += every;
            self.until += every;
            if self.from >= end {
                return None;
            }
            self.process = Poisson::new(self.key.part(self.window), self.rate, self.from);
        }
    }
}

/// A Poisson process whose rate is mean·(1 + amplitude·cos(2π(t − peak)/period)), never below 0: by
/// thinning one of the largest rate (Lewis and Shedler 1979).
#[derive(Clone, Debug)]
struct Diurnal {
    candidates: Poisson,
    amplitude: f64,
    peak: SimTime,
    period: Duration,
}

impl Diurnal {
    fn new(draws: Stream, mean: f64, amplitude: f64, peak: SimTime, period: Duration) -> Self {
        let most = mean * (1.0 + amplitude.abs());
        Self { candidates: Poisson::new(draws, most, SimTime::ZERO), amplitude, peak, period }
    }

    fn next(&mut self, end: SimTime) -> Option<SimTime> {
        let swing = self.amplitude.abs();
        loop {
            let at = self.candidates.next();
            if at >= end {
                return None;
            }
            let level = self.candidates.draws.open_unit() * (1.0 + swing);
            // Under the lowest rate of the day no cosine is needed.
            if level < 1.0 - swing || level < 1.0 + self.amplitude * self.cosine(at) {
                return Some(at);
            }
        }
    }

    fn cosine(&self, at: SimTime) -> f64 {
        // The phase in integers: a cosine of a small angle is exact after years.
        let period = self.period.micros();
        let phase = (at.micros() % period + period - self.peak.micros() % period) % period;
        maths::cos(std::f64::consts::TAU * (phase as f64 / period as f64))
    }
}

/// Exactly n arrivals in each interval, at sorted uniform times: the smallest of k uniforms on
/// (0, 1] leaves the share u^(1/k) for the others. Each interval has draws of its own.
#[derive(Clone, Debug)]
struct Counts {
    trace: Arc<TraceCounts>,
    key: Key,
    /// The interval after the one that is being emptied.
    interval: usize,
    from: SimTime,
    length: Duration,
    left: u64,
    rest: f64,
    draws: Stream,
}

impl Counts {
    fn new(trace: Arc<TraceCounts>, key: Key) -> Self {
        let (from, length, draws) = (SimTime::ZERO, Duration::ZERO, key.part(0));
        Self { trace, key, interval: 0, from, length, left: 0, rest: 1.0, draws }
    }

    fn next(&mut self) -> Option<SimTime> {
        while self.left == 0 {
            self.enter_interval()?;
        }
        self.rest *= maths::exp(maths::ln(self.draws.open_unit()) / self.left as f64);
        self.left -= 1;
        let length = self.length.micros();
        let offset = (((1.0 - self.rest) * length as f64) as u64).min(length.saturating_sub(1));
        Some(self.from + Duration::from_micros(offset))
    }

    fn enter_interval(&mut self) -> Option<()> {
        let at = self.interval;
        self.left = *self.trace.counts.get(at)?;
        self.interval += 1;
        if self.left > 0 {
            self.from = self.trace.starts[at];
            let until = self.trace.starts.get(at + 1).copied().unwrap_or(self.trace.end);
            self.length = until.since(self.from);
            self.rest = 1.0;
            self.draws = self.key.part(at as u64);
        }
        Some(())
    }
}
