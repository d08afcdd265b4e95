//! NodeResourcesFit and NodeResourcesBalancedAllocation.
//!
//! Source: kubernetes `pkg/scheduler/framework/plugins/noderesources/{resource_allocation,
//! least_allocated,most_allocated,requested_to_capacity_ratio,balanced_allocation}.go`, v1.36.2.

use thiserror::Error;

use super::MAX_SCORE;
use crate::chance::maths;
use crate::model::{PodShape, Usage};
use crate::unit::{ExtendedId, Resources};

/// A resource that scoring may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// `cpu`
    Cpu,
    /// `memory`
    Memory,
    /// `ephemeral-storage`
    Ephemeral,
    /// An extended resource.
    Extended(ExtendedId),
}

impl ResourceKind {
    fn of(self, amounts: &Resources) -> i64 {
        match self {
            Self::Cpu => amounts.cpu_milli,
            Self::Memory => amounts.memory,
            Self::Ephemeral => amounts.ephemeral,
            Self::Extended(id) => amounts.extended(id),
        }
    }

    /// Whether scoring leaves the resource out for pods that do not request it.
    fn is_scalar(self) -> bool {
        matches!(self, Self::Extended(_))
    }
}

/// How much of a resource is used makes which score.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// LeastAllocated
    Least,
    /// MostAllocated
    Most,
    /// RequestedToCapacityRatio: points (utilisation in percent, score 0-100), ascending.
    Ratio(Vec<(i64, i64)>),
}

/// Why a list of weighted resources is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("resources[{index}].weight must be from 1 to 100")]
pub struct WeightError {
    /// Position in the list.
    pub index: usize,
}

/// NodeResourcesFit with its scoring strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct FitScoring {
    curve: Curve,
    resources: Vec<(ResourceKind, i64)>,
}

impl Default for FitScoring {
    /// LeastAllocated over CPU and memory (`apis/config/v1/defaults.go`).
    fn default() -> Self {
        let resources = vec![(ResourceKind::Cpu, 1), (ResourceKind::Memory, 1)];
        Self { curve: Curve::Least, resources }
    }
}

impl FitScoring {
    /// A strategy over any resources.
    ///
    /// # Errors
    /// [`WeightError`] names the first weight outside 1..=100.
    pub fn new(curve: Curve, resources: Vec<(ResourceKind, i64)>) -> Result<Self, WeightError> {
        match resources.iter().position(|(_, weight)| !(1..=100).contains(weight)) {
            Some(index) => Err(WeightError { index }),
            None => Ok(Self { curve, resources }),
        }
    }

    /// Score of placing the shape on a node of this size and usage.
    pub fn score(&self, shape: &PodShape, used: &Usage, allocatable: &Resources) -> i64 {
        let (mut sum, mut weights) = (0, 0);
        for &(kind, weight) in &self.resources {
            let capacity = kind.of(allocatable);
            if capacity == 0 || (kind.is_scalar() && kind.of(&shape.requests) == 0) {
                continue;
            }
            let requested = match kind {
                ResourceKind::Cpu | ResourceKind::Memory => {
                    kind.of(&used.scoring) + kind.of(&shape.scoring)
                }
                _ => kind.of(&used.requests) + kind.of(&shape.requests),
            };
            let score = self.curve.at(requested, capacity);
            // The ratio strategy leaves resources that score 0 out of both sums.
            if score > 0 || !matches!(self.curve, Curve::Ratio(_)) {
                sum += score * weight;
                weights += weight;
            }
        }
        match (&self.curve, weights) {
            (_, 0) => 0,
            (Curve::Ratio(_), _) => (2 * sum + weights) / (2 * weights),
            _ => sum / weights,
        }
    }
}

impl Curve {
    fn at(&self, requested: i64, capacity: i64) -> i64 {
        match self {
            Self::Least if requested > capacity => 0,
            Self::Least => (capacity - requested) * MAX_SCORE / capacity,
            Self::Most => requested.min(capacity) * MAX_SCORE / capacity,
            Self::Ratio(points) if requested > capacity => piecewise_linear(points, 100),
            Self::Ratio(points) => piecewise_linear(points, requested * 100 / capacity),
        }
    }
}

/// Value at `at` of the broken line through `points` (ascending), flat outside them; whole-number
/// arithmetic truncating toward zero.
pub fn piecewise_linear(points: &[(i64, i64)], at: i64) -> i64 {
    match points.iter().position(|&(x, _)| at <= x) {
        None => points.last().map_or(0, |&(_, y)| y),
        Some(0) => points[0].1,
        Some(index) => {
            let ((x0, y0), (x1, y1)) = (points[index - 1], points[index]);
            y0 + (y1 - y0) * (at - x0) / (x1 - x0)
        }
    }
}

/// NodeResourcesBalancedAllocation.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancedAllocation {
    resources: Vec<ResourceKind>,
    /// From 1.36 the score says how placement changes the balance.
    improvement: bool,
}

impl BalancedAllocation {
    /// Over any resources.
    pub fn new(resources: Vec<ResourceKind>, improvement: bool) -> Self {
        Self { resources, improvement }
    }

    /// Whether the plugin skips the shape: it requests none of the resources.
    pub fn skips(&self, shape: &PodShape) -> bool {
        self.resources.iter().all(|kind| kind.of(&shape.requests) == 0)
    }

    /// Score of placing the shape on a node of this size and usage; plain requests.
    pub fn score(&self, shape: &PodShape, used: &Usage, allocatable: &Resources) -> i64 {
        if self.skips(shape) {
            return 0;
        }
        let with = balanced_without_history(&self.resources, shape, used, allocatable);
        if !self.improvement {
            return with;
        }
        let without = self.balance(shape, |kind| kind.of(&used.requests), allocatable);
        MAX_SCORE / 2 + (MAX_SCORE / 2 + with - without) / 2
    }

    fn balance(
        &self,
        shape: &PodShape,
        used: impl Fn(ResourceKind) -> i64,
        allocatable: &Resources,
    ) -> i64 {
        balance(&self.resources, shape, used, allocatable)
    }
}

/// Score after placement alone, for best-effort pods too (upstream did not skip them at first).
pub fn balanced_without_history(
    resources: &[ResourceKind],
    shape: &PodShape,
    used: &Usage,
    allocatable: &Resources,
) -> i64 {
    let after = |kind: ResourceKind| kind.of(&used.requests) + kind.of(&shape.requests);
    balance(resources, shape, after, allocatable)
}

/// `floor((1 - std of the shares in use) * 100)`.
fn balance(
    resources: &[ResourceKind],
    shape: &PodShape,
    used: impl Fn(ResourceKind) -> i64,
    allocatable: &Resources,
) -> i64 {
    const MAX_KINDS: usize = 3 + crate::unit::MAX_EXTENDED;
    let mut shares = [0.0_f64; MAX_KINDS];
    let mut count = 0;
    for &kind in resources.iter().take(MAX_KINDS) {
        let capacity = kind.of(allocatable);
        if capacity == 0 || (kind.is_scalar() && kind.of(&shape.requests) == 0) {
            continue;
        }
        shares[count] = (used(kind) as f64 / capacity as f64).min(1.0);
        count += 1;
    }
    let shares = &shares[..count];
    let deviation = match shares {
        [] | [_] => 0.0,
        [one, other] => ((one - other) / 2.0).abs(),
        many => {
            let mean = many.iter().sum::<f64>() / count as f64;
            let squares: f64 = many.iter().map(|share| (share - mean) * (share - mean)).sum();
            maths::sqrt(squares / count as f64)
        }
    };
    ((1.0 - deviation) * MAX_SCORE as f64) as i64
}
