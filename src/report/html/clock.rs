//! What share of the work waited at most how long: both clocks of every scenario on one axis.

use plotly::common::{DashType, HoverInfo, Line, LineShape, Mode};
use plotly::layout::{Axis, AxisType, HoverMode, Layout, Margin};
use plotly::{Plot, Scatter};
use serde_json::{Value, json};

use super::figure::colour;
use crate::record::Distribution;
use crate::report::model::Report;
use crate::report::number::length;

const POINTS: usize = 400;

/// The shortest wait that a logarithmic axis shows.
const SHORTEST: f64 = 0.1;

/// The figure and its sentence; `None` if nothing waited.
pub fn clocks(reports: &[Report]) -> Option<(Value, String)> {
    let mut plot = Plot::new();
    let mut sentences = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        for (clock, values, dash) in [
            ("message wait", &report.outcome.messages.wait, DashType::Solid),
            ("pod pending", &report.outcome.pods.pending, DashType::Dot),
        ] {
            if values.count() == 0 {
                continue;
            }
            let name = if reports.len() > 1 {
                format!("{}, {clock}", report.name())
            } else {
                clock.to_owned()
            };
            sentences.push(format!(
                "{name}: half at most {}, 95 % at most {}.",
                length(values.quantile(0.5).as_secs_f64()),
                length(values.quantile(0.95).as_secs_f64())
            ));
            plot.add_trace(curve(name, values, dash, index));
        }
    }
    if sentences.is_empty() {
        return None;
    }
    let time = Axis::new().type_(AxisType::Log).title("waited at most (s)").fixed_range(true);
    let share = Axis::new().range(vec![0.0, 1.02]).tick_format(".0%").fixed_range(true);
    plot.set_layout(
        Layout::new()
            .height(300)
            .hover_mode(HoverMode::X)
            .margin(Margin::new().left(58).right(14).top(12).bottom(48))
            .legend(
                plotly::layout::Legend::new()
                    .x(0.98)
                    .y(0.05)
                    .x_anchor(plotly::common::Anchor::Right)
                    .y_anchor(plotly::common::Anchor::Bottom),
            )
            .show_legend(true)
            .x_axis(time)
            .y_axis(share),
    );
    let plot: Value = serde_json::from_str(&plot.to_json()).unwrap_or(Value::Null);
    Some((json!({"plot": plot}), sentences.join(" ")))
}

fn curve(
    name: String,
    values: &Distribution,
    dash: DashType,
    index: usize,
) -> Box<Scatter<f64, f64>> {
    let points = values.cumulative(POINTS);
    let (times, shares): (Vec<f64>, Vec<f64>) =
        points.into_iter().map(|(seconds, share)| (seconds.max(SHORTEST), share)).unzip();
    Scatter::new(times, shares)
        .name(name)
        .mode(Mode::Lines)
        .hover_info(HoverInfo::All)
        .line(Line::new().color(colour(index)).width(2.0).dash(dash).shape(LineShape::Hv))
}
