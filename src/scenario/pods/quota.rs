//! ResourceQuotas: which pods of which workloads they count, and what they can never hold.
//!
//! Sources: kubernetes v1.36.2 `pkg/quota/v1/evaluator/core/pods.go` (`Matches`,
//! `podMatchesScopeFunc`, `Constraints`) and
//! `staging/src/k8s.io/apiserver/pkg/quota/v1/generic/evaluator.go` (object counts).

use rustc_hash::FxHashMap;

use super::draft::{ContainerDraft, WorkloadDraft};
use super::tables::Tables;
use super::tenancy::{QuotaDraft, QuotaScope, ScopeOp};
use crate::control::admission::{ResourceQuotaSpec, Tracked, exceeded};
use crate::model::{PodAffinityTerm, PodShape};
use crate::plan::WorkloadKind;
use crate::scenario::foreign::{Findings, code};
use crate::unit::{IdVec, NamespaceQuotaId, Quantity, Symbols};

/// All quotas of a scenario.
#[derive(Default)]
pub(super) struct Quotas {
    specs: IdVec<NamespaceQuotaId, ResourceQuotaSpec>,
    rules: IdVec<NamespaceQuotaId, Rules>,
    of_namespace: FxHashMap<String, Vec<NamespaceQuotaId>>,
}

/// What of a quota is settled before the run.
struct Rules {
    scopes: Vec<QuotaScope>,
    /// What every container must say because the quota counts it.
    must_say: Vec<String>,
    /// Objects: kind, name as written, most, and how many there are.
    objects: Vec<(WorkloadKind, String, i64, i64)>,
}

/// A workload that is to be tied to quotas.
pub(super) struct Tie<'a> {
    pub draft: &'a WorkloadDraft,
    /// With what admission has filled in.
    pub containers: &'a [ContainerDraft],
    pub shape: &'a PodShape,
    /// PriorityClass.
    pub class: Option<&'a str>,
}

impl Quotas {
    /// Reads the limits of all quotas.
    pub fn new(drafts: &[QuotaDraft], tables: &mut Tables, found: &mut Findings) -> Self {
        let mut quotas = Self::default();
        for draft in drafts {
            let mut spec = ResourceQuotaSpec {
                name: tables.intern(&draft.name),
                namespace: tables.intern(&draft.namespace),
                hard: Vec::new(),
            };
            let mut rules =
                Rules { scopes: draft.scopes.clone(), must_say: Vec::new(), objects: Vec::new() };
            for (name, &most) in &draft.hard {
                if let Some(kind) = object_kind(name) {
                    rules.objects.push((kind, name.clone(), most.units().unwrap_or(i64::MAX), 0));
                } else if let Some(tracked) = tracked(name, tables) {
                    if COMPUTE.contains(&name.as_str()) {
                        rules.must_say.push(name.clone());
                    }
                    match amount(tracked, most) {
                        Some(most) => spec.hard.push((tracked, tables.intern(name), most)),
                        None => {
                            let text =
                                format!("ResourceQuota {}: `{name}` is too much", draft.name);
                            found.error(code::FIELD, draft.origin, text);
                        }
                    }
                } else {
                    let field = format!("ResourceQuota spec.hard.{name}");
                    found.ignore(field, draft.origin, "has no effect in the simulation");
                }
            }
            let id = quotas.specs.push(spec);
            quotas.rules.push(rules);
            quotas.of_namespace.entry(draft.namespace.clone()).or_default().push(id);
        }
        quotas
    }

    /// The quotas that count the pods of a workload, and why none of them is ever admitted.
    pub fn tie(
        &mut self,
        tie: &Tie<'_>,
        symbols: &Symbols,
    ) -> (Vec<NamespaceQuotaId>, Option<String>) {
        let mut matching = Vec::new();
        let mut why = None;
        for &id in self.of_namespace.get(&tie.draft.namespace).into_iter().flatten() {
            let rules = &mut self.rules[id];
            let name = symbols.text(self.specs[id].name);
            for (_, object, most, there) in
                rules.objects.iter_mut().filter(|(kind, ..)| *kind == tie.draft.kind)
            {
                *there += 1;
                if *there > *most {
                    let text = || format!("exceeded quota: {name}, limited: {object}={most}");
                    why = why.or_else(|| Some(text()));
                }
            }
            if !rules.scopes.iter().all(|scope| in_scope(scope, tie)) {
                continue;
            }
            matching.push(id);
            why = why.or_else(|| unsaid(&rules.must_say, tie, name));
            let spec = &self.specs[id];
            let nothing = vec![0; spec.hard.len()];
            why = why.or_else(|| {
                let excess = exceeded(spec, &nothing, tie.shape)?;
                let write = |amount| excess.tracked.write(amount);
                let (needs, hard) = (write(excess.requested), write(excess.hard));
                let what = symbols.text(excess.name);
                Some(format!("one pod needs {what}={needs}, quota {name} allows {hard}"))
            });
        }
        (matching, why)
    }

    /// The quotas as a plan holds them.
    pub fn into_specs(self) -> IdVec<NamespaceQuotaId, ResourceQuotaSpec> {
        self.specs
    }
}

/// What a quota over these demands that every container says.
const COMPUTE: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

fn tracked(name: &str, tables: &mut Tables) -> Option<Tracked> {
    Some(match name {
        "pods" | "count/pods" => Tracked::Pods,
        "cpu" | "requests.cpu" => Tracked::RequestsCpu,
        "memory" | "requests.memory" => Tracked::RequestsMemory,
        "ephemeral-storage" | "requests.ephemeral-storage" => Tracked::RequestsEphemeral,
        "limits.cpu" => Tracked::LimitsCpu,
        "limits.memory" => Tracked::LimitsMemory,
        "limits.ephemeral-storage" => Tracked::LimitsEphemeral,
        _ => {
            let extended = name.strip_prefix("requests.").filter(|name| name.contains('/'))?;
            Tracked::RequestsExtended(tables.extended(extended)?)
        }
    })
}

fn amount(tracked: Tracked, most: Quantity) -> Option<i64> {
    match tracked {
        Tracked::RequestsCpu | Tracked::LimitsCpu => most.milli().ok(),
        _ => most.units().ok(),
    }
}

fn object_kind(name: &str) -> Option<WorkloadKind> {
    Some(match name.strip_prefix("count/")? {
        // A Deployment has one ReplicaSet here.
        "deployments.apps" | "replicasets.apps" => WorkloadKind::Deployment,
        "statefulsets.apps" => WorkloadKind::StatefulSet,
        "daemonsets.apps" => WorkloadKind::DaemonSet,
        "jobs.batch" => WorkloadKind::Job,
        "scaledjobs.keda.sh" => WorkloadKind::ScaledJob,
        _ => return None,
    })
}

fn in_scope(scope: &QuotaScope, tie: &Tie<'_>) -> bool {
    match scope {
        QuotaScope::BestEffort(wanted) => {
            let says = |container: &ContainerDraft| {
                ["cpu", "memory"].iter().any(|name| {
                    container.requests.contains_key(*name) || container.limits.contains_key(*name)
                })
            };
            tie.containers.iter().any(says) != *wanted
        }
        QuotaScope::Terminating(wanted) => tie.draft.pod.deadline.is_some() == *wanted,
        QuotaScope::PriorityClass(op, values) => {
            let named = |class: &str| values.iter().any(|value| value == class);
            match op {
                ScopeOp::In => tie.class.is_some_and(named),
                ScopeOp::NotIn => !tie.class.is_some_and(named),
                ScopeOp::Exists => tie.class.is_some(),
                ScopeOp::DoesNotExist => tie.class.is_none(),
            }
        }
        QuotaScope::CrossNamespacePodAffinity => {
            let affinity = &tie.shape.pod_affinity;
            let crosses = |term: &PodAffinityTerm| {
                !term.namespaces.is_empty() || term.namespace_selector.is_some()
            };
            affinity.required.iter().chain(&affinity.anti_required).any(crosses)
                || affinity
                    .preferred
                    .iter()
                    .chain(&affinity.anti_preferred)
                    .any(|(_, term)| crosses(term))
        }
    }
}

/// A container that does not say what a quota counts.
fn unsaid(must_say: &[String], tie: &Tie<'_>, quota: &str) -> Option<String> {
    tie.containers.iter().find_map(|container| {
        let silent = must_say.iter().find(|name| {
            let (list, resource) = match name.strip_prefix("limits.") {
                Some(resource) => (&container.limits, resource),
                None => (&container.requests, name.trim_start_matches("requests.")),
            };
            !list.contains_key(resource)
        })?;
        Some(format!("failed quota: {quota}: must specify {silent} for: {}", container.name))
    })
}
