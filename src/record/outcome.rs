//! What a run returns: plain data, everything that reports and comparisons need.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CostTotals, Distribution, Journal, ScalerSeries, Series, WaitFlow, WaitLog, WorkloadObject,
};
use crate::unit::{Accrual, Duration, HourlyRate, IdVec, NodeId, PodId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

/// The outcome of one run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// `metadata.name`
    pub name: String,
    /// Seed.
    pub seed: u64,
    /// Start of the scenario, seconds since the epoch.
    pub start_epoch: i64,
    /// Warm-up: nothing before it counts.
    pub warmup: SimTime,
    /// End of the run, drain included.
    pub end: SimTime,
    /// Hash over facts and applied actions.
    pub fingerprint: u64,
    /// Currency code.
    pub currency: String,
    /// Messages of all queues.
    pub messages: MessageTotals,
    /// Pods that count.
    pub pods: PodTotals,
    /// Per workload, in the scenario's order (those of `systemPods` left out).
    pub workloads: Vec<WorkloadTotals>,
    /// Per node pool.
    pub pools: Vec<PoolTotals>,
    /// Addresses per subnet.
    pub ip: Vec<WallTotals>,
    /// vCPUs per quota.
    pub quota: Vec<WallTotals>,
    /// Money.
    pub cost: CostTotals,
    /// Message waiting by cause, microseconds, indexed like [`Cause::ALL`].
    pub message_waits: [u128; Cause::ALL.len()],
    /// Pod waiting by cause, microseconds, indexed like [`Cause::ALL`].
    pub pod_waits: [u128; Cause::ALL.len()],
    /// The course of both, from sample to sample; only the whole without a report.
    pub wait_flows: Vec<WaitFlow>,
    /// Counters of work done.
    pub counters: Counters,
    /// Sampled series.
    pub series: Series,
    /// What scalers showed, a value per row of the series.
    pub scalers: Vec<ScalerSeries>,
    /// Workloads as Kubernetes knows them, by their ids.
    pub workload_objects: Vec<WorkloadObject>,
    /// Rows of `pods.csv`.
    pub pod_rows: Vec<PodRow>,
    /// Rows of `nodes.csv`.
    pub node_rows: Vec<NodeRow>,
    /// Journal.
    pub journal: Journal,
    /// The course of waiting; empty without a report.
    pub waits: WaitLog,
    /// Names of pods, where the journal names them.
    pub pod_names: IdVec<PodId, String>,
    /// Workloads of pods, index into [`Outcome::workload_names`], where pods are named.
    pub pod_owners: IdVec<PodId, WorkloadId>,
    /// Names of nodes.
    pub node_names: IdVec<NodeId, String>,
    /// Names of pools, workloads and queues by their ids.
    pub pool_names: Vec<String>,
    /// See `pool_names`.
    pub workload_names: Vec<String>,
    /// See `pool_names`.
    pub queue_names: Vec<String>,
    /// Messages that came to each queue, warm-up included.
    pub queue_arrivals: Vec<u64>,
    /// What the user's files say and this model does not do.
    pub not_modelled: Vec<String>,
}

/// Messages.
#[derive(Clone, Debug, Default)]
pub struct MessageTotals {
    /// Arrived.
    pub arrived: u64,
    /// Completed.
    pub completed: u64,
    /// Dead-lettered after too many deliveries.
    pub dead_lettered: u64,
    /// Expired by time to live.
    pub expired: u64,
    /// Deliveries that were not the first.
    pub redelivered: u64,
    /// Lost because all consumers were busy (laboratory).
    pub rejected: u64,
    /// Waiting at the end.
    pub queued_at_end: u64,
    /// Being worked on at the end.
    pub in_service_at_end: u64,
    /// Age of the oldest message not completed at the end.
    pub oldest_age_at_end: Duration,
    /// Arrival to the start of the service that completed it.
    pub wait: Distribution,
    /// Arrival to completion.
    pub sojourn: Distribution,
    /// All waiting of all counted messages, microseconds (equals the sum over causes).
    pub wait_total: u128,
}

/// Pods that count: not of `systemPods`, not of DaemonSets, created after warm-up.
#[derive(Clone, Debug, Default)]
pub struct PodTotals {
    /// Created.
    pub created: u64,
    /// Completed by themselves.
    pub completed: u64,
    /// Ended by an eviction or with their node.
    pub evicted: u64,
    /// Refused at admission.
    pub refused: u64,
    /// Never bound.
    pub censored: u64,
    /// Creation to bound; those never bound with their age at the end.
    pub pending: Distribution,
    /// Creation to Ready.
    pub ready: Distribution,
    /// Work of Jobs' pods that was lost and is done again, microseconds.
    pub lost_work: u128,
    /// All waiting from creation to Ready, and lost work, microseconds (equals the sum over
    /// causes).
    pub wait_total: u128,
}

/// A workload.
#[derive(Clone, Debug, Default)]
pub struct WorkloadTotals {
    /// Name.
    pub name: String,
    /// Most `spec.replicas`.
    pub replicas_max: u32,
    /// Creations refused at admission.
    pub refused: u64,
    /// Pods that exist, integrated over time, microseconds.
    pub replica_micros: u128,
    /// Waiting of the messages that its pods completed.
    pub wait: Distribution,
    /// Ready consumer slots, integrated over time, microseconds.
    pub slot_micros: u128,
    /// Share of that time spent at work.
    pub busy_share: f64,
    /// What its Vertical Pod Autoscaler recommends at the end, if it has one.
    pub vpa: Option<VpaTotals>,
    /// Of a workload that serves: requests that arrived, and those turned away, in millionths.
    pub requests: Option<(u64, u64)>,
}

/// A Vertical Pod Autoscaler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VpaTotals {
    /// Millicores: target, lower and upper bound; `None`: no recommendation.
    pub cpu: Option<[i64; 3]>,
    /// The same in bytes of memory.
    pub memory: Option<[i64; 3]>,
    /// Pods that it evicted.
    pub evictions: u64,
}

impl Outcome {
    /// The pods that count and waited for anything until Ready or the end, longest first, with
    /// their microseconds. Only pods that have a row in `pods.csv` are looked at: AKS's own and
    /// DaemonSets' are not.
    pub fn slowest_pods(&self) -> Vec<(u64, PodId)> {
        let counted = self.pod_rows.iter().filter(|row| row.created >= self.warmup);
        let counted: BTreeSet<&str> = counted.map(|row| row.name.as_str()).collect();
        let mut open: BTreeMap<PodId, SimTime> = BTreeMap::new();
        let mut waited: Vec<(u64, PodId)> = Vec::new();
        for change in &self.waits.pods {
            if change.cause.is_some() {
                open.entry(change.pod).or_insert(change.at);
            } else if let Some(from) = open.remove(&change.pod) {
                waited.push((change.at.since(from).micros(), change.pod));
            }
        }
        waited.extend(open.iter().map(|(&pod, &from)| (self.end.since(from).micros(), pod)));
        let name = |pod: PodId| self.pod_names.as_slice().get(pod.0 as usize);
        waited.retain(|&(micros, pod)| {
            micros > 0 && name(pod).is_some_and(|name| counted.contains(name.as_str()))
        });
        waited.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        waited
    }
}

/// A node pool.
#[derive(Clone, Debug, Default)]
pub struct PoolTotals {
    /// Name.
    pub name: String,
    /// Whether it is spot.
    pub spot: bool,
    /// VM size.
    pub vm_size: String,
    /// VMs asked for (the initial ones left out).
    pub requested: u64,
    /// VMs that came.
    pub created: u64,
    /// VMs that failed.
    pub failed: u64,
    /// VMs evicted.
    pub evicted: u64,
    /// Most nodes at one time.
    pub peak: u32,
    /// Billed VM time, microseconds.
    pub node_micros: u128,
    /// Requested share of allocatable CPU over Ready time.
    pub cpu_requested_share: f64,
    /// Requested share of allocatable memory over Ready time.
    pub memory_requested_share: f64,
    /// What it cost.
    pub cost: Accrual,
    /// VM time covered by reservations (microseconds), and what of `cost` they paid.
    pub reserved: (u128, Accrual),
    /// VM time covered by savings plans (microseconds), and what of `cost` they paid.
    pub savings_plan: (u128, Accrual),
    /// Part of `cost`: disks of stopped VMs.
    pub disks: Accrual,
    /// Part of `cost`: what nobody requested on Ready nodes, all of nodes not Ready, and `disks`.
    pub idle: Accrual,
    /// Part of `cost`: what `systemPods` and DaemonSets requested.
    pub system: Accrual,
}

/// Something with a limit: a subnet or a quota.
#[derive(Clone, Debug, Default)]
pub struct WallTotals {
    /// Name.
    pub name: String,
    /// Limit; `None` where not given.
    pub capacity: Option<u64>,
    /// Most in use.
    pub peak: u64,
    /// Time with at least one pod waiting because of it.
    pub blocked: Duration,
}

/// Work done, for seeing a change of complexity without a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events handled.
    pub events: u64,
    /// Events that came too late for their entity.
    pub stale_events: u64,
    /// Scheduling cycles.
    pub scheduler_cycles: u64,
    /// Nodes filtered.
    pub nodes_filtered: u64,
    /// Autoscaler scans, idle ones included.
    pub autoscaler_scans: u64,
    /// HPA syncs, idle ones included.
    pub hpa_syncs: u64,
    /// KEDA polls, idle ones included.
    pub keda_polls: u64,
    /// Evictions asked for.
    pub evictions: u64,
    /// Image pulls that failed.
    pub failed_pulls: u64,
    /// Containers that exited and were started again.
    pub container_restarts: u64,
}

/// A row of `pods.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRow {
    /// Name.
    pub name: String,
    /// Workload, index into [`Outcome::workload_names`].
    pub workload: u32,
    /// Node, index into [`Outcome::node_names`].
    pub node: Option<u32>,
    /// Creation.
    pub created: SimTime,
    /// Binding.
    pub bound: Option<SimTime>,
    /// First Ready.
    pub ready: Option<SimTime>,
    /// End.
    pub ended: Option<SimTime>,
    /// How it ended: `completed`, `deleted`, `evicted`, `lost`, or empty.
    pub end: &'static str,
    /// CPU request (millicores).
    pub cpu_milli: i64,
    /// Memory request (bytes).
    pub memory: i64,
    /// The cause that took most of its wait; empty if none.
    pub main_cause: &'static str,
}

/// A row of `nodes.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeRow {
    /// Name.
    pub name: String,
    /// Pool, index into [`Outcome::pool_names`]; `None` for given nodes.
    pub pool: Option<u32>,
    /// Zone label value.
    pub zone: String,
    /// VM asked for.
    pub requested: SimTime,
    /// Billing began.
    pub billed_from: Option<SimTime>,
    /// Billing ended: the VM is gone or stopped.
    pub billed_until: Option<SimTime>,
    /// Node object created.
    pub registered: Option<SimTime>,
    /// First Ready.
    pub ready: Option<SimTime>,
    /// VM gone. One that is stopped and kept counts as gone; its next life has a row of its own.
    pub gone: Option<SimTime>,
    /// Why it went: `scale-down`, `evicted`, `failed`, `lost`, or empty.
    pub end: &'static str,
    /// Price per hour while it ran; of prices that changed meanwhile the mean, to a nano-unit.
    pub price: HourlyRate,
    /// Most pods at one time.
    pub pods_peak: u32,
}
