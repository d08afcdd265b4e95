//! Dated list prices that do not depend on a VM size: control plane, OS disks, Windows licences.
//!
//! They are defaults with a date and a source; the scenario's own prices come first.

use super::spec::{OsDisk, Tier};
use crate::unit::HourlyRate;

/// Hours in Azure's month.
pub const HOURS_PER_MONTH: i64 = 730;

/// A list price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPrice {
    /// USD per hour.
    pub rate: HourlyRate,
    /// Date of the figure.
    pub date: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// What a control plane costs.
pub fn control_plane(tier: Tier) -> ListPrice {
    let source = "azure-aks-docs free-standard-pricing-tiers.md";
    match tier {
        Tier::Free => ListPrice { rate: HourlyRate(0), date: "2026-07-06", source },
        Tier::Standard => ListPrice { rate: HourlyRate(100_000_000), date: "2026-07-06", source },
        Tier::Premium => ListPrice {
            rate: HourlyRate(600_000_000),
            date: "2026-08-21",
            source: "third parties; meter `Standard Long Term Support`",
        },
    }
}

/// A tier of Premium SSD that an OS disk uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskTier {
    /// Name.
    pub name: &'static str,
    /// Size in GiB.
    pub gib: u32,
    /// USD a month in millionths; `None`: unknown.
    micros_per_month: Option<i64>,
}

/// Tiers of Premium SSD in order of size; prices of West Europe.
pub const PREMIUM_SSD: [DiskTier; 7] = [
    DiskTier { name: "P4", gib: 32, micros_per_month: None },
    DiskTier { name: "P6", gib: 64, micros_per_month: None },
    DiskTier { name: "P10", gib: 128, micros_per_month: Some(21_680_000) },
    DiskTier { name: "P15", gib: 256, micros_per_month: Some(41_810_000) },
    DiskTier { name: "P20", gib: 512, micros_per_month: Some(80_540_000) },
    DiskTier { name: "P30", gib: 1_024, micros_per_month: None },
    DiskTier { name: "P40", gib: 2_048, micros_per_month: None },
];

impl DiskTier {
    /// The smallest tier that holds `gib`.
    pub fn holding(gib: u32) -> Option<&'static Self> {
        PREMIUM_SSD.iter().find(|tier| tier.gib >= gib)
    }

    /// USD per hour, to the nearest nano-unit; `None`: unknown.
    pub fn rate(&self) -> Option<HourlyRate> {
        let micros = self.micros_per_month?;
        Some(HourlyRate((micros * 1_000 + HOURS_PER_MONTH / 2) / HOURS_PER_MONTH))
    }
}

/// GiB of a managed OS disk that AKS chooses for a node of this many vCPUs
/// (azure-aks-docs `concepts-storage.md`).
pub const fn default_os_disk_gib(vcpus: u32) -> u32 {
    match vcpus {
        0..=7 => 128,
        8..=15 => 256,
        16..=63 => 512,
        _ => 1_024,
    }
}

/// What an OS disk of this kind and size costs; `None`: unknown.
pub fn os_disk(kind: OsDisk, gib: u32) -> Option<ListPrice> {
    let (rate, date, source) = match kind {
        OsDisk::Ephemeral => {
            (HourlyRate(0), "2026-09-08", "azure-compute-docs ephemeral-os-disks.md")
        }
        OsDisk::Managed => (
            DiskTier::holding(gib)?.rate()?,
            "2026-08-20",
            "Premium SSD in West Europe, andy-diericks/azure-pricing-radar (MIT)",
        ),
    };
    Some(ListPrice { rate, date, source })
}

/// What Windows adds per vCPU on almost all sizes (difference of Windows and Linux prices).
pub const WINDOWS_PER_VCPU: ListPrice = ListPrice {
    rate: HourlyRate(46_000_000),
    date: "2026-08-20",
    source: "derived: the difference on 301 of about 350 sizes, in three regions",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Duration;

    #[test]
    fn a_month_of_each_tier_costs_what_the_documents_say() {
        let month = Duration::from_secs(730 * 3_600);
        for (tier, dollars) in [(Tier::Free, 0), (Tier::Standard, 73), (Tier::Premium, 438)] {
            let money = control_plane(tier).rate.over(month).money();
            assert_eq!(money.0, dollars * 1_000_000_000, "{tier:?}");
        }
    }

    #[test]
    fn os_disks_follow_the_tiers() {
        for (vcpus, name) in [(2, "P10"), (7, "P10"), (8, "P15"), (16, "P20"), (64, "P30")] {
            let tier = DiskTier::holding(default_os_disk_gib(vcpus)).unwrap();
            assert_eq!(tier.name, name, "{vcpus} vCPUs");
        }
        let month = os_disk(OsDisk::Managed, 128).unwrap().rate.0 * HOURS_PER_MONTH;
        assert!((month - 21_680_000_000).abs() < HOURS_PER_MONTH);
        assert_eq!(os_disk(OsDisk::Ephemeral, 128).unwrap().rate, HourlyRate(0));
        assert_eq!(os_disk(OsDisk::Managed, 1_024), None, "unknown is not zero");
    }
}
