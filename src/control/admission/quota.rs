//! ResourceQuota: the sum over a namespace's pods that a new pod must not push above `hard`.
//!
//! kubernetes 1.36 `staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`
//! (`CheckRequest`), `pkg/quota/v1/evaluator/core/pods.go` (what a pod uses).

use crate::model::PodShape;
use crate::unit::{ExtendedId, Symbol};

/// What a quota counts of pods. Amounts are in the units of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// `pods` and `count/pods`
    Pods,
    /// `requests.cpu`, `cpu`
    RequestsCpu,
    /// `requests.memory`, `memory`
    RequestsMemory,
    /// `requests.ephemeral-storage`, `ephemeral-storage`
    RequestsEphemeral,
    /// `requests.<extended resource>`
    RequestsExtended(ExtendedId),
    /// `limits.cpu`
    LimitsCpu,
    /// `limits.memory`
    LimitsMemory,
    /// `limits.ephemeral-storage`
    LimitsEphemeral,
}

impl Tracked {
    /// What one pod of the shape uses of it.
    pub fn of(self, shape: &PodShape) -> i64 {
        match self {
            Self::Pods => 1,
            Self::RequestsCpu => shape.requests.cpu_milli,
            Self::RequestsMemory => shape.requests.memory,
            Self::RequestsEphemeral => shape.requests.ephemeral,
            Self::RequestsExtended(id) => shape.requests.extended(id),
            Self::LimitsCpu => shape.limits.cpu_milli,
            Self::LimitsMemory => shape.limits.memory,
            Self::LimitsEphemeral => shape.limits.ephemeral,
        }
    }

    /// An amount as the API server writes it, near enough for people.
    pub fn write(self, amount: i64) -> String {
        const MIB: i64 = 1 << 20;
        match self {
            Self::RequestsCpu | Self::LimitsCpu if amount % 1_000 == 0 => {
                (amount / 1_000).to_string()
            }
            Self::RequestsCpu | Self::LimitsCpu => format!("{amount}m"),
            Self::Pods | Self::RequestsExtended(_) => amount.to_string(),
            _ if amount != 0 && amount % MIB == 0 => format!("{}Mi", amount / MIB),
            _ => amount.to_string(),
        }
    }
}

/// A ResourceQuota, as far as pods are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceQuotaSpec {
    /// Name.
    pub name: Symbol,
    /// Namespace.
    pub namespace: Symbol,
    /// `spec.hard`: what is counted, its name as written, and the most of it.
    pub hard: Vec<(Tracked, Symbol, i64)>,
}

/// What a pod would push above its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// What is counted.
    pub tracked: Tracked,
    /// Its name as written.
    pub name: Symbol,
    /// What the pod uses.
    pub requested: i64,
    /// What is used without it.
    pub used: i64,
    /// The limit.
    pub hard: i64,
}

/// The first limit that one more pod of the shape would exceed; `used` goes with `spec.hard`. What
/// the pod does not use is not looked at.
pub fn exceeded(spec: &ResourceQuotaSpec, used: &[i64], shape: &PodShape) -> Option<Excess> {
    spec.hard.iter().zip(used).find_map(|(&(tracked, name, hard), &used)| {
        let requested = tracked.of(shape);
        let over = requested > 0 && used + requested > hard;
        over.then_some(Excess { tracked, name, requested, used, hard })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Resources, Symbols};

    #[test]
    fn a_pod_is_refused_at_the_first_limit_that_it_would_exceed() {
        let mut symbols = Symbols::default();
        let mut hard = |tracked, name: &str, most| (tracked, symbols.intern(name), most);
        let spec = ResourceQuotaSpec {
            hard: vec![
                hard(Tracked::Pods, "pods", 3),
                hard(Tracked::RequestsCpu, "requests.cpu", 2_000),
                hard(Tracked::LimitsMemory, "limits.memory", 100),
            ],
            name: symbols.intern("team"),
            namespace: symbols.intern("a"),
        };
        let shape = |cpu, memory| PodShape {
            requests: Resources::of(cpu, 0),
            limits: Resources::of(0, memory),
            ..PodShape::default()
        };
        for (used, cpu, memory, expected) in [
            ([0, 0, 0], 2_000, 100, None),
            ([2, 2_000, 0], 1, 0, Some(Tracked::RequestsCpu)),
            ([2, 1_999, 0], 1, 0, None),
            ([3, 0, 0], 0, 0, Some(Tracked::Pods)),
            ([0, 0, 50], 0, 51, Some(Tracked::LimitsMemory)),
            // What is above its limit already refuses only those who use it.
            ([0, 9_000, 0], 0, 1, None),
        ] {
            let excess = exceeded(&spec, &used, &shape(cpu, memory));
            assert_eq!(excess.map(|excess| excess.tracked), expected, "{used:?} {cpu} {memory}");
        }
    }

    #[test]
    fn amounts_are_written_as_people_know_them() {
        for (tracked, amount, text) in [
            (Tracked::RequestsCpu, 1_500, "1500m"),
            (Tracked::LimitsCpu, 2_000, "2"),
            (Tracked::RequestsMemory, 512 << 20, "512Mi"),
            (Tracked::Pods, 10, "10"),
        ] {
            assert_eq!(tracked.write(amount), text);
        }
    }
}
