//! `spotMarket:` what takes the VMs of a spot pool, and what they cost over time.

use std::sync::Arc;

use super::lowering::{Lowering, value};
use super::pool::PoolReader;
use crate::chance::Dist;
use crate::cloud::{PriceCurve, SpotSpec, spot};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, Batch, Hazard, PoolMarket, PriceTrace, SpotMarket, SpotTrace};
use crate::scenario::table::{self, PriceColumns, PriceTableRow};
use crate::unit::{HourlyRate, SimTime, Symbol};

/// The pool that prices are looked up for.
pub(super) struct Buyer<'a> {
    /// Its name.
    pub pool: &'a str,
    /// Its VM size.
    pub size: Symbol,
    /// Its zones.
    pub zones: &'a [Symbol],
    /// The size's spot price of the catalogue, or of the scenario.
    pub list: HourlyRate,
    /// Its price on demand, where it is known.
    pub on_demand: Option<HourlyRate>,
    /// `spotMaxPrice`; `None`: −1.
    pub most: Option<HourlyRate>,
}

impl PoolReader<'_, '_, '_> {
    /// `spotMaxPrice`.
    pub(super) fn spot_max_price(&mut self) -> Option<HourlyRate> {
        let given = self.given.spot_max_price.as_ref()?;
        match given.value.0.number() {
            Some(price) if price > 0.0 => Some(HourlyRate::from_units(price)),
            Some(-1.0) => None,
            _ => {
                let message = "`spotMaxPrice` must be −1 or a price an hour above 0";
                self.lowering.error(code::BAD_VALUE, message, given.span, "");
                None
            }
        }
    }
}

impl Lowering<'_, '_> {
    /// Evictions and prices of a spot pool.
    pub(super) fn spot_market(&mut self, buyer: &Buyer<'_>) -> Option<SpotSpec> {
        let empty = SpotMarket::default();
        let market = value(&self.scenario.spot_market).unwrap_or(&empty);
        let none = PoolMarket::default();
        let own = value(&market.pools).and_then(|pools| pools.get(buyer.pool)).unwrap_or(&none);
        // What a pool says of either replaces what is said of all.
        let all: (_, Option<&At<Hazard>>) =
            (market.lifetime.as_ref(), market.eviction_rate.as_ref());
        let (life, hazard) = match (own.lifetime.as_ref(), own.eviction_rate.as_ref()) {
            (None, None) => all,
            own => own,
        };
        let lifetime = match (life, hazard) {
            (Some(life), _) => self.distribution(life),
            (None, Some(rate)) if rate.value.0 > 0.0 => {
                Some(Dist::Exponential { mean: 3_600.0 / rate.value.0 })
            }
            (None, _) => None,
        };
        let rated = life.is_some() || hazard.is_some();
        if !rated && own.trace.is_none() && market.trace.is_none() {
            let source = "assumption: no eviction unless the scenario gives a rate or a recording";
            self.assume("spotMarket.evictionRate", "0%/h", source);
        }
        let refill = own.refill_blocked.as_ref().or(market.refill_blocked.as_ref());
        let refill = self.time("spotMarket.refillBlocked", refill, spot::refill_blocked());
        let notice = value(&own.notice).or(value(&market.notice)).map(|notice| notice.0);
        if notice.is_none() {
            self.assume("spotMarket.notice", "30s", "azure-compute-docs spot-vms.md");
        }
        let batch: Option<&Batch> = value(&own.batch).or(value(&market.batch));
        let trace = own.trace.as_ref().or(market.trace.as_ref());
        let trace = match trace {
            Some(trace) => self.spot_trace(&trace.value)?,
            None => Arc::from([]),
        };
        let prices = own.price_trace.as_ref().or(market.price_trace.as_ref());
        Some(SpotSpec {
            lifetime,
            batch_share: batch.and_then(|batch| value(&batch.share)).map_or(0.0, |share| share.0),
            refill_blocked: refill,
            notice: notice.unwrap_or(SpotSpec::NOTICE),
            trace,
            prices: self.spot_prices(prices, buyer)?,
        })
    }

    /// Recorded evictions.
    fn spot_trace(&mut self, given: &SpotTrace) -> Option<Arc<[(SimTime, u32)]>> {
        let file = given.file.as_ref()?;
        let header = value(&given.header).is_none_or(|header| header.0);
        let table = self.table(file, header)?;
        let read = table::evictions(&table);
        self.checked(file, read).map(Arc::from)
    }

    /// The prices of each zone of a pool: recorded ones, up to the first of them the list price.
    fn spot_prices(
        &mut self,
        given: Option<&At<PriceTrace>>,
        buyer: &Buyer<'_>,
    ) -> Option<Vec<PriceCurve>> {
        let rows = match given {
            Some(given) => self.price_rows(&given.value)?,
            None => Vec::new(),
        };
        let size = self.tables.symbols.text(buyer.size).to_owned();
        let hers = |row: &PriceTableRow| {
            let any = |name: &str, wanted: &str| name.is_empty() || name == wanted;
            any(&row.size.to_ascii_lowercase(), &size.to_ascii_lowercase())
                && any(&row.pool, buyer.pool)
        };
        let rows: Vec<PriceTableRow> = rows.into_iter().filter(hers).collect();
        let curve = |zone: Option<u8>| {
            let its = rows.iter().filter(|row| row.zone.is_none() || row.zone == zone);
            let changes: Vec<_> = its.map(|row| (row.at, row.price)).collect();
            PriceCurve::new(buyer.list, &changes, buyer.most, buyer.on_demand)
        };
        let number = |zone: &Symbol| {
            let label = self.tables.symbols.text(*zone);
            label.rsplit('-').next().and_then(|digit| digit.parse().ok())
        };
        let curves: Vec<PriceCurve> = match buyer.zones {
            [] => vec![curve(None)],
            zones => zones.iter().map(|zone| curve(number(zone))).collect(),
        };
        if let Some(given) = given.filter(|_| rows.is_empty()) {
            let message = format!("no row of the price trace is about the pool `{}`", buyer.pool);
            let label = format!("its {size} pays {}/h all the time", buyer.list.units());
            self.report(
                Diagnostic::warning(code::NO_SPOT_PRICE, message)
                    .at(given.span, label)
                    .help("a row is of the sizes, zones and pools that it names, empty is all"),
            );
        }
        Some(curves)
    }

    fn price_rows(&mut self, given: &PriceTrace) -> Option<Vec<PriceTableRow>> {
        let file = given.file.as_ref()?;
        let table = self.table(file, true)?;
        let name = |key| value(key).map(|name: &crate::scenario::format::Text| name.0.as_str());
        let columns = PriceColumns {
            time: name(&given.time)?,
            price: name(&given.price)?,
            size: name(&given.vm_size),
            zone: name(&given.zone),
            pool: name(&given.pool),
        };
        let read = table::prices(&table, self.clock(value(&given.align)), columns);
        self.checked(file, read)
    }
}
