//! Charts as data, and one painter that turns them into SVG; PNG is made from the SVG.
//!
//! A chart is a list of layers over two axes. What it shows can be tested without looking at pixels, and the same chart
//! gives the same bytes.

mod axis;
mod legend;
pub mod palette;
pub mod png;
mod svg;

pub use axis::{Axis, nice_ticks};
pub use palette::{Colour, Marker, Style};
pub use svg::svg;

/// Something drawn over the axes, in their units.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// A line through points.
    Line {
        /// Points in order.
        points: Vec<[f64; 2]>,
        /// Colour.
        colour: Colour,
        /// Interrupted line.
        dashed: bool,
    },
    /// Separate points.
    Points {
        /// Their places.
        points: Vec<[f64; 2]>,
        /// Colour.
        colour: Colour,
        /// Shape.
        marker: Marker,
        /// Half the size of a marker in pixels.
        size: u32,
    },
    /// A filled rectangle.
    Box {
        /// One corner.
        from: [f64; 2],
        /// The opposite corner.
        to: [f64; 2],
        /// Colour.
        colour: Colour,
        /// 0 (unseen) to 1.
        opacity: f64,
    },
    /// An interval with small caps, along x or along y.
    Interval {
        /// One end.
        from: [f64; 2],
        /// The other end.
        to: [f64; 2],
        /// Colour.
        colour: Colour,
    },
    /// A word centred on a place.
    Text {
        /// Its middle.
        at: [f64; 2],
        /// The word.
        text: String,
        /// Colour.
        colour: Colour,
    },
}

/// A line of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it stands for.
    pub name: String,
    /// How that is drawn.
    pub style: Style,
}

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// File name of its plots, without ending.
    pub name: String,
    /// Title, above the axes.
    pub title: String,
    /// What a reader who cannot see it should know.
    pub description: String,
    /// Width and height in CSS pixels.
    pub size: [u32; 2],
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// From back to front.
    pub layers: Vec<Layer>,
    /// Below the axes.
    pub legend: Vec<Entry>,
}
