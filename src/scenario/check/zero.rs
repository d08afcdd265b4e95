//! Lints of scaling from zero.

use super::linter::Linter;
use crate::cloud::PoolSpec;
use crate::model::{Labels, PodShape, Usage};
use crate::plan::Plan;
use crate::rules::{NodeFacts, fits_node_affinity};
use crate::scenario::code;
use crate::scenario::diagnostic::Severity::Warning;
use crate::unit::{ShapeId, Symbol};

/// All lints of scaling from zero.
pub fn check(lint: &mut Linter<'_>) {
    if lint.plan.lab.infinite_nodes || !lint.plan.nodes.is_empty() {
        return;
    }
    hidden(lint);
}

/// Pods whose pools may be empty and do not show the labels that they ask for: the autoscaler's
/// template of an empty pool has less than its nodes (`cloud::identity::template_labels`).
fn hidden(lint: &mut Linter<'_>) {
    let mut hidden = Vec::new();
    for workload in lint.placed() {
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
