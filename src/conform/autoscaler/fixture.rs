//! A cluster as decision cases describe it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::Value;

pub use super::reader::{
    BASE_SECONDS, at, instant, length, list, now_of, number, pairs, quota, resources, seconds_of,
    text,
};
use crate::control::autoscaler::drain::{Controller, PodFacts};
use crate::control::autoscaler::placement::Candidate;
use crate::control::autoscaler::state::{
    ClusterState, GroupSize, InstanceReading, NodeReading, StateLimits,
};
use crate::control::autoscaler::{
    AutoscalerSpec, BudgetView, GroupView, Quota, Template, View, Words,
};
use crate::model::{
    Cluster, DisruptionBudget, HostPort, LabelSelector, Labels, Node, NodePhase, OwnerKind, Pod,
    PodPhase, PodShape, PolicySwitch, Pool, ProvisioningFailure, Requirement, SafeToEvict,
    SelectorOp, SpreadConstraint, Taint, TaintEffect, Usage, WhenUnsatisfiable, Workload,
};
use crate::rules::{ContainerRequest, FilterOptions, PodRequest, WellKnown};
use crate::unit::{
    Duration, ExtendedId, InstanceId, NodeId, PodId, PoolId, Resources, ShapeId, SimTime,
    WorkloadId,
};
use crate::vocabulary::KubernetesVersion;

const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const SAFE_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
const DAEMON_POD: &str = "cluster-autoscaler.kubernetes.io/daemonset-pod";
const CONFIG_SOURCE: &str = "kubernetes.io/config.source";
const MIRROR: &str = "kubernetes.io/config.mirror";
const DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/// The newest upstream.
pub fn head() -> AutoscalerSpec {
    AutoscalerSpec::upstream(KubernetesVersion::NEWEST)
}

/// A cluster, what the autoscaler sees of it, and names.
pub struct Fixture {
    /// Settings.
    pub spec: AutoscalerSpec,
    /// Objects.
    pub cluster: Cluster,
    /// Groups.
    pub groups: Vec<GroupView>,
    /// Budgets.
    pub budgets: Vec<BudgetView>,
    /// Quotas.
    pub quotas: Vec<Quota>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeId>,
    /// Pods by name.
    pub pods: BTreeMap<String, PodId>,
    /// Pools by name.
    pub pools: BTreeMap<String, PoolId>,
    owners: BTreeMap<String, WorkloadId>,
    failures: FxHashMap<NodeId, ProvisioningFailure>,
    words: Words,
    filters: FilterOptions,
}

impl Fixture {
    /// An empty cluster.
    pub fn new(spec: AutoscalerSpec) -> Self {
        let mut cluster = Cluster::default();
        let words = Words::new(&mut cluster.symbols, &spec, []);
        let known = WellKnown::new(&mut cluster.symbols);
        let filters = FilterOptions::of_version(spec.version.minor, known);
        let bare = cluster.workloads.push(Workload::default());
        Self {
            spec,
            cluster,
            groups: Vec::new(),
            budgets: Vec::new(),
            quotas: Vec::new(),
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            pools: BTreeMap::new(),
            owners: BTreeMap::from([(String::new(), bare)]),
            failures: FxHashMap::default(),
            words,
            filters,
        }
    }

    /// A case's groups, nodes, pods and budgets.
    pub fn of(spec: AutoscalerSpec, given: &Value) -> Self {
        let mut fixture = Self::new(spec);
        for set in list(given, "replica_sets").iter().chain(list(given, "controllers")) {
            fixture.controller(set);
        }
        for group in list(given, "groups") {
            fixture.group(group);
        }
        for node in list(given, "nodes").iter().chain(list(given, "existing_nodes")) {
            fixture.node(node);
        }
        for pod in list(given, "pods").iter().chain(list(given, "scheduled_pods")) {
            fixture.pod(pod);
        }
        for budget in list(given, "pdbs") {
            fixture.budget(budget);
        }
        fixture
    }

    /// What the autoscaler sees.
    pub fn view(&self) -> View<'_> {
        View {
            cluster: &self.cluster,
            words: &self.words,
            filters: &self.filters,
            groups: &self.groups,
            budgets: &self.budgets,
            quotas: &self.quotas,
            lone: &[],
            gpu: Some(ExtendedId(0)),
            failures: &self.failures,
            sights: None,
        }
    }

    /// Interned names.
    pub fn words(&self) -> &Words {
        &self.words
    }

    fn controller(&mut self, value: &Value) {
        let kind = value["kind"].as_str().unwrap_or("ReplicaSet").to_owned();
        let owner = self.workload(&format!("{kind}/{}", text(value, "name")));
        let row = &mut self.cluster.workloads[owner];
        let replicas = value["spec_replicas"].as_u64().or(value["replicas"].as_u64());
        row.replicas = replicas.unwrap_or(0) as u32;
        row.active = number(value, "status_replicas") as u32;
    }

    fn workload(&mut self, key: &str) -> WorkloadId {
        if let Some(&known) = self.owners.get(key) {
            return known;
        }
        let id = self.cluster.workloads.push(Workload::default());
        self.owners.insert(key.to_owned(), id);
        id
    }

    /// A node group; known ones change.
    pub fn group(&mut self, value: &Value) -> PoolId {
        let name = text(value, "id").to_owned();
        let pool = match self.pools.get(&name) {
            Some(&pool) => pool,
            None => self.cluster.pools.push(Pool::default()),
        };
        let group = GroupView {
            pool,
            id: self.cluster.symbols.intern(&name),
            min: number(value, "min") as u32,
            max: number(value, "max") as u32,
            target: number(value, "target").max(0) as u32,
            listed: SimTime::ZERO,
            atomic: value["atomic"].as_bool().unwrap_or(false),
            template: value["template"].is_object().then(|| {
                let capacity = resources(&value["template"]["capacity"]);
                Template { capacity, allocatable: capacity, ..Template::default() }
            }),
            deletion_delay: None,
            overrides: Default::default(),
        };
        match self.groups.iter_mut().find(|known| known.pool == pool) {
            Some(known) => *known = group,
            None => self.groups.push(group),
        }
        self.pools.insert(name, pool);
        pool
    }

    /// Labels of a case.
    pub fn labels(&mut self, value: &Value) -> Labels {
        let symbols = &mut self.cluster.symbols;
        let pairs = value.as_object().into_iter().flatten();
        pairs
            .map(|(key, value)| {
                (symbols.intern(key), symbols.intern(value.as_str().unwrap_or_default()))
            })
            .collect()
    }

    fn taint(&mut self, value: &Value) -> Taint {
        let since =
            value["value_time_s"].as_f64().map(|s| (s as i64 + BASE_SECONDS as i64).to_string());
        let symbols = &mut self.cluster.symbols;
        Taint {
            key: symbols.intern(text(value, "key")),
            value: symbols.intern(&since.unwrap_or_else(|| text(value, "value").to_owned())),
            effect: match text(value, "effect") {
                "NoExecute" => TaintEffect::NoExecute,
                "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
                _ => TaintEffect::NoSchedule,
            },
        }
    }

    /// A node; a known one is replaced, its pods are forgotten.
    pub fn node(&mut self, value: &Value) -> NodeId {
        let name = text(value, "name").to_owned();
        let symbol = self.cluster.symbols.intern(&name);
        let mut labels = self.labels(&value["labels"]);
        let hostname = self.words.hostname;
        if labels.get(hostname).is_none() {
            labels.set(hostname, symbol);
        }
        if value["gpu_node"] == true {
            labels.set(self.words.accelerators[0], symbol);
        }
        let taints = list(value, "taints").iter().map(|taint| self.taint(taint)).collect();
        let pool = self.pools.get(text(value, "group")).copied();
        let allocatable = resources(&value["allocatable"]);
        let ready = value["ready"].as_bool().unwrap_or(true);
        let node = Node {
            name: symbol,
            pool,
            instance: InstanceId(0),
            phase: if ready { NodePhase::Ready } else { NodePhase::NotReady },
            epoch: 0,
            labels,
            taints,
            unschedulable: value["unschedulable"] == true,
            capacity: allocatable,
            allocatable,
            used: Usage::default(),
            images: Vec::new(),
            requested: SimTime::ZERO,
            registered: instant(value, "creation_timestamp_s").unwrap_or(SimTime::ZERO),
            ready: SimTime::ZERO,
            condition_changed: SimTime::ZERO,
            gone: SimTime::NEVER,
            max_data_disks: 0,
            scale_down_disabled: text(&value["annotations"], DISABLED) == "true",
        };
        let id = match self.nodes.get(&name) {
            Some(&id) => {
                self.cluster.nodes[id] = node;
                id
            }
            None => self.cluster.nodes.push(node),
        };
        self.nodes.insert(name, id);
        if !self.cluster.registered.contains(&id) {
            self.cluster.registered.push(id);
        }
        if let Some(pool) = pool
            && !self.cluster.pools[pool].instances.contains(&id)
        {
            self.cluster.pools[pool].instances.push(id);
        }
        id
    }

    /// An instance without a node.
    pub fn instance(&mut self, name: &str, pool: PoolId) -> NodeId {
        let id = self.node(&serde_json::json!({"name": name}));
        self.cluster.registered.retain(|&other| other != id);
        self.cluster.nodes[id].pool = Some(pool);
        self.cluster.nodes[id].phase = NodePhase::Creating;
        let instances = &mut self.cluster.pools[pool].instances;
        if !instances.contains(&id) {
            instances.push(id);
        }
        id
    }

    /// The kind of owner, as far as the model knows it.
    fn owner_kind(value: &Value) -> OwnerKind {
        let annotations = &value["annotations"];
        let source = annotations[CONFIG_SOURCE].as_str();
        if annotations.get(MIRROR).is_some() || source.is_some_and(|source| source != "api") {
            return OwnerKind::Mirror;
        }
        match value["kind"].as_str() {
            // A static pod is seen through its mirror; nobody makes either of them again.
            Some("mirror" | "static") => return OwnerKind::Mirror,
            Some("daemonset" | "ds") => return OwnerKind::DaemonSet,
            _ => {}
        }
        match value["owner"]["kind"].as_str() {
            None => OwnerKind::None,
            Some("ReplicaSet" | "ReplicationController") => OwnerKind::ReplicaSet,
            Some("StatefulSet") => OwnerKind::StatefulSet,
            Some("DaemonSet") => OwnerKind::DaemonSet,
            Some("Job") => OwnerKind::Job,
            Some(_) => OwnerKind::Other,
        }
    }

    fn selector(&mut self, value: &Value) -> Option<LabelSelector> {
        let labels = self.labels(value);
        let requirements = labels
            .iter()
            .map(|(key, value)| Requirement { key, op: SelectorOp::In, values: vec![value] })
            .collect();
        value.is_object().then_some(LabelSelector { requirements })
    }

    fn spread(&mut self, value: &Value) -> SpreadConstraint {
        let policy = |key: &str, default: PolicySwitch| match text(value, key) {
            "Honor" => PolicySwitch::Honor,
            "Ignore" => PolicySwitch::Ignore,
            _ => default,
        };
        SpreadConstraint {
            max_skew: number(value, "max_skew") as i32,
            topology_key: self.cluster.symbols.intern(text(value, "topology_key")),
            when: match text(value, "when_unsatisfiable") {
                "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
                _ => WhenUnsatisfiable::DoNotSchedule,
            },
            min_domains: value["min_domains"].as_i64().unwrap_or(1) as i32,
            node_affinity_policy: policy("node_affinity_policy", PolicySwitch::Honor),
            node_taints_policy: policy("node_taints_policy", PolicySwitch::Ignore),
            selector: self.selector(&value["match_labels"]),
        }
    }

    /// A pod's specification, interned.
    pub fn shape(&mut self, value: &Value) -> ShapeId {
        let request = |value: &Value| ContainerRequest {
            requests: Resources { pods: 0, ..resources(&value["requests"]) },
            has_cpu: true,
            has_memory: true,
            sidecar: value["restart_policy"] == "Always",
        };
        let init: Vec<_> = list(value, "init_containers").iter().map(request).collect();
        let containers = [ContainerRequest { sidecar: false, ..request(value) }];
        let all = PodRequest { containers: &containers, init: &init, ..Default::default() };
        let mut shape = PodShape {
            labels: self.labels(&value["labels"]),
            requests: all.reserved(),
            priority: value["priority"].as_i64().map(|priority| priority as i32),
            owner: Self::owner_kind(value),
            grace: length(value, "termination_grace_s").unwrap_or(Duration::from_secs(30)),
            ..PodShape::default()
        };
        shape.spread = list(value, "topology_spread").iter().map(|own| self.spread(own)).collect();
        let symbols = &mut self.cluster.symbols;
        shape.namespace = symbols.intern(value["namespace"].as_str().unwrap_or("default"));
        shape.scheduler = symbols.intern(text(value, "scheduler"));
        if let Some(port) = value["host_port"].as_u64() {
            let (ip, protocol) = (symbols.intern("0.0.0.0"), symbols.intern("TCP"));
            shape.host_ports = vec![HostPort { ip, port: port as u16, protocol }];
        }
        let annotations = &value["annotations"];
        shape.annotations.safe_to_evict = match text(annotations, SAFE_TO_EVICT) {
            "true" => SafeToEvict::Yes,
            "false" => SafeToEvict::No,
            "on-completion" => SafeToEvict::OnCompletion,
            _ => SafeToEvict::Unset,
        };
        let safe = text(annotations, SAFE_VOLUMES).split(',').map(|name| symbols.intern(name));
        shape.annotations.safe_local_volumes = safe.collect();
        shape.annotations.daemonset_pod = text(annotations, DAEMON_POD) == "true";
        for volume in list(value, "volumes") {
            let name = symbols.intern(text(volume, "name"));
            match text(volume, "type") {
                "hostPath" => shape.volumes.local.push(name),
                "emptyDir" if text(volume, "medium") != "Memory" => shape.volumes.local.push(name),
                // A volume's name makes specifications differ; a projected token's does not.
                "flex" => {
                    shape.default_spread = Some(LabelSelector {
                        requirements: vec![Requirement {
                            key: name,
                            op: SelectorOp::Exists,
                            values: Vec::new(),
                        }],
                    })
                }
                _ => {}
            }
        }
        let known = self.cluster.shapes.iter().position(|known| *known == shape);
        known.map_or_else(|| self.cluster.shapes.push(shape), ShapeId::from)
    }

    /// A pod: on its node, nominated, or pending. One of a known name is made again.
    pub fn pod(&mut self, value: &Value) -> PodId {
        let shape = self.shape(value);
        let owner = &value["owner"];
        let name = owner["uid"].as_str().or(owner["name"].as_str()).unwrap_or_default();
        let key = owner["kind"].as_str().map_or(String::new(), |kind| format!("{kind}/{name}"));
        let workload = self.workload(&key);
        let node = self.nodes.get(text(value, "node")).copied();
        let nominated = self.nodes.get(text(value, "nominated_node")).copied();
        let grace = self.cluster.shapes[shape].grace;
        let deletion = instant(value, "deletion_timestamp_s");
        let terminating =
            deletion.map_or(SimTime::NEVER, |deletion| deletion.saturating_sub(grace));
        let phase = match node {
            _ if deletion.is_some() => PodPhase::Terminating,
            Some(_) => PodPhase::Ready,
            None => PodPhase::Pending,
        };
        let pod = Pod {
            shape,
            workload,
            ordinal: 0,
            index: 0,
            phase,
            epoch: 0,
            restarts: 0,
            condition_changed: SimTime::NEVER,
            started: 0,
            node,
            nominated,
            gated: false,
            unschedulable: value["unschedulable"] == true,
            created: instant(value, "creation_timestamp_s").unwrap_or(SimTime::ZERO),
            unschedulable_since: SimTime::NEVER,
            bound: SimTime::NEVER,
            ready: SimTime::NEVER,
            terminating,
        };
        let name = text(value, "name").to_owned();
        let id = match self.pods.get(&name) {
            Some(&id) => {
                self.cluster.pods[id] = pod;
                id
            }
            None => self.cluster.pods.push(pod),
        };
        self.pods.insert(name, id);
        match node {
            Some(node) => {
                let shape = &self.cluster.shapes[shape];
                let used = &mut self.cluster.nodes[node].used;
                used.add(id, shape);
                used.terminating += u32::from(phase == PodPhase::Terminating);
            }
            None if phase == PodPhase::Pending => {
                self.cluster.pending.insert(id);
            }
            None => {}
        }
        id
    }

    fn budget(&mut self, value: &Value) {
        let namespace = self.cluster.symbols.intern(text(value, "namespace"));
        let selector = self.selector(&value["match_labels"]);
        self.budgets.push(BudgetView { namespace, selector });
        let allowed = number(value, "disruptions_allowed");
        self.cluster.budgets.push(DisruptionBudget { allowed, ..DisruptionBudget::default() });
    }

    /// Pods to place, of the case's descriptions.
    pub fn candidates(&mut self, pods: &[Value]) -> Vec<Candidate> {
        let ids: Vec<PodId> = pods.iter().map(|pod| self.pod(pod)).collect();
        ids.into_iter().map(|pod| self.candidate(pod)).collect()
    }

    /// A pod to place.
    pub fn candidate(&self, pod: PodId) -> Candidate {
        let row = &self.cluster.pods[pod];
        Candidate { pod, shape: row.shape, workload: row.workload }
    }

    /// A pod's name.
    pub fn pod_name(&self, pod: PodId) -> &str {
        self.pods.iter().find(|(_, id)| **id == pod).map_or("", |(name, _)| name)
    }

    /// A node's name.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.cluster.symbols.text(self.cluster.nodes[node].name)
    }

    /// A pool's name.
    pub fn pool_name(&self, pool: PoolId) -> &str {
        self.pools.iter().find(|(_, id)| **id == pool).map_or("", |(name, _)| name)
    }

    /// What drainability looks at, with the case's controllers.
    pub fn facts(&self, pod: PodId, value: &Value, given: &Value) -> PodFacts<'_> {
        let row = &self.cluster.pods[pod];
        let shape = &self.cluster.shapes[row.shape];
        let allowed = |index: usize| self.cluster.budgets.as_slice()[index].allowed;
        let covering = self.budgets.iter().enumerate().filter(|(_, budget)| {
            let selector = budget.selector.as_ref();
            crate::rules::selects(budget.namespace, selector, shape, &self.cluster.symbols)
        });
        let phase = text(value, "phase");
        let restart = value["restart_policy"].as_str().unwrap_or("Always");
        PodFacts {
            shape,
            created: instant(value, "creation_timestamp_s"),
            deletion: instant(value, "deletion_timestamp_s"),
            grace: length(value, "termination_grace_s"),
            terminal: phase == "Failed" || phase == "Succeeded" && restart != "Always",
            controller: controller(value, given),
            budgets: covering.map(|(index, _)| allowed(index)).min(),
        }
    }

    /// A cluster state that has read the fixture.
    pub fn state(&self, now: SimTime) -> ClusterState {
        let mut state = ClusterState::default();
        self.read_into(&mut state, now);
        state
    }

    /// Reads the fixture's nodes, and its instances without one.
    pub fn read_into(&self, state: &mut ClusterState, now: SimTime) {
        let sizes: Vec<GroupSize> = self
            .groups
            .iter()
            .map(|group| GroupSize { pool: group.pool, target: group.target })
            .collect();
        let view = self.view();
        let nodes = self.cluster.registered.iter().map(|&node| {
            let row = &self.cluster.nodes[node];
            NodeReading {
                node,
                pool: row.pool,
                ready: view.is_ready(row),
                created: None,
                deleted: false,
                suspended: false,
            }
        });
        let without_node = self.groups.iter().flat_map(|group| {
            let instances = self.cluster.pools[group.pool].instances.iter().copied();
            instances.map(|node| (node, group.pool))
        });
        let instances = without_node
            .filter(|(node, _)| !self.cluster.registered.contains(node))
            .map(|(node, pool)| InstanceReading {
                node,
                pool,
                has_node: false,
                deleting: false,
                error: None,
            });
        state.update(&StateLimits::of(&self.spec), &sizes, nodes, instances, now);
    }
}

/// The pod's controller among those of the case. Other API groups are not looked for.
fn controller(value: &Value, given: &Value) -> Controller {
    let owner = &value["owner"];
    let kind = text(owner, "kind");
    let group = text(owner, "api_version").split('/').next().unwrap_or_default().to_owned();
    let known = matches!(kind, "ReplicationController" | "ReplicaSet" | "Job")
        || matches!(kind, "StatefulSet" | "DaemonSet") && matches!(group.as_str(), "apps" | "");
    let listed = given["controllers"].as_array().or(given["replica_sets"].as_array());
    let (true, Some(listed)) = (known, listed) else { return Controller::Unknown };
    let namespace = value["namespace"].as_str().unwrap_or("default");
    let found = listed.iter().find(|own| {
        own["kind"].as_str().unwrap_or("ReplicaSet") == kind
            && own["name"] == owner["name"]
            && own["namespace"].as_str().unwrap_or(namespace) == namespace
    });
    found.map_or(Controller::Missing, |own| {
        Controller::Found(own["replicas"].as_u64().map(|replicas| replicas as u32))
    })
}
