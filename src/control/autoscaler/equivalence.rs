//! Pods that are the same to a scale-up (`pkg/core/scaleup/equivalence/groups.go`).

use rustc_hash::FxHashMap;

use super::drain::is_daemon;
use super::placement::Candidate;
use super::view::View;
use crate::model::OwnerKind;
use crate::unit::{PodId, ShapeId, WorkloadId};

/// Groups of one controller; later variants are on their own.
const MAX_GROUPS_PER_CONTROLLER: usize = 10;

/// Pods of one controller with equal specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodGroup {
    /// Specification.
    pub shape: ShapeId,
    /// Pods, in the order given.
    pub pods: Vec<PodId>,
}

/// Groups pods, in order of first appearance.
pub fn pod_groups(view: &View<'_>, pods: &[Candidate]) -> Vec<PodGroup> {
    let mut groups: Vec<PodGroup> = Vec::new();
    let mut of_controller: FxHashMap<WorkloadId, Vec<(ShapeId, usize)>> = FxHashMap::default();
    for pod in pods {
        let shape = &view.cluster.shapes[pod.shape];
        let lone = view.lone.get(usize::from(pod.workload)).copied().unwrap_or(false);
        if shape.owner != OwnerKind::None && !is_daemon(shape) && !lone {
            let known = of_controller.entry(pod.workload).or_default();
            if let Some(&(_, group)) = known.iter().find(|(shape, _)| *shape == pod.shape) {
                groups[group].pods.push(pod.pod);
                continue;
            }
            if known.len() < MAX_GROUPS_PER_CONTROLLER {
                known.push((pod.shape, groups.len()));
            }
        }
        groups.push(PodGroup { shape: pod.shape, pods: vec![pod.pod] });
    }
    groups
}
