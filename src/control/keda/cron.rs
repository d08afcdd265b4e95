//! Cron windows: when a `cron` trigger asks for its replicas.
//!
//! kedacore/keda @ 8b4f083c, `pkg/scalers/cron_scaler.go`: active iff the next end (strictly after
//! now) is not later than the next start. Five fields, read by robfig/cron.

use std::collections::BTreeMap;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::CronWindows;
use super::trigger::TriggerError;
use crate::unit::{Duration, MICROS_PER_SECOND, SimTime};

/// A cron trigger as written, every part checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronDraft {
    /// `start`
    pub start: String,
    /// `end`
    pub end: String,
    /// `timezone`
    pub timezone: String,
    /// `desiredReplicas`
    pub desired: u32,
}

impl CronDraft {
    /// Reads and checks `metadata`; mistakes are appended to `errors`.
    pub(super) fn read(
        metadata: &BTreeMap<String, String>,
        errors: &mut Vec<TriggerError>,
    ) -> Option<Self> {
        let before = errors.len();
        let mut wrong = |key: &str, message: String| {
            errors.push(TriggerError { key: key.to_owned(), message, nearest: None });
        };
        let mut get = |key: &str| {
            let text = metadata.get(key).map(|text| text.trim().to_owned()).unwrap_or_default();
            if text.is_empty() {
                wrong(key, "required".to_owned());
            }
            text
        };
        let (start, end, timezone) = (get("start"), get("end"), get("timezone"));
        let desired = get("desiredReplicas");
        for (key, text) in [("start", &start), ("end", &end)] {
            if !text.is_empty()
                && let Err(message) = parse(text)
            {
                wrong(key, message);
            }
        }
        if !start.is_empty() && start == end {
            wrong("end", "start and end must differ".to_owned());
        }
        if !timezone.is_empty() && TimeZone::get(&timezone).is_err() {
            wrong("timezone", format!("no time zone `{timezone}`"));
        }
        let number = desired.parse::<u32>().ok().filter(|&desired| desired > 0);
        if number.is_none() && !desired.is_empty() {
            wrong("desiredReplicas", format!("expected a number above 0, got `{desired}`"));
        }
        let draft = number.map(|desired| Self { start, end, timezone, desired });
        if errors.len() == before { draft } else { None }
    }

    /// The windows over a run: `length` from `start_epoch` (seconds since the epoch), and on to the
    /// first edge after it.
    ///
    /// # Errors
    /// A schedule or zone that cannot be read, or a schedule that never fires.
    pub fn unroll(&self, start_epoch: i64, length: Duration) -> Result<CronWindows, String> {
        CronWindows::unroll(
            &self.start,
            &self.end,
            &self.timezone,
            start_epoch,
            length,
            self.desired,
        )
    }
}

impl CronWindows {
    /// The windows between two schedules in a time zone, from `start_epoch` (seconds since the
    /// epoch; simulated time 0) for `length`, as sorted edges.
    ///
    /// # Errors
    /// A schedule or zone that cannot be read, or a schedule that never fires.
    pub fn unroll(
        start: &str,
        end: &str,
        timezone: &str,
        start_epoch: i64,
        length: Duration,
        desired: u32,
    ) -> Result<Self, String> {
        let zone = TimeZone::get(timezone).map_err(|_| format!("no time zone `{timezone}`"))?;
        let last = start_epoch.saturating_add_unsigned(length.as_secs()).saturating_add(1);
        let starts = firings(start, &zone, start_epoch, last)?;
        let ends = firings(end, &zone, start_epoch, last)?;
        let mut instants: Vec<i64> =
            starts.iter().chain(&ends).copied().filter(|&at| at <= last).collect();
        instants.push(start_epoch);
        instants.sort_unstable();
        instants.dedup();
        let mut edges: Vec<(SimTime, bool)> = Vec::new();
        for at in instants {
            let active = next(&ends, at) <= next(&starts, at);
            if edges.last().is_none_or(|&(_, before)| before != active) {
                let micros = at.abs_diff(start_epoch).saturating_mul(MICROS_PER_SECOND);
                edges.push((SimTime::from_micros(micros), active));
            }
        }
        Ok(Self { edges, desired })
    }

    /// Whether `now` is inside a window. O(log edges).
    pub fn is_active(&self, now: SimTime) -> bool {
        match self.edges.partition_point(|&(at, _)| at <= now) {
            0 => false,
            past => self.edges[past - 1].1,
        }
    }

    /// The metric: `desiredReplicas` inside a window, else 0; the target is 1 per pod.
    pub fn value(&self, now: SimTime) -> u32 {
        if self.is_active(now) { self.desired } else { 0 }
    }

    /// The first edge strictly after `now`.
    pub fn next_edge(&self, now: SimTime) -> Option<SimTime> {
        let past = self.edges.partition_point(|&(at, _)| at <= now);
        self.edges.get(past).map(|&(at, _)| at)
    }
}

/// First instant of a sorted list strictly after `at`.
fn next(instants: &[i64], at: i64) -> i64 {
    let past = instants.partition_point(|&instant| instant <= at);
    instants.get(past).copied().unwrap_or(i64::MAX)
}

/// All firings strictly after `from` up to the first one beyond `to`, in seconds since the epoch.
fn firings(text: &str, zone: &TimeZone, from: i64, to: i64) -> Result<Vec<i64>, String> {
    let cron = parse(text)?;
    let from = Timestamp::from_second(from).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for at in cron.iter_after(Zoned::new(from, zone.clone())) {
        let second = at.timestamp().as_second();
        found.push(second);
        if second > to {
            break;
        }
    }
    if found.is_empty() { Err(format!("`{text}` never fires")) } else { Ok(found) }
}

/// Reads a schedule as robfig/cron v3 does (`parser.go`): five fields of numbers, names of months
/// and days, `*`, `?`, `,`, `-` and `/`. Extensions of other dialects are refused.
fn parse(text: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!("expected five fields (minute hour day month weekday), got `{text}`"));
    }
    for (index, field) in fields.iter().enumerate() {
        check_field(index, field)?;
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(&fields.join(" ")).map_err(|error| format!("`{text}`: {error}"))
}

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn check_field(index: usize, field: &str) -> Result<(), String> {
    let names = match index {
        3 => MONTHS,
        4 => DAYS,
        _ => &[],
    };
    let is_value = |text: &str| {
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let sunday_as_seven = index == 4 && text.trim_start_matches('0') == "7";
        (number && !sunday_as_seven) || names.contains(&text.to_ascii_lowercase().as_str())
    };
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step_is_fine = step.parse::<u32>().is_ok_and(|step| step > 0);
        let range_is_fine = match range.split_once('-') {
            Some((low, high)) => is_value(low) && is_value(high),
            None => matches!(range, "*" | "?") || is_value(range),
        };
        if !step_is_fine || !range_is_fine {
            return Err(format!("`{part}` is no value, range or step of a cron field"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-08T00:00:00Z, a Thursday.
    const THURSDAY: i64 = 1_767_830_400;

    #[test]
    fn edges_alternate_and_the_first_is_at_zero() {
        let day = Duration::from_secs(86_400);
        let windows =
            CronWindows::unroll("0 8 * * *", "0 18 * * *", "Etc/UTC", THURSDAY, day, 10).unwrap();
        let hour = |h: u64| SimTime::from_secs(h * 3_600);
        assert_eq!(windows.edges, [(hour(0), false), (hour(8), true), (hour(18), false)]);
        assert!(windows.is_active(hour(8)), "active at the start instant");
        assert!(!windows.is_active(hour(18)), "inactive at the end instant");
        assert_eq!((windows.value(hour(9)), windows.value(hour(19))), (10, 0));
        assert_eq!(windows.next_edge(hour(8)), Some(hour(18)));
    }

    #[test]
    fn a_window_follows_its_zone() {
        let day = Duration::from_secs(86_400);
        let windows =
            CronWindows::unroll("0 8 * * *", "0 18 * * *", "Asia/Kolkata", THURSDAY, day, 1)
                .unwrap();
        assert_eq!(windows.edges[1], (SimTime::from_secs(2 * 3_600 + 1_800), true));
    }

    #[test]
    fn dialects_that_upstream_refuses_are_refused() {
        for text in [
            "@daily",
            "0 0 L * *",
            "0 0 15W * *",
            "0 0 * * 5#2",
            "0 0 * * 7",
            "0 0 0 * * *",
            "-30 * * * *",
            "50 * * -3 *",
            "*/0 * * * *",
            "60 * * * *",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["0 */2 * * *", "45-50 * * * *", "0 0 ? * Mon-Fri", "0 0 1 Jan,Jul *"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
