//! Times in tables: RFC 3339, zoneless (taken as UTC), or numbers (epoch seconds or milliseconds).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::TableErrors;
use super::text::Table;
use crate::unit::SimTime;

/// Which instant of the table is the start of the simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// The first row.
    #[default]
    FirstRow,
    /// The wall-clock time of `simulation.start`.
    Absolute,
}

/// How a time column becomes simulated time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Which instant is time zero.
    pub align: Align,
    /// `simulation.start`, seconds since the epoch.
    pub start_epoch: i64,
}

/// Numbers from here on are milliseconds: in seconds they would lie beyond the year 5000.
const MILLISECONDS_FROM: f64 = 1e11;

impl Clock {
    /// The times of a column in microseconds after the start, ascending; negative before it.
    pub(super) fn column(self, table: &Table, column: usize, errors: &mut TableErrors) -> Vec<i64> {
        let mut times = Vec::with_capacity(table.len());
        let mut zero = match self.align {
            Align::FirstRow => None,
            Align::Absolute => Some(i128::from(self.start_epoch) * 1_000_000),
        };
        let mut last: Option<i128> = None;
        for (line, record) in table.rows() {
            let text = record.get(column).unwrap_or("");
            let Some(instant) = epoch_micros(text) else {
                errors.add(
                    line,
                    table.header(column),
                    format!("`{text}` is not a time"),
                    "write RFC 3339 (2026-11-17T12:00:00Z), or seconds or milliseconds",
                );
                continue;
            };
            if last.is_some_and(|last| instant < last) {
                errors.add(
                    line,
                    table.header(column),
                    format!("`{text}` is before the row above"),
                    "sort the rows by time",
                );
            }
            last = Some(instant);
            let zero = *zero.get_or_insert(instant);
            times.push(i64::try_from(instant - zero).unwrap_or(i64::MAX));
        }
        times
    }
}

/// Microseconds since the epoch of a time in any of the spellings.
pub(super) fn epoch_micros(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<f64>() {
        if !number.is_finite() || number.abs() > 1e15 {
            return None;
        }
        let seconds = if number.abs() >= MILLISECONDS_FROM { number / 1e3 } else { number };
        return Some((seconds * 1e6).round() as i128);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(i128::from(instant.as_microsecond()));
    }
    let civil: DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(i128::from(zoned.timestamp().as_microsecond()))
}

/// A time after the start as simulated time; `None` before it.
pub(super) fn after_start(micros: i64) -> Option<SimTime> {
    u64::try_from(micros).ok().map(SimTime::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        let noon = 1_794_916_800_000_000;
        for (text, micros) in [
            ("2026-11-17T12:00:00Z", noon),
            ("2026-11-17T13:00:00+01:00", noon),
            ("2026-11-17 12:00:00", noon),
            ("2026-11-17T12:00:00.2500000", noon + 250_000),
            ("1794916800", noon),
            ("1794916800000", noon),
            ("0.5", 500_000),
        ] {
            assert_eq!(epoch_micros(text), Some(micros), "{text}");
        }
        for text in ["", "noon", "2026-13-01T00:00:00Z", "nan", "12:00"] {
            assert_eq!(epoch_micros(text), None, "{text}");
        }
    }
}
