//! Pictures that the miniature bundles know, and some that no program should choke on.

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

/// Brightness of a clear disc for the segmenting miniature.
pub const DISC: f64 = 0.9;

/// Noise that is the same on every machine: a linear congruential generator (Numerical Recipes).
fn noise(seed: u32) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1_u32 << 24) - 0.5) * 2.0 * NOISE
    }
}

fn sample(brightness: f64) -> Luma<u8> {
    Luma([(brightness * 255.0).round().clamp(0.0, 255.0) as u8])
}

/// An ellipse with its axes along rows and columns, in pixels; a pixel lies at its centre, + 0.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disc {
    /// Centre.
    pub centre: [f64; 2],
    /// Half axes along a row and a column.
    pub axes: [f64; 2],
    /// Brightness, 0 to 1; [`DISC`] is clear.
    pub brightness: f64,
}

impl Disc {
    /// Whether the centre of pixel `(x, y)` lies inside.
    #[must_use]
    pub fn holds(&self, x: u32, y: u32) -> bool {
        let part = |at: u32, axis: usize| ((f64::from(at) + 0.5 - self.centre[axis]) / self.axes[axis]).powi(2);
        part(x, 0) + part(y, 1) <= 1.0
    }
}

/// A picture of `width` x `height` pixels and the given brightness with a disc in it. `seed` chooses the noise.
#[must_use]
pub fn with_disc((width, height): (u32, u32), brightness: f64, disc: &Disc, seed: u32) -> GrayImage {
    let mut noise = noise(seed);
    GrayImage::from_fn(width, height, |x, y| {
        sample(noise() + if disc.holds(x, y) { disc.brightness } else { brightness })
    })
}

/// A picture of the given brightness whose left half is brighter than its right half by `tilt`. `seed` chooses the noise.
#[must_use]
pub fn plane(brightness: f64, tilt: f64, seed: u32) -> GrayImage {
    let mut noise = noise(seed);
    GrayImage::from_fn(WIDTH, HEIGHT, |x, _| {
        let side = if x < WIDTH / 2 { 0.5 } else { -0.5 };
        sample(brightness + side * tilt + noise())
    })
}

/// A picture like nothing that the miniature was calibrated on: black and white stripes.
#[must_use]
pub fn stranger() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, _| Luma([if (x / STRIPE).is_multiple_of(2) { 255 } else { 0 }]))
}
