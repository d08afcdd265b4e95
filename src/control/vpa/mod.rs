//! The Vertical Pod Autoscaler: what pods should request, which of them are evicted to get it, and
//! what a new pod gets.
//!
//! Source: kubernetes/autoscaler `vertical-pod-autoscaler`, main of August 2026 (after 1.6), with
//! the defaults of its flags. The three programs are three files: [`recommender`], [`updater`] and
//! [`admission`].

pub mod admission;
mod histogram;
mod peak;
mod recommender;
mod spec;
mod updater;

pub use histogram::{Buckets, DecayingHistogram};
pub use peak::PeakWindow;
pub use recommender::{Bounds, MOST, Recommendation, Usage, recommend};
pub use spec::{Amount, ContainerPolicy, UpdateMode, VpaSpec};
pub use updater::{Group, PodView, eviction_order};

use crate::unit::Duration;

/// `--recommender-interval` and `--updater-interval`.
pub const INTERVAL: Duration = Duration::from_secs(60);
