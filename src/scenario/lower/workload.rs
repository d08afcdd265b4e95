//! Workloads: the short form becomes drafts, beside those of manifests and of AKS itself; all are
//! lowered alike.

use super::lowering::{Lowering, value};
use super::scheduler::DEFAULT_SCHEDULER;
use super::{demand, namespace, start};
use crate::cloud::system_pods::{SystemPodsContext, aks_system_pods};
use crate::cloud::{PodStartSpec, identity};
use crate::control::workload::RestartPolicy;
use crate::control::workload::stateful_set::PodManagement;
use crate::model::{Annotations, ClaimOwner, SafeToEvict};
use crate::plan::{ArrivalSpec, Beside, IntOrPercent, UseSpec, WorkloadKind};
use crate::rules::{DEFAULT_CPU_MILLI, DEFAULT_MEMORY};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::foreign::{hpa, keda, vpa};
use crate::scenario::format::{
    At, Budget, Bytes, PodManagementName, ResourceAmount, RestartName, Scenario, SystemPods, Text,
    UnhealthyPolicy, Workload, WorkloadKindName,
};
#[cfg(feature = "manifests")]
use crate::scenario::node::Node;
#[cfg(feature = "manifests")]
use crate::scenario::pods::PodDraft;
use crate::scenario::pods::{
    BudgetDraft, ContainerDraft, Drafts, LowerContext, Lowered, ResourceList, ScalerDraft,
    VolumeDraft, VolumeKind, WorkDraft, WorkloadDraft, lower as lower_drafts, system_drafts,
};
#[cfg(feature = "manifests")]
use crate::scenario::source::Span;
use crate::unit::{Duration, IdVec, QueueId, StreamId, Symbol, WorkloadId};

mod consume;

/// Lowers all workloads and adds the streams of their pods; `None` if nothing could be lowered.
pub fn lower(
    lowering: &mut Lowering<'_, '_>,
    streams: &mut IdVec<StreamId, ArrivalSpec>,
) -> Option<Lowered> {
    let start = start::common(lowering);
    let mut drafts = Drafts::default();
    drafts.workloads = system(lowering);
    manifests(lowering, &mut drafts);
    namespace::rules(lowering, &mut drafts);
    let scenario = lowering.scenario;
    for workload in value(&scenario.workloads).into_iter().flatten() {
        Short { lowering, start: &start }.read(workload, &mut drafts);
    }
    check_sources(lowering, &drafts);
    let pod_trace = scenario.pod_trace.as_ref();
    if let Some(trace) = pod_trace {
        let mut draft = WorkloadDraft::new("pod-trace", "default", WorkloadKind::Bare, None);
        draft.origin = Some(trace.span);
        draft.label("app", "pod-trace", &mut lowering.tables);
        drafts.add(draft, &mut lowering.findings);
    }
    let mut lowered = lower_all(lowering, drafts, &start);
    for stream in lowered.arrivals.drain(..) {
        streams.push(stream);
    }
    if let Some(trace) = pod_trace {
        let workload = WorkloadId((lowered.workloads.len() - 1) as u32);
        let base = lowering.tables.shapes()[lowered.workloads[workload].shape].clone();
        let rows = demand::pod_rows(lowering, &trace.value, &base)?;
        streams.push(ArrivalSpec::PodTrace { workload, rows });
    }
    Some(lowered)
}

fn lower_all(lowering: &mut Lowering<'_, '_>, drafts: Drafts, start: &PodStartSpec) -> Lowered {
    let queues: Vec<(String, QueueId)> = lowering
        .queues
        .iter()
        .enumerate()
        .map(|(index, queue)| {
            (lowering.tables.symbols.text(queue.name).to_owned(), QueueId(index as u32))
        })
        .collect();
    let given = lowering.queues.enumerate().filter(|(_, queue)| queue.depth.is_some());
    let curves: Vec<QueueId> = given.map(|(id, _)| id).collect();
    let length = Duration::from_micros(lowering.end.micros());
    let context = LowerContext {
        keda: crate::vocabulary::KedaVersion::shipped_with(lowering.version),
        pools: &lowering.pools,
        queues: &queues,
        curves: &curves,
        start,
        start_epoch: lowering.calendar.start,
        length,
    };
    lower_drafts(drafts, &context, &mut lowering.tables, &mut lowering.findings)
}

/// The pods of AKS itself.
fn system(lowering: &mut Lowering<'_, '_>) -> Vec<WorkloadDraft> {
    let Some(cluster) = value(&lowering.scenario.cluster) else { return Vec::new() };
    if value(&cluster.system_pods) == Some(&SystemPods::None) {
        return Vec::new();
    }
    let context = SystemPodsContext {
        mode: lowering.network.mode,
        keda: uses_keda(lowering.scenario),
        windows: lowering.pools.iter().any(|pool| pool.os == crate::cloud::OsType::Windows),
    };
    let nodes: u64 = lowering.pools.iter().map(|pool| u64::from(pool.count)).sum();
    let cores: u64 =
        lowering.pools.iter().map(|pool| u64::from(pool.count) * u64::from(pool.size.vcpus)).sum();
    system_drafts(&aks_system_pods(context), nodes, cores, &mut lowering.tables)
}

fn uses_keda(scenario: &Scenario) -> bool {
    let short = value(&scenario.workloads).into_iter().flatten();
    let mut short = short.map(|workload| &workload.value);
    short.any(|given| given.scaled_object.is_some() || given.scaled_job.is_some())
        || scenario.manifests.is_some()
}

/// Objects of `manifests:`: files, globs, or inline.
#[cfg(feature = "manifests")]
fn manifests(lowering: &mut Lowering<'_, '_>, drafts: &mut Drafts) {
    use crate::scenario::foreign::kubernetes;
    for item in value(&lowering.scenario.manifests).into_iter().flatten() {
        let Some(pattern) = item.value.0.as_str() else {
            let documents = std::slice::from_ref(&item.value.0);
            kubernetes::read(documents, &mut lowering.tables, &mut lowering.findings, drafts);
            continue;
        };
        for path in lowering.reading.expand(item.span, pattern) {
            if let Some(documents) = lowering.reading.documents(&path, Some(item.span)) {
                kubernetes::read(&documents, &mut lowering.tables, &mut lowering.findings, drafts);
            }
        }
    }
}

#[cfg(not(feature = "manifests"))]
fn manifests(lowering: &mut Lowering<'_, '_>, _: &mut Drafts) {
    if let Some(at) = &lowering.scenario.manifests {
        lowering.not_built("manifests", at.span, "this build was made without manifests");
    }
}

/// A scenario without a source of pods simulates nothing.
fn check_sources(lowering: &mut Lowering<'_, '_>, drafts: &Drafts) {
    let scenario = lowering.scenario;
    let given = scenario.workloads.is_some() || scenario.manifests.is_some();
    let any = drafts.workloads.iter().any(|draft| !draft.system);
    if !any && !given && scenario.pod_trace.is_none() {
        lowering.report(
            Diagnostic::error(code::NO_WORK, "the scenario has nothing that makes pods")
                .help("write `workloads`, `manifests` or `podTrace`"),
        );
    }
}

/// Reads the short form.
struct Short<'r, 'a, 'f> {
    lowering: &'r mut Lowering<'a, 'f>,
    start: &'r PodStartSpec,
}

impl Short<'_, '_, '_> {
    fn read(&mut self, workload: &At<Workload>, drafts: &mut Drafts) {
        let given = &workload.value;
        let Some(name) = value(&given.name).map(|name| name.0.as_str()) else { return };
        let namespace = value(&given.namespace).map_or("default", |name| &name.0);
        let open_loop = given.arrivals.is_some();
        let kind = match value(&given.kind).copied() {
            Some(WorkloadKindName::StatefulSet) => WorkloadKind::StatefulSet,
            Some(WorkloadKindName::DaemonSet) => WorkloadKind::DaemonSet,
            Some(WorkloadKindName::ScaledJob) => WorkloadKind::ScaledJob,
            _ if open_loop => WorkloadKind::Bare,
            Some(WorkloadKindName::Job) => WorkloadKind::Job,
            Some(WorkloadKindName::Deployment) | None => WorkloadKind::Deployment,
        };
        let mut draft = WorkloadDraft::new(name, namespace, kind, Some(workload.span));
        draft.label("app", name, &mut self.lowering.tables);
        draft.replicas = value(&given.replicas).map(|count| count.0);
        draft.completions = value(&given.completions).map(|count| count.0);
        if let Some(limit) = value(&given.backoff_limit) {
            draft.controller.backoff_limit = limit.0;
        }
        self.restart(given, kind, &mut draft);
        if value(&given.pod_management) == Some(&PodManagementName::Parallel) {
            draft.controller.pod_management = PodManagement::Parallel;
        }
        draft.pool = given.pool.as_ref().and_then(|at| {
            self.lowering.named_pool(at)?;
            Some((at.value.0.clone(), Some(at.span)))
        });
        draft.scaler = self.scaler(name, kind, given);
        draft.vpa = given.vpa.as_ref().and_then(|at| {
            let path = format!("workloads.{name}.vpa");
            vpa::spec(&at.value.0, &path, &mut self.lowering.findings)
        });
        draft.budget = given.budget.as_ref().map(|at| self.budget(name, namespace, at));
        draft.work = self.work(given);
        self.check(given, kind);
        self.pod(name, given, &mut draft);
        drafts.add(draft, &mut self.lowering.findings);
    }

    /// `restartPolicy` is for pods that end.
    fn restart(&mut self, given: &Workload, kind: WorkloadKind, draft: &mut WorkloadDraft) {
        let Some(at) = &given.restart else { return };
        if !matches!(kind, WorkloadKind::Job | WorkloadKind::ScaledJob) {
            let message = "`restartPolicy` is for Jobs and ScaledJobs: other pods always restart";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        if at.value == RestartName::Never {
            draft.controller.restart = RestartPolicy::Never;
        }
    }

    /// What cannot be meant together.
    fn check(&mut self, given: &Workload, kind: WorkloadKind) {
        let twice = given.serves.as_ref().filter(|_| given.consumes.is_some());
        let ends = matches!(kind, WorkloadKind::Job | WorkloadKind::ScaledJob | WorkloadKind::Bare);
        if let Some(at) = twice.or(given.serves.as_ref().filter(|_| ends)) {
            let message = "`serves` is for pods that run on and consume no queue";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        let scalers = [&given.scaled_object, &given.scaled_job, &given.hpa];
        let mut scalers = scalers.into_iter().flatten();
        if let (Some(first), Some(second)) = (scalers.next(), scalers.next()) {
            self.lowering.report(
                Diagnostic::error(code::CONTRADICTION, "a workload has one scaler")
                    .at(second.span, "the second one")
                    .at(first.span, "the first one")
                    .help("put all triggers into one `scaledObject`"),
            );
        }
        let fixed = matches!(kind, WorkloadKind::StatefulSet | WorkloadKind::DaemonSet);
        if let Some(at) =
            given.arrivals.as_ref().filter(|_| fixed || kind == WorkloadKind::ScaledJob)
        {
            let message = "`arrivals` make bare pods: leave out `kind`";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        if let Some(at) = given.arrivals.as_ref().filter(|_| given.duration.is_none()) {
            self.lowering.report(
                Diagnostic::warning(code::NEVER_ENDS, "pods arrive and never end")
                    .at(at.span, "")
                    .help("give the workload a `duration`"),
            );
        }
        if let (Some(at), false) = (&given.consumes, given.arrivals.is_none()) {
            let message = "a workload either consumes a queue or has `arrivals` of its own";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        if let Some(consumes) = value(&given.consumes).filter(|_| kind != WorkloadKind::ScaledJob) {
            let ends = [
                consumes.messages_per_pod.as_ref().map(|at| at.span),
                consumes.idle_timeout.as_ref().map(|at| at.span),
            ];
            for place in ends.into_iter().flatten() {
                let message = "only the pods of a ScaledJob end with their messages";
                self.lowering.error(code::CONTRADICTION, message, place, "");
            }
        }
        let none = value(&given.consumes).and_then(|consumes| consumes.messages_per_pod.as_ref());
        if let Some(at) = none.filter(|at| at.value.0 == 0) {
            let message = "`messagesPerPod` must be at least 1";
            self.lowering.error(code::BAD_VALUE, message, at.span, "");
        }
        let jobless = kind == WorkloadKind::ScaledJob && given.scaled_job.is_none();
        if let Some(at) = given.kind.as_ref().filter(|_| jobless) {
            self.lowering.error(code::MISSING_KEY, "a ScaledJob needs `scaledJob`", at.span, "");
        }
    }

    fn scaler(&mut self, name: &str, kind: WorkloadKind, given: &Workload) -> Option<ScalerDraft> {
        let path = |key: &str| format!("workloads.{name}.{key}");
        let found = &mut self.lowering.findings;
        if let Some(at) = &given.scaled_object {
            if matches!(kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet) {
                let node = &at.value.0;
                return keda::scaled_object(node, name, None, &path("scaledObject"), found)
                    .map(ScalerDraft::ScaledObject);
            }
            let message = "a ScaledObject scales a Deployment or a StatefulSet";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
            return None;
        }
        if let Some(at) = &given.scaled_job {
            return keda::scaled_job(&at.value.0, name, None, &path("scaledJob"), found)
                .map(ScalerDraft::ScaledJob);
        }
        let at = given.hpa.as_ref()?;
        let spec = hpa::spec(&at.value.0, &path("hpa"), found)?;
        Some(ScalerDraft::Hpa(spec, Some(at.span)))
    }

    fn work(&mut self, given: &Workload) -> WorkDraft {
        let mut work = WorkDraft {
            consumes: value(&given.consumes).and_then(|consumes| self.consumes(consumes)),
            checkpoint: None,
            lifetime: given.duration.as_ref().and_then(|at| self.lowering.distribution(at)),
            uses: self.uses(given),
            ..WorkDraft::default()
        };
        let checkpoint = self.checkpoint(given);
        match &mut work.consumes {
            Some(consumer) => consumer.checkpoint = checkpoint,
            None => work.checkpoint = checkpoint,
        }
        let startup = value(&given.startup);
        if startup.is_some() {
            work.start = Some(start::of_workload(self.lowering, self.start, startup));
            work.probes = start::probes(startup);
            let init = startup.and_then(|startup| startup.init.as_ref());
            work.init = init.and_then(|at| self.lowering.distribution(at));
        }
        for arrival in value(&given.arrivals).into_iter().flatten() {
            work.arrivals.extend(self.lowering.source(arrival));
        }
        work
    }

    /// What the pods use, from `serves` or `consumes`.
    fn uses(&mut self, given: &Workload) -> Option<UseSpec> {
        if let Some(serves) = value(&given.serves) {
            self.lowering.findings.ignore(
                "latency of requests".to_owned(),
                given.serves.as_ref().map(|at| at.span),
                "what the ready pods have no CPU for is turned away",
            );
            let sources = value(&serves.arrivals).into_iter().flatten();
            return Some(UseSpec {
                arrivals: sources.filter_map(|at| self.lowering.source(at)).collect(),
                cpu_per_request_nanos: value(&serves.cpu)?.0.micros().saturating_mul(1_000),
                slot_milli: 0,
                memory: bytes(value(&serves.memory)),
                beside: Beside::default(),
            });
        }
        let consumes = value(&given.consumes)?;
        if consumes.cpu.is_none() && consumes.memory.is_none() {
            return None;
        }
        let milli = value(&consumes.cpu).and_then(|amount| amount.0.milli().ok()).unwrap_or(0);
        Some(UseSpec {
            arrivals: Vec::new(),
            cpu_per_request_nanos: 0,
            slot_milli: u64::try_from(milli).unwrap_or(0),
            memory: bytes(value(&consumes.memory)),
            beside: Beside::default(),
        })
    }

    fn budget(&mut self, name: &str, namespace: &str, at: &At<Budget>) -> BudgetDraft {
        let given = &at.value;
        if given.min_available.is_some() == given.max_unavailable.is_some() {
            let message = "a disruption budget has either `minAvailable` or `maxUnavailable`";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        }
        BudgetDraft {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            selector: None,
            min_available: self.lowering.int_or_percent(given.min_available.as_ref()),
            max_unavailable: self.lowering.int_or_percent(given.max_unavailable.as_ref()),
            always_allow_unhealthy: value(&given.unhealthy) == Some(&UnhealthyPolicy::AlwaysAllow),
            origin: Some(at.span),
        }
    }

    fn pod(&mut self, name: &str, given: &Workload, draft: &mut WorkloadDraft) {
        let startup = value(&given.startup);
        let image = startup.and_then(|startup| value(&startup.image)).map(|image| image.0.clone());
        let size = startup.and_then(|startup| value(&startup.image_size)).map(|size| size.0);
        draft.pod.containers.push(ContainerDraft {
            name: name.to_owned(),
            // A size without a name is an image of the workload's own.
            image: image.or(size.map(|_| name.to_owned())).unwrap_or_default(),
            image_size: size,
            requests: amounts(value(&given.requests)),
            limits: amounts(value(&given.limits)),
            origin: draft.origin,
            ..ContainerDraft::default()
        });
        draft.pod.grace = value(&given.grace).map(|length| length.0);
        draft.pod.priority_class =
            given.priority_class.as_ref().map(|at| (at.value.0.clone(), Some(at.span)));
        let tables = &mut self.lowering.tables;
        let scheduler = value(&given.scheduler).filter(|name| name.0 != DEFAULT_SCHEDULER);
        draft.pod.scheduler = scheduler.map_or(Symbol::EMPTY, |name| tables.intern(&name.0));
        for (key, text) in value(&given.labels).into_iter().flatten() {
            draft.pod.labels.set(tables.intern(key), tables.intern(&text.0));
        }
        for (key, text) in value(&given.node_selector).into_iter().flatten() {
            draft.pod.node_selector.push((tables.intern(key), tables.intern(&text.0)));
        }
        for (key, text) in value(&given.annotations).into_iter().flatten() {
            self.annotation(key, &text.0, draft);
        }
        self.claims(given, draft);
        self.placement(given, draft);
    }

    /// Azure Files is attached by nobody, and is in no zone.
    fn claims(&mut self, given: &Workload, draft: &mut WorkloadDraft) {
        let cluster = value(&self.lowering.scenario.cluster);
        let location = cluster.and_then(|cluster| value(&cluster.location));
        let location = location.map_or("westeurope", |location| location.0.as_str());
        let owner = match draft.kind {
            WorkloadKind::StatefulSet => ClaimOwner::Ordinal,
            _ => ClaimOwner::Named,
        };
        for claim in value(&given.claims).into_iter().flatten().map(|at| &at.value) {
            let file = value(&claim.class).is_some_and(|class| class.0.starts_with("azurefile"));
            if file {
                continue;
            }
            let zone = value(&claim.zone).map(|zone| {
                let number = zone.0.rsplit('-').next();
                self.lowering.tables.intern(&identity::zone_value(location, number))
            });
            draft.pod.volumes.push(VolumeDraft {
                name: value(&claim.name).map(|name| name.0.clone()).unwrap_or_default(),
                kind: VolumeKind::Claim(owner),
                size: value(&claim.storage).map(|amount| amount.0),
                zone,
            });
        }
    }

    fn annotation(&mut self, key: &str, text: &str, draft: &mut WorkloadDraft) {
        let annotations: &mut Annotations = &mut draft.pod.annotations;
        if key == "cluster-autoscaler.kubernetes.io/safe-to-evict" {
            annotations.safe_to_evict = match text {
                "true" => SafeToEvict::Yes,
                "false" => SafeToEvict::No,
                _ => SafeToEvict::Unset,
            };
        } else {
            let field = format!("workloads.annotations.{key}");
            self.lowering.findings.ignore(field, draft.origin, "has no effect in the short form");
        }
    }

    /// `tolerations`, `affinity` and `topologySpreadConstraints` are read as a manifest's.
    #[cfg(feature = "manifests")]
    fn placement(&mut self, given: &Workload, draft: &mut WorkloadDraft) {
        let fields = [
            ("tolerations", &given.tolerations),
            ("affinity", &given.affinity),
            ("topologySpreadConstraints", &given.spread),
        ];
        if fields.iter().all(|(_, field)| field.is_none()) {
            return;
        }
        let Some(place) = draft.origin else { return };
        let given = fields
            .into_iter()
            .filter_map(|(name, field)| field.as_ref().map(|field| (name, field.value.0.clone())));
        let Some(pod) = self.lowering.read_pod(place, &draft.name, given.collect()) else { return };
        draft.pod.tolerations.extend(pod.tolerations);
        draft.pod.node_affinity = pod.node_affinity;
        draft.pod.pod_affinity = pod.pod_affinity;
        draft.pod.spread = pod.spread;
    }

    #[cfg(not(feature = "manifests"))]
    fn placement(&mut self, given: &Workload, _: &mut WorkloadDraft) {
        for at in [&given.tolerations, &given.affinity, &given.spread].into_iter().flatten() {
            let reason = "this build was made without manifests";
            self.lowering.not_built("workloads.tolerations", at.span, reason);
        }
    }
}

#[cfg(feature = "manifests")]
impl Lowering<'_, '_> {
    /// Fields of a pod's `spec`, read as a manifest's.
    pub fn read_pod(
        &mut self,
        place: Span,
        name: &str,
        mut spec: Vec<(&str, Node)>,
    ) -> Option<PodDraft> {
        use crate::scenario::foreign::kubernetes;
        use crate::scenario::node::{Key, Kind};
        let map = |entries: Vec<(&str, Node)>| {
            let key = |text: &str| Key { text: text.to_owned(), span: place };
            let entries = entries.into_iter().map(|(text, node)| (key(text), node));
            Node::new(place, Kind::Map(entries.collect()))
        };
        let text = |text: &str| Node::string(place, text);
        let container = map(vec![("name", text("pod"))]);
        spec.push(("containers", Node::new(place, Kind::Seq(vec![container]))));
        let object = map(vec![
            ("apiVersion", text("v1")),
            ("kind", text("Pod")),
            ("metadata", map(vec![("name", text(name))])),
            ("spec", map(spec)),
        ]);
        let mut read = Drafts::default();
        let (tables, found) = (&mut self.tables, &mut self.findings);
        kubernetes::read(&[object], tables, found, &mut read);
        read.workloads.pop().map(|workload| workload.pod)
    }
}

impl Lowering<'_, '_> {
    /// A number of pods or nodes, or a percentage.
    pub fn int_or_percent(&mut self, given: Option<&At<Text>>) -> Option<IntOrPercent> {
        let at = given?;
        let text = at.value.0.as_str();
        let found = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(IntOrPercent::Percent),
            None => text.parse().ok().map(IntOrPercent::Int),
        };
        let negative = matches!(
            found,
            Some(IntOrPercent::Int(number) | IntOrPercent::Percent(number)) if number < 0
        );
        if found.is_none() || negative {
            let message = format!("`{text}` is neither a number of pods nor a percentage");
            self.error(code::BAD_VALUE, message, at.span, "");
        }
        found.filter(|_| !negative)
    }
}

fn bytes(given: Option<&Bytes>) -> i64 {
    given.map_or(0, |bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX))
}

fn amounts(given: Option<&indexmap::IndexMap<String, ResourceAmount>>) -> ResourceList {
    given.into_iter().flatten().map(|(name, amount)| (name.clone(), amount.0)).collect()
}

/// What scoring counts for a pod with these requests in one container.
pub fn scoring(requests: &crate::unit::Resources) -> crate::unit::Resources {
    let or = |amount: i64, default: i64| if amount == 0 { default } else { amount };
    crate::unit::Resources {
        cpu_milli: or(requests.cpu_milli, DEFAULT_CPU_MILLI),
        memory: or(requests.memory, DEFAULT_MEMORY),
        ..*requests
    }
}
