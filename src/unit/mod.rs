//! Quantities: time, money, resources, identifiers. Everything is an integer with its unit in the
//! type; nothing here knows what a pod is.

mod id;
mod lots;
mod money;
mod quantity;
mod resource;
mod symbol;
mod time;

pub use id::{
    DisruptionBudgetId, IdVec, ImageId, InstanceId, NamespaceQuotaId, NodeId, PodId, PoolId,
    QueueId, QuotaId, ShapeId, StreamId, SubnetId, WorkloadId,
};
pub use lots::Lots;
pub use money::{Accrual, HourlyRate, Money};
pub use quantity::{Quantity, QuantityError};
pub use resource::{ExtendedId, MAX_EXTENDED, Resources};
pub use symbol::{Symbol, Symbols};
pub use time::{Duration, MICROS_PER_SECOND, SimTime};
