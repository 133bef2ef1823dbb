//! From polar grey levels to the picture: scan conversion, filters, the grey curve.

use crate::quality::Quality;
use crate::sector::{Sector, Tap};

/// The display stage of one scanner setting.
#[derive(Debug, Clone)]
pub(crate) struct Display {
    taps: Vec<Tap>,
    samples: usize,
    passes: u32,
    sharpening: f32,
    curve: Vec<u8>,
    background: u8,
}

const STEPS: usize = 1024;

impl Display {
    /// The stage for a polar grid of `[lines, samples]`; `background` is the grey outside the fan.
    pub(crate) fn new(sector: &Sector, quality: &Quality, grid: [usize; 2], background: u8) -> Self {
        let curve = (0..STEPS)
            .map(|k| {
                let x = k as f32 / (STEPS - 1) as f32;
                let s = x * x * (3.0 - 2.0 * x);
                let mixed = x + quality.contrast * (s - x);
                (mixed.powf(quality.gamma) * quality.white * 255.0).round() as u8
            })
            .collect();
        Self {
            taps: sector.taps(grid[0], grid[1]),
            samples: grid[1],
            passes: quality.smoothing.round() as u32,
            sharpening: quality.sharpening,
            curve,
            background,
        }
    }

    /// The pixels inside the fan, in rising order.
    pub(crate) fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// Paints a polar frame into an empty picture.
    pub(crate) fn paint(&self, polar: &[f32], width: usize, height: usize) -> Vec<u8> {
        let mut picture = vec![0.0f32; width * height];
        for tap in &self.taps {
            let at = tap.sample as usize;
            let near = polar[at] * (1.0 - tap.along) + polar[at + 1] * tap.along;
            let next = at + self.samples;
            let far = polar[next] * (1.0 - tap.along) + polar[next + 1] * tap.along;
            picture[tap.pixel as usize] = (near * (1.0 - tap.across) + far * tap.across).min(1.3);
        }
        let mut work = vec![0.0f32; width * height];
        for _ in 0..self.passes {
            binomial(&mut picture, &mut work, width);
        }
        if self.sharpening > 0.01 {
            let sharp = picture.clone();
            binomial(&mut picture, &mut work, width);
            binomial(&mut picture, &mut work, width);
            for (soft, sharp) in picture.iter_mut().zip(&sharp) {
                *soft = sharp + self.sharpening * (sharp - *soft);
            }
        }
        let mut pixels = vec![self.background; width * height];
        for tap in &self.taps {
            let level = (picture[tap.pixel as usize].clamp(0.0, 1.0) * (STEPS - 1) as f32) as usize;
            pixels[tap.pixel as usize] = self.curve[level];
        }
        pixels
    }
}

/// One pass of the separable filter `[1 2 1] / 4`; the outermost rows and columns stay.
pub(crate) fn binomial(picture: &mut [f32], work: &mut [f32], width: usize) {
    work.copy_from_slice(picture);
    for (out, row) in work.chunks_exact_mut(width).zip(picture.chunks_exact(width)) {
        for (o, w) in out[1..width - 1].iter_mut().zip(row.windows(3)) {
            *o = 0.25 * (w[0] + w[2]) + 0.5 * w[1];
        }
    }
    let height = picture.len() / width;
    for row in 1..height - 1 {
        let (above, rest) = work[(row - 1) * width..(row + 2) * width].split_at(width);
        let (here, below) = rest.split_at(width);
        for (k, out) in picture[row * width..(row + 1) * width].iter_mut().enumerate() {
            *out = 0.25 * (above[k] + below[k]) + 0.5 * here[k];
        }
    }
}
