//! The cluster autoscaler as a decision machine: a view of the cluster and its own memory in,
//! actions with reasons out.
//!
//! Source: kubernetes-sigs/cluster-autoscaler @ 33c3f97; paths `pkg/…` in this folder are there.
//! The simulation fills a [`View`], calls [`run_once`] and carries out its actions; each
//! [`Action::StartDeletion`] becomes a [`Deletion`].

mod action;
pub mod allowance;
pub mod azure;
pub mod backoff;
pub mod balance;
pub mod clean_up;
pub mod deletion;
pub mod deletion_budget;
pub mod drain;
pub mod equivalence;
pub mod estimator;
pub mod expander;
mod glance;
pub mod limiter;
mod memory;
pub mod placement;
pub mod planner;
pub mod pods;
pub mod price;
mod profile;
pub mod quota;
pub mod recorded;
pub mod round_robin;
pub mod scale_up;
mod scan;
mod scan_down;
mod setting;
pub mod similar;
pub mod snapshot;
mod spec;
pub mod state;
#[cfg(test)]
mod story;
pub mod template;
pub mod unneeded;
pub mod unremovable;
pub mod utilization;
mod view;
mod words;

pub use action::{
    Action, DeleteReason, Ending, Fate, GrowReason, LOOP_TIME, NextScan, Scan,
    degraded_loop_scales_down, next_scan,
};
pub use backoff::FailureKind;
pub use deletion::{Deletion, DeletionAction, DeletionEnd, DeletionStep, GivenUp};
pub use glance::Sight;
pub use memory::Autoscaler;
pub use scale_up::{Rejection, ScaleUpResult};
pub use scan::run_once;
pub use setting::{SettingError, SettingKey, duration_of};
pub use spec::{AutoscalerSpec, Expander};
pub use unremovable::Reason;
pub use view::{
    BudgetView, Conditions, GroupOverrides, GroupView, InstanceState, Quota, Template, View,
    instance_state,
};
pub use words::{AZURE_IGNORED_LABELS, BASIC_IGNORED_LABELS, Words};
