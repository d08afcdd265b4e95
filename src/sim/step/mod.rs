//! The match: an event becomes a question to a decision function, and its answer is applied.

mod capacity;
mod demand;
mod inject;
mod instant;
mod lanes;
mod metrics;
mod observe;
mod prefetch;
mod reading;
mod resting;
mod scalers;
mod scaling;
mod scheduling;
mod spot;

use crate::model::PodPhase;
use crate::sim::apply::Stop;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{NodeId, PodId};

pub use resting::Loop;

impl World<'_> {
    /// Handles one event at the present instant.
    pub fn step(&mut self, event: Event) {
        if !self.is_due(event) {
            return;
        }
        self.record.counters.events += 1;
        match event {
            Event::Service { queue, slot, epoch } => self.service_event(queue, slot, epoch),
            Event::LockExpiry(queue) => self.locks_expire(queue),
            Event::MessagesExpire(queue) => self.messages_expire(queue),
            Event::Rebalance(queue) => self.rebalance(queue),
            Event::LanesOpen(queue) => self.lanes_open(queue),
            Event::InstantScale(queue) => self.instant_scale(queue),
            Event::ServerOff { queue, slot, epoch } => self.server_off(queue, slot, epoch),
            Event::PodBound(pod, epoch) if self.is_pod(pod, epoch) => self.pod_bound(pod),
            Event::PodRefused(pod, epoch) if self.is_pod(pod, epoch) => {
                self.end_pod(pod, Stop::Refused);
            }
            Event::PodStage(pod, epoch) if self.is_pod(pod, epoch) => self.stage_done(pod),
            Event::ContainerExit(pod, epoch) if self.is_pod(pod, epoch) => {
                self.container_exits(pod);
            }
            Event::PodFinished(pod, epoch) if self.is_pod(pod, epoch) => self.pod_finished(pod),
            Event::PodKilled(pod, epoch) if self.is_pod(pod, epoch) => {
                self.end_pod(pod, Stop::Evicted);
            }
            Event::PodsCollected(node) => self.pods_collected(node),
            Event::UpgradeStep(pool) => self.upgrade_step(pool),
            Event::Inject(index) => self.inject_begins(index as usize),
            Event::WorkloadSync(workload) => self.workload_sync(workload),
            Event::JobSync(workload) => self.job_sync(workload),
            Event::JobDeadline(workload, job) => self.job_deadline(workload, job),
            Event::KedaPoll(workload) => self.keda_poll(workload),
            Event::CooldownEnd(workload) => self.cooldown_ends(workload),
            Event::HpaSync(workload) => self.hpa_sync(workload),
            Event::SchedulerCycle => self.scheduler_cycle(),
            Event::AutoscalerScan => self.autoscaler_scan(),
            Event::DeletionStep(node) => self.deletion_step(node),
            Event::WarmupEnd => self.warmup_ends(),
            Event::MetricsScrape => self.metrics_scrape(),
            Event::VpaRound => self.vpa_round(),
            Event::Sample => self.sample(),
            Event::End => self.arrivals_end(),
            _ => self.node_step(event),
        }
    }

    /// Handles what happens to a node; of an event that has become void there is nothing to do.
    fn node_step(&mut self, event: Event) {
        match event {
            Event::PullDone(node, version) => self.pull_done(node, version),
            Event::DiskDetached(disk) => self.disk_detached(disk),
            Event::ImageGc(node, epoch) if self.is_node(node, epoch) => self.image_gc(node),
            Event::VmRunning(node, epoch) if self.is_node(node, epoch) => self.vm_running(node),
            Event::VmFailed(node, epoch) if self.is_node(node, epoch) => self.vm_failed(node),
            Event::NodeRegistered(node, epoch) if self.is_node(node, epoch) => {
                self.node_registered(node);
            }
            Event::NodeInitialized(node, epoch) if self.is_node(node, epoch) => {
                self.node_initialized(node);
            }
            Event::NodePrepared(node, epoch) if self.is_node(node, epoch) => {
                self.node_prepared(node);
            }
            Event::NodeReady(node, epoch) if self.is_node(node, epoch) => self.node_ready(node),
            Event::NodeGpus(node, epoch) if self.is_node(node, epoch) => self.gpus_ready(node),
            Event::VmGone(node, epoch) if self.is_node(node, epoch) => self.instance_removed(node),
            Event::NodeUnreachable(node, epoch) if self.is_node(node, epoch) => {
                self.node_unreachable(node);
            }
            Event::NodeBack(node, epoch) if self.is_node(node, epoch) => self.node_back(node),
            Event::NodeRepair(node, epoch) if self.is_node(node, epoch) => self.node_repair(node),
            Event::NodeEvictions => self.node_evictions(),
            Event::TaintEviction(node, epoch) if self.is_node(node, epoch) => {
                self.taint_evictions(node);
            }
            Event::NodeDeleted(node, epoch) if self.is_node(node, epoch) => {
                self.node_deleted(node);
            }
            Event::SpotNotice(node, epoch) if self.is_node(node, epoch) => self.spot_notice(node),
            Event::SpotKill(node, epoch) if self.is_node(node, epoch) => self.spot_kill(node),
            Event::SpotDrain(node, epoch) if self.is_node(node, epoch) => self.spot_drain(node),
            Event::SpotBatch(pool) => self.spot_batch(pool),
            Event::SpotPrice(pool) => self.spot_price(pool),
            _ => self.record.counters.stale_events += 1,
        }
    }

    fn is_pod(&self, pod: PodId, epoch: u16) -> bool {
        self.cluster.pods[pod].epoch == epoch
    }

    fn is_node(&self, node: NodeId, epoch: u16) -> bool {
        self.cluster.nodes[node].epoch == epoch
    }

    fn pod_finished(&mut self, pod: PodId) {
        let runs = matches!(self.cluster.pods[pod].phase, PodPhase::Ready | PodPhase::NotReady);
        if runs && self.has_idled(pod) {
            self.end_pod(pod, Stop::Completed);
        }
    }
}
