//! workload control.
