//! Deleting one node: taint, wait, evict, wait for the pods to go, delete the VM; or give up.
//!
//! cluster-autoscaler `pkg/core/scaledown/actuation/{actuator,drain}.go` @ 33c3f97. The machine is
//! told the time and what is on the node, and says what to do and when to come back.

use super::AutoscalerSpec;
use crate::unit::{Duration, NodeId, PodId, SimTime};

/// A refused eviction is tried again after this long (`DefaultEvictionRetryTime`).
const EVICTION_RETRY: Duration = Duration::from_secs(10);
/// Pods are looked for this often while they go.
const POLL: Duration = Duration::from_secs(5);
/// Grace on top of the pods' own before the drain fails (`PodEvictionHeadroom`).
const HEADROOM: Duration = Duration::from_secs(30);

/// A pod on the node, as far as the drain cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The pod.
    pub pod: PodId,
    /// Its own grace period.
    pub grace: Duration,
    /// It belongs to a DaemonSet (or is a static pod): never waited for.
    pub daemon: bool,
    /// It has been told to stop.
    pub stopping: bool,
}

/// What to do for a node that is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionAction {
    /// Ask the eviction API for this pod, with this much grace.
    Evict {
        /// The pod.
        pod: PodId,
        /// Grace.
        grace: Duration,
        /// Nothing waits for it (a DaemonSet's pod).
        best_effort: bool,
    },
    /// Delete the VM.
    DeleteVm,
    /// Take the taints off again: the deletion has failed.
    GiveUp(GiveUp),
}

/// Why a deletion failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// A node taken to be empty has pods.
    NotEmpty,
    /// Evictions were refused for `max-pod-eviction-time`.
    EvictionRefused,
    /// Pods did not go within `max-graceful-termination-sec` and 30 s.
    PodsStayed,
}

/// A deletion under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The node.
    pub node: NodeId,
    /// Its pods are evicted first; otherwise it must be empty.
    pub drain: bool,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Tainted; evictions begin when the scheduler has seen the taint.
    Tainted,
    /// Evictions are asked for until this instant; these are granted already.
    Evicting { give_up: SimTime, granted: Vec<PodId> },
    /// All are granted; the pods go.
    Waiting { give_up: SimTime },
    /// The VM is being deleted, or the deletion has failed.
    Over,
}

impl Deletion {
    /// Begins: the caller taints (and cordons) the node now and comes back at the instant returned.
    pub fn begin(
        spec: &AutoscalerSpec,
        node: NodeId,
        drain: bool,
        now: SimTime,
    ) -> (Self, SimTime) {
        let deletion = Self { node, drain, phase: Phase::Tainted };
        (deletion, now + spec.delete_delay_after_taint)
    }

    /// One step: what to do now. The caller carries it out, reports granted evictions by
    /// [`Self::granted`], and comes back at [`Self::next`].
    pub fn step(
        &mut self,
        spec: &AutoscalerSpec,
        occupants: &[Occupant],
        now: SimTime,
    ) -> Vec<DeletionAction> {
        match &self.phase {
            Phase::Tainted if self.drain => {
                let give_up = now + spec.max_pod_eviction_time;
                self.phase = Phase::Evicting { give_up, granted: Vec::new() };
                self.evictions(spec, occupants, spec.daemonset_eviction_occupied)
            }
            Phase::Tainted => self.delete_if_empty(spec, occupants),
            Phase::Evicting { give_up, granted } => {
                let left = occupants
                    .iter()
                    .any(|pod| waits(pod) && !pod.stopping && !granted.contains(&pod.pod));
                if left && now > *give_up {
                    return self.fail(GiveUp::EvictionRefused);
                }
                if left {
                    return self.evictions(spec, occupants, false);
                }
                self.phase =
                    Phase::Waiting { give_up: now + spec.max_graceful_termination + HEADROOM };
                self.step(spec, occupants, now)
            }
            Phase::Waiting { give_up } => {
                if !occupants.iter().any(waits) {
                    self.phase = Phase::Over;
                    return vec![DeletionAction::DeleteVm];
                }
                if now >= *give_up {
                    return self.fail(GiveUp::PodsStayed);
                }
                Vec::new()
            }
            Phase::Over => Vec::new(),
        }
    }

    /// An eviction was granted.
    pub fn granted(&mut self, pod: PodId) {
        if let Phase::Evicting { granted, .. } = &mut self.phase {
            granted.push(pod);
        }
    }

    /// When to come back after a step at `now`; `None`: it is over.
    pub fn next(&self, occupants: &[Occupant], now: SimTime) -> Option<SimTime> {
        match &self.phase {
            Phase::Tainted | Phase::Over => None,
            Phase::Evicting { granted, .. } => {
                let refused = occupants
                    .iter()
                    .any(|pod| waits(pod) && !pod.stopping && !granted.contains(&pod.pod));
                Some(if refused { now + EVICTION_RETRY } else { now })
            }
            Phase::Waiting { .. } => Some(now + POLL),
        }
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn delete_if_empty(
        &mut self,
        spec: &AutoscalerSpec,
        occupants: &[Occupant],
    ) -> Vec<DeletionAction> {
        if occupants.iter().any(waits) {
            return self.fail(GiveUp::NotEmpty);
        }
        self.phase = Phase::Over;
        let mut actions = Vec::new();
        if spec.daemonset_eviction_empty {
            actions.extend(daemons(spec, occupants));
        }
        actions.push(DeletionAction::DeleteVm);
        actions
    }

    fn evictions(
        &self,
        spec: &AutoscalerSpec,
        occupants: &[Occupant],
        with_daemons: bool,
    ) -> Vec<DeletionAction> {
        let Phase::Evicting { granted, .. } = &self.phase else { return Vec::new() };
        let mut actions: Vec<DeletionAction> = occupants
            .iter()
            .filter(|pod| waits(pod) && !pod.stopping && !granted.contains(&pod.pod))
            .map(|pod| DeletionAction::Evict {
                pod: pod.pod,
                grace: pod.grace.min(spec.max_graceful_termination),
                best_effort: false,
            })
            .collect();
        if with_daemons {
            actions.extend(daemons(spec, occupants));
        }
        actions
    }

    fn fail(&mut self, why: GiveUp) -> Vec<DeletionAction> {
        self.phase = Phase::Over;
        vec![DeletionAction::GiveUp(why)]
    }
}

/// Whether a deletion waits for the pod.
const fn waits(pod: &Occupant) -> bool {
    !pod.daemon
}

fn daemons<'a>(
    spec: &'a AutoscalerSpec,
    occupants: &'a [Occupant],
) -> impl Iterator<Item = DeletionAction> + 'a {
    occupants.iter().filter(|pod| pod.daemon && !pod.stopping).map(|pod| DeletionAction::Evict {
        pod: pod.pod,
        grace: pod.grace.min(spec.max_graceful_termination),
        best_effort: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::KubernetesVersion;

    const fn pod(number: u32) -> Occupant {
        Occupant {
            pod: PodId(number),
            grace: Duration::from_secs(30),
            daemon: false,
            stopping: false,
        }
    }

    fn at(seconds: u64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    #[test]
    fn an_empty_node_goes_five_seconds_after_its_taint() {
        let spec = AutoscalerSpec::aks(KubernetesVersion::DEFAULT);
        let (mut deletion, first) = Deletion::begin(&spec, NodeId(1), false, at(100));
        assert_eq!(first, at(105));
        let daemon = Occupant { daemon: true, ..pod(7) };
        assert_eq!(deletion.step(&spec, &[daemon], at(105)), [DeletionAction::DeleteVm]);
        assert!(deletion.is_over());
    }

    #[test]
    fn a_node_that_is_not_empty_any_more_stays() {
        let spec = AutoscalerSpec::aks(KubernetesVersion::DEFAULT);
        let (mut deletion, _) = Deletion::begin(&spec, NodeId(1), false, at(100));
        let actions = deletion.step(&spec, &[pod(1)], at(105));
        assert_eq!(actions, [DeletionAction::GiveUp(GiveUp::NotEmpty)]);
    }

    #[test]
    fn refused_evictions_are_tried_every_ten_seconds_for_two_minutes() {
        let spec = AutoscalerSpec::aks(KubernetesVersion::DEFAULT);
        let (mut deletion, mut now) = Deletion::begin(&spec, NodeId(1), true, at(0));
        let occupants = [pod(1), pod(2)];
        let mut tries = 0;
        let why = loop {
            let actions = deletion.step(&spec, &occupants, now);
            match actions[0] {
                DeletionAction::GiveUp(why) => break why,
                _ => tries += 1,
            }
            if tries == 1 {
                deletion.granted(PodId(1));
            }
            now = deletion.next(&occupants, now).unwrap();
        };
        assert_eq!((why, tries, now), (GiveUp::EvictionRefused, 13, at(135)));
    }

    #[test]
    fn the_vm_goes_once_the_pods_are_gone() {
        let spec = AutoscalerSpec::aks(KubernetesVersion::DEFAULT);
        let (mut deletion, now) = Deletion::begin(&spec, NodeId(1), true, at(0));
        let mut occupant = pod(1);
        assert_eq!(deletion.step(&spec, &[occupant], now).len(), 1);
        deletion.granted(PodId(1));
        occupant.stopping = true;
        assert_eq!(deletion.next(&[occupant], now), Some(now));
        assert!(deletion.step(&spec, &[occupant], now).is_empty());
        assert_eq!(deletion.next(&[occupant], now), Some(at(10)));
        assert_eq!(deletion.step(&spec, &[], at(10)), [DeletionAction::DeleteVm]);
    }
}
