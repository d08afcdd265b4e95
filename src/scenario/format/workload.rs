//! `workloads:` in the short form, and `podTrace:`.

use indexmap::IndexMap;

use super::arrival::Arrival;
use super::distribution::Distribution;
use super::reader::{At, Raw, section};
use super::value::{Bytes, Count, Length, ResourceAmount, Text, words};

section! {
    /// A workload in the short form.
    pub struct Workload {
        /// Name.
        "name" name: Text, required;
        /// Namespace.
        "namespace" namespace: Text = "default", "kubectl";
        /// Kind.
        "kind" kind: WorkloadKindName = "Deployment", "own default";
        /// Shorthand: select that pool and tolerate its taints.
        "pool" pool: Text;
        /// What its pods reserve.
        "requests" requests: IndexMap<String, ResourceAmount>;
        /// What its pods may use.
        "limits" limits: IndexMap<String, ResourceAmount>;
        /// Pods, when nothing scales them; without it 1.
        "replicas" replicas: Count;
        /// Completions of a Job.
        "completions" completions: Count;
        /// How often a Job's pods may fail; without it 6.
        "backoffLimit" backoff_limit: Count;
        /// Jobs and ScaledJobs: what happens when a container fails; without it `OnFailure`.
        "restartPolicy" restart: RestartName;
        /// Order of a StatefulSet's pods: `OrderedReady` or `Parallel`; without it `OrderedReady`.
        "podManagementPolicy" pod_management: PodManagementName;
        /// Labels of its pods.
        "labels" labels: IndexMap<String, Text>;
        /// Node labels that its pods select.
        "nodeSelector" node_selector: IndexMap<String, Text>;
        /// Tolerations as in Kubernetes.
        "tolerations" tolerations: Raw;
        /// `topologySpreadConstraints` as in Kubernetes.
        "topologySpreadConstraints" spread: Raw;
        /// `affinity` as in Kubernetes.
        "affinity" affinity: Raw;
        /// PriorityClass.
        "priorityClassName" priority_class: Text;
        /// The scheduler profile of its pods; without it `default-scheduler`.
        "schedulerName" scheduler: Text;
        /// `spec` of a KEDA ScaledObject, less its target.
        "scaledObject" scaled_object: Raw;
        /// `spec` of a KEDA ScaledJob, less its template.
        "scaledJob" scaled_job: Raw;
        /// `spec` of an autoscaling/v2 HorizontalPodAutoscaler, less its target.
        "hpa" hpa: Raw;
        /// `spec` of an autoscaling.k8s.io/v1 VerticalPodAutoscaler, less its target.
        "vpa" vpa: Raw;
        /// The queue that its pods work on.
        "consumes" consumes: Consumes;
        /// A request-driven service.
        "serves" serves: Serves;
        /// Open-loop pods: one pod per arrival.
        "arrivals" arrivals: Vec<At<Arrival>>;
        /// How long a pod lives after it is Ready.
        "duration" duration: Distribution;
        /// How work is saved, so that what is lost begins again at the last save: work on a
        /// message, or that of the pods of a Job.
        "checkpoint" checkpoint: Checkpointing;
        /// How its pods start.
        "startup" startup: Startup;
        /// How long a pod may take to stop.
        "terminationGracePeriodSeconds" grace: Length;
        /// How many of its pods may be evicted.
        "podDisruptionBudget" budget: Budget;
        /// Claims that each of its pods has: disks to attach (`volumeClaimTemplates`).
        "persistentVolumeClaims" claims: Vec<At<Claim>>;
        /// Annotations of its pods that the autoscaler reads.
        "annotations" annotations: IndexMap<String, Text>;
    }
}

words! {
    /// Kind of a workload.
    pub enum WorkloadKindName {
        /// Deployment.
        "Deployment" Deployment,
        /// StatefulSet.
        "StatefulSet" StatefulSet,
        /// DaemonSet.
        "DaemonSet" DaemonSet,
        /// Job.
        "Job" Job,
        /// KEDA ScaledJob.
        "ScaledJob" ScaledJob,
    }
}

words! {
    /// Order of a StatefulSet's pods.
    pub enum PodManagementName {
        /// One after the other.
        "OrderedReady" OrderedReady,
        /// All at once.
        "Parallel" Parallel,
    }
}

words! {
    /// What the kubelet does when a container of a Job's pod fails.
    pub enum RestartName {
        /// It starts the container again, in the same pod.
        "OnFailure" OnFailure,
        /// The pod has failed; the Job controller makes another.
        "Never" Never,
    }
}

section! {
    /// The queue that a workload works on.
    pub struct Consumes {
        /// Queue.
        "queue" queue: Text, required;
        /// Messages that a pod works on at a time.
        "concurrency" concurrency: Count = "1", "own default";
        /// Service Bus: messages that a pod locks ahead of its work (the SDK's prefetch count);
        /// without it none.
        "prefetch" prefetch: Count;
        /// Work per message.
        "serviceTime" service: Distribution, required;
        /// CPU that each message in work uses, for scalers that read CPU.
        "cpu" cpu: ResourceAmount;
        /// Memory of a pod, for scalers that read memory.
        "memory" memory: Bytes;
        /// Messages that a pod of a ScaledJob takes before it ends; without it, as many as it works
        /// on at a time.
        "messagesPerPod" messages_per_pod: Count;
        /// How long a pod of a ScaledJob waits for a message before it ends.
        "idleTimeout" idle_timeout: Length = "60s", "Azure SDK: a receive waits one minute";
        /// What a pod does with the messages that it holds when it is told to stop.
        "onSigterm" on_sigterm: OnSigterm = "drain", "own default";
    }
}

words! {
    /// What a pod does with the messages that it holds when it is told to stop.
    pub enum OnSigterm {
        /// Takes nothing more and finishes them within its grace.
        "drain" Drain,
        /// Gives them back and ends: they can be taken again at once.
        "abandon" Abandon,
        /// Ends on the spot: they stay locked until their locks run out.
        "ignore" Ignore,
    }
}

section! {
    /// A request-driven service: its ready pods share the load equally.
    pub struct Serves {
        /// Sources of requests; they add up, and are taken as rates.
        "arrivals" arrivals: Vec<At<Arrival>>, required;
        /// CPU time of a request.
        "cpuPerRequest" cpu: Length, required;
        /// Memory of a pod.
        "memory" memory: Bytes;
    }
}

section! {
    /// Saves of work.
    pub struct Checkpointing {
        /// Work between two saves.
        "every" every: Length, required;
        /// Time that a save takes.
        "cost" cost: Length = "0s", "own default";
    }
}

section! {
    /// How the pods of a workload start.
    pub struct Startup {
        /// Image; equal names are pulled once per node.
        "image" image: Text;
        /// Compressed size of the image.
        "imageSize" image_size: Bytes;
        /// Start of the application until it is Ready.
        "appStart" app_start: Distribution;
        /// Sandbox and container start.
        "containerStart" container_start: Distribution;
        /// How long each init container runs.
        "initDuration" init: Distribution;
        /// Holds the other probes back; kills the container after `failureThreshold`.
        "startupProbe" startup_probe: ProbeKeys;
        /// Decides when a pod is Ready.
        "readinessProbe" readiness_probe: ProbeKeys;
        /// Kills the container after `failureThreshold`.
        "livenessProbe" liveness_probe: ProbeKeys;
    }
}

section! {
    /// A probe of the kubelet: it succeeds once the application is up.
    pub struct ProbeKeys {
        /// Age of the container at the first probe.
        "initialDelaySeconds" initial_delay: Count = "0", "kubernetes default";
        /// Between probes.
        "periodSeconds" period: Count = "10", "kubernetes default";
        /// Successes in a row.
        "successThreshold" successes: Count = "1", "kubernetes default";
        /// Failures in a row.
        "failureThreshold" failures: Count = "3", "kubernetes default";
    }
}

section! {
    /// A PersistentVolumeClaim.
    pub struct Claim {
        /// Name.
        "name" name: Text, required;
        /// Size.
        "storage" storage: ResourceAmount;
        /// StorageClass; those that begin with `azurefile` attach no disk.
        "storageClassName" class: Text = "default", "AKS: Azure Disk";
        /// Zone of a disk that is there already (1, 2, 3); without it, it follows its pod.
        "zone" zone: Text;
    }
}

section! {
    /// A PodDisruptionBudget.
    pub struct Budget {
        /// Pods that must stay, a number or percent.
        "minAvailable" min_available: Text;
        /// Pods that may be missing, a number or percent.
        "maxUnavailable" max_unavailable: Text;
        /// `IfHealthyBudget` or `AlwaysAllow`.
        "unhealthyPodEvictionPolicy" unhealthy: UnhealthyPolicy;
    }
}

words! {
    /// Whether pods that are not Ready may always be evicted.
    pub enum UnhealthyPolicy {
        /// Only while the budget is met.
        "IfHealthyBudget" IfHealthyBudget,
        /// Always.
        "AlwaysAllow" AlwaysAllow,
    }
}

section! {
    /// A recording of pods; each row is a bare pod.
    pub struct PodTrace {
        /// CSV file.
        "file" file: Text, required;
        /// Column with the time of creation.
        "create" create: Text, required;
        /// Column with CPU in thousandths of a core.
        "cpu" cpu: Text = "cpu_milli", "own default";
        /// Column with memory in MiB.
        "memory" memory: Text = "memory_mib", "own default";
        /// Column with the number of GPUs.
        "gpu" gpu: Text;
        /// Column with the thousandths of its GPU that a pod takes; below 1000 others share it.
        "gpuMilli" gpu_milli: Text;
        /// Column with the models of GPU that will do, separated by `|`: the node label
        /// `accelerator`. Empty: any.
        "gpuModel" gpu_model: Text;
        /// Column with the time a pod runs, seconds.
        "duration" duration: Text;
        /// Column with the time of deletion.
        "end" end: Text;
        /// `start`: row 1 is the start of the simulation; `absolute`: times are dates.
        "align" align: Align = "start", "own default";
    }
}

words! {
    /// How times of a recording become times of the run.
    pub enum Align {
        /// Row 1 is the start of the simulation.
        "start" Start,
        /// Times are dates.
        "absolute" Absolute,
    }
}
