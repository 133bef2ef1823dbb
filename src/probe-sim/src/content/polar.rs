//! Scan lines out of pictures, for probes that send what they have before scan conversion.

use std::str::FromStr;

use ushydra_wire::{Scan, Shape};

use super::cine::sample;
use crate::SimError;

/// Depth of the last sample in mm.
const DEPTH_MM: f32 = 120.0;
/// Half of the opening of a sector in rad.
const HALF_ANGLE: f32 = 0.65;
/// Radius of a curved array in mm.
const RADIUS_MM: f32 = 50.0;
/// Width of a linear array in mm.
const APERTURE_MM: f32 = 80.0;

/// Arrays that a simulated probe may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Geometry {
    /// A phased array: a sector from one point.
    #[default]
    Sector,
    /// A curved array.
    Curved,
    /// A linear array.
    Linear,
}

impl FromStr for Geometry {
    type Err = SimError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "sector" => Ok(Self::Sector),
            "curved" => Ok(Self::Curved),
            "linear" => Ok(Self::Linear),
            _ => Err(SimError::setting("array", name, "use sector, curved or linear")),
        }
    }
}

impl Geometry {
    /// Its lines as the protocol describes them.
    #[must_use]
    pub fn scan(self) -> Scan {
        let sector = |radius_mm| Shape::Sector { first_rad: -HALF_ANGLE, last_rad: HALF_ANGLE, radius_mm };
        let shape = match self {
            Self::Sector => sector(0.0),
            Self::Curved => sector(RADIUS_MM),
            Self::Linear => Shape::Linear { aperture_mm: APERTURE_MM },
        };
        Scan { shape, start_mm: 0.0, end_mm: DEPTH_MM }
    }
}

/// Samples of a picture along lines: the middle of the picture's upper border lies on the middle of the array's face and
/// its height is the depth. `samples` per line, from the skin into depth; black outside of the picture.
#[must_use]
pub(crate) fn lines(scan: &Scan, picture: &[u8], size: (usize, usize), samples: usize, lines: usize) -> Vec<u8> {
    let pixels_per_mm = size.1 as f32 / scan.end_mm;
    let share = |n: usize, of: usize| if of > 1 { n as f32 / (of - 1) as f32 } else { 0.5 };
    // The half pixel between a border and the centres of its pixels belongs to them; the curve of a face lies above.
    let last = size.1 as f32 - 1.0;
    let rows = |y: f32| if y < -0.5 { y } else { (y - 0.5).clamp(0.0, last) };
    let mut out = Vec::with_capacity(samples * lines);
    for line in 0..lines {
        let across = share(line, lines);
        for n in 0..samples {
            let depth = scan.start_mm + (scan.end_mm - scan.start_mm) * share(n, samples);
            let (x, y) = match scan.shape {
                Shape::Sector { first_rad, last_rad, radius_mm } => {
                    let (sine, cosine) = (first_rad + (last_rad - first_rad) * across).sin_cos();
                    ((radius_mm + depth) * sine, (radius_mm + depth) * cosine - radius_mm)
                }
                Shape::Linear { aperture_mm } => ((across - 0.5) * aperture_mm, depth),
            };
            let at = (size.0 as f32 / 2.0 + x * pixels_per_mm - 0.5, rows(y * pixels_per_mm));
            out.push(sample(picture, size, at).unwrap_or(0));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometries_are_valid_and_lines_go_down() {
        // Rows grow brighter with depth.
        let picture: Vec<u8> = (0..120u8).flat_map(|row| [row; 160]).collect();
        for geometry in [Geometry::Sector, Geometry::Curved, Geometry::Linear] {
            let scan = geometry.scan();
            assert!(scan.check().is_ok());
            let samples = lines(&scan, &picture, (160, 120), 60, 31);
            assert_eq!(samples.len(), 60 * 31);
            let middle = &samples[15 * 60..16 * 60];
            assert!(middle.windows(2).all(|pair| pair[0] <= pair[1]), "{middle:?}");
            assert_eq!((middle[0], middle[30]), (0, 61));
        }
    }
}
