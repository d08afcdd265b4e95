//! The state of lowering, and its order: clock, cluster, provider, workloads, demand, events.

use super::{
    arguments, clock, cluster, demand, event, images, node, provider, virtual_node, workload,
};
use crate::cloud::{NetworkSpec, PoolSpec, QuotaSpec, SubnetSpec, Tier};
use crate::plan::{Assumption, Plan, SimulationSpec};
use crate::queue::QueueSpec;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::foreign::Findings;
use crate::scenario::format::{At, Calendar, Scenario};
use crate::scenario::pods::Tables;
use crate::scenario::reading::Reading;
use crate::scenario::source::Span;
use crate::unit::{IdVec, PoolId, QueueId, QuotaId, SimTime, SubnetId, Symbol};
use crate::vocabulary::KubernetesVersion;

/// Compressed size of an image that says nothing.
const IMAGE_SIZE: u64 = 300_000_000;
/// Why.
const IMAGE_SOURCE: &str = "assumption: a service image of ordinary size; give `startup.imageSize`";

/// What lowering works with.
pub struct Lowering<'a, 'f> {
    /// Files, and where findings go.
    pub reading: &'a mut Reading<'f>,
    /// What the user wrote.
    pub scenario: &'a Scenario,
    /// Strings, images, shapes.
    pub tables: Tables,
    /// When the run starts.
    pub calendar: Calendar,
    /// When arrivals end.
    pub end: SimTime,
    /// Findings in Kubernetes and KEDA fields.
    pub findings: Findings,
    /// What the scenario left to us.
    pub assumptions: Vec<Assumption>,
    /// Version.
    pub version: KubernetesVersion,
    /// Tier.
    pub tier: Tier,
    /// Network.
    pub network: NetworkSpec,
    /// Subnets.
    pub subnets: IdVec<SubnetId, SubnetSpec>,
    /// Quotas.
    pub quotas: IdVec<QuotaId, QuotaSpec>,
    /// Pools.
    pub pools: IdVec<PoolId, PoolSpec>,
    /// Queues.
    pub queues: IdVec<QueueId, QueueSpec>,
    /// Names of the nodes outside pools.
    pub given_nodes: Vec<Symbol>,
}

impl Lowering<'_, '_> {
    /// Reports a finding.
    pub fn report(&mut self, found: Diagnostic) {
        self.reading.report(found);
    }

    /// Reports an error at a place.
    pub fn error(&mut self, code: &'static str, message: impl Into<String>, at: Span, label: &str) {
        self.report(Diagnostic::error(code, message).at(at, label));
    }

    /// Notes a value that the scenario left to us.
    pub fn assume(&mut self, path: impl Into<String>, value: impl Into<String>, source: &str) {
        let path = path.into();
        if self.assumptions.iter().any(|known| known.path == path) {
            return;
        }
        self.assumptions.push(Assumption {
            path,
            value: value.into(),
            source: source.to_owned(),
            assumed: source.starts_with("assumption"),
        });
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        let symbol = self.tables.symbols.find(name)?;
        self.queues.iter().position(|queue| queue.name == symbol).map(|at| QueueId(at as u32))
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<PoolId> {
        let symbol = self.tables.symbols.find(name)?;
        self.pools.iter().position(|pool| pool.name == symbol).map(|at| PoolId(at as u32))
    }
}

/// The value of a key, if it is there.
pub fn value<T>(key: &Option<At<T>>) -> Option<&T> {
    key.as_ref().map(|at| &at.value)
}

/// Lowers a scenario; `None` after reporting why not.
pub fn lower(
    reading: &mut Reading<'_>,
    scenario: &Scenario,
    assumptions: Vec<Assumption>,
    cluster_findings: Findings,
) -> Option<Plan> {
    let (calendar, simulation) = clock::simulation(scenario);
    let mut lowering = Lowering {
        reading,
        scenario,
        tables: Tables::default(),
        calendar,
        end: SimTime::ZERO + simulation.duration,
        findings: cluster_findings,
        assumptions,
        version: KubernetesVersion::DEFAULT,
        tier: Tier::Free,
        network: cluster::UNKNOWN_NETWORK,
        subnets: IdVec::new(),
        quotas: IdVec::new(),
        pools: IdVec::new(),
        queues: IdVec::new(),
        given_nodes: Vec::new(),
    };
    lowering.plan(simulation)
}

impl Lowering<'_, '_> {
    fn plan(&mut self, simulation: SimulationSpec) -> Option<Plan> {
        clock::check(self, &simulation);
        cluster::lower(self);
        let lab = clock::lab(self);
        let autoscaler = cluster::autoscaler(self);
        let timing = provider::timing(self);
        let scheduler = provider::scheduler(self);
        let mut prices = provider::prices(self);
        let virtual_node = virtual_node::lower(self, &mut prices);
        let nodes = node::given(self);
        demand::queues(self);
        let mut streams = demand::messages(self);
        let work = workload::lower(self, &mut streams);
        let (injects, refusals) = event::injects(self, work.as_ref().map(|work| &work.workloads));
        let thresholds = event::thresholds(self);
        let not_modelled = self.findings.not_modelled();
        for (path, value, source) in self.findings.take_left_out() {
            self.assume(path, value, source);
        }
        for found in std::mem::take(&mut self.findings).into_list() {
            self.report(found);
        }
        if self.reading.has_errors() {
            return None;
        }
        let work = work?;
        self.assume("workloads.startup.imageSize", "300MB", IMAGE_SOURCE);
        let metadata = value(&self.scenario.metadata);
        let text = |key: Option<&crate::scenario::format::Text>| key.map(|text| text.0.clone());
        let mut tables = std::mem::take(&mut self.tables).into_parts(IMAGE_SIZE);
        arguments::spread_by_default(&scheduler, &mut tables.shapes);
        let pools = std::mem::take(&mut self.pools);
        let image_disks = images::disks(self, &pools, &tables.images);
        Some(Plan {
            name: text(metadata.and_then(|m| value(&m.name))).unwrap_or_default(),
            description: text(metadata.and_then(|m| value(&m.description))).unwrap_or_default(),
            simulation,
            lab,
            symbols: tables.symbols,
            extended: tables.extended,
            version: self.version,
            keda: crate::vocabulary::KedaVersion::shipped_with(self.version),
            tier: self.tier,
            network: self.network,
            subnets: std::mem::take(&mut self.subnets),
            quotas: std::mem::take(&mut self.quotas),
            pools,
            nodes,
            virtual_node,
            namespaces: work.namespaces,
            namespace_quotas: work.namespace_quotas,
            scheduler,
            autoscaler,
            shapes: tables.shapes,
            images: tables.images,
            image_disks,
            workloads: work.workloads,
            budgets: work.budgets,
            queues: std::mem::take(&mut self.queues),
            streams,
            timing,
            refusals,
            injects,
            prices,
            thresholds,
            assumptions: std::mem::take(&mut self.assumptions),
            not_modelled,
            inputs: Vec::new(),
        })
    }
}
