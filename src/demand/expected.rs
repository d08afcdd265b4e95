//! Arrivals as a flow: how many a source is expected to have sent by an instant.

use super::SourceSpec;
use crate::chance::maths;
use crate::unit::{Duration, SimTime};

/// Expected arrivals of one source, integrated in closed form: no event per arrival.
#[derive(Clone, Debug)]
pub struct ExpectedArrivals {
    source: SourceSpec,
    /// Of a recording with counts: arrivals before each interval.
    before: Vec<u64>,
}

impl ExpectedArrivals {
    /// The flow of a source.
    pub fn new(source: &SourceSpec) -> Self {
        let mut before = Vec::new();
        if let SourceSpec::Counts(trace) = source {
            before = trace
                .counts
                .iter()
                .scan(0u64, |sum, &count| Some(std::mem::replace(sum, *sum + count)))
                .collect();
        }
        Self { source: source.clone(), before }
    }

    /// Expected arrivals from the start to `at`. Recorded arrivals are spread evenly over their
    /// interval.
    pub fn until(&self, at: SimTime) -> f64 {
        let seconds = |length: Duration| length.as_secs_f64();
        match &self.source {
            SourceSpec::Poisson { rate } => rate * at.as_secs_f64(),
            SourceSpec::Burst { at: from, length, every, rate } => {
                rate * seconds(open_time(*from, *length, *every, at))
            }
            SourceSpec::Diurnal { mean, amplitude, peak, period } => {
                let turn = std::f64::consts::TAU;
                // sin(2π(t − peak)/period), the phase in integers.
                let sine = |at: SimTime| {
                    let period = period.micros();
                    let phase = (at.micros() % period + period - peak.micros() % period) % period;
                    maths::cos(turn * (phase as f64 / period as f64) - turn / 4.0)
                };
                let swing = amplitude * seconds(*period) / turn;
                mean * (at.as_secs_f64() + swing * (sine(at) - sine(SimTime::ZERO)))
            }
            SourceSpec::Counts(trace) => {
                let Some(index) = trace.starts.partition_point(|&start| start <= at).checked_sub(1)
                else {
                    return 0.0;
                };
                let from = trace.starts[index];
                let until = trace.starts.get(index + 1).copied().unwrap_or(trace.end);
                let share = match until.since(from).micros() {
                    0 => 1.0,
                    length => (at.since(from).micros() as f64 / length as f64).min(1.0),
                };
                self.before[index] as f64 + share * trace.counts[index] as f64
            }
            SourceSpec::Instants(times) => times.partition_point(|&time| time <= at) as f64,
        }
    }
}

/// How long windows of `length` from `from` on, repeated or not, have been open by `at`.
fn open_time(from: SimTime, length: Duration, every: Option<Duration>, at: SimTime) -> Duration {
    let passed = at.since(from).micros();
    let length = length.micros();
    let open = match every.map(Duration::micros).filter(|&every| every > 0) {
        None => passed.min(length),
        Some(every) => passed / every * length + (passed % every).min(length),
    };
    Duration::from_micros(open)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::demand::TraceCounts;

    #[test]
    fn the_flow_is_the_integral_of_the_rate() {
        let second = SimTime::from_secs;
        let length = Duration::from_secs;
        let diurnal = SourceSpec::Diurnal {
            mean: 2.0,
            amplitude: 0.5,
            peak: second(25),
            period: length(100),
        };
        let burst =
            |every| SourceSpec::Burst { at: second(10), length: length(5), every, rate: 3.0 };
        let counts = SourceSpec::Counts(Arc::new(TraceCounts {
            starts: vec![second(0), second(10)],
            end: second(20),
            counts: vec![100, 40],
        }));
        let swing = 0.5 * 100.0 / std::f64::consts::TAU;
        for (source, at, expected) in [
            (SourceSpec::Poisson { rate: 4.0 }, 30, 120.0),
            (burst(None), 9, 0.0),
            (burst(None), 12, 6.0),
            (burst(None), 99, 15.0),
            (burst(Some(length(20))), 33, 24.0),
            // A whole period sends its mean; a quarter before the peak to the peak one swing more.
            (diurnal.clone(), 100, 200.0),
            (diurnal.clone(), 25, 2.0 * (25.0 + swing)),
            (counts.clone(), 5, 50.0),
            (counts.clone(), 15, 120.0),
            (counts, 50, 140.0),
            (SourceSpec::Instants([second(1), second(3)].into()), 3, 2.0),
        ] {
            let flow = ExpectedArrivals::new(&source).until(second(at));
            assert!((flow - expected).abs() < 1e-9 * expected.max(1.0), "{source:?}: {flow}");
        }
    }
}
