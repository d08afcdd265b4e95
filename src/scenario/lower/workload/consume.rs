//! What consumers do with messages, and how work is saved.

use super::Short;
use crate::queue::{Checkpoint, ConsumerSpec, OnSigterm, QueueKind};
use crate::scenario::code;
use crate::scenario::format::{Consumes, OnSigterm as OnSigtermName, Workload, WorkloadKindName};
use crate::scenario::lower::lowering::value;
use crate::unit::{Duration, QueueId};

impl Short<'_, '_, '_> {
    /// How work is saved; only what can be taken up again is.
    pub(super) fn checkpoint(&mut self, given: &Workload) -> Option<Checkpoint> {
        let at = given.checkpoint.as_ref()?;
        let every = at.value.every.as_ref()?;
        if every.value.0.is_zero() {
            self.lowering.error(code::BAD_VALUE, "`every` must be above 0", every.span, "");
            return None;
        }
        let job = value(&given.kind) == Some(&WorkloadKindName::Job)
            && given.duration.is_some()
            && given.arrivals.is_none();
        if !job && given.consumes.is_none() {
            let message = "`checkpoint` is for work that is taken up again: of consumers, or of a \
                           Job whose pods have a `duration`";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
            return None;
        }
        let cost = value(&at.value.cost).map_or(Duration::ZERO, |length| length.0);
        Some(Checkpoint { every: every.value.0, cost })
    }

    pub(super) fn consumes(&mut self, given: &Consumes) -> Option<ConsumerSpec> {
        let queue = self.lowering.named_queue(given.queue.as_ref()?)?;
        if let Some(at) = given.concurrency.as_ref().filter(|at| at.value.0 == 0) {
            let message = "`concurrency` must be at least 1";
            self.lowering.error(code::BAD_VALUE, message, at.span, "");
            return None;
        }
        if self.lowering.queues[queue].depth.is_some() {
            let place = given.queue.as_ref()?.span;
            let message = "nobody drains a queue whose `depth` is given";
            self.lowering.error(code::CONTRADICTION, message, place, "this queue");
            return None;
        }
        let prefetch = self.prefetch(given, queue);
        Some(ConsumerSpec {
            queue,
            prefetch,
            concurrency: value(&given.concurrency).map_or(1, |count| count.0),
            service: self.lowering.distribution(given.service.as_ref()?)?,
            messages_per_pod: value(&given.messages_per_pod).map(|count| count.0),
            idle_timeout: value(&given.idle_timeout)
                .map_or(Duration::from_secs(60), |length| length.0),
            on_sigterm: match value(&given.on_sigterm).copied() {
                Some(OnSigtermName::Abandon) => OnSigterm::Abandon,
                Some(OnSigtermName::Ignore) => OnSigterm::Ignore,
                Some(OnSigtermName::Drain) | None => OnSigterm::Drain,
            },
            checkpoint: None,
        })
    }

    /// Locks ahead of the work are those of a Service Bus queue without sessions.
    fn prefetch(&mut self, given: &Consumes, queue: QueueId) -> u32 {
        let Some(at) = given.prefetch.as_ref().filter(|at| at.value.0 > 0) else { return 0 };
        let spec = &self.lowering.queues[queue];
        if spec.kind != QueueKind::ServiceBus {
            let message = "`prefetch` is for Service Bus";
            self.lowering.error(code::CONTRADICTION, message, at.span, "");
        } else if spec.lanes.is_some() {
            let reason = "a session's messages are taken one after the other here";
            self.lowering.not_built("workloads.consumes.prefetch", at.span, reason);
        }
        at.value.0
    }
}
