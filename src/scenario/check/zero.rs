//! Lints of scaling from zero.

use super::linter::{Linter, least_replicas};
use crate::chance::Dist;
use crate::cloud::PoolSpec;
use crate::model::{Labels, PodShape, Usage};
use crate::plan::{Plan, ScalerKind, WorkloadSpec};
use crate::rules::{NodeFacts, fits_node_affinity};
use crate::scenario::code;
use crate::scenario::diagnostic::Severity::{Note, Warning};
use crate::unit::{ShapeId, Symbol};

/// All lints of scaling from zero.
pub fn check(lint: &mut Linter<'_>) {
    if lint.plan.lab.infinite_nodes || !lint.plan.nodes.is_empty() {
        return;
    }
    hidden(lint);
    cold_starts(lint);
}

/// Median waits of the first message or pod when neither a pod nor a node is there.
struct ColdStart {
    poll: f64,
    scan: f64,
    node: f64,
    pod: f64,
}

impl ColdStart {
    fn total(&self) -> f64 {
        self.poll + self.scan + self.node + self.pod
    }
}

/// Workloads at zero whose pools may be empty too: what the first message then waits.
fn cold_starts(lint: &mut Linter<'_>) {
    let mut worst: Option<ColdStart> = None;
    let mut cold = Vec::new();
    for workload in lint.bound_to_pools() {
        let Some(start) = cold_start(lint, workload) else { continue };
        cold.push(lint.name(workload));
        if worst.as_ref().is_none_or(|worst| worst.total() < start.total()) {
            worst = Some(start);
        }
    }
    let Some(start) = worst else { return };
    let what = format!(
        "from zero, the first message waits {} {:.0} s: KEDA's poll {:.0} s, the autoscaler's \
         scan {:.0} s, the node {:.0} s, the pod {:.0} s and its image (medians)",
        if cold.len() > 1 { "up to" } else { "about" },
        start.total(),
        start.poll,
        start.scan,
        start.node,
        start.pod
    );
    let help = "`minCount: 1` or `minReplicaCount: 1` take the node out of the wait, at its price";
    lint.workloads((Note, code::COLD_START), &cold, &what, help);
}

/// The cold start of a workload that may have no pod, on pools that may have no node.
fn cold_start(lint: &mut Linter<'_>, workload: &WorkloadSpec) -> Option<ColdStart> {
    let poll = match &workload.scaler {
        Some(ScalerKind::ScaledObject(spec)) => spec.polling_interval,
        Some(ScalerKind::ScaledJob(spec)) => spec.polling_interval,
        _ => return None,
    };
    if least_replicas(workload) > 0 {
        return None;
    }
    let plan = lint.plan;
    let shape = &plan.shapes[workload.shape];
    let homes = lint.homes(workload.shape);
    let homes = homes.iter().filter(|pool| has_node_for(plan, shape, pool, &pool.labels));
    let mut boots = Vec::new();
    for pool in homes {
        if !pool.autoscaled || pool.min > 0 {
            return None;
        }
        boots.push(median(&pool.vm_provision) + median(&pool.node_ready));
    }
    let times = &workload.times.start;
    Some(ColdStart {
        poll: poll.as_secs_f64() / 2.0,
        scan: plan.autoscaler.scan_interval.as_secs_f64() / 2.0,
        node: boots.into_iter().reduce(f64::min)?,
        pod: median(&times.container_start) + median(&times.app_start),
    })
}

fn median(dist: &Dist) -> f64 {
    dist.quantile(0.5).unwrap_or_else(|| dist.mean())
}

/// Pods whose pools may be empty and do not show the labels that they ask for: the autoscaler's
/// template of an empty pool has less than its nodes (`cloud::identity::template_labels`).
fn hidden(lint: &mut Linter<'_>) {
    let mut hidden = Vec::new();
    for workload in lint.bound_to_pools() {
        if is_hidden(lint, workload.shape) {
            hidden.push(lint.name(workload));
        }
    }
    let what = "an empty pool does not show the labels they ask for, so it is never scaled up";
    let help = "select a label of your own (`nodeLabels`), `agentpool` or the spot label, or keep \
                `minCount` at 1";
    lint.workloads((Warning, code::HIDDEN_AT_ZERO), &hidden, what, help);
}

/// Whether all nodes that could hold the shape belong to pools that do not show it when empty.
fn is_hidden(lint: &mut Linter<'_>, id: ShapeId) -> bool {
    let plan = lint.plan;
    let shape = &plan.shapes[id];
    if shape.node_selector.is_empty() && shape.node_affinity.required.is_none() {
        return false;
    }
    let homes = lint.homes(id).iter().filter(|pool| has_node_for(plan, shape, pool, &pool.labels));
    let mut any = false;
    for pool in homes {
        any = true;
        let may_be_empty = pool.autoscaled && pool.min == 0;
        if !may_be_empty || has_node_for(plan, shape, pool, &pool.template_labels) {
            return false;
        }
    }
    any
}

/// Whether a node with these labels, in any zone of the pool, is one that the shape selects.
fn has_node_for(plan: &Plan, shape: &PodShape, pool: &PoolSpec, labels: &Labels) -> bool {
    let fits = |labels: &Labels| {
        let facts = NodeFacts {
            name: Symbol::EMPTY,
            labels,
            taints: &pool.taints,
            unschedulable: false,
            allocatable: &pool.allocatable,
            used: &Usage::default(),
            max_data_disks: pool.size.max_data_disks,
        };
        fits_node_affinity(shape, &facts, &plan.symbols)
    };
    let Some(key) = plan.symbols.find("topology.kubernetes.io/zone") else { return fits(labels) };
    let none = plan.symbols.find("0").unwrap_or(Symbol::EMPTY);
    let zones = if pool.zones.is_empty() { std::slice::from_ref(&none) } else { &pool.zones };
    zones.iter().any(|&zone| {
        let mut labels = labels.clone();
        labels.set(key, zone);
        fits(&labels)
    })
}
