//! How long a consumer's claim on a message lasts: peek-lock, visibility timeout, session.

use super::{QueueKind, QueueSpec};
use crate::unit::{Duration, SimTime};

/// The client renews a lock this long before it runs out, or at half its remaining time if that is
/// later (azure-sdk-for-net, `ReceiverManager.CalculateRenewDelay`, buffer of at most 10 s).
const RENEW_BUFFER: Duration = Duration::from_secs(10);

/// Defaults of one product, for the keys that a scenario leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDefaults {
    /// `lockDuration`
    pub lock: Duration,
    /// `renewUpTo`; [`Duration::MAX`]: for as long as the consumer lives.
    pub renew_up_to: Duration,
    /// `maxDeliveryCount`; [`u32::MAX`]: no limit.
    pub max_deliveries: u32,
    /// Whether the depth metric counts messages that are being worked on.
    pub metric_counts_locked: bool,
    /// `messageTimeToLive`; `None`: for ever.
    pub time_to_live: Option<Duration>,
    /// Where the values come from.
    pub source: &'static str,
}

/// Defaults of a product whose messages are locked for so many seconds.
const fn seconds(
    lock: u64,
    renew_up_to: Duration,
    max_deliveries: u32,
    source: &'static str,
) -> QueueDefaults {
    QueueDefaults {
        lock: Duration::from_secs(lock),
        renew_up_to,
        max_deliveries,
        metric_counts_locked: true,
        time_to_live: None,
        source,
    }
}

impl QueueKind {
    /// What holds for this product where the scenario says nothing.
    pub const fn defaults(self) -> QueueDefaults {
        const ALWAYS: Duration = Duration::MAX;
        match self {
            Self::ServiceBus => seconds(
                60,
                Duration::from_mins(5),
                10,
                "Service Bus: lock 1 min, 10 deliveries; SDK processors renew for 5 min",
            ),
            Self::Storage => QueueDefaults {
                time_to_live: Some(Duration::from_secs(7 * 86_400)),
                ..seconds(
                    30,
                    Duration::ZERO,
                    5,
                    "Storage queue: visibility 30 s, not renewed; 5 dequeues as in Azure \
                     Functions; kept 7 days",
                )
            },
            Self::EventHub => seconds(
                120,
                ALWAYS,
                u32::MAX,
                "Event Hubs processor: a dead owner's partitions are claimed after 2 min",
            ),
            Self::Kafka => seconds(
                45,
                ALWAYS,
                u32::MAX,
                "Kafka 3: session.timeout.ms 45 s, heartbeat every 3 s",
            ),
            Self::RabbitMq => seconds(
                0,
                Duration::from_mins(30),
                u32::MAX,
                "RabbitMQ: requeued when the connection closes; consumer_timeout 30 min",
            ),
            Self::Redis => QueueDefaults {
                // LLEN knows nothing of items that were popped.
                metric_counts_locked: false,
                ..seconds(
                    0,
                    ALWAYS,
                    1,
                    "Redis list: a popped item is gone, a dead consumer's is lost (dead-lettered)",
                )
            },
            Self::Sqs => QueueDefaults {
                time_to_live: Some(Duration::from_secs(4 * 86_400)),
                ..seconds(
                    30,
                    Duration::ZERO,
                    u32::MAX,
                    "SQS: visibility timeout 30 s, not renewed, no dead-letter queue; kept 4 days",
                )
            },
        }
    }

    /// How often a live consumer renews a lock of this length (assumption for all but Service Bus).
    const fn renewal_period(self, lock: Duration) -> Duration {
        match self {
            // heartbeat.interval.ms 3 s of session.timeout.ms 45 s
            Self::Kafka => Duration::from_micros(lock.micros() / 15),
            // load-balancing interval 30 s of an ownership of 2 min
            Self::EventHub => Duration::from_micros(lock.micros() / 4),
            _ => {
                let half = lock.micros() / 2;
                let buffer =
                    if half < RENEW_BUFFER.micros() { half } else { RENEW_BUFFER.micros() };
                Duration::from_micros(lock.micros() - buffer)
            }
        }
    }
}

/// The locking rule of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRule {
    lock: Duration,
    period: Duration,
    renew_up_to: Duration,
}

impl LockRule {
    /// The rule of a queue.
    pub const fn new(spec: &QueueSpec) -> Self {
        Self {
            lock: spec.lock,
            period: spec.kind.renewal_period(spec.lock),
            renew_up_to: spec.renew_up_to,
        }
    }

    /// When the lock of a message runs out that was prefetched at `locked`, taken up at `start`
    /// and lost with its consumer at `death`: nobody renews it in the buffer, and the client
    /// begins with what is left of it. Never before the death.
    pub fn expiry_of_prefetched(&self, locked: SimTime, start: SimTime, death: SimTime) -> SimTime {
        let left = (locked + self.lock).since(start).micros();
        let first = left - (left / 2).min(RENEW_BUFFER.micros());
        let lived = death.since(start).micros().min(self.renew_up_to.micros().saturating_sub(1));
        if locked == start || self.renew_up_to == Duration::MAX {
            return self.expiry(start, death);
        }
        let expiry = match lived.checked_sub(first) {
            None => locked + self.lock,
            Some(more) => {
                let period = self.period.micros().max(1);
                start + Duration::from_micros(first + more - more % period) + self.lock
            }
        };
        if death == SimTime::NEVER { expiry } else { expiry.max(death) }
    }

    /// When a consumer that took a message at `start` and lives on loses its lock: the last renewal
    /// plus the lock's length. [`SimTime::NEVER`] if it renews for ever.
    pub fn loss_at(&self, start: SimTime) -> SimTime {
        if self.renew_up_to == Duration::MAX {
            return SimTime::NEVER;
        }
        self.expiry(start, SimTime::NEVER)
    }

    /// When the lock taken at `start` runs out if its consumer dies at `death`: the last renewal
    /// not after the death, plus the lock's length. Never before the death.
    pub fn expiry(&self, start: SimTime, death: SimTime) -> SimTime {
        let lived = death.since(start);
        let renewed = match self.period.micros() {
            // A connection instead of a lock: it ends with its holder.
            0 => lived.micros().min(self.renew_up_to.micros()),
            period => {
                // Renewals happen strictly within `renew_up_to`: the SDK cancels its loop then.
                let limit = self.renew_up_to.micros().saturating_sub(1);
                let last = lived.micros().min(limit);
                last - last % period
            }
        };
        let expiry = start + Duration::from_micros(renewed) + self.lock;
        if death == SimTime::NEVER { expiry } else { expiry.max(death) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rule(kind: QueueKind, lock: u64, renew_up_to: Duration) -> LockRule {
        let lock = Duration::from_secs(lock);
        LockRule { lock, period: kind.renewal_period(lock), renew_up_to }
    }

    fn at(seconds: u64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    #[test]
    fn the_lock_of_a_dead_consumer_runs_out_after_its_last_renewal() {
        let five = Duration::from_mins(5);
        for (kind, lock, renew, death, expiry, why) in [
            (QueueKind::ServiceBus, 60, five, 0, 60, "killed at once"),
            (QueueKind::ServiceBus, 60, five, 49, 60, "before the first renewal at 50 s"),
            (QueueKind::ServiceBus, 60, five, 50, 110, "just renewed"),
            (QueueKind::ServiceBus, 60, five, 260, 310, "last renewal at 250 s"),
            (QueueKind::ServiceBus, 10, five, 7, 15, "short locks renew at half their time"),
            (QueueKind::Storage, 30, Duration::ZERO, 20, 30, "not renewed"),
            (QueueKind::RabbitMq, 0, Duration::from_mins(30), 77, 77, "requeued at once"),
            (QueueKind::Kafka, 45, Duration::MAX, 100, 144, "last heartbeat at 99 s"),
            (QueueKind::EventHub, 120, Duration::MAX, 100, 210, "last claim at 90 s"),
        ] {
            assert_eq!(rule(kind, lock, renew).expiry(at(0), at(death)), at(expiry), "{why}");
        }
    }

    #[test]
    fn a_prefetched_lock_is_renewed_from_the_start_of_the_work_on() {
        let rule = rule(QueueKind::ServiceBus, 60, Duration::from_mins(5));
        for (locked, start, death, expiry, why) in [
            (0, 0, 49, 60, "taken up at once: as without a buffer"),
            (0, 30, 49, 60, "30 s are left: renewed 10 s before the end, at 50 s"),
            (0, 30, 50, 110, "just renewed"),
            (0, 30, 100, 160, "and again 50 s later"),
            (0, 50, 54, 60, "10 s are left: renewed at their half, 55 s"),
            (0, 50, 55, 115, "just renewed"),
        ] {
            let seen = rule.expiry_of_prefetched(at(locked), at(start), at(death));
            assert_eq!(seen, at(expiry), "{why}");
        }
        // Renewals end 5 min after the start: the last ones are at 50, 100, 150, 200, 250, 300 s.
        assert_eq!(rule.expiry_of_prefetched(at(0), at(30), SimTime::NEVER), at(360));
    }

    #[test]
    fn a_live_consumer_loses_its_lock_after_the_last_renewal() {
        let five = Duration::from_mins(5);
        for (kind, lock, renew, loss) in [
            (QueueKind::ServiceBus, 60, five, at(10 + 310)),
            (QueueKind::ServiceBus, 60, Duration::ZERO, at(10 + 60)),
            (QueueKind::Storage, 30, Duration::ZERO, at(10 + 30)),
            (QueueKind::RabbitMq, 0, Duration::from_mins(30), at(10 + 1800)),
            (QueueKind::Redis, 0, Duration::MAX, SimTime::NEVER),
            (QueueKind::Kafka, 45, Duration::MAX, SimTime::NEVER),
        ] {
            assert_eq!(rule(kind, lock, renew).loss_at(at(10)), loss, "{kind:?}");
        }
    }
}
