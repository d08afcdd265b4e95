//! `cluster.schedulerConfiguration`: the KubeSchedulerConfiguration that AKS takes as
//! `SchedulerConfiguration` `upstream` (preview).

use super::reader::{At, Raw, section};
use super::value::{Count, Text};

section! {
    /// A KubeSchedulerConfiguration.
    pub struct SchedulerConfiguration {
        /// `kubescheduler.config.k8s.io/v1`.
        "apiVersion" api_version: Text;
        /// `KubeSchedulerConfiguration`.
        "kind" kind: Text;
        /// Share of nodes after which the search stops, percent; 0 is adaptive.
        "percentageOfNodesToScore" percentage: Count;
        /// First back-off of a pod that found no node.
        "podInitialBackoffSeconds" initial_backoff: Count;
        /// Longest back-off.
        "podMaxBackoffSeconds" max_backoff: Count;
        /// Profiles; pods name theirs in `schedulerName`.
        "profiles" profiles: Vec<At<SchedulerProfile>>;
    }
}

section! {
    /// A profile.
    pub struct SchedulerProfile {
        /// Which pods use it.
        "schedulerName" name: Text;
        /// Arguments of plugins.
        "pluginConfig" plugins: Vec<At<PluginConfig>>;
        /// Plugins turned on and off.
        "plugins" sets: Raw;
        /// As above, for this profile.
        "percentageOfNodesToScore" percentage: Count;
    }
}

section! {
    /// Arguments of a plugin.
    pub struct PluginConfig {
        /// `NodeResourcesFit`, `NodeResourcesBalancedAllocation`, `NodeAffinity`,
        /// `PodTopologySpread` or `InterPodAffinity`.
        "name" name: Text, required;
        /// `scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}`.
        "args" args: Raw;
    }
}
