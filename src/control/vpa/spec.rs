//! What a VerticalPodAutoscaler says (`autoscaling.k8s.io/v1`).

/// `updatePolicy.updateMode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// It only recommends.
    Off,
    /// New pods get what it recommends.
    Initial,
    /// Pods are evicted besides, so that new ones get it; `Auto` means the same.
    Recreate,
}

/// The least or most that a policy allows; what it does not name is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Millicores.
    pub cpu: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
}

/// The item of `resourcePolicy.containerPolicies` that holds for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerPolicy {
    /// `mode: "Off"`: nothing is recommended.
    pub off: bool,
    /// `minAllowed`
    pub min: Amount,
    /// `maxAllowed`
    pub max: Amount,
    /// `cpu` is among `controlledResources`.
    pub cpu: bool,
    /// `memory` is.
    pub memory: bool,
    /// `controlledValues: RequestsOnly`: limits stay.
    pub requests_only: bool,
}

impl Default for ContainerPolicy {
    fn default() -> Self {
        Self {
            off: false,
            min: Amount::default(),
            max: Amount::default(),
            cpu: true,
            memory: true,
            requests_only: false,
        }
    }
}

/// A VerticalPodAutoscaler; it recommends for the first container of each pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpaSpec {
    /// `updatePolicy.updateMode`
    pub mode: UpdateMode,
    /// `updatePolicy.minReplicas`: with fewer pods none is evicted.
    pub min_replicas: u32,
    /// What holds for the container.
    pub policy: ContainerPolicy,
    /// Containers whose mode is not `Off`: they share the least that a pod gets.
    pub containers: u32,
}
