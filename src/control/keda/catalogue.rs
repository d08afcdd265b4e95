//! The scalers that are modelled: one entry each, for reading triggers, documents and `list`.

/// A kind of scaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScalerKind {
    /// `azure-servicebus`
    ServiceBus,
    /// `azure-queue`
    StorageQueue,
    /// `azure-eventhub`
    EventHub,
    /// `kafka`
    Kafka,
    /// `rabbitmq`
    RabbitMq,
    /// `redis`
    Redis,
    /// `aws-sqs-queue`
    Sqs,
    /// `prometheus`
    Prometheus,
    /// `cron`
    Cron,
    /// `cpu`
    Cpu,
    /// `memory`
    Memory,
}

/// A threshold in a trigger's metadata: its key, and the value if it is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdKey {
    /// Key in `metadata`.
    pub key: &'static str,
    /// Default in thousandths; `None`: required.
    pub default_milli: Option<i64>,
    /// Whether upstream reads a whole number.
    pub whole: bool,
}

/// A modelled scaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaler {
    /// Kind.
    pub kind: ScalerKind,
    /// `type` of the trigger, and other types that read the same.
    pub names: &'static [&'static str],
    /// One line.
    pub about: &'static str,
    /// Upstream documentation.
    pub link: &'static str,
    /// A trigger as a user writes it.
    pub example: &'static str,
    /// The target.
    pub target: Option<ThresholdKey>,
    /// The activation threshold.
    pub activation: Option<ThresholdKey>,
    /// Keys that name the source, first match wins.
    pub source: &'static [&'static str],
    /// Every other key that upstream reads.
    pub keys: &'static [&'static str],
    /// Those of `keys` that change a result here.
    pub effective: &'static [&'static str],
    /// What the simulation does of it, and what not.
    pub modelled: &'static str,
}

const fn whole(key: &'static str, default: i64) -> Option<ThresholdKey> {
    Some(ThresholdKey { key, default_milli: Some(default * 1_000), whole: true })
}

const fn real(key: &'static str, default_milli: Option<i64>) -> Option<ThresholdKey> {
    Some(ThresholdKey { key, default_milli, whole: false })
}

/// The modelled scalers, in the order of the documents. Keys and defaults: kedacore/keda @
/// 8b4f083c, `pkg/scalers/<type>_scaler.go`.
pub const SCALERS: &[Scaler] = &[
    Scaler {
        kind: ScalerKind::ServiceBus,
        names: &["azure-servicebus"],
        about: "active messages of a Service Bus queue or subscription",
        link: "https://keda.sh/docs/latest/scalers/azure-service-bus/",
        example: "{type: azure-servicebus, metadata: {queueName: orders, messageCount: \"5\"}}",
        target: whole("messageCount", 5),
        activation: whole("activationMessageCount", 0),
        source: &["queueName", "subscriptionName", "topicName"],
        keys: &["namespace", "connection", "useRegex", "operation", "cloud", "endpointSuffix"],
        effective: &["useRegex", "operation"],
        modelled: "Waiting messages and those locked by a consumer (`metricCountsLocked: false` \
                   of the queue leaves them out); of several queues that a regular expression \
                   matches, sum, max or avg.",
    },
    Scaler {
        kind: ScalerKind::StorageQueue,
        names: &["azure-queue"],
        about: "approximate message count of an Azure Storage queue, hidden messages included",
        link: "https://keda.sh/docs/latest/scalers/azure-storage-queue/",
        example: "{type: azure-queue, metadata: {queueName: orders, queueLength: \"5\"}}",
        target: whole("queueLength", 5),
        activation: whole("activationQueueLength", 0),
        source: &["queueName"],
        keys: &["connection", "accountName", "cloud", "endpointSuffix", "queueLengthStrategy"],
        effective: &["queueLengthStrategy"],
        modelled: "Hidden messages count; with `queueLengthStrategy: visibleonly` they do not \
                   while fewer than 32 are visible.",
    },
    Scaler {
        kind: ScalerKind::EventHub,
        names: &["azure-eventhub"],
        about: "events behind the checkpoints of a consumer group, at most threshold x partitions",
        link: "https://keda.sh/docs/latest/scalers/azure-event-hub/",
        example: "{type: azure-eventhub, metadata: {eventHubName: orders, \
                  unprocessedEventThreshold: \"64\"}}",
        target: whole("unprocessedEventThreshold", 64),
        activation: whole("activationUnprocessedEventThreshold", 0),
        source: &["eventHubName"],
        keys: &[
            "eventHubNamespace",
            "consumerGroup",
            "connection",
            "storageConnection",
            "storageAccountName",
            "storageEndpointSuffix",
            "blobContainer",
            "checkpointStrategy",
            "stalePartitionInfoThreshold",
            "cloud",
            "endpointSuffix",
            "serviceBusEndpointSuffix",
            "activeDirectoryEndpoint",
            "eventHubResourceURL",
        ],
        effective: &[],
        modelled: "Events that are not completed yet. Partitions and checkpoints are those of the \
                   queue.",
    },
    Scaler {
        kind: ScalerKind::Kafka,
        names: &["kafka", "apache-kafka"],
        about: "lag of a consumer group on a topic, at most threshold x partitions",
        link: "https://keda.sh/docs/latest/scalers/apache-kafka/",
        example: "{type: kafka, metadata: {topic: orders, lagThreshold: \"10\"}}",
        target: whole("lagThreshold", 10),
        activation: whole("activationLagThreshold", 0),
        source: &["topic"],
        keys: &[
            "bootstrapServers",
            "consumerGroup",
            "offsetResetPolicy",
            "allowIdleConsumers",
            "scaleToZeroOnInvalidOffset",
            "excludePersistentLag",
            "limitToPartitionsWithLag",
            "ensureEvenDistributionOfPartitions",
            "partitionLimitation",
            "fullMetadata",
            "version",
            "sasl",
            "saslTokenProvider",
            "tls",
            "unsafeSsl",
            "awsRegion",
        ],
        effective: &[
            "offsetResetPolicy",
            "allowIdleConsumers",
            "scaleToZeroOnInvalidOffset",
            "excludePersistentLag",
            "limitToPartitionsWithLag",
            "ensureEvenDistributionOfPartitions",
            "partitionLimitation",
        ],
        modelled: "Messages behind the offsets that the group has committed. Partitions and \
                   commits are those of the queue; offsets are invalid while a \
                   `newConsumerGroup` has committed none. A `depth` curve has no partitions to \
                   tell apart.",
    },
    Scaler {
        kind: ScalerKind::RabbitMq,
        names: &["rabbitmq"],
        about: "length, rates or consumption time of a RabbitMQ queue",
        link: "https://keda.sh/docs/latest/scalers/rabbitmq-queue/",
        example: "{type: rabbitmq, metadata: {queueName: orders, mode: QueueLength, \
                  value: \"20\"}}",
        target: real("value", Some(20_000)),
        activation: real("activationValue", Some(0)),
        source: &["queueName"],
        keys: &[
            "host",
            "protocol",
            "mode",
            "queueLength",
            "vhostName",
            "useRegex",
            "operation",
            "pageSize",
            "metricName",
            "timeout",
            "excludeUnacknowledged",
            "unsafeSsl",
            "tls",
        ],
        effective: &[
            "host",
            "protocol",
            "mode",
            "queueLength",
            "useRegex",
            "operation",
            "excludeUnacknowledged",
        ],
        modelled: "All modes; rates are those of the last whole 5 s. AMQP (protocol `amqp`, or a \
                   `host` that begins with it) and `excludeUnacknowledged` leave out what \
                   consumers hold.",
    },
    Scaler {
        kind: ScalerKind::Redis,
        names: &["redis", "redis-cluster", "redis-sentinel"],
        about: "length of a Redis list",
        link: "https://keda.sh/docs/latest/scalers/redis-lists/",
        example: "{type: redis, metadata: {listName: orders, listLength: \"5\"}}",
        target: whole("listLength", 5),
        activation: whole("activationListLength", 0),
        source: &["listName"],
        keys: &[
            "address",
            "addresses",
            "host",
            "hosts",
            "port",
            "ports",
            "username",
            "password",
            "sentinelUsername",
            "sentinelPassword",
            "sentinelMaster",
            "databaseIndex",
            "enableTLS",
            "unsafeSsl",
        ],
        effective: &[],
        modelled: "Waiting messages: what was popped is gone from the list.",
    },
    Scaler {
        kind: ScalerKind::Sqs,
        names: &["aws-sqs-queue"],
        about: "visible, in-flight and (if asked for) delayed messages of an SQS queue",
        link: "https://keda.sh/docs/latest/scalers/aws-sqs/",
        example: "{type: aws-sqs-queue, metadata: {queueURL: orders, queueLength: \"5\"}}",
        target: whole("queueLength", 5),
        activation: whole("activationQueueLength", 0),
        source: &["queueURL"],
        keys: &["awsRegion", "awsEndpoint", "identityOwner", "scaleOnInFlight", "scaleOnDelayed"],
        effective: &["scaleOnInFlight"],
        modelled: "Waiting messages and, unless `scaleOnInFlight` is false, those in flight; no \
                   simulated message is delayed.",
    },
    Scaler {
        kind: ScalerKind::Prometheus,
        names: &["prometheus"],
        about: "a Prometheus query; its values come from `forescale.source`",
        link: "https://keda.sh/docs/latest/scalers/prometheus/",
        example: "{type: prometheus, metadata: {threshold: \"100\", forescale.source: orders}}",
        target: real("threshold", None),
        activation: real("activationThreshold", Some(0)),
        source: &[],
        keys: &[
            "serverAddress",
            "query",
            "queryParameters",
            "metricName",
            "namespace",
            "customHeaders",
            "ignoreNullValues",
            "unsafeSsl",
            "authModes",
            "awsRegion",
            "identityOwner",
            "timeout",
        ],
        effective: &["query"],
        modelled: "A given curve or the count of a queue (`forescale.source`), or a `query` of a \
                   simulated queue; any other query has no values here.",
    },
    Scaler {
        kind: ScalerKind::Cron,
        names: &["cron"],
        about: "a number of replicas between two schedules",
        link: "https://keda.sh/docs/latest/scalers/cron/",
        example: "{type: cron, metadata: {timezone: Europe/Berlin, start: 0 8 * * *, \
                  end: 0 18 * * *, desiredReplicas: \"10\"}}",
        target: None,
        activation: None,
        source: &[],
        keys: &["timezone", "start", "end", "desiredReplicas"],
        effective: &["timezone", "start", "end", "desiredReplicas"],
        modelled: "Windows by five-field schedules in a time zone, seen at polls and syncs.",
    },
    Scaler {
        kind: ScalerKind::Cpu,
        names: &["cpu"],
        about: "CPU use of the pods, read by the HPA",
        link: "https://keda.sh/docs/latest/scalers/cpu/",
        example: "{type: cpu, metricType: Utilization, metadata: {value: \"60\"}}",
        target: real("value", None),
        activation: None,
        source: &[],
        keys: &["type", "containerName"],
        effective: &["type"],
        modelled: "Read by the HPA from the load model of the pods (`serves`).",
    },
    Scaler {
        kind: ScalerKind::Memory,
        names: &["memory"],
        about: "memory use of the pods, read by the HPA",
        link: "https://keda.sh/docs/latest/scalers/memory/",
        example: "{type: memory, metricType: Utilization, metadata: {value: \"60\"}}",
        target: real("value", None),
        activation: None,
        source: &[],
        keys: &["type", "containerName"],
        effective: &["type"],
        modelled: "Read by the HPA from the load model of the pods (`serves`).",
    },
];

impl ThresholdKey {
    /// The default as a user would write it; `None`: required.
    pub fn default_text(&self) -> Option<String> {
        let milli = self.default_milli?;
        Some(match milli % 1_000 {
            0 => (milli / 1_000).to_string(),
            _ => (milli as f64 / 1_000.0).to_string(),
        })
    }
}

impl ScalerKind {
    /// Its entry in the catalogue.
    ///
    /// # Panics
    /// Never: every kind has an entry (tested).
    pub fn entry(self) -> &'static Scaler {
        SCALERS.iter().find(|scaler| scaler.kind == self).expect("every kind is in the catalogue")
    }

    /// The `type` that users write.
    pub fn name(self) -> &'static str {
        self.entry().names[0]
    }

    /// Whether the HPA reads the metric itself (KEDA has no value for it).
    pub const fn is_resource(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_entry() {
        let mut kinds: Vec<_> = SCALERS.iter().map(|scaler| scaler.kind).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), 11);
        assert!(kinds.is_sorted(), "entries stand in the order of the kinds");
        assert_eq!(ScalerKind::Sqs.name(), "aws-sqs-queue");
        for scaler in SCALERS {
            let known = scaler.effective.iter().all(|key| scaler.keys.contains(key));
            assert!(known, "{}: what has an effect is among the keys", scaler.names[0]);
        }
    }
}
