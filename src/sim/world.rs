//! The world of one run: the model, the controllers' memories, the provider, and the record, all
//! owned by one value. Plain data: a run can move to any thread.

use crate::control::autoscaler::Autoscaler;
use crate::control::hpa::HpaMemory;
use crate::control::keda::KedaMemory;
use crate::control::scheduler::Scheduler;
use crate::engine::{EventQueue, Fingerprint, TokenBucket};
use crate::model::Cluster;
use crate::plan::Plan;
use crate::unit::{IdVec, Lots, SimTime, WorkloadId};

use super::capacity::Capacity;
use super::event::Event;
use super::record::Recorder;
use super::work::Work;
use crate::record::JournalLevel;

/// How to run, beside the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// How much the journal keeps.
    pub journal: JournalLevel,
    /// Recompute every index the slow way now and then, and stop on a difference.
    pub audit: bool,
    /// Leave out the sampled series and the rows of pods and nodes.
    pub no_report: bool,
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
    /// API writes of kube-controller-manager.
    pub controller_writes: TokenBucket,
    /// What is remembered.
    pub record: Recorder,
    /// Arrivals have stopped.
    pub closing: bool,
}

/// What the replica scalers of a workload remember.
#[derive(Default)]
pub struct Scaling {
    /// KEDA's memory.
    pub keda: KedaMemory,
    /// The HPA's memory.
    pub hpa: HpaMemory,
}

/// The scheduler and its pace.
pub struct Scheduling {
    /// Queue, node order, caches.
    pub scheduler: Scheduler,
    /// The serial cycle is busy until then.
    pub busy_until: SimTime,
    /// When the next cycle event is due; [`SimTime::NEVER`] if none is.
    pub due: SimTime,
    /// Binding calls.
    pub binds: TokenBucket,
}

impl World<'_> {
    /// Schedules an event in its lane.
    pub fn at(&mut self, time: SimTime, event: Event) {
        self.events.push(time.max(self.now), event.lane() as u8, event);
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
