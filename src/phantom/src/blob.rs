//! A closed outline as seen from a point inside: distance, normal and polar angle of any point in constant time.

use std::f32::consts::{PI, TAU};

/// Entries of the tables over the angle.
pub(crate) const ANGLES: usize = 256;

/// What [`Blob::at`] says about a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    /// Signed distance to the outline in mm, negative inside; first order, exact on the outline.
    pub(crate) distance: f32,
    /// Outward unit normal of the outline in the direction of the point.
    pub(crate) normal: [f32; 2],
    /// Index into tables over the angle.
    pub(crate) angle: usize,
}

/// An outline that is star-shaped around `centre`: `r(a)` tabulated for [`ANGLES`] angles.
///
/// With `r' = dr/da` the distance of a point at radius `q` is `(q - r) r / sqrt(r^2 + r'^2)` to first order.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    centre: [f32; 2],
    radius: Vec<f32>,
    slope: Vec<f32>,
    normal: Vec<[f32; 2]>,
}

impl Blob {
    /// The outline of a closed polygon as seen from `centre`, where a ray meets several edges the farthest one.
    pub(crate) fn from_polygon(points: &[[f32; 2]], centre: [f32; 2]) -> Self {
        let mut radius = vec![0.0f32; ANGLES];
        for (k, slot) in radius.iter_mut().enumerate() {
            let (dy, dx) = angle_of(k).sin_cos();
            for (i, a) in points.iter().enumerate() {
                let b = points[(i + 1) % points.len()];
                let (ax, ay) = (a[0] - centre[0], a[1] - centre[1]);
                let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
                let det = dx * ey - dy * ex;
                if det.abs() < 1e-9 {
                    continue;
                }
                let along = (ax * ey - ay * ex) / det;
                let part = (ax * dy - ay * dx) / det;
                if (0.0..=1.0).contains(&part) && along > *slot {
                    *slot = along;
                }
            }
            *slot = slot.max(0.5);
        }
        Self::from_radii(centre, radius)
    }

    /// The outline with these radii, one per angle.
    pub(crate) fn from_radii(centre: [f32; 2], radius: Vec<f32>) -> Self {
        let step = TAU / ANGLES as f32;
        let mut slope = Vec::with_capacity(ANGLES);
        let mut normal = Vec::with_capacity(ANGLES);
        for k in 0..ANGLES {
            let r = radius[k];
            let derivative = (radius[(k + 2) % ANGLES] - radius[(k + ANGLES - 2) % ANGLES]) / (4.0 * step);
            let length = (r * r + derivative * derivative).sqrt().max(1e-6);
            let (sin, cos) = angle_of(k).sin_cos();
            slope.push((r / length).max(0.35));
            normal.push([(r * cos + derivative * sin) / length, (r * sin - derivative * cos) / length]);
        }
        Self { centre, radius, slope, normal }
    }

    /// Distance, normal and angle of a point.
    #[inline]
    pub(crate) fn at(&self, x: f32, y: f32) -> Near {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let position = (fast_angle(dy, dx) + PI) * (ANGLES as f32 / TAU);
        let low = position.floor();
        let part = position - low;
        let k = low as usize % ANGLES;
        let next = (k + 1) % ANGLES;
        let radius = self.radius[k] * (1.0 - part) + self.radius[next] * part;
        let distance = ((dx * dx + dy * dy).sqrt() - radius) * self.slope[k];
        Near { distance, normal: self.normal[k], angle: k }
    }

    /// Enclosed area in mm^2, `1/2 integral r^2 da`.
    pub(crate) fn area(&self) -> f64 {
        let sum: f64 = self.radius.iter().map(|r| f64::from(r * r)).sum();
        0.5 * sum * std::f64::consts::TAU / ANGLES as f64
    }

    /// The outline's points.
    pub(crate) fn points(&self) -> impl Iterator<Item = [f32; 2]> + '_ {
        self.radius.iter().enumerate().map(|(k, r)| {
            let (sin, cos) = angle_of(k).sin_cos();
            [self.centre[0] + r * cos, self.centre[1] + r * sin]
        })
    }
}

/// The angle of table entry `k`, from -pi.
pub(crate) fn angle_of(k: usize) -> f32 {
    k as f32 * (TAU / ANGLES as f32) - PI
}

/// `atan2` to 1e-4 rad by a minimax polynomial, several times faster than the library's.
#[inline]
pub(crate) fn fast_angle(y: f32, x: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let ratio = ax.min(ay) / ax.max(ay).max(1e-12);
    let s = ratio * ratio;
    let mut angle = ((-0.046_496_47 * s + 0.159_314_22) * s - 0.327_622_76) * s * ratio + ratio;
    if ay > ax {
        angle = std::f32::consts::FRAC_PI_2 - angle;
    }
    if x < 0.0 {
        angle = PI - angle;
    }
    if y < 0.0 { -angle } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_angle_is_close_everywhere() {
        for k in 0..2000 {
            let (y, x) = (k as f32 * 0.00314 - PI).sin_cos();
            assert!((fast_angle(y * 7.0, x * 7.0) - y.atan2(x)).abs() < 5e-4, "{x} {y}");
        }
    }

    #[test]
    fn a_circle_has_exact_distances_and_area() {
        let circle = Blob::from_radii([3.0, -2.0], vec![10.0; ANGLES]);
        for (point, expected) in
            [([3.0, -2.0], -10.0), ([13.0, -2.0], 0.0), ([3.0, 10.0], 2.0), ([-4.0, -9.0], -0.1005)]
        {
            assert!((circle.at(point[0], point[1]).distance - expected).abs() < 0.01);
        }
        assert!((circle.area() - std::f64::consts::PI * 100.0).abs() < 1e-3);
    }

    #[test]
    fn a_square_is_met_at_its_edges() {
        let square = Blob::from_polygon(&[[-5.0, -5.0], [5.0, -5.0], [5.0, 5.0], [-5.0, 5.0]], [0.0, 0.0]);
        assert!((square.at(0.0, 4.0).distance + 1.0).abs() < 0.01);
        assert!((square.at(6.0, 0.0).distance - 1.0).abs() < 0.01);
        assert!((square.at(6.0, 0.0).normal[0] - 1.0).abs() < 0.01);
        assert!((square.area() - 100.0).abs() < 0.5);
    }
}
