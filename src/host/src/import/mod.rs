//! Pretrained vision transformers as `encoder.onnx`.

mod names;
mod positions;
mod pytorch;
pub(crate) mod weights;
#[cfg(test)]
mod weights_tests;
mod wrapping;

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::InputSpec;
use ushydra_onnx::vit::{Pool, Tap, VitConfig, encoder};
use ushydra_onnx::{Graph, Storage};

pub use names::Scheme;

use crate::error::{HostError, Result};
use weights::{Weights, listed};

/// Number added to the variance in every normalisation, the same in timm's ViTs and in DINOv2.
const EPSILON: f32 = 1e-6;
/// Width of an attention head in every published ViT and DINOv2.
const HEAD_WIDTH: usize = 64;
/// Longest feature vector: the router's observation adds two pixel moments.
pub const MAX_FEATURES: usize = ushydra_core::MAX_FEATURES - ushydra_bundle::PIXEL_ENTRIES;

/// The encoder and its feature vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderConfig {
    /// How the weights file names its tensors; by default its names tell.
    #[serde(default)]
    pub names: Scheme,
    /// Attention heads per block; by default one per 64 elements of a token, as every published ViT and DINOv2 has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    /// Pieces of the feature vector in order, as `block.pool`: the tokens after that many blocks, through the final
    /// normalisation, and of these the class token (`class`), the mean of all patches (`mean`), the mean of the central
    /// quarter of the patches (`centre`) or the standard deviation over the patches (`deviation`).
    pub features: Vec<String>,
    /// Licence and origin of the weights, written into the file.
    pub attribution: String,
}

impl EncoderConfig {
    /// The first value that cannot work with `input`.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self, input: &InputSpec) -> std::result::Result<(), String> {
        if input.width != input.height {
            return Err(format!(
                "input of {}x{}: the transformer takes a square; make width and height equal",
                input.width, input.height
            ));
        }
        self.taps().map(|_| ())
    }

    /// The pieces of the feature vector.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn taps(&self) -> std::result::Result<Vec<Tap>, String> {
        if self.features.is_empty() {
            return Err("encoder.features is empty; name at least one piece, such as \"12.class\"".to_owned());
        }
        self.features.iter().map(|text| tap(text)).collect()
    }
}

fn tap(text: &str) -> std::result::Result<Tap, String> {
    let parsed = text.split_once('.').and_then(|(block, pool)| {
        let pool = match pool {
            "class" => Pool::Class,
            "mean" => Pool::Mean,
            "centre" => Pool::Centre,
            "deviation" => Pool::Deviation,
            _ => return None,
        };
        Some(Tap { block: block.parse().ok()?, norm: true, pool })
    });
    parsed.ok_or_else(|| {
        format!("encoder.features holds `{text}`; write block.pool with pool class, mean, centre or deviation")
    })
}

/// An encoder from pretrained weights.
pub struct Imported {
    /// Its graph with f16 weights.
    pub graph: Graph,
    /// Length of its feature vector.
    pub features: usize,
    /// Which tensors the file had, in a sentence.
    pub summary: String,
}

/// Reads pretrained weights (safetensors or a file of `torch.save`) and builds the encoder's graph.
///
/// # Errors
/// [`HostError::Weights`] for a file that is damaged, lacks a tensor, has one of another shape or one that this encoder has no
/// place for; [`HostError::Onnx`] for weights beyond the range of f16.
pub fn import(path: &Path, config: &EncoderConfig, input: &InputSpec) -> Result<Imported> {
    let problem = |problem: String| HostError::Weights { path: path.to_owned(), problem };
    config.check(input).map_err(problem)?;
    let taps = config.taps().map_err(problem)?;
    let weights = Weights::read(path)?;
    let found = names::load(&weights, config.names, input.width as usize)?;
    let sizes = &found.sizes;
    let depth = found.weights.blocks.len();
    if let Some(tap) = taps.iter().find(|tap| tap.block == 0 || tap.block > depth) {
        return Err(problem(format!("it has {depth} blocks, the recipe reads block {}; use 1 to {depth}", tap.block)));
    }
    if sizes.channels != input.channels {
        return Err(problem(format!(
            "it takes {} channels, the recipe's input has {}; set input.channels",
            sizes.channels, input.channels
        )));
    }
    let heads = config.heads.unwrap_or(sizes.width / HEAD_WIDTH);
    if heads == 0 || !sizes.width.is_multiple_of(heads) {
        return Err(problem(format!(
            "tokens of {} elements cannot be shared by {heads} heads; set encoder.heads",
            sizes.width
        )));
    }
    let features = taps.len() * sizes.width;
    if features > MAX_FEATURES {
        return Err(problem(format!(
            "{} pieces of {} make {features} features; at most {MAX_FEATURES} are supported, name fewer pieces",
            taps.len(),
            sizes.width
        )));
    }
    let vit = VitConfig {
        image: input.width as usize,
        patch: sizes.patch,
        channels: sizes.channels,
        width: sizes.width,
        heads,
        hidden: sizes.hidden,
        epsilon: EPSILON,
    };
    let mut graph = encoder(&vit, &found.weights, &taps, Storage::F16)?;
    graph.documentation("USHydra encoder: normalised picture [1, channels, height, width] to feature vector");
    graph.metadata("attribution", &config.attribution);
    graph.metadata("features", &config.features.join(" "));
    let left = weights.left();
    let summary = format!(
        "{} tensors taken in {}'s names, {} left{}",
        weights.taken(),
        found.scheme.owner(),
        left.len(),
        if left.is_empty() { String::new() } else { format!(" ({})", listed(&left)) }
    );
    Ok(Imported { graph, features, summary })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_parse() {
        assert_eq!(tap("7.class"), Ok(Tap { block: 7, norm: true, pool: Pool::Class }));
        assert_eq!(tap("12.deviation"), Ok(Tap { block: 12, norm: true, pool: Pool::Deviation }));
        for bad in ["", "7", "x.class", "7.median", "-1.mean"] {
            assert!(tap(bad).is_err_and(|e| e.contains("block.pool")), "{bad}");
        }
    }
}
