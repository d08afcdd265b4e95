//! What LimitRanges and Azure Policy say about the containers of a pod.
//!
//! Sources: kubernetes v1.36.2 `plugin/pkg/admission/limitranger/admission.go`
//! (`PodValidateLimitFunc`, `minConstraint`, `maxConstraint`, `limitRequestRatioConstraint`); Azure
//! Policy "Kubernetes cluster containers CPU and memory resource limits should not exceed the
//! specified limits", with requests as AKS deployment safeguards demand them.

use super::draft::{ContainerDraft, ContainerRole, ResourceList, WorkloadDraft};
use super::tenancy::{LimitKind, LimitRangeDraft};
use crate::unit::Quantity;

/// The first rule of an item that a pod breaks, in the words of the API server.
pub(super) fn violation(
    range: &LimitRangeDraft,
    draft: &WorkloadDraft,
    containers: &[ContainerDraft],
) -> Option<String> {
    match range.kind {
        LimitKind::Container => containers.iter().find_map(|container| {
            broken(range, "Container", &container.requests, &container.limits)
        }),
        LimitKind::Pod => {
            let requests = sum(containers, |container| &container.requests);
            let limits = sum(containers, |container| &container.limits);
            broken(range, "Pod", &requests, &limits)
        }
        LimitKind::PersistentVolumeClaim => draft.pod.volumes.iter().find_map(|volume| {
            let storage = ("storage".to_owned(), volume.size?);
            let list: ResourceList = [storage].into_iter().collect();
            broken(range, "PersistentVolumeClaim", &list, &list)
        }),
    }
}

fn broken(
    range: &LimitRangeDraft,
    kind: &str,
    requests: &ResourceList,
    limits: &ResourceList,
) -> Option<String> {
    let least = range.min.iter().find_map(|(name, min)| {
        let given = match (requests.get(name), limits.get(name)) {
            (None, _) => "no request is specified",
            (Some(request), _) if request < min => "the request is less",
            (_, Some(limit)) if limit < min => "the limit is less",
            _ => return None,
        };
        Some(format!("minimum {name} usage per {kind} is {min}, but {given}"))
    });
    let most = || {
        range.max.iter().find_map(|(name, max)| {
            let given = match (requests.get(name), limits.get(name)) {
                (_, None) => "no limit is specified",
                (_, Some(limit)) if limit > max => "the limit is more",
                (Some(request), _) if request > max => "the request is more",
                _ => return None,
            };
            Some(format!("maximum {name} usage per {kind} is {max}, but {given}"))
        })
    };
    let ratio = || {
        range.ratio.iter().find_map(|(name, ratio)| {
            let given = |list: &ResourceList| list.get(name).and_then(|given| given.milli().ok());
            let most = ratio.milli().unwrap_or(i64::MAX);
            let why = match (given(requests), given(limits)) {
                (None | Some(0), _) => "no request is specified or request is 0",
                (_, None | Some(0)) => "no limit is specified or limit is 0",
                (Some(request), Some(limit))
                    if i128::from(limit) * 1_000 > i128::from(request) * i128::from(most) =>
                {
                    "the ratio is more"
                }
                _ => return None,
            };
            Some(format!("{name} max limit to request ratio per {kind} is {ratio}, but {why}"))
        })
    };
    least.or_else(most).or_else(ratio)
}

/// Requests or limits of a pod: the sum over its containers, or the largest init container
/// (`podRequests`, `podLimits` of the plugin).
fn sum(
    containers: &[ContainerDraft],
    list: impl Fn(&ContainerDraft) -> &ResourceList,
) -> ResourceList {
    let mut total = ResourceList::new();
    for container in containers.iter().filter(|container| container.role == ContainerRole::Main) {
        for (name, &amount) in list(container) {
            let known = total.entry(name.clone()).or_insert(Quantity::from_units(0));
            *known = known.plus(amount);
        }
    }
    for container in containers.iter().filter(|container| container.role != ContainerRole::Main) {
        for (name, &amount) in list(container) {
            let known = total.entry(name.clone()).or_insert(amount);
            *known = (*known).max(amount);
        }
    }
    total
}

/// The first container that lacks a request or limit of CPU or memory, as Gatekeeper says it.
pub(super) fn unbounded(containers: &[ContainerDraft]) -> Option<String> {
    containers.iter().find_map(|container| {
        let lists = [("request", &container.requests), ("limit", &container.limits)];
        lists.into_iter().find_map(|(what, list)| {
            let lacks = ["cpu", "memory"].into_iter().find(|name| !list.contains_key(*name))?;
            Some(format!("container <{}> has no resource {what}: {lacks}", container.name))
        })
    })
}
