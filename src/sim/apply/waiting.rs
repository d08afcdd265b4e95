//! Causes of waiting change.

use crate::plan::ScalerKind;
use crate::record::{PodWait, WaitFlow};
use crate::sim::attribution::{CauseTotals, PodClock};
use crate::sim::world::World;
use crate::unit::{NodeId, PodId, PoolId, QueueId, WorkloadId};
use crate::vocabulary::Cause;

impl World<'_> {
    /// A new pod begins to wait for the scheduler.
    pub fn begin_pod_wait(&mut self, pod: PodId, counted: bool) {
        debug_assert_eq!(self.record.pod_clocks.len(), pod.0 as usize);
        // A pod that is gated, or another scheduler's, is not in the queue.
        let shape = self.cluster.shape(pod);
        let tried = !shape.gated && self.plan.scheduler.schedules(shape.scheduler);
        let cause = if tried { Cause::SchedQueue } else { Cause::SchedConstraint };
        if counted {
            self.record.pod_waits.begin(cause, self.now);
        }
        self.record.pod_clocks.push(PodClock::new(cause, counted, self.now));
        self.log_pod_wait(pod, Some(cause), None);
        let workload = self.cluster.pods[pod].workload;
        self.record.workloads[workload].stages.shift(None, Some(cause));
        self.refresh_consumed_queue(workload);
    }

    /// From now on the pod waits for `cause` (`None`: for nothing any more).
    pub fn set_pod_cause(&mut self, pod: PodId, cause: Option<Cause>) {
        self.set_pod_wait(pod, cause, None, None);
    }

    /// The same, with the pool whose wall it is, or the node that is coming.
    pub fn set_pod_wait(
        &mut self,
        pod: PodId,
        cause: Option<Cause>,
        pool: Option<PoolId>,
        coming: Option<NodeId>,
    ) {
        let clock = &mut self.record.pod_clocks[pod];
        let (before, wall_before) = (clock.cause, clock.wall);
        if before.is_none() {
            return;
        }
        if let Some(node) = coming.filter(|_| clock.coming != coming) {
            self.capacity.waiting_for.entry(node).or_default().push(pod);
        }
        clock.coming = coming;
        clock.wall = pool;
        if before == cause && wall_before == pool {
            return;
        }
        clock.change(cause, self.now, &mut self.record.pod_waits);
        self.log_pod_wait(pod, cause, pool);
        self.shift_wall(before, wall_before, -1);
        self.shift_wall(cause, pool, 1);
        let workload = self.cluster.pods[pod].workload;
        self.record.workloads[workload].stages.shift(before, cause);
        self.refresh_consumed_queue(workload);
    }

    /// Waiting of messages by cause up to now; lost attempts count when they are lost.
    pub fn message_waits(&mut self) -> CauseTotals {
        let mut totals = [0; Cause::ALL.len()];
        for queue in self.plan.queues.ids() {
            let clock = self.record.queue_clocks[queue].totals(self.now);
            for (total, part) in totals.iter_mut().zip(clock) {
                *total += part;
            }
            let redo = self.work.queues[queue].redo_micros(self.now);
            totals[Cause::Redo as usize] += redo;
        }
        totals
    }

    /// What was waited since the last sample.
    pub fn sample_waits(&mut self, messages: CauseTotals, pods: CauseTotals) {
        let at = self.now;
        let (known, known_pods, flows) = &mut self.record.wait_flows;
        for (of_pods, known, now) in [(false, known, messages), (true, known_pods, pods)] {
            for ((&cause, known), now) in Cause::ALL.iter().zip(known.iter_mut()).zip(now) {
                if now > *known {
                    flows.push(WaitFlow { until: at, of_pods, cause, micros: now - *known });
                    *known = now;
                }
            }
        }
    }

    fn log_pod_wait(&mut self, pod: PodId, cause: Option<Cause>, pool: Option<PoolId>) {
        if let Some(log) = &mut self.record.waits {
            let counted = self.record.pod_clocks[pod].counted;
            log.pods.push(PodWait { at: self.now, pod, cause, pool, counted });
        }
    }

    fn shift_wall(&mut self, cause: Option<Cause>, pool: Option<PoolId>, by: i32) {
        let Some(pool) = pool else { return };
        match cause {
            Some(Cause::BlockedIp) => {
                let subnet = self.plan.pools[pool].subnet;
                self.record.subnets[subnet].shift(by, self.now);
            }
            Some(Cause::BlockedQuota) => {
                for &quota in &self.plan.pools[pool].quotas {
                    self.record.quotas[quota].shift(by, self.now);
                }
            }
            _ => {}
        }
    }

    /// A workload's pods or replicas have changed: its scalers see it, and the cause of the queue
    /// that it consumes may be another.
    pub fn refresh_consumed_queue(&mut self, workload: WorkloadId) {
        self.wake_scalers(workload);
        self.refresh_cause_of(workload);
    }

    /// The cause of the queue that a workload consumes may be another.
    pub fn refresh_cause_of(&mut self, workload: WorkloadId) {
        if let Some(consumer) = &self.plan.workloads[workload].consumes {
            self.refresh_queue_cause(consumer.queue);
        }
    }

    /// Finds the cause that holds for a queue now (contract §5, first match wins).
    pub fn refresh_queue_cause(&mut self, queue: QueueId) {
        let cause = self.queue_cause(queue);
        self.record.queue_clocks[queue].set_cause(cause, self.now);
    }

    fn queue_cause(&self, queue: QueueId) -> Cause {
        // Of several consuming workloads, the one whose next consumer is nearest.
        self.work
            .consumers_of(queue)
            .iter()
            .map(|&workload| self.workload_cause(workload, queue))
            .max_by_key(|&cause| crate::sim::attribution::nearness(cause))
            .unwrap_or(Cause::Busy)
    }

    fn workload_cause(&self, workload: WorkloadId, queue: QueueId) -> Cause {
        let state = &self.cluster.workloads[workload];
        if state.ready < state.replicas {
            let stages = &self.record.workloads[workload].stages;
            let refused = || self.refused_cause(workload).unwrap_or(Cause::SchedQueue);
            return stages.furthest().unwrap_or_else(refused);
        }
        match &self.plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledObject(_)) => {
                self.scaling_cause(workload, queue, true).unwrap_or(Cause::Busy)
            }
            Some(ScalerKind::Hpa { .. }) => {
                self.scaling_cause(workload, queue, false).unwrap_or(Cause::Busy)
            }
            Some(ScalerKind::ScaledJob(spec)) => {
                self.job_scaling_cause(workload, queue, spec).unwrap_or(Cause::Busy)
            }
            _ => Cause::Busy,
        }
    }
}
