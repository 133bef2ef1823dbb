//! The ellipse that describes a mask.

pub mod boundary;
pub mod moments;

use crate::Mask;

/// Millimetres per pixel along x and y. (1, 1) measures in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// Millimetres per column.
    pub x_mm: f64,
    /// Millimetres per row.
    pub y_mm: f64,
}

impl Spacing {
    /// One unit per pixel: every length comes out in pixels.
    pub const PIXELS: Self = Self { x_mm: 1.0, y_mm: 1.0 };

    /// Both spacings positive and finite?
    #[must_use]
    pub fn is_valid(&self) -> bool {
        [self.x_mm, self.y_mm].iter().all(|&value| value.is_finite() && value > 0.0)
    }

    /// The spacing, if both values are positive and finite.
    ///
    /// # Errors
    /// [`MeasureError::Spacing`](crate::MeasureError::Spacing) otherwise.
    pub fn checked(x_mm: f64, y_mm: f64) -> Result<Self, crate::MeasureError> {
        let spacing = Self { x_mm, y_mm };
        if spacing.is_valid() { Ok(spacing) } else { Err(crate::MeasureError::Spacing { x: x_mm, y: y_mm }) }
    }

    /// Square millimetres of one pixel.
    #[must_use]
    pub fn pixel_area_mm2(&self) -> f64 {
        self.x_mm * self.y_mm
    }
}

impl From<[f64; 2]> for Spacing {
    /// `[x, y]`, in this order (DICOM's PixelSpacing is the other way round: row, then column).
    fn from([x_mm, y_mm]: [f64; 2]) -> Self {
        Self { x_mm, y_mm }
    }
}

/// An ellipse in continuous coordinates (the centre of pixel (i, j) is (i + 0.5, j + 0.5)), x to the right, y down.
///
/// In pixels where it comes from [`fit_ellipse`], in millimetres from the picture's top left corner where it comes from
/// [`fit_ellipse_mm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    /// Centre, x.
    pub cx: f64,
    /// Centre, y.
    pub cy: f64,
    /// Major semi-axis.
    pub a: f64,
    /// Minor semi-axis, `b <= a`.
    pub b: f64,
    /// Direction of the major axis from +x towards +y (clockwise on the screen), in (-90, 90] degrees.
    pub angle_deg: f64,
}

impl Ellipse {
    /// Perimeter by Ramanujan's second formula:
    ///
    /// `pi (a + b) (1 + 3 h / (10 + sqrt(4 - 3 h)))` with `h = ((a - b) / (a + b))^2`.
    ///
    /// Relative error below 1e-9 for heads (b / a > 0.6) and below 4e-4 for every ellipse. (S. Ramanujan, "Modular equations
    /// and approximations to pi", Quart. J. Math. 45, 1914.)
    #[must_use]
    pub fn perimeter(&self) -> f64 {
        let sum = self.a + self.b;
        if sum <= 0.0 {
            return 0.0;
        }
        let h = ((self.a - self.b) / sum).powi(2);
        std::f64::consts::PI * sum * (1.0 + 3.0 * h / (10.0 + (4.0 - 3.0 * h).sqrt()))
    }

    /// Area `pi a b`.
    #[must_use]
    pub fn area(&self) -> f64 {
        std::f64::consts::PI * self.a * self.b
    }

    /// The ellipse with both semi-axes longer by `distance` (shorter where negative, at least 0).
    #[must_use]
    pub fn grown(&self, distance: f64) -> Self {
        Self { a: (self.a + distance).max(0.0), b: (self.b + distance).max(0.0), ..*self }
    }

    /// Whether a point lies inside or on the ellipse.
    #[must_use]
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (dx, dy) = (x - self.cx, y - self.cy);
        let u = (dx * cos + dy * sin) / self.a;
        let v = (dy * cos - dx * sin) / self.b;
        u * u + v * v <= 1.0
    }

    /// The point at parameter `t` (radians, 0 at the end of the major axis).
    #[must_use]
    pub fn point(&self, t: f64) -> [f64; 2] {
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (u, v) = (self.a * t.cos(), self.b * t.sin());
        [self.cx + u * cos - v * sin, self.cy + u * sin + v * cos]
    }

    /// From a centre, the semi-axes in any order and the direction (radians) of the first.
    pub(crate) fn from_axes(centre: [f64; 2], first: f64, second: f64, direction: f64) -> Option<Self> {
        let finite = [centre[0], centre[1], first, second, direction].iter().all(|value| value.is_finite());
        if !finite || first <= 0.0 || second <= 0.0 {
            return None;
        }
        let (a, b, direction) = if first >= second {
            (first, second, direction)
        } else {
            (second, first, direction + std::f64::consts::FRAC_PI_2)
        };
        let mut angle_deg = direction.to_degrees() % 180.0;
        if angle_deg > 90.0 {
            angle_deg -= 180.0;
        } else if angle_deg <= -90.0 {
            angle_deg += 180.0;
        }
        Some(Self { cx: centre[0], cy: centre[1], a, b, angle_deg })
    }
}

/// The ellipse of a cleaned mask in pixels; `None` for a mask without area or of less than two rows or columns.
///
/// The outline is fitted ([`boundary::fit`]); where that fails or contradicts the mask, the second moments are taken
/// ([`moments::fit`]). Both were compared on the 327 HC18 masks with a published circumference (median absolute difference
/// 1.00 and 0.99 mm, all of it the width of the drawn stroke, see [`fetal::HC18_OUTLINE_PX`](crate::fetal::HC18_OUTLINE_PX);
/// 0.005 mm for either once that is taken off) and on distorted synthetic heads: equal on ragged outlines (0.1 % of the
/// circumference), but where the picture cuts a tenth of the diameter off the moments lose 1.6 % and the outline nothing,
/// and the outline's outliers can be left out.
///
/// Allocates nothing.
#[must_use]
pub fn fit_ellipse(mask: &Mask) -> Option<Ellipse> {
    fit_ellipse_mm(mask, Spacing::PIXELS)
}

/// The ellipse in millimetres from the picture's top left corner; pixels need not be square. `None` also for a spacing
/// that is not positive and finite.
#[must_use]
pub fn fit_ellipse_mm(mask: &Mask, spacing_mm: impl Into<Spacing>) -> Option<Ellipse> {
    let spacing = spacing_mm.into();
    let plain = moments::fit(mask, spacing)?;
    // An outline cut by the picture may stand for up to this much more area than the mask shows.
    let most = if mask.touches_border() { 2.0 } else { 1.3 };
    boundary::fit(mask, spacing)
        .filter(|ellipse| (1.0 / 1.3..=most).contains(&(ellipse.area() / plain.area())))
        .or(Some(plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pixels whose centre lies inside; `stretch` pixels of the ellipse's plane per pixel along x and y.
    fn raster(ellipse: &Ellipse, width: u32, height: u32, stretch: [f64; 2]) -> Mask {
        let mut mask = Mask::new(width, height);
        for (index, pixel) in mask.data_mut().iter_mut().enumerate() {
            let (x, y) = ((index as u32 % width) as f64 + 0.5, (index as u32 / width) as f64 + 0.5);
            *pixel = u8::from(ellipse.contains(x * stretch[0], y * stretch[1]));
        }
        mask
    }

    fn assert_near(found: &Ellipse, truth: &Ellipse, tolerance: f64, what: &str) {
        let turn = (found.angle_deg - truth.angle_deg + 90.0).rem_euclid(180.0) - 90.0;
        // The end of the major axis moves by a times the turn; a circle has no direction.
        let swing = turn.to_radians().abs() * (truth.a - truth.b);
        for (name, difference) in [
            ("cx", found.cx - truth.cx),
            ("cy", found.cy - truth.cy),
            ("a", found.a - truth.a),
            ("b", found.b - truth.b),
            ("angle", swing),
        ] {
            assert!(difference.abs() < tolerance, "{what}: {name} off by {difference}: {found:?} for {truth:?}");
        }
    }

    #[test]
    fn circles_and_turned_ellipses() {
        struct Case {
            name: &'static str,
            truth: Ellipse,
        }
        let ellipse = |cx, cy, a, b, angle_deg| Ellipse { cx, cy, a, b, angle_deg };
        let cases = [
            Case { name: "circle", truth: ellipse(100.0, 100.0, 60.0, 60.0, 0.0) },
            Case { name: "circle off the grid", truth: ellipse(100.3, 99.6, 60.2, 60.2, 0.0) },
            Case { name: "upright", truth: ellipse(110.0, 100.0, 80.0, 50.0, 90.0) },
            Case { name: "lying", truth: ellipse(110.0, 100.0, 80.0, 50.0, 0.0) },
            Case { name: "turned", truth: ellipse(104.7, 98.2, 85.5, 62.5, 33.0) },
            Case { name: "turned the other way", truth: ellipse(104.7, 98.2, 85.5, 62.5, -71.0) },
            Case { name: "slender", truth: ellipse(104.7, 98.2, 85.5, 20.0, 45.0) },
        ];
        for case in cases {
            let mask = raster(&case.truth, 220, 200, [1.0, 1.0]);
            assert_near(&fit_ellipse(&mask).unwrap(), &case.truth, 0.12, case.name);
            assert_near(&moments::fit(&mask, Spacing::PIXELS).unwrap(), &case.truth, 0.12, case.name);
        }
    }

    #[test]
    fn pixels_that_are_not_square() {
        let truth = Ellipse { cx: 50.0, cy: 42.0, a: 38.0, b: 29.0, angle_deg: 35.0 };
        let mask = raster(&truth, 250, 100, [0.4, 0.8]);
        assert_near(&fit_ellipse_mm(&mask, [0.4, 0.8]).unwrap(), &truth, 0.08, "outline");
        assert_near(&moments::fit(&mask, [0.4, 0.8].into()).unwrap(), &truth, 0.08, "moments");
        for bad in [[0.0, 1.0], [1.0, f64::NAN], [-1.0, 1.0], [f64::INFINITY, 1.0]] {
            assert!(fit_ellipse_mm(&mask, bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn cut_by_the_picture_and_bitten() {
        let truth = Ellipse { cx: 120.0, cy: 62.0, a: 95.0, b: 74.0, angle_deg: 6.0 };
        let cut = raster(&truth, 240, 160, [1.0, 1.0]);
        assert!(cut.touches_border());
        assert_near(&fit_ellipse(&cut).unwrap(), &truth, 0.15, "completed");
        let whole = Ellipse { cy: 80.0, ..truth };
        let mut bitten = raster(&whole, 240, 160, [1.0, 1.0]);
        for y in 60..90 {
            bitten.data_mut()[y * 240..y * 240 + 36].fill(0);
        }
        let plain = moments::fit(&bitten, Spacing::PIXELS).unwrap().perimeter() / whole.perimeter() - 1.0;
        let robust = fit_ellipse(&bitten).unwrap().perimeter() / whole.perimeter() - 1.0;
        assert!(robust.abs() < 0.3 * plain.abs(), "{robust} {plain}");
    }

    #[test]
    fn nothing_to_fit() {
        assert!(fit_ellipse(&Mask::new(20, 20)).is_none());
        assert!(fit_ellipse(&Mask::new(0, 0)).is_none());
        let mut line = Mask::new(20, 20);
        line.data_mut()[100..115].fill(1);
        assert!(fit_ellipse(&line).is_none());
        let mut full = Mask::new(40, 30);
        full.data_mut().fill(1);
        // No outline inside the picture: the moments of the rectangle remain.
        assert!(fit_ellipse(&full).is_some());
    }

    #[test]
    fn perimeters() {
        // Circle: 2 pi r. 2:1 ellipse: 4 a E(sqrt(3)/2) = 9.688448 for a = 2 (tables of the complete elliptic integral).
        let at = |a, b| Ellipse { cx: 0.0, cy: 0.0, a, b, angle_deg: 0.0 }.perimeter();
        assert!((at(3.0, 3.0) - 18.849_556).abs() < 1e-6);
        assert!((at(2.0, 1.0) - 9.688_448).abs() < 1e-6);
        assert_eq!(at(0.0, 0.0), 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn follows_translation_rotation_and_scale(
            cx in 85.0_f64..115.0, cy in 85.0_f64..115.0, a in 40.0_f64..75.0, ratio in 0.55_f64..1.0, angle_deg in -89.0_f64..90.0,
            scale in 0.3_f64..3.0,
        ) {
            let truth = Ellipse { cx, cy, a, b: a * ratio, angle_deg };
            let mask = raster(&truth, 200, 200, [1.0, 1.0]);
            assert_near(&fit_ellipse(&mask).unwrap(), &truth, 0.25, "pixels");
            let scaled = fit_ellipse_mm(&mask, [scale, scale]).unwrap();
            let expected = Ellipse { cx: cx * scale, cy: cy * scale, a: a * scale, b: a * ratio * scale, angle_deg };
            assert_near(&scaled, &expected, 0.25 * scale, "scaled");
        }

        #[test]
        fn any_mask_gives_a_finite_ellipse_or_none(bytes in prop::collection::vec(0_u8..2, 30 * 20)) {
            let mask = Mask::from_bytes(&bytes, 30, 20).unwrap();
            if let Some(ellipse) = fit_ellipse(&mask) {
                prop_assert!(ellipse.a >= ellipse.b && ellipse.b > 0.0 && ellipse.a.is_finite());
                prop_assert!(ellipse.angle_deg > -90.0 && ellipse.angle_deg <= 90.0);
            }
        }
    }
}
