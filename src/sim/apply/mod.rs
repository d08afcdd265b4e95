//! Actions carried out: the only code that writes the model. One file per kind of thing.

mod admission;
mod billing;
mod budgets;
mod containers;
mod deletion;
mod nodes;
mod pods;
mod provider;
mod pulls;
mod replicas;
mod scaled_jobs;
mod scheduling;
mod waiting;

pub use admission::Admission;
pub use budgets::Coverage;
pub use pods::Stop;
pub use scaled_jobs::JobBook;
