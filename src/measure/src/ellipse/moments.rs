//! The ellipse with the second moments of the mask.

use super::{Ellipse, Spacing};
use crate::Mask;
use crate::mask::Runs;

/// The ellipse whose centre and second central moments are those of the mask.
///
/// A filled ellipse has the variances `a^2 / 4` and `b^2 / 4` along its axes, so with the eigenvalues `l1 >= l2` of the
/// covariance of the pixel centres, `a = 2 sqrt(l1)`, `b = 2 sqrt(l2)`. A pixel belongs to a mask when its centre lies
/// inside the outline; sums over centres are the midpoint rule for the integrals, so no half-pixel is added and none is
/// missing (checked on rasterised ellipses to 0.01 pixel).
///
/// With a spacing the covariance is scaled before its axes are taken, which is exact for pixels that are not square.
#[must_use]
pub fn fit(mask: &Mask, spacing: Spacing) -> Option<Ellipse> {
    if !spacing.is_valid() {
        return None;
    }
    let sums = Sums::of(mask);
    let n = sums.count;
    if n == 0.0 {
        return None;
    }
    let (mx, my) = (sums.x / n, sums.y / n);
    let xx = (sums.xx / n - mx * mx) * spacing.x_mm * spacing.x_mm;
    let yy = (sums.yy / n - my * my) * spacing.y_mm * spacing.y_mm;
    let xy = (sums.xy / n - mx * my) * spacing.x_mm * spacing.y_mm;
    let half = (xx + yy) / 2.0;
    let spread = ((xx - yy) / 2.0).hypot(xy);
    let smallest = half - spread;
    // A line of pixels has no width in the sense of centres, and rounding must not invent one.
    if smallest <= half * 1e-9 {
        return None;
    }
    let direction = 0.5 * (2.0 * xy).atan2(xx - yy);
    let centre = [(sums.left + mx) * spacing.x_mm, (sums.top + my) * spacing.y_mm];
    Ellipse::from_axes(centre, 2.0 * (half + spread).sqrt(), 2.0 * smallest.sqrt(), direction)
}

/// Sums over pixel centres, relative to an origin near the mask so that the squares keep their digits.
struct Sums {
    left: f64,
    top: f64,
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    /// Adds whole runs by closed forms: the centres of a run of length n around m have `sum x = n m` and
    /// `sum x^2 = n m^2 + n (n^2 - 1) / 12`.
    fn of(mask: &Mask) -> Self {
        let (left, top) = (f64::from(mask.width()) / 2.0, f64::from(mask.height()) / 2.0);
        let mut sums = Self { left, top, count: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0, yy: 0.0 };
        for row in 0..mask.height() {
            let y = f64::from(row) + 0.5 - top;
            for run in Runs::new(mask.row(row)) {
                let n = f64::from(run.end - run.start);
                let middle = f64::from(run.start) + n / 2.0 - left;
                sums.count += n;
                sums.x += n * middle;
                sums.y += n * y;
                sums.xx += n * middle * middle + n * (n * n - 1.0) / 12.0;
                sums.xy += n * middle * y;
                sums.yy += n * y * y;
            }
        }
        sums
    }
}
