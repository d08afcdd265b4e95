//! What a panel over time shows, before anybody draws it.

use crate::record::{Column, Outcome, Panel as Kind};
use crate::report::number::{length, plain};

/// Lines of one panel; more are named and left out, since nobody could tell them apart.
const LINES: usize = 8;

/// A line, or a layer of a stack.
pub struct Line {
    /// Name.
    pub name: String,
    /// Index into the palette; `None` is the ink of the page.
    pub colour: Option<usize>,
    /// One value per row of the series.
    pub values: Vec<f64>,
    /// How it is drawn.
    pub style: Style,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line.
    Plain,
    /// A dashed line: what is wanted, or a limit.
    Dashed,
    /// A line over a filled area.
    Filled,
    /// A layer on the layers before it.
    Layer,
    /// The same, hatched: spot.
    Hatched,
}

/// A panel.
pub struct Chart {
    /// What it shows, with its unit.
    pub title: String,
    /// Lines.
    pub lines: Vec<Line>,
    /// Its highest value.
    pub top: f64,
    /// One sentence for those who do not see it.
    pub sentence: String,
}

/// All panels of a run that have something to show, top to bottom.
pub fn charts(outcome: &Outcome) -> Vec<Chart> {
    let money = if outcome.currency.is_empty() { "money" } else { &outcome.currency };
    [
        lines(outcome, Kind::QueueDepth, "Messages waiting", Style::Filled),
        lines(outcome, Kind::QueueAge, "Age of the oldest message (s)", Style::Plain),
        replicas(outcome),
        lines(outcome, Kind::PodsPending, "Pods without a node", Style::Filled),
        nodes(outcome),
        walls(outcome),
        stack(outcome, Kind::CostRate, &format!("Cost of nodes ({money} per hour)")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_kind(outcome: &Outcome, kind: Kind) -> Vec<&Column> {
    outcome.series.columns.iter().filter(|column| column.panel == kind).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn lines(outcome: &Outcome, kind: Kind, title: &str, style: Style) -> Option<Chart> {
    let mut columns = of_kind(outcome, kind);
    columns.sort_by(|a, b| largest(&b.values).total_cmp(&largest(&a.values)));
    let left_out = columns.len().saturating_sub(LINES);
    let drawn: Vec<Line> = columns
        .iter()
        .take(LINES)
        .enumerate()
        .map(|(index, column)| Line {
            name: if column.of.is_empty() { "all".to_owned() } else { column.of.clone() },
            colour: Some(index),
            values: column.values.clone(),
            style,
        })
        .collect();
    chart(outcome, title, drawn, left_out)
}

/// Layers of pools keep the scenario's order: the eye compares them between panels.
fn stack(outcome: &Outcome, kind: Kind, title: &str) -> Option<Chart> {
    let columns = of_kind(outcome, kind);
    let left_out = columns.len().saturating_sub(LINES);
    let drawn = columns.iter().take(LINES).enumerate().map(|(index, column)| {
        let spot = outcome.pools.iter().any(|pool| pool.name == column.of && pool.spot);
        Line {
            name: if spot { format!("{} (spot)", column.of) } else { column.of.clone() },
            colour: Some(index),
            values: column.values.clone(),
            style: if spot { Style::Hatched } else { Style::Layer },
        }
    });
    chart(outcome, title, drawn.collect(), left_out)
}

fn nodes(outcome: &Outcome) -> Option<Chart> {
    let mut chart = stack(outcome, Kind::NodesReady, "Nodes by pool")?;
    let coming = sum(outcome, Kind::NodesComing);
    if largest(&coming) > 0.0 {
        chart.lines.push(Line {
            name: "coming".to_owned(),
            colour: None,
            values: coming,
            style: Style::Layer,
        });
    }
    Some(chart)
}

fn replicas(outcome: &Outcome) -> Option<Chart> {
    let line = |kind, name: &str, colour, style| Line {
        name: name.to_owned(),
        colour,
        values: sum(outcome, kind),
        style,
    };
    let drawn = vec![
        line(Kind::ReplicasReady, "ready", Some(2), Style::Filled),
        line(Kind::ReplicasPending, "not ready", Some(5), Style::Plain),
        line(Kind::ReplicasDesired, "desired", None, Style::Dashed),
    ];
    chart(outcome, "Pods of all workloads", drawn, 0)
}

/// Everything with a limit, as a share of it.
fn walls(outcome: &Outcome) -> Option<Chart> {
    let limits = outcome.ip.iter().chain(&outcome.quota);
    let mut drawn = Vec::new();
    for wall in limits {
        let Some(limit) = wall.capacity.filter(|limit| *limit > 0) else { continue };
        let column = outcome.series.columns.iter().find(|column| {
            column.of == wall.name && matches!(column.panel, Kind::Addresses | Kind::Quota)
        });
        let Some(column) = column else { continue };
        let share = |value: &f64| value / limit as f64 * 100.0;
        let unit = if column.panel == Kind::Addresses { "addresses" } else { "vCPUs" };
        drawn.push(Line {
            name: format!("{} (of {limit} {unit})", wall.name),
            colour: Some(drawn.len()),
            values: column.values.iter().map(share).collect(),
            style: Style::Plain,
        });
    }
    drawn.sort_by(|a, b| largest(&b.values).total_cmp(&largest(&a.values)));
    let left_out = drawn.len().saturating_sub(LINES);
    drawn.truncate(LINES);
    chart(outcome, "Addresses and quota in use (% of the limit)", drawn, left_out)
}

fn sum(outcome: &Outcome, kind: Kind) -> Vec<f64> {
    let columns = of_kind(outcome, kind);
    (0..outcome.series.time_s.len())
        .map(|row| columns.iter().filter_map(|column| column.values.get(row)).sum())
        .collect()
}

/// A panel, unless it would be empty.
fn chart(outcome: &Outcome, title: &str, lines: Vec<Line>, left_out: usize) -> Option<Chart> {
    let layered = |line: &Line| matches!(line.style, Style::Layer | Style::Hatched);
    let height = |row: usize| {
        let values = lines.iter().map(|line| line.values.get(row).copied().unwrap_or(0.0));
        if lines.iter().any(layered) { values.sum() } else { values.fold(0.0, f64::max) }
    };
    let (top, row) = (0..outcome.series.time_s.len())
        .map(|row| (height(row), row))
        .fold((0.0, 0), |best: (f64, usize), one| if one.0 > best.0 { one } else { best });
    if top <= 0.0 {
        return None;
    }
    let when = outcome.series.time_s.get(row).copied().unwrap_or(0.0);
    let mut sentence =
        format!("{title}: at most {}, first {} after the start.", plain(top), length(when));
    if left_out > 0 {
        sentence.push_str(&format!(" {left_out} smaller ones are not drawn."));
    }
    Some(Chart { title: title.to_owned(), lines, top, sentence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn panels_follow_the_chain_and_say_their_highest_value() {
        let charts = charts(&sample::outcome(7));
        let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
        assert_eq!(titles.first(), Some(&"Messages waiting"));
        assert_eq!(titles.last(), Some(&"Cost of nodes (USD per hour)"));
        assert!(charts.iter().all(|chart| chart.sentence.contains("at most")));
    }

    #[test]
    fn an_empty_run_has_no_panels() {
        assert!(charts(&Outcome::default()).is_empty());
    }
}
