//! Profiles: the settings that verdicts and scores of a pod depend on, by its `schedulerName`.
//!
//! Source: kubernetes `pkg/scheduler/profile/profile.go` and `apis/config/types.go`, v1.36.2.

use super::order::nodes_to_find;
use super::score::{BalancedAllocation, FitScoring, PodAffinityScores};
use super::spec::{ProfileSpec, SchedulerSpec, Weights};
use crate::model::PodShape;
use crate::rules::{ClusterWide, FilterOptions, NodeFacts, Plugin, WellKnown, names_pinned};
use crate::unit::Symbol;

/// Settings of a profile.
#[derive(Clone, Debug)]
pub struct Profile {
    name: Symbol,
    percentage_of_nodes: u32,
    /// Filters.
    pub options: FilterOptions,
    /// NodeResourcesFit.
    fit: FitScoring,
    /// NodeResourcesBalancedAllocation.
    balanced: BalancedAllocation,
    /// Weights of the plugins that score.
    pub weights: Weights,
    /// `hardPodAffinityWeight`
    pub hard_affinity_weight: i64,
    /// DefaultPreemption is on.
    pub preempts: bool,
    /// SchedulingGates is on.
    pub gates: bool,
    ignores_preferences_of_others: bool,
}

impl Profile {
    /// A profile as 1.`minor` carries it out.
    pub fn new(spec: &ProfileSpec, minor: u16, well_known: WellKnown) -> Self {
        let mut options = FilterOptions::of_version(minor, well_known);
        options.added_affinity = spec.added_affinity.clone();
        options.ignored_extended = spec.ignored_extended;
        options.off = spec.filters_off;
        Self {
            name: spec.name,
            percentage_of_nodes: spec.percentage_of_nodes,
            options,
            fit: spec.fit.clone(),
            // From 1.36 the score says how placement changes the balance.
            balanced: BalancedAllocation::new(spec.balanced.clone(), minor >= 36),
            weights: spec.weights,
            hard_affinity_weight: spec.hard_affinity_weight,
            preempts: spec.preempts,
            gates: spec.gates,
            ignores_preferences_of_others: spec.ignores_preferences_of_others,
        }
    }

    /// Fit and balance of a node: the part of the total that changes with every pod.
    pub fn local_score(&self, shape: &PodShape, node: &NodeFacts<'_>) -> i64 {
        let score = |weight: i64, of: &dyn Fn() -> i64| if weight == 0 { 0 } else { weight * of() };
        score(self.weights.fit, &|| self.fit.score(shape, node.used, node.allocatable))
            + score(self.weights.balanced, &|| {
                self.balanced.score(shape, node.used, node.allocatable)
            })
    }

    /// How many feasible nodes end the search: where nothing scores, the first one
    /// (`findNodesThatPassFilters`).
    pub fn nodes_to_find(&self, nodes: usize) -> usize {
        if self.weights == Weights::NONE {
            return 1;
        }
        nodes_to_find(nodes, self.percentage_of_nodes)
    }

    /// Whether InterPodAffinity scores nodes for the shape (`PreScore`); `placed`: any placed pod
    /// has terms.
    pub fn scores_pod_affinity(&self, shape: &PodShape, placed: bool) -> bool {
        let others = placed && !self.ignores_preferences_of_others;
        self.weights.pod_affinity > 0 && PodAffinityScores::applies(shape, others)
    }

    /// The nodes that the shape names, if NodeAffinity narrows the search to them (`PreFilter`).
    pub fn narrows(&self, shape: &PodShape) -> Option<Vec<Symbol>> {
        let narrows = self.options.filters(Plugin::NodeAffinity);
        names_pinned(&shape.node_affinity).filter(|_| narrows)
    }

    /// Counts over the cluster, less those of plugins that do not filter here.
    pub fn filtering(&self, mut wide: ClusterWide) -> ClusterWide {
        if !self.options.filters(Plugin::PodTopologySpread) {
            wide.forget_spread();
        }
        if !self.options.filters(Plugin::InterPodAffinity) {
            wide.forget_affinity();
        }
        wide
    }
}

/// All profiles; at least one.
#[derive(Clone, Debug)]
pub struct Profiles(Vec<Profile>);

impl Profiles {
    /// Those of the configuration.
    pub fn new(spec: &SchedulerSpec, well_known: WellKnown) -> Self {
        let minor = spec.version.minor;
        Self(spec.profiles.iter().map(|one| Profile::new(one, minor, well_known)).collect())
    }

    /// The profile of a shape, which one has ([`SchedulerSpec::schedules`]).
    pub fn of(&self, shape: &PodShape) -> &Profile {
        let own = || self.0.iter().find(|profile| profile.name == shape.scheduler);
        if let [only] = &self.0[..] { only } else { own().unwrap_or(&self.0[0]) }
    }
}
