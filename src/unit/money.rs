//! Money as integers: hourly rates in nano-units of the scenario's currency, and exact accrual.

use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

use super::Duration;

const NANO: f64 = 1e9;
const MICROS_PER_HOUR: i128 = 3_600 * 1_000_000;

/// A price per hour in nano-units of the currency (0.46 per hour is 460,000,000).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct HourlyRate(pub i64);

impl HourlyRate {
    /// Nearest nano-unit to `per_hour` currency units.
    pub fn from_units(per_hour: f64) -> Self {
        Self((per_hour * NANO + if per_hour < 0.0 { -0.5 } else { 0.5 }) as i64)
    }

    /// Currency units per hour, for output.
    pub fn units(self) -> f64 {
        self.0 as f64 / NANO
    }

    /// What this rate costs over `time`, exactly.
    pub fn over(self, time: Duration) -> Accrual {
        Accrual(i128::from(self.0) * i128::from(time.micros()))
    }
}

impl Add for HourlyRate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for HourlyRate {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for HourlyRate {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sub for HourlyRate {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for HourlyRate {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// An exact sum of rate times time: nano-units per hour times microseconds. It is divided once,
/// when it is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Accrual(pub i128);

impl Accrual {
    /// The amount in whole nano-units, rounded half up.
    pub fn money(self) -> Money {
        Money((self.0 + MICROS_PER_HOUR / 2).div_euclid(MICROS_PER_HOUR))
    }

    /// `part / whole` of the amount, for 0 <= part and 0 < whole, rounded down. Of part and whole
    /// the 43 leading bits count: the product of amounts of any size stays an integer.
    pub fn share(self, part: Self, whole: Self) -> Self {
        if part == whole || whole.0 <= 0 {
            return self;
        }
        let spare = (i128::BITS - whole.0.leading_zeros()).saturating_sub(43);
        Self(self.0 * (part.0 >> spare) / (whole.0 >> spare))
    }
}

impl Add for Accrual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Accrual {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Accrual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Accrual {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl std::iter::Sum for Accrual {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

/// An amount in nano-units of the currency.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Money(pub i128);

impl Money {
    /// Currency units, for output.
    pub fn units(self) -> f64 {
        self.0 as f64 / NANO
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_over_an_hour_is_its_price() {
        let rate = HourlyRate::from_units(0.46);
        assert_eq!(rate.over(Duration::from_secs(3_600)).money(), Money(460_000_000));
        let thirds: Accrual = (0..3).map(|_| rate.over(Duration::from_secs(1_200))).sum();
        assert_eq!(thirds.money(), Money(460_000_000));
    }

    #[test]
    fn a_share_of_an_amount_of_any_size_is_an_integer() {
        let share = |amount, part, whole| Accrual(amount).share(Accrual(part), Accrual(whole)).0;
        assert_eq!(share(90, 2, 3), 60);
        assert_eq!(share(90, 3, 3), 90);
        assert_eq!(share(90, 0, 3), 0);
        let month = 6_500_000_000_000_000_000_000_000;
        assert!((share(month / 2, month / 3, month) - month / 6).abs() < month / 1_000_000_000_000);
    }
}
