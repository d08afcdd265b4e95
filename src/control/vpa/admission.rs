//! What a new pod gets: the target as its requests, and limits in the proportion they had.
//!
//! Source: `pkg/utils/vpa/limit_and_request_scaling.go` (`getProportionalResourceLimit`).

use super::recommender::Recommendation;
use super::spec::ContainerPolicy;
use crate::unit::Resources;

/// Requests and limits of a container with a recommendation.
pub fn resources(
    (requests, limits): (&Resources, &Resources),
    recommendation: &Recommendation,
    policy: &ContainerPolicy,
) -> (Resources, Resources) {
    let (mut new, mut allowed) = (*requests, *limits);
    let limit = |limit: i64, request: i64, target: i64| match () {
        () if policy.requests_only => limit,
        () => proportional(limit, request, target),
    };
    if let Some(cpu) = recommendation.cpu {
        new.cpu_milli = cpu.target;
        allowed.cpu_milli = limit(limits.cpu_milli, requests.cpu_milli, cpu.target);
    }
    if let Some(memory) = recommendation.memory {
        new.memory = memory.target;
        allowed.memory = limit(limits.memory, requests.memory, memory.target);
    }
    (new, allowed)
}

/// The limit that stands to the target as the old one stood to the request; 0: none.
fn proportional(limit: i64, request: i64, target: i64) -> i64 {
    match (limit, request) {
        (0, _) => 0,
        (_, 0) => target,
        _ => {
            let scaled = i128::from(limit) * i128::from(target) / i128::from(request);
            i64::try_from(scaled).unwrap_or(i64::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recommender::Bounds;
    use super::*;

    #[test]
    fn limits_keep_their_proportion() {
        for (limit, request, target, expected) in [
            (0, 500, 200, 0),
            (1_000, 500, 200, 400),
            (500, 500, 200, 200),
            (500, 0, 200, 200),
            (1_000, 300, 200, 666),
            (i64::MAX, 1, 3, i64::MAX),
        ] {
            assert_eq!(proportional(limit, request, target), expected, "{limit} {request}");
        }
    }

    #[test]
    fn only_what_is_controlled_changes() {
        let amounts = |cpu_milli, memory| Resources { cpu_milli, memory, ..Resources::ZERO };
        let bounds = |target| Some(Bounds { target, lower: 0, upper: i64::MAX });
        let given = (&amounts(500, 100), &amounts(1_000, 200));
        let base = ContainerPolicy::default();
        let only = ContainerPolicy { requests_only: true, ..base };
        for (cpu, memory, policy, requests, limits) in [
            (bounds(100), None, base, (100, 100), (200, 200)),
            (None, bounds(50), base, (500, 50), (1_000, 100)),
            (bounds(100), bounds(50), only, (100, 50), (1_000, 200)),
        ] {
            let found = resources(given, &Recommendation { cpu, memory }, &policy);
            assert_eq!(found, (amounts(requests.0, requests.1), amounts(limits.0, limits.1)));
        }
    }
}
