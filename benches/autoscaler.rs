//! Speed of the cluster autoscaler's loop on a cluster of 5,000 nodes: one that has nothing to do,
//! one that sees a burst of pods, one whose nodes are all but empty.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use forescale::control::autoscaler::{
    Autoscaler, AutoscalerSpec, GroupView, Template, View, Words, run_once,
};
use forescale::model::{
    Cluster, Labels, Node, NodePhase, OwnerKind, PodShape, Pool, Usage, Workload,
};
use forescale::rules::{FilterOptions, WellKnown};
use forescale::unit::{
    Duration, InstanceId, Lots, NodeId, PoolId, Resources, ShapeId, SimTime, WorkloadId,
};
use forescale::vocabulary::KubernetesVersion;
use rustc_hash::FxHashMap;

const GIB: i64 = 1 << 30;
const NODES: u32 = 5_000;
const POOLS: u32 = 5;

/// A cluster, and what the autoscaler knows of it.
struct Stage {
    spec: AutoscalerSpec,
    cluster: Cluster,
    words: Words,
    filters: FilterOptions,
    groups: Vec<GroupView>,
    failures: FxHashMap<NodeId, forescale::model::ProvisioningFailure>,
}

/// 16 cores, 64 GiB, 110 pods.
fn size() -> Resources {
    Resources { pods: 110, ..Resources::of(16_000, 64 * GIB) }
}

impl Stage {
    /// Nodes in five pools, each with `pods` pods of 500 millicores.
    fn new(nodes: u32, pods: u32) -> Self {
        let spec = AutoscalerSpec::aks(KubernetesVersion::minor(34));
        let mut cluster = Cluster::default();
        let words = Words::new(&mut cluster.symbols, &spec, []);
        let known = WellKnown::new(&mut cluster.symbols);
        let filters = FilterOptions::of_version(spec.version.minor, known);
        let groups = (0..POOLS)
            .map(|_| GroupView {
                pool: cluster.pools.push(Pool::default()),
                max: 2_000,
                target: nodes / POOLS,
                template: Some(Template {
                    capacity: size(),
                    allocatable: size(),
                    ..Template::default()
                }),
                ..GroupView::default()
            })
            .collect();
        let failures = FxHashMap::default();
        let mut stage = Self { spec, cluster, words, filters, groups, failures };
        let of = stage.workload(500, 2 * GIB);
        for number in 0..nodes {
            let node = stage.node(number);
            for _ in 0..pods {
                let pod = stage.cluster.create_pod(of.1, of.0, None, SimTime::ZERO);
                stage.cluster.assume(pod, node);
                stage.cluster.bind(pod, SimTime::ZERO);
                stage.cluster.set_ready(pod, SimTime::ZERO);
            }
        }
        stage
    }

    fn node(&mut self, number: u32) -> NodeId {
        let name = self.cluster.symbols.intern(&format!("node-{number}"));
        let labels: Labels = [(self.words.hostname, name)].into_iter().collect();
        let id = self.cluster.add_node(Node {
            name,
            pool: Some(PoolId(number % POOLS)),
            instance: InstanceId(number / POOLS),
            phase: NodePhase::Creating,
            epoch: 0,
            labels,
            taints: Vec::new(),
            unschedulable: false,
            capacity: size(),
            allocatable: size(),
            used: Usage::default(),
            images: Vec::new(),
            requested: SimTime::ZERO,
            registered: SimTime::ZERO,
            ready: SimTime::ZERO,
            condition_changed: SimTime::ZERO,
            gone: SimTime::NEVER,
            max_data_disks: 32,
            scale_down_disabled: false,
        });
        self.cluster.register_node(id, SimTime::ZERO);
        self.cluster.set_node_phase(id, NodePhase::Ready, SimTime::ZERO);
        id
    }

    fn workload(&mut self, milli: i64, memory: i64) -> (ShapeId, WorkloadId) {
        let shape = PodShape {
            requests: Resources { pods: 1, ..Resources::of(milli, memory) },
            owner: OwnerKind::ReplicaSet,
            grace: Duration::from_secs(30),
            ..PodShape::default()
        };
        (self.cluster.shapes.push(shape), self.cluster.workloads.push(Workload::default()))
    }

    /// Pods of many shapes that the scheduler has found no room for.
    fn burst(&mut self, pods: u32, shapes: u32) {
        let kinds: Vec<_> = (0..i64::from(shapes))
            .map(|kind| self.workload(500 + 100 * kind, GIB + kind * GIB / 8))
            .collect();
        for number in 0..pods {
            let (shape, workload) = kinds[(number % shapes) as usize];
            let pod = self.cluster.create_pod(workload, shape, None, SimTime::ZERO);
            self.cluster.mark_unschedulable(pod, SimTime::ZERO);
        }
    }

    fn view(&self) -> View<'_> {
        View {
            cluster: &self.cluster,
            words: &self.words,
            filters: &self.filters,
            groups: &self.groups,
            budgets: &[],
            quotas: &[],
            lone: &[],
            gpu: None,
            failures: &self.failures,
            sights: None,
        }
    }

    /// An autoscaler that has looked at the cluster so often.
    fn autoscaler(&self, loops: u64) -> Autoscaler {
        let mut memory = Autoscaler::new(&self.spec, SimTime::ZERO);
        for number in 0..loops {
            let now = SimTime::from_secs(100 + 10 * number);
            run_once(&self.spec, &self.view(), &mut memory, now, Lots::new(number));
        }
        memory
    }
}

fn scans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(20);
    for nodes in [NODES / 10, NODES] {
        let stage = Stage::new(nodes, 31);
        let memory = stage.autoscaler(4);
        let (view, now) = (stage.view(), SimTime::from_secs(140));
        assert!(memory.is_idle(&view, now), "nothing is left to do");
        group.bench_function(format!("idle, {nodes} nodes"), |bench| {
            bench.iter(|| black_box(memory.is_idle(&view, now)));
        });
    }
    let run = |stage: &Stage, memory: &mut Autoscaler| {
        run_once(&stage.spec, &stage.view(), memory, SimTime::from_secs(200), Lots::new(7))
    };
    let mut scan = |name: &str, stage: &Stage, loops: u64| {
        let memory = stage.autoscaler(loops);
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || memory.clone(),
                |mut memory| black_box(run(stage, &mut memory)),
                BatchSize::LargeInput,
            );
        });
    };
    let mut stage = Stage::new(NODES, 31);
    scan("full nodes", &stage, 4);
    stage.burst(10_000, 20);
    let decided = run(&stage, &mut stage.autoscaler(0));
    assert!(decided.acted(), "the burst makes a pool grow");
    scan("burst of 10,000 pods of 20 shapes", &stage, 0);
    // Half of the nodes could go, and as many are looked at as upstream looks at.
    scan("nodes used to a fifth", &Stage::new(NODES, 6), 4);
}

criterion_group!(benches, scans);
criterion_main!(benches);
