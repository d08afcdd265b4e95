//! The laboratory's scaler (`lab.scaler.instant`): one server per waiting message, at once, as
//! queueing theory with set-up times has it (Gandhi, Doroudi, Harchol-Balter, Scheller-Wolf 2013,
//! "Exact analysis of the M/M/k/setup class of Markov chains via recursive renewal reward").

use crate::chance::Purpose;
use crate::plan::ScalerKind;
use crate::record::Actor;
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{Duration, PodId, QueueId, WorkloadId};

impl World<'_> {
    /// What waits in a queue, or who serves it, has changed: its servers are counted at the end of
    /// this instant's facts.
    pub fn wake_instant_scaler(&mut self, queue: QueueId) {
        if self.plan.lab.instant_scaler.is_some() && !self.work.scaling_due[queue] {
            self.work.scaling_due[queue] = true;
            self.at(self.now, Event::InstantScale(queue));
        }
    }

    /// Servers on their way become as many as messages wait, within `maxReplicaCount`.
    pub fn instant_scale(&mut self, queue: QueueId) {
        self.work.scaling_due[queue] = false;
        let Some((workload, min, max)) = self.instantly_scaled(queue) else { return };
        let waiting = u32::try_from(self.work.queues[queue].waiting()).unwrap_or(u32::MAX);
        let state = &self.cluster.workloads[workload];
        let (there, coming) = (state.ready, state.active - state.ready);
        let wanted = waiting.max(min.saturating_sub(there)).min(max.saturating_sub(there));
        if wanted > coming {
            let reason = "lab.instant";
            self.set_replicas(workload, there + wanted, Actor::Keda, reason, || {
                format!("{waiting} messages wait")
            });
        } else if self.plan.lab.cancel_idle_boot {
            for _ in wanted..coming {
                self.cancel_youngest(workload);
            }
        }
    }

    /// The workload that the instant scaler drives for a queue, and its bounds.
    fn instantly_scaled(&self, queue: QueueId) -> Option<(WorkloadId, u32, u32)> {
        let mut consumers = self.work.consumers_of(queue).iter();
        consumers.find_map(|&workload| match &self.plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledObject(spec)) => {
                Some((workload, spec.min_replicas, spec.max_replicas))
            }
            _ => None,
        })
    }

    fn cancel_youngest(&mut self, workload: WorkloadId) {
        let state = &self.cluster.workloads[workload];
        let coming = |pod: &&PodId| {
            let phase = self.cluster.pods[**pod].phase;
            phase.is_active() && phase != crate::model::PodPhase::Ready
        };
        let youngest = state.pods.iter().rev().find(coming).copied();
        if let Some(pod) = youngest {
            self.stop_server(workload, pod);
        }
    }

    /// A server has nothing to do from now on: it stays for its off delay.
    pub fn server_idles(&mut self, pod: PodId) {
        let Some(delay) = &self.plan.lab.instant_scaler else { return };
        let workload = self.cluster.pods[pod].workload;
        let Some(consumer) = &self.plan.workloads[workload].consumes else { return };
        let queue = consumer.queue;
        let Some((slot, epoch)) = self.work.consumers[queue].idle_slot_of(pod) else { return };
        let ordinal = u64::from(slot) << 32 | u64::from(epoch);
        let entity = self.keys.workloads[workload];
        let delay = delay.sample_keyed(self.seed, Purpose::OffDelay, entity, ordinal);
        self.at(self.now + delay, Event::ServerOff { queue, slot, epoch });
    }

    /// An off delay is over.
    pub fn server_off(&mut self, queue: QueueId, slot: u32, epoch: u32) {
        let Some(pod) = self.work.consumers[queue].still_idle(slot, epoch) else {
            self.record.counters.stale_events += 1;
            return;
        };
        let Some((workload, min, _)) = self.instantly_scaled(queue) else { return };
        if self.cluster.pods[pod].workload == workload
            && self.cluster.workloads[workload].ready > min
        {
            self.stop_server(workload, pod);
        }
    }

    fn stop_server(&mut self, workload: WorkloadId, pod: PodId) {
        self.cluster.workloads[workload].replicas -= 1;
        self.stop_pod(pod, Duration::ZERO, Stop::ScaledDown);
    }
}
