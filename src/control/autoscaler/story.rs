//! Short stories of whole loops, on a hand-made cluster.

use rustc_hash::FxHashMap;

use super::action::{Action, Fate, GrowReason, Scan};
use super::deletion::{Deletion, DeletionAction, DeletionEnd, GivenUp};
use super::memory::Autoscaler;
use super::planner::Ongoing;
use super::scan::run_once;
use super::spec::AutoscalerSpec;
use super::view::{GroupView, Template, View};
use super::words::Words;
use crate::model::{
    Cluster, Labels, Node, NodePhase, OwnerKind, Pod, PodPhase, PodShape, Pool,
    ProvisioningFailure, Usage, Workload,
};
use crate::rules::{FilterOptions, WellKnown};
use crate::unit::{
    Duration, InstanceId, Lots, NodeId, PodId, PoolId, Resources, ShapeId, SimTime, Symbol,
    WorkloadId,
};
use crate::vocabulary::KubernetesVersion;

const GIB: i64 = 1 << 30;

struct Stage {
    spec: AutoscalerSpec,
    cluster: Cluster,
    words: Words,
    filters: FilterOptions,
    groups: Vec<GroupView>,
    memory: Autoscaler,
    failures: FxHashMap<NodeId, ProvisioningFailure>,
}

fn size(cores: i64) -> Resources {
    Resources { pods: 110, ..Resources::of(cores * 1_000, cores * 4 * GIB) }
}

impl Stage {
    fn new(spec: AutoscalerSpec, nodes: u32, max: u32) -> Self {
        let mut cluster = Cluster::default();
        let words = Words::new(&mut cluster.symbols, &spec, []);
        let known = WellKnown::new(&mut cluster.symbols);
        let filters = FilterOptions::of_version(spec.version.minor, known);
        let pool = cluster.pools.push(Pool::default());
        let template = Template { capacity: size(8), allocatable: size(8), ..Template::default() };
        let group = GroupView {
            pool,
            max,
            target: nodes,
            template: Some(template),
            ..GroupView::default()
        };
        let memory = Autoscaler::new(&spec, SimTime::ZERO);
        let mut stage = Self {
            spec,
            cluster,
            words,
            filters,
            groups: vec![group],
            memory,
            failures: FxHashMap::default(),
        };
        for _ in 0..nodes {
            stage.node(pool);
        }
        stage
    }

    fn node(&mut self, pool: PoolId) -> NodeId {
        let name = self.cluster.symbols.intern(&format!("node-{}", self.cluster.nodes.len()));
        let labels: Labels = [(self.words.hostname, name)].into_iter().collect();
        let id = self.cluster.nodes.push(Node {
            name,
            pool: Some(pool),
            instance: InstanceId(0),
            phase: NodePhase::Ready,
            epoch: 0,
            labels,
            taints: Vec::new(),
            unschedulable: false,
            capacity: size(8),
            allocatable: size(8),
            used: Usage::default(),
            images: Vec::new(),
            requested: SimTime::ZERO,
            registered: SimTime::ZERO,
            ready: SimTime::ZERO,
            condition_changed: SimTime::ZERO,
            gone: SimTime::NEVER,
            max_data_disks: 0,
            scale_down_disabled: false,
        });
        self.cluster.registered.push(id);
        self.cluster.pools[pool].instances.push(id);
        id
    }

    fn shape(&mut self, milli: i64) -> (ShapeId, WorkloadId) {
        let shape = PodShape {
            requests: Resources { pods: 1, ..Resources::of(milli, GIB / 4) },
            owner: OwnerKind::ReplicaSet,
            grace: Duration::from_secs(30),
            scheduler: Symbol::EMPTY,
            ..PodShape::default()
        };
        let workload = self.cluster.workloads.push(Workload::default());
        (self.cluster.shapes.push(shape), workload)
    }

    fn pod(&mut self, of: (ShapeId, WorkloadId), node: Option<NodeId>) -> PodId {
        let (shape, workload) = of;
        let id = self.cluster.pods.push(Pod {
            shape,
            workload,
            ordinal: 0,
            index: 0,
            phase: if node.is_some() { PodPhase::Ready } else { PodPhase::Pending },
            epoch: 0,
            restarts: 0,
            started: 0,
            node,
            nominated: None,
            gated: false,
            unschedulable: node.is_none(),
            created: SimTime::ZERO,
            unschedulable_since: SimTime::ZERO,
            bound: SimTime::NEVER,
            ready: SimTime::NEVER,
            condition_changed: SimTime::NEVER,
            terminating: SimTime::NEVER,
        });
        match node {
            Some(node) => self.cluster.nodes[node].used.add(id, &self.cluster.shapes[shape]),
            None => {
                self.cluster.pending.insert(id);
            }
        }
        self.cluster.change += 1;
        id
    }

    fn scan(&mut self, seconds: u64) -> Scan {
        let mut memory = self.memory.clone();
        let now = SimTime::from_secs(seconds);
        let scan = run_once(&self.spec, &self.view(), &mut memory, now, Lots::new(seconds));
        self.memory = memory;
        scan
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
}

fn aks() -> AutoscalerSpec {
    AutoscalerSpec::aks(KubernetesVersion::DEFAULT)
}

#[test]
fn upcoming_nodes_absorb_the_pods_that_asked_for_them() {
    let mut stage = Stage::new(aks(), 1, 10);
    let shape = stage.shape(3_000);
    let pods: Vec<PodId> = (0..5).map(|_| stage.pod(shape, None)).collect();
    let first = stage.scan(100);
    let pool = stage.groups[0].pool;
    let by = 2; // Two pods fit the node that is there, two a new one, one a second.
    assert!(first.actions.contains(&Action::IncreaseSize {
        pool,
        by,
        reason: GrowReason::Pods(3)
    }));
    assert_eq!(first.fates.iter().filter(|(_, fate)| *fate == Fate::Helped(pool)).count(), 3);
    stage.groups[0].target += by;
    let second = stage.scan(101);
    assert!(second.actions.is_empty(), "{:?}", second.actions);
    let coming = |(_, fate): &&(PodId, Fate)| *fate == Fate::FitsUpcoming(pool);
    assert_eq!(second.fates.iter().filter(coming).count(), 3);
    assert_eq!(second.fates.len(), pods.len());
}

#[test]
fn an_idle_node_goes_in_the_loop_after_ten_minutes() {
    let mut stage = Stage::new(aks(), 2, 10);
    stage.groups[0].min = 1;
    let shape = stage.shape(6_000);
    stage.pod(shape, Some(NodeId(0)));
    let mut deleted = Vec::new();
    let mut skipped = 0;
    for loop_number in 0..70 {
        let now = 10 + 10 * loop_number;
        if stage.memory.is_idle(&stage.view(), SimTime::from_secs(now)) {
            skipped += 1;
            continue;
        }
        let scan = stage.scan(now);
        for action in &scan.actions {
            match action {
                Action::StartDeletion { node, drain } => deleted.push((now, *node, *drain)),
                // The soft taint goes with the timer, once the node is being deleted.
                Action::SoftUntaint { .. } => assert!(!deleted.is_empty()),
                Action::SoftTaint { node } => {
                    let key = stage.words.deletion_candidate;
                    let effect = crate::model::TaintEffect::PreferNoSchedule;
                    let value = Symbol::EMPTY;
                    let taint = crate::model::Taint { key, value, effect };
                    stage.cluster.nodes[*node].taints.push(taint);
                    stage.cluster.change += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // Unneeded since the first loop at 10 s; 600 s must have passed, strictly.
    assert_eq!(deleted, [(620, NodeId(1), false)]);
    assert!(skipped > 40, "{skipped}");
}

#[test]
fn a_node_that_has_not_started_keeps_its_soft_taint() {
    let mut stage = Stage::new(aks(), 1, 10);
    let node = NodeId(0);
    assert!(stage.scan(10).actions.contains(&Action::SoftTaint { node }));
    let (key, value) = (stage.words.deletion_candidate, Symbol::EMPTY);
    let effect = crate::model::TaintEffect::PreferNoSchedule;
    stage.cluster.nodes[node].taints.push(crate::model::Taint { key, value, effect });
    // Not Ready within fifteen minutes of its creation: no candidate, and no node to untaint.
    stage.cluster.nodes[node].phase = NodePhase::NotReady;
    stage.cluster.change += 1;
    let scan = stage.scan(300);
    assert!(!stage.memory.planner.unneeded.contains(node));
    assert!(scan.actions.is_empty(), "{:?}", scan.actions);
}

#[test]
fn hints_grow_old_while_nothing_happens() {
    let mut stage = Stage::new(aks(), 2, 10);
    let (big, small) = (stage.shape(6_900), stage.shape(1_000));
    stage.pod(big, Some(NodeId(0)));
    // One of them fits beside the big one, both do not: looked at every five minutes.
    stage.pod(small, Some(NodeId(1)));
    stage.pod(small, Some(NodeId(1)));
    let (mut simulated, mut skipped) = (0, 0);
    for loop_number in 0..100 {
        let now = 10 + 10 * loop_number;
        if stage.memory.is_idle(&stage.view(), SimTime::from_secs(now)) {
            skipped += 1;
            // What a pod was placed on is forgotten in the second loop that does not look at it.
            assert!(stage.memory.planner.removal_hints.previous.is_empty(), "at {now} s");
            continue;
        }
        let scan = stage.scan(now);
        assert!(scan.actions.is_empty(), "{:?}", scan.actions);
        simulated += usize::from(!stage.memory.planner.removal_hints.previous.is_empty());
    }
    assert!(simulated >= 4 && skipped > 60, "{simulated} {skipped}");
}

#[test]
fn pods_that_may_be_lost_ask_for_no_room_when_their_node_is_drained() {
    // The cutoff is -10, itself not expendable.
    for (priority, wanted) in [(Some(-11), 0), (Some(-10), 1), (None, 1)] {
        let mut stage = Stage::new(aks(), 1, 10);
        let own = stage.shape(5_000);
        stage.cluster.shapes[own.0].priority = priority;
        stage.pod(own, Some(NodeId(0)));
        let (pool, started) = (stage.groups[0].pool, SimTime::from_secs(90));
        stage.memory.ongoing.insert(NodeId(0), Ongoing { pool, drain: true, started });
        assert_eq!(stage.scan(100).fates.len(), wanted, "{priority:?}");
    }
}

#[test]
fn a_waiting_pod_of_a_daemon_set_fits_its_own_node_or_none_and_asks_for_no_other() {
    // Milli-CPU taken on its node; the other one is empty.
    for (taken, fits) in [(7_800, false), (1_000, true)] {
        let mut stage = Stage::new(aks(), 2, 10);
        let (big, agent) = (stage.shape(taken), stage.shape(500));
        stage.cluster.shapes[agent.0].owner = OwnerKind::DaemonSet;
        stage.pod(big, Some(NodeId(0)));
        let pod = stage.pod(agent, None);
        stage.cluster.pods[pod].node = Some(NodeId(0));
        let scan = stage.scan(100);
        assert!(scan.actions.iter().all(|a| !matches!(a, Action::IncreaseSize { .. })));
        let expected = if fits { vec![(pod, Fate::FitsNode(NodeId(0)))] } else { vec![] };
        assert_eq!(scan.fates, expected);
    }
}

#[test]
fn a_drain_that_a_budget_refuses_is_given_up_after_two_minutes() {
    let mut stage = Stage::new(aks(), 2, 10);
    let shape = stage.shape(1_000);
    let pod = stage.pod(shape, Some(NodeId(1)));
    let (mut deletion, begun) = Deletion::begin(&stage.spec, NodeId(1), true, SimTime::ZERO);
    assert_eq!(begun.actions, [DeletionAction::Taint { cordon: true }]);
    let mut now = begun.next_wake.unwrap();
    let mut asked = Vec::new();
    let end = loop {
        let step = deletion.step(&stage.spec, &stage.view(), now);
        for action in &step.actions {
            if let DeletionAction::Evict { pod: evicted, .. } = action {
                assert_eq!(*evicted, pod);
                asked.push(now.as_secs_f64());
                deletion.evicted(pod, false);
            }
        }
        match step.next_wake {
            Some(next) => now = next,
            None => break step.end,
        }
    };
    assert_eq!(end, Some(DeletionEnd::GivenUp(GivenUp::EvictionRefused)));
    assert_eq!(now, SimTime::from_secs(125));
    assert_eq!(asked, (0..12).map(|n| 5.0 + 10.0 * f64::from(n)).collect::<Vec<_>>());
}

#[test]
fn many_pods_of_few_shapes_are_one_decision() {
    let mut stage = Stage::new(aks(), 5_000, 9_000);
    let full = stage.shape(7_900);
    for node in 0..5_000 {
        stage.pod(full, Some(NodeId(node)));
    }
    for kind in 0..20 {
        let shape = stage.shape(500 + 10 * kind);
        for _ in 0..500 {
            stage.pod(shape, None);
        }
    }
    let scan = stage.scan(100);
    let pool = stage.groups[0].pool;
    let grown = scan.actions.iter().find_map(|action| match action {
        Action::IncreaseSize { by, .. } => Some(*by),
        _ => None,
    });
    // 10,000 pods of 500m to 690m on nodes of 8 cores; the estimate stops at 1,000 nodes.
    assert!(grown.is_some_and(|by| (745..=850).contains(&by)), "{grown:?}");
    assert_eq!(scan.fates.iter().filter(|(_, fate)| *fate == Fate::Helped(pool)).count(), 10_000);
}

/// When the deletion of an empty node that is tainted at 0 s asks for its VM's, in seconds, and
/// what it asked for on the way.
fn deleted_after(stage: &Stage) -> (f64, Vec<DeletionAction>) {
    let (mut deletion, begun) = Deletion::begin(&stage.spec, NodeId(1), false, SimTime::ZERO);
    let (mut now, mut actions) = (begun.next_wake.expect("a wait"), Vec::new());
    loop {
        let step = deletion.step(&stage.spec, &stage.view(), now);
        actions.extend(step.actions);
        if step.end == Some(DeletionEnd::Deleted) {
            return (now.as_secs_f64(), actions);
        }
        // A batch is over when its pool says so: here half a minute later.
        now = step.next_wake.unwrap_or(now + Duration::from_secs(30));
    }
}

#[test]
fn a_deletion_waits_for_its_annotations_but_not_for_ever() {
    let mut stage = Stage::new(aks(), 2, 10);
    // Lifted so long after the taint, flag, deleted after: five seconds of delay, then polls.
    let (minutes, never) = (Duration::from_mins(2), Duration::MAX);
    for (delay, timeout, seconds) in [
        (None, minutes, 5.0),
        (Some(Duration::from_secs(3)), minutes, 5.0),
        (Some(Duration::from_secs(42)), minutes, 45.0),
        (Some(never), minutes, 125.0),
        (Some(never), Duration::from_secs(12), 17.0),
        (Some(never), Duration::ZERO, 5.0),
    ] {
        stage.groups[0].deletion_delay = delay;
        stage.spec.deletion_delay_timeout = timeout;
        let deleted = deleted_after(&stage);
        assert_eq!(deleted, (seconds, vec![DeletionAction::DeleteInstance]), "{delay:?}");
    }
}

#[test]
fn a_node_with_expendable_pods_is_deleted_as_an_empty_one() {
    // The cutoff is -10, itself not expendable.
    for (priority, end) in [
        (Some(-11), DeletionEnd::Deleted),
        (Some(-10), DeletionEnd::GivenUp(GivenUp::NotEmpty)),
        (None, DeletionEnd::GivenUp(GivenUp::NotEmpty)),
    ] {
        let mut stage = Stage::new(aks(), 2, 10);
        let own = stage.shape(500);
        stage.cluster.shapes[own.0].priority = priority;
        stage.pod(own, Some(NodeId(1)));
        let (mut deletion, begun) = Deletion::begin(&stage.spec, NodeId(1), false, SimTime::ZERO);
        let now = begun.next_wake.expect("a wait");
        let step = deletion.step(&stage.spec, &stage.view(), now);
        assert_eq!(step.end, Some(end), "{priority:?}");
        let asked = step.actions.contains(&DeletionAction::DeleteInstance);
        assert_eq!(asked, end == DeletionEnd::Deleted, "{priority:?}");
    }
}

#[test]
fn a_deletion_joins_the_batch_of_its_pool() {
    let mut stage = Stage::new(aks(), 2, 10);
    stage.spec.deletion_batch = Duration::from_secs(30);
    let asked = vec![DeletionAction::JoinBatch, DeletionAction::DeleteInstance];
    assert_eq!(deleted_after(&stage), (35.0, asked));
}

#[test]
fn a_salvo_helps_in_one_loop_what_takes_two_without() {
    for (salvo, pools) in [(false, 1), (true, 2)] {
        let mut stage = Stage::new(AutoscalerSpec { salvo, ..aks() }, 0, 10);
        // The second pool takes the pods that the first does not.
        let (key, value) = (stage.words.agent_pools[0], stage.words.hostname);
        let mut second = GroupView { target: 0, ..stage.groups[0].clone() };
        second.pool = stage.cluster.pools.push(Pool::default());
        second.template.as_mut().expect("a template").labels.set(key, value);
        stage.groups.push(second);
        let choosy = stage.shape(3_000);
        stage.cluster.shapes[choosy.0].node_selector = vec![(key, value)];
        let plain = stage.shape(8_000);
        stage.groups[1].template.as_mut().expect("a template").allocatable = size(4);
        let pods: Vec<PodId> =
            [choosy, plain, plain].map(|shape| stage.pod(shape, None)).into_iter().collect();
        let scan = stage.scan(100);
        let grown = scan.actions.iter().filter_map(|action| match action {
            Action::IncreaseSize { pool, by, .. } => Some((*pool, *by)),
            _ => None,
        });
        let grown: Vec<(PoolId, u32)> = grown.collect();
        assert_eq!(grown.len(), pools, "{grown:?}");
        for (pool, by) in grown {
            assert_eq!(by, if pool == stage.groups[0].pool { 2 } else { 1 });
        }
        let helped = scan.fates.iter().filter(|(_, fate)| matches!(fate, Fate::Helped(_))).count();
        assert_eq!(helped == pods.len(), salvo, "{:?}", scan.fates);
        assert_eq!(scan.fates.len(), pods.len(), "each pod has one fate: {:?}", scan.fates);
    }
}

#[test]
fn a_drain_by_priority_goes_level_by_level() {
    let levels = vec![(0, Duration::from_secs(20)), (1_000, Duration::from_mins(2))];
    let mut stage = Stage::new(AutoscalerSpec { drain_priorities: levels, ..aks() }, 2, 10);
    let pods: Vec<PodId> = [2_000, -5, 40]
        .map(|priority| {
            let of = stage.shape(500);
            stage.cluster.shapes[of.0].priority = Some(priority);
            stage.pod(of, Some(NodeId(1)))
        })
        .to_vec();
    let (mut deletion, begun) = Deletion::begin(&stage.spec, NodeId(1), true, SimTime::ZERO);
    let (mut now, mut asked) = (begun.next_wake.expect("a wait"), Vec::new());
    let end = loop {
        let step = deletion.step(&stage.spec, &stage.view(), now);
        for action in &step.actions {
            if let DeletionAction::Evict { pod, grace, .. } = *action {
                asked.push((now.as_secs_f64(), pod, grace.as_secs_f64()));
                deletion.evicted(pod, true);
                // Gone at once.
                stage.cluster.pods[pod].phase = PodPhase::Removed;
            }
        }
        match step.next_wake {
            Some(next) => now = next,
            None => break step.end,
        }
    };
    assert_eq!(end, Some(DeletionEnd::Deleted));
    // Grace 30 s, at most that of the level.
    assert_eq!(asked, [(5.0, pods[1], 20.0), (5.0, pods[2], 20.0), (5.0, pods[0], 30.0)]);
}

#[test]
fn nodes_of_a_pool_at_its_minimum_get_neither_timer_nor_taint() {
    for (min, timers) in [(2, 0), (1, 2)] {
        let mut stage = Stage::new(aks(), 2, 10);
        stage.groups[0].min = min;
        let scan = stage.scan(10);
        assert_eq!(stage.memory.planner.unneeded.iter().count(), timers, "minimum {min}");
        let tainted = scan.actions.iter().filter(|a| matches!(a, Action::SoftTaint { .. }));
        assert_eq!(tainted.count(), timers, "minimum {min}");
        assert_eq!(scan.candidates, timers, "minimum {min}");
        assert_eq!(scan.unremovable.len(), timers, "{:?}", scan.unremovable);
    }
}

#[test]
fn the_node_of_a_vm_that_is_listed_no_more_is_of_no_group() {
    // One node works, the VM of another went at 50 s, a third is coming in its place.
    for (listed, upcoming) in [(40, false), (60, true)] {
        let mut stage = Stage::new(aks(), 2, 10);
        let gone = NodeId(1);
        stage.cluster.nodes[gone].gone = SimTime::from_secs(50);
        stage.cluster.nodes[gone].unschedulable = true;
        stage.cluster.pools[stage.groups[0].pool].instances.retain(|&id| id != gone);
        stage.groups[0].listed = SimTime::from_secs(listed);
        let shape = stage.shape(6_000);
        stage.pod(shape, Some(NodeId(0)));
        stage.pod(shape, None);
        let scan = stage.scan(100);
        let fits = matches!(scan.fates[..], [(_, Fate::FitsUpcoming(_))]);
        assert_eq!(fits, upcoming, "listed at {listed} s: {:?}", scan.fates);
    }
}

#[test]
fn pods_of_nodes_that_could_not_be_created_are_helped_in_the_same_loop() {
    let mut stage = Stage::new(AutoscalerSpec { fast_failure_detection: true, ..aks() }, 0, 10);
    let mut second = GroupView { target: 0, ..stage.groups[0].clone() };
    second.pool = stage.cluster.pools.push(Pool::default());
    stage.groups.push(second);
    let shape = stage.shape(6_000);
    stage.pod(shape, None);
    let grown = |scan: &Scan| {
        scan.actions.iter().find_map(|action| match action {
            Action::IncreaseSize { pool, .. } => Some(*pool),
            _ => None,
        })
    };
    let first = grown(&stage.scan(100)).expect("a pool grows");
    let group = stage.groups.iter().position(|group| group.pool == first).expect("it is there");
    stage.groups[group].target = 1;
    let failed = stage.node(first);
    stage.cluster.nodes[failed].phase = NodePhase::Failed;
    stage.cluster.registered.clear();
    let scan = stage.scan(110);
    let deleted = scan.actions.iter().find_map(|action| match action {
        Action::DeleteInstances { nodes, .. } => Some(nodes.as_slice()),
        _ => None,
    });
    assert_eq!(deleted, Some([failed].as_slice()), "{:?}", scan.actions);
    assert!(grown(&scan).is_some_and(|pool| pool != first), "{:?}", scan.actions);
}

#[test]
fn a_pool_that_grows_for_pods_grows_to_its_minimum_in_the_same_loop() {
    let mut stage = Stage::new(aks(), 0, 10);
    stage.groups[0].min = 3;
    let shape = stage.shape(6_000);
    stage.pod(shape, None);
    let scan = stage.scan(100);
    let grown = scan.actions.iter().filter_map(|action| match action {
        Action::IncreaseSize { by, .. } => Some(*by),
        _ => None,
    });
    assert_eq!(grown.collect::<Vec<_>>(), [1, 2]);
}
