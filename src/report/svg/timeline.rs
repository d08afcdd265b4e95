//! `timeline.svg`: one time axis under stacked panels: queue, replicas, nodes, money per hour.

use plotters::style::RGBColor;

use super::axis::{Scale, time_ticks};
use super::panel::{Frame, Panel};
use super::theme::{Align, Canvas, GREY, IDLE, INK, SERIES, Type, draw};
use super::thin::{POINTS, thin};
use crate::record::{Column, Outcome, Panel as Kind};
use crate::report::number::length;

const WIDTH: f64 = 1_200.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 170.0;
const HEAD: f64 = 64.0;
const PANEL: f64 = 128.0;
const BETWEEN: f64 = 44.0;
const FOOT: f64 = 34.0;

/// What a panel shows.
struct Shown {
    title: String,
    layers: Vec<Layer>,
    /// Layers stand on each other.
    stacked: bool,
    whole: bool,
}

/// A line or a layer of a stack.
struct Layer {
    label: String,
    colour: RGBColor,
    values: Vec<f64>,
    width: f64,
    filled: bool,
}

/// The picture.
pub fn timeline(outcome: &Outcome) -> String {
    let panels = panels(outcome);
    let count = panels.len().max(1) as f64;
    let height = HEAD + count * PANEL + (count - 1.0) * BETWEEN + FOOT;
    draw(WIDTH as u32, height as u32, |canvas| {
        let last = outcome.series.time_s.last().copied().unwrap_or(0.0);
        let seconds = last.max(outcome.end.as_secs_f64());
        let time = Scale { data: (0.0, seconds), pixels: (LEFT, WIDTH - RIGHT) };
        let ticks = time_ticks(outcome.start_epoch, seconds, 12);
        headline(canvas, outcome);
        let mut top = HEAD;
        for panel in &panels {
            let span = (top, top + PANEL);
            paint(canvas, outcome, panel, time, span, &ticks);
            top = span.1 + BETWEEN;
        }
        let base = top - BETWEEN;
        for (at, label) in &ticks {
            let x = time.at(*at);
            canvas.line(&[(x, base), (x, base + 5.0)], GREY, 1.0);
            canvas.text((x, base + 17.0), label, Type::label(GREY, Align::Middle));
        }
        canvas.text((WIDTH - RIGHT + 36.0, base + 17.0), "UTC", Type::label(GREY, Align::Start));
    })
}

fn headline(canvas: &mut Canvas<'_>, outcome: &Outcome) {
    let title = Type::label(INK, Align::Start).strong().sized(18.0);
    canvas.text((LEFT, 18.0), &outcome.name, title);
    let start = jiff::Timestamp::from_second(outcome.start_epoch).unwrap_or_default();
    let when = start.strftime("%A %-d %B %Y, %H:%M UTC");
    let text = format!("{when}, {}, seed {}", length(outcome.end.as_secs_f64()), outcome.seed);
    canvas.text((WIDTH - RIGHT, 18.0), &text, Type::label(GREY, Align::End));
}

fn of_kind(outcome: &Outcome, kind: Kind) -> Vec<&Column> {
    outcome.series.columns.iter().filter(|column| column.panel == kind).collect()
}

fn sum(columns: &[&Column], rows: usize) -> Vec<f64> {
    let at = |row: usize| columns.iter().filter_map(|column| column.values.get(row)).sum();
    (0..rows).map(at).collect()
}

fn colour(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

fn panels(outcome: &Outcome) -> Vec<Shown> {
    let queue = of_kind(outcome, Kind::QueueDepth);
    let mut panels = Vec::new();
    if !queue.is_empty() {
        panels.push(lines("Messages waiting", &queue, true));
    }
    let pending = of_kind(outcome, Kind::PodsPending);
    if queue.is_empty() && !pending.is_empty() {
        panels.push(lines("Pods waiting for a node", &pending, true));
    }
    panels.extend(replicas(outcome));
    panels.extend(nodes(outcome));
    let cost = of_kind(outcome, Kind::CostRate);
    if !cost.is_empty() {
        let unit = if outcome.currency.is_empty() { "money" } else { &outcome.currency };
        panels.push(stack(&format!("Cost of nodes ({unit} per hour)"), &cost, false));
    }
    panels
}

fn lines(title: &str, columns: &[&Column], filled: bool) -> Shown {
    let layers = columns.iter().enumerate().map(|(index, column)| Layer {
        label: column.of.clone(),
        colour: colour(index),
        values: column.values.clone(),
        width: 2.0,
        filled,
    });
    Shown { title: title.to_owned(), layers: layers.collect(), stacked: false, whole: true }
}

fn stack(title: &str, columns: &[&Column], whole: bool) -> Shown {
    Shown { stacked: true, whole, ..lines(title, columns, true) }
}

/// Desired, Ready and not yet Ready pods, all workloads together.
fn replicas(outcome: &Outcome) -> Option<Shown> {
    let rows = outcome.series.time_s.len();
    let kinds = [
        (Kind::ReplicasReady, "ready", SERIES[2], 2.0, true),
        (Kind::ReplicasPending, "not ready", SERIES[5], 2.0, false),
        (Kind::ReplicasDesired, "desired", INK, 1.25, false),
    ];
    let mut layers = Vec::new();
    let mut most = 0;
    for (kind, label, colour, width, filled) in kinds {
        let columns = of_kind(outcome, kind);
        most = most.max(columns.len());
        if !columns.is_empty() {
            let values = sum(&columns, rows);
            layers.push(Layer { label: label.to_owned(), colour, values, width, filled });
        }
    }
    let title = match most {
        0 => return None,
        1 => "Replicas".to_owned(),
        many => format!("Replicas of {many} workloads"),
    };
    Some(Shown { title, layers, stacked: false, whole: true })
}

/// Ready nodes by pool, and those that are coming on top.
fn nodes(outcome: &Outcome) -> Option<Shown> {
    let ready = of_kind(outcome, Kind::NodesReady);
    if ready.is_empty() {
        return None;
    }
    let mut shown = stack("Nodes by pool", &ready, true);
    let coming = sum(&of_kind(outcome, Kind::NodesComing), outcome.series.time_s.len());
    if coming.iter().any(|&count| count > 0.0) {
        shown.layers.push(Layer {
            label: "coming".to_owned(),
            colour: IDLE,
            values: coming,
            width: 1.0,
            filled: true,
        });
    }
    Some(shown)
}

fn paint(
    canvas: &mut Canvas<'_>,
    outcome: &Outcome,
    shown: &Shown,
    time: Scale,
    span: (f64, f64),
    ticks: &[(f64, String)],
) {
    let times = &outcome.series.time_s;
    let total: Vec<f64> = (0..times.len())
        .map(|row| shown.layers.iter().filter_map(|layer| layer.values.get(row)).sum())
        .collect();
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let max = if shown.stacked {
        largest(&total)
    } else {
        shown.layers.iter().map(|layer| largest(&layer.values)).fold(0.0, f64::max)
    };
    let frame = Frame { title: &shown.title, time, span, max, whole: shown.whole, ticks };
    let mut panel = Panel::new(canvas, &frame);
    if shown.stacked {
        let rows = thin(&total, POINTS);
        let mut below: Vec<(f64, f64)> = rows.iter().map(|&row| (times[row], 0.0)).collect();
        for layer in &shown.layers {
            let value = |row: usize| layer.values.get(row).copied().unwrap_or(0.0);
            let above: Vec<(f64, f64)> = rows
                .iter()
                .zip(&below)
                .map(|(&row, under)| (under.0, under.1 + value(row)))
                .collect();
            panel.layer(&above, &below, layer.colour);
            let ends = above.last().zip(below.last());
            if let (Some((above, below)), true) = (ends, largest(&layer.values) > 0.0) {
                panel.label((above.1 + below.1) / 2.0, &short(&layer.label), layer.colour);
            }
            below = above;
        }
    } else {
        for layer in &shown.layers {
            let rows = thin(&layer.values, POINTS);
            let points: Vec<(f64, f64)> =
                rows.into_iter().map(|row| (times[row], layer.values[row])).collect();
            panel.steps(&points, layer.colour, layer.width, layer.filled);
            if let Some(last) = points.last() {
                panel.label(last.1, &short(&layer.label), layer.colour);
            }
        }
    }
    panel.finish();
}

/// A label that fits the right margin.
fn short(label: &str) -> String {
    const ROOM: usize = 20;
    if label.chars().count() <= ROOM {
        return label.to_owned();
    }
    let kept: String = label.chars().take(ROOM - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_timeline_has_all_panels_and_escapes_names() {
        let mut outcome = sample::outcome(7);
        outcome.name = "a<b>&c".to_owned();
        let svg = timeline(&outcome);
        assert!(svg.starts_with("<svg width=\"1200\" height=\""), "{}", &svg[..80]);
        for text in ["Messages waiting", "Replicas", "Nodes by pool", "USD per hour", "14:00"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.contains("a&lt;b&gt;&amp;c") && !svg.contains("a<b>"));
        assert!(svg.len() < 600_000, "{} bytes", svg.len());
    }

    #[test]
    fn an_empty_run_is_a_picture_too() {
        assert!(timeline(&Outcome::default()).contains("</svg>"));
    }
}
