//! What to try next: each line names a setting that decided something in this run.

use super::model::{Clock, Report, WaitShare};
use super::number::{money, percent, plain};
use crate::record::ReservationLevel;
use crate::vocabulary::Cause;

/// Causes below this share of a clock's waiting are not worth a change.
const WORTH: f64 = 0.1;

/// At most this many lines: the first one is what to try first.
const LINES: usize = 4;

/// Suggestions, most rewarding first.
pub fn advice(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (clock, who) in [(Clock::Message, "messages"), (Clock::Pod, "pods")] {
        for wait in report.waits(clock) {
            let Some(text) = remedy(wait.cause).filter(|_| wait.share >= WORTH) else { continue };
            let line = because(&wait, who, text);
            if !lines.iter().any(|known| known.ends_with(text)) {
                lines.push(line);
            }
        }
    }
    let total = report.figure("cost.total");
    let idle = report.figure("cost.idle");
    if total > 0.0 && idle / total > 0.5 {
        lines.push(format!(
            "{} of the money buys room that nobody requested: smaller VM sizes, a lower minCount, \
             or a shorter scale-down-unneeded-time.",
            percent(idle / total)
        ));
    }
    lines.truncate(LINES - 1);
    lines.extend(reserve(report));
    lines
}

/// What to reserve: the level that saves most, if nothing is committed yet and the run is long
/// enough to show a day.
fn reserve(report: &Report) -> Option<String> {
    let cost = &report.outcome.cost;
    if !cost.commitments.is_empty() || report.figure("cost.basisHours") < 24.0 {
        return None;
    }
    let best = cost.levels.iter().max_by_key(|level| level.saving)?;
    level(report, best)
}

/// What would have cost least of a size; nothing where not one pays.
pub fn level(report: &Report, level: &ReservationLevel) -> Option<String> {
    let at = |key: &str| {
        report.figure(&format!("cost.reservationLevels.{}-{}.{key}", level.vm_size, level.term))
    };
    let even = percent(at("breakEvenUse"));
    let size = &level.vm_size;
    if at("instances") < 0.5 {
        return None;
    }
    Some(format!(
        "{} × {size} reserved for {} would cost least: {} a month less than on demand; each pays \
         from {even} use.",
        plain(at("instances")),
        level.term,
        money(at("savingPerMonth"), &report.outcome.currency)
    ))
}

fn because(wait: &WaitShare, who: &str, text: &str) -> String {
    format!("{} ({} of what {who} waited): {text}", wait.cause.name(), percent(wait.share))
}

/// What shortens waiting for a cause.
const fn remedy(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::KedaPoll => "shorten pollingInterval, or keep minReplicaCount at 1.",
        Cause::KedaActivation => "lower the trigger's activation threshold.",
        Cause::HpaSync => {
            "the HPA syncs every 15 s; a minimum that covers the base load avoids the wait."
        }
        Cause::HpaTolerance => {
            "lower the target so that one more unit of work exceeds the 10 % tolerance."
        }
        Cause::HpaPolicy => {
            "raise behavior.scaleUp policies, or lengthen scaleDown.stabilizationWindowSeconds."
        }
        Cause::HpaMax => "raise maxReplicaCount (and see what the nodes then cost).",
        Cause::SchedQueue => "the scheduler is behind: fewer pods at once, or a higher bind rate.",
        Cause::SchedConstraint => {
            "no pool can take these pods: check nodeSelector, tolerations and requests."
        }
        Cause::CaScan | Cause::CaDelay => {
            "shorten scan-interval and new-pod-scale-up-delay, or keep headroom with pause pods."
        }
        Cause::CaExpander | Cause::CaBackoff => {
            "add a pool that the autoscaler can fall back to (priority expander)."
        }
        Cause::BlockedIp => "use overlay networking, a larger subnet, or fewer maxPods per node.",
        Cause::BlockedQuota => "raise the vCPU quota, or use another VM family.",
        Cause::BlockedMaxCount => "raise the pool's maxCount.",
        Cause::BlockedCapacity => "add another VM size, zone or an on-demand pool to fall back to.",
        Cause::VmProvision | Cause::NodeReady => {
            "keep headroom: a higher minCount, or pause pods that give way."
        }
        Cause::VolumeAttach => {
            "avoid moving disks between nodes, or use a volume that needs no attach."
        }
        Cause::ImagePull => "make the image smaller, or put it on the nodes beforehand.",
        Cause::AppStart => "start the application faster, or keep replicas running.",
        Cause::Busy => {
            "more or faster replicas (concurrency, the trigger's target); more nodes will not help."
        }
        Cause::Redo => "shorten the lock, drain on SIGTERM, or keep long work off spot.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_largest_cause_comes_first_and_small_ones_not_at_all() {
        let report = sample::report(&[7], &[]);
        let lines = advice(&report);
        let first = report.waits(Clock::Message)[0];
        assert!(lines[0].starts_with(first.cause.name()), "{lines:?}");
        assert!(lines.len() <= LINES);
    }
}
