//! The whole file.

use indexmap::IndexMap;

use super::arrival::Queue;
use super::cluster::{Cluster, Nodes, OwnSize};
use super::inject::Injection;
use super::namespace::Namespace;
use super::price::Prices;
use super::provider::{SpotMarket, Timing};
use super::reader::{At, Raw, section};
use super::simulation::{Lab, Metadata, Simulation};
use super::value::{Count, Text};
use super::workload::{PodTrace, Workload};

section! {
    /// A scenario of forescale: a cluster, what runs on it, and the work that arrives.
    pub struct Scenario {
        /// `forescale/v1`.
        "apiVersion" api_version: Text = "forescale/v1", "own default";
        /// `Scenario`.
        "kind" kind: Text = "Scenario", "own default";
        /// What the scenario is called.
        "metadata" metadata: Metadata;
        /// Another scenario that this one changes: maps merge, lists of named things merge by
        /// name.
        "extends" extends: Text;
        /// The run itself.
        "simulation" simulation: Simulation;
        /// The cluster: inline, a path to what `az aks show -o json` printed, or
        /// `{from: path, …}`.
        "cluster" cluster: Cluster;
        /// VM sizes that extend the catalogue.
        "vmSizes" vm_sizes: IndexMap<String, OwnSize>;
        /// Nodes outside any pool.
        "nodes" nodes: Nodes;
        /// Workloads in the short form.
        "workloads" workloads: Vec<At<Workload>>;
        /// Kubernetes and KEDA objects: files, globs, or inline.
        "manifests" manifests: Vec<At<Raw>>;
        /// Rules of namespaces by name; a namespace without rules need not be listed.
        "namespaces" namespaces: IndexMap<String, Namespace>;
        /// PriorityClasses by name: `{value: 1000}` as in Kubernetes.
        "priorityClasses" priority_classes: IndexMap<String, Raw>;
        /// Queues by name.
        "queues" queues: IndexMap<String, At<Queue>>;
        /// A recording of pods.
        "podTrace" pod_trace: PodTrace;
        /// Times of the provider and the control plane.
        "timing" timing: Timing;
        /// Evictions of spot nodes.
        "spotMarket" spot_market: SpotMarket;
        /// vCPU limits by the names of `az vm list-usage`; totalRegionalVCpus is `cores`.
        "quota" quota: IndexMap<String, At<Count>>;
        /// Prices.
        "prices" prices: Prices;
        /// Planned events.
        "inject" inject: Vec<At<Injection>>;
        /// Conditions on metrics: `message.wait.p95: "<120s"`.
        "thresholds" thresholds: IndexMap<String, At<Text>>;
        /// Laboratory switches.
        "lab" lab: Lab;
    }
}
