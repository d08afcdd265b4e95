//! Kubernetes quantities: `500m`, `1.5Gi`, `2e3`, exactly.
//!
//! Grammar: kubernetes `apimachinery/pkg/api/resource/quantity.go` (v1.36.2): sign, decimal digits,
//! then a binary suffix (Ki..Ei), a decimal suffix (n u m "" k M G T P E) or a decimal exponent.

use std::fmt;

/// A quantity as an exact fraction `numerator / 10^9`, that is in nano-units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// Not digits, or an unknown suffix.
    Syntax,
    /// Does not fit in 64 bits of the unit asked for.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a quantity such as `500m`, `2`, `1.5Gi` or `2e3`",
            Self::TooLarge => "too large for a quantity",
        })
    }
}

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] if the text is not one or it does not fit.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::Syntax);
        }
        let (multiplier, exponent) = suffix_value(suffix)?;
        // value = whole.fraction * multiplier * 10^exponent, kept as an integer of nano-units;
        // what is finer than a nano-unit rounds up, as upstream does.
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i128::from(byte - b'0')))
                .ok_or(QuantityError::TooLarge)?;
        }
        let mut power = exponent + 9 - fraction.len() as i32;
        value = value.checked_mul(multiplier).ok_or(QuantityError::TooLarge)?;
        while power > 0 && value != 0 {
            value = value.checked_mul(10).ok_or(QuantityError::TooLarge)?;
            power -= 1;
        }
        let mut inexact = false;
        while power < 0 && value != 0 {
            inexact |= value % 10 != 0;
            value /= 10;
            power += 1;
        }
        value += i128::from(inexact);
        Ok(Self(if negative { -value } else { value }))
    }

    /// So many whole units.
    pub fn from_units(units: i64) -> Self {
        Self(i128::from(units) * NANO)
    }

    /// So many thousandths.
    pub fn from_milli(milli: i64) -> Self {
        Self(i128::from(milli) * (NANO / 1_000))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Whole units, rounded up (bytes, devices).
    pub fn units(self) -> Result<i64, QuantityError> {
        i64::try_from(div_up(self.0, NANO)).map_err(|_| QuantityError::TooLarge)
    }

    /// Thousandths, rounded up (millicores).
    pub fn milli(self) -> Result<i64, QuantityError> {
        i64::try_from(div_up(self.0, NANO / 1_000)).map_err(|_| QuantityError::TooLarge)
    }
}

impl fmt::Display for Quantity {
    /// As people write it: `2`, `500m`, `1.5Gi` as `1536Mi`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: i128 = 1 << 20;
        match (self.0 / NANO, self.0 % NANO) {
            (units, 0) if units >= MIB && units % (MIB << 10) == 0 => {
                write!(f, "{}Gi", units / (MIB << 10))
            }
            (units, 0) if units >= MIB && units % MIB == 0 => write!(f, "{}Mi", units / MIB),
            (units, 0) => write!(f, "{units}"),
            _ => write!(f, "{}m", div_up(self.0, NANO / 1_000)),
        }
    }
}

fn div_up(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

/// Multiplier and power of ten of a suffix.
fn suffix_value(suffix: &str) -> Result<(i128, i32), QuantityError> {
    Ok(match suffix {
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "" => (1, 0),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Syntax)?;
            let exponent: i32 = exponent.parse().map_err(|_| QuantityError::Syntax)?;
            if exponent.abs() > 40 {
                return Err(QuantityError::TooLarge);
            }
            (1, exponent)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        for (text, milli, units) in [
            ("500m", 500, 1),
            ("2", 2_000, 2),
            ("1.5", 1_500, 2),
            ("2e3", 2_000_000, 2_000),
            ("1.5Gi", 1_610_612_736_000, 1_610_612_736),
            ("128Mi", 134_217_728_000, 134_217_728),
            ("1E", 1_000_000_000_000_000_000, 1_000_000_000_000_000),
            ("-1", -1_000, -1),
            ("100u", 1, 1),
            (".5", 500, 1),
        ] {
            let quantity = Quantity::parse(text).unwrap();
            if text == "1E" {
                assert_eq!(quantity.units().unwrap(), 1_000_000_000_000_000_000);
                continue;
            }
            assert_eq!(quantity.milli().unwrap(), milli, "{text}");
            assert_eq!(quantity.units().unwrap(), units, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused() {
        for text in ["", "m", "1.2.3", "1 Gi", "1gi", "e3", "1e", "0x10", "1e99"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }
}
