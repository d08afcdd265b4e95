//! Stable codes of findings, each with what it means and how to fix it.

use super::diagnostic::Severity::{self, Error, Note, Warning};

/// A code of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// How to fix it.
    pub fix: &'static str,
}

/// Declares codes: a constant for the name of each, and the list of all.
macro_rules! codes {
    ($($constant:ident $name:literal $meaning:literal, $fix:literal;)+) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)+

        /// All codes in the order of the documentation.
        pub const ALL: &[$crate::scenario::code::Code] =
            &[$($crate::scenario::code::Code { name: $name, meaning: $meaning, fix: $fix },)+];
    };
}
pub(super) use codes;

codes! {
    NO_FILE "file-not-read" "a file that the scenario names cannot be read",
        "correct the path; it is relative to the file that names it";
    EMPTY_FILE "file-empty" "a file has no content",
        "write the file, or take it out of the scenario";
    BAD_TEXT "file-not-text" "a file is not UTF-8 text",
        "save the file as UTF-8";
    SYNTAX "syntax" "the text is not YAML or JSON",
        "correct the text at the place shown";
    DUPLICATE_KEY "duplicate-key" "a map has the same key twice",
        "keep one of them";
    TOO_COMPLEX "too-complex" "the text is larger or deeper than any real scenario",
        "split the file, or take out aliases that expand to very much";
    UNKNOWN_KEY "unknown-key" "a key that the format does not have",
        "correct the spelling, or take it out";
    MISSING_KEY "missing-key" "a key that the format needs is absent",
        "write it";
    WRONG_TYPE "wrong-type" "a value is of another type than its key needs",
        "write a value of the type named";
    BAD_VALUE "bad-value" "a value that no scenario can have",
        "write a value as described";
    EXTENDS_CYCLE "extends-cycle" "a scenario that extends itself, directly or through others",
        "take one `extends` out";
    BAD_SET "bad-set" "a `--set` that does not fit the scenario",
        "write path=value; list items go by their name";
    CONTRADICTION "contradiction" "two keys that cannot be meant together",
        "keep one of them";
    BAD_DISTRIBUTION "bad-distribution" "parameters that no such distribution has",
        "correct the parameters";
    BAD_TABLE "bad-table" "a CSV file whose content cannot be used",
        "correct the file at the line named";
    OUTSIDE_RUN "outside-run" "an instant outside the simulated time",
        "move the instant, or make the simulation longer";
    UNKNOWN_VERSION "unknown-version" "a Kubernetes version that is not modelled",
        "use a version of the range named";
    UNKNOWN_SIZE "unknown-vm-size" "a VM size that neither the catalogue nor `vmSizes` has",
        "correct the name, or describe the size under `vmSizes`";
    UNKNOWN_POOL "unknown-pool" "a pool that `agentPoolProfiles` does not have",
        "use the name of a pool";
    UNKNOWN_QUEUE "unknown-queue" "a queue that `queues` does not have",
        "declare the queue, or correct the name";
    UNKNOWN_WORKLOAD "unknown-workload" "a workload that the scenario does not have",
        "use the name of a workload";
    UNKNOWN_SUBNET "unknown-subnet" "a subnet that `networkProfile` does not have",
        "declare the subnet, or correct the name";
    UNKNOWN_QUOTA "unknown-quota" "a quota that no VM size draws on",
        "use a name that `az vm list-usage` prints";
    UNKNOWN_ZONE "unknown-zone" "a zone that no pool uses",
        "give a pool `availabilityZones`";
    UNKNOWN_NODE "unknown-node" "a node that `nodes` does not have",
        "use a name of the given list";
    UNKNOWN_METRIC "unknown-metric" "a metric that no run has",
        "use a name that `forescale list metrics` prints";
    BAD_THRESHOLD "bad-threshold" "a condition that cannot be read",
        "write a comparison and a limit: \"<120s\"";
    TWICE "twice" "two things have the same name",
        "rename one of them";
    MIN_ABOVE_MAX "min-above-max" "a minimum above its maximum",
        "exchange them, or correct one";
    COUNT_OUTSIDE "count-outside" "a pool starts with fewer or more nodes than it may have",
        "write a count between `minCount` and `maxCount`";
    SMALL_SUBNET "small-subnet" "a subnet has too few addresses",
        "use a larger prefix, fewer pods per node, or overlay";
    NODE_LIMIT "node-limit" "pools may have more nodes than the cluster has room for",
        "widen `podCidr`, leave kubenet, or lower `maxCount`";
    OVERLAPPING_RANGES "overlapping-ranges" "address ranges that Azure does not take together",
        "choose ranges that share no address";
    SERVICE_RANGE "service-range" "a range of services that AKS finds too large",
        "use a /13 or smaller";
    MONTHS_TO_EXHAUSTION "months-to-exhaustion" "how long addresses last if demand grows",
        "plan a larger subnet, overlay, or a wider pod CIDR in time";
    ZONAL_DISK "zonal-disk" "disks of one zone under pods that spread over zones",
        "a pool for each zone, shares instead of disks, or no spreading";
    FEW_PODS "few-pods-per-node" "nodes that are full of pods while more than half of them is free",
        "raise `maxPods`, or use a smaller size";
    NO_EPHEMERAL "no-ephemeral-disk" "a size without room for an ephemeral OS disk",
        "use `Managed`, or a size with a local disk";
    ZONE_NOT_OFFERED "zone-not-offered" "a zone that does not offer the size",
        "take the zone out, or use another size";
    NO_PRICE "no-price" "a size whose price is not known",
        "give it under `prices.overrides`";
    UNUSED_PRICE "unused-price" "a price of a size that no pool has",
        "correct the name, or take it out";
    NO_SPOT_PRICE "no-spot-price" "a spot pool about which a price trace says nothing",
        "name its size, zones or pool in the rows, or leave the columns out";
    SPOT_TOO_DEAR "spot-too-dear" "a spot pool whose VMs always cost more than its `spotMaxPrice`",
        "raise `spotMaxPrice`, or write -1";
    CURRENCY "currency" "catalogue prices are taken as another currency than they are in",
        "give all prices, or leave the currency out";
    AUTOSCALER_SETTING "autoscaler-setting" "a key or value that the autoscaler does not have",
        "use a key of `az aks --cluster-autoscaler-profile`";
    NO_WORK "no-work" "a scenario without anything that makes pods",
        "write `workloads`, `manifests` or `podTrace`";
    NEVER_ENDS "never-ends" "pods that arrive and never end",
        "give the workload a `duration`";
    UNREAD_QUEUE "unread-queue" "messages arrive at a queue that nobody consumes",
        "give a workload `consumes`, or the queue a `depth` curve";
    OVERLOAD "overload" "more work arrives than all replicas can do",
        "raise `maxReplicaCount` or `concurrency`";
    UNKNOWN_SCHEDULER "unknown-scheduler" "pods whose scheduler no profile is",
        "correct `schedulerName`, or add the profile to `schedulerConfiguration`";
    SMALL_QUOTA "small-quota" "a vCPU quota is used up before its pools are at their maximum",
        "ask Azure for more in time, or lower `maxCount`";
    SURGE_ROOM "no-room-for-surge" "no addresses or vCPUs for the surge nodes of an upgrade",
        "a larger subnet or quota, or a smaller `maxSurge`";
    HIDDEN_AT_ZERO "hidden-at-zero" "pods ask for labels that their pools do not show when empty",
        "select a label that the empty pool shows, or keep a node";
    COLD_START "cold-start" "pods and nodes may both be at zero: the first work waits",
        "keep a node or a replica, or accept the wait";
    NO_SLA "no-sla" "a production cluster of the Free tier",
        "use the Standard tier";
    UNSUPPORTED "unsupported-version" "a production cluster of a version without support",
        "upgrade, or take long-term support (Premium tier)";
    ONE_POOL "no-user-pool" "a production cluster whose workloads share nodes with system pods",
        "add a pool of `mode: User`";
    FEW_ZONES "few-zones" "production pools in fewer than three zones",
        "give the pools three `availabilityZones`";
    MANAGED_DISK "managed-os-disk" "OS disks are paid for although the VMs have room for them",
        "use `osDiskType: Ephemeral`";
    NO_LIMITS "no-memory-limit" "production pods without a memory limit",
        "give `limits`";
    HIGH_LIMITS "limits-beyond-requests" "production pods with limits above twice their requests",
        "limits of at most twice the requests";
    LATEST_TAG "latest-tag" "production images without a version",
        "name a version or a digest";
    SINGLE_REPLICA "single-replica" "a production service of one replica",
        "two replicas at least";
    NO_BUDGET "no-budget" "a production service without a PodDisruptionBudget",
        "add one that lets one pod be missing";
    NO_READINESS "no-readiness-probe" "a production service without a readiness probe",
        "give it one that asks the application";
    NO_PRIORITIES "no-priorities" "the expander `priority` without priorities",
        "write them under `cluster.priorityExpander`";
    SPOT_LAST "spot-last" "the expander `priority` takes on-demand pools before spot ones",
        "a higher number is better: give spot pools the highest";
    SYSTEM_POOL_COUNT "system-pool-count" "a system pool of fewer than two nodes",
        "two nodes at least, three where it matters";
    SYSTEM_POOL_SIZE "system-pool-size" "a VM size that AKS does not take for a system pool",
        "two vCPUs and 4 GiB at least, and no B-series";
    SYSTEM_POOL_TAINT "system-pool-taint" "a system pool that takes any workload",
        "add the taint CriticalAddonsOnly=true:NoSchedule";
    SPOT_ALONE "spot-without-fallback" "pods that only spot pools can hold",
        "prefer spot instead of selecting it, and offer an on-demand pool";
    SPOT_DRIFT "tolerates-without-selecting" "pods that may run on spot nodes by accident",
        "say by node affinity which pools they want";
    SPOT_DEALLOCATE "spot-deallocate" "evicted spot VMs that stay in their pool, stopped",
        "leave out `scaleSetEvictionPolicy`: AKS deletes evicted VMs";
    SPOT_BURSTABLE "spot-burstable" "a spot pool of a B-series size, which saves little",
        "use a size of another series for spot";
    VPA_AND_HPA "vpa-and-hpa" "a VPA and an HPA that act on the same resource",
        "let one of them act: updateMode Off, other controlledResources, or another metric";
    GPU_KEPT "gpu-kept" "a GPU pool that keeps nodes without work",
        "minCount 0, if the work can wait for a node";
    GPU_UNTAINTED "gpu-untainted" "GPU nodes that take pods without need of a GPU",
        "add a taint such as sku=gpu:NoSchedule";
    RETIRING_SIZE "retiring-size" "a VM size whose end is announced",
        "choose a size of a current series";
    INGRESS_ENDS "ingress-nginx-ends" "an ingress controller that is no longer maintained",
        "move to the Gateway API or Application Gateway for Containers";
    KUBENET_ENDS "kubenet-ends" "a network plugin whose support ends",
        "move to Azure CNI overlay";
    FREE_TIER "free-tier" "more nodes than the Free tier is meant for",
        "use the Standard tier";
    BEYOND_POOLS "replicas-beyond-pools" "more replicas than all pools together can hold",
        "raise `maxCount`, or lower `maxReplicaCount`";
    NO_REQUESTS "no-requests" "pods that reserve neither CPU nor memory",
        "give `requests`";
    SHORT_POLLING "short-polling" "KEDA polls more often than every 10 s",
        "10 s or more";
    BUDGET_SHUT "budget-allows-nothing" "a disruption budget that never allows an eviction",
        "let at least one pod be missing";
    OVERPROMISED "quotas-beyond-pools" "resource quotas that promise more than all pools have",
        "lower the quotas or raise `maxCount`";
    UNPLACEABLE "unplaceable" "pods that no node can ever hold",
        "ask for less, or give them a pool that is large enough and that they tolerate";
    VIRTUAL_NODE "virtual-node" "pods that may go to the virtual node and cannot run there",
        "do not tolerate `virtual-kubelet.io/provider`, or do without what it lacks";
    TOO_MUCH "too-much" "a number that is well formed and larger than any run can be",
        "write the number that was meant";
    NOT_BUILT_YET "not-built-yet" "a key of the format that this version does not simulate yet",
        "take it out; it is refused because ignoring it would give wrong answers";
    NOT_MODELLED "not-modelled" "a field of a real file has no effect here",
        "nothing to do; the field is ignored";
}

/// Findings of a scenario that can be read, each with its page in `docs/lints/` and how bad its
/// example is. `small-subnet` is an error where not even the first nodes have addresses.
pub const LINTS: &[(&str, Severity)] = &[
    (SMALL_SUBNET, Warning),
    (SMALL_QUOTA, Warning),
    (SURGE_ROOM, Note),
    (NODE_LIMIT, Warning),
    (MONTHS_TO_EXHAUSTION, Note),
    (OVERLAPPING_RANGES, Warning),
    (SERVICE_RANGE, Warning),
    (NO_EPHEMERAL, Warning),
    (ZONE_NOT_OFFERED, Warning),
    (ZONAL_DISK, Warning),
    (FEW_PODS, Note),
    (UNPLACEABLE, Error),
    (VIRTUAL_NODE, Error),
    (HIDDEN_AT_ZERO, Warning),
    (COLD_START, Note),
    (NO_PRIORITIES, Warning),
    (BEYOND_POOLS, Warning),
    (OVERLOAD, Warning),
    (UNREAD_QUEUE, Warning),
    (UNKNOWN_SCHEDULER, Warning),
    (NEVER_ENDS, Warning),
    (BUDGET_SHUT, Warning),
    ("admission", Warning),
    ("container-policy", Warning),
    (OVERPROMISED, Note),
    (NO_REQUESTS, Note),
    (SHORT_POLLING, Note),
    (SPOT_ALONE, Note),
    (SPOT_DRIFT, Note),
    (SPOT_DEALLOCATE, Warning),
    (SPOT_BURSTABLE, Note),
    (SPOT_LAST, Note),
    (VPA_AND_HPA, Warning),
    (GPU_UNTAINTED, Warning),
    (GPU_KEPT, Note),
    (SYSTEM_POOL_COUNT, Note),
    (SYSTEM_POOL_SIZE, Warning),
    (SYSTEM_POOL_TAINT, Note),
    (RETIRING_SIZE, Note),
    (KUBENET_ENDS, Note),
    (INGRESS_ENDS, Note),
    (FREE_TIER, Note),
    (UNUSED_PRICE, Warning),
    (NO_SPOT_PRICE, Warning),
    (SPOT_TOO_DEAR, Warning),
    (NO_SLA, Note),
    (UNSUPPORTED, Note),
    (ONE_POOL, Note),
    (FEW_ZONES, Note),
    (MANAGED_DISK, Note),
    (NO_LIMITS, Note),
    (HIGH_LIMITS, Note),
    (LATEST_TAG, Note),
    (SINGLE_REPLICA, Note),
    (NO_BUDGET, Note),
    (NO_READINESS, Note),
];

/// Errors of lints that stop no run: `check` fails, and whoever runs the scenario sees what comes
/// of it.
pub const SIMULATED: &[&str] = &[UNPLACEABLE];

/// Lints that answer a question which the scenario asks: the answer is a note also where all is
/// well.
pub const ANSWERS: &[&str] = &[MONTHS_TO_EXHAUSTION];
