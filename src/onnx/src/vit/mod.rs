//! A vision transformer as an ONNX encoder: picture in, one feature vector out.
//!
//! [`encoder`] writes the graph of a pre-norm transformer (Dosovitskiy et al., ICLR 2021; with layer scale as in CaiT
//! and DINOv2) in a layout that tract fuses well and that other runtimes recognise as attention:
//!
//! - Everything that is linear is folded into the weights: the affine part of each block's layer normalisations into
//!   the projections that read it, the attention's `1 / sqrt(head width)` into the query, layer scale into the output
//!   projections. What remains are matrix products, bias additions, exact GELU, softmax and plain normalisation.
//! - Tokens are matrices `[tokens, width]` without a batch dimension; heads are split by reshape and transpose, and
//!   attention is two matrix products around a softmax.
//! - Query, key and value are three products, so that nothing has to be sliced.
//!
//! Layouts to stay away from: scores computed as their transpose make the softmax run over a strided dimension, which is
//! ten times slower in tract; a softmax without subtraction of the maximum overflows with DINOv2's scores, and clipping
//! them changes the features. Splitting the perceptron's hidden layer into two or four pieces gained nothing.
//!
//! The feature vector is what [`Tap`]s read, in their order.

mod attention;
mod check;
mod weights;
mod write;

use crate::error::OnnxError;
use crate::graph::Graph;
use crate::tensor::Storage;

pub use attention::{ATTENTION, with_attention};
pub use weights::{Affine, Linear, VitBlock, VitWeights};

/// Name of the encoder's input, `[1, channels, image, image]`.
pub const INPUT: &str = "image";
/// Name of the encoder's output, `[1, taps * width]`.
pub const OUTPUT: &str = "features";

/// Sizes of a transformer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VitConfig {
    /// Side of the square input in pixels; a multiple of `patch`.
    pub image: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Colour channels of the input.
    pub channels: usize,
    /// Length of a token; a multiple of `heads`.
    pub width: usize,
    /// Attention heads per block.
    pub heads: usize,
    /// Length of the hidden layer of each block's perceptron.
    pub hidden: usize,
    /// Number added to the variance in every normalisation.
    pub epsilon: f32,
}

impl VitConfig {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image / self.patch.max(1)
    }

    /// Tokens: the class token and one per patch.
    pub fn tokens(&self) -> usize {
        1 + self.grid() * self.grid()
    }
}

/// What a [`Tap`] makes of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The class token.
    Class,
    /// Mean of the patch tokens.
    Mean,
    /// Mean of the central patch tokens: a quarter of the grid (rounded down) is left out on every side.
    Centre,
    /// Population standard deviation of the patch tokens.
    Deviation,
}

/// One piece of the feature vector, `width` elements long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The tokens after this many blocks, from 1.
    pub block: usize,
    /// Whether the final normalisation is applied to them first.
    pub norm: bool,
    /// What is made of them.
    pub pool: Pool,
}

/// Writes the encoder. The input is called [`INPUT`], the output [`OUTPUT`]; blocks after the last tap are left out.
pub fn encoder(config: &VitConfig, weights: &VitWeights, taps: &[Tap], storage: Storage) -> Result<Graph, OnnxError> {
    check::check(config, weights, taps)?;
    let mut graph = Graph::new("vit").with_storage(storage);
    let image = graph.input(INPUT, &[1, config.channels, config.image, config.image])?;
    let mut writer = write::Writer::new(graph, config);
    let mut tokens = writer.embed(weights, image)?;
    let mut features = vec![None; taps.len()];
    let last = taps.iter().map(|tap| tap.block).max().unwrap_or(0);
    for (index, block) in weights.blocks.iter().enumerate().take(last) {
        tokens = writer.block(&format!("blocks.{index}"), block, tokens)?;
        writer.tap(index + 1, tokens, weights, taps, &mut features)?;
    }
    let features = features.into_iter().flatten().collect::<Vec<_>>();
    let mut graph = writer.finish();
    let vector = graph.concat(&features, 1)?;
    graph.output(OUTPUT, vector)?;
    Ok(graph)
}
