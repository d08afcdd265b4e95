//! Money of a run: who was paid, for what, and what is not in the bill.

use crate::unit::{Accrual, HourlyRate, SimTime};

/// Money over [warm-up, end).
#[derive(Clone, Debug, Default)]
pub struct CostTotals {
    /// All: pools, control plane, items.
    pub total: Accrual,
    /// VMs and disks at on-demand prices.
    pub on_demand: Accrual,
    /// Spot VMs.
    pub spot: Accrual,
    /// Reservations, used or not.
    pub reserved: Accrual,
    /// Savings plans, used or not.
    pub savings_plan: Accrual,
    /// Control-plane tier.
    pub control_plane: Accrual,
    /// Other items by name, the unused part of commitments among them.
    pub items: Vec<(String, Accrual)>,
    /// Of the items: container groups of the virtual node.
    pub virtual_nodes: Accrual,
    /// Part of the pools: what nobody requested (on Ready nodes) and all of nodes not Ready.
    pub idle: Accrual,
    /// Part of the pools: what `systemPods` and DaemonSets requested.
    pub system: Accrual,
    /// Part of the pools: what the pods of each other workload requested; with their container
    /// groups.
    pub workloads: Vec<WorkloadCost>,
    /// Labels that the bill is shared by, in the order of [`WorkloadCost::labels`].
    pub charge_labels: Vec<String>,
    /// What became of each commitment.
    pub commitments: Vec<CommitmentTotals>,
    /// How many reservations would have cost least, by size and term.
    pub levels: Vec<ReservationLevel>,
    /// VM time and money by clock hour, pool and purchase.
    pub hours: Vec<HourRow>,
    /// Every price in the bill with its date and source.
    pub sources: Vec<PriceSource>,
    /// What is not in the bill, and how to put it there.
    pub not_priced: Vec<String>,
}

/// A workload's part of the pools, by what its pods requested, and its container groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadCost {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Values of the labels that the scenario charges by, in its order; `None`: not labelled.
    pub labels: Vec<Option<String>>,
    /// Its part.
    pub amount: Accrual,
}

/// A reservation or a savings plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommitmentTotals {
    /// Name.
    pub name: String,
    /// What it costs, used or not.
    pub paid: Accrual,
    /// Part of it that usage filled.
    pub used: Accrual,
    /// What the covered usage would have cost on demand.
    pub replaced: Accrual,
}

/// The best number of reservations of a size under the run's usage curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReservationLevel {
    /// VM size.
    pub vm_size: String,
    /// `1y` or `3y`.
    pub term: &'static str,
    /// Price on demand.
    pub on_demand: HourlyRate,
    /// Reserved price.
    pub reserved: HourlyRate,
    /// How many would have cost least.
    pub quantity: u32,
    /// What they would have saved against on demand, over the run.
    pub saving: Accrual,
}

impl ReservationLevel {
    /// The share of hours from which a reservation costs less than on demand.
    pub fn break_even(&self) -> f64 {
        self.reserved.0 as f64 / self.on_demand.0.max(1) as f64
    }
}

/// VM time of a pool in a clock hour, bought one way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HourRow {
    /// Start of the hour, or of counting.
    pub from: SimTime,
    /// Pool, index into `Outcome::pool_names`.
    pub pool: u32,
    /// `on-demand`, `spot`, `reserved` or `savings-plan`.
    pub purchase: &'static str,
    /// VM time, microseconds.
    pub vm_micros: u64,
    /// What it cost, disks of stopped VMs left out.
    pub amount: Accrual,
}

/// A price, and how we know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceSource {
    /// What it is the price of.
    pub what: String,
    /// The price as text, with its unit.
    pub price: String,
    /// Date of the figure; empty if the scenario gives it.
    pub date: String,
    /// Where it comes from.
    pub source: String,
}
