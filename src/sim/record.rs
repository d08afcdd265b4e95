//! The recorder of a run: running sums that the outcome is read from.

use crate::plan::Plan;
use crate::record::{
    Counters, Distribution, Integral, Journal, MessageTotals, PodTotals, ScalerSeries, Series,
    WaitFlow, WaitLog,
};
use crate::unit::{
    HourlyRate, IdVec, NodeId, PodId, PoolId, QueueId, QuotaId, SimTime, SubnetId, WorkloadId,
};
use crate::vocabulary::Cause;

use super::attribution::{CauseTotals, PodClock, PodWaits, QueueClock, StageCounts};
use super::world::RunOptions;

/// Running sums.
pub struct Recorder {
    /// Messages of all queues.
    pub messages: MessageTotals,
    /// Pods that count.
    pub pods: PodTotals,
    /// Counters of work done.
    pub counters: Counters,
    /// Journal.
    pub journal: Journal,
    /// Waiting of pods by cause.
    pub pod_waits: PodWaits,
    /// The course of waiting: totals of messages and pods at the last sample, and what was added.
    pub wait_flows: (CauseTotals, CauseTotals, Vec<WaitFlow>),
    /// Waiting of each pod.
    pub pod_clocks: IdVec<PodId, PodClock>,
    /// Waiting of each queue's messages.
    pub queue_clocks: IdVec<QueueId, QueueClock>,
    /// Waiting of counted messages that were completed or dead-lettered, microseconds: the audit
    /// compares the queues' clocks with it.
    pub ended_waits: u128,
    /// Flows of each queue since the last sample.
    pub queue_flows: IdVec<QueueId, Flows>,
    /// Per workload.
    pub workloads: IdVec<WorkloadId, WorkloadRecord>,
    /// Per pool.
    pub pools: IdVec<PoolId, PoolRecord>,
    /// Per node: how its life is billed and how it ended.
    pub nodes: IdVec<NodeId, NodeRecord>,
    /// How each pod ended.
    pub pod_ends: IdVec<PodId, PodEnd>,
    /// Per subnet.
    pub subnets: IdVec<SubnetId, WallRecord>,
    /// Per quota.
    pub quotas: IdVec<QuotaId, WallRecord>,
    /// Control-plane tier and other items.
    pub control_plane_rate: Integral,
    /// Evictions since the last sample.
    pub evictions_flow: u64,
    /// Sampled series.
    pub series: Series,
    /// What scalers showed, a value per row of the series.
    pub scalers: Vec<ScalerSeries>,
    /// The course of waiting, where a report wants it.
    pub waits: Option<WaitLog>,
}

/// How a pod ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodEnd {
    /// When; `None`: it has not.
    pub at: Option<SimTime>,
    /// How: `completed`, `deleted`, `evicted`, `lost`, or empty.
    pub how: &'static str,
}

/// Flows of a queue since the last sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flows {
    /// Arrivals.
    pub arrived: u64,
    /// Completions.
    pub completed: u64,
}

/// Running sums of a workload.
#[derive(Default)]
pub struct WorkloadRecord {
    /// Most `spec.replicas`.
    pub replicas_max: u32,
    /// Creations refused at admission.
    pub refused: u64,
    /// Pods that exist.
    pub replicas: Integral,
    /// Waiting of completed messages.
    pub wait: Distribution,
    /// Pods by the cause that they wait for.
    pub stages: StageCounts,
    /// Its part of the price of nodes, nano-units an hour, by pool up to the last one it ran in.
    pub charged: Vec<Integral>,
}

/// Running sums of a pool.
#[derive(Default)]
pub struct PoolRecord {
    /// VMs asked for.
    pub requested: u64,
    /// VMs that came.
    pub created: u64,
    /// VMs that failed.
    pub failed: u64,
    /// VMs evicted.
    pub evicted: u64,
    /// Most nodes at one time.
    pub peak: u32,
    /// Billed VMs.
    pub billed: Integral,
    /// What they cost, nano-units an hour, disks of stopped VMs included.
    pub rate: Integral,
    /// Part of it for disks of stopped VMs.
    pub disks: Integral,
    /// Part of it that nobody requested.
    pub idle: Integral,
    /// Part of it that AKS's own pods and DaemonSets requested.
    pub system: Integral,
    /// Allocatable and requested millicores of Ready nodes.
    pub cpu: (Integral, Integral),
    /// Allocatable and requested bytes (in KiB) of Ready nodes.
    pub memory: (Integral, Integral),
    /// Ready nodes.
    pub ready: u32,
    /// Instances on their way.
    pub coming: u32,
}

/// How a node's life is billed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeRecord {
    /// Its price while it runs.
    pub price: HourlyRate,
    /// Billing began.
    pub billed_from: Option<SimTime>,
    /// Billing ended: the VM is gone or stopped.
    pub billed_until: Option<SimTime>,
    /// The disk of its stopped VM is billed.
    pub disk_stays: bool,
    /// First Ready.
    pub first_ready: Option<SimTime>,
    /// Why it went.
    pub end: &'static str,
    /// Most pods at one time.
    pub pods_peak: u32,
    /// The part of its price that its pods requested, and of that AKS's own, nano-units an hour.
    pub used: (i64, i64),
    /// What its Ready node adds to the pool's integrals: allocatable counted.
    pub counted_ready: bool,
}

impl NodeRecord {
    /// Whether its VM is billed now.
    pub const fn is_billed(&self) -> bool {
        self.billed_from.is_some() && self.billed_until.is_none()
    }
}

/// Something with a limit.
#[derive(Default)]
pub struct WallRecord {
    /// Pods that wait because of it.
    pub waiting: u32,
    /// Whether any does.
    pub blocked: Integral,
}

impl Recorder {
    /// A recorder for a plan.
    pub fn new(plan: &Plan, options: RunOptions) -> Self {
        let journal = Journal { level: options.journal, ..Journal::default() };
        Self {
            messages: MessageTotals::default(),
            pods: PodTotals::default(),
            counters: Counters::default(),
            journal,
            pod_waits: PodWaits::new(),
            wait_flows: ([0; Cause::ALL.len()], [0; Cause::ALL.len()], Vec::new()),
            pod_clocks: IdVec::new(),
            queue_clocks: plan
                .queues
                .iter()
                .map(
                    |_| {
                        if options.no_report {
                            QueueClock::new()
                        } else {
                            QueueClock::with_course()
                        }
                    },
                )
                .collect(),
            ended_waits: 0,
            queue_flows: plan.queues.iter().map(|_| Flows::default()).collect(),
            workloads: plan.workloads.iter().map(|_| WorkloadRecord::default()).collect(),
            pools: plan.pools.iter().map(|_| PoolRecord::default()).collect(),
            nodes: IdVec::new(),
            pod_ends: IdVec::new(),
            subnets: plan.subnets.iter().map(|_| WallRecord::default()).collect(),
            quotas: plan.quotas.iter().map(|_| WallRecord::default()).collect(),
            control_plane_rate: Integral::default(),
            evictions_flow: 0,
            series: Series::default(),
            scalers: Vec::new(),
            waits: (!options.no_report).then(WaitLog::default),
        }
    }

    /// Forgets what was integrated during warm-up.
    pub fn restart(&mut self, now: SimTime) {
        for workload in self.workloads.iter_mut() {
            workload.replicas.restart(now);
            workload.charged.iter_mut().for_each(|charged| charged.restart(now));
        }
        for pool in self.pools.iter_mut() {
            for integral in [
                &mut pool.billed,
                &mut pool.rate,
                &mut pool.disks,
                &mut pool.idle,
                &mut pool.system,
                &mut pool.cpu.0,
                &mut pool.cpu.1,
                &mut pool.memory.0,
                &mut pool.memory.1,
            ] {
                integral.restart(now);
            }
        }
        for wall in self.subnets.iter_mut().chain(self.quotas.iter_mut()) {
            wall.blocked.restart(now);
        }
        self.control_plane_rate.restart(now);
    }
}

impl WallRecord {
    /// One pod more or less waits because of this.
    pub fn shift(&mut self, by: i32, now: SimTime) {
        self.waiting = self.waiting.checked_add_signed(by).expect("waiting pods are counted");
        self.blocked.set(i64::from(self.waiting > 0), now);
    }
}
