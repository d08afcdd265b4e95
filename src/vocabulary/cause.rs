//! Why work waits: one cause for each instant of each waiting message or pod.

/// Declares the causes with their stable names and what they mean.
macro_rules! causes {
    ($($variant:ident $name:literal $meaning:literal),+ $(,)?) => {
        /// Why a message or a pod waits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Cause {
            $(#[doc = $meaning] $variant,)+
        }

        impl Cause {
            /// All causes in the order of the chain.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Stable name, used in outputs and thresholds.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

causes! {
    KedaPoll "keda.poll" "at zero replicas, KEDA has not polled since work arrived",
    KedaActivation "keda.activation" "polled, but under the activation threshold or paused",
    HpaSync "hpa.sync" "the next HPA sync will ask for more replicas",
    HpaTolerance "hpa.tolerance" "the HPA's tolerance swallows the difference",
    HpaPolicy "hpa.policy" "HPA rate limits or stabilisation hold replicas back",
    HpaMax "hpa.max" "the workload is at maxReplicaCount",
    SchedQueue "sched.queue" "not tried by the scheduler yet, or waiting for its turn",
    SchedConstraint "sched.constraint" "no pool could ever take the pod, or it is gated",
    CaScan "ca.scan" "unschedulable, and the autoscaler's next scan has not come",
    CaDelay "ca.delay" "seen by the autoscaler, but held by a delay or a health gate",
    CaExpander "ca.expander" "another pool was chosen in this loop",
    CaBackoff "ca.backoff" "every pool that could take the pod is in backoff after a timeout",
    BlockedIp "blocked.ip" "no addresses left in the subnet",
    BlockedQuota "blocked.quota" "a vCPU quota or a ResourceQuota is used up",
    BlockedMaxCount "blocked.maxCount" "every pool that could take the pod is at maxCount",
    BlockedCapacity "blocked.capacity" "the provider has no capacity",
    VmProvision "vm.provision" "the VM is being created",
    NodeReady "node.ready" "the VM runs and its node is not Ready yet",
    VolumeAttach "volume.attach" "volumes are being attached",
    ImagePull "image.pull" "the image is being pulled",
    AppStart "app.start" "containers and the application are starting",
    Busy "busy" "all consumers that the scaler wants are there and at work",
    Redo "redo" "an attempt was lost; the message waits until it can be taken again",
}
