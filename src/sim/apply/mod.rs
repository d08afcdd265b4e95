//! Actions carried out: the only code that writes the model. One file per kind of thing.

mod admission;
mod billing;
mod budgets;
mod container_groups;
mod containers;
mod deletion;
mod health;
mod images;
mod initialization;
mod jobs;
mod nodes;
mod pods;
mod provider;
mod pulls;
mod replicas;
mod rollout;
mod scaled_jobs;
mod scheduling;
mod upgrade;
mod volumes;
mod vpa;
mod waiting;

pub use admission::Admission;
pub use budgets::Coverage;
pub use container_groups::GroupBook;
pub use health::Health;
pub use images::NodeImages;
pub use jobs::JobMemory;
pub use pods::Stop;
pub use provider::failure_code;
pub use rollout::RolloutMemory;
pub use scaled_jobs::JobBook;
pub use volumes::VolumeBook;
pub use vpa::VpaBook;
