//! What the API server fills into a `behavior` that says only a part.

use super::{Behavior, PolicySelect, ScalingPolicy, ScalingPolicyKind, ScalingRules};
use crate::unit::Duration;

/// Longest `stabilizationWindowSeconds` (kubernetes 1.36 `pkg/apis/autoscaling/validation`).
pub const MAX_STABILIZATION: Duration = Duration::from_secs(3_600);
/// Longest `periodSeconds` of a policy (same file).
pub const MAX_POLICY_PERIOD: Duration = Duration::from_secs(1_800);

/// One side of `behavior` as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartialRules {
    /// `stabilizationWindowSeconds`
    pub stabilization: Option<Duration>,
    /// `selectPolicy`
    pub select: Option<PolicySelect>,
    /// `policies`; a given list replaces the default list completely.
    pub policies: Option<Vec<ScalingPolicy>>,
    /// `tolerance` in thousandths.
    pub tolerance_milli: Option<i64>,
}

impl Behavior {
    /// A `behavior` with the defaults of kubernetes 1.36 `pkg/apis/autoscaling/v2/defaults.go`.
    pub fn with_defaults(up: Option<PartialRules>, down: Option<PartialRules>) -> Self {
        Self { up: ScalingRules::up(up), down: ScalingRules::down(down) }
    }
}

const PERIOD: Duration = Duration::from_secs(15);

impl ScalingRules {
    /// `scaleUp`: no window, the larger of 4 pods and 100 % per 15 s.
    pub fn up(given: Option<PartialRules>) -> Self {
        let given = given.unwrap_or_default();
        let default = || {
            vec![
                ScalingPolicy { kind: ScalingPolicyKind::Pods, value: 4, period: PERIOD },
                ScalingPolicy { kind: ScalingPolicyKind::Percent, value: 100, period: PERIOD },
            ]
        };
        Self {
            stabilization: Some(given.stabilization.unwrap_or(Duration::ZERO)),
            select: given.select.unwrap_or_default(),
            policies: given.policies.unwrap_or_else(default),
            tolerance_milli: given.tolerance_milli,
        }
    }

    /// `scaleDown`: the controller's window, 100 % per 15 s.
    pub fn down(given: Option<PartialRules>) -> Self {
        let given = given.unwrap_or_default();
        let default =
            || vec![ScalingPolicy { kind: ScalingPolicyKind::Percent, value: 100, period: PERIOD }];
        Self {
            stabilization: given.stabilization,
            select: given.select.unwrap_or_default(),
            policies: given.policies.unwrap_or_else(default),
            tolerance_milli: given.tolerance_milli,
        }
    }
}
