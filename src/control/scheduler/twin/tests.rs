//! The scheduler against its twin, and stories of single pods.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn the_scheduler_decides_as_its_plain_twin(
        seed in any::<u64>(),
        minor in 28_u16..=37,
        // Searches end early, and begin elsewhere, from 100 nodes on.
        nodes in prop_oneof![99 => 0_usize..=9, 1 => 90_usize..=260],
        steps in proptest::collection::vec(0_u8..12, 1..12),
    ) {
        let lots = Lots::new(seed);
        let mut world = World::new(minor, lots.of(3));
        for index in 0..nodes {
            world.add_node(lots.of(1).of(index as u64));
        }
        for (index, step) in steps.into_iter().enumerate() {
            let lots = lots.of(2).of(index as u64);
            match step {
                0 => world.add_node(lots),
                1 => world.remove_node(lots),
                2 | 3 => world.change_node(lots),
                4 => world.pull_image(lots),
                5 | 6 => world.stop_pod(lots),
                7 => world.delete_waiting(lots),
                _ => (0..6).for_each(|pod| world.add_pod(lots.of(pod))),
            }
            world.drain(lots.of(99));
            world.audit();
            world.now += Duration::from_millis(700);
        }
    }
}

#[test]
fn a_preemptor_waits_for_its_victims_and_then_gets_their_room() {
    let mut world = World::new(35, Lots::new(0));
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
    let mut world = World::new(35, Lots::new(0));
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
