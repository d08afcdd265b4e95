//! The HPA controller's own settings; AKS runs it with upstream's defaults.

use crate::unit::Duration;
use crate::vocabulary::KubernetesVersion;

/// Flags and feature gates of the HPA controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpaSettings {
    /// `--horizontal-pod-autoscaler-sync-period`
    pub sync_period: Duration,
    /// `--horizontal-pod-autoscaler-tolerance` in thousandths.
    pub tolerance_milli: i64,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`
    pub downscale_window: Duration,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`
    pub cpu_initialization: Duration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`
    pub initial_readiness_delay: Duration,
    /// Gate HPAConfigurableTolerance: `tolerance` in `behavior` is read.
    pub configurable_tolerance: bool,
    /// Gate HPAScaleToZero.
    pub scale_to_zero: bool,
    /// Leaving zero needs the HPA's own ScaledToZero condition (and the gate above).
    pub zero_needs_condition: bool,
    /// Succeeded pods are ignored as Failed ones are.
    pub ignores_succeeded: bool,
    /// A new HPA is synced at once, not after a sync period.
    pub first_sync_at_once: bool,
}

impl HpaSettings {
    /// Upstream's defaults of a Kubernetes version (kubernetes
    /// `pkg/controller/podautoscaler/config/v1alpha1/defaults.go`; gates `kube_features.go`).
    pub const fn of(version: KubernetesVersion) -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            tolerance_milli: 100,
            downscale_window: Duration::from_secs(300),
            cpu_initialization: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
            configurable_tolerance: version.at_least(35),
            scale_to_zero: false,
            zero_needs_condition: version.at_least(37),
            ignores_succeeded: version.at_least(37),
            first_sync_at_once: version.at_least(37),
        }
    }
}
