//! Topology spread with `DoNotSchedule`: pods per domain, kept up to date, and the filter.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering}.go`,
//! v1.36.2.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::node_affinity::fits_node_affinity;
use super::selector::matches_labels;
use super::snapshot::{NodeFacts, PlacedPod, Snapshot};
use super::taint::untolerated;
use crate::model::{PodShape, PolicySwitch, SpreadConstraint, WhenUnsatisfiable};
use crate::unit::{Symbol, Symbols};

/// Why a node fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpreadFailure {
    /// The node has no value for a topology key.
    MissingLabel,
    /// One more pod here would exceed `maxSkew`.
    Skew,
}

/// Whether a constraint of `shape` counts this node (its inclusion policies).
pub fn counts_node(
    constraint: &SpreadConstraint,
    shape: &PodShape,
    node: &NodeFacts<'_>,
    symbols: &Symbols,
) -> bool {
    (constraint.node_affinity_policy == PolicySwitch::Ignore
        || fits_node_affinity(shape, node, symbols))
        && (constraint.node_taints_policy == PolicySwitch::Ignore
            || untolerated(node.taints, &shape.tolerations).is_none())
}

/// Whether a placed pod counts for a constraint: same namespace, not terminating, selected. An
/// empty selector selects nobody here.
pub fn counts_pod(
    constraint: &SpreadConstraint,
    namespace: Symbol,
    pod: &PlacedPod<'_>,
    symbols: &Symbols,
) -> bool {
    let selected = |labels| {
        constraint.selector.as_ref().is_some_and(|selector| {
            !selector.requirements.is_empty() && matches_labels(selector, labels, symbols)
        })
    };
    !pod.terminating && pod.shape.namespace == namespace && selected(&pod.shape.labels)
}

/// Pods per domain of one constraint, and how many domains hold how many.
#[derive(Clone, Debug, Default)]
struct Domains {
    pods: FxHashMap<Symbol, i64>,
    histogram: BTreeMap<i64, u32>,
    /// The pod matches its own selector: it will count where it lands.
    counts_itself: bool,
}

impl Domains {
    fn add(&mut self, domain: Symbol, delta: i64) {
        let (before, known) = match self.pods.get(&domain) {
            Some(&pods) => (pods, true),
            None => (0, false),
        };
        if known {
            let many = self.histogram.get_mut(&before).expect("every domain is in the histogram");
            *many -= 1;
            if *many == 0 {
                self.histogram.remove(&before);
            }
        }
        self.pods.insert(domain, before + delta);
        *self.histogram.entry(before + delta).or_insert(0) += 1;
    }

    /// Pods in the emptiest domain; 0 if there are fewer domains than `min_domains`.
    fn least(&self, min_domains: i32) -> i64 {
        if (self.pods.len() as i64) < i64::from(min_domains) {
            return 0;
        }
        self.histogram.first_key_value().map_or(0, |(&least, _)| least)
    }
}

/// State of a shape's hard spread constraints over a cluster.
#[derive(Clone, Debug)]
pub struct HardSpread {
    domains: Vec<Domains>,
}

/// The hard constraints of a shape.
fn hard(shape: &PodShape) -> impl Iterator<Item = &SpreadConstraint> {
    shape.spread.iter().filter(|constraint| constraint.when == WhenUnsatisfiable::DoNotSchedule)
}

/// Whether a node has every topology key of the shape's hard constraints: others do not count.
fn has_all_keys(shape: &PodShape, node: &NodeFacts<'_>) -> bool {
    hard(shape).all(|constraint| node.labels.get(constraint.topology_key).is_some())
}

impl HardSpread {
    /// Whether a shape has hard constraints at all.
    pub fn applies(shape: &PodShape) -> bool {
        hard(shape).next().is_some()
    }

    /// Counts a cluster; `None` if the shape has no hard constraint.
    pub fn of(shape: &PodShape, snapshot: &impl Snapshot, symbols: &Symbols) -> Option<Self> {
        if !Self::applies(shape) {
            return None;
        }
        let own = PlacedPod { shape, terminating: false };
        let mut state = Self {
            domains: hard(shape)
                .map(|constraint| Domains {
                    counts_itself: counts_itself(constraint, &own, symbols),
                    ..Domains::default()
                })
                .collect(),
        };
        for index in 0..snapshot.node_count() {
            let node = snapshot.node(index);
            if !has_all_keys(shape, &node) {
                continue;
            }
            for (constraint, domains) in hard(shape).zip(&mut state.domains) {
                if !counts_node(constraint, shape, &node, symbols) {
                    continue;
                }
                let pods = snapshot
                    .pods(index)
                    .filter(|pod| counts_pod(constraint, shape.namespace, pod, symbols))
                    .count();
                let domain = node.labels.get(constraint.topology_key).expect("has all keys");
                domains.add(domain, pods as i64);
            }
        }
        Some(state)
    }

    /// Whether pods of another shape count for a hard constraint of the shape.
    pub fn counts(shape: &PodShape, other: &PodShape, symbols: &Symbols) -> bool {
        let pod = PlacedPod { shape: other, terminating: false };
        hard(shape).any(|constraint| counts_pod(constraint, shape.namespace, &pod, symbols))
    }

    /// A pod came to (`delta` 1) or left (-1) a node. A pod that starts terminating leaves.
    pub fn pod_changed(
        &mut self,
        shape: &PodShape,
        pod: &PlacedPod<'_>,
        node: &NodeFacts<'_>,
        delta: i64,
        symbols: &Symbols,
    ) {
        if pod.shape.namespace != shape.namespace || !has_all_keys(shape, node) {
            return;
        }
        for (constraint, domains) in hard(shape).zip(&mut self.domains) {
            if counts_pod(constraint, shape.namespace, pod, symbols)
                && counts_node(constraint, shape, node, symbols)
            {
                let domain = node.labels.get(constraint.topology_key).expect("has all keys");
                domains.add(domain, delta);
            }
        }
    }

    /// Whether a pod of the shape may not go to this node.
    pub fn failure(&self, shape: &PodShape, node: &NodeFacts<'_>) -> Option<SpreadFailure> {
        for (constraint, domains) in hard(shape).zip(&self.domains) {
            let Some(domain) = node.labels.get(constraint.topology_key) else {
                return Some(SpreadFailure::MissingLabel);
            };
            let there = domains.pods.get(&domain).copied().unwrap_or(0);
            let skew =
                there + i64::from(domains.counts_itself) - domains.least(constraint.min_domains);
            if skew > i64::from(constraint.max_skew) {
                return Some(SpreadFailure::Skew);
            }
        }
        None
    }
}

/// Whether the pod is selected by its own constraint; here an empty selector does select.
fn counts_itself(constraint: &SpreadConstraint, own: &PlacedPod<'_>, symbols: &Symbols) -> bool {
    constraint
        .selector
        .as_ref()
        .is_some_and(|selector| matches_labels(selector, &own.shape.labels, symbols))
}
