//! Degraded test pictures: noise, blur and gain added to the frame before anything else sees it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

const WHITE: f64 = 255.0;
/// The Gaussian is cut at this many standard deviations.
const REACH: f64 = 3.0;

/// Strengths that are tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DegradeConfig {
    /// Standard deviations of added noise as shares of white.
    #[serde(default)]
    pub noise: Vec<f64>,
    /// Standard deviations of a Gaussian blur as shares of the frame's shorter side.
    #[serde(default)]
    pub blur: Vec<f64>,
    /// Factors on the grey levels.
    #[serde(default)]
    pub gain: Vec<f64>,
}

/// One degradation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Degradation {
    /// `v + 255 s n`, n standard normal, where the frame is not black: the surround of the sector stays as it is.
    Noise(f64),
    /// Gaussian blur of standard deviation s times the shorter side.
    Blur(f64),
    /// `v * s`, saturating at white.
    Gain(f64),
}

impl fmt::Display for Degradation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noise(s) => write!(f, "noise={s}"),
            Self::Blur(s) => write!(f, "blur={s}"),
            Self::Gain(s) => write!(f, "gain={s}"),
        }
    }
}

impl DegradeConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        for (what, values) in [("noise", &self.noise), ("blur", &self.blur), ("gain", &self.gain)] {
            if let Some(value) = values.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
                return Err(format!("{what} holds {value}; use numbers of at least 0"));
            }
        }
        Ok(())
    }

    /// Every degradation in order.
    #[must_use]
    pub fn list(&self) -> Vec<Degradation> {
        let noise = self.noise.iter().map(|s| Degradation::Noise(*s));
        let blur = self.blur.iter().map(|s| Degradation::Blur(*s));
        noise.chain(blur).chain(self.gain.iter().map(|s| Degradation::Gain(*s))).collect()
    }
}

impl Degradation {
    /// Degrades a frame of `channels` interleaved channels. Noise is the same in all channels of a pixel and a function of
    /// `rng`.
    pub fn apply(self, pixels: &mut [u8], width: usize, channels: usize, rng: &mut Rng) {
        let channels = channels.max(1);
        if width == 0 || pixels.is_empty() {
            return;
        }
        match self {
            Self::Noise(strength) => {
                for pixel in pixels.chunks_mut(channels) {
                    if pixel.iter().all(|v| *v == 0) {
                        continue;
                    }
                    let shift = WHITE * strength * rng.normal();
                    pixel.iter_mut().for_each(|v| *v = level(f64::from(*v) + shift));
                }
            }
            Self::Gain(factor) => pixels.iter_mut().for_each(|v| *v = level(f64::from(*v) * factor)),
            Self::Blur(share) => {
                let height = pixels.len() / (width * channels);
                let sigma = share * width.min(height) as f64;
                if sigma > 0.0 {
                    pass(pixels, [width, height], channels, 1, sigma);
                    pass(pixels, [height, width], channels, width, sigma);
                }
            }
        }
    }
}

fn level(value: f64) -> u8 {
    value.clamp(0.0, WHITE).round() as u8
}

/// One direction of a separable Gaussian over `lines` lines of `length` pixels that lie `step` pixels apart; pixels beyond
/// the edge repeat it.
fn pass(pixels: &mut [u8], [length, lines]: [usize; 2], channels: usize, step: usize, sigma: f64) {
    let radius = (REACH * sigma).ceil() as i64;
    let kernel: Vec<f64> = (-radius..=radius).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = kernel.iter().sum();
    let mut line = vec![0.0; length];
    for index in 0..lines {
        // Rows begin a row apart, columns a pixel apart.
        let start = if step == 1 { index * length } else { index };
        for channel in 0..channels {
            let at = |i: usize| (start + i * step) * channels + channel;
            for (i, value) in line.iter_mut().enumerate() {
                *value = f64::from(pixels[at(i)]);
            }
            for i in 0..length {
                let taps = kernel.iter().zip(-radius..=radius);
                let value: f64 =
                    taps.map(|(k, shift)| k * line[(i as i64 + shift).clamp(0, length as i64 - 1) as usize]).sum();
                pixels[at(i)] = level(value / sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<u8> {
        (0..20 * 12).map(|i| if i % 20 < 4 { 0 } else { (60 + i % 20 * 5 + i / 20 * 3) as u8 }).collect()
    }

    #[test]
    fn each_does_what_it_says() {
        let made = |degradation: Degradation| {
            let mut pixels = picture();
            degradation.apply(&mut pixels, 20, 1, &mut Rng::new(3));
            pixels
        };
        let noisy = made(Degradation::Noise(0.1));
        assert!(noisy.iter().zip(picture()).all(|(after, before)| before != 0 || *after == 0));
        assert!(noisy.iter().zip(picture()).filter(|(a, b)| *a != b).count() > 150);
        assert_eq!(noisy, made(Degradation::Noise(0.1)));
        assert_eq!(made(Degradation::Gain(0.5))[100], (f64::from(picture()[100]) / 2.0).round() as u8);
        for nothing in [Degradation::Noise(0.0), Degradation::Blur(0.0), Degradation::Gain(1.0)] {
            assert_eq!(made(nothing), picture(), "{nothing}");
        }
        // A blur keeps a flat picture and brings neighbours together.
        let mut flat = vec![90; 60];
        Degradation::Blur(0.3).apply(&mut flat, 10, 3, &mut Rng::new(1));
        assert_eq!(flat, vec![90; 60]);
        let blurred = made(Degradation::Blur(0.2));
        let edge = |p: &[u8]| i32::from(p[4]) - i32::from(p[3]);
        assert!(edge(&blurred) < edge(&picture()) / 2);
    }

    #[test]
    fn both_directions_of_a_blur_are_alike() {
        let mut point = vec![0; 15 * 15];
        point[7 * 15 + 7] = 255;
        Degradation::Blur(0.1).apply(&mut point, 15, 1, &mut Rng::new(1));
        for (x, y) in [(5, 7), (6, 8), (4, 6)] {
            assert_eq!(point[y * 15 + x], point[x * 15 + y]);
        }
        assert!(point[7 * 15 + 7] < 255 && point[7 * 15 + 6] > 0 && point[6 * 15 + 7] > 0);
    }
}
