//! What can be configured of the kube-scheduler.

use crate::unit::Duration;
use crate::vocabulary::KubernetesVersion;

/// The default scheduler profile and what surrounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerSpec {
    /// Selects behaviour (specification §0).
    pub version: KubernetesVersion,
    /// `percentageOfNodesToScore`; 0 is adaptive.
    pub percentage_of_nodes: u32,
    /// `NodeResourcesFit` scoring strategy with resource weights (cpu, memory).
    pub fit: FitStrategy,
    /// How equal totals are decided; `None`: as the version does.
    pub tie_break: Option<TieBreak>,
    /// `podInitialBackoffSeconds`
    pub initial_backoff: Duration,
    /// `podMaxBackoffSeconds`
    pub max_backoff: Duration,
    /// Serial part of one scheduling cycle.
    pub cycle: Duration,
    /// API client of the scheduler: binds a second (thousandths) and burst; 0 is unlimited.
    pub bind_rate_milli: u64,
    /// Burst of the client.
    pub bind_burst: u64,
}

/// `scoringStrategy` of NodeResourcesFit, weights of cpu and memory.
#[derive(Clone, Debug, PartialEq)]
pub enum FitStrategy {
    /// Spread: prefer nodes with the most room.
    LeastAllocated { cpu: i64, memory: i64 },
    /// Bin-pack: prefer full nodes.
    MostAllocated { cpu: i64, memory: i64 },
    /// A piecewise-linear function of the requested share: (utilisation %, score 0-10).
    RequestedToCapacityRatio { cpu: i64, memory: i64, shape: Vec<(i64, i64)> },
}

/// How equal totals are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TieBreak {
    /// Uniformly among the best (up to 1.34).
    Random,
    /// The first feasible of the best in heap order (1.35, 1.36).
    First,
}
