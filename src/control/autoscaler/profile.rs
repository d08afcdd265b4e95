//! Defaults of the autoscaler's settings: upstream's, and what AKS makes of them.
//!
//! Sources: kubernetes-sigs/cluster-autoscaler @ 33c3f97 `pkg/config/flags/flags.go` and
//! `pkg/config/const.go`; MicrosoftDocs/azure-aks-docs `cluster-autoscaler.md` (2026-09), profile
//! table. Specification §8.

use super::template::TEMPLATE_TTL;
use super::{AutoscalerSpec, Expander};
use crate::unit::Duration;
use crate::vocabulary::KubernetesVersion;

/// Upstream's largest `cores-total`.
const MAX_CORES_TOTAL: i64 = 5_000 * 64;
/// Upstream's largest `memory-total` in GiB.
const MAX_MEMORY_TOTAL_GIB: i64 = 5_000 * 64 * 20;
const GIB: i64 = 1 << 30;

impl AutoscalerSpec {
    /// Upstream's defaults at `version`.
    pub fn upstream(version: KubernetesVersion) -> Self {
        Self {
            version,
            scan_interval: Duration::from_secs(10),
            frequent_loops: version.at_least(35),
            expanders: vec![default_expander(version)],
            max_node_provision_time: Duration::from_mins(15),
            max_node_startup_time: Duration::from_mins(15),
            max_unready_percent: 45.0,
            ok_unready: 3,
            cores_total: (0, MAX_CORES_TOTAL),
            memory_total: (0, MAX_MEMORY_TOTAL_GIB * GIB),
            max_nodes_per_scale_up: 1_000,
            initial_backoff: Duration::from_mins(5),
            max_backoff: Duration::from_mins(30),
            backoff_reset: Duration::from_mins(180),
            scale_down_enabled: true,
            scale_down_unready_enabled: true,
            delay_after_add: Duration::from_mins(10),
            delay_after_failure: Duration::from_mins(3),
            unneeded_time: Duration::from_mins(10),
            unready_time: Duration::from_mins(20),
            utilization_threshold: 0.5,
            gpu_utilization_threshold: 0.5,
            daemonset_eviction_occupied: true,
            max_graceful_termination: Duration::from_mins(10),
            skip_local_storage: true,
            skip_system_pods: true,
            skip_custom_controllers: true,
            system_pod_timeout: system_pod_timeout(version),
            max_scale_down_parallelism: 10,
            max_drain_parallelism: 1,
            unremovable_recheck: Duration::from_mins(5),
            delete_delay_after_taint: Duration::from_secs(5),
            deletion_delay_timeout: Duration::from_mins(2),
            max_pod_eviction_time: Duration::from_mins(2),
            cordon: version.at_least(34),
            max_soft_taints: 10,
            expendable_cutoff: -10,
            scale_up_from_zero: true,
            template_ttl: TEMPLATE_TTL,
            capacity_memory_ratio: 0.015,
            allocatable_ratio: 0.05,
            free_ratio: 0.05,
            // Everything else is off, empty or zero.
            ..Self::default()
        }
    }

    /// What an AKS cluster of `version` runs. Failed instances are deleted at once from 1.33 on
    /// (AKS release notes 2025-09-21 and 2025-10-12); a scenario may say otherwise.
    pub fn aks(version: KubernetesVersion) -> Self {
        let upstream = Self::upstream(version);
        Self {
            expanders: vec![Expander::Random],
            delay_after_delete: upstream.scan_interval,
            skip_local_storage: false,
            enforce_min_size: true,
            fast_failure_detection: version.at_least(33),
            ..upstream
        }
    }
}

impl AutoscalerSpec {
    /// The keys of AKS's profile with their values, as they are written.
    pub fn aks_profile(&self) -> Vec<(&'static str, String)> {
        let expanders: Vec<&str> = self.expanders.iter().map(|one| one.name()).collect();
        vec![
            ("scan-interval", self.scan_interval.to_string()),
            ("expander", expanders.join(",")),
            ("new-pod-scale-up-delay", self.new_pod_delay.to_string()),
            ("max-node-provision-time", self.max_node_provision_time.to_string()),
            ("balance-similar-node-groups", self.balance_similar.to_string()),
            ("ok-total-unready-count", self.ok_unready.to_string()),
            ("max-total-unready-percentage", self.max_unready_percent.to_string()),
            ("scale-down-delay-after-add", self.delay_after_add.to_string()),
            ("scale-down-delay-after-delete", self.delay_after_delete.to_string()),
            ("scale-down-delay-after-failure", self.delay_after_failure.to_string()),
            ("scale-down-unneeded-time", self.unneeded_time.to_string()),
            ("scale-down-unready-time", self.unready_time.to_string()),
            ("scale-down-utilization-threshold", self.utilization_threshold.to_string()),
            ("max-graceful-termination-sec", self.max_graceful_termination.to_string()),
            ("max-empty-bulk-delete", self.max_scale_down_parallelism.to_string()),
            ("skip-nodes-with-local-storage", self.skip_local_storage.to_string()),
            ("skip-nodes-with-system-pods", self.skip_system_pods.to_string()),
            ("daemonset-eviction-for-empty-nodes", self.daemonset_eviction_empty.to_string()),
            ("daemonset-eviction-for-occupied-nodes", self.daemonset_eviction_occupied.to_string()),
            ("ignore-daemonsets-utilization", self.ignore_daemonsets_utilization.to_string()),
        ]
    }
}

/// Random before 1.33.
const fn default_expander(version: KubernetesVersion) -> Expander {
    if version.at_least(33) { Expander::LeastWaste } else { Expander::Random }
}

/// Pods of kube-system block for ever before 1.33.
const fn system_pod_timeout(version: KubernetesVersion) -> Duration {
    if version.at_least(33) { Duration::from_mins(60) } else { Duration::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_select_behaviour() {
        for (minor, expander, frequent, cordon) in [
            (32, Expander::Random, false, false),
            (33, Expander::LeastWaste, false, false),
            (34, Expander::LeastWaste, false, true),
            (35, Expander::LeastWaste, true, true),
        ] {
            let spec = AutoscalerSpec::upstream(KubernetesVersion::minor(minor));
            assert_eq!(spec.expanders, [expander], "1.{minor}");
            assert_eq!((spec.frequent_loops, spec.cordon), (frequent, cordon), "1.{minor}");
        }
    }

    #[test]
    fn the_profile_of_aks_is_shown_whole() {
        let shown = AutoscalerSpec::aks(KubernetesVersion::DEFAULT).aks_profile();
        let mut names: Vec<&str> = shown.iter().map(|(name, _)| *name).collect();
        let keys = AutoscalerSpec::keys().iter().filter(|key| key.aks).map(|key| key.name);
        let mut keys: Vec<&str> = keys.collect();
        names.sort_unstable();
        keys.sort_unstable();
        assert_eq!(names, keys);
    }

    #[test]
    fn aks_differs_where_its_documentation_says_so() {
        let aks = AutoscalerSpec::aks(KubernetesVersion::DEFAULT);
        assert_eq!(aks.expanders, [Expander::Random]);
        assert!(!aks.skip_local_storage);
        assert!(aks.enforce_min_size);
        assert_eq!(aks.delay_after_delete, Duration::from_secs(10));
    }
}
