//! Lints of workloads: what they ask for against what pools, budgets and quotas can give.

use super::linter::{Linter, most, most_replicas};
use crate::cloud::PoolSpec;
use crate::control::admission::Tracked;
use crate::control::hpa::HpaMetric;
use crate::control::keda::ScalerSpec;
use crate::control::vpa::UpdateMode;
use crate::model::TaintEffect;
use crate::plan::{IntOrPercent, ScalerKind, WorkloadSpec};
use crate::scenario::code;
use crate::scenario::diagnostic::{Diagnostic, Severity::Note, Severity::Warning};
use crate::unit::{Duration, Resources};

/// Polls more often than this load the broker more than they help (keda-docs, `pollingInterval`).
const POLL: Duration = Duration::from_secs(10);

/// What the images of the retired ingress controller are called.
const INGRESS: &str = "ingress-nginx/controller";

/// All lints of workloads.
pub fn check(lint: &mut Linter<'_>) {
    schedulers(lint);
    if lint.plan.lab.infinite_nodes || !lint.plan.nodes.is_empty() {
        return;
    }
    spot(lint);
    room(lint);
    density(lint);
    requests(lint);
    polls(lint);
    two_sizers(lint);
    budgets(lint);
    namespaces(lint);
    ingress(lint);
}

/// Pods that no scheduler looks at.
fn schedulers(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let strays = plan.workloads.iter().filter(|workload| {
        !workload.system && !plan.scheduler.schedules(plan.shapes[workload.shape].scheduler)
    });
    let strays: Vec<&str> = strays.map(|workload| lint.name(workload)).collect();
    let what = "no profile has the `schedulerName` of these pods: they wait for ever";
    let help = "correct the name, or add the profile to `cluster.schedulerConfiguration`";
    lint.workloads((Warning, code::UNKNOWN_SCHEDULER), &strays, what, help);
}

/// Pods that only spot pools can hold, and pods that spot pools may hold by accident.
fn spot(lint: &mut Linter<'_>) {
    if !lint.plan.pools.iter().any(|pool| pool.spot) {
        return;
    }
    let (mut stranded, mut drifting) = (Vec::new(), Vec::new());
    for workload in lint.bound_to_pools() {
        let shape = &lint.plan.shapes[workload.shape];
        let selects = !shape.node_selector.is_empty()
            || shape.node_affinity.required.is_some()
            || !shape.node_affinity.preferred.is_empty();
        let homes = lint.homes(workload.shape);
        let spot = homes.iter().filter(|pool| pool.spot).count();
        if spot == 0 {
            continue;
        }
        if spot == homes.len() {
            stranded.push(lint.name(workload));
        } else if !selects {
            drifting.push(lint.name(workload));
        }
    }
    let what = "only spot pools can hold these pods";
    let help = "prefer spot by affinity instead of selecting it, and let an on-demand pool catch \
                what spot refuses";
    lint.workloads((Note, code::SPOT_ALONE), &stranded, what, help);
    let what = "they tolerate spot nodes without preferring or selecting any pool";
    let help =
        "add a node affinity: preferred for cheap work, `NotIn` for what must not be evicted";
    lint.workloads((Note, code::SPOT_DRIFT), &drifting, what, help);
}

/// Workloads that may ask for more pods than all their pools together hold.
fn room(lint: &mut Linter<'_>) {
    let mut over = Vec::new();
    for workload in lint.bound_to_pools() {
        let wanted = u64::from(most_replicas(workload));
        let requests = lint.plan.shapes[workload.shape].requests;
        let homes = lint.homes(workload.shape);
        if homes.is_empty() {
            continue;
        }
        let pods = |pool: &&PoolSpec| {
            let each = per_node(&requests, pool).min(i64::from(pool.max_pods));
            u64::from(most(pool)).saturating_mul(u64::try_from(each).unwrap_or(0))
        };
        if wanted > homes.iter().map(pods).fold(0, u64::saturating_add) {
            over.push(lint.name(workload));
        }
    }
    let what = "at most replicas they do not fit into all their pools together";
    let help = "raise `maxCount`, or lower `maxReplicaCount`: the rest would only wait";
    lint.workloads((Warning, code::BEYOND_POOLS), &over, what, help);
}

/// Pods of such requests for which a node of the pool has CPU and memory.
fn per_node(requests: &Resources, pool: &PoolSpec) -> i64 {
    let share = |need: i64, room: i64| if need > 0 { room / need } else { i64::MAX };
    let room = &pool.allocatable;
    share(requests.cpu_milli, room.cpu_milli).min(share(requests.memory, room.memory))
}

/// Workloads that fill nodes by number: `maxPods` is reached with more than half of the CPU and
/// memory left, wherever they may run.
fn density(lint: &mut Linter<'_>) {
    let mut dense = Vec::new();
    for workload in lint.bound_to_pools() {
        let requests = lint.plan.shapes[workload.shape].requests;
        let silent = requests.cpu_milli == 0 && requests.memory == 0;
        let homes = lint.homes(workload.shape);
        let full = |pool: &&PoolSpec| {
            most_replicas(workload) > pool.max_pods
                && per_node(&requests, pool) > 2 * i64::from(pool.max_pods)
        };
        if !silent && !homes.is_empty() && homes.iter().all(full) {
            dense.push(lint.name(workload));
        }
    }
    let what = "`maxPods` fills their nodes while more than half of CPU and memory is free";
    let help = "raise `maxPods` (a pool keeps it for life), or use a smaller `vmSize`";
    lint.workloads((Note, code::FEW_PODS), &dense, what, help);
}

/// Ingress controllers that nobody mends any more (azure-aks-docs @ fb060ab
/// `includes/ingress-nginx-retirement.md`).
fn ingress(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let ends = |workload: &&WorkloadSpec| {
        let mut images = plan.shapes[workload.shape].containers.iter();
        images.any(|one| plan.symbols.text(plan.images[one.image].0).contains(INGRESS))
    };
    let all = plan.workloads.iter().filter(|workload| !workload.system);
    let ending: Vec<&str> = all.filter(ends).map(|one| lint.name(one)).collect();
    let what = "ingress-nginx is not maintained after March 2026";
    let help = "move to the Gateway API of the application routing add-on, or to Application \
                Gateway for Containers";
    lint.workloads((Note, code::INGRESS_ENDS), &ending, what, help);
}

fn requests(lint: &mut Linter<'_>) {
    let silent: Vec<&str> = lint
        .placed()
        .filter(|workload| {
            let requests = &lint.plan.shapes[workload.shape].requests;
            requests.cpu_milli == 0 && requests.memory == 0
        })
        .filter(|workload| Some(workload.name) != lint.plan.symbols.find("pod-trace"))
        .map(|workload| lint.name(workload))
        .collect();
    let what = "without requests nothing is reserved, and every node looks large enough";
    let help = "give `requests: {cpu: …, memory: …}` from what the pods use";
    lint.workloads((Note, code::NO_REQUESTS), &silent, what, help);
}

fn polls(lint: &mut Linter<'_>) {
    let often = |workload: &&WorkloadSpec| match &workload.scaler {
        Some(ScalerKind::ScaledObject(spec)) => spec.polling_interval < POLL,
        Some(ScalerKind::ScaledJob(spec)) => spec.polling_interval < POLL,
        _ => false,
    };
    let often: Vec<&str> = lint.placed().filter(often).map(|one| lint.name(one)).collect();
    let what = "KEDA polls more often than every 10 s";
    let help = "10 s or more: brokers throttle pollers, and the HPA looks every 15 s anyway";
    lint.workloads((Note, code::SHORT_POLLING), &often, what, help);
}

/// A VPA that changes what an HPA measures against: more replicas bring less use, which brings
/// smaller requests, which bring more replicas (kubernetes/autoscaler,
/// `vertical-pod-autoscaler/docs/known-limitations.md`).
fn two_sizers(lint: &mut Linter<'_>) {
    let at_odds = |workload: &&WorkloadSpec| {
        let Some(vpa) = &workload.vpa else { return false };
        let acts = vpa.mode != UpdateMode::Off && !vpa.policy.off;
        let (cpu, memory) = measured(workload);
        acts && (cpu && vpa.policy.cpu || memory && vpa.policy.memory)
    };
    let at_odds: Vec<&str> = lint.placed().filter(at_odds).map(|one| lint.name(one)).collect();
    let what = "a VPA changes the requests that their HPA measures use against";
    let help = "let one of them act: `updateMode: Off`, other `controlledResources`, or a metric \
                that is no resource";
    lint.workloads((Warning, code::VPA_AND_HPA), &at_odds, what, help);
}

/// Whether the replicas of a workload follow the use of CPU, and of memory.
fn measured(workload: &WorkloadSpec) -> (bool, bool) {
    match &workload.scaler {
        Some(ScalerKind::ScaledObject(spec)) => {
            let any = |wanted: &ScalerSpec| spec.triggers.iter().any(|one| one.scaler == *wanted);
            (any(&ScalerSpec::Cpu), any(&ScalerSpec::Memory))
        }
        Some(ScalerKind::Hpa { spec, .. }) => {
            let any = |wanted: fn(&HpaMetric) -> bool| spec.metrics.iter().any(wanted);
            let cpu =
                |one: &HpaMetric| matches!(one, HpaMetric::Cpu(_) | HpaMetric::ContainerCpu(_));
            let memory = |one: &HpaMetric| {
                matches!(one, HpaMetric::Memory(_) | HpaMetric::ContainerMemory(_))
            };
            (any(cpu), any(memory))
        }
        _ => (false, false),
    }
}

/// Budgets that allow no eviction even when every pod is healthy.
fn budgets(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let mut shut = Vec::new();
    for budget in plan.budgets.iter() {
        let never = match (budget.min_available, budget.max_unavailable) {
            (_, Some(IntOrPercent::Int(0) | IntOrPercent::Percent(0))) => true,
            (Some(IntOrPercent::Percent(percent)), _) => percent >= 100,
            (Some(IntOrPercent::Int(least)), _) if least > 0 => {
                let owners = lint.covered(budget);
                let pods: i64 = owners.iter().map(|one| i64::from(most_replicas(one))).sum();
                !owners.is_empty() && pods <= least
            }
            _ => false,
        };
        if never {
            shut.push(plan.symbols.text(budget.name));
        }
    }
    let what = "this disruption budget never allows an eviction: no scale-down, no upgrade";
    let help = "let at least one pod be missing: `maxUnavailable: 1`, with two replicas or more";
    lint.workloads((Warning, code::BUDGET_SHUT), &shut, what, help);
}

/// Quotas of namespaces that promise more than all pools have.
fn namespaces(lint: &mut Linter<'_>) {
    let plan = lint.plan;
    let open = plan.pools.iter().filter(|pool| {
        !pool.taints.iter().any(|taint| taint.effect != TaintEffect::PreferNoSchedule)
    });
    let room: i64 =
        open.map(|pool| i64::from(most(pool)).saturating_mul(pool.allocatable.cpu_milli)).sum();
    let promised = plan.namespace_quotas.iter().flat_map(|quota| &quota.hard);
    let promised: i64 = promised
        .filter(|(tracked, ..)| *tracked == Tracked::RequestsCpu)
        .map(|&(_, _, most)| most)
        .fold(0, i64::saturating_add);
    if promised > room {
        let message = format!(
            "resource quotas promise {promised}m CPU, untainted pools at maximum have {room}m"
        );
        lint.found.push(
            Diagnostic::note(code::OVERPROMISED, message)
                .help("lower the quotas or raise `maxCount`, or accept that tenants compete"),
        );
    }
}
