//! VerticalPodAutoscalers find their workloads, and their policies the container.

use super::draft::{ContainerRole, Drafts, Origin, ScalerTarget, WorkloadDraft};
use crate::control::vpa::{ContainerPolicy, UpdateMode, VpaSpec};
use crate::plan::WorkloadKind;
use crate::scenario::Diagnostic;
use crate::scenario::foreign::{Findings, code};

/// `spec` of a VerticalPodAutoscaler, less its target.
#[derive(Clone, Debug)]
pub struct VpaDraft {
    /// `updatePolicy.updateMode`
    pub mode: UpdateMode,
    /// `updatePolicy.minReplicas`
    pub min_replicas: u32,
    /// `resourcePolicy.containerPolicies` by `containerName`.
    pub policies: Vec<(String, Origin, ContainerPolicy)>,
    /// Where it was written.
    pub origin: Origin,
}

impl Drafts {
    /// Gives each VerticalPodAutoscaler to its target.
    pub fn attach_vpas(&mut self, found: &mut Findings) {
        for (target, vpa) in std::mem::take(&mut self.vpas) {
            let ScalerTarget { kind, name, namespace, origin, .. } = target;
            let same = |draft: &&mut WorkloadDraft| {
                draft.kind == kind && draft.name == name && draft.namespace == namespace
            };
            match self.workloads.iter_mut().find(same) {
                None => {
                    let text = format!("no {kind:?} `{name}` in namespace `{namespace}`");
                    found.error(code::TARGET, origin, text);
                }
                Some(draft) => match &draft.vpa {
                    None => draft.vpa = Some(vpa),
                    Some(first) => {
                        let text = format!("{kind:?} `{name}` has two VerticalPodAutoscalers");
                        let places = [(origin, "the second one"), (first.origin, "the first one")];
                        let error = Diagnostic::error(code::TWO_SCALERS, text);
                        found.report(places.into_iter().fold(error, |error, (place, label)| {
                            match place {
                                Some(place) => error.at(place, label),
                                None => error,
                            }
                        }));
                    }
                },
            }
        }
    }
}

/// Lowers what a workload's VerticalPodAutoscaler says; `None` after an error or without one.
pub(super) fn lower(draft: &WorkloadDraft, found: &mut Findings) -> Option<VpaSpec> {
    let vpa = draft.vpa.as_ref()?;
    if !matches!(draft.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet) {
        let text = format!(
            "a VerticalPodAutoscaler of a {:?} cannot be simulated yet; of Deployments and \
             StatefulSets it can",
            draft.kind
        );
        found.error(code::NOT_BUILT, vpa.origin, text);
        return None;
    }
    let pod = &draft.pod;
    let init = |c: &&super::ContainerDraft| c.role == ContainerRole::Init;
    let init_asks = pod.containers.iter().filter(init).any(|c| !c.requests.is_empty());
    let plain = pod.requests.is_empty() && pod.overhead.is_empty() && pod.limits.is_empty();
    let names: Vec<&str> = pod.names_of_containers().collect();
    let Some((first, others)) = names.split_first().filter(|_| plain && !init_asks) else {
        let text = format!(
            "{:?} {}: a VerticalPodAutoscaler is simulated for pods whose containers alone have \
             requests: no init container, no pod as a whole",
            draft.kind, draft.name
        );
        found.error(code::NOT_BUILT, vpa.origin, text);
        return None;
    };
    for (name, place, _) in vpa.policies.iter().filter(|(name, ..)| name != "*") {
        if !names.contains(&name.as_str()) {
            let field = format!("containerPolicies of container {name}");
            found.ignore(field, *place, "the pods have no container of that name");
        }
    }
    let of = |wanted: &str| vpa.policies.iter().find(|(name, ..)| name == wanted);
    let policy_of = |name| of(name).or(of("*")).map_or_else(Default::default, |found| found.2);
    let policy: ContainerPolicy = policy_of(*first);
    let mut containers = u32::from(!policy.off);
    for other in others.iter().filter(|&&other| !policy_of(other).off) {
        containers += 1;
        let field = format!("recommendations of the VPA of {} for container {other}", draft.name);
        found.ignore(field, vpa.origin, "the first container does the work");
    }
    let uses = draft.work.uses.as_ref();
    let has_cpu = uses.is_some_and(|uses| !uses.arrivals.is_empty() || uses.slot_milli > 0);
    let has_memory = uses.is_some_and(|uses| uses.memory > 0);
    let unknown = match () {
        () if policy.off => None,
        () if policy.cpu && !has_cpu => Some("CPU"),
        () if policy.memory && !has_memory => Some("memory"),
        () => None,
    };
    if let Some(what) = unknown {
        let text = format!(
            "{:?} {}: its VerticalPodAutoscaler recommends {what}, and nothing says what its pods \
             use; or leave it out of `controlledResources`",
            draft.kind, draft.name
        );
        found.error(code::USE, vpa.origin, text);
        return None;
    }
    Some(VpaSpec { mode: vpa.mode, min_replicas: vpa.min_replicas, policy, containers })
}
