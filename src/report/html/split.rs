//! Who waited longest, and what for: one bar each, cut by cause.

use crate::record::{Object, Outcome, Stretch};
use crate::report::journal::named;
use crate::report::number::{length, percent};
use crate::unit::SimTime;
use crate::vocabulary::Cause;

/// A bar.
pub struct Bar {
    /// Whose it is and when.
    pub title: String,
    /// Its parts, in order of time.
    pub parts: Vec<Part>,
}

/// A part of a bar.
pub struct Part {
    /// Stable name of the cause.
    pub cause: &'static str,
    /// Share of the bar's length, in hundredths of a percent.
    pub width: String,
    /// How long, in words.
    pub length: String,
    /// What it means.
    pub meaning: &'static str,
    /// Which of the page's colours.
    pub group: &'static str,
}

const SHOWN: usize = 3;

/// The slowest messages.
pub fn messages(outcome: &Outcome) -> Vec<Bar> {
    let slow = outcome.waits.slowest();
    let bars = slow.iter().filter(|message| message.wait.micros() > 0).take(SHOWN);
    bars.map(|message| {
        let started = message.arrived + message.wait;
        let queue = outcome.queue_names.get(message.queue.0 as usize).map_or("", String::as_str);
        let again = match message.deliveries {
            0 | 1 => String::new(),
            many => format!("; delivered {many} times"),
        };
        let title = format!(
            "message {} of {queue}: {} -> {} ({}{again})",
            message.number.0,
            clock(outcome, message.arrived),
            clock(outcome, started),
            length(message.wait.as_secs_f64())
        );
        let lost = &message.lost;
        bar(title, &outcome.waits.of_message(message.queue, message.arrived, started, lost))
    })
    .collect()
}

/// The pods that waited longest to be Ready.
pub fn pods(outcome: &Outcome) -> Vec<Bar> {
    let longest = outcome.slowest_pods().into_iter().take(SHOWN);
    longest
        .map(|(micros, pod)| {
            let parts = outcome.waits.of_pod(pod, outcome.end);
            let from = parts.first().map_or(SimTime::ZERO, |part| part.from);
            let title = format!(
                "pod {}: from {} ({})",
                named(outcome, Object::Pod(pod)).1,
                clock(outcome, from),
                length(micros as f64 / 1e6)
            );
            bar(title, &parts)
        })
        .collect()
}

fn bar(title: String, stretches: &[Stretch]) -> Bar {
    let micros = |part: &Stretch| part.to.since(part.from).micros();
    let all: u64 = stretches.iter().map(micros).sum();
    let parts = stretches.iter().map(|stretch| {
        let share = micros(stretch) as f64 / all.max(1) as f64;
        Part {
            cause: stretch.cause.name(),
            width: format!("{:.2}", share * 100.0),
            length: format!("{} ({})", length(micros(stretch) as f64 / 1e6), percent(share)),
            meaning: stretch.cause.meaning(),
            group: group(stretch.cause),
        }
    });
    Bar { title, parts: parts.collect() }
}

/// Which controller or wall a cause belongs to: parts of one group share a colour.
pub const fn group(cause: Cause) -> &'static str {
    use Cause as C;
    match cause {
        C::KedaPoll | C::KedaActivation => "keda",
        C::HpaSync | C::HpaTolerance | C::HpaPolicy | C::HpaMax => "hpa",
        C::SchedQueue | C::SchedConstraint => "scheduler",
        C::CaScan | C::CaDelay | C::CaExpander | C::CaBackoff => "autoscaler",
        C::BlockedIp | C::BlockedQuota | C::BlockedMaxCount | C::BlockedCapacity => "blocked",
        C::VmProvision | C::NodeReady => "node",
        C::VolumeAttach | C::ImagePull | C::AppStart => "start",
        C::Busy => "busy",
        _ => "redo",
    }
}

/// Time of day.
fn clock(outcome: &Outcome, at: SimTime) -> String {
    let seconds = outcome.start_epoch + i64::try_from(at.micros() / 1_000_000).unwrap_or(0);
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%a %H:%M:%S").to_string()
}
