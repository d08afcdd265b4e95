//! Scales with round ticks: values from zero, wall-clock time, and the logarithm of seconds.

use jiff::Timestamp;

use crate::chance::maths;

/// From data to pixels, linear.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Data range.
    pub data: (f64, f64),
    /// Pixel range.
    pub pixels: (f64, f64),
}

impl Scale {
    /// The pixel of a value.
    pub fn at(self, value: f64) -> f64 {
        let span = self.data.1 - self.data.0;
        let share = if span > 0.0 { (value - self.data.0) / span } else { 0.0 };
        self.pixels.0 + share.clamp(0.0, 1.0) * (self.pixels.1 - self.pixels.0)
    }
}

/// The smallest round number (1, 2, 2.5 or 5 times a power of ten) not below `value`.
pub fn round_up(value: f64) -> f64 {
    let value = if value.is_finite() && value > 0.0 { value } else { return 1.0 };
    let mut step = 1.0_f64;
    while step > value {
        step /= 10.0;
    }
    while step * 10.0 < value {
        step *= 10.0;
    }
    let rounds = [1.0, 2.0, 2.5, 5.0, 10.0];
    rounds.iter().map(|round| round * step).find(|&round| round >= value).unwrap_or(value)
}

/// Round ticks from 0 to at least `max`, about `count` of them; whole ones for counts.
pub fn value_ticks(max: f64, count: usize, whole: bool) -> Vec<f64> {
    let mut step = round_up(max / count.max(1) as f64);
    if whole {
        step = step.max(1.0).ceil();
    }
    let steps = (max / step - 1e-9).ceil().max(1.0) as usize;
    (0..=steps).map(|index| index as f64 * step).collect()
}

/// Distances between ticks of time, in seconds.
const TIME_STEPS: [i64; 19] = [
    1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 1_209_600,
];

/// Ticks at round wall-clock times (UTC): (seconds since the start, label). At most `count`.
pub fn time_ticks(start_epoch: i64, seconds: f64, count: usize) -> Vec<(f64, String)> {
    let step = TIME_STEPS
        .into_iter()
        .find(|&step| seconds / step as f64 <= count.max(1) as f64)
        .unwrap_or_else(|| (seconds / count.max(1) as f64 / 86_400.0).ceil() as i64 * 86_400);
    let format = match step {
        step if step < 60 => "%H:%M:%S",
        step if step < 86_400 => "%H:%M",
        _ => "%-d %b",
    };
    let first = start_epoch.div_euclid(step) * step;
    let mut ticks = Vec::new();
    let mut at = if first < start_epoch { first + step } else { first };
    while (at - start_epoch) as f64 <= seconds {
        let instant = Timestamp::from_second(at).unwrap_or_default();
        // Midnight names its day where the axis spans several.
        let midnight = at.rem_euclid(86_400) == 0 && seconds > 86_400.0;
        let label = instant.strftime(if midnight { "%-d %b" } else { format }).to_string();
        ticks.push(((at - start_epoch) as f64, label));
        at += step;
    }
    ticks
}

/// Seconds on a logarithmic axis; what is shorter than the first tick stands at it.
#[derive(Clone, Copy, Debug)]
pub struct LogScale {
    /// Smallest and largest value shown.
    pub data: (f64, f64),
    /// Pixel range.
    pub pixels: (f64, f64),
}

/// Ticks that a reader of seconds knows.
const LOG_TICKS: [(f64, &str); 13] = [
    (0.01, "10 ms"),
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (3.0, "3 s"),
    (10.0, "10 s"),
    (30.0, "30 s"),
    (60.0, "1 min"),
    (300.0, "5 min"),
    (900.0, "15 min"),
    (3_600.0, "1 h"),
    (14_400.0, "4 h"),
    (86_400.0, "1 d"),
    (604_800.0, "7 d"),
];

impl LogScale {
    /// An axis that reaches the next tick beyond `max`.
    pub fn up_to(max: f64, pixels: (f64, f64)) -> Self {
        let last = LOG_TICKS.iter().map(|tick| tick.0).find(|&tick| tick >= max && tick > 1.0);
        Self { data: (if max <= 3.0 { 0.01 } else { 0.1 }, last.unwrap_or(max)), pixels }
    }

    /// The pixel of a value.
    pub fn at(self, seconds: f64) -> f64 {
        let log = |value: f64| maths::ln(value.max(self.data.0));
        let scale = Scale { data: (log(self.data.0), log(self.data.1)), pixels: self.pixels };
        scale.at(log(seconds))
    }

    /// Ticks inside the axis.
    pub fn ticks(self) -> impl Iterator<Item = (f64, &'static str)> {
        LOG_TICKS.into_iter().filter(move |(tick, _)| *tick >= self.data.0 && *tick <= self.data.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ticked_at_round_numbers() {
        for (max, count, whole, expected) in [
            (9_040.0, 3, true, vec![0.0, 5_000.0, 10_000.0]),
            (30.0, 3, true, vec![0.0, 10.0, 20.0, 30.0]),
            (0.0, 3, true, vec![0.0, 1.0]),
            (1.4, 3, false, vec![0.0, 0.5, 1.0, 1.5]),
            (2.0, 4, true, vec![0.0, 1.0, 2.0]),
        ] {
            assert_eq!(value_ticks(max, count, whole), expected, "{max}");
        }
    }

    #[test]
    fn time_is_ticked_at_round_times_of_the_day() {
        let labels = |start, seconds, count| {
            let ticks = time_ticks(start, seconds, count);
            ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
        };
        // 2026-11-17T12:00:00Z
        let noon = 1_794_916_800;
        assert_eq!(labels(noon, 21_600.0, 8), "12:00 13:00 14:00 15:00 16:00 17:00 18:00");
        assert_eq!(labels(noon + 600, 7_200.0, 5), "12:30 13:00 13:30 14:00");
        assert_eq!(
            labels(noon, 172_800.0, 8),
            "12:00 18:00 18 Nov 06:00 12:00 18:00 19 Nov 06:00 12:00"
        );
        assert!(labels(noon, 90.0, 10).starts_with("12:00:00 12:00:10 12:00:20"));
    }

    #[test]
    fn logarithms_keep_order_and_ends() {
        let axis = LogScale::up_to(1_180.0, (0.0, 100.0));
        assert_eq!(axis.data, (0.1, 3_600.0));
        assert_eq!((axis.at(0.0), axis.at(3_600.0)), (0.0, 100.0));
        assert!(axis.at(10.0) < axis.at(20.0));
    }
}
