//! One run: pop, advance, match, apply, next.

use crate::engine::Place;
use crate::plan::Plan;
use crate::record::{Evidence, Outcome, Watch};
use crate::sim::decisions::DecisionLog;
use crate::sim::event::Lane;
use crate::sim::pasta::Pasta;
use crate::sim::world::{RunOptions, World};
use crate::unit::{Duration, SimTime};

/// How long a draining run goes on at most beyond its duration: a queue that nobody consumes never
/// drains.
const DRAIN_LIMIT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Runs a plan once. The same plan, seed and options give the same outcome to the byte.
pub fn run(plan: &Plan, seed: u64, options: RunOptions) -> Outcome {
    let mut world = World::new(plan, seed, options);
    run_to_end(&mut world);
    world.into_outcome()
}

/// The same run, with an eye on some pods, nodes and messages. The outcome is that of [`run`].
pub fn run_watching(
    plan: &Plan,
    seed: u64,
    options: RunOptions,
    watch: Watch,
) -> (Outcome, Evidence) {
    let mut world = World::new(plan, seed, options);
    world.evidence = Some(Box::new(Evidence::of(watch)));
    run_to_end(&mut world);
    world.lives_seen();
    let seen = world.evidence.take().map_or_else(Evidence::default, |seen| *seen);
    (world.into_outcome(), seen)
}

/// The same run, with the autoscaler's scans written to `log`. The outcome is that of [`run`].
pub fn run_recording(
    plan: &Plan,
    seed: u64,
    options: RunOptions,
    log: &mut DecisionLog,
) -> Outcome {
    log.begin(plan, seed);
    let mut world = World::new(plan, seed, options);
    world.decisions = Some(log);
    run_to_end(&mut world);
    world.into_outcome()
}

fn run_to_end(world: &mut World<'_>) {
    let (plan, options) = (world.plan, world.options);
    world.start();
    let end = plan.end();
    let last = if plan.simulation.drain { end + DRAIN_LIMIT } else { end };
    loop {
        let event = world.events.peek();
        let arrival = world.work.next_arrival();
        // Arrivals are facts: of one instant, they come first.
        let next_event = event.unwrap_or((SimTime::NEVER, u8::MAX));
        if arrival <= (next_event.0, Lane::Fact as u8) && arrival.0 <= end {
            world.now = arrival.0;
            world.passed = world.passed.max(Place::new(world.now, Lane::Fact as u8, 0));
            world.arrive();
            world.look_at_queues();
            continue;
        }
        if next_event.0 > last {
            world.now = last;
            world.passed = Place::last_of(last);
            break;
        }
        let place = world.events.peek_place();
        let Some((time, event)) = world.events.pop() else { break };
        world.passed = world.passed.max(place.unwrap_or_default());
        debug_assert!(time >= world.now, "time never goes back");
        world.now = time;
        world.step(event);
        world.look_at_queues();
        if world.closing && (!plan.simulation.drain || world.is_drained()) {
            break;
        }
        if options.audit && world.record.counters.events.is_multiple_of(4_096) {
            world.audit();
        }
    }
    world.settle_loops();
    world.last_sample();
    if options.audit {
        world.audit();
        world.pasta.iter_mut().for_each(Pasta::check);
    }
}
