//! New versions of Deployments, StatefulSets and DaemonSets.

use std::collections::BTreeMap;

use crate::control::workload::daemon_set::{NodePods, update};
use crate::control::workload::deployment::{Rollout, Strategy, Version, targets};
use crate::model::PodPhase;
use crate::plan::{RolloutSpec, WorkloadKind};
use crate::record::{Actor, Object};
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{Duration, NodeId, PodId, ShapeId, SimTime, WorkloadId};

/// A version that is being rolled out, or has been.
#[derive(Clone, Copy, Debug)]
pub struct RolloutMemory {
    /// Specification of the new pods.
    shape: ShapeId,
    /// Specification of the pods before.
    before: ShapeId,
    strategy: Strategy,
    deadline: Duration,
    began: SimTime,
    /// Last step forward.
    progressed: SimTime,
    /// `spec.replicas` of the new and the old version.
    wanted: (u32, u32),
    /// Most new pods that were available.
    available: u32,
    /// The deadline has passed without a step.
    late: bool,
    done: bool,
}

/// Pods of one version of a Deployment: with this specification, or with any other.
#[derive(Clone, Copy, Debug)]
pub struct OfVersion {
    /// Specification of the newest version.
    pub newest: ShapeId,
    /// Whether its pods are meant, or all others.
    pub new: bool,
}

impl World<'_> {
    /// Specification of the pods that a workload makes now.
    pub fn template(&self, workload: WorkloadId) -> ShapeId {
        let rollout = self.rollouts.get(&workload);
        rollout.map_or(self.plan.workloads[workload].shape, |rollout| rollout.shape)
    }

    /// Whether a new version of a Deployment is on its way.
    pub fn rolls_out(&self, workload: WorkloadId) -> bool {
        self.rollouts.get(&workload).is_some_and(|rollout| !rollout.done)
    }

    /// The template of a workload changes.
    pub fn begin_rollout(&mut self, spec: &RolloutSpec) {
        let workload = spec.workload;
        let replicas = self.cluster.workloads[workload].replicas;
        let memory = RolloutMemory {
            shape: spec.shape,
            before: self.template(workload),
            strategy: spec.strategy,
            deadline: spec.progress_deadline,
            began: self.now,
            progressed: self.now,
            wanted: (0, replicas),
            available: 0,
            late: false,
            done: false,
        };
        self.rollouts.insert(workload, memory);
        self.fingerprint.add(self.now, 19, u64::from(workload.0), u64::from(spec.shape.0));
        let object = Object::Workload(workload);
        self.note(Actor::Scenario, "rollout", object, "", None, || {
            "its pods are replaced by those of a new version".to_owned()
        });
        if let Strategy::BlueGreen { window } | Strategy::Canary { window, .. } = spec.strategy {
            self.at(self.now + window, Event::WorkloadSync(workload));
        }
        self.at(self.now + spec.progress_deadline, Event::WorkloadSync(workload));
        self.wake_controller(workload);
    }

    /// Whether pods of an older version stay until somebody else deletes them.
    pub fn replaces_on_delete(&self, workload: WorkloadId) -> bool {
        let rollout = self.rollouts.get(&workload);
        rollout.is_some_and(|rollout| rollout.strategy == Strategy::OnDelete)
    }

    /// The DaemonSet controller goes one step on with a rollout over the nodes that should run a
    /// pod. O(nodes).
    pub fn update_daemon_set(&mut self, workload: WorkloadId, nodes: &[NodeId]) {
        let Some(memory) = self.rollouts.get(&workload).copied() else { return };
        let mut rows: BTreeMap<NodeId, NodePods> =
            nodes.iter().map(|&node| (node, NodePods::default())).collect();
        for &pod in self.cluster.workloads[workload].pods.iter() {
            let row = &self.cluster.pods[pod];
            let pods = row.node.and_then(|node| rows.get_mut(&node));
            let Some(pods) = pods.filter(|_| row.phase != PodPhase::Terminating) else { continue };
            let new = self.vpa.template_of(row.shape) == memory.shape;
            let slot = if new { &mut pods.new } else { &mut pods.old };
            *slot = Some((pod, row.phase == PodPhase::Ready));
        }
        let all_new = |pods: &NodePods| pods.old.is_none() && pods.new.is_some_and(|new| new.1);
        if rows.values().all(all_new) {
            if let Some(memory) = self.rollouts.get_mut(&workload) {
                memory.done = true;
            }
            return self.note_progress(workload);
        }
        let Strategy::Rolling { max_surge, max_unavailable } = memory.strategy else { return };
        let rows: Vec<(NodeId, NodePods)> = rows.into_iter().collect();
        let plan = update(&rows, max_surge, max_unavailable);
        for node in plan.create {
            self.create_daemon_pod(workload, node);
        }
        for pod in plan.delete {
            let grace = self.cluster.shape(pod).grace;
            self.stop_pod(pod, grace, Stop::ScaledDown);
        }
    }

    /// The Deployment controller goes one step on with a rollout, and the two ReplicaSets follow.
    pub fn sync_rollout(&mut self, workload: WorkloadId) {
        let Some(mut memory) = self.rollouts.get(&workload).copied() else { return };
        loop {
            let view = self.rollout_view(workload, &memory);
            let wanted = targets(memory.strategy, &view);
            let stepped = wanted != memory.wanted || view.new.available > memory.available;
            if stepped {
                memory.progressed = self.now;
                memory.late = false;
                self.at(self.now + memory.deadline, Event::WorkloadSync(workload));
            }
            memory.available = memory.available.max(view.new.available);
            let scaled = wanted != memory.wanted;
            memory.wanted = wanted;
            if !scaled {
                memory.done = wanted == (view.replicas, 0)
                    && view.old.exist == 0
                    && view.new.available >= wanted.0;
            }
            self.rollouts.insert(workload, memory);
            for (new, count) in [(true, wanted.0), (false, wanted.1)] {
                let version = OfVersion { newest: memory.shape, new };
                let shape = if new { memory.shape } else { memory.before };
                self.sync_replica_set(workload, Some((version, shape, count)));
            }
            if !scaled {
                break;
            }
        }
        self.note_progress(workload);
    }

    fn rollout_view(&self, workload: WorkloadId, memory: &RolloutMemory) -> Rollout {
        let state = &self.cluster.workloads[workload];
        let mut versions = [Version::default(); 2];
        for &pod in state.pods.iter() {
            let row = &self.cluster.pods[pod];
            let version =
                &mut versions[usize::from(self.vpa.template_of(row.shape) == memory.shape)];
            version.exist += 1;
            version.available += u32::from(row.phase == PodPhase::Ready);
        }
        let [old, new] = versions;
        Rollout {
            replicas: state.replicas,
            new: Version { wanted: memory.wanted.0, ..new },
            old: Version { wanted: memory.wanted.1, ..old },
            age: self.now.since(memory.began),
        }
    }

    fn note_progress(&mut self, workload: WorkloadId) {
        let Some(memory) = self.rollouts.get_mut(&workload) else { return };
        let object = Object::Workload(workload);
        let (deadline, length) = (memory.deadline, self.now.since(memory.began));
        if memory.done {
            self.note(Actor::WorkloadController, "rolled-out", object, "", None, || {
                format!("all pods are of the new version after {length}")
            });
        } else if !memory.late && self.now.since(memory.progressed) >= deadline {
            memory.late = true;
            let code = "deployment.progress-deadline";
            self.note(Actor::WorkloadController, "no-progress", object, code, None, || {
                format!("no step forward for progressDeadlineSeconds {deadline}")
            });
        }
    }

    /// Whether a pod's readiness moves its workload on: StatefulSets wait for it, and rollouts.
    pub fn readiness_moves(&self, workload: WorkloadId) -> bool {
        self.plan.workloads[workload].kind == WorkloadKind::StatefulSet || self.rolls_out(workload)
    }

    /// Whether a pod is of a version.
    pub fn is_of(&self, pod: PodId, version: Option<OfVersion>) -> bool {
        let shape = self.vpa.template_of(self.cluster.pods[pod].shape);
        version.is_none_or(|version| (shape == version.newest) == version.new)
    }
}
