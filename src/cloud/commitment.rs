//! Reservations and savings plans: a layer under the usage curve, settled hour by hour.
//!
//! Within a clock hour a reservation is filled from all matching VMs, those that did not run the
//! whole hour included, and what is not filled is lost (azure-docs `cost-management-billing/
//! manage/understand-vm-reservation-charges.md`, 2024-03-21: "at the end of the hour, the
//! reservation application for VMs in the hour is locked"). Reservations come before savings
//! plans; a savings plan covers usage at its own prices, the greatest discount first, until the
//! money of the hour is spent (`savings-plan/discount-application.md`, 2024-01-12). Neither covers
//! spot, Windows licences or disks.

use crate::unit::{Accrual, Duration, HourlyRate, PoolId, SimTime, Symbol};

/// How long one is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// One year.
    OneYear,
    /// Three years.
    ThreeYears,
}

impl Term {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OneYear, Self::ThreeYears];

    /// As the user writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneYear => "1y",
            Self::ThreeYears => "3y",
        }
    }
}

/// A commitment.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitmentSpec {
    /// Name in outputs.
    pub name: Symbol,
    /// Term.
    pub term: Term,
    /// What was bought.
    pub kind: CommitmentKind,
}

/// What was bought.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitmentKind {
    /// VMs of a size.
    Reservation {
        /// How many.
        quantity: u32,
        /// What one costs, used or not.
        price: HourlyRate,
        /// Units of one (vCPUs under instance size flexibility, otherwise 1).
        units: u32,
        /// Pools that it covers, in order of preference, and the units that one VM takes.
        covers: Vec<(PoolId, u32)>,
    },
    /// Money an hour.
    SavingsPlan {
        /// How much, used or not.
        commitment: HourlyRate,
        /// Pools that it covers, greatest discount first, and the plan's price of one VM.
        covers: Vec<(PoolId, HourlyRate)>,
    },
}

/// On-demand VM time in a clock hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourOfUse {
    /// Its start, or where counting begins.
    pub from: SimTime,
    /// Its length in microseconds: the first and the last may be cut.
    pub length: u64,
    /// VM time by pool, microseconds; 0 for spot pools.
    pub vms: Vec<u64>,
}

/// Who pays for the VM time of a pool in an hour; times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// On demand.
    pub on_demand: u64,
    /// Covered by reservations, and what they cost.
    pub reserved: (u64, Accrual),
    /// Covered by savings plans, and what they cost.
    pub savings_plan: (u64, Accrual),
    /// What the covered time would have cost on demand.
    pub replaced: Accrual,
}

/// What became of a commitment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// What it costs, used or not.
    pub paid: Accrual,
    /// Part of it that usage filled.
    pub used: Accrual,
    /// What the covered usage would have cost on demand.
    pub replaced: Accrual,
}

/// All hours settled.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// By commitment.
    pub commitments: Vec<Settled>,
    /// By hour and pool.
    pub hours: Vec<Vec<Split>>,
}

/// Lays commitments under the usage curve. `compute` is what they can replace of the price of one
/// VM, by pool.
pub fn settle(
    commitments: &[CommitmentSpec],
    compute: &[HourlyRate],
    hours: &[HourOfUse],
) -> Settlement {
    let mut books = Settlement {
        commitments: vec![Settled::default(); commitments.len()],
        hours: Vec::with_capacity(hours.len()),
    };
    for hour in hours {
        let mut splits: Vec<Split> =
            hour.vms.iter().map(|&vms| Split { on_demand: vms, ..Split::default() }).collect();
        for reservations in [true, false] {
            for (one, total) in commitments.iter().zip(&mut books.commitments) {
                let is_reservation = matches!(one.kind, CommitmentKind::Reservation { .. });
                if is_reservation == reservations {
                    cover(one, total, hour.length, compute, &mut splits);
                }
            }
        }
        books.hours.push(splits);
    }
    books
}

/// One commitment in one hour.
fn cover(
    one: &CommitmentSpec,
    total: &mut Settled,
    length: u64,
    compute: &[HourlyRate],
    splits: &mut [Split],
) {
    let over = |rate: HourlyRate, micros: u64| rate.over(Duration::from_micros(micros));
    match &one.kind {
        CommitmentKind::Reservation { quantity, price, units, covers } => {
            let whole = u64::from(*quantity) * length;
            total.paid += over(*price, whole);
            let mut left = u128::from(whole) * u128::from(*units);
            for &(pool, takes) in covers {
                let split = &mut splits[usize::from(pool)];
                let time = (left / u128::from(takes)).min(u128::from(split.on_demand)) as u64;
                left -= u128::from(time) * u128::from(takes);
                let filled = i128::from(time) * i128::from(takes);
                let paid = Accrual(i128::from(price.0) * filled / i128::from(*units));
                let replaced = over(compute[usize::from(pool)], time);
                split.reserved = (split.reserved.0 + time, split.reserved.1 + paid);
                split.on_demand -= time;
                split.replaced += replaced;
                total.used += paid;
                total.replaced += replaced;
            }
        }
        CommitmentKind::SavingsPlan { commitment, covers } => {
            let mut left = over(*commitment, length);
            total.paid += left;
            for &(pool, price) in covers {
                let split = &mut splits[usize::from(pool)];
                let affordable = left.0 / i128::from(price.0.max(1));
                let time = affordable.min(i128::from(split.on_demand)) as u64;
                let (paid, replaced) = (over(price, time), over(compute[usize::from(pool)], time));
                split.savings_plan = (split.savings_plan.0 + time, split.savings_plan.1 + paid);
                split.on_demand -= time;
                split.replaced += replaced;
                left -= paid;
                total.used += paid;
                total.replaced += replaced;
            }
        }
    }
}

/// How many reservations of one size would have cost least, and what they would have saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BestLevel {
    /// How many.
    pub quantity: u32,
    /// What they save against on demand.
    pub saving: Accrual,
}

/// The best level of reservations under a usage curve: one more pays as long as usage above the
/// level fills more of it than its price is of the price on demand (the break-even share).
/// `usage` is VM time an hour and the hour's length, microseconds.
pub fn best_level(usage: &[(u64, u64)], on_demand: HourlyRate, reserved: HourlyRate) -> BestLevel {
    let saving = |quantity: u64| -> i128 {
        let parts = usage.iter().map(|&(vms, length)| {
            let level = i128::from(quantity) * i128::from(length);
            let filled = level.min(i128::from(vms));
            filled * i128::from(on_demand.0) - level * i128::from(reserved.0)
        });
        parts.sum()
    };
    let most = usage.iter().map(|&(vms, length)| vms.div_ceil(length.max(1))).max().unwrap_or(0);
    // The saving is concave in the level: the last step that gains is found by halves.
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high) / 2;
        if saving(middle + 1) > saving(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    BestLevel { quantity: u32::try_from(low).unwrap_or(u32::MAX), saving: Accrual(saving(low)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000;
    const NAME: Symbol = Symbol(0);

    fn rate(units: f64) -> HourlyRate {
        HourlyRate::from_units(units)
    }

    fn hours(vms: &[&[f64]]) -> Vec<HourOfUse> {
        let hour = |(index, vms): (usize, &&[f64])| HourOfUse {
            from: SimTime::from_secs(index as u64 * 3_600),
            length: HOUR,
            vms: vms.iter().map(|hours| (hours * HOUR as f64) as u64).collect(),
        };
        vms.iter().enumerate().map(hour).collect()
    }

    fn reservation(quantity: u32, units: u32, covers: Vec<(PoolId, u32)>) -> CommitmentSpec {
        let kind = CommitmentKind::Reservation { quantity, price: rate(0.1), units, covers };
        CommitmentSpec { name: NAME, term: Term::OneYear, kind }
    }

    fn plan(commitment: f64, covers: Vec<(PoolId, HourlyRate)>) -> CommitmentSpec {
        let kind = CommitmentKind::SavingsPlan { commitment: rate(commitment), covers };
        CommitmentSpec { name: NAME, term: Term::OneYear, kind }
    }

    fn money(accrual: Accrual) -> f64 {
        accrual.money().units()
    }

    #[test]
    fn vms_that_ran_half_an_hour_each_fill_one_reservation_and_what_is_left_is_lost() {
        // Two VMs for half an hour; none; three for the whole hour.
        let used = hours(&[&[1.0], &[0.0], &[3.0]]);
        let books = settle(&[reservation(1, 1, vec![(PoolId(0), 1)])], &[rate(0.2)], &used);
        let one = books.commitments[0];
        assert_eq!((money(one.paid), money(one.used)), (0.3, 0.2));
        assert_eq!(money(one.replaced), 0.4);
        let on_demand: Vec<u64> = books.hours.iter().map(|pools| pools[0].on_demand).collect();
        assert_eq!(on_demand, [0, 0, 2 * HOUR]);
    }

    #[test]
    fn a_flexible_reservation_fills_smaller_sizes_by_their_units() {
        // One D8 (8 units) reserved; half a D8-hour and three D4-hours (4 units each) used.
        let used = hours(&[&[0.5, 3.0]]);
        let covers = vec![(PoolId(0), 8), (PoolId(1), 4)];
        let prices = [rate(0.4), rate(0.2)];
        let books = settle(&[reservation(1, 8, covers)], &prices, &used);
        let [large, small] = [books.hours[0][0], books.hours[0][1]];
        assert_eq!((large.on_demand, large.reserved.0), (0, HOUR / 2));
        assert_eq!((small.on_demand, small.reserved.0), (2 * HOUR, HOUR));
        assert_eq!((money(small.reserved.1), money(small.replaced)), (0.05, 0.2));
        assert_eq!(money(books.commitments[0].used), 0.1);
    }

    #[test]
    fn a_savings_plan_comes_after_reservations_and_takes_the_greatest_discount_first() {
        let used = hours(&[&[2.0, 2.0], &[0.0, 1.0]]);
        let prices = [rate(0.2), rate(0.2)];
        let covers = vec![(PoolId(0), rate(0.1)), (PoolId(1), rate(0.15))];
        let all = [plan(0.25, covers), reservation(1, 1, vec![(PoolId(0), 1)])];
        let books = settle(&all, &prices, &used);
        // Hour 1: the reservation takes one VM of pool 0, the plan the other (0.10) and one of
        // pool 1 (0.15). Hour 2: the plan takes the only VM (0.15), 0.10 of it and the reservation
        // are lost.
        let first = books.hours[0][0];
        assert_eq!((first.on_demand, first.reserved.0, first.savings_plan.0), (0, HOUR, HOUR));
        assert_eq!(books.hours[0][1].on_demand, HOUR);
        assert_eq!(money(books.commitments[0].used), 0.4);
        assert_eq!(money(books.commitments[0].paid), 0.5);
        assert_eq!(money(books.commitments[1].used), 0.1);
    }

    #[test]
    fn the_best_level_ends_where_use_falls_below_break_even() {
        // Four VMs always, a fifth in 6 of 10 hours, a sixth in 5 of 10: at 59 % break-even the
        // fifth pays, the sixth does not.
        let usage: Vec<(u64, u64)> = (0..10)
            .map(|hour| (4 + u64::from(hour < 6) + u64::from(hour < 5), HOUR))
            .map(|(vms, hour)| (vms * hour, hour))
            .collect();
        let best = best_level(&usage, rate(0.23), rate(0.1357));
        assert_eq!(best.quantity, 5);
        let saved = 46.0 * 0.23 - 50.0 * 0.1357;
        assert!((money(best.saving) - saved).abs() < 1e-6);
        assert_eq!(best_level(&usage, rate(0.1), rate(0.1)), BestLevel::default());
        assert_eq!(best_level(&[], rate(0.2), rate(0.1)), BestLevel::default());
    }
}
