//! The settings of the autoscaler by the names of its flags.

use serde_json::{Map, Value, json};

use super::{length, read_length};
use crate::control::autoscaler::spec::{AutoscalerSpec, Expander};
use crate::unit::Duration;
use crate::vocabulary::KubernetesVersion;

/// A kind of setting, both ways.
trait Setting: Sized {
    fn write(&self) -> Value;
    fn read(value: &Value) -> Option<Self>;
}

/// Settings that JSON knows.
macro_rules! plain {
    ($($kind:ty),+) => {$(
        impl Setting for $kind {
            fn write(&self) -> Value {
                json!(self)
            }
            fn read(value: &Value) -> Option<Self> {
                serde_json::from_value(value.clone()).ok()
            }
        }
    )+};
}

plain!(bool, u32, i32, i64, f64, Vec<String>, Vec<(i64, Vec<String>)>);

impl Setting for Duration {
    fn write(&self) -> Value {
        length(*self)
    }
    fn read(value: &Value) -> Option<Self> {
        read_length(value)
    }
}

impl Setting for Vec<(i32, Duration)> {
    fn write(&self) -> Value {
        self.iter()
            .map(|(from, grace)| json!({"priority": from, "grace_s": length(*grace)}))
            .collect()
    }
    fn read(value: &Value) -> Option<Self> {
        let one = |own: &Value| Some((i32::read(&own["priority"])?, read_length(&own["grace_s"])?));
        value.as_array()?.iter().map(one).collect()
    }
}

impl Setting for Vec<Expander> {
    fn write(&self) -> Value {
        self.iter().map(|expander| expander.name()).collect()
    }
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(|name| Expander::named(name.as_str()?)).collect()
    }
}

/// Both directions from one table; a setting that is missing in it does not compile.
macro_rules! options {
    ($($field:ident: $key:literal),+ $(,)?) => {
        /// Writes all settings.
        pub fn write_options(spec: &AutoscalerSpec) -> Value {
            let AutoscalerSpec { version, cores_total, memory_total, $($field),+ } = spec;
            let mut map = Map::new();
            map.insert("kubernetes_version".to_owned(), json!(version.to_string()));
            let limits = [
                ("cores_total_min", cores_total.0),
                ("cores_total_max", cores_total.1),
                ("memory_total_min_bytes", memory_total.0),
                ("memory_total_max_bytes", memory_total.1),
            ];
            map.extend(limits.map(|(key, limit)| (key.to_owned(), limit.write())));
            $(map.insert($key.to_owned(), Setting::write($field));)+
            Value::Object(map)
        }

        /// Reads settings; what is absent is upstream's default of the version.
        pub fn read_options(value: &Value) -> Option<AutoscalerSpec> {
            let version = match value["kubernetes_version"].as_str() {
                Some(text) => KubernetesVersion::minor(text.strip_prefix("1.")?.parse().ok()?),
                None => KubernetesVersion::NEWEST,
            };
            let mut spec = AutoscalerSpec::upstream(version);
            $(if let Some(own) = value.get($key) {
                spec.$field = Setting::read(own)?;
            })+
            for (key, limit) in [
                ("cores_total_min", &mut spec.cores_total.0),
                ("cores_total_max", &mut spec.cores_total.1),
                ("memory_total_min_bytes", &mut spec.memory_total.0),
                ("memory_total_max_bytes", &mut spec.memory_total.1),
            ] {
                if let Some(own) = value.get(key) {
                    *limit = Setting::read(own)?;
                }
            }
            Some(spec)
        }
    };
}

options! {
    scan_interval: "scan_interval_s",
    frequent_loops: "frequent_loops_enabled",
    expanders: "expander",
    priorities: "priority_expander_priorities",
    balance_similar: "balance_similar",
    balancing_ignore_labels: "balancing_ignore_label",
    balancing_labels: "balancing_label",
    new_pod_delay: "new_pod_scale_up_delay_s",
    max_node_provision_time: "max_node_provision_s",
    max_node_startup_time: "max_node_startup_s",
    max_unready_percent: "max_total_unready_percentage",
    ok_unready: "ok_total_unready_count",
    max_nodes_total: "max_nodes_total",
    max_nodes_per_scale_up: "max_nodes_per_scaleup",
    initial_backoff: "initial_node_group_backoff_duration_s",
    max_backoff: "max_node_group_backoff_duration_s",
    backoff_reset: "node_group_backoff_reset_timeout_s",
    scale_down_enabled: "scale_down_enabled",
    scale_down_unready_enabled: "scale_down_unready_enabled",
    delay_after_add: "scale_down_delay_after_add_s",
    delay_after_delete: "scale_down_delay_after_delete_s",
    delay_after_failure: "scale_down_delay_after_failure_s",
    delay_type_local: "scale_down_delay_type_local",
    unneeded_time: "scale_down_unneeded_time_s",
    unready_time: "scale_down_unready_time_s",
    utilization_threshold: "scale_down_utilization_threshold",
    gpu_utilization_threshold: "scale_down_gpu_utilization_threshold",
    ignore_daemonsets_utilization: "ignore_daemonsets_utilization",
    ignore_mirror_pods_utilization: "ignore_mirror_pods_utilization",
    daemonset_eviction_empty: "daemonset_eviction_for_empty_nodes",
    daemonset_eviction_occupied: "daemonset_eviction_for_occupied_nodes",
    max_graceful_termination: "max_graceful_termination_s",
    drain_priorities: "drain_priority_config",
    skip_local_storage: "skip_nodes_with_local_storage",
    skip_system_pods: "skip_nodes_with_system_pods",
    skip_custom_controllers: "skip_nodes_with_custom_controller_pods",
    system_pod_timeout: "blocking_system_pod_distruption_timeout_s",
    min_replica_count: "min_replica_count",
    max_scale_down_parallelism: "max_scale_down_parallelism",
    max_drain_parallelism: "max_drain_parallelism",
    unremovable_recheck: "unremovable_node_recheck_timeout_s",
    delete_delay_after_taint: "node_delete_delay_after_taint_s",
    deletion_delay_timeout: "node_deletion_delay_timeout_s",
    deletion_batch: "node_deletion_batcher_interval_s",
    candidate_ttl: "node_deletion_candidate_ttl_s",
    max_pod_eviction_time: "max_pod_eviction_time_s",
    cordon: "cordon_node_before_terminating",
    max_soft_taints: "max_bulk_soft_taint_count",
    expendable_cutoff: "expendable_pods_priority_cutoff",
    enforce_min_size: "enforce_min_size",
    scale_up_from_zero: "scale_up_from_zero",
    parallel_scale_up: "parallel_scale_up",
    force_delete_unregistered: "force_delete_unregistered_nodes",
    force_daemonsets: "force_ds",
    force_delete_failed: "force_delete_failed_nodes",
    startup_taints: "startup_taint",
    bypassed_schedulers: "bypassed_schedulers",
    allowed_schedulers: "allowed_schedulers",
    template_ttl: "node_info_cache_expire_time_s",
    salvo: "salvo_scale_up",
    capacity_memory_ratio: "memory_difference_ratio",
    allocatable_ratio: "max_allocatable_difference_ratio",
    free_ratio: "max_free_difference_ratio",
    fast_path: "fastpath_binpacking_enabled",
    fast_failure_detection: "azure_fast_delete_on_failed_provisioning",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written() {
        for version in [KubernetesVersion::OLDEST, KubernetesVersion::NEWEST] {
            let mut spec = AutoscalerSpec::aks(version);
            spec.expanders = vec![Expander::Priority, Expander::LeastWaste];
            spec.priorities = vec![(10, vec!["spot.*".to_owned()]), (1, vec![".*".to_owned()])];
            spec.memory_total.1 = 1 << 40;
            spec.utilization_threshold = 0.35;
            spec.unneeded_time = Duration::from_millis(90_500);
            assert_eq!(read_options(&write_options(&spec)), Some(spec));
        }
    }

    #[test]
    fn what_is_absent_is_the_default_and_what_is_wrong_is_refused() {
        let upstream = AutoscalerSpec::upstream(KubernetesVersion::NEWEST);
        assert_eq!(read_options(&json!({})), Some(upstream));
        for wrong in [
            json!({"expander": ["cheapest"]}),
            json!({"scan_interval_s": "10s"}),
            json!({"kubernetes_version": "2.1"}),
        ] {
            assert_eq!(read_options(&wrong), None, "{wrong}");
        }
    }
}
