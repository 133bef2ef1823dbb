//! The plane of the domain map: where domains and test frames lie in the router's whitened space.

use nalgebra::DMatrix;
use ushydra_bundle::VectorStatistics;

/// Directions shorter than this share of the longest one are rounding.
const INDEPENDENT: f64 = 1e-6;

/// A plane through the space of [`VectorStatistics`]: its first axis follows the greatest spread of the domains' centres; the
/// second their next one, or, where two centres span no plane, the greatest spread of the pictures beside the first axis.
#[derive(Clone, Debug)]
pub struct Plane {
    statistics: VectorStatistics,
    centre: Vec<f64>,
    axes: Vec<Vec<f64>>,
}

impl Plane {
    /// The plane for `statistics`; `pictures` are observed vectors of training pictures.
    #[must_use]
    pub fn new(statistics: &VectorStatistics, pictures: &[Vec<f32>]) -> Self {
        let k = statistics.components.max(1);
        let centres: Vec<Vec<f64>> =
            statistics.domains.chunks(k).map(|z| z.iter().map(|v| f64::from(*v)).collect()).collect();
        let count = centres.len().max(1) as f64;
        let centre: Vec<f64> = (0..k).map(|i| centres.iter().map(|z| z[i]).sum::<f64>() / count).collect();
        let mut plane = Self { statistics: statistics.clone(), centre, axes: Vec::new() };
        plane.add_axes(&centres);
        if plane.axes.len() < 2 {
            let spread: Vec<Vec<f64>> = pictures.iter().map(|p| plane.coordinates(p)).collect();
            plane.add_axes(&spread);
        }
        plane
    }

    /// Axes along the greatest spread of `points`, beside those that there are.
    fn add_axes(&mut self, points: &[Vec<f64>]) {
        let k = self.centre.len();
        let mut rest = DMatrix::from_fn(points.len().max(1), k, |row, i| {
            points.get(row).map_or(0.0, |point| point[i] - self.centre[i])
        });
        for axis in &self.axes {
            for mut row in rest.row_iter_mut() {
                let along: f64 = row.iter().zip(axis).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(axis).for_each(|(a, b)| *a -= along * b);
            }
        }
        let Some(turned) = rest.svd(false, true).v_t else { return };
        let mut found: Vec<(f64, Vec<f64>)> = turned
            .row_iter()
            .map(|row| {
                let axis: Vec<f64> = row.iter().copied().collect();
                let spread: f64 = points.iter().map(|p| self.along(p, &axis).powi(2)).sum();
                (spread.sqrt(), axis)
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let longest = found.first().map_or(0.0, |f| f.0);
        for (spread, mut axis) in found {
            if self.axes.len() == 2 || spread <= INDEPENDENT * longest || spread <= 0.0 {
                return;
            }
            // The sign of a direction is arbitrary; the largest entry is made positive so that runs agree.
            let largest = axis.iter().copied().fold(0.0, |a: f64, v| if v.abs() > a.abs() { v } else { a });
            if largest < 0.0 {
                axis.iter_mut().for_each(|v| *v = -*v);
            }
            self.axes.push(axis);
        }
    }

    fn along(&self, z: &[f64], axis: &[f64]) -> f64 {
        z.iter().zip(&self.centre).zip(axis).map(|((z, c), a)| (z - c) * a).sum()
    }

    /// `z = P (x - centre) * scale` of an observed vector: features, pixel mean, pixel standard deviation.
    fn coordinates(&self, x: &[f32]) -> Vec<f64> {
        let VectorStatistics { centre, scale, projection, .. } = &self.statistics;
        let k = self.centre.len();
        let mut z = vec![0.0; k];
        for ((x, (centre, scale)), row) in x.iter().zip(centre.iter().zip(scale.iter())).zip(projection.chunks(k)) {
            let t = f64::from((x - centre) * scale);
            z.iter_mut().zip(row).for_each(|(z, p)| *z += t * f64::from(*p));
        }
        z
    }

    fn place_of(&self, z: &[f64]) -> [f64; 2] {
        [0, 1].map(|axis| self.axes.get(axis).map_or(0.0, |axis| self.along(z, axis)))
    }

    /// Place of an observed vector.
    #[must_use]
    pub fn place(&self, x: &[f32]) -> [f64; 2] {
        self.place_of(&self.coordinates(x))
    }

    /// Places of the domains' centres.
    #[must_use]
    pub fn domains(&self) -> Vec<[f64; 2]> {
        let k = self.centre.len();
        let centres = self.statistics.domains.chunks(k);
        centres.map(|z| self.place_of(&z.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>())).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::calibrate::space;
    use crate::rng::Rng;

    fn world(domains: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut rng = Rng::new(5);
        let mut picture = |domain: usize| {
            let mut entry = |i: usize| (rng.normal() + if i == domain { 6.0 } else { 0.0 }) as f32;
            (0..8).map(&mut entry).collect()
        };
        let of: Vec<usize> = (0..60).map(|i| i % domains).collect();
        (of.iter().map(|d| picture(*d)).collect(), of)
    }

    #[test]
    fn pictures_lie_by_their_own_domain() {
        for domains in [1, 2, 3, 4] {
            let (pictures, of) = world(domains);
            let statistics = space::fit(&pictures, 0..6, &of, domains, 6).unwrap();
            let plane = Plane::new(&statistics, &pictures);
            let centres = plane.domains();
            assert_eq!((centres.len(), plane.axes.len()), (domains, 2));
            let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
            let right = pictures.iter().zip(&of).filter(|(picture, own)| {
                let place = plane.place(picture);
                (0..domains).all(|d| distance(place, centres[**own]) <= distance(place, centres[d]))
            });
            // Four centres span more than a plane: there the map is only a view.
            assert!(domains == 4 || right.count() >= 57, "{domains} domains");
        }
    }
}
