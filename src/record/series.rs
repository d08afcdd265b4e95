//! Sampled series: one row per sample instant. Levels are the values just after all events of that
//! instant, flows are sums since the last row.

/// What a column's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A value at the instant.
    Level,
    /// A sum since the last row.
    Flow,
}

/// Which panel of the pictures a column belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// Messages waiting in a queue (name: the queue).
    QueueDepth,
    /// Age of the oldest waiting message (s).
    QueueAge,
    /// Arrivals since the last row.
    Arrivals,
    /// Completions since the last row.
    Completions,
    /// `spec.replicas` of a workload.
    ReplicasDesired,
    /// Ready pods of a workload.
    ReplicasReady,
    /// Pods of a workload that exist and are not Ready.
    ReplicasPending,
    /// Nodes of a pool that are Ready.
    NodesReady,
    /// Instances of a pool that are coming.
    NodesComing,
    /// Addresses in use in a subnet.
    Addresses,
    /// vCPUs in use of a quota.
    Quota,
    /// Money per hour of a pool (currency units).
    CostRate,
    /// Evictions since the last row.
    Evictions,
    /// Pods of the whole cluster that wait to be bound.
    PodsPending,
}

/// A column of the series.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Header in `series.csv`, unit included.
    pub header: String,
    /// What it belongs to: the queue, workload, pool, subnet; empty for the whole cluster.
    pub of: String,
    /// Panel.
    pub panel: Panel,
    /// Level or flow.
    pub kind: ColumnKind,
    /// One value per row.
    pub values: Vec<f64>,
}

/// Rows of samples, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Seconds since the start, one per row.
    pub time_s: Vec<f64>,
    /// Columns.
    pub columns: Vec<Column>,
}
