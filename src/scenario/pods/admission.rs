//! What the API server makes of a pod template before a pod exists: defaults, LimitRanges,
//! PriorityClasses, tolerations. The result is the shape that pods of the workload share.
//!
//! Sources (kubernetes v1.36.2): `pkg/apis/core/v1/defaults.go` (limits stand in for requests,
//! grace), `plugin/pkg/admission/limitranger`, `plugin/pkg/admission/priority`,
//! `plugin/pkg/admission/defaulttolerationseconds`,
//! `pkg/controller/daemon/util/daemonset_util.go`.

use super::draft::{
    ContainerDraft, ContainerRole, PodDraft, ResourceList, VolumeKind, WorkloadDraft,
};
use super::limits;
use super::quota::{Quotas, Tie};
use super::tables::Tables;
use super::tenancy::{ContainerPolicy, LimitKind, LimitRangeDraft, PriorityClassDraft};
use crate::control::admission::{Refusal, RefusedBy, WorkloadAdmission};
use crate::model::{
    Claim, Container, NodeSelectorTerm, OwnerKind, PodShape, Requirement, SelectorOp, TaintEffect,
    Toleration, TolerationOp, Volumes,
};
use crate::plan::{Beside, WorkloadKind};
use crate::rules::{ContainerRequest, PodRequest};
use crate::scenario::foreign::{Findings, code};
use crate::scenario::{Diagnostic, Span};
use crate::unit::{Duration, Quantity, QuantityError, Resources, Symbol};

/// `terminationGracePeriodSeconds` of a pod that does not say.
const GRACE: Duration = Duration::from_secs(30);
/// How long a pod stays on a node that is not ready or not reachable.
const NODE_TROUBLE: Duration = Duration::from_secs(300);
/// Namespaces that Azure Policy leaves alone (built-in definitions, `excludedNamespaces`).
const POLICY_EXCLUDES: [&str; 3] = ["kube-system", "gatekeeper-system", "azure-arc"];
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The rules of the cluster that pods are admitted under.
pub(super) struct Admission<'a> {
    pub priority_classes: &'a [PriorityClassDraft],
    pub limit_ranges: &'a [LimitRangeDraft],
    pub container_policy: ContainerPolicy,
    pub quotas: &'a mut Quotas,
    pub tables: &'a mut Tables,
    pub found: &'a mut Findings,
    /// What becomes of the pods.
    pub admission: WorkloadAdmission,
    /// What their containers beside the first have.
    pub beside: Beside,
}

impl Admission<'_> {
    /// The shape of a workload's pods.
    pub fn shape(&mut self, draft: &WorkloadDraft) -> PodShape {
        let pod = &draft.pod;
        let title = format!("{:?} {}", draft.kind, draft.name);
        let containers = self.containers(draft);
        self.policy(draft, &containers, &title);
        let (requests, scoring) = self.requests(pod, &containers, &title);
        let mut limits = Resources::ZERO;
        for container in containers.iter().filter(|c| c.role != ContainerRole::Init) {
            limits += &self.resources(&container.limits, &title, container.origin);
        }
        if let Some(first) = containers.iter().find(|c| c.role == ContainerRole::Main) {
            self.beside.requests = requests - &cpu_and_memory(&first.requests);
            self.beside.limits = limits - &cpu_and_memory(&first.limits);
        }
        let (priority, never_preempts) = self.priority(pod, &title);
        let mut shape = PodShape {
            namespace: self.tables.intern(&draft.namespace),
            labels: pod.labels.clone(),
            requests,
            scoring,
            limits,
            containers: self.images(&containers),
            priority,
            never_preempts,
            node_selector: pod.node_selector.clone(),
            node_affinity: pod.node_affinity.clone(),
            pod_affinity: pod.pod_affinity.clone(),
            tolerations: self.tolerations(draft),
            spread: pod.spread.clone(),
            default_spread: None,
            device_share: None,
            host_ports: containers.iter().flat_map(|c| c.host_ports.iter().copied()).collect(),
            volumes: self.volumes(pod),
            annotations: pod.annotations.clone(),
            owner: owner(draft.kind),
            grace: pod.grace.unwrap_or(GRACE),
            gated: pod.gated,
            scheduler: pod.scheduler,
        };
        // Only ReplicaSets and StatefulSets lend their selector to default spreading
        // (`component-helpers/apps/v1` `DefaultSelector`).
        if matches!(shape.owner, OwnerKind::ReplicaSet | OwnerKind::StatefulSet) {
            shape.default_spread = draft.selector.clone();
        }
        if let Some(name) = &pod.node_name {
            self.pin(&mut shape, name);
        }
        self.quota(draft, &containers, &shape);
        shape
    }

    /// `spec.nodeName` bypasses the scheduler upstream; here it is the only node that fits.
    fn pin(&mut self, shape: &mut PodShape, name: &str) {
        let key = self.tables.intern("metadata.name");
        let values = vec![self.tables.intern(name)];
        let wanted = Requirement { key, op: SelectorOp::In, values };
        let terms = shape.node_affinity.required.get_or_insert_with(|| vec![Default::default()]);
        for term in terms.iter_mut() {
            let NodeSelectorTerm { fields, .. } = term;
            fields.push(wanted.clone());
        }
    }

    /// Containers with the requests and limits that they get when a pod is made.
    fn containers(&mut self, draft: &WorkloadDraft) -> Vec<ContainerDraft> {
        let mut containers = draft.pod.containers.clone();
        for container in &mut containers {
            fill(&mut container.requests, &container.limits);
        }
        let limit_ranges = self.limit_ranges;
        let own = || limit_ranges.iter().filter(|range| range.namespace == draft.namespace);
        for range in own().filter(|range| range.kind == LimitKind::Container) {
            let (limits, requests) = defaults(range);
            for container in &mut containers {
                fill(&mut container.limits, &limits);
                fill(&mut container.requests, &requests);
            }
        }
        for range in own() {
            self.refuse(RefusedBy::LimitRange, limits::violation(range, draft, &containers));
        }
        containers
    }

    /// Notes a refusal; the first one is what the API server says.
    fn refuse(&mut self, by: RefusedBy, why: Option<String>) {
        if let (None, Some(why)) = (&self.admission.never, why) {
            self.admission.never = Some(Refusal { by, why });
        }
    }

    /// What Azure Policy says about containers without requests or limits.
    fn policy(&mut self, draft: &WorkloadDraft, containers: &[ContainerDraft], title: &str) {
        if self.container_policy == ContainerPolicy::Disabled
            || POLICY_EXCLUDES.contains(&draft.namespace.as_str())
        {
            return;
        }
        let Some(why) = limits::unbounded(containers) else { return };
        if self.container_policy == ContainerPolicy::Deny {
            self.refuse(RefusedBy::AzurePolicy, Some(why));
            return;
        }
        let text = format!("{title}: Azure Policy reports it: {why}");
        let found = Diagnostic::warning(code::POLICY, text)
            .help("give every container CPU and memory requests and limits");
        self.found.report(match draft.origin {
            Some(place) => found.at(place, ""),
            None => found,
        });
    }

    /// Ties the workload to the quotas of its namespace, and says if no pod is ever admitted.
    fn quota(&mut self, draft: &WorkloadDraft, containers: &[ContainerDraft], shape: &PodShape) {
        let class = self.class_name(&draft.pod);
        let tie = Tie { draft, containers, shape, class: class.as_deref() };
        let (quotas, why) = self.quotas.tie(&tie, &self.tables.symbols);
        self.admission.quotas = quotas;
        self.refuse(RefusedBy::ResourceQuota, why);
        if let Some(refusal) = &self.admission.never {
            let text = format!(
                "the API server refuses every pod of {:?} {}: {}",
                draft.kind, draft.name, refusal.why
            );
            let found = Diagnostic::warning(code::ADMISSION, text)
                .help("change the pod template or the rule; the run counts these refusals");
            self.found.report(match draft.origin {
                Some(place) => found.at(place, ""),
                None => found,
            });
        }
    }

    /// The PriorityClass that pods end up with.
    fn class_name(&self, pod: &PodDraft) -> Option<String> {
        let default = || {
            let defaults = self.priority_classes.iter().filter(|class| class.global_default);
            defaults.min_by_key(|class| class.value).map(|class| class.name.clone())
        };
        pod.priority_class.as_ref().map(|(name, _)| name.clone()).or_else(default)
    }

    /// What the scheduler reserves and what it scores with.
    fn requests(
        &mut self,
        pod: &PodDraft,
        containers: &[ContainerDraft],
        title: &str,
    ) -> (Resources, Resources) {
        let mut main = Vec::new();
        let mut init = Vec::new();
        for container in containers {
            let request = ContainerRequest {
                requests: self.resources(&container.requests, title, container.origin),
                has_cpu: container.requests.contains_key("cpu"),
                has_memory: container.requests.contains_key("memory"),
                sidecar: container.role == ContainerRole::Sidecar,
            };
            let list = if container.role == ContainerRole::Main { &mut main } else { &mut init };
            list.push(request);
        }
        // A pod-level limit stands in for a pod-level request where no container asks for it.
        let mut whole = pod.requests.clone();
        for (name, limit) in &pod.limits {
            if containers.iter().all(|container| !container.requests.contains_key(name)) {
                whole.entry(name.clone()).or_insert(*limit);
            }
        }
        let amounts = self.resources(&whole, title, None);
        let request = PodRequest {
            containers: &main,
            init: &init,
            pod_cpu_milli: whole.contains_key("cpu").then_some(amounts.cpu_milli),
            pod_memory: whole.contains_key("memory").then_some(amounts.memory),
            overhead: self.resources(&pod.overhead, title, None),
        };
        (request.reserved(), request.scoring())
    }

    /// Amounts in the units of the model.
    fn resources(&mut self, list: &ResourceList, title: &str, place: Option<Span>) -> Resources {
        let mut amounts = Resources::ZERO;
        for (name, &quantity) in list {
            if let Err(error) = self.add(&mut amounts, name, quantity, title, place) {
                let text = format!("{title}: the amount of `{name}` is {error}");
                self.found.error(code::FIELD, place, text);
            }
        }
        amounts
    }

    fn add(
        &mut self,
        amounts: &mut Resources,
        name: &str,
        quantity: Quantity,
        title: &str,
        place: Option<Span>,
    ) -> Result<(), QuantityError> {
        match name {
            "cpu" => amounts.cpu_milli = quantity.milli()?,
            "memory" => amounts.memory = quantity.units()?,
            "ephemeral-storage" => amounts.ephemeral = quantity.units()?,
            _ if !name.contains('/') && !name.starts_with("hugepages-") => {
                let text = format!(
                    "{title}: `{name}` is no resource; extended ones have a domain, such as \
                     `nvidia.com/gpu`"
                );
                self.found.error(code::ADMISSION, place, text);
            }
            _ => match self.tables.extended(name) {
                Some(id) => amounts.extended[usize::from(id.0)] = quantity.units()?,
                None => {
                    let text = format!("{title}: `{name}` is one extended resource too many");
                    self.found.error(code::EXTENDED, place, text);
                }
            },
        }
        Ok(())
    }

    fn images(&mut self, containers: &[ContainerDraft]) -> Vec<Container> {
        let given = containers.iter().filter(|container| !container.image.is_empty());
        given
            .map(|container| Container {
                image: self.tables.image(&tagged(&container.image), container.image_size),
                init: container.role != ContainerRole::Main,
                ends: container.role == ContainerRole::Init,
            })
            .collect()
    }

    /// Priority and whether the pod never preempts.
    fn priority(&mut self, pod: &PodDraft, title: &str) -> (Option<i32>, bool) {
        let classes = self.priority_classes;
        let class = match &pod.priority_class {
            Some((name, _)) if name == "system-node-critical" => Some((2_000_001_000, false)),
            Some((name, _)) if name == "system-cluster-critical" => Some((2_000_000_000, false)),
            Some((name, place)) => {
                let class = classes.iter().find(|class| class.name == *name);
                if class.is_none() && pod.priority.is_none() {
                    let text = format!("{title}: there is no PriorityClass `{name}`");
                    self.found.error(code::PRIORITY_CLASS, *place, text);
                }
                class.map(|class| (class.value, class.never_preempts))
            }
            None => {
                // Of several the one with the lowest value (`getDefaultPriorityClass`).
                let defaults = classes.iter().filter(|class| class.global_default);
                let class = defaults.min_by_key(|class| class.value);
                class.map(|class| (class.value, class.never_preempts))
            }
        };
        let never = pod.never_preempts.unwrap_or(class.is_some_and(|(_, never)| never));
        (class.map(|(value, _)| value).or(pod.priority), never)
    }

    /// The pod's own tolerations, those of its DaemonSet, and those of admission.
    fn tolerations(&mut self, draft: &WorkloadDraft) -> Vec<Toleration> {
        let mut list = draft.pod.tolerations.clone();
        let mut add = |key: &str, effect, seconds| {
            let key = Some(self.tables.intern(key));
            let value = Symbol::EMPTY;
            let new =
                Toleration { key, op: TolerationOp::Exists, value, effect: Some(effect), seconds };
            let covered = |t: &Toleration| {
                (t.key.is_none() || t.key == key) && (t.effect.is_none() || t.effect == new.effect)
            };
            if !list.iter().any(covered) {
                list.push(new);
            }
        };
        if draft.kind == WorkloadKind::DaemonSet {
            add(NOT_READY, TaintEffect::NoExecute, None);
            add(UNREACHABLE, TaintEffect::NoExecute, None);
            for pressure in ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"] {
                let key = format!("node.kubernetes.io/{pressure}");
                add(&key, TaintEffect::NoSchedule, None);
            }
            if draft.pod.host_network {
                let key = "node.kubernetes.io/network-unavailable";
                add(key, TaintEffect::NoSchedule, None);
            }
        }
        add(NOT_READY, TaintEffect::NoExecute, Some(NODE_TROUBLE));
        add(UNREACHABLE, TaintEffect::NoExecute, Some(NODE_TROUBLE));
        list
    }

    fn volumes(&mut self, pod: &PodDraft) -> Volumes {
        let mut volumes = Volumes::default();
        for volume in &pod.volumes {
            match volume.kind {
                VolumeKind::Claim(owner) => {
                    let name = self.tables.intern(&volume.name);
                    volumes.claims.push(Claim { name, owner });
                    volumes.data_disks += 1;
                    volumes.zone = volume.zone.or(volumes.zone);
                }
                VolumeKind::EmptyDir | VolumeKind::HostPath => {
                    volumes.local.push(self.tables.intern(&volume.name));
                }
                VolumeKind::MemoryDir => {}
            }
        }
        volumes
    }
}

fn owner(kind: WorkloadKind) -> OwnerKind {
    match kind {
        WorkloadKind::Deployment => OwnerKind::ReplicaSet,
        WorkloadKind::StatefulSet => OwnerKind::StatefulSet,
        WorkloadKind::DaemonSet => OwnerKind::DaemonSet,
        WorkloadKind::Job | WorkloadKind::ScaledJob => OwnerKind::Job,
        WorkloadKind::Bare => OwnerKind::None,
    }
}

/// CPU and memory of a list; what is no amount has its error already.
fn cpu_and_memory(list: &ResourceList) -> Resources {
    let cpu = list.get("cpu").and_then(|amount| amount.milli().ok());
    let memory = list.get("memory").and_then(|amount| amount.units().ok());
    Resources::of(cpu.unwrap_or(0), memory.unwrap_or(0))
}

/// Adds what is absent.
fn fill(list: &mut ResourceList, from: &ResourceList) {
    for (name, amount) in from {
        list.entry(name.clone()).or_insert(*amount);
    }
}

/// Default limits and requests of a LimitRange, each standing in for the next
/// (`SetDefaults_LimitRangeItem`).
fn defaults(range: &LimitRangeDraft) -> (ResourceList, ResourceList) {
    let mut limits = range.default_limits.clone();
    fill(&mut limits, &range.max);
    let mut requests = range.default_requests.clone();
    fill(&mut requests, &limits);
    fill(&mut requests, &range.min);
    (limits, requests)
}

/// An image name without a tag means `:latest`.
fn tagged(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}
