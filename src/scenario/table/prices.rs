//! Recorded spot prices.

use super::clock::{Clock, after_start};
use super::error::TableErrors;
use super::text::Table;
use crate::unit::{HourlyRate, SimTime};

/// Columns of a recording of prices.
#[derive(Clone, Copy, Debug)]
pub struct PriceColumns<'a> {
    /// Time.
    pub time: &'a str,
    /// Price an hour.
    pub price: &'a str,
    /// VM size.
    pub size: Option<&'a str>,
    /// Zone.
    pub zone: Option<&'a str>,
    /// Pool.
    pub pool: Option<&'a str>,
}

/// A price, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTableRow {
    /// From when on; what began before the start holds at the start.
    pub at: SimTime,
    /// Price an hour.
    pub price: HourlyRate,
    /// VM size, or empty: all.
    pub size: String,
    /// Zone; `None`: all.
    pub zone: Option<u8>,
    /// Pool, or empty: all.
    pub pool: String,
}

/// The prices of a recording, in order of time.
///
/// # Errors
/// Missing columns, times that are none or do not ascend, prices that are none, unknown zones.
pub fn prices(
    table: &Table,
    clock: Clock,
    columns: PriceColumns<'_>,
) -> Result<Vec<PriceTableRow>, TableErrors> {
    let mut errors = TableErrors::default();
    let needed = [columns.time, columns.price].map(|name| table.column(name, &mut errors));
    let [size, zone, pool] = [columns.size, columns.zone, columns.pool]
        .map(|name| name.and_then(|name| table.column(name, &mut errors)));
    let [Some(time), Some(price)] = needed else { return Err(errors) };
    if !errors.is_empty() {
        return Err(errors);
    }
    let times = clock.column(table, time, &mut errors);
    let mut rows = Vec::with_capacity(times.len());
    for (index, (line, record)) in table.rows().enumerate() {
        let field = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).unwrap_or_default()
        };
        let rate = rate(table, line, record, price, &mut errors);
        let zone = zone.filter(|&column| !field(Some(column)).is_empty());
        let zone = match zone {
            Some(column) => zone_number(table, line, record, column, &mut errors),
            None => Some(None),
        };
        if let (Some(&micros), Some(price), Some(zone)) = (times.get(index), rate, zone) {
            let at = after_start(micros).unwrap_or(SimTime::ZERO);
            let (size, pool) = (field(size).to_owned(), field(pool).to_owned());
            rows.push(PriceTableRow { at, price, size, zone, pool });
        }
    }
    errors.or(rows)
}

/// A price an hour.
fn rate(
    table: &Table,
    line: u64,
    record: &csv::StringRecord,
    column: usize,
    errors: &mut TableErrors,
) -> Option<HourlyRate> {
    /// No VM costs as much an hour.
    const ASTRONOMICAL: f64 = 1e6;
    let price = table.number(line, record, column, errors)?;
    if (0.0..ASTRONOMICAL).contains(&price) {
        return Some(HourlyRate::from_units(price));
    }
    let message = format!("`{price}` is no price of a VM an hour");
    errors.add(line, table.header(column), message, "from 0 to a million");
    None
}

/// `1`, or the zone label's `westeurope-1`.
fn zone_number(
    table: &Table,
    line: u64,
    record: &csv::StringRecord,
    column: usize,
    errors: &mut TableErrors,
) -> Option<Option<u8>> {
    let text = record.get(column).unwrap_or_default();
    let number = text.rsplit('-').next().and_then(|digit| digit.parse::<u8>().ok());
    if let Some(number @ 1..=3) = number {
        return Some(Some(number));
    }
    errors.add(line, table.header(column), format!("`{text}` is no zone"), "zones are 1, 2 and 3");
    None
}

#[cfg(test)]
mod tests {
    use super::super::clock::Align;
    use super::*;

    const COLUMNS: PriceColumns<'_> = PriceColumns {
        time: "time",
        price: "usd",
        size: Some("sku"),
        zone: Some("zone"),
        pool: None,
    };

    fn read(text: &str, align: Align) -> Result<Vec<PriceTableRow>, TableErrors> {
        let table = Table::read(text.as_bytes(), true).unwrap();
        prices(&table, Clock { align, start_epoch: 1_000 }, COLUMNS)
    }

    #[test]
    fn a_row_names_whose_price_it_is() {
        let text = "time,usd,sku,zone\n900,0.1,,\n1060,0.125,Standard_D4s_v5,westeurope-2\n";
        let seen = |align| {
            let rows = read(text, align).unwrap();
            rows.iter().map(|row| (row.at.as_secs_f64(), row.price.0, row.zone)).collect::<Vec<_>>()
        };
        let (first, second) = (100_000_000, 125_000_000);
        assert_eq!(seen(Align::FirstRow), [(0.0, first, None), (160.0, second, Some(2))]);
        assert_eq!(seen(Align::Absolute), [(0.0, first, None), (60.0, second, Some(2))]);
        assert_eq!(read(text, Align::FirstRow).unwrap()[1].size, "Standard_D4s_v5");
    }

    #[test]
    fn every_bad_row_is_named() {
        let text = "time,usd,sku,zone\n5,0.1,,4\n4,cheap,,\n6,-1,,us-west-2a\nlater,2e6,,\n";
        let errors = read(text, Align::FirstRow).unwrap_err();
        let texts: Vec<String> = errors.first.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 3, column `time`: `4` is before the row above",
                "line 5, column `time`: `later` is not a time",
                "line 2, column `zone`: `4` is no zone",
                "line 3, column `usd`: `cheap` is not a number",
                "line 4, column `usd`: `-1` is no price of a VM an hour",
            ]
        );
        assert_eq!(errors.more, 2);
    }
}
