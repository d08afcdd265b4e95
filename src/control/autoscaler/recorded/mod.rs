//! A scan written down: what the autoscaler saw, what it remembered, and what it did, with the
//! names of Kubernetes and of the autoscaler, and units in the names of the fields.
//!
//! Times are seconds since the scenario's start. What is absent is null, empty or unknown.

mod decision;
mod memory;
mod object;
mod options;
mod shape;

use serde_json::{Map, Value, json};

pub use decision::decision;
pub use memory::{Known, read_memory, write_memory};
pub use options::{read_options, write_options};

use super::backoff::FailureKind;
use super::view::View;
use crate::model::ProvisioningFailure;
use crate::unit::{
    Duration, ExtendedId, MAX_EXTENDED, NodeId, PodId, PoolId, Resources, SimTime, Symbol,
};

/// The provider's GPU resource, and its short name in records.
const GPU: (&str, &str) = ("nvidia.com/gpu", "gpu");

/// Names that only the scenario knows.
#[derive(Clone, Debug, Default)]
pub struct RecordNames {
    /// `namespace/name` of workloads, by identifier.
    pub workloads: Vec<String>,
    /// Names of extended resources, by identifier.
    pub extended: Vec<String>,
}

/// Writes parts of what the autoscaler sees.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// What it sees.
    pub view: View<'a>,
    /// Names.
    pub names: &'a RecordNames,
}

impl Writer<'_> {
    fn text(&self, symbol: Symbol) -> &str {
        self.view.cluster.symbols.text(symbol)
    }

    /// Name of a node.
    pub fn node_name(&self, node: NodeId) -> String {
        self.text(self.view.cluster.nodes[node].name).to_owned()
    }

    /// Name of a pod: its workload's, and its number.
    pub fn pod_name(&self, pod: PodId) -> String {
        let row = &self.view.cluster.pods[pod];
        format!("{}-{}", self.names.workloads[usize::from(row.workload)], row.ordinal)
    }

    /// Name of a group.
    pub fn group_name(&self, pool: PoolId) -> String {
        let group = self.view.group(pool).map(|index| self.view.groups[index].id);
        self.text(group.unwrap_or(Symbol::EMPTY)).to_owned()
    }

    fn resource_name(&self, id: ExtendedId) -> &str {
        self.names.extended.get(usize::from(id.0)).map_or("", |name| short_name(name))
    }

    fn resources(&self, amounts: &Resources) -> Value {
        let mut map = Map::new();
        let plain = [
            ("cpu_m", amounts.cpu_milli),
            ("mem_bytes", amounts.memory),
            ("ephemeral_bytes", amounts.ephemeral),
            ("pods", amounts.pods),
        ];
        let names = self.names.extended.iter().map(|name| short_name(name));
        let all = plain.into_iter().chain(names.zip(amounts.extended));
        map.extend(all.filter(|(_, n)| *n != 0).map(|(key, n)| (key.to_owned(), json!(n))));
        Value::Object(map)
    }
}

fn short_name(resource: &str) -> &str {
    if resource == GPU.0 { GPU.1 } else { resource }
}

/// Reads amounts; `extended` collects the names of extended resources.
pub fn read_resources(value: &Value, extended: &mut Vec<String>) -> Option<Resources> {
    let mut amounts = Resources::ZERO;
    for (name, amount) in value.as_object().into_iter().flatten() {
        let amount = amount.as_i64()?;
        match name.as_str() {
            "cpu_m" => amounts.cpu_milli = amount,
            "mem_bytes" => amounts.memory = amount,
            "ephemeral_bytes" => amounts.ephemeral = amount,
            "pods" => amounts.pods = amount,
            name => {
                let at = extended.iter().position(|known| known == name).unwrap_or_else(|| {
                    extended.push(name.to_owned());
                    extended.len() - 1
                });
                *amounts.extended.get_mut(at).filter(|_| at < MAX_EXTENDED)? = amount;
            }
        }
    }
    Some(amounts)
}

/// Position of the GPU resource among `extended`.
pub fn gpu_position(extended: &[String]) -> Option<usize> {
    extended.iter().position(|name| name == GPU.1)
}

/// An object without what is null or empty.
fn compact(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    map.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        _ => true,
    });
    Value::Object(map)
}

/// Seconds: a whole number where it is one.
fn seconds(micros: u64) -> Value {
    if micros.is_multiple_of(1_000_000) {
        json!(micros / 1_000_000)
    } else {
        json!(micros as f64 / 1e6)
    }
}

/// An instant in seconds; never is null.
pub fn instant(time: SimTime) -> Value {
    if time == SimTime::NEVER { Value::Null } else { seconds(time.micros()) }
}

/// A length of time in seconds.
pub fn length(length: Duration) -> Value {
    seconds(length.micros())
}

/// Reads an instant.
pub fn read_instant(value: &Value) -> Option<SimTime> {
    read_length(value).map(|length| SimTime::from_micros(length.micros()))
}

/// Reads a length of time.
pub fn read_length(value: &Value) -> Option<Duration> {
    value.as_u64().map_or_else(
        || value.as_f64().map(Duration::from_secs_f64),
        |whole| Some(Duration::from_micros(whole.saturating_mul(1_000_000))),
    )
}

const FAILURES: [(&str, FailureKind); 9] = {
    use ProvisioningFailure as Failure;
    [
        ("timeout", FailureKind::Timeout),
        ("other", FailureKind::Other),
        ("AllocationFailed", FailureKind::Provider(Failure::AllocationFailed)),
        ("ZonalAllocationFailed", FailureKind::Provider(Failure::ZonalAllocationFailed)),
        ("SkuNotAvailable", FailureKind::Provider(Failure::SkuNotAvailable)),
        ("OverconstrainedAllocationRequest", FailureKind::Provider(Failure::Overconstrained)),
        ("SubnetIsFull", FailureKind::Provider(Failure::SubnetIsFull)),
        ("QuotaExceeded", FailureKind::Provider(Failure::QuotaExceeded)),
        ("TooManyRequests", FailureKind::Provider(Failure::Throttled)),
    ]
};

/// Azure's code of a failure.
fn failure_name(kind: FailureKind) -> &'static str {
    FAILURES.iter().find(|(_, known)| *known == kind).map_or("other", |(name, _)| name)
}

/// The failure of a code.
pub fn read_failure(value: &Value) -> Option<FailureKind> {
    let text = value.as_str()?;
    FAILURES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind)
}
