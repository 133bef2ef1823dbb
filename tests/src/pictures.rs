//! Pictures that the miniature bundle knows, and some that no program should choke on.

use image::{GrayImage, Luma};

/// Width of a synthetic picture.
pub const WIDTH: u32 = 64;
/// Height of a synthetic picture.
pub const HEIGHT: u32 = 48;
/// Brightness (0 to 1) of the miniature's domain `low`.
pub const LOW: f64 = 0.25;
/// Brightness of its domain `high`.
pub const HIGH: f64 = 0.65;
/// Difference of brightness, left minus right, of a clear `brain`; negative for a clear `femur`.
pub const TILT: f64 = 0.2;
/// Amplitude of the noise.
const NOISE: f64 = 0.03;
/// Width of the stripes of [`stranger`].
const STRIPE: u32 = 8;

/// A picture of the given brightness whose left half is brighter than its right half by `tilt`. `seed` chooses the noise.
#[must_use]
pub fn plane(brightness: f64, tilt: f64, seed: u32) -> GrayImage {
    // Linear congruential generator (Numerical Recipes): the same noise on every machine.
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    GrayImage::from_fn(WIDTH, HEIGHT, |x, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5) * 2.0 * NOISE;
        let side = if x < WIDTH / 2 { 0.5 } else { -0.5 };
        Luma([((brightness + side * tilt + noise) * 255.0).round().clamp(0.0, 255.0) as u8])
    })
}

/// A picture like nothing that the miniature was calibrated on: black and white stripes.
#[must_use]
pub fn stranger() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, _| Luma([if (x / STRIPE).is_multiple_of(2) { 255 } else { 0 }]))
}
