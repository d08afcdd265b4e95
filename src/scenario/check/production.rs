//! The production checklist: notes for a scenario that says `metadata.production: true`.
//!
//! Sources: azure-aks-docs @ fb060ab `free-standard-pricing-tiers.md`,
//! `reliability-availability-zones-configure.md`, `use-system-pools.md`, `concepts-storage.md`,
//! `best-practices-app-cluster-reliability.md`.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use super::linter::{Linter, least_replicas};
use crate::cloud::{OsDisk, Tier, catalogue};
use crate::plan::{WorkloadKind, WorkloadSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::{Diagnostic, Severity::Note};
use crate::scenario::format::Scenario;
use crate::unit::Symbol;

/// Zones that outlive the loss of one with a majority.
const ZONES: usize = 3;

/// How many times its request a pod may use: with more, a few busy pods starve their node.
const OVERCOMMIT: i64 = 2;

/// Last month of support of a minor version, and the second after it
/// (`supported-kubernetes-versions.md`).
const SUPPORT_ENDS: [(u16, &str, i64); 5] = [
    (33, "July 2026", 1_785_542_400),
    (34, "November 2026", 1_796_083_200),
    (35, "March 2027", 1_806_537_600),
    (36, "June 2027", 1_814_400_000),
    (37, "October 2027", 1_825_027_200),
];

/// The whole list.
pub fn check(lint: &mut Linter<'_>, scenario: &Scenario) {
    let metadata = scenario.metadata.as_ref();
    let production = metadata.and_then(|at| at.value.production.as_ref());
    if !production.is_some_and(|at| at.value.0) {
        return;
    }
    cluster(lint);
    version(lint);
    zones(lint);
    disks(lint);
    pods(lint);
    services(lint);
}

fn cluster(lint: &mut Linter<'_>) {
    if lint.plan.tier == Tier::Free {
        let found = Diagnostic::note(code::NO_SLA, "the Free tier has no SLA");
        lint.found.push(found.help("`sku: {tier: Standard}`: 99.95 % with zones, 99.9 % without"));
    }
    if lint.plan.pools.iter().all(|pool| pool.system) && !lint.plan.pools.is_empty() {
        let message = "workloads and system pods share their nodes: there is no user pool";
        let found = Diagnostic::note(code::ONE_POOL, message);
        lint.found.push(found.help("add a pool of `mode: User` for the workloads"));
    }
}

/// A version that AKS supports no more when the simulation starts. Premium has a year more.
fn version(lint: &mut Linter<'_>) {
    let (plan, minor) = (lint.plan, lint.plan.version.minor);
    let end = SUPPORT_ENDS.iter().find(|(version, ..)| minor <= *version);
    let Some(&(listed, text, end)) = end else { return };
    if plan.tier == Tier::Premium || plan.simulation.start_epoch < end {
        return;
    }
    let latest = if minor < listed { " at the latest" } else { "" };
    let message = format!("the support of Kubernetes 1.{minor} ended with {text}{latest}");
    let found = Diagnostic::note(code::UNSUPPORTED, message);
    lint.found.push(found.help("upgrade; or long-term support, one year more, with Premium"));
}

/// Pools of one kind that together have fewer than three zones: one pool per zone is as good as a
/// pool of three.
fn zones(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let kinds: BTreeSet<(bool, bool)> =
        plan.pools.iter().map(|pool| (pool.system, pool.spot)).collect();
    for kind in kinds {
        let pools = || plan.pools.iter().filter(|pool| (pool.system, pool.spot) == kind);
        let zones: BTreeSet<Symbol> = pools().flat_map(|pool| &pool.zones).copied().collect();
        let first = pools().next().filter(|_| zones.len() < ZONES);
        // Spot pools catch what on-demand pools do better: losing one is expected of them.
        let Some(first) = first.filter(|pool| !pool.spot) else { continue };
        let names: Vec<String> =
            pools().map(|pool| format!("`{}`", plan.symbols.text(pool.name))).collect();
        let message = format!("{} in {} of three zones", names.join(", "), zones.len());
        let help =
            "`availabilityZones: [\"1\", \"2\", \"3\"]`; a pool cannot change its zones later";
        lint.pool((Note, code::FEW_ZONES), first, message, help);
    }
}

/// Managed OS disks where the size has room for ephemeral ones.
fn disks(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    for pool in plan.pools.iter().filter(|pool| pool.os_disk == OsDisk::Managed) {
        let size = plan.symbols.text(pool.size.name);
        let listed =
            catalogue::find(size).is_ok_and(|size| size.default_os_disk().0 != pool.os_disk);
        if listed && pool.instance_limit.is_some() {
            let name = plan.symbols.text(pool.name);
            let message = format!("`{name}` pays for OS disks although `{size}` has room for them");
            let help = "`osDiskType: Ephemeral` boots faster and costs nothing";
            lint.pool((Note, code::MANAGED_DISK), pool, message, help);
        }
    }
}

/// What all pods should have.
fn pods(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let (mut unlimited, mut latest, mut high) = (Vec::new(), Vec::new(), Vec::new());
    for workload in lint.placed() {
        let name = lint.name(workload);
        let shape = &plan.shapes[workload.shape];
        if shape.requests.memory > 0 && shape.limits.memory == 0 {
            unlimited.push(name);
        }
        let beyond = |limit: i64, request: i64| request > 0 && limit > OVERCOMMIT * request;
        if beyond(shape.limits.cpu_milli, shape.requests.cpu_milli)
            || beyond(shape.limits.memory, shape.requests.memory)
        {
            high.push(name);
        }
        let moves = shape.containers.iter().any(|container| {
            let image = plan.symbols.text(plan.images[container.image].0);
            // An image that has only a size is called as its workload.
            image.strip_suffix(":latest").is_some_and(|base| base != name)
        });
        if moves {
            latest.push(name);
        }
    }
    let what = "without a memory limit a leak takes the node's other pods with it";
    lint.workloads((Note, code::NO_LIMITS), &unlimited, what, "give `limits: {memory: …}`");
    let what = "limits of more than twice the requests: nodes promise more than they have";
    let help = "limits of at most twice the requests, for memory the request itself";
    lint.workloads((Note, code::HIGH_LIMITS), &high, what, help);
    let what =
        "their image has no version, so each start may run another and must ask the registry";
    let help = "name a version or a digest, not `latest`";
    lint.workloads((Note, code::LATEST_TAG), &latest, what, help);
}

/// What pods that answer requests should have; consumers of a queue may come and go.
fn services(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let mut covered: FxHashSet<(Symbol, Symbol)> = FxHashSet::default();
    for budget in plan.budgets.iter() {
        covered.extend(lint.covered(budget).iter().map(|one| (one.namespace, one.name)));
    }
    let (mut single, mut bare, mut unready) = (Vec::new(), Vec::new(), Vec::new());
    for workload in lint.placed().filter(|one| is_service(one)) {
        let name = lint.name(workload);
        if least_replicas(workload) < 2 {
            single.push(name);
        } else if !covered.contains(&(workload.namespace, workload.name)) {
            bare.push(name);
        }
        if workload.times.probes.readiness.is_none() {
            unready.push(name);
        }
    }
    let what = "one replica or none: each drain, eviction and upgrade is an outage";
    lint.workloads((Note, code::SINGLE_REPLICA), &single, what, "two replicas at least");
    let what = "no PodDisruptionBudget: a drain may take all replicas at once";
    let help = "`podDisruptionBudget: {maxUnavailable: 1}`";
    lint.workloads((Note, code::NO_BUDGET), &bare, what, help);
    let what = "no readiness probe: they get requests from the moment their containers run";
    let help = "give a `readinessProbe` that asks the application";
    lint.workloads((Note, code::NO_READINESS), &unready, what, help);
}

fn is_service(workload: &WorkloadSpec) -> bool {
    matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet)
        && workload.consumes.is_none()
}
