//! A hand-made outcome for the tests of renderers.

use super::model::Report;
use crate::record::{
    Actor, Column, ColumnKind, Entry, NodeRow, Object, Outcome, Panel, PodRow, PoolTotals, Series,
    WaitFlow, WallTotals, WorkloadTotals,
};
use crate::study::{Aggregate, Assumption, Summary, evaluate, parse_threshold};
use crate::unit::{Duration, HourlyRate, NodeId, PoolId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// How long the run takes.
pub const RUN: Duration = Duration::from_secs(6 * 3_600);

/// Six hours with a burst at 14:00, a full subnet, and an eviction.
pub fn outcome(seed: u64) -> Outcome {
    let mut outcome = Outcome {
        name: "order-processor".to_owned(),
        seed,
        start_epoch: 1_795_003_200,
        end: SimTime::ZERO + RUN,
        fingerprint: 0x0123_4567_89ab_cdef ^ seed,
        currency: "USD".to_owned(),
        pool_names: vec!["system".to_owned(), "apps".to_owned(), "spot".to_owned()],
        workload_names: vec!["order-processor".to_owned()],
        queue_names: vec!["orders".to_owned()],
        node_names: [0, 1].map(|index| format!("aks-spot-{index:06}")).into_iter().collect(),
        not_modelled: vec!["spec.template.spec.hostNetwork".to_owned()],
        ..Outcome::default()
    };
    work(&mut outcome);
    pools(&mut outcome);
    waits(&mut outcome);
    rows(&mut outcome);
    outcome.series = series(seed);
    outcome
}

/// The outcome as a report with conditions.
pub fn report(seeds: &[u64], conditions: &[&str]) -> Report {
    let outcomes: Vec<Outcome> = seeds.iter().map(|&seed| outcome(seed)).collect();
    let study = Aggregate { runs: outcomes.iter().map(Summary::of).collect() };
    let judge = |text: &&str| evaluate(&parse_threshold(text).expect("a condition"), &study, false);
    let verdicts = conditions.iter().map(judge).collect();
    let assumption = |assumed| Assumption {
        path: "timing.vmProvision".to_owned(),
        value: "{lognormal: {median: 130s, p95: 260s}}".to_owned(),
        source: "measured".to_owned(),
        assumed,
    };
    Report {
        outcome: outcomes.into_iter().next().expect("a seed"),
        study,
        seeds: seeds.to_vec(),
        verdicts,
        assumptions: vec![assumption(true), assumption(false), assumption(true)],
        folder: Some("output/order-processor/".to_owned()),
    }
}

fn work(outcome: &mut Outcome) {
    let shift = outcome.seed % 5;
    let messages = &mut outcome.messages;
    messages.arrived = 1_012;
    messages.completed = 1_000;
    messages.queued_at_end = 12;
    messages.oldest_age_at_end = Duration::from_secs(95);
    for step in 0..1_000_u64 {
        let wait = if step < 800 { step * 10 } else { (step - 790) * 5_700 + shift * 9_000 };
        messages.wait.add(Duration::from_millis(wait));
        messages.sojourn.add(Duration::from_millis(wait + 2_000));
    }
    let pods = &mut outcome.pods;
    pods.created = 120;
    pods.evicted = 4;
    pods.completed = 0;
    pods.censored = 2;
    for step in 0..120_u64 {
        let pending = if step < 90 { step * 30 } else { (step - 80) * 9_000 };
        pods.pending.add(Duration::from_millis(pending));
        pods.ready.add(Duration::from_millis(pending + 14_000));
    }
    outcome.workloads.push(WorkloadTotals {
        name: "order-processor".to_owned(),
        replicas_max: 30,
        refused: 0,
        replica_micros: 180_000_000_000,
        wait: outcome.messages.wait.clone(),
        slot_micros: 160_000_000_000,
        busy_share: 0.64,
        vpa: None,
        requests: None,
    });
}

fn pools(outcome: &mut Outcome) {
    for (name, size, spot, nodes, price) in [
        ("system", "Standard_D4s_v5", false, 3, 0.23),
        ("apps", "Standard_D8s_v5", false, 2, 0.46),
        ("spot", "Standard_D8s_v5", true, 6, 0.0953),
    ] {
        let hours = if spot { 3 } else { 6 };
        let billed = Duration::from_secs(hours * 3_600).times(u64::from(nodes));
        outcome.pools.push(PoolTotals {
            name: name.to_owned(),
            spot,
            vm_size: size.to_owned(),
            requested: if spot { 9 } else { 0 },
            created: if spot { 8 } else { 0 },
            failed: u64::from(spot),
            evicted: if spot { 2 } else { 0 },
            peak: nodes,
            node_micros: u128::from(billed.micros()),
            cpu_requested_share: if spot { 0.71 } else { 0.32 },
            memory_requested_share: 0.2,
            cost: HourlyRate::from_units(price).over(billed),
            idle: HourlyRate::from_units(price * if spot { 0.2 } else { 0.45 }).over(billed),
            ..PoolTotals::default()
        });
    }
    let cost = &mut outcome.cost;
    cost.control_plane = HourlyRate::from_units(0.1).over(RUN);
    cost.on_demand = outcome.pools[0].cost + outcome.pools[1].cost;
    cost.spot = outcome.pools[2].cost;
    cost.total = cost.on_demand + cost.spot + cost.control_plane;
    cost.idle = HourlyRate::from_units(0.62).over(RUN);
    cost.system = HourlyRate::from_units(0.21).over(RUN);
    outcome.ip.push(WallTotals {
        name: "nodes".to_owned(),
        capacity: Some(251),
        peak: 248,
        blocked: Duration::from_secs(5_040),
    });
    outcome.quota.push(WallTotals {
        name: "cores".to_owned(),
        capacity: Some(350),
        peak: 76,
        blocked: Duration::ZERO,
    });
}

fn waits(outcome: &mut Outcome) {
    let mut put = |cause: Cause, message: u128, pod: u128| {
        let index = Cause::ALL.iter().position(|one| *one == cause).expect("all are listed");
        outcome.message_waits[index] = message * 1_000_000;
        outcome.pod_waits[index] = pod * 1_000_000;
    };
    put(Cause::KedaPoll, 2_100, 0);
    put(Cause::HpaSync, 6_300, 0);
    put(Cause::CaScan, 4_100, 310);
    put(Cause::BlockedIp, 62_000, 4_800);
    put(Cause::VmProvision, 28_400, 2_600);
    put(Cause::NodeReady, 3_200, 420);
    put(Cause::ImagePull, 13_000, 900);
    put(Cause::AppStart, 8_000, 700);
    put(Cause::Busy, 7_900, 0);
    let half = |micros: u128, until, of_pods, cause| WaitFlow {
        until: SimTime::from_secs(until),
        of_pods,
        cause,
        micros: micros / 2,
    };
    for until in [10_800, 21_600] {
        for (of_pods, waits) in [(false, &outcome.message_waits), (true, &outcome.pod_waits)] {
            let all = Cause::ALL.iter().zip(waits).filter(|(_, micros)| **micros > 0);
            let flows = all.map(|(&cause, &micros)| half(micros, until, of_pods, cause));
            outcome.wait_flows.extend(flows);
        }
    }
    outcome.messages.wait_total = outcome.message_waits.iter().sum();
    outcome.pods.wait_total = outcome.pod_waits.iter().sum();
}

fn rows(outcome: &mut Outcome) {
    let at = SimTime::from_secs;
    outcome.pod_rows.push(PodRow {
        name: "order-processor-abcde".to_owned(),
        node: Some(0),
        created: at(7_215),
        bound: Some(at(7_345)),
        ready: Some(SimTime::from_micros(7_368_400_000)),
        cpu_milli: 500,
        memory: 536_870_912,
        main_cause: "vm.provision",
        ..PodRow::default()
    });
    outcome.node_rows.push(NodeRow {
        name: "aks-spot-000000".to_owned(),
        pool: Some(2),
        zone: "westeurope-1".to_owned(),
        requested: at(7_220),
        billed_from: Some(at(7_300)),
        billed_until: Some(at(18_000)),
        registered: Some(at(7_325)),
        ready: Some(at(7_340)),
        gone: Some(at(18_000)),
        end: "evicted",
        price: HourlyRate::from_units(0.0953),
        pods_peak: 12,
    });
    outcome.journal.entries = vec![
        Entry {
            at: at(7_215),
            actor: Actor::Hpa,
            action: "set-replicas",
            object: Object::Workload(WorkloadId(0)),
            reason: "hpa.metric",
            change: Some((3, 24)),
            detail: "120 messages / 5 per pod".to_owned(),
        },
        Entry {
            at: at(7_220),
            actor: Actor::Azure,
            action: "refuse",
            object: Object::Pool(PoolId(2)),
            reason: "azure.subnet-is-full",
            change: None,
            detail: String::new(),
        },
        Entry {
            at: at(18_000),
            actor: Actor::Azure,
            action: "evict",
            object: Object::Node(NodeId(1)),
            reason: "",
            change: None,
            detail: String::new(),
        },
    ];
}

/// A plausible afternoon: a burst two hours in, nodes and replicas after it.
fn series(seed: u64) -> Series {
    let time_s: Vec<f64> = (0..=2_160).map(|row| f64::from(row) * 10.0).collect();
    let noise = |row: usize, of: u64| {
        let mixed = (row as u64 * 2_654_435_761 + of * 40_503 + seed * 97) % 1_000;
        mixed as f64 / 1_000.0
    };
    let burst = |time: f64, delay: f64| {
        let since = time - 7_200.0 - delay;
        (since / 1_500.0).clamp(0.0, 1.0) * (1.0 - (since - 3_000.0) / 4_000.0).clamp(0.0, 1.0)
    };
    let mut columns = Vec::new();
    let mut put = |header: &str, of: &str, panel, value: &dyn Fn(usize, f64) -> f64| {
        let values = time_s.iter().enumerate().map(|(row, &time)| value(row, time)).collect();
        let (header, of) = (header.to_owned(), of.to_owned());
        columns.push(Column { header, of, panel, kind: ColumnKind::Level, values });
    };
    put("queue_orders_messages", "orders", Panel::QueueDepth, &|row, time| {
        (burst(time, 0.0) * 9_000.0 + noise(row, 1) * 40.0).round()
    });
    put("replicas_desired", "order-processor", Panel::ReplicasDesired, &|_, time| {
        3.0 + (burst(time, 60.0) * 27.0).ceil()
    });
    put("replicas_ready", "order-processor", Panel::ReplicasReady, &|_, time| {
        3.0 + (burst(time, 400.0) * 27.0).floor()
    });
    put("replicas_pending", "order-processor", Panel::ReplicasPending, &|_, time| {
        ((burst(time, 60.0) - burst(time, 400.0)).max(0.0) * 27.0).round()
    });
    for (pool, fixed, share, price) in
        [("system", 3.0, 0.0, 0.23), ("apps", 2.0, 0.0, 0.46), ("spot", 0.0, 6.0, 0.0953)]
    {
        let nodes = move |time: f64| fixed + (burst(time, 240.0) * share).ceil();
        let header = format!("nodes_{pool}");
        put(&header, pool, Panel::NodesReady, &|_, time| nodes(time));
        let header = format!("cost_{pool}_usd_per_hour");
        put(&header, pool, Panel::CostRate, &|_, time| nodes(time) * price);
    }
    Series { time_s, columns }
}
