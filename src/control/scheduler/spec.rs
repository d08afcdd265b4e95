//! What can be configured of the kube-scheduler.

use crate::model::{NodeAffinity, SpreadConstraint};
use crate::unit::{Duration, Symbol};
use crate::vocabulary::KubernetesVersion;

/// The profiles and what surrounds them.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerSpec {
    /// Selects behaviour (specification §0).
    pub version: KubernetesVersion,
    /// Profiles by `schedulerName`; all share one queue and one cache.
    pub profiles: Vec<ProfileSpec>,
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

impl SchedulerSpec {
    /// Whether a profile has the name (empty: `default-scheduler`).
    pub fn schedules(&self, name: Symbol) -> bool {
        self.profiles.iter().any(|profile| profile.name == name)
    }
}

/// How the pods that name a profile are placed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileSpec {
    /// `schedulerName`; empty is `default-scheduler`.
    pub name: Symbol,
    /// `percentageOfNodesToScore`; 0 is adaptive.
    pub percentage_of_nodes: u32,
    /// `NodeResourcesFit` scoring strategy with resource weights (cpu, memory).
    pub fit: FitStrategy,
    /// Weights of the plugins that score.
    pub weights: Weights,
    /// PodTopologySpread filters.
    pub filters_spread: bool,
    /// InterPodAffinity filters.
    pub filters_pod_affinity: bool,
    /// `defaultConstraints` of PodTopologySpread, less their selector; `None`: the system's.
    pub default_spread: Option<Vec<SpreadConstraint>>,
    /// `addedAffinity` of NodeAffinity.
    pub added_affinity: NodeAffinity,
    /// `hardPodAffinityWeight` of InterPodAffinity.
    pub hard_affinity_weight: i64,
}

impl Default for ProfileSpec {
    fn default() -> Self {
        Self {
            name: Symbol::EMPTY,
            percentage_of_nodes: 0,
            fit: FitStrategy::LeastAllocated { cpu: 1, memory: 1 },
            weights: Weights::default(),
            filters_spread: true,
            filters_pod_affinity: true,
            default_spread: None,
            added_affinity: NodeAffinity::default(),
            hard_affinity_weight: HARD_AFFINITY_WEIGHT,
        }
    }
}

/// Weight of existing pods' required affinity towards a pod (`hardPodAffinityWeight`,
/// `apis/config/v1/defaults.go`).
pub const HARD_AFFINITY_WEIGHT: i64 = 1;

/// Weights of the plugins that score; 0: the plugin does not score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// TaintToleration
    pub taint: i64,
    /// NodeAffinity
    pub node_affinity: i64,
    /// PodTopologySpread
    pub spread: i64,
    /// InterPodAffinity
    pub pod_affinity: i64,
    /// NodeResourcesFit
    pub fit: i64,
    /// NodeResourcesBalancedAllocation
    pub balanced: i64,
    /// ImageLocality
    pub image: i64,
}

impl Default for Weights {
    /// Of the default profile (`apis/config/v1/default_plugins.go`, v1.36.2).
    fn default() -> Self {
        Self {
            taint: 3,
            node_affinity: 2,
            spread: 2,
            pod_affinity: 2,
            fit: 1,
            balanced: 1,
            image: 1,
        }
    }
}

impl Weights {
    /// No plugin scores.
    pub const NONE: Self = Self {
        taint: 0,
        node_affinity: 0,
        spread: 0,
        pod_affinity: 0,
        fit: 0,
        balanced: 0,
        image: 0,
    };

    /// The weight of a plugin; `None` for one that does not score.
    pub fn of(&mut self, plugin: &str) -> Option<&mut i64> {
        Some(match plugin {
            "TaintToleration" => &mut self.taint,
            "NodeAffinity" => &mut self.node_affinity,
            "PodTopologySpread" => &mut self.spread,
            "InterPodAffinity" => &mut self.pod_affinity,
            "NodeResourcesFit" => &mut self.fit,
            "NodeResourcesBalancedAllocation" => &mut self.balanced,
            "ImageLocality" => &mut self.image,
            _ => return None,
        })
    }
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
