//! What can be configured of the cluster autoscaler (specification §8, upstream flags).

use crate::unit::Duration;
use crate::vocabulary::KubernetesVersion;

/// The cluster-autoscaler profile: AKS's keys and upstream's other flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AutoscalerSpec {
    /// Selects behaviour.
    pub version: KubernetesVersion,
    /// `scan-interval`
    pub scan_interval: Duration,
    /// `frequent-loops-enabled`
    pub frequent_loops: bool,
    /// `expander`: a chain of filters, then random.
    pub expanders: Vec<Expander>,
    /// ConfigMap `cluster-autoscaler-priority-expander`: (priority, patterns on the group id).
    pub priorities: Vec<(i64, Vec<String>)>,
    /// `balance-similar-node-groups`
    pub balance_similar: bool,
    /// `balancing-ignore-label`
    pub balancing_ignore_labels: Vec<String>,
    /// `balancing-label`
    pub balancing_labels: Vec<String>,
    /// `new-pod-scale-up-delay`
    pub new_pod_delay: Duration,
    /// `max-node-provision-time`
    pub max_node_provision_time: Duration,
    /// `max-node-startup-time`
    pub max_node_startup_time: Duration,
    /// `max-total-unready-percentage`
    pub max_unready_percent: f64,
    /// `ok-total-unready-count`
    pub ok_unready: u32,
    /// `max-nodes-total`; 0 is no limit.
    pub max_nodes_total: u32,
    /// `cores-total` min and max.
    pub cores_total: (i64, i64),
    /// `memory-total` min and max in bytes.
    pub memory_total: (i64, i64),
    /// `max-nodes-per-scaleup`
    pub max_nodes_per_scale_up: u32,
    /// `initial-node-group-backoff-duration`
    pub initial_backoff: Duration,
    /// `max-node-group-backoff-duration`
    pub max_backoff: Duration,
    /// `node-group-backoff-reset-timeout`
    pub backoff_reset: Duration,
    /// `scale-down-enabled`
    pub scale_down_enabled: bool,
    /// `scale-down-unready-enabled`
    pub scale_down_unready_enabled: bool,
    /// `scale-down-delay-after-add`
    pub delay_after_add: Duration,
    /// `scale-down-delay-after-delete`
    pub delay_after_delete: Duration,
    /// `scale-down-delay-after-failure`
    pub delay_after_failure: Duration,
    /// `scale-down-delay-type-local`
    pub delay_type_local: bool,
    /// `scale-down-unneeded-time`
    pub unneeded_time: Duration,
    /// `scale-down-unready-time`
    pub unready_time: Duration,
    /// `scale-down-utilization-threshold`
    pub utilization_threshold: f64,
    /// `scale-down-gpu-utilization-threshold`
    pub gpu_utilization_threshold: f64,
    /// `ignore-daemonsets-utilization`
    pub ignore_daemonsets_utilization: bool,
    /// `ignore-mirror-pods-utilization`
    pub ignore_mirror_pods_utilization: bool,
    /// `daemonset-eviction-for-empty-nodes`
    pub daemonset_eviction_empty: bool,
    /// `daemonset-eviction-for-occupied-nodes`
    pub daemonset_eviction_occupied: bool,
    /// `max-graceful-termination-sec`
    pub max_graceful_termination: Duration,
    /// `drain-priority-config`: thresholds of pod priority, ascending, and the longest grace from
    /// each on; empty: all pods at once with `max-graceful-termination-sec`.
    pub drain_priorities: Vec<(i32, Duration)>,
    /// `skip-nodes-with-local-storage`
    pub skip_local_storage: bool,
    /// `skip-nodes-with-system-pods`
    pub skip_system_pods: bool,
    /// `skip-nodes-with-custom-controller-pods`
    pub skip_custom_controllers: bool,
    /// `blocking-system-pod-distruption-timeout` (upstream's spelling)
    pub system_pod_timeout: Duration,
    /// `min-replica-count`
    pub min_replica_count: u32,
    /// `max-scale-down-parallelism` (AKS: `max-empty-bulk-delete`)
    pub max_scale_down_parallelism: u32,
    /// `max-drain-parallelism`
    pub max_drain_parallelism: u32,
    /// `unremovable-node-recheck-timeout`
    pub unremovable_recheck: Duration,
    /// `node-delete-delay-after-taint`
    pub delete_delay_after_taint: Duration,
    /// `node-deletion-delay-timeout`: how long a deletion waits for annotations that delay it.
    pub deletion_delay_timeout: Duration,
    /// `node-deletion-batcher-interval`: deletions of a pool are collected for so long.
    pub deletion_batch: Duration,
    /// `node-deletion-candidate-ttl`: soft taints of this age and younger keep timers over a
    /// restart; zero: none do.
    pub candidate_ttl: Duration,
    /// `max-pod-eviction-time`
    pub max_pod_eviction_time: Duration,
    /// `cordon-node-before-terminating`
    pub cordon: bool,
    /// `max-bulk-soft-taint-count`
    pub max_soft_taints: u32,
    /// `expendable-pods-priority-cutoff`
    pub expendable_cutoff: i32,
    /// `enforce-node-group-min-size`
    pub enforce_min_size: bool,
    /// `scale-up-from-zero`
    pub scale_up_from_zero: bool,
    /// `parallel-scale-up`
    pub parallel_scale_up: bool,
    /// `force-delete-unregistered-nodes`
    pub force_delete_unregistered: bool,
    /// `force-ds`
    pub force_daemonsets: bool,
    /// `force-delete-failed-nodes`
    pub force_delete_failed: bool,
    /// `startup-taint`: taints that make a ready node count as not ready yet.
    pub startup_taints: Vec<String>,
    /// `bypassed-scheduler-names`: pods of these are seen before the scheduler rejects them.
    pub bypassed_schedulers: Vec<String>,
    /// `allowed-scheduler-names`: pods of others are not seen; empty: all are.
    pub allowed_schedulers: Vec<String>,
    /// `node-info-cache-expire-time`: how long a template outlives the node it was made of.
    pub template_ttl: Duration,
    /// `salvo-scale-up`: scale-ups go on in one loop until all pods are helped.
    pub salvo: bool,
    /// `memory-difference-ratio`, for similar groups.
    pub capacity_memory_ratio: f64,
    /// `max-allocatable-difference-ratio`
    pub allocatable_ratio: f64,
    /// `max-free-difference-ratio`
    pub free_ratio: f64,
    /// `fastpath-binpacking-enabled`
    pub fast_path: bool,
    /// Azure provider: failed instances are reported and deleted in the next loop
    /// (`enableFastDeleteOnFailedProvisioning`; scenario key `timing.failureDetection`).
    pub fast_failure_detection: bool,
}

/// An expander (specification §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expander {
    /// `random`
    Random,
    /// `most-pods`
    MostPods,
    /// `least-waste`
    LeastWaste,
    /// `least-nodes`
    LeastNodes,
    /// `price`
    Price,
    /// `priority`
    Priority,
}
