//! The cost card: pools by the way they are bought, commitments, what to reserve, and every price
//! with its date and source.

use crate::record::PoolTotals;
use crate::report::advice::level;
use crate::report::model::Report;
use crate::report::number::{money, percent};

/// What the card shows.
pub struct Bill {
    /// Rows: what, how it is bought, a month; the last one is the sum.
    pub rows: Vec<[String; 3]>,
    /// Rows of commitments: name, a month, used, saved a month.
    pub commitments: Vec<[String; 4]>,
    /// Sentences on what to reserve.
    pub levels: Vec<String>,
    /// Rows of prices: what, price, date, source.
    pub prices: Vec<[String; 4]>,
}

impl Bill {
    /// The bill of a scenario, means over its seeds.
    pub fn of(report: &Report) -> Self {
        let cost = &report.outcome.cost;
        let price = |one: &crate::record::PriceSource| {
            [one.what.clone(), one.price.clone(), one.date.clone(), one.source.clone()]
        };
        Self {
            rows: rows(report),
            commitments: commitments(report),
            levels: cost.levels.iter().filter_map(|one| level(report, one)).collect(),
            prices: cost.sources.iter().map(price).collect(),
        }
    }
}

fn per_month(report: &Report, amount: f64) -> String {
    money(report.per_month(amount), &report.outcome.currency)
}

/// How a pool was bought: `on-demand 40 %, reserved 60 %` of its VM time.
fn bought(pool: &PoolTotals) -> String {
    let own = if pool.spot { "spot" } else { "on-demand" };
    let covered = [("reserved", pool.reserved.0), ("savings plan", pool.savings_plan.0)];
    if covered.iter().all(|(_, micros)| *micros == 0) {
        return own.to_owned();
    }
    let rest = pool.node_micros - covered[0].1 - covered[1].1;
    let parts = [(own, rest)].into_iter().chain(covered);
    let share = |micros: u128| percent(micros as f64 / pool.node_micros.max(1) as f64);
    let parts: Vec<String> = parts
        .filter(|(_, micros)| *micros > 0)
        .map(|(name, micros)| format!("{name} {}", share(micros)))
        .collect();
    parts.join(", ")
}

fn rows(report: &Report) -> Vec<[String; 3]> {
    let mut rows: Vec<[String; 3]> = report
        .outcome
        .pools
        .iter()
        .map(|pool| {
            let amount = report.figure(&format!("cost.byPool.{}", pool.name));
            [pool.name.clone(), bought(pool), per_month(report, amount)]
        })
        .collect();
    let mut beside = |name: &str, amount: f64| {
        if amount > 0.0 {
            rows.push([name.to_owned(), String::new(), per_month(report, amount)]);
        }
    };
    beside("control plane", report.figure("cost.controlPlane"));
    for (name, _) in &report.outcome.cost.items {
        beside(name, report.figure(&format!("cost.byItem.{name}")));
    }
    rows.push(["all".to_owned(), String::new(), per_month(report, report.figure("cost.total"))]);
    rows
}

fn commitments(report: &Report) -> Vec<[String; 4]> {
    let row = |name: &String| {
        let at = |key: &str| report.figure(&format!("cost.commitments.{name}.{key}"));
        [
            name.clone(),
            per_month(report, at("paid")),
            percent(at("utilisation")),
            per_month(report, at("saved")),
        ]
    };
    report.outcome.cost.commitments.iter().map(|one| row(&one.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CommitmentTotals, PriceSource, ReservationLevel};
    use crate::report::sample;
    use crate::study::{Aggregate, Summary};
    use crate::unit::{Accrual, HourlyRate};

    #[test]
    fn the_card_tells_what_commitments_did_and_what_to_reserve() {
        let mut report = sample::report(&[7], &[]);
        let outcome = &mut report.outcome;
        outcome.pools[1].reserved = (outcome.pools[1].node_micros / 2, Accrual::default());
        outcome.cost.commitments.push(CommitmentTotals {
            name: "D8s_v5-1y".to_owned(),
            paid: HourlyRate::from_units(0.2).over(sample::RUN),
            used: HourlyRate::from_units(0.15).over(sample::RUN),
            replaced: HourlyRate::from_units(0.3).over(sample::RUN),
        });
        for (quantity, term) in [(2, "1y"), (0, "3y")] {
            outcome.cost.levels.push(ReservationLevel {
                vm_size: "Standard_D8s_v5".to_owned(),
                term,
                on_demand: HourlyRate::from_units(0.46),
                reserved: HourlyRate::from_units(0.2714),
                quantity,
                saving: HourlyRate::from_units(0.1).over(sample::RUN),
            });
        }
        outcome.cost.sources.push(PriceSource::default());
        report.study = Aggregate { runs: vec![Summary::of(&report.outcome)] };
        let bill = Bill::of(&report);
        assert_eq!(bill.rows[1][1], "on-demand 50 %, reserved 50 %");
        assert_eq!(bill.commitments, [["D8s_v5-1y", "$146.00", "75 %", "$73.00"]]);
        assert_eq!(
            bill.levels,
            ["2 × Standard_D8s_v5 reserved for 1y would cost least: $73.00 a month less than on \
              demand; each pays from 59 % use."]
        );
        assert_eq!(bill.prices.len(), 1);
    }
}
