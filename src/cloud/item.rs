//! Items of the bill beside VMs: load balancer, NAT gateway, egress, Log Analytics, managed
//! Prometheus, with their dated list prices.
//!
//! Allowances and tiers of a month are taken in proportion to the time that counts.

use super::price::HOURS_PER_MONTH;
use crate::unit::{Accrual, Duration, HourlyRate, Symbol};

/// An item of the bill.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemSpec {
    /// Name.
    pub name: Symbol,
    /// What it costs while the cluster runs.
    pub fixed: HourlyRate,
    /// What is counted on top.
    pub meter: Option<MeterSpec>,
}

/// Something counted: gigabytes in millionths, or samples.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterSpec {
    /// Units a month whatever the number of nodes.
    pub per_month: u64,
    /// Units a month for each node that is billed all month.
    pub per_node_month: u64,
    /// Of these, free.
    pub free: u64,
    /// Nano-units of money for `per` units.
    pub price: i64,
    /// See `price`.
    pub per: u64,
}

impl ItemSpec {
    /// An item of a price an hour.
    pub const fn hourly(name: Symbol, fixed: HourlyRate) -> Self {
        Self { name, fixed, meter: None }
    }

    /// What it costs over a time in which nodes were billed for `node_micros`.
    pub fn over(&self, time: Duration, node_micros: u128) -> Accrual {
        let metered = self.meter.as_ref().map(|meter| meter.over(time, node_micros));
        self.fixed.over(time) + metered.unwrap_or_default()
    }
}

impl MeterSpec {
    fn over(&self, time: Duration, node_micros: u128) -> Accrual {
        let wide = |number: u128| i128::try_from(number).unwrap_or(i128::MAX);
        let time = i128::from(time.micros());
        // Units times microseconds: a month's worth of them is a month long.
        let counted =
            i128::from(self.per_month) * time + i128::from(self.per_node_month) * wide(node_micros);
        let charged = (counted - i128::from(self.free) * time).max(0);
        Accrual(charged * i128::from(self.price) / (i128::from(self.per) * i128::from(HOURS)))
    }
}

const HOURS: i64 = HOURS_PER_MONTH;

/// Units of a gigabyte.
pub const GB: u64 = 1_000_000;

/// A dated price of something counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedMeter {
    /// Nano-units of USD for `per` units.
    pub price: i64,
    /// See `price`.
    pub per: u64,
    /// Free every month.
    pub free: u64,
    /// Regions where it is the price; empty: everywhere.
    pub regions: &'static [&'static str],
    /// Date of the figure.
    pub date: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl ListedMeter {
    /// Whether this is the price in a region.
    pub fn holds_in(&self, region: &str) -> bool {
        let known = |other: &str| other.eq_ignore_ascii_case(&region.replace(' ', ""));
        self.regions.is_empty() || self.regions.iter().any(|one| known(one))
    }
}

const C3X: &str = "c3x.dev (third party); meters of region Global";

/// Standard Load Balancer: an hour with up to five rules.
pub const LOAD_BALANCER: HourlyRate = HourlyRate(25_000_000);
/// Rules that `LOAD_BALANCER` includes.
pub const INCLUDED_RULES: u32 = 5;
/// Each rule beyond, an hour.
pub const FURTHER_RULE: HourlyRate = HourlyRate(10_000_000);
/// What the load balancer passes on.
pub const LOAD_BALANCER_DATA: ListedMeter = ListedMeter {
    price: 5_000_000,
    per: GB,
    free: 0,
    regions: &[],
    date: "2026-11-21",
    source: C3X,
};
/// NAT gateway, an hour.
pub const NAT_GATEWAY: HourlyRate = HourlyRate(45_000_000);
/// What the NAT gateway passes on.
pub const NAT_GATEWAY_DATA: ListedMeter = ListedMeter {
    price: 45_000_000,
    per: GB,
    free: 0,
    regions: &[],
    date: "2026-11-21",
    source: "fixtures of public price importers (third party)",
};
/// To the internet, up to `EGRESS_FIRST_TIER`.
pub const EGRESS: ListedMeter = ListedMeter {
    price: 87_000_000,
    per: GB,
    free: 100 * GB,
    regions: &["eastus", "westeurope", "polandcentral"],
    date: "2026-11-21",
    source: "c3x.dev, azure-egress-bandwidth-cost (third party): first tier in the US and Europe",
};
/// Gigabytes a month that the listed price of egress holds for.
pub const EGRESS_FIRST_TIER: u64 = 10_000 * GB;
/// Log Analytics, analytics plan.
pub const LOG_ANALYTICS: ListedMeter = ListedMeter {
    price: 2_300_000_000,
    per: GB,
    free: 5 * GB,
    regions: &["eastus"],
    date: "2026-11-21",
    source: "monitoringcost.com 2026 (third party): US price",
};
/// Log Analytics, basic plan.
pub const LOG_ANALYTICS_BASIC: ListedMeter =
    ListedMeter { price: 500_000_000, free: 0, ..LOG_ANALYTICS };
/// Log Analytics, auxiliary plan.
pub const LOG_ANALYTICS_AUXILIARY: ListedMeter =
    ListedMeter { price: 50_000_000, free: 0, ..LOG_ANALYTICS };
/// Azure Monitor managed service for Prometheus, samples ingested.
pub const MANAGED_PROMETHEUS: ListedMeter = ListedMeter {
    price: 160_000_000,
    per: 10_000_000,
    free: 0,
    regions: &[],
    date: "2026-11-21",
    source: "0.16 for 10 million samples ingested (third party)",
};
/// Azure Container Instances on Linux, a vCPU.
pub const CONTAINER_VCPU: ListedMeter = ListedMeter {
    price: 40_500_000,
    per: 1,
    free: 0,
    regions: &["eastus"],
    date: "2026-11-21",
    source: "quoted answers of the Retail Prices API (third party): East US, Linux",
};
/// Azure Container Instances on Linux, a gigabyte of memory.
pub const CONTAINER_GB: ListedMeter = ListedMeter { price: 4_450_000, ..CONTAINER_VCPU };

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: Duration = Duration::from_secs(730 * 3_600);
    const NAME: Symbol = Symbol(0);

    fn cost(listed: ListedMeter, per_month: u64, per_node_month: u64, nodes: u64) -> f64 {
        let meter = MeterSpec {
            per_month,
            per_node_month,
            free: listed.free,
            price: listed.price,
            per: listed.per,
        };
        let item = ItemSpec { name: NAME, fixed: HourlyRate(0), meter: Some(meter) };
        item.over(MONTH, u128::from(nodes * MONTH.micros())).money().units()
    }

    #[test]
    fn a_month_costs_what_the_lists_say() {
        assert_eq!(cost(EGRESS, 500 * GB, 0, 3), 34.8);
        assert_eq!(cost(EGRESS, 80 * GB, 0, 3), 0.0, "within the allowance");
        assert_eq!(cost(LOG_ANALYTICS, 0, 15 * GB, 4), 126.5);
        assert_eq!(cost(MANAGED_PROMETHEUS, 50_000_000, 0, 1), 0.8);
        assert_eq!(cost(LOAD_BALANCER_DATA, 1_000 * GB, 0, 0), 5.0);
        let rules = ItemSpec::hourly(NAME, LOAD_BALANCER);
        assert_eq!(rules.over(MONTH, 0).money().units(), 18.25);
    }

    #[test]
    fn half_a_month_has_half_the_allowance() {
        let meter = MeterSpec {
            per_month: 500 * GB,
            per_node_month: 0,
            free: EGRESS.free,
            price: EGRESS.price,
            per: EGRESS.per,
        };
        let half = Duration::from_micros(MONTH.micros() / 2);
        assert_eq!(meter.over(half, 0).money().units(), 17.4);
    }

    #[test]
    fn a_price_holds_where_it_was_seen() {
        assert!(EGRESS.holds_in("West Europe") && !EGRESS.holds_in("brazilsouth"));
        assert!(!LOG_ANALYTICS.holds_in("westeurope"));
        assert!(MANAGED_PROMETHEUS.holds_in("brazilsouth"));
    }
}
