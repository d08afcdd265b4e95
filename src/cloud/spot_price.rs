//! The price of spot VMs over time: what they pay, and when they are too dear for their pool.
//!
//! Azure (azure-compute-docs `spot-vms.md`, "Pricing"): with a maximum of −1 a VM is never evicted
//! for its price and pays the spot price or the on-demand price, whichever is less; with a maximum
//! of its own it pays the spot price, is evicted when that exceeds the maximum, and none is made
//! above it.

use crate::unit::{Accrual, HourlyRate, SimTime};

/// The spot price of one zone of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceCurve {
    /// What a VM pays from each instant on; ascending, the first at zero.
    steps: Vec<(SimTime, HourlyRate)>,
    /// When the price is above the pool's maximum: from, until; ascending.
    dear: Vec<(SimTime, SimTime)>,
}

impl PriceCurve {
    /// `first` holds up to the first of the `changes` (ascending). `most`: `spotMaxPrice`, `None`
    /// for −1. `on_demand`: the price of the size on demand, where it is known.
    pub fn new(
        first: HourlyRate,
        changes: &[(SimTime, HourlyRate)],
        most: Option<HourlyRate>,
        on_demand: Option<HourlyRate>,
    ) -> Self {
        let cap = if most.is_none() { on_demand } else { None };
        let mut steps = vec![(SimTime::ZERO, first)];
        for &(at, price) in changes {
            // Of several changes at one instant the last holds.
            steps.pop_if(|last| last.0 == at);
            steps.push((at, price));
        }
        for (_, price) in &mut steps {
            *price = cap.map_or(*price, |cap| cap.min(*price));
        }
        steps.dedup_by_key(|&mut (_, price)| price);
        let mut dear: Vec<(SimTime, SimTime)> = Vec::new();
        for (index, &(at, price)) in steps.iter().enumerate() {
            if most.is_none_or(|most| price <= most) {
                continue;
            }
            let until = steps.get(index + 1).map_or(SimTime::NEVER, |next| next.0);
            match dear.last_mut() {
                Some(last) if last.1 == at => last.1 = until,
                _ => dear.push((at, until)),
            }
        }
        Self { steps, dear }
    }

    /// A price that never changes.
    pub fn constant(price: HourlyRate, most: Option<HourlyRate>) -> Self {
        Self::new(price, &[], most, None)
    }

    /// The price at an instant. O(log n).
    pub fn at(&self, now: SimTime) -> HourlyRate {
        self.steps[self.steps.partition_point(|step| step.0 <= now) - 1].1
    }

    /// When the price changes next.
    pub fn next_change(&self, now: SimTime) -> Option<SimTime> {
        self.steps.get(self.steps.partition_point(|step| step.0 <= now)).map(|step| step.0)
    }

    /// The first instant from `now` on at which the price is above the maximum. O(log n).
    pub fn too_dear_from(&self, now: SimTime) -> Option<SimTime> {
        let spell = self.dear.get(self.dear.partition_point(|spell| spell.1 <= now))?;
        Some(spell.0.max(now))
    }

    /// Whether the price is above the maximum.
    pub fn is_too_dear(&self, now: SimTime) -> bool {
        self.too_dear_from(now) == Some(now)
    }

    /// Whether the price is above the maximum all the time until `end`.
    pub fn is_too_dear_until(&self, end: SimTime) -> bool {
        self.dear.first().is_some_and(|spell| spell.0 == SimTime::ZERO && spell.1 >= end)
    }

    /// What a VM pays from one instant to another, exactly.
    pub fn over(&self, from: SimTime, until: SimTime) -> Accrual {
        let first = self.steps.partition_point(|step| step.0 <= from) - 1;
        let mut sum = Accrual::default();
        for (index, &(at, price)) in self.steps.iter().enumerate().skip(first) {
            if at >= until {
                break;
            }
            let end = self.steps.get(index + 1).map_or(until, |next| next.0.min(until));
            sum += price.over(end.since(at.max(from)));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::fixture::at;

    /// 10, from 100 s on 30, 200 s 50, 300 s 20, 400 s 60.
    fn curve(most: Option<i64>, on_demand: Option<i64>) -> PriceCurve {
        let changes = [(100, 30), (200, 50), (300, 20), (400, 60)];
        let changes = changes.map(|(seconds, price)| (at(seconds), HourlyRate(price)));
        PriceCurve::new(HourlyRate(10), &changes, most.map(HourlyRate), on_demand.map(HourlyRate))
    }

    #[test]
    fn a_price_holds_until_the_next() {
        let curve = curve(None, None);
        for (now, price, next) in
            [(0, 10, 100), (99, 10, 100), (100, 30, 200), (250, 50, 300), (399, 20, 400)]
        {
            assert_eq!(curve.at(at(now)), HourlyRate(price), "{now}");
            assert_eq!(curve.next_change(at(now)), Some(at(next)), "{now}");
        }
        assert_eq!((curve.at(at(9_000)), curve.next_change(at(400))), (HourlyRate(60), None));
    }

    #[test]
    fn without_a_maximum_nothing_is_too_dear_and_the_price_on_demand_is_the_most() {
        let curve = curve(None, Some(40));
        assert_eq!(curve.too_dear_from(at(0)), None);
        let paid = [0, 100, 200, 300, 400].map(|now| curve.at(at(now)).0);
        assert_eq!(paid, [10, 30, 40, 20, 40]);
    }

    #[test]
    fn spells_above_the_maximum_are_one_as_long_as_they_touch() {
        // most, now, too dear from
        for (most, now, from) in [
            (60, 0, None),
            (59, 0, Some(400)),
            (50, 250, Some(400)),
            (29, 0, Some(100)),
            (29, 299, Some(299)),
            (29, 300, Some(400)),
            (29, 9_000, Some(9_000)),
            (9, 0, Some(0)),
        ] {
            // The price on demand caps the bill of a VM without a maximum only.
            let curve = curve(Some(most), Some(5));
            let from = from.map(at);
            assert_eq!(curve.too_dear_from(at(now)), from, "above {most} from {now} s on");
            assert_eq!(curve.is_too_dear(at(now)), from == Some(at(now)), "{most} at {now} s");
        }
        for (most, end, always) in [(9, 300, true), (9, 9_000, true), (10, 50, false)] {
            let curve = curve(Some(most), None);
            assert_eq!(curve.is_too_dear_until(at(end)), always, "{most} until {end} s");
        }
        let falls =
            PriceCurve::new(HourlyRate(9), &[(at(60), HourlyRate(5))], Some(HourlyRate(8)), None);
        assert!(falls.is_too_dear_until(at(60)) && !falls.is_too_dear_until(at(61)));
    }

    #[test]
    fn a_bill_is_the_sum_of_its_spells() {
        let curve = curve(None, None);
        for (from, until, sum) in [
            (0, 100, 10 * 100),
            (50, 150, 10 * 50 + 30 * 50),
            (120, 130, 30 * 10),
            (0, 500, 10 * 100 + 30 * 100 + 50 * 100 + 20 * 100 + 60 * 100),
            (450, 460, 60 * 10),
            (200, 200, 0),
        ] {
            let paid = curve.over(at(from), at(until));
            assert_eq!(paid.0, sum * 1_000_000, "{from} to {until} s");
        }
    }

    #[test]
    fn of_several_prices_at_one_instant_the_last_holds() {
        let changes = [(at(0), HourlyRate(7)), (at(0), HourlyRate(8)), (at(5), HourlyRate(8))];
        let curve = PriceCurve::new(HourlyRate(1), &changes, None, None);
        assert_eq!(curve, PriceCurve::constant(HourlyRate(8), None));
        assert_eq!(curve.next_change(at(0)), None, "a price that stays is no change");
    }
}
