//! What scalers and HPAs show to a metrics server, sampled with the series.

/// A ScaledObject with its HPA, a ScaledJob, or an HPA of the user's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalerSeries {
    /// Workload, index into `Outcome::workload_objects`.
    pub workload: u32,
    /// `scaledobject`, `scaledjob`, or empty for an HPA of the user's own.
    pub kind: &'static str,
    /// Name of the ScaledObject, ScaledJob or HPA.
    pub name: String,
    /// Name of the HPA and its limits; `None`: a ScaledJob.
    pub hpa: Option<(String, u32, u32)>,
    /// Metrics of its triggers.
    pub metrics: Vec<ScalerMetric>,
}

/// A metric of a trigger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalerMetric {
    /// Name as KEDA makes it (`s0-azure-servicebus-orders`).
    pub metric: String,
    /// The trigger's name, or the type of the scaler in KEDA.
    pub scaler: String,
    /// Index of the trigger.
    pub trigger: usize,
    /// One value per row of the series; `NaN`: the source failed.
    pub values: Vec<f64>,
}

/// A workload as Kubernetes knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadObject {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Kind.
    pub kind: &'static str,
}
