//! ScaledJobs: Jobs made straight from the length of a queue.
