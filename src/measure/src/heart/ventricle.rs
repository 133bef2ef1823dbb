//! Area, long axis and single-plane volume of a left ventricle in one frame.

use crate::ellipse::moments;
use crate::mask::Runs;
use crate::{Mask, Spacing};

/// Discs of the method of discs (R. M. Lang et al., ASE/EACVI recommendations for cardiac chamber quantification, J. Am. Soc.
/// Echocardiogr. 28, 2015).
pub const DISCS: usize = 20;
/// Share of the length at either end whose mean width tells base from apex.
const END_SHARE: f64 = 0.2;
/// The wider end is the base when it is wider by this factor; below, the shape does not tell and the view's convention decides.
const CLEARLY_WIDER: f64 = 1.15;
/// How far a corner of the annulus may lie behind the middle of the base, per distance from the axis: bases up to 27 degrees
/// oblique (tan = 0.5) keep their corners.
const OBLIQUE: f64 = 0.5;
/// Rounds of corners -> base -> apex; the axis of a convex mask stands still after two.
const AXIS_ROUNDS: usize = 2;

/// A left ventricle in an apical view. Lengths are in mm and mm^2 and mm^3 with a spacing, else in pixels and their powers: ratios such as
/// the ejection fraction come out the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ventricle {
    /// Area of the mask.
    pub area: f64,
    /// Long axis: from the middle of the mitral annulus to the apex.
    pub long_axis: f64,
    /// Single-plane volume by the method of discs, `pi / 4 sum d_i^2 L / 20`, which takes every cross-section for a circle.
    pub volume: f64,
    /// Middle of the mitral annulus in pixels.
    pub base: [f64; 2],
    /// Apex in pixels.
    pub apex: [f64; 2],
    /// Both ends of the mitral annulus in pixels, left of the axis (seen from the base) first.
    pub annulus: [[f64; 2]; 2],
    /// Whether the lengths are millimetres.
    pub calibrated: bool,
}

impl Ventricle {
    /// Measures a cleaned mask; `None` where it is no area (empty, or a line).
    ///
    /// # Where the base is
    /// 1. The principal axis of the mask (second moments) has two ends. Over the last fifth of its length at either end the mean
    ///    width is taken. The end that is wider by 15 % is the base, cut open by the valve, the other one the rounded apex. If neither is, the
    ///    standard orientation holds: the apex is up.
    /// 2. The corners of the annulus are the points of the basal half, one on either side of the axis, with the largest sum of the way
    ///    along the axis and half the distance from it. On a mask cut across, also obliquely, these are its corners.
    /// 3. The axis runs from the apex through the middle of the corners; the base is where it leaves the mask (the middle of
    ///    a straight annulus, the pole of a rounded one). The apex is the point farthest from the base (the middle of all that are
    ///    as far to a pixel). Corners, base and apex are found once more with the new axis.
    ///
    /// # Volume
    /// The axis is cut into 20 discs of equal height. The diameter of a disc is the mask's area in it divided by its height; a
    /// pixel that lies in two is divided between them. What lies beyond the ends (one corner of an oblique base, whose
    /// counterpart is missing) counts for the nearest disc.
    ///
    /// A spacing that is not positive and finite counts as none. Allocates nothing.
    #[must_use]
    pub fn measure(mask: &Mask, spacing: Option<Spacing>) -> Option<Self> {
        let spacing = spacing.filter(Spacing::is_valid);
        let calibrated = spacing.is_some();
        let spacing = spacing.unwrap_or(Spacing::PIXELS);
        let frame = moments::fit(mask, spacing)?;
        let pixels = Pixels { mask, spacing };
        let axis = principal_axis(&pixels, [frame.cx, frame.cy], frame.angle_deg.to_radians());
        let (mut apex, mut direction) = (axis.apex, axis.towards_base);
        let (mut base, mut corners) = (axis.base, [axis.base; 2]);
        for _ in 0..AXIS_ROUNDS {
            corners = pixels.corners(apex, direction, [frame.cx, frame.cy]);
            direction = unit(apex, middle(corners))?;
            base = pixels.leave(middle(corners), direction);
            apex = pixels.farthest(base, direction, [frame.cx, frame.cy]);
            direction = unit(apex, base)?;
        }
        // Distances run between pixel centres; the mask reaches half a pixel further at either end.
        let half = pixels.extent(direction) / 2.0;
        base = step(base, direction, half);
        apex = step(apex, direction, -half);
        let long_axis = distance(base, apex);
        let widths = pixels.discs(apex, direction, long_axis);
        let height = long_axis / DISCS as f64;
        let volume = widths.iter().map(|width| std::f64::consts::FRAC_PI_4 * width * width * height).sum();
        let in_pixels = |[x, y]: [f64; 2]| [x / spacing.x_mm, y / spacing.y_mm];
        Some(Self {
            area: mask.area_px() as f64 * spacing.pixel_area_mm2(),
            long_axis,
            volume,
            base: in_pixels(base),
            apex: in_pixels(apex),
            annulus: corners.map(in_pixels),
            calibrated,
        })
    }

    /// Area in cm^2, where the spacing is known.
    #[must_use]
    pub fn area_cm2(&self) -> Option<f64> {
        self.calibrated.then_some(self.area / 100.0)
    }

    /// Long axis in mm, where the spacing is known.
    #[must_use]
    pub fn long_axis_mm(&self) -> Option<f64> {
        self.calibrated.then_some(self.long_axis)
    }

    /// Volume in mL, where the spacing is known.
    #[must_use]
    pub fn volume_ml(&self) -> Option<f64> {
        self.calibrated.then_some(self.volume / 1000.0)
    }
}

/// A mask whose pixels are centres in units of the spacing.
struct Pixels<'a> {
    mask: &'a Mask,
    spacing: Spacing,
}

impl Pixels<'_> {
    /// Calls `found` with the first and the last centre of every run and its number of pixels. Farthest points are among these.
    fn runs(&self, mut found: impl FnMut([f64; 2], [f64; 2], u32)) {
        for row in 0..self.mask.height() {
            let y = (f64::from(row) + 0.5) * self.spacing.y_mm;
            for run in Runs::new(self.mask.row(row)) {
                let at = |x: u32| [(f64::from(x) + 0.5) * self.spacing.x_mm, y];
                found(at(run.start), at(run.end - 1), run.end - run.start);
            }
        }
    }

    /// How far one pixel reaches along a direction.
    fn extent(&self, direction: [f64; 2]) -> f64 {
        // Exact along rows and columns, and one pitch in every direction where pixels are square.
        (self.spacing.x_mm * direction[0]).hypot(self.spacing.y_mm * direction[1])
    }

    /// On either side of the line through `apex` along `direction`, the corner of the annulus.
    fn corners(&self, apex: [f64; 2], direction: [f64; 2], centre: [f64; 2]) -> [[f64; 2]; 2] {
        let mut best = [(0.0, apex); 2];
        self.runs(|first, last, _| {
            for point in [first, last] {
                let side = across(point, apex, direction);
                if along(point, centre, direction) < 0.0 {
                    continue;
                }
                let score = along(point, apex, direction) + OBLIQUE * side.abs();
                let found = &mut best[usize::from(side > 0.0)];
                if score > found.0 {
                    *found = (score, point);
                }
            }
        });
        let [left, right] = best;
        // A mask on one side of its axis only has one corner.
        match (left.0 > 0.0, right.0 > 0.0) {
            (true, false) => [left.1; 2],
            (false, true) => [right.1; 2],
            _ => [left.1, right.1],
        }
    }

    /// The last point of the mask on the way from `from` along `direction`, in steps of a quarter pixel.
    fn leave(&self, from: [f64; 2], direction: [f64; 2]) -> [f64; 2] {
        let pitch = self.extent(direction) / 4.0;
        let limit = 4 * (self.mask.width() + self.mask.height());
        let inside = |point: [f64; 2]| {
            let [x, y] = [point[0] / self.spacing.x_mm, point[1] / self.spacing.y_mm];
            x >= 0.0 && y >= 0.0 && self.mask.get(x as u32, y as u32)
        };
        let mut last = from;
        for count in 1..limit {
            let point = step(from, direction, pitch * f64::from(count));
            if !inside(point) {
                break;
            }
            last = point;
        }
        // Back to where a pixel centre would lie, as every other point of the outline is one.
        step(last, direction, -2.0 * pitch)
    }

    /// The point on the apical side of the centre that is farthest from the base: the middle of those that are as far to a pixel.
    fn farthest(&self, base: [f64; 2], direction: [f64; 2], centre: [f64; 2]) -> [f64; 2] {
        let apical = |point: [f64; 2]| along(point, centre, direction) <= 0.0;
        let mut most = 0.0_f64;
        self.runs(|first, last, _| {
            for point in [first, last].into_iter().filter(|&point| apical(point)) {
                most = most.max(distance(point, base));
            }
        });
        let least = most - self.extent(direction);
        let (mut sum, mut count) = ([0.0; 2], 0.0);
        self.runs(|first, last, _| {
            for point in [first, last].into_iter().filter(|&point| apical(point) && distance(point, base) >= least) {
                sum = [sum[0] + point[0], sum[1] + point[1]];
                count += 1.0;
            }
        });
        let toward = unit(base, sum.map(|value| value / f64::max(count, 1.0)));
        toward.map_or(base, |toward| step(base, toward, most))
    }

    /// Mean widths of the discs between `apex` and `apex + length * direction`.
    fn discs(&self, apex: [f64; 2], direction: [f64; 2], length: f64) -> [f64; DISCS] {
        let mut areas = [0.0; DISCS];
        let per_unit = DISCS as f64 / length;
        // A pixel is spread evenly over its extent along the axis, which is exact for axes along rows and columns.
        let reach = (self.extent(direction) * per_unit).min(1.0);
        let advance = self.spacing.x_mm * direction[0] * per_unit;
        self.runs(|first, _, count| {
            let mut start = along(first, apex, direction) * per_unit - reach / 2.0;
            for _ in 0..count {
                let index = start.max(0.0).min(DISCS as f64 - 1.0) as usize;
                let beyond = ((start + reach - (index + 1) as f64) / reach).clamp(0.0, 1.0);
                areas[index] += 1.0 - beyond;
                areas[(index + 1).min(DISCS - 1)] += beyond;
                start += advance;
            }
        });
        areas.map(|area| area * self.spacing.pixel_area_mm2() * per_unit)
    }
}

/// The ends of the principal axis and which of them is the base.
struct PrincipalAxis {
    apex: [f64; 2],
    base: [f64; 2],
    towards_base: [f64; 2],
}

fn principal_axis(pixels: &Pixels<'_>, centre: [f64; 2], angle: f64) -> PrincipalAxis {
    let (sin, cos) = angle.sin_cos();
    let mut direction = [cos, sin];
    // Down the picture unless the widths say otherwise: the standard orientation has the apex up.
    if sin < 0.0 {
        direction = [-cos, -sin];
    }
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    pixels.runs(|first, last, _| {
        for point in [first, last] {
            let t = along(point, centre, direction);
            (low, high) = (low.min(t), high.max(t));
        }
    });
    let share = (high - low) * END_SHARE;
    let (mut upper, mut lower) = (0.0, 0.0);
    let advance = pixels.spacing.x_mm * direction[0];
    pixels.runs(|first, _, count| {
        let mut t = along(first, centre, direction);
        for _ in 0..count {
            upper += f64::from(u8::from(t < low + share));
            lower += f64::from(u8::from(t > high - share));
            t += advance;
        }
    });
    if upper > CLEARLY_WIDER * lower {
        direction = direction.map(|value| -value);
        (low, high) = (-high, -low);
    }
    PrincipalAxis { apex: step(centre, direction, low), base: step(centre, direction, high), towards_base: direction }
}

fn along([x, y]: [f64; 2], from: [f64; 2], direction: [f64; 2]) -> f64 {
    (x - from[0]) * direction[0] + (y - from[1]) * direction[1]
}

fn across([x, y]: [f64; 2], from: [f64; 2], direction: [f64; 2]) -> f64 {
    (y - from[1]) * direction[0] - (x - from[0]) * direction[1]
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn middle([a, b]: [[f64; 2]; 2]) -> [f64; 2] {
    [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
}

fn step(from: [f64; 2], direction: [f64; 2], by: f64) -> [f64; 2] {
    [from[0] + by * direction[0], from[1] + by * direction[1]]
}

fn unit(from: [f64; 2], to: [f64; 2]) -> Option<[f64; 2]> {
    let length = distance(from, to);
    (length > 0.0).then(|| [(to[0] - from[0]) / length, (to[1] - from[1]) / length])
}

#[cfg(test)]
#[path = "ventricle_tests.rs"]
mod tests;
