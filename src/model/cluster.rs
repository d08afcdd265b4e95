//! The cluster: every entity, and the indices over them.

use std::collections::BTreeSet;

use crate::model::{
    DisruptionBudget, Labels, Node, NodePhase, Nodes, Pod, PodPhase, PodShape, Pool, SharedDevices,
    Usage, Workload,
};
use crate::unit::{
    DisruptionBudgetId, IdVec, NodeId, PodId, PoolId, Resources, ShapeId, SimTime, Symbol, Symbols,
    WorkloadId,
};

/// All facts that controllers can see, and some that only the provider knows.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Interned strings, growing with node names.
    pub symbols: Symbols,
    /// Labels of namespaces.
    pub namespaces: Vec<(Symbol, Labels)>,
    /// Pod specifications.
    pub shapes: IdVec<ShapeId, PodShape>,
    /// Pods, over ones too.
    pub pods: IdVec<PodId, Pod>,
    /// Nodes, gone ones too.
    pub nodes: Nodes,
    /// Nodes that have a Node object, in order of registration.
    pub registered: Vec<NodeId>,
    /// Node pools.
    pub pools: IdVec<PoolId, Pool>,
    /// Workloads.
    pub workloads: IdVec<WorkloadId, Workload>,
    /// Disruption budgets.
    pub budgets: IdVec<DisruptionBudgetId, DisruptionBudget>,
    /// Pods that are not bound and not over, in order of creation.
    pub pending: BTreeSet<PodId>,
    /// Bumped at each change that a controller could see.
    pub change: u64,
}

impl Cluster {
    /// The shape of a pod.
    pub fn shape(&self, pod: PodId) -> &PodShape {
        &self.shapes[self.pods[pod].shape]
    }

    /// A new pod of a workload, not bound. A DaemonSet pod names the node that it is made for.
    pub fn create_pod(
        &mut self,
        workload: WorkloadId,
        shape: ShapeId,
        made_for: Option<NodeId>,
        now: SimTime,
    ) -> PodId {
        let owner = &mut self.workloads[workload];
        let ordinal = owner.next_ordinal;
        owner.next_ordinal += 1;
        owner.active += 1;
        let pod = self.pods.push(Pod {
            shape,
            workload,
            ordinal,
            index: ordinal,
            phase: PodPhase::Pending,
            epoch: 0,
            restarts: 0,
            started: 0,
            node: made_for,
            nominated: None,
            gated: self.shapes[shape].gated,
            unschedulable: false,
            created: now,
            unschedulable_since: SimTime::NEVER,
            bound: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: SimTime::NEVER,
            terminating: SimTime::NEVER,
        });
        owner.pods.push(pod);
        self.pending.insert(pod);
        self.change += 1;
        pod
    }

    /// Puts a pod's requests on a node: from here on it holds room. O(log pending).
    pub fn assume(&mut self, pod: PodId, node: NodeId) {
        debug_assert_eq!(self.pods[pod].phase, PodPhase::Pending);
        self.nodes[node].used.add(pod, &self.shapes[self.pods[pod].shape]);
        let row = &mut self.pods[pod];
        row.node = Some(node);
        row.nominated = None;
        row.unschedulable = false;
        row.phase = PodPhase::Binding;
        self.pending.remove(&pod);
        self.change += 1;
    }

    /// The binding has reached the node.
    pub fn bind(&mut self, pod: PodId, now: SimTime) {
        debug_assert_eq!(self.pods[pod].phase, PodPhase::Binding);
        self.pods[pod].phase = PodPhase::Starting;
        self.pods[pod].bound = now;
        self.pods[pod].condition_changed = now;
        self.change += 1;
    }

    /// The scheduler could not place the pod, and the API says so.
    pub fn mark_unschedulable(&mut self, pod: PodId, now: SimTime) {
        let row = &mut self.pods[pod];
        if !row.unschedulable {
            row.unschedulable = true;
            row.unschedulable_since = now;
            self.change += 1;
        }
    }

    /// The pod is Ready.
    pub fn set_ready(&mut self, pod: PodId, now: SimTime) {
        let row = &mut self.pods[pod];
        debug_assert!(matches!(row.phase, PodPhase::Starting | PodPhase::NotReady));
        row.phase = PodPhase::Ready;
        row.condition_changed = now;
        if row.ready == SimTime::NEVER {
            row.ready = now;
        }
        self.workloads[row.workload].ready += 1;
        self.change += 1;
    }

    /// A Ready pod is not Ready any more.
    pub fn set_not_ready(&mut self, pod: PodId, now: SimTime) {
        let row = &mut self.pods[pod];
        if row.phase == PodPhase::Ready {
            row.phase = PodPhase::NotReady;
            row.condition_changed = now;
            self.workloads[row.workload].ready -= 1;
            self.change += 1;
        }
    }

    /// The next container of a pod that starts is there.
    pub fn container_started(&mut self, pod: PodId) {
        let row = &mut self.pods[pod];
        row.started = row.started.saturating_add(1);
    }

    /// All containers of a pod are there (a warm start).
    pub fn all_containers_started(&mut self, pod: PodId) {
        let containers = self.shapes[self.pods[pod].shape].containers.len();
        self.pods[pod].started = u16::try_from(containers).unwrap_or(u16::MAX);
    }

    /// A container of a pod has exited: not Ready, its earlier events are void.
    pub fn container_exited(&mut self, pod: PodId, now: SimTime) {
        self.set_not_ready(pod, now);
        let row = &mut self.pods[pod];
        row.restarts = row.restarts.saturating_add(1);
        row.epoch = row.epoch.wrapping_add(1);
    }

    /// The pod is told to stop; it keeps its room. Its earlier events are void.
    pub fn begin_termination(&mut self, pod: PodId, now: SimTime) {
        self.leave_replicas(pod);
        let row = &mut self.pods[pod];
        let stays = row.phase.holds_room() && row.phase != PodPhase::Terminating;
        if let Some(node) = row.node.filter(|_| stays) {
            self.nodes[node].used.terminating += 1;
        }
        row.phase = PodPhase::Terminating;
        row.terminating = now;
        row.epoch = row.epoch.wrapping_add(1);
        self.change += 1;
    }

    /// The pod's life is over: its room is free and its events are void. O(log n) among its owner's
    /// n pods and the pending ones, and O(pods on its node).
    pub fn end_pod(&mut self, pod: PodId, phase: PodPhase) {
        debug_assert!(phase.is_over() && !self.pods[pod].phase.is_over());
        self.leave_replicas(pod);
        let row = self.pods[pod];
        if row.phase.holds_room() {
            let node = row.node.expect("a pod that holds room is on a node");
            let used = &mut self.nodes[node].used;
            used.remove(pod, &self.shapes[row.shape]);
            used.terminating -= u32::from(row.phase == PodPhase::Terminating);
        } else {
            self.pending.remove(&pod);
        }
        self.workloads[row.workload].pods.remove(pod);
        let row = &mut self.pods[pod];
        row.phase = phase;
        row.unschedulable = false;
        row.epoch = row.epoch.wrapping_add(1);
        self.change += 1;
    }

    /// Counts a pod out of its owner's active and ready replicas.
    fn leave_replicas(&mut self, pod: PodId) {
        let row = self.pods[pod];
        let owner = &mut self.workloads[row.workload];
        if row.phase.is_active() {
            owner.active -= 1;
        }
        if row.phase == PodPhase::Ready {
            owner.ready -= 1;
        }
    }

    /// A new instance of a pool (or a given node).
    pub fn add_node(&mut self, node: Node) -> NodeId {
        let pool = node.pool;
        let id = self.nodes.push(node);
        if let Some(pool) = pool {
            self.pools[pool].instances.push(id);
        }
        self.change += 1;
        id
    }

    /// The kubelet has registered: there is a Node object.
    pub fn register_node(&mut self, node: NodeId, now: SimTime) {
        let row = &mut self.nodes[node];
        row.phase = NodePhase::Registered;
        row.registered = now;
        row.condition_changed = now;
        self.registered.push(node);
        self.change += 1;
    }

    /// The Ready condition of a node changes to `phase`.
    pub fn set_node_phase(&mut self, node: NodeId, phase: NodePhase, now: SimTime) {
        let row = &mut self.nodes[node];
        if phase == NodePhase::Ready {
            row.ready = now;
        }
        row.phase = phase;
        row.condition_changed = now;
        self.change += 1;
    }

    /// The Node object is deleted.
    pub fn unregister_node(&mut self, node: NodeId) {
        self.registered.retain(|&other| other != node);
        self.nodes[node].phase = NodePhase::Gone;
        self.change += 1;
    }

    /// The VM is gone. Its Node object, if there is one, shows nothing of it yet; its pods are
    /// dealt with by whoever finds them.
    pub fn remove_instance(&mut self, node: NodeId, now: SimTime) {
        let row = &mut self.nodes[node];
        row.gone = now;
        if !row.phase.has_node() {
            row.phase = NodePhase::Gone;
        }
        row.epoch = row.epoch.wrapping_add(1);
        if let Some(pool) = row.pool {
            self.pools[pool].instances.retain(|&other| other != node);
        }
        self.change += 1;
    }
}

impl Usage {
    /// Counts a pod in.
    pub fn add(&mut self, pod: PodId, shape: &PodShape) {
        self.requests += &shape.requests;
        self.scoring += &shape.scoring;
        self.ports.extend_from_slice(&shape.host_ports);
        self.data_disks += u32::from(shape.volumes.data_disks);
        if let Some(share) = shape.device_share {
            let opened = self.shared.join(pod, share);
            self.requests.extended[usize::from(share.kind.0)] += i64::from(opened);
        }
        self.pods.push(pod);
    }

    /// Says on which device each pod is that shares one: pods that have gone since may have left
    /// others than [`Usage::add`] chooses.
    pub fn share(&mut self, devices: &[(PodId, u16)]) {
        let open = |shared: &SharedDevices, requests: &mut Resources, sign: i64| {
            shared.taken().for_each(|(of, ..)| {
                requests.extended[usize::from(of.kind.0)] += sign;
            });
        };
        open(&self.shared, &mut self.requests, -1);
        self.shared.renumber(devices);
        open(&self.shared, &mut self.requests, 1);
    }

    /// Counts a pod out. O(pods on the node).
    ///
    /// # Panics
    /// If the pod is not there: a pod leaves a node once.
    pub fn remove(&mut self, pod: PodId, shape: &PodShape) {
        let at = self.pods.iter().position(|&p| p == pod).expect("the pod is on this node");
        self.pods.remove(at);
        self.requests -= &shape.requests;
        self.scoring -= &shape.scoring;
        self.data_disks -= u32::from(shape.volumes.data_disks);
        if let Some(share) = shape.device_share {
            let closed = self.shared.leave(pod);
            self.requests.extended[usize::from(share.kind.0)] -= i64::from(closed);
        }
        for port in &shape.host_ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
    }
}
