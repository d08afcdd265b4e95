//! Pods that no node can ever hold: the run would be a long wait for nothing.

use crate::cloud::PoolSpec;
use crate::cloud::identity::zone_labels;
use crate::model::{Labels, NodeSelectorTerm, PodShape, Requirement, Taint};
use crate::plan::{Plan, WorkloadKind, WorkloadSpec};
use crate::rules::{Plugin, matches_requirement, untolerated};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::Scenario;
use crate::scenario::reading::Reading;
use crate::scenario::source::Span;
use crate::unit::{Resources, Symbol};

/// Reports workloads whose pods fit on no node, with what stops them on each pool.
pub fn check(reading: &mut Reading<'_>, scenario: &Scenario, plan: &Plan) {
    if plan.lab.infinite_nodes {
        return;
    }
    for workload in plan.workloads.iter() {
        let per_node = workload.kind == WorkloadKind::DaemonSet;
        if workload.system || per_node || !plan.nodes.is_empty() {
            continue;
        }
        let shape = &plan.shapes[workload.shape];
        if may_burst(plan, shape) {
            continue;
        }
        let mut reasons = Vec::new();
        for pool in plan.pools.iter().filter(|pool| pool.max > 0) {
            match obstacle(plan, shape, pool) {
                None => {
                    reasons.clear();
                    break;
                }
                Some(why) => reasons.push(format!("`{}`: {why}", plan.symbols.text(pool.name))),
            }
        }
        if !reasons.is_empty() {
            report(reading, scenario, plan, workload, &reasons);
        }
    }
}

fn report(
    reading: &mut Reading<'_>,
    scenario: &Scenario,
    plan: &Plan,
    workload: &WorkloadSpec,
    reasons: &[String],
) {
    let name = plan.symbols.text(workload.name);
    let message = format!("no pool can hold a pod of `{name}`");
    let mut found = Diagnostic::error(code::UNPLACEABLE, message).help(format!(
        "{}; {}",
        reasons.join("; "),
        mend(plan, workload)
    ));
    if let Some(place) = place(scenario, name) {
        found = found.at(place, "these pods wait for ever");
    }
    reading.report(found);
}

/// What to do about pods that fit nowhere. Virtual nodes carry `type=virtual-kubelet` (AKS docs,
/// "Create virtual nodes using Azure CLI").
fn mend(plan: &Plan, workload: &WorkloadSpec) -> &'static str {
    let text = |symbol| plan.symbols.text(symbol);
    let mut selector = plan.shapes[workload.shape].node_selector.iter();
    if selector.any(|&(key, value)| (text(key), text(value)) == ("type", "virtual-kubelet")) {
        match &plan.virtual_node {
            None => "give the cluster virtual nodes: `cluster.virtualNodes: {enabled: true}`",
            Some(_) => {
                "tolerate `virtual-kubelet.io/provider` and ask for what the virtual node has"
            }
        }
    } else {
        "ask for less, or add a pool"
    }
}

/// Where the short form says what the pods of a workload need.
pub fn place(scenario: &Scenario, name: &str) -> Option<Span> {
    let workloads = scenario.workloads.as_ref()?;
    let mut workloads = workloads.value.iter();
    let given = workloads
        .find(|given| given.value.name.as_ref().is_some_and(|text| text.value.0 == name))?;
    let requests = given.value.requests.as_ref().map(|at| at.span);
    requests.or(given.value.name.as_ref().map(|at| at.span))
}

/// What keeps a shape off every node of a pool; `None`: nothing does.
pub(super) fn obstacle(plan: &Plan, shape: &PodShape, pool: &PoolSpec) -> Option<String> {
    // A filter that the pod's scheduler does without is no obstacle, unless the kubelet asks too.
    let profile = plan.scheduler.profiles.iter().find(|profile| profile.name == shape.scheduler);
    let asked = |filter| profile.is_none_or(|profile| !profile.filters_off.contains(filter));
    let offer = Offer { labels: &pool.labels, taints: &pool.taints, zones: &pool.zones };
    if let Some(why) = offer.obstacle(plan, shape, asked(Plugin::TaintToleration)) {
        return Some(why);
    }
    if asked(Plugin::VolumeBinding)
        && let Some(zone) = shape.volumes.zone.filter(|zone| !pool.zones.contains(zone))
    {
        return Some(format!("the disk is in {}, its nodes are not", plan.symbols.text(zone)));
    }
    let (disks, most) = (shape.volumes.data_disks, pool.size.max_data_disks);
    if asked(Plugin::NodeVolumeLimits) && most > 0 && disks > most {
        return Some(format!("{disks} disks to attach, its size takes {most}"));
    }
    let room = pool.allocatable;
    (!shape.requests.fits_in(&room)).then(|| what_is_short(&shape.requests, &room))
}
/// Whether the pods may go to the virtual node.
pub(super) fn may_burst(plan: &Plan, shape: &PodShape) -> bool {
    plan.virtual_node.as_ref().is_some_and(|own| {
        let (labels, taints) = (&own.node.labels, own.node.taints.as_slice());
        let offer = Offer { labels, taints, zones: &[] };
        let fits = shape.requests.fits_in(&own.node.allocatable);
        fits && offer.obstacle(plan, shape, true).is_none()
    })
}

/// What nodes of a kind say of themselves.
struct Offer<'a> {
    labels: &'a Labels,
    taints: &'a [Taint],
    zones: &'a [Symbol],
}

impl Offer<'_> {
    fn obstacle(&self, plan: &Plan, shape: &PodShape, taints_asked: bool) -> Option<String> {
        if let Some(wrong) = wrong_label(self.labels, shape) {
            let (key, value) = (plan.symbols.text(wrong.0), plan.symbols.text(wrong.1));
            return Some(format!("its nodes have no label {key}={value}"));
        }
        if !self.may_match(plan, shape) {
            return Some("its nodes do not meet the required node affinity".to_owned());
        }
        let taint = untolerated(self.taints, &shape.tolerations).filter(|_| taints_asked)?;
        let (key, value) = (plan.symbols.text(taint.key), plan.symbols.text(taint.value));
        Some(format!("its taint {key}={value} is not tolerated"))
    }

    /// Whether a node could meet the required node affinity, in some zone. What a term says
    /// of a node's own name or hostname is not known before there is one.
    fn may_match(&self, plan: &Plan, shape: &PodShape) -> bool {
        let Some(terms) = &shape.node_affinity.required else { return true };
        let (symbols, hostname) = (&plan.symbols, plan.symbols.find("kubernetes.io/hostname"));
        let zones: &[Symbol] = if self.zones.is_empty() { &[Symbol::EMPTY] } else { self.zones };
        zones.iter().any(|&zone| {
            let text = if zone == Symbol::EMPTY { "0" } else { symbols.text(zone) };
            let mut labels = self.labels.clone();
            for (key, value) in zone_labels(text) {
                // A key that nobody has written is asked for by nobody.
                if let Some(key) = symbols.find(key) {
                    labels.set(key, symbols.find(value).unwrap_or_default());
                }
            }
            let met = |own: &Requirement| {
                Some(own.key) == hostname || matches_requirement(own, labels.get(own.key), symbols)
            };
            let is_some =
                |term: &&NodeSelectorTerm| !(term.expressions.is_empty() && term.fields.is_empty());
            terms.iter().filter(is_some).any(|term| term.expressions.iter().all(met))
        })
    }
}

fn wrong_label(
    labels: &Labels,
    shape: &PodShape,
) -> Option<(crate::unit::Symbol, crate::unit::Symbol)> {
    shape.node_selector.iter().copied().find(|&(key, value)| labels.get(key) != Some(value))
}

fn what_is_short(need: &Resources, room: &Resources) -> String {
    if need.cpu_milli > room.cpu_milli {
        return format!("{}m CPU asked for, {}m allocatable", need.cpu_milli, room.cpu_milli);
    }
    if need.memory > room.memory {
        let mib = |bytes: i64| bytes >> 20;
        return format!("{} MiB asked for, {} MiB allocatable", mib(need.memory), mib(room.memory));
    }
    if need.ephemeral > room.ephemeral {
        return "it has too little ephemeral storage".to_owned();
    }
    "it lacks an extended resource".to_owned()
}
