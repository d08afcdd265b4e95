//! One decision at a time: what changed, who decided, by which rule. Forward and back are steps in
//! a list that one run has recorded.

use super::book::{Book, actor};
use super::rule::rule_of;
use crate::record::{Actor, Entry, Panel};
use crate::report::text::{Ink, Look, Page};
use crate::unit::{Duration, SimTime};

/// A place in the list of what happened.
#[derive(Clone, Copy, Debug)]
pub struct Stepper<'a> {
    book: Book<'a>,
    look: Look,
    /// The entry that was shown last; `None` before the first.
    at: Option<usize>,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What to show.
    pub text: String,
    /// Whether that was the last.
    pub done: bool,
}

/// What can be typed.
const HELP: &str = "\
n (or Enter)  the next step          b         the step before
d             the next decision      g TIME    to a time: 14:05:10, 90m, 330s
a ACTOR       the next of an actor   l         where am I
q             quit                   ?         this list
Actors: keda, hpa, vpa, scheduler, cluster-autoscaler, azure, kubelet,
  node-controller, workload-controller, api-server, scenario.
";

impl<'a> Stepper<'a> {
    /// Before the first step.
    pub fn new(book: Book<'a>, look: Look) -> Self {
        Self { book, look, at: None }
    }

    /// What stands above the first step.
    pub fn opening(&self) -> String {
        let steps = self.entries().len();
        let text = format!(
            "{}: {} steps from {} to {}. n next, b back, d next decision, ? help, q quit.",
            self.book.outcome.name,
            steps,
            self.book.clock(SimTime::ZERO),
            self.book.clock(self.book.outcome.end)
        );
        let mut page = Page::new(self.look);
        page.prose(Ink::Strong, &text, 2);
        page.finish()
    }

    fn entries(&self) -> &'a [Entry] {
        &self.book.outcome.journal.entries
    }

    /// Carries out one line of input.
    pub fn command(&mut self, line: &str) -> Reply {
        let mut words = line.split_whitespace();
        let (word, rest) = (words.next().unwrap_or("n"), words.next());
        let text = match word {
            "q" | "quit" => return Reply { text: String::new(), done: true },
            "n" | "next" => self.forward(|_| true),
            "d" | "decision" => self.forward(is_decision),
            "b" | "back" => self.back(),
            "l" | "list" => self.shown(),
            "g" | "goto" => match rest.and_then(|text| self.time(text)) {
                Some(time) => self.go(time),
                None => "g TIME: a time of day (14:05:10) or since the start (90m)\n".to_owned(),
            },
            "a" | "actor" => match rest.and_then(actor_named) {
                Some(actor) => self.forward(|entry| entry.actor == actor),
                None => format!("a ACTOR: one of these\n{HELP}"),
            },
            "?" | "h" | "help" => HELP.to_owned(),
            other => format!("`{other}` is no command\n{HELP}"),
        };
        Reply { text, done: false }
    }

    fn forward(&mut self, wanted: impl Fn(&Entry) -> bool) -> String {
        let from = self.at.map_or(0, |at| at + 1);
        match self.entries().iter().skip(from).position(wanted) {
            Some(more) => {
                self.at = Some(from + more);
                self.shown()
            }
            None => "nothing more of this kind happens up to the end\n".to_owned(),
        }
    }

    fn back(&mut self) -> String {
        match self.at {
            Some(at) if at > 0 => {
                self.at = Some(at - 1);
                self.shown()
            }
            _ => {
                self.at = None;
                "this is the start\n".to_owned()
            }
        }
    }

    /// To the first step at or after a time.
    fn go(&mut self, time: SimTime) -> String {
        let at = self.entries().partition_point(|entry| entry.at < time);
        if at == self.entries().len() {
            return format!("nothing happens from {} on\n", self.book.clock(time));
        }
        self.at = Some(at);
        self.shown()
    }

    /// A time as typed; one of day is the first such from the start on.
    pub fn time(&self, text: &str) -> Option<SimTime> {
        time(text, self.book.outcome.start_epoch)
    }

    fn shown(&self) -> String {
        let Some(at) = self.at else { return self.opening() };
        let entry = &self.entries()[at];
        let mut page = Page::new(self.look);
        let place = format!("[{}/{}] ", at + 1, self.entries().len());
        let head = format!("{place}{} {}", self.book.clock(entry.at), actor(entry.actor));
        page.row(&[(Ink::Strong, &head)]);
        page.prose(Ink::Plain, &format!("  {}", self.book.sentence(entry)), 4);
        let rule = rule_of(entry);
        if !rule.is_empty() {
            page.prose(Ink::Faint, &format!("  rule: {rule}"), 4);
        }
        if let Some(state) = self.state(entry.at) {
            page.prose(Ink::Faint, &format!("  {state}"), 4);
        }
        page.finish()
    }

    /// The cluster at the last sample up to an instant.
    fn state(&self, at: SimTime) -> Option<String> {
        let series = &self.book.outcome.series;
        let row = series.time_s.partition_point(|time| *time <= at.as_secs_f64()).checked_sub(1)?;
        let mut parts = Vec::new();
        for column in &series.columns {
            let value = column.values.get(row).copied()?;
            let what = match column.panel {
                Panel::QueueDepth => format!("queue {} {value}", column.of),
                Panel::ReplicasDesired => format!("{} wants {value}", column.of),
                Panel::ReplicasReady => format!("ready {value}"),
                Panel::PodsPending => format!("pending pods {value}"),
                Panel::NodesReady => format!("{} nodes {value}", column.of),
                _ => continue,
            };
            parts.push(what);
        }
        let time = SimTime::from_micros((series.time_s[row] * 1e6) as u64);
        (!parts.is_empty())
            .then(|| format!("sampled {}: {}", self.book.clock(time), parts.join(", ")))
    }
}

/// A time of day (its first occurrence from the start on), a length since the start, or seconds.
pub fn time(text: &str, start_epoch: i64) -> Option<SimTime> {
    if text.contains(':') {
        let parts: Vec<f64> =
            text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let (hours, minutes, seconds) = match parts[..] {
            [hours, minutes] => (hours, minutes, 0.0),
            [hours, minutes, seconds] => (hours, minutes, seconds),
            _ => return None,
        };
        let sane = hours < 24.0 && minutes < 60.0 && seconds < 60.0;
        let of_day = hours * 3_600.0 + minutes * 60.0 + seconds;
        let start = start_epoch.rem_euclid(86_400) as f64;
        let since = (of_day - start).rem_euclid(86_400.0);
        return (sane && of_day >= 0.0).then(|| SimTime::ZERO + Duration::from_secs_f64(since));
    }
    let (number, unit) = match text.find(|letter: char| !letter.is_ascii_digit() && letter != '.') {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let seconds: f64 = number.parse().ok()?;
    Some(SimTime::ZERO + Duration::from_secs_f64(seconds * factor))
}

/// Whether an entry is a decision, not a step that follows from one.
fn is_decision(entry: &Entry) -> bool {
    !entry.reason.is_empty() || !entry.detail.is_empty()
}

fn actor_named(text: &str) -> Option<Actor> {
    const ALL: [Actor; 11] = [
        Actor::Keda,
        Actor::Hpa,
        Actor::Vpa,
        Actor::ApiServer,
        Actor::WorkloadController,
        Actor::Scheduler,
        Actor::Autoscaler,
        Actor::Azure,
        Actor::Kubelet,
        Actor::NodeController,
        Actor::Scenario,
    ];
    let alias = match text {
        "ca" | "autoscaler" => "cluster-autoscaler",
        "kube-scheduler" => "scheduler",
        "keda-operator" => "keda",
        other => other,
    };
    ALL.into_iter().find(|actor| actor.name() == alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_day_or_since_the_start() {
        // 2026-11-17T12:00:00Z
        let start = 1_795_003_200 / 86_400 * 86_400 + 12 * 3_600;
        for (text, seconds) in [
            ("12:30", Some(1_800)),
            ("12:00:10", Some(10)),
            ("11:00", Some(23 * 3_600)),
            ("90m", Some(5_400)),
            ("330", Some(330)),
            ("25:00", None),
            ("soon", None),
            ("5 parsecs", None),
        ] {
            assert_eq!(time(text, start), seconds.map(SimTime::from_secs), "{text}");
        }
    }
}
