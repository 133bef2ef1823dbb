//! Tiles of random numbers shared by every phantom: white complex noise for scatterers, smooth noise for texture.

use crate::rng::Rng;
use std::sync::OnceLock;

/// Edge of both tiles in cells; a power of two, so that wrapping is a mask.
const EDGE: usize = 256;
const WRAP: i32 = EDGE as i32 - 1;

/// White complex Gaussian noise of unit power, `E|n|^2 = 1`, looked up by the nearest cell.
///
/// Fully developed speckle is the sum of many scatterers per resolution cell, whose field is circular complex Gaussian
/// (Wagner et al. 1983); a cell of the tile stands for such a sum.
pub(crate) struct Scatterers {
    cells: Vec<[f32; 2]>,
}

impl Scatterers {
    /// The tile, made once per process.
    pub(crate) fn shared() -> &'static Self {
        static TILE: OnceLock<Scatterers> = OnceLock::new();
        TILE.get_or_init(|| {
            let mut rng = Rng::new(0x5ca7_7e2e);
            let half = std::f32::consts::FRAC_1_SQRT_2;
            Self { cells: (0..EDGE * EDGE).map(|_| [rng.normal() * half, rng.normal() * half]).collect() }
        })
    }

    /// The value of the cell that holds `(x, y)`, in cells.
    #[inline]
    pub(crate) fn at(&self, x: f32, y: f32) -> [f32; 2] {
        self.cell(x.floor() as i32, y.floor() as i32)
    }

    /// The value of cell `(x, y)`, wrapped.
    #[inline]
    pub(crate) fn cell(&self, x: i32, y: i32) -> [f32; 2] {
        self.cells[((y & WRAP) as usize) * EDGE + (x & WRAP) as usize]
    }
}

/// Smooth noise of zero mean and unit deviation, one knot per cell, bilinear in between.
pub(crate) struct Texture {
    knots: Vec<f32>,
}

impl Texture {
    /// The tile, made once per process.
    pub(crate) fn shared() -> &'static Self {
        static TILE: OnceLock<Texture> = OnceLock::new();
        TILE.get_or_init(|| {
            let mut rng = Rng::new(0x7e87);
            Self { knots: (0..EDGE * EDGE).map(|_| rng.normal().clamp(-2.5, 2.5)).collect() }
        })
    }

    /// The noise at `(x, y)`, in knots.
    #[inline]
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (mut tx, mut ty) = (x - fx, y - fy);
        tx = tx * tx * (3.0 - 2.0 * tx);
        ty = ty * ty * (3.0 - 2.0 * ty);
        let (x0, y0) = ((fx as i32 & WRAP) as usize, (fy as i32 & WRAP) as usize);
        let (x1, y1) = ((x0 + 1) & WRAP as usize, (y0 + 1) & WRAP as usize);
        let k = &self.knots;
        let top = k[y0 * EDGE + x0] * (1.0 - tx) + k[y0 * EDGE + x1] * tx;
        let bottom = k[y1 * EDGE + x0] * (1.0 - tx) + k[y1 * EDGE + x1] * tx;
        // Bilinear mixing shrinks the deviation to about 0.6 on average.
        (top * (1.0 - ty) + bottom * ty) * 1.6
    }
}

/// A smooth periodic random function of an angle, `sum a_k cos(k x + p_k)`, with unit deviation.
#[derive(Debug, Clone)]
pub(crate) struct Waves {
    terms: Vec<[f32; 2]>,
}

impl Waves {
    /// `order` harmonics whose amplitudes fall as `k^-decay`.
    pub(crate) fn new(rng: &mut Rng, order: usize, decay: f32) -> Self {
        let mut terms: Vec<[f32; 2]> = (1..=order)
            .map(|k| [rng.normal().abs().max(0.05) * (k as f32).powf(-decay), rng.range(0.0, std::f32::consts::TAU)])
            .collect();
        let power: f32 = terms.iter().map(|t| t[0] * t[0] * 0.5).sum::<f32>().max(1e-6);
        for term in &mut terms {
            term[0] /= power.sqrt();
        }
        Self { terms }
    }

    /// The value at angle `x` in radians.
    pub(crate) fn at(&self, x: f32) -> f32 {
        self.terms.iter().enumerate().map(|(k, t)| t[0] * ((k as f32 + 1.0) * x + t[1]).cos()).sum()
    }
}
