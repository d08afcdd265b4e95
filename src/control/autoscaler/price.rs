//! The price expander (`pkg/expander/price`). Azure implements no pricing, so it decides nothing
//! on AKS.

use crate::chance::maths::exp;

/// What prices are compared against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceSetting {
    /// CPU of the preferred node in millicores.
    pub preferred_cpu_milli: i64,
    /// Price of the stabilisation pod (500m CPU and 500 MiB for an hour).
    pub stabilization: f64,
}

/// Prices of an offer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceOffer {
    /// Of one node.
    pub node: f64,
    /// Of its pods together.
    pub pods: f64,
    /// CPU of a node in millicores.
    pub node_cpu_milli: i64,
    /// A GPU node.
    pub gpu: bool,
    /// The group exists.
    pub exists: bool,
}

/// Unfitness of any GPU node, however many there are.
const GPU_UNFITNESS: f64 = 1_000.0;
/// A group that does not exist yet costs twice.
const NOT_EXISTING: f64 = 2.0;

/// Cores of the preferred node in a cluster of so many nodes (`preferred.go`).
pub const fn preferred_cores(nodes: usize) -> i64 {
    match nodes {
        0..=2 => 1,
        3..=6 => 2,
        7..=20 => 4,
        21..=60 => 8,
        61..=200 => 16,
        _ => 32,
    }
}

/// How far a node's CPU is from the preferred one.
pub fn unfitness(preferred_cpu_milli: i64, node_cpu_milli: i64) -> f64 {
    let (preferred, node) = (preferred_cpu_milli as f64, node_cpu_milli as f64);
    (preferred / node).max(node / preferred)
}

/// What an offer scores; the least wins.
pub fn score(setting: &PriceSetting, offer: &PriceOffer, nodes: u32) -> Option<f64> {
    let total = offer.node * f64::from(nodes);
    let price = (total + setting.stabilization) / (offer.pods + setting.stabilization);
    let suppressed = if offer.gpu {
        GPU_UNFITNESS
    } else {
        let unfit = unfitness(setting.preferred_cpu_milli, offer.node_cpu_milli);
        (unfit - 1.0) * (1.0 - tanh((f64::from(nodes) - 1.0) / 15.0)) + 1.0
    };
    let score = price * suppressed * if offer.exists { 1.0 } else { NOT_EXISTING };
    score.is_finite().then_some(score)
}

fn tanh(x: f64) -> f64 {
    let e = exp(-2.0 * x);
    (1.0 - e) / (1.0 + e)
}
