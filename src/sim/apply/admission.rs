//! Creations that the API server refuses: counted, explained, tried again, never lost.

use std::collections::{BTreeMap, VecDeque};

use crate::control::admission::{RefusedBy, RetryDelay, exceeded};
use crate::plan::{Plan, WorkloadKind};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{Duration, IdVec, NamespaceQuotaId, NodeId, PodId, ShapeId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// What admission remembers of a run.
#[derive(Debug, Default)]
pub struct Admission {
    /// `status.used` of the quotas, in the order of `spec.hard`.
    pub used: IdVec<NamespaceQuotaId, Vec<i64>>,
    /// Workloads with refused pods; empty as long as everything is admitted.
    refused: BTreeMap<WorkloadId, Refused>,
}

/// A workload some of whose pods were refused.
#[derive(Debug)]
struct Refused {
    /// Syncs in a row that ended in a refusal.
    failures: u32,
    /// When the next try is due.
    retry: SimTime,
    by: RefusedBy,
    /// Pods that no number of replicas remembers: of arrivals, and of DaemonSets.
    held: VecDeque<Held>,
}

/// A pod that was asked for and refused.
#[derive(Clone, Copy, Debug)]
struct Held {
    shape: ShapeId,
    made_for: Option<NodeId>,
    /// The lifetime that a trace gives it.
    lifetime: Option<Option<Duration>>,
}

impl Admission {
    /// Nothing is used, nobody refused.
    pub fn new(plan: &Plan) -> Self {
        let used = plan.namespace_quotas.iter().map(|quota| vec![0; quota.hard.len()]).collect();
        Self { used, refused: BTreeMap::new() }
    }

    /// Whether refused pods of the workload wait to be tried again one by one.
    pub fn holds(&self, workload: WorkloadId) -> bool {
        self.refused.get(&workload).is_some_and(|refused| !refused.held.is_empty())
    }
}

impl World<'_> {
    /// Asks the API server for one more pod of the workload; a refusal is counted and journalled.
    pub fn admit(&mut self, workload: WorkloadId, shape: ShapeId) -> bool {
        let plan = self.plan;
        let rules = &plan.workloads[workload].admission;
        if rules.is_open() {
            return true;
        }
        if let Some(refusal) = &rules.never {
            self.refuse(workload, refusal.by, || refusal.why.clone());
            return false;
        }
        let shape = self.vpa_admits(workload, shape);
        let row = &self.cluster.shapes[shape];
        let excess = rules.quotas.iter().find_map(|&quota| {
            let spec = &plan.namespace_quotas[quota];
            exceeded(spec, &self.admission.used[quota], row).map(|excess| (spec, excess))
        });
        let Some((spec, excess)) = excess else { return true };
        self.refuse(workload, RefusedBy::ResourceQuota, || {
            let text = |symbol| plan.symbols.text(symbol);
            let name = text(excess.name);
            let write = |amount| format!("{name}={}", excess.tracked.write(amount));
            format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                text(spec.name),
                write(excess.requested),
                write(excess.used),
                write(excess.hard)
            )
        });
        false
    }

    fn refuse(&mut self, workload: WorkloadId, by: RefusedBy, why: impl FnOnce() -> String) {
        let spec = &self.plan.workloads[workload];
        let counted = self.counts() && !spec.system && spec.kind != WorkloadKind::DaemonSet;
        self.record.pods.refused += u64::from(counted);
        self.record.workloads[workload].refused += u64::from(counted);
        self.fingerprint.add(self.now, 40, u64::from(workload.0), by as u64);
        let object = Object::Workload(workload);
        self.note(Actor::ApiServer, "refuse", object, by.reason(), None, why);
        self.retry_later(workload, by);
        self.refresh_consumed_queue(workload);
    }

    /// The controller's work queue takes the workload again after its back-off; a try that is due
    /// earlier stays.
    fn retry_later(&mut self, workload: WorkloadId, by: RefusedBy) {
        let now = self.now;
        let delay = match self.plan.workloads[workload].kind {
            WorkloadKind::Job | WorkloadKind::ScaledJob | WorkloadKind::Bare => RetryDelay::JOB,
            _ => RetryDelay::CONTROLLER,
        };
        let fresh = Refused { failures: 0, retry: SimTime::NEVER, by, held: VecDeque::new() };
        let refused = self.admission.refused.entry(workload).or_insert(fresh);
        refused.by = by;
        if refused.retry > now && refused.retry != SimTime::NEVER {
            return;
        }
        refused.failures += 1;
        refused.retry = now + delay.after(refused.failures);
        let retry = refused.retry;
        self.at(retry, Event::WorkloadSync(workload));
    }

    /// A sync of the workload created everything that it wanted.
    pub fn admitted(&mut self, workload: WorkloadId) {
        if !self.admission.holds(workload) && self.admission.refused.remove(&workload).is_some() {
            self.refresh_consumed_queue(workload);
        }
    }

    /// Creates a pod that no number of replicas asks for again, or holds it until it is admitted.
    pub fn create_or_hold(
        &mut self,
        workload: WorkloadId,
        shape: ShapeId,
        made_for: Option<NodeId>,
        lifetime: Option<Option<Duration>>,
    ) {
        let held = Held { shape, made_for, lifetime };
        if self.admit(workload, shape) {
            self.create_held(workload, held);
        } else if let Some(refused) = self.admission.refused.get_mut(&workload) {
            refused.held.push_back(held);
        }
    }

    fn create_held(&mut self, workload: WorkloadId, held: Held) {
        if let Some(lifetime) = held.lifetime {
            self.work.give_lifetime(workload, lifetime);
        }
        self.create_pod(workload, held.shape, held.made_for);
    }

    /// Tries the held pods of a workload in the order in which they were asked for, up to the next
    /// refusal. A DaemonSet's pod whose node is gone is wanted no more.
    pub fn retry_held(&mut self, workload: WorkloadId) {
        while let Some(held) = self.next_held(workload) {
            let gone = |node: NodeId| !self.cluster.registered.contains(&node);
            if held.made_for.is_some_and(gone) {
                self.cluster.workloads[workload].replicas -= 1;
            } else if self.admit(workload, held.shape) {
                self.create_held(workload, held);
            } else {
                return;
            }
            if let Some(refused) = self.admission.refused.get_mut(&workload) {
                refused.held.pop_front();
            }
        }
        self.admitted(workload);
    }

    fn next_held(&self, workload: WorkloadId) -> Option<Held> {
        self.admission.refused.get(&workload)?.held.front().copied()
    }

    /// Counts a pod into (`sign` 1) or out of (−1) the quotas of its namespace.
    pub fn use_quotas(&mut self, pod: PodId, sign: i64) {
        let row = &self.cluster.pods[pod];
        let shape = &self.cluster.shapes[row.shape];
        for &quota in &self.plan.workloads[row.workload].admission.quotas {
            let hard = &self.plan.namespace_quotas[quota].hard;
            for (used, (tracked, ..)) in self.admission.used[quota].iter_mut().zip(hard) {
                *used += sign * tracked.of(shape);
            }
        }
    }

    /// What a workload waits for whose pods are refused: a quota of its namespace, or a rule that
    /// no pod of its kind ever meets.
    pub fn refused_cause(&self, workload: WorkloadId) -> Option<Cause> {
        let refused = self.admission.refused.get(&workload)?;
        let open = self.plan.workloads[workload].admission.never.is_none();
        Some(match refused.by {
            RefusedBy::ResourceQuota if open => Cause::BlockedQuota,
            _ => Cause::SchedConstraint,
        })
    }

    /// The slow twin of [`Self::use_quotas`].
    ///
    /// # Panics
    /// On a difference.
    pub fn audit_quotas(&self) {
        let mut used = Admission::new(self.plan).used;
        for row in self.cluster.pods.iter().filter(|row| !row.phase.is_over()) {
            let shape = &self.cluster.shapes[row.shape];
            for &quota in &self.plan.workloads[row.workload].admission.quotas {
                let hard = &self.plan.namespace_quotas[quota].hard;
                for (used, (tracked, ..)) in used[quota].iter_mut().zip(hard) {
                    *used += tracked.of(shape);
                }
            }
        }
        assert_eq!(used, self.admission.used, "usage of resource quotas");
    }
}
