//! Container groups of Azure Container Instances, what virtual nodes run pods in: sizes, quotas,
//! retries, and the bill by the second.
//!
//! virtual-kubelet/azure-aci v1.6.4 `pkg/provider/aci.go` (`getContainers`: what a group asks for);
//! virtual-kubelet v1.11 `node/pod.go` (`handleProviderError`), `internal/queue/queue.go`
//! (`MaxRetries`) and client-go `workqueue/default_rate_limiters.go` (retries); Azure docs
//! `container-instances-resource-and-quota-limits.md`, 2025-11-17 (quotas).

use std::collections::VecDeque;

use crate::chance::Dist;
use crate::unit::{Accrual, Duration, HourlyRate, Resources, SimTime};

/// Groups of a cluster's virtual node.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerGroupSpec {
    /// Quotas of the subscription in the region.
    pub quotas: GroupQuotas,
    /// From the request until the group pulls its images.
    pub start: Dist,
    /// Price of a vCPU.
    pub vcpu: HourlyRate,
    /// Price of a gigabyte of memory.
    pub gigabyte: HourlyRate,
}

/// Quotas of a subscription in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupQuotas {
    /// Groups at a time.
    pub groups: u32,
    /// vCPUs at a time.
    pub cores: u32,
    /// Creations in five minutes.
    pub per_five_minutes: u32,
    /// Creations in an hour.
    pub per_hour: u32,
}

/// Hundredths of a vCPU that a group may have.
const MOST_CPU: i64 = 31 * 100;
/// Tenths of a gigabyte that a group may have.
const MOST_MEMORY: i64 = 240 * 10;
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: u64 = 1_000_000;

/// What a group asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSize {
    /// Hundredths of a vCPU.
    pub cpu: i64,
    /// Tenths of a gigabyte (10^9 bytes).
    pub memory: i64,
}

impl GroupSize {
    /// The group of a pod of `containers` containers: CPU cut to hundredths of a vCPU, memory to
    /// tenths of a gigabyte, at least one of each. Where nothing is requested a container asks for
    /// one vCPU and 1.5 GB.
    pub fn of(requests: &Resources, containers: usize) -> Self {
        let containers = containers.max(1) as i64;
        let part = |asked: i64, unit: i64, default: i64| match asked {
            0 => default * containers,
            asked => (asked / unit).max(1),
        };
        Self {
            cpu: part(requests.cpu_milli, 10, 100),
            memory: part(requests.memory, 100_000_000, 15),
        }
    }

    /// Whether Azure makes groups of this size.
    pub const fn is_possible(&self) -> bool {
        self.cpu <= MOST_CPU && self.memory <= MOST_MEMORY
    }

    /// What it costs.
    pub fn rate(&self, spec: &ContainerGroupSpec) -> HourlyRate {
        HourlyRate(self.cpu * spec.vcpu.0 / 100 + self.memory * spec.gigabyte.0 / 10)
    }
}

/// The bill of a group from the first pull of an image until it stops: begun seconds are whole.
pub fn bill(rate: HourlyRate, from: SimTime, until: SimTime) -> Accrual {
    let seconds = until.since(from).micros().div_ceil(SECOND);
    rate.over(Duration::from_micros(seconds * SECOND))
}

/// How long the virtual kubelet waits after a refusal until it asks again; `None`: 20 times is
/// enough, it forgets the pod.
pub const fn retry_after(refusals: u32) -> Option<Duration> {
    const MOST: u64 = 1_000 * SECOND;
    match refusals {
        1..20 => {
            let micros = 5_000_u64 << (refusals - 1);
            Some(Duration::from_micros(if micros < MOST { micros } else { MOST }))
        }
        _ => None,
    }
}

/// Why a group is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupRefusal {
    /// As many groups as allowed.
    Groups,
    /// Too few vCPUs left.
    Cores,
    /// Created too many in five minutes, or in an hour.
    Rate,
}

/// What is used of the quotas.
#[derive(Clone, Debug, Default)]
pub struct GroupQuotaBook {
    groups: u32,
    cpu: i64,
    /// Creations of the last hour.
    created: VecDeque<SimTime>,
}

impl GroupQuotaBook {
    /// Creates a group, if the quotas leave room for it.
    pub fn create(
        &mut self,
        quotas: &GroupQuotas,
        size: GroupSize,
        now: SimTime,
    ) -> Result<(), GroupRefusal> {
        while self.created.front().is_some_and(|&at| now.since(at) >= HOUR) {
            self.created.pop_front();
        }
        let lately = self.created.iter().rev().take_while(|&&at| now.since(at) < FIVE_MINUTES);
        if self.created.len() >= quotas.per_hour as usize
            || lately.take(quotas.per_five_minutes as usize).count()
                >= quotas.per_five_minutes as usize
        {
            return Err(GroupRefusal::Rate);
        }
        self.hold(quotas, size)?;
        self.created.push_back(now);
        Ok(())
    }

    /// Counts a group that was made long ago.
    pub fn hold(&mut self, quotas: &GroupQuotas, size: GroupSize) -> Result<(), GroupRefusal> {
        if self.groups >= quotas.groups {
            return Err(GroupRefusal::Groups);
        }
        if self.cpu + size.cpu > i64::from(quotas.cores) * 100 {
            return Err(GroupRefusal::Cores);
        }
        self.groups += 1;
        self.cpu += size.cpu;
        Ok(())
    }

    /// A group is deleted.
    pub fn release(&mut self, size: GroupSize) {
        self.groups -= 1;
        self.cpu -= size.cpu;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    fn size(cpu_milli: i64, memory: i64) -> GroupSize {
        GroupSize::of(&Resources { cpu_milli, memory, ..Resources::ZERO }, 2)
    }

    #[test]
    fn sizes_are_cut_to_hundredths_and_tenths() {
        for (milli, bytes, cpu, memory) in [
            (1_000, 1_024 * MIB, 100, 10),
            (505, 1_536 * MIB, 50, 16),
            (5, 50 * MIB, 1, 1),
            (0, 0, 200, 30),
            (0, 2_000_000_000, 200, 20),
        ] {
            assert_eq!(size(milli, bytes), GroupSize { cpu, memory }, "{milli}m, {bytes} B");
        }
        assert!(size(31_000, 240_000_000_000).is_possible());
        assert!(!size(31_010, 1).is_possible() && !size(1_000, 240_100_000_000).is_possible());
    }

    #[test]
    fn begun_seconds_are_billed() {
        let spec = ContainerGroupSpec {
            quotas: GroupQuotas { groups: 1, cores: 1, per_five_minutes: 1, per_hour: 1 },
            start: Dist::constant(Duration::ZERO),
            vcpu: HourlyRate(40_500_000),
            gigabyte: HourlyRate(4_450_000),
        };
        let rate = size(4_000, 16_000_000_000).rate(&spec);
        assert_eq!(rate, HourlyRate(162_000_000 + 71_200_000), "4 vCPU and 16 GB");
        let from = SimTime::from_micros(1_500_000);
        for (micros, seconds) in [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (59_300_000, 60)]
        {
            let until = SimTime::from_micros(1_500_000 + micros);
            let whole = rate.over(Duration::from_secs(seconds));
            assert_eq!(bill(rate, from, until), whole, "{micros} us");
        }
    }

    #[test]
    fn quotas_refuse_what_is_beyond_them() {
        let quotas = GroupQuotas { groups: 3, cores: 2, per_five_minutes: 2, per_hour: 4 };
        let (small, large) = (GroupSize { cpu: 50, memory: 1 }, GroupSize { cpu: 150, memory: 1 });
        let mut book = GroupQuotaBook::default();
        let at = SimTime::from_secs;
        assert_eq!(book.create(&quotas, small, at(0)), Ok(()));
        assert_eq!(book.create(&quotas, small, at(1)), Ok(()));
        assert_eq!(book.create(&quotas, small, at(299)), Err(GroupRefusal::Rate));
        assert_eq!(book.create(&quotas, large, at(300)), Err(GroupRefusal::Cores));
        assert_eq!(book.create(&quotas, small, at(300)), Ok(()));
        assert_eq!(book.create(&quotas, small, at(600)), Err(GroupRefusal::Groups));
        book.release(small);
        assert_eq!(book.create(&quotas, small, at(600)), Ok(()));
        book.release(small);
        assert_eq!(book.create(&quotas, small, at(3_599)), Err(GroupRefusal::Rate), "4 an hour");
        assert_eq!(book.create(&quotas, small, at(3_600)), Ok(()));
    }

    #[test]
    fn retries_double_up_to_a_thousand_seconds_and_end() {
        let millis = |refusals| retry_after(refusals).map(|wait| wait.micros() / 1_000);
        let waits = [1, 2, 18, 19, 20].map(millis);
        assert_eq!(waits, [Some(5), Some(10), Some(655_360), Some(1_000_000), None]);
    }
}
