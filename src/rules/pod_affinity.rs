//! Required inter-pod affinity and anti-affinity: matching pods per topology pair, kept up to date,
//! and the filter.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/interpodaffinity/filtering.go`, v1.36.2.

use rustc_hash::FxHashMap;

use super::selector::matches_labels;
use super::snapshot::{Names, NodeFacts, Snapshot};
use crate::model::{PodAffinityTerm, PodShape};
use crate::unit::Symbol;

/// Which of the three rules a node fails. The order is the order of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityRule {
    /// The pod's own required affinity.
    Affinity,
    /// The pod's own required anti-affinity.
    AntiAffinity,
    /// Required anti-affinity of a pod that is there.
    ExistingAntiAffinity,
}

/// Whether a term of a pod in `owner_namespace` selects `pod`.
pub fn term_matches(
    term: &PodAffinityTerm,
    owner_namespace: Symbol,
    pod: &PodShape,
    names: &Names<'_>,
) -> bool {
    let namespace = if term.namespaces.is_empty() && term.namespace_selector.is_none() {
        pod.namespace == owner_namespace
    } else {
        term.namespaces.contains(&pod.namespace)
            || term.namespace_selector.as_ref().is_some_and(|selector| {
                selector.requirements.is_empty()
                    || names.namespace_labels(pod.namespace).map_or_else(
                        || matches_labels(selector, &Default::default(), names.symbols),
                        |labels| matches_labels(selector, labels, names.symbols),
                    )
            })
    };
    namespace
        && term
            .selector
            .as_ref()
            .is_some_and(|selector| matches_labels(selector, &pod.labels, names.symbols))
}

/// Matching pods by (topology key, value).
type Pairs = FxHashMap<(Symbol, Symbol), i64>;

/// State of the three rules for a shape over a cluster.
#[derive(Clone, Debug, Default)]
pub struct RequiredPodAffinity {
    affinity: Pairs,
    anti_affinity: Pairs,
    existing_anti_affinity: Pairs,
    matches_itself: bool,
}

fn add(pairs: &mut Pairs, node: &NodeFacts<'_>, key: Symbol, delta: i64) {
    let Some(value) = node.labels.get(key) else { return };
    let pods = pairs.entry((key, value)).or_insert(0);
    *pods += delta;
    if *pods == 0 {
        pairs.remove(&(key, value));
    }
}

impl RequiredPodAffinity {
    /// Whether the rules say anything about a shape, in a cluster where pods with required
    /// anti-affinity are placed or not.
    pub fn applies(shape: &PodShape, anti_affinity_placed: bool) -> bool {
        anti_affinity_placed
            || !shape.pod_affinity.required.is_empty()
            || !shape.pod_affinity.anti_required.is_empty()
    }

    /// Counts a cluster; `None` if no rule says anything about the shape.
    pub fn of(shape: &PodShape, snapshot: &impl Snapshot, names: &Names<'_>) -> Option<Self> {
        let own = &shape.pod_affinity;
        let mut state = Self {
            matches_itself: own
                .required
                .iter()
                .all(|term| term_matches(term, shape.namespace, shape, names)),
            ..Self::default()
        };
        let mut anti_affinity_placed = false;
        for index in 0..snapshot.node_count() {
            let node = snapshot.node(index);
            for pod in snapshot.pods(index) {
                anti_affinity_placed |= !pod.shape.pod_affinity.anti_required.is_empty();
                state.pod_changed(shape, pod.shape, &node, 1, names);
            }
        }
        Self::applies(shape, anti_affinity_placed).then_some(state)
    }

    /// Whether placed pods of another shape count for a rule of the shape.
    pub fn counts(shape: &PodShape, other: &PodShape, names: &Names<'_>) -> bool {
        let own = &shape.pod_affinity;
        let selects = |term: &PodAffinityTerm| term_matches(term, shape.namespace, other, names);
        let opposed = |term: &PodAffinityTerm| term_matches(term, other.namespace, shape, names);
        own.required.iter().chain(&own.anti_required).any(selects)
            || other.pod_affinity.anti_required.iter().any(opposed)
    }

    /// A pod came to (`delta` 1) or left (-1) a node. Terminating pods count until they are gone.
    pub fn pod_changed(
        &mut self,
        shape: &PodShape,
        pod: &PodShape,
        node: &NodeFacts<'_>,
        delta: i64,
        names: &Names<'_>,
    ) {
        for term in &pod.pod_affinity.anti_required {
            if term_matches(term, pod.namespace, shape, names) {
                add(&mut self.existing_anti_affinity, node, term.topology_key, delta);
            }
        }
        let own = &shape.pod_affinity;
        let selects = |term: &PodAffinityTerm| term_matches(term, shape.namespace, pod, names);
        if !own.required.is_empty() && own.required.iter().all(selects) {
            for term in &own.required {
                add(&mut self.affinity, node, term.topology_key, delta);
            }
        }
        for term in own.anti_required.iter().filter(|term| selects(term)) {
            add(&mut self.anti_affinity, node, term.topology_key, delta);
        }
    }

    /// The first rule that keeps a pod of the shape off this node.
    pub fn failure(&self, shape: &PodShape, node: &NodeFacts<'_>) -> Option<AffinityRule> {
        if !self.affinity_holds(shape, node) {
            return Some(AffinityRule::Affinity);
        }
        let there = |pairs: &Pairs, key, value| pairs.get(&(key, value)).is_some_and(|&n| n > 0);
        let opposed = shape.pod_affinity.anti_required.iter().any(|term| {
            let value = node.labels.get(term.topology_key);
            value.is_some_and(|value| there(&self.anti_affinity, term.topology_key, value))
        });
        if opposed {
            return Some(AffinityRule::AntiAffinity);
        }
        let opposes = !self.existing_anti_affinity.is_empty()
            && node
                .labels
                .iter()
                .any(|(key, value)| there(&self.existing_anti_affinity, key, value));
        opposes.then_some(AffinityRule::ExistingAntiAffinity)
    }

    fn affinity_holds(&self, shape: &PodShape, node: &NodeFacts<'_>) -> bool {
        let mut all_there = true;
        for term in &shape.pod_affinity.required {
            let Some(value) = node.labels.get(term.topology_key) else { return false };
            all_there &= self.affinity.get(&(term.topology_key, value)).is_some_and(|&n| n > 0);
        }
        // The first pod of a group that wants to be together may go anywhere.
        all_there || (self.affinity.is_empty() && self.matches_itself)
    }
}
