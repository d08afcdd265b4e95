//! What all renderers start from: the runs of one scenario, folded, with everything a reader must
//! know to judge them.

use crate::record::Outcome;
use crate::study::{Aggregate, Assumption, HOURS_PER_MONTH, Verdict};
use crate::vocabulary::Cause;

/// The result of one scenario.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run of the first seed: names, series, rows. Figures come from `study`.
    pub outcome: Outcome,
    /// Figures of all seeds.
    pub study: Aggregate,
    /// Seeds, in order.
    pub seeds: Vec<u64>,
    /// Conditions and how they came out.
    pub verdicts: Vec<Verdict>,
    /// Every defaulted value.
    pub assumptions: Vec<Assumption>,
    /// Where the files are; `None` if none were written.
    pub folder: Option<String>,
}

/// One of the two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Waiting of messages.
    Message,
    /// Waiting of pods.
    Pod,
}

impl Clock {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Pod => "pod",
        }
    }
}

/// A cause and what it took of one clock's waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitShare {
    /// Cause.
    pub cause: Cause,
    /// Seconds, mean over seeds.
    pub seconds: f64,
    /// Share of the clock's total.
    pub share: f64,
}

impl Report {
    /// Name of the scenario.
    pub fn name(&self) -> &str {
        &self.outcome.name
    }

    /// Mean of a figure over seeds; 0 where there is none.
    pub fn figure(&self, path: &str) -> f64 {
        self.study.mean(path).unwrap_or(0.0)
    }

    /// An amount of the run as a month's; 0 if no time counts.
    pub fn per_month(&self, amount: f64) -> f64 {
        let hours = self.figure("cost.basisHours");
        if hours > 0.0 { amount / hours * HOURS_PER_MONTH } else { 0.0 }
    }

    /// Whether all conditions hold.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.passed)
    }

    /// Where a clock's waiting went, largest first, causes of equal weight in the chain's order.
    pub fn waits(&self, clock: Clock) -> Vec<WaitShare> {
        let seconds = |cause: &Cause| {
            let path = format!("waits.{}.{}", clock.name(), cause.name());
            // A run without this cause has no such key and waited 0 s for it.
            let runs = self.study.runs.iter().filter_map(|run| run.figure(&path));
            runs.sum::<f64>() / self.study.runs.len().max(1) as f64
        };
        let mut waits: Vec<WaitShare> = Cause::ALL
            .iter()
            .map(|cause| WaitShare { cause: *cause, seconds: seconds(cause), share: 0.0 })
            .filter(|wait| wait.seconds > 0.0)
            .collect();
        let total: f64 = waits.iter().map(|wait| wait.seconds).sum();
        for wait in &mut waits {
            wait.share = wait.seconds / total;
        }
        waits.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then(a.cause.cmp(&b.cause)));
        waits
    }

    /// How many values were assumed rather than documented.
    pub fn assumed(&self) -> usize {
        self.assumptions.iter().filter(|assumption| assumption.assumed).count()
    }
}
