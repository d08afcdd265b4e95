//! Random clusters on which the scheduler must decide as a slow, plain twin of its cycle that
//! remembers nothing.

mod audit;
mod plain;
mod shapes;
#[cfg(test)]
mod tests;

use super::score::ResourceKind::{Cpu, Ephemeral, Memory};
use super::score::{Curve, FitScoring, ResourceKind};
use super::*;
use crate::model::*;
use crate::rules::*;
use crate::unit::*;
use crate::vocabulary::KubernetesVersion;
use shapes::{Words, node_name};

/// The extended resource that some nodes have.
const DEVICES: ResourceKind = ResourceKind::Extended(ExtendedId(0));

/// A cluster, the scheduler and what the twin needs.
pub struct World {
    cluster: Cluster,
    spec: SchedulerSpec,
    images: IdVec<ImageId, (Symbol, u64)>,
    budgets: IdVec<DisruptionBudgetId, crate::control::disruption::DisruptionBudgetSpec>,
    known: WellKnown,
    words: Words,
    scheduler: Scheduler,
    tree: NodeTree,
    start: usize,
    now: SimTime,
}

impl World {
    /// An empty cluster whose scheduler has settings drawn from `lots`.
    pub fn new(minor: u16, lots: Lots) -> Self {
        let mut cluster = Cluster::default();
        let known = WellKnown::new(&mut cluster.symbols);
        let words = Words::new(&mut cluster.symbols, known);
        for shape in words.shapes(&mut cluster.symbols) {
            cluster.shapes.push(shape);
        }
        cluster.shapes.push(words.zonal(cluster.symbols.intern("z2")));
        cluster.workloads.push(Workload::default());
        let fit = drawn_strategy(lots);
        let other = cluster.symbols.intern("packing");
        for (index, shape) in cluster.shapes.iter_mut().enumerate() {
            if lots.of(5).of(index as u64).below(4) == 0 {
                shape.scheduler = other;
            }
        }
        let percentage_of_nodes = [0, 0, 30, 70][lots.of(1).below(4)];
        let usual = ProfileSpec { percentage_of_nodes, fit, ..ProfileSpec::default() };
        let spec = SchedulerSpec {
            version: KubernetesVersion::minor(minor),
            profiles: vec![usual, drawn_profile(other, lots.of(4))],
            tie_break: [None, None, Some(TieBreak::First), Some(TieBreak::Random)]
                [lots.of(2).below(4)],
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            cycle: Duration::ZERO,
            bind_rate_milli: 0,
            bind_burst: 0,
        };
        let mut images = IdVec::new();
        images.push((Symbol::EMPTY, 700 << 20));
        let scheduler = Scheduler::new(&spec, known);
        let (tree, budgets) = (NodeTree::default(), IdVec::new());
        let now = SimTime::from_secs(1);
        Self { cluster, spec, images, budgets, known, words, scheduler, tree, start: 0, now }
    }

    fn parts(&mut self) -> (&mut Scheduler, SchedulerView<'_>) {
        let Self { cluster, spec, images, budgets, scheduler, .. } = self;
        (scheduler, SchedulerView { cluster, spec, images, budgets })
    }

    fn zone(&self, node: NodeId) -> (Symbol, Symbol) {
        let label = |key| self.cluster.nodes[node].labels.get(key).unwrap_or_default();
        (label(self.known.region), label(self.known.zone))
    }

    /// A node joins.
    pub fn add_node(&mut self, lots: Lots) {
        let id = self.cluster.nodes.next_id();
        let name = self.cluster.symbols.intern(&node_name(id.0));
        let zone = self.cluster.symbols.intern(["z1", "z2", "z3"][lots.of(1).below(3)]);
        let size = Words::size(lots.of(4));
        self.cluster.add_node(Node {
            name,
            pool: None,
            instance: InstanceId(0),
            phase: NodePhase::Creating,
            epoch: 0,
            labels: self.words.labels(name, zone, lots),
            taints: self.words.taints(lots.of(5)),
            unschedulable: false,
            capacity: size,
            allocatable: size,
            used: Usage::default(),
            images: if lots.of(6).below(2) == 0 { vec![ImageId(0)] } else { vec![] },
            requested: self.now,
            registered: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: self.now,
            gone: SimTime::NEVER,
            max_data_disks: [0, 3][lots.of(7).below(2)],
            scale_down_disabled: false,
        });
        self.cluster.register_node(id, self.now);
        self.tree.add(self.zone(id), id.0);
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.node_added(view, id, now);
    }

    /// Taints, the cordon, images, labels and devices of a node change, or some of them.
    pub fn change_node(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        let (before, words) = (self.zone(node), self.words);
        let zone = self.cluster.symbols.intern(["z1", "z2", "z3"][lots.of(7).below(3)]);
        let row = &mut self.cluster.nodes[node];
        row.taints = words.taints(lots.of(1));
        row.unschedulable = lots.of(2).below(5) == 0;
        row.images = if lots.of(3).below(2) == 0 { vec![ImageId(0)] } else { vec![] };
        if lots.of(4).below(3) == 0 {
            row.labels = words.labels(row.name, zone, lots.of(5));
        }
        // The device plugin has registered: room only grows, so nobody is over it.
        row.allocatable.extended[0] += i64::from(lots.of(6).below(4) == 0);
        let after = self.zone(node);
        if before != after {
            self.tree.remove(before, node.0);
            self.tree.add(after, node.0);
        }
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.node_changed(view, node, now);
    }

    /// A pod that waits is deleted.
    pub fn delete_waiting(&mut self, lots: Lots) {
        let waiting: Vec<PodId> = self.cluster.pending.iter().copied().collect();
        let Some(pod) = pick(&waiting, lots) else { return };
        self.cluster.end_pod(pod, PodPhase::Removed);
        self.scheduler.pod_deleted(pod);
    }

    /// An image comes to a node.
    pub fn pull_image(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        self.cluster.nodes[node].images = vec![ImageId(0)];
        let (scheduler, view) = self.parts();
        scheduler.node_images_changed(view, node);
    }

    /// A node goes, with its pods.
    pub fn remove_node(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        self.tree.remove(self.zone(node), node.0);
        self.cluster.unregister_node(node);
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.node_removed(view, node, now);
        for pod in self.cluster.nodes[node].used.pods.clone() {
            self.end_pod(pod);
        }
    }

    fn end_pod(&mut self, pod: PodId) {
        let node = self.cluster.pods[pod].node.expect("the pod is on a node");
        self.cluster.end_pod(pod, PodPhase::Removed);
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.pod_left_node(view, pod, node, now);
    }

    /// A placed pod is told to stop, or is gone.
    pub fn stop_pod(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        let Some(pod) = pick(&self.cluster.nodes[node].used.pods, lots.of(1)) else { return };
        if self.cluster.pods[pod].phase == PodPhase::Terminating {
            return self.end_pod(pod);
        }
        self.cluster.begin_termination(pod, self.now);
        let (scheduler, view) = self.parts();
        scheduler.pod_terminating(view, pod);
    }

    /// A pod is created.
    pub fn add_pod(&mut self, lots: Lots) {
        let shape = ShapeId::from(lots.below(self.cluster.shapes.len()));
        let made_for = match lots.of(1).below(10) {
            0 => pick(&self.cluster.registered, lots.of(2)),
            _ => None,
        };
        let pod = self.cluster.create_pod(WorkloadId(0), shape, made_for, self.now);
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.pod_added(view, pod, now);
    }

    /// Runs cycles until the queue has nothing to try, and compares each with the twin.
    pub fn drain(&mut self, lots: Lots) {
        for _ in 0..200 {
            let now = self.now;
            let (scheduler, view) = self.parts();
            let Some(cycle) = scheduler.cycle(view, now, lots) else { return };
            let plain = self.plain(cycle.pod, lots.of(u64::from(cycle.pod.0)), cycle.attempt);
            match (&cycle.decision, plain) {
                (Decision::Bind { node }, Ok(expected)) => {
                    assert_eq!(*node, expected, "{cycle:?}");
                    self.cluster.assume(cycle.pod, *node);
                    let (scheduler, view) = self.parts();
                    scheduler.pod_assumed(view, cycle.pod, *node, now);
                    self.cluster.bind(cycle.pod, now);
                    self.cluster.set_ready(cycle.pod, now);
                }
                (Decision::Unschedulable { failures, .. }, Err(expected)) => {
                    assert_eq!(failures.by_plugin, expected, "{cycle:?}");
                }
                (decision, plain) => panic!("{decision:?} is not {plain:?}"),
            }
            self.now += Duration::from_millis(1);
        }
    }
}

/// A profile with weights and filters of its own.
fn drawn_profile(name: Symbol, lots: Lots) -> ProfileSpec {
    let weight = |plugin: u64| [0, 0, 1, 2, 7, 100][lots.of(plugin).below(6)];
    let weights = match lots.below(6) {
        0 => Weights::NONE,
        _ => Weights {
            taint: weight(1),
            node_affinity: weight(2),
            spread: weight(3),
            pod_affinity: weight(4),
            fit: weight(5),
            balanced: weight(6),
            image: weight(7),
        },
    };
    let mut filters_off = PluginSet::NONE;
    for (index, plugin) in Plugin::ALL.into_iter().enumerate() {
        if lots.of(8).of(index as u64).below(5) == 0 {
            filters_off.insert(plugin);
        }
    }
    ProfileSpec {
        name,
        weights,
        fit: drawn_strategy(lots.of(11)),
        balanced: [vec![Cpu, Memory], vec![Cpu, Memory, DEVICES]][lots.of(12).below(2)].clone(),
        ignored_extended: [0, 0, 1][lots.of(13).below(3)],
        filters_off,
        ignores_preferences_of_others: lots.of(14).below(3) == 0,
        hard_affinity_weight: [1, 0, 50][lots.of(10).below(3)],
        ..ProfileSpec::default()
    }
}

fn drawn_strategy(lots: Lots) -> FitScoring {
    let (curve, resources) = match lots.below(4) {
        0 => (Curve::Most, vec![(Cpu, 1), (Memory, 3)]),
        1 => (Curve::Ratio(vec![(0, 0), (40, 70), (100, 100)]), vec![(Cpu, 2), (Memory, 1)]),
        2 => (Curve::Most, vec![(Cpu, 1), (DEVICES, 5), (Ephemeral, 1)]),
        _ => return FitScoring::default(),
    };
    FitScoring::new(curve, resources).expect("weights from 1 to 100")
}

fn pick<T: Copy>(items: &[T], lots: Lots) -> Option<T> {
    items.get(lots.below(items.len())).copied()
}
