//! Work that is saved now and then, so that what is lost begins again where it was saved last.

use crate::unit::Duration;

/// A save after each `every` of work, which takes `cost`. The result at the end is saved too: the
/// last part of a piece of work counts as a whole one with its save (Daly 2006, "A higher order
/// estimate of the optimum checkpoint interval").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Work between two saves; above zero.
    pub every: Duration,
    /// Time that a save takes.
    pub cost: Duration,
}

impl Checkpoint {
    /// How long `work` takes with its saves.
    pub fn length(&self, work: Duration) -> Duration {
        let saves = work.micros().div_ceil(self.every.micros());
        Duration::from_micros(
            work.micros().saturating_add(saves.saturating_mul(self.cost.micros())),
        )
    }

    /// How much of the time worked is lost after `elapsed`: what was done since the last save.
    pub fn lost(&self, elapsed: Duration) -> Duration {
        Duration::from_micros(elapsed.micros() % (self.every + self.cost).micros())
    }

    /// What is left of `work` when it is lost after `elapsed`: all but what was saved.
    pub fn left(&self, work: Duration, elapsed: Duration) -> Duration {
        let saves = elapsed.micros() / (self.every + self.cost).micros();
        work.saturating_sub(Duration::from_micros(saves.saturating_mul(self.every.micros())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_not_done_again() {
        let hourly = Checkpoint { every: Duration::from_mins(60), cost: Duration::from_mins(1) };
        for (work, elapsed, length, left, lost) in [
            (60, 0, 61, 60, 0),
            (61, 60, 63, 61, 60),
            (120, 61, 122, 60, 0),
            (120, 121, 122, 60, 60),
            (90, 61, 92, 30, 0),
            (0, 0, 0, 0, 0),
        ] {
            let minutes = Duration::from_mins;
            assert_eq!(hourly.length(minutes(work)), minutes(length), "{work} min");
            let rest = hourly.left(minutes(work), minutes(elapsed));
            assert_eq!(rest, minutes(left), "{work} min of work lost after {elapsed} min");
            assert_eq!(hourly.lost(minutes(elapsed)), minutes(lost), "after {elapsed} min");
        }
    }
}
