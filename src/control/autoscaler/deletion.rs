//! Deleting one node: taint, wait, evict, wait, delete the VM, or give up
//! (`pkg/core/scaledown/actuation`). Told the time and what came of evictions, it says what to do
//! and when to be asked again.

use super::allowance::Allowance;
use super::drain::{Drain, DrainOptions};
use super::planner::drain_of;
use super::pods::is_expendable;
use super::snapshot::Held;
use super::spec::AutoscalerSpec;
use super::view::View;
use crate::model::PodPhase;
use crate::unit::{Duration, NodeId, PodId, SimTime};

/// Refused evictions are tried again after this.
const EVICTION_RETRY: Duration = Duration::from_secs(10);
/// Pods may take this much longer than their grace.
const EVICTION_HEADROOM: Duration = Duration::from_secs(30);
/// How often it is looked whether pods are gone.
const POLL: Duration = Duration::from_secs(5);

/// Why a deletion was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// An empty node is not empty any more.
    NotEmpty,
    /// A pod came that keeps the node.
    Blocked,
    /// Evictions were refused for too long.
    EvictionRefused,
    /// Pods did not go in time.
    PodsRemain,
    /// The node is gone.
    NodeGone,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionAction {
    /// Put the ToBeDeleted taint on the node, and cordon it.
    Taint {
        /// `cordon-node-before-terminating`
        cordon: bool,
    },
    /// Take the taint off again, and uncordon.
    Untaint,
    /// Evict a pod through the eviction API. Tell [`Deletion::evicted`] whether it was accepted.
    Evict {
        /// Pod.
        pod: PodId,
        /// Grace that it gets at most.
        grace: Duration,
        /// Best effort: a DaemonSet pod that is not waited for.
        daemon: bool,
    },
    /// Ask again when the batch of the node's pool is over: one that is open, or a new one of
    /// `node-deletion-batcher-interval`.
    JoinBatch,
    /// Have the provider delete the instance.
    DeleteInstance,
}

/// How a deletion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionEnd {
    /// The provider was asked.
    Deleted,
    /// The node stays.
    GivenUp(GivenUp),
}

/// What a step says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionStep {
    /// To be carried out, in order.
    pub actions: Vec<DeletionAction>,
    /// When to ask again.
    pub next_wake: Option<SimTime>,
    /// It is over.
    pub end: Option<DeletionEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Tainted; the scheduler gets time to see it.
    Tainted,
    /// Evictions are asked for.
    Evicting {
        refused: Vec<PodId>,
        next_try: SimTime,
        until: SimTime,
        grace: Duration,
    },
    /// Pods are going.
    Leaving {
        until: SimTime,
    },
    /// Annotations delay the deletion.
    Delayed {
        until: SimTime,
    },
    /// The batch is open.
    Batched,
    Over,
}

/// The deletion of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Node.
    pub node: NodeId,
    /// Its pods are evicted first.
    pub drain: bool,
    stage: Stage,
    tainted: SimTime,
    evicted: Vec<PodId>,
    /// Pods to evict once those before are gone, the next ones last, and their longest grace.
    waves: Vec<(Vec<PodId>, Duration)>,
}

impl Deletion {
    /// Begins: the taint goes on at once.
    pub fn begin(
        spec: &AutoscalerSpec,
        node: NodeId,
        drain: bool,
        now: SimTime,
    ) -> (Self, DeletionStep) {
        let (stage, tainted, evicted) = (Stage::Tainted, now, Vec::new());
        let deletion = Self { node, drain, stage, tainted, evicted, waves: Vec::new() };
        let step = DeletionStep {
            actions: vec![DeletionAction::Taint { cordon: spec.cordon }],
            next_wake: Some(now + spec.delete_delay_after_taint),
            end: None,
        };
        (deletion, step)
    }

    /// The API server's answer to an eviction.
    pub fn evicted(&mut self, pod: PodId, accepted: bool) {
        if let Stage::Evicting { refused, .. } = &mut self.stage
            && accepted
        {
            refused.retain(|&other| other != pod);
            self.evicted.push(pod);
        }
    }

    /// Goes on. After its evictions were answered, ask again at once (`next_wake` is now).
    pub fn step(&mut self, spec: &AutoscalerSpec, view: &View<'_>, now: SimTime) -> DeletionStep {
        if self.stage == Stage::Over {
            return DeletionStep::default();
        }
        if !view.cluster.nodes[self.node].phase.has_node() {
            return self.give_up(GivenUp::NodeGone);
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Tainted => self.start(spec, view, now),
            Stage::Evicting { refused, next_try, until, grace } => {
                self.retry(spec, view, (refused, next_try, until, grace), now)
            }
            Stage::Leaving { until } => self.wait(spec, view, until, now),
            Stage::Delayed { until } => self.delay(spec, view, until, now),
            Stage::Batched => self.finish(),
            Stage::Over => DeletionStep::default(),
        }
    }

    fn give_up(&mut self, why: GivenUp) -> DeletionStep {
        self.stage = Stage::Over;
        let gone = why == GivenUp::NodeGone;
        DeletionStep {
            actions: if gone { Vec::new() } else { vec![DeletionAction::Untaint] },
            next_wake: None,
            end: Some(DeletionEnd::GivenUp(why)),
        }
    }

    fn finish(&mut self) -> DeletionStep {
        self.stage = Stage::Over;
        DeletionStep {
            actions: vec![DeletionAction::DeleteInstance],
            next_wake: None,
            end: Some(DeletionEnd::Deleted),
        }
    }

    /// The pods are gone: waits for what delays deletions
    /// (`pkg/core/scaledown/actuation/delay.go`: asked every five seconds).
    fn emptied(&mut self, spec: &AutoscalerSpec, view: &View<'_>, now: SimTime) -> DeletionStep {
        self.delay(spec, view, now + spec.deletion_delay_timeout, now)
    }

    fn delay(
        &mut self,
        spec: &AutoscalerSpec,
        view: &View<'_>,
        until: SimTime,
        now: SimTime,
    ) -> DeletionStep {
        let group = view.group_of(&view.cluster.nodes[self.node]);
        let delay = group.and_then(|group| view.groups[group].deletion_delay);
        if now < until && delay.is_some_and(|delay| now < self.tainted + delay) {
            self.stage = Stage::Delayed { until };
            let next_wake = Some((now + POLL).min(until));
            return DeletionStep { next_wake, ..DeletionStep::default() };
        }
        if spec.deletion_batch.is_zero() {
            return self.finish();
        }
        self.stage = Stage::Batched;
        DeletionStep { actions: vec![DeletionAction::JoinBatch], ..DeletionStep::default() }
    }

    /// Looks again at what is on the node, then evicts.
    fn start(&mut self, spec: &AutoscalerSpec, view: &View<'_>, now: SimTime) -> DeletionStep {
        let found = pods_of(spec, view, self.node, now);
        if found.blocked.is_some() || !found.awaited.is_empty() {
            return self.give_up(GivenUp::Blocked);
        }
        if !self.drain && !found.moved.is_empty() {
            return self.give_up(GivenUp::NotEmpty);
        }
        let flag = if self.drain {
            spec.daemonset_eviction_occupied
        } else {
            spec.daemonset_eviction_empty
        };
        // Their annotation alone decides, else the flag (`daemonset.PodsToEvict`).
        let daemons = found
            .daemons
            .into_iter()
            .filter(|&pod| view.cluster.shape(pod).annotations.daemonset_eviction.unwrap_or(flag));
        let longest = spec.max_graceful_termination;
        let by_priority = self.drain && !spec.drain_priorities.is_empty();
        let mut actions = Vec::new();
        if by_priority {
            // DaemonSet pods are waited for like the others then.
            let all = found.moved.into_iter().chain(daemons);
            let all: Vec<_> = all.map(|pod| (pod, priority(view, pod))).collect();
            self.waves = waves(&all, &spec.drain_priorities);
        } else {
            actions.extend(daemons.map(|pod| evict(view, pod, longest, true)));
            self.waves.extend((!found.moved.is_empty()).then_some((found.moved, longest)));
        }
        let mut step = self.next_wave(spec, view, now);
        // Pods that are waited for are asked first.
        step.actions.append(&mut actions);
        step.actions.sort_by_key(|action| !matches!(action, DeletionAction::Evict { .. }));
        step
    }

    /// Evicts the next pods; after the last ones goes on.
    fn next_wave(&mut self, spec: &AutoscalerSpec, view: &View<'_>, now: SimTime) -> DeletionStep {
        let Some((refused, grace)) = self.waves.pop() else { return self.emptied(spec, view, now) };
        let actions = refused.iter().map(|&pod| evict(view, pod, grace, false)).collect();
        let (next_try, until) = (now + EVICTION_RETRY, now + spec.max_pod_eviction_time);
        self.evicted.clear();
        self.stage = Stage::Evicting { refused, next_try, until, grace };
        DeletionStep { actions, next_wake: Some(now), end: None }
    }

    /// Tries refused evictions again when their turn comes.
    fn retry(
        &mut self,
        spec: &AutoscalerSpec,
        view: &View<'_>,
        (mut refused, mut next_try, until, grace): (Vec<PodId>, SimTime, SimTime, Duration),
        now: SimTime,
    ) -> DeletionStep {
        let node = self.node;
        refused.retain(|&pod| is_on(view, pod, node));
        self.evicted.extend(refused.extract_if(.., |&mut pod| is_going(view, pod)));
        if refused.is_empty() {
            let until = now + grace + EVICTION_HEADROOM;
            return self.wait(spec, view, until, now);
        }
        if now >= until {
            return self.give_up(GivenUp::EvictionRefused);
        }
        let mut step = DeletionStep::default();
        if now >= next_try {
            step.actions = refused.iter().map(|&pod| evict(view, pod, grace, false)).collect();
            next_try = now + EVICTION_RETRY;
            step.next_wake = Some(now);
        } else {
            step.next_wake = Some(next_try.min(until));
        }
        self.stage = Stage::Evicting { refused, next_try, until, grace };
        step
    }

    fn wait(
        &mut self,
        spec: &AutoscalerSpec,
        view: &View<'_>,
        until: SimTime,
        now: SimTime,
    ) -> DeletionStep {
        if self.evicted.iter().all(|&pod| !is_on(view, pod, self.node)) {
            return self.next_wave(spec, view, now);
        }
        if now >= until {
            return self.give_up(GivenUp::PodsRemain);
        }
        self.stage = Stage::Leaving { until };
        DeletionStep { next_wake: Some((now + POLL).min(until)), ..DeletionStep::default() }
    }
}

fn is_on(view: &View<'_>, pod: PodId, node: NodeId) -> bool {
    let row = &view.cluster.pods[pod];
    row.node == Some(node) && row.phase.holds_room()
}

fn is_going(view: &View<'_>, pod: PodId) -> bool {
    view.cluster.pods[pod].phase == PodPhase::Terminating
}

fn priority(view: &View<'_>, pod: PodId) -> i32 {
    view.cluster.shape(pod).priority.unwrap_or(0)
}

fn evict(view: &View<'_>, pod: PodId, longest: Duration, daemon: bool) -> DeletionAction {
    let grace = view.cluster.shape(pod).grace.min(longest);
    DeletionAction::Evict { pod, grace, daemon }
}

fn pods_of(spec: &AutoscalerSpec, view: &View<'_>, node: NodeId, now: SimTime) -> Drain<PodId> {
    let options = DrainOptions::of(spec, view.words.kube_system);
    let cluster = view.cluster;
    // Expendable pods are no more seen here than in a loop (`actuator.go`, `createSnapshot`).
    let seen = |pod: &&PodId| !is_expendable(cluster.shape(**pod).priority, spec.expendable_cutoff);
    let held = cluster.nodes[node].used.pods.iter().filter(seen).map(|&pod| Held {
        shape: cluster.pods[pod].shape,
        pod: Some(pod),
        terminating: is_going(view, pod),
    });
    drain_of(view, held, &mut Allowance::of(view), &options, now)
}

/// Pods by the level that their priority reaches, with the level's grace; the lowest level last.
fn waves(pods: &[(PodId, i32)], levels: &[(i32, Duration)]) -> Vec<(Vec<PodId>, Duration)> {
    let thresholds: Vec<i32> = levels.iter().map(|&(threshold, _)| threshold).collect();
    let mut waves: Vec<_> = Vec::new();
    for own in eviction_groups(pods, &thresholds) {
        let priority = pods.iter().find(|(pod, _)| own.contains(pod)).map_or(0, |&(_, own)| own);
        waves.push((own, levels[level_of(priority, &thresholds)].1));
    }
    waves.reverse();
    waves
}

/// The highest threshold that a priority reaches, or the lowest.
fn level_of(priority: i32, thresholds: &[i32]) -> usize {
    thresholds.iter().rposition(|&level| level <= priority).unwrap_or(0)
}

/// Pods in the order in which a drain evicts them (`drain-priority-config`): by the highest
/// threshold that their priority reaches, lowest first. Each group waits for the one before.
pub fn eviction_groups<P: Copy>(pods: &[(P, i32)], thresholds: &[i32]) -> Vec<Vec<P>> {
    let mut levels = thresholds.to_vec();
    levels.sort_unstable();
    let mut groups = vec![Vec::new(); levels.len()];
    for &(pod, priority) in pods {
        let level = level_of(priority, &levels);
        if let Some(group) = groups.get_mut(level) {
            group.push(pod);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}
