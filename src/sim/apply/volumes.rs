//! Claims and the disks behind them: bound to a zone by their first pod, attached to one node.
//!
//! kubernetes v1.36.2 `pkg/scheduler/framework/plugins/volumebinding` (`WaitForFirstConsumer`: the
//! first pod's node decides the zone) and `pkg/controller/statefulset/stateful_pod_control.go`
//! (claims of an ordinal stay when its pod goes). A pod without claims never comes here.

use std::collections::BTreeMap;

use crate::chance::Purpose;
use crate::control::volume::Disk;
use crate::model::{Claim, ClaimOwner, PodPhase};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{Duration, NodeId, PodId, ShapeId, SimTime, Symbol, WorkloadId};

/// Whose claim, its name, and its number.
type ClaimKey = (Scope, Symbol, u32);

/// What the name of a claim is unique in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Namespace(Symbol),
    StatefulSet(WorkloadId),
    Pods,
}

/// All disks.
#[derive(Debug, Default)]
pub struct VolumeBook {
    /// Positions in `disks`.
    known: BTreeMap<ClaimKey, u32>,
    disks: Vec<Disk>,
    /// The zone that the first pod of a claim has bound it to.
    zones: BTreeMap<u32, Symbol>,
    /// Specifications that are held to a zone, by what they were made of.
    pinned: BTreeMap<(ShapeId, Symbol), ShapeId>,
}

impl World<'_> {
    /// The claims of a pod with these numbers, in order.
    fn claims(&self, shape: ShapeId, workload: WorkloadId, index: u32, pod: u32) -> Vec<ClaimKey> {
        let shape = &self.cluster.shapes[shape];
        let key = |claim: &Claim| match claim.owner {
            ClaimOwner::Named => (Scope::Namespace(shape.namespace), claim.name, 0),
            ClaimOwner::Ordinal => (Scope::StatefulSet(workload), claim.name, index),
            ClaimOwner::Pod => (Scope::Pods, claim.name, pod),
        };
        shape.volumes.claims.iter().map(key).collect()
    }

    fn claims_of(&self, pod: PodId) -> Vec<ClaimKey> {
        let row = &self.cluster.pods[pod];
        self.claims(row.shape, row.workload, row.index, pod.0)
    }

    fn disk_of(&mut self, key: ClaimKey) -> u32 {
        let book = &mut self.volumes;
        *book.known.entry(key).or_insert_with(|| {
            book.disks.push(Disk::default());
            book.disks.len() as u32 - 1
        })
    }

    /// The specification of a pod that is about to be made: held to the zone of its disks, if they
    /// are bound.
    pub fn in_zone_of_disks(
        &mut self,
        workload: WorkloadId,
        shape: ShapeId,
        index: u32,
    ) -> ShapeId {
        let volumes = &self.cluster.shapes[shape].volumes;
        if volumes.claims.is_empty() || volumes.zone.is_some() || self.volumes.zones.is_empty() {
            return shape;
        }
        let keys = self.claims(shape, workload, index, u32::MAX);
        let bound = keys
            .iter()
            .find_map(|key| self.volumes.zones.get(self.volumes.known.get(key)?).copied());
        bound.map_or(shape, |zone| self.pin(shape, zone))
    }

    fn pin(&mut self, shape: ShapeId, zone: Symbol) -> ShapeId {
        if let Some(&pinned) = self.volumes.pinned.get(&(shape, zone)) {
            return pinned;
        }
        let mut row = self.cluster.shapes[shape].clone();
        row.volumes.zone = Some(zone);
        let pinned = self.cluster.shapes.push(row);
        self.cover_shape(shape);
        self.vpa.made(shape);
        self.volumes.pinned.insert((shape, zone), pinned);
        pinned
    }

    /// A pod has been given a node: its disks are made in the node's zone, and stay there.
    pub fn bind_disks(&mut self, pod: PodId, node: NodeId) {
        if self.cluster.shape(pod).volumes.claims.is_empty() {
            return;
        }
        let Some(zone) = self.cluster.nodes[node].labels.get(self.names.zone) else { return };
        for key in self.claims_of(pod) {
            let disk = self.disk_of(key);
            let first = !self.volumes.zones.contains_key(&disk);
            if key.0 != Scope::Pods && first {
                self.volumes.zones.insert(disk, zone);
                if matches!(key.0, Scope::Namespace(_)) {
                    self.hold_others(key);
                }
            }
        }
    }

    /// Pods that wait for the scheduler and share a claim that has just been bound can go to its
    /// zone only. O(pending), once for each claim.
    fn hold_others(&mut self, key: ClaimKey) {
        let waiting: Vec<PodId> = self.cluster.pending.iter().copied().collect();
        for pod in waiting {
            let row = self.cluster.pods[pod];
            if self.claims_of(pod).contains(&key) {
                let shape = self.in_zone_of_disks(row.workload, row.shape, row.index);
                self.scheduling.scheduler.pod_deleted(pod);
                self.cluster.pods[pod].shape = shape;
                let view = scheduler_view(self.plan, &self.cluster);
                self.scheduling.scheduler.pod_added(view, pod, self.now);
            }
        }
    }

    /// The disks of a pod are there from the start.
    pub fn disks_are_there(&mut self, pod: PodId, node: NodeId) {
        self.bind_disks(pod, node);
        for key in self.claims_of(pod) {
            let (disk, now) = (self.disk_of(key), self.now);
            self.volumes.disks[disk as usize].ask(pod, 0, node, now);
        }
    }

    /// A pod's kubelet wants its disks: when all are there, or `None` while another node has one.
    pub fn attach_disks(&mut self, pod: PodId) -> Option<SimTime> {
        let row = self.cluster.pods[pod];
        let Some(node) = row.node else { return Some(self.now) };
        let mut all = Some(self.now);
        for (number, key) in self.claims_of(pod).into_iter().enumerate() {
            let ready = self.now + self.attach_time(pod, number as u64);
            let disk = self.disk_of(key) as usize;
            let there = self.volumes.disks[disk].ask(pod, row.epoch, node, ready);
            if there.is_none() {
                self.note_disk_elsewhere(pod, key, disk);
            }
            all = all.zip(there).map(|(one, other)| one.max(other));
        }
        all
    }

    fn note_disk_elsewhere(&mut self, pod: PodId, key: ClaimKey, disk: usize) {
        let Some(holder) = self.volumes.disks[disk].holder() else { return };
        let (name, claim) = (self.node_name(holder), self.plan.symbols.text(key.1));
        let (object, code) = (Object::Pod(pod), "volume.multi-attach");
        self.note(Actor::NodeController, "volume-wait", object, code, None, || {
            format!("the disk of claim {claim} is still attached to {name}")
        });
    }

    fn attach_time(&self, pod: PodId, number: u64) -> Duration {
        let row = &self.cluster.pods[pod];
        let spec = &self.plan.workloads[row.workload].times.start;
        let entity = self.keys.workloads[row.workload] ^ u64::from(row.ordinal);
        spec.volume_attach.sample_keyed(self.seed, Purpose::VolumeAttach, entity, number)
    }

    /// A pod has left its node: disks that nobody there uses any more are detached.
    pub fn release_disks(&mut self, pod: PodId, node: NodeId) {
        if self.cluster.shape(pod).volumes.claims.is_empty() {
            return;
        }
        let row = self.cluster.pods[pod];
        let healthy = !self.is_silent(node);
        for (number, key) in self.claims_of(pod).into_iter().enumerate() {
            let disk = self.disk_of(key);
            let state = &mut self.volumes.disks[disk as usize];
            let Some(wait) = state.release(pod, healthy) else { continue };
            let spec = &self.plan.workloads[row.workload].times.start;
            let entity = self.keys.workloads[row.workload] ^ u64::from(row.ordinal);
            let length = spec.volume_detach.sample_keyed(
                self.seed,
                Purpose::VolumeDetach,
                entity,
                number as u64,
            );
            self.at(self.now + wait + length, Event::DiskDetached(disk));
            if !wait.is_zero() {
                self.note_force_detach(node, key, wait);
            }
        }
    }

    fn note_force_detach(&mut self, node: NodeId, key: ClaimKey, wait: Duration) {
        let (name, claim) = (self.node_name(node), self.plan.symbols.text(key.1));
        let (object, code) = (Object::Node(node), "volume.force-detach");
        self.note(Actor::NodeController, "volume-held", object, code, None, || {
            format!(
                "{name} has not unmounted the disk of claim {claim}: detached by force in {wait}"
            )
        });
    }

    /// A disk is free: the first who waits for it gets it.
    pub fn disk_detached(&mut self, disk: u32) {
        for (pod, epoch) in self.volumes.disks[disk as usize].detached() {
            let row = &self.cluster.pods[pod];
            if row.epoch == epoch && row.phase == PodPhase::Starting {
                self.begin_start(pod);
            }
        }
    }
}
