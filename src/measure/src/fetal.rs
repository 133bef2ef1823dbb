//! Fetal head biometry from a mask whose outline follows the outer edge of the skull.

pub mod age;

pub use age::{Curve, GestationalAge, WeeksDays};

use crate::{Ellipse, Mask, MeasureError, Spacing, fit_ellipse_mm};

/// How far the masks of the HC18 set lie outside the ellipses that its published circumferences belong to, in pixels of its 800x540
/// pictures.
///
/// The set's outlines are drawn strokes; a mask filled to the stroke's outer edge is larger by half the stroke. Measured on
/// the 327 pictures with a published circumference at hand: (HC of the mask - published HC) / (2 pi pixel)
/// = 1.29 px in the median (fit of the outline), between 1.27 and 1.31 for nine pictures out of ten. A network trained on such
/// masks inherits the offset; [`HeadBiometry::of_mask`] takes it away.
pub const HC18_OUTLINE_PX: f64 = 1.29;

/// Measurements of one head in the transthalamic plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadBiometry {
    /// Head circumference in mm: perimeter of the ellipse by Ramanujan ([`Ellipse::perimeter`]), outer edge of the skull.
    pub hc_mm: f64,
    /// Biparietal diameter in mm: minor axis, *outer to outer* (the convention of INTERGROWTH-21st). Hadlock's charts measure
    /// outer to inner, which is smaller by the thickness of the far skull wall.
    pub bpd_mm: f64,
    /// Occipitofrontal diameter in mm: major axis, outer to outer.
    pub ofd_mm: f64,
    /// Cephalic index in percent: `100 BPD / OFD`. Usually 74 to 83 (mean 78.3, one standard deviation; Hadlock et al., AJR
    /// 137, 1981); outside, the circumference is a better guide to age than the diameter.
    pub cephalic_index: f64,
}

impl HeadBiometry {
    /// From an ellipse in mm (of [`fit_ellipse_mm`]).
    #[must_use]
    pub fn of_ellipse(ellipse_mm: &Ellipse) -> Self {
        let (bpd_mm, ofd_mm) = (2.0 * ellipse_mm.b, 2.0 * ellipse_mm.a);
        Self { hc_mm: ellipse_mm.perimeter(), bpd_mm, ofd_mm, cephalic_index: 100.0 * bpd_mm / ofd_mm }
    }

    /// From a cleaned mask. `outline_px` is what the mask's outline lies outside the skull's edge in source pixels: 0 for exact
    /// masks, [`HC18_OUTLINE_PX`] for a network trained on HC18's. `None` where no ellipse fits.
    ///
    /// # Errors
    /// [`MeasureError::Spacing`] for a spacing that is not positive and finite.
    pub fn of_mask(mask: &Mask, spacing: Spacing, outline_px: f64) -> Result<Option<Self>, MeasureError> {
        let spacing = Spacing::checked(spacing.x_mm, spacing.y_mm)?;
        let outline_mm = outline_px * spacing.pixel_area_mm2().sqrt();
        Ok(fit_ellipse_mm(mask, spacing)
            .map(|ellipse| ellipse.grown(-outline_mm))
            .filter(|ellipse| ellipse.b > 0.0)
            .map(|ellipse| Self::of_ellipse(&ellipse)))
    }

    /// Gestational age from the head circumference.
    ///
    /// # Errors
    /// [`MeasureError::HeadCircumference`] outside the range of the curve.
    pub fn age(&self, curve: Curve) -> Result<GestationalAge, MeasureError> {
        curve.age(self.hc_mm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_known_ellipse() {
        // A head of 100 x 80 mm. h = (10 / 90)^2 = 1/81; Ramanujan: 90 pi (1 + (3/81) / (10 + sqrt(4 - 3/81))) = 283.6167.
        let ellipse = Ellipse { cx: 0.0, cy: 0.0, a: 50.0, b: 40.0, angle_deg: 12.0 };
        let head = HeadBiometry::of_ellipse(&ellipse);
        assert!((head.hc_mm - 283.6167).abs() < 1e-4, "{}", head.hc_mm);
        assert_eq!((head.bpd_mm, head.ofd_mm, head.cephalic_index), (80.0, 100.0, 80.0));
    }

    #[test]
    fn outline_and_refusals() {
        let mut mask = Mask::new(300, 260);
        let truth = Ellipse { cx: 150.2, cy: 130.7, a: 110.0, b: 88.0, angle_deg: 25.0 };
        for y in 0..260 {
            for x in 0..300 {
                mask.data_mut()[y * 300 + x] = u8::from(truth.contains(x as f64 + 0.5, y as f64 + 0.5));
            }
        }
        let spacing = Spacing { x_mm: 0.5, y_mm: 0.5 };
        let plain = HeadBiometry::of_mask(&mask, spacing, 0.0);
        let inner = HeadBiometry::of_mask(&mask, spacing, 2.0);
        let (Ok(Some(plain)), Ok(Some(inner))) = (plain, inner) else { unreachable!("both fit") };
        assert!((plain.bpd_mm - 88.0).abs() < 0.05 && (plain.ofd_mm - 110.0).abs() < 0.05, "{plain:?}");
        assert!((plain.bpd_mm - inner.bpd_mm - 2.0).abs() < 1e-9);
        assert_eq!(HeadBiometry::of_mask(&Mask::new(9, 9), spacing, 0.0), Ok(None));
        let flat = Spacing { x_mm: 0.5, y_mm: 0.0 };
        assert_eq!(HeadBiometry::of_mask(&mask, flat, 0.0), Err(MeasureError::Spacing { x: 0.5, y: 0.0 }));
    }
}
