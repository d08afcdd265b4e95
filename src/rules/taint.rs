//! Taints and tolerations.
//!
//! Source: kubernetes `component-helpers/scheduling/corev1/helpers.go` and
//! `pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go`, v1.36.2.

use crate::model::{Taint, TaintEffect, Toleration, TolerationOp};
use crate::unit::Symbol;

/// Whether one toleration tolerates one taint.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    if toleration.effect.is_some_and(|effect| effect != taint.effect) {
        return false;
    }
    // The API refuses an empty key with `Equal`; upstream's comparison would still look at values.
    if toleration.key.is_some_and(|key| key != Symbol::EMPTY && key != taint.key) {
        return false;
    }
    match toleration.op {
        TolerationOp::Exists => true,
        TolerationOp::Equal => toleration.value == taint.value,
    }
}

/// The first taint that keeps pods away (`NoSchedule`, `NoExecute`) and is not tolerated.
pub fn untolerated<'t>(taints: &'t [Taint], tolerations: &[Toleration]) -> Option<&'t Taint> {
    taints
        .iter()
        .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// The first `NoExecute` taint that is not tolerated at all: it evicts at once.
pub fn untolerated_no_execute<'t>(
    taints: &'t [Taint],
    tolerations: &[Toleration],
) -> Option<&'t Taint> {
    taints
        .iter()
        .filter(|taint| taint.effect == TaintEffect::NoExecute)
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// How many `PreferNoSchedule` taints are not tolerated (by tolerations without effect or with that
/// effect): the raw score of TaintToleration, the lower the better.
pub fn intolerable_preferences(taints: &[Taint], tolerations: &[Toleration]) -> i64 {
    taints
        .iter()
        .filter(|taint| taint.effect == TaintEffect::PreferNoSchedule)
        .filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
        .count() as i64
}
