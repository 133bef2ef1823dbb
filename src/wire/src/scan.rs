//! Geometry of scan lines, for the host that converts them to a picture.

use crate::error::BlockError;
use crate::fields::{f32_at, put};

/// Bytes of the geometry block.
pub const SCAN_BYTES: usize = 32;
const SECTOR: u8 = 1;
const LINEAR: u8 = 2;
/// Largest length in mm and angle in rad that make sense.
const MAX_MM: f32 = 1000.0;
const MAX_ANGLE: f32 = core::f32::consts::FRAC_PI_2;

/// How the lines lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Lines fan out from a common apex: phased (`radius_mm` 0) and curved arrays. Angles in rad from the axis of the probe,
    /// positive to the right of the picture.
    Sector {
        /// Angle of the first line.
        first_rad: f32,
        /// Angle of the last line.
        last_rad: f32,
        /// Distance from the apex to the face of the array in mm.
        radius_mm: f32,
    },
    /// Parallel lines: linear arrays.
    Linear {
        /// Distance from the first to the last line in mm.
        aperture_mm: f32,
    },
}

/// Where the samples of a payload lie. The first line is on the left; the first sample of a line lies at `start_mm` below
/// the face of the array, the last at `end_mm`. Little endian:
///
/// | bytes | field |
/// |---|---|
/// | 0 | 1 sector, 2 linear |
/// | 1..4 | reserved, 0 |
/// | 4..8, 8..12 | depth of the first and of the last sample in mm |
/// | 12..16, 16..20 | sector: angle of the first and of the last line in rad |
/// | 20..24 | sector: distance from the apex to the face in mm; linear: distance from the first to the last line in mm |
/// | 24..32 | reserved, 0 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scan {
    /// How the lines lie.
    pub shape: Shape,
    /// Depth of the first sample in mm.
    pub start_mm: f32,
    /// Depth of the last sample in mm.
    pub end_mm: f32,
}

impl Scan {
    /// Reads the block.
    ///
    /// # Errors
    /// [`BlockError`] for a short block, an unknown shape, or lengths and angles that span nothing or too much.
    pub fn decode(block: &[u8]) -> Result<Self, BlockError> {
        let Some(block) = block.get(..SCAN_BYTES) else {
            return Err(BlockError::Short { block: "scan", found: block.len(), needed: SCAN_BYTES });
        };
        let (first, last, extent) = (f32_at(block, 12), f32_at(block, 16), f32_at(block, 20));
        let shape = match block[0] {
            SECTOR => Shape::Sector { first_rad: first, last_rad: last, radius_mm: extent },
            LINEAR => Shape::Linear { aperture_mm: extent },
            other => {
                let allowed = "1 is a sector, 2 a linear array";
                return Err(BlockError::Value { block: "scan", field: "shape", value: other.into(), allowed });
            }
        };
        let scan = Self { shape, start_mm: f32_at(block, 4), end_mm: f32_at(block, 8) };
        scan.check()?;
        Ok(scan)
    }

    /// Whether lengths and angles span a picture.
    ///
    /// # Errors
    /// [`BlockError::Value`] with the field that does not. Written so that NaN is refused as well.
    pub fn check(&self) -> Result<(), BlockError> {
        let refuse =
            |field, value: f32, allowed| Err(BlockError::Value { block: "scan", field, value: value as i64, allowed });
        if !(self.start_mm >= 0.0 && self.start_mm < self.end_mm && self.end_mm <= MAX_MM) {
            return refuse("depth", self.end_mm, "it grows from 0 or more to at most 1000 mm");
        }
        match self.shape {
            Shape::Sector { first_rad, last_rad, radius_mm } => {
                if !(-MAX_ANGLE <= first_rad && first_rad < last_rad && last_rad <= MAX_ANGLE) {
                    return refuse("angle", last_rad, "angles grow from -pi/2 or more to at most pi/2");
                }
                if !(0.0..=MAX_MM).contains(&radius_mm) {
                    return refuse("radius", radius_mm, "it is 0 to 1000 mm");
                }
            }
            Shape::Linear { aperture_mm } => {
                if !(aperture_mm > 0.0 && aperture_mm <= MAX_MM) {
                    return refuse("aperture", aperture_mm, "it is more than 0 and at most 1000 mm");
                }
            }
        }
        Ok(())
    }

    /// The bytes of the block.
    #[must_use]
    pub fn encode(&self) -> [u8; SCAN_BYTES] {
        let mut block = [0; SCAN_BYTES];
        let (code, first, last, extent) = match self.shape {
            Shape::Sector { first_rad, last_rad, radius_mm } => (SECTOR, first_rad, last_rad, radius_mm),
            Shape::Linear { aperture_mm } => (LINEAR, 0.0, 0.0, aperture_mm),
        };
        put(&mut block, 0, &[code]);
        for (at, value) in [(4, self.start_mm), (8, self.end_mm), (12, first), (16, last), (20, extent)] {
            put(&mut block, at, &value.to_le_bytes());
        }
        block
    }
}
