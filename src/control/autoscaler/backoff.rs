//! Exponential backoff per node group (`pkg/utils/backoff/exponential_backoff.go`).

use std::collections::BTreeMap;

use crate::model::ProvisioningFailure;
use crate::unit::{Duration, PoolId, SimTime};

/// Why a scale-up failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Nodes did not appear within max-node-provision-time.
    Timeout,
    /// The provider said why, at once or as an error of an instance.
    Provider(ProvisioningFailure),
    /// The provider gave an error of another kind.
    Other,
}

/// A group's backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffEntry {
    /// Length of the current one.
    pub length: Duration,
    /// End, inclusive.
    pub until: SimTime,
    /// Failure that caused it.
    pub kind: FailureKind,
    /// Last failure.
    pub last_failure: SimTime,
}

/// Lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffTimes {
    /// First one.
    pub initial: Duration,
    /// Longest one.
    pub max: Duration,
    /// Forgotten this long after the last failure.
    pub reset: Duration,
}

/// All backoffs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    pub(super) entries: BTreeMap<PoolId, BackoffEntry>,
}

impl Backoff {
    /// A failure: the length doubles only if the previous backoff has run out.
    pub fn failed(
        &mut self,
        pool: PoolId,
        kind: FailureKind,
        times: &BackoffTimes,
        now: SimTime,
    ) -> SimTime {
        let length = match self.entries.get(&pool) {
            None => times.initial,
            Some(entry) if entry.until < now => entry.length.times(2).min(times.max),
            Some(entry) => entry.length,
        };
        let until = now + length;
        self.entries.insert(pool, BackoffEntry { length, until, kind, last_failure: now });
        until
    }

    /// The backoff that holds a group back now.
    pub fn active(&self, pool: PoolId, now: SimTime) -> Option<&BackoffEntry> {
        self.entries.get(&pool).filter(|entry| entry.until >= now)
    }

    /// Forgets a group's backoff.
    pub fn remove(&mut self, pool: PoolId) {
        self.entries.remove(&pool);
    }

    /// Forgets what has been quiet long enough.
    pub fn drop_stale(&mut self, times: &BackoffTimes, now: SimTime) {
        self.entries.retain(|_, entry| entry.last_failure + times.reset >= now);
    }

    /// The next instant after `now` at which a group leaves its backoff.
    pub fn next_end(&self, now: SimTime) -> Option<SimTime> {
        self.entries.values().map(|entry| entry.until).filter(|&until| until >= now).min()
    }

    /// Groups remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no group is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
