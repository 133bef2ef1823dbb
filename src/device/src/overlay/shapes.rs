//! The mask's outline and the axes of its ellipse.

use std::f64::consts::TAU;

use image::{Rgb, RgbImage};
use ushydra_measure::{Ellipse, Mask};

use super::canvas::{self, Colour};

/// Dashes around a dashed outline.
const DASHES: f64 = 36.0;

/// How an outline is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) colour: Colour,
    /// Width in pixels of the picture, at least 1.
    pub(super) thickness: u32,
    /// Whether it is interrupted, for a mask that may not be relied on.
    pub(super) dashed: bool,
}

/// Draws the inner edge of `mask`; `scale` maps its pixels to those of the picture.
pub(super) fn outline(picture: &mut RgbImage, mask: &Mask, scale: u32, stroke: Stroke) {
    let Some(centre) = centre(mask) else { return };
    let scale = scale.max(1);
    let (width, height) = picture.dimensions();
    let reach = stroke.thickness.max(1);
    // Outside the picture nothing is inside, so a mask that is cut off is closed by its border.
    let inside = |x: Option<u32>, y: Option<u32>| x.zip(y).is_some_and(|(x, y)| mask.get(x / scale, y / scale));
    for y in 0..height.min(mask.height().saturating_mul(scale)) {
        for x in 0..width.min(mask.width().saturating_mul(scale)) {
            if !mask.get(x / scale, y / scale) {
                continue;
            }
            let (here_x, here_y) = (Some(x), Some(y));
            let surrounded = inside(x.checked_sub(reach), here_y)
                && inside(x.checked_add(reach), here_y)
                && inside(here_x, y.checked_sub(reach))
                && inside(here_x, y.checked_add(reach));
            if surrounded || (stroke.dashed && in_gap(x, y, centre, scale)) {
                continue;
            }
            picture.put_pixel(x, y, Rgb(stroke.colour));
        }
    }
}

/// Draws both axes of `ellipse`.
pub(super) fn axes(picture: &mut RgbImage, ellipse: &Ellipse, scale: u32, stroke: Stroke) {
    let (sin, cos) = ellipse.angle_deg.to_radians().sin_cos();
    for (half, [x, y]) in [(ellipse.a, [cos, sin]), (ellipse.b, [-sin, cos])] {
        let end = |side: f64| [ellipse.cx + side * half * x, ellipse.cy + side * half * y];
        segment(picture, end(-1.0), end(1.0), scale, stroke);
    }
}

/// Draws a straight line between two points of the frame.
pub(super) fn segment(picture: &mut RgbImage, from: [f64; 2], to: [f64; 2], scale: u32, stroke: Stroke) {
    let [from, to] = [from, to].map(|point| point.map(|value| value * f64::from(scale)));
    canvas::line(picture, from, to, stroke.thickness, stroke.colour);
}

/// Middle of the rows and columns that the mask covers.
fn centre(mask: &Mask) -> Option<[f64; 2]> {
    let mut bounds: Option<[u32; 4]> = None;
    for y in 0..mask.height() {
        let row = mask.row(y);
        let (Some(first), Some(last)) = (row.iter().position(|&v| v != 0), row.iter().rposition(|&v| v != 0)) else {
            continue;
        };
        let (first, last) = (first as u32, last as u32);
        let [left, right, top, _] = bounds.unwrap_or([first, last, y, y]);
        bounds = Some([left.min(first), right.max(last), top, y]);
    }
    bounds.map(|[left, right, top, bottom]| [f64::from(left + right + 1) / 2.0, f64::from(top + bottom + 1) / 2.0])
}

/// Whether a pixel of the picture lies in a gap between dashes, seen from `centre`.
fn in_gap(x: u32, y: u32, centre: [f64; 2], scale: u32) -> bool {
    let scale = f64::from(scale);
    let angle = (f64::from(y) / scale - centre[1]).atan2(f64::from(x) / scale - centre[0]);
    ((angle / TAU + 0.5) * 2.0 * DASHES) as u32 % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: Colour = [9, 8, 7];

    fn drawn(picture: &RgbImage) -> usize {
        picture.pixels().filter(|p| p.0 == COLOUR).count()
    }

    fn block(width: u32, height: u32, from: [u32; 2], to: [u32; 2]) -> Mask {
        let mut mask = Mask::new(width, height);
        for y in from[1]..to[1] {
            for x in from[0]..to[0] {
                mask.data_mut()[(y * width + x) as usize] = 1;
            }
        }
        mask
    }

    #[test]
    fn an_outline_is_the_inner_edge() {
        struct Case {
            mask: Mask,
            scale: u32,
            thickness: u32,
            pixels: usize,
        }
        let cases = [
            Case { mask: block(12, 10, [2, 2], [8, 7]), scale: 1, thickness: 1, pixels: 6 * 5 - 4 * 3 },
            Case { mask: block(12, 10, [2, 2], [8, 7]), scale: 3, thickness: 2, pixels: 18 * 15 - 14 * 11 },
            // A mask that fills the picture has the picture's border as outline.
            Case { mask: block(5, 4, [0, 0], [5, 4]), scale: 1, thickness: 1, pixels: 20 - 6 },
            Case { mask: block(1, 1, [0, 0], [1, 1]), scale: 4, thickness: 1, pixels: 16 - 4 },
            Case { mask: Mask::new(7, 7), scale: 2, thickness: 1, pixels: 0 },
        ];
        for case in cases {
            let mut picture = RgbImage::new(case.mask.width() * case.scale, case.mask.height() * case.scale);
            let stroke = Stroke { colour: COLOUR, thickness: case.thickness, dashed: false };
            outline(&mut picture, &case.mask, case.scale, stroke);
            assert_eq!(drawn(&picture), case.pixels, "{:?}", case.mask);
        }
    }

    #[test]
    fn a_dashed_outline_has_gaps_all_around() {
        let mask = block(200, 200, [20, 20], [180, 180]);
        let outline_of = |dashed| {
            let mut picture = RgbImage::new(200, 200);
            outline(&mut picture, &mask, 1, Stroke { colour: COLOUR, thickness: 1, dashed });
            drawn(&picture)
        };
        let (whole, dashed) = (outline_of(false), outline_of(true));
        assert!(dashed * 3 > whole && dashed * 3 < whole * 2, "{dashed} of {whole}");
    }

    #[test]
    fn axes_cross_in_the_centre_and_stay_inside_the_picture() {
        let ellipse = Ellipse { cx: 20.5, cy: 10.5, a: 15.0, b: 5.0, angle_deg: 0.0 };
        let mut picture = RgbImage::new(40, 20);
        axes(&mut picture, &ellipse, 1, Stroke { colour: COLOUR, thickness: 1, dashed: false });
        assert_eq!(drawn(&picture), 31 + 11 - 1);
        axes(&mut picture, &Ellipse { a: 1e4, ..ellipse }, 1, Stroke { colour: COLOUR, thickness: 3, dashed: false });
    }
}
