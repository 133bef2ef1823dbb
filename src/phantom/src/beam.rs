//! The imaging chain in polar space: scatterers, point-spread function, envelope, logarithm.

use crate::display::binomial;
use crate::look::db;
use crate::noise::{Scatterers, Texture, Waves};
use crate::quality::Quality;
use crate::rng::Rng;
use crate::scene::Echo;
use crate::sector::Sector;

/// Pitch of the scatterer tile in mm; finer than any resolution cell worth showing.
const PITCH: f32 = 0.35;

/// Brightest grey, before the curve, of the level that 45 % of the sector stay below.
const MIDDLE_GREY: f32 = 0.45;

/// Everything about one scanner setting that does not change from frame to frame.
///
/// Arrays over the grid are line-major: `[line * samples + sample]`.
#[derive(Debug, Clone)]
pub(crate) struct Imager {
    pub(crate) lines: usize,
    pub(crate) samples: usize,
    /// Amplitude gain of tissue echoes: attenuation, depth gain, shadows, borders.
    signal: Vec<f32>,
    /// Amplitude of static clutter.
    haze: Vec<f32>,
    /// Amplitude of electronic noise per sample.
    noise: Vec<f32>,
    lateral: Vec<f32>,
    axial: Vec<f32>,
    compounding: u32,
    despeckle: f32,
    /// Reach of the side lobes in lines and their power.
    lobes: (usize, f32),
    seed: i32,
    /// Echo level in dB that is shown white.
    top: f32,
    dynamic_range: f32,
}

/// A Gaussian of deviation `sigma` cells with unit energy, so that filtering white noise keeps its power.
fn kernel(sigma: f32) -> Vec<f32> {
    let sigma = sigma.max(0.05);
    let radius = (2.4 * sigma).ceil().min(40.0) as i32;
    let mut taps: Vec<f32> = (-radius..=radius).map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp()).collect();
    let energy = taps.iter().map(|t| t * t).sum::<f32>().sqrt();
    taps.iter_mut().for_each(|t| *t /= energy);
    taps
}

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

impl Imager {
    /// The chain for a sector with this quality; shadows, ripples and clutter are drawn from `rng`.
    pub(crate) fn new(sector: &Sector, quality: &Quality, rng: &mut Rng) -> Self {
        let (lines, samples) = (quality.lines as usize, quality.samples as usize);
        let step = sector.depth / (samples - 1) as f32;
        let spacing = 2.0 * sector.half_angle.to_degrees() / (lines - 1) as f32;
        let ripple = Waves::new(rng, 4, 0.8);
        let mottle = [Waves::new(rng, 5, 0.6), Waves::new(rng, 5, 0.6)];
        let mottle_db = rng.range(1.0, 6.0);
        let noise_slope = rng.range(0.0, 22.0);
        let bands = [rng.range(2.5, 11.0), rng.range(0.0, std::f32::consts::TAU), rng.range(0.0, 0.9)];
        let texture = Texture::shared();
        let (layered, phase) = (rng.range(0.0, 1.2), rng.range(0.0, 200.0));
        let edges: [[f32; 4]; 2] = std::array::from_fn(|_| {
            let level = if rng.chance(0.75) { quality.edge_db * rng.range(0.2, 1.0) } else { 0.0 };
            [level, rng.range(0.08, 0.7), rng.range(0.0, 60.0), rng.range(-0.25, 0.35)]
        });
        let count = (quality.shadows + rng.unit()).floor() as u32;
        let shadows: Vec<[f32; 4]> = (0..count)
            .map(|_| {
                let side = if rng.chance(0.7) { rng.unit().sqrt() } else { rng.unit() };
                let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
                [
                    sign * side * sector.half_angle,
                    rng.range(0.03, 0.16),
                    rng.range(2.0, 70.0),
                    quality.shadow_db * rng.range(0.4, 1.0),
                ]
            })
            .collect();
        let mut signal = Vec::with_capacity(lines * samples);
        let mut haze = Vec::with_capacity(lines * samples);
        let profile: Vec<[f32; 2]> = (0..samples)
            .map(|sample| {
                let share = sample as f32 / (samples - 1) as f32;
                [ripple.at(share * std::f32::consts::PI), mottle[1].at(share * 3.0)]
            })
            .collect();
        for line in 0..lines {
            let part = 2.0 * line as f32 / (lines - 1) as f32 - 1.0;
            let angle = part * sector.half_angle;
            let cast: Vec<(f32, f32)> = shadows
                .iter()
                .map(|&[at, width, start, level]| (start, level * (-((angle - at) / width).powi(2)).exp()))
                .filter(|&(_, level)| level > 0.2)
                .collect();
            let mottled = mottle[0].at(part * 1.6);
            for (sample, &[rippled, mottled_deep]) in profile.iter().enumerate() {
                let depth = sample as f32 * step;
                let share = depth / sector.depth;
                let mut shade = 0.0;
                for &(start, level) in &cast {
                    shade += level * smooth((depth - start) / 12.0);
                }
                for (side, &[level, width, start, drift]) in edges.iter().enumerate() {
                    let outward = if side == 0 { -part } else { part };
                    let border = 1.0 - width - drift * share;
                    shade +=
                        level * smooth((outward - border) / width.max(0.05)) * smooth((depth - start + 20.0) / 40.0);
                }
                let level = -quality.attenuation_db_per_cm * 0.1 * depth + quality.gain_ripple_db * rippled;
                signal.push(db(level - shade));
                let banded = 1.0 + bands[2] * (depth / bands[0] * std::f32::consts::TAU + bands[1]).cos();
                let layers = (1.0 + layered * texture.at(part * 2.5 + 40.0, depth / 2.0 + phase)).max(0.05);
                let near = db(quality.near_field_db) * (-depth / quality.near_field_mm).exp() * banded * layers;
                let slow = mottle_db * (mottled + mottled_deep) * 0.7;
                haze.push((db(quality.haze_db + slow + 0.6 * level) + near) * db(-0.6 * shade));
            }
        }
        let noise = (0..samples)
            .map(|sample| db(quality.noise_db + noise_slope * (sample as f32 / (samples - 1) as f32 - 1.0)))
            .collect();
        Self {
            lines,
            samples,
            signal,
            haze,
            noise,
            lateral: kernel(quality.lateral_deg * sector.focus / spacing),
            axial: kernel(quality.axial_mm / step),
            compounding: quality.compounding.round() as u32,
            despeckle: quality.despeckle,
            lobes: ((rng.range(3.0, 9.0) / spacing) as usize, 10.0f32.powf(rng.range(-3.0, -1.2))),
            seed: (rng.bits() >> 40) as i32,
            top: 0.0,
            dynamic_range: quality.dynamic_range_db,
        }
    }

    /// Sets the white level from a coarse look at the scene: 6 dB above the level that 3 % of the sector exceed.
    pub(crate) fn expose(&mut self, sector: &Sector, gain: f32, echo: impl Fn([f32; 2], [f32; 2]) -> Echo) {
        let mut powers = Vec::new();
        for line in (0..self.lines).step_by(4) {
            // The clutter below the probe does not count.
            for sample in (self.samples / 6..self.samples).step_by(6) {
                let (position, beam) = self.place(sector, line, sample);
                let at = line * self.samples + sample;
                let found = echo(position, beam);
                let (solid, fluid) = (found.solid * self.signal[at], found.fluid * self.signal[at]);
                let noise = self.noise[sample];
                powers.push(solid * solid + fluid * fluid + self.haze[at] * self.haze[at] + noise * noise);
            }
        }
        powers.sort_by(f32::total_cmp);
        let level =
            |percent: usize| 10.0 * powers.get(powers.len() * percent / 100).copied().unwrap_or(1.0).max(1e-8).log10();
        self.top = level(97) + 6.0 - gain;
        // A long range must not turn the whole sector white: no operator leaves it so. A shorter range and a lower gain
        // share the correction.
        let middle = self.top - level(45);
        let wanted = (1.0 - MIDDLE_GREY) * self.dynamic_range;
        if middle < wanted {
            self.dynamic_range *= (middle / wanted).clamp(0.75, 1.0);
            self.top += ((1.0 - MIDDLE_GREY) * self.dynamic_range - middle).max(0.0);
        }
    }

    /// Position and beam direction of a sample in mm.
    fn place(&self, sector: &Sector, line: usize, sample: usize) -> ([f32; 2], [f32; 2]) {
        let angle = (2.0 * line as f32 / (self.lines - 1) as f32 - 1.0) * sector.half_angle;
        let (sin, cos) = angle.sin_cos();
        let radius = sector.face + sector.depth * sample as f32 / (self.samples - 1) as f32;
        ([radius * sin, radius * cos - sector.face], [sin, cos])
    }

    /// One frame on the polar grid, linear in decibels: 0 black, 1 white, not clipped above.
    ///
    /// The complex field is `PSF * (solid g s + fluid g b + haze h) + noise`, with `s` the scatterers at the tissue's
    /// home, `b` those of blood (new in every frame), `h` static clutter; the grey is `1 + (10 log10 |field|^2 - top) / DR`.
    pub(crate) fn frame(
        &self,
        sector: &Sector,
        index: u32,
        echo: impl Fn([f32; 2], [f32; 2], &Texture) -> Echo,
    ) -> Vec<f32> {
        let (lines, samples) = (self.lines, self.samples);
        let scatterers = Scatterers::shared();
        let texture = Texture::shared();
        let mut field = vec![[0.0f32; 2]; lines * samples];
        let shift = (self.seed & 255) as f32;
        let flow = [(index.wrapping_mul(97) % 251) as f32, (index.wrapping_mul(61) % 241) as f32];
        for line in 0..lines {
            let (_, beam) = self.place(sector, line, 0);
            for sample in 0..samples {
                let at = line * samples + sample;
                let radius = sector.face + sector.depth * sample as f32 / (samples - 1) as f32;
                let position = [radius * beam[0], radius * beam[1] - sector.face];
                let found = echo(position, beam, texture);
                let s = scatterers.at(found.home[0] / PITCH + shift, found.home[1] / PITCH);
                let b = scatterers.at(position[0] / PITCH + flow[0], position[1] / PITCH + flow[1]);
                let h = scatterers.cell(line as i32 + self.seed, sample as i32 + (self.seed >> 8) + 128);
                let (solid, fluid, haze) =
                    (found.solid * self.signal[at], found.fluid * self.signal[at], self.haze[at]);
                field[at] = [solid * s[0] + fluid * b[0] + haze * h[0], solid * s[1] + fluid * b[1] + haze * h[1]];
            }
        }
        let mut spread = vec![[0.0f32; 2]; lines * samples];
        let reach = self.lateral.len() / 2;
        for line in 0..lines {
            let row = &mut spread[line * samples..(line + 1) * samples];
            for (k, &tap) in self.lateral.iter().enumerate() {
                let source = (line + k).saturating_sub(reach).min(lines - 1);
                let from = &field[source * samples..(source + 1) * samples];
                for (to, from) in row.iter_mut().zip(from) {
                    to[0] += tap * from[0];
                    to[1] += tap * from[1];
                }
            }
        }
        self.side_lobes(&mut spread);
        for line in 0..lines {
            let row = &mut spread[line * samples..(line + 1) * samples];
            let drift = index.wrapping_mul(17).wrapping_add(self.seed as u32) as i32;
            for (sample, to) in row.iter_mut().enumerate() {
                let n = scatterers.cell(line as i32 * 3 + drift, sample as i32 + drift.wrapping_mul(5));
                to[0] += self.noise[sample] * n[0];
                to[1] += self.noise[sample] * n[1];
            }
        }
        let reach = self.axial.len() / 2;
        let mut padded = vec![[0.0f32; 2]; samples + 2 * reach];
        let mut grey = vec![0.0f32; lines * samples];
        for line in 0..lines {
            padded[reach..reach + samples].copy_from_slice(&spread[line * samples..(line + 1) * samples]);
            let (first, last) = (padded[reach], padded[reach + samples - 1]);
            padded[..reach].fill(first);
            padded[reach + samples..].fill(last);
            for (sample, value) in grey[line * samples..(line + 1) * samples].iter_mut().enumerate() {
                let (mut re, mut im) = (0.0, 0.0);
                for (tap, from) in self.axial.iter().zip(&padded[sample..]) {
                    re += tap * from[0];
                    im += tap * from[1];
                }
                *value = re * re + im * im + 1e-12;
            }
        }
        let mut work = vec![0.0f32; if self.compounding > 0 { grey.len() } else { 0 }];
        for _ in 0..self.compounding {
            binomial(&mut grey, &mut work, samples);
        }
        let scale = 10.0 / self.dynamic_range * std::f32::consts::LOG10_2;
        let black = 1.0 - self.top / self.dynamic_range;
        for value in &mut grey {
            *value = (black + scale * value.log2()).max(-0.3);
        }
        if self.despeckle > 0.02 {
            let mut mean = grey.clone();
            work.resize(grey.len(), 0.0);
            for _ in 0..4 {
                binomial(&mut mean, &mut work, samples);
            }
            for (value, mean) in grey.iter_mut().zip(&mean) {
                *value += self.despeckle * (mean - *value);
            }
        }
        for value in &mut grey {
            *value = value.max(0.0);
        }
        grey
    }

    /// Adds what the side lobes pick up: a share of the mean power of the neighbouring lines at the same depth, with
    /// speckle of its own. It fills cavities beside strong reflectors, as on real screens.
    fn side_lobes(&self, field: &mut [[f32; 2]]) {
        let (reach, share) = self.lobes;
        let scatterers = Scatterers::shared();
        let samples = self.samples;
        let mut sum = vec![0.0f32; samples];
        let power = |value: [f32; 2]| value[0] * value[0] + value[1] * value[1];
        let powers: Vec<f32> = field.iter().map(|&value| power(value)).collect();
        let row = |line: usize| &powers[line * samples..(line + 1) * samples];
        let last = self.lines - 1;
        for line in 0..reach.min(self.lines) {
            sum.iter_mut().zip(row(line)).for_each(|(s, p)| *s += p);
        }
        let scale = share / (2 * reach + 1) as f32;
        for line in 0..self.lines {
            if line + reach <= last {
                sum.iter_mut().zip(row(line + reach)).for_each(|(s, p)| *s += p);
            }
            for (sample, value) in field[line * samples..(line + 1) * samples].iter_mut().enumerate() {
                let level = (sum[sample].max(0.0) * scale).sqrt();
                // Cells four lines wide: a side lobe is no finer across than the beam.
                let n = scatterers.cell(line as i32 / 4 + self.seed, sample as i32 + 77);
                value[0] += level * n[0];
                value[1] += level * n[1];
            }
            if line >= reach {
                sum.iter_mut().zip(row(line - reach)).for_each(|(s, p)| *s -= p);
            }
        }
    }
}
