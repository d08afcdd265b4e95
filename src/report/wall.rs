//! The limits that a run hit, one sentence each.

use super::model::Report;
use super::number::{grouped, length};
use crate::vocabulary::Cause;

/// Walls that held something up: subnets, quotas, sizes of pools, capacity, replicas.
pub fn walls(report: &Report) -> Vec<String> {
    let outcome = &report.outcome;
    let subnets = outcome.ip.iter().map(|wall| ("ip", "subnet", "addresses", wall));
    let quotas = outcome.quota.iter().map(|wall| ("quota", "quota", "vCPUs", wall));
    let mut lines = Vec::new();
    for (key, kind, unit, wall) in subnets.chain(quotas) {
        let blocked = report.figure(&format!("{key}.{}.blockedSeconds", wall.name));
        if blocked > 0.0 {
            let peak = report.figure(&format!("{key}.{}.peak", wall.name)).round() as u64;
            let room = wall.capacity.map_or(String::new(), |all| format!(" of {}", grouped(all)));
            lines.push(format!(
                "{kind} {}: {}{room} {unit} in use, pods held up for {}",
                wall.name,
                grouped(peak),
                length(blocked)
            ));
        }
    }
    for cause in [Cause::BlockedMaxCount, Cause::BlockedCapacity, Cause::HpaMax] {
        let waited = report.figure(cause.name());
        if waited > 0.0 {
            let (name, what) = (cause.name(), cause.meaning());
            lines.push(format!("{name}: {what}, {} in sum", length(waited)));
        }
    }
    lines
}
