//! Reads nodes and pods of a case into a cluster.

use serde_json::{Map, Value};

use crate::model::{
    Cluster, Container, HostPort, LabelSelector, Labels, Node, NodeAffinity, NodePhase,
    NodeSelectorTerm, Pod, PodAffinity, PodAffinityTerm, PodPhase, PodShape, PolicySwitch,
    Requirement, SelectorOp, SpreadConstraint, Taint, TaintEffect, Toleration, TolerationOp, Usage,
    WhenUnsatisfiable,
};
use crate::rules::{
    ContainerRequest, Names, NodeFacts, PlacedPod, PodRequest, Snapshot, WellKnown,
};
use crate::unit::{ImageId, InstanceId, MAX_EXTENDED, NodeId, PodId, Resources, SimTime, Symbol};

/// The cluster of a case while it is read.
pub struct Bench {
    /// The cluster.
    pub cluster: Cluster,
    /// Well-known names.
    pub known: WellKnown,
    /// Names of extended resources by index.
    pub extended: Vec<String>,
    /// Image names, the image and its size.
    pub images: Vec<(String, ImageId, i64)>,
    /// Names of pods by id.
    pub pod_names: Vec<String>,
}

/// Strings of a list.
pub fn strings(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

/// Items of a list; none if it is absent.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Entries of an object; none if it is absent.
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

impl Bench {
    /// An empty cluster.
    pub fn new() -> Self {
        let mut cluster = Cluster::default();
        let known = WellKnown::new(&mut cluster.symbols);
        let (extended, images, pod_names) = (Vec::new(), Vec::new(), Vec::new());
        Self { cluster, known, extended, images, pod_names }
    }

    /// Interns a string; absent is empty.
    pub fn symbol(&mut self, value: &Value) -> Symbol {
        self.cluster.symbols.intern(value.as_str().unwrap_or(""))
    }

    fn symbols(&mut self, value: &Value) -> Vec<Symbol> {
        list(value).iter().map(|text| self.symbol(text)).collect()
    }

    /// Names to read selectors against.
    pub fn names(&self) -> Names<'_> {
        Names { symbols: &self.cluster.symbols, namespaces: &self.cluster.namespaces }
    }

    /// Labels of the namespaces of the case.
    pub fn namespaces(&mut self, value: &Value) {
        for (name, labels) in entries(value) {
            let name = self.cluster.symbols.intern(name);
            let labels = self.labels(labels);
            self.cluster.namespaces.push((name, labels));
        }
    }

    /// A map of labels.
    pub fn labels(&mut self, value: &Value) -> Labels {
        self.pairs(value).into_iter().collect()
    }

    fn pairs(&mut self, value: &Value) -> Vec<(Symbol, Symbol)> {
        entries(value)
            .map(|(key, value)| (self.cluster.symbols.intern(key), self.symbol(value)))
            .collect()
    }

    /// Index of an extended resource.
    pub fn extended(&mut self, name: &str) -> Option<usize> {
        let index = self.extended.iter().position(|known| known == name).unwrap_or_else(|| {
            self.extended.push(name.to_owned());
            self.extended.len() - 1
        });
        (index < MAX_EXTENDED).then_some(index)
    }

    /// Amounts with their units in the names.
    pub fn resources(&mut self, value: &Value) -> Option<Resources> {
        let mut amounts = Resources::ZERO;
        // What is null is not asked for.
        for (name, amount) in entries(value).filter(|(_, amount)| !amount.is_null()) {
            let amount = amount.as_i64()?;
            match name.as_str() {
                "cpu_milli" => amounts.cpu_milli = amount,
                "memory_bytes" => amounts.memory = amount,
                "ephemeral_bytes" => amounts.ephemeral = amount,
                "pods" => amounts.pods = amount,
                name => amounts.extended[self.extended(name)?] = amount,
            }
        }
        Some(amounts)
    }

    /// Requests of containers.
    pub fn containers(&mut self, value: &Value) -> Option<Vec<ContainerRequest>> {
        list(value)
            .iter()
            .map(|container| {
                let requests = container.get("spec").unwrap_or(&container["requests"]);
                Some(ContainerRequest {
                    requests: self.resources(requests)?,
                    has_cpu: requests.get("cpu_milli").is_some(),
                    has_memory: requests.get("memory_bytes").is_some(),
                    sidecar: container["restart_always"].as_bool().unwrap_or(false),
                })
            })
            .collect()
    }

    /// A pod's specification.
    pub fn shape(&mut self, pod: &Value) -> Option<PodShape> {
        let containers = self.containers(&pod["containers"])?;
        let init = self.containers(&pod["init_containers"])?;
        let overhead = self.resources(&pod["overhead"])?;
        let level = &pod["resources"];
        let level = if level["requests"].is_object() { &level["requests"] } else { level };
        let request = PodRequest {
            containers: &containers,
            init: &init,
            pod_cpu_milli: level["cpu_milli"].as_i64(),
            pod_memory: level["memory_bytes"].as_i64(),
            overhead,
        };
        let mut shape = PodShape {
            namespace: self.symbol(&pod["namespace"]),
            labels: self.labels(&pod["labels"]),
            requests: request.reserved(),
            scoring: request.scoring(),
            priority: pod["priority"].as_i64().map(|priority| priority as i32),
            node_selector: self.pairs(&pod["node_selector"]),
            ..PodShape::default()
        };
        shape.node_affinity = self.node_affinity(pod, "node_affinity")?;
        let own = &shape.labels;
        shape.pod_affinity = PodAffinity {
            required: self.affinity_terms(&pod["pod_affinity_required"], own)?,
            anti_required: self.affinity_terms(&pod["pod_anti_affinity_required"], own)?,
            preferred: self.weighted(&pod["pod_affinity_preferred"], own)?,
            anti_preferred: self.weighted(&pod["pod_anti_affinity_preferred"], own)?,
        };
        shape.tolerations = self.tolerations(&pod["tolerations"])?;
        shape.spread = self.spread(&pod["topology_spread"], &shape.labels)?;
        for (key, init) in [("init_containers", true), ("containers", false)] {
            for container in list(&pod[key]) {
                // An init container that is over has given its ports back.
                if !init || container["restart_always"] == true {
                    self.ports(&container["host_ports"], &mut shape.host_ports);
                }
                if let Some(name) = container["image"].as_str() {
                    let image = self.image(name);
                    shape.containers.push(Container { image, init, ends: false });
                }
            }
        }
        Some(shape)
    }

    fn ports(&mut self, value: &Value, ports: &mut Vec<HostPort>) {
        for port in list(value) {
            let protocol = port["protocol"].as_str().filter(|text| !text.is_empty());
            ports.push(HostPort {
                ip: self.symbol(&port["ip"]),
                port: port["port"].as_u64().unwrap_or(0) as u16,
                protocol: self.cluster.symbols.intern(protocol.unwrap_or("TCP")),
            });
        }
    }

    /// `prefix`_required and `prefix`_preferred of a pod or profile.
    pub fn node_affinity(&mut self, of: &Value, prefix: &str) -> Option<NodeAffinity> {
        let required = match of.get(format!("{prefix}_required")) {
            None => None,
            // A pod whose list of terms is nil matches nothing.
            Some(Value::Null) => (prefix == "node_affinity").then(Vec::new),
            Some(terms) => {
                let terms: Option<_> = list(terms).iter().map(|term| self.term(term)).collect();
                Some(terms?)
            }
        };
        let preferred: Option<_> = list(&of[format!("{prefix}_preferred")])
            .iter()
            .map(|item| Some((item["weight"].as_i64()? as i32, self.term(&item["term"])?)))
            .collect();
        Some(NodeAffinity { required, preferred: preferred? })
    }

    fn term(&mut self, term: &Value) -> Option<NodeSelectorTerm> {
        Some(NodeSelectorTerm {
            expressions: self.requirements(&term["exprs"])?,
            fields: self.requirements(&term["fields"])?,
        })
    }

    fn requirements(&mut self, value: &Value) -> Option<Vec<Requirement>> {
        list(value)
            .iter()
            .map(|expression| {
                Some(Requirement {
                    key: self.symbol(&expression["key"]),
                    op: match expression["op"].as_str()? {
                        "In" => SelectorOp::In,
                        "NotIn" => SelectorOp::NotIn,
                        "Exists" => SelectorOp::Exists,
                        "DoesNotExist" => SelectorOp::DoesNotExist,
                        "Gt" => SelectorOp::Gt,
                        "Lt" => SelectorOp::Lt,
                        _ => return None,
                    },
                    values: self.symbols(&expression["values"]),
                })
            })
            .collect()
    }

    /// A label selector; `null` is a nil selector.
    pub fn selector(&mut self, value: &Value) -> Option<Option<LabelSelector>> {
        if value.is_null() {
            return Some(None);
        }
        let mut requirements = self.requirements(&value["exprs"])?;
        for (key, value) in self.pairs(&value["labels"]) {
            requirements.push(Requirement { key, op: SelectorOp::In, values: vec![value] });
        }
        Some(Some(LabelSelector { requirements }))
    }

    /// The selector of a Service: a plain map.
    pub fn map_selector(&mut self, value: &Value) -> LabelSelector {
        let pairs = self.pairs(value).into_iter();
        LabelSelector {
            requirements: pairs
                .map(|(key, value)| Requirement { key, op: SelectorOp::In, values: vec![value] })
                .collect(),
        }
    }

    fn affinity_terms(&mut self, value: &Value, own: &Labels) -> Option<Vec<PodAffinityTerm>> {
        list(value).iter().map(|term| self.affinity_term(term, own)).collect()
    }

    fn weighted(&mut self, value: &Value, own: &Labels) -> Option<Vec<(i32, PodAffinityTerm)>> {
        list(value)
            .iter()
            .map(|item| {
                let weight = item["weight"].as_i64()? as i32;
                Some((weight, self.affinity_term(&item["term"], own)?))
            })
            .collect()
    }

    fn affinity_term(&mut self, term: &Value, own: &Labels) -> Option<PodAffinityTerm> {
        let mut selector = self.selector(&term["selector"])?;
        let keys =
            [("match_label_keys", SelectorOp::In), ("mismatch_label_keys", SelectorOp::NotIn)];
        for (name, op) in keys {
            for key in self.symbols(&term[name]) {
                if let (Some(selector), Some(value)) = (&mut selector, own.get(key)) {
                    selector.requirements.push(Requirement { key, op, values: vec![value] });
                }
            }
        }
        Some(PodAffinityTerm {
            selector,
            namespaces: self.symbols(&term["namespaces"]),
            namespace_selector: self.selector(&term["namespace_selector"])?,
            topology_key: self.symbol(&term["topology_key"]),
        })
    }

    fn tolerations(&mut self, value: &Value) -> Option<Vec<Toleration>> {
        list(value)
            .iter()
            .map(|toleration| {
                Some(Toleration {
                    key: toleration["key"].as_str().map(|key| self.cluster.symbols.intern(key)),
                    op: match toleration["op"].as_str() {
                        Some("Exists") => TolerationOp::Exists,
                        None | Some("" | "Equal") => TolerationOp::Equal,
                        Some(_) => return None,
                    },
                    value: self.symbol(&toleration["value"]),
                    effect: effect(&toleration["effect"]),
                    seconds: None,
                })
            })
            .collect()
    }

    fn spread(&mut self, value: &Value, own: &Labels) -> Option<Vec<SpreadConstraint>> {
        list(value)
            .iter()
            .map(|constraint| {
                let mut selector = self.selector(&constraint["selector"])?;
                for key in self.symbols(&constraint["match_label_keys"]) {
                    if let (Some(selector), Some(value)) = (&mut selector, own.get(key)) {
                        let values = vec![value];
                        selector.requirements.push(Requirement { key, op: SelectorOp::In, values });
                    }
                }
                let policy = |value: &Value, default| match value.as_str() {
                    Some("Honor") => PolicySwitch::Honor,
                    Some("Ignore") => PolicySwitch::Ignore,
                    _ => default,
                };
                Some(SpreadConstraint {
                    max_skew: constraint["max_skew"].as_i64()? as i32,
                    topology_key: self.symbol(&constraint["topology_key"]),
                    when: match constraint["when"].as_str()? {
                        "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
                        "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
                        _ => return None,
                    },
                    selector,
                    min_domains: constraint["min_domains"].as_i64().unwrap_or(1) as i32,
                    node_affinity_policy: policy(
                        &constraint["node_affinity_policy"],
                        PolicySwitch::Honor,
                    ),
                    node_taints_policy: policy(
                        &constraint["node_taints_policy"],
                        PolicySwitch::Ignore,
                    ),
                })
            })
            .collect()
    }

    /// The image of a name; names without a tag get `:latest`.
    pub fn image(&mut self, name: &str) -> ImageId {
        let name = if name.rsplit('/').next().is_some_and(|last| last.contains(':')) {
            name.to_owned()
        } else {
            format!("{name}:latest")
        };
        if let Some((_, image, _)) = self.images.iter().find(|(known, _, _)| *known == name) {
            return *image;
        }
        let image = ImageId::from(self.images.len());
        self.images.push((name, image, 0));
        image
    }

    /// Adds a node.
    pub fn node(&mut self, value: &Value) -> Option<NodeId> {
        let allocatable = self.resources(&value["allocatable"])?;
        let mut images = Vec::new();
        for image in list(&value["images"]) {
            let size = image["size_bytes"].as_i64()?;
            for name in strings(&image["names"]) {
                let id = self.image(name);
                self.images[usize::from(id)].2 = size;
                images.push(id);
            }
        }
        images.sort_unstable();
        let taints = list(&value["taints"])
            .iter()
            .map(|taint| {
                Some(Taint {
                    key: self.symbol(&taint["key"]),
                    value: self.symbol(&taint["value"]),
                    effect: effect(&taint["effect"])?,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let node = Node {
            name: self.symbol(&value["name"]),
            pool: None,
            instance: InstanceId(0),
            phase: NodePhase::Ready,
            epoch: 0,
            labels: self.labels(&value["labels"]),
            taints,
            unschedulable: value["unschedulable"] == true,
            capacity: allocatable,
            allocatable,
            used: Usage::default(),
            images,
            requested: SimTime::ZERO,
            registered: SimTime::ZERO,
            ready: SimTime::ZERO,
            condition_changed: SimTime::ZERO,
            gone: SimTime::NEVER,
            max_data_disks: 0,
            scale_down_disabled: false,
        };
        let id = self.cluster.nodes.push(node);
        self.cluster.registered.push(id);
        Some(id)
    }

    /// Adds the nodes of a list.
    pub fn nodes(&mut self, value: &Value) -> Option<Vec<NodeId>> {
        list(value).iter().map(|node| self.node(node)).collect()
    }

    /// A node by name.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        let name = self.cluster.symbols.find(name)?;
        self.cluster.nodes.enumerate().find(|(_, node)| node.name == name).map(|(id, _)| id)
    }

    /// Adds a pod that is not bound.
    pub fn pod(&mut self, value: &Value) -> Option<PodId> {
        let shape = self.shape(value)?;
        let shape = self.cluster.shapes.push(shape);
        self.pod_names.push(value["name"].as_str().unwrap_or("").to_owned());
        let pod = Pod {
            shape,
            workload: Default::default(),
            ordinal: 0,
            index: 0,
            phase: PodPhase::Pending,
            epoch: 0,
            restarts: 0,
            started: 0,
            node: None,
            nominated: None,
            unschedulable: false,
            created: SimTime::ZERO,
            unschedulable_since: SimTime::NEVER,
            bound: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: SimTime::NEVER,
            terminating: SimTime::NEVER,
        };
        Some(self.cluster.pods.push(pod))
    }

    /// Adds pods to their nodes (`node` of each, or `default`). Pods of unknown nodes are left out.
    pub fn existing(&mut self, value: &Value, default: Option<NodeId>) -> Option<()> {
        for item in list(value) {
            let named = item["node"].as_str().and_then(|name| self.node_named(name));
            let Some(node) = named.or(default) else { continue };
            let pod = self.pod(item)?;
            self.cluster.assume(pod, node);
            let row = &mut self.cluster.pods[pod];
            row.phase = PodPhase::Ready;
            row.bound = SimTime::from_secs(item["start_time"].as_u64().unwrap_or(0));
            if item["terminating"].as_bool() == Some(true) {
                row.phase = PodPhase::Terminating;
                row.terminating = SimTime::ZERO;
            }
        }
        Some(())
    }

    /// Name of a node.
    pub fn name_of(&self, node: NodeId) -> &str {
        self.cluster.symbols.text(self.cluster.nodes[node].name)
    }
}

fn effect(value: &Value) -> Option<TaintEffect> {
    match value.as_str()? {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

impl Snapshot for Bench {
    fn node_count(&self) -> usize {
        self.cluster.nodes.len()
    }

    fn node(&self, index: usize) -> NodeFacts<'_> {
        NodeFacts::of(&self.cluster.nodes[NodeId::from(index)])
    }

    fn pods(&self, index: usize) -> impl Iterator<Item = PlacedPod<'_>> {
        self.cluster.nodes[NodeId::from(index)].used.pods.iter().map(|&pod| PlacedPod {
            shape: self.cluster.shape(pod),
            terminating: self.cluster.pods[pod].phase == PodPhase::Terminating,
        })
    }
}
