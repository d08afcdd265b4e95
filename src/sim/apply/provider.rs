//! Requests to the provider, and what it answers.

use crate::cloud::{
    Creation, CreationOutcome, InstanceState, PoolSpec, Refusal, Region, RequestOutcome, ScaleSet,
};
use crate::model::{Node, NodePhase, ProvisioningFailure, Usage};
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::record::NodeRecord;
use crate::sim::world::{World, scheduler_view};
use crate::unit::{InstanceId, NodeId, PoolId, SimTime};

impl World<'_> {
    /// Asks for `by` more VMs of a pool.
    ///
    /// # Errors
    /// The provider's answer, if it refuses at once.
    pub fn request_nodes(&mut self, pool: PoolId, by: u32) -> Result<(), Refusal> {
        let plan = self.plan;
        let spec = &plan.pools[pool];
        self.fingerprint.add(self.now, 6, u64::from(pool.0), u64::from(by));
        let capacity = &mut self.capacity;
        let answer = capacity.scale_sets[pool].request(spec, by, self.now, &mut capacity.region);
        match answer {
            RequestOutcome::Refused(refusal) => {
                let code = failure_code(refusal.failure());
                self.note(Actor::Azure, "refuse", Object::Pool(pool), code, None, || {
                    format!("{} more VMs are refused at once: {}", by, refusal_text(refusal))
                });
                Err(refusal)
            }
            RequestOutcome::Accepted(creations) => {
                self.cluster.pools[pool].target += by;
                self.record.pools[pool].requested += if self.counts() { u64::from(by) } else { 0 };
                for creation in creations {
                    self.expect_instance(pool, creation);
                }
                Ok(())
            }
        }
    }

    /// Takes over the nodes that a pool has from the start, running.
    pub fn add_running_nodes(&mut self, pool: PoolId) {
        let plan = self.plan;
        let spec = &plan.pools[pool];
        let capacity = &mut self.capacity;
        let creations = capacity.scale_sets[pool].adopt(spec, spec.count, &mut capacity.region);
        self.cluster.pools[pool].target = spec.count;
        for creation in creations {
            let node = self.new_instance(pool, creation);
            if let CreationOutcome::Boots(_, Some(eviction)) = creation.outcome {
                self.at(eviction.notice_at, Event::SpotNotice(node, 0));
            }
            self.billing_begins(node);
            self.make_ready(node);
        }
    }

    fn expect_instance(&mut self, pool: PoolId, creation: Creation) {
        let node = self.new_instance(pool, creation);
        self.record.pools[pool].coming += 1;
        match creation.outcome {
            CreationOutcome::Boots(boot, eviction) => {
                self.at(boot.running_at, Event::VmRunning(node, 0));
                self.at(boot.registered_at, Event::NodeRegistered(node, 0));
                self.at(boot.ready_at, Event::NodeReady(node, 0));
                if let Some(gpus_at) = boot.gpus_at {
                    self.hide_gpus(node);
                    self.at(gpus_at, Event::NodeGpus(node, 0));
                }
                if let Some(eviction) = eviction {
                    self.at(eviction.notice_at, Event::SpotNotice(node, 0));
                }
            }
            CreationOutcome::Fails { at, failure } => {
                self.capacity.failures.insert(node, failure);
                self.at(at, Event::VmFailed(node, 0));
            }
        }
    }

    fn new_instance(&mut self, pool: PoolId, creation: Creation) -> NodeId {
        let plan = self.plan;
        let spec = &plan.pools[pool];
        let number = creation.instance.0 as usize;
        let before = creation.restarted.then(|| self.capacity.nodes_of[pool][number]);
        let group = plan.symbols.text(spec.group_id);
        let name = crate::cloud::identity::node_name(group, creation.instance);
        let name = self.cluster.symbols.intern(&name);
        let mut labels = spec.labels.clone();
        labels.set(self.names.hostname, name);
        let zone = creation.zone.unwrap_or(self.names.no_zone);
        labels.set(self.names.zone, zone);
        let id = self.new_node(Node {
            name,
            pool: Some(pool),
            instance: creation.instance,
            phase: NodePhase::Creating,
            epoch: 0,
            labels,
            taints: spec.taints.clone(),
            unschedulable: false,
            capacity: spec.capacity,
            allocatable: spec.allocatable,
            used: Usage::default(),
            // A stopped VM has kept its disk.
            images: before.map_or_else(Vec::new, |old| self.cluster.nodes[old].images.clone()),
            requested: self.now,
            registered: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: self.now,
            gone: SimTime::NEVER,
            max_data_disks: spec.size.max_data_disks,
            scale_down_disabled: spec.annotations.scale_down_disabled,
        });
        match before {
            Some(old) => {
                self.capacity.nodes_of[pool][number] = id;
                self.disk_passes(old, id);
            }
            None => {
                debug_assert_eq!(self.capacity.nodes_of[pool].len(), number);
                self.capacity.nodes_of[pool].push(id);
            }
        }
        id
    }

    /// Adds a node and its record.
    pub fn new_node(&mut self, node: Node) -> NodeId {
        self.record.nodes.push(NodeRecord::default());
        self.cluster.add_node(node)
    }

    /// A VM's creation has failed; the instance stays until somebody deletes it.
    pub fn vm_failed(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        self.cluster.set_node_phase(node, NodePhase::Failed, self.now);
        self.record.pools[pool].failed += u64::from(self.counts());
        self.record.nodes[node].end = "failed";
        self.fingerprint.add(self.now, 15, u64::from(node.0), 0);
        let failure = self.capacity.failures.get(&node).copied();
        self.capacity.walls[pool] = failure;
        self.capacity.sizes[pool].forget();
        let code = failure.map_or("", failure_code);
        let name = self.node_name(node);
        self.note(Actor::Azure, "vm-failed", Object::Pool(pool), code, None, || {
            format!("{name} could not be created")
        });
    }

    /// Asks the provider to delete an instance.
    pub fn delete_instance(&mut self, node: NodeId, end: &'static str) {
        self.take_out(node, end, |set, _, instance, now, region| set.delete(instance, now, region));
    }

    /// Asks the provider to delete an instance, or to stop it and keep it (`scaleDownMode`).
    pub fn scale_in(&mut self, node: NodeId, end: &'static str) {
        self.take_out(node, end, |set, spec, instance, now, region| {
            set.remove(spec, instance, now, region).at
        });
    }

    fn take_out(
        &mut self,
        node: NodeId,
        end: &'static str,
        ask: impl Fn(&mut ScaleSet, &PoolSpec, InstanceId, SimTime, &Region) -> SimTime,
    ) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        if row.gone != SimTime::NEVER || row.phase == NodePhase::Deleting {
            return;
        }
        let capacity = &mut self.capacity;
        let set = &mut capacity.scale_sets[pool];
        let at = ask(set, &self.plan.pools[pool], row.instance, self.now, &capacity.region);
        let coming = row.ready == SimTime::NEVER;
        self.fingerprint.add(self.now, 7, u64::from(node.0), 0);
        let target = &mut self.cluster.pools[pool].target;
        *target = target.saturating_sub(1);
        if self.record.nodes[node].end.is_empty() {
            self.record.nodes[node].end = end;
        }
        // What was still to come of its boot comes no more.
        let row = &mut self.cluster.nodes[node];
        row.epoch = row.epoch.wrapping_add(1);
        let epoch = row.epoch;
        if !coming {
            self.count_ready(node, false);
        }
        self.cluster.set_node_phase(node, NodePhase::Deleting, self.now);
        self.at(at, Event::VmGone(node, epoch));
    }

    /// What was asked to go is gone, or stopped and kept. A stopped VM has no part in anything
    /// but the bill for its disk, the quota and the addresses, until a scale-up starts it: the
    /// autoscaler's target is the size of the scale set less the deallocated ones
    /// (Azure/autoscaler `azure_scale_set.go`, `GetScaleSetSize`).
    pub fn instance_removed(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        let (spec, instance) = (&self.plan.pools[pool], row.instance);
        let capacity = &mut self.capacity;
        capacity.scale_sets[pool].finish_removal(spec, instance, &mut capacity.region);
        let kept = capacity.scale_sets[pool].state(instance) == InstanceState::Stopped;
        capacity.failures.remove(&node);
        capacity.waiting_for.remove(&node);
        self.vm_gone(node, true);
        if kept {
            self.disk_stays(node);
            self.note_step(Actor::Azure, "deallocated", Object::Node(node));
        }
    }

    /// A VM is taken: the scale set is smaller by one, or the instance stays in it, stopped
    /// (`scaleSetEvictionPolicy`).
    pub fn vm_taken(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let Some(pool) = row.pool else { return };
        let (spec, instance) = (&self.plan.pools[pool], row.instance);
        let capacity = &mut self.capacity;
        if capacity.scale_sets[pool].evict(spec, instance, &mut capacity.region) {
            self.vm_stays_evicted(node);
            return;
        }
        let target = &mut self.cluster.pools[pool].target;
        *target = target.saturating_sub(1);
        self.vm_gone(node, false);
    }

    /// An evicted VM stays in its scale set, stopped: it counts in the pool's size, its Node stays
    /// and falls silent, and nobody starts it again (azure-aks-docs `spot-node-pool.md`). The
    /// autoscaler deletes it as an unready node, or as one that never came.
    fn vm_stays_evicted(&mut self, node: NodeId) {
        self.billing_ends(node);
        self.disk_stays(node);
        if self.cluster.nodes[node].ready == SimTime::NEVER {
            // It was still booting: what was to come of that comes no more.
            let row = &mut self.cluster.nodes[node];
            row.epoch = row.epoch.wrapping_add(1);
        } else {
            self.vm_stops(node, None, None);
        }
    }

    /// GPUs are not allocatable before their driver and device plugin run.
    fn hide_gpus(&mut self, node: NodeId) {
        self.cluster.nodes[node].allocatable.extended = Default::default();
    }

    /// The GPUs of a node are allocatable from now on.
    pub fn gpus_ready(&mut self, node: NodeId) {
        let Some(pool) = self.cluster.nodes[node].pool else { return };
        self.cluster.nodes[node].allocatable.extended = self.plan.pools[pool].allocatable.extended;
        self.cluster.change += 1;
        self.scheduling.scheduler.node_changed(
            scheduler_view(self.plan, &self.cluster),
            node,
            self.now,
        );
        self.wake_scheduler(self.now);
    }
}

/// Stable code of a failure.
pub const fn failure_code(failure: ProvisioningFailure) -> &'static str {
    match failure {
        ProvisioningFailure::AllocationFailed => "azure.AllocationFailed",
        ProvisioningFailure::ZonalAllocationFailed => "azure.ZonalAllocationFailed",
        ProvisioningFailure::SkuNotAvailable => "azure.SkuNotAvailable",
        ProvisioningFailure::Overconstrained => "azure.OverconstrainedAllocationRequest",
        ProvisioningFailure::SubnetIsFull => "azure.SubnetIsFull",
        ProvisioningFailure::QuotaExceeded => "azure.QuotaExceeded",
        ProvisioningFailure::Throttled => "azure.TooManyRequests",
    }
}

fn refusal_text(refusal: Refusal) -> String {
    match refusal {
        Refusal::QuotaExceeded { .. } => "the vCPU quota has no room for all of them".into(),
        Refusal::Throttled { retry_at } => {
            format!("too many requests; the next is answered at {retry_at}")
        }
        Refusal::ScaleSetFull { limit } => format!("a scale set has at most {limit} instances"),
        Refusal::ClusterFull { limit, .. } => format!("the cluster may have {limit} nodes"),
        Refusal::SpotPriceAboveMax => "the spot price is above spotMaxPrice".into(),
    }
}
