//! `prices.commitments`, and what is known of the prices of each pool.

use super::lowering::{Lowering, value};
use super::price::less;
use crate::cloud::catalogue::{self, Purchase, VmSize};
use crate::cloud::commitment::{CommitmentKind, CommitmentSpec, Term};
use crate::cloud::{OsDisk, OsType, PoolPrices, PoolSpec, PriceSpec, price};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, Commitment, OsDiskPrice, TermName};
use crate::scenario::source::Span;
use crate::unit::{HourlyRate, PoolId, Symbol};

/// Prices of pools under commitments, the commitments, and where all prices come from.
pub fn lower(lowering: &mut Lowering<'_, '_>, spec: &mut PriceSpec) {
    let location = lowering.location().to_owned();
    let region = lowering.price_region(&location).to_owned();
    if !region.eq_ignore_ascii_case(&location) {
        let source = format!("assumption: stands in for the prices of {location}");
        lowering.assume("prices.region", region, &source);
    }
    spec.pools = lowering.pools.iter().map(|pool| lowering.pool_prices(pool)).collect();
    let given = value(&lowering.scenario.prices).and_then(|prices| value(&prices.commitments));
    // One without a term is refused already.
    for one in given.into_iter().flatten().filter(|one| one.value.term.is_some()) {
        if let Some(kind) = lowering.commitment(one, spec) {
            let term = term(one);
            let name = lowering.commitment_name(&one.value, term, &spec.commitments);
            spec.commitments.push(CommitmentSpec { name, term, kind });
        }
    }
    sources(lowering, spec);
}

fn term(one: &At<Commitment>) -> Term {
    match value(&one.value.term) {
        Some(TermName::ThreeYears) => Term::ThreeYears,
        Some(TermName::OneYear) | None => Term::OneYear,
    }
}

const fn reserved(term: Term) -> Purchase {
    match term {
        Term::OneYear => Purchase::Reserved1Year,
        Term::ThreeYears => Purchase::Reserved3Years,
    }
}

const fn under_plan(term: Term) -> Purchase {
    match term {
        Term::OneYear => Purchase::SavingsPlan1Year,
        Term::ThreeYears => Purchase::SavingsPlan3Years,
    }
}

/// The units that a VM of `size` takes of a reservation of `of`, and those of one `of`: instance
/// size flexibility counts vCPUs among the sizes of a family with the same memory a vCPU, as in the
/// published ratios of the DSv2 series (azure-docs
/// `virtual-machines-common-reserved-vm-instance-size-flexibility.md`, 2020-02-18).
fn units(of: &VmSize, size: &VmSize) -> Option<(u32, u32)> {
    let alike = of.family == size.family
        && of.memory_bytes * i64::from(size.vcpus) == size.memory_bytes * i64::from(of.vcpus)
        && of.gpus == 0
        && size.gpus == 0;
    alike.then_some((size.vcpus, of.vcpus))
}

impl Lowering<'_, '_> {
    /// `cluster.location`
    pub fn location(&self) -> &str {
        let cluster = value(&self.scenario.cluster);
        cluster.and_then(|cluster| value(&cluster.location)).map_or("westeurope", |at| &at.0)
    }

    /// A size of the catalogue that the scenario does not describe itself.
    fn listed_size(&self, name: &str) -> Option<&'static VmSize> {
        let own = value(&self.scenario.vm_sizes).is_some_and(|sizes| sizes.contains_key(name));
        if own { None } else { catalogue::find(name).ok() }
    }

    /// What commitments can replace of the price of a VM of the pool, and its reserved prices.
    fn pool_prices(&self, pool: &PoolSpec) -> PoolPrices {
        if pool.spot {
            return PoolPrices::default();
        }
        let name = self.tables.symbols.text(pool.size.name);
        let windows = pool.os == OsType::Windows;
        let own = self.own_price(name, Purchase::OnDemand);
        let compute = match self.listed_size(name).filter(|_| windows && own.is_none()) {
            Some(size) => {
                self.listed_price(size, Purchase::OnDemand, OsType::Linux, self.location())
            }
            None => Some(pool.price),
        };
        let compute = compute.map(|rate| rate.min(pool.price));
        let reserved = Term::ALL.map(|term| self.committed_price(name, reserved(term), compute));
        PoolPrices { compute, reserved }
    }

    /// A price under a commitment: the scenario's own, the catalogue's, or with the assumed
    /// discount.
    fn committed_price(
        &self,
        size: &str,
        purchase: Purchase,
        on_demand: Option<HourlyRate>,
    ) -> Option<HourlyRate> {
        let listed = || {
            let listed = self.listed_size(size)?;
            self.listed_price(listed, purchase, OsType::Linux, self.location())
        };
        let assumed = || {
            let prices = value(&self.scenario.prices)?;
            let reservation =
                matches!(purchase, Purchase::Reserved1Year | Purchase::Reserved3Years);
            let discount = value(&prices.assume_discount).filter(|_| reservation)?;
            on_demand.map(|rate| less(rate, discount.0))
        };
        self.own_price(size, purchase).or_else(listed).or_else(assumed)
    }

    fn commitment(&mut self, one: &At<Commitment>, spec: &PriceSpec) -> Option<CommitmentKind> {
        match (&one.value.reservation, &one.value.savings_plan) {
            (Some(size), None) => {
                let size = At { value: size.value.0.clone(), span: size.span };
                self.reservation(one, &size, spec)
            }
            (None, Some(money)) => self.savings_plan(one, money.value.0, spec),
            (given, _) => {
                let message = match given {
                    Some(_) => "a commitment is a `reservation` or a `savingsPlan`, not both",
                    None => {
                        "a commitment needs `reservation` (a VM size) or `savingsPlan` (0.50/h)"
                    }
                };
                self.error(code::MISSING_KEY, message, one.span, "");
                None
            }
        }
    }

    fn reservation(
        &mut self,
        one: &At<Commitment>,
        size: &At<String>,
        spec: &PriceSpec,
    ) -> Option<CommitmentKind> {
        let given = &one.value;
        let own = value(&self.scenario.vm_sizes).is_some_and(|own| own.contains_key(&size.value));
        if let Some(unknown) = catalogue::find(&size.value).err().filter(|_| !own) {
            let near: Vec<_> = unknown.nearest.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("no VM size `{}` in the catalogue", size.value);
            self.report(
                Diagnostic::error(code::UNKNOWN_SIZE, message)
                    .at(size.span, "unknown size")
                    .help(format!("nearest: {}", near.join(", "))),
            );
            return None;
        }
        let listed = self.listed_size(&size.value);
        let name = listed.map_or(size.value.clone(), |size| size.name.clone());
        let exact = |pool: &PoolSpec| self.tables.symbols.text(pool.size.name) == name;
        let flexible = value(&given.flexible).is_none_or(|flexible| flexible.0);
        let mut covers: Vec<(bool, PoolId, u32)> = Vec::new();
        let of_units = listed.filter(|_| flexible).map_or(1, |size| size.vcpus);
        for (index, pool) in self.pools.iter().enumerate().filter(|(_, pool)| !pool.spot) {
            let pool_size = self.listed_size(self.tables.symbols.text(pool.size.name));
            let similar = listed.zip(pool_size).filter(|_| flexible);
            let takes = match similar.and_then(|(of, size)| units(of, size)) {
                Some((takes, _)) => takes,
                None if exact(pool) => of_units,
                None => continue,
            };
            covers.push((!exact(pool), PoolId::from(index), takes));
        }
        covers.sort_by_key(|&(other, pool, _)| (other, pool));
        let on_demand = self.reserved_on_demand(&name, &covers, spec);
        let term = term(one);
        let price = match value(&given.discount) {
            Some(discount) => on_demand.map(|rate| less(rate, discount.0)),
            None => self.committed_price(&name, reserved(term), on_demand),
        };
        if covers.is_empty() {
            self.report(
                Diagnostic::warning(
                    code::UNUSED_PRICE,
                    format!("no pool on demand has `{name}` or a size of its family"),
                )
                .at(one.span, "this reservation is paid for nothing")
                .help("reserve a size of a pool that is not spot, or take it out"),
            );
        }
        let Some(price) = price else {
            self.no_committed_price(&name, term, one.span);
            return None;
        };
        Some(CommitmentKind::Reservation {
            quantity: value(&given.quantity).map_or(1, |quantity| quantity.0),
            price,
            units: of_units,
            covers: covers.into_iter().map(|(_, pool, takes)| (pool, takes)).collect(),
        })
    }

    /// What a VM of the reserved size costs on demand.
    fn reserved_on_demand(
        &self,
        name: &str,
        covers: &[(bool, PoolId, u32)],
        spec: &PriceSpec,
    ) -> Option<HourlyRate> {
        if let Some(&(false, pool, _)) = covers.first() {
            return spec.pools[pool].compute;
        }
        let listed = || {
            let size = self.listed_size(name)?;
            self.listed_price(size, Purchase::OnDemand, OsType::Linux, self.location())
        };
        self.own_price(name, Purchase::OnDemand).or_else(listed)
    }

    fn no_committed_price(&mut self, size: &str, term: Term, place: Span) {
        let message = format!(
            "there is no price of `{size}` reserved for {} in {}",
            term.name(),
            self.price_region(self.location())
        );
        self.report(
            Diagnostic::error(code::NO_PRICE, message)
                .at(place, "what it costs is not known")
                .help(format!(
                    "give `discount: 41%`, or `prices.overrides.{size}.reserved{}: 0.27/h`, or \
                     take another region's prices (`prices.region: polandcentral` has them), or \
                     run with `--assume-ri-discount 41%`",
                    term.name()
                )),
        );
    }

    fn savings_plan(
        &mut self,
        one: &At<Commitment>,
        commitment: HourlyRate,
        spec: &PriceSpec,
    ) -> Option<CommitmentKind> {
        let term = term(one);
        let mut covers: Vec<(f64, PoolId, HourlyRate)> = Vec::new();
        let mut unknown: Vec<String> = Vec::new();
        for (pool, prices) in spec.pools.enumerate() {
            let Some(on_demand) = prices.compute else { continue };
            let name = self.tables.symbols.text(self.pools[pool].size.name).to_owned();
            let price = match value(&one.value.discount) {
                Some(discount) => Some(less(on_demand, discount.0)),
                None => self.committed_price(&name, under_plan(term), None),
            };
            // Azure takes the lower of the plan's and one's own price on demand.
            match price.map(|price| price.min(on_demand)) {
                Some(price) => {
                    let share = price.0 as f64 / on_demand.0.max(1) as f64;
                    covers.push((share, pool, price));
                }
                None if unknown.contains(&name) => {}
                None => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            let region = self.price_region(self.location());
            let message = format!(
                "there is no price of `{}` under a savings plan of {} in {region}",
                unknown.join("`, `"),
                term.name()
            );
            self.report(
                Diagnostic::error(code::NO_PRICE, message)
                    .at(one.span, "what it covers is not known")
                    .help(format!(
                        "give `discount: 24%`, or `prices.overrides.{}.savingsPlan{}: 0.35/h`, or \
                         take another region's prices (`prices.region: polandcentral` has them)",
                        unknown[0],
                        term.name()
                    )),
            );
            return None;
        }
        // The greatest discount first.
        covers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let covers = covers.into_iter().map(|(_, pool, price)| (pool, price)).collect();
        Some(CommitmentKind::SavingsPlan { commitment, covers })
    }

    /// The prices of a commitment: of one reservation, or of each VM under a savings plan.
    fn committed_sources(&self, one: &CommitmentSpec, region: &str) -> Vec<[String; 4]> {
        let text = |symbol| self.tables.symbols.text(symbol);
        let name = text(one.name);
        let given = value(&self.scenario.prices).and_then(|prices| value(&prices.commitments));
        let given = given.into_iter().flatten().find(|given| {
            let size = value(&given.value.reservation);
            size.is_some() == matches!(one.kind, CommitmentKind::Reservation { .. })
                && term(given) == one.term
                && value(&given.value.name).is_none_or(|own| own.0 == name)
        });
        let discount = given.and_then(|given| value(&given.value.discount));
        let row = |size: &str, purchase: Purchase, price: HourlyRate, each: &str| {
            let listed = self.listed_size(size).and_then(|listed| {
                self.listed_price(listed, purchase, OsType::Linux, self.location())
            });
            let (date, source) = match (discount, self.own_price(size, purchase), listed) {
                (None, None, Some(_)) => {
                    (catalogue::date(), format!("{region}: {}", catalogue::source()))
                }
                (None, None, None) => ("", "assumed: prices.assumeRiDiscount".to_owned()),
                _ => ("", "the scenario".to_owned()),
            };
            [format!("{name}{each}"), format!("{}/h", price.units()), date.to_owned(), source]
        };
        match &one.kind {
            CommitmentKind::Reservation { price, .. } => {
                let size = given.and_then(|given| value(&given.value.reservation));
                let size = size.map_or("", |size| size.0.as_str());
                vec![row(size, reserved(one.term), *price, ", one reservation")]
            }
            CommitmentKind::SavingsPlan { covers, .. } => {
                let mut rows: Vec<[String; 4]> = covers
                    .iter()
                    .map(|&(pool, price)| {
                        let size = text(self.pools[pool].size.name);
                        row(size, under_plan(one.term), price, &format!(", one {size}"))
                    })
                    .collect();
                rows.sort();
                rows.dedup();
                rows
            }
        }
    }

    /// A name of its own for each commitment.
    fn commitment_name(
        &mut self,
        given: &Commitment,
        term: Term,
        known: &[CommitmentSpec],
    ) -> Symbol {
        let name = match (value(&given.name), value(&given.reservation)) {
            (Some(name), _) => name.0.clone(),
            (None, Some(size)) => {
                format!("{}-{}", size.0.trim_start_matches("Standard_"), term.name())
            }
            (None, None) => format!("savings-plan-{}", term.name()),
        };
        let mut unique = self.tables.intern(&name);
        let mut twin = 2;
        while known.iter().any(|one| one.name == unique) {
            unique = self.tables.intern(&format!("{name}-{twin}"));
            twin += 1;
        }
        unique
    }
}

/// Where each price of a VM comes from.
fn sources(lowering: &Lowering<'_, '_>, spec: &mut PriceSpec) {
    let region = lowering.price_region(lowering.location());
    for pool in lowering.pools.iter() {
        let name = lowering.tables.symbols.text(pool.size.name);
        let (bought, purchase) = match pool.spot {
            true => ("spot", Purchase::Spot),
            false => ("on demand", Purchase::OnDemand),
        };
        let windows = if pool.os == OsType::Windows { ", Windows" } else { "" };
        let own = lowering.own_price(name, purchase).is_some();
        let (date, source) = match lowering.listed_size(name).filter(|_| !own) {
            Some(_) => (catalogue::date(), format!("{region}: {}", catalogue::source())),
            None => ("", "the scenario".to_owned()),
        };
        let price = format!("{}/h", pool.price.units());
        spec.sources.push([format!("{name} {bought}{windows}"), price, date.to_owned(), source]);
        if pool.disk_price.0 > 0 {
            let disk = format!("OS disk of {}", lowering.tables.symbols.text(pool.name));
            let price = format!("{}/h", pool.disk_price.units());
            let asked = value(&lowering.scenario.prices).and_then(|prices| value(&prices.os_disk));
            let tier = price::default_os_disk_gib(0);
            let listed = price::os_disk(OsDisk::Managed, tier);
            let listed = listed.filter(|_| asked == Some(&OsDiskPrice::Listed));
            let (date, source) =
                listed.map_or(("", "the scenario"), |listed| (listed.date, listed.source));
            spec.sources.push([disk, price, date.to_owned(), source.to_owned()]);
        }
    }
    spec.sources.sort();
    spec.sources.dedup();
    for index in 0..spec.commitments.len() {
        let rows = lowering.committed_sources(&spec.commitments[index], region);
        spec.sources.extend(rows);
    }
    let plane = price::control_plane(lowering.tier);
    let rate = format!("{}/h", plane.rate.units());
    let what = format!("control plane, {:?}", lowering.tier);
    spec.sources.push([what, rate, plane.date.to_owned(), plane.source.to_owned()]);
    let missing = |term: usize| {
        spec.pools.iter().any(|pool| pool.compute.is_some() && pool.reserved[term].is_none())
    };
    if missing(0) || missing(1) {
        spec.not_priced.push(format!(
            "reservations: reserved prices are not known in {region}; `prices.region`, \
             `prices.overrides` or `--assume-ri-discount`"
        ));
    }
}
