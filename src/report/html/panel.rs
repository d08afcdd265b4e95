//! The panels of a run as one figure: one time axis under all of them, what happened at the foot.

use std::collections::BTreeMap;

use plotly::common::{
    Anchor, DashType, Fill, Font, HoverInfo, Line as Stroke, LineShape, Marker, MarkerSymbol, Mode,
};
use plotly::layout::{Annotation, Axis, AxisType, HoverMode, Layout, Margin};
use plotly::{Plot, Scatter};
use serde_json::{Value, json};

use super::chart::{Chart, Line, Style, charts};
use super::figure::{colour, instants};
use crate::record::{Actor, Outcome};
use crate::report::journal::named;
use crate::report::svg::{POINTS, thin};

const PANEL: f64 = 92.0;
const BETWEEN: f64 = 34.0;
const EVENTS: f64 = 64.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 34.0;

/// Marks of one kind; of more, the first and the last are among those kept.
const MARKS: usize = 400;

/// The panels of a run.
pub struct Panels {
    /// What Plotly draws, and what the page's script reads beside it.
    pub figure: Value,
    /// A sentence for each panel.
    pub sentences: Vec<String>,
    /// Height in pixels.
    pub height: usize,
}

/// All panels of a run.
pub fn panels(outcome: &Outcome) -> Panels {
    let charts = charts(outcome);
    let events = events(outcome);
    let marked = !events.is_empty();
    let rows = charts.len() as f64;
    let inner = rows * PANEL
        + (rows - 1.0).max(0.0) * BETWEEN
        + if marked { EVENTS + BETWEEN } else { 0.0 };
    let height = inner + TOP + BOTTOM;
    let mut plot = Plot::new();
    let mut layout = Layout::new()
        .hover_mode(HoverMode::X)
        .show_legend(false)
        .height(height as usize)
        .margin(Margin::new().left(58).right(14).top(TOP as usize).bottom(BOTTOM as usize));
    let mut titles = Vec::new();
    let mut described = Vec::new();
    let mut hatched = Vec::new();
    for (index, chart) in charts.iter().enumerate() {
        let top = inner - index as f64 * (PANEL + BETWEEN);
        let domain = [(top - PANEL) / inner, top / inner];
        layout = with_axis(layout, index, value_axis(&domain));
        titles.push(title(&chart.title, domain[1]));
        let traces = plot_lines(&mut plot, outcome, chart, index);
        let styled = chart.lines.iter().zip(&traces);
        let spot = styled.filter(|(line, _)| line.style == Style::Hatched);
        hatched.extend(spot.map(|(_, &trace)| trace));
        described.push(json!({
            "title": chart.title,
            "axis": axis_name(index).replacen('y', "yaxis", 1),
            "top": chart.top,
            "lines": traces,
        }));
    }
    if marked {
        let domain = [0.0, EVENTS / inner];
        let names: Vec<String> = events.iter().map(|kind| kind.name.to_owned()).collect();
        let places: Vec<f64> = (0..events.len()).map(|place| place as f64).collect();
        let axis = value_axis(&domain)
            .range(vec![-0.7, events.len() as f64 - 0.3])
            .tick_values(places)
            .tick_text(names)
            .show_grid(false);
        layout = with_axis(layout, charts.len(), axis);
        titles.push(title("What happened", domain[1]));
        for (place, kind) in events.iter().enumerate() {
            plot.add_trace(kind.trace(place, charts.len()));
        }
    }
    let lowest = if marked { charts.len() } else { charts.len().saturating_sub(1) };
    let time = Axis::new()
        .type_(AxisType::Date)
        .anchor(axis_name(lowest))
        .range(vec![instant(outcome, 0.0), instant(outcome, outcome.end.as_secs_f64())])
        .show_spikes(false);
    plot.set_layout(layout.x_axis(time).annotations(titles));
    let mut drawn = serde_json::from_str::<Value>(&plot.to_json()).unwrap_or(Value::Null);
    hatch(&mut drawn, &hatched);
    let figure = json!({
        "plot": drawn,
        "panels": described,
        "start": outcome.start_epoch * 1_000,
        "end": instant(outcome, outcome.end.as_secs_f64()),
    });
    let mut sentences: Vec<String> = charts.into_iter().map(|chart| chart.sentence).collect();
    if marked {
        sentences.push(events.iter().map(Marks::sentence).collect::<Vec<_>>().join(" "));
    }
    Panels { figure, sentences, height: height as usize }
}

/// Gives panels of one name the same height of scale in all figures, so that they can be compared.
pub fn align(figures: &mut [Value]) {
    let mut tops: BTreeMap<String, f64> = BTreeMap::new();
    let title = |panel: &Value| panel["title"].as_str().unwrap_or("").to_owned();
    let listed = |figure: &Value| figure["panels"].as_array().cloned().unwrap_or_default();
    for panel in figures.iter().flat_map(listed) {
        let top = tops.entry(title(&panel)).or_insert(0.0);
        *top = top.max(panel["top"].as_f64().unwrap_or(0.0));
    }
    for figure in figures {
        for panel in listed(figure) {
            let axis = panel["axis"].as_str().unwrap_or("yaxis").to_owned();
            figure["plot"]["layout"][axis]["range"] = json!([0.0, tops[&title(&panel)] * 1.05]);
        }
    }
}

/// Milliseconds since the epoch: what Plotly takes for a date.
fn instant(outcome: &Outcome, seconds: f64) -> f64 {
    (outcome.start_epoch as f64 + seconds) * 1e3
}

fn axis_name(index: usize) -> String {
    if index == 0 { "y".to_owned() } else { format!("y{}", index + 1) }
}

fn with_axis(layout: Layout, index: usize, axis: Axis) -> Layout {
    match index {
        0 => layout.y_axis(axis),
        1 => layout.y_axis2(axis),
        2 => layout.y_axis3(axis),
        3 => layout.y_axis4(axis),
        4 => layout.y_axis5(axis),
        5 => layout.y_axis6(axis),
        6 => layout.y_axis7(axis),
        _ => layout.y_axis8(axis),
    }
}

fn value_axis(domain: &[f64; 2]) -> Axis {
    Axis::new()
        .domain(domain)
        .fixed_range(true)
        .n_ticks(4)
        .range_mode(plotly::layout::RangeMode::ToZero)
}

fn title(text: &str, top: f64) -> Annotation {
    Annotation::new()
        .text(text)
        .x_ref("paper")
        .y_ref("paper")
        .x(0.0)
        .y(top)
        .x_anchor(Anchor::Left)
        .y_anchor(Anchor::Bottom)
        .show_arrow(false)
        .font(Font::new().size(13))
}

/// Draws the lines of a panel; which traces of the figure they are.
fn plot_lines(plot: &mut Plot, outcome: &Outcome, chart: &Chart, index: usize) -> Vec<usize> {
    let stacked =
        chart.lines.iter().any(|line| matches!(line.style, Style::Layer | Style::Hatched));
    // Layers of a stack must share their instants.
    let shared = stacked.then(|| {
        let total: Vec<f64> = (0..outcome.series.time_s.len())
            .map(|row| chart.lines.iter().filter_map(|line| line.values.get(row)).sum())
            .collect();
        thin(&total, POINTS)
    });
    let before = plot.data().len();
    for line in &chart.lines {
        let rows = shared.clone().unwrap_or_else(|| thin(&line.values, POINTS));
        let values: Vec<f64> =
            rows.iter().map(|&row| rounded(line.values.get(row).copied().unwrap_or(0.0))).collect();
        let times = instants(outcome, &rows);
        plot.add_trace(trace(line, times, values).y_axis(axis_name(index)));
    }
    (before..plot.data().len()).collect()
}

/// Four figures: more cannot be seen and would double the page.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn trace(line: &Line, times: Vec<f64>, values: Vec<f64>) -> Box<Scatter<f64, f64>> {
    let ink = line.colour.map_or_else(|| "#8a8a8a".to_owned(), colour);
    let mut stroke = Stroke::new().color(ink.clone()).width(1.8).shape(LineShape::Hv);
    if line.style == Style::Dashed {
        stroke = stroke.dash(DashType::Dash).width(1.4);
    }
    let trace = Scatter::new(times, values)
        .name(&line.name)
        .mode(Mode::Lines)
        .hover_info(HoverInfo::None)
        .line(stroke);
    match line.style {
        Style::Plain | Style::Dashed => trace,
        Style::Filled => trace.fill(Fill::ToZeroY),
        Style::Layer | Style::Hatched => trace.stack_group("layers"),
    }
}

/// Hatches the layers of spot pools; the crate's traces have no word for it.
fn hatch(plot: &mut Value, hatched: &[usize]) {
    for &index in hatched {
        let ink = plot["data"][index]["line"]["color"].clone();
        plot["data"][index]["fillpattern"] = json!({"shape": "/", "size": 6, "fgcolor": ink});
    }
}

/// Events of one kind.
struct Marks {
    name: &'static str,
    symbol: MarkerSymbol,
    colour: usize,
    times: Vec<f64>,
    texts: Vec<String>,
    count: usize,
}

impl Marks {
    fn trace(&self, place: usize, axis: usize) -> Box<Scatter<f64, f64>> {
        let heights = vec![place as f64; self.times.len()];
        Scatter::new(self.times.clone(), heights)
            .name(self.name)
            .mode(Mode::Markers)
            .hover_info(HoverInfo::None)
            .text_array(self.texts.clone())
            .marker(Marker::new().symbol(self.symbol.clone()).size(8).color(colour(self.colour)))
            .y_axis(axis_name(axis))
    }

    fn sentence(&self) -> String {
        format!("Nodes or requests {}: {}.", self.name, self.count)
    }
}

/// What controllers and the provider did, by kind, those that happened.
fn events(outcome: &Outcome) -> Vec<Marks> {
    let kinds = [
        ("failed", MarkerSymbol::X, 5),
        ("lost", MarkerSymbol::Diamond, 3),
        ("removed", MarkerSymbol::TriangleDown, 4),
        ("added", MarkerSymbol::TriangleUp, 2),
    ];
    let mut marks: Vec<Marks> = kinds
        .map(|(name, symbol, colour)| Marks {
            name,
            symbol,
            colour,
            times: Vec::new(),
            texts: Vec::new(),
            count: 0,
        })
        .into();
    for entry in &outcome.journal.entries {
        let kind = match (entry.actor, entry.action) {
            (_, "refuse" | "vm-failed" | "back-off" | "source-fail") => 0,
            (_, "evict" | "spot-notice" | "zone-down" | "lost" | "preempt") => 1,
            (Actor::Autoscaler, "delete-node") => 2,
            (Actor::Autoscaler, "increase-size") => 3,
            _ => continue,
        };
        let kind = &mut marks[kind];
        kind.count += 1;
        if kind.times.len() < MARKS {
            kind.times.push(instant(outcome, entry.at.as_secs_f64()));
            let (_, object) = named(outcome, entry.object);
            kind.texts.push(format!(
                "{} {} {object}: {}",
                entry.actor.name(),
                entry.action,
                entry.detail
            ));
        }
    }
    marks.retain(|kind| kind.count > 0);
    marks
}
