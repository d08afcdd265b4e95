//! InterPodAffinity's score: weights by topology pair, kept up to date.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/interpodaffinity/scoring.go`, v1.36.2.

use rustc_hash::FxHashMap;

use super::MAX_SCORE;
use crate::model::{Labels, PodAffinityTerm, PodShape};
use crate::rules::{Names, NodeFacts, Snapshot, term_matches};
use crate::unit::Symbol;

/// Scores of one shape by (topology key, value).
#[derive(Clone, Debug, Default)]
pub struct PodAffinityScores {
    pairs: FxHashMap<(Symbol, Symbol), i64>,
    hard_weight: i64,
}

impl PodAffinityScores {
    /// Whether placed pods could give the shape a score: it has preferences, or they have terms.
    pub fn applies(shape: &PodShape, affinity_placed: bool) -> bool {
        affinity_placed
            || !shape.pod_affinity.preferred.is_empty()
            || !shape.pod_affinity.anti_preferred.is_empty()
    }

    /// Counts a cluster.
    pub fn of(
        shape: &PodShape,
        snapshot: &impl Snapshot,
        names: &Names<'_>,
        hard_weight: i64,
    ) -> Self {
        let mut scores = Self { pairs: FxHashMap::default(), hard_weight };
        for index in 0..snapshot.node_count() {
            let node = snapshot.node(index);
            for pod in snapshot.pods(index) {
                scores.pod_changed(shape, pod.shape, &node, 1, names);
            }
        }
        scores
    }

    /// Whether placed pods of another shape could give the shape a score.
    pub fn counts(shape: &PodShape, other: &PodShape, names: &Names<'_>) -> bool {
        let likes = |owner: &PodShape, target: &PodShape| {
            let terms =
                owner.pod_affinity.preferred.iter().chain(&owner.pod_affinity.anti_preferred);
            terms.into_iter().any(|(_, term)| term_matches(term, owner.namespace, target, names))
        };
        let mut required = other.pod_affinity.required.iter();
        likes(shape, other)
            || likes(other, shape)
            || required.any(|term| term_matches(term, other.namespace, shape, names))
    }

    /// A pod came to (`sign` 1) or left (-1) a node.
    pub fn pod_changed(
        &mut self,
        shape: &PodShape,
        pod: &PodShape,
        node: &NodeFacts<'_>,
        sign: i64,
        names: &Names<'_>,
    ) {
        let pairs = &mut self.pairs;
        let mut add = |term: &PodAffinityTerm, owner: &PodShape, target: &PodShape, weight: i64| {
            let Some(value) = node.labels.get(term.topology_key) else { return };
            if weight != 0 && term_matches(term, owner.namespace, target, names) {
                *pairs.entry((term.topology_key, value)).or_insert(0) += sign * weight;
            }
        };
        for (owner, target) in [(shape, pod), (pod, shape)] {
            for (weight, term) in &owner.pod_affinity.preferred {
                add(term, owner, target, i64::from(*weight));
            }
            for (weight, term) in &owner.pod_affinity.anti_preferred {
                add(term, owner, target, -i64::from(*weight));
            }
        }
        for term in &pod.pod_affinity.required {
            add(term, pod, shape, self.hard_weight);
        }
    }

    /// Whether every node scores the same.
    pub fn is_flat(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Raw score of a node.
    pub fn of_node(&self, labels: &Labels) -> i64 {
        labels.iter().filter_map(|pair| self.pairs.get(&pair)).sum()
    }
}

/// A raw score between the lowest and the highest of all; in floating point as upstream.
pub fn normalise_pod_affinity(raw: i64, lowest: i64, highest: i64) -> i64 {
    if highest <= lowest {
        return 0;
    }
    (MAX_SCORE as f64 * ((raw - lowest) as f64 / (highest - lowest) as f64)) as i64
}
