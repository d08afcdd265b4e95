//! The verdict of the eviction API.
//!
//! Source: kubernetes `pkg/registry/core/pod/storage/eviction.go`, v1.36.2.

/// Evictions that a budget remembers at most before it refuses more.
pub const MAX_DISRUPTED: usize = 2_000;

/// The pod that is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Pending, Succeeded or Failed: there is nothing to protect.
    pub not_running: bool,
    /// Already being deleted.
    pub terminating: bool,
    /// Its Ready condition.
    pub ready: bool,
}

/// A budget that covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `status.disruptionsAllowed`
    pub allowed: i64,
    /// `status.currentHealthy`
    pub healthy: i64,
    /// `status.desiredHealthy`
    pub desired: i64,
    /// Entries in `status.disruptedPods`.
    pub disrupted: usize,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`
    pub always_allow_unhealthy: bool,
}

/// What the API answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod is deleted; no budget is used up.
    Deleted,
    /// The pod is deleted: one disruption less is allowed, and the pod is remembered as disrupted.
    Charged,
    /// 429: try again later.
    TooManyRequests,
    /// 500: more than one budget covers the pod.
    SeveralBudgets,
    /// 403: the budget remembers too many disruptions.
    TooManyDisrupted,
}

impl Eviction {
    /// Whether the pod goes.
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Deleted | Self::Charged)
    }
}

/// The verdict on evicting a pod that these budgets cover.
pub fn evict(target: Target, budgets: &[Budget]) -> Eviction {
    if target.not_running || target.terminating {
        return Eviction::Deleted;
    }
    let budget = match budgets {
        [] => return Eviction::Deleted,
        [budget] => budget,
        _ => return Eviction::SeveralBudgets,
    };
    if !target.ready {
        let enough = budget.healthy >= budget.desired && budget.desired > 0;
        if budget.always_allow_unhealthy || enough {
            return Eviction::Deleted;
        }
    }
    if budget.allowed <= 0 {
        return Eviction::TooManyRequests;
    }
    if budget.disrupted > MAX_DISRUPTED {
        return Eviction::TooManyDisrupted;
    }
    Eviction::Charged
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Target = Target { not_running: false, terminating: false, ready: true };
    const BUDGET: Budget =
        Budget { allowed: 1, healthy: 3, desired: 2, disrupted: 0, always_allow_unhealthy: false };

    #[test]
    fn the_table_of_verdicts() {
        let unready = Target { ready: false, ..RUNNING };
        let spent = Budget { allowed: 0, ..BUDGET };
        let broken = Budget { allowed: 0, healthy: 1, ..BUDGET };
        for (target, budgets, expected) in [
            (RUNNING, vec![], Eviction::Deleted),
            (RUNNING, vec![BUDGET], Eviction::Charged),
            (RUNNING, vec![spent], Eviction::TooManyRequests),
            (RUNNING, vec![BUDGET, BUDGET], Eviction::SeveralBudgets),
            (Target { not_running: true, ..RUNNING }, vec![spent], Eviction::Deleted),
            (Target { terminating: true, ..RUNNING }, vec![spent, spent], Eviction::Deleted),
            (unready, vec![spent], Eviction::Deleted),
            (unready, vec![broken], Eviction::TooManyRequests),
            (unready, vec![Budget { always_allow_unhealthy: true, ..broken }], Eviction::Deleted),
            (RUNNING, vec![Budget { disrupted: 2_001, ..BUDGET }], Eviction::TooManyDisrupted),
        ] {
            assert_eq!(evict(target, &budgets), expected, "{target:?} {budgets:?}");
        }
    }
}
