//! The kube-scheduler: a queue, and one decision at a time.

mod cycle;
mod hint;
mod in_order;
mod memo;
mod memory;
mod message;
mod nominate;
mod order;
mod preempt;
mod profile;
mod queue;
pub mod score;
mod seats;
mod spec;
#[cfg(test)]
mod twin;
mod view;

pub use cycle::{Cycle, Decision, Failures, Preemption};
pub use memory::Scheduler;
pub use nominate::Nominations;
pub use order::{NodeTree, choose, nodes_to_find};
pub use preempt::{
    Candidate, Earlier, Preemptor, candidates_wanted, choose_candidate, dry_run, may_preempt,
    victims_on,
};
pub use queue::{Group, POOL_FLUSH, POOL_STAY, QueueSettings, SchedulingQueue, backoff};
pub use spec::{HARD_AFFINITY_WEIGHT, ProfileSpec, SchedulerSpec, TieBreak, Weights};
pub use view::{NodesOf, SchedulerView};
