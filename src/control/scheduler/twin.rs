//! A slow, plain twin of the scheduling cycle, without anything remembered, and random clusters on
//! which both must agree.

use proptest::prelude::*;

use super::memo::Profile;
use super::score::*;
use super::*;
use crate::model::*;
use crate::rules::*;
use crate::unit::*;
use crate::vocabulary::KubernetesVersion;

/// A cluster, the scheduler and what the twin needs.
struct World {
    cluster: Cluster,
    spec: SchedulerSpec,
    images: IdVec<ImageId, (Symbol, u64)>,
    budgets: IdVec<DisruptionBudgetId, crate::control::disruption::DisruptionBudgetSpec>,
    known: WellKnown,
    scheduler: Scheduler,
    tree: NodeTree,
    start: usize,
    now: SimTime,
}

fn selector(key: Symbol, value: Symbol) -> LabelSelector {
    let requirements = vec![Requirement { key, op: SelectorOp::In, values: vec![value] }];
    LabelSelector { requirements }
}

/// One shape of every kind that the filters and scores tell apart.
fn shapes(symbols: &mut Symbols, known: &WellKnown) -> Vec<PodShape> {
    let app = symbols.intern("app");
    let [a, b, disk, fast] = ["a", "b", "disk", "fast"].map(|text| symbols.intern(text));
    let size = |cpu| Resources { pods: 1, ..Resources::of(cpu, cpu << 20) };
    let base = |value, cpu| PodShape {
        labels: [(app, value)].into_iter().collect(),
        requests: size(cpu),
        scoring: size(cpu),
        ..PodShape::default()
    };
    let spread = |key, when| SpreadConstraint {
        max_skew: 1,
        topology_key: key,
        when,
        selector: Some(selector(app, a)),
        min_domains: 1,
        node_affinity_policy: PolicySwitch::Honor,
        node_taints_policy: PolicySwitch::Honor,
    };
    let term = |value, topology_key| PodAffinityTerm {
        selector: Some(selector(app, value)),
        namespaces: vec![],
        namespace_selector: None,
        topology_key,
    };
    let plain = base(a, 500);
    let defaulted = PodShape { default_spread: Some(selector(app, a)), ..base(a, 300) };
    let mut zonal = base(a, 200);
    zonal.spread = vec![spread(known.zone, WhenUnsatisfiable::DoNotSchedule)];
    let mut soft = base(a, 200);
    soft.spread = vec![
        spread(known.zone, WhenUnsatisfiable::ScheduleAnyway),
        spread(known.hostname, WhenUnsatisfiable::ScheduleAnyway),
    ];
    let mut lonely = base(b, 100);
    lonely.pod_affinity.anti_required = vec![term(b, known.hostname)];
    let mut sociable = base(b, 100);
    sociable.pod_affinity.required = vec![term(a, known.zone)];
    sociable.pod_affinity.preferred = vec![(7, term(a, known.hostname))];
    sociable.pod_affinity.anti_preferred = vec![(3, term(b, known.zone))];
    let mut choosy = PodShape { scheduler: Symbol::EMPTY, ..base(b, 400) };
    let fast_disk = Requirement { key: disk, op: SelectorOp::In, values: vec![fast] };
    let fast_term = NodeSelectorTerm { expressions: vec![fast_disk], fields: vec![] };
    choosy.node_affinity.preferred = vec![(10, fast_term)];
    choosy.containers = vec![Container { image: ImageId(0), init: false, ends: false }];
    vec![plain, defaulted, zonal, soft, lonely, sociable, choosy]
}

impl World {
    fn new(minor: u16) -> Self {
        let mut cluster = Cluster::default();
        let known = WellKnown::new(&mut cluster.symbols);
        for shape in shapes(&mut cluster.symbols, &known) {
            cluster.shapes.push(shape);
        }
        cluster.workloads.push(Workload::default());
        let spec = SchedulerSpec {
            version: KubernetesVersion::minor(minor),
            percentage_of_nodes: 0,
            fit: FitStrategy::LeastAllocated { cpu: 1, memory: 1 },
            tie_break: None,
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
        Self { cluster, spec, images, budgets, known, scheduler, tree, start: 0, now }
    }

    fn parts(&mut self) -> (&mut Scheduler, SchedulerView<'_>) {
        let Self { cluster, spec, images, budgets, scheduler, .. } = self;
        (scheduler, SchedulerView { cluster, spec, images, budgets })
    }

    fn zone(&self, node: NodeId) -> (Symbol, Symbol) {
        let label = |key| self.cluster.nodes[node].labels.get(key).unwrap_or_default();
        (label(self.known.region), label(self.known.zone))
    }

    fn add_node(&mut self, lots: Lots) {
        let id = self.cluster.nodes.next_id();
        let name = self.cluster.symbols.intern(&format!("node-{}", id.0));
        let zone = self.cluster.symbols.intern(["z1", "z2", "z3"][lots.of(1).below(3)]);
        let [disk, fast] = ["disk", "fast"].map(|text| self.cluster.symbols.intern(text));
        let mut labels = Labels::default();
        labels.set(self.known.hostname, name);
        if lots.of(2).below(8) > 0 {
            labels.set(self.known.zone, zone);
        }
        if lots.of(3).below(3) == 0 {
            labels.set(disk, fast);
        }
        let cpu = [1_000, 2_000, 4_000][lots.of(4).below(3)];
        let size = Resources { pods: 20, ..Resources::of(cpu, cpu << 20) };
        self.cluster.add_node(Node {
            name,
            pool: None,
            instance: InstanceId(0),
            phase: NodePhase::Creating,
            epoch: 0,
            labels,
            taints: taints(lots.of(5), disk),
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
            max_data_disks: 0,
            scale_down_disabled: false,
        });
        self.cluster.register_node(id, self.now);
        self.tree.add(self.zone(id), id.0);
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.node_added(view, id, now);
    }

    fn change_node(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        let key = self.cluster.symbols.intern("disk");
        let row = &mut self.cluster.nodes[node];
        row.taints = taints(lots.of(1), key);
        row.unschedulable = lots.of(2).below(5) == 0;
        row.images = if lots.of(3).below(2) == 0 { vec![ImageId(0)] } else { vec![] };
        let now = self.now;
        let (scheduler, view) = self.parts();
        scheduler.node_changed(view, node, now);
    }

    fn pull_image(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        self.cluster.nodes[node].images = vec![ImageId(0)];
        let (scheduler, view) = self.parts();
        scheduler.node_images_changed(view, node);
    }

    fn remove_node(&mut self, lots: Lots) {
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

    fn stop_pod(&mut self, lots: Lots) {
        let Some(node) = pick(&self.cluster.registered, lots) else { return };
        let Some(pod) = pick(&self.cluster.nodes[node].used.pods, lots.of(1)) else { return };
        if self.cluster.pods[pod].phase == PodPhase::Terminating {
            return self.end_pod(pod);
        }
        self.cluster.begin_termination(pod, self.now);
        let (scheduler, view) = self.parts();
        scheduler.pod_terminating(view, pod);
    }

    fn add_pod(&mut self, lots: Lots) {
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
    fn drain(&mut self, lots: Lots) {
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

    /// The cycle as upstream does it: everything counted anew.
    fn plain(&mut self, pod: PodId, lots: Lots, attempt: u32) -> Result<NodeId, [u32; 10]> {
        let mut order = Vec::new();
        self.tree.list(&mut order);
        let nodes: Vec<NodeId> = order.into_iter().map(NodeId).collect();
        let (start, known, minor) = (self.start, self.known, self.spec.version.minor);
        let view = self.parts().1;
        let shape = view.shape(pod);
        let profile = Profile {
            options: FilterOptions::of_version(minor, known),
            fit: FitScoring::from(&view.spec.fit),
            balanced: BalancedAllocation::of_version(minor),
            hard_affinity_weight: HARD_AFFINITY_WEIGHT,
        };
        let mut failures = [0; 10];
        if nodes.is_empty() {
            return Err(failures);
        }
        let wide = ClusterWide::of(shape, &NodesOf { view, nodes: &nodes }, &view.names(), true);
        let looked: Vec<NodeId> = match view.cluster.pods[pod].node {
            Some(only) => nodes.iter().copied().filter(|&node| node == only).collect(),
            None => nodes.clone(),
        };
        failures[Plugin::NodeAffinity as usize] += (nodes.len() - looked.len()) as u32;
        let wanted = nodes_to_find(looked.len(), 0);
        let (mut feasible, mut seen) = (Vec::new(), 0);
        for index in 0..looked.len() {
            let node = looked[(start + index) % looked.len()];
            let (facts, symbols) = (view.facts(node), &view.cluster.symbols);
            seen += 1;
            match first_failure(shape, &facts, &wide, symbols, &profile.options) {
                Some(failure) => failures[failure.plugin as usize] += 1,
                None => feasible.push(node),
            }
            if feasible.len() == wanted {
                break;
            }
        }
        let result = if feasible.is_empty() {
            Err(failures)
        } else {
            let totals = totals(view, shape, &profile, &nodes, &feasible);
            let tie = if minor >= 35 { TieBreak::First } else { TieBreak::Random };
            Ok(feasible[choose(&totals, tie, lots.of(u64::from(attempt)))])
        };
        self.start = (start + seen) % nodes.len();
        result
    }
}

/// Totals of all plugins, with constant ones too.
fn totals(
    view: SchedulerView<'_>,
    shape: &PodShape,
    profile: &Profile,
    nodes: &[NodeId],
    feasible: &[NodeId],
) -> Vec<i64> {
    let snapshot = NodesOf { view, nodes };
    let rows = || feasible.iter().map(|&node| &view.cluster.nodes[node]);
    let mut totals: Vec<i64> =
        feasible.iter().map(|&node| profile.local_score(shape, &view.facts(node))).collect();
    let mut add = |scores: Vec<i64>, weight: i64| {
        for (total, score) in totals.iter_mut().zip(scores) {
            *total += score * weight;
        }
    };
    let raw: Vec<i64> =
        rows().map(|row| intolerable_preferences(&row.taints, &shape.tolerations)).collect();
    let highest = raw.iter().copied().max().unwrap();
    add(raw.iter().map(|&raw| lowest_is_best(raw, highest)).collect(), weight::TAINT);
    let prefer =
        |&node: &NodeId| preference(&shape.node_affinity, &view.facts(node), &view.cluster.symbols);
    let raw: Vec<i64> = feasible.iter().map(prefer).collect();
    let highest = raw.iter().copied().max().unwrap();
    add(raw.iter().map(|&raw| highest_is_best(raw, highest)).collect(), weight::NODE_AFFINITY);
    let mut images = ImageScore::default();
    let with = |image| {
        nodes.iter().filter(|&&node| view.cluster.nodes[node].images.contains(&image)).count()
    };
    images.refresh(shape, |id| view.images[id].1 as i64, |id| with(id) as u32, nodes.len());
    add(rows().map(|row| images.of(&row.images)).collect(), weight::OTHER);
    let scores = PodAffinityScores::of(shape, &snapshot, &view.names(), HARD_AFFINITY_WEIGHT);
    let raw: Vec<i64> = rows().map(|row| scores.of_node(&row.labels)).collect();
    let (low, high) = (raw.iter().copied().min().unwrap(), raw.iter().copied().max().unwrap());
    add(
        raw.iter().map(|&raw| normalise_pod_affinity(raw, low, high)).collect(),
        weight::POD_AFFINITY,
    );
    if let Some(mut scores) = SpreadScores::new(shape, &profile.options.well_known) {
        for &node in nodes {
            let (facts, pods) = (view.facts(node), view.pods_on(node));
            scores.node_in(usize::from(node), shape, &facts, pods, &view.cluster.symbols);
        }
        let slots: Vec<u32> = feasible.iter().map(|node| node.0).collect();
        scores.weigh(&slots);
        let mut raws = Vec::new();
        scores.raw(&slots, &mut Vec::new(), &mut raws);
        normalise_spread(&mut raws);
        add(raws, weight::SPREAD);
    }
    totals
}

fn taints(lots: Lots, key: Symbol) -> Vec<Taint> {
    let effect = match lots.below(6) {
        0 => TaintEffect::NoSchedule,
        1 => TaintEffect::PreferNoSchedule,
        _ => return vec![],
    };
    vec![Taint { key, value: Symbol::EMPTY, effect }]
}

fn pick<T: Copy>(items: &[T], lots: Lots) -> Option<T> {
    items.get(lots.below(items.len())).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_scheduler_decides_as_its_plain_twin(
        seed in any::<u64>(),
        minor in 32_u16..=36,
        nodes in 0_usize..=260,
        steps in proptest::collection::vec(0_u8..10, 1..60),
    ) {
        let lots = Lots::new(seed);
        let mut world = World::new(minor);
        for index in 0..nodes {
            world.add_node(lots.of(1).of(index as u64));
        }
        for (index, step) in steps.into_iter().enumerate() {
            let lots = lots.of(2).of(index as u64);
            match step {
                0 => world.add_node(lots),
                1 => world.remove_node(lots),
                2 => world.change_node(lots),
                3 => world.pull_image(lots),
                4 | 5 => world.stop_pod(lots),
                _ => (0..20).for_each(|pod| world.add_pod(lots.of(pod))),
            }
            world.drain(lots.of(99));
            world.now += Duration::from_millis(700);
        }
    }
}

#[test]
fn a_preemptor_waits_for_its_victims_and_then_gets_their_room() {
    let mut world = World::new(35);
    world.add_node(Lots::new(1));
    let node = NodeId(0);
    let row = &mut world.cluster.nodes[node];
    row.taints.clear();
    row.allocatable = Resources { pods: 2, ..Resources::of(1_000, 1_000 << 20) };
    let now = world.now;
    let (scheduler, view) = world.parts();
    scheduler.node_changed(view, node, now);
    let urgent = PodShape { priority: Some(10), ..world.cluster.shapes[ShapeId(0)].clone() };
    let urgent = world.cluster.shapes.push(urgent);
    let add = |world: &mut World, shape| {
        let pod = world.cluster.create_pod(WorkloadId(0), shape, None, world.now);
        let now = world.now;
        let (scheduler, view) = world.parts();
        scheduler.pod_added(view, pod, now);
        pod
    };
    let (first, second) = (add(&mut world, ShapeId(0)), add(&mut world, ShapeId(0)));
    world.drain(Lots::new(2));
    assert_eq!(world.cluster.nodes[node].used.pods, [first, second]);

    let preemptor = add(&mut world, urgent);
    let now = world.now;
    let (scheduler, view) = world.parts();
    let cycle = scheduler.cycle(view, now, Lots::new(3)).unwrap();
    let Decision::Unschedulable { failures, preemption: Some(preemption) } = cycle.decision else {
        panic!("{cycle:?}")
    };
    assert_eq!(failures.iter().collect::<Vec<_>>(), [(Plugin::NodeResourcesFit, 1)]);
    // Of two equally old pods the later one is less important.
    assert_eq!((preemption.node, &preemption.victims[..]), (node, &[second][..]));
    world.cluster.begin_termination(second, now);
    let rival = add(&mut world, ShapeId(0));
    let (scheduler, view) = world.parts();
    scheduler.pod_terminating(view, second);
    assert_eq!(scheduler.next_wake(now), Some(now), "the rival is to be tried");
    assert_eq!(scheduler.cycle(view, now, Lots::new(4)).unwrap().pod, rival);

    world.end_pod(second);
    let now = world.now;
    let (scheduler, view) = world.parts();
    let cycle = scheduler.cycle(view, now, Lots::new(5)).unwrap();
    assert_eq!((cycle.pod, cycle.decision), (preemptor, Decision::Bind { node }));
    // Until it is bound, the room that it was promised is not the rival's.
    let cycle = scheduler.cycle(view, now, Lots::new(6)).unwrap();
    assert_eq!(cycle.pod, rival);
    assert!(matches!(cycle.decision, Decision::Unschedulable { preemption: None, .. }));
}

#[test]
fn a_pod_without_room_is_woken_by_a_node_and_tells_the_autoscaler_so_before() {
    let mut world = World::new(35);
    let pod = world.cluster.create_pod(WorkloadId(0), ShapeId(0), None, world.now);
    let now = world.now;
    let (scheduler, view) = world.parts();
    scheduler.pod_added(view, pod, now);
    let cycle = scheduler.cycle(view, now, Lots::new(1)).unwrap();
    let none = Failures::default();
    let no_node = Decision::Unschedulable { failures: none, preemption: None };
    assert_eq!(cycle.decision, no_node);
    // No plugin rejected it: it is tried again after backoff, 1 s truncated to a whole second.
    assert_eq!(scheduler.next_wake(now), Some(now + Duration::from_secs(2)));
    world.add_node(Lots::new(1));
    world.cluster.nodes[NodeId(0)].taints.clear();
    world.now += Duration::from_secs(2);
    let now = world.now;
    let (scheduler, view) = world.parts();
    scheduler.node_changed(view, NodeId(0), now);
    let cycle = scheduler.cycle(view, now, Lots::new(1)).unwrap();
    assert_eq!(cycle.decision, Decision::Bind { node: NodeId(0) });
    assert_eq!(scheduler.next_wake(now), None);
}
