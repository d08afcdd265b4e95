//! `simulation:`, `metadata:`, `lab:` and `thresholds:`.

use super::distribution::Distribution;
use super::moment::{StartTime, Zone};
use super::reader::section;
use super::value::{Count, Length, Switch, Text, Whole, words};

section! {
    /// What the scenario is called.
    pub struct Metadata {
        /// Name; results go to a folder of this name.
        "name" name: Text;
        /// Free text.
        "description" description: Text;
        /// The cluster serves users: `check` goes through the production checklist.
        "production" production: Switch;
    }
}

section! {
    /// The run itself.
    pub struct Simulation {
        /// First instant, a whole second.
        "start" start: StartTime = "2026-01-01T00:00:00Z", "own default";
        /// Zone of times of day.
        "timeZone" time_zone: Zone = "UTC", "own default";
        /// Length of the run.
        "duration" duration: Length = "1h", "own default";
        /// What arrives before this does not count.
        "warmup" warmup: Length = "0s", "own default";
        /// After `duration` arrivals stop and the run goes on until no message and no finite pod
        /// is left.
        "drain" drain: Switch = "false", "own default";
        /// `warm`: nodes Ready and replicas bound at the start; `cold`: created at the start.
        "initial" initial: Initial = "warm", "own default";
        /// Row distance of series.csv; without it max(1s, duration/2000).
        "sample" sample: Length;
        /// First seed.
        "seed" seed: Whole = "1", "own default";
        /// Number of seeds: seed, seed+1, …
        "replications" replications: Count = "1", "own default";
    }
}

words! {
    /// State at the start.
    pub enum Initial {
        /// Nodes Ready, replicas bound and Ready, images cached.
        "warm" Warm,
        /// Everything is created at the start.
        "cold" Cold,
    }
}

section! {
    /// Laboratory switches, for theory and teaching: no real cluster behaves like this.
    pub struct Lab {
        /// Pods find room at once.
        "infiniteNodes" infinite_nodes: Switch;
        /// Controllers act at once.
        "zeroControlDelay" zero_control_delay: Switch;
        /// A boot whose demand is gone is cancelled.
        "cancelIdleBoot" cancel_idle_boot: Switch;
        /// `completion`: KEDA counts its cooldown from the last completion.
        "cooldownFrom" cooldown_from: CooldownFrom;
        /// Another scaler instead of KEDA.
        "scaler" scaler: LabScaler;
        /// What happens to arrivals when all consumers are busy.
        "whenFull" when_full: WhenFull;
    }
}

words! {
    /// From when KEDA counts its cooldown.
    pub enum CooldownFrom {
        /// The last completion (theory).
        "completion" Completion,
        /// The last poll that saw work (KEDA).
        "lastActive" LastActive,
    }
}

section! {
    /// Another scaler instead of KEDA.
    pub struct LabScaler {
        /// One server per waiting message, up to maxReplicaCount.
        "instant" instant: InstantScaler, required;
    }
}

section! {
    /// One server per waiting message, up to maxReplicaCount.
    pub struct InstantScaler {
        /// How long an idle server stays.
        "offDelay" off_delay: Distribution, required;
    }
}

section! {
    /// What happens to arrivals when all consumers are busy.
    pub struct WhenFull {
        /// They are lost.
        "reject" reject: Switch, required;
    }
}
