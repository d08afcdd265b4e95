//! What the autoscaler remembers between loops, and what it is told.

use std::collections::BTreeMap;

use super::action::Scan;
use super::backoff::FailureKind;
use super::expander::Priorities;
use super::placement::Hints;
use super::planner::{Ongoing, Planner};
use super::pods::LONG_TERMINATING_EXTRA;
use super::round_robin::RoundRobin;
use super::spec::AutoscalerSpec;
use super::state::{ClusterState, MAX_SCALE_DOWN_TIME, StateLimits};
use super::template::TemplateCache;
use super::view::View;
use crate::model::PodPhase;
use crate::unit::{Duration, NodeId, PoolId, SimTime};

/// Cooldowns are counted from this long before the start.
const INITIAL_AGE: Duration = Duration::from_mins(60);

/// Loops with equal input after which memory is at rest.
const LOOPS_TO_REST: u32 = 3;

/// Memory of the autoscaler.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// Nodes, requests, backoffs.
    pub state: ClusterState,
    /// Timers of nodes.
    pub planner: Planner,
    /// Deletions in progress.
    pub ongoing: BTreeMap<NodeId, Ongoing>,
    pub(super) hints: Hints,
    pub(super) robin: RoundRobin,
    pub(super) templates: TemplateCache,
    pub(super) priorities: Priorities,
    pub(super) started: SimTime,
    pub(super) last_scale_up: Option<SimTime>,
    pub(super) before_last_scale_up: Option<SimTime>,
    pub(super) last_delete: Option<SimTime>,
    pub(super) last_failure: Option<SimTime>,
    quiet: Quiet,
}

/// What the last loops saw, to tell whether the next one could do anything else.
#[derive(Clone, Debug, Default)]
struct Quiet {
    change: u64,
    targets: Vec<u32>,
    robin: RoundRobin,
    loops: u32,
    next_timer: Option<SimTime>,
}

impl Autoscaler {
    /// A process that starts now.
    pub fn new(spec: &AutoscalerSpec, now: SimTime) -> Self {
        Self {
            state: ClusterState::default(),
            planner: Planner::default(),
            ongoing: BTreeMap::new(),
            hints: Hints::default(),
            robin: RoundRobin::new(spec.version),
            templates: TemplateCache::default(),
            priorities: Priorities::new(&spec.priorities),
            started: now,
            last_scale_up: None,
            before_last_scale_up: None,
            last_delete: None,
            last_failure: None,
            quiet: Quiet::default(),
        }
    }

    /// The provider refused an increase at once: it is taken back and the group backed off.
    pub fn scale_up_failed(
        &mut self,
        spec: &AutoscalerSpec,
        pool: PoolId,
        by: u32,
        kind: FailureKind,
        now: SimTime,
    ) -> SimTime {
        self.scale_up_withdrawn(spec, pool, by, now);
        self.state.register_failed_scale_up(pool, kind, &StateLimits::of(spec), now)
    }

    /// An increase was not tried because one before it failed.
    pub fn scale_up_withdrawn(
        &mut self,
        spec: &AutoscalerSpec,
        pool: PoolId,
        by: u32,
        now: SimTime,
    ) {
        self.state.register_scale_up(pool, -i64::from(by), &StateLimits::of(spec), now);
        self.last_scale_up = self.before_last_scale_up;
        self.quiet.loops = 0;
    }

    /// A deletion came to its end: the provider was asked to delete the instance.
    pub fn deletion_done(&mut self, node: NodeId, now: SimTime) {
        if let Some(ongoing) = self.ongoing.remove(&node) {
            let expected = now + MAX_SCALE_DOWN_TIME;
            self.state.register_scale_down(ongoing.pool, node, expected, now);
        }
        self.quiet.loops = 0;
    }

    /// A deletion was given up. `at_once`: the taint or the provider's call failed, which starts
    /// the cooldown after failures; a drain that timed out does not.
    pub fn deletion_failed(&mut self, node: NodeId, at_once: bool, now: SimTime) {
        if let Some(ongoing) = self.ongoing.remove(&node)
            && at_once
        {
            self.last_failure = Some(now);
            self.state.register_failed_scale_down(ongoing.pool, now);
        }
        self.quiet.loops = 0;
    }

    /// Whether deletions wait for an earlier event.
    pub(super) fn in_cooldown(&self, spec: &AutoscalerSpec, now: SimTime) -> bool {
        !spec.delay_type_local && self.cooldowns(spec).into_iter().any(|until| until > now)
    }

    /// Ends of the cooldowns.
    fn cooldowns(&self, spec: &AutoscalerSpec) -> [SimTime; 3] {
        let until = |last: Option<SimTime>, delay: Duration| match last {
            Some(last) => last + delay,
            // As if it had happened an hour before the start.
            None => self.started + delay.saturating_sub(INITIAL_AGE),
        };
        [
            until(self.last_scale_up, spec.delay_after_add),
            until(self.last_failure, spec.delay_after_failure),
            until(self.last_delete, spec.delay_after_delete),
        ]
    }

    /// Whether a loop now would see what the last ones saw, do nothing and change nothing, so that
    /// it can be counted without being run. O(pools).
    pub fn is_idle(&self, view: &View<'_>, now: SimTime) -> bool {
        self.quiet.loops >= LOOPS_TO_REST
            && self.quiet.change == view.cluster.change
            && self.quiet.next_timer.is_none_or(|at| now < at)
            && self.quiet.targets.iter().copied().eq(view.groups.iter().map(|g| g.target))
    }

    /// The instant from which on [`Autoscaler::is_idle`] does not hold even if nothing changes.
    pub fn next_timer(&self) -> Option<SimTime> {
        self.quiet.next_timer
    }

    /// Notes what this loop saw, for [`Autoscaler::is_idle`].
    pub(super) fn rest(
        &mut self,
        spec: &AutoscalerSpec,
        view: &View<'_>,
        scan: &Scan,
        now: SimTime,
    ) {
        let (cluster, limits) = (view.cluster, StateLimits::of(spec));
        let targets: Vec<u32> = view.groups.iter().map(|group| group.target).collect();
        let planner = &self.planner;
        let hints = [&self.hints, &planner.removal_hints, &planner.injection_hints];
        let settled = self.robin == self.quiet.robin && hints.iter().all(|own| own.settled);
        let same = self.quiet.change == cluster.change && self.quiet.targets == targets && settled;
        let still = scan.actions.is_empty() && scan.fates.is_empty() && scan.failures.is_empty();
        let quiet = &mut self.quiet;
        quiet.loops = if still && same { quiet.loops.saturating_add(1) } else { u32::from(still) };
        quiet.change = cluster.change;
        quiet.targets = targets;
        quiet.robin = self.robin;
        if quiet.loops < LOOPS_TO_REST {
            return;
        }
        let nodes = cluster.registered.iter().flat_map(|&id| {
            let node = &cluster.nodes[id];
            [node.registered + limits.startup, node.condition_changed + Duration::from_mins(1)]
        });
        let pods = cluster.registered.iter().flat_map(|&id| &cluster.nodes[id].used.pods);
        let pods = pods.map(|&id| &cluster.pods[id]);
        let pods = pods.filter(|pod| pod.phase == PodPhase::Terminating);
        let pods = pods.map(|pod| {
            let grace = cluster.shapes[pod.shape].grace;
            pod.terminating + grace + grace + LONG_TERMINATING_EXTRA
        });
        let ongoing = self.ongoing.values().map(|own| own.started + Duration::from_mins(5));
        let timers = nodes
            .chain(pods)
            .chain(ongoing)
            .chain(self.cooldowns(spec))
            .chain(self.state.next_timer(&limits, now))
            .chain(self.planner.unneeded.next_timer(now))
            .chain(self.planner.unremovable.next_timer());
        self.quiet.next_timer = timers.filter(|&at| at >= now).min();
    }
}
