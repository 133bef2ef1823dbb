//! Augmented views of a prepared picture and its mask.

use ushydra_bundle::InputSpec;

use super::prepare::{OVERSAMPLING, Prepared};
use crate::augment::AugmentConfig;
use crate::rng::Rng;

/// Weight of one of the samples that make up a view's pixel.
const SAMPLES: usize = (OVERSAMPLING * OVERSAMPLING) as usize;

/// Draws views.
#[derive(Clone, Debug)]
pub(crate) struct ViewMaker {
    width: usize,
    height: usize,
    mean: f32,
    std: f32,
    geometry: AugmentConfig,
    tone: AugmentConfig,
}

/// A view in the stored grid: `source = centre + matrix * (target - centre) + shift`.
struct Affine {
    matrix: [[f64; 2]; 2],
    shift: [f64; 2],
}

impl ViewMaker {
    /// For pictures prepared with `input`.
    #[must_use]
    pub(crate) fn new(input: &InputSpec, augmentation: &AugmentConfig) -> Self {
        // Geometry is applied to picture and mask alike and therefore here; the rest is the classifier's.
        let tone = AugmentConfig { mirror: 0.0, flip: 0.0, rotation: 0.0, ..augmentation.clone() };
        Self {
            width: input.width as usize,
            height: input.height as usize,
            mean: input.mean.first().copied().unwrap_or(0.0),
            std: input.std.first().copied().unwrap_or(1.0),
            geometry: augmentation.clone(),
            tone,
        }
    }

    /// The unaugmented view: `image` becomes the encoder's input, `target` the covered share of every pixel.
    pub(crate) fn plain(&self, prepared: &Prepared, image: &mut Vec<f32>, target: &mut Vec<f32>) {
        let identity = Affine { matrix: [[1.0, 0.0], [0.0, 1.0]], shift: [0.0; 2] };
        let grey = self.sample(prepared, &identity, target);
        self.normalise(&grey, image);
    }

    /// An augmented view, a function of the generator's state.
    pub(crate) fn augmented(&self, prepared: &Prepared, rng: &mut Rng, image: &mut Vec<f32>, target: &mut Vec<f32>) {
        let affine = self.draw(rng);
        let mut grey = self.sample(prepared, &affine, target);
        self.tone.apply(&mut grey, self.width, rng);
        self.normalise(&grey, image);
    }

    fn normalise(&self, grey: &[u8], image: &mut Vec<f32>) {
        let white = f32::from(u8::MAX);
        image.extend(grey.iter().map(|&v| (f32::from(v) / white - self.mean) / self.std));
    }

    fn draw(&self, rng: &mut Rng) -> Affine {
        let config = &self.geometry;
        // A zoom by exp(z) moves every side inwards by about z / 2 of its length.
        let mut zoom = || (-2.0 * rng.range(-config.crop_out, config.crop_in)).exp();
        let (scale, aspect) = (zoom(), zoom().sqrt());
        let mirrored = if rng.chance(config.mirror) { -1.0 } else { 1.0 };
        let flipped = if rng.chance(config.flip) { -1.0 } else { 1.0 };
        let (sin, cos) = rng.range(-config.rotation, config.rotation).to_radians().sin_cos();
        let (sx, sy) = (scale * aspect * mirrored, scale / aspect * flipped);
        let reach = config.crop_in.max(config.crop_out);
        let stored = f64::from(OVERSAMPLING);
        let shift = [self.width, self.height].map(|side| rng.range(-reach, reach) * side as f64 * stored);
        Affine { matrix: [[sx * cos, sx * sin], [-sy * sin, sy * cos]], shift }
    }

    /// Grey levels of the view; `target` gets the covered shares.
    fn sample(&self, prepared: &Prepared, affine: &Affine, target: &mut Vec<f32>) -> Vec<u8> {
        let factor = OVERSAMPLING as usize;
        let (width, height) = (self.width * factor, self.height * factor);
        let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
        let [[a, b], [c, d]] = affine.matrix;
        let mut grey = Vec::with_capacity(self.width * self.height);
        for y in 0..self.height {
            for x in 0..self.width {
                let (mut light, mut covered) = (0.0_f32, 0.0_f32);
                for sample in 0..SAMPLES {
                    let tx = (x * factor + sample % factor) as f64 + 0.5 - cx;
                    let ty = (y * factor + sample / factor) as f64 + 0.5 - cy;
                    let sx = cx + a * tx + b * ty + affine.shift[0] - 0.5;
                    let sy = cy + c * tx + d * ty + affine.shift[1] - 0.5;
                    let taps = Taps::new(sx as f32, sy as f32, width, height);
                    light += taps.read(&prepared.image);
                    covered += taps.read(&prepared.mask);
                }
                grey.push((light / SAMPLES as f32).round() as u8);
                target.push(covered / (SAMPLES as f32 * f32::from(u8::MAX)));
            }
        }
        grey
    }
}

/// Bilinear interpolation at one place; black outside.
struct Taps {
    at: [usize; 4],
    weight: [f32; 4],
}

impl Taps {
    fn new(x: f32, y: f32, width: usize, height: usize) -> Self {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let (mut at, mut weight) = ([0; 4], [0.0; 4]);
        for (tap, value) in weights.into_iter().enumerate() {
            let (column, row) = (left as i64 + (tap % 2) as i64, top as i64 + (tap / 2) as i64);
            if (0..width as i64).contains(&column) && (0..height as i64).contains(&row) {
                at[tap] = row as usize * width + column as usize;
                weight[tap] = value;
            }
        }
        Self { at, weight }
    }

    fn read(&self, values: &[u8]) -> f32 {
        self.at.iter().zip(self.weight).map(|(&at, weight)| weight * f32::from(values[at])).sum()
    }
}
