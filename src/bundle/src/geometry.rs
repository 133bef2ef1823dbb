//! Rectangles in the source frame and the way between model input and source pixels.

use crate::spec::Fit;

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl Rect {
    /// The whole of a frame.
    #[must_use]
    pub const fn whole(width: u32, height: u32) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// Pixels inside.
    #[must_use]
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// How the crop of the source frame lies in the model input.
///
/// Coordinates are continuous: pixel (i, j) covers `[i, i + 1) x [j, j + 1)`, its centre is at + 0.5.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mapping {
    /// Source pixels that the input shows.
    pub crop: Rect,
    /// Input pixels that show them; the rest of the input is black.
    pub fitted: Rect,
}

impl Mapping {
    /// Fits `crop` into an input of `width` x `height` pixels.
    #[must_use]
    pub fn new(crop: Rect, width: u32, height: u32, fit: Fit) -> Self {
        let fitted = match fit {
            Fit::Stretch => Rect::whole(width, height),
            Fit::Letterbox => letterbox(crop, width, height),
        };
        Self { crop, fitted }
    }

    /// Source pixels per input pixel along x and y.
    #[must_use]
    pub fn scale(&self) -> [f64; 2] {
        let ratio = |source: u32, input: u32| f64::from(source) / f64::from(input.max(1));
        [ratio(self.crop.width, self.fitted.width), ratio(self.crop.height, self.fitted.height)]
    }

    /// Input coordinates to source coordinates.
    #[must_use]
    pub fn to_source(&self, x: f64, y: f64) -> [f64; 2] {
        let [sx, sy] = self.scale();
        [
            f64::from(self.crop.x) + (x - f64::from(self.fitted.x)) * sx,
            f64::from(self.crop.y) + (y - f64::from(self.fitted.y)) * sy,
        ]
    }

    /// Source coordinates to input coordinates.
    #[must_use]
    pub fn to_input(&self, x: f64, y: f64) -> [f64; 2] {
        let [sx, sy] = self.scale();
        [
            f64::from(self.fitted.x) + (x - f64::from(self.crop.x)) / sx,
            f64::from(self.fitted.y) + (y - f64::from(self.crop.y)) / sy,
        ]
    }
}

/// The largest centred rectangle of the crop's proportions, at least one pixel each way.
fn letterbox(crop: Rect, width: u32, height: u32) -> Rect {
    let (cw, ch) = (u64::from(crop.width.max(1)), u64::from(crop.height.max(1)));
    let (w, h) = (u64::from(width), u64::from(height));
    // Rounded to nearest; the quotient never exceeds the input's side because it is only taken along the shorter one.
    let scaled = |side: u64, numerator: u64, denominator: u64| {
        let rounded = (side * numerator + denominator / 2) / denominator;
        u32::try_from(rounded.max(1)).unwrap_or(u32::MAX)
    };
    let (fitted_width, fitted_height) =
        if cw * h >= ch * w { (width, scaled(w, ch, cw).min(height)) } else { (scaled(h, cw, ch).min(width), height) };
    Rect { x: (width - fitted_width) / 2, y: (height - fitted_height) / 2, width: fitted_width, height: fitted_height }
}
