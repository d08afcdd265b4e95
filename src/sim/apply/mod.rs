//! Actions carried out: the only code that writes the model. One file per kind of thing.

mod billing;
mod deletion;
mod messages;
mod nodes;
mod pods;
mod provider;
mod replicas;
mod scheduling;
mod waiting;
