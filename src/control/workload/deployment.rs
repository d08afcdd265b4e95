//! Deployments: how a new version takes the place of the old one.
//!
//! kubernetes 1.36 `pkg/controller/deployment/{rolling.go,recreate.go}`,
//! `pkg/controller/deployment/util/deployment_util.go` (`NewRSNewReplicas`, `ResolveFenceposts`).
//! Blue-green and canary are not Deployment strategies: they are what rollout tools make of two
//! versions side by side, a planned change of replicas over a window.

use crate::rules::{IntOrPercent, percent_rounded_up};
use crate::unit::Duration;

/// `progressDeadlineSeconds` by default.
pub const PROGRESS_DEADLINE: Duration = Duration::from_secs(600);

/// How a new version is rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `RollingUpdate`
    Rolling {
        /// Pods above the desired number.
        max_surge: IntOrPercent,
        /// Pods that may be missing.
        max_unavailable: IntOrPercent,
    },
    /// `OnDelete` of DaemonSets and StatefulSets: what others delete is made anew.
    OnDelete,
    /// `Recreate`: the old pods go before the new ones come.
    Recreate,
    /// All new pods beside all old ones; the old ones go when the new ones have been available and
    /// the window is over.
    BlueGreen {
        /// The window, from the begin.
        window: Duration,
    },
    /// A share of new pods beside the old ones for a window, then a rolling update.
    Canary {
        /// Percent of the desired number.
        percent: i64,
        /// The window, from the begin.
        window: Duration,
    },
}

impl Default for Strategy {
    /// `pkg/apis/apps/v1/defaults.go`: 25 % and 25 %.
    fn default() -> Self {
        let quarter = IntOrPercent::Percent(25);
        Self::Rolling { max_surge: quarter, max_unavailable: quarter }
    }
}

/// One version's ReplicaSet (the old ones together count as one).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// `spec.replicas`
    pub wanted: u32,
    /// Pods that exist, those that terminate too.
    pub exist: u32,
    /// Pods that are available.
    pub available: u32,
}

/// A rollout as the controller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// `spec.replicas` of the Deployment.
    pub replicas: u32,
    /// The new version.
    pub new: Version,
    /// The old one.
    pub old: Version,
    /// Time since the rollout began.
    pub age: Duration,
}

/// Surge and missing pods in numbers: the surge rounded up, the missing down, and not both zero.
pub fn fenceposts(surge: IntOrPercent, unavailable: IntOrPercent, replicas: u32) -> (u32, u32) {
    let replicas = i64::from(replicas);
    let surge = surge.of_rounded_up(replicas).clamp(0, i64::from(u32::MAX)) as u32;
    let missing = match unavailable {
        IntOrPercent::Int(count) => count,
        IntOrPercent::Percent(percent) => (percent * replicas).div_euclid(100),
    };
    let missing = missing.clamp(0, replicas) as u32;
    if surge == 0 && missing == 0 { (0, 1) } else { (surge, missing) }
}

/// `spec.replicas` of the new and of the old version after one sync.
pub fn targets(strategy: Strategy, rollout: &Rollout) -> (u32, u32) {
    let Rollout { replicas, new, old, age } = *rollout;
    match strategy {
        Strategy::Rolling { max_surge, max_unavailable } => {
            let (surge, missing) = fenceposts(max_surge, max_unavailable, replicas);
            rolling_update(rollout, surge, missing)
        }
        Strategy::OnDelete => (new.wanted, old.wanted),
        Strategy::Recreate if old.wanted > 0 || old.exist > 0 => (new.wanted, 0),
        Strategy::Recreate => (replicas, 0),
        Strategy::BlueGreen { window } => {
            let switched = new.available >= replicas && age >= window;
            (replicas, if switched { 0 } else { old.wanted })
        }
        Strategy::Canary { percent, window } if age < window => {
            let share = percent_rounded_up(percent, i64::from(replicas));
            (share.clamp(0, i64::from(replicas)) as u32, old.wanted)
        }
        Strategy::Canary { .. } => targets(Strategy::default(), rollout),
    }
}

/// `reconcileNewReplicaSet`, and if it changes nothing `reconcileOldReplicaSets`.
fn rolling_update(rollout: &Rollout, surge: u32, missing: u32) -> (u32, u32) {
    let Rollout { replicas, new, old, .. } = *rollout;
    let scaled = if new.wanted >= replicas {
        replicas
    } else {
        let room = (replicas + surge).saturating_sub(new.wanted + old.wanted);
        new.wanted + room.min(replicas - new.wanted)
    };
    if scaled != new.wanted {
        return (scaled, old.wanted);
    }
    let least = replicas - missing.min(replicas);
    let new_unavailable = new.wanted.saturating_sub(new.available);
    let may_go = (new.wanted + old.wanted).saturating_sub(least + new_unavailable);
    if old.wanted == 0 || may_go == 0 {
        return (new.wanted, old.wanted);
    }
    let unhealthy = old.wanted.saturating_sub(old.available).min(may_go);
    let spare = (new.available + old.available).saturating_sub(least);
    let left = old.wanted - unhealthy;
    (new.wanted, left - spare.min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(wanted: u32, available: u32) -> Version {
        Version { wanted, exist: wanted, available }
    }

    fn rollout(replicas: u32, new: Version, old: Version) -> Rollout {
        Rollout { replicas, new, old, age: Duration::ZERO }
    }

    // kubernetes `deployment_util_test.go` TestResolveFenceposts and TestNewRSNewReplicas,
    // `rolling_test.go` TestDeploymentController_reconcileOldReplicaSets.
    #[test]
    fn fenceposts_are_never_both_zero() {
        use IntOrPercent::{Int, Percent};
        for (surge, missing, replicas, expected) in [
            (Percent(0), Percent(0), 0, (0, 1)),
            (Percent(39), Percent(39), 0, (0, 1)),
            (Percent(39), Percent(39), 10, (4, 3)),
            (Percent(0), Percent(0), 10, (0, 1)),
            (Int(1), Int(0), 10, (1, 0)),
            (Percent(25), Percent(25), 4, (1, 1)),
        ] {
            assert_eq!(fenceposts(surge, missing, replicas), expected, "{surge:?} {missing:?}");
        }
    }

    #[test]
    fn new_pods_come_as_far_as_the_surge_allows() {
        for (replicas, surge, old, new, expected) in [
            (1, 0, 10, 0, 0),
            (5, 0, 5, 0, 0),
            (10, 2, 10, 0, 2),
            (10, 2, 5, 0, 7),
            (10, 2, 10, 2, 2),
            (10, 2, 0, 2, 10),
        ] {
            let view = rollout(replicas, version(new, 0), version(old, 0));
            assert_eq!(rolling_update(&view, surge, 0).0, expected, "{old} old, {new} new");
        }
    }

    #[test]
    fn old_pods_go_as_far_as_available_ones_allow() {
        for (replicas, missing, old, new, expected) in [
            (10, 0, version(10, 10), version(0, 0), 10),
            (10, 2, version(10, 10), version(0, 0), 8),
            // Unhealthy ones go first and cost nothing.
            (10, 2, version(10, 8), version(0, 0), 8),
            (10, 2, version(10, 9), version(0, 0), 8),
            (10, 2, version(8, 8), version(2, 0), 8),
            (10, 2, version(8, 8), version(2, 2), 6),
        ] {
            let view = rollout(replicas, new, old);
            assert_eq!(rolling_update(&view, 0, missing).1, expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn the_other_ways_of_a_rollout() {
        let hour = Duration::from_mins(60);
        let blue = Strategy::BlueGreen { window: hour };
        let canary = Strategy::Canary { percent: 10, window: hour };
        let early = rollout(4, version(0, 0), version(4, 4));
        let both = rollout(4, version(4, 4), version(4, 4));
        let late = Rollout { age: hour, ..both };
        for (strategy, view, expected) in [
            (Strategy::Recreate, early, (0, 0)),
            (Strategy::Recreate, rollout(4, version(0, 0), version(0, 0)), (4, 0)),
            (blue, early, (4, 4)),
            (blue, both, (4, 4)),
            (blue, late, (4, 0)),
            (canary, early, (1, 4)),
            (canary, Rollout { age: hour, ..rollout(4, version(1, 1), version(4, 4)) }, (1, 2)),
        ] {
            assert_eq!(targets(strategy, &view), expected, "{strategy:?}");
        }
    }
}
