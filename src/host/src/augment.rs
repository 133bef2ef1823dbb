//! Augmented views of a picture: what another probe position, gain or patient would have changed.
//!
//! Geometry is applied to the crop before it is resampled, the rest to the 8-bit grey picture of the input's size.
//! Everything a view is made of comes from the generator that is handed in, so a view is a function of its seed.

use serde::{Deserialize, Serialize};
use ushydra_bundle::Rect;

use crate::rng::Rng;

/// Version of the rules below; part of the cache key.
pub const RULE_VERSION: u32 = 1;
/// Share of the views that get speckle.
const SPECKLE_CHANCE: f64 = 0.5;
/// Grain of the speckle in pixels (standard deviation of its Gaussian).
const SPECKLE_GRAIN: f64 = 0.7;
/// Share of the views that are blurred.
const BLUR_CHANCE: f64 = 0.4;
/// Smallest blur in pixels.
const MIN_BLUR: f64 = 0.2;
/// Width of an acoustic shadow as a share of the picture (standard deviation), least and greatest.
const SHADOW_WIDTH: (f64, f64) = (0.04, 0.15);
/// Depth at which a shadow begins as a share of the picture's height, at most.
const SHADOW_START: f64 = 0.5;
/// Darkness of a shadow, least and greatest.
const SHADOW_DEPTH: (f64, f64) = (0.4, 0.9);
/// Softness of a shadow's upper edge in pixels.
const SHADOW_EDGE: f64 = 8.0;
const WHITE: f64 = 255.0;

/// Strengths; 0 turns a change off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentConfig {
    /// Views per picture, the unaugmented one included.
    pub views: usize,
    /// A side of the crop moves outwards by at most this share of its length (zoom out, shift).
    pub crop_out: f64,
    /// A side of the crop moves inwards by at most this share of its length (zoom in, shift).
    pub crop_in: f64,
    /// Share of the views that are mirrored left to right.
    pub mirror: f64,
    /// Share of the views that are turned upside down.
    pub flip: f64,
    /// Rotation in degrees, both ways.
    pub rotation: f64,
    /// Gamma between `exp(-g)` and `exp(g)`.
    pub gamma: f64,
    /// Gain between `exp(-g)` and `exp(g)`.
    pub gain: f64,
    /// Depth attenuation: gain along the depth between `exp(-a/2)` and `exp(a/2)`.
    pub attenuation: f64,
    /// Share of the views with an acoustic shadow.
    pub shadow: f64,
    /// Multiplicative speckle, standard deviation at most.
    pub speckle: f64,
    /// Gaussian blur in pixels (standard deviation) at most.
    pub blur: f64,
}

impl AugmentConfig {
    /// Only the unaugmented view.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            views: 1,
            crop_out: 0.0,
            crop_in: 0.0,
            mirror: 0.0,
            flip: 0.0,
            rotation: 0.0,
            gamma: 0.0,
            gain: 0.0,
            attenuation: 0.0,
            shadow: 0.0,
            speckle: 0.0,
            blur: 0.0,
        }
    }

    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("mirror", self.mirror), ("flip", self.flip), ("shadow", self.shadow)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("augmentation.{name} = {value}; use 0 to 1"));
            }
        }
        for (name, value) in [("crop_in", self.crop_in), ("crop_out", self.crop_out)] {
            if !(0.0..0.5).contains(&value) {
                return Err(format!("augmentation.{name} = {value}; use 0 to below 0.5"));
            }
        }
        Ok(())
    }

    /// Every setting that changes a view; the number of views does not.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{RULE_VERSION} {:?}", Self { views: 0, ..self.clone() })
    }

    /// The crop's sides, moved. May reach beyond the frame; what lies there is black.
    pub fn jitter(&self, crop: Rect, rng: &mut Rng) -> [i64; 4] {
        let (width, height) = (f64::from(crop.width), f64::from(crop.height));
        let mut shift = |length: f64| (rng.range(-self.crop_out, self.crop_in) * length).round() as i64;
        let (left, top, right, bottom) = (shift(width), shift(height), shift(width), shift(height));
        let (x, y) = (i64::from(crop.x), i64::from(crop.y));
        let (x1, y1) = (x + i64::from(crop.width) - right, y + i64::from(crop.height) - bottom);
        let (x0, y0) = (x + left, y + top);
        [x0, y0, x1.max(x0 + 1), y1.max(y0 + 1)]
    }

    /// Applies everything but the crop to a grey picture of `width` columns.
    pub fn apply(&self, picture: &mut [u8], width: usize, rng: &mut Rng) {
        let height = picture.len() / width.max(1);
        if height == 0 {
            return;
        }
        let mut values: Vec<f32> = picture.iter().map(|&v| f32::from(v) / WHITE as f32).collect();
        if rng.chance(self.mirror) {
            values.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        if rng.chance(self.flip) {
            values = values.chunks_exact(width).rev().flatten().copied().collect();
        }
        if self.rotation > 0.0 {
            values = rotate(&values, width, rng.range(-self.rotation, self.rotation).to_radians());
        }
        self.tone(&mut values, width, rng);
        if rng.chance(self.shadow) {
            shadow(&mut values, width, rng);
        }
        if self.speckle > 0.0 && rng.chance(SPECKLE_CHANCE) {
            speckle(&mut values, width, rng.range(0.0, self.speckle), rng);
        }
        if self.blur > MIN_BLUR && rng.chance(BLUR_CHANCE) {
            values = blur(&values, width, rng.range(MIN_BLUR, self.blur));
        }
        for (out, value) in picture.iter_mut().zip(values) {
            *out = (f64::from(value).clamp(0.0, 1.0) * WHITE).round() as u8;
        }
    }

    /// Gamma, gain and depth attenuation.
    fn tone(&self, values: &mut [f32], width: usize, rng: &mut Rng) {
        let gamma = rng.range(-self.gamma, self.gamma).exp();
        let gain = rng.range(-self.gain, self.gain).exp();
        let attenuation = rng.range(-self.attenuation, self.attenuation);
        let last = (values.len() / width).saturating_sub(1).max(1) as f64;
        for (row, line) in values.chunks_exact_mut(width).enumerate() {
            let factor = gain * (-attenuation * (row as f64 / last - 0.5)).exp();
            for value in line {
                *value = (f64::from(*value).powf(gamma) * factor) as f32;
            }
        }
    }
}

/// Rotation about the centre, bilinear, black outside.
fn rotate(values: &[f32], width: usize, angle: f64) -> Vec<f32> {
    let height = values.len() / width;
    let (sin, cos) = angle.sin_cos();
    let (cx, cy) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let at = |x: i64, y: i64| {
        let inside = x >= 0 && y >= 0 && x < width as i64 && y < height as i64;
        if inside { f64::from(values[y as usize * width + x as usize]) } else { 0.0 }
    };
    let mut out = Vec::with_capacity(values.len());
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x as f64 - cx, y as f64 - cy);
            let (sx, sy) = (cx + cos * dx + sin * dy, cy - sin * dx + cos * dy);
            let (fx, fy) = (sx - sx.floor(), sy - sy.floor());
            let (ix, iy) = (sx.floor() as i64, sy.floor() as i64);
            let top = at(ix, iy) * (1.0 - fx) + at(ix + 1, iy) * fx;
            let bottom = at(ix, iy + 1) * (1.0 - fx) + at(ix + 1, iy + 1) * fx;
            out.push((top * (1.0 - fy) + bottom * fy) as f32);
        }
    }
    out
}

/// A dark stripe from some depth downwards, as a rib or gas leaves it.
fn shadow(values: &mut [f32], width: usize, rng: &mut Rng) {
    let height = values.len() / width;
    let centre = rng.range(0.0, width as f64);
    let spread = rng.range(SHADOW_WIDTH.0, SHADOW_WIDTH.1) * width as f64;
    let start = rng.range(0.0, SHADOW_START) * height as f64;
    let depth = rng.range(SHADOW_DEPTH.0, SHADOW_DEPTH.1);
    for (y, line) in values.chunks_exact_mut(width).enumerate() {
        let below = 1.0 / (1.0 + (-(y as f64 - start) / SHADOW_EDGE).exp());
        for (x, value) in line.iter_mut().enumerate() {
            let across = (-0.5 * ((x as f64 - centre) / spread).powi(2)).exp();
            *value *= (1.0 - depth * across * below) as f32;
        }
    }
}

/// Multiplicative noise with a grain.
fn speckle(values: &mut [f32], width: usize, strength: f64, rng: &mut Rng) {
    let noise: Vec<f32> = (0..values.len()).map(|_| rng.normal() as f32).collect();
    let mut noise = blur(&noise, width, SPECKLE_GRAIN);
    let power = noise.iter().map(|n| f64::from(*n).powi(2)).sum::<f64>() / noise.len() as f64;
    let scale = (strength / power.sqrt().max(f64::MIN_POSITIVE)) as f32;
    noise.iter_mut().for_each(|n| *n *= scale);
    values.iter_mut().zip(noise).for_each(|(v, n)| *v = (*v * (1.0 + n)).max(0.0));
}

/// Separable Gaussian; pixels beyond the edge repeat it.
fn blur(values: &[f32], width: usize, sigma: f64) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as i64;
    let kernel: Vec<f64> = (-radius..=radius).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = kernel.iter().sum();
    let height = values.len() / width;
    let pass = |input: &[f32], dx: i64, dy: i64| {
        let mut out = Vec::with_capacity(input.len());
        for y in 0..height as i64 {
            for x in 0..width as i64 {
                let taps = kernel.iter().zip(-radius..=radius).map(|(k, i)| {
                    let sx = (x + i * dx).clamp(0, width as i64 - 1) as usize;
                    let sy = (y + i * dy).clamp(0, height as i64 - 1) as usize;
                    k * f64::from(input[sy * width + sx])
                });
                out.push((taps.sum::<f64>() / sum) as f32);
            }
        }
        out
    };
    pass(&pass(values, 1, 0), 0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 20;

    fn picture() -> Vec<u8> {
        (0..WIDTH * 16).map(|i| (60 + (i % WIDTH) * 5 + (i / WIDTH) * 3) as u8).collect()
    }

    fn strong() -> AugmentConfig {
        AugmentConfig {
            views: 4,
            crop_out: 0.05,
            crop_in: 0.1,
            mirror: 0.5,
            flip: 0.1,
            rotation: 15.0,
            gamma: 0.3,
            gain: 0.2,
            attenuation: 0.5,
            shadow: 0.5,
            speckle: 0.2,
            blur: 1.0,
        }
    }

    #[test]
    fn nothing_changes_nothing() {
        let mut view = picture();
        AugmentConfig::none().apply(&mut view, WIDTH, &mut Rng::new(1));
        assert_eq!(view, picture());
        let crop = Rect { x: 3, y: 4, width: 10, height: 5 };
        assert_eq!(AugmentConfig::none().jitter(crop, &mut Rng::new(1)), [3, 4, 13, 9]);
    }

    #[test]
    fn a_view_is_a_function_of_its_seed() {
        let view = |seed| {
            let mut view = picture();
            strong().apply(&mut view, WIDTH, &mut Rng::new(seed));
            view
        };
        assert_eq!(view(1), view(1));
        assert_ne!(view(1), view(2));
    }

    #[test]
    fn each_change_alone() {
        let base = AugmentConfig::none();
        let cases = [
            ("mirror", AugmentConfig { mirror: 1.0, ..base.clone() }),
            ("flip", AugmentConfig { flip: 1.0, ..base.clone() }),
            ("rotation", AugmentConfig { rotation: 20.0, ..base.clone() }),
            ("gamma", AugmentConfig { gamma: 0.5, ..base.clone() }),
            ("gain", AugmentConfig { gain: 0.5, ..base.clone() }),
            ("attenuation", AugmentConfig { attenuation: 1.0, ..base.clone() }),
            ("shadow", AugmentConfig { shadow: 1.0, ..base.clone() }),
            ("speckle", AugmentConfig { speckle: 0.5, ..base.clone() }),
            ("blur", AugmentConfig { blur: 2.0, ..base.clone() }),
        ];
        for (name, config) in cases {
            // Speckle and blur come only to a share of the views.
            let changed = (0..8).any(|seed| {
                let mut view = picture();
                config.apply(&mut view, WIDTH, &mut Rng::new(seed));
                view != picture()
            });
            assert!(changed, "{name}");
            assert_ne!(config.fingerprint(), base.fingerprint(), "{name}");
        }
        assert_eq!(AugmentConfig { views: 9, ..base.clone() }.fingerprint(), base.fingerprint());
    }

    #[test]
    fn mirror_is_exact_and_jitter_stays_in_bounds() {
        let mut view = picture();
        AugmentConfig { mirror: 1.0, ..AugmentConfig::none() }.apply(&mut view, WIDTH, &mut Rng::new(1));
        assert!(view.chunks(WIDTH).zip(picture().chunks(WIDTH)).all(|(a, b)| a.iter().eq(b.iter().rev())));
        let mut rng = Rng::new(3);
        for _ in 0..100 {
            let crop = Rect { x: 10, y: 20, width: 100, height: 200 };
            let [x0, y0, x1, y1] = strong().jitter(crop, &mut rng);
            assert!((5..=20).contains(&x0) && (10..=40).contains(&y0), "{x0} {y0}");
            assert!((100..=115).contains(&x1) && (200..=230).contains(&y1), "{x1} {y1}");
        }
    }
}
