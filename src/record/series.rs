//! Sampled series: one row per sample instant. Levels are the values just after all events of that
//! instant, flows are sums since the last row.

use crate::unit::SimTime;

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

impl Series {
    /// Adds an empty column; returns its place in a row.
    pub fn add_column(
        &mut self,
        header: String,
        of: &str,
        panel: Panel,
        kind: ColumnKind,
    ) -> usize {
        debug_assert!(self.time_s.is_empty(), "columns come before rows");
        self.columns.push(Column { header, of: of.to_owned(), panel, kind, values: Vec::new() });
        self.columns.len() - 1
    }

    /// Makes room for `rows` rows.
    pub fn reserve(&mut self, rows: usize) {
        self.time_s.reserve(rows);
        self.columns.iter_mut().for_each(|column| column.values.reserve(rows));
    }

    /// Adds a row: one value per column, in their order.
    pub fn push_row(&mut self, at: SimTime, values: impl IntoIterator<Item = f64>) {
        self.time_s.push(at.as_secs_f64());
        let mut values = values.into_iter();
        for (column, value) in self.columns.iter_mut().zip(values.by_ref()) {
            column.values.push(value);
        }
        let rows = self.time_s.len();
        let whole = self.columns.iter().all(|column| column.values.len() == rows);
        assert!(whole && values.next().is_none(), "a row has one value per column");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_columns() -> Series {
        let mut series = Series::default();
        series.add_column("depth".into(), "orders", Panel::QueueDepth, ColumnKind::Level);
        series.add_column("done".into(), "orders", Panel::Completions, ColumnKind::Flow);
        series
    }

    #[test]
    fn rows_fill_columns() {
        let mut series = two_columns();
        series.push_row(SimTime::ZERO, [1.0, 2.0]);
        series.push_row(SimTime::from_secs(10), [3.0, 4.0]);
        assert_eq!(series.time_s, [0.0, 10.0]);
        assert_eq!(series.columns[1].values, [2.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "one value per column")]
    fn a_short_row_is_a_bug() {
        two_columns().push_row(SimTime::ZERO, [1.0]);
    }

    #[test]
    #[should_panic(expected = "one value per column")]
    fn a_long_row_is_a_bug() {
        two_columns().push_row(SimTime::ZERO, [1.0, 2.0, 3.0]);
    }
}
