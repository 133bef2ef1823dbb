//! Where a vision transformer looked: attention rollout (Abnar & Zuidema, ACL 2020).
//!
//! With `A_l` the attention of block l, averaged over its heads, and half of every block its residual path,
//!
//! ```text
//! B_l = (A_l + I) / 2,    R = B_L ... B_1
//! ```
//!
//! and the class token's row of `R` says how much of every patch went into it. It knows nothing of classes: every decoder on one
//! encoder has the same map.
//!
//! Encoders such as DINOv2 put most of their attention on a few patches without content (Darcet et al., ICLR 2024), beside which all
//! else would look alike: a map is shown from the 5th to the 95th percentile of its picture's patches.

use std::path::Path;

use ushydra_bundle::{InputSpec, Preprocessor, Rect};
use ushydra_engine::{Backend, Engine, EngineOptions};
use ushydra_onnx::vit::with_attention;
use ushydra_probe::Frame;

use super::grid::Heat;
use crate::calibrate::quantile;
use crate::error::{HostError, Result};
use crate::features::extract::read_picture;
use crate::files;

/// Ends of the scale as shares of a picture's patches.
const ENDS: [f64; 2] = [0.05, 0.95];

/// Weight of every token in the class token (token 0) after all blocks; adds to 1.
///
/// `attention`: block by block from the first, head by head, `tokens x tokens` each, rows add to 1. Only one row of the product
/// is wanted, so that a block costs `heads tokens^2` operations. None for attention of another size.
#[must_use]
pub fn rollout(attention: &[f32], blocks: usize, tokens: usize) -> Option<Vec<f64>> {
    let square = tokens.checked_mul(tokens).filter(|square| *square > 0)?;
    let block = attention.len().checked_div(blocks)?;
    if block == 0 || !block.is_multiple_of(square) || block * blocks != attention.len() {
        return None;
    }
    let heads = (block / square) as f64;
    let mut row = vec![0.0; tokens];
    row[0] = 1.0;
    for block in attention.chunks(block).rev() {
        let mut next: Vec<f64> = row.iter().map(|weight| 0.5 * weight).collect();
        for head in block.chunks(square) {
            for (weight, from) in row.iter().zip(head.chunks(tokens)) {
                let share = 0.5 * weight / heads;
                next.iter_mut().zip(from).for_each(|(sum, a)| *sum += share * f64::from(*a));
            }
        }
        row = next;
    }
    Some(row)
}

/// Writes the encoder in `encoder` with its attention as a further output to `out`. Returns the number of its blocks.
///
/// # Errors
/// [`HostError::Onnx`] for a file that is no vision transformer, [`HostError::Io`].
pub fn write_attentive(encoder: &Path, out: &Path) -> Result<usize> {
    let (bytes, blocks) = with_attention(&files::read(encoder)?)?;
    files::write_atomic(out, &bytes)?;
    Ok(blocks)
}

/// An encoder that shows its attention.
pub struct Attentive {
    engine: Box<dyn Engine>,
    preprocessor: Preprocessor,
    blocks: usize,
    tokens: usize,
    tensor: Vec<f32>,
    features: Vec<f32>,
    attention: Vec<f32>,
    frame: Frame,
}

/// What an encoder made of a picture.
#[derive(Clone, Debug)]
pub struct Attended {
    /// The feature vector.
    pub features: Vec<f32>,
    /// Share of every patch in the class token, row by row; with the share of the class token itself they add to 1.
    pub patches: Vec<f64>,
    /// The same from the 5th to the 95th percentile, over what the network saw of the picture.
    pub heat: Heat,
    /// What the network saw, in pixels of the picture.
    pub crop: Rect,
    /// Size of the picture.
    pub size: [u32; 2],
}

impl Attentive {
    /// Loads what [`write_attentive`] wrote, for pictures prepared as `input` says.
    ///
    /// # Errors
    /// [`HostError::Engine`], [`HostError::Config`] for an input that cannot be prepared.
    pub fn load(graph: &Path, blocks: usize, input: &InputSpec) -> Result<Self> {
        let engine = ushydra_engine::load(graph, Backend::Tract, &EngineOptions::with_threads(1))?;
        let preprocessor = Preprocessor::new(input).map_err(|e| HostError::config(graph, e))?;
        let [features, attention] = &engine.info().outputs[..] else {
            return Err(HostError::damaged(graph, "it has other outputs than features and attention"));
        };
        let tokens = attention.shape.last().copied().unwrap_or(0);
        let (features, attention) = (vec![0.0; features.elements()], vec![0.0; attention.elements()]);
        let frame = Frame::new();
        Ok(Self { engine, preprocessor, blocks, tokens, tensor: vec![0.0; input.values()], features, attention, frame })
    }

    /// Looks at the first frame of the file `picture`.
    ///
    /// # Errors
    /// [`HostError::Picture`], [`HostError::Probe`], [`HostError::Engine`].
    pub fn see(&mut self, picture: &Path) -> Result<Attended> {
        let problem = |problem: String| HostError::Picture { path: picture.to_owned(), problem };
        read_picture(picture, &mut self.frame)?;
        let frame = self.frame.view().map_err(|e| problem(e.to_string()))?;
        let done = self.preprocessor.run(frame, &mut self.tensor).map_err(|e| problem(e.to_string()))?;
        let (mapping, geometry) = (*done.mapping(), self.frame.geometry);
        self.engine.run(&[&self.tensor], &mut [&mut self.features, &mut self.attention])?;
        let spec = self.preprocessor.spec();
        let other = || problem("the encoder's attention has another size than its patches".to_owned());
        let row = rollout(&self.attention, self.blocks, self.tokens).ok_or_else(other)?;
        let patches = row[1..].to_vec();
        let map = enlarged(&stretched(&patches), [spec.width, spec.height]).ok_or_else(other)?;
        let heat = Heat::new(map, [spec.width, spec.height], mapping.fitted).ok_or_else(other)?;
        let size = [geometry.width, geometry.height];
        Ok(Attended { features: self.features.clone(), patches, heat, crop: mapping.crop, size })
    }
}

/// 0 at the lower end of the scale, 1 at the upper; all 1 where every patch weighs alike.
fn stretched(patches: &[f64]) -> Vec<f64> {
    let [low, high] = ENDS.map(|q| quantile(patches.to_vec(), q));
    let even = high - low <= f64::from(f32::EPSILON) * high;
    patches.iter().map(|p| if even { 1.0 } else { ((p - low) / (high - low)).clamp(0.0, 1.0) }).collect()
}

/// The square of patches over the input's pixels, each pixel with the weight of its patch; the grid smooths it.
fn enlarged(patches: &[f64], [width, height]: [u32; 2]) -> Option<Vec<f32>> {
    let side = patches.len().isqrt();
    if side == 0 || side * side != patches.len() {
        return None;
    }
    let patch = |at: u32, pixels: u32| at as usize * side / pixels.max(1) as usize;
    let row = |y: u32| (0..width).map(move |x| patches[patch(y, height) * side + patch(x, width)] as f32);
    Some((0..height).flat_map(row).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use nalgebra::DMatrix;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // Every token looks at itself alone: nothing reaches the class token.
        let own = [1.0, 0.0, 0.0, 1.0];
        assert_eq!(rollout(&[own, own].concat(), 2, 2).unwrap(), [1.0, 0.0]);
        // The class token looks at the patch alone, the patch at itself: 1/2, then 1/4 remain.
        let patch = [0.0, 1.0, 0.0, 1.0];
        assert_eq!(rollout(&[patch, patch].concat(), 2, 2).unwrap(), [0.25, 0.75]);
        for (len, blocks, tokens) in [(5, 1, 2), (0, 1, 2), (4, 0, 2), (4, 1, 0), (9, 2, 2)] {
            assert!(rollout(&vec![1.0; len], blocks, tokens).is_none(), "{len} {blocks} {tokens}");
        }
    }

    #[test]
    fn even_attention_gives_an_even_map() {
        let (blocks, heads, tokens) = (3, 2, 17);
        let even = vec![1.0 / tokens as f32; blocks * heads * tokens * tokens];
        let row = rollout(&even, blocks, tokens).unwrap();
        // Each block leaves half of the class token's own share and spreads the rest: 1/8 stays after three.
        let patch = (1.0 - 0.125) / tokens as f64;
        assert!(row[1..].iter().all(|w| (w - patch).abs() < 1e-7), "{row:?}");
        let map = enlarged(&stretched(&row[1..]), [32, 32]).unwrap();
        let heat = Heat::new(map, [32, 32], Rect::whole(32, 32)).unwrap();
        assert!(heat.kept().values().iter().all(|v| *v == 255));
        assert!(enlarged(&row, [32, 32]).is_none());
    }

    #[test]
    fn one_patch_does_not_hide_the_others() {
        let mut patches: Vec<f64> = (0..256).map(|i| 1.0 + f64::from(i % 16)).collect();
        patches[77] = 1000.0;
        let found = stretched(&patches);
        assert!(found.iter().all(|v| (0.0..=1.0).contains(v)) && found[77] == 1.0);
        assert!((found[8] - 0.53).abs() < 0.07 && found[0] == 0.0, "{} {}", found[8], found[0]);
    }

    proptest! {
        #[test]
        fn row_of_the_product(raw in prop::collection::vec(0.01_f32..1.0, 2 * 2 * 9)) {
            // Two blocks, two heads, three tokens.
            let attention: Vec<f32> = raw.chunks(3).flat_map(|row| {
                let sum: f32 = row.iter().sum();
                row.iter().map(move |v| v / sum)
            }).collect();
            let block = |at: usize| DMatrix::from_fn(3, 3, |i, j| {
                let mean = f64::from(attention[at + 3 * i + j] + attention[at + 9 + 3 * i + j]) / 2.0;
                (mean + f64::from(u8::from(i == j))) / 2.0
            });
            let product = block(18) * block(0);
            let found = rollout(&attention, 2, 3).unwrap();
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-5);
            for (token, weight) in found.iter().enumerate() {
                prop_assert!((weight - product[(0, token)]).abs() < 1e-6);
            }
        }
    }
}
