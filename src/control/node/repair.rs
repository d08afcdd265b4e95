//! AKS node auto-repair: a node that stays NotReady is rebooted, then reimaged, then redeployed.
//!
//! azure-aks-docs `node-auto-repair.md`: a node that has been NotReady for five minutes is
//! rebooted; if that does not help it is reimaged, then (Linux) redeployed, in up to three rounds
//! that may take about an hour.

use crate::unit::Duration;

/// How long a node is NotReady before it is repaired, and before the next action follows one that
/// did not help.
pub const REPAIR_AFTER: Duration = Duration::from_mins(5);
/// Rounds of the three actions.
pub const ROUNDS: u32 = 3;

/// What AKS does to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// The VM is restarted.
    Reboot,
    /// The OS disk is made anew.
    Reimage,
    /// The VM moves to other hardware.
    Redeploy,
}

impl Repair {
    /// The actions, in their order.
    pub const ALL: [Self; 3] = [Self::Reboot, Self::Reimage, Self::Redeploy];

    /// How long the action takes until the kubelet reports again. Not published: assumptions that
    /// make three rounds of all actions, with the pauses between them, last about an hour.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Reboot => 60,
            Self::Reimage => 120,
            Self::Redeploy => 180,
        })
    }

    /// Word in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Reimage => "reimage",
            Self::Redeploy => "redeploy",
        }
    }

    /// The action number `attempt`, from 0; `None` when AKS has given up.
    pub fn attempt(attempt: u32) -> Option<Self> {
        let actions = Self::ALL.len() as u32;
        (attempt < ROUNDS * actions).then(|| Self::ALL[(attempt % actions) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_of_three_actions_take_about_an_hour() {
        let actions: Vec<Repair> = (0..).map_while(Repair::attempt).collect();
        assert_eq!(actions.len(), 9);
        assert_eq!(actions[..4], [Repair::Reboot, Repair::Reimage, Repair::Redeploy, actions[0]]);
        let total =
            actions.iter().fold(Duration::ZERO, |sum, action| sum + REPAIR_AFTER + action.length());
        assert_eq!(total, Duration::from_mins(63));
    }
}
