//! One panel of a stack that shares its time axis: grid, title, lines, and labels at their ends.

use plotters::style::RGBColor;

use super::axis::{Scale, value_ticks};
use super::theme::{Align, Canvas, GREY, INK, PALE, Type};
use super::thin::steps;
use crate::report::number::plain;

/// A label beside the end of a line.
#[derive(Clone, Debug)]
pub struct EndLabel {
    /// Where it would stand.
    pub y: f64,
    /// Text.
    pub text: String,
    /// Colour of the line.
    pub colour: RGBColor,
}

/// A panel.
pub struct Panel<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    time: Scale,
    value: Scale,
    labels: Vec<EndLabel>,
}

/// Where a panel is and what it is called.
pub struct Frame<'a> {
    /// Title, unit included.
    pub title: &'a str,
    /// Time axis.
    pub time: Scale,
    /// Top and bottom in pixels.
    pub span: (f64, f64),
    /// Largest value.
    pub max: f64,
    /// Whether values are whole numbers.
    pub whole: bool,
    /// Ticks of time, seconds.
    pub ticks: &'a [(f64, String)],
}

impl<'a, 'b> Panel<'a, 'b> {
    /// Draws grid and title.
    pub fn new(canvas: &'a mut Canvas<'b>, frame: &Frame<'_>) -> Self {
        let ticks = value_ticks(frame.max, 3, frame.whole);
        let top = ticks.last().copied().unwrap_or(1.0);
        let value = Scale { data: (0.0, top), pixels: (frame.span.1, frame.span.0) };
        let (left, right) = frame.time.pixels;
        for (at, _) in frame.ticks {
            let x = frame.time.at(*at);
            canvas.line(&[(x, frame.span.0), (x, frame.span.1)], PALE, 1.0);
        }
        for tick in ticks {
            let y = value.at(tick);
            let colour = if tick == 0.0 { GREY } else { PALE };
            canvas.line(&[(left, y), (right, y)], colour, 1.0);
            canvas.text((left - 8.0, y), &plain(tick), Type::label(GREY, Align::End));
        }
        let title = Type::label(INK, Align::Start).strong().sized(14.0);
        canvas.text((left, frame.span.0 - 13.0), frame.title, title);
        Self { canvas, time: frame.time, value, labels: Vec::new() }
    }

    fn place(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().map(|&(time, value)| (self.time.at(time), self.value.at(value))).collect()
    }

    /// A line of steps, filled faintly below if asked.
    pub fn steps(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64, fill: bool) {
        let stepped = self.place(&steps(points));
        if fill {
            self.below(&stepped, None, colour, 0.15);
        }
        self.canvas.line(&stepped, colour, width);
    }

    /// A layer of a stack: the area between two lines of steps with the same times.
    pub fn layer(&mut self, upper: &[(f64, f64)], lower: &[(f64, f64)], colour: RGBColor) {
        let upper = self.place(&steps(upper));
        let lower = self.place(&steps(lower));
        self.below(&upper, Some(&lower), colour, 0.8);
    }

    fn below(
        &mut self,
        upper: &[(f64, f64)],
        lower: Option<&[(f64, f64)]>,
        colour: RGBColor,
        opacity: f64,
    ) {
        let (Some(first), Some(last)) = (upper.first(), upper.last()) else { return };
        let floor = [(first.0, self.value.pixels.0), (last.0, self.value.pixels.0)];
        let mut outline = upper.to_vec();
        outline.extend(lower.unwrap_or(&floor).iter().rev());
        self.canvas.fill(&outline, colour, opacity);
    }

    /// A label at the end of what was drawn, at a value.
    pub fn label(&mut self, value: f64, text: &str, colour: RGBColor) {
        let y = self.value.at(value);
        self.labels.push(EndLabel { y, text: text.to_owned(), colour });
    }

    /// Draws the labels, apart from each other.
    pub fn finish(self) {
        let (bottom, top) = self.value.pixels;
        let x = self.time.pixels.1 + 8.0;
        for label in spread(self.labels, 16.0, (top, bottom)) {
            let look = Type::label(label.colour, Align::Start).strong();
            self.canvas.text((x, label.y), &label.text, look);
        }
    }
}

/// Moves labels apart by at least `gap`, inside a span as long as there is room.
pub fn spread(mut labels: Vec<EndLabel>, gap: f64, span: (f64, f64)) -> Vec<EndLabel> {
    labels.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut least = span.0;
    for label in &mut labels {
        label.y = label.y.max(least);
        least = label.y + gap;
    }
    let mut most = span.1;
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(most);
        most = label.y - gap;
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_order() {
        let label = |y, text: &str| EndLabel { y, text: text.to_owned(), colour: INK };
        let placed =
            spread(vec![label(99.0, "c"), label(50.0, "a"), label(98.0, "b")], 16.0, (0.0, 100.0));
        let got: Vec<(&str, f64)> = placed.iter().map(|one| (one.text.as_str(), one.y)).collect();
        assert_eq!(got, [("a", 50.0), ("b", 84.0), ("c", 100.0)]);
    }
}
