//! What scalers show, for boards that show real clusters too.

use crate::control::keda::{QueueSource, ScalerSpec, Trigger};
use crate::plan::{ScalerKind, WorkloadKind};
use crate::queue::QueueKind;
use crate::record::{ScalerMetric, ScalerSeries, WorkloadObject};
use crate::sim::world::World;
use crate::unit::WorkloadId;

/// Names of a queue's scaler in KEDA: in metric names, and of its type (kedacore/keda
/// `pkg/scalers/*_scaler.go`, 2.17).
const fn names(kind: QueueKind) -> (&'static str, &'static str) {
    match kind {
        QueueKind::ServiceBus => ("azure-servicebus", "azureServiceBusScaler"),
        QueueKind::Storage => ("azure-queue", "azureQueueScaler"),
        QueueKind::EventHub => ("azure-eventhub", "azureEventHubScaler"),
        QueueKind::Kafka => ("kafka", "kafkaScaler"),
        QueueKind::RabbitMq => ("rabbitmq", "rabbitMQScaler"),
        QueueKind::Redis => ("redis", "redisScaler"),
        QueueKind::Sqs => ("aws-sqs", "awsSqsQueueScaler"),
    }
}

impl World<'_> {
    /// Scalers of the plan, without values.
    pub fn scaler_series(&self) -> Vec<ScalerSeries> {
        let text = |symbol| self.plan.symbols.text(symbol).to_owned();
        let of = self.plan.workloads.enumerate().filter_map(|(id, workload)| {
            let own = text(workload.name);
            let (kind, name, hpa) = match workload.scaler.as_ref()? {
                ScalerKind::ScaledObject(spec) => {
                    let name = text(spec.name);
                    let hpa = (format!("keda-hpa-{name}"), spec.min_replicas.max(1));
                    ("scaledobject", name, Some((hpa.0, hpa.1, spec.max_replicas)))
                }
                ScalerKind::ScaledJob(spec) => ("scaledjob", text(spec.name), None),
                ScalerKind::Hpa { spec, .. } => {
                    ("", own.clone(), Some((own, spec.min_replicas, spec.max_replicas)))
                }
            };
            let triggers = workload.triggers().iter().enumerate();
            let metrics = triggers.filter_map(|(index, one)| self.scaler_metric(index, one));
            Some(ScalerSeries {
                workload: id.0,
                kind,
                name,
                hpa,
                metrics: if kind.is_empty() { Vec::new() } else { metrics.collect() },
            })
        });
        of.collect()
    }

    fn scaler_metric(&self, trigger: usize, spec: &Trigger) -> Option<ScalerMetric> {
        let (metric, kind) = match &spec.scaler {
            ScalerSpec::Queues(QueueSource { queues, .. }) => {
                let queue = &self.plan.queues[*queues.first()?];
                let (metric, kind) = names(queue.kind);
                (format!("s{trigger}-{metric}-{}", self.plan.symbols.text(queue.name)), kind)
            }
            ScalerSpec::Cron(_) => (format!("s{trigger}-cron"), "cronScaler"),
            // The HPA reads these itself.
            ScalerSpec::Cpu | ScalerSpec::Memory => return None,
        };
        let named = self.plan.symbols.text(spec.name);
        let scaler = if named.is_empty() { kind.to_owned() } else { named.to_owned() };
        Some(ScalerMetric { metric, scaler, trigger, values: Vec::new() })
    }

    /// A row of the scalers' values.
    pub fn sample_scalers(&mut self) {
        let mut scalers = std::mem::take(&mut self.record.scalers);
        for one in &mut scalers {
            let workload = WorkloadId(one.workload);
            for metric in &mut one.metrics {
                let read = self.read_trigger(workload, metric.trigger);
                metric.values.push(read.map_or(f64::NAN, |read| read.value_milli as f64 / 1_000.0));
            }
        }
        self.record.scalers = scalers;
    }

    /// Workloads as Kubernetes knows them.
    pub fn workload_objects(&self) -> Vec<WorkloadObject> {
        let text = |symbol| self.plan.symbols.text(symbol).to_owned();
        let workloads = self.plan.workloads.iter();
        let object = workloads.map(|workload| WorkloadObject {
            name: text(workload.name),
            namespace: text(workload.namespace),
            kind: match workload.kind {
                WorkloadKind::Deployment => "Deployment",
                WorkloadKind::StatefulSet => "StatefulSet",
                WorkloadKind::DaemonSet => "DaemonSet",
                WorkloadKind::Job => "Job",
                WorkloadKind::ScaledJob => "ScaledJob",
                WorkloadKind::Bare => "Pod",
            },
        });
        object.collect()
    }
}
