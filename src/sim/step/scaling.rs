//! KEDA polls and HPA syncs: what they see is gathered, they decide, the replicas are written.

use crate::control::hpa::{
    self, HoldBack, HpaDecision, HpaMetric, HpaSeen, HpaSpec, Limit, MetricFailure, MetricReading,
};
use crate::control::keda::scaled_job::{self, JobsDecision, JobsSeen};
use crate::control::keda::{
    self, MetricType, PollReason, PollSeen, Read, Scale, ScaledJobSpec, ScaledObjectSpec,
    SourceError, Trigger,
};
use crate::plan::ScalerKind;
use crate::record::{Actor, Object};
use crate::sim::event::Event;
use crate::sim::step::Loop;
use crate::sim::world::World;
use crate::unit::{Duration, QueueId, SimTime, WorkloadId};
use crate::vocabulary::Cause;

impl World<'_> {
    /// One poll of a ScaledObject or a ScaledJob.
    pub fn keda_poll(&mut self, workload: WorkloadId) {
        self.record.counters.keda_polls += 1;
        let plan = self.plan;
        match &plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledObject(spec)) => self.poll_scaled_object(workload, spec),
            Some(ScalerKind::ScaledJob(spec)) => self.poll_scaled_job(workload, spec),
            Some(ScalerKind::Hpa { .. }) | None => {}
        }
    }

    fn poll_scaled_job(&mut self, workload: WorkloadId, spec: &ScaledJobSpec) {
        let readings = self.read_triggers(workload);
        let (running, pending) = self.count_jobs(workload, &spec.pending_conditions);
        let seen = JobsSeen { readings: &readings, running, pending };
        let decision = scaled_job::poll(spec, &seen);
        let memory = &mut self.scaling[workload].keda;
        (memory.polled, memory.active) = (Some(self.now), decision.active);
        let object = Object::Workload(workload);
        let deleted = self.trim_jobs(workload, spec);
        if decision.creates > 0 {
            let after = running + decision.creates;
            let change = Some((i64::from(running), i64::from(after)));
            self.fingerprint.add(self.now, 6, u64::from(workload.0), u64::from(decision.creates));
            self.note(Actor::Keda, "create-jobs", object, "keda.scaled-job", change, || {
                let every = spec.polling_interval;
                format!("a poll (every {every}) found {running} Jobs running, {pending} pending")
            });
            self.create_jobs(workload, decision.creates);
        }
        if deleted > 0 {
            let change = Some((i64::from(deleted), 0));
            self.note(Actor::Keda, "delete-jobs", object, "keda.history-limit", change, || {
                "finished Jobs beyond the history limits".to_owned()
            });
        }
        self.refresh_cause_of(workload);
        let until = match decision {
            // Jobs cease to be pending by themselves.
            JobsDecision { creates: 0, error: false, .. } if deleted == 0 && pending == 0 => {
                self.sources_hold_until(&spec.triggers)
            }
            _ => self.now,
        };
        self.rest(workload, Loop::Polls, until);
        self.scaling[workload].readings = readings;
    }

    /// What keeps the Jobs of a ScaledJob from being as many as its messages ask for (contract §5,
    /// rule 2).
    pub fn job_scaling_cause(
        &self,
        workload: WorkloadId,
        queue: QueueId,
        spec: &ScaledJobSpec,
    ) -> Option<Cause> {
        let oldest = self.work.queues[queue].oldest_waiting()?;
        let memory = &self.scaling[workload].keda;
        if memory.polled.is_none_or(|polled| polled < oldest) {
            return Some(Cause::KedaPoll);
        }
        if !memory.active {
            return Some(Cause::KedaActivation);
        }
        let (min, max) = spec.effective_bounds();
        let full = i64::from(self.scaling[workload].jobs.running()) >= min + max;
        full.then_some(Cause::HpaMax)
    }

    /// What the reconciler does with a paused object: no loop, no HPA, and the replicas that the
    /// annotation says.
    pub fn pause(&mut self, workload: WorkloadId, spec: &ScaledObjectSpec) {
        self.scaling[workload].hpa_spec = None;
        if let Some(replicas) = spec.paused_count() {
            self.set_replicas(workload, replicas, Actor::Keda, "keda.paused", || {
                format!("autoscaling.keda.sh/paused-replicas is {replicas}")
            });
        }
    }

    fn poll_scaled_object(&mut self, workload: WorkloadId, spec: &ScaledObjectSpec) {
        let readings = self.read_triggers(workload);
        let seen = self.poll_seen(workload, &readings);
        let memory = &mut self.scaling[workload].keda;
        let decision = keda::poll(spec, memory, &seen, self.plan.keda, self.now);
        if let Some(replicas) = decision.set_replicas {
            let (polling, cooldown) = (spec.polling_interval, spec.cooldown);
            self.set_replicas(workload, replicas, Actor::Keda, poll_code(decision.reason), || {
                match decision.active {
                    true => format!("a poll (every {polling}) found a trigger active"),
                    false => format!("no trigger was active for cooldownPeriod {cooldown}"),
                }
            });
        }
        if spec.triggers.iter().any(|trigger| trigger.use_cached_metrics) {
            // The HPA reads what this poll has stored.
            self.wake_loop(workload, Loop::Syncs);
        }
        // Above zero only the HPA holds replicas back: its syncs see when that changes.
        if decision.set_replicas.is_some() || self.cluster.workloads[workload].replicas == 0 {
            self.refresh_cause_of(workload);
        }
        let seen = self.poll_seen(workload, &readings);
        let memory = &self.scaling[workload].keda;
        let quiet = keda::quiet_until(spec, memory, &seen, self.plan.keda, self.now);
        let until = quiet.unwrap_or(self.now).min(self.sources_hold_until(&spec.triggers));
        self.rest(workload, Loop::Polls, until);
        self.scaling[workload].readings = readings;
    }

    fn poll_seen<'a>(&self, workload: WorkloadId, readings: &'a [Read]) -> PollSeen<'a> {
        let state = &self.cluster.workloads[workload];
        let from_completion = self.plan.lab.cooldown_from_completion;
        PollSeen {
            readings,
            replicas: state.replicas,
            ready: state.ready,
            created: state.created,
            cooldown_from: from_completion.then(|| self.last_completion(workload)).flatten(),
        }
    }

    /// The operator restarts: it forgets its records, and every scale loop begins anew with a poll
    /// at once (`startScaleLoop`). What stands in the objects' status stays.
    pub fn restart_keda(&mut self) {
        let plan = self.plan;
        for (workload, spec) in plan.workloads.enumerate() {
            let interval = match &spec.scaler {
                Some(ScalerKind::ScaledObject(spec)) if !spec.is_paused() => spec.polling_interval,
                Some(ScalerKind::ScaledJob(spec)) if !spec.paused => spec.polling_interval,
                _ => continue,
            };
            self.wake_scalers(workload);
            self.scaling[workload].keda.restart();
            self.start_loop(workload, Loop::Polls, self.now, interval);
            self.refresh_consumed_queue(workload);
        }
    }

    /// A message is completed. In the laboratory the cooldown runs from here, and the object is
    /// looked at when it is over, whenever it is polled.
    pub fn cooldown_begins(&mut self, queue: QueueId) {
        if !self.plan.lab.cooldown_from_completion {
            return;
        }
        let plan = self.plan;
        for &workload in self.work.consumers_of(queue).to_vec().iter() {
            if let Some(ScalerKind::ScaledObject(spec)) = &plan.workloads[workload].scaler {
                // Strictly after the cooldown.
                let end = self.now + spec.cooldown + Duration::from_micros(1);
                self.at(end, Event::CooldownEnd(workload));
            }
        }
    }

    /// Laboratory: if no message was completed since, the object is looked at.
    pub fn cooldown_ends(&mut self, workload: WorkloadId) {
        let plan = self.plan;
        let Some(ScalerKind::ScaledObject(spec)) = &plan.workloads[workload].scaler else { return };
        let over = |last: SimTime| last + spec.cooldown < self.now;
        if self.last_completion(workload).is_some_and(over) {
            self.wake_loop(workload, Loop::Polls);
            self.poll_scaled_object(workload, spec);
        }
    }

    fn last_completion(&self, workload: WorkloadId) -> Option<SimTime> {
        let consumer = self.plan.workloads[workload].consumes.as_ref()?;
        self.work.last_completion[consumer.queue]
    }

    /// One sync of a workload's HPA.
    pub fn hpa_sync(&mut self, workload: WorkloadId) {
        self.record.counters.hpa_syncs += 1;
        let settings = self.hpa_settings;
        let Some(spec) = self.scaling[workload].hpa_spec.take() else { return };
        let mut readings = std::mem::take(&mut self.scaling[workload].metrics);
        readings.clear();
        let replicas = self.cluster.workloads[workload].replicas;
        if hpa::reads_metrics(&settings, &spec, &self.scaling[workload].hpa, replicas) {
            self.hpa_queries(workload, &spec, &mut readings);
        }
        let seen = self.hpa_seen(workload, &readings);
        let memory = &mut self.scaling[workload].hpa;
        let decision = hpa::sync(&settings, &spec, memory, &seen, self.now);
        self.scaling[workload].hpa_spec = Some(spec);
        if let Some(replicas) = decision.replicas {
            self.set_replicas(
                workload,
                replicas,
                Actor::Hpa,
                limit_code(decision.limited_by),
                || sync_text(&decision),
            );
        }
        self.refresh_cause_of(workload);
        let until = match decision.replicas {
            Some(_) => self.now,
            None => self.syncs_rest_until(workload, &readings),
        };
        self.rest(workload, Loop::Syncs, until);
        self.scaling[workload].metrics = readings;
    }

    pub fn hpa_seen<'a>(&self, workload: WorkloadId, readings: &'a [MetricReading]) -> HpaSeen<'a> {
        let state = &self.cluster.workloads[workload];
        HpaSeen {
            replicas: state.replicas,
            status_replicas: state.active,
            pods: state.active,
            ready: state.ready,
            readings,
        }
    }

    /// The HPA asks for each of its metrics: KEDA's metrics server, where failures are counted, or
    /// the adapter that an HPA of the user's own reads live.
    fn hpa_queries(&mut self, workload: WorkloadId, hpa: &HpaSpec, to: &mut Vec<MetricReading>) {
        let plan = self.plan;
        let Some(ScalerKind::ScaledObject(spec)) = &plan.workloads[workload].scaler else {
            let read = |metric| {
                let of_pods = self.use_of_pods(workload, metric);
                of_pods.unwrap_or_else(|| self.hpa_glimpse(workload, metric))
            };
            to.extend(hpa.metrics.iter().map(read));
            return;
        };
        let live = self.read_triggers(workload);
        let state = &self.cluster.workloads[workload];
        let scale = Scale { replicas: state.replicas, ready: state.ready };
        for metric in &hpa.metrics {
            if let Some(reading) = self.use_of_pods(workload, metric) {
                to.push(reading);
                continue;
            }
            let memory = &mut self.scaling[workload].keda;
            let value = match metric {
                HpaMetric::Trigger { index, .. } => {
                    keda::metric_for_hpa(spec, memory, *index, live[*index], scale, plan.keda)
                }
                HpaMetric::Composite(_) => {
                    keda::composite_for_hpa(spec, memory, &live, scale, plan.keda)
                }
                _ => Err(SourceError),
            };
            to.push(
                value.map_or(MetricReading::Failed(MetricFailure::NotRead), MetricReading::Total),
            );
        }
        self.scaling[workload].readings = live;
    }

    /// What metrics servers show of a workload's pods; `None`: not their kind of metric.
    fn use_of_pods(&self, workload: WorkloadId, metric: &HpaMetric) -> Option<MetricReading> {
        let (cpu, of_container) = match metric {
            HpaMetric::Cpu(_) => (true, false),
            HpaMetric::ContainerCpu(_) => (true, true),
            HpaMetric::Memory(_) => (false, false),
            HpaMetric::ContainerMemory(_) => (false, true),
            HpaMetric::Pods(_) => return Some(MetricReading::Pods(self.work_sums(workload))),
            _ => return None,
        };
        Some(MetricReading::Pods(self.usage_sums(workload, cpu, of_container)))
    }

    /// What a query would show, without one being made.
    fn hpa_glimpse(&self, workload: WorkloadId, metric: &HpaMetric) -> MetricReading {
        match metric {
            HpaMetric::Pods(_) => MetricReading::Pods(self.work_glimpse(workload)),
            HpaMetric::Trigger { index, .. } => match self.read_trigger(workload, *index) {
                Ok(reading) => MetricReading::Total(reading.value_milli),
                Err(SourceError) => MetricReading::Failed(MetricFailure::NotRead),
            },
            _ => MetricReading::Failed(MetricFailure::NotRead),
        }
    }

    /// A queue's metric has changed: scalers see it, and the cause that holds may be another.
    pub fn metric_changed(&mut self, queue: QueueId) {
        self.work.measure(queue, self.now);
        self.wake_readers(queue);
        if self.work.has_scaler(queue) {
            self.refresh_queue_cause(queue);
            self.wake_instant_scaler(queue);
        }
    }

    /// What keeps the replicas of a ScaledObject, or of an HPA of the user's own, from what the
    /// metrics ask for now (contract §5, rule 2).
    pub fn scaling_cause(
        &self,
        workload: WorkloadId,
        queue: QueueId,
        by_keda: bool,
    ) -> Option<Cause> {
        let state = &self.cluster.workloads[workload];
        let triggers = self.plan.workloads[workload].triggers();
        let metric = self.work.metric(self.plan, queue, self.now)?;
        if state.replicas == 0 {
            if !by_keda {
                return None;
            }
            let oldest = self.work.queues[queue].oldest_waiting()?;
            let polled = self.scaling[workload].keda.polled;
            return Some(if polled.is_some_and(|polled| polled >= oldest) {
                Cause::KedaActivation
            } else {
                Cause::KedaPoll
            });
        }
        // Cheap first: a metric that the present replicas cover holds nothing back.
        let covered = triggers.iter().all(|trigger| {
            i128::from(metric) * 1_000
                <= i128::from(trigger.target_milli) * i128::from(state.replicas)
        });
        let hpa_spec = self.scaling[workload].hpa_spec.as_ref()?;
        if covered && hpa_spec.metrics.len() == 1 && reads_depth(triggers, queue) {
            return None;
        }
        // Asked at each message of a loaded queue: the usual single metric allocates nothing.
        let (one, several);
        let readings: &[MetricReading] = match &hpa_spec.metrics[..] {
            [metric] => {
                one = [self.hpa_glimpse(workload, metric)];
                &one
            }
            metrics => {
                let glimpse = |each| self.hpa_glimpse(workload, each);
                several = Vec::from_iter(metrics.iter().map(glimpse));
                &several
            }
        };
        let seen = self.hpa_seen(workload, readings);
        let memory = &self.scaling[workload].hpa;
        let held = hpa::held_back_by(&self.hpa_settings, hpa_spec, memory, &seen, self.now)?;
        Some(match held {
            HoldBack::Sync => Cause::HpaSync,
            HoldBack::Tolerance => Cause::HpaTolerance,
            HoldBack::Policy => Cause::HpaPolicy,
            HoldBack::Max => Cause::HpaMax,
        })
    }
}

/// Whether the only trigger divides the messages of the queue among the replicas.
fn reads_depth(triggers: &[Trigger], queue: QueueId) -> bool {
    matches!(triggers, [trigger] if trigger.metric_type == MetricType::AverageValue
        && trigger.queues() == [queue])
}

const fn poll_code(reason: PollReason) -> &'static str {
    match reason {
        PollReason::Activated => "keda.activated",
        PollReason::Deactivated => "keda.cooled-down",
        PollReason::RaisedToMin => "keda.min-replicas",
        _ => "keda.poll",
    }
}

const fn limit_code(limit: Limit) -> &'static str {
    match limit {
        Limit::None => "hpa.metric",
        Limit::Tolerance => "hpa.within-tolerance",
        Limit::Stabilisation => "hpa.stabilisation",
        Limit::Policy => "hpa.policy",
        Limit::Max => "hpa.max-replicas",
        Limit::Min => "hpa.min-replicas",
    }
}

fn sync_text(decision: &HpaDecision) -> String {
    match decision.recommendation {
        Some(wanted) if wanted != decision.desired => {
            format!("the metrics ask for {wanted}; limited to {}", decision.desired)
        }
        Some(wanted) => format!("the metrics ask for {wanted}"),
        None => "the replica bounds were corrected without reading a metric".to_owned(),
    }
}
