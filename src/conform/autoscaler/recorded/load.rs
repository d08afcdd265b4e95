//! A cluster and a memory as a recorded case describes them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::super::scheduler::reader::{Bench, entries, list, strings};
use crate::control::autoscaler::recorded::{
    Known, RecordNames, gpu_position, read_failure, read_instant, read_length, read_memory,
    read_options, read_resources,
};
use crate::control::autoscaler::{
    Autoscaler, AutoscalerSpec, BudgetView, FailureKind, GroupOverrides, GroupView, Template, View,
    Words,
};
use crate::model::{
    Annotations, Cluster, DeviceShare, DisruptionBudget, HostPort, Labels, Node, NodePhase,
    OwnerKind, Pod, PodPhase, PodShape, Pool, ProvisioningFailure, SafeToEvict, Taint, TaintEffect,
    Usage, Volumes, Workload,
};
use crate::rules::{FilterOptions, WellKnown};
use crate::unit::{
    Duration, ExtendedId, InstanceId, Lots, NodeId, PodId, PoolId, Resources, ShapeId, SimTime,
    WorkloadId,
};

const PREFIX: &str = "cluster-autoscaler.kubernetes.io";

/// All that a scan sees.
pub struct Loaded {
    /// Settings.
    pub spec: AutoscalerSpec,
    /// When.
    pub now: SimTime,
    /// What it draws from.
    pub lots: Lots,
    /// Names, for writing the decision.
    pub names: RecordNames,
    bench: Bench,
    words: Words,
    filters: FilterOptions,
    groups: Vec<GroupView>,
    budgets: Vec<BudgetView>,
    lone: Vec<bool>,
    gpu: Option<ExtendedId>,
    failures: FxHashMap<NodeId, ProvisioningFailure>,
    nodes: BTreeMap<String, NodeId>,
    pods: BTreeMap<String, PodId>,
    pools: BTreeMap<String, PoolId>,
    shapes: BTreeMap<String, ShapeId>,
    owners: BTreeMap<String, WorkloadId>,
}

impl Loaded {
    /// Reads a case.
    pub fn of(given: &Value) -> Option<Self> {
        let spec = read_options(&given["options"])?;
        let mut bench = Bench::new();
        let taints = list(&given["nodes"]).iter().flat_map(|node| list(&node["taints"]));
        let groups = list(&given["groups"]).iter();
        let templates = groups.flat_map(|group| list(&group["template"]["taints"]));
        let taints: Vec<_> = taints.chain(templates).map(|t| bench.symbol(&t["key"])).collect();
        let words = Words::new(&mut bench.cluster.symbols, &spec, taints);
        let known = WellKnown::new(&mut bench.cluster.symbols);
        let lots = given["random_key"].as_str().unwrap_or("0");
        let mut loaded = Self {
            now: read_instant(&given["now_s"])?,
            lots: Lots::from_key(u64::from_str_radix(lots, 16).ok()?),
            names: RecordNames::default(),
            words,
            filters: FilterOptions::of_version(spec.version.minor, known),
            spec,
            bench,
            groups: Vec::new(),
            budgets: Vec::new(),
            lone: Vec::new(),
            gpu: None,
            failures: FxHashMap::default(),
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            pools: BTreeMap::new(),
            shapes: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        loaded.bench.namespaces(&given["namespaces"]);
        loaded.objects(given)?;
        let gpu = gpu_position(&loaded.names.extended);
        loaded.gpu = gpu.map(|index| ExtendedId(index as u8));
        Some(loaded)
    }

    fn objects(&mut self, given: &Value) -> Option<()> {
        for workload in list(&given["workloads"]) {
            self.workload(workload)?;
        }
        for group in list(&given["groups"]) {
            let name = group["id"].as_str()?.to_owned();
            self.pools.insert(name, self.bench.cluster.pools.push(Pool::default()));
        }
        for group in list(&given["groups"]) {
            let view = self.group(group)?;
            self.groups.push(view);
        }
        let mut nodes: Vec<&Value> = list(&given["nodes"]).iter().collect();
        nodes.sort_by_key(|node| node["request_order"].as_u64());
        for node in &nodes {
            self.node(node)?;
        }
        nodes.sort_by_key(|node| node["registration_order"].as_u64());
        for node in nodes.iter().filter(|node| node.get("registration_order").is_some()) {
            let id = *self.nodes.get(node["name"].as_str()?)?;
            self.bench.cluster.registered.push(id);
        }
        let mut pods: Vec<&Value> = list(&given["pods"]).iter().collect();
        pods.sort_by_key(|pod| pod["creation_order"].as_u64());
        for pod in pods {
            self.pod(pod)?;
        }
        for node in list(&given["nodes"]) {
            self.fill(node)?;
        }
        for budget in list(&given["pdbs"]) {
            self.budget(budget)?;
        }
        Some(())
    }

    /// What the autoscaler sees.
    pub fn view(&self) -> View<'_> {
        View {
            cluster: &self.bench.cluster,
            words: &self.words,
            filters: &self.filters,
            groups: &self.groups,
            budgets: &self.budgets,
            quotas: &[],
            lone: &self.lone,
            gpu: self.gpu,
            failures: &self.failures,
            sights: None,
        }
    }

    /// What it remembers.
    pub fn memory(&mut self, value: &Value) -> Option<Autoscaler> {
        let (spec, now) = (self.spec.clone(), self.now);
        read_memory(value, &spec, now, self)
    }

    fn cluster(&mut self) -> &mut Cluster {
        &mut self.bench.cluster
    }

    fn resources(&mut self, value: &Value) -> Option<Resources> {
        read_resources(value, &mut self.names.extended)
    }

    fn workload(&mut self, value: &Value) -> Option<WorkloadId> {
        let name = value["name"].as_str()?;
        let row = Workload {
            replicas: value["spec_replicas"].as_u64().unwrap_or(0) as u32,
            active: value["status_replicas"].as_u64().unwrap_or(0) as u32,
            ..Workload::default()
        };
        let id = self.cluster().workloads.push(row);
        self.lone.push(value["controller_per_pod"] == true);
        self.names.workloads.push(name.to_owned());
        self.owners.insert(name.to_owned(), id);
        Some(id)
    }

    fn group(&mut self, value: &Value) -> Option<GroupView> {
        let name = value["id"].as_str()?;
        let own = &value["options"];
        let template = match value.get("template") {
            Some(template) => Some(self.template(template)?),
            None => None,
        };
        Some(GroupView {
            pool: *self.pools.get(name)?,
            id: self.cluster().symbols.intern(name),
            min: value["min"].as_u64()? as u32,
            max: value["max"].as_u64()? as u32,
            target: value["target"].as_u64()? as u32,
            listed: SimTime::ZERO,
            atomic: value["atomic"] == true,
            template,
            deletion_delay: None,
            overrides: GroupOverrides {
                utilization_threshold: own["scale_down_utilization_threshold"].as_f64(),
                gpu_utilization_threshold: own["scale_down_gpu_utilization_threshold"].as_f64(),
                unneeded_time: read_length(&own["scale_down_unneeded_time_s"]),
                unready_time: read_length(&own["scale_down_unready_time_s"]),
            },
        })
    }

    fn taints(&mut self, value: &Value) -> Option<Vec<Taint>> {
        let one = |taint: &Value| {
            Some(Taint {
                key: self.bench.symbol(&taint["key"]),
                value: self.bench.symbol(&taint["value"]),
                effect: match taint["effect"].as_str()? {
                    "NoSchedule" => TaintEffect::NoSchedule,
                    "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
                    "NoExecute" => TaintEffect::NoExecute,
                    _ => return None,
                },
            })
        };
        list(value).iter().map(one).collect()
    }

    fn node(&mut self, value: &Value) -> Option<()> {
        let name = value["name"].as_str()?;
        let pool = value["group"].as_str().and_then(|group| self.pools.get(group)).copied();
        let ready = value["ready"].as_bool()?;
        let phase = match value["instance_state"].as_str().unwrap_or("Succeeded") {
            "Creating" => NodePhase::Creating,
            "Failed" => NodePhase::Failed,
            "Deallocated" => NodePhase::Deallocated,
            "Deleting" => NodePhase::Deleting,
            "Succeeded" if ready => NodePhase::Ready,
            "Succeeded" => NodePhase::NotReady,
            _ => return None,
        };
        let time = |key: &str| read_instant(&value[key]);
        let mut node = blank_node();
        node.name = self.bench.symbol(&value["name"]);
        node.pool = pool;
        node.phase = phase;
        node.ready = if ready { SimTime::ZERO } else { SimTime::NEVER };
        node.labels = self.bench.labels(&value["labels"]);
        node.taints = self.taints(&value["taints"])?;
        node.unschedulable = value["unschedulable"] == true;
        node.allocatable = self.resources(&value["allocatable"])?;
        node.capacity = match value.get("capacity") {
            Some(capacity) => self.resources(capacity)?,
            None => node.allocatable,
        };
        node.registered = time("creation_timestamp_s").unwrap_or(SimTime::NEVER);
        node.condition_changed = time("ready_transition_s").unwrap_or(node.registered);
        node.max_data_disks = value["max_data_disks"].as_u64().unwrap_or(0) as u16;
        let disabled = value["annotations"].get(format!("{PREFIX}/scale-down-disabled"));
        node.scale_down_disabled = disabled.is_some_and(|text| text == "true");
        let id = self.cluster().nodes.push(node);
        self.nodes.insert(name.to_owned(), id);
        if let Some(FailureKind::Provider(failure)) = read_failure(&value["instance_error"]) {
            self.failures.insert(id, failure);
        }
        if let Some(pool) = pool
            && value["instance_gone"] != true
        {
            self.cluster().pools[pool].instances.push(id);
        }
        Some(())
    }

    /// Puts the pods of a node on it, in its order.
    fn fill(&mut self, value: &Value) -> Option<()> {
        let node = *self.nodes.get(value["name"].as_str()?)?;
        let cluster = &mut self.bench.cluster;
        for name in strings(&value["pods"]) {
            let pod = *self.pods.get(name)?;
            let shape = &cluster.shapes[cluster.pods[pod].shape];
            let used = &mut cluster.nodes[node].used;
            used.add(pod, shape);
            used.terminating += u32::from(cluster.pods[pod].phase == PodPhase::Terminating);
        }
        let mut devices = Vec::new();
        for own in value["shared_devices"].as_array().into_iter().flatten() {
            let number = u16::try_from(own["device"].as_u64()?).ok()?;
            devices.push((*self.pods.get(own["pod"].as_str()?)?, number));
        }
        self.bench.cluster.nodes[node].used.share(&devices);
        Some(())
    }

    fn pod(&mut self, value: &Value) -> Option<()> {
        let shape = self.shape(value)?;
        let workload = *self.owners.get(value["workload"].as_str()?)?;
        let time = |key: &str| read_instant(&value[key]);
        let grace = self.bench.cluster.shapes[shape].grace;
        let deletion = time("deletion_timestamp_s").map(|end| end.saturating_sub(grace));
        let bound = value["node"].as_str();
        let phase = match (bound, deletion) {
            (None, _) => PodPhase::Pending,
            (Some(_), Some(_)) => PodPhase::Terminating,
            (Some(_), None) if value["ready"] == true => PodPhase::Ready,
            (Some(_), None) if value["phase"] == "Running" => PodPhase::NotReady,
            (Some(_), None) => PodPhase::Starting,
        };
        let named = |name: Option<&str>| name.and_then(|name| self.nodes.get(name)).copied();
        let pod = Pod {
            shape,
            workload,
            ordinal: value["name"].as_str()?.rsplit('-').next()?.parse().ok()?,
            index: 0,
            phase,
            epoch: 0,
            restarts: 0,
            started: 0,
            node: named(bound.or(value["made_for_node"].as_str())),
            nominated: named(value["nominated_node"].as_str()),
            gated: self.cluster().shapes[shape].gated,
            unschedulable: value["unschedulable"] == true,
            created: time("creation_timestamp_s")?,
            unschedulable_since: SimTime::NEVER,
            bound: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: SimTime::NEVER,
            terminating: deletion.unwrap_or(SimTime::NEVER),
        };
        let id = self.cluster().pods.push(pod);
        if phase == PodPhase::Pending {
            self.cluster().pending.insert(id);
        }
        self.pods.insert(value["name"].as_str()?.to_owned(), id);
        Some(())
    }

    /// The specification of a pod; equal names are equal specifications.
    fn shape(&mut self, pod: &Value) -> Option<ShapeId> {
        let name = pod["shape"].as_str()?;
        if let Some(&known) = self.shapes.get(name) {
            return Some(known);
        }
        let mut shape = self.bench.shape(pod)?;
        shape.requests = self.resources(&pod["requests"])?;
        shape.device_share = match pod.get("device_share") {
            Some(share) => Some(self.device_share(share)?),
            None => None,
        };
        shape.owner = match pod["owner_kind"].as_str() {
            None => OwnerKind::None,
            Some("ReplicaSet") => OwnerKind::ReplicaSet,
            Some("StatefulSet") => OwnerKind::StatefulSet,
            Some("DaemonSet") => OwnerKind::DaemonSet,
            Some("Job") => OwnerKind::Job,
            Some("Node") => OwnerKind::Mirror,
            Some(_) => OwnerKind::Other,
        };
        shape.grace = read_length(&pod["termination_grace_s"]).unwrap_or(Duration::from_secs(30));
        shape.gated = pod["scheduling_gated"] == true;
        shape.scheduler = self.bench.symbol(&pod["scheduler"]);
        shape.never_preempts = pod["preemption_policy"] == "Never";
        shape.annotations = self.annotations(&pod["annotations"])?;
        self.storage(pod, &mut shape);
        let id = self.cluster().shapes.push(shape);
        self.shapes.insert(name.to_owned(), id);
        Some(id)
    }

    fn device_share(&mut self, value: &Value) -> Option<DeviceShare> {
        let amount = self.resources(&json!({ value["resource"].as_str()?: 1 }))?;
        let kind = amount.extended.iter().position(|&amount| amount > 0)?;
        let milli = u16::try_from(value["milli"].as_u64()?).ok()?;
        Some(DeviceShare { kind: ExtendedId(kind as u8), milli })
    }

    fn storage(&mut self, pod: &Value, shape: &mut PodShape) {
        let zone = pod.get("volume_zone").map(|zone| self.bench.symbol(zone));
        let local: Vec<_> =
            strings(&pod["local_volumes"]).map(|v| self.bench.cluster.symbols.intern(v)).collect();
        let data_disks = pod["data_disks"].as_u64().unwrap_or(0) as u16;
        shape.volumes = Volumes { data_disks, zone, local, ..Volumes::default() };
        for port in list(&pod["host_ports"]) {
            shape.host_ports.push(HostPort {
                ip: self.bench.symbol(&port["ip"]),
                port: port["port"].as_u64().unwrap_or(0) as u16,
                protocol: self.bench.symbol(&port["protocol"]),
            });
        }
    }

    fn annotations(&mut self, value: &Value) -> Option<Annotations> {
        let mut own = Annotations::default();
        for (key, text) in entries(value) {
            let text = text.as_str()?;
            match key.strip_prefix(PREFIX) {
                Some("/safe-to-evict") => {
                    own.safe_to_evict = match text {
                        "true" => SafeToEvict::Yes,
                        "on-completion" => SafeToEvict::OnCompletion,
                        _ => SafeToEvict::No,
                    };
                }
                Some("/safe-to-evict-local-volumes") => {
                    let symbols = &mut self.bench.cluster.symbols;
                    let names = text.split(',');
                    own.safe_local_volumes = names.map(|name| symbols.intern(name)).collect();
                }
                Some("/pod-scale-up-delay") => {
                    let seconds = text.strip_suffix('s')?.parse().ok()?;
                    own.scale_up_delay = Some(Duration::from_secs_f64(seconds));
                }
                Some("/daemonset-pod") => own.daemonset_pod = text == "true",
                Some("/enable-ds-eviction") => own.daemonset_eviction = Some(text == "true"),
                _ => {}
            }
        }
        Some(own)
    }

    fn budget(&mut self, value: &Value) -> Option<()> {
        let selector = self.bench.selector(&value["selector"])?;
        let namespace = self.bench.symbol(&value["namespace"]);
        self.budgets.push(BudgetView { namespace, selector });
        let allowed = value["disruptions_allowed"].as_i64()?;
        let budget = DisruptionBudget { allowed, ..DisruptionBudget::default() };
        self.cluster().budgets.push(budget);
        Some(())
    }
}

impl Known for Loaded {
    fn node(&mut self, name: &str) -> NodeId {
        if let Some(&known) = self.nodes.get(name) {
            return known;
        }
        let mut node = blank_node();
        node.name = self.cluster().symbols.intern(name);
        let id = self.cluster().nodes.push(node);
        self.nodes.insert(name.to_owned(), id);
        id
    }

    fn pod(&self, name: &str) -> Option<PodId> {
        self.pods.get(name).copied()
    }

    fn pool(&self, name: &str) -> Option<PoolId> {
        self.pools.get(name).copied()
    }

    fn pool_of(&self, node: NodeId) -> Option<PoolId> {
        self.bench.cluster.nodes[node].pool
    }

    fn template(&mut self, value: &Value) -> Option<Template> {
        let mut pods = Vec::new();
        for pod in list(&value["pods"]) {
            pods.push(self.shape(pod)?);
        }
        let capacity = self.resources(&value["capacity"])?;
        Some(Template {
            capacity,
            allocatable: match value.get("allocatable") {
                Some(allocatable) => self.resources(allocatable)?,
                None => capacity,
            },
            labels: self.bench.labels(&value["labels"]),
            taints: self.taints(&value["taints"])?,
            pods,
            max_data_disks: value["max_data_disks"].as_u64().unwrap_or(0) as u16,
        })
    }
}

/// A node that is gone.
fn blank_node() -> Node {
    Node {
        name: Default::default(),
        pool: None,
        instance: InstanceId(0),
        phase: NodePhase::Gone,
        epoch: 0,
        labels: Labels::default(),
        taints: Vec::new(),
        unschedulable: false,
        capacity: Resources::ZERO,
        allocatable: Resources::ZERO,
        used: Usage::default(),
        images: Vec::new(),
        requested: SimTime::ZERO,
        registered: SimTime::NEVER,
        ready: SimTime::NEVER,
        condition_changed: SimTime::NEVER,
        gone: SimTime::NEVER,
        max_data_disks: 0,
        scale_down_disabled: false,
    }
}
