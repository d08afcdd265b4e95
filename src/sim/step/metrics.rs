//! The metrics server: what pods use, scraped every 15 s, and what an HPA makes of it.

use crate::control::hpa::{PodSeen, PodSums, Sample, SeenPhase};
use crate::model::PodPhase;
use crate::sim::event::Event;
use crate::sim::usage::{PodUse, RESOLUTION};
use crate::sim::world::World;
use crate::unit::{Duration, PodId, Resources, WorkloadId};

impl World<'_> {
    /// One round of the metrics server. O(pods of workloads whose use somebody reads).
    pub fn metrics_scrape(&mut self) {
        self.at(self.now + RESOLUTION, Event::MetricsScrape);
        for (workload, spec) in self.plan.workloads.enumerate() {
            let Some(uses) = &spec.uses else { continue };
            let clock = self.usage.loads[workload].as_mut().map_or(0, |load| load.settle(self.now));
            if !spec.use_is_read() {
                continue;
            }
            for pod in self.cluster.workloads[workload].pods.iter() {
                if let Some(pod) = self.usage.pods.get_mut(pod) {
                    pod.scrape(clock, uses.slot_milli, self.now);
                }
            }
        }
    }

    /// The containers of a pod start: from now on it has a use.
    pub fn use_begins(&mut self, pod: PodId) {
        if self.plan.workloads[self.cluster.pods[pod].workload].uses.is_some() {
            self.usage.pods.insert(pod, PodUse::new(self.now));
        }
    }

    /// The pod is Ready: it takes its share of the load.
    pub fn load_joins(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        let Some(uses) = &self.plan.workloads[workload].uses else { return };
        let now = self.now;
        let limit = uses.cpu_limit(&self.cluster.shape(pod).limits);
        let row = self.usage.pods.entry(pod).or_insert_with(|| PodUse::new(now));
        if let Some(load) = &mut self.usage.loads[workload] {
            row.join(load, limit, now);
        }
    }

    /// The pod takes no more of the load.
    pub fn load_leaves(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        if let Some(load) = &mut self.usage.loads[workload]
            && let Some(row) = self.usage.pods.get_mut(&pod)
        {
            row.leave(load, self.now);
        }
    }

    /// The containers of a pod are gone.
    pub fn use_ends(&mut self, pod: PodId) {
        if self.plan.workloads[self.cluster.pods[pod].workload].uses.is_some() {
            self.load_leaves(pod);
            self.usage.pods.remove(&pod);
        }
    }

    /// Slots of a consumer begin or end their work.
    pub fn slots_change(&mut self, workload: WorkloadId, pod: PodId, change: i64) {
        let Some(uses) = &self.plan.workloads[workload].uses else { return };
        if let Some(row) = self.usage.pods.get_mut(&pod) {
            row.busy(change, uses.slot_milli, self.now);
        }
    }

    /// Messages that the pods of a workload work on, as its HPA counts them: a `Pods` metric in
    /// thousandths, read live. O(pods).
    pub fn work_sums(&self, workload: WorkloadId) -> PodSums {
        let Some(consumer) = &self.plan.workloads[workload].consumes else {
            return PodSums::default();
        };
        let consumers = &self.work.consumers[consumer.queue];
        let mut sums = PodSums::default();
        for &pod in self.cluster.workloads[workload].pods.iter() {
            let row = &self.cluster.pods[pod];
            let working = consumers.working_of(pod).map(|working| i64::from(working) * 1_000);
            let running = row.phase > PodPhase::Starting || working.is_some();
            let seen = PodSeen {
                phase: if running { SeenPhase::Running } else { SeenPhase::Pending },
                deleting: row.phase == PodPhase::Terminating,
                started: Some(row.bound),
                ready: None,
                request: Some(0),
                sample: working.map(|usage| Sample { usage, at: self.now, window: Duration::ZERO }),
            };
            sums.add(&seen, seen.group(false, &self.hpa_settings, self.now));
        }
        sums
    }

    /// The same from counters alone: pods that leave with work count as if they stayed. O(1).
    pub fn work_glimpse(&self, workload: WorkloadId) -> PodSums {
        let state = &self.cluster.workloads[workload];
        let consumer = self.plan.workloads[workload].consumes.as_ref();
        let busy = consumer.map_or(0, |it| self.work.consumers[it.queue].crew(workload).busy);
        PodSums {
            listed: state.active,
            counted: state.ready,
            usage: i64::from(busy) * 1_000,
            unready: state.active.saturating_sub(state.ready),
            ..PodSums::default()
        }
    }

    /// What the pods of a workload use, or the first container of each (all the use is its), as its
    /// HPA counts it. O(pods).
    pub fn usage_sums(&self, workload: WorkloadId, cpu: bool, of_container: bool) -> PodSums {
        let Some(uses) = &self.plan.workloads[workload].uses else { return PodSums::default() };
        let beside = if of_container { uses.beside.requests } else { Resources::ZERO };
        let mut sums = PodSums::default();
        for &pod in self.cluster.workloads[workload].pods.iter() {
            let row = &self.cluster.pods[pod];
            let shape = &self.cluster.shapes[row.shape];
            let running = row.phase > PodPhase::Starting || self.usage.pods.contains_key(&pod);
            let bound = row.phase >= PodPhase::Starting;
            let request = match cpu {
                true => shape.requests.cpu_milli - beside.cpu_milli,
                false => (shape.requests.memory - beside.memory).saturating_mul(1_000),
            };
            let sample = self.usage.pods.get(&pod).and_then(|row| match cpu {
                true => row.cpu(uses.cpu_limit(&shape.limits)),
                false => row.memory(uses.memory),
            });
            let seen = PodSeen {
                phase: if running { SeenPhase::Running } else { SeenPhase::Pending },
                deleting: row.phase == PodPhase::Terminating,
                started: bound.then_some(row.bound),
                ready: bound.then_some((row.phase == PodPhase::Ready, row.condition_changed)),
                request: (request > 0).then_some(request),
                sample,
            };
            sums.add(&seen, seen.group(cpu, &self.hpa_settings, self.now));
        }
        sums
    }
}
