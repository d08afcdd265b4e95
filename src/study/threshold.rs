//! Conditions on figures: read from text, judged on the runs of a study.

use super::metric::{Unit, known_metric, nearest_metric};
use super::summary::Aggregate;
use crate::plan::{Comparison, Threshold};

/// How a condition came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The condition.
    pub threshold: Threshold,
    /// Unit of the figure and of the limit.
    pub unit: Unit,
    /// The figure: of the only run, or the mean over seeds; `None` if there was nothing to measure.
    pub value: Option<f64>,
    /// Whether the condition holds.
    pub passed: bool,
    /// Whether the 95 % interval over seeds lies on one side of the limit; never from one seed.
    pub proven: bool,
    /// Why a figure within its limit does not count, or what else the reader must know.
    pub note: Option<String>,
}

/// Reads `message.wait.p95<120s`: a name, one of `< <= > >= ==`, a limit in the figure's unit.
pub fn parse_threshold(text: &str) -> Result<Threshold, String> {
    let start = text
        .find(['<', '>', '='])
        .ok_or_else(|| format!("`{text}` has no comparison: write for example {EXAMPLE}"))?;
    let (name, rest) = (text[..start].trim(), &text[start..]);
    let (comparison, limit) = OPERATORS
        .iter()
        .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)))
        .ok_or_else(|| format!("`{text}`: a comparison is one of < <= > >= =="))?;
    let Some(metric) = known_metric(name) else {
        let hint = match nearest_metric(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`forescale list metrics` prints all".to_owned(),
        };
        return Err(format!("`{name}` is not a metric: {hint}"));
    };
    let limit = limit.trim();
    let value = parse_limit(limit, metric.unit)
        .ok_or_else(|| format!("`{limit}` is not {}", expected(metric.unit)))?;
    Ok(Threshold {
        metric: name.to_owned(),
        comparison,
        limit: value,
        text: format!("{name} {} {limit}", sign(comparison)),
    })
}

const EXAMPLE: &str = "'message.wait.p95<120s'";

/// Longest first: a prefix decides.
const OPERATORS: [(&str, Comparison); 5] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

fn sign(comparison: Comparison) -> &'static str {
    OPERATORS.iter().find(|(_, known)| *known == comparison).map_or("?", |(sign, _)| sign)
}

const fn expected(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "a duration such as 120s, 2m or 0.5h",
        Unit::Count => "a number",
        Unit::Money => "an amount such as 4000 or 0.05",
        Unit::Share => "a share such as 0.5 or 50%",
        Unit::Hours => "a number of hours",
    }
}

fn parse_limit(text: &str, unit: Unit) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    match unit {
        Unit::Seconds => duration_seconds(text),
        Unit::Count => number(text),
        Unit::Hours => number(text.strip_suffix('h').unwrap_or(text)),
        Unit::Share => match text.strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| percent / 100.0),
            None => number(text),
        },
        Unit::Money => {
            let bare = text.trim_start_matches(['$', '€', '£']);
            let bare = bare.trim_end_matches(|letter: char| letter.is_ascii_uppercase());
            number(&bare.replace(',', ""))
        }
    }
}

/// `120`, `120s`, `250ms`, `2m30s`, `1.5h`, `1d`.
fn duration_seconds(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += value * seconds;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total)
}

fn holds(value: f64, comparison: Comparison, limit: f64) -> bool {
    match comparison {
        Comparison::Less => value < limit,
        Comparison::LessOrEqual => value <= limit,
        Comparison::Greater => value > limit,
        Comparison::GreaterOrEqual => value >= limit,
        Comparison::Equal => value == limit,
    }
}

/// Judges a condition on all seeds of a scenario: the mean must meet the limit, and a waiting time
/// must meet it in every seed whatever those still waiting at the end will have waited, unless
/// `allow_censored`.
pub fn evaluate(threshold: &Threshold, study: &Aggregate, allow_censored: bool) -> Verdict {
    let unit = known_metric(&threshold.metric).map_or(Unit::Count, |metric| metric.unit);
    let Some(over) = study.figure(&threshold.metric) else {
        return Verdict {
            threshold: threshold.clone(),
            unit,
            value: None,
            passed: false,
            proven: false,
            note: Some("nothing to measure".to_owned()),
        };
    };
    let meets = |value: f64| holds(value, threshold.comparison, threshold.limit);
    let mut passed = meets(over.mean);
    let mut note = None;
    if passed && !allow_censored {
        let spoiled = study
            .runs
            .iter()
            .find(|run| run.worst_case(&threshold.metric).is_some_and(|worst| !meets(worst)));
        if let Some(run) = spoiled {
            passed = false;
            note = Some(run.who_still_waits(&threshold.metric));
        }
    }
    let proven = over
        .half_width
        .is_some_and(|half| meets(over.mean - half) == passed && meets(over.mean + half) == passed);
    Verdict { threshold: threshold.clone(), unit, value: Some(over.mean), passed, proven, note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::study::Summary;
    use crate::unit::{Duration, SimTime};

    #[test]
    fn limits_are_read_in_the_unit_of_the_figure() {
        for (text, limit) in [
            ("message.wait.p95<120s", Some(120.0)),
            ("message.wait.p95 <= 2m30s", Some(150.0)),
            ("message.wait.p95<120", Some(120.0)),
            ("message.wait.p95<0.5h", Some(1_800.0)),
            ("message.wait.p95<250ms", Some(0.25)),
            ("cost.month<4000", Some(4_000.0)),
            ("cost.month<$4,000.50", Some(4_000.5)),
            ("cost.month<4000 EUR", Some(4_000.0)),
            ("blocked.ip==0s", Some(0.0)),
            ("workloads.a.busyShare>=50%", Some(0.5)),
            ("pods.evicted==0", Some(0.0)),
            ("pods.evicted==0s", None),
            ("message.wait.p95<2 weeks", None),
            ("message.wait.p95<", None),
            ("message.wait.p95", None),
            ("message.wait.p95=3", None),
            ("messages.weight<3", None),
        ] {
            let parsed = parse_threshold(text);
            assert_eq!(parsed.as_ref().ok().map(|threshold| threshold.limit), limit, "{text}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_one() {
        let message = parse_threshold("message.wiat.p95<1s").expect_err("a typo");
        insta::assert_snapshot!(message, @"`message.wiat.p95` is not a metric: did you mean `messages.wait.p95`?");
    }

    fn waits(seconds: &[u64], queued: u64) -> Outcome {
        let mut outcome = Outcome { end: SimTime::from_secs(3_600), ..Outcome::default() };
        for &wait in seconds {
            outcome.messages.wait.add(Duration::from_secs(wait));
            outcome.messages.completed += 1;
        }
        outcome.messages.queued_at_end = queued;
        outcome
    }

    fn judge(condition: &str, outcomes: &[Outcome], allow: bool) -> Verdict {
        let runs = outcomes.iter().map(Summary::of).collect();
        let threshold = parse_threshold(condition).expect("a condition");
        evaluate(&threshold, &Aggregate { runs }, allow)
    }

    #[test]
    fn those_still_queued_count_as_waiting_for_ever() {
        let ten: Vec<u64> = (1..=10).collect();
        for (condition, queued, allow, passed) in [
            ("message.wait.p50<6s", 0, false, true),
            // The median of eleven is the sixth: 6 s at worst.
            ("message.wait.p50<6s", 1, false, false),
            ("message.wait.p50<=6s", 1, false, true),
            ("message.wait.p50<6s", 1, true, true),
            ("message.wait.p90<20s", 1, false, true),
            // The 90 % point of twelve is the eleventh, which still waits.
            ("message.wait.p90<20s", 2, false, false),
            ("message.wait.max<20s", 1, false, false),
            ("message.wait.mean<20s", 1, false, false),
            ("message.wait.p50>2s", 5, false, true),
        ] {
            let verdict = judge(condition, &[waits(&ten, queued)], allow);
            assert_eq!(verdict.passed, passed, "{condition} with {queued} queued: {verdict:?}");
            assert!(!verdict.proven, "one seed proves nothing");
        }
    }

    #[test]
    fn a_pod_never_bound_fails_every_limit_on_pending_time() {
        let mut outcome = waits(&[1], 0);
        outcome.pods.pending.add(Duration::from_secs(3));
        assert!(judge("pod.pending.p50<180s", &[outcome.clone()], false).passed);
        outcome.pods.censored = 1;
        let verdict = judge("pod.pending.p50<180s", &[outcome.clone()], false);
        assert!(!verdict.passed);
        assert_eq!(verdict.note.as_deref(), Some("1 pod was never bound"));
        assert!(judge("pod.pending.p50<180s", &[outcome], true).passed);
    }

    #[test]
    fn seeds_prove_a_difference_only_if_the_interval_is_clear_of_the_limit() {
        let runs = [waits(&[10], 0), waits(&[12], 0), waits(&[11], 0)];
        for (condition, passed, proven) in [
            ("message.wait.mean<100s", true, true),
            ("message.wait.mean<12s", true, false),
            ("message.wait.mean<5s", false, true),
        ] {
            let verdict = judge(condition, &runs, false);
            assert_eq!((verdict.passed, verdict.proven), (passed, proven), "{condition}");
        }
    }

    #[test]
    fn nothing_measured_is_not_a_pass() {
        let verdict = judge("message.wait.p95<120s", &[waits(&[], 0)], false);
        assert_eq!((verdict.passed, verdict.value), (false, None));
    }
}
