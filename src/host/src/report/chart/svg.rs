//! The painter: a chart as SVG, through plotters.

use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::legend::{self, ROW, SAMPLE};
use super::{Axis, Chart, Colour, Entry, Layer, Marker, Style};
use crate::error::{HostError, Result};

/// The SVG has this many units per CSS pixel, because the painter rounds to whole units.
const UNITS: u32 = 4;
/// Sizes of letters in CSS pixels.
const LETTERS: u32 = 13;
const TITLE: u32 = 15;
/// Mean width of a letter of [`LETTERS`], a little generous.
pub(super) const CHARACTER: f64 = 7.2;
const MARGIN: u32 = 8;
/// Room of an axis' name.
const NAME: u32 = 24;
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Coordinates<'a> = Cartesian2d<Scale<'a>, Scale<'a>>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Coordinates<'a>>;
type Painted = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The chart as a whole SVG document, on transparent ground, with title and description for screen readers.
///
/// # Errors
/// [`HostError::Plot`] for a chart that cannot be drawn.
pub fn svg(chart: &Chart) -> Result<String> {
    let mut text = String::new();
    let [width, height] = chart.size;
    let drawn = {
        let backend = SVGBackend::with_string(&mut text, (width * UNITS, height * UNITS));
        let root = backend.into_drawing_area();
        paint(&root, chart).and_then(|()| root.present())
    };
    drawn.map_err(|e| HostError::Plot { name: chart.name.clone(), problem: e.to_string() })?;
    Ok(accessible(&text, chart))
}

/// Gives the picture its role, words and size in CSS pixels.
fn accessible(text: &str, chart: &Chart) -> String {
    let [width, height] = chart.size;
    let Some((_, rest)) = text.split_once('>') else { return text.to_owned() };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" aria-label=\"{}\">\n<title>{}</title>\n<desc>{}</desc>{rest}",
        width * UNITS,
        height * UNITS,
        escape(&chart.title),
        escape(&chart.title),
        escape(&chart.description)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const fn px(css: u32) -> i32 {
    (css * UNITS) as i32
}

fn rgb(colour: Colour) -> RGBColor {
    let [r, g, b] = colour.light();
    RGBColor(r, g, b)
}

fn letters(size: u32, colour: Colour) -> TextStyle<'static> {
    // The backend divides by 1.24 to get from a line's height to the size of its letters.
    (FONT, f64::from(size * UNITS) * 1.24).into_font().color(&rgb(colour))
}

fn paint(root: &Area<'_>, chart: &Chart) -> Painted {
    let width = chart.size[0];
    let (places, rows) = legend::place(&chart.legend, width.saturating_sub(2 * MARGIN));
    let title = letters(TITLE, Colour::Ink).pos(Pos::new(HPos::Left, VPos::Top));
    root.draw_text(&chart.title, &title, (px(MARGIN), px(MARGIN)))?;
    let above = MARGIN + TITLE + 10;
    let below = rows * ROW + if rows > 0 { MARGIN } else { 0 };
    let body = root.margin(px(above), px(below), px(MARGIN), px(MARGIN + 14));
    let mut builder = ChartBuilder::on(&body);
    let left = (chart.y.widest() as f64 * CHARACTER) as u32 + 10 + if chart.y.label.is_empty() { 0 } else { NAME };
    let bottom = LETTERS + 12 + if chart.x.label.is_empty() { 0 } else { NAME };
    builder.set_label_area_size(LabelAreaPosition::Left, px(left));
    builder.set_label_area_size(LabelAreaPosition::Bottom, px(bottom));
    let mut context = builder.build_cartesian_2d(Scale(&chart.x), Scale(&chart.y))?;
    mesh(&mut context, chart)?;
    for layer in &chart.layers {
        draw(&context, layer)?;
    }
    let top = chart.size[1].saturating_sub(below) + MARGIN / 2;
    for (entry, (x, row)) in chart.legend.iter().zip(places) {
        let at = (px(MARGIN + x), px(top + row * ROW + ROW / 2));
        sample(root, entry, at)?;
    }
    Ok(())
}

/// An axis as plotters asks for it: linear, with ticks where we say.
#[derive(Clone)]
struct Scale<'a>(&'a Axis);

impl Ranged for Scale<'_> {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let [from, to] = self.0.range;
        let share = (value - from) / (to - from);
        // A conversion of floats saturates, and what is no number lands on 0.
        (f64::from(limit.0) + share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Asked a second time for the light lines between the ticks, of which there are none.
        if hint.weight().allow_light_points() { Vec::new() } else { self.0.ticks.iter().map(|t| t.0).collect() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.0.range[0]..self.0.range[1]
    }
}

impl ValueFormatter<f64> for Scale<'_> {
    /// The word of the tick nearest to `value`.
    fn format_ext(&self, value: &f64) -> String {
        let ticks = self.0.ticks.iter();
        let nearest = ticks.min_by(|a, b| (a.0 - value).abs().total_cmp(&(b.0 - value).abs()));
        nearest.map(|t| t.1.clone()).unwrap_or_default()
    }
}

fn mesh(context: &mut Context<'_, '_>, chart: &Chart) -> Painted {
    let style = letters(LETTERS, Colour::Ink);
    let mut mesh = context.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(rgb(Colour::Grid).stroke_width(UNITS))
        .axis_style(rgb(Colour::Ink).stroke_width(UNITS))
        .set_all_tick_mark_size(px(4))
        .x_labels(chart.x.ticks.len() + 1)
        .y_labels(chart.y.ticks.len() + 1)
        .label_style(style.clone())
        .axis_desc_style(style)
        .x_desc(chart.x.label.as_str())
        .y_desc(chart.y.label.as_str());
    if !chart.x.grid {
        mesh.disable_x_mesh();
    }
    if !chart.y.grid {
        mesh.disable_y_mesh();
    }
    mesh.draw()
}

fn draw(context: &Context<'_, '_>, layer: &Layer) -> Painted {
    let area = context.plotting_area();
    let at = |p: &[f64; 2]| (p[0], p[1]);
    match layer {
        Layer::Line { points, colour, dashed } => {
            let style = rgb(*colour).stroke_width(2 * UNITS);
            let points: Vec<(f64, f64)> = points.iter().filter(|p| p.iter().all(|v| v.is_finite())).map(at).collect();
            if *dashed {
                area.draw(&DashedPathElement::new(points, 6 * UNITS, 5 * UNITS, style))
            } else {
                area.draw(&PathElement::new(points, style))
            }
        }
        Layer::Points { points, colour, marker, size } => {
            for point in points.iter().filter(|p| p.iter().all(|v| v.is_finite())) {
                let place = context.backend_coord(&at(point));
                mark(&area.use_screen_coord(), place, *marker, *colour, *size)?;
            }
            Ok(())
        }
        Layer::Box { from, to, colour, opacity } => {
            area.draw(&Rectangle::new([at(from), at(to)], rgb(*colour).mix(*opacity).filled()))
        }
        Layer::Interval { from, to, colour } => {
            let style = rgb(*colour).stroke_width(2 * UNITS);
            area.draw(&PathElement::new(vec![at(from), at(to)], style))?;
            let ends = [context.backend_coord(&at(from)), context.backend_coord(&at(to))];
            let plain = area.use_screen_coord();
            let across = if ends[0].1 == ends[1].1 { (0, px(4)) } else { (px(4), 0) };
            for (x, y) in ends {
                plain
                    .draw(&PathElement::new(vec![(x - across.0, y - across.1), (x + across.0, y + across.1)], style))?;
            }
            Ok(())
        }
        Layer::Text { at: place, text, colour } => {
            let style = letters(LETTERS, *colour).pos(Pos::new(HPos::Center, VPos::Center));
            // `draw_text` of an area counts from the area's corner, `draw` from the picture's.
            area.use_screen_coord().draw(&Text::new(text.as_str(), context.backend_coord(&at(place)), style))
        }
    }
}

/// A marker around a place in units of the SVG.
fn mark(area: &Area<'_>, (x, y): (i32, i32), marker: Marker, colour: Colour, size: u32) -> Painted {
    let (r, fill) = (px(size), rgb(colour).filled());
    let stroke = rgb(colour).stroke_width(2 * UNITS);
    match marker {
        Marker::Circle => area.draw(&Circle::new((x, y), r, fill)),
        Marker::Ring => area.draw(&Circle::new((x, y), r, stroke)),
        Marker::Square => area.draw(&Rectangle::new([(x - r, y - r), (x + r, y + r)], fill)),
        Marker::Triangle => {
            let corners = vec![(x - r, y + r), (x + r, y + r), (x, y - r)];
            area.draw(&Polygon::new(corners, fill))
        }
        Marker::Cross => {
            area.draw(&PathElement::new(vec![(x - r, y - r), (x + r, y + r)], stroke))?;
            area.draw(&PathElement::new(vec![(x - r, y + r), (x + r, y - r)], stroke))
        }
    }
}

/// An entry of the legend whose left middle is `(x, y)`.
fn sample(area: &Area<'_>, entry: &Entry, (x, y): (i32, i32)) -> Painted {
    let end = x + px(SAMPLE - 6);
    match entry.style {
        Style::Line { colour, dashed } => {
            let style = rgb(colour).stroke_width(2 * UNITS);
            let points = vec![(x, y), (end, y)];
            if dashed {
                area.draw(&DashedPathElement::new(points, 6 * UNITS, 5 * UNITS, style))?;
            } else {
                area.draw(&PathElement::new(points, style))?;
            }
        }
        Style::Marker { colour, marker } => mark(area, ((x + end) / 2, y), marker, colour, 5)?,
        Style::Box { colour } => {
            area.draw(&Rectangle::new([(x, y - px(5)), (end, y + px(5))], rgb(colour).filled()))?;
        }
    }
    let style = letters(LETTERS, Colour::Ink).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw_text(&entry.name, &style, (x + px(SAMPLE), y))
}
