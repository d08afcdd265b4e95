//! vCPU quotas: counters per subscription and region, shared by all scale sets.

use super::spec::QuotaSpec;
use crate::unit::{IdVec, QuotaId};

/// All vCPU counters.
#[derive(Clone, Debug, Default)]
pub struct QuotaBook {
    counters: IdVec<QuotaId, Counter>,
}

/// One vCPU counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// vCPUs allowed.
    pub limit: u64,
    /// vCPUs in use.
    pub used: u64,
    /// Most vCPUs ever in use.
    pub peak: u64,
}

impl QuotaBook {
    /// Counters at zero.
    pub fn new(quotas: &IdVec<QuotaId, QuotaSpec>) -> Self {
        let counter = |quota: &QuotaSpec| Counter { limit: quota.limit, used: 0, peak: 0 };
        Self { counters: quotas.iter().map(counter).collect() }
    }

    /// A counter.
    pub fn counter(&self, quota: QuotaId) -> &Counter {
        &self.counters[quota]
    }

    /// The first of `quotas` that has no room for `vcpus` more.
    pub fn exceeded(&self, quotas: &[QuotaId], vcpus: u64) -> Option<QuotaId> {
        quotas.iter().copied().find(|&quota| {
            let counter = &self.counters[quota];
            counter.used + vcpus > counter.limit
        })
    }

    /// Takes `vcpus` from every one of `quotas`, or nothing.
    ///
    /// # Errors
    /// The first counter without room.
    pub fn take(&mut self, quotas: &[QuotaId], vcpus: u64) -> Result<(), QuotaId> {
        match self.exceeded(quotas, vcpus) {
            Some(quota) => Err(quota),
            None => {
                self.take_beyond(quotas, vcpus);
                Ok(())
            }
        }
    }

    /// Takes `vcpus` whatever the limits say (what ran before the simulation began).
    pub(super) fn take_beyond(&mut self, quotas: &[QuotaId], vcpus: u64) {
        for &quota in quotas {
            let counter = &mut self.counters[quota];
            counter.used += vcpus;
            counter.peak = counter.peak.max(counter.used);
        }
    }

    /// Gives `vcpus` back to every one of `quotas`.
    ///
    /// # Panics
    /// If more is given back than was taken.
    pub fn give(&mut self, quotas: &[QuotaId], vcpus: u64) {
        for &quota in quotas {
            let used = &mut self.counters[quota].used;
            *used = used.checked_sub(vcpus).expect("no more is given back than was taken");
        }
    }
}
