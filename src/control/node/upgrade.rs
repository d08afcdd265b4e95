//! Upgrades of a pool: surge nodes, then node by node cordon, drain, soak and reimage.
//!
//! azure-aks-docs `upgrade-aks-node-pools-rolling.md` and `upgrade-options.md` @ fb060abe: surge
//! nodes come first; as many old nodes as there are surge nodes are drained at once; a drained node
//! is reimaged under its name and becomes the room for the next; the surge nodes go last. A node
//! that cannot be drained within the timeout fails the upgrade (`Schedule`) or is quarantined
//! (`Cordon`), in which case a surge node stays in its place.

use crate::rules::IntOrPercent;
use crate::unit::{Duration, NodeId, SimTime};

/// How often a refused eviction is tried again (`kubectl drain` and AKS), and whether pods are gone
/// is looked at.
pub const DRAIN_RETRY: Duration = Duration::from_secs(5);

/// What happens to a node that cannot be drained (`undrainableNodeBehavior`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undrainable {
    /// It takes pods again, and the upgrade fails.
    #[default]
    Schedule,
    /// It stays cordoned, and the upgrade goes on.
    Cordon,
}

/// Settings of an upgrade (`upgradeSettings`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeSpec {
    /// `maxSurge`
    pub max_surge: IntOrPercent,
    /// `maxUnavailable`
    pub max_unavailable: IntOrPercent,
    /// `drainTimeoutInMinutes`
    pub drain_timeout: Duration,
    /// `nodeSoakDurationInMinutes`
    pub soak: Duration,
    /// `undrainableNodeBehavior`
    pub undrainable: Undrainable,
}

/// Where a node is in the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not touched yet (a surge node: takes pods).
    Waiting,
    /// Cordoned; its pods are being evicted.
    Draining { since: SimTime },
    /// Empty for a while.
    Soaking { until: SimTime },
    /// Its disk is made anew.
    Reimaging,
    /// Upgraded (a surge node: deleted), or gone.
    Done,
    /// Could not be drained; it stays as it is.
    Quarantined,
}

/// What the upgrade sees of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// There is no VM any more.
    Gone,
    /// Not Ready.
    NotReady,
    /// Ready, with pods that a drain evicts or waits for.
    Occupied,
    /// Ready, without them.
    Empty,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeAction {
    /// The node takes no more pods.
    Cordon(NodeId),
    /// Its pods are evicted, as far as budgets allow.
    Evict(NodeId),
    /// Its disk is made anew.
    Reimage(NodeId),
    /// The node takes pods again.
    Uncordon(NodeId),
    /// It could not be drained and stays cordoned.
    Quarantine(NodeId),
    /// The surge node is deleted.
    DeleteSurge(NodeId),
    /// The upgrade has failed: a node could not be drained.
    Fail(NodeId),
    /// All nodes are upgraded.
    Finish,
}

/// An upgrade under way.
#[derive(Clone, Debug)]
pub struct Upgrade {
    spec: UpgradeSpec,
    nodes: Vec<(NodeId, Stage)>,
    surge: Vec<(NodeId, Stage)>,
    over: bool,
}

/// Surge nodes for a pool of `nodes`: rounded up, no more than there are nodes.
pub fn surge_nodes(spec: &UpgradeSpec, nodes: u32) -> u32 {
    let surge = spec.max_surge.of_rounded_up(i64::from(nodes));
    surge.clamp(0, i64::from(nodes)) as u32
}

impl Upgrade {
    /// The upgrade of these nodes by means of these surge nodes.
    pub fn new(spec: UpgradeSpec, nodes: Vec<NodeId>, surge: Vec<NodeId>) -> Self {
        let waiting = |nodes: Vec<NodeId>| -> Vec<(NodeId, Stage)> {
            nodes.into_iter().map(|node| (node, Stage::Waiting)).collect()
        };
        Self { spec, nodes: waiting(nodes), surge: waiting(surge), over: false }
    }

    /// Whether it has finished or failed.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The surge nodes that are still part of it.
    pub fn surge(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.surge.iter().map(|&(node, _)| node)
    }

    /// Goes as far as it can now.
    pub fn step(
        &mut self,
        now: SimTime,
        state: impl Fn(NodeId) -> NodeState,
    ) -> Vec<UpgradeAction> {
        let mut actions = Vec::new();
        let mut failed = None;
        for (node, stage) in &mut self.nodes {
            advance(&self.spec, *node, stage, state(*node), now, &mut actions, &mut failed);
        }
        if let Some(node) = failed {
            self.fail(node, &mut actions);
            return actions;
        }
        self.begin_drains(now, &state, &mut actions);
        let settled = |stage: &Stage| matches!(stage, Stage::Done | Stage::Quarantined);
        if self.nodes.iter().all(|(_, stage)| settled(stage)) {
            self.remove_surge(now, &state, &mut actions);
            if self.surge.iter().all(|(_, stage)| settled(stage)) {
                self.over = true;
                actions.push(UpgradeAction::Finish);
            }
        }
        actions
    }

    /// As many nodes are in work as there is room for: Ready surge nodes, or without surge those
    /// that may be missing.
    fn begin_drains(
        &mut self,
        now: SimTime,
        state: &impl Fn(NodeId) -> NodeState,
        actions: &mut Vec<UpgradeAction>,
    ) {
        let ready = |node| matches!(state(node), NodeState::Occupied | NodeState::Empty);
        let room = if self.surge.is_empty() {
            let missing = self.spec.max_unavailable.of_rounded_up(self.nodes.len() as i64);
            usize::try_from(missing).unwrap_or(0)
        } else {
            let blocked = self.nodes.iter().filter(|node| node.1 == Stage::Quarantined).count();
            let there = self.surge.iter().filter(|&&(node, _)| ready(node)).count();
            there.saturating_sub(blocked)
        };
        let works =
            |stage: &Stage| !matches!(stage, Stage::Waiting | Stage::Done | Stage::Quarantined);
        let mut working = self.nodes.iter().filter(|(_, stage)| works(stage)).count();
        for (node, stage) in &mut self.nodes {
            if working >= room {
                break;
            }
            if *stage == Stage::Waiting && ready(*node) {
                *stage = Stage::Draining { since: now };
                actions.extend([UpgradeAction::Cordon(*node), UpgradeAction::Evict(*node)]);
                working += 1;
            }
        }
    }

    /// The surge nodes are drained and deleted, but for one in the place of each quarantined node.
    fn remove_surge(
        &mut self,
        now: SimTime,
        state: &impl Fn(NodeId) -> NodeState,
        actions: &mut Vec<UpgradeAction>,
    ) {
        let kept = self.nodes.iter().filter(|(_, stage)| *stage == Stage::Quarantined).count();
        for (index, (node, stage)) in self.surge.iter_mut().enumerate() {
            match *stage {
                Stage::Waiting if index < kept => *stage = Stage::Quarantined,
                Stage::Waiting | Stage::Draining { .. } => match state(*node) {
                    NodeState::Gone => *stage = Stage::Done,
                    NodeState::Empty if *stage != Stage::Waiting => {
                        *stage = Stage::Done;
                        actions.push(UpgradeAction::DeleteSurge(*node));
                    }
                    _ => {
                        if *stage == Stage::Waiting {
                            actions.push(UpgradeAction::Cordon(*node));
                            *stage = Stage::Draining { since: now };
                        }
                        actions.push(UpgradeAction::Evict(*node));
                    }
                },
                _ => {}
            }
        }
    }

    fn fail(&mut self, node: NodeId, actions: &mut Vec<UpgradeAction>) {
        self.over = true;
        actions.retain(|action| matches!(action, UpgradeAction::Uncordon(_)));
        for &(node, stage) in &self.nodes {
            if matches!(stage, Stage::Draining { .. } | Stage::Soaking { .. }) {
                actions.push(UpgradeAction::Uncordon(node));
            }
        }
        actions.push(UpgradeAction::Fail(node));
    }
}

/// One node of the pool goes on.
fn advance(
    spec: &UpgradeSpec,
    node: NodeId,
    stage: &mut Stage,
    state: NodeState,
    now: SimTime,
    actions: &mut Vec<UpgradeAction>,
    failed: &mut Option<NodeId>,
) {
    if state == NodeState::Gone && *stage != Stage::Quarantined {
        *stage = Stage::Done;
        return;
    }
    if let Stage::Draining { since } = *stage {
        if state == NodeState::Empty {
            *stage = Stage::Soaking { until: now + spec.soak };
        } else if now < since + spec.drain_timeout {
            actions.push(UpgradeAction::Evict(node));
        } else if spec.undrainable == Undrainable::Cordon {
            *stage = Stage::Quarantined;
            actions.push(UpgradeAction::Quarantine(node));
        } else {
            *failed = Some(node);
        }
    }
    match *stage {
        Stage::Soaking { until } if now >= until => {
            *stage = Stage::Reimaging;
            actions.push(UpgradeAction::Reimage(node));
        }
        Stage::Reimaging if matches!(state, NodeState::Empty | NodeState::Occupied) => {
            *stage = Stage::Done;
            actions.push(UpgradeAction::Uncordon(node));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::UpgradeAction::*;
    use super::*;

    const SPEC: UpgradeSpec = UpgradeSpec {
        max_surge: IntOrPercent::Int(1),
        max_unavailable: IntOrPercent::Int(0),
        drain_timeout: Duration::from_mins(30),
        soak: Duration::ZERO,
        undrainable: Undrainable::Schedule,
    };
    const OLD: NodeId = NodeId(0);
    const SURGE: NodeId = NodeId(9);

    fn upgrade(spec: UpgradeSpec) -> Upgrade {
        Upgrade::new(spec, vec![OLD], vec![SURGE])
    }

    #[test]
    fn a_share_is_rounded_up_and_never_above_the_pool() {
        for (surge, nodes, expected) in [
            (IntOrPercent::Percent(33), 10, 4),
            (IntOrPercent::Percent(10), 3, 1),
            (IntOrPercent::Int(5), 3, 3),
            (IntOrPercent::Int(0), 3, 0),
        ] {
            assert_eq!(surge_nodes(&UpgradeSpec { max_surge: surge, ..SPEC }, nodes), expected);
        }
    }

    #[test]
    fn a_node_is_drained_reimaged_and_used_again_and_the_surge_node_goes_last() {
        let mut upgrade = upgrade(SPEC);
        let second = SimTime::from_secs;
        let rest = |_| NodeState::Occupied;
        let coming = |node| if node == SURGE { NodeState::NotReady } else { rest(node) };
        assert_eq!(upgrade.step(second(0), coming), []);
        assert_eq!(upgrade.step(second(5), rest), [Cordon(OLD), Evict(OLD)]);
        assert_eq!(upgrade.step(second(10), rest), [Evict(OLD)]);
        let drained = |node| if node == OLD { NodeState::Empty } else { rest(node) };
        assert_eq!(upgrade.step(second(15), drained), [Reimage(OLD)]);
        let away = |node| if node == OLD { NodeState::NotReady } else { rest(node) };
        assert_eq!(upgrade.step(second(20), away), []);
        let last = [Uncordon(OLD), Cordon(SURGE), Evict(SURGE)];
        assert_eq!(upgrade.step(second(140), drained), last);
        let empty = |_| NodeState::Empty;
        assert_eq!(upgrade.step(second(145), empty), [DeleteSurge(SURGE), Finish]);
        assert!(upgrade.is_over());
    }

    #[test]
    fn a_drain_that_takes_too_long_fails_the_upgrade_or_leaves_the_node() {
        let occupied = |_| NodeState::Occupied;
        let (start, end) = (SimTime::from_secs(0), SimTime::from_secs(1_800));
        let mut failing = upgrade(SPEC);
        failing.step(start, occupied);
        assert_eq!(failing.step(end, occupied), [Uncordon(OLD), Fail(OLD)]);
        let mut going_on = upgrade(UpgradeSpec { undrainable: Undrainable::Cordon, ..SPEC });
        going_on.step(start, occupied);
        assert_eq!(going_on.step(end, occupied), [Quarantine(OLD), Finish]);
    }
}
