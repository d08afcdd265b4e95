//! Numbers of PodDisruptionBudgets.
//!
//! Source: kubernetes `pkg/controller/disruption/disruption.go` (`getExpectedPodCount`,
//! `updatePdbStatus`), v1.36.2.

use super::selector::matches_labels;
use crate::model::{LabelSelector, PodShape};
use crate::unit::{Symbol, Symbols};

/// A number or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// A count.
    Int(i64),
    /// Percent.
    Percent(i64),
}

impl IntOrPercent {
    /// The count, percentages of `total` rounded up.
    pub fn of_rounded_up(self, total: i64) -> i64 {
        match self {
            Self::Int(count) => count,
            Self::Percent(percent) => percent_rounded_up(percent, total),
        }
    }
}

/// `percent` of `total`, rounded up.
pub const fn percent_rounded_up(percent: i64, total: i64) -> i64 {
    let product = percent * total;
    product.div_euclid(100) + (product.rem_euclid(100) != 0) as i64
}

/// The pods a budget covers, as the disruption controller counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controlled {
    /// Matched pods.
    pub matching: i64,
    /// Desired replicas summed over the distinct controllers of the matched pods; `None` if one of
    /// them cannot be scaled, which fails the sync.
    pub expected_by_controllers: Option<i64>,
    /// Matched pods that are Ready, not terminating and not just being disrupted.
    pub healthy: i64,
}

/// The status of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    /// `expectedPods`
    pub expected: i64,
    /// `desiredHealthy`
    pub desired: i64,
    /// `currentHealthy`
    pub healthy: i64,
    /// `disruptionsAllowed`
    pub allowed: i64,
}

/// Status of a budget over these pods. A failed sync allows nothing.
pub fn budget_status(
    min_available: Option<IntOrPercent>,
    max_unavailable: Option<IntOrPercent>,
    pods: &Controlled,
) -> BudgetStatus {
    let healthy = pods.healthy;
    let failed = BudgetStatus { healthy, ..Default::default() };
    let (expected, desired) = if let Some(most) = max_unavailable {
        let Some(expected) = pods.expected_by_controllers else { return failed };
        (expected, (expected - most.of_rounded_up(expected)).max(0))
    } else {
        match min_available {
            Some(IntOrPercent::Int(least)) => (pods.matching, least),
            Some(share @ IntOrPercent::Percent(_)) => {
                let Some(expected) = pods.expected_by_controllers else { return failed };
                (expected, share.of_rounded_up(expected))
            }
            None => (0, 0),
        }
    };
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    BudgetStatus { expected, desired, healthy, allowed }
}

/// Whether a budget of this namespace and selector covers a pod. A nil selector covers none; an
/// empty one covers the namespace (policy/v1).
pub fn selects(
    namespace: Symbol,
    selector: Option<&LabelSelector>,
    pod: &PodShape,
    symbols: &Symbols,
) -> bool {
    namespace == pod.namespace
        && selector.is_some_and(|selector| matches_labels(selector, &pod.labels, symbols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_up() {
        for (percent, total, expected) in
            [(28, 11, 4), (50, 4, 2), (1, 1, 1), (0, 9, 0), (100, 7, 7)]
        {
            assert_eq!(percent_rounded_up(percent, total), expected, "{percent} % of {total}");
        }
    }

    #[test]
    fn the_two_kinds_of_budget_count_differently() {
        let pods = Controlled { matching: 3, expected_by_controllers: Some(10), healthy: 3 };
        let at_least_two = budget_status(Some(IntOrPercent::Int(2)), None, &pods);
        assert_eq!((at_least_two.expected, at_least_two.allowed), (3, 1));
        let at_least_half = budget_status(Some(IntOrPercent::Percent(50)), None, &pods);
        assert_eq!((at_least_half.expected, at_least_half.desired), (10, 5));
        let one_down = budget_status(None, Some(IntOrPercent::Int(8)), &pods);
        assert_eq!((one_down.desired, one_down.allowed), (2, 1));
        let unscalable = Controlled { expected_by_controllers: None, ..pods };
        assert_eq!(budget_status(None, Some(IntOrPercent::Int(8)), &unscalable).allowed, 0);
    }
}
