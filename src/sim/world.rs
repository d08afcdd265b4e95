//! The world of one run: the model, the controllers' memories, the provider, and the record, all
//! owned by one value. Plain data: a run can move to any thread.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::hpa::{HpaMemory, HpaSettings, HpaSpec, MetricReading};
use crate::control::keda::{self, KedaMemory, Read};
use crate::control::node::Upgrade;
use crate::control::scheduler::{Scheduler, SchedulerView};
use crate::engine::{EventQueue, Fingerprint, Place, TokenBucket};
use crate::model::{Cluster, DisruptionBudget, Pool, Workload};
use crate::plan::{Plan, ScalerKind, WorkloadSpec};
use crate::rules::WellKnown;
use crate::unit::{Duration, IdVec, Lots, PoolId, SimTime, WorkloadId};
use crate::vocabulary::KedaVersion;

use super::apply::{
    Admission, Coverage, GroupBook, Health, JobBook, JobMemory, RolloutMemory, VolumeBook, VpaBook,
};
use super::capacity::Capacity;
use super::decisions::DecisionLog;
use super::event::Event;
use super::kubelet::Kubelets;
use super::names::{Keys, Names};
use super::pasta::Pasta;
use super::record::Recorder;
use super::ticker::Ticker;
use super::usage::UseBook;
use super::work::Work;
use crate::record::{Evidence, JournalLevel};

/// How to run, beside the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// How much the journal keeps.
    pub journal: JournalLevel,
    /// Recompute every index the slow way now and then, and stop on a difference.
    pub audit: bool,
    /// Leave out the sampled series and the rows of pods and nodes.
    pub no_report: bool,
    /// Run every tick of KEDA and the HPA, even those that change nothing. Slower, and the same to
    /// the byte: for tests.
    pub every_tick: bool,
}

/// Everything that changes during a run.
pub struct World<'p> {
    /// What is simulated.
    pub plan: &'p Plan,
    /// How.
    pub options: RunOptions,
    /// Root of all draws.
    pub seed: u64,
    /// The present instant.
    pub now: SimTime,
    /// How far the order of events has come.
    pub passed: Place,
    /// Future events.
    pub events: EventQueue<Event>,
    /// Hash of facts and actions so far.
    pub fingerprint: Fingerprint,
    /// Facts of the cluster.
    pub cluster: Cluster,
    /// Arrivals, queues and consumers.
    pub work: Work,
    /// KEDA's and the HPA's memories.
    pub scaling: IdVec<WorkloadId, Scaling>,
    /// The scheduler and its pace.
    pub scheduling: Scheduling,
    /// The autoscaler and the provider.
    pub capacity: Capacity,
    /// What pods use.
    pub usage: UseBook,
    /// What the kubelets have in hand.
    pub kubelets: Kubelets,
    /// API writes of kube-controller-manager.
    pub controller_writes: TokenBucket,
    /// What is remembered.
    pub record: Recorder,
    /// Arrivals have stopped.
    pub closing: bool,
    /// Interned names.
    pub names: Names,
    /// Keys of entities' draws.
    pub keys: Keys,
    /// Workloads whose controller is due at this instant.
    pub syncs: IdVec<WorkloadId, bool>,
    /// Settings of the HPA controller.
    pub hpa_settings: HpaSettings,
    /// What disruption budgets cover.
    pub coverage: Coverage,
    /// Jobs some of whose pods have failed.
    pub jobs: BTreeMap<WorkloadId, JobMemory>,
    /// New versions of workloads.
    pub rollouts: BTreeMap<WorkloadId, RolloutMemory>,
    /// Disks of claims.
    pub volumes: VolumeBook,
    /// Container groups of the virtual node.
    pub groups: GroupBook,
    /// Vertical Pod Autoscalers.
    pub vpa: VpaBook,
    /// Upgrades of pools under way.
    pub upgrades: BTreeMap<PoolId, Upgrade>,
    /// Nodes that are not well.
    pub health: Health,
    /// What quotas count, and what they refused.
    pub admission: Admission,
    /// Where scans of the autoscaler are written down, if they are.
    pub decisions: Option<&'p mut DecisionLog>,
    /// What Poisson arrivals see, if the run is audited.
    pub pasta: Option<Pasta>,
    /// What is seen of what is watched, if anything is.
    pub evidence: Option<Box<Evidence>>,
}

/// What the replica scalers of a workload remember.
pub struct Scaling {
    /// KEDA's memory.
    pub keda: KedaMemory,
    /// The HPA's memory.
    pub hpa: HpaMemory,
    /// The HPA that KEDA makes, or the user's own.
    pub hpa_spec: Option<HpaSpec>,
    /// The Jobs of a ScaledJob.
    pub jobs: JobBook,
    /// When KEDA polls.
    pub polls: Ticker,
    /// When the HPA syncs.
    pub syncs: Ticker,
    /// Readings of the last poll or sync, kept for their room.
    pub readings: Vec<Read>,
    /// What the last sync was told, kept for its room.
    pub metrics: Vec<MetricReading>,
}

impl Scaling {
    /// Nothing remembered yet.
    fn of(scaler: Option<&ScalerKind>, version: KedaVersion) -> Self {
        Self {
            hpa_spec: match scaler {
                Some(ScalerKind::ScaledObject(spec)) => Some(keda::hpa_spec(spec, version)),
                Some(ScalerKind::Hpa { spec, .. }) => Some(spec.clone()),
                _ => None,
            },
            keda: KedaMemory::default(),
            hpa: HpaMemory::default(),
            jobs: JobBook::default(),
            polls: Ticker::STOPPED,
            syncs: Ticker::STOPPED,
            readings: Vec::new(),
            metrics: Vec::new(),
        }
    }
}

/// The scheduler and its pace.
pub struct Scheduling {
    /// Queue, node order, caches.
    pub scheduler: Scheduler,
    /// The serial cycle is busy until then.
    pub busy_until: SimTime,
    /// When the next cycle event is due; [`SimTime::NEVER`] if none is.
    pub due: SimTime,
    /// Calls of its API client: bindings and pods' conditions.
    pub calls: TokenBucket,
    /// Serial part of a cycle.
    pub cycle: Duration,
    /// Workloads from whose pods a controller removes the scheduling gates.
    pub ungated: BTreeSet<WorkloadId>,
}

impl<'p> World<'p> {
    /// An empty world of a plan.
    pub fn new(plan: &'p Plan, seed: u64, options: RunOptions) -> Self {
        let mut cluster = Cluster {
            symbols: plan.symbols.clone(),
            namespaces: plan.namespaces.clone(),
            shapes: plan.shapes.clone(),
            pools: plan.pools.iter().map(|_| Pool::default()).collect(),
            workloads: plan.workloads.iter().map(|_| Workload::default()).collect(),
            budgets: plan.budgets.iter().map(|_| DisruptionBudget::default()).collect(),
            ..Cluster::default()
        };
        // Theory has no control delays: pods find room at once there.
        let at_once = plan.lab.zero_control_delay || plan.lab.infinite_nodes;
        let names = Names::new(&mut cluster.symbols);
        let well_known = WellKnown::new(&mut cluster.symbols);
        let keys = Keys::new(plan);
        Self {
            plan,
            options,
            seed,
            now: SimTime::ZERO,
            passed: Place::default(),
            events: EventQueue::new(),
            fingerprint: Fingerprint::new(),
            work: Work::new(plan, &keys, seed),
            scaling: scalings(plan),
            scheduling: Scheduling {
                scheduler: Scheduler::new(&plan.scheduler, well_known),
                busy_until: SimTime::ZERO,
                due: SimTime::NEVER,
                calls: TokenBucket::new(
                    if at_once { 0 } else { plan.scheduler.bind_rate_milli },
                    plan.scheduler.bind_burst,
                ),
                cycle: if at_once { Duration::ZERO } else { plan.scheduler.cycle },
                ungated: BTreeSet::new(),
            },
            capacity: Capacity::new(plan, &mut cluster.symbols, well_known, seed),
            usage: UseBook::new(plan),
            kubelets: Kubelets::new(&plan.timing.pull),
            controller_writes: TokenBucket::new(
                if at_once { 0 } else { plan.timing.controller_rate_milli },
                plan.timing.controller_burst,
            ),
            record: Recorder::new(plan, options),
            closing: false,
            names,
            keys,
            syncs: plan.workloads.iter().map(|_| false).collect(),
            hpa_settings: HpaSettings::of(plan.version),
            coverage: Coverage::default(),
            jobs: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            volumes: VolumeBook::default(),
            groups: GroupBook::default(),
            vpa: VpaBook::new(plan),
            upgrades: BTreeMap::new(),
            health: Health::default(),
            admission: Admission::new(plan),
            decisions: None,
            pasta: options.audit.then(|| Pasta::new(plan)),
            evidence: None,
            cluster,
        }
    }
}

impl World<'_> {
    /// Schedules an event in its lane.
    pub fn at(&mut self, time: SimTime, event: Event) {
        let (time, lane) = (time.max(self.now), event.lane() as u8);
        match event.rank() {
            Some(rank) => self.events.push_ranked(time, lane, rank, event),
            None => self.events.push(time, lane, event),
        }
    }

    /// Lots for a decision of `controller` about `entity` now.
    pub fn lots(&self, controller: u64, entity: u64) -> Lots {
        Lots::new(self.seed).of(controller).of(entity).of(self.now.micros())
    }

    /// Whether what begins now counts.
    pub fn counts(&self) -> bool {
        self.now.micros() >= self.plan.simulation.warmup.micros()
    }
}

/// The memories of all workloads' scalers, empty.
fn scalings(plan: &Plan) -> IdVec<WorkloadId, Scaling> {
    let of = |workload: &WorkloadSpec| Scaling::of(workload.scaler.as_ref(), plan.keda);
    plan.workloads.iter().map(of).collect()
}

/// What the scheduler is shown.
pub fn scheduler_view<'v>(plan: &'v Plan, cluster: &'v Cluster) -> SchedulerView<'v> {
    SchedulerView { cluster, spec: &plan.scheduler, images: &plan.images, budgets: &plan.budgets }
}
