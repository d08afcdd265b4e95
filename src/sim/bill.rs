//! The bill of a run: what nodes cost, with commitments laid under their usage hour by hour.

use crate::cloud::commitment::{
    CommitmentKind, HourOfUse, Settlement, Split, Term, best_level, settle,
};
use crate::record::{
    CommitmentTotals, CostTotals, HourRow, PoolTotals, PriceSource, ReservationLevel, WorkloadCost,
};
use crate::sim::record::NodeRecord;
use crate::sim::world::World;
use crate::unit::{Accrual, HourlyRate, PoolId, SimTime};

const HOUR: u64 = 3_600_000_000;

/// Clock hours (UTC) between two instants; the first and the last may be cut.
struct Hours {
    /// Microseconds from the start of the first hour to time zero.
    shift: u64,
    from: SimTime,
    to: SimTime,
}

impl Hours {
    fn between(start_epoch: i64, from: SimTime, to: SimTime) -> Self {
        let shift = start_epoch.rem_euclid(3_600) as u64 * 1_000_000;
        Self { shift, from, to }
    }

    fn count(&self) -> usize {
        let (first, end) = (self.number(self.from), self.to.micros() + self.shift);
        if self.from < self.to { (end.div_ceil(HOUR) - first) as usize } else { 0 }
    }

    /// The hour of the clock in which an instant lies.
    const fn number(&self, at: SimTime) -> u64 {
        (at.micros() + self.shift) / HOUR
    }

    /// The part of the `index`th hour that counts.
    fn bounds(&self, index: usize) -> (SimTime, SimTime) {
        let begin = (self.number(self.from) + index as u64) * HOUR;
        let from = begin.saturating_sub(self.shift).max(self.from.micros());
        let to = (begin + HOUR - self.shift).min(self.to.micros());
        (SimTime::from_micros(from), SimTime::from_micros(to))
    }
}

/// VM time and its money at the nodes' own prices, by hour and pool.
struct Use {
    hours: Hours,
    pools: usize,
    cells: Vec<(u64, Accrual)>,
}

impl Use {
    fn new(hours: Hours, pools: usize) -> Self {
        let cells = vec![(0, Accrual::default()); hours.count() * pools];
        Self { hours, pools, cells }
    }

    /// A VM was billed, so much from one instant to another.
    fn add(
        &mut self,
        pool: PoolId,
        record: &NodeRecord,
        paid: impl Fn(SimTime, SimTime) -> Accrual,
    ) {
        let Some(begin) = record.billed_from else { return };
        let to = record.billed_until.unwrap_or(self.hours.to).min(self.hours.to);
        let mut from = begin.max(self.hours.from);
        let first = self.hours.number(self.hours.from);
        while from < to {
            let index = (self.hours.number(from) - first) as usize;
            let until = self.hours.bounds(index).1.min(to);
            let cell = &mut self.cells[index * self.pools + usize::from(pool)];
            cell.0 += until.since(from).micros();
            cell.1 += paid(from, until);
            from = until;
        }
    }

    fn of(&self, hour: usize) -> &[(u64, Accrual)] {
        &self.cells[hour * self.pools..][..self.pools]
    }
}

impl World<'_> {
    /// Closes the bill. Commitments change what pools cost; their idle, system and workloads' parts
    /// change in proportion.
    pub(super) fn close_bill(&self, pools: &mut [PoolTotals]) -> CostTotals {
        let (now, prices) = (self.now, &self.plan.prices);
        let warmup = SimTime::ZERO + self.plan.simulation.warmup;
        let hours = Hours::between(self.plan.simulation.start_epoch, warmup, now);
        let mut used = Use::new(hours, pools.len());
        for (node, record) in self.record.nodes.enumerate() {
            let row = &self.cluster.nodes[node];
            let Some(pool) = row.pool else { continue };
            let spec = &self.plan.pools[pool];
            let curve = spec.prices(self.capacity.scale_sets[pool].zone_of(row.instance));
            used.add(pool, record, |from, to| match curve {
                Some(curve) => curve.over(from, to) + spec.disk_price.over(to.since(from)),
                None => record.price.over(to.since(from)),
            });
        }
        let curve = self.on_demand_curve(&used);
        let compute: Vec<HourlyRate> =
            prices.pools.iter().map(|pool| pool.compute.unwrap_or_default()).collect();
        let settled = settle(&prices.commitments, &compute, &curve);
        let mut totals = CostTotals::default();
        let before: Vec<Accrual> = pools.iter().map(|pool| pool.cost).collect();
        for (index, pool) in pools.iter_mut().enumerate() {
            for split in settled.hours.iter().map(|hour| hour[index]) {
                pool.cost -= split.replaced;
                pool.reserved.0 += u128::from(split.reserved.0);
                pool.reserved.1 += split.reserved.1;
                pool.savings_plan.0 += u128::from(split.savings_plan.0);
                pool.savings_plan.1 += split.savings_plan.1;
            }
            let list = if pool.spot { &mut totals.spot } else { &mut totals.on_demand };
            *list += pool.cost;
            pool.cost += pool.reserved.1 + pool.savings_plan.1;
        }
        self.share_out(pools, &before, &mut totals);
        self.commitment_totals(&settled, &mut totals);
        self.other_items(pools, &mut totals);
        let of_pools: Accrual = pools.iter().map(|pool| pool.cost).sum();
        if self.plan.virtual_node.is_some() {
            totals.items.push(("virtualNodes".to_owned(), totals.virtual_nodes));
        }
        let of_items: Accrual = totals.items.iter().map(|item| item.1).sum();
        totals.total = of_pools + totals.control_plane + of_items;
        totals.levels = self.reservation_levels(&curve);
        if !self.options.no_report {
            totals.hours = hour_rows(&used, &settled, pools);
        }
        let label = |&key| self.plan.symbols.text(key).to_owned();
        totals.charge_labels = prices.charge_labels.iter().map(label).collect();
        totals.sources = prices.sources.iter().map(source).collect();
        totals.not_priced = prices.not_priced.clone();
        totals
    }

    /// What commitments can cover.
    fn on_demand_curve(&self, used: &Use) -> Vec<HourOfUse> {
        let pools = &self.plan.pools;
        let hour = |index: usize| {
            let (from, to) = used.hours.bounds(index);
            let vms = used.of(index).iter().zip(pools.iter());
            let vms = vms.map(|((time, _), pool)| if pool.spot { 0 } else { *time }).collect();
            HourOfUse { from, length: to.since(from).micros(), vms }
        };
        (0..used.hours.count()).map(hour).collect()
    }

    /// Idle, system and workloads: parts of what pools cost.
    fn share_out(&self, pools: &mut [PoolTotals], before: &[Accrual], totals: &mut CostTotals) {
        let symbols = &self.plan.symbols;
        let in_proportion = |part: Accrual, index: usize, pools: &[PoolTotals]| {
            part.share(pools[index].cost, before[index])
        };
        let mut shared = vec![Accrual::default(); pools.len()];
        let groups = self.group_bills();
        totals.virtual_nodes = groups.values().copied().sum();
        for (id, spec) in self.plan.workloads.enumerate().filter(|(_, spec)| !spec.system) {
            let mut amount = groups.get(&id).copied().unwrap_or_default();
            for (pool, charged) in self.record.workloads[id].charged.iter().enumerate() {
                let part = in_proportion(charged.accrual(self.now), pool, pools);
                shared[pool] += part;
                amount += part;
            }
            if amount == Accrual::default() {
                continue;
            }
            let labels = &self.plan.shapes[spec.shape].labels;
            let label = |&key| labels.get(key).map(|value| symbols.text(value).to_owned());
            totals.workloads.push(WorkloadCost {
                name: symbols.text(spec.name).to_owned(),
                namespace: symbols.text(spec.namespace).to_owned(),
                labels: self.plan.prices.charge_labels.iter().map(label).collect(),
                amount,
            });
        }
        for (index, shared) in shared.iter().enumerate() {
            let system = in_proportion(pools[index].system, index, pools);
            pools[index].system = system;
            // The rest, so that the parts add up whatever was rounded.
            pools[index].idle = pools[index].cost - system - *shared;
            totals.system += system;
            totals.idle += pools[index].idle;
        }
    }

    fn commitment_totals(&self, settled: &Settlement, totals: &mut CostTotals) {
        let (mut reservations, mut plans) = (Accrual::default(), Accrual::default());
        for (spec, one) in self.plan.prices.commitments.iter().zip(&settled.commitments) {
            let unused = one.paid - one.used;
            match spec.kind {
                CommitmentKind::Reservation { .. } => {
                    totals.reserved += one.paid;
                    reservations += unused;
                }
                CommitmentKind::SavingsPlan { .. } => {
                    totals.savings_plan += one.paid;
                    plans += unused;
                }
            }
            totals.commitments.push(CommitmentTotals {
                name: self.plan.symbols.text(spec.name).to_owned(),
                paid: one.paid,
                used: one.used,
                replaced: one.replaced,
            });
        }
        // Names of Azure's cost details (amortised view, `ChargeType`).
        for (name, unused) in [("unusedReservation", reservations), ("unusedSavingsPlan", plans)] {
            if unused > Accrual::default() {
                totals.items.push((name.to_owned(), unused));
            }
        }
    }

    fn other_items(&self, pools: &[PoolTotals], totals: &mut CostTotals) {
        let counted = self.now.since(SimTime::ZERO + self.plan.simulation.warmup);
        let node_micros = pools.iter().map(|pool| pool.node_micros).sum();
        totals.control_plane = self.plan.prices.control_plane.over(counted);
        for item in &self.plan.prices.items {
            let name = self.plan.symbols.text(item.name).to_owned();
            totals.items.push((name, item.over(counted, node_micros)));
        }
    }

    /// The best number of reservations of each size under the whole on-demand curve, whatever is
    /// committed already.
    fn reservation_levels(&self, curve: &[HourOfUse]) -> Vec<ReservationLevel> {
        let mut levels: Vec<ReservationLevel> = Vec::new();
        for (first, spec) in self.plan.pools.enumerate() {
            let prices = self.plan.prices.pools[first];
            let Some(on_demand) = prices.compute else { continue };
            let same = |pool: &PoolId| {
                let other = &self.plan.pools[*pool];
                other.size.name == spec.size.name && self.plan.prices.pools[*pool] == prices
            };
            let pools: Vec<PoolId> = self.plan.pools.ids().filter(same).collect();
            if pools.first() != Some(&first) {
                continue;
            }
            let usage: Vec<(u64, u64)> = curve
                .iter()
                .map(|hour| {
                    let time = pools.iter().map(|&pool| hour.vms[usize::from(pool)]).sum();
                    (time, hour.length)
                })
                .collect();
            for (term, reserved) in Term::ALL.iter().zip(prices.reserved) {
                let Some(reserved) = reserved else { continue };
                let best = best_level(&usage, on_demand, reserved);
                levels.push(ReservationLevel {
                    vm_size: self.plan.symbols.text(spec.size.name).to_owned(),
                    term: term.name(),
                    on_demand,
                    reserved,
                    quantity: best.quantity,
                    saving: best.saving,
                });
            }
        }
        levels
    }
}

fn source(from: &[String; 4]) -> PriceSource {
    let [what, price, date, source] = from.clone();
    PriceSource { what, price, date, source }
}

/// One row for each hour, pool and way of buying. Licences and disks of covered VMs stay on demand.
fn hour_rows(used: &Use, settled: &Settlement, pools: &[PoolTotals]) -> Vec<HourRow> {
    let mut rows = Vec::new();
    for (index, splits) in settled.hours.iter().enumerate() {
        let (from, _) = used.hours.bounds(index);
        for (pool, (&(time, list), split)) in used.of(index).iter().zip(splits).enumerate() {
            let mut put = |purchase, vm_micros: u64, amount| {
                if vm_micros > 0 || amount > Accrual::default() {
                    rows.push(HourRow { from, pool: pool as u32, purchase, vm_micros, amount });
                }
            };
            if pools[pool].spot {
                put("spot", time, list);
                continue;
            }
            let Split { on_demand, reserved, savings_plan, replaced } = *split;
            put("on-demand", on_demand, list - replaced);
            put("reserved", reserved.0, reserved.1);
            put("savings-plan", savings_plan.0, savings_plan.1);
        }
    }
    rows
}
