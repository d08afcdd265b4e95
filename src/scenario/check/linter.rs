//! Where lints look and where they report: places by name, and one finding for many workloads.

use rustc_hash::FxHashMap;

use crate::cloud::PoolSpec;
use crate::model::SelectorOp;
use crate::plan::{DisruptionBudgetSpec, Plan, ScalerKind, WorkloadKind, WorkloadSpec};
use crate::rules::matches_labels;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::format::Scenario;
use crate::scenario::source::Span;
use crate::unit::{ShapeId, Symbol};

/// Names in one finding; the others are counted.
const NAMED: usize = 3;

/// Workloads by namespace and one label of their pods.
type Labelled<'a> = FxHashMap<(Symbol, Symbol, Symbol), Vec<&'a WorkloadSpec>>;

/// A scenario under review.
pub struct Linter<'a> {
    /// The scenario.
    pub plan: &'a Plan,
    /// What was found.
    pub found: Vec<Diagnostic>,
    workloads: FxHashMap<&'a str, Span>,
    pools: FxHashMap<&'a str, Span>,
    homes: FxHashMap<ShapeId, Vec<&'a PoolSpec>>,
    labelled: Option<Labelled<'a>>,
}

impl<'a> Linter<'a> {
    /// Nothing found yet.
    pub fn new(scenario: &'a Scenario, plan: &'a Plan) -> Self {
        let workloads = scenario.workloads.iter().flat_map(|at| &at.value).filter_map(|given| {
            let name = given.value.name.as_ref()?;
            Some((name.value.0.as_str(), name.span))
        });
        let pools = scenario.cluster.as_ref().and_then(|at| at.value.pools.as_ref());
        let pools = pools.into_iter().flat_map(|at| &at.value).filter_map(|given| {
            let name = given.value.name.as_ref()?;
            Some((name.value.0.as_str(), name.span))
        });
        Self {
            plan,
            found: Vec::new(),
            workloads: workloads.collect(),
            pools: pools.collect(),
            homes: FxHashMap::default(),
            labelled: None,
        }
    }

    /// Name of a workload.
    pub fn name(&self, workload: &WorkloadSpec) -> &'a str {
        self.plan.symbols.text(workload.name)
    }

    /// Pools that could hold a pod of the shape, maximum and all.
    pub fn homes(&mut self, shape: ShapeId) -> &[&'a PoolSpec] {
        let plan = self.plan;
        self.homes.entry(shape).or_insert_with(|| {
            let row = &plan.shapes[shape];
            let pools = plan.pools.iter().filter(|pool| most(pool) > 0);
            pools.filter(|pool| super::fit::obstacle(plan, row, pool).is_none()).collect()
        })
    }

    /// Workloads of the user whose pods need a pool.
    pub fn bound_to_pools(&self) -> impl Iterator<Item = &'a WorkloadSpec> + use<'a> {
        let plan = self.plan;
        self.placed().filter(|one| !super::fit::may_burst(plan, &plan.shapes[one.shape]))
    }

    /// Workloads of the user whose pods the scheduler places.
    pub fn placed(&self) -> impl Iterator<Item = &'a WorkloadSpec> + use<'a> {
        let all = self.plan.workloads.iter();
        all.filter(|one| !one.system && one.kind != WorkloadKind::DaemonSet)
    }

    /// Workloads whose pods a budget covers, found by the first label that it names.
    pub fn covered(&mut self, budget: &DisruptionBudgetSpec) -> Vec<&'a WorkloadSpec> {
        let Some(selector) = &budget.selector else { return Vec::new() };
        let plan = self.plan;
        let matches = |one: &&WorkloadSpec| {
            one.namespace == budget.namespace
                && matches_labels(selector, &plan.shapes[one.shape].labels, &plan.symbols)
        };
        let named = selector.requirements.iter().find(|one| one.op == SelectorOp::In);
        let Some(named) = named else { return self.placed().filter(matches).collect() };
        if self.labelled.is_none() {
            let mut labelled = Labelled::default();
            for one in self.placed() {
                for (key, value) in plan.shapes[one.shape].labels.iter() {
                    labelled.entry((one.namespace, key, value)).or_default().push(one);
                }
            }
            self.labelled = Some(labelled);
        }
        let labelled = self.labelled.iter();
        let rows = labelled.flat_map(|labelled| {
            let rows = named.values.iter();
            rows.filter_map(|&value| labelled.get(&(budget.namespace, named.key, value)))
        });
        rows.flatten().copied().filter(matches).collect()
    }

    /// Reports a finding about a pool.
    pub fn pool(
        &mut self,
        (severity, code): (Severity, &'static str),
        pool: &PoolSpec,
        message: String,
        help: &str,
    ) {
        let found = Diagnostic::new(severity, code, message).help(help);
        let place = self.pools.get(self.plan.symbols.text(pool.name));
        self.found.push(match place {
            Some(&place) => found.at(place, ""),
            None => found,
        });
    }

    /// Reports one finding about any number of workloads; none makes none.
    pub fn workloads(
        &mut self,
        (severity, code): (Severity, &'static str),
        names: &[&str],
        what: &str,
        help: &str,
    ) {
        let Some(first) = names.first() else { return };
        let listed: Vec<String> =
            names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!("{}{more}: {what}", listed.join(", "));
        let found = Diagnostic::new(severity, code, message).help(help);
        self.found.push(match self.workloads.get(first) {
            Some(&place) => found.at(place, ""),
            None => found,
        });
    }
}

/// Most nodes that a pool may have.
pub fn most(pool: &PoolSpec) -> u32 {
    if pool.autoscaled { pool.max } else { pool.count.max(pool.max) }
}

/// What an upgrade adds to what pools need at their maximum: pools are upgraded one after the
/// other, so the dearest surge counts (azure-aks-docs @ fb060ab
/// `upgrade-capacity-cost-planning.md`, `concepts-network-ip-address-planning.md`).
pub fn surge<'p>(pools: impl Iterator<Item = (&'p PoolSpec, u64)>) -> u64 {
    let nodes = |pool: &PoolSpec| {
        let most = i64::from(most(pool));
        u64::try_from(pool.max_surge.of_rounded_up(most).clamp(0, most)).unwrap_or(0)
    };
    pools.map(|(pool, each)| nodes(pool).saturating_mul(each)).max().unwrap_or(0)
}

/// Fewest pods that a workload may have.
pub fn least_replicas(workload: &WorkloadSpec) -> u32 {
    match &workload.scaler {
        Some(ScalerKind::ScaledObject(spec)) => spec.idle_replicas.unwrap_or(spec.min_replicas),
        Some(ScalerKind::ScaledJob(spec)) => spec.min_replicas,
        Some(ScalerKind::Hpa { spec, .. }) => spec.min_replicas,
        None => workload.replicas,
    }
}

/// Most pods that a workload may have at one time.
pub fn most_replicas(workload: &WorkloadSpec) -> u32 {
    match &workload.scaler {
        Some(ScalerKind::ScaledObject(spec)) => spec.max_replicas,
        Some(ScalerKind::Hpa { spec, .. }) => spec.max_replicas,
        _ => workload.replicas,
    }
}
