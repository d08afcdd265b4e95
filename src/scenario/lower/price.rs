//! What a node of a pool costs: the scenario's own price, or the catalogue's less the discount.

use super::lowering::value;
use super::pool::{PoolReader, Size};
use crate::cloud::catalogue::{self, Purchase};
use crate::cloud::{OsDisk, OsType, price};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::unit::HourlyRate;

impl PoolReader<'_, '_, '_> {
    /// What a node costs, and what it would cost on demand where that is known.
    pub(super) fn prices(
        &mut self,
        size: &Size<'_>,
        spot: bool,
        os: OsType,
        location: &str,
    ) -> Option<(HourlyRate, Option<HourlyRate>)> {
        let name = match size {
            Size::Listed(size) => size.name.as_str(),
            Size::Own(name, _) => name,
        };
        let on_demand = self.price(size, name, Purchase::OnDemand, os, location);
        if !spot {
            return on_demand
                .map(|rate| (rate, Some(rate)))
                .or_else(|| self.no_price(name, "", location));
        }
        let rate = self.price(size, name, Purchase::Spot, os, location);
        match (rate, on_demand) {
            (Some(rate), on_demand) => Some((rate, on_demand)),
            (None, _) => self.no_price(name, ".spot", location),
        }
    }

    fn price(
        &self,
        size: &Size<'_>,
        name: &str,
        purchase: Purchase,
        os: OsType,
        location: &str,
    ) -> Option<HourlyRate> {
        let prices = value(&self.lowering.scenario.prices);
        let given = prices.and_then(|prices| value(&prices.overrides)).and_then(|overrides| {
            let mut entries = overrides.iter();
            entries.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, given)| given)
        });
        let own = given.and_then(|given| match purchase {
            Purchase::Spot => value(&given.0.spot),
            _ => value(&given.0.on_demand),
        });
        if let Some(price) = own {
            return Some(price.0);
        }
        let listed = match size {
            Size::Own(_, own) => return value(&own.price).map(|price| price.0),
            Size::Listed(size) => size,
        };
        let region = prices.and_then(|prices| value(&prices.region)).map_or(location, |at| &at.0);
        let share = prices.and_then(|prices| value(&prices.discount)).map_or(0.0, |at| at.0);
        let rate = listed.price(region, purchase, os)?;
        Some(if share > 0.0 { HourlyRate::from_units(rate.units() * (1.0 - share)) } else { rate })
    }

    fn no_price<T>(&mut self, size: &str, suffix: &str, location: &str) -> Option<T> {
        let place = self.given.vm_size.as_ref().map_or(self.place, |at| at.span);
        let known = catalogue::regions().iter().any(|region| region.eq_ignore_ascii_case(location));
        let region = match known {
            true => String::new(),
            false => format!("regions with prices: {}; ", catalogue::regions().join(", ")),
        };
        self.lowering.report(
            Diagnostic::error(
                code::NO_PRICE,
                format!("the catalogue has no price of `{size}` in {location}"),
            )
            .at(place, "this size")
            .help(format!("{region}give it: `prices.overrides.{size}{suffix}: 0.46/h`")),
        );
        None
    }

    pub(super) fn disk_price(&mut self, disk: OsDisk, gib: u32, size: &Size<'_>) -> HourlyRate {
        let prices = value(&self.lowering.scenario.prices);
        if disk == OsDisk::Ephemeral || matches!(size, Size::Own(..)) {
            return HourlyRate(0);
        }
        if let Some(price) = prices.and_then(|prices| value(&prices.os_disk)) {
            return price.0;
        }
        // Cost is that of VMs unless the scenario asks for more; the list price is named.
        let path = self.path("osDiskPrice");
        let source = match price::os_disk(disk, gib) {
            Some(listed) => format!(
                "OS disks are not in the bill unless `prices.osDisk` is given; listed at {}/h ({})",
                listed.rate.units(),
                listed.source
            ),
            None => "OS disks are not in the bill unless `prices.osDisk` is given".to_owned(),
        };
        self.lowering.assume(path, "not priced", &source);
        HourlyRate(0)
    }
}
