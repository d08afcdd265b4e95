//! Instants: RFC 3339, a time of day, or a time after the start; and the zone they are read in.

use std::borrow::Cow;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::reader::{Read, Reader};
use super::value::{parse_duration, schema};
use crate::scenario::node::Node;
use crate::unit::{Duration, SimTime};

/// A date and time, a whole second: seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTime(pub i64);

/// An instant of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// A date and time in microseconds since the epoch.
    Date(i64),
    /// A time of day in microseconds since midnight: its first occurrence at or after the start.
    TimeOfDay(i64),
    /// This long after the start.
    After(Duration),
}

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(pub TimeZone);

impl Read for StartTime {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.text().and_then(date) {
            Some(micros) if micros % 1_000_000 == 0 => Some(Self(micros / 1_000_000)),
            Some(_) => {
                reader.bad_value(node, "must be a whole second");
                None
            }
            None => {
                reader.bad_value(node, "must be a date and time such as `2026-11-17T12:00:00Z`");
                None
            }
        }
    }
}

impl Read for Moment {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let moment = node.text().and_then(|text| {
            let day = |text| time_of_day(text).map(Self::TimeOfDay);
            let after = |text| parse_duration(text).ok().map(Self::After);
            date(text).map(Self::Date).or_else(|| day(text)).or_else(|| after(text))
        });
        if moment.is_none() {
            reader.bad_value(
                node,
                "must be a time of day such as \"14:00\", a date and time such as \
                 \"2026-11-17T14:00:00Z\", or a time after the start such as `90m`",
            );
        }
        moment
    }
}

impl Read for Zone {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let zone = node.text().and_then(|text| TimeZone::get(text).ok());
        if zone.is_none() {
            reader.bad_value(node, "must be a time zone such as `UTC` or `Europe/Amsterdam`");
        }
        zone.map(Self)
    }
}

schema!(StartTime, "StartTime", {
    "type": ["string", "number"], "description": "RFC 3339, a whole second."
});
schema!(Moment, "Moment", {
    "type": ["string", "number"],
    "description": "RFC 3339, a time of day, or a duration after the start."
});
schema!(Zone, "Zone", {
    "type": ["string", "number"], "description": "A time zone of the IANA database."
});

/// A date and time in microseconds since the epoch. Without a zone it is UTC; `T` or a space;
/// any sub-second digits (beyond microseconds they are cut).
pub fn date(text: &str) -> Option<i64> {
    if text.len() < 16 || !text.is_ascii() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_microsecond());
    }
    let plain: civil::DateTime = text.parse().ok()?;
    Some(plain.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

fn time_of_day(text: &str) -> Option<i64> {
    let digits = text.as_bytes();
    if !(4..=15).contains(&digits.len()) || !text.contains(':') {
        return None;
    }
    let padded = if digits[1] == b':' { format!("0{text}") } else { text.to_owned() };
    let time: civil::Time = padded.parse().ok()?;
    let seconds =
        i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Some(seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1_000)
}

/// The clock of a scenario: its start and its zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Start, seconds since the epoch.
    pub start: i64,
    /// Zone of times of day.
    pub zone: TimeZone,
}

impl Calendar {
    /// When a moment is; `None` if it is before the start.
    pub fn resolve(&self, moment: &Moment) -> Option<SimTime> {
        match moment {
            Moment::After(length) => Some(SimTime::ZERO + *length),
            Moment::Date(micros) => self.instant(*micros),
            Moment::TimeOfDay(micros) => {
                let start = Timestamp::from_second(self.start).ok()?.to_zoned(self.zone.clone());
                let today = self.on_day(&start, *micros)?;
                let at = if today >= self.start * 1_000_000 {
                    today
                } else {
                    self.on_day(&start.tomorrow().ok()?, *micros)?
                };
                self.instant(at)
            }
        }
    }

    /// An instant given in microseconds since the epoch; `None` if it is before the start.
    pub fn instant(&self, epoch_micros: i64) -> Option<SimTime> {
        let since = i128::from(epoch_micros) - i128::from(self.start) * 1_000_000;
        u64::try_from(since).ok().map(SimTime::from_micros)
    }

    fn on_day(&self, day: &Zoned, micros: i64) -> Option<i64> {
        let midnight = day.date().at(0, 0, 0, 0);
        let at = midnight.checked_add(jiff::SignedDuration::from_micros(micros)).ok()?;
        Some(at.to_zoned(self.zone.clone()).ok()?.timestamp().as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_the_next_occurrence() {
        let start = date("2026-11-17T12:00:00Z").unwrap() / 1_000_000;
        let utc = Calendar { start, zone: TimeZone::UTC };
        let local = Calendar { start, zone: TimeZone::get("Europe/Amsterdam").unwrap() };
        let hours = |calendar: &Calendar, text: &str| {
            let moment = Moment::TimeOfDay(time_of_day(text).unwrap());
            calendar.resolve(&moment).unwrap().as_secs_f64() / 3_600.0
        };
        assert_eq!(hours(&utc, "14:00"), 2.0);
        assert_eq!(hours(&utc, "12:00"), 0.0);
        assert_eq!(hours(&utc, "11:30"), 23.5);
        assert_eq!(hours(&local, "14:00"), 1.0);
        assert_eq!(hours(&utc, "9:00"), 21.0);
    }

    #[test]
    fn dates_in_many_spellings() {
        let whole = date("2023-11-16T18:15:46Z").unwrap();
        for text in [
            "2023-11-16 18:15:46",
            "2023-11-16T19:15:46+01:00",
            "2023-11-16 18:15:46.0000000",
            "2023-11-16T18:15:46.000Z",
        ] {
            assert_eq!(date(text), Some(whole), "{text}");
        }
        for text in ["", "yesterday", "1700158546", "2023-13-01 00:00:00"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
