//! What can be configured of the kube-scheduler.

use super::score::{FitScoring, ResourceKind};
use crate::model::{NodeAffinity, SpreadConstraint};
use crate::rules::PluginSet;
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
    /// API client of the scheduler: calls a second (thousandths) and burst; 0 is unlimited.
    pub bind_rate_milli: u64,
    /// Burst of the client.
    pub bind_burst: u64,
}

impl SchedulerSpec {
    /// A scheduler without configuration (`apis/config/v1/defaults.go`) whose cycles take no time.
    pub fn upstream(version: KubernetesVersion) -> Self {
        Self {
            version,
            profiles: vec![ProfileSpec::default()],
            tie_break: None,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            cycle: Duration::ZERO,
            bind_rate_milli: 50_000,
            bind_burst: 100,
        }
    }

    /// Whether every profile asks all that a kubelet asks again.
    pub fn leaves_nothing_out(&self) -> bool {
        let whole =
            |profile: &ProfileSpec| profile.filters_off.is_empty() && profile.ignored_extended == 0;
        self.profiles.iter().all(whole)
    }

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
    /// `scoringStrategy` of NodeResourcesFit.
    pub fit: FitScoring,
    /// `ignoredResources` and `ignoredResourceGroups` of NodeResourcesFit: bit i is extended
    /// resource i.
    pub ignored_extended: u8,
    /// `resources` of NodeResourcesBalancedAllocation.
    pub balanced: Vec<ResourceKind>,
    /// Weights of the plugins that score.
    pub weights: Weights,
    /// Plugins that do not filter.
    pub filters_off: PluginSet,
    /// DefaultPreemption is on.
    pub preempts: bool,
    /// SchedulingGates is on.
    pub gates: bool,
    /// `defaultConstraints` of PodTopologySpread, less their selector; `None`: the system's.
    pub default_spread: Option<Vec<SpreadConstraint>>,
    /// `addedAffinity` of NodeAffinity.
    pub added_affinity: NodeAffinity,
    /// `hardPodAffinityWeight` of InterPodAffinity.
    pub hard_affinity_weight: i64,
    /// `ignorePreferredTermsOfExistingPods` of InterPodAffinity.
    pub ignores_preferences_of_others: bool,
}

impl Default for ProfileSpec {
    fn default() -> Self {
        Self {
            name: Symbol::EMPTY,
            percentage_of_nodes: 0,
            fit: FitScoring::default(),
            ignored_extended: 0,
            balanced: vec![ResourceKind::Cpu, ResourceKind::Memory],
            weights: Weights::default(),
            filters_off: PluginSet::NONE,
            preempts: true,
            gates: true,
            default_spread: None,
            added_affinity: NodeAffinity::default(),
            hard_affinity_weight: HARD_AFFINITY_WEIGHT,
            ignores_preferences_of_others: false,
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

/// How equal totals are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TieBreak {
    /// Uniformly among the best (up to 1.34).
    Random,
    /// The first feasible of the best in heap order (1.35, 1.36).
    First,
}
