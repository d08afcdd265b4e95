//! The figures of a run as the tree that `summary.json` prints: keys in a fixed order, times in
//! seconds, money in units of the scenario's currency.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Interval;
use super::metric::{canonical, resolve};
use crate::record::{
    CommitmentTotals, CostTotals, Distribution, MessageTotals, Outcome, PodTotals, PoolTotals,
    ReservationLevel, WorkloadCost, WorkloadTotals,
};
use crate::unit::{Accrual, Duration};
use crate::vocabulary::Cause;

/// Raised whenever the numbers of an unchanged scenario and seed change.
pub const MODEL_VERSION: u32 = 4;

/// Hours that a month has in every figure per month (as Azure's price calculator counts).
pub const HOURS_PER_MONTH: f64 = 730.0;

const MICROS: f64 = 1e6;

/// Keys that name the run; all other leaves are figures.
const IDENTITY: [&str; 4] = ["name", "modelVersion", "seed", "fingerprint"];

/// A fingerprint as all outputs print it.
pub fn hex_fingerprint(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// The figures of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    tree: Map<String, Value>,
    /// Waiting times that those still waiting at the end could raise, and to what at worst.
    open: BTreeMap<String, f64>,
}

impl Summary {
    /// The figures of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let counted = outcome.end.since(outcome.warmup);
        let mut tree = Map::new();
        let mut put = |key: &str, value: Value| tree.insert(key.to_owned(), value);
        put("name", json!(outcome.name));
        put("modelVersion", json!(MODEL_VERSION));
        put("seed", json!(outcome.seed));
        put("simulatedSeconds", json!(outcome.end.as_secs_f64()));
        put("fingerprint", json!(hex_fingerprint(outcome.fingerprint)));
        put("messages", messages(&outcome.messages));
        put("pods", pods(&outcome.pods));
        put("workloads", by_name(&outcome.workloads, |one| (&one.name, workload(one))));
        put("nodes", by_name(&outcome.pools, |pool| (&pool.name, nodes(pool))));
        let blocked = |wall: Duration| json!(wall.as_secs_f64());
        put(
            "ip",
            by_name(&outcome.ip, |wall| {
                let value = json!({"capacity": wall.capacity, "peak": wall.peak,
                    "blockedSeconds": blocked(wall.blocked)});
                (&wall.name, value)
            }),
        );
        put(
            "quota",
            by_name(&outcome.quota, |wall| {
                let value = json!({"limit": wall.capacity, "peak": wall.peak,
                    "blockedSeconds": blocked(wall.blocked)});
                (&wall.name, value)
            }),
        );
        put("cost", cost(&outcome.cost, &outcome.pools, counted, outcome.messages.completed));
        put(
            "waits",
            json!({"message": causes(&outcome.message_waits), "pod": causes(&outcome.pod_waits)}),
        );
        put("counters", counters(outcome));
        Self { tree, open: worst_cases(outcome) }
    }

    /// The tree.
    pub fn tree(&self) -> &Map<String, Value> {
        &self.tree
    }

    /// A figure by its path or an alias of it (`forescale list metrics`); `None` where the run has
    /// no such figure or no value for it (a quantile of nothing).
    pub fn figure(&self, path: &str) -> Option<f64> {
        resolve(&self.tree, path)
    }

    /// What a waiting time would be if all that still wait at the end waited for ever; `None` where
    /// nobody does or the figure is no waiting time.
    pub fn worst_case(&self, path: &str) -> Option<f64> {
        self.open.get(&canonical(path)).copied()
    }

    /// A sentence on those who still wait and could raise a figure.
    pub fn who_still_waits(&self, path: &str) -> String {
        let count = |path: &str| self.figure(path).unwrap_or(0.0) as u64;
        if canonical(path).starts_with("pods.") {
            match count("pods.pending.censored") {
                1 => "1 pod was never bound".to_owned(),
                pods => format!("{pods} pods were never bound"),
            }
        } else {
            match count("messages.queuedAtEnd") {
                1 => "1 message still waits at the end".to_owned(),
                queued => format!("{queued} messages still wait at the end"),
            }
        }
    }
}

/// Waiting times as they would be if all that still wait at the end waited for ever. A quantile
/// stays finite while those are few; a mean or a maximum never does.
fn worst_cases(outcome: &Outcome) -> BTreeMap<String, f64> {
    let mut open = BTreeMap::new();
    let mut put = |path: &str, values: &Distribution, waiting: u64| {
        if waiting == 0 {
            return;
        }
        let (known, all) = (values.count() as f64, (values.count() + waiting) as f64);
        for (key, q) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
            let rank = q * all;
            let worst = if values.count() > 0 && rank <= known {
                values.quantile(rank / known).as_secs_f64()
            } else {
                f64::INFINITY
            };
            open.insert(format!("{path}.{key}"), worst);
        }
        for key in ["mean", "max"] {
            open.insert(format!("{path}.{key}"), f64::INFINITY);
        }
    };
    let messages = &outcome.messages;
    put("messages.wait", &messages.wait, messages.queued_at_end);
    let unfinished = messages.queued_at_end + messages.in_service_at_end;
    put("messages.sojourn", &messages.sojourn, unfinished);
    for workload in &outcome.workloads {
        let path = format!("workloads.{}.messages.wait", workload.name);
        put(&path, &workload.wait, messages.queued_at_end);
    }
    // Pods never bound stand in `pending` with their age; one is enough to doubt all of it.
    if outcome.pods.censored > 0 {
        for clock in ["pending", "ready"] {
            for key in ["mean", "p50", "p90", "p95", "p99", "max"] {
                open.insert(format!("pods.{clock}.{key}"), f64::INFINITY);
            }
        }
    }
    open
}

fn by_name<'a, T>(items: &'a [T], entry: impl Fn(&'a T) -> (&'a String, Value)) -> Value {
    let entries = items.iter().map(|item| {
        let (name, value) = entry(item);
        (name.clone(), value)
    });
    Value::Object(entries.collect())
}

fn money(accrual: Accrual) -> f64 {
    accrual.money().units()
}

fn seconds(micros: u128) -> f64 {
    micros as f64 / MICROS
}

/// `mean p50 p90 p95 p99 max`; null where nothing was measured.
fn put_quantiles(into: &mut Map<String, Value>, values: &Distribution) {
    let shown = (values.count() > 0).then(|| values.quantiles());
    let fields = [
        ("mean", shown.map(|q| q.mean)),
        ("p50", shown.map(|q| q.p50)),
        ("p90", shown.map(|q| q.p90)),
        ("p95", shown.map(|q| q.p95)),
        ("p99", shown.map(|q| q.p99)),
        ("max", shown.map(|q| q.max)),
    ];
    for (key, value) in fields {
        into.insert(key.to_owned(), json!(value));
    }
}

fn quantiles(values: &Distribution) -> Value {
    let mut map = Map::new();
    put_quantiles(&mut map, values);
    Value::Object(map)
}

fn messages(totals: &MessageTotals) -> Value {
    json!({
        "arrived": totals.arrived,
        "completed": totals.completed,
        "deadLettered": totals.dead_lettered,
        "expired": totals.expired,
        "redelivered": totals.redelivered,
        "rejected": totals.rejected,
        "queuedAtEnd": totals.queued_at_end,
        "inServiceAtEnd": totals.in_service_at_end,
        "ageAtEnd": {"max": totals.oldest_age_at_end.as_secs_f64()},
        "wait": quantiles(&totals.wait),
        "sojourn": quantiles(&totals.sojourn),
        "waitTotal": seconds(totals.wait_total),
    })
}

fn pods(totals: &PodTotals) -> Value {
    let mut pending = Map::new();
    pending.insert("count".to_owned(), json!(totals.pending.count()));
    pending.insert("censored".to_owned(), json!(totals.censored));
    put_quantiles(&mut pending, &totals.pending);
    json!({
        "created": totals.created,
        "completed": totals.completed,
        "evicted": totals.evicted,
        "refused": totals.refused,
        "pending": pending,
        "ready": quantiles(&totals.ready),
        "lostWork": seconds(totals.lost_work),
        "waitTotal": seconds(totals.wait_total),
    })
}

fn workload(totals: &WorkloadTotals) -> Value {
    let mut tree = json!({
        "replicasMax": totals.replicas_max,
        "refused": totals.refused,
        "replicaSeconds": seconds(totals.replica_micros),
        "messages": {"wait": quantiles(&totals.wait)},
        "busyShare": totals.busy_share,
    });
    if let Some((arrived, turned_away)) = totals.requests {
        let whole = |millionths: u64| millionths as f64 / MICROS;
        tree["requests"] = json!({"arrived": whole(arrived), "turnedAway": whole(turned_away)});
    }
    if let Some(vpa) = &totals.vpa {
        let at = |index: usize| {
            let cores = vpa.cpu.map(|cpu| cpu[index] as f64 / 1_000.0);
            json!({"cpu": cores, "memory": vpa.memory.map(|memory| memory[index])})
        };
        tree["vpa"] = json!({"target": at(0), "lowerBound": at(1), "upperBound": at(2),
            "evictions": vpa.evictions});
    }
    tree
}

fn nodes(totals: &PoolTotals) -> Value {
    json!({
        "requested": totals.requested,
        "created": totals.created,
        "failed": totals.failed,
        "evicted": totals.evicted,
        "peak": totals.peak,
        "nodeSeconds": seconds(totals.node_micros),
        "cpuRequestedShare": totals.cpu_requested_share,
        "memoryRequestedShare": totals.memory_requested_share,
    })
}

fn cost(totals: &CostTotals, pools: &[PoolTotals], counted: Duration, completed: u64) -> Value {
    let hours = counted.as_secs_f64() / 3_600.0;
    let total = money(totals.total);
    let per_hour = (hours > 0.0).then(|| total / hours);
    let mut tree = json!({
        "total": total,
        "perHour": per_hour,
        "perMonth": per_hour.map(|rate| rate * HOURS_PER_MONTH),
        "basisHours": hours,
        "perThousandMessages": (completed > 0).then(|| total * 1_000.0 / completed as f64),
        "byPool": by_name(pools, |pool| (&pool.name, json!(money(pool.cost)))),
        "byPurchase": {
            "onDemand": money(totals.on_demand),
            "spot": money(totals.spot),
            "reserved": money(totals.reserved),
            "savingsPlan": money(totals.savings_plan),
        },
        "byItem": by_name(&totals.items, |(name, amount)| (name, json!(money(*amount)))),
        "controlPlane": money(totals.control_plane),
        "idle": money(totals.idle),
        "system": money(totals.system),
        "byWorkload": shares(totals, |one| one.name.clone()),
        "byNamespace": shares(totals, |one| one.namespace.clone()),
    });
    let mut put = |key: &str, value: Value| {
        tree.as_object_mut().expect("an object").insert(key.to_owned(), value);
    };
    let labels = totals.workloads.first().map_or(0, |one| one.labels.len());
    if labels > 0 {
        let mut by_label = Map::new();
        for index in 0..labels {
            let key = &totals.charge_labels[index];
            let Value::Object(of_key) = shares(totals, |one| {
                let value = one.labels[index].as_deref().unwrap_or(UNLABELLED);
                format!("{key}={value}")
            }) else {
                continue;
            };
            by_label.extend(of_key);
        }
        put("byLabel", Value::Object(by_label));
    }
    if !totals.commitments.is_empty() {
        let commitment = |one: &CommitmentTotals| {
            let (paid, used) = (money(one.paid), money(one.used));
            json!({"paid": paid, "used": used, "saved": money(one.replaced) - paid,
                "utilisation": if paid > 0.0 { used / paid } else { 0.0 }})
        };
        put("commitments", by_name(&totals.commitments, |one| (&one.name, commitment(one))));
    }
    if !totals.levels.is_empty() {
        put("reservationLevels", levels(&totals.levels, hours));
    }
    tree
}

/// Owner of pods without the label that the bill is shared by (as OpenCost calls it).
pub const UNLABELLED: &str = "__unallocated__";

/// Workloads' parts added up by an owner.
fn shares(totals: &CostTotals, owner: impl Fn(&WorkloadCost) -> String) -> Value {
    let mut sums: Vec<(String, Accrual)> = Vec::new();
    for one in &totals.workloads {
        let name = owner(one);
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += one.amount,
            None => sums.push((name, one.amount)),
        }
    }
    by_name(&sums, |(name, sum)| (name, json!(money(*sum))))
}

/// By size and term: how many reservations would have cost least, from which use they pay, and what
/// they save a month.
fn levels(levels: &[ReservationLevel], hours: f64) -> Value {
    let mut tree = Map::new();
    for one in levels {
        let month = if hours > 0.0 { HOURS_PER_MONTH / hours } else { 0.0 };
        let value = json!({"instances": one.quantity, "breakEvenUse": one.break_even(),
            "savingPerMonth": money(one.saving) * month});
        tree.insert(format!("{}-{}", one.vm_size, one.term), value);
    }
    Value::Object(tree)
}

/// Causes that held anybody up, in the order of the chain.
fn causes(micros: &[u128; Cause::ALL.len()]) -> Value {
    let entries = Cause::ALL.iter().zip(micros).filter(|&(_, &micros)| micros > 0);
    Value::Object(
        entries.map(|(cause, &micros)| (cause.name().to_owned(), json!(seconds(micros)))).collect(),
    )
}

fn counters(outcome: &Outcome) -> Value {
    let counters = &outcome.counters;
    json!({
        "events": counters.events,
        "staleEvents": counters.stale_events,
        "schedulerCycles": counters.scheduler_cycles,
        "nodesFiltered": counters.nodes_filtered,
        "autoscalerScans": counters.autoscaler_scans,
        "hpaSyncs": counters.hpa_syncs,
        "kedaPolls": counters.keda_polls,
        "evictions": counters.evictions,
        "failedPulls": counters.failed_pulls,
        "containerRestarts": counters.container_restarts,
    })
}

/// The figures of all seeds of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// At least one, in the order of the seeds.
    pub runs: Vec<Summary>,
}

impl Aggregate {
    /// Mean, 95 % half-width, smallest and largest of a figure over the runs that have it.
    pub fn figure(&self, path: &str) -> Option<Interval> {
        let values: Vec<f64> = self.runs.iter().filter_map(|run| run.figure(path)).collect();
        Interval::of(&values)
    }

    /// Mean of a figure.
    pub fn mean(&self, path: &str) -> Option<f64> {
        self.figure(path).map(|interval| interval.mean)
    }

    /// What the top `summary.json` says: the tree of the only run, or a tree with `seeds` and, for
    /// each figure, `{mean, halfWidth95, min, max}`.
    pub fn tree(&self) -> Map<String, Value> {
        let Some(first) = self.runs.first() else { return Map::new() };
        if self.runs.len() == 1 {
            return first.tree.clone();
        }
        let identity = |key: &str| -> Vec<Value> {
            self.runs.iter().map(|run| run.tree[key].clone()).collect()
        };
        let mut tree = Map::new();
        tree.insert("name".to_owned(), first.tree["name"].clone());
        tree.insert("modelVersion".to_owned(), first.tree["modelVersion"].clone());
        tree.insert("seeds".to_owned(), Value::Array(identity("seed")));
        tree.insert("fingerprints".to_owned(), Value::Array(identity("fingerprint")));
        let trees: Vec<&Map<String, Value>> = self.runs.iter().map(|run| &run.tree).collect();
        for (key, value) in fold(&trees) {
            if !IDENTITY.contains(&key.as_str()) {
                tree.insert(key, value);
            }
        }
        tree
    }
}

/// Folds equal trees leaf by leaf. Keys that only some runs have (a cause that held nobody up in
/// the others) count as 0 there.
fn fold(trees: &[&Map<String, Value>]) -> Map<String, Value> {
    let mut keys: Vec<&String> = Vec::new();
    for tree in trees {
        for key in tree.keys() {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    // Causes keep the order of the chain although no single run may have them all.
    if let Some(order) = keys.iter().map(|key| cause_rank(key)).collect::<Option<Vec<_>>>() {
        let mut ranked: Vec<_> = order.into_iter().zip(keys).collect();
        ranked.sort_by_key(|&(rank, _)| rank);
        keys = ranked.into_iter().map(|(_, key)| key).collect();
    }
    let folded = keys.into_iter().map(|key| {
        let values: Vec<Option<&Value>> = trees.iter().map(|tree| tree.get(key)).collect();
        let maps: Vec<&Map<String, Value>> =
            values.iter().filter_map(|value| value.and_then(Value::as_object)).collect();
        let value = if maps.is_empty() { leaf(&values) } else { Value::Object(fold(&maps)) };
        (key.clone(), value)
    });
    folded.collect()
}

fn cause_rank(key: &str) -> Option<usize> {
    Cause::ALL.iter().position(|cause| cause.name() == key)
}

fn leaf(values: &[Option<&Value>]) -> Value {
    let numbers: Vec<f64> = values
        .iter()
        .filter_map(|value| match value {
            None => Some(0.0),
            Some(value) => value.as_f64(),
        })
        .collect();
    match Interval::of(&numbers) {
        None => Value::Null,
        Some(over) => json!({
            "mean": over.mean, "halfWidth95": over.half_width, "min": over.min, "max": over.max,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::WallTotals;
    use crate::unit::{HourlyRate, SimTime};

    fn outcome(seed: u64, ip_seconds: u128) -> Outcome {
        let mut outcome = Outcome { seed, end: SimTime::from_secs(7_200), ..Outcome::default() };
        let ip = Cause::ALL.iter().position(|&cause| cause == Cause::BlockedIp).expect("listed");
        outcome.message_waits[ip] = ip_seconds * 1_000_000;
        outcome.pod_waits[0] = 3_000_000;
        outcome.cost.total = HourlyRate::from_units(1.5).over(Duration::from_secs(7_200));
        outcome
    }

    #[test]
    fn months_and_hours_follow_from_the_counted_time() {
        let summary = Summary::of(&outcome(1, 0));
        for (path, expected) in [
            ("cost.total", Some(3.0)),
            ("cost.perHour", Some(1.5)),
            ("cost.month", Some(1_095.0)),
            ("cost.basisHours", Some(2.0)),
            ("cost.perThousandMessages", None),
            ("message.wait.p95", None),
        ] {
            assert_eq!(summary.figure(path), expected, "{path}");
        }
    }

    #[test]
    fn warm_up_is_not_part_of_the_basis() {
        let mut late = outcome(1, 0);
        late.warmup = SimTime::from_secs(3_600);
        assert_eq!(Summary::of(&late).figure("cost.basisHours"), Some(1.0));
        late.warmup = late.end;
        assert_eq!(Summary::of(&late).figure("cost.perHour"), None);
    }

    #[test]
    fn the_keys_that_stay_are_there_in_their_order() {
        let mut all = outcome(1, 40);
        all.workloads.push(WorkloadTotals { name: "w".to_owned(), ..WorkloadTotals::default() });
        all.pools.push(PoolTotals { name: "p".to_owned(), ..PoolTotals::default() });
        all.ip.push(WallTotals { name: "s".to_owned(), ..WallTotals::default() });
        all.quota.push(WallTotals { name: "q".to_owned(), ..WallTotals::default() });
        let summary = Summary::of(&all);
        for (at, keys) in [
            (
                "",
                "name modelVersion seed simulatedSeconds fingerprint messages pods workloads nodes \
                 ip quota cost waits counters",
            ),
            (
                "/messages",
                "arrived completed deadLettered expired redelivered rejected queuedAtEnd \
                 inServiceAtEnd ageAtEnd wait sojourn waitTotal",
            ),
            ("/messages/wait", "mean p50 p90 p95 p99 max"),
            ("/pods", "created completed evicted refused pending ready lostWork waitTotal"),
            ("/pods/pending", "count censored mean p50 p90 p95 p99 max"),
            ("/workloads/w", "replicasMax refused replicaSeconds messages busyShare"),
            ("/workloads/w/messages", "wait"),
            (
                "/nodes/p",
                "requested created failed evicted peak nodeSeconds cpuRequestedShare \
                 memoryRequestedShare",
            ),
            ("/ip/s", "capacity peak blockedSeconds"),
            ("/quota/q", "limit peak blockedSeconds"),
            (
                "/cost",
                "total perHour perMonth basisHours perThousandMessages byPool byPurchase byItem \
                 controlPlane idle system byWorkload byNamespace",
            ),
            ("/cost/byPurchase", "onDemand spot reserved savingsPlan"),
            ("/waits", "message pod"),
            ("/waits/message", "blocked.ip"),
        ] {
            let tree = Value::Object(summary.tree().clone());
            let map = tree.pointer(at).and_then(Value::as_object).expect(at);
            let got: Vec<&str> = map.keys().map(String::as_str).collect();
            assert_eq!(got, keys.split_whitespace().collect::<Vec<_>>(), "{at}");
        }
    }

    #[test]
    fn a_bare_cause_is_the_sum_of_both_clocks() {
        let summary = Summary::of(&outcome(1, 40));
        assert_eq!(summary.figure("blocked.ip"), Some(40.0));
        assert_eq!(summary.figure("keda.poll"), Some(3.0));
        assert_eq!(summary.figure("blocked.quota"), Some(0.0));
        assert_eq!(summary.figure("waits.message.blocked.ip"), Some(40.0));
    }

    #[test]
    fn seeds_fold_leaf_by_leaf_and_missing_causes_count_as_nothing() {
        let runs = [0, 40].map(|ip| Summary::of(&outcome(ip as u64, ip))).to_vec();
        let tree = Aggregate { runs }.tree();
        assert_eq!(tree["seeds"], json!([0, 40]));
        assert_eq!(tree["waits"]["message"]["blocked.ip"]["mean"], json!(20.0));
        assert_eq!(tree["waits"]["message"]["blocked.ip"]["max"], json!(40.0));
        assert_eq!(tree["cost"]["total"]["halfWidth95"], json!(0.0));
        assert_eq!(tree["messages"]["wait"]["p95"], Value::Null);
        assert!(!tree.contains_key("seed"));
    }
}
