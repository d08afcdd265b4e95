//! Simulates the autoscaling chain of a Kubernetes cluster on Azure, faster than real time.

pub mod chance;
pub mod cloud;
pub mod conform;
pub mod control;
pub mod demand;
pub mod engine;
pub mod explain;
pub mod model;
pub mod plan;
pub mod queue;
pub mod record;
pub mod report;
pub mod rules;
pub mod scenario;
pub mod sim;
pub mod study;
pub mod unit;
pub mod vocabulary;

#[cfg(feature = "cli")]
pub mod cli;
