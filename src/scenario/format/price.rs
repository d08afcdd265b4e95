//! `prices:`: what VMs cost, what is committed, and what else is in the bill.

use indexmap::IndexMap;

use super::reader::{At, Read, Reader, section};
use super::value::{Amount, Count, Price, Share, Switch, Text, words};
use crate::scenario::node::Node;

section! {
    /// Prices.
    pub struct Prices {
        /// Currency code; amounts of the catalogue are USD.
        "currency" currency: Text = "USD", "the catalogue's currency";
        /// Region of the prices, where it is another than `cluster.location`.
        "region" region: Text;
        /// Prices per VM size.
        "overrides" overrides: IndexMap<String, Override>;
        /// Discount on catalogue prices on demand and of spot.
        "discount" discount: Share = "0%", "own default";
        /// Windows VMs cost what Linux VMs do (Azure Hybrid Benefit).
        "hybridBenefit" hybrid_benefit: Switch = "false", "own default";
        /// Other items per hour while the cluster runs.
        "items" items: IndexMap<String, Price>;
        /// Reservations and savings plans, laid under the usage of pools on demand.
        "commitments" commitments: Vec<At<Commitment>>;
        /// Discount of reservations whose price is not known.
        "assumeRiDiscount" assume_discount: Share;
        /// An OS disk an hour, or `list`: the list price of its tier.
        "osDisk" os_disk: OsDiskPrice;
        /// Standard Load Balancer.
        "loadBalancer" load_balancer: LoadBalancer;
        /// NAT gateway.
        "natGateway" nat_gateway: Traffic;
        /// Traffic to the internet.
        "egress" egress: Traffic;
        /// Logs that Azure Monitor takes in.
        "logAnalytics" log_analytics: LogAnalytics;
        /// Samples that Azure Monitor's managed service for Prometheus takes in.
        "managedPrometheus" managed_prometheus: ManagedPrometheus;
        /// Container groups of the virtual node.
        "virtualNodes" virtual_nodes: VirtualNodePrices;
        /// Shares the bill by labels of pods too: `label:team`. Workloads and namespaces always
        /// have their part.
        "chargeback" chargeback: Vec<At<Text>>;
    }
}

/// A price of a size: one, or per purchase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Override(pub OverrideKeys);

section! {
    /// Prices of a VM size per purchase.
    pub struct OverrideKeys {
        /// On demand.
        "onDemand" on_demand: Price;
        /// Spot.
        "spot" spot: Price;
        /// Reserved for one year.
        "reserved1y" reserved_1y: Price;
        /// Reserved for three years.
        "reserved3y" reserved_3y: Price;
        /// Under a savings plan of one year.
        "savingsPlan1y" savings_plan_1y: Price;
        /// Under a savings plan of three years.
        "savingsPlan3y" savings_plan_3y: Price;
    }
}

impl Read for Override {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.text().is_none() {
            return OverrideKeys::read(node, reader).map(Self);
        }
        let price = At { value: Price::read(node, reader)?, span: node.span };
        Some(Self(OverrideKeys { on_demand: Some(price), ..OverrideKeys::default() }))
    }
}

impl schemars::JsonSchema for Override {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PriceOverride".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (one, keys) =
            (generator.subschema_for::<Price>(), generator.subschema_for::<OverrideKeys>());
        schemars::json_schema!({"anyOf": [one, keys]})
    }
}

/// What an OS disk costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OsDiskPrice {
    /// The list price of its tier.
    Listed,
    /// This much an hour.
    Given(Price),
}

impl Read for OsDiskPrice {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.text() {
            Some(text) if text.eq_ignore_ascii_case("list") => Some(Self::Listed),
            Some(text) if !text.contains('/') => {
                reader.bad_value(node, "must be `list` or a price per hour such as `0.06/h`");
                None
            }
            _ => Price::read(node, reader).map(Self::Given),
        }
    }
}

impl schemars::JsonSchema for OsDiskPrice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OsDiskPrice".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let price = generator.subschema_for::<Price>();
        schemars::json_schema!({"anyOf": [{"const": "list"}, price]})
    }
}

section! {
    /// A reservation (`reservation`, `quantity`) or a savings plan (`savingsPlan`).
    pub struct Commitment {
        /// Name in outputs; without it size or money and term.
        "name" name: Text;
        /// VM size that is reserved.
        "reservation" reservation: Text;
        /// How many are reserved.
        "quantity" quantity: Count;
        /// Money an hour that is committed to.
        "savingsPlan" savings_plan: Price;
        /// Term.
        "term" term: TermName, required;
        /// Discount on the price on demand; without it the price of the catalogue or of
        /// `overrides`.
        "discount" discount: Share;
        /// Whether a reservation covers other sizes of its family by their vCPUs.
        "instanceSizeFlexibility" flexible: Switch;
    }
}

words! {
    /// How long one is committed.
    pub enum TermName {
        /// One year.
        "1y" OneYear,
        /// Three years.
        "3y" ThreeYears,
    }
}

section! {
    /// Standard Load Balancer.
    pub struct LoadBalancer {
        /// Rules, outbound rules included.
        "rules" rules: Count, required;
        /// Gigabytes a month that it passes on.
        "gbPerMonth" gb_per_month: Amount;
    }
}

section! {
    /// Traffic.
    pub struct Traffic {
        /// Gigabytes a month.
        "gbPerMonth" gb_per_month: Amount, required;
        /// Price of a gigabyte instead of the listed one; no allowance is taken off then.
        "pricePerGB" price: Amount;
    }
}

section! {
    /// Prices of container groups.
    pub struct VirtualNodePrices {
        /// A vCPU.
        "vcpu" vcpu: Price, required;
        /// A gigabyte of memory.
        "gb" gigabyte: Price, required;
    }
}

section! {
    /// Logs.
    pub struct LogAnalytics {
        /// Gigabytes a day for each node.
        "gbPerNodeDay" gb_per_node_day: Amount, required;
        /// Gigabytes a month whatever the number of nodes.
        "gbPerMonth" gb_per_month: Amount;
        /// Table plan.
        "plan" plan: LogPlan = "Analytics", "Azure default";
        /// Price of a gigabyte instead of the listed one; no allowance is taken off then.
        "pricePerGB" price: Amount;
    }
}

words! {
    /// Table plan of Log Analytics.
    pub enum LogPlan {
        /// Full.
        "Analytics" Analytics,
        /// Cheaper, queries are paid for.
        "Basic" Basic,
        /// Cheapest.
        "Auxiliary" Auxiliary,
    }
}

section! {
    /// Samples of metrics.
    pub struct ManagedPrometheus {
        /// Samples a minute for each node.
        "samplesPerNodeMinute" per_node: Count;
        /// Samples a minute whatever the number of nodes.
        "samplesPerMinute" per_minute: Count;
        /// Price of 10 million samples instead of the listed one.
        "pricePer10MSamples" price: Amount;
    }
}
