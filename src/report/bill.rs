//! Tables of the bill: by pool and item, by owner, by hour, and every price with its source.

use std::io::{self, Write};

use super::csv::{Table, name_of, table, unit_of};
use crate::record::{Outcome, PoolTotals, WorkloadCost};
use crate::study::{HOURS_PER_MONTH, UNLABELLED};
use crate::unit::{Accrual, Money};

/// How VMs are bought, as all tables spell it.
const ON_DEMAND: &str = "on-demand";
const SPOT: &str = "spot";

/// An amount in all, an hour and a month: integers until they are printed.
fn amounts(outcome: &Outcome, accrual: Accrual) -> [String; 3] {
    let counted = i128::from(outcome.end.since(outcome.warmup).micros());
    let per = |hours: i128| match counted > 0 {
        true => Money((accrual.0 * hours + counted / 2).div_euclid(counted)).units().to_string(),
        false => String::new(),
    };
    [accrual.money().units().to_string(), per(1), per(HOURS_PER_MONTH as i128)]
}

/// `cost.csv`: a row per pool and way of buying, the control plane, and each other item; the
/// amounts add up to the total. Last, without an amount, what is not in the bill.
pub fn cost_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let unit = unit_of(&outcome.currency);
    let money = ["amount", "per_hour", "per_month"].map(|name| format!("{name}_{unit}"));
    let mut table = table(out);
    let [amount, hour, month] = money.each_ref().map(String::as_str);
    let heads = ["item", "kind", "purchase", "vm_size", "node_hours", amount, hour, month];
    table.write_record(heads)?;
    for pool in &outcome.pools {
        pool_rows(outcome, pool, &mut table)?;
    }
    let plane = ("control plane".to_owned(), outcome.cost.control_plane);
    let plane = std::iter::once(("control-plane", &plane));
    let items = outcome.cost.items.iter().map(|item| ("item", item));
    for (kind, (name, accrual)) in plane.chain(items) {
        let [amount, hour, month] = amounts(outcome, *accrual);
        table.write_record([name, kind, "", "", "", &amount, &hour, &month])?;
    }
    for what in &outcome.cost.not_priced {
        table.write_record([what, "not-priced", "", "", "", "", "", ""])?;
    }
    table.flush()
}

fn pool_rows(outcome: &Outcome, pool: &PoolTotals, table: &mut Table<'_>) -> io::Result<()> {
    let (reserved, plan) = (pool.reserved, pool.savings_plan);
    let rest = (pool.node_micros - reserved.0 - plan.0, pool.cost - reserved.1 - plan.1);
    let own = if pool.spot { SPOT } else { ON_DEMAND };
    for (purchase, (micros, accrual)) in
        [(own, rest), ("reserved", reserved), ("savings-plan", plan)]
    {
        // A pool has a row even if it cost nothing.
        if purchase != own && micros == 0 {
            continue;
        }
        let node_hours = (micros as f64 / 3.6e9).to_string();
        let [amount, hour, month] = amounts(outcome, accrual);
        let size = pool.vm_size.as_str();
        let row = [&pool.name, "pool", purchase, size, &node_hours, &amount, &hour, &month];
        table.write_record(row)?;
    }
    Ok(())
}

/// `chargeback.csv`: what pools and container groups cost, by owner: once by workload, by
/// namespace, and by each label of `prices.chargeback`. Each time the amounts add up to them; what
/// nobody requested and what AKS itself requested are lines of their own.
pub fn chargeback_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let unit = unit_of(&outcome.currency);
    let mut table = table(out);
    let [amount, hour, month] =
        ["amount", "per_hour", "per_month"].map(|name| format!("{name}_{unit}"));
    table.write_record(["by", "owner", &amount, &hour, &month, "share"])?;
    let cost = &outcome.cost;
    owners(outcome, "workload", &mut table, |one| &one.name)?;
    owners(outcome, "namespace", &mut table, |one| &one.namespace)?;
    for (index, key) in cost.charge_labels.iter().enumerate() {
        owners(outcome, &format!("label:{key}"), &mut table, |one| {
            one.labels[index].as_deref().unwrap_or(UNLABELLED)
        })?;
    }
    table.flush()
}

fn owners<'a>(
    outcome: &'a Outcome,
    by: &str,
    table: &mut Table<'_>,
    owner: impl Fn(&'a WorkloadCost) -> &'a str,
) -> io::Result<()> {
    let cost = &outcome.cost;
    let mut sums: Vec<(&str, Accrual)> = Vec::new();
    for one in &cost.workloads {
        let name = owner(one);
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += one.amount,
            None => sums.push((name, one.amount)),
        }
    }
    // As OpenCost spells them.
    sums.extend([("__system__", cost.system), ("__idle__", cost.idle)]);
    let of_pools: Accrual = outcome.pools.iter().map(|pool| pool.cost).sum();
    let all = of_pools + cost.virtual_nodes;
    for (name, sum) in sums {
        let [amount, hour, month] = amounts(outcome, sum);
        let share = if all.0 > 0 { sum.0 as f64 / all.0 as f64 } else { 0.0 };
        table.write_record([by, name, &amount, &hour, &month, &share.to_string()])?;
    }
    Ok(())
}

/// `cost-hours.csv`: VM time and money by clock hour, pool and way of buying. Disks of stopped VMs,
/// the control plane and items are not in it.
pub fn cost_hours_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let unit = unit_of(&outcome.currency);
    let mut table = table(out);
    let amount = format!("amount_{unit}");
    table.write_record(["from_s", "from", "pool", "vm_size", "purchase", "node_hours", &amount])?;
    for row in &outcome.cost.hours {
        let whole = i64::try_from(row.from.micros() / 1_000_000).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_second(outcome.start_epoch.saturating_add(whole));
        let at = at.map_or_else(|_| String::new(), |at| at.to_string());
        let size = outcome.pools.get(row.pool as usize).map_or("", |pool| &pool.vm_size);
        table.write_record([
            &row.from.as_secs_f64().to_string(),
            &at,
            name_of(&outcome.pool_names, Some(row.pool)),
            size,
            row.purchase,
            &(row.vm_micros as f64 / 3.6e9).to_string(),
            &row.amount.money().units().to_string(),
        ])?;
    }
    table.flush()
}

/// `prices.csv`: every price in the bill with its date and source.
pub fn prices_csv(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(out);
    table.write_record(["what", "price", "currency", "date", "source"])?;
    for one in &outcome.cost.sources {
        let row = [&one.what, &one.price, &outcome.currency, &one.date, &one.source];
        table.write_record(row)?;
    }
    table.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{HourRow, PriceSource};
    use crate::report::sample;
    use crate::unit::{HourlyRate, SimTime};

    type Writer = fn(&Outcome, &mut dyn Write) -> io::Result<()>;

    fn written(outcome: &Outcome, write: Writer) -> String {
        let mut bytes = Vec::new();
        write(outcome, &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn tables_of_the_bill_name_units_and_owners() {
        let mut outcome = sample::outcome(7);
        let half = Accrual(outcome.pools[1].cost.0 / 2);
        outcome.pools[1].reserved = (21_600_000_000, half);
        let cost = &mut outcome.cost;
        cost.not_priced.push("OS disks: `prices.osDisk: list`".to_owned());
        cost.charge_labels.push("team".to_owned());
        for (name, team) in [("order-processor", Some("blue")), ("web", None)] {
            cost.workloads.push(WorkloadCost {
                name: name.to_owned(),
                namespace: "shop".to_owned(),
                labels: vec![team.map(str::to_owned)],
                amount: HourlyRate::from_units(0.2).over(sample::RUN),
            });
        }
        cost.hours.push(HourRow {
            from: SimTime::from_secs(3_600),
            pool: 1,
            purchase: "reserved",
            vm_micros: 3_600_000_000,
            amount: Accrual(270_000_000 * 3_600_000_000),
        });
        cost.sources.push(PriceSource {
            what: "Standard_D8s_v5 on demand".to_owned(),
            price: "0.46/h".to_owned(),
            date: "2026-08-20".to_owned(),
            source: "westeurope".to_owned(),
        });
        let writers: [Writer; 4] = [cost_csv, chargeback_csv, cost_hours_csv, prices_csv];
        let tables = writers.map(|write| written(&outcome, write));
        insta::assert_snapshot!(tables.join("\n"));
    }
}
