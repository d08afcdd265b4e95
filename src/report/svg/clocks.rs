//! `pending-cdf.svg`: what share of the work waited at most how long, both clocks on one
//! logarithmic axis.

use plotters::style::RGBColor;

use super::axis::{LogScale, Scale};
use super::theme::{Align, Canvas, GREY, INK, PALE, SERIES, Type, draw};
use crate::record::{Distribution, Outcome};
use crate::report::number::length;

const WIDTH: f64 = 1_200.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 56.0;
const POINTS: usize = 1_500;

/// The picture.
pub fn pending_cdf(outcome: &Outcome) -> String {
    let clocks: Vec<(&str, &Distribution, RGBColor)> = [
        ("message wait", &outcome.messages.wait, SERIES[0]),
        ("pod pending", &outcome.pods.pending, SERIES[5]),
    ]
    .into_iter()
    .filter(|(_, values, _)| values.count() > 0)
    .collect();
    draw(WIDTH as u32, HEIGHT as u32, |canvas| {
        let longest = clocks
            .iter()
            .map(|(_, values, _)| values.quantile(1.0).as_secs_f64())
            .fold(1.0, f64::max);
        let time = LogScale::up_to(longest, (LEFT, WIDTH - RIGHT));
        let share = Scale { data: (0.0, 1.0), pixels: (HEIGHT - BOTTOM, TOP) };
        grid(canvas, &outcome.name, time, share);
        for (index, (name, values, colour)) in clocks.into_iter().enumerate() {
            curve(canvas, values, time, share, colour);
            let half = values.quantile(0.5).as_secs_f64();
            let most = values.quantile(0.95).as_secs_f64();
            dot(canvas, (time.at(most), share.at(0.95)), colour);
            let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 6.0 + index as f64 * 52.0);
            canvas.text((x, y), name, Type::label(colour, Align::Start).strong());
            let figures = format!("p50 {}, p95 {}", length(half), length(most));
            canvas.text((x, y + 19.0), &figures, Type::label(colour, Align::Start));
        }
    })
}

fn dot(canvas: &mut Canvas<'_>, at: (f64, f64), colour: RGBColor) {
    canvas.area((at.0 - 4.0, at.1 - 4.0), (at.0 + 4.0, at.1 + 4.0), colour, 1.0);
}

fn grid(canvas: &mut Canvas<'_>, name: &str, time: LogScale, share: Scale) {
    let title = Type::label(INK, Align::Start).strong().sized(18.0);
    canvas.text((LEFT, 18.0), name, title);
    let what = "share of all that waited at most this long";
    canvas.text((LEFT, 42.0), what, Type::label(GREY, Align::Start));
    for (seconds, label) in time.ticks() {
        let x = time.at(seconds);
        canvas.line(&[(x, share.pixels.1), (x, share.pixels.0)], PALE, 1.0);
        canvas.text((x, share.pixels.0 + 17.0), label, Type::label(GREY, Align::Middle));
    }
    for (value, label) in
        [(0.0, "0 %"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (0.95, "95 %"), (1.0, "")]
    {
        let y = share.at(value);
        let colour = if value == 0.0 { GREY } else { PALE };
        canvas.line(&[(time.pixels.0, y), (time.pixels.1, y)], colour, 1.0);
        canvas.text((time.pixels.0 - 8.0, y), label, Type::label(GREY, Align::End));
    }
    let unit = Type::label(GREY, Align::End);
    canvas.text((time.pixels.1, share.pixels.0 + 38.0), "waiting, logarithmic", unit);
}

fn curve(
    canvas: &mut Canvas<'_>,
    values: &Distribution,
    time: LogScale,
    share: Scale,
    colour: RGBColor,
) {
    let mut points = vec![(time.pixels.0, share.at(0.0))];
    let mut last = 0.0;
    for (seconds, part) in values.cumulative(POINTS) {
        let x = time.at(seconds);
        points.push((x, share.at(last)));
        points.push((x, share.at(part)));
        last = part;
    }
    points.push((time.pixels.1, share.at(last)));
    points.dedup();
    canvas.line(&points, colour, 2.5);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn both_clocks_are_named_with_their_figures() {
        let svg = pending_cdf(&sample::outcome(7));
        for text in ["message wait", "pod pending", "p50 5 s, p95 15 min", "95 %", "15 min"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn nothing_waited_is_a_picture_too() {
        assert!(pending_cdf(&Outcome::default()).contains("</svg>"));
    }
}
