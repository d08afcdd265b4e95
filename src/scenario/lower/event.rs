//! `inject:` and `thresholds:`.

use super::lowering::{Lowering, value};
use super::provider::at_pool_names;
use crate::cloud::{CapacityRefusal, identity};
use crate::control::node::Repair;
use crate::model::ProvisioningFailure;
use crate::plan::{
    Comparison, Controller, CrashSpec, Inject, InjectKind, NodeTarget, Outage, Threshold,
    WorkloadSpec,
};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{
    At, CapacityError, ControllerName, ControllerRestart, Count, CrashEvent, Injection, NodeDown,
    NodeNotReady, RemoveGates, RepairName, Text, ZoneDown, nearest_help, parse_duration,
};
use crate::unit::{Duration, IdVec, PoolId, WorkloadId};

/// The workloads, if they could be read.
pub type Workloads<'w> = Option<&'w IdVec<WorkloadId, WorkloadSpec>>;

/// Planned events in order of time, and refusals of capacity.
pub fn injects(
    lowering: &mut Lowering<'_, '_>,
    workloads: Workloads<'_>,
) -> (Vec<Inject>, Vec<CapacityRefusal>) {
    let mut injects = Vec::new();
    let mut refusals = Vec::new();
    for given in value(&lowering.scenario.inject).into_iter().flatten() {
        if let Injection::DenyCapacity(deny) = &given.value {
            refusals.extend(lowering.refusal(deny));
        } else {
            injects.extend(lowering.inject(given, workloads));
        }
    }
    injects.sort_by_key(|inject: &Inject| inject.at);
    (injects, refusals)
}

/// How an event names a node: by its pool and its number there, or by its own name.
struct NamedNode<'a> {
    pool: &'a Option<At<Text>>,
    index: &'a Option<At<Count>>,
    node: &'a Option<At<Text>>,
}

impl Lowering<'_, '_> {
    fn inject(&mut self, given: &At<Injection>, workloads: Workloads<'_>) -> Option<Inject> {
        let (at, kind) = match &given.value {
            Injection::Evict(event) => {
                let pool = self.named_pool(event.pool.as_ref()?)?;
                let place = event.pool.as_ref()?.span;
                if !self.pools[pool].spot {
                    self.report(
                        Diagnostic::error(
                            code::CONTRADICTION,
                            "only spot pools lose nodes to evictions",
                        )
                        .at(place, "this pool is not spot")
                        .help("use `nodeDown` or `zoneDown` for other pools"),
                    );
                    return None;
                }
                let fraction = value(&event.fraction)?.0;
                (event.at.as_ref(), InjectKind::Evict { pool, fraction })
            }
            Injection::ZoneDown(event) => (event.at.as_ref(), self.zone_down(event)?),
            Injection::NodeDown(event) => (event.at.as_ref(), self.node_down(event, given)?),
            Injection::NodeNotReady(event) => {
                (event.at.as_ref(), self.node_not_ready(event, given)?)
            }
            Injection::SourceFail(event) => {
                let queue = self.named_queue(event.queue.as_ref()?)?;
                let length = value(&event.length)?.0;
                (event.at.as_ref(), InjectKind::SourceFail { queue, length })
            }
            Injection::Crash(event) => {
                (event.at.as_ref(), InjectKind::Crash(self.crash(event, workloads)?))
            }
            Injection::RegistryDown(event) => {
                let length = value(&event.length)?.0;
                (event.at.as_ref(), InjectKind::RegistryDown { length })
            }
            Injection::SetReplicas(event) => {
                let workload = self.named_workload(event.workload.as_ref()?, workloads)?;
                let replicas = value(&event.replicas)?.0;
                (event.at.as_ref(), InjectKind::SetReplicas { workload, replicas })
            }
            Injection::RemoveGates(event) => {
                (event.at.as_ref(), self.remove_gates(event, workloads)?)
            }
            Injection::ControllerRestart(event) => {
                let controller = self.restarted(event, given)?;
                (event.at.as_ref(), InjectKind::ControllerRestart { controller })
            }
            Injection::Rollout(event) => {
                let at = self.moment(event.at.as_ref()?)?;
                let kind = InjectKind::Rollout(self.rollout(event, given, workloads, at)?);
                return Some(Inject { at, kind });
            }
            Injection::Upgrade(event) => (event.at.as_ref(), self.upgrade(event, given)?),
            Injection::DenyCapacity(_) => return None,
        };
        Some(Inject { at: self.moment(at?)?, kind })
    }

    fn remove_gates(
        &mut self,
        event: &RemoveGates,
        workloads: Workloads<'_>,
    ) -> Option<InjectKind> {
        let name = event.workload.as_ref()?;
        let workload = self.named_workload(name, workloads)?;
        let shape = workloads?[workload].shape;
        if !self.tables.shapes()[shape].gated {
            self.report(
                Diagnostic::error(code::CONTRADICTION, "there are no gates to remove")
                    .at(name.span, "its pods have none")
                    .help("a pod is held by `schedulingGates: [{name: example.com/gate}]`"),
            );
        }
        Some(InjectKind::RemoveGates { workload })
    }

    fn restarted(
        &mut self,
        event: &ControllerRestart,
        given: &At<Injection>,
    ) -> Option<Controller> {
        Some(match value(&event.controller)? {
            ControllerName::ControllerManager => Controller::ControllerManager,
            ControllerName::Keda => Controller::Keda,
            ControllerName::Autoscaler => Controller::Autoscaler,
            ControllerName::Scheduler => {
                let reason = "it would forget backoffs, attempts and bindings under way";
                self.not_built("inject.controllerRestart.kube-scheduler", given.span, reason);
                return None;
            }
        })
    }

    fn crash(&mut self, event: &CrashEvent, workloads: Workloads<'_>) -> Option<CrashSpec> {
        Some(CrashSpec {
            workload: self.named_workload(event.workload.as_ref()?, workloads)?,
            length: value(&event.length).map(|length| length.0),
            after: value(&event.after).map_or(Duration::ZERO, |length| length.0),
            probability: value(&event.probability).map_or(1.0, |share| share.0),
        })
    }

    fn refusal(
        &mut self,
        given: &crate::scenario::format::DenyCapacity,
    ) -> Option<CapacityRefusal> {
        let pool = self.named_pool(given.pool.as_ref()?)?;
        let from = self.moment(given.from.as_ref()?)?;
        let until = from + value(&given.length)?.0;
        let error = match value(&given.error).copied().unwrap_or(CapacityError::AllocationFailed) {
            CapacityError::AllocationFailed => ProvisioningFailure::AllocationFailed,
            CapacityError::ZonalAllocationFailed => ProvisioningFailure::ZonalAllocationFailed,
            CapacityError::SkuNotAvailable => ProvisioningFailure::SkuNotAvailable,
            CapacityError::Overconstrained => ProvisioningFailure::Overconstrained,
        };
        Some(CapacityRefusal { pool, from, until, error })
    }

    fn zone_down(&mut self, event: &ZoneDown) -> Option<InjectKind> {
        let zone = event.zone.as_ref()?;
        let cluster = value(&self.scenario.cluster);
        let location = cluster.and_then(|cluster| value(&cluster.location));
        let location = location.map_or("westeurope", |location| &location.0);
        let number = zone.value.0.rsplit('-').next();
        let symbol = self.tables.symbols.find(&identity::zone_value(location, number));
        let used = symbol.filter(|zone| self.pools.iter().any(|pool| pool.zones.contains(zone)));
        let Some(zone) = used else {
            let message = format!("no pool has nodes in zone `{}`", zone.value.0);
            self.error(code::UNKNOWN_ZONE, message, zone.span, "give a pool `availabilityZones`");
            return None;
        };
        Some(InjectKind::ZoneDown { zone, length: value(&event.length)?.0 })
    }

    fn node_down(&mut self, event: &NodeDown, given: &At<Injection>) -> Option<InjectKind> {
        let outage = match (&event.length, &event.repaired_by) {
            (Some(length), Some(repair)) => {
                self.report(
                    Diagnostic::error(
                        code::CONTRADICTION,
                        "a node comes back by itself or by repair",
                    )
                    .at(repair.span, "repaired")
                    .at(length.span, "by itself")
                    .help("leave one of them out"),
                );
                return None;
            }
            (Some(length), None) => Outage::For(length.value.0),
            (None, Some(repair)) => Outage::RepairedBy(match repair.value {
                RepairName::Reboot => Repair::Reboot,
                RepairName::Reimage => Repair::Reimage,
                RepairName::Redeploy => Repair::Redeploy,
            }),
            (None, None) => Outage::Lost,
        };
        let named = NamedNode { pool: &event.pool, index: &event.index, node: &event.node };
        let node = self.node_target(named, "nodeDown", given)?;
        Some(InjectKind::NodeDown { node, outage })
    }

    fn node_not_ready(
        &mut self,
        event: &NodeNotReady,
        given: &At<Injection>,
    ) -> Option<InjectKind> {
        let named = NamedNode { pool: &event.pool, index: &event.index, node: &event.node };
        let node = self.node_target(named, "nodeNotReady", given)?;
        let outage = Outage::NotReady(value(&event.length)?.0);
        Some(InjectKind::NodeDown { node, outage })
    }

    /// The node that an event names: of a pool by its number, or outside pools by its name.
    fn node_target(
        &mut self,
        NamedNode { pool, index, node }: NamedNode<'_>,
        event: &str,
        given: &At<Injection>,
    ) -> Option<NodeTarget> {
        if let Some(at) = node {
            let symbol = self.tables.symbols.find(&at.value.0);
            let found = symbol.filter(|name| self.given_nodes.contains(name));
            if found.is_none() {
                let message = format!("no node `{}` in `nodes`", at.value.0);
                let help = "name a node of a pool by `pool` and `index`";
                self.error(code::UNKNOWN_NODE, message, at.span, help);
            }
            return found.map(NodeTarget::Given);
        }
        let Some(name) = pool else {
            let message = format!("`{event}` needs `pool` or `node`");
            self.error(code::MISSING_KEY, message, given.span, "");
            return None;
        };
        let pool = self.named_pool(name)?;
        Some(NodeTarget::OfPool(pool, index.as_ref().map_or(0, |at| at.value.0)))
    }

    /// The pool that a key names; `None` after reporting that there is none.
    pub fn named_pool(&mut self, at: &At<Text>) -> Option<PoolId> {
        let found = self.pool(&at.value.0);
        let names = at_pool_names(self);
        // A pool that could not be read was complained of already.
        if found.is_none() && !names.is_empty() && !names.contains(&at.value.0) {
            self.report(
                Diagnostic::error(code::UNKNOWN_POOL, format!("no pool `{}`", at.value.0))
                    .at(at.span, "")
                    .help(nearest_help(&at.value.0, names.iter().map(String::as_str))),
            );
        }
        found
    }

    /// The workload that a key names; `None` after reporting that there is none.
    pub fn named_workload(
        &mut self,
        at: &At<Text>,
        workloads: Workloads<'_>,
    ) -> Option<WorkloadId> {
        let workloads = workloads?;
        let symbol = self.tables.symbols.find(&at.value.0);
        let found = workloads.iter().position(|workload| Some(workload.name) == symbol);
        if found.is_none() {
            let names: Vec<String> = workloads
                .iter()
                .filter(|workload| !workload.system)
                .map(|workload| self.tables.symbols.text(workload.name).to_owned())
                .collect();
            self.report(
                Diagnostic::error(code::UNKNOWN_WORKLOAD, format!("no workload `{}`", at.value.0))
                    .at(at.span, "")
                    .help(nearest_help(&at.value.0, names.iter().map(String::as_str))),
            );
        }
        found.map(|at| WorkloadId(at as u32))
    }
}

/// Thresholds.
pub fn thresholds(lowering: &mut Lowering<'_, '_>) -> Vec<Threshold> {
    let mut thresholds = Vec::new();
    for (metric, condition) in value(&lowering.scenario.thresholds).into_iter().flatten() {
        check_metric(lowering, metric, condition);
        match threshold(metric, &condition.value.0) {
            Some(threshold) => thresholds.push(threshold),
            None => lowering.error(
                code::BAD_THRESHOLD,
                format!("the condition on `{metric}` cannot be read"),
                condition.span,
                "a comparison and a limit, such as \"<120s\", \"<=4000\" or \"==0s\"",
            ),
        }
    }
    thresholds
}

fn threshold(metric: &str, text: &str) -> Option<Threshold> {
    let text = text.trim();
    let (comparison, limit) = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("==", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ]
    .into_iter()
    .find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)))?;
    let limit = limit.trim();
    let number = match limit.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => limit.parse::<f64>().ok(),
    };
    let limit = match number {
        Some(number) if number.is_finite() => number,
        Some(_) => return None,
        None => parse_duration(limit).map(Duration::as_secs_f64).ok()?,
    };
    Some(Threshold {
        metric: metric.to_owned(),
        comparison,
        limit,
        text: format!("{metric}{text}"),
    })
}

/// First words of metrics (contract §3.2 and its aliases), and causes of waiting.
const METRIC_ROOTS: [&str; 16] = [
    "message",
    "messages",
    "pod",
    "pods",
    "workloads",
    "node",
    "nodes",
    "ip",
    "quota",
    "cost",
    "waits",
    "counters",
    "simulatedSeconds",
    "blocked",
    "keda",
    "hpa",
];

fn check_metric(lowering: &mut Lowering<'_, '_>, metric: &str, condition: &At<Text>) {
    let causes = crate::vocabulary::Cause::ALL.iter().map(|cause| cause.name());
    let root = metric.split('.').next().unwrap_or_default();
    let known = METRIC_ROOTS.contains(&root) || causes.clone().any(|cause| cause == metric);
    if known {
        return;
    }
    let names: Vec<&str> = METRIC_ROOTS.into_iter().chain(causes).collect();
    lowering.report(
        Diagnostic::error(code::UNKNOWN_METRIC, format!("no metric `{metric}`"))
            .at(condition.span, "this condition")
            .help(format!(
                "{}; `forescale list metrics` prints all",
                nearest_help(root, names.into_iter())
            )),
    );
}
