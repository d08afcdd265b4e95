//! How many nodes an estimate may add (`pkg/estimator/threshold_based_limiter.go`).
//! A limit is positive; 0 is none; negative allows nothing.

use crate::unit::Duration;

/// The smaller of two limits.
pub const fn min_limit(base: i64, other: i64) -> i64 {
    if base < 0 || other < 0 {
        -1
    } else if base == 0 || (other > 0 && other < base) {
        other
    } else {
        base
    }
}

/// What a group and its similar ones can still grow by, from (max, target).
pub fn group_limit(groups: impl IntoIterator<Item = (i64, i64)>) -> i64 {
    let room: i64 = groups.into_iter().map(|(max, target)| (max - target).max(0)).sum();
    if room > 0 { room } else { -1 }
}

/// What `max-nodes-total` leaves.
pub const fn cluster_limit(max_nodes_total: i64, nodes: i64) -> i64 {
    if max_nodes_total == 0 {
        0
    } else if max_nodes_total < 0 || max_nodes_total <= nodes {
        -1
    } else {
        max_nodes_total - nodes
    }
}

/// A threshold: nodes, and time in microseconds, both as limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Nodes.
    pub nodes: i64,
    /// Time.
    pub micros: i64,
}

/// Counts the nodes of one estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limiter {
    limit: Limit,
    nodes: i64,
}

impl Limiter {
    /// The smallest of all thresholds.
    pub fn new(thresholds: impl IntoIterator<Item = Limit>) -> Self {
        let limit = thresholds.into_iter().fold(Limit::default(), |limit, next| Limit {
            nodes: min_limit(limit.nodes, next.nodes),
            micros: min_limit(limit.micros, next.micros),
        });
        Self { limit, nodes: 0 }
    }

    /// Whether one more node may be added after an estimate has taken so long; counts it.
    pub fn permits(&mut self, elapsed: Duration) -> bool {
        let Limit { nodes, micros } = self.limit;
        let late = micros > 0 && elapsed.micros() as i64 > micros;
        if nodes < 0 || micros < 0 || (nodes > 0 && self.nodes >= nodes) || late {
            return false;
        }
        self.nodes += 1;
        true
    }

    /// Nodes added.
    pub const fn nodes(&self) -> i64 {
        self.nodes
    }
}
