//! Books that must balance in every run, to the microsecond and to the nano-unit of money.

use std::collections::BTreeMap;

use forescale::plan::Plan;
use forescale::record::{NodeRow, Outcome};
use forescale::unit::{Accrual, PodId, PoolId, SimTime};
use forescale::vocabulary::Cause;

/// Tells every imbalance of a run that kept its rows.
pub fn check(plan: &Plan, outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    waiting(outcome, tell);
    course(outcome, tell);
    messages(outcome, tell);
    pods(outcome, tell);
    money(plan, outcome, tell);
}

/// Causes add up to all waiting.
fn waiting(outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    for (what, causes, total) in [
        ("messages", &outcome.message_waits, outcome.messages.wait_total),
        ("pods", &outcome.pod_waits, outcome.pods.wait_total),
    ] {
        let sum: u128 = causes.iter().sum();
        if sum != total {
            tell(format!("causes of waiting {what} add up to {sum} µs, all waiting is {total} µs"));
        }
    }
    let messages = &outcome.messages;
    let nobody_left = messages.queued_at_end + messages.in_service_at_end == 0;
    let plain = messages.redelivered + messages.dead_lettered + messages.expired == 0;
    let waited = messages.wait.total_micros();
    // Little's law without remainder: depth over time is the waiting of those who passed.
    if nobody_left && plain && waited != messages.wait_total {
        tell(format!("waits add up to {waited} µs, depth over time is {} µs", messages.wait_total));
    }
    if waited > messages.wait_total {
        tell(format!("completed messages waited {waited} µs, all {} µs", messages.wait_total));
    }
}

/// What was waited from sample to sample, and by each pod, adds up to all waiting by cause.
fn course(outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    let mut flows = [[0; Cause::ALL.len()]; 2];
    for flow in &outcome.wait_flows {
        flows[usize::from(flow.of_pods)][flow.cause as usize] += flow.micros;
    }
    if flows != [outcome.message_waits, outcome.pod_waits] {
        tell("waiting from sample to sample does not add up to all waiting".to_owned());
    }
    let mut waits = [0; Cause::ALL.len()];
    waits[Cause::Redo as usize] = outcome.pods.lost_work;
    let mut open: BTreeMap<PodId, (Cause, SimTime)> = BTreeMap::new();
    for change in &outcome.waits.pods {
        let before = match change.cause {
            Some(cause) => open.insert(change.pod, (cause, change.at)),
            None => open.remove(&change.pod),
        };
        if let Some((cause, since)) = before
            && change.counted
        {
            waits[cause as usize] += u128::from(change.at.since(since).micros());
        }
    }
    if !open.is_empty() || waits != outcome.pod_waits {
        tell("the waiting of single pods does not add up to that of all".to_owned());
    }
}

/// Every message that arrived is somewhere.
fn messages(outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    let totals = &outcome.messages;
    let somewhere = totals.completed
        + totals.dead_lettered
        + totals.expired
        + totals.rejected
        + totals.queued_at_end
        + totals.in_service_at_end;
    if totals.arrived != somewhere {
        tell(format!("{} messages arrived, {somewhere} are accounted for", totals.arrived));
    }
    if totals.wait.count() != totals.completed || totals.sojourn.count() != totals.completed {
        tell(format!(
            "{} messages completed, {} waits and {} sojourns measured",
            totals.completed,
            totals.wait.count(),
            totals.sojourn.count()
        ));
    }
    let by_workload: u64 = outcome.workloads.iter().map(|workload| workload.wait.count()).sum();
    if by_workload != totals.completed {
        tell(format!("{} messages completed, {by_workload} by workloads", totals.completed));
    }
}

/// Pods are bound or still wait, and none is Ready before it is bound.
fn pods(outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    let totals = &outcome.pods;
    if totals.pending.count() > totals.created || totals.ready.count() > totals.created {
        tell(format!(
            "{} pods created, {} bound or censored, {} ready",
            totals.created,
            totals.pending.count(),
            totals.ready.count()
        ));
    }
    for row in &outcome.pod_rows {
        let marks = [Some(row.created), row.bound, row.ready, row.ended];
        let known: Vec<SimTime> = marks.into_iter().flatten().collect();
        if !known.is_sorted() {
            tell(format!("pod {} does not live in order: {known:?}", row.name));
        }
    }
}

/// What a node cost between warm-up and end, from nothing but its row and the given prices.
fn cost_of(plan: &Plan, row: &NodeRow, outcome: &Outcome) -> Accrual {
    let Some(from) = row.billed_from else { return Accrual::default() };
    let from = from.max(outcome.warmup);
    let to = row.billed_until.unwrap_or(SimTime::NEVER).min(outcome.end);
    let pool = row.pool.map(|pool| &plan.pools[PoolId(pool)]);
    let zone = pool
        .and_then(|pool| pool.zones.iter().position(|&zone| plan.symbols.text(zone) == row.zone));
    match pool.and_then(|pool| Some((pool, pool.prices(zone.unwrap_or(0))?))) {
        Some((pool, prices)) => {
            prices.over(from, to.max(from)) + pool.disk_price.over(to.since(from))
        }
        None => row.price.over(to.since(from)),
    }
}

/// The total is the sum of its parts, and each pool costs what its nodes and kept disks cost.
fn money(plan: &Plan, outcome: &Outcome, tell: &mut dyn FnMut(String)) {
    let cost = &outcome.cost;
    let pools: Accrual = outcome.pools.iter().map(|pool| pool.cost).sum();
    let items: Accrual = cost.items.iter().map(|item| item.1).sum();
    if cost.total != pools + cost.control_plane + items {
        tell("the total cost is not pools, control plane and items".to_owned());
    }
    let unused = cost.commitments.iter().map(|one| one.paid - one.used).sum();
    if cost.on_demand + cost.spot + cost.reserved + cost.savings_plan != pools + unused {
        tell("ways of buying do not add up to pools and unused commitments".to_owned());
    }
    let workloads: Accrual = cost.workloads.iter().map(|one| one.amount).sum();
    if workloads + cost.idle + cost.system != pools + cost.virtual_nodes {
        let text = "workloads, idle and system are not all that pools and container groups cost";
        tell(text.to_owned());
    }
    let counted = outcome.end.since(outcome.warmup);
    if cost.control_plane != plan.prices.control_plane.over(counted) {
        tell("the control plane does not cost its price".to_owned());
    }
    for (index, pool) in outcome.pools.iter().enumerate() {
        let rows = outcome.node_rows.iter().filter(|row| row.pool == Some(index as u32));
        let nodes: Accrual = rows.map(|row| cost_of(plan, row, outcome)).sum();
        if plan.prices.commitments.is_empty() && nodes + pool.disks != pool.cost {
            let (nodes, pool_cost) = (nodes.money().units(), pool.cost.money().units());
            tell(format!("pool {} costs {pool_cost}, its nodes {nodes}", pool.name));
        }
        if pool.idle + pool.system > pool.cost || pool.idle < Accrual::default() {
            tell(format!("pool {}: idle and system are no part of its cost", pool.name));
        }
    }
}
