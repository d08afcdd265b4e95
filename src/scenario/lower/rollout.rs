//! `inject.rollout`: a new version of a workload.

use super::event::Workloads;
use super::lowering::{Lowering, value};
use crate::control::workload::daemon_set;
use crate::control::workload::deployment::Strategy;
use crate::plan::{RolloutSpec, WorkloadKind, WorkloadSpec};
use crate::rules::IntOrPercent;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{At, Injection, Rollout, RolloutStrategy};
use crate::unit::{ShapeId, SimTime};

impl Lowering<'_, '_> {
    /// A rollout that begins at `at`.
    pub fn rollout(
        &mut self,
        event: &Rollout,
        given: &At<Injection>,
        workloads: Workloads<'_>,
        at: SimTime,
    ) -> Option<RolloutSpec> {
        let workload = self.named_workload(event.workload.as_ref()?, workloads)?;
        let spec = &workloads?[workload];
        let place = event.workload.as_ref()?.span;
        let kinds = [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::DaemonSet];
        if !kinds.contains(&spec.kind) {
            let message = "only Deployments, StatefulSets and DaemonSets are rolled out";
            self.error(code::CONTRADICTION, message, place, "this workload is none of them");
            return None;
        }
        let strategy = self.strategy(event, spec, given)?;
        let deadline = value(&event.deadline).map(|length| length.0);
        Some(RolloutSpec {
            workload,
            shape: self.new_version(event, spec, at),
            strategy,
            progress_deadline: deadline.unwrap_or(spec.controller.progress_deadline),
        })
    }

    /// The pods of the new version: the same but for the image of their first container, and the
    /// label by which their controller tells versions apart.
    fn new_version(&mut self, event: &Rollout, spec: &WorkloadSpec, at: SimTime) -> ShapeId {
        let mut shape = self.tables.shapes()[spec.shape].clone();
        if let Some(container) = shape.containers.first_mut() {
            let (name, size) = self.tables.images()[container.image];
            let name = self.tables.symbols.text(name);
            let new = format!("{name} (version of {at})");
            let new = value(&event.image).map_or(new, |image| image.0.clone());
            let size = value(&event.image_size).map(|size| size.0).or(size);
            container.image = self.tables.image(&new, size);
        }
        let label = match spec.kind {
            WorkloadKind::Deployment => "pod-template-hash",
            _ => "controller-revision-hash",
        };
        let label = self.tables.intern(label);
        let version = self.tables.intern(&at.to_string());
        shape.labels.set(label, version);
        self.tables.shape(shape)
    }

    fn strategy(
        &mut self,
        event: &Rollout,
        spec: &WorkloadSpec,
        given: &At<Injection>,
    ) -> Option<Strategy> {
        let surge = self.int_or_percent(event.max_surge.as_ref());
        let missing = self.int_or_percent(event.max_unavailable.as_ref());
        let word = value(&event.strategy);
        let steps = surge.is_some() || missing.is_some();
        let side = matches!(word, Some(RolloutStrategy::BlueGreen | RolloutStrategy::Canary));
        let other = [Some(&RolloutStrategy::Recreate), Some(&RolloutStrategy::OnDelete)];
        let rolls = !side && !other.contains(&word);
        let set = spec.kind != WorkloadKind::Deployment;
        let plain = [None, Some(&RolloutStrategy::RollingUpdate), Some(&RolloutStrategy::OnDelete)];
        let on_delete = word == Some(&RolloutStrategy::OnDelete);
        let contradiction = if set && !plain.contains(&word) {
            Some("a StatefulSet or a DaemonSet has `RollingUpdate` or `OnDelete`")
        } else if on_delete && !set {
            Some("`OnDelete` belongs to StatefulSets and DaemonSets")
        } else if spec.kind == WorkloadKind::StatefulSet && steps {
            Some("a StatefulSet replaces its pods one by one, whatever may be missing")
        } else if steps && !rolls {
            Some("`maxSurge` and `maxUnavailable` belong to `RollingUpdate`")
        } else if side && event.length.is_none() {
            Some("`BlueGreen` and `Canary` need `for`, how long both versions run")
        } else if !side && event.length.is_some() {
            Some("`for` belongs to `BlueGreen` and `Canary`")
        } else if (word == Some(&RolloutStrategy::Canary)) != event.share.is_some() {
            Some("`Canary`, and nothing else, needs `share`")
        } else {
            None
        };
        if let Some(message) = contradiction {
            self.report(Diagnostic::error(code::CONTRADICTION, message).at(given.span, ""));
            return None;
        }
        if spec.kind == WorkloadKind::DaemonSet && !on_delete {
            return self.daemon_strategy(surge, missing, given);
        }
        let window = value(&event.length).map_or_else(Default::default, |length| length.0);
        Some(match word {
            Some(RolloutStrategy::OnDelete) => Strategy::OnDelete,
            Some(RolloutStrategy::Recreate) => Strategy::Recreate,
            Some(RolloutStrategy::BlueGreen) => Strategy::BlueGreen { window },
            Some(RolloutStrategy::Canary) => {
                let share = value(&event.share).map_or(0.0, |share| share.0);
                Strategy::Canary { percent: (share * 100.0).round() as i64, window }
            }
            Some(RolloutStrategy::RollingUpdate) | None => {
                let own = match (word, spec.controller.strategy) {
                    (None, Strategy::Recreate) if !steps => return Some(Strategy::Recreate),
                    (_, own @ Strategy::Rolling { .. }) => own,
                    _ => Strategy::default(),
                };
                let Strategy::Rolling { max_surge, max_unavailable } = own else {
                    return Some(own);
                };
                Strategy::Rolling {
                    max_surge: surge.unwrap_or(max_surge),
                    max_unavailable: missing.unwrap_or(max_unavailable),
                }
            }
        })
    }
    /// `RollingUpdate` of a DaemonSet: one of its two numbers is zero, and not both
    /// (`pkg/apis/apps/validation`, `ValidateRollingUpdateDaemonSet`).
    fn daemon_strategy(
        &mut self,
        surge: Option<IntOrPercent>,
        missing: Option<IntOrPercent>,
        given: &At<Injection>,
    ) -> Option<Strategy> {
        let max_surge = surge.unwrap_or(daemon_set::MAX_SURGE);
        let max_unavailable = missing.unwrap_or(daemon_set::MAX_UNAVAILABLE);
        let zero = |most| matches!(most, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
        if zero(max_surge) == zero(max_unavailable) {
            let message =
                "of `maxSurge` and `maxUnavailable` of a DaemonSet one is 0, and only one";
            self.report(
                Diagnostic::error(code::CONTRADICTION, message)
                    .at(given.span, "")
                    .help("they are 0 and 1 by default"),
            );
            return None;
        }
        Some(Strategy::Rolling { max_surge, max_unavailable })
    }
}
