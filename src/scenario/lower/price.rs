//! What a node of a pool costs: the scenario's own price, or the catalogue's less the discount.

use super::lowering::{Lowering, value};
use super::pool::{PoolReader, Size};
use crate::cloud::catalogue::{self, Purchase, VmSize};
use crate::cloud::{OsDisk, OsType, price};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, OsDiskPrice};
use crate::scenario::source::Span;
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
        &mut self,
        size: &Size<'_>,
        name: &str,
        purchase: Purchase,
        os: OsType,
        location: &str,
    ) -> Option<HourlyRate> {
        let given = self.lowering.own_price(name, purchase);
        let listed = match size {
            _ if given.is_some() => return given,
            Size::Own(_, own) => return value(&own.price).map(|price| price.0),
            Size::Listed(size) => size,
        };
        let prices = value(&self.lowering.scenario.prices);
        let hybrid = prices.and_then(|prices| value(&prices.hybrid_benefit));
        let os = if hybrid.is_some_and(|hybrid| hybrid.0) { OsType::Linux } else { os };
        let price = self.lowering.listed_price(listed, purchase, os, location);
        if price.is_some() || os == OsType::Linux {
            return price;
        }
        let linux = self.lowering.listed_price(listed, purchase, OsType::Linux, location)?;
        let licence = price::WINDOWS_PER_VCPU;
        let text = format!("{}/h a vCPU", licence.rate.units());
        let source = format!("assumption: {} ({})", licence.source, licence.date);
        self.lowering.assume(format!("prices.windowsLicence.{name}"), text, &source);
        Some(HourlyRate(linux.0 + licence.rate.0 * i64::from(listed.vcpus)))
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
        match prices.and_then(|prices| prices.os_disk.as_ref()) {
            Some(At { value: OsDiskPrice::Given(price), .. }) => return price.0,
            Some(At { value: OsDiskPrice::Listed, span }) => {
                return self.disk_tier(disk, gib, *span);
            }
            None => {}
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

    /// The list price of the tier that holds the disk.
    fn disk_tier(&mut self, disk: OsDisk, gib: u32, place: Span) -> HourlyRate {
        if let Some(listed) = price::os_disk(disk, gib) {
            let text = format!("{}/h", listed.rate.units());
            let source = format!("{} ({})", listed.source, listed.date);
            self.lowering.assume(self.path("osDiskPrice"), text, &source);
            return listed.rate;
        }
        let message = format!("there is no list price of an OS disk of {gib} GiB");
        self.lowering.report(
            Diagnostic::error(code::NO_PRICE, message)
                .at(place, "`list` is not known for it")
                .help("give it: `prices.osDisk: 0.11/h`; a month has 730 hours"),
        );
        HourlyRate(0)
    }
}

impl Lowering<'_, '_> {
    /// The region whose prices are taken.
    pub fn price_region<'s>(&'s self, location: &'s str) -> &'s str {
        let prices = value(&self.scenario.prices);
        prices.and_then(|prices| value(&prices.region)).map_or(location, |at| &at.0)
    }

    /// The scenario's own price of a size.
    pub fn own_price(&self, size: &str, purchase: Purchase) -> Option<HourlyRate> {
        let prices = value(&self.scenario.prices);
        let overrides = prices.and_then(|prices| value(&prices.overrides))?;
        let (_, given) = overrides.iter().find(|(key, _)| key.eq_ignore_ascii_case(size))?;
        let keys = &given.0;
        let own = match purchase {
            Purchase::OnDemand => &keys.on_demand,
            Purchase::Spot => &keys.spot,
            Purchase::Reserved1Year => &keys.reserved_1y,
            Purchase::Reserved3Years => &keys.reserved_3y,
            Purchase::SavingsPlan1Year => &keys.savings_plan_1y,
            Purchase::SavingsPlan3Years => &keys.savings_plan_3y,
            Purchase::SavingsPlanListed => &None,
        };
        value(own).map(|price| price.0)
    }

    /// The catalogue's price; the discount is one on prices on demand and of spot.
    pub fn listed_price(
        &self,
        size: &VmSize,
        purchase: Purchase,
        os: OsType,
        location: &str,
    ) -> Option<HourlyRate> {
        let rate = size.price(self.price_region(location), purchase, os)?;
        let prices = value(&self.scenario.prices);
        let discount = prices.and_then(|prices| value(&prices.discount)).map_or(0.0, |at| at.0);
        let discounted = matches!(purchase, Purchase::OnDemand | Purchase::Spot) && discount > 0.0;
        Some(if discounted { less(rate, discount) } else { rate })
    }
}

/// A price less a discount.
pub fn less(rate: HourlyRate, discount: f64) -> HourlyRate {
    HourlyRate::from_units(rate.units() * (1.0 - discount))
}
