//! Scans of the cluster autoscaler: what it decides is carried out, and what it says of pods
//! becomes the cause that they wait for.

use rustc_hash::FxHashMap;

use crate::control::autoscaler::azure::CachedSize;
use crate::control::autoscaler::{
    Action, Autoscaler, DeleteReason, FailureKind, Fate, GrowReason, LOOP_TIME, Rejection, Scan,
    View, next_scan, run_once,
};
use crate::model::{NodePhase, Taint, Usage};
use crate::model::{ProvisioningFailure, TaintEffect};
use crate::record::{Actor, Object};
use crate::rules::{NodeFacts, node_failure};
use crate::sim::capacity::autoscaler_view;
use crate::sim::decisions::Loop;
use crate::sim::event::Event;
use crate::sim::evidence::ScanStory;
use crate::sim::world::World;
use crate::unit::{NodeId, PodId, PoolId, ShapeId, SimTime, Symbol};
use crate::vocabulary::Cause;

/// Instances of a pool on their way, and how many pods were counted on them in this scan.
struct Coming {
    pool: PoolId,
    nodes: Vec<NodeId>,
    given: i64,
}

impl World<'_> {
    /// One scan, or the count of one that would see nothing new.
    pub fn autoscaler_scan(&mut self) {
        if self.now != self.capacity.next_scan {
            self.record.counters.stale_events += 1;
            return;
        }
        self.record.counters.autoscaler_scans += 1;
        self.capacity.scan_began = self.now;
        self.count_budgets();
        self.capacity.read_sizes(&self.cluster, self.now, self.plan.lab.zero_control_delay);
        let spec = &self.plan.autoscaler;
        let view = autoscaler_view(&self.cluster, &self.capacity);
        if self.capacity.autoscaler.is_idle(&view, self.now) {
            self.record_idle_scan();
            self.schedule_scan(self.now + spec.scan_interval);
            return;
        }
        let lots = self.lots(3, 0);
        let mut memory =
            std::mem::replace(&mut self.capacity.autoscaler, Autoscaler::new(spec, SimTime::ZERO));
        self.look_at_nodes();
        let sights = Some(self.capacity.sights.as_slice());
        let view = View { sights, ..autoscaler_view(&self.cluster, &self.capacity) };
        let before = self.decisions.is_some().then(|| memory.clone());
        let scan = run_once(spec, &view, &mut memory, self.now, lots);
        if let (Some(log), Some(before)) = (&mut self.decisions, before) {
            let (before, after, now) = (&before, &memory, self.now);
            log.scan(&Loop { view, before, after, scan: &scan, now, lots });
        }
        self.capacity.autoscaler = memory;
        let next = next_scan(spec, self.now, &scan);
        self.capacity.scan_on_unschedulable = next.on_unschedulable;
        self.note_failures(&scan);
        self.explain_pods(&scan);
        self.scan_seen(&scan);
        self.carry_out_scan(scan);
        self.schedule_scan(next.at);
    }

    fn schedule_scan(&mut self, at: SimTime) {
        self.capacity.next_scan = at;
        self.at(at, Event::AutoscalerScan);
    }

    /// A pod has become unschedulable: a sleeping loop wakes up, one that runs goes on to its end.
    pub fn autoscaler_sees_pod(&mut self) {
        let due = self.capacity.next_scan;
        let at_once = self.plan.lab.zero_control_delay;
        let began = self.capacity.scan_began;
        let awake = if at_once || began == SimTime::NEVER {
            self.now
        } else {
            self.now.max(began + LOOP_TIME)
        };
        if (self.capacity.scan_on_unschedulable || at_once) && due != SimTime::NEVER && due > awake
        {
            // Once a loop: the next one says again whether it may be woken.
            self.capacity.scan_on_unschedulable = false;
            self.schedule_scan(awake);
        }
    }

    /// The autoscaler restarts: timers and backoffs are forgotten.
    pub fn restart_autoscaler(&mut self) {
        self.capacity.autoscaler = Autoscaler::new(&self.plan.autoscaler, self.now);
        self.capacity.deletions.clear();
        self.capacity.sizes.iter_mut().for_each(CachedSize::forget);
        // Before its first loop it takes off the taints of deletions; soft ones too if it keeps
        // none, else its loops do (`cleanUpIfRequired` in upstream's `static_autoscaler.go`).
        let (hard, soft) = (self.names.to_be_deleted, self.names.deletion_candidate);
        let keeps_soft = self.plan.autoscaler.max_soft_taints > 0;
        for node in self.cluster.registered.clone() {
            let row = &self.cluster.nodes[node];
            if row.phase == NodePhase::Deleting {
                continue;
            }
            if row.taints.iter().any(|taint| taint.key == hard) {
                self.untaint_after_deletion(node);
            }
            let tainted = self.cluster.nodes[node].taints.iter().any(|taint| taint.key == soft);
            if !tainted {
                continue;
            }
            let taint = self.cluster.nodes[node].taints.iter().find(|taint| taint.key == soft);
            let since = taint.and_then(|taint| self.cluster.symbols.number(taint.value));
            let since = since.and_then(|since| u64::try_from(since).ok()).map(SimTime::from_secs);
            let ttl = self.plan.autoscaler.candidate_ttl;
            let lives = since.filter(|&since| !ttl.is_zero() && since + ttl >= self.now);
            if let Some(since) = lives {
                let timers = &mut self.capacity.autoscaler.planner.unneeded;
                timers.restore(node, since, ttl, self.now);
            } else if !keeps_soft {
                self.soft_untaint(node);
            }
        }
    }

    fn note_failures(&mut self, scan: &Scan) {
        for failure in &scan.failures {
            let reason = match failure.kind {
                FailureKind::Timeout => {
                    self.capacity.walls[failure.pool] = None;
                    "ca.timeout"
                }
                _ => "ca.instance-failed",
            };
            let provision = self.plan.autoscaler.max_node_provision_time;
            let object = Object::Pool(failure.pool);
            self.note(Actor::Autoscaler, "back-off", object, reason, None, || match reason {
                "ca.timeout" => {
                    format!("nodes did not come in max-node-provision-time {provision}")
                }
                _ => "instances could not be created".to_owned(),
            });
        }
    }

    fn carry_out_scan(&mut self, scan: Scan) {
        let mut failed = false;
        let story = ScanStory::of(&scan, self.evidence.is_some());
        for action in scan.actions {
            match action {
                Action::IncreaseSize { pool, by, reason } => {
                    if failed && !self.plan.autoscaler.parallel_scale_up {
                        let spec = &self.plan.autoscaler;
                        self.capacity.autoscaler.scale_up_withdrawn(spec, pool, by, self.now);
                        continue;
                    }
                    let before = self.cluster.nodes.len();
                    failed |= !self.grow(pool, by, reason);
                    self.grown(&story, pool, by, before);
                }
                // Azure's call refreshes the provider's caches and changes nothing.
                Action::DecreaseTarget { .. } => {}
                Action::DeleteInstances { nodes, why, .. } => {
                    for node in nodes {
                        match why {
                            DeleteReason::Unregistered => {
                                self.delete_instance(node, "unregistered");
                            }
                            DeleteReason::CreationFailed => {
                                self.scale_in(node, "failed");
                                self.count_own_deletion(node);
                            }
                        }
                    }
                }
                Action::StartDeletion { node, drain } => self.begin_deletion(node, drain),
                Action::SoftTaint { node } => self.soft_taint(node),
                Action::SoftUntaint { node } => self.soft_untaint(node),
            }
        }
    }

    fn grow(&mut self, pool: PoolId, by: u32, reason: GrowReason) -> bool {
        // What is asked for is a size: where VMs were lost unseen, Azure makes these too.
        let (actual, seen) = (self.cluster.pools[pool].target, self.capacity.sizes[pool].size());
        let wanted = seen + by;
        let change = Some((i64::from(seen), i64::from(wanted)));
        let object = Object::Pool(pool);
        let code = match reason {
            GrowReason::Pods(_) => "ca.pending-pods",
            GrowReason::MinSize => "ca.min-size",
        };
        self.note(Actor::Autoscaler, "increase-size", object, code, change, || match reason {
            GrowReason::Pods(pods) => format!("{by} more nodes for {pods} unschedulable pods"),
            GrowReason::MinSize => format!("{by} more nodes up to minCount"),
        });
        match self.request_nodes(pool, wanted.saturating_sub(actual)) {
            Ok(()) => {
                self.capacity.sizes[pool].set(wanted, self.now);
                true
            }
            Err(refusal) => {
                let failure = refusal.failure();
                self.capacity.walls[pool] = Some(failure);
                self.refused(pool, FailureKind::Provider(failure));
                let spec = &self.plan.autoscaler;
                let kind = FailureKind::Provider(failure);
                let autoscaler = &mut self.capacity.autoscaler;
                let until = autoscaler.scale_up_failed(spec, pool, by, kind, self.now);
                self.note(Actor::Autoscaler, "back-off", object, "ca.refused", None, || {
                    format!("the pool is not tried again before {until}")
                });
                false
            }
        }
    }

    /// The provider refuses the nodes that pods were to be helped with in this scan: they stand at
    /// its wall.
    fn refused(&mut self, pool: PoolId, kind: FailureKind) {
        let cause = self.backoff_cause(pool, kind);
        let helped = |pod: &PodId| {
            let clock = &self.record.pod_clocks[*pod];
            let waits = clock.cause == Some(Cause::VmProvision) && clock.wall == Some(pool);
            waits && clock.coming.is_none()
        };
        let pods: Vec<PodId> = self.cluster.pending.iter().copied().filter(helped).collect();
        for pod in pods {
            self.set_pod_wait(pod, Some(cause), Some(pool), None);
        }
    }

    /// The provider counts an instance out that the autoscaler has deleted. Instances that never
    /// became nodes are left to the next reading of the size (`DeleteInstances`).
    pub fn count_own_deletion(&mut self, node: NodeId) {
        if let Some(pool) = self.cluster.nodes[node].pool {
            let size = &mut self.capacity.sizes[pool];
            size.set(size.size().saturating_sub(1), self.now);
        }
    }

    fn soft_taint(&mut self, node: NodeId) {
        // Its value is the time of day; only a restart reads it.
        let value = if self.plan.autoscaler.candidate_ttl.is_zero() {
            Symbol::EMPTY
        } else {
            let seconds = self.now.floor_second().micros() / 1_000_000;
            self.cluster.symbols.intern(&seconds.to_string())
        };
        let taint = Taint {
            key: self.names.deletion_candidate,
            value,
            effect: TaintEffect::PreferNoSchedule,
        };
        self.cluster.nodes[node].taints.push(taint);
        self.node_spec_changed(node);
    }

    fn soft_untaint(&mut self, node: NodeId) {
        let key = self.names.deletion_candidate;
        self.cluster.nodes[node].taints.retain(|taint| taint.key != key);
        self.node_spec_changed(node);
    }

    /// What the scan says of pods becomes the cause that they wait for.
    fn explain_pods(&mut self, scan: &Scan) {
        let mut given: Vec<Coming> = Vec::new();
        let mut walls: FxHashMap<(ShapeId, u32), (Cause, Option<PoolId>)> = FxHashMap::default();
        for &(pod, fate) in &scan.fates {
            if !self.is_pending(pod) {
                continue;
            }
            match fate {
                Fate::FitsNode(_) => self.set_pod_cause(pod, Some(Cause::SchedQueue)),
                Fate::FitsUpcoming(pool) => {
                    let at = given.iter().position(|coming| coming.pool == pool);
                    let at = at.unwrap_or_else(|| {
                        given.push(self.coming(pool));
                        given.len() - 1
                    });
                    self.wait_for_coming(pod, &mut given[at]);
                }
                Fate::Helped(pool) => {
                    self.set_pod_wait(pod, Some(Cause::VmProvision), Some(pool), None);
                }
                Fate::TooYoung | Fate::AllNew | Fate::Held => {
                    self.set_pod_cause(pod, Some(Cause::CaDelay));
                }
                Fate::MaxNodes => self.set_pod_cause(pod, Some(Cause::BlockedMaxCount)),
                Fate::NotHelped(index) => {
                    // Pods of one shape that were rejected alike stand at the same wall.
                    let alike = (self.cluster.pods[pod].shape, index);
                    let (cause, pool) = *walls
                        .entry(alike)
                        .or_insert_with(|| self.wall(pod, &scan.rejections[index as usize]));
                    self.set_pod_wait(pod, Some(cause), pool, None);
                }
            }
        }
    }

    /// The instances of a pool that are on their way.
    fn coming(&self, pool: PoolId) -> Coming {
        let comes = |&node: &NodeId| {
            let row = &self.cluster.nodes[node];
            matches!(row.phase, NodePhase::Creating | NodePhase::Registered)
        };
        let nodes = self.cluster.pools[pool].instances.iter().copied().filter(comes).collect();
        Coming { pool, nodes, given: 0 }
    }

    /// The next pod that waits for nodes of a pool is counted on one of them: as many pods to a
    /// node as fit an empty one, in the order in which the nodes were asked for.
    fn wait_for_coming(&mut self, pod: PodId, coming: &mut Coming) {
        let pool = coming.pool;
        let room = &self.plan.pools[pool].allocatable;
        let wanted = self.cluster.shape(pod).requests;
        let part = |room: i64, wanted: i64| room.checked_div(wanted).unwrap_or(i64::MAX);
        let fit = part(room.cpu_milli, wanted.cpu_milli)
            .min(part(room.memory, wanted.memory))
            .min(room.pods)
            .max(1);
        let index = usize::try_from(coming.given / fit).unwrap_or(usize::MAX);
        coming.given += 1;
        let node = coming.nodes.get(index).copied();
        let runs = node.is_some_and(|node| self.record.nodes[node].billed_from.is_some());
        let cause = if runs { Cause::NodeReady } else { Cause::VmProvision };
        self.set_pod_wait(pod, Some(cause), Some(pool), node);
    }

    /// The wall that a pod stands at: of several, the one that falls last (contract §5).
    fn wall(&self, pod: PodId, rejections: &[(PoolId, Rejection)]) -> (Cause, Option<PoolId>) {
        let mut last: Option<(SimTime, Cause, PoolId)> = None;
        let mut turn = None;
        for &(pool, rejection) in rejections {
            let (falls, cause) = match rejection {
                Rejection::NotChosen { .. } | Rejection::NotEstimated => {
                    turn = Some((Cause::CaExpander, Some(pool)));
                    continue;
                }
                Rejection::Unhealthy => (self.now, Cause::CaDelay),
                Rejection::BackedOff { kind, until } => (until, self.backoff_cause(pool, kind)),
                Rejection::MaxSize => (SimTime::NEVER, Cause::BlockedMaxCount),
                Rejection::Quota(_) => (SimTime::NEVER, Cause::BlockedQuota),
                Rejection::NoTemplate | Rejection::Filter(_) => continue,
            };
            if !self.could_take(pod, pool) {
                continue;
            }
            if last.is_none_or(|(latest, ..)| falls > latest) {
                last = Some((falls, cause, pool));
            }
        }
        if let Some(turn) = turn {
            return turn;
        }
        match last {
            Some((_, cause, pool)) => (cause, Some(pool)),
            None => (self.fixed_cause(pod), None),
        }
    }

    fn backoff_cause(&self, pool: PoolId, kind: FailureKind) -> Cause {
        let failure = match kind {
            FailureKind::Timeout => return Cause::CaBackoff,
            FailureKind::Provider(failure) => Some(failure),
            FailureKind::Other => self.capacity.walls[pool],
        };
        match failure {
            Some(ProvisioningFailure::SubnetIsFull) => Cause::BlockedIp,
            Some(ProvisioningFailure::QuotaExceeded) => Cause::BlockedQuota,
            Some(ProvisioningFailure::Throttled) | None => Cause::CaBackoff,
            Some(_) => Cause::BlockedCapacity,
        }
    }

    /// The cause of a pod that the scheduler has just rejected.
    pub fn unschedulable_cause(&self, pod: PodId) -> Cause {
        if self.capacity.groups.is_empty() { self.fixed_cause(pod) } else { Cause::CaScan }
    }

    /// Without an autoscaler that could help: a node of some pool would do if it were free, or none
    /// ever will.
    fn fixed_cause(&self, pod: PodId) -> Cause {
        let could = |pool: &PoolId| self.could_take(pod, *pool);
        if self.plan.pools.ids().any(|pool| self.record.pools[pool].coming > 0 && could(&pool)) {
            // Nodes of a cold start are on their way.
            return Cause::VmProvision;
        }
        let (shape, symbols) = (self.cluster.shape(pod), &self.cluster.symbols);
        let empty = Usage::default();
        let given = |&node: &NodeId| {
            let row = &self.cluster.nodes[node];
            let facts = NodeFacts::with_usage(row, &empty);
            row.phase.has_node()
                && node_failure(shape, &facts, symbols, &self.capacity.filters).is_none()
        };
        if self.plan.pools.ids().any(|pool| could(&pool)) || self.capacity.given.iter().any(given) {
            Cause::BlockedMaxCount
        } else {
            Cause::SchedConstraint
        }
    }

    /// Whether an empty node of a pool could take a pod.
    fn could_take(&self, pod: PodId, pool: PoolId) -> bool {
        let spec = &self.plan.pools[pool];
        let used = Usage::default();
        let mut labels = spec.labels.clone();
        let zone = self.cluster.shape(pod).volumes.zone;
        let zone = zone.filter(|zone| spec.zones.contains(zone));
        labels.set(
            self.names.zone,
            zone.or(spec.zones.first().copied()).unwrap_or(self.names.no_zone),
        );
        let facts = NodeFacts {
            name: Symbol::EMPTY,
            labels: &labels,
            taints: &spec.taints,
            unschedulable: false,
            allocatable: &spec.allocatable,
            used: &used,
            max_data_disks: spec.size.max_data_disks,
        };
        let shape = self.cluster.shape(pod);
        node_failure(shape, &facts, &self.cluster.symbols, &self.capacity.filters).is_none()
    }
}
