//! Names that the simulation itself uses, and the keys of entities' draws.

use crate::control::node::LifecycleNames;
use crate::plan::Plan;
use crate::unit::{IdVec, QueueId, StreamId, Symbol, Symbols, WorkloadId};

/// Interned names of Kubernetes' own labels and taints.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Taints of the node lifecycle controller.
    pub lifecycle: LifecycleNames,
    /// Label with the node's name.
    pub hostname: Symbol,
    /// Label with the node's zone.
    pub zone: Symbol,
    /// Zone of a node without zones.
    pub no_zone: Symbol,
    /// The autoscaler's taint on a node that it deletes.
    pub to_be_deleted: Symbol,
    /// The autoscaler's soft taint on an unneeded node.
    pub deletion_candidate: Symbol,
}

impl Names {
    /// Interns the names.
    pub fn new(symbols: &mut Symbols) -> Self {
        Self {
            lifecycle: LifecycleNames::new(symbols),
            hostname: symbols.intern("kubernetes.io/hostname"),
            zone: symbols.intern("topology.kubernetes.io/zone"),
            no_zone: symbols.intern("0"),
            to_be_deleted: symbols.intern("ToBeDeletedByClusterAutoscaler"),
            deletion_candidate: symbols.intern("DeletionCandidateOfClusterAutoscaler"),
        }
    }
}

/// Keys of entities' draws. They come from names, so that adding or removing an entity shifts
/// nobody else's luck.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of workloads.
    pub workloads: IdVec<WorkloadId, u64>,
    /// Of queues.
    pub queues: IdVec<QueueId, u64>,
    /// Of arrival streams: what they feed, and their number there.
    pub streams: IdVec<StreamId, u64>,
}

impl Keys {
    /// The keys of a plan's entities.
    pub fn new(plan: &Plan) -> Self {
        use crate::plan::ArrivalSpec::{Messages, PodTrace, Pods};
        let text = |symbol| plan.symbols.text(symbol);
        let workloads: IdVec<WorkloadId, u64> = plan
            .workloads
            .iter()
            .map(|workload| key("workload", text(workload.namespace), text(workload.name)))
            .collect();
        let queues: IdVec<QueueId, u64> =
            plan.queues.iter().map(|queue| key("queue", text(queue.name), "")).collect();
        let mut streams: Vec<u64> = Vec::new();
        for spec in plan.streams.iter() {
            let target = match spec {
                Messages { queue, .. } => queues[*queue],
                Pods { workload, .. } | PodTrace { workload, .. } => workloads[*workload],
            };
            // The n-th stream of one target has the n-th key.
            let mut own = target;
            while streams.contains(&own) {
                own = own.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
            }
            streams.push(own);
        }
        Self { workloads, queues, streams: streams.into_iter().collect() }
    }
}

/// FNV-1a over the kind and the names.
pub fn key(kind: &str, first: &str, second: &str) -> u64 {
    [kind, "/", first, "/", second]
        .iter()
        .flat_map(|part| part.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
}
