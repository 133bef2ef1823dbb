//! The picture of the self-test: a drawn sector with speckle, so that no patient's picture has to ship.

use ushydra_bundle::{Golden, GoldenExpected};
use ushydra_core::{FrameGeometry, PixelFormat};

use crate::error::{HostError, Result};
use crate::rng::Rng;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
const SEED: u64 = 20_250_117;
/// Half the opening angle of the sector in radians.
const HALF_ANGLE: f64 = 0.6;
/// The sector's apex above the picture's upper edge, and its first and last depth, in pixels.
const APEX: f64 = 30.0;
const NEAR: f64 = 45.0;
const FAR: f64 = 255.0;
/// Greatest absolute difference that the self-test allows: CPUs round sums of thousands of terms differently.
const TOLERANCE: f64 = 2e-3;

/// The picture, with expected values still to be filled in.
///
/// # Errors
/// [`HostError::Calibration`] never in practice: the geometry is a constant.
pub fn picture() -> Result<Golden> {
    let geometry = FrameGeometry::new(WIDTH, HEIGHT, PixelFormat::Grey8)
        .map_err(|e| HostError::Calibration(format!("golden picture: {e}")))?;
    let mut rng = Rng::new(SEED);
    let mut picture = Vec::with_capacity(geometry.pixels());
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (dx, dy) = (f64::from(x) - f64::from(WIDTH) / 2.0, f64::from(y) + APEX);
            let (depth, angle) = (dx.hypot(dy), dx.atan2(dy));
            let speckle = 1.0 + 0.3 * rng.normal();
            let inside = (NEAR..FAR).contains(&depth) && angle.abs() < HALF_ANGLE;
            picture.push(if inside { (tissue(dx, dy, depth) * speckle).clamp(0.0, 255.0) as u8 } else { 0 });
        }
    }
    Ok(Golden { geometry, picture, expected: GoldenExpected::new(TOLERANCE) })
}

/// Echo of tissue that fades with depth, a bright skull-like ring and a dark fluid inside it.
fn tissue(dx: f64, dy: f64, depth: f64) -> f64 {
    let ring = (dx / 70.0).hypot((dy - 160.0) / 55.0);
    let base = 110.0 * (-(depth - NEAR) / 300.0).exp();
    if (ring - 1.0).abs() < 0.07 {
        220.0
    } else if ring < 1.0 {
        0.35 * base
    } else {
        base
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::files::sha256;

    #[test]
    fn is_always_the_same_picture() {
        let a = picture().unwrap();
        assert_eq!(sha256(&a.picture), sha256(&picture().unwrap().picture));
        assert!(a.picture.iter().any(|v| *v > 200) && a.picture[0] == 0);
    }
}
