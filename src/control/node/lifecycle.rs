//! Rules and times of the node lifecycle controller, the taint eviction controller and pod GC.
//!
//! Source: kubernetes `pkg/controller/nodelifecycle/node_lifecycle_controller.go`,
//! `pkg/controller/tainteviction/taint_eviction.go`, `pkg/controller/podgc/gc_controller.go` and
//! `plugin/pkg/admission/defaulttolerationseconds`, v1.36.2.

use crate::model::{Taint, TaintEffect, Toleration};
use crate::rules::tolerates;
use crate::unit::{Duration, SimTime, Symbol, Symbols};
use crate::vocabulary::KubernetesVersion;

/// How often node health is looked at (`node-monitor-period`).
pub const MONITOR_PERIOD: Duration = Duration::from_secs(5);
/// How long pods tolerate not-ready and unreachable nodes by default (admission).
pub const DEFAULT_TOLERATION: Duration = Duration::from_secs(300);
/// How often pod GC runs.
pub const GC_PERIOD: Duration = Duration::from_secs(20);
/// How long a missing node stays in quarantine before its pods are deleted.
pub const GC_QUARANTINE: Duration = Duration::from_secs(40);
/// NoExecute tainting: nodes a second and zone, in thousandths (`node-eviction-rate`).
pub const EVICTION_RATE_MILLI: u64 = 100;
/// The same in a large zone that is partly down (`secondary-node-eviction-rate`).
pub const SECONDARY_RATE_MILLI: u64 = 10;
/// A zone is large above this many nodes (`large-cluster-size-threshold`).
pub const LARGE_ZONE: usize = 50;
/// A zone is partly down from this share of bad nodes on (`unhealthy-zone-threshold`).
pub const UNHEALTHY_ZONE_PERCENT: usize = 55;
/// Bad nodes that a partly down zone has more than.
pub const FULL_DISRUPTION: usize = 2;

/// How long a node may be silent before it is unreachable (`node-monitor-grace-period`).
pub const fn grace_period(version: KubernetesVersion) -> Duration {
    Duration::from_secs(if version.at_least(32) { 50 } else { 40 })
}

/// The Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// True.
    Ready,
    /// False: the kubelet says so.
    NotReady,
    /// Unknown: the kubelet is silent.
    Unknown,
}

/// Names of the controller's taints, interned once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecycleNames {
    /// `node.kubernetes.io/not-ready`
    pub not_ready: Symbol,
    /// `node.kubernetes.io/unreachable`
    pub unreachable: Symbol,
    /// `node.kubernetes.io/unschedulable`
    pub unschedulable: Symbol,
    /// `node.cloudprovider.kubernetes.io/uninitialized`
    pub uninitialized: Symbol,
    /// `node.cloudprovider.kubernetes.io/shutdown`
    pub shutdown: Symbol,
}

impl LifecycleNames {
    /// Interns the names.
    pub fn new(symbols: &mut Symbols) -> Self {
        Self {
            not_ready: symbols.intern("node.kubernetes.io/not-ready"),
            unreachable: symbols.intern("node.kubernetes.io/unreachable"),
            unschedulable: symbols.intern("node.kubernetes.io/unschedulable"),
            uninitialized: symbols.intern("node.cloudprovider.kubernetes.io/uninitialized"),
            shutdown: symbols.intern("node.cloudprovider.kubernetes.io/shutdown"),
        }
    }

    /// Whether the controller owns a taint of this key, so that it replaces it.
    pub fn owns(&self, taint: &Taint) -> bool {
        taint.key == self.not_ready
            || taint.key == self.unreachable
            || taint.key == self.unschedulable
    }
}

/// The taints that the controller wants on a node, in its order: NoSchedule at once, NoExecute as
/// far as `evicting` (its rate limit has let the node through).
pub fn condition_taints(
    names: &LifecycleNames,
    condition: Condition,
    cordoned: bool,
    evicting: bool,
) -> Vec<Taint> {
    let taint = |key, effect| Taint { key, value: Symbol::EMPTY, effect };
    let mut taints = Vec::new();
    let key = match condition {
        Condition::Ready => None,
        Condition::NotReady => Some(names.not_ready),
        Condition::Unknown => Some(names.unreachable),
    };
    if let Some(key) = key {
        taints.push(taint(key, TaintEffect::NoSchedule));
        if evicting {
            taints.push(taint(key, TaintEffect::NoExecute));
        }
    }
    if cordoned {
        taints.push(taint(names.unschedulable, TaintEffect::NoSchedule));
    }
    taints
}

/// When a pod must leave a node that got these taints at `tainted`: `None` if never. At once if a
/// NoExecute taint is not tolerated, otherwise after the smallest `tolerationSeconds` in use.
pub fn eviction_time(
    taints: &[Taint],
    tolerations: &[Toleration],
    tainted: SimTime,
) -> Option<SimTime> {
    let mut shortest: Option<Duration> = None;
    for taint in taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute) {
        let Some(used) = tolerations.iter().find(|toleration| tolerates(toleration, taint)) else {
            return Some(tainted);
        };
        if let Some(seconds) = used.seconds {
            shortest = Some(shortest.map_or(seconds, |other| other.min(seconds)));
        }
    }
    shortest.map(|stay| tainted + stay)
}

/// How bad a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneState {
    /// Few nodes are bad.
    Normal,
    /// Many are.
    PartlyDown,
    /// All are.
    Down,
}

/// State of a zone with `bad` of `nodes` nodes not ready.
pub const fn zone_state(bad: usize, nodes: usize) -> ZoneState {
    if nodes > 0 && bad == nodes {
        ZoneState::Down
    } else if bad > FULL_DISRUPTION && bad * 100 >= UNHEALTHY_ZONE_PERCENT * nodes {
        ZoneState::PartlyDown
    } else {
        ZoneState::Normal
    }
}

/// Nodes a second (in thousandths) that may get NoExecute in a zone. If every zone is down the
/// fault is taken to be the controller's own and nothing is evicted.
pub const fn evictions_milli(state: ZoneState, nodes: usize, every_zone_down: bool) -> u64 {
    match state {
        _ if every_zone_down => 0,
        ZoneState::Normal | ZoneState::Down => EVICTION_RATE_MILLI,
        ZoneState::PartlyDown if nodes > LARGE_ZONE => SECONDARY_RATE_MILLI,
        ZoneState::PartlyDown => 0,
    }
}

/// When pod GC deletes the pods of a Node object that is deleted at `gone`, with runs every 20 s at
/// `phase`: the first run sees it missing, quarantine follows, a later run deletes.
pub fn garbage_collected(gone: SimTime, phase: Duration) -> SimTime {
    let run_after = |at: SimTime| {
        let period = GC_PERIOD.micros();
        let since = at.micros().saturating_sub(phase.micros());
        SimTime::from_micros(since.div_ceil(period) * period) + phase
    };
    run_after(run_after(gone) + GC_QUARANTINE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TolerationOp;

    #[test]
    fn the_smallest_toleration_decides_and_an_untolerated_taint_evicts_at_once() {
        let key = Symbol(7);
        let taint = |key| Taint { key, value: Symbol::EMPTY, effect: TaintEffect::NoExecute };
        let tolerates = |key, seconds| Toleration {
            key: Some(key),
            op: TolerationOp::Exists,
            value: Symbol::EMPTY,
            effect: None,
            seconds,
        };
        let other = Symbol(8);
        let (short, long) = (Duration::from_secs(2), DEFAULT_TOLERATION);
        let start = SimTime::from_secs(100);
        for (taints, tolerations, expected) in [
            (vec![], vec![], None),
            (vec![taint(key)], vec![], Some(start)),
            (vec![taint(key)], vec![tolerates(key, None)], None),
            (vec![taint(key)], vec![tolerates(key, Some(long))], Some(start + long)),
            (
                vec![taint(key), taint(other)],
                vec![tolerates(key, Some(long)), tolerates(other, Some(short))],
                Some(start + short),
            ),
            (vec![taint(key), taint(other)], vec![tolerates(key, None)], Some(start)),
        ] {
            assert_eq!(eviction_time(&taints, &tolerations, start), expected);
        }
    }

    #[test]
    fn lost_pods_vanish_40_to_80_seconds_after_their_node() {
        for (gone, phase, expected) in [(0, 0, 40), (1, 0, 60), (21, 0, 80), (5, 7, 47)] {
            let at = garbage_collected(SimTime::from_secs(gone), Duration::from_secs(phase));
            assert_eq!(at, SimTime::from_secs(expected), "{gone} {phase}");
        }
    }

    #[test]
    fn a_zone_that_is_partly_down_is_spared() {
        for (bad, nodes, every, expected) in [
            (1, 10, false, 100),
            (6, 10, false, 0),
            (60, 100, false, 10),
            (10, 10, false, 100),
            (10, 10, true, 0),
            (2, 3, false, 100),
        ] {
            let rate = evictions_milli(zone_state(bad, nodes), nodes, every);
            assert_eq!(rate, expected, "{bad} of {nodes}");
        }
    }
}
