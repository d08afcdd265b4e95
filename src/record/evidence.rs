//! What a run saw of the few things that it was asked to watch: what an explanation is read from.
//!
//! A run that watches nothing keeps none of it. Lines are added when something changes, so that a
//! pod that waits for a day under one verdict has one line.

use std::collections::BTreeSet;

use super::Actor;
use crate::unit::{NodeId, PodId, PoolId, QueueId, SimTime, WorkloadId};

/// What is watched. Ids are known from an earlier run of the same plan and seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Pods.
    pub pods: BTreeSet<PodId>,
    /// Nodes.
    pub nodes: BTreeSet<NodeId>,
    /// Messages: queue, and number by arrival.
    pub messages: BTreeSet<(QueueId, u64)>,
}

/// What was seen, each list in order of time.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What is watched.
    pub watch: Watch,
    /// What the scheduler said of watched pods.
    pub verdicts: Vec<Verdict>,
    /// What the autoscaler said of watched pods.
    pub answers: Vec<Answer>,
    /// Every scale-up that the autoscaler asked for.
    pub scale_ups: Vec<ScaleUp>,
    /// What the autoscaler said of watched nodes.
    pub keeps: Vec<Keep>,
    /// What happened to watched messages.
    pub steps: Vec<MessageStep>,
    /// Who told watched pods to stop.
    pub stops: Vec<PodStop>,
    /// The lives of watched pods, known at the end.
    pub lives: Vec<PodLife>,
}

/// The scheduler found no node for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When it said so first.
    pub at: SimTime,
    /// Of whom.
    pub pod: PodId,
    /// How many tries in a row came to it.
    pub tries: u32,
    /// The message of the condition `PodScheduled`.
    pub text: String,
}

/// What the autoscaler makes of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it said so first.
    pub at: SimTime,
    /// Of whom.
    pub pod: PodId,
    /// In a word: `fits-node`, `fits-upcoming`, `helped`, `too-young`, `all-new`, `held`,
    /// `max-nodes` or `not-helped`.
    pub fate: &'static str,
    /// The node or pool that will take it.
    pub by: Option<PoolId>,
    /// Why other pools do not help.
    pub pools: Vec<PoolAnswer>,
}

/// Why a pool does not help a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolAnswer {
    /// The pool.
    pub pool: PoolId,
    /// Upstream's reason in a sentence.
    pub reason: String,
    /// Until when that holds, where it ends by itself.
    pub until: Option<SimTime>,
}

/// A pool is asked to grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleUp {
    /// When.
    pub at: SimTime,
    /// Which pool.
    pub pool: PoolId,
    /// By how many nodes.
    pub by: u32,
    /// What the expander chose from: pool, nodes, pods that they would take.
    pub offers: Vec<(PoolId, u32, usize)>,
    /// Pods that it is to help.
    pub pods: Vec<PodId>,
    /// Why other pools did not help these pods.
    pub others: Vec<PoolAnswer>,
    /// Instances that were asked for.
    pub nodes: Vec<NodeId>,
}

/// What the autoscaler says of a node that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// When it said so first.
    pub at: SimTime,
    /// Of whom.
    pub node: NodeId,
    /// Upstream's name of the reason; `Unneeded` where its timer runs.
    pub reason: &'static str,
    /// The pod that keeps it, and upstream's name of why.
    pub blocker: Option<(PodId, &'static str)>,
    /// Since when it is not needed.
    pub unneeded_since: Option<SimTime>,
    /// Whether all deletions are held back by a cooldown.
    pub cooldown: bool,
    /// Requested thousandths of allocatable CPU and memory, as the autoscaler counts.
    pub used: (u32, u32),
    /// Pods on it, those of DaemonSets left out.
    pub pods: u32,
}

/// Something happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageStep {
    /// When.
    pub at: SimTime,
    /// Its queue.
    pub queue: QueueId,
    /// Its number.
    pub number: u64,
    /// What.
    pub what: MessageEvent,
}

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageEvent {
    /// It arrives.
    Arrived,
    /// A consumer begins to work on it.
    Taken {
        /// The consumer's pod.
        pod: PodId,
        /// How often it has been delivered, this time included.
        delivery: u32,
    },
    /// Its consumer is gone; it stays locked until then.
    Orphaned {
        /// When the lock runs out.
        until: SimTime,
    },
    /// Its consumer gave it back.
    Abandoned,
    /// Its consumer still works, but the lock is lost.
    LockLost,
    /// It can be taken again.
    Back,
    /// It was delivered too often.
    DeadLettered,
    /// Its time to live is over.
    Expired,
    /// It is done.
    Completed,
}

/// A pod is told to stop, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodStop {
    /// When.
    pub at: SimTime,
    /// Who.
    pub pod: PodId,
    /// `deleted`, `evicted`, `lost` or `completed`.
    pub how: &'static str,
    /// Whose doing it is.
    pub by: Actor,
    /// Whether it is over, not only told.
    pub over: bool,
}

/// A pod's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodLife {
    /// Who.
    pub pod: PodId,
    /// Whose.
    pub workload: WorkloadId,
    /// Whether it counts in figures.
    pub counted: bool,
    /// Creation.
    pub created: SimTime,
    /// Binding.
    pub bound: Option<SimTime>,
    /// First Ready.
    pub ready: Option<SimTime>,
    /// Its node.
    pub node: Option<NodeId>,
    /// Requested millicores and bytes.
    pub requests: (i64, i64),
}

impl Evidence {
    /// Nothing seen yet of what is watched.
    pub fn of(watch: Watch) -> Self {
        Self { watch, ..Self::default() }
    }

    /// The scheduler found no node for a watched pod.
    pub fn rejected(&mut self, at: SimTime, pod: PodId, text: String) {
        let last = self.verdicts.iter_mut().rev().find(|verdict| verdict.pod == pod);
        match last {
            Some(verdict) if verdict.text == text => verdict.tries += 1,
            _ => self.verdicts.push(Verdict { at, pod, tries: 1, text }),
        }
    }

    /// The autoscaler has said something of a watched pod.
    pub fn answered(&mut self, answer: Answer) {
        let same = |known: &Answer| {
            (known.fate, known.by, &known.pools) == (answer.fate, answer.by, &answer.pools)
        };
        let last = self.answers.iter().rev().find(|known| known.pod == answer.pod);
        if !last.is_some_and(same) {
            self.answers.push(answer);
        }
    }

    /// The autoscaler has said something of a watched node.
    pub fn kept(&mut self, keep: Keep) {
        let same = |known: &Keep| Keep { at: keep.at, ..known.clone() } == keep;
        let last = self.keeps.iter().rev().find(|known| known.node == keep.node);
        if !last.is_some_and(same) {
            self.keeps.push(keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_is_one_line() {
        let at = SimTime::from_secs;
        let mut seen = Evidence::default();
        for (second, text) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            seen.rejected(at(second), PodId(1), text.to_owned());
        }
        let said: Vec<(u32, &str)> =
            seen.verdicts.iter().map(|verdict| (verdict.tries, verdict.text.as_str())).collect();
        assert_eq!(said, [(2, "a"), (1, "b"), (1, "a")]);
        let keep = |second, pods| Keep {
            at: at(second),
            node: NodeId(0),
            reason: "NotUnderutilized",
            blocker: None,
            unneeded_since: None,
            cooldown: false,
            used: (900, 100),
            pods,
        };
        for (second, pods) in [(1, 3), (2, 3), (3, 2)] {
            seen.kept(keep(second, pods));
        }
        assert_eq!(seen.keeps.len(), 2);
    }
}
