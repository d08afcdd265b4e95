//! Values that stand in many places: text, numbers, times, rates, amounts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::reader::{Read, Reader, nearest_help};
use crate::scenario::node::{Kind, Node};
use crate::unit::{Duration, HourlyRate, Quantity};

/// Declares a value: its schema beside its reader.
macro_rules! value {
    ($type:ty, $name:literal, $schema:tt, |$node:ident, $reader:ident| $read:expr) => {
        impl Read for $type {
            fn read($node: &Node, $reader: &mut Reader) -> Option<Self> {
                $read
            }
        }
        schema!($type, $name, $schema);
    };
}

/// Declares the schema of a value, written where it stands.
macro_rules! schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}
pub(super) use schema;

/// Text: any scalar, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch(pub bool);

/// A whole number, not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u32);

/// A whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole(pub i64);

/// A number, not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount(pub f64);

/// A number from 0 to 1, or percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub Duration);

/// Events per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

/// A probability per hour, as a hazard per hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hazard(pub f64);

/// Money per hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(pub HourlyRate);

/// An amount of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceAmount(pub Quantity);

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// Bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth(pub u64);

value!(Text, "Text", {"type": ["string", "number", "boolean"]}, |node, reader| match node.text() {
    Some("") => {
        reader.bad_value(node, "must not be empty");
        None
    }
    Some(text) => Some(Self(text.to_owned())),
    None => {
        reader.wrong_type(node, "text");
        None
    }
});

value!(Switch, "Switch", {"type": ["boolean", "string"]}, |node, reader| match node.text() {
    // Azure writes some switches as strings.
    Some("true" | "True" | "TRUE") => Some(Self(true)),
    Some("false" | "False" | "FALSE") => Some(Self(false)),
    _ => {
        reader.wrong_type(node, "`true` or `false`");
        None
    }
});

value!(Count, "Count", {"type": "integer", "minimum": 0}, |node, reader| {
    let value = whole(node, reader)?;
    match u32::try_from(value) {
        Ok(count) => Some(Self(count)),
        Err(_) if value < 0 => {
            reader.bad_value(node, "must not be negative");
            None
        }
        Err(_) => {
            reader.bad_value(node, &format!("must not be above {}", u32::MAX));
            None
        }
    }
});

value!(Whole, "Whole", {"type": "integer"}, |node, reader| whole(node, reader).map(Self));

value!(Amount, "Amount", {"type": "number", "minimum": 0}, |node, reader| {
    match node.number().filter(|value| value.is_finite()) {
        Some(value) if value >= 0.0 => Some(Self(value)),
        Some(_) => {
            reader.bad_value(node, "must not be negative");
            None
        }
        None => {
            reader.wrong_type(node, "a number");
            None
        }
    }
});

value!(Share, "Share", {"type": ["number", "string"]}, |node, reader| {
    let share = match (node.number(), node.text().and_then(|text| text.strip_suffix('%'))) {
        (Some(value), _) => Some(value),
        (None, Some(percent)) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        (None, None) => None,
    };
    match share {
        Some(share) if (0.0..=1.0).contains(&share) => Some(Self(share)),
        Some(_) => {
            reader.bad_value(node, "must be from 0 to 1, or from 0% to 100%");
            None
        }
        None => {
            reader.wrong_type(node, "a share such as `0.5` or `50%`");
            None
        }
    }
});

value!(Length, "Duration", {
    "type": ["string", "number"],
    "description": "`90s`, `10m`, `2h`, `1d`, `250ms`, `1h30m`, or a number of seconds."
}, |node, reader| {
    match node.text().map(parse_duration) {
        Some(Ok(length)) => Some(Self(length)),
        Some(Err(why)) => {
            reader.bad_value(node, &why);
            None
        }
        None => {
            reader.wrong_type(node, "a duration such as `90s`");
            None
        }
    }
});

value!(Rate, "Rate", {
    "type": ["string", "number"], "pattern": "/(s|m|min|h|d)$",
    "description": "`40/s`, `5/min`, `2/h`, or 0."
}, |node, reader| {
    let text = text_of(node, reader, "a rate such as `40/s`")?;
    match parse_rate(text) {
        Some(rate) if rate >= 0.0 => Some(Self(rate)),
        Some(_) => {
            reader.bad_value(node, "must not be a negative rate");
            None
        }
        None => {
            reader.bad_value(node, "must be a rate such as `40/s`, `5/min` or `2/h`");
            None
        }
    }
});

value!(Hazard, "Hazard", {
    "type": "string", "pattern": "%/h$", "description": "A probability per hour: `4%/h`."
}, |node, reader| {
    let text = text_of(node, reader, "a probability per hour such as `4%/h`")?;
    let percent = text.strip_suffix("%/h").and_then(|text| text.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..100.0).contains(&percent) => {
            Some(Self(-crate::chance::maths::ln(1.0 - percent / 100.0)))
        }
        Some(_) => {
            reader.bad_value(node, "must be at least 0%/h and below 100%/h");
            None
        }
        None => {
            reader.bad_value(node, "must be a probability per hour such as `4%/h`");
            None
        }
    }
});

value!(Price, "Price", {
    "type": "string", "pattern": "/h$", "description": "Money per hour: `0.46/h`."
}, |node, reader| {
    let text = text_of(node, reader, "a price per hour such as `0.46/h`")?;
    match text.strip_suffix("/h").and_then(|amount| decimal(amount.trim(), 9)) {
        Some(nano) if nano >= 0 && i64::try_from(nano).is_ok() => {
            Some(Self(HourlyRate(i64::try_from(nano).unwrap_or(i64::MAX))))
        }
        Some(_) => {
            reader.bad_value(node, "must not be negative or astronomical");
            None
        }
        None => {
            reader.bad_value(node, "must be a price per hour such as `0.46/h`");
            None
        }
    }
});

value!(ResourceAmount, "Quantity", {
    "type": ["string", "number"], "description": "As in Kubernetes: `500m`, `2`, `1.5Gi`."
}, |node, reader| {
    let text = text_of(node, reader, "a quantity such as `500m` or `1.5Gi`")?;
    match Quantity::parse(text) {
        Ok(quantity) if quantity.units().is_ok_and(|units| units < 0) => {
            reader.bad_value(node, "must not be negative");
            None
        }
        Ok(quantity) if quantity.milli().is_err() => {
            reader.bad_value(node, "is too large");
            None
        }
        Ok(quantity) => Some(Self(quantity)),
        Err(error) => {
            reader.bad_value(node, &format!("is {error}"));
            None
        }
    }
});

value!(Bytes, "Bytes", {
    "type": ["string", "number"], "description": "`900MB`, `1.5GB`, or as in Kubernetes: `512Mi`."
}, |node, reader| {
    let text = text_of(node, reader, "a size such as `900MB` or `512Mi`")?;
    match parse_bytes(text) {
        Some(bytes) => Some(Self(bytes)),
        None => {
            reader.bad_value(node, "must be a size such as `900MB` or `512Mi`");
            None
        }
    }
});

value!(Bandwidth, "Bandwidth", {
    "type": "string", "pattern": "/s$", "description": "`80MB/s`."
}, |node, reader| {
    let text = text_of(node, reader, "a bandwidth such as `80MB/s`")?;
    match text.strip_suffix("/s").and_then(parse_bytes) {
        Some(0) => {
            reader.bad_value(node, "must be above 0");
            None
        }
        Some(bytes) => Some(Self(bytes)),
        None => {
            reader.bad_value(node, "must be a bandwidth such as `80MB/s`");
            None
        }
    }
});

fn text_of<'n>(node: &'n Node, reader: &mut Reader, expected: &str) -> Option<&'n str> {
    let text = node.text();
    if text.is_none() {
        reader.wrong_type(node, expected);
    }
    text
}

fn whole(node: &Node, reader: &mut Reader) -> Option<i64> {
    match node.kind {
        Kind::Int(value) => Some(value),
        Kind::Float(value) if value.trunc() == value && value.abs() < 9e15 => Some(value as i64),
        _ => {
            reader.wrong_type(node, "a whole number");
            None
        }
    }
}

/// Declares an enum of words.
macro_rules! words {
    ($(#[doc = $about:literal])+ pub enum $name:ident {
        $($(#[doc = $doc:literal])+ $word:literal $variant:ident,)+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $crate::scenario::format::reader::Read for $name {
            fn read(
                node: &$crate::scenario::node::Node,
                reader: &mut $crate::scenario::format::reader::Reader,
            ) -> Option<Self> {
                let index = $crate::scenario::format::value::word(node, reader, &[$($word),+])?;
                Some([$(Self::$variant),+][index])
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"enum": [$($word),+]})
            }
        }
    };
}
pub(crate) use words;

/// Which of some words a node is; case matters little, as in ARM.
pub fn word(node: &Node, reader: &mut Reader, words: &[&str]) -> Option<usize> {
    let Some(text) = node.text() else {
        reader.wrong_type(node, &one_of(words));
        return None;
    };
    let found = words.iter().position(|word| word.eq_ignore_ascii_case(text));
    if found.is_none() {
        reader.bad_value(node, &format!("must be {}", one_of(words)));
        if let Some(found) = reader.found.last_mut() {
            found.help = Some(nearest_help(text, words.iter().copied()));
        }
    }
    found
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A duration: numbers with units, largest first, or a bare number of seconds.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "must be a duration such as `90s`, `10m`, `2h`, `1d` or `250ms`";
    if text.starts_with('-') {
        return Err("must not be negative".to_owned());
    }
    if let Some(micros) = decimal(text, 6) {
        return micros_to_duration(micros);
    }
    let mut rest = text;
    let mut micros: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let unit_end = rest[digits..]
            .find(|c: char| !c.is_ascii_alphabetic() && c != 'µ')
            .map_or(rest.len(), |at| digits + at);
        let scale: i128 = match &rest[digits..unit_end] {
            "us" | "µs" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return Err(EXPECTED.to_owned()),
        };
        let nano = decimal(&rest[..digits], 9).ok_or_else(|| EXPECTED.to_owned())?;
        let part = nano.checked_mul(scale).ok_or_else(|| "is too long".to_owned())?;
        micros = micros.saturating_add((part + 500_000_000).div_euclid(1_000_000_000));
        rest = &rest[unit_end..];
    }
    if text.is_empty() { Err(EXPECTED.to_owned()) } else { micros_to_duration(micros) }
}

fn micros_to_duration(micros: i128) -> Result<Duration, String> {
    // 100 years: longer is a slip, and sums of two stay exact everywhere.
    const LONGEST: i128 = 100 * 366 * 86_400_000_000;
    if micros > LONGEST {
        return Err("is longer than 100 years".to_owned());
    }
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// A decimal number times 10^`places`, exactly; digits beyond round half up. Exponents are taken.
pub fn decimal(text: &str, places: i32) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|b| b.is_ascii_digit()) || exponent.abs() > 30 {
        return None;
    }
    let mut value: i128 = 0;
    for byte in digits() {
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    let mut power = places + exponent - i32::try_from(fraction.len()).ok()?;
    while power > 0 {
        value = value.checked_mul(10)?;
        power -= 1;
    }
    while power < -1 {
        value /= 10;
        power += 1;
    }
    if power == -1 {
        value = (value + 5) / 10;
    }
    Some(if negative { -value } else { value })
}

fn parse_rate(text: &str) -> Option<f64> {
    // No rate needs no unit: `bindRate: 0` is no limit.
    if text.trim() == "0" {
        return Some(0.0);
    }
    let (amount, unit) = text.split_once('/')?;
    let amount: f64 = amount.trim().parse().ok()?;
    let seconds = match unit.trim() {
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(amount / seconds).filter(|rate| rate.is_finite())
}

fn parse_bytes(text: &str) -> Option<u64> {
    for (suffix, power) in [("kB", 3), ("KB", 3), ("MB", 6), ("GB", 9), ("TB", 12)] {
        if let Some(amount) = text.strip_suffix(suffix) {
            return u64::try_from(decimal(amount.trim(), power)?).ok();
        }
    }
    let quantity = Quantity::parse(text.strip_suffix('B').unwrap_or(text)).ok()?;
    u64::try_from(quantity.units().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, micros) in [
            ("90s", 90_000_000),
            ("10m", 600_000_000),
            ("2h", 7_200_000_000),
            ("1d", 86_400_000_000),
            ("250ms", 250_000),
            ("1h30m", 5_400_000_000),
            ("1.5s", 1_500_000),
            ("15", 15_000_000),
            ("0.0000004", 0),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text).unwrap().micros(), micros, "{text}");
        }
        for text in ["", "s", "-5s", "5 s", "5x", "1e40", "99999999d", "1.2.3s", "1m30"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_sizes_and_decimals() {
        assert_eq!(parse_rate("40/s"), Some(40.0));
        assert_eq!(parse_rate("6/min"), Some(0.1));
        assert_eq!(parse_rate("40"), None);
        assert_eq!(parse_bytes("900MB"), Some(900_000_000));
        assert_eq!(parse_bytes("1.5Gi"), Some(1_610_612_736));
        assert_eq!(parse_bytes("-1MB"), None);
        assert_eq!(decimal("0.46", 9), Some(460_000_000));
        assert_eq!(decimal("0.0000000005", 9), Some(1));
        assert_eq!(decimal("1e-3", 6), Some(1_000));
        assert_eq!(decimal("abc", 0), None);
    }
}
