//! KEDA polls and HPA syncs: what they see is gathered, they decide, the replicas are written.

use crate::control::hpa::{
    self, HoldBack, HpaDecision, HpaMetric, HpaSeen, Limit, MetricFailure, MetricReading,
};
use crate::control::keda::{self, PollSeen, ScaledObjectSpec, ScalerSpec, Trigger, TriggerReading};
use crate::plan::{ScalerKind, WorkloadKind};
use crate::record::Actor;
use crate::sim::event::Event;
use crate::sim::world::World;
use crate::unit::{QueueId, WorkloadId};
use crate::vocabulary::Cause;

impl World<'_> {
    /// One poll of a ScaledObject or a ScaledJob.
    pub fn keda_poll(&mut self, workload: WorkloadId) {
        self.record.counters.keda_polls += 1;
        let plan = self.plan;
        match &plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledObject(spec)) => {
                self.poll_scaled_object(workload, spec);
                self.at(self.now + spec.polling_interval, Event::KedaPoll(workload));
            }
            Some(ScalerKind::ScaledJob(spec)) => {
                self.poll_scaled_job(workload, spec);
                self.at(self.now + spec.polling_interval, Event::KedaPoll(workload));
            }
            _ => {}
        }
    }

    fn poll_scaled_object(&mut self, workload: WorkloadId, spec: &ScaledObjectSpec) {
        let mut readings = std::mem::take(&mut self.scaling[workload].readings);
        readings.clear();
        readings.extend(spec.triggers.iter().map(|trigger| self.read_trigger(trigger)));
        let state = &self.cluster.workloads[workload];
        let last_completion = self.last_completion(workload);
        let seen = PollSeen {
            readings: &readings,
            replicas: state.replicas,
            ready: state.ready,
            created: state.created,
            cooldown_from: self.plan.lab.cooldown_from_completion.then_some(last_completion),
        };
        let memory = &mut self.scaling[workload].keda;
        let decision = keda::poll(spec, memory, &seen, self.plan.keda, self.now);
        self.scaling[workload].readings = readings;
        if let Some(replicas) = decision.replicas {
            let (polling, cooldown) = (spec.polling_interval, spec.cooldown);
            self.set_replicas(workload, replicas, Actor::Keda, decision.reason.code(), || {
                match decision.active {
                    true => format!("a poll (every {polling}) found a trigger active"),
                    false => format!("no trigger active for cooldownPeriod {cooldown}"),
                }
            });
        }
        self.scaling[workload].polled = true;
        self.refresh_consumed_queue(workload);
    }

    fn last_completion(&self, workload: WorkloadId) -> Option<crate::unit::SimTime> {
        let consumer = self.plan.workloads[workload].consumes.as_ref()?;
        self.work.last_completion[consumer.queue]
    }

    /// What a trigger's source shows now.
    fn read_trigger(&self, trigger: &Trigger) -> TriggerReading {
        match &trigger.scaler {
            ScalerSpec::Count(source) => {
                match self.work.metric(self.plan, source.queue, self.now) {
                    Some(count) => TriggerReading::count(count, trigger),
                    None => TriggerReading::Failed,
                }
            }
            ScalerSpec::Cron(windows) => TriggerReading::cron(windows, self.now),
            ScalerSpec::Cpu | ScalerSpec::Memory => TriggerReading::Resource,
        }
    }

    /// One sync of a workload's HPA.
    pub fn hpa_sync(&mut self, workload: WorkloadId) {
        self.record.counters.hpa_syncs += 1;
        let settings = self.hpa_settings;
        self.at(self.now + settings.sync_period, Event::HpaSync(workload));
        let Some(spec) = self.scaling[workload].hpa_spec.clone() else { return };
        let readings = self.hpa_readings(workload, &spec.metrics);
        let seen = self.hpa_seen(workload, &readings);
        let memory = &mut self.scaling[workload].hpa;
        let decision = hpa::sync(&settings, &spec, memory, &seen, self.now);
        if let Some(replicas) = decision.replicas {
            self.set_replicas(workload, replicas, Actor::Hpa, limit_code(decision.limited_by), || {
                sync_text(&decision)
            });
        }
        self.refresh_consumed_queue(workload);
    }

    fn hpa_seen<'a>(&self, workload: WorkloadId, readings: &'a [MetricReading]) -> HpaSeen<'a> {
        let state = &self.cluster.workloads[workload];
        HpaSeen {
            replicas: state.replicas,
            status_replicas: state.active,
            pods: state.active,
            ready: state.ready,
            readings,
        }
    }

    fn hpa_readings(&self, workload: WorkloadId, metrics: &[HpaMetric]) -> Vec<MetricReading> {
        let triggers = match &self.plan.workloads[workload].scaler {
            Some(ScalerKind::ScaledObject(spec)) => &spec.triggers[..],
            _ => &[],
        };
        metrics
            .iter()
            .map(|metric| match metric {
                HpaMetric::Trigger { index, .. } => match self.read_trigger(&triggers[*index]) {
                    TriggerReading::Value { value_milli, .. } => MetricReading::Total(value_milli),
                    _ => MetricReading::Failed(MetricFailure::Source),
                },
                _ => MetricReading::Failed(MetricFailure::Source),
            })
            .collect()
    }

    /// A queue's metric has changed: the cause that holds may be another.
    pub fn metric_changed(&mut self, queue: QueueId) {
        if self.work.has_scaler(queue) {
            self.refresh_queue_cause(queue);
        }
    }

    /// What keeps a ScaledObject's replicas from what its metric asks for now (contract §5, rule 2).
    pub fn scaling_cause(
        &self,
        workload: WorkloadId,
        queue: QueueId,
        spec: &ScaledObjectSpec,
    ) -> Option<Cause> {
        let state = &self.cluster.workloads[workload];
        let metric = self.work.metric(self.plan, queue, self.now)?;
        if state.replicas == 0 {
            return Some(if self.scaling[workload].polled_since_arrival(self.now) {
                Cause::KedaActivation
            } else {
                Cause::KedaPoll
            });
        }
        // Cheap first: a metric that the present replicas cover holds nothing back.
        let covered = spec.triggers.iter().all(|trigger| {
            i128::from(metric) * 1_000
                <= i128::from(trigger.target_milli) * i128::from(state.replicas)
        });
        if covered && spec.triggers.len() == 1 {
            return None;
        }
        let hpa_spec = self.scaling[workload].hpa_spec.as_ref()?;
        let readings = self.hpa_readings(workload, &hpa_spec.metrics);
        let seen = self.hpa_seen(workload, &readings);
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

/// Kinds of workloads whose number a replica scaler may write.
pub const fn is_scalable(kind: WorkloadKind) -> bool {
    matches!(kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet)
}
