//! Items of the bill beside VMs, and what the bill leaves out.

use indexmap::IndexMap;

use super::lowering::{Lowering, value};
use crate::cloud::item::{self, GB, ItemSpec, ListedMeter, MeterSpec};
use crate::cloud::{OsDisk, PriceSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{Amount, At, LogPlan, Price, Prices};
use crate::scenario::source::Span;
use crate::unit::HourlyRate;

const DAYS_PER_MONTH: f64 = 730.0 / 24.0;
const MINUTES_PER_MONTH: u64 = 730 * 60;

/// Gigabytes as the meters count them.
fn gigabytes(amount: f64) -> u64 {
    (amount * GB as f64 + 0.5) as u64
}

fn amount(given: &Option<At<Amount>>) -> f64 {
    value(given).map_or(0.0, |amount| amount.0)
}

/// Reads all items.
pub fn lower(lowering: &mut Lowering<'_, '_>, spec: &mut PriceSpec) {
    let none = Prices::default();
    let given = value(&lowering.scenario.prices).unwrap_or(&none);
    if let Some(at) = &given.items {
        own_items(lowering, at, spec);
    }
    let mut items = Items { lowering, spec };
    items.load_balancer(given);
    items.traffic(given);
    items.monitoring(given);
    items.left_out(given);
    charge_labels(lowering, given, spec);
}

/// Names that items of the bill have by themselves.
const RESERVED: [&str; 8] = [
    "loadBalancer",
    "natGateway",
    "egress",
    "logAnalytics",
    "managedPrometheus",
    "virtualNodes",
    "unusedReservation",
    "unusedSavingsPlan",
];

/// `prices.items`
fn own_items(
    lowering: &mut Lowering<'_, '_>,
    given: &At<IndexMap<String, Price>>,
    spec: &mut PriceSpec,
) {
    for (name, rate) in &given.value {
        if RESERVED.contains(&name.as_str()) {
            let message = format!("the item `{name}` has the name of one of forescale's own");
            lowering.error(code::TWICE, message, given.span, "give it another name");
        }
        let text = format!("{}/h", rate.0.units());
        spec.sources.push([name.clone(), text, String::new(), "the scenario".to_owned()]);
        let name = lowering.tables.intern(name);
        spec.items.push(ItemSpec::hourly(name, rate.0));
    }
}

/// `prices.chargeback`
fn charge_labels(lowering: &mut Lowering<'_, '_>, given: &Prices, spec: &mut PriceSpec) {
    for at in value(&given.chargeback).into_iter().flatten() {
        match at.value.0.strip_prefix("label:").map(str::trim).filter(|key| !key.is_empty()) {
            Some(key) => {
                let key = lowering.tables.intern(key);
                if !spec.charge_labels.contains(&key) {
                    spec.charge_labels.push(key);
                }
            }
            None if at.value.0 == "namespace" || at.value.0 == "workload" => {}
            None => lowering.report(
                Diagnostic::error(
                    code::BAD_VALUE,
                    format!("the bill cannot be shared by `{}`", at.value.0),
                )
                .at(at.span, "")
                .help("write `label:team`; workloads and namespaces always have their part"),
            ),
        }
    }
}

struct Items<'l, 'a, 'f, 's> {
    lowering: &'l mut Lowering<'a, 'f>,
    spec: &'s mut PriceSpec,
}

/// How much of something is counted.
#[derive(Clone, Copy)]
struct Volume {
    per_month: u64,
    per_node_month: u64,
}

impl Items<'_, '_, '_, '_> {
    fn source(&mut self, what: &str, price: String, date: &str, source: &str) {
        self.spec.sources.push([what.into(), price, date.into(), source.into()]);
    }

    fn push(&mut self, name: &str, fixed: HourlyRate, meter: Option<MeterSpec>) {
        let name = self.lowering.tables.intern(name);
        self.spec.items.push(ItemSpec { name, fixed, meter });
    }

    /// What is counted at the listed price, or at the scenario's own.
    fn meter(
        &mut self,
        key: &str,
        listed: ListedMeter,
        own: Option<&At<Amount>>,
        volume: Volume,
        place: Span,
    ) -> Option<MeterSpec> {
        let Volume { per_month, per_node_month } = volume;
        let unit = if listed.per == GB { "GB" } else { "10 million samples" };
        if let Some(own) = own {
            let price = HourlyRate::from_units(own.value.0).0;
            self.source(key, format!("{} a {unit}", own.value.0), "", "the scenario");
            return Some(MeterSpec { per_month, per_node_month, free: 0, price, per: listed.per });
        }
        let location = self.lowering.location().to_owned();
        let region = self.lowering.price_region(&location).to_owned();
        if !listed.holds_in(&region) {
            let message = format!("there is no list price of `prices.{key}` in {region}");
            let price_key = if listed.per == GB { "pricePerGB" } else { "pricePer10MSamples" };
            let example = HourlyRate(listed.price).units();
            self.lowering.report(
                Diagnostic::error(code::NO_PRICE, message)
                    .at(place, "what it costs is not known")
                    .help(format!(
                        "give `{price_key}`; in {} it was {example} ({}, {})",
                        listed.regions.join(", "),
                        listed.date,
                        listed.source
                    )),
            );
            return None;
        }
        let price = format!("{} a {unit}", HourlyRate(listed.price).units());
        self.source(key, price, listed.date, listed.source);
        let (free, price) = (listed.free, listed.price);
        Some(MeterSpec { per_month, per_node_month, free, price, per: listed.per })
    }

    fn load_balancer(&mut self, given: &Prices) {
        let Some(at) = &given.load_balancer else { return };
        let rules = value(&at.value.rules).map_or(1, |rules| rules.0);
        let further = i64::from(rules.saturating_sub(item::INCLUDED_RULES));
        let fixed = HourlyRate(item::LOAD_BALANCER.0 + further * item::FURTHER_RULE.0);
        let per_month = gigabytes(amount(&at.value.gb_per_month));
        let volume = Volume { per_month, per_node_month: 0 };
        let listed = item::LOAD_BALANCER_DATA;
        let meter = self.meter("loadBalancer", listed, None, volume, at.span);
        let price = format!("{}/h with {rules} rules", fixed.units());
        self.source("loadBalancer", price, listed.date, listed.source);
        self.push("loadBalancer", fixed, meter);
    }

    fn traffic(&mut self, given: &Prices) {
        if let Some(at) = &given.nat_gateway {
            let per_month = gigabytes(amount(&at.value.gb_per_month));
            let volume = Volume { per_month, per_node_month: 0 };
            let listed = item::NAT_GATEWAY_DATA;
            let meter = self.meter("natGateway", listed, at.value.price.as_ref(), volume, at.span);
            let price = format!("{}/h", item::NAT_GATEWAY.units());
            self.source("natGateway", price, listed.date, listed.source);
            self.push("natGateway", item::NAT_GATEWAY, meter);
        }
        if let Some(at) = &given.egress {
            let per_month = gigabytes(amount(&at.value.gb_per_month));
            let most = item::EGRESS.free + item::EGRESS_FIRST_TIER;
            if at.value.price.is_none() && per_month > most {
                self.lowering.report(
                    Diagnostic::error(
                        code::NO_PRICE,
                        format!("egress beyond {} GB a month has no list price", most / GB),
                    )
                    .at(at.span, "tiers beyond the first are not known")
                    .help("give `pricePerGB`: the mean that you pay"),
                );
                return;
            }
            let volume = Volume { per_month, per_node_month: 0 };
            let own = at.value.price.as_ref();
            let meter = self.meter("egress", item::EGRESS, own, volume, at.span);
            self.push("egress", HourlyRate(0), meter);
        }
    }

    fn monitoring(&mut self, given: &Prices) {
        if let Some(at) = &given.log_analytics {
            let daily = amount(&at.value.gb_per_node_day);
            let volume = Volume {
                per_month: gigabytes(amount(&at.value.gb_per_month)),
                per_node_month: gigabytes(daily * DAYS_PER_MONTH),
            };
            let listed = match value(&at.value.plan) {
                Some(LogPlan::Basic) => item::LOG_ANALYTICS_BASIC,
                Some(LogPlan::Auxiliary) => item::LOG_ANALYTICS_AUXILIARY,
                Some(LogPlan::Analytics) | None => item::LOG_ANALYTICS,
            };
            let own = at.value.price.as_ref();
            let meter = self.meter("logAnalytics", listed, own, volume, at.span);
            self.push("logAnalytics", HourlyRate(0), meter);
        }
        if let Some(at) = &given.managed_prometheus {
            let count = |given: &Option<At<crate::scenario::format::Count>>| {
                value(given).map_or(0, |count| u64::from(count.0)) * MINUTES_PER_MONTH
            };
            let volume = Volume {
                per_month: count(&at.value.per_minute),
                per_node_month: count(&at.value.per_node),
            };
            let listed = item::MANAGED_PROMETHEUS;
            let own = at.value.price.as_ref();
            let meter = self.meter("managedPrometheus", listed, own, volume, at.span);
            self.push("managedPrometheus", HourlyRate(0), meter);
        }
    }

    /// What AKS clusters pay for and this scenario does not price.
    fn left_out(&mut self, given: &Prices) {
        let managed = self.lowering.pools.iter().any(|pool| pool.os_disk == OsDisk::Managed);
        let absent = [
            (managed && given.os_disk.is_none(), "OS disks: `prices.osDisk: list`"),
            (given.load_balancer.is_none(), "load balancer: `prices.loadBalancer: {rules: 1}`"),
            (given.egress.is_none(), "egress: `prices.egress: {gbPerMonth: 100}`"),
            (
                given.log_analytics.is_none(),
                "Log Analytics: `prices.logAnalytics: {gbPerNodeDay: 0.5}`",
            ),
            (
                given.managed_prometheus.is_none(),
                "managed Prometheus: `prices.managedPrometheus: {samplesPerNodeMinute: 5000}`",
            ),
        ];
        if self.lowering.pools.iter().next().is_none() {
            return;
        }
        let lines = absent.iter().filter(|(missing, _)| *missing).map(|(_, line)| *line);
        self.spec.not_priced.extend(lines.map(str::to_owned));
    }
}
