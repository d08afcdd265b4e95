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
/// How often a kubelet renews its node's lease: a quarter of `nodeLeaseDurationSeconds`, 40 s
/// (`pkg/kubelet/kubelet.go`, `nodeLeaseRenewIntervalFraction`).
pub const LEASE_RENEWAL: Duration = Duration::from_secs(10);
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

/// When it is noticed that a kubelet is silent which renews its lease every 10 s at `lease_phase`
/// and did so last before `stopped`. The monitor, every 5 s at `monitor_phase`, counts the grace
/// period from its own run that saw the renewal (`tryUpdateNodeHealth`, `probeTimestamp`).
pub fn silence_noticed(
    stopped: SimTime,
    lease_phase: Duration,
    monitor_phase: Duration,
    version: KubernetesVersion,
) -> SimTime {
    let running = stopped.micros().saturating_sub(lease_phase.micros());
    let renewed = stopped.saturating_sub(Duration::from_micros(running % LEASE_RENEWAL.micros()));
    run_after(renewed, MONITOR_PERIOD, monitor_phase) + grace_period(version)
}

/// The first run, every `period` at `phase`, at `at` or later.
fn run_after(at: SimTime, period: Duration, phase: Duration) -> SimTime {
    let since = at.micros().saturating_sub(phase.micros());
    SimTime::from_micros(since.div_ceil(period.micros()) * period.micros()) + phase
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
    let seen = run_after(gone, GC_PERIOD, phase);
    run_after(seen + GC_QUARANTINE, GC_PERIOD, phase)
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
    fn silence_is_noticed_40_to_55_seconds_after_it_began() {
        let second = Duration::from_secs;
        for (stopped, lease, monitor, minor, expected) in [
            // Lease and monitor at full seconds: the renewal at 100 s is seen at 100 s.
            (100, 0, 0, 32, 150),
            (100, 0, 0, 31, 140),
            // Renewed at 100 s and seen then; silent from 109 s on.
            (109, 0, 0, 32, 150),
            // Renewed at 103 s, seen at 107 s.
            (104, 3, 2, 32, 157),
            (112, 3, 2, 32, 157),
        ] {
            let stopped = SimTime::from_secs(stopped);
            let version = KubernetesVersion::minor(minor);
            let at = silence_noticed(stopped, second(lease), second(monitor), version);
            assert_eq!(at, SimTime::from_secs(expected), "{stopped:?} {lease} {monitor} {minor}");
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
