//! Drafts become the workloads, pod shapes and disruption budgets of a plan.

use std::collections::BTreeSet;

use super::admission::Admission;
use super::draft::{BudgetDraft, Drafts, ScalerDraft, WorkloadDraft};
use super::quota::Quotas;
use super::scaler;
use super::tables::Tables;
use super::vpa;
use crate::cloud::{PodStartSpec, PoolSpec};
use crate::control::admission::{ResourceQuotaSpec, WorkloadAdmission};
use crate::model::{LabelSelector, Labels, Requirement, SelectorOp, Toleration, TolerationOp};
use crate::plan::{
    ArrivalSpec, Beside, DisruptionBudgetSpec, PodTimes, ScalerKind, UseSpec, WorkloadKind,
    WorkloadSpec,
};
use crate::scenario::foreign::{Findings, code};
use crate::unit::{
    DisruptionBudgetId, Duration, IdVec, NamespaceQuotaId, PoolId, QueueId, Symbol, WorkloadId,
};
use crate::vocabulary::KedaVersion;

/// What lowering needs to know of the rest of the scenario.
pub struct LowerContext<'a> {
    /// KEDA's version.
    pub keda: KedaVersion,
    /// Node pools, for `pool:`.
    pub pools: &'a IdVec<PoolId, PoolSpec>,
    /// Queues by name, in the scenario's order.
    pub queues: &'a [(String, QueueId)],
    /// Queues whose depth is a given curve.
    pub curves: &'a [QueueId],
    /// How pods start that do not say.
    pub start: &'a PodStartSpec,
    /// Start of the run, seconds since the epoch (cron windows).
    pub start_epoch: i64,
    /// Length of the run.
    pub length: Duration,
}

/// Parts of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lowered {
    /// Workloads: those of AKS first, then in the order of the drafts.
    pub workloads: IdVec<WorkloadId, WorkloadSpec>,
    /// Disruption budgets.
    pub budgets: IdVec<DisruptionBudgetId, DisruptionBudgetSpec>,
    /// ResourceQuotas.
    pub namespace_quotas: IdVec<NamespaceQuotaId, ResourceQuotaSpec>,
    /// Every namespace with its labels.
    pub namespaces: Vec<(Symbol, Labels)>,
    /// Open-loop pods (`arrivals:` of workloads).
    pub arrivals: Vec<ArrivalSpec>,
}

/// Lowers all drafts. Shapes and images go to `tables`; whether it worked says `found`.
pub fn lower(
    drafts: Drafts,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) -> Lowered {
    let mut drafts = drafts;
    drafts.attach_scalers(found);
    drafts.attach_vpas(found);
    drafts.workloads.sort_by_key(|draft| !draft.system);
    let mut lowered = Lowered::default();
    let mut budgets = Vec::new();
    let mut quotas = Quotas::new(&drafts.quotas, tables, found);
    for draft in &mut drafts.workloads {
        apply_pool(draft, context, tables, found);
        let mut admission = Admission {
            priority_classes: &drafts.priority_classes,
            limit_ranges: &drafts.limit_ranges,
            container_policy: drafts.container_policy,
            quotas: &mut quotas,
            tables,
            found,
            admission: WorkloadAdmission::default(),
            beside: Beside::default(),
        };
        let shape = admission.shape(draft);
        let Admission { admission, beside, .. } = admission;
        let scaler = scaler::lower(draft, context, tables, found);
        let vpa = vpa::lower(draft, found);
        let workload = lowered.workloads.next_id();
        let arrivals = draft.work.arrivals.drain(..);
        lowered.arrivals.extend(arrivals.map(|source| ArrivalSpec::Pods { workload, source }));
        lowered.workloads.push(WorkloadSpec {
            name: tables.intern(&draft.name),
            namespace: tables.intern(&draft.namespace),
            kind: draft.kind,
            system: draft.system,
            shape: tables.shape(shape),
            replicas: draft.replicas.unwrap_or_else(|| resting_replicas(draft, scaler.as_ref())),
            completions: draft.completions,
            controller: draft.controller,
            admission,
            scaler,
            vpa,
            consumes: draft.work.consumes.clone(),
            uses: draft.work.uses.clone().map(|uses| UseSpec { beside, ..uses }),
            times: PodTimes {
                start: draft.work.start.clone().unwrap_or_else(|| context.start.clone()),
                lifetime: draft.work.lifetime.clone(),
                checkpoint: draft.work.checkpoint,
                init: draft.work.init.clone(),
                probes: draft.work.probes.unwrap_or(draft.pod.probes),
            },
        });
        if let Some(mut budget) = draft.budget.take() {
            budget.selector = budget.selector.or_else(|| Some(own_selector(draft)));
            budgets.push(budget);
        }
    }
    lowered.namespace_quotas = quotas.into_specs();
    budgets.append(&mut drafts.budgets);
    for budget in &budgets {
        lowered.budgets.push(lower_budget(budget, tables));
    }
    lowered.namespaces = namespaces(&drafts, tables);
    lowered
}

/// `pool:` selects the pool by its label and tolerates its taints.
fn apply_pool(
    draft: &mut WorkloadDraft,
    context: &LowerContext<'_>,
    tables: &mut Tables,
    found: &mut Findings,
) {
    let Some((name, place)) = draft.pool.take() else { return };
    let symbol = tables.intern(&name);
    let Some(pool) = context.pools.iter().find(|pool| pool.name == symbol) else {
        let known: Vec<_> =
            context.pools.iter().map(|pool| tables.symbols.text(pool.name)).collect();
        let text = format!("there is no pool `{name}`; known: {}", known.join(", "));
        found.error(code::POOL, place, text);
        return;
    };
    draft.pod.node_selector.push((tables.intern("agentpool"), symbol));
    for taint in &pool.taints {
        draft.pod.tolerations.push(Toleration {
            key: Some(taint.key),
            op: TolerationOp::Equal,
            value: taint.value,
            effect: Some(taint.effect),
            seconds: None,
        });
    }
}

/// Replicas of a workload that says nothing: one, or where its scaler rests. A Deployment that KEDA
/// or an HPA has looked after stands there when there is no load, whatever it was created with.
fn resting_replicas(draft: &WorkloadDraft, scaler: Option<&ScalerKind>) -> u32 {
    match scaler {
        Some(ScalerKind::ScaledObject(spec)) => {
            spec.paused_replicas.or(spec.idle_replicas).unwrap_or(spec.min_replicas)
        }
        Some(ScalerKind::Hpa { spec, .. }) => spec.min_replicas,
        Some(ScalerKind::ScaledJob(_)) => 0,
        None if draft.kind == WorkloadKind::DaemonSet || !draft.work.arrivals.is_empty() => 0,
        // The scaler is wrong: the scenario does not run.
        None if matches!(draft.scaler, Some(ScalerDraft::ScaledJob(_))) => 0,
        None => 1,
    }
}

/// What selects a workload's pods: its selector, or all their labels.
fn own_selector(draft: &WorkloadDraft) -> LabelSelector {
    draft.selector.clone().unwrap_or_else(|| {
        let labels = draft.pod.labels.iter();
        let requirements = labels
            .map(|(key, value)| Requirement { key, op: SelectorOp::In, values: vec![value] })
            .collect();
        LabelSelector { requirements }
    })
}

fn lower_budget(draft: &BudgetDraft, tables: &mut Tables) -> DisruptionBudgetSpec {
    DisruptionBudgetSpec {
        name: tables.intern(&draft.name),
        namespace: tables.intern(&draft.namespace),
        selector: draft.selector.clone(),
        min_available: draft.min_available,
        max_unavailable: draft.max_unavailable,
        always_allow_unhealthy: draft.always_allow_unhealthy,
    }
}

/// Every namespace in use, by name, with the label that the API server gives each.
fn namespaces(drafts: &Drafts, tables: &mut Tables) -> Vec<(Symbol, Labels)> {
    let used = drafts.workloads.iter().map(|draft| draft.namespace.as_str());
    let given = drafts.namespaces.iter().map(|(name, _)| name.as_str());
    let names: BTreeSet<&str> = used.chain(given).collect();
    let key = tables.intern("kubernetes.io/metadata.name");
    let mut list = Vec::new();
    for name in names {
        let labels = drafts.namespaces.iter().find(|(known, _)| known == name);
        let mut labels = labels.map(|(_, labels)| labels.clone()).unwrap_or_default();
        let symbol = tables.intern(name);
        labels.set(key, symbol);
        list.push((symbol, labels));
    }
    list
}
