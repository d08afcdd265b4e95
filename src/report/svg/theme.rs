//! Colours, sizes, and a canvas in fractions of a pixel.

use plotters::backend::DrawingBackend;
use plotters::prelude::{IntoFont, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, RGBColor, ShapeStyle, TextStyle};

/// Okabe and Ito's palette: told apart by colour-blind readers, and in grey by their lightness.
pub const SERIES: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(120, 112, 20),
];

/// Text and axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Labels of axes.
pub const GREY: RGBColor = RGBColor(102, 102, 102);
/// Grid.
pub const PALE: RGBColor = RGBColor(228, 228, 228);
/// What is lost.
pub const IDLE: RGBColor = RGBColor(190, 190, 190);

const FONT: &str = "Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// Back-end units in a pixel: the back end takes whole numbers only.
const FINE: f64 = 4.0;

/// The back end divides sizes of fonts by this.
const BACKEND_FONT: f64 = 1.24;

/// Where text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Begins there.
    Start,
    /// Centred.
    Middle,
    /// Ends there.
    End,
}

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Height in pixels.
    pub size: f64,
    /// Colour.
    pub colour: RGBColor,
    /// Whether bold.
    pub bold: bool,
    /// Alignment.
    pub align: Align,
}

impl Type {
    /// A label of 13 pixels.
    pub const fn label(colour: RGBColor, align: Align) -> Self {
        Self { size: 13.0, colour, bold: false, align }
    }

    /// The same, bold.
    pub const fn strong(self) -> Self {
        Self { bold: true, ..self }
    }

    /// The same, of another size.
    pub const fn sized(self, size: f64) -> Self {
        Self { size, ..self }
    }
}

/// An SVG picture being drawn, in pixels from the top left.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

fn stroke(colour: RGBColor, opacity: f64, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: colour.mix(opacity),
        filled: true,
        stroke_width: (width * FINE).round() as u32,
    }
}

/// Draws a picture and returns its text. The background is white so that it is readable in dark
/// viewers.
pub fn draw(width: u32, height: u32, paint: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut text = String::new();
    {
        let size = (width * FINE as u32, height * FINE as u32);
        let mut canvas = Canvas { backend: SVGBackend::with_string(&mut text, size) };
        canvas.area(
            (0.0, 0.0),
            (f64::from(width), f64::from(height)),
            RGBColor(255, 255, 255),
            1.0,
        );
        paint(&mut canvas);
        // A string takes all that is written to it.
        let _ = canvas.backend.present();
    }
    let fine = format!("<svg width=\"{}\" height=\"{}\"", width * 4, height * 4);
    text.replacen(&fine, &format!("<svg width=\"{width}\" height=\"{height}\""), 1)
}

fn at(point: (f64, f64)) -> (i32, i32) {
    ((point.0 * FINE).round() as i32, (point.1 * FINE).round() as i32)
}

impl Canvas<'_> {
    /// A filled rectangle between two corners.
    pub fn area(&mut self, from: (f64, f64), to: (f64, f64), colour: RGBColor, opacity: f64) {
        let style = stroke(colour, opacity, 1.0);
        let _ = self.backend.draw_rect(at(from), at(to), &style, true);
    }

    /// A line through points.
    pub fn line(&mut self, points: &[(f64, f64)], colour: RGBColor, width: f64) {
        if points.len() > 1 {
            let style = stroke(colour, 1.0, width);
            let _ = self.backend.draw_path(points.iter().map(|&point| at(point)), &style);
        }
    }

    /// A filled polygon.
    pub fn fill(&mut self, points: &[(f64, f64)], colour: RGBColor, opacity: f64) {
        if points.len() > 2 {
            let style = stroke(colour, opacity, 0.0);
            let _ = self.backend.fill_polygon(points.iter().map(|&point| at(point)), &style);
        }
    }

    /// Text whose middle height is at the point.
    pub fn text(&mut self, point: (f64, f64), text: &str, look: Type) {
        let mut font = (FONT, look.size * FINE * BACKEND_FONT).into_font();
        if look.bold {
            font = font.style(FontStyle::Bold);
        }
        let anchor = match look.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let style = TextStyle::from(font).color(&look.colour).pos(Pos::new(anchor, VPos::Center));
        let _ = self.backend.draw_text(text, &style, at(point));
    }
}

/// A rough width of text in pixels, enough to keep labels apart.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}
